using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace NativeXent.Simd;

/// <summary>Sixteen lanes in one AVX-512 register.</summary>
internal readonly unsafe struct Avx512Vector(Vector512<float> v) : IVector<Avx512Vector>
{
    internal readonly Vector512<float> V = v;

    public static bool IsSupported => Avx512F.IsSupported && Avx2Vector.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Vector Set(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Vector Load(float* source) => new(Avx512F.LoadVector512(source));

    // .NET 8 does not offer AVX-512's masked access: two halves instead.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Vector LoadPartial(float* source, nuint count, float other)
    {
        Avx2Vector halves = Avx2Vector.LoadPartial(source, count, other);
        return new(Vector512.Create(halves.A, halves.B));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* destination, Avx512Vector a) => Avx512F.Store(destination, a.V);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePartial(float* destination, Avx512Vector a, nuint count) =>
        Avx2Vector.StorePartial(destination, new(a.V.GetLower(), a.V.GetUpper()), count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Vector LoadHalf(ushort* source) =>
        new(FromHalf(Avx512F.ConvertToVector512Int32(Avx.LoadVector256(source))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreHalf(ushort* destination, Avx512Vector a) =>
        Avx.Store(destination, Avx512F.ConvertToVector256UInt16(ToHalf(a.V)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Vector LoadBFloat16(ushort* source) =>
        new(Avx512F.ShiftLeftLogical(Avx512F.ConvertToVector512Int32(Avx.LoadVector256(source)), 16).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBFloat16(ushort* destination, Avx512Vector a) =>
        Avx.Store(destination, Avx512F.ConvertToVector256UInt16(ToBFloat16(a.V)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Vector Add(Avx512Vector a, Avx512Vector b) => new(Avx512F.Add(a.V, b.V));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Vector Subtract(Avx512Vector a, Avx512Vector b) => new(Avx512F.Subtract(a.V, b.V));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Vector Multiply(Avx512Vector a, Avx512Vector b) => new(Avx512F.Multiply(a.V, b.V));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Vector FusedMultiplyAdd(Avx512Vector a, Avx512Vector b, Avx512Vector c) =>
        new(Avx512F.FusedMultiplyAdd(a.V, b.V, c.V));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Vector FusedNegateMultiplyAdd(Avx512Vector a, Avx512Vector b, Avx512Vector c) =>
        new(Avx512F.FusedMultiplyAddNegated(a.V, b.V, c.V));

    // vmaxps gives its second operand where either is NaN.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Vector Greater(Avx512Vector a, Avx512Vector b) => new(Avx512F.Max(a.V, b.V));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Vector ZeroBelow(Avx512Vector a, Avx512Vector limit) =>
        new(Vector512.ConditionalSelect(
            Vector512.GreaterThanOrEqual(a.V, limit.V), a.V, Vector512<float>.Zero));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Vector SelectBelow(Avx512Vector a, Avx512Vector b, Avx512Vector x, Avx512Vector y) =>
        new(Vector512.ConditionalSelect(Vector512.LessThan(a.V, b.V), x.V, y.V));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Vector PowerOfTwo(Avx512Vector a) =>
        new(Avx512F.ShiftLeftLogical(a.V.AsInt32(), 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Vector LoadQuarters(float* source, nuint stride)
    {
        Avx2Vector halves = Avx2Vector.LoadQuarters(source, stride);
        return new(Vector512.Create(halves.A, halves.B));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreQuarters(float* destination, nuint stride, Avx512Vector a) =>
        Avx2Vector.StoreQuarters(destination, stride, new(a.V.GetLower(), a.V.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void TransposeQuarters(
        ref Avx512Vector a, ref Avx512Vector b, ref Avx512Vector c, ref Avx512Vector d)
    {
        Vector512<float> abLow = Avx512F.UnpackLow(a.V, b.V);
        Vector512<float> abHigh = Avx512F.UnpackHigh(a.V, b.V);
        Vector512<float> cdLow = Avx512F.UnpackLow(c.V, d.V);
        Vector512<float> cdHigh = Avx512F.UnpackHigh(c.V, d.V);
        a = new(Avx512F.Shuffle(abLow, cdLow, 0b_01_00_01_00));
        b = new(Avx512F.Shuffle(abLow, cdLow, 0b_11_10_11_10));
        c = new(Avx512F.Shuffle(abHigh, cdHigh, 0b_01_00_01_00));
        d = new(Avx512F.Shuffle(abHigh, cdHigh, 0b_11_10_11_10));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Vector ReplaceLane(Avx512Vector a, nuint lane, float value)
    {
        Avx2Vector halves = Avx2Vector.ReplaceLane(new(a.V.GetLower(), a.V.GetUpper()), lane, value);
        return new(Vector512.Create(halves.A, halves.B));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float GreatestLane(Avx512Vector a) => Avx2Vector.GreatestLane(new(a.V.GetLower(), a.V.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint EqualLanes(Avx512Vector a, Avx512Vector b) =>
        (uint)Vector512.Equals(a.V, b.V).ExtractMostSignificantBits();

    // As in Avx2Vector.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> FromHalf(Vector512<int> half)
    {
        Vector512<int> magnitude = Avx512F.ShiftLeftLogical(Avx512F.And(half, Vector512.Create(0x7fff)), 13);
        Vector512<int> normal = Avx512F.Add(magnitude, Vector512.Create(HalfBits.Rebias));
        Vector512<int> special = Avx512F.Add(normal, Vector512.Create(HalfBits.Rebias));
        Vector512<float> subnormal = Avx512F.Subtract(
            Avx512F.Add(normal, Vector512.Create(HalfBits.NextExponent)).AsSingle(),
            Vector512.Create(HalfBits.SmallestNormal));
        Vector512<int> isSpecial = Vector512.GreaterThan(magnitude, Vector512.Create(HalfBits.WidenedLargest));
        Vector512<int> isSubnormal = Vector512.LessThan(magnitude, Vector512.Create(HalfBits.NextExponent));
        Vector512<int> result = Vector512.ConditionalSelect(isSpecial, special, normal);
        result = Vector512.ConditionalSelect(isSubnormal, subnormal.AsInt32(), result);
        Vector512<int> sign = Avx512F.And(Avx512F.ShiftLeftLogical(half, 16), Vector512.Create(int.MinValue));
        return Avx512F.Or(result, sign).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> ToHalf(Vector512<float> a)
    {
        Vector512<int> magnitude = Avx512F.And(a.AsInt32(), Vector512.Create(int.MaxValue));
        Vector512<int> clamped = Avx512F.Min(magnitude, Vector512.Create(HalfBits.Infinite));
        Vector512<int> odd = Avx512F.And(Avx512F.ShiftRightLogical(clamped, 13), Vector512.Create(1));
        Vector512<int> rounded = Avx512F.Add(Avx512F.Add(clamped, odd), Vector512.Create(0xfff - HalfBits.Rebias));
        Vector512<int> normal = Avx512F.ShiftRightLogical(rounded, 13);
        Vector512<int> subnormal = Avx512F.Subtract(
            Avx512F.Add(clamped.AsSingle(), Vector512.Create(0.5f)).AsInt32(),
            Vector512.Create(0.5f).AsInt32());
        Vector512<int> isSubnormal = Vector512.LessThan(magnitude, Vector512.Create(HalfBits.WidenedSmallest));
        Vector512<int> isNaN = Vector512.GreaterThan(magnitude, Vector512.Create(HalfBits.SingleInfinity));
        Vector512<int> result = Vector512.ConditionalSelect(isSubnormal, subnormal, normal);
        result = Vector512.ConditionalSelect(isNaN, Vector512.Create(HalfBits.NaN), result);
        Vector512<int> sign = Avx512F.And(Avx512F.ShiftRightLogical(a.AsInt32(), 16), Vector512.Create(0x8000));
        return Avx512F.Or(result, sign);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> ToBFloat16(Vector512<float> a)
    {
        Vector512<int> bits = a.AsInt32();
        Vector512<int> odd = Avx512F.And(Avx512F.ShiftRightLogical(bits, 16), Vector512.Create(1));
        Vector512<int> rounded = Avx512F.Add(Avx512F.Add(bits, odd), Vector512.Create(0x7fff));
        Vector512<int> result = Avx512F.ShiftRightLogical(rounded, 16);
        return Vector512.ConditionalSelect(Vector512.Equals(a, a).AsInt32(), result, Vector512.Create(0x7fc0));
    }
}

/// <summary>Sixteen doubles in two AVX-512 registers.</summary>
internal readonly unsafe struct Avx512Doubles(Vector512<double> a, Vector512<double> b)
    : IDoubleVector<Avx512Doubles, Avx512Vector>
{
    internal readonly Vector512<double> A = a;
    internal readonly Vector512<double> B = b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Doubles operator +(Avx512Doubles a, Avx512Doubles b) =>
        new(Avx512F.Add(a.A, b.A), Avx512F.Add(a.B, b.B));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Doubles operator -(Avx512Doubles a, Avx512Doubles b) =>
        new(Avx512F.Subtract(a.A, b.A), Avx512F.Subtract(a.B, b.B));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Doubles operator *(Avx512Doubles a, Avx512Doubles b) =>
        new(Avx512F.Multiply(a.A, b.A), Avx512F.Multiply(a.B, b.B));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Doubles operator /(Avx512Doubles a, Avx512Doubles b) =>
        new(Avx512F.Divide(a.A, b.A), Avx512F.Divide(a.B, b.B));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Doubles Set(double value) => new(Vector512.Create(value), Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Doubles Load(double* source) =>
        new(Avx512F.LoadVector512(source), Avx512F.LoadVector512(source + 8));

    // .NET 8 does not offer AVX-512's masked access.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Doubles LoadPartial(double* source, nuint count, double other)
    {
        Avx2Doubles quarters = Avx2Doubles.LoadPartial(source, count, other);
        return new(Vector512.Create(quarters.A, quarters.B), Vector512.Create(quarters.C, quarters.D));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(double* destination, Avx512Doubles a)
    {
        Avx512F.Store(destination, a.A);
        Avx512F.Store(destination + 8, a.B);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePartial(double* destination, Avx512Doubles a, nuint count) =>
        Avx2Doubles.StorePartial(
            destination, new(a.A.GetLower(), a.A.GetUpper(), a.B.GetLower(), a.B.GetUpper()), count);

    // vmaxpd gives its second operand where either is NaN.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Doubles Greater(Avx512Doubles a, Avx512Doubles b) =>
        new(Avx512F.Max(a.A, b.A), Avx512F.Max(a.B, b.B));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Doubles ZeroBelow(Avx512Doubles a, Avx512Doubles limit) =>
        new(
            Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(a.A, limit.A), a.A, Vector512<double>.Zero),
            Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(a.B, limit.B), a.B, Vector512<double>.Zero));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Doubles SelectBelow(Avx512Doubles a, Avx512Doubles b, Avx512Doubles x, Avx512Doubles y) =>
        new(
            Vector512.ConditionalSelect(Vector512.LessThan(a.A, b.A), x.A, y.A),
            Vector512.ConditionalSelect(Vector512.LessThan(a.B, b.B), x.B, y.B));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Doubles PowerOfTwo(Avx512Doubles a) =>
        new(
            Avx512F.ShiftLeftLogical(a.A.AsUInt64(), 52).AsDouble(),
            Avx512F.ShiftLeftLogical(a.B.AsUInt64(), 52).AsDouble());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double GreatestLane(Avx512Doubles a)
    {
        Vector512<double> eight = Avx512F.Max(a.A, a.B);
        Vector256<double> four = Avx.Max(eight.GetLower(), eight.GetUpper());
        Vector128<double> two = Sse2.Max(four.GetLower(), four.GetUpper());
        return Sse2.MaxScalar(two, Sse2.UnpackHigh(two, two)).ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint EqualLanes(Avx512Doubles a, Avx512Doubles b) =>
        (uint)(Vector512.Equals(a.A, b.A).ExtractMostSignificantBits()
            | (Vector512.Equals(a.B, b.B).ExtractMostSignificantBits() << 8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double SumLanes(Avx512Doubles a)
    {
        Vector512<double> eight = Avx512F.Add(a.A, a.B);
        Vector256<double> four = Avx.Add(eight.GetLower(), eight.GetUpper());
        Vector128<double> two = Sse2.Add(four.GetLower(), four.GetUpper());
        return two.ToScalar() + two.GetElement(1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Doubles Widen(Avx512Vector a) =>
        new(
            Avx512F.ConvertToVector512Double(a.V.GetLower()),
            Avx512F.ConvertToVector512Double(a.V.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Vector Narrow(Avx512Doubles a) =>
        new(Vector512.Create(Avx512F.ConvertToVector256Single(a.A), Avx512F.ConvertToVector256Single(a.B)));
}
