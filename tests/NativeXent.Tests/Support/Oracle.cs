using NativeXent.Reference;

namespace NativeXent.Tests.Support;

/// <summary>
/// The exact answer for a row, for all that float32 can tell: the textbook algorithm in double, but for the label's
/// gradient and small losses, which it would lose to cancellation.
/// </summary>
public sealed class Oracle
{
    private const double MinNormal = 1.1754943508222875e-38; // 2^-126
    private const double FlushMargin = 1.1754943508222875e-38 / (1 << 20);

    /// <summary>Promised for every result of at least 2^-125.</summary>
    public const double MaxUlp = 3;

    private readonly double[] _gradient;

    public Oracle(ReadOnlySpan<float> logits, int label)
    {
        double[] z = Widen(logits);
        _gradient = Softmax(logits);
        double others = 0;
        for (int j = 0; j < z.Length; j++)
        {
            others += j == label ? 0 : _gradient[j];
        }

        double greatest = z.Max();
        Loss = z[label] - greatest > -40
            ? Log1P(others / _gradient[label])
            : TextbookLoss(z, label);
        _gradient[label] = -others;
    }

    public ReadOnlySpan<double> Gradient => _gradient;

    public double Loss { get; }

    public static double[] Softmax(ReadOnlySpan<float> logits)
    {
        double[] softmax = Widen(logits);
        SoftmaxCrossEntropyReference.Gradient<double>(softmax, [-1], softmax.Length, softmax);
        return softmax;
    }

    /// <summary>
    /// The distance of a result from the exact value in ULP, and infinity where it breaks the rule for tiny results: 0
    /// below 2^-126, but for a relative 2^-20 about it, never subnormal and never −0.
    /// </summary>
    public static double Error(float result, double exact)
    {
        if (float.IsSubnormal(result) || Bits.Of(result) == Bits.Of(-0f))
        {
            return double.PositiveInfinity;
        }

        double magnitude = Math.Abs(exact);
        if (magnitude < MinNormal - FlushMargin)
        {
            return result == 0 ? 0 : double.PositiveInfinity;
        }

        if (result == 0)
        {
            // The threshold is applied to the computed result, which may be off by 3 ULP itself.
            return magnitude <= MinNormal + FlushMargin + (MaxUlp * float.Epsilon) ? 0 : double.PositiveInfinity;
        }

        if (float.IsPositiveInfinity(result) && exact >= float.MaxValue + (UlpOf(float.MaxValue) / 2))
        {
            return 0;
        }

        return float.IsFinite(result) ? Math.Abs(result - exact) / UlpOf(exact) : double.PositiveInfinity;
    }

    /// <summary>The distance of neighbouring floats at a value's magnitude.</summary>
    public static double UlpOf(double value) =>
        value == 0 ? float.Epsilon : Math.ScaleB(1, Math.Max(Math.ILogB(value), -126) - 23);

    private static double[] Widen(ReadOnlySpan<float> logits)
    {
        double[] wide = new double[logits.Length];
        for (int j = 0; j < wide.Length; j++)
        {
            wide[j] = logits[j];
        }

        return wide;
    }

    // Math has none. Kahan: the error of 1 + x cancels out of the quotient.
    private static double Log1P(double x)
    {
        double u = 1 + x;
        return u == 1 ? x : double.IsInfinity(u) ? u : Math.Log(u) * (x / (u - 1));
    }

    private static double TextbookLoss(double[] z, int label)
    {
        double[] loss = new double[1];
        SoftmaxCrossEntropyReference.Loss<double>(z, [label], z.Length, loss);
        return loss[0];
    }
}
