using System.Numerics.Tensors;
using BenchmarkDotNet.Attributes;
using NativeXent.Reference;

namespace NativeXent.Benchmarks;

/// <summary>
/// The gradient of a large batch on one thread, by every way a .NET program has. The ratio is time against a plain copy
/// of the same data, which nothing that reads and writes each element once can beat by much.
/// </summary>
public class GradientBenchmarks
{
    private Batch _batch = null!;

    [Params(10, 100, 1_000, 10_000, 50_257, 128_256)]
    public int Classes { get; set; }

    [GlobalSetup(Target = nameof(Copy))]
    public void SetupCopy()
    {
        _batch = new Batch(Batch.RowsFor(Classes), Classes);
        Copy();
        if (!_batch.Gradient.AsSpan().SequenceEqual(_batch.Logits))
        {
            throw new InvalidOperationException("The copy differs.");
        }
    }

    [GlobalSetup(Target = nameof(Native))]
    public void SetupNative() => SetupGradient(Native, Batch.Exact);

    [GlobalSetup(Target = nameof(Managed))]
    public void SetupManaged() => SetupGradient(Managed, Batch.Exact);

    [GlobalSetup(Target = nameof(Tensor))]
    public void SetupTensor() => SetupGradient(Tensor, Batch.Textbook);

    [GlobalSetup(Target = nameof(Reference))]
    public void SetupReference() => SetupGradient(Reference, Batch.Textbook);

    [Benchmark(Baseline = true)]
    public void Copy() => _batch.Logits.AsSpan().CopyTo(_batch.Gradient);

    [Benchmark]
    public void Native() => Facade(NativeXentBackend.Native);

    [Benchmark]
    public void Managed() => Facade(NativeXentBackend.Managed);

    /// <summary>
    /// TensorPrimitives step by step. Its SoftMax does not subtract the maximum: large logits give NaN.
    /// </summary>
    [Benchmark(Description = "TensorPrimitives")]
    public void Tensor()
    {
        for (int i = 0; i < _batch.Labels.Length; i++)
        {
            ReadOnlySpan<float> row = _batch.Logits.AsSpan(i * Classes, Classes);
            Span<float> gradient = _batch.Gradient.AsSpan(i * Classes, Classes);
            TensorPrimitives.Subtract(row, TensorPrimitives.Max(row), gradient);
            TensorPrimitives.Exp(gradient, gradient);
            TensorPrimitives.Divide(gradient, TensorPrimitives.Sum<float>(gradient), gradient);
            gradient[_batch.Labels[i]] -= 1;
        }
    }

    /// <summary>The article's algorithm in float.</summary>
    [Benchmark]
    public void Reference() =>
        SoftmaxCrossEntropyReference.Gradient<float>(_batch.Logits, _batch.Labels, Classes, _batch.Gradient);

    private void Facade(NativeXentBackend backend) =>
        SoftmaxCrossEntropy.Gradient(
            _batch.Logits, _batch.Labels, Classes, _batch.Gradient, execution: new() { Backend = backend });

    private void SetupGradient(Action contender, Batch.Tolerance tolerance)
    {
        _batch = new Batch(Batch.RowsFor(Classes), Classes);
        contender();
        _batch.CheckGradient(tolerance);
    }
}
