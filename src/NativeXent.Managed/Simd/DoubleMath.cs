using System.Runtime.CompilerServices;

namespace NativeXent.Simd;

/// <summary>
/// exp, log and tanh in double, for one number or for the sixteen lanes of a vector alike: the twin of
/// <c>native/src/kernels/math-inl.h</c>, which says how each is computed. Plain IEEE operations in a fixed order, no
/// fused ones.
/// </summary>
internal static class DoubleMath
{
    internal const double Log2E = 1.4426950408889634;

    // ln 2 in two parts: the high one has 33 bits, so that its product with any exponent below 2^20 is exact.
    internal const double Ln2High = 0.6931471803691238;
    internal const double Ln2Low = 1.9082149292705877e-10;
    internal const double Ln2 = 0.6931471805599453;

    /// <summary>
    /// 1.5·2^52: adding it rounds a small double to an integer and leaves that integer in the low bits.
    /// </summary>
    internal const double Round = 6755399441055744.0;

    internal static double CanonicalNaN => BitConverter.UInt64BitsToDouble(0x7ff8_0000_0000_0000);

    /// <summary>|x|. A NaN stays one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TReal Magnitude<TReal>(TReal x)
        where TReal : unmanaged, IReal<TReal> =>
        TReal.Greater(x, TReal.Set(0.0) - x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static double Magnitude(double x) => Magnitude(new OneDouble(x)).Value;

    /// <summary>0 where |x| is below the smallest normal number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TReal Flushed<TReal>(TReal x)
        where TReal : unmanaged, IReal<TReal> =>
        TReal.SelectBelow(Magnitude(x), TReal.Set(2.2250738585072014e-308), TReal.Set(0.0), x);

    internal static double Flushed(double x) => Flushed(new OneDouble(x)).Value;

    /// <summary>The integer nearest to x·log2 e, for |x| below 2^20.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TReal NearestExponent<TReal>(TReal x)
        where TReal : unmanaged, IReal<TReal> =>
        ((x * TReal.Set(Log2E)) + TReal.Set(Round)) - TReal.Set(Round);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static double NearestExponent(double x) => NearestExponent(new OneDouble(x)).Value;

    /// <summary>2^n for an integer n up to 1023; 0 below −1022.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TReal PowerOfTwo<TReal>(TReal n)
        where TReal : unmanaged, IReal<TReal> =>
        TReal.SelectBelow(
            n, TReal.Set(-1022.0), TReal.Set(0.0), TReal.PowerOfTwo(n + TReal.Set(Round + 1023.0)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static double PowerOfTwo(double n) => PowerOfTwo(new OneDouble(n)).Value;

    /// <summary>x − n·ln 2 after Cody and Waite. The first step is exact for |n| below 2^20.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TReal Reduce<TReal>(TReal x, TReal n)
        where TReal : unmanaged, IReal<TReal> =>
        (x - (n * TReal.Set(Ln2High))) - (n * TReal.Set(Ln2Low));

    /// <summary>exp(r) for |r| ≤ 0.347.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TReal ExpReduced<TReal>(TReal r)
        where TReal : unmanaged, IReal<TReal> =>
        TReal.Set(1.0) + ExpM1Reduced(r);

    /// <summary>exp(r) − 1 for |r| ≤ 0.347.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TReal ExpM1Reduced<TReal>(TReal r)
        where TReal : unmanaged, IReal<TReal> =>
        r + ExpM1ReducedBeyondR(r);

    /// <summary>exp(r) − 1 − r for |r| ≤ 0.347.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TReal ExpM1ReducedBeyondR<TReal>(TReal r)
        where TReal : unmanaged, IReal<TReal>
    {
        TReal r2 = r * r;
        TReal r4 = r2 * r2;
        TReal p23 = TReal.Set(0.5) + (r * TReal.Set(0.16666666666666666));
        TReal p45 = TReal.Set(0.041666666666666664) + (r * TReal.Set(0.008333333333333333));
        TReal p67 = TReal.Set(0.001388888888888889) + (r * TReal.Set(0.0001984126984126984));
        TReal p89 = TReal.Set(2.48015873015873e-05) + (r * TReal.Set(2.7557319223985893e-06));
        TReal p1011 = TReal.Set(2.755731922398589e-07) + (r * TReal.Set(2.505210838544172e-08));
        TReal p1213 = TReal.Set(2.08767569878681e-09) + (r * TReal.Set(1.6059043836821613e-10));
        TReal low = (p45 + (r2 * p67)) + (r4 * ((p89 + (r2 * p1011)) + (r4 * p1213)));
        return (r2 * p23) + (r4 * low);
    }

    /// <summary>2^r − 1 for |r| ≤ 0.5 within a relative 2^-43.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TReal Exp2M1Short<TReal>(TReal r)
        where TReal : unmanaged, IReal<TReal>
    {
        TReal r2 = r * r;
        TReal even = TReal.Set(1.0178078119722019e-07);
        even = (even * r2) + TReal.Set(1.5252811947909775e-05);
        even = (even * r2) + TReal.Set(0.0013333557983819001);
        even = (even * r2) + TReal.Set(0.05550410866573469);
        even = (even * r2) + TReal.Set(0.6931471805599377);
        TReal odd = TReal.Set(1.3255160541854564e-06);
        odd = (odd * r2) + TReal.Set(0.00015403456133778905);
        odd = (odd * r2) + TReal.Set(0.009618129159051187);
        odd = (odd * r2) + TReal.Set(0.24022650695814085);
        return (even + (odd * r)) * r;
    }

    /// <summary>exp(x − n·ln 2), for x within 0.347 of n·ln 2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static double ExpReduced(double x, double n) =>
        ExpReduced(Reduce(new OneDouble(x), new OneDouble(n))).Value;

    /// <summary>e^x for x ≤ 709. Below −708 the result is 0. NaN gives NaN. Largest error 1.4 ULP.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TReal Exp<TReal>(TReal x)
        where TReal : unmanaged, IReal<TReal>
    {
        const double Rounding = Round + 1023.0;
        TReal within = TReal.Greater(TReal.Set(-709.0), x);
        TReal shifted = (within * TReal.Set(Log2E)) + TReal.Set(Rounding);
        TReal p = ExpReduced(Reduce(within, shifted - TReal.Set(Rounding)));
        return TReal.SelectBelow(x, TReal.Set(-708.0), TReal.Set(0.0), p * TReal.PowerOfTwo(shifted));
    }

    internal static double Exp(double x) => Exp(new OneDouble(x)).Value;

    /// <summary>log(x + low) for a positive, normal, finite x and a low part far below it. Error 1.2 ULP.</summary>
    internal static double Log(double x, double low = 0)
    {
        double m = x;
        double n = SplitExponent(ref m);
        return LogOfParts(LogNearOne(new OneDouble(m - 1.0)), new(n), new(low / x)).Value;
    }

    /// <summary>The same for a register of them.</summary>
    internal static HardwareDoubles Log(HardwareDoubles x, HardwareDoubles low)
    {
        HardwareDoubles m = x;
        HardwareDoubles n = SplitExponents(ref m);
        return LogOfParts(LogNearOne(m - HardwareDoubles.Set(1.0)), n, low / x);
    }

    /// <summary>log(1 + x) for a finite x ≥ 0. Largest error 1.7 ULP.</summary>
    internal static double Log1P(double x)
    {
        if (x < 0.4)
        {
            return LogNearOne(new OneDouble(x)).Value;
        }

        double sum = 1.0 + x;
        return Log(sum, x < 9007199254740992.0 ? x - (sum - 1.0) : 0);
    }

    /// <summary>The same for a register of them.</summary>
    internal static HardwareDoubles Log1P(HardwareDoubles x)
    {
        HardwareDoubles one = HardwareDoubles.Set(1.0);
        HardwareDoubles near = HardwareDoubles.Set(0.4);
        HardwareDoubles sum = one + x;
        HardwareDoubles low = HardwareDoubles.SelectBelow(
            x, HardwareDoubles.Set(9007199254740992.0), x - (sum - one), HardwareDoubles.Set(0.0));
        HardwareDoubles m = sum;
        HardwareDoubles n = SplitExponents(ref m);
        HardwareDoubles log = LogNearOne(HardwareDoubles.SelectBelow(x, near, x, m - one));
        return HardwareDoubles.SelectBelow(x, near, log, LogOfParts(log, n, low / sum));
    }

    /// <summary>log(1 + x) for 0 ≤ x ≤ 1. Largest error 1.7 ULP.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TReal Log1PUnit<TReal>(TReal x)
        where TReal : unmanaged, IReal<TReal>
    {
        TReal limit = TReal.Set(0.41421356237309503);
        TReal f = TReal.SelectBelow(x, limit, x, TReal.Set(0.5) * (x - TReal.Set(1.0)));
        return LogNearOne(f) + TReal.SelectBelow(x, limit, TReal.Set(0.0), TReal.Set(Ln2));
    }

    /// <summary>
    /// What z is multiplied with before <see cref="SoftCapped{TScalar, TReal}"/> raises e, or 2 for rows of float, to its
    /// power.
    /// </summary>
    internal static double SoftcapSlope(double scale, double softcap, bool isShort) =>
        isShort ? ((2.0 * Log2E) * scale) / softcap : (2.0 * scale) / softcap;

    /// <summary>
    /// softcap·tanh(z·scale / softcap), and tanh's derivative. With t = exp(2·z·scale / softcap) they are
    /// softcap·(t − 1) / (t + 1) and 4t / (t + 1)². Rows of float have them within a relative 2^-43.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static (TReal Value, TReal Derivative) SoftCapped<TScalar, TReal>(
        TReal z, TReal slope, TReal halfSoftcap)
        where TReal : unmanaged, IReal<TReal>
    {
        const double Rounding = Round + 1023.0;
        bool isShort = typeof(TScalar) == typeof(float);
        TReal one = TReal.Set(1.0);
        TReal limit = TReal.Set(isShort ? 960.0 : 708.0);
        TReal x = z * slope;
        TReal above = TReal.Greater(TReal.Set(isShort ? -960.0 : -708.0), x);
        TReal within = TReal.SelectBelow(limit, above, limit, above);
        TReal power, rest, t;
        if (isShort)
        {
            TReal shifted = within + TReal.Set(Rounding);
            power = TReal.PowerOfTwo(shifted);
            rest = Exp2M1Short(within - (shifted - TReal.Set(Rounding))) * power;
            t = rest + power;
        }
        else
        {
            TReal shifted = (within * TReal.Set(Log2E)) + TReal.Set(Rounding);
            TReal p = ExpM1Reduced(Reduce(within, shifted - TReal.Set(Rounding)));
            power = TReal.PowerOfTwo(shifted);
            rest = p * power;
            t = (one + p) * power;
        }

        TReal inverse = TReal.Set(2.0) / (t + one);
        TReal derivative = (t * inverse) * inverse;
        if (!isShort)
        {
            derivative = TReal.SelectBelow(limit, Magnitude(x), TReal.Set(0.0), derivative);
        }

        return (((rest + (power - one)) * inverse) * halfSoftcap, derivative);
    }

    /// <summary>Values of <see cref="SoftCapped{TScalar, TReal}"/> of z in place, up to the end of a vector.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static unsafe void SoftCaps<TScalar>(double* z, nuint count, double slope, double halfSoftcap)
    {
        for (nuint i = 0; i < count; i += (nuint)HardwareDoubles.Count)
        {
            HardwareDoubles* part = (HardwareDoubles*)(z + i);
            *part = SoftCapped<TScalar, HardwareDoubles>(
                *part, HardwareDoubles.Set(slope), HardwareDoubles.Set(halfSoftcap)).Value;
        }
    }

    /// <summary>The same, and their derivatives.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static unsafe void SoftCaps<TScalar>(
        double* z, double* derivatives, nuint count, double slope, double halfSoftcap)
    {
        for (nuint i = 0; i < count; i += (nuint)HardwareDoubles.Count)
        {
            HardwareDoubles* part = (HardwareDoubles*)(z + i);
            (*part, *(HardwareDoubles*)(derivatives + i)) = SoftCapped<TScalar, HardwareDoubles>(
                *part, HardwareDoubles.Set(slope), HardwareDoubles.Set(halfSoftcap));
        }
    }

    /// <summary>The derivatives, likewise.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static unsafe void SoftCapDerivatives<TScalar>(double* z, nuint count, double slope, double halfSoftcap)
    {
        for (nuint i = 0; i < count; i += (nuint)HardwareDoubles.Count)
        {
            HardwareDoubles* part = (HardwareDoubles*)(z + i);
            *part = SoftCapped<TScalar, HardwareDoubles>(
                *part, HardwareDoubles.Set(slope), HardwareDoubles.Set(halfSoftcap)).Derivative;
        }
    }

    /// <summary>Knuth's TwoSum: high + low is exactly a + b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void TwoSum<TReal>(TReal a, TReal b, out TReal high, out TReal low)
        where TReal : unmanaged, IReal<TReal>
    {
        high = a + b;
        TReal bPart = high - a;
        low = (a - (high - bPart)) + (b - bPart);
    }

    /// <summary>e^(x.High + x.Low)·2^-n in two parts, for the n nearest to x·log2 e, within 2^-55 of it.</summary>
    internal static Pair<OneDouble> ExpOfReduced(Pair<OneDouble> x, double n)
    {
        TwoSum(new OneDouble(x.High - (n * Ln2High)), new(x.Low - (n * Ln2Low)), out OneDouble r, out OneDouble rLow);
        TwoSum(new OneDouble(1.0), r, out OneDouble p, out OneDouble pLow);
        double rest = ExpM1ReducedBeyondR(r) + (pLow + (rLow + (rLow * r)));
        TwoSum(p, new(rest), out OneDouble high, out OneDouble low);
        return new(high, low);
    }

    /// <summary>
    /// e^(x.High + x.Low)·2^power in two parts, for x from −2^20 to 0.35; 0 where it is below 2^-1022. NaN gives 0.
    /// </summary>
    internal static Pair<OneDouble> ExpInTwoParts(Pair<OneDouble> x, double power)
    {
        double n = NearestExponent(x.High.Value);
        if (!(n + power >= -1022.0))
        {
            return default;
        }

        Pair<OneDouble> p = ExpOfReduced(x, n);
        double factor = PowerOfTwo(n + power);

        // Where the low part could be subnormal it does not count.
        return new(p.High * factor, n + power < -960.0 ? 0 : p.Low * factor);
    }

    /// <summary>The second factor is a power of two or has a low part.</summary>
    internal static Pair<OneDouble> Times(Pair<OneDouble> x, Pair<OneDouble> factor)
    {
        Pair<OneDouble> p = Pair<OneDouble>.Times(x, factor.High);
        return factor.Low.Value is < 0 or > 0
            ? new(p.High, p.Low + (ProductError(x.High, factor.High, p.High) + (x.High * factor.Low)))
            : p;
    }

    /// <summary>a·b − high, where high = a·b rounded, exactly.</summary>
    internal static double ProductError(double a, double b, double high) =>
        Pair<OneDouble>.ProductError(a, b, high).Value;

    // x = m·2^n with m in [√½, √2), for a positive, normal, finite x, which becomes m.
    private static double SplitExponent(ref double x)
    {
        ulong bits = BitConverter.DoubleToUInt64Bits(x);
        ulong offset = bits - 0x3fe6a09e667f3bcd;
        long n = (long)offset >> 52;
        x = BitConverter.UInt64BitsToDouble(bits - ((ulong)n << 52));
        return n;
    }

    private static unsafe HardwareDoubles SplitExponents(ref HardwareDoubles x)
    {
        double* m = stackalloc double[HardwareDoubles.Count];
        double* n = stackalloc double[HardwareDoubles.Count];
        x.Store(m);
        for (int i = 0; i < HardwareDoubles.Count; i++)
        {
            n[i] = SplitExponent(ref m[i]);
        }

        x = HardwareDoubles.Load(m);
        return HardwareDoubles.Load(n);
    }

    // log(m·2^n + low), from log m and low / (m·2^n).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TReal LogOfParts<TReal>(TReal log, TReal n, TReal rest)
        where TReal : unmanaged, IReal<TReal> =>
        (n * TReal.Set(Ln2High)) + (log + ((n * TReal.Set(Ln2Low)) + rest));

    // log(1 + f) for √½ − 1 ≤ f ≤ √2 − 1.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TReal LogNearOne<TReal>(TReal f)
        where TReal : unmanaged, IReal<TReal>
    {
        TReal s = f / (TReal.Set(2.0) + f);
        TReal t = s * s;
        TReal q = TReal.Set(0.047619047619047616);          // 1/21
        q = (q * t) + TReal.Set(0.05263157894736842);       // 1/19
        q = (q * t) + TReal.Set(0.058823529411764705);      // 1/17
        q = (q * t) + TReal.Set(0.06666666666666667);       // 1/15
        q = (q * t) + TReal.Set(0.07692307692307693);       // 1/13
        q = (q * t) + TReal.Set(0.09090909090909091);       // 1/11
        q = (q * t) + TReal.Set(0.1111111111111111);        // 1/9
        q = (q * t) + TReal.Set(0.14285714285714285);       // 1/7
        q = (q * t) + TReal.Set(0.2);                       // 1/5
        q = (q * t) + TReal.Set(0.3333333333333333);        // 1/3
        TReal halfSquare = (TReal.Set(0.5) * f) * f;
        return f - (halfSquare - (s * (halfSquare + ((TReal.Set(2.0) * t) * q))));
    }
}

/// <summary>A number in two parts, high + low, for sums whose rounding would show in a float64 result.</summary>
internal readonly struct Pair<TReal>(TReal high, TReal low = default)
    where TReal : unmanaged, IReal<TReal>
{
    internal readonly TReal High = high;
    internal readonly TReal Low = low;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TReal> operator +(Pair<TReal> a, Pair<TReal> b)
    {
        DoubleMath.TwoSum(a.High, b.High, out TReal sum, out TReal error);
        TReal low = error + (a.Low + b.Low);
        TReal high = sum + low;
        return new(high, low - (high - sum));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TReal Rounded(Pair<TReal> x) => x.High + x.Low;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Pair<TReal> Times(Pair<TReal> x, TReal factor) => new(x.High * factor, x.Low * factor);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TReal Product(Pair<TReal> a, Pair<TReal> b) =>
        (a.High * b.High) + ((a.High * b.Low) + (a.Low * b.High));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TReal Quotient(Pair<TReal> a, TReal b) => (a.High / b) + (a.Low / b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Pair<TReal> Inverse(Pair<TReal> x)
    {
        TReal high = TReal.Set(1.0) / x.High;
        TReal one = x.High * high;
        TReal missing = (TReal.Set(1.0) - one) - ProductError(x.High, high, one);
        return new(high, (missing - (x.Low * high)) * high);
    }

    // a·b − high, where high = a·b rounded, exactly: Dekker's product, on factors split after Veltkamp.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TReal ProductError(TReal a, TReal b, TReal high)
    {
        TReal split = TReal.Set(134217744.0);
        TReal aBig = a * split;
        TReal bBig = b * split;
        TReal a1 = aBig - (aBig - a);
        TReal b1 = bBig - (bBig - b);
        TReal a2 = a - a1;
        TReal b2 = b - b1;
        return ((((a1 * b1) - high) + (a1 * b2)) + (a2 * b1)) + (a2 * b2);
    }
}
