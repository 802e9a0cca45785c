using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>
/// Gradients of rows with a softcap against the formula in double: float32 elements are within 5 ULP where the exact value
/// is at least 2^-125, whatever the softcap and the scale.
/// </summary>
[TestFixtureSource(typeof(Target), nameof(Target.All))]
[NonParallelizable]
public sealed class SoftcapAccuracyTests(Target target)
{
    private IDisposable? _forced;

    [SetUp]
    public void ForceTarget() => _forced = target.Force();

    [TearDown]
    public void RestoreTarget() => _forced!.Dispose();

    [Test]
    public void Gradients_are_within_5_ULP(
        [Values(0.01, 1, 30, 50, 8000, 1e9)] double softcap, [Values(0.1, 1, 4)] double scale)
    {
        SplitMix64 random = new(70);
        foreach ((int rows, int classes) in ((int, int)[])[(40, 7), (20, 100), (8, 1000), (1, 5000)])
        {
            foreach (double spread in (double[])[0.001, 3, 100])
            {
                float[] logits = [.. Enumerable.Range(0, rows * classes).Select(_ => random.Normal(spread))];
                int[] labels = [.. Enumerable.Range(0, rows).Select(_ => random.Below(classes))];
                AssertAccurate(logits, labels, classes, softcap, scale);
            }
        }
    }

    /// <summary>p is below 2^-126 here, p times the scale is not.</summary>
    [Test]
    public void A_scale_keeps_gradients_of_unlikely_classes_from_being_flushed()
    {
        float[] logits = [0, -21.725f, 0, -21.73f];
        float[] gradient = AssertAccurate(logits, [2], 4, 1000, 4);
        Assert.That(gradient[1], Is.GreaterThan(0));
    }

    private float[] AssertAccurate(float[] logits, int[] labels, int classes, double softcap, double scale)
    {
        float[] gradient = new float[logits.Length];
        SoftmaxCrossEntropyOptions options = new() { Softcap = softcap, Scale = scale };
        _ = SoftmaxCrossEntropy.Gradient<float>(
            logits, labels, new(classes), gradient, options, default, target.Execution);
        for (int i = 0; i < labels.Length; i++)
        {
            double[] exact = Exact([.. logits.Skip(i * classes).Take(classes)], labels[i], softcap, scale);
            for (int k = 0; k < classes; k++)
            {
                double g = gradient[(i * classes) + k];
                double greater = Math.Max(Math.Abs(g), Math.Abs(exact[k]));
                double error = Math.Abs(g - exact[k]) / Math.ScaleB(1, Math.ILogB(greater) - 23);
                if (Math.Abs(exact[k]) >= Math.ScaleB(1, -125) && !(error <= 5))
                {
                    Assert.Fail($"softcap {softcap}, scale {scale}, row {i} of {classes} classes, class {k}: " +
                        $"{g:r}, not {exact[k]:r}, {error:g3} ULP");
                }
            }
        }

        return gradient;
    }

    private static double[] Exact(float[] logits, int label, double softcap, double scale)
    {
        double[] u = [.. logits.Select(z => softcap * Math.Tanh(scale * z / softcap))];
        double most = u.Max();
        double[] e = [.. u.Select(x => Math.Exp(x - most))];
        double sum = e.Sum();
        e[label] -= sum;
        if (u[label] == most)
        {
            e[label] = -e.Where((_, k) => k != label).Sum();
        }

        return [.. e.Select((x, k) => x / sum * Derivative(scale * logits[k] / softcap) * scale)];
    }

    // Of tanh: 1 − tanh(x)² without cancellation.
    private static double Derivative(double x)
    {
        double t = Math.Exp(-2 * Math.Abs(x));
        return 4 * t / ((1 + t) * (1 + t));
    }
}
