using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>
/// Gradients that are scaled with 0 are 0 whatever their rows hold, NaN too; all else is as with any other scale.
/// </summary>
public sealed class ZeroScaleTests
{
    private const int Classes = 3;

    // Rows of NaN, of +∞, of nothing but −∞, and plain ones, which are four apart.
    private static readonly float[] Logits =
    [
        float.NaN, 1, 2, 0,
        float.PositiveInfinity, 1, 2, 0,
        float.NegativeInfinity, float.NegativeInfinity, float.NegativeInfinity, 0,
        1, 2, 3, 0,
        3, 2, 1,
    ];

    private static readonly int[] Labels = [0, 1, 2, 0, 1];
    private static readonly float[] Distributions = [.. Enumerable.Repeat(float.NaN, Logits.Length)];
    private static readonly float[] Upstream = [1, float.NaN, float.PositiveInfinity, 2, 3];
    private static readonly LogitsLayout Layout = new(Classes) { Stride = 4, TargetsStride = 4, DestinationStride = 4 };

    private static IEnumerable<(string Name, SoftmaxCrossEntropyOptions Options)> Scales =>
    [
        ("scale 0", new() { UpstreamScale = 0, Reduction = Reduction.Sum }),
        ("scale -0", new() { UpstreamScale = -0.0, Reduction = Reduction.Mean }),
        ("scale 0 and nothing else", new() { UpstreamScale = 0 }),
        ("mean of rows that weigh nothing", new() { ClassWeights = [0, 0, 0], Reduction = Reduction.Mean }),
        ("mean too small for a double", new() { UpstreamScale = 5e-324, Reduction = Reduction.Mean }),
    ];

    // A mean can be scaled too small for a double.
    private static IEnumerable<(double Scale, Reduction Reduction)> SigmoidScales =>
    [
        .. from scale in (double[])[0, -0.0] from reduction in Enum.GetValues<Reduction>() select (scale, reduction),
        (5e-324, Reduction.Mean),
    ];

    [Test]
    public void Softmax_gradients_are_zero(
        [ValueSource(nameof(Scales))] (string Name, SoftmaxCrossEntropyOptions Options) scale,
        [Values(NativeXentBackend.Native, NativeXentBackend.Managed)] NativeXentBackend backend,
        [Values(1, 2)] int threads)
    {
        ExecutionOptions execution = new() { Backend = backend, MaxDegreeOfParallelism = threads };
        float[] gradient = [.. Enumerable.Repeat(7f, Logits.Length)];
        float[] losses = new float[Labels.Length], expectedLosses = new float[Labels.Length];
        SoftmaxCrossEntropyResult result = SoftmaxCrossEntropy.Gradient(
            Logits,
            Labels,
            Layout,
            gradient,
            scale.Options,
            new() { Losses = losses, Upstream = Upstream },
            execution);
        SoftmaxCrossEntropyResult expected = SoftmaxCrossEntropy.Loss(
            Logits, Labels, Layout, scale.Options, new() { Losses = expectedLosses }, execution);
        AssertZeros(gradient);
        Assert.That(result, Is.EqualTo(expected));
        Assert.That(losses, Is.EqualTo(expectedLosses));

        // In place, where the losses need the logits first; and with nothing else wanted.
        float[] inPlace = [.. Logits];
        SoftmaxCrossEntropy.Gradient(
            inPlace, Labels, Layout, inPlace, scale.Options, new() { Losses = losses, Upstream = Upstream }, execution);
        Assert.That(losses, Is.EqualTo(expectedLosses));
        AssertZeros(inPlace, gap: 0);
        inPlace = [.. Logits];
        SoftmaxCrossEntropy.Gradient(inPlace, Labels, Layout, inPlace, scale.Options, default, execution);
        AssertZeros(inPlace, gap: 0);
    }

    [Test]
    public void So_are_those_from_distributions_and_with_positions([Values] NativeXentBackend backend)
    {
        SoftmaxCrossEntropyOptions options = new() { UpstreamScale = 0 };
        float[] gradient = [.. Enumerable.Repeat(7f, Logits.Length)];
        SoftmaxCrossEntropy.Gradient(
            Logits, Distributions, Layout, gradient, options, default, new() { Backend = backend });
        AssertZeros(gradient);
        gradient = [.. Enumerable.Repeat(7f, Logits.Length)];
        SoftmaxCrossEntropy.Gradient(
            Logits.AsSpan(0, 14),
            Labels.AsSpan(0, 4),
            new(Classes) { InnerSize = 2, Stride = 8, DestinationStride = 8 },
            gradient.AsSpan(0, 14),
            options,
            default,
            new() { Backend = backend });
        Assert.That(
            gradient,
            Is.EqualTo((float[])[0, 0, 0, 0, 0, 0, 7, 7, 0, 0, 0, 0, 0, 0, 7, 7, 7, 7, 7]));
    }

    [Test]
    public void Zeros_add_nothing([Values] NativeXentBackend backend)
    {
        float[] before = [7, -0f, float.NaN], gradient = [.. before];
        SoftmaxCrossEntropy.Gradient(
            [1, 2, 3],
            [0],
            Classes,
            gradient,
            new SoftmaxCrossEntropyOptions { UpstreamScale = 0, Accumulate = true },
            default,
            new() { Backend = backend });
        Assert.That(gradient.Select(BitConverter.SingleToInt32Bits), Is.EqualTo(before.Select(BitConverter.SingleToInt32Bits)));
        SigmoidCrossEntropy.Gradient(
            [1, 2, 3],
            [0, 1, 0],
            gradient,
            new SigmoidCrossEntropyOptions { UpstreamScale = 0, Accumulate = true },
            default,
            new() { Backend = backend });
        Assert.That(gradient.Select(BitConverter.SingleToInt32Bits), Is.EqualTo(before.Select(BitConverter.SingleToInt32Bits)));
    }

    [Test]
    public void What_is_wrong_is_found_before_anything_is_written()
    {
        float[] gradient = [7, 7, 7];
        SoftmaxCrossEntropyOptions options = new() { UpstreamScale = 0 };
        Assert.That(
            () => SoftmaxCrossEntropy.Gradient(new float[3], new int[] { 3 }, Classes, gradient, options),
            Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(
            () => SoftmaxCrossEntropy.Gradient(gradient.AsSpan(0, 2), new int[] { 0 }, 2, gradient.AsSpan(1), options),
            Throws.ArgumentException);
        Assert.That(gradient, Is.EqualTo((float[])[7, 7, 7]));
    }

    [Test]
    public void Sigmoid_gradients_are_zero(
        [ValueSource(nameof(SigmoidScales))] (double Scale, Reduction Reduction) scaled,
        [Values] NativeXentBackend backend)
    {
        float[] z = [float.NaN, float.PositiveInfinity, 1], y = [1, 0, float.NaN], gradient = [7, 7, 7];
        float[] losses = new float[3], expectedLosses = new float[3];
        SigmoidCrossEntropyOptions options = new() { UpstreamScale = scaled.Scale, Reduction = scaled.Reduction };
        ExecutionOptions execution = new() { Backend = backend };
        SigmoidCrossEntropyResult result = SigmoidCrossEntropy.Gradient(
            z, y, gradient, options, new() { Losses = losses, Upstream = [1, float.NaN, 2] }, execution);
        Assert.That(
            result, Is.EqualTo(SigmoidCrossEntropy.Loss(z, y, options, new() { Losses = expectedLosses }, execution)));
        Assert.That(gradient.Select(BitConverter.SingleToInt32Bits), Is.All.Zero);
        Assert.That(losses, Is.EqualTo(expectedLosses));
        float[] inPlace = [.. z];
        SigmoidCrossEntropy.Gradient(inPlace, y, inPlace, options, new() { Losses = losses }, execution);
        Assert.That(inPlace.Select(BitConverter.SingleToInt32Bits), Is.All.Zero);
        Assert.That(losses, Is.EqualTo(expectedLosses));
    }

    // The zeros are +0, and what lies between rows stays.
    private static void AssertZeros(float[] gradient, float gap = 7) =>
        Assert.That(
            gradient.Select(BitConverter.SingleToInt32Bits),
            Is.EqualTo(gradient.Select((_, i) => i % 4 == 3 ? BitConverter.SingleToInt32Bits(gap) : 0)));
}
