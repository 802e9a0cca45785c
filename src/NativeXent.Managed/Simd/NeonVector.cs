using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace NativeXent.Simd;

/// <summary>Sixteen lanes in four NEON registers (arm64).</summary>
internal readonly unsafe struct NeonVector(
    Vector128<float> a, Vector128<float> b, Vector128<float> c, Vector128<float> d) : IVector<NeonVector>
{
    internal readonly Vector128<float> A = a;
    internal readonly Vector128<float> B = b;
    internal readonly Vector128<float> C = c;
    internal readonly Vector128<float> D = d;

    public static bool IsSupported => AdvSimd.Arm64.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NeonVector Set(float value)
    {
        Vector128<float> v = Vector128.Create(value);
        return new(v, v, v, v);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NeonVector Load(float* source) =>
        new(
            AdvSimd.LoadVector128(source),
            AdvSimd.LoadVector128(source + 4),
            AdvSimd.LoadVector128(source + 8),
            AdvSimd.LoadVector128(source + 12));

    // NEON has no masked access: partial vectors go through memory of our own.
    public static NeonVector LoadPartial(float* source, nuint count, float other)
    {
        float* lanes = stackalloc float[Lanes.Length];
        for (nuint i = 0; i < Lanes.Length; i++)
        {
            lanes[i] = i < count ? source[i] : other;
        }

        return Load(lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* destination, NeonVector a)
    {
        AdvSimd.Store(destination, a.A);
        AdvSimd.Store(destination + 4, a.B);
        AdvSimd.Store(destination + 8, a.C);
        AdvSimd.Store(destination + 12, a.D);
    }

    public static void StorePartial(float* destination, NeonVector a, nuint count)
    {
        float* lanes = stackalloc float[Lanes.Length];
        Store(lanes, a);
        for (nuint i = 0; i < count; i++)
        {
            destination[i] = lanes[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NeonVector LoadHalf(ushort* source) =>
        new(
            FromHalf(LoadBits(source)),
            FromHalf(LoadBits(source + 4)),
            FromHalf(LoadBits(source + 8)),
            FromHalf(LoadBits(source + 12)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreHalf(ushort* destination, NeonVector a)
    {
        StoreBits(destination, ToHalf(a.A), ToHalf(a.B));
        StoreBits(destination + 8, ToHalf(a.C), ToHalf(a.D));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NeonVector LoadBFloat16(ushort* source) =>
        new(
            (LoadBits(source) << 16).AsSingle(),
            (LoadBits(source + 4) << 16).AsSingle(),
            (LoadBits(source + 8) << 16).AsSingle(),
            (LoadBits(source + 12) << 16).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBFloat16(ushort* destination, NeonVector a)
    {
        StoreBits(destination, ToBFloat16(a.A), ToBFloat16(a.B));
        StoreBits(destination + 8, ToBFloat16(a.C), ToBFloat16(a.D));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NeonVector Add(NeonVector a, NeonVector b) =>
        new(AdvSimd.Add(a.A, b.A), AdvSimd.Add(a.B, b.B), AdvSimd.Add(a.C, b.C), AdvSimd.Add(a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NeonVector Subtract(NeonVector a, NeonVector b) =>
        new(
            AdvSimd.Subtract(a.A, b.A),
            AdvSimd.Subtract(a.B, b.B),
            AdvSimd.Subtract(a.C, b.C),
            AdvSimd.Subtract(a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NeonVector Multiply(NeonVector a, NeonVector b) =>
        new(
            AdvSimd.Multiply(a.A, b.A),
            AdvSimd.Multiply(a.B, b.B),
            AdvSimd.Multiply(a.C, b.C),
            AdvSimd.Multiply(a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NeonVector FusedMultiplyAdd(NeonVector a, NeonVector b, NeonVector c) =>
        new(
            AdvSimd.FusedMultiplyAdd(c.A, a.A, b.A),
            AdvSimd.FusedMultiplyAdd(c.B, a.B, b.B),
            AdvSimd.FusedMultiplyAdd(c.C, a.C, b.C),
            AdvSimd.FusedMultiplyAdd(c.D, a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NeonVector FusedNegateMultiplyAdd(NeonVector a, NeonVector b, NeonVector c) =>
        new(
            AdvSimd.FusedMultiplySubtract(c.A, a.A, b.A),
            AdvSimd.FusedMultiplySubtract(c.B, a.B, b.B),
            AdvSimd.FusedMultiplySubtract(c.C, a.C, b.C),
            AdvSimd.FusedMultiplySubtract(c.D, a.D, b.D));

    // Not AdvSimd.Max, which differs in NaN.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NeonVector Greater(NeonVector a, NeonVector b) =>
        new(Greater(a.A, b.A), Greater(a.B, b.B), Greater(a.C, b.C), Greater(a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NeonVector ZeroBelow(NeonVector a, NeonVector limit) =>
        new(
            AdvSimd.And(a.A, AdvSimd.CompareGreaterThanOrEqual(a.A, limit.A)),
            AdvSimd.And(a.B, AdvSimd.CompareGreaterThanOrEqual(a.B, limit.B)),
            AdvSimd.And(a.C, AdvSimd.CompareGreaterThanOrEqual(a.C, limit.C)),
            AdvSimd.And(a.D, AdvSimd.CompareGreaterThanOrEqual(a.D, limit.D)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NeonVector SelectBelow(NeonVector a, NeonVector b, NeonVector x, NeonVector y) =>
        new(
            AdvSimd.BitwiseSelect(AdvSimd.CompareLessThan(a.A, b.A), x.A, y.A),
            AdvSimd.BitwiseSelect(AdvSimd.CompareLessThan(a.B, b.B), x.B, y.B),
            AdvSimd.BitwiseSelect(AdvSimd.CompareLessThan(a.C, b.C), x.C, y.C),
            AdvSimd.BitwiseSelect(AdvSimd.CompareLessThan(a.D, b.D), x.D, y.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NeonVector PowerOfTwo(NeonVector a) =>
        new(
            AdvSimd.ShiftLeftLogical(a.A.AsUInt32(), 23).AsSingle(),
            AdvSimd.ShiftLeftLogical(a.B.AsUInt32(), 23).AsSingle(),
            AdvSimd.ShiftLeftLogical(a.C.AsUInt32(), 23).AsSingle(),
            AdvSimd.ShiftLeftLogical(a.D.AsUInt32(), 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NeonVector LoadQuarters(float* source, nuint stride) =>
        new(
            AdvSimd.LoadVector128(source),
            AdvSimd.LoadVector128(source + stride),
            AdvSimd.LoadVector128(source + (2 * stride)),
            AdvSimd.LoadVector128(source + (3 * stride)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreQuarters(float* destination, nuint stride, NeonVector a)
    {
        AdvSimd.Store(destination, a.A);
        AdvSimd.Store(destination + stride, a.B);
        AdvSimd.Store(destination + (2 * stride), a.C);
        AdvSimd.Store(destination + (3 * stride), a.D);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void TransposeQuarters(ref NeonVector a, ref NeonVector b, ref NeonVector c, ref NeonVector d)
    {
        var (a0, b0, c0, d0) = TransposeQuarters(a.A, b.A, c.A, d.A);
        var (a1, b1, c1, d1) = TransposeQuarters(a.B, b.B, c.B, d.B);
        var (a2, b2, c2, d2) = TransposeQuarters(a.C, b.C, c.C, d.C);
        var (a3, b3, c3, d3) = TransposeQuarters(a.D, b.D, c.D, d.D);
        a = new(a0, a1, a2, a3);
        b = new(b0, b1, b2, b3);
        c = new(c0, c1, c2, c3);
        d = new(d0, d1, d2, d3);
    }

    public static NeonVector ReplaceLane(NeonVector a, nuint lane, float value)
    {
        float* lanes = stackalloc float[Lanes.Length];
        Store(lanes, a);
        lanes[lane] = value;
        return Load(lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float GreatestLane(NeonVector a) =>
        AdvSimd.Arm64.MaxAcross(AdvSimd.Max(AdvSimd.Max(a.A, a.B), AdvSimd.Max(a.C, a.D))).ToScalar();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector128<float> A, Vector128<float> B, Vector128<float> C, Vector128<float> D) TransposeQuarters(
        Vector128<float> a, Vector128<float> b, Vector128<float> c, Vector128<float> d)
    {
        Vector128<double> abEven = AdvSimd.Arm64.TransposeEven(a, b).AsDouble();
        Vector128<double> abOdd = AdvSimd.Arm64.TransposeOdd(a, b).AsDouble();
        Vector128<double> cdEven = AdvSimd.Arm64.TransposeEven(c, d).AsDouble();
        Vector128<double> cdOdd = AdvSimd.Arm64.TransposeOdd(c, d).AsDouble();
        return (
            AdvSimd.Arm64.TransposeEven(abEven, cdEven).AsSingle(),
            AdvSimd.Arm64.TransposeEven(abOdd, cdOdd).AsSingle(),
            AdvSimd.Arm64.TransposeOdd(abEven, cdEven).AsSingle(),
            AdvSimd.Arm64.TransposeOdd(abOdd, cdOdd).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Greater(Vector128<float> a, Vector128<float> b) =>
        AdvSimd.BitwiseSelect(AdvSimd.CompareGreaterThan(a, b), a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> LoadBits(ushort* source) =>
        AdvSimd.ZeroExtendWideningLower(AdvSimd.LoadVector64(source)).AsInt32();

    // The low 16 bits of each lane.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreBits(ushort* destination, Vector128<int> a, Vector128<int> b) =>
        AdvSimd.Store(
            destination,
            AdvSimd.ExtractNarrowingUpper(AdvSimd.ExtractNarrowingLower(a.AsUInt32()), b.AsUInt32()));

    // .NET does not offer NEON's own conversion. Each lane holds 16 bits.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> FromHalf(Vector128<int> half)
    {
        Vector128<int> magnitude = AdvSimd.And(half, Vector128.Create(0x7fff)) << 13;
        Vector128<int> normal = AdvSimd.Add(magnitude, Vector128.Create(HalfBits.Rebias));
        Vector128<int> special = AdvSimd.Add(normal, Vector128.Create(HalfBits.Rebias));
        Vector128<float> subnormal = AdvSimd.Subtract(
            AdvSimd.Add(normal, Vector128.Create(HalfBits.NextExponent)).AsSingle(),
            Vector128.Create(HalfBits.SmallestNormal));
        Vector128<int> isSpecial = AdvSimd.CompareGreaterThan(magnitude, Vector128.Create(HalfBits.WidenedLargest));
        Vector128<int> isSubnormal = AdvSimd.CompareLessThan(magnitude, Vector128.Create(HalfBits.NextExponent));
        Vector128<int> result = AdvSimd.BitwiseSelect(isSpecial, special, normal);
        result = AdvSimd.BitwiseSelect(isSubnormal, subnormal.AsInt32(), result);
        Vector128<int> sign = AdvSimd.And(half << 16, Vector128.Create(int.MinValue));
        return AdvSimd.Or(result, sign).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> ToHalf(Vector128<float> a)
    {
        Vector128<int> magnitude = AdvSimd.And(a.AsInt32(), Vector128.Create(int.MaxValue));
        Vector128<int> clamped = AdvSimd.Min(magnitude, Vector128.Create(HalfBits.Infinite));
        Vector128<int> odd = AdvSimd.And(AdvSimd.ShiftRightLogical(clamped, 13), Vector128.Create(1));
        Vector128<int> rounded = AdvSimd.Add(AdvSimd.Add(clamped, odd), Vector128.Create(0xfff - HalfBits.Rebias));
        Vector128<int> normal = AdvSimd.ShiftRightLogical(rounded, 13);
        Vector128<int> subnormal = AdvSimd.Subtract(
            AdvSimd.Add(clamped.AsSingle(), Vector128.Create(0.5f)).AsInt32(),
            Vector128.Create(0.5f).AsInt32());
        Vector128<int> isSubnormal = AdvSimd.CompareLessThan(magnitude, Vector128.Create(HalfBits.WidenedSmallest));
        Vector128<int> isNaN = AdvSimd.CompareGreaterThan(magnitude, Vector128.Create(HalfBits.SingleInfinity));
        Vector128<int> result = AdvSimd.BitwiseSelect(isSubnormal, subnormal, normal);
        result = AdvSimd.BitwiseSelect(isNaN, Vector128.Create(HalfBits.NaN), result);
        Vector128<int> sign = AdvSimd.And(AdvSimd.ShiftRightLogical(a.AsInt32(), 16), Vector128.Create(0x8000));
        return AdvSimd.Or(result, sign);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> ToBFloat16(Vector128<float> a)
    {
        Vector128<int> bits = a.AsInt32();
        Vector128<int> odd = AdvSimd.And(AdvSimd.ShiftRightLogical(bits, 16), Vector128.Create(1));
        Vector128<int> rounded = AdvSimd.Add(AdvSimd.Add(bits, odd), Vector128.Create(0x7fff));
        Vector128<int> result = AdvSimd.ShiftRightLogical(rounded, 16);
        return AdvSimd.BitwiseSelect(AdvSimd.CompareEqual(a, a).AsInt32(), result, Vector128.Create(0x7fc0));
    }
}

/// <summary>Sixteen doubles in eight NEON registers, lanes 0 to 7 and 8 to 15.</summary>
internal readonly unsafe struct NeonDoubles : IDoubleVector<NeonDoubles, NeonVector>
{
    private readonly Eight _low;
    private readonly Eight _high;

    private NeonDoubles(Eight low, Eight high)
    {
        _low = low;
        _high = high;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NeonDoubles operator +(NeonDoubles a, NeonDoubles b) => new(a._low + b._low, a._high + b._high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NeonDoubles operator -(NeonDoubles a, NeonDoubles b) => new(a._low - b._low, a._high - b._high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NeonDoubles operator *(NeonDoubles a, NeonDoubles b) => new(a._low * b._low, a._high * b._high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NeonDoubles operator /(NeonDoubles a, NeonDoubles b) => new(a._low / b._low, a._high / b._high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NeonDoubles Set(double value)
    {
        Vector128<double> v = Vector128.Create(value);
        Eight eight = new(v, v, v, v);
        return new(eight, eight);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NeonDoubles Load(double* source) => new(Eight.Load(source), Eight.Load(source + 8));

    public static NeonDoubles LoadPartial(double* source, nuint count, double other)
    {
        double* lanes = stackalloc double[Lanes.Length];
        for (nuint i = 0; i < Lanes.Length; i++)
        {
            lanes[i] = i < count ? source[i] : other;
        }

        return Load(lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(double* destination, NeonDoubles a)
    {
        Eight.Store(destination, a._low);
        Eight.Store(destination + 8, a._high);
    }

    public static void StorePartial(double* destination, NeonDoubles a, nuint count)
    {
        double* lanes = stackalloc double[Lanes.Length];
        Store(lanes, a);
        for (nuint i = 0; i < count; i++)
        {
            destination[i] = lanes[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NeonDoubles Greater(NeonDoubles a, NeonDoubles b) =>
        new(Eight.Greater(a._low, b._low), Eight.Greater(a._high, b._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NeonDoubles ZeroBelow(NeonDoubles a, NeonDoubles limit) =>
        new(Eight.ZeroBelow(a._low, limit._low), Eight.ZeroBelow(a._high, limit._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NeonDoubles SelectBelow(NeonDoubles a, NeonDoubles b, NeonDoubles x, NeonDoubles y) =>
        new(Eight.SelectBelow(a._low, b._low, x._low, y._low), Eight.SelectBelow(a._high, b._high, x._high, y._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NeonDoubles PowerOfTwo(NeonDoubles a) => new(Eight.PowerOfTwo(a._low), Eight.PowerOfTwo(a._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double GreatestLane(NeonDoubles a)
    {
        Eight eight = Eight.Greater(a._low, a._high);
        return AdvSimd.Arm64.MaxPairwiseScalar(
            AdvSimd.Arm64.Max(AdvSimd.Arm64.Max(eight.A, eight.B), AdvSimd.Arm64.Max(eight.C, eight.D))).ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double SumLanes(NeonDoubles a)
    {
        Eight eight = a._low + a._high;
        Vector128<double> two = AdvSimd.Arm64.Add(
            AdvSimd.Arm64.Add(eight.A, eight.C), AdvSimd.Arm64.Add(eight.B, eight.D));
        return two.ToScalar() + two.GetElement(1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NeonDoubles Widen(NeonVector a) => new(Eight.Widen(a.A, a.B), Eight.Widen(a.C, a.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NeonVector Narrow(NeonDoubles a) =>
        new(
            Narrow(a._low.A, a._low.B),
            Narrow(a._low.C, a._low.D),
            Narrow(a._high.A, a._high.B),
            Narrow(a._high.C, a._high.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Narrow(Vector128<double> a, Vector128<double> b) =>
        AdvSimd.Arm64.ConvertToSingleUpper(AdvSimd.Arm64.ConvertToSingleLower(a), b);

    // The JIT keeps structs of up to four fields in registers.
    private readonly struct Eight(Vector128<double> a, Vector128<double> b, Vector128<double> c, Vector128<double> d)
    {
        internal readonly Vector128<double> A = a;
        internal readonly Vector128<double> B = b;
        internal readonly Vector128<double> C = c;
        internal readonly Vector128<double> D = d;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Eight operator +(Eight a, Eight b) =>
            new(
                AdvSimd.Arm64.Add(a.A, b.A),
                AdvSimd.Arm64.Add(a.B, b.B),
                AdvSimd.Arm64.Add(a.C, b.C),
                AdvSimd.Arm64.Add(a.D, b.D));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Eight operator -(Eight a, Eight b) =>
            new(
                AdvSimd.Arm64.Subtract(a.A, b.A),
                AdvSimd.Arm64.Subtract(a.B, b.B),
                AdvSimd.Arm64.Subtract(a.C, b.C),
                AdvSimd.Arm64.Subtract(a.D, b.D));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Eight operator *(Eight a, Eight b) =>
            new(
                AdvSimd.Arm64.Multiply(a.A, b.A),
                AdvSimd.Arm64.Multiply(a.B, b.B),
                AdvSimd.Arm64.Multiply(a.C, b.C),
                AdvSimd.Arm64.Multiply(a.D, b.D));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Eight operator /(Eight a, Eight b) =>
            new(
                AdvSimd.Arm64.Divide(a.A, b.A),
                AdvSimd.Arm64.Divide(a.B, b.B),
                AdvSimd.Arm64.Divide(a.C, b.C),
                AdvSimd.Arm64.Divide(a.D, b.D));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal static Eight Load(double* source) =>
            new(
                AdvSimd.LoadVector128(source),
                AdvSimd.LoadVector128(source + 2),
                AdvSimd.LoadVector128(source + 4),
                AdvSimd.LoadVector128(source + 6));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal static void Store(double* destination, Eight a)
        {
            AdvSimd.Store(destination, a.A);
            AdvSimd.Store(destination + 2, a.B);
            AdvSimd.Store(destination + 4, a.C);
            AdvSimd.Store(destination + 6, a.D);
        }

        // Not AdvSimd.Arm64.Max, which differs in NaN.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal static Eight Greater(Eight a, Eight b) => SelectBelow(b, a, a, b);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal static Eight ZeroBelow(Eight a, Eight limit) =>
            new(
                AdvSimd.And(a.A, AdvSimd.Arm64.CompareGreaterThanOrEqual(a.A, limit.A)),
                AdvSimd.And(a.B, AdvSimd.Arm64.CompareGreaterThanOrEqual(a.B, limit.B)),
                AdvSimd.And(a.C, AdvSimd.Arm64.CompareGreaterThanOrEqual(a.C, limit.C)),
                AdvSimd.And(a.D, AdvSimd.Arm64.CompareGreaterThanOrEqual(a.D, limit.D)));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal static Eight SelectBelow(Eight a, Eight b, Eight x, Eight y) =>
            new(
                AdvSimd.BitwiseSelect(AdvSimd.Arm64.CompareLessThan(a.A, b.A), x.A, y.A),
                AdvSimd.BitwiseSelect(AdvSimd.Arm64.CompareLessThan(a.B, b.B), x.B, y.B),
                AdvSimd.BitwiseSelect(AdvSimd.Arm64.CompareLessThan(a.C, b.C), x.C, y.C),
                AdvSimd.BitwiseSelect(AdvSimd.Arm64.CompareLessThan(a.D, b.D), x.D, y.D));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal static Eight PowerOfTwo(Eight a) =>
            new(
                (a.A.AsUInt64() << 52).AsDouble(),
                (a.B.AsUInt64() << 52).AsDouble(),
                (a.C.AsUInt64() << 52).AsDouble(),
                (a.D.AsUInt64() << 52).AsDouble());

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal static Eight Widen(Vector128<float> a, Vector128<float> b) =>
            new(
                AdvSimd.Arm64.ConvertToDouble(a.GetLower()),
                AdvSimd.Arm64.ConvertToDoubleUpper(a),
                AdvSimd.Arm64.ConvertToDouble(b.GetLower()),
                AdvSimd.Arm64.ConvertToDoubleUpper(b));
    }
}
