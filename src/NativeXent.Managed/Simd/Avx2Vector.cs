using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace NativeXent.Simd;

/// <summary>Sixteen lanes in two AVX2 registers.</summary>
internal readonly unsafe struct Avx2Vector(Vector256<float> a, Vector256<float> b) : IVector<Avx2Vector>
{
    internal readonly Vector256<float> A = a;
    internal readonly Vector256<float> B = b;

    public static bool IsSupported => Avx2.IsSupported && Fma.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Vector Set(float value) => new(Vector256.Create(value), Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Vector Broadcast(float* source)
    {
        Vector256<float> v = Avx.BroadcastScalarToVector256(source);
        return new(v, v);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Vector Load(float* source) => new(Avx.LoadVector256(source), Avx.LoadVector256(source + 8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Vector LoadPartial(float* source, nuint count, float other)
    {
        var (a, b) = FirstLanes(count);
        Vector256<float> rest = Vector256.Create(other);
        return new(
            Avx.BlendVariable(rest, Avx.MaskLoad(source, a), a),
            Avx.BlendVariable(rest, Avx.MaskLoad(source + 8, b), b));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* destination, Avx2Vector a)
    {
        Avx.Store(destination, a.A);
        Avx.Store(destination + 8, a.B);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePartial(float* destination, Avx2Vector a, nuint count)
    {
        var (maskA, maskB) = FirstLanes(count);
        Avx.MaskStore(destination, maskA, a.A);
        Avx.MaskStore(destination + 8, maskB, a.B);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Vector LoadHalf(ushort* source) =>
        new(
            FromHalf(Avx2.ConvertToVector256Int32(source)),
            FromHalf(Avx2.ConvertToVector256Int32(source + 8)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreHalf(ushort* destination, Avx2Vector a) => Store(destination, ToHalf(a.A), ToHalf(a.B));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Vector LoadBFloat16(ushort* source) =>
        new(
            Avx2.ShiftLeftLogical(Avx2.ConvertToVector256Int32(source), 16).AsSingle(),
            Avx2.ShiftLeftLogical(Avx2.ConvertToVector256Int32(source + 8), 16).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBFloat16(ushort* destination, Avx2Vector a) =>
        Store(destination, ToBFloat16(a.A), ToBFloat16(a.B));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Vector Add(Avx2Vector a, Avx2Vector b) => new(Avx.Add(a.A, b.A), Avx.Add(a.B, b.B));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Vector Subtract(Avx2Vector a, Avx2Vector b) =>
        new(Avx.Subtract(a.A, b.A), Avx.Subtract(a.B, b.B));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Vector Multiply(Avx2Vector a, Avx2Vector b) =>
        new(Avx.Multiply(a.A, b.A), Avx.Multiply(a.B, b.B));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Vector FusedMultiplyAdd(Avx2Vector a, Avx2Vector b, Avx2Vector c) =>
        new(Fma.MultiplyAdd(a.A, b.A, c.A), Fma.MultiplyAdd(a.B, b.B, c.B));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Vector FusedNegateMultiplyAdd(Avx2Vector a, Avx2Vector b, Avx2Vector c) =>
        new(Fma.MultiplyAddNegated(a.A, b.A, c.A), Fma.MultiplyAddNegated(a.B, b.B, c.B));

    // vmaxps gives its second operand where either is NaN.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Vector Greater(Avx2Vector a, Avx2Vector b) => new(Avx.Max(a.A, b.A), Avx.Max(a.B, b.B));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Vector ZeroBelow(Avx2Vector a, Avx2Vector limit) =>
        new(
            Avx.And(a.A, Avx.CompareGreaterThanOrEqual(a.A, limit.A)),
            Avx.And(a.B, Avx.CompareGreaterThanOrEqual(a.B, limit.B)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Vector SelectBelow(Avx2Vector a, Avx2Vector b, Avx2Vector x, Avx2Vector y) =>
        new(
            Avx.BlendVariable(y.A, x.A, Avx.CompareLessThan(a.A, b.A)),
            Avx.BlendVariable(y.B, x.B, Avx.CompareLessThan(a.B, b.B)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Vector PowerOfTwo(Avx2Vector a) =>
        new(
            Avx2.ShiftLeftLogical(a.A.AsInt32(), 23).AsSingle(),
            Avx2.ShiftLeftLogical(a.B.AsInt32(), 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Vector LoadQuarters(float* source, nuint stride) =>
        new(
            Vector256.Create(Sse.LoadVector128(source), Sse.LoadVector128(source + stride)),
            Vector256.Create(Sse.LoadVector128(source + (2 * stride)), Sse.LoadVector128(source + (3 * stride))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreQuarters(float* destination, nuint stride, Avx2Vector a)
    {
        Sse.Store(destination, a.A.GetLower());
        Sse.Store(destination + stride, a.A.GetUpper());
        Sse.Store(destination + (2 * stride), a.B.GetLower());
        Sse.Store(destination + (3 * stride), a.B.GetUpper());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void TransposeQuarters(ref Avx2Vector a, ref Avx2Vector b, ref Avx2Vector c, ref Avx2Vector d)
    {
        var (a0, b0, c0, d0) = TransposeQuarters(a.A, b.A, c.A, d.A);
        var (a1, b1, c1, d1) = TransposeQuarters(a.B, b.B, c.B, d.B);
        a = new(a0, a1);
        b = new(b0, b1);
        c = new(c0, c1);
        d = new(d0, d1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Vector ReplaceLane(Avx2Vector a, nuint lane, float value)
    {
        Vector256<int> wanted = Vector256.Create((int)lane);
        Vector256<float> values = Vector256.Create(value);
        Vector256<int> inA = Avx2.CompareEqual(Vector256.Create(0, 1, 2, 3, 4, 5, 6, 7), wanted);
        Vector256<int> inB = Avx2.CompareEqual(Vector256.Create(8, 9, 10, 11, 12, 13, 14, 15), wanted);
        return new(
            Avx.BlendVariable(a.A, values, inA.AsSingle()),
            Avx.BlendVariable(a.B, values, inB.AsSingle()));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float GreatestLane(Avx2Vector a)
    {
        Vector256<float> eight = Avx.Max(a.A, a.B);
        Vector128<float> m = Sse.Max(eight.GetLower(), eight.GetUpper());
        m = Sse.Max(m, Sse.MoveHighToLow(m, m));
        return Sse.MaxScalar(m, Sse3.MoveHighAndDuplicate(m)).ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint EqualLanes(Avx2Vector a, Avx2Vector b) =>
        (uint)(Avx.MoveMask(Avx.CompareEqual(a.A, b.A)) | (Avx.MoveMask(Avx.CompareEqual(a.B, b.B)) << 8));

    // All bits set in the first count lanes.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static (Vector256<float> A, Vector256<float> B) FirstLanes(nuint count)
    {
        Vector256<int> limit = Vector256.Create((int)count);
        return (
            Avx2.CompareGreaterThan(limit, Vector256.Create(0, 1, 2, 3, 4, 5, 6, 7)).AsSingle(),
            Avx2.CompareGreaterThan(limit, Vector256.Create(8, 9, 10, 11, 12, 13, 14, 15)).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<float> A, Vector256<float> B, Vector256<float> C, Vector256<float> D) TransposeQuarters(
        Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d)
    {
        Vector256<float> abLow = Avx.UnpackLow(a, b);
        Vector256<float> abHigh = Avx.UnpackHigh(a, b);
        Vector256<float> cdLow = Avx.UnpackLow(c, d);
        Vector256<float> cdHigh = Avx.UnpackHigh(c, d);
        return (
            Avx.Shuffle(abLow, cdLow, 0b_01_00_01_00),
            Avx.Shuffle(abLow, cdLow, 0b_11_10_11_10),
            Avx.Shuffle(abHigh, cdHigh, 0b_01_00_01_00),
            Avx.Shuffle(abHigh, cdHigh, 0b_11_10_11_10));
    }

    // .NET has no F16C. Each lane holds 16 bits.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> FromHalf(Vector256<int> half)
    {
        Vector256<int> magnitude = Avx2.ShiftLeftLogical(Avx2.And(half, Vector256.Create(0x7fff)), 13);
        Vector256<int> normal = Avx2.Add(magnitude, Vector256.Create(HalfBits.Rebias));
        Vector256<int> special = Avx2.Add(normal, Vector256.Create(HalfBits.Rebias));
        Vector256<float> subnormal = Avx.Subtract(
            Avx2.Add(normal, Vector256.Create(HalfBits.NextExponent)).AsSingle(),
            Vector256.Create(HalfBits.SmallestNormal));
        Vector256<int> isSpecial = Avx2.CompareGreaterThan(magnitude, Vector256.Create(HalfBits.WidenedLargest));
        Vector256<int> isSubnormal = Avx2.CompareGreaterThan(Vector256.Create(HalfBits.NextExponent), magnitude);
        Vector256<int> result = Avx2.BlendVariable(normal, special, isSpecial);
        result = Avx2.BlendVariable(result, subnormal.AsInt32(), isSubnormal);
        Vector256<int> sign = Avx2.And(Avx2.ShiftLeftLogical(half, 16), Vector256.Create(int.MinValue));
        return Avx2.Or(result, sign).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> ToHalf(Vector256<float> a)
    {
        Vector256<int> magnitude = Avx2.And(a.AsInt32(), Vector256.Create(int.MaxValue));
        Vector256<int> clamped = Avx2.Min(magnitude, Vector256.Create(HalfBits.Infinite));
        Vector256<int> odd = Avx2.And(Avx2.ShiftRightLogical(clamped, 13), Vector256.Create(1));
        Vector256<int> rounded = Avx2.Add(Avx2.Add(clamped, odd), Vector256.Create(0xfff - HalfBits.Rebias));
        Vector256<int> normal = Avx2.ShiftRightLogical(rounded, 13);
        Vector256<int> subnormal = Avx2.Subtract(
            Avx.Add(clamped.AsSingle(), Vector256.Create(0.5f)).AsInt32(),
            Vector256.Create(0.5f).AsInt32());
        Vector256<int> isSubnormal = Avx2.CompareGreaterThan(Vector256.Create(HalfBits.WidenedSmallest), magnitude);
        Vector256<int> isNaN = Avx2.CompareGreaterThan(magnitude, Vector256.Create(HalfBits.SingleInfinity));
        Vector256<int> result = Avx2.BlendVariable(normal, subnormal, isSubnormal);
        result = Avx2.BlendVariable(result, Vector256.Create(HalfBits.NaN), isNaN);
        Vector256<int> sign = Avx2.And(Avx2.ShiftRightLogical(a.AsInt32(), 16), Vector256.Create(0x8000));
        return Avx2.Or(result, sign);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> ToBFloat16(Vector256<float> a)
    {
        Vector256<int> bits = a.AsInt32();
        Vector256<int> odd = Avx2.And(Avx2.ShiftRightLogical(bits, 16), Vector256.Create(1));
        Vector256<int> rounded = Avx2.Add(Avx2.Add(bits, odd), Vector256.Create(0x7fff));
        Vector256<int> result = Avx2.ShiftRightLogical(rounded, 16);
        return Avx2.BlendVariable(result, Vector256.Create(0x7fc0), Avx.CompareUnordered(a, a).AsInt32());
    }

    // The low 16 bits of each lane. Packing works within the halves of a register: the quarters come out as 0, 2, 1, 3.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(ushort* destination, Vector256<int> a, Vector256<int> b) =>
        Avx.Store(
            destination,
            Avx2.Permute4x64(Avx2.PackUnsignedSaturate(a, b).AsUInt64(), 0b11_01_10_00).AsUInt16());
}

/// <summary>Sixteen doubles in four AVX2 registers.</summary>
internal readonly unsafe struct Avx2Doubles(
    Vector256<double> a, Vector256<double> b, Vector256<double> c, Vector256<double> d)
    : IDoubleVector<Avx2Doubles, Avx2Vector>
{
    internal readonly Vector256<double> A = a;
    internal readonly Vector256<double> B = b;
    internal readonly Vector256<double> C = c;
    internal readonly Vector256<double> D = d;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Doubles operator +(Avx2Doubles a, Avx2Doubles b) =>
        new(Avx.Add(a.A, b.A), Avx.Add(a.B, b.B), Avx.Add(a.C, b.C), Avx.Add(a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Doubles operator -(Avx2Doubles a, Avx2Doubles b) =>
        new(Avx.Subtract(a.A, b.A), Avx.Subtract(a.B, b.B), Avx.Subtract(a.C, b.C), Avx.Subtract(a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Doubles operator *(Avx2Doubles a, Avx2Doubles b) =>
        new(Avx.Multiply(a.A, b.A), Avx.Multiply(a.B, b.B), Avx.Multiply(a.C, b.C), Avx.Multiply(a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Doubles operator /(Avx2Doubles a, Avx2Doubles b) =>
        new(Avx.Divide(a.A, b.A), Avx.Divide(a.B, b.B), Avx.Divide(a.C, b.C), Avx.Divide(a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Doubles Set(double value)
    {
        Vector256<double> v = Vector256.Create(value);
        return new(v, v, v, v);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Doubles Load(double* source) =>
        new(
            Avx.LoadVector256(source),
            Avx.LoadVector256(source + 4),
            Avx.LoadVector256(source + 8),
            Avx.LoadVector256(source + 12));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Doubles LoadPartial(double* source, nuint count, double other)
    {
        Avx2Doubles mask = FirstLanes(count);
        Vector256<double> rest = Vector256.Create(other);
        return new(
            Avx.BlendVariable(rest, Avx.MaskLoad(source, mask.A), mask.A),
            Avx.BlendVariable(rest, Avx.MaskLoad(source + 4, mask.B), mask.B),
            Avx.BlendVariable(rest, Avx.MaskLoad(source + 8, mask.C), mask.C),
            Avx.BlendVariable(rest, Avx.MaskLoad(source + 12, mask.D), mask.D));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(double* destination, Avx2Doubles a)
    {
        Avx.Store(destination, a.A);
        Avx.Store(destination + 4, a.B);
        Avx.Store(destination + 8, a.C);
        Avx.Store(destination + 12, a.D);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePartial(double* destination, Avx2Doubles a, nuint count)
    {
        Avx2Doubles mask = FirstLanes(count);
        Avx.MaskStore(destination, mask.A, a.A);
        Avx.MaskStore(destination + 4, mask.B, a.B);
        Avx.MaskStore(destination + 8, mask.C, a.C);
        Avx.MaskStore(destination + 12, mask.D, a.D);
    }

    // vmaxpd gives its second operand where either is NaN.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Doubles Greater(Avx2Doubles a, Avx2Doubles b) =>
        new(Avx.Max(a.A, b.A), Avx.Max(a.B, b.B), Avx.Max(a.C, b.C), Avx.Max(a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Doubles ZeroBelow(Avx2Doubles a, Avx2Doubles limit) =>
        new(
            Avx.And(a.A, Avx.CompareGreaterThanOrEqual(a.A, limit.A)),
            Avx.And(a.B, Avx.CompareGreaterThanOrEqual(a.B, limit.B)),
            Avx.And(a.C, Avx.CompareGreaterThanOrEqual(a.C, limit.C)),
            Avx.And(a.D, Avx.CompareGreaterThanOrEqual(a.D, limit.D)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Doubles SelectBelow(Avx2Doubles a, Avx2Doubles b, Avx2Doubles x, Avx2Doubles y) =>
        new(
            Avx.BlendVariable(y.A, x.A, Avx.CompareLessThan(a.A, b.A)),
            Avx.BlendVariable(y.B, x.B, Avx.CompareLessThan(a.B, b.B)),
            Avx.BlendVariable(y.C, x.C, Avx.CompareLessThan(a.C, b.C)),
            Avx.BlendVariable(y.D, x.D, Avx.CompareLessThan(a.D, b.D)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Doubles PowerOfTwo(Avx2Doubles a) =>
        new(
            Avx2.ShiftLeftLogical(a.A.AsUInt64(), 52).AsDouble(),
            Avx2.ShiftLeftLogical(a.B.AsUInt64(), 52).AsDouble(),
            Avx2.ShiftLeftLogical(a.C.AsUInt64(), 52).AsDouble(),
            Avx2.ShiftLeftLogical(a.D.AsUInt64(), 52).AsDouble());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double GreatestLane(Avx2Doubles a)
    {
        Vector256<double> four = Avx.Max(Avx.Max(a.A, a.B), Avx.Max(a.C, a.D));
        Vector128<double> two = Sse2.Max(four.GetLower(), four.GetUpper());
        return Sse2.MaxScalar(two, Sse2.UnpackHigh(two, two)).ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint EqualLanes(Avx2Doubles a, Avx2Doubles b) =>
        (uint)(Avx.MoveMask(Avx.CompareEqual(a.A, b.A)) | (Avx.MoveMask(Avx.CompareEqual(a.B, b.B)) << 4)
            | (Avx.MoveMask(Avx.CompareEqual(a.C, b.C)) << 8) | (Avx.MoveMask(Avx.CompareEqual(a.D, b.D)) << 12));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double SumLanes(Avx2Doubles a)
    {
        Vector256<double> four = Avx.Add(Avx.Add(a.A, a.C), Avx.Add(a.B, a.D));
        Vector128<double> two = Sse2.Add(four.GetLower(), four.GetUpper());
        return two.ToScalar() + two.GetElement(1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Doubles Widen(Avx2Vector a) =>
        new(
            Avx.ConvertToVector256Double(a.A.GetLower()),
            Avx.ConvertToVector256Double(a.A.GetUpper()),
            Avx.ConvertToVector256Double(a.B.GetLower()),
            Avx.ConvertToVector256Double(a.B.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Vector Narrow(Avx2Doubles a) =>
        new(
            Vector256.Create(Avx.ConvertToVector128Single(a.A), Avx.ConvertToVector128Single(a.B)),
            Vector256.Create(Avx.ConvertToVector128Single(a.C), Avx.ConvertToVector128Single(a.D)));

    // All bits set in the first count lanes.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Avx2Doubles FirstLanes(nuint count)
    {
        Vector256<long> limit = Vector256.Create((long)count);
        return new(
            Avx2.CompareGreaterThan(limit, Vector256.Create(0L, 1, 2, 3)).AsDouble(),
            Avx2.CompareGreaterThan(limit, Vector256.Create(4L, 5, 6, 7)).AsDouble(),
            Avx2.CompareGreaterThan(limit, Vector256.Create(8L, 9, 10, 11)).AsDouble(),
            Avx2.CompareGreaterThan(limit, Vector256.Create(12L, 13, 14, 15)).AsDouble());
    }
}
