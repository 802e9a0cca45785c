namespace NativeXent.Simd;

/// <summary>
/// exp and log in double, a row at a time: the twin of <c>native/src/kernels/math-inl.h</c>. Plain IEEE operations in a
/// fixed order, no fused ones.
/// </summary>
internal static class DoubleMath
{
    internal const double Log2E = 1.4426950408889634;
    internal const double Ln2 = 0.6931471805599453;

    /// <summary>1.5·2^52: adding it rounds a small double to an integer and leaves that integer in the low bits.</summary>
    internal const double Round = 6755399441055744.0;

    // ln 2 in two parts: the high one has 33 bits, so that its product with any exponent is exact.
    private const double Ln2High = 0.6931471803691238;
    private const double Ln2Low = 1.9082149292705877e-10;

    /// <summary>2^n for −1022 ≤ n ≤ 1023.</summary>
    internal static double PowerOfTwo(long n) => BitConverter.UInt64BitsToDouble((ulong)(n + 1023) << 52);

    /// <summary>e^x for x ≤ 1. Below −708 the result is 0. NaN gives NaN. Largest error 3 ULP.</summary>
    internal static double Exp(double x)
    {
        if (x == 0)
        {
            return 1; // the same as below, and what a row of one block asks for
        }

        if (x < -708.0)
        {
            return 0;
        }

        if (double.IsNaN(x))
        {
            return x;
        }

        double shifted = (x * Log2E) + Round;
        double n = shifted - Round;
        double r = x - (n * Ln2High) - (n * Ln2Low);

        // Taylor series to r^12 / 12!, in pairs (Estrin), |r| ≤ 0.347.
        double r2 = r * r;
        double r4 = r2 * r2;
        double p01 = 1.0 + r;
        double p23 = 0.5 + (r * 0.16666666666666666);
        double p45 = 0.041666666666666664 + (r * 0.008333333333333333);
        double p67 = 0.001388888888888889 + (r * 0.0001984126984126984);
        double p89 = 2.48015873015873e-05 + (r * 2.7557319223985893e-06);
        double p1011 = 2.755731922398589e-07 + (r * 2.505210838544172e-08);
        const double P12 = 2.08767569878681e-09;
        double low = p45 + (r2 * p67) + (r4 * (p89 + (r2 * p1011) + (r4 * P12)));
        double p = p01 + ((r2 * p23) + (r4 * low));
        return p * PowerOfTwo((long)n);
    }

    /// <summary>log x for a positive, normal, finite x. Largest error 2 ULP.</summary>
    internal static double Log(double x)
    {
        ulong bits = BitConverter.DoubleToUInt64Bits(x);

        // Splits x = m·2^k with m in [√½, √2).
        ulong offset = bits - 0x3fe6a09e667f3bcd;
        long k = (long)offset >> 52;
        double m = BitConverter.UInt64BitsToDouble(bits - ((ulong)k << 52));
        double n = k;
        return (n * Ln2High) + (LogRatio((m - 1.0) / (m + 1.0)) + (n * Ln2Low));
    }

    /// <summary>log(1 + x) for a finite x ≥ 0. Largest error 3 ULP.</summary>
    internal static double Log1P(double x) => x < 0.4 ? LogRatio(x / (2.0 + x)) : Log(1.0 + x);

    // 2·atanh(s) = log((1 + s) / (1 − s)) for |s| ≤ 0.1716, by its Taylor series.
    private static double LogRatio(double s)
    {
        double t = s * s;
        double q = 0.047619047619047616;        // 1/21
        q = (q * t) + 0.05263157894736842;     // 1/19
        q = (q * t) + 0.058823529411764705;     // 1/17
        q = (q * t) + 0.06666666666666667;     // 1/15
        q = (q * t) + 0.07692307692307693;     // 1/13
        q = (q * t) + 0.09090909090909091;     // 1/11
        q = (q * t) + 0.1111111111111111;     // 1/9
        q = (q * t) + 0.14285714285714285;     // 1/7
        q = (q * t) + 0.2;     // 1/5
        q = (q * t) + 0.3333333333333333;     // 1/3
        return (2.0 * s) + (2.0 * s * (t * q));
    }
}
