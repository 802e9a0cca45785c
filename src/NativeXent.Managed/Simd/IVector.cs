using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace NativeXent.Simd;

/// <summary>
/// Sixteen float lanes: the managed twin of <c>native/src/simd/vec_*.h</c>. Every operation acts lane by lane and
/// rounds once, to nearest even, so that each implementation gives the same bits. 16-bit floats are passed as their
/// bits.
/// </summary>
internal unsafe interface IVector<TSelf>
    where TSelf : unmanaged, IVector<TSelf>
{
    static abstract TSelf Set(float value);

    /// <summary>One number from memory in all lanes.</summary>
    static virtual TSelf Broadcast(float* source) => TSelf.Set(*source);

    static abstract TSelf Load(float* source);

    /// <summary>The first <paramref name="count"/> lanes from memory, the others as given.</summary>
    static abstract TSelf LoadPartial(float* source, nuint count, float other);

    static abstract void Store(float* destination, TSelf a);

    /// <summary>Only the first <paramref name="count"/> lanes; the memory behind the others is not touched.</summary>
    static abstract void StorePartial(float* destination, TSelf a, nuint count);

    /// <summary>Exact. A NaN gives some NaN.</summary>
    static abstract TSelf LoadHalf(ushort* source);

    /// <summary>As <see cref="LoadPartial"/>.</summary>
    static virtual TSelf LoadHalfPartial(ushort* source, nuint count, float other)
    {
        Lanes<ushort> lanes = default;
        Lanes.Copy(source, (ushort*)&lanes, count);
        return WithOthers(TSelf.LoadHalf((ushort*)&lanes), count, other);
    }

    /// <summary>What is too large becomes infinity, NaN some NaN. No lane may be subnormal.</summary>
    static abstract void StoreHalf(ushort* destination, TSelf a);

    /// <summary>As <see cref="StorePartial"/>.</summary>
    static virtual void StoreHalfPartial(ushort* destination, TSelf a, nuint count)
    {
        Lanes<ushort> lanes;
        TSelf.StoreHalf((ushort*)&lanes, a);
        Lanes.Copy((ushort*)&lanes, destination, count);
    }

    /// <summary>Exact. A NaN gives some NaN.</summary>
    static abstract TSelf LoadBFloat16(ushort* source);

    /// <summary>As <see cref="LoadPartial"/>.</summary>
    static virtual TSelf LoadBFloat16Partial(ushort* source, nuint count, float other)
    {
        Lanes<ushort> lanes = default;
        Lanes.Copy(source, (ushort*)&lanes, count);
        return WithOthers(TSelf.LoadBFloat16((ushort*)&lanes), count, other);
    }

    /// <summary>What is too large becomes infinity, NaN some NaN. No lane may be subnormal.</summary>
    static abstract void StoreBFloat16(ushort* destination, TSelf a);

    /// <summary>As <see cref="StorePartial"/>.</summary>
    static virtual void StoreBFloat16Partial(ushort* destination, TSelf a, nuint count)
    {
        Lanes<ushort> lanes;
        TSelf.StoreBFloat16((ushort*)&lanes, a);
        Lanes.Copy((ushort*)&lanes, destination, count);
    }

    static abstract TSelf Add(TSelf a, TSelf b);

    static abstract TSelf Subtract(TSelf a, TSelf b);

    static abstract TSelf Multiply(TSelf a, TSelf b);

    /// <summary>a·b + c.</summary>
    static abstract TSelf FusedMultiplyAdd(TSelf a, TSelf b, TSelf c);

    /// <summary>c − a·b.</summary>
    static abstract TSelf FusedNegateMultiplyAdd(TSelf a, TSelf b, TSelf c);

    /// <summary>a &gt; b ? a : b. A NaN in either gives b.</summary>
    static abstract TSelf Greater(TSelf a, TSelf b);

    /// <summary>a &gt;= limit ? a : +0.</summary>
    static abstract TSelf ZeroBelow(TSelf a, TSelf limit);

    /// <summary>a &lt; b ? x : y. A NaN in a or b gives y.</summary>
    static abstract TSelf SelectBelow(TSelf a, TSelf b, TSelf x, TSelf y);

    /// <summary>
    /// The low bits of each lane, shifted into the exponent: for a = 1.5·2^23 + k this is 2^(k − 127), and 0 for k = 0.
    /// </summary>
    static abstract TSelf PowerOfTwo(TSelf a);

    /// <summary>
    /// Four numbers that lie next to one another in each quarter of the lanes, the quarters a stride apart.
    /// </summary>
    static abstract TSelf LoadQuarters(float* source, nuint stride);

    /// <summary>The reverse of <see cref="LoadQuarters"/>.</summary>
    static abstract void StoreQuarters(float* destination, nuint stride, TSelf a);

    /// <summary>Turns each quarter of the four vectors as the 4 × 4 matrix whose rows it holds.</summary>
    static abstract void TransposeQuarters(ref TSelf a, ref TSelf b, ref TSelf c, ref TSelf d);

    static abstract TSelf ReplaceLane(TSelf a, nuint lane, float value);

    /// <summary>The greatest lane. No lane may be NaN.</summary>
    static abstract float GreatestLane(TSelf a);

    /// <summary>A bit for each lane in which a and b are equal, the first lane's the lowest.</summary>
    static virtual uint EqualLanes(TSelf a, TSelf b)
    {
        Lanes<float> x;
        Lanes<float> y;
        TSelf.Store((float*)&x, a);
        TSelf.Store((float*)&y, b);
        uint bits = 0;
        for (int i = 0; i < Lanes.Length; i++)
        {
            bits |= x[i] == y[i] ? 1u << i : 0;
        }

        return bits;
    }

    private static TSelf WithOthers(TSelf a, nuint count, float other)
    {
        Lanes<float> lanes;
        TSelf.Store((float*)&lanes, a);
        return TSelf.LoadPartial((float*)&lanes, count, other);
    }
}

/// <summary>
/// What double mathematics is written in: one double (<see cref="OneDouble"/>), a register of them
/// (<see cref="HardwareDoubles"/>) or sixteen (<see cref="IDoubleVector{TSelf, TVector}"/>), with the same bits. Each
/// operation rounds once, to nearest even; there are no fused ones.
/// </summary>
internal interface IReal<TSelf>
    where TSelf : unmanaged, IReal<TSelf>
{
    static abstract TSelf operator +(TSelf a, TSelf b);

    static abstract TSelf operator -(TSelf a, TSelf b);

    static abstract TSelf operator *(TSelf a, TSelf b);

    static abstract TSelf operator /(TSelf a, TSelf b);

    static abstract TSelf Set(double value);

    /// <summary>a &gt; b ? a : b. A NaN in either gives b.</summary>
    static abstract TSelf Greater(TSelf a, TSelf b);

    /// <summary>a &gt;= limit ? a : +0.</summary>
    static abstract TSelf ZeroBelow(TSelf a, TSelf limit);

    /// <summary>a &lt; b ? x : y. A NaN in a or b gives y.</summary>
    static abstract TSelf SelectBelow(TSelf a, TSelf b, TSelf x, TSelf y);

    /// <summary>
    /// The low bits, shifted into the exponent: for a = 1.5·2^52 + k this is 2^(k − 1023), and 0 for k = 0.
    /// </summary>
    static abstract TSelf PowerOfTwo(TSelf a);
}

/// <summary>Sixteen double lanes: what <typeparamref name="TVector"/> widens to. The default value is zero.</summary>
internal unsafe interface IDoubleVector<TSelf, TVector> : IReal<TSelf>
    where TSelf : unmanaged, IDoubleVector<TSelf, TVector>
    where TVector : unmanaged, IVector<TVector>
{
    static abstract TSelf Load(double* source);

    /// <summary>The first <paramref name="count"/> lanes from memory, the others as given.</summary>
    static abstract TSelf LoadPartial(double* source, nuint count, double other);

    static abstract void Store(double* destination, TSelf a);

    /// <summary>Only the first <paramref name="count"/> lanes; the memory behind the others is not touched.</summary>
    static abstract void StorePartial(double* destination, TSelf a, nuint count);

    static virtual TSelf ReplaceLane(TSelf a, nuint lane, double value)
    {
        Lanes<double> lanes;
        TSelf.Store((double*)&lanes, a);
        lanes[(int)lane] = value;
        return TSelf.Load((double*)&lanes);
    }

    /// <summary>The greatest lane. No lane may be NaN.</summary>
    static abstract double GreatestLane(TSelf a);

    /// <summary>A bit for each lane in which a and b are equal, the first lane's the lowest.</summary>
    static virtual uint EqualLanes(TSelf a, TSelf b)
    {
        Lanes<double> x;
        Lanes<double> y;
        TSelf.Store((double*)&x, a);
        TSelf.Store((double*)&y, b);
        uint bits = 0;
        for (int i = 0; i < Lanes.Length; i++)
        {
            bits |= x[i] == y[i] ? 1u << i : 0;
        }

        return bits;
    }

    /// <summary>Adds lanes i and i + 8, then i and i + 4, then i and i + 2, then 0 and 1.</summary>
    static abstract double SumLanes(TSelf a);

    /// <summary>Exact.</summary>
    static abstract TSelf Widen(TVector a);

    static abstract TVector Narrow(TSelf a);

    static virtual TSelf AddWidened(TSelf sum, TVector a) => sum + TSelf.Widen(a);
}

/// <summary>One double, for mathematics that is written for vectors too.</summary>
internal readonly struct OneDouble(double value) : IReal<OneDouble>
{
    internal double Value { get; } = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static implicit operator OneDouble(double value) => new(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static implicit operator double(OneDouble a) => a.Value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static OneDouble operator +(OneDouble a, OneDouble b) => new(a.Value + b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static OneDouble operator -(OneDouble a, OneDouble b) => new(a.Value - b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static OneDouble operator *(OneDouble a, OneDouble b) => new(a.Value * b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static OneDouble operator /(OneDouble a, OneDouble b) => new(a.Value / b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static OneDouble Set(double value) => new(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static OneDouble Greater(OneDouble a, OneDouble b) => a.Value > b.Value ? a : b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static OneDouble ZeroBelow(OneDouble a, OneDouble limit) => a.Value >= limit.Value ? a : default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static OneDouble SelectBelow(OneDouble a, OneDouble b, OneDouble x, OneDouble y) =>
        a.Value < b.Value ? x : y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static OneDouble PowerOfTwo(OneDouble a) =>
        new(BitConverter.UInt64BitsToDouble(BitConverter.DoubleToUInt64Bits(a.Value) << 52));
}

/// <summary>As many doubles as a register of this machine holds: two, four or eight.</summary>
internal readonly struct HardwareDoubles(Vector<double> value) : IReal<HardwareDoubles>
{
    private readonly Vector<double> _value = value;

    internal static int Count => Vector<double>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static HardwareDoubles operator +(HardwareDoubles a, HardwareDoubles b) => new(a._value + b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static HardwareDoubles operator -(HardwareDoubles a, HardwareDoubles b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static HardwareDoubles operator *(HardwareDoubles a, HardwareDoubles b) => new(a._value * b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static HardwareDoubles operator /(HardwareDoubles a, HardwareDoubles b) => new(a._value / b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static HardwareDoubles Set(double value) => new(new(value));

    // vmaxpd gives its second operand where either is NaN.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static HardwareDoubles Greater(HardwareDoubles a, HardwareDoubles b) =>
        new(Count == Vector256<double>.Count && Avx.IsSupported
            ? Avx.Max(a._value.AsVector256(), b._value.AsVector256()).AsVector()
            : Vector.ConditionalSelect(Vector.GreaterThan(a._value, b._value), a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static HardwareDoubles ZeroBelow(HardwareDoubles a, HardwareDoubles limit) =>
        new(a._value & Vector.GreaterThanOrEqual<double>(a._value, limit._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static HardwareDoubles SelectBelow(
        HardwareDoubles a, HardwareDoubles b, HardwareDoubles x, HardwareDoubles y) =>
        new(Vector.ConditionalSelect(Vector.LessThan(a._value, b._value), x._value, y._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static HardwareDoubles PowerOfTwo(HardwareDoubles a) =>
        new(Vector.AsVectorDouble(Vector.ShiftLeft(Vector.AsVectorUInt64(a._value), 52)));

    internal bool IsZero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector.EqualsAll(_value, Vector<double>.Zero);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static unsafe HardwareDoubles Load(double* source) => *(HardwareDoubles*)source;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal unsafe void Store(double* destination) => *(HardwareDoubles*)destination = this;
}

internal static unsafe class Lanes
{
    /// <summary>The number of lanes in every vector.</summary>
    public const int Length = 16;

    public static void Copy(ushort* source, ushort* destination, nuint count)
    {
        for (nuint i = 0; i < count; i++)
        {
            destination[i] = source[i];
        }
    }
}

/// <summary>The lanes of a vector in memory.</summary>
[InlineArray(Lanes.Length)]
internal struct Lanes<T>
    where T : unmanaged
{
    private T _first;
}

/// <summary>
/// Constants of the conversion between Half and float on integers. A Half's magnitude shifted left by 13 has its parts
/// where a float has them.
/// </summary>
internal static class HalfBits
{
    /// <summary>Turns a Half's exponent into a float's.</summary>
    public const int Rebias = (127 - 15) << 23;

    public const int NextExponent = 1 << 23;

    /// <summary>2^-14. What is less is subnormal, and read as 2^-14·(1 + m/1024) − 2^-14, exactly.</summary>
    public const float SmallestNormal = 6.103515625e-05f;

    public const int WidenedSmallest = (127 - 14) << 23;

    /// <summary>The largest finite magnitude, shifted.</summary>
    public const int WidenedLargest = 0x7bff << 13;

    /// <summary>2^16 as a float: this and all above become infinity.</summary>
    public const int Infinite = (127 + 16) << 23;

    public const int SingleInfinity = 0xff << 23;

    public const int NaN = 0x7e00;
}
