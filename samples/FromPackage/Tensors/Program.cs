using System.Numerics.Tensors;
using NativeXent;

Tensor<float> logits = Tensor.Create([1.0f, 2.0f, 0.5f, 0.0f, 0.0f, 0.0f], [2, 3]);
Tensor<float> gradient = Tensor.CreateFromShape<float>(logits.Lengths);
int[] labels = [1, 2];

// Both work in the tensors' own memory; nothing is copied.
SoftmaxCrossEntropy.Gradient(All(logits), labels, logits.Lengths[1], All(gradient));

Console.WriteLine(gradient.ToString([2, 3]));

// All elements of a dense tensor of any rank, row by row.
static Span<T> All<T>(Tensor<T> tensor) =>
    tensor.GetSpan(new nint[tensor.Rank], checked((int)tensor.FlattenedLength));
