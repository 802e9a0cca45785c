using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace NativeXent.Simd;

/// <summary>What of the exponentials differs between float and double.</summary>
internal unsafe partial interface INumbers<TVector, TScalar, TDoubles>
{
    /// <summary>Adding it rounds to an integer.</summary>
    static abstract double ExponentRound { get; }

    static abstract double ExponentOffset { get; }

    /// <summary>
    /// Beyond this magnitude of its maximum, a block is shifted by the maximum: there z − m is exact wherever it
    /// matters, while the rounding of n would no longer be harmless.
    /// </summary>
    static abstract double ShiftAbove { get; }

    /// <summary>
    /// Ratios of exponentials are multiplied with 2 to this power, so that those of double are normal numbers as long as a
    /// scale up to 2^64 can make something of them.
    /// </summary>
    static abstract double RatioPower { get; }

    /// <summary>What takes that power away again.</summary>
    static abstract double RatioUnbias { get; }

    /// <summary>
    /// e = 2·exp(z + low)·2^(64 − N), where z is shifted or scaled first, for z up to N·ln 2 + 0.35; 0 for z below
    /// c.Lowest. NaN gives NaN. Doubles have no low part.
    /// </summary>
    static abstract TVector Exponential<TInput>(TVector z, TVector low, in Exponential<TVector> c)
        where TInput : struct, IInput;

    /// <summary>
    /// Adds e without loss: High takes what fits (it is the larger, so Dekker's FastTwoSum is exact), Low the rest.
    /// </summary>
    static abstract void Accumulate(ref TileSum<TVector> sum, TVector e);

    /// <summary>Stores e of whole vectors of logits from begin to end, and adds it.</summary>
    static abstract void WholeVectors<TInput>(
        Others<TScalar>* z, TScalar* e, nuint begin, nuint end, in Exponential<TVector> c, ref TileSum<TVector> sum)
        where TInput : struct, IInput;

    static abstract void AddTile(ref BlockSum<TDoubles> sum, in TileSum<TVector> tile);

    static abstract void Add(ref BlockSum<TDoubles> sum, TDoubles x);

    static abstract Pair<OneDouble> Total(in BlockSum<TDoubles> sum);

    static abstract Scale<TScalar> MakeScale(Pair<OneDouble> scale, double unbias);

    static abstract TVector Scaled(TVector e, in Scale<TVector> s);

    /// <summary>
    /// What <see cref="ScaledWide"/> takes, of a scale in its two parts; of float one part is enough.
    /// </summary>
    static abstract Scale<TDoubles> DenseScale(Pair<OneDouble> scale, double unbias);

    /// <summary>The same of float64's own parts.</summary>
    static abstract Scale<TDoubles> InDoubles(in Scale<TVector> scale);

    /// <summary>e·scale·2^-65 in double.</summary>
    static abstract TDoubles ScaledWide(TVector e, in Scale<TDoubles> s);
}

/// <summary>What exponentials are taken of, as a type, so that it is known when they are compiled.</summary>
internal interface IInput
{
    /// <summary>z minus the constants' shift.</summary>
    static virtual bool IsShifted => false;

    /// <summary>z with a low part.</summary>
    static virtual bool IsSplit => false;

    /// <summary>z times the constants' slope.</summary>
    static virtual bool IsScaled => false;
}

internal readonly struct Plain : IInput;

internal readonly struct Shifted : IInput
{
    public static bool IsShifted => true;
}

internal readonly struct Split : IInput
{
    public static bool IsSplit => true;
}

internal readonly struct Scaled : IInput
{
    public static bool IsScaled => true;
}

/// <summary>The constants of one block's exponentials.</summary>
internal readonly struct Exponential<TVector>(
    TVector shift, TVector lowest, TVector round, TVector slope, TVector slopeLow, TVector least)
    where TVector : unmanaged
{
    internal readonly TVector Shift = shift;   // subtracted from z first (0 where the block is not shifted)
    internal readonly TVector Lowest = lowest; // reduces to exponent field 0: all at or below it becomes exactly 0
    internal readonly TVector Round = round;   // adding it leaves the result's exponent field in the low bits

    // Of scaled logits, which are not shifted: what they are multiplied with, in two parts, and a logit whose multiple is
    // below Lowest, so that everything at or below it becomes exactly 0.
    internal readonly TVector Slope = slope;
    internal readonly TVector SlopeLow = slopeLow;
    internal readonly TVector Least = least;
}

/// <summary>
/// An exponential whose argument is reduced. A loop does so with the next vector before it goes on with this one, as a
/// processor does not look far enough ahead to do that by itself.
/// </summary>
internal readonly struct Reduced<TVector>(TVector exponent, TVector r)
    where TVector : unmanaged
{
    internal readonly TVector Exponent = exponent; // with the result's exponent field in its low bits
    internal readonly TVector R = r;               // the result is 2·exp(r), and a power of two
}

/// <summary>
/// A run of logits where the label's, which may lie outside, reads −infinity and adds nothing. It stays where it was made.
/// </summary>
internal unsafe struct Others<TScalar>
    where TScalar : unmanaged
{
    internal TScalar* Z;
    internal nuint Whole; // logits come in whole vectors up to here, then in a cut one if any are left
    internal nuint Count;
    internal TScalar* LabelVector; // nowhere, if not among the whole ones
    internal nuint LabelLane;      // of the cut vector; beyond all where the label is not there
    internal Lanes<TScalar> WithoutLabel;
}

/// <summary>A tile's sum, lane by lane: High − the sum's base + Low.</summary>
internal struct TileSum<TVector>(TVector high, TVector low)
    where TVector : unmanaged
{
    internal TVector High = high;
    internal TVector Low = low;
}

/// <summary>The sum of a block's tiles, lane by lane; in double without Low.</summary>
internal struct BlockSum<TDoubles>
    where TDoubles : unmanaged
{
    internal TDoubles High;
    internal TDoubles Low;
}

/// <summary>
/// The numbers that turn e into e·scale·2^-65. The scale is in two parts: one alone would cost half an ULP.
/// </summary>
internal readonly struct Scale<T>(T lowest, T high, T low, T unbias)
    where T : unmanaged
{
    internal readonly T Lowest = lowest; // anything below becomes 0
    internal readonly T High = high;
    internal readonly T Low = low;
    internal readonly T Unbias = unbias; // a power of two, apart so that no intermediate result can be subnormal
}

/// <summary>
/// Scales up to most are multiplied with as they are. Powers of two, up to mostPower, are taken out of those beyond, so that
/// e·scale is finite, and beyond greatest all that is not 0 is infinite.
/// </summary>
internal readonly struct ScaleLimits(double most, double mostPower, double greatest)
{
    internal readonly double Most = most;
    internal readonly double MostPower = mostPower;
    internal readonly double Greatest = greatest;
}

internal static class Scale
{
    internal const double Unbias = 2.710505431213761e-20; // 2^-65

    /// <summary>For any scale whatever its sign. unbias is what e·scale is multiplied with.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Scale<double> InDouble(double scale, double unbias, double flushBelow, in ScaleLimits limits)
    {
        double size = DoubleMath.Magnitude(scale);
        if (size < 8.673617379884035e-19)
        {
            scale *= 1.152921504606847e+18;
            size *= 1.152921504606847e+18;
            unbias *= 8.673617379884035e-19;
        }
        else if (size > limits.Most)
        {
            if (size > limits.Greatest)
            {
                scale = scale < 0 ? -limits.Greatest : limits.Greatest;
                size = limits.Greatest;
            }

            // 2^k with Most ≤ size / 2^k < 2·Most, where that is not too much.
            double power = BitConverter.UInt64BitsToDouble(
                BitConverter.DoubleToUInt64Bits(size) & 0x7ff0_0000_0000_0000) / limits.Most;
            power = power > limits.MostPower ? limits.MostPower : power;
            scale /= power;
            size /= power;
            unbias *= power;
        }

        // In this order no step is subnormal.
        return new(flushBelow / unbias / size, scale, 0, unbias);
    }
}

internal readonly unsafe partial struct FloatNumbers<TFloats, TDoubles>
{
    public static double ExponentRound => 12582912.0;

    public static double ExponentOffset => 127.0 + 64;

    public static double ShiftAbove => 8192.0;

    public static double RatioPower => 0;

    public static double RatioUnbias => 1.0;

    private static ScaleLimits Limits => new(1.152921504606847e+18, 6.277101735386681e+57, 1.067993517960455e+96); // 2^60, 2^192, 2^319

    private static float Log2E => 1.442695f;

    private static float Ln2High => 0.6931472f;

    private static float Ln2Low => -1.9046542e-09f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloats Exponential<TInput>(TFloats z, TFloats low, in Exponential<TFloats> c)
        where TInput : struct, IInput => Exponential(Reduce<TInput>(z, low, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Reduced<TFloats> Reduce<TInput>(TFloats z, TFloats low, in Exponential<TFloats> c)
        where TInput : struct, IInput
    {
        if (TInput.IsShifted)
        {
            z = TFloats.Subtract(z, c.Shift);
        }

        if (TInput.IsScaled)
        {
            // The product in two parts, the low one negative.
            z = TFloats.Greater(c.Least, z);
            TFloats u = TFloats.Multiply(z, c.Slope);
            low = TFloats.FusedNegateMultiplyAdd(z, c.SlopeLow, TFloats.FusedNegateMultiplyAdd(z, c.Slope, u));
            z = u;
        }

        z = TFloats.Greater(c.Lowest, z);

        // n = rint(z·log2 e); r = z − n·ln 2 (Cody and Waite).
        TFloats shifted = TFloats.FusedMultiplyAdd(z, TFloats.Set(Log2E), c.Round);
        TFloats n = TFloats.Subtract(shifted, c.Round);
        TFloats r = TFloats.FusedNegateMultiplyAdd(n, TFloats.Set(Ln2High), z);
        r = TInput.IsSplit
            ? TFloats.Add(r, TFloats.FusedNegateMultiplyAdd(n, TFloats.Set(Ln2Low), low))
            : TInput.IsScaled
            ? TFloats.Subtract(r, TFloats.FusedMultiplyAdd(n, TFloats.Set(Ln2Low), low))
            : TFloats.FusedNegateMultiplyAdd(n, TFloats.Set(Ln2Low), r);
        return new(shifted, r);
    }

    // 2·exp(r) by a minimax polynomial.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TFloats Exponential(in Reduced<TFloats> x)
    {
        TFloats r = x.R;
        TFloats p = TFloats.FusedMultiplyAdd(TFloats.Set(0.0003949224f), r, TFloats.Set(0.0027870901f));
        p = TFloats.FusedMultiplyAdd(p, r, TFloats.Set(0.016667128f));
        p = TFloats.FusedMultiplyAdd(p, r, TFloats.Set(0.08333292f));
        p = TFloats.FusedMultiplyAdd(p, r, TFloats.Set(0.3333333f));
        p = TFloats.FusedMultiplyAdd(p, r, TFloats.Set(1.0f));
        p = TFloats.FusedMultiplyAdd(p, r, TFloats.Set(2.0f));
        p = TFloats.FusedMultiplyAdd(p, r, TFloats.Set(2.0f));
        return TFloats.Multiply(p, TFloats.PowerOfTwo(x.Exponent));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Accumulate(ref TileSum<TFloats> sum, TFloats e)
    {
        TFloats high = TFloats.Add(sum.High, e);
        sum.Low = TFloats.Add(sum.Low, TFloats.Subtract(e, TFloats.Subtract(high, sum.High)));
        sum.High = high;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void WholeVectors<TInput>(
        Others<float>* z, float* e, nuint begin, nuint end, in Exponential<TFloats> c, ref TileSum<TFloats> sum)
        where TInput : struct, IInput
    {
        if (begin == end)
        {
            return;
        }

        float* label = z->LabelVector;
        float* withoutLabel = (float*)&z->WithoutLabel;
        float* logits = z->Z + begin;
        float* stop = z->Z + end;
        e += begin;
        TileSum<TFloats> total = sum;
        Reduced<TFloats> x = Reduce<TInput>(TFloats.Load(logits == label ? withoutLabel : logits), default, c);
        while ((logits += Lanes.Length) < stop)
        {
            Exponentials.Prefetch(logits);
            Exponentials.PrefetchStored(e);
            float* from = logits;
            if (logits == label)
            {
                from = withoutLabel;
            }

            Reduced<TFloats> next = Reduce<TInput>(TFloats.Load(from), default, c);
            TFloats v = Exponential(x);
            TFloats.Store(e, v);
            Accumulate(ref total, v);
            e += Lanes.Length;
            x = next;
        }

        TFloats last = Exponential(x);
        TFloats.Store(e, last);
        Accumulate(ref total, last);
        sum = total;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddTile(ref BlockSum<TDoubles> sum, in TileSum<TFloats> tile) =>
        sum.High = TDoubles.AddWidened(
            TDoubles.AddWidened(sum.High, TFloats.Subtract(tile.High, TFloats.Set((float)Exponentials.SumBase))),
            tile.Low);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add(ref BlockSum<TDoubles> sum, TDoubles x) => sum.High += x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<OneDouble> Total(in BlockSum<TDoubles> sum) => new(TDoubles.SumLanes(sum.High));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scale<float> MakeScale(Pair<OneDouble> scale, double unbias)
    {
        Scale<double> s = Scale.InDouble(scale.High, unbias, FlushBelow, Limits);
        float high = (float)s.High;

        // Where not all of the power could be taken out, the low part does not count: e·low could be infinite.
        double low = DoubleMath.Magnitude(s.High) < 2.0 * Limits.Most ? s.High - high : 0;
        return new(
            s.Lowest < 1.2676506002282294e+30 ? (float)s.Lowest : float.PositiveInfinity,
            high,
            (float)low,
            (float)s.Unbias);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloats Scaled(TFloats e, in Scale<TFloats> s)
    {
        e = TFloats.ZeroBelow(e, s.Lowest);
        return TFloats.Multiply(TFloats.FusedMultiplyAdd(e, s.High, TFloats.Multiply(e, s.Low)), s.Unbias);
    }

    public static Scale<TDoubles> DenseScale(Pair<OneDouble> scale, double unbias) =>
        new(default, TDoubles.Set(scale.High.Value * unbias), default, default);

    public static Scale<TDoubles> InDoubles(in Scale<TFloats> scale) => throw new NotSupportedException();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TDoubles ScaledWide(TFloats e, in Scale<TDoubles> s) => TDoubles.Widen(e) * s.High;
}

internal readonly unsafe partial struct DoubleNumbers<TFloats, TDoubles, TPart>
{
    public static double ExponentRound => DoubleMath.Round;

    public static double ExponentOffset => 1023.0 + 64;

    public static double ShiftAbove => 524288.0;

    public static double RatioPower => 64;

    public static double RatioUnbias => 5.421010862427522e-20; // 2^-64

    private static ScaleLimits Limits => new(8.452712498170644e+270, 1.0633823966279327e+37, 8.98846567431158e+307); // 2^900, 2^123, 2^1023

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TDoubles Exponential<TInput>(TDoubles z, TDoubles low, in Exponential<TDoubles> c)
        where TInput : struct, IInput
    {
        TakeExponentials<TInput>(ref z, c);
        return z;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Accumulate(ref TileSum<TDoubles> sum, TDoubles e) =>
        Accumulate<TDoubles>(ref sum, e);

    // One part of all vectors after the other, so that the part's sum stays in registers.
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void WholeVectors<TInput>(
        Others<double>* z, double* e, nuint begin, nuint end, in Exponential<TDoubles> c, ref TileSum<TDoubles> sum)
        where TInput : struct, IInput
    {
        if (begin == end)
        {
            return;
        }

        double* label = z->LabelVector;
        double* withoutLabel = (double*)&z->WithoutLabel;
        for (int i = 0; i < Parts; i++)
        {
            Exponential<TPart> constants = Part(c, i);
            TileSum<TPart> part = new(Part(ref sum.High, i), Part(ref sum.Low, i));
            double* from = z->Z + begin;
            double* stop = z->Z + end;
            TPart* to = (TPart*)(e + begin) + i;
            Reduced<TPart> x = Reduce<TInput>(((TPart*)(from == label ? withoutLabel : from))[i], constants);
            while ((from += Lanes.Length) < stop)
            {
                Exponentials.Prefetch((double*)((TPart*)from + i)); // of the two lines of a vector, this part's
                double* vector = from;
                if (from == label)
                {
                    vector = withoutLabel;
                }

                Reduced<TPart> next = Reduce<TInput>(((TPart*)vector)[i], constants);
                TPart v = Exponential(x);
                *to = v;
                Accumulate(ref part, v);
                to += Parts;
                x = next;
            }

            TPart last = Exponential(x);
            *to = last;
            Accumulate(ref part, last);
            Part(ref sum.High, i) = part.High;
            Part(ref sum.Low, i) = part.Low;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddTile(ref BlockSum<TDoubles> sum, in TileSum<TDoubles> tile)
    {
        DoubleMath.TwoSum(
            sum.High, tile.High - TDoubles.Set(Exponentials.SumBase), out TDoubles high, out TDoubles error);
        sum.High = high;
        sum.Low += error + tile.Low;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add(ref BlockSum<TDoubles> sum, TDoubles x)
    {
        DoubleMath.TwoSum(sum.High, x, out TDoubles high, out TDoubles error);
        sum.High = high;
        sum.Low += error;
    }

    // In the order of SumLanes().
    [SkipLocalsInit]
    public static Pair<OneDouble> Total(in BlockSum<TDoubles> sum)
    {
        double* highs = stackalloc double[Lanes.Length];
        double* lows = stackalloc double[Lanes.Length];
        Pair<OneDouble>* lanes = stackalloc Pair<OneDouble>[Lanes.Length];
        TDoubles.Store(highs, sum.High);
        TDoubles.Store(lows, sum.Low);
        for (int i = 0; i < Lanes.Length; i++)
        {
            lanes[i] = new Pair<OneDouble>(highs[i]) + new Pair<OneDouble>(lows[i]);
        }

        for (int half = Lanes.Length / 2; half > 0; half /= 2)
        {
            for (int i = 0; i < half; i++)
            {
                lanes[i] += lanes[i + half];
            }
        }

        return lanes[0];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scale<double> MakeScale(Pair<OneDouble> scale, double unbias)
    {
        Scale<double> s = Scale.InDouble(scale.High, unbias, FlushBelow, Limits);

        // Where the low part could be subnormal or the scale is infinite it does not count, and nothing but zeros is
        // left of the smallest scales.
        double size = DoubleMath.Magnitude(scale.High);
        return new(
            size < FlushBelow ? double.PositiveInfinity : s.Lowest,
            s.High,
            size is < 1.1830521861667747e-271 or > 1.0715086071862673e+301 ? 0 : scale.Low * (s.High / scale.High),
            s.Unbias);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TDoubles Scaled(TDoubles e, in Scale<TDoubles> s) => Scaled<TDoubles>(e, s);

    public static Scale<TDoubles> DenseScale(Pair<OneDouble> scale, double unbias)
    {
        Scale<double> s = MakeScale(scale, unbias);
        return new(TDoubles.Set(s.Lowest), TDoubles.Set(s.High), TDoubles.Set(s.Low), TDoubles.Set(s.Unbias));
    }

    public static Scale<TDoubles> InDoubles(in Scale<TDoubles> scale) => scale;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TDoubles ScaledWide(TDoubles e, in Scale<TDoubles> s) => Scaled<TDoubles>(e, s);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TReal Scaled<TReal>(TReal e, in Scale<TReal> s)
        where TReal : unmanaged, IReal<TReal>
    {
        e = TReal.ZeroBelow(e, s.Lowest);
        return ((e * s.High) + (e * s.Low)) * s.Unbias;
    }

    // z becomes e. Not inlined, so that the many operations do not keep those of its callers from being inlined.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void TakeExponentials<TInput>(ref TDoubles z, in Exponential<TDoubles> c)
        where TInput : struct, IInput
    {
        for (int i = 0; i < Parts; i++)
        {
            Part(ref z, i) = Exponential(Reduce<TInput>(Part(ref z, i), Part(c, i)));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Reduced<TPart> Reduce<TInput>(TPart z, in Exponential<TPart> c)
        where TInput : struct, IInput
    {
        TPart x = TPart.Greater(
            c.Lowest, TInput.IsShifted ? z - c.Shift : TInput.IsScaled ? z * c.Slope : z);
        TPart shifted = (x * TPart.Set(DoubleMath.Log2E)) + c.Round;
        return new(shifted, DoubleMath.Reduce(x, shifted - c.Round));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TPart Exponential(in Reduced<TPart> x)
    {
        TPart p = DoubleMath.ExpReduced(x.R);
        return (p + p) * TPart.PowerOfTwo(x.Exponent);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Exponential<TPart> Part(in Exponential<TDoubles> c, int i) =>
        new(
            Part(ref Unsafe.AsRef(in c.Shift), i),
            Part(ref Unsafe.AsRef(in c.Lowest), i),
            Part(ref Unsafe.AsRef(in c.Round), i),
            Part(ref Unsafe.AsRef(in c.Slope), i),
            Part(ref Unsafe.AsRef(in c.SlopeLow), i),
            Part(ref Unsafe.AsRef(in c.Least), i));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Accumulate<TReal>(ref TileSum<TReal> sum, TReal e)
        where TReal : unmanaged, IReal<TReal>
    {
        TReal high = sum.High + e;
        sum.Low += e - (high - sum.High);
        sum.High = high;
    }
}

internal static unsafe class Exponentials
{
    /// <summary>Above any e, 2√2·2^64.</summary>
    internal const double SumBase = 7.378697629483821e+19;

    // Elements.
    private const nuint PrefetchDistance = 4096;
    private const nuint PrefetchStoredDistance = 256;

    /// <summary>Fetches a later logit: of the next block, or of one of the next rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Prefetch<TScalar>(TScalar* logit)
        where TScalar : unmanaged
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch1(logit + PrefetchDistance);
        }
    }

    /// <summary>Fetches a later logit, and a line where gradients will be stored.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void PrefetchColumn<TScalar>(TScalar* z, TScalar* g)
        where TScalar : unmanaged
    {
        Prefetch(z);
        if (Sse.IsSupported)
        {
            Sse.Prefetch1(g);
        }
    }

    /// <summary>Fetches a line that exponentials will be stored to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void PrefetchStored<TScalar>(TScalar* e)
        where TScalar : unmanaged
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(e + PrefetchStoredDistance);
        }
    }
}

/// <summary>
/// Exponentials of a block of logits, their sum, and their scaling: the twin of
/// <c>native/src/kernels/exponential-inl.h</c>.
/// </summary>
internal abstract unsafe class Exponentials<TNumbers, TVector, TScalar, TDoubles>
    : Elements<TNumbers, TVector, TScalar, TDoubles>
    where TNumbers : struct, INumbers<TVector, TScalar, TDoubles>
    where TVector : unmanaged
    where TScalar : unmanaged
    where TDoubles : unmanaged, IReal<TDoubles>
{
    private protected const nuint Tile = 32 * LaneCount;
    private protected const nuint BlockLength = 4096;
    private protected const nuint MaxBlocks = 256;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static TReal ExponentialLowest<TReal>(TReal n)
        where TReal : unmanaged, IReal<TReal> =>
        (n - TReal.Set(TNumbers.ExponentOffset)) * TReal.Set(DoubleMath.Ln2);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static TReal ExponentialRound<TReal>(TReal n)
        where TReal : unmanaged, IReal<TReal> =>
        (TReal.Set(TNumbers.ExponentRound) - n) + TReal.Set(TNumbers.ExponentOffset);

    /// <summary>Of multiples of logits, by slope.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static TReal ExponentialLeast<TReal>(TReal lowest, TReal slope)
        where TReal : unmanaged, IReal<TReal> =>
        (lowest - TReal.Set(1.0)) / slope;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static Exponential<TVector> ExponentialConstants(double shift, double n) =>
        new(
            SetAll(shift),
            SetAll(ExponentialLowest(new OneDouble(n)).Value),
            SetAll(ExponentialRound(new OneDouble(n)).Value),
            default,
            default,
            default);

    /// <summary>Of multiples of logits, by slope.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static Exponential<TVector> ScaledExponentialConstants(double n, double slope)
    {
        double lowest = ExponentialLowest(new OneDouble(n)).Value;
        return new(
            default,
            SetAll(lowest),
            SetAll(ExponentialRound(new OneDouble(n)).Value),
            SetAll(slope),
            SetAll(slope - TNumbers.Double(TNumbers.Scalar(slope))),
            SetAll(ExponentialLeast(new OneDouble(lowest), new(slope)).Value));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static TileSum<TVector> EmptyTile() => new(SetAll(Exponentials.SumBase), SetAll(0));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static void Accumulate(ref TileSum<TVector> sum, TVector e) => TNumbers.Accumulate(ref sum, e);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static void LookAt(Others<TScalar>* others, TScalar* z, nuint count, nuint label)
    {
        nuint whole = count / LaneCount * LaneCount;
        others->Z = z;
        others->Whole = whole;
        others->Count = count;
        others->LabelVector = null;
        others->LabelLane = label - whole;
        if (label < whole)
        {
            nuint lane = label % LaneCount;
            TScalar* vector = z + (label - lane);
            others->LabelVector = vector;
            TNumbers.Store(
                (TScalar*)&others->WithoutLabel,
                TNumbers.ReplaceLane(TNumbers.Load(vector), lane, TNumbers.Scalar(double.NegativeInfinity)));
        }
    }

    /// <summary>Stores e, 0 for the label, and gives the sum. e may be where the logits are.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private protected static Pair<OneDouble> BlockExponentials<TInput>(
        Others<TScalar>* z, TScalar* e, in Exponential<TVector> c)
        where TInput : struct, IInput
    {
        // The cut vector comes first, so that nothing waits for it, but is added last.
        nuint whole = z->Whole;
        nuint count = z->Count;
        TVector cut = default;
        if (whole < count)
        {
            cut = TNumbers.Exponential<TInput>(CutVector(z), default, c);
            TNumbers.StorePartial(e + whole, cut, count - whole);
        }

        BlockSum<TDoubles> total = default;
        for (nuint j = 0; j < count; j += Tile)
        {
            TileSum<TVector> sum = EmptyTile();
            TNumbers.WholeVectors<TInput>(z, e, j, nuint.Min(whole, j + Tile), c, ref sum);
            if (whole < count && count - j < Tile)
            {
                Accumulate(ref sum, cut);
            }

            TNumbers.AddTile(ref total, sum);
        }

        return TNumbers.Total(total);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static Scale<TVector> InAllLanes(in Scale<TScalar> s) =>
        new(TNumbers.Set(s.Lowest), TNumbers.Set(s.High), TNumbers.Set(s.Low), TNumbers.Set(s.Unbias));

    /// <summary>e·scale·2^-65 in place, for a scale that is not negative.</summary>
    private protected static void ScaleBlock(TScalar* e, nuint count, in Scale<TScalar> scale)
    {
        Scale<TVector> s = InAllLanes(scale);
        nuint j = 0;
        for (; j + LaneCount <= count; j += LaneCount)
        {
            TNumbers.Store(e + j, TNumbers.Scaled(TNumbers.Load(e + j), s));
        }

        if (j < count)
        {
            TVector v = TNumbers.Scaled(TNumbers.LoadPartial(e + j, count - j, TNumbers.Scalar(0)), s);
            TNumbers.StorePartial(e + j, v, count - j);
        }
    }

    /// <summary>NaN is passed over.</summary>
    private protected static double GreatestOther(Others<TScalar>* others)
    {
        TScalar* z = others->Z;
        TScalar* label = others->LabelVector;
        TScalar* withoutLabel = (TScalar*)&others->WithoutLabel;
        nuint whole = others->Whole;
        TVector m0 = SetAll(double.NegativeInfinity);
        TVector m1 = m0;
        TVector m2 = m0;
        TVector m3 = m0;
        nuint j = 0;
        for (; j + (4 * LaneCount) <= whole; j += 4 * LaneCount)
        {
            m0 = TNumbers.Greater(VectorAt(z + j), m0);
            m1 = TNumbers.Greater(VectorAt(z + j + LaneCount), m1);
            m2 = TNumbers.Greater(VectorAt(z + j + (2 * LaneCount)), m2);
            m3 = TNumbers.Greater(VectorAt(z + j + (3 * LaneCount)), m3);
        }

        for (; j < whole; j += LaneCount)
        {
            m0 = TNumbers.Greater(VectorAt(z + j), m0);
        }

        if (j < others->Count)
        {
            m1 = TNumbers.Greater(CutVector(others), m1);
        }

        return TNumbers.Double(
            TNumbers.GreatestLane(TNumbers.Greater(TNumbers.Greater(m0, m1), TNumbers.Greater(m2, m3))));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        TVector VectorAt(TScalar* at) => TNumbers.Load(at == label ? withoutLabel : at);
    }

    // What is left after the whole vectors: the label and absent classes count as −infinity, and add nothing.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector CutVector(Others<TScalar>* z)
    {
        TScalar nothing = TNumbers.Scalar(double.NegativeInfinity);
        TVector v = TNumbers.LoadPartial(z->Z + z->Whole, z->Count - z->Whole, nothing);
        return z->LabelLane < LaneCount ? TNumbers.ReplaceLane(v, z->LabelLane, nothing) : v;
    }
}
