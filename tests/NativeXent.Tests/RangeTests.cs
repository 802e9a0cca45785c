using System.Globalization;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>
/// Numbers far out: logits so far from 0 that blocks are shifted, probabilities and factors out of range whose product is
/// not. The exact values come from computations in 300 bits; tests/native/range_test.cpp has the same.
/// </summary>
[TestFixtureSource(typeof(Target), nameof(Target.All))]
[NonParallelizable]
public sealed class RangeTests(Target target)
{
    [Test]
    public void A_double_next_to_others_that_are_shifted()
    {
        double exact = Hex("1.245639c3a49f7p-433");
        (double[] gradient, double loss) = Compute<double>([524000, 524300], 1, new());
        AssertNear(exact, loss, 2);
        AssertNear(exact, gradient[0], 4);
        AssertNear(-exact, gradient[1], 4);

        double[] logSoftmax = new double[2];
        target.Run(execution =>
        {
            LogSoftmax.Forward<double>([524000, 524300], new(2), logSoftmax, execution: execution);
            return 0;
        });
        AssertNear(-exact, logSoftmax[1], 2);
    }

    [Test]
    public void Scaled_logits_far_out()
    {
        float[] logits = [(float)Hex("1.fff9b0p+23"), (float)Hex("1.fff9aep+23"), (float)Hex("1.fff9acp+23")];
        (float[] gradient, _) = Compute(logits, 2, new() { Scale = Hex("1.15d98de137612p+6") });
        AssertNear(Hex("1.df60ec8e8ac2ep-95"), gradient[1], 3, 23);
    }

    /// <summary>A probability that is lost in the type's range, and a factor that brings it back.</summary>
    [Test]
    public void Tiny_probabilities_times_great_scales()
    {
        (float[] g, _) = Compute<float>([0, -140, -10], 0, new() { UpstreamScale = Math.ScaleB(1, 80) });
        AssertNear(Hex("1.040c0a7d2d931p-122"), g[1], 3, 23);

        (double[] wide, _) = Compute<double>([-692, 17], 1, new() { UpstreamScale = 65536 });
        AssertNear(Hex("1.17fcabbc04671p-1007"), wide[0], 4);
        AssertNear(-Hex("1.17fcabbc04671p-1007"), wide[1], 4);
    }

    [Test]
    public void Scales_up_to_the_types([Values(999, 1000, 1001, 1023)] int power)
    {
        double scale = Math.ScaleB(1, power);
        (double[] g, _) = Compute<double>([0, 0], 0, new() { UpstreamScale = scale });
        Assert.That(g, Is.EqualTo(new[] { -0.5 * scale, 0.5 * scale }));
    }

    [Test]
    public void Logits_whose_multiples_are_out_of_range([Values(0.5, 1, 2)] double scale)
    {
        (double[] g, double loss) = Compute<double>([1e308, -1e308, 1e308], 0, new() { Scale = scale });
        Assert.That(g, Is.EqualTo(new[] { -0.5 * scale, 0, 0.5 * scale }));
        AssertNear(Math.Log(2), loss, 4);
    }

    private static double Hex(string text)
    {
        int power = text.IndexOf('p', StringComparison.Ordinal);
        string digits = text[2..power];
        long bits = long.Parse(text[..1] + digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        return Math.ScaleB(bits, int.Parse(text[(power + 1)..], CultureInfo.InvariantCulture) - (4 * digits.Length));
    }

    // In ULP of the exact value or the result, whichever is greater.
    private static void AssertNear(double exact, double result, double most, int fraction = 52)
    {
        double greater = Math.Max(Math.Abs(exact), Math.Abs(result));
        Assert.That(Math.ScaleB(result - exact, fraction - Math.ILogB(greater)), Is.EqualTo(0).Within(most), $"{exact:r}");
    }

    private (T[] Gradient, double Loss) Compute<T>(T[] logits, int label, SoftmaxCrossEntropyOptions options)
        where T : unmanaged, System.Numerics.INumber<T>
    {
        T[] gradient = new T[logits.Length];
        T[] loss = new T[1];
        target.Run(execution => SoftmaxCrossEntropy.Gradient<T>(
            logits, [label], new(logits.Length), gradient, options, new() { Losses = loss }, execution));
        return (gradient, double.CreateChecked(loss[0]));
    }
}
