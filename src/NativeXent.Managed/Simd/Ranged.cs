namespace NativeXent.Simd;

/// <summary>
/// value·2^exponent, the exponent an integer and value.High 0 or between 1 and 2 in magnitude: no product is out of range.
/// The twin of <c>native/src/kernels/wide_range-inl.h</c>'s.
/// </summary>
internal readonly struct Ranged
{
    internal readonly Pair<OneDouble> Value;
    internal readonly double Exponent;

    /// <summary>Subnormal numbers count as 0. Infinities and NaN stay.</summary>
    internal Ranged(Pair<OneDouble> x, double exponent)
    {
        double size = DoubleMath.Magnitude(x.High.Value);
        if (size < SmallestNormal)
        {
            return;
        }

        if (!(size < double.PositiveInfinity))
        {
            Value = new(x.High);
            return;
        }

        double n = (long)(BitConverter.DoubleToUInt64Bits(size) >> 52) - 1023.0;

        // In two steps, as 2^-n may be out of range.
        double half = DoubleMath.PowerOfTwo(n > 0 ? -500.0 : 500.0);
        double rest = DoubleMath.PowerOfTwo(n > 0 ? 500.0 - n : -500.0 - n);

        // Low parts that could be subnormal do not count.
        double low = DoubleMath.Magnitude(x.Low.Value) < SmallestNormal ? 0 : (x.Low * half) * rest;
        Value = new((x.High * half) * rest, low);
        Exponent = n + exponent;
    }

    internal Ranged(double x)
        : this(new Pair<OneDouble>(x), 0)
    {
    }

    private Ranged(double high, double low, double exponent)
    {
        Value = new(high, low);
        Exponent = exponent;
    }

    private static double SmallestNormal => 2.2250738585072014e-308;

    public static Ranged operator *(in Ranged a, in Ranged b)
    {
        double high = a.Value.High * b.Value.High;
        double low = DoubleMath.ProductError(a.Value.High, b.Value.High, high)
            + ((a.Value.High * b.Value.Low) + (a.Value.Low * b.Value.High));
        return new(high - high == 0 ? new(high, low) : new Pair<OneDouble>(high), a.Exponent + b.Exponent);
    }

    public static Ranged operator +(in Ranged a, in Ranged b)
    {
        bool greaterA = b.Value.High.Value == 0 || (a.Value.High.Value != 0 && a.Exponent > b.Exponent);
        Ranged most = greaterA ? a : b;
        Ranged least = greaterA ? b : a;
        double down = least.Exponent - most.Exponent;
        return least.Value.High.Value == 0 || down < -200.0
            ? most
            : new(
                most.Value + Pair<OneDouble>.Times(least.Value, DoubleMath.PowerOfTwo(down)), most.Exponent);
    }

    public static Ranged operator -(in Ranged a) => new(0.0 - a.Value.High, 0.0 - a.Value.Low, a.Exponent);

    /// <summary>2^exponent.</summary>
    internal static Ranged PowerOfTwo(double exponent) => new(1.0, 0, exponent);

    /// <summary>e^x for x up to 0.35; 0 below −2^14.</summary>
    internal static Ranged Exp(Pair<OneDouble> x)
    {
        if (!(x.High.Value > -16384.0))
        {
            return new(double.IsNaN(x.High) ? x.High : 0, 0, 0);
        }

        double n = DoubleMath.NearestExponent(x.High.Value);
        return new(DoubleMath.ExpOfReduced(x, n), n);
    }

    /// <summary>Infinite where it is out of range, and 0 below 2^-1022.</summary>
    internal double InRange()
    {
        double v = Value.High + Value.Low;
        if (!(DoubleMath.Magnitude(v) > 0 && DoubleMath.Magnitude(v) < double.PositiveInfinity))
        {
            return v;
        }

        Ranged r = new(v);
        double n = r.Exponent + Exponent;
        return n < -1022.0 ? 0
            : n > 1023.0 ? (v < 0 ? double.NegativeInfinity : double.PositiveInfinity)
            : r.Value.High * DoubleMath.PowerOfTwo(n);
    }
}
