using System.Buffers.Binary;
using System.Security.Cryptography;
using NativeXent;

namespace Digits;

/// <summary>
/// Softmax regression: logits z = xW + b, probabilities p = softmax(z). All weights begin as 0.
/// </summary>
/// <param name="features">The length of x.</param>
/// <param name="classes">The length of z.</param>
/// <param name="execution">Which backend computes ∂L/∂z. It does not change a bit of the result.</param>
internal sealed class SoftmaxRegression(int features, int classes, ExecutionOptions execution)
{
    private readonly LinearLayer _layer = new(features, classes);

    public int ParameterCount => _layer.Weights.Length + _layer.Biases.Length;

    /// <summary>The parameters, bit for bit: W row by row, then b, as little-endian float32.</summary>
    public byte[] ParameterBytes()
    {
        byte[] bytes = new byte[ParameterCount * sizeof(float)];
        int offset = 0;
        foreach (float parameter in _layer.Weights.Concat(_layer.Biases))
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(offset), parameter);
            offset += sizeof(float);
        }

        return bytes;
    }

    /// <summary>SHA-256 of <see cref="ParameterBytes"/>.</summary>
    public string ParameterHash() => Convert.ToHexStringLower(SHA256.HashData(ParameterBytes()));

    /// <summary>One step of gradient descent on a mini-batch.</summary>
    /// <param name="x">The inputs.</param>
    /// <param name="labels">The class of each row.</param>
    /// <param name="learningRate">α, for the mean loss of the mini-batch.</param>
    /// <param name="scratch">Room for the logits, and then for their gradient.</param>
    /// <param name="losses">Receives each row's loss before the step.</param>
    public void Step(
        ReadOnlySpan<float> x, ReadOnlySpan<int> labels, float learningRate, Span<float> scratch, Span<float> losses)
    {
        _layer.Forward(x, scratch);

        // The heart of it: p − y, the loss's gradient with respect to the logits, in place.
        SoftmaxCrossEntropy.Gradient(
            scratch, labels, classes, scratch, rows: new() { Losses = losses }, execution: execution);

        // ∂L/∂W = xᵀ(p − y) and ∂L/∂b = Σ(p − y). L is the sum over the rows; to step along the mean, divide.
        _layer.Backward(x, scratch);
        _layer.Step(learningRate / labels.Length);
    }

    /// <summary>Predicts the class of every row, and the losses against the labels.</summary>
    public Evaluation Evaluate(Dataset data)
    {
        float[] logits = new float[data.Count * classes];
        _layer.Forward(data.Inputs, logits);

        int[] predictions = new int[data.Count];
        for (int i = 0; i < data.Count; i++)
        {
            predictions[i] = Evaluation.ArgMax(logits.AsSpan(i * classes, classes));
        }

        float[] losses = new float[data.Count];
        SoftmaxCrossEntropy.Loss(logits, data.Labels, classes, rows: new() { Losses = losses }, execution: execution);
        return new Evaluation(data, predictions, losses);
    }
}
