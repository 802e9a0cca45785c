using System.Runtime.CompilerServices;
using NativeXent.Jobs;

namespace NativeXent.Simd;

/// <summary>
/// What differs between computing in float and in double: <see cref="FloatNumbers{TFloats, TDoubles}"/> and
/// <see cref="DoubleNumbers{TFloats, TDoubles, TPart}"/>. The kernels are written in terms of it, as the native ones are in
/// terms of the vector V, here <typeparamref name="TVector"/>. Sums of rows are pairs; computing in float, low parts
/// stay 0.
/// </summary>
internal unsafe partial interface INumbers<TVector, TScalar, TDoubles>
    where TVector : unmanaged
    where TScalar : unmanaged
    where TDoubles : unmanaged, IReal<TDoubles>
{
    /// <summary>The element type that is computed as it is stored.</summary>
    static abstract ElementType Type { get; }

    /// <summary>
    /// Results below the smallest normal number are flushed. The margin makes sure that no subnormal slips through by
    /// rounding.
    /// </summary>
    static abstract double FlushBelow { get; }

    static abstract double SmallestNormal { get; }

    /// <summary>The number, rounded.</summary>
    static abstract TScalar Scalar(double x);

    /// <summary>Exact.</summary>
    static abstract double Double(TScalar x);

    static abstract TVector Set(TScalar value);

    static abstract TVector Load(TScalar* source);

    static abstract TVector LoadPartial(TScalar* source, nuint count, TScalar other);

    static abstract void Store(TScalar* destination, TVector a);

    static abstract void StorePartial(TScalar* destination, TVector a, nuint count);

    /// <summary>
    /// Elements of 16 bits, as <see cref="Elements{TNumbers, TVector, TScalar, TDoubles}"/> loads others.
    /// </summary>
    static abstract TVector Load16Bits(in ElementArray a, nuint lanes, TScalar other);

    static abstract void Store16Bits(in ElementArray a, nuint lanes, TVector v);

    /// <summary>Whole vectors of 16-bit elements that are next to one another; gives how many elements.</summary>
    static abstract nuint LoadRun16Bits(in ElementArray a, TScalar* to, nuint count);

    /// <summary>The same for results none of which is −0 or NaN.</summary>
    static abstract nuint StoreRun16Bits(in ElementArray a, TScalar* from, nuint count);

    static abstract TVector Add(TVector a, TVector b);

    static abstract TVector Subtract(TVector a, TVector b);

    static abstract TVector Multiply(TVector a, TVector b);

    static abstract TVector Greater(TVector a, TVector b);

    static abstract TVector SelectBelow(TVector a, TVector b, TVector x, TVector y);

    static abstract TVector ReplaceLane(TVector a, nuint lane, TScalar value);

    static abstract TScalar GreatestLane(TVector a);

    static abstract uint EqualLanes(TVector a, TVector b);

    static abstract TDoubles ReplaceDoubleLane(TDoubles a, nuint lane, double value);

    static abstract TDoubles Widen(TVector a);

    static abstract TVector Narrow(TDoubles a);

    static abstract TDoubles LoadDoubles(double* source);

    static abstract TDoubles LoadDoublesPartial(double* source, nuint count, double other);

    static abstract void StoreDoubles(double* destination, TDoubles a);

    static abstract double SumLanes(TDoubles a);

    static abstract Pair<TReal> Add<TReal>(Pair<TReal> a, Pair<TReal> b)
        where TReal : unmanaged, IReal<TReal>;

    static abstract TReal Rounded<TReal>(Pair<TReal> x)
        where TReal : unmanaged, IReal<TReal>;

    static abstract Pair<TReal> Times<TReal>(Pair<TReal> x, TReal factor)
        where TReal : unmanaged, IReal<TReal>;

    static abstract TReal Product<TReal>(Pair<TReal> a, Pair<TReal> b)
        where TReal : unmanaged, IReal<TReal>;

    static abstract TReal Quotient<TReal>(Pair<TReal> a, TReal b)
        where TReal : unmanaged, IReal<TReal>;

    static abstract Pair<TReal> Inverse<TReal>(Pair<TReal> x)
        where TReal : unmanaged, IReal<TReal>;
}

/// <summary>float32 and the 16-bit types.</summary>
internal readonly unsafe partial struct FloatNumbers<TFloats, TDoubles> : INumbers<TFloats, float, TDoubles>
    where TFloats : unmanaged, IVector<TFloats>
    where TDoubles : unmanaged, IDoubleVector<TDoubles, TFloats>
{
    public static ElementType Type => ElementType.Float32;

    public static double FlushBelow => 1.175495471861059e-38;

    public static double SmallestNormal => 1.1754943508222875e-38;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Scalar(double x) => (float)x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Double(float x) => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloats Set(float value) => TFloats.Set(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloats Load(float* source) => TFloats.Load(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloats LoadPartial(float* source, nuint count, float other) =>
        TFloats.LoadPartial(source, count, other);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* destination, TFloats a) => TFloats.Store(destination, a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePartial(float* destination, TFloats a, nuint count) =>
        TFloats.StorePartial(destination, a, count);

    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    public static TFloats Load16Bits(in ElementArray a, nuint lanes, float other)
    {
        ushort* source = (ushort*)a.Start;
        Lanes<ushort> elements;
        if (a.Step != 1)
        {
            for (nuint i = 0; i < lanes; i++)
            {
                elements[(int)i] = source[i * a.Step];
            }

            source = (ushort*)&elements;
        }

        if (lanes == Lanes.Length)
        {
            return a.Type == ElementType.Float16 ? TFloats.LoadHalf(source) : TFloats.LoadBFloat16(source);
        }

        return a.Type == ElementType.Float16
            ? TFloats.LoadHalfPartial(source, lanes, other)
            : TFloats.LoadBFloat16Partial(source, lanes, other);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    public static void Store16Bits(in ElementArray a, nuint lanes, TFloats v)
    {
        ushort* destination = (ushort*)a.Start;
        Lanes<ushort> elements;
        bool direct = a.Step == 1 && lanes == Lanes.Length;
        ushort* all = direct ? destination : (ushort*)&elements;
        if (a.Type == ElementType.Float16)
        {
            TFloats.StoreHalf(all, WithoutLess(v));
        }
        else
        {
            TFloats.StoreBFloat16(all, v);
        }

        for (nuint i = 0; !direct && i < lanes; i++)
        {
            destination[i * a.Step] = all[i];
        }
    }

    public static nuint LoadRun16Bits(in ElementArray a, float* to, nuint count)
    {
        ushort* source = (ushort*)a.Start;
        nuint k = 0;
        if (a.Type == ElementType.Float16)
        {
            for (; k + Lanes.Length <= count; k += Lanes.Length)
            {
                TFloats.Store(to + k, TFloats.LoadHalf(source + k));
            }
        }
        else
        {
            for (; k + Lanes.Length <= count; k += Lanes.Length)
            {
                TFloats.Store(to + k, TFloats.LoadBFloat16(source + k));
            }
        }

        return k;
    }

    public static nuint StoreRun16Bits(in ElementArray a, float* from, nuint count)
    {
        ushort* destination = (ushort*)a.Start;
        nuint k = 0;
        if (a.Type == ElementType.Float16)
        {
            for (; k + Lanes.Length <= count; k += Lanes.Length)
            {
                TFloats.StoreHalf(destination + k, WithoutLess(TFloats.Load(from + k)));
            }
        }
        else
        {
            for (; k + Lanes.Length <= count; k += Lanes.Length)
            {
                TFloats.StoreBFloat16(destination + k, TFloats.Load(from + k));
            }
        }

        return k;
    }

    // What would round to 0 becomes +0.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFloats WithoutLess(TFloats v)
    {
        TFloats zero = TFloats.Set(0);
        return TFloats.SelectBelow(
            TFloats.Greater(v, TFloats.Subtract(zero, v)), TFloats.Set((float)2.980232594040899e-08), zero, v);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloats Add(TFloats a, TFloats b) => TFloats.Add(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloats Subtract(TFloats a, TFloats b) => TFloats.Subtract(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloats Multiply(TFloats a, TFloats b) => TFloats.Multiply(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloats Greater(TFloats a, TFloats b) => TFloats.Greater(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloats SelectBelow(TFloats a, TFloats b, TFloats x, TFloats y) => TFloats.SelectBelow(a, b, x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloats ReplaceLane(TFloats a, nuint lane, float value) => TFloats.ReplaceLane(a, lane, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float GreatestLane(TFloats a) => TFloats.GreatestLane(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint EqualLanes(TFloats a, TFloats b) => TFloats.EqualLanes(a, b);

    public static TDoubles ReplaceDoubleLane(TDoubles a, nuint lane, double value) =>
        TDoubles.ReplaceLane(a, lane, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TDoubles Widen(TFloats a) => TDoubles.Widen(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloats Narrow(TDoubles a) => TDoubles.Narrow(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TDoubles LoadDoubles(double* source) => TDoubles.Load(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TDoubles LoadDoublesPartial(double* source, nuint count, double other) =>
        TDoubles.LoadPartial(source, count, other);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreDoubles(double* destination, TDoubles a) => TDoubles.Store(destination, a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double SumLanes(TDoubles a) => TDoubles.SumLanes(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TReal> Add<TReal>(Pair<TReal> a, Pair<TReal> b)
        where TReal : unmanaged, IReal<TReal> => new(a.High + b.High);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TReal Rounded<TReal>(Pair<TReal> x)
        where TReal : unmanaged, IReal<TReal> => x.High;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TReal> Times<TReal>(Pair<TReal> x, TReal factor)
        where TReal : unmanaged, IReal<TReal> => new(x.High * factor);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TReal Product<TReal>(Pair<TReal> a, Pair<TReal> b)
        where TReal : unmanaged, IReal<TReal> => a.High * b.High;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TReal Quotient<TReal>(Pair<TReal> a, TReal b)
        where TReal : unmanaged, IReal<TReal> => a.High / b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TReal> Inverse<TReal>(Pair<TReal> x)
        where TReal : unmanaged, IReal<TReal> => new(TReal.Set(1.0) / x.High);
}

/// <summary>
/// float64. What takes many operations is done part by part of a vector, in <typeparamref name="TPart"/>: on all of it
/// they would need more registers than there are, and not be inlined.
/// </summary>
internal readonly unsafe partial struct DoubleNumbers<TFloats, TDoubles, TPart> : INumbers<TDoubles, double, TDoubles>
    where TFloats : unmanaged, IVector<TFloats>
    where TDoubles : unmanaged, IDoubleVector<TDoubles, TFloats>
    where TPart : unmanaged, IReal<TPart>
{
    private static int Parts => sizeof(TDoubles) / sizeof(TPart);

    public static ElementType Type => ElementType.Float64;

    public static double FlushBelow => 2.2250759805029923e-308;

    public static double SmallestNormal => 2.2250738585072014e-308;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Scalar(double x) => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Double(double x) => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TDoubles Set(double value) => TDoubles.Set(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TDoubles Load(double* source) => TDoubles.Load(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TDoubles LoadPartial(double* source, nuint count, double other) =>
        TDoubles.LoadPartial(source, count, other);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(double* destination, TDoubles a) => TDoubles.Store(destination, a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePartial(double* destination, TDoubles a, nuint count) =>
        TDoubles.StorePartial(destination, a, count);

    public static TDoubles Load16Bits(in ElementArray a, nuint lanes, double other) =>
        throw new NotSupportedException();

    public static void Store16Bits(in ElementArray a, nuint lanes, TDoubles v) => throw new NotSupportedException();

    public static nuint LoadRun16Bits(in ElementArray a, double* to, nuint count) => throw new NotSupportedException();

    public static nuint StoreRun16Bits(in ElementArray a, double* from, nuint count) =>
        throw new NotSupportedException();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TDoubles Add(TDoubles a, TDoubles b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TDoubles Subtract(TDoubles a, TDoubles b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TDoubles Multiply(TDoubles a, TDoubles b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TDoubles Greater(TDoubles a, TDoubles b) => TDoubles.Greater(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TDoubles SelectBelow(TDoubles a, TDoubles b, TDoubles x, TDoubles y) =>
        TDoubles.SelectBelow(a, b, x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TDoubles ReplaceLane(TDoubles a, nuint lane, double value) => TDoubles.ReplaceLane(a, lane, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double GreatestLane(TDoubles a) => TDoubles.GreatestLane(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint EqualLanes(TDoubles a, TDoubles b) => TDoubles.EqualLanes(a, b);

    public static TDoubles ReplaceDoubleLane(TDoubles a, nuint lane, double value) =>
        TDoubles.ReplaceLane(a, lane, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TDoubles Widen(TDoubles a) => a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TDoubles Narrow(TDoubles a) => a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TDoubles LoadDoubles(double* source) => TDoubles.Load(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TDoubles LoadDoublesPartial(double* source, nuint count, double other) =>
        TDoubles.LoadPartial(source, count, other);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreDoubles(double* destination, TDoubles a) => TDoubles.Store(destination, a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double SumLanes(TDoubles a) => TDoubles.SumLanes(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TReal> Add<TReal>(Pair<TReal> a, Pair<TReal> b)
        where TReal : unmanaged, IReal<TReal> => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TReal Rounded<TReal>(Pair<TReal> x)
        where TReal : unmanaged, IReal<TReal> => Pair<TReal>.Rounded(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TReal> Times<TReal>(Pair<TReal> x, TReal factor)
        where TReal : unmanaged, IReal<TReal> => Pair<TReal>.Times(x, factor);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TReal Product<TReal>(Pair<TReal> a, Pair<TReal> b)
        where TReal : unmanaged, IReal<TReal> => Pair<TReal>.Product(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TReal Quotient<TReal>(Pair<TReal> a, TReal b)
        where TReal : unmanaged, IReal<TReal> => Pair<TReal>.Quotient(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TReal> Inverse<TReal>(Pair<TReal> x)
        where TReal : unmanaged, IReal<TReal> => Pair<TReal>.Inverse(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref TPart Part(ref TDoubles a, int i) => ref Unsafe.Add(ref Unsafe.As<TDoubles, TPart>(ref a), i);
}

/// <summary>Where elements are stored, and how: their type, and how many elements lie from one to the next.</summary>
internal readonly unsafe struct ElementArray(void* start, nuint step, ElementType type)
{
    /// <summary>Null where there is no array.</summary>
    internal readonly byte* Start = (byte*)start;

    internal readonly nuint Step = step;

    internal readonly ElementType Type = type;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ElementArray From(nuint index) => new(Start + (index * Step * Type.Size()), Step, Type);
}

/// <summary>
/// Reads and writes elements, a vector or one at a time, next to one another or a step apart: the twin of
/// <c>native/src/kernels/elements-inl.h</c>. Kernels inherit it.
/// </summary>
internal abstract unsafe class Elements<TNumbers, TVector, TScalar, TDoubles>
    where TNumbers : struct, INumbers<TVector, TScalar, TDoubles>
    where TVector : unmanaged
    where TScalar : unmanaged
    where TDoubles : unmanaged, IReal<TDoubles>
{
    private protected const nuint LaneCount = Lanes.Length;

    private protected static TDoubles Zero => TDoubles.Set(0.0);

    // Constant for each kind of number once it is compiled.
    private protected static bool IsFloat => typeof(TScalar) == typeof(float);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static TVector SetAll(double x) => TNumbers.Set(TNumbers.Scalar(x));

    /// <summary>0 where |x| &lt; limit, so that no subnormal number is left, nor −0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static TVector Flushed(TVector x) => FlushedBelow(x, TNumbers.FlushBelow);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector FlushedBelow(TVector x, double limit)
    {
        TVector zero = SetAll(0);
        return TNumbers.SelectBelow(TNumbers.Greater(x, TNumbers.Subtract(zero, x)), SetAll(limit), zero, x);
    }

    /// <summary>
    /// Elements in which a subnormal one could show: it counts as 0, so that no mode matters. (Every float16 is a
    /// normal float.)
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static TVector LoadNumbers(in ElementArray array, nuint j, nuint lanes) =>
        FlushedBelow(LoadElements(array, j, lanes, 0), TNumbers.SmallestNormal);

    /// <summary>v added to what an array held.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static TVector Accumulated(TVector before, TVector v) =>
        FlushedBelow(TNumbers.Add(FlushedBelow(before, TNumbers.SmallestNormal), v), TNumbers.SmallestNormal);

    /// <summary>The same in double, with the limit of the elements' numbers, and narrowed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static TVector NarrowedFlushed(TDoubles x) =>
        TNumbers.Narrow(
            TDoubles.SelectBelow(DoubleMath.Magnitude(x), TDoubles.Set(TNumbers.FlushBelow), Zero, x));

    /// <summary>Every NaN becomes the canonical one: which of its bits an operation keeps differs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static TVector Canonical(TVector x) =>
        TNumbers.SelectBelow(
            x,
            SetAll(double.PositiveInfinity),
            x,
            TNumbers.SelectBelow(SetAll(0.0), x, x, SetAll(DoubleMath.CanonicalNaN)));

    /// <summary>1.0 in the first lanes, 0.0 in the others.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static TDoubles Ones(nuint lanes)
    {
        fixed (double* ones = OnesAndZeros)
        {
            return TNumbers.LoadDoubles(ones + LaneCount - lanes);
        }
    }

    private static ReadOnlySpan<double> OnesAndZeros =>
    [
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static TScalar* Scalars(in ElementArray a) => (TScalar*)a.Start;

    /// <summary>Whether elements are stored as they are computed, and next to one another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static bool IsPlain(in ElementArray a) => a.Step == 1 && a.Type == TNumbers.Type;

    /// <summary>Up to <see cref="LaneCount"/> scalars next to one another; other lanes as given.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static TVector LoadScalars(TScalar* p, nuint lanes, TScalar other) =>
        lanes == LaneCount ? TNumbers.Load(p) : TNumbers.LoadPartial(p, lanes, other);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static void StoreScalars(TScalar* p, nuint lanes, TVector v)
    {
        if (lanes == LaneCount)
        {
            TNumbers.Store(p, v);
        }
        else
        {
            TNumbers.StorePartial(p, v, lanes);
        }
    }

    /// <summary>Elements j, j + 1, …; other lanes as given.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static TVector LoadElements(in ElementArray array, nuint j, nuint lanes, double other)
    {
        ElementArray a = array.From(j);
        TScalar rest = TNumbers.Scalar(other);
        if (IsFloat && a.Type != ElementType.Float32)
        {
            return TNumbers.Load16Bits(a, lanes, rest);
        }

        return a.Step == 1 ? LoadScalars(Scalars(a), lanes, rest) : LoadStepped(Scalars(a), a.Step, lanes, rest);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static void StoreElements(in ElementArray array, nuint j, nuint lanes, TVector v)
    {
        ElementArray a = array.From(j);
        if (IsFloat && a.Type != ElementType.Float32)
        {
            TNumbers.Store16Bits(a, lanes, v);
        }
        else if (a.Step == 1)
        {
            StoreScalars(Scalars(a), lanes, v);
        }
        else
        {
            StoreStepped(Scalars(a), a.Step, lanes, v);
        }
    }

    /// <summary>Elements j to j + count, next to one another in scalars of their own.</summary>
    private protected static void LoadRun(in ElementArray array, nuint j, TScalar* to, nuint count)
    {
        ElementArray a = array.From(j);
        nuint k = IsFloat && a.Type != ElementType.Float32 && a.Step == 1 ? TNumbers.LoadRun16Bits(a, to, count) : 0;
        for (; k < count; k += LaneCount)
        {
            nuint lanes = nuint.Min(count - k, LaneCount);
            StoreScalars(to + k, lanes, LoadElements(a, k, lanes, 0));
        }
    }

    /// <summary>
    /// Results that are next to one another, as elements j to j + count: rounded to their type, or added to what they
    /// were. Where none of them is subnormal, −0 or NaN, they may be clean.
    /// </summary>
    private protected static void StoreRun(
        in ElementArray array, nuint j, TScalar* from, nuint count, bool accumulates, bool clean)
    {
        ElementArray a = array.From(j);
        nuint k = IsFloat && clean && !accumulates && a.Type != ElementType.Float32 && a.Step == 1
            ? TNumbers.StoreRun16Bits(a, from, count)
            : 0;
        for (; k < count; k += LaneCount)
        {
            nuint lanes = nuint.Min(count - k, LaneCount);
            TVector v = LoadScalars(from + k, lanes, TNumbers.Scalar(0));
            if (!clean)
            {
                v = Flushed(v);
            }

            if (accumulates)
            {
                v = Accumulated(LoadElements(a, k, lanes, 0), v);
            }

            StoreElements(a, k, lanes, Canonical(v));
        }
    }

    /// <summary>One element, exactly.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static double Element(in ElementArray array, nuint j)
    {
        ElementArray a = array.From(j);
        return !IsFloat || a.Type == ElementType.Float32 ? TNumbers.Double(*Scalars(a)) : Element16Bits(a);
    }

    /// <summary>Rounds a number to an element. Flushes it, and gives the canonical NaN and +0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static TScalar RoundedToElement(double x)
    {
        double flushed = (x < 0 ? 0.0 - x : x) < TNumbers.FlushBelow ? 0 : x;
        return TNumbers.Scalar(double.IsNaN(x) ? DoubleMath.CanonicalNaN : flushed);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static void Put(in ElementArray array, nuint j, double x)
    {
        TScalar v = RoundedToElement(x);
        if (array.Type == TNumbers.Type)
        {
            *Scalars(array.From(j)) = v;
        }
        else
        {
            StoreElements(array, j, 1, TNumbers.Set(v));
        }
    }

    /// <summary>The same number, which every element type has.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private protected static void Fill(in ElementArray a, nuint count, double x)
    {
        TVector v = SetAll(x);
        for (nuint j = 0; j < count; j += LaneCount)
        {
            StoreElements(a, j, nuint.Min(count - j, LaneCount), v);
        }
    }

    [SkipLocalsInit]
    private static TVector LoadStepped(TScalar* p, nuint step, nuint lanes, TScalar other)
    {
        Lanes<TScalar> elements;
        for (nuint i = 0; i < lanes; i++)
        {
            elements[(int)i] = p[i * step];
        }

        return TNumbers.LoadPartial((TScalar*)&elements, lanes, other);
    }

    [SkipLocalsInit]
    private static void StoreStepped(TScalar* p, nuint step, nuint lanes, TVector v)
    {
        Lanes<TScalar> elements;
        TNumbers.Store((TScalar*)&elements, v);
        for (nuint i = 0; i < lanes; i++)
        {
            p[i * step] = elements[(int)i];
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private static double Element16Bits(in ElementArray a)
    {
        Lanes<TScalar> lanes;
        TNumbers.Store((TScalar*)&lanes, TNumbers.Load16Bits(a, 1, TNumbers.Scalar(0)));
        return TNumbers.Double(lanes[0]);
    }
}
