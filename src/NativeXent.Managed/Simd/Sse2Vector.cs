using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace NativeXent.Simd;

/// <summary>
/// Sixteen lanes in four SSE2 registers, for x86-64 without AVX2 and FMA: fused multiply-adds are done in doubles.
/// </summary>
internal readonly unsafe struct Sse2Vector(
    Vector128<float> a, Vector128<float> b, Vector128<float> c, Vector128<float> d) : IVector<Sse2Vector>
{
    internal readonly Vector128<float> A = a;
    internal readonly Vector128<float> B = b;
    internal readonly Vector128<float> C = c;
    internal readonly Vector128<float> D = d;

    public static bool IsSupported => Sse2.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sse2Vector Set(float value)
    {
        Vector128<float> v = Vector128.Create(value);
        return new(v, v, v, v);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sse2Vector Load(float* source) =>
        new(
            Vector128.Load(source),
            Vector128.Load(source + 4),
            Vector128.Load(source + 8),
            Vector128.Load(source + 12));

    // There is no masked access: partial vectors go through memory of our own.
    public static Sse2Vector LoadPartial(float* source, nuint count, float other)
    {
        float* lanes = stackalloc float[Lanes.Length];
        for (nuint i = 0; i < Lanes.Length; i++)
        {
            lanes[i] = i < count ? source[i] : other;
        }

        return Load(lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* destination, Sse2Vector a)
    {
        a.A.Store(destination);
        a.B.Store(destination + 4);
        a.C.Store(destination + 8);
        a.D.Store(destination + 12);
    }

    public static void StorePartial(float* destination, Sse2Vector a, nuint count)
    {
        float* lanes = stackalloc float[Lanes.Length];
        Store(lanes, a);
        for (nuint i = 0; i < count; i++)
        {
            destination[i] = lanes[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sse2Vector LoadHalf(ushort* source) =>
        new(
            FromHalf(LoadBits(source)),
            FromHalf(LoadBits(source + 4)),
            FromHalf(LoadBits(source + 8)),
            FromHalf(LoadBits(source + 12)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreHalf(ushort* destination, Sse2Vector a)
    {
        StoreBits(destination, ToHalf(a.A), ToHalf(a.B));
        StoreBits(destination + 8, ToHalf(a.C), ToHalf(a.D));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sse2Vector LoadBFloat16(ushort* source) =>
        new(
            (LoadBits(source) << 16).AsSingle(),
            (LoadBits(source + 4) << 16).AsSingle(),
            (LoadBits(source + 8) << 16).AsSingle(),
            (LoadBits(source + 12) << 16).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBFloat16(ushort* destination, Sse2Vector a)
    {
        StoreBits(destination, ToBFloat16(a.A), ToBFloat16(a.B));
        StoreBits(destination + 8, ToBFloat16(a.C), ToBFloat16(a.D));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sse2Vector Add(Sse2Vector a, Sse2Vector b) =>
        new(Sse.Add(a.A, b.A), Sse.Add(a.B, b.B), Sse.Add(a.C, b.C), Sse.Add(a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sse2Vector Subtract(Sse2Vector a, Sse2Vector b) =>
        new(
            Sse.Subtract(a.A, b.A),
            Sse.Subtract(a.B, b.B),
            Sse.Subtract(a.C, b.C),
            Sse.Subtract(a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sse2Vector Multiply(Sse2Vector a, Sse2Vector b) =>
        new(
            Sse.Multiply(a.A, b.A),
            Sse.Multiply(a.B, b.B),
            Sse.Multiply(a.C, b.C),
            Sse.Multiply(a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sse2Vector FusedMultiplyAdd(Sse2Vector a, Sse2Vector b, Sse2Vector c)
    {
        Vector128<int> suspicions = Vector128<int>.Zero;
        Sse2Vector r = new(
            Fused(a.A, b.A, c.A, ref suspicions),
            Fused(a.B, b.B, c.B, ref suspicions),
            Fused(a.C, b.C, c.C, ref suspicions),
            Fused(a.D, b.D, c.D, ref suspicions));
        return Sse2.MoveMask(suspicions.AsByte()) == 0 ? r : FusedLaneByLane(a, b, c);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sse2Vector FusedNegateMultiplyAdd(Sse2Vector a, Sse2Vector b, Sse2Vector c) =>
        FusedMultiplyAdd(new(-a.A, -a.B, -a.C, -a.D), b, c);

    // maxps gives its second operand where either is NaN.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sse2Vector Greater(Sse2Vector a, Sse2Vector b) =>
        new(Sse.Max(a.A, b.A), Sse.Max(a.B, b.B), Sse.Max(a.C, b.C), Sse.Max(a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sse2Vector ZeroBelow(Sse2Vector a, Sse2Vector limit) =>
        new(
            Sse.And(a.A, Sse.CompareGreaterThanOrEqual(a.A, limit.A)),
            Sse.And(a.B, Sse.CompareGreaterThanOrEqual(a.B, limit.B)),
            Sse.And(a.C, Sse.CompareGreaterThanOrEqual(a.C, limit.C)),
            Sse.And(a.D, Sse.CompareGreaterThanOrEqual(a.D, limit.D)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sse2Vector SelectBelow(Sse2Vector a, Sse2Vector b, Sse2Vector x, Sse2Vector y) =>
        new(
            Vector128.ConditionalSelect(Sse.CompareLessThan(a.A, b.A), x.A, y.A),
            Vector128.ConditionalSelect(Sse.CompareLessThan(a.B, b.B), x.B, y.B),
            Vector128.ConditionalSelect(Sse.CompareLessThan(a.C, b.C), x.C, y.C),
            Vector128.ConditionalSelect(Sse.CompareLessThan(a.D, b.D), x.D, y.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sse2Vector PowerOfTwo(Sse2Vector a) =>
        new(
            Sse2.ShiftLeftLogical(a.A.AsUInt32(), 23).AsSingle(),
            Sse2.ShiftLeftLogical(a.B.AsUInt32(), 23).AsSingle(),
            Sse2.ShiftLeftLogical(a.C.AsUInt32(), 23).AsSingle(),
            Sse2.ShiftLeftLogical(a.D.AsUInt32(), 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sse2Vector LoadQuarters(float* source, nuint stride) =>
        new(
            Vector128.Load(source),
            Vector128.Load(source + stride),
            Vector128.Load(source + (2 * stride)),
            Vector128.Load(source + (3 * stride)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreQuarters(float* destination, nuint stride, Sse2Vector a)
    {
        a.A.Store(destination);
        a.B.Store(destination + stride);
        a.C.Store(destination + (2 * stride));
        a.D.Store(destination + (3 * stride));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void TransposeQuarters(ref Sse2Vector a, ref Sse2Vector b, ref Sse2Vector c, ref Sse2Vector d)
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

    public static Sse2Vector ReplaceLane(Sse2Vector a, nuint lane, float value)
    {
        float* lanes = stackalloc float[Lanes.Length];
        Store(lanes, a);
        lanes[lane] = value;
        return Load(lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float GreatestLane(Sse2Vector a)
    {
        Vector128<float> m = Sse.Max(Sse.Max(a.A, a.B), Sse.Max(a.C, a.D));
        m = Sse.Max(m, Sse.MoveHighToLow(m, m));
        return Sse.MaxScalar(m, Sse.Shuffle(m, m, 1)).ToScalar();
    }

    // The product is exact in double. Its sum with c is rounded to double, and then to float: that can only be wrong where
    // the first rounding hits the middle between two floats. Of normal floats this is seen by the 29 bits that the second
    // rounding drops; and of subnormal ones, which drop more, all are suspicious.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Fused(
        Vector128<float> a, Vector128<float> b, Vector128<float> c, ref Vector128<int> suspicions)
    {
        Vector128<double> low = Sse2.Add(
            Sse2.Multiply(Sse2.ConvertToVector128Double(a), Sse2.ConvertToVector128Double(b)),
            Sse2.ConvertToVector128Double(c));
        Vector128<double> high = Sse2.Add(Sse2.Multiply(WidenUpper(a), WidenUpper(b)), WidenUpper(c));
        Vector128<int> dropped = Sse2.And(
            Sse.Shuffle(low.AsSingle(), high.AsSingle(), 0b_10_00_10_00).AsInt32(), Vector128.Create(0x1fffffff));
        Vector128<int> exponent = Sse2.And(
            Sse.Shuffle(low.AsSingle(), high.AsSingle(), 0b_11_01_11_01).AsInt32(), Vector128.Create(int.MaxValue));
        Vector128<int> subnormal = Sse2.And(
            Sse2.CompareLessThan(exponent, Vector128.Create((1023 - 126) << 20)),
            Sse2.CompareGreaterThan(exponent, Vector128<int>.Zero));
        suspicions = Sse2.Or(
            suspicions, Sse2.Or(subnormal, Sse2.CompareEqual(dropped, Vector128.Create(0x10000000))));
        return Sse.MoveLowToHigh(Sse2.ConvertToVector128Single(low), Sse2.ConvertToVector128Single(high));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<double> WidenUpper(Vector128<float> a) =>
        Sse2.ConvertToVector128Double(Sse.MoveHighToLow(a, a));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Sse2Vector FusedLaneByLane(Sse2Vector a, Sse2Vector b, Sse2Vector c)
    {
        for (int i = 0; i < Lanes.Length; i++)
        {
            ((float*)&a)[i] = MathF.FusedMultiplyAdd(((float*)&a)[i], ((float*)&b)[i], ((float*)&c)[i]);
        }

        return a;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector128<float> A, Vector128<float> B, Vector128<float> C, Vector128<float> D) TransposeQuarters(
        Vector128<float> a, Vector128<float> b, Vector128<float> c, Vector128<float> d)
    {
        Vector128<float> abLow = Sse.UnpackLow(a, b);
        Vector128<float> abHigh = Sse.UnpackHigh(a, b);
        Vector128<float> cdLow = Sse.UnpackLow(c, d);
        Vector128<float> cdHigh = Sse.UnpackHigh(c, d);
        return (
            Sse.MoveLowToHigh(abLow, cdLow),
            Sse.MoveHighToLow(cdLow, abLow),
            Sse.MoveLowToHigh(abHigh, cdHigh),
            Sse.MoveHighToLow(cdHigh, abHigh));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> LoadBits(ushort* source) =>
        Sse2.UnpackLow(Sse2.LoadScalarVector128((ulong*)source).AsUInt16(), Vector128<ushort>.Zero).AsInt32();

    // The low 16 bits of each lane: packing saturates, but not what has had its sign extended.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreBits(ushort* destination, Vector128<int> a, Vector128<int> b) =>
        Sse2.PackSignedSaturate((a << 16) >> 16, (b << 16) >> 16).AsUInt16().Store(destination);

    // Each lane holds 16 bits.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> FromHalf(Vector128<int> half)
    {
        Vector128<int> magnitude = Sse2.And(half, Vector128.Create(0x7fff)) << 13;
        Vector128<int> normal = Sse2.Add(magnitude, Vector128.Create(HalfBits.Rebias));
        Vector128<int> special = Sse2.Add(normal, Vector128.Create(HalfBits.Rebias));
        Vector128<float> subnormal = Sse.Subtract(
            Sse2.Add(normal, Vector128.Create(HalfBits.NextExponent)).AsSingle(),
            Vector128.Create(HalfBits.SmallestNormal));
        Vector128<int> isSpecial = Sse2.CompareGreaterThan(magnitude, Vector128.Create(HalfBits.WidenedLargest));
        Vector128<int> isSubnormal = Sse2.CompareLessThan(magnitude, Vector128.Create(HalfBits.NextExponent));
        Vector128<int> result = Vector128.ConditionalSelect(isSpecial, special, normal);
        result = Vector128.ConditionalSelect(isSubnormal, subnormal.AsInt32(), result);
        Vector128<int> sign = Sse2.And(half << 16, Vector128.Create(int.MinValue));
        return Sse2.Or(result, sign).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> ToHalf(Vector128<float> a)
    {
        Vector128<int> magnitude = Sse2.And(a.AsInt32(), Vector128.Create(int.MaxValue));
        Vector128<int> clamped = Vector128.ConditionalSelect(
            Sse2.CompareLessThan(magnitude, Vector128.Create(HalfBits.Infinite)),
            magnitude,
            Vector128.Create(HalfBits.Infinite));
        Vector128<int> odd = Sse2.And(Sse2.ShiftRightLogical(clamped, 13), Vector128.Create(1));
        Vector128<int> rounded = Sse2.Add(Sse2.Add(clamped, odd), Vector128.Create(0xfff - HalfBits.Rebias));
        Vector128<int> normal = Sse2.ShiftRightLogical(rounded, 13);
        Vector128<int> subnormal = Sse2.Subtract(
            Sse.Add(clamped.AsSingle(), Vector128.Create(0.5f)).AsInt32(),
            Vector128.Create(0.5f).AsInt32());
        Vector128<int> isSubnormal = Sse2.CompareLessThan(magnitude, Vector128.Create(HalfBits.WidenedSmallest));
        Vector128<int> isNaN = Sse2.CompareGreaterThan(magnitude, Vector128.Create(HalfBits.SingleInfinity));
        Vector128<int> result = Vector128.ConditionalSelect(isSubnormal, subnormal, normal);
        result = Vector128.ConditionalSelect(isNaN, Vector128.Create(HalfBits.NaN), result);
        Vector128<int> sign = Sse2.And(Sse2.ShiftRightLogical(a.AsInt32(), 16), Vector128.Create(0x8000));
        return Sse2.Or(result, sign);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> ToBFloat16(Vector128<float> a)
    {
        Vector128<int> bits = a.AsInt32();
        Vector128<int> odd = Sse2.And(Sse2.ShiftRightLogical(bits, 16), Vector128.Create(1));
        Vector128<int> rounded = Sse2.Add(Sse2.Add(bits, odd), Vector128.Create(0x7fff));
        Vector128<int> result = Sse2.ShiftRightLogical(rounded, 16);
        return Vector128.ConditionalSelect(Sse.CompareEqual(a, a).AsInt32(), result, Vector128.Create(0x7fc0));
    }
}

/// <summary>Sixteen doubles in eight SSE2 registers, lanes 0 to 7 and 8 to 15.</summary>
internal readonly unsafe struct Sse2Doubles : IDoubleVector<Sse2Doubles, Sse2Vector>
{
    private readonly Eight _low;
    private readonly Eight _high;

    private Sse2Doubles(Eight low, Eight high)
    {
        _low = low;
        _high = high;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sse2Doubles operator +(Sse2Doubles a, Sse2Doubles b) => new(a._low + b._low, a._high + b._high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sse2Doubles operator -(Sse2Doubles a, Sse2Doubles b) => new(a._low - b._low, a._high - b._high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sse2Doubles operator *(Sse2Doubles a, Sse2Doubles b) => new(a._low * b._low, a._high * b._high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sse2Doubles operator /(Sse2Doubles a, Sse2Doubles b) => new(a._low / b._low, a._high / b._high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sse2Doubles Set(double value)
    {
        Vector128<double> v = Vector128.Create(value);
        Eight eight = new(v, v, v, v);
        return new(eight, eight);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sse2Doubles Load(double* source) => new(Eight.Load(source), Eight.Load(source + 8));

    public static Sse2Doubles LoadPartial(double* source, nuint count, double other)
    {
        double* lanes = stackalloc double[Lanes.Length];
        for (nuint i = 0; i < Lanes.Length; i++)
        {
            lanes[i] = i < count ? source[i] : other;
        }

        return Load(lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(double* destination, Sse2Doubles a)
    {
        Eight.Store(destination, a._low);
        Eight.Store(destination + 8, a._high);
    }

    public static void StorePartial(double* destination, Sse2Doubles a, nuint count)
    {
        double* lanes = stackalloc double[Lanes.Length];
        Store(lanes, a);
        for (nuint i = 0; i < count; i++)
        {
            destination[i] = lanes[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sse2Doubles Greater(Sse2Doubles a, Sse2Doubles b) =>
        new(Eight.Greater(a._low, b._low), Eight.Greater(a._high, b._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sse2Doubles ZeroBelow(Sse2Doubles a, Sse2Doubles limit) =>
        new(Eight.ZeroBelow(a._low, limit._low), Eight.ZeroBelow(a._high, limit._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sse2Doubles SelectBelow(Sse2Doubles a, Sse2Doubles b, Sse2Doubles x, Sse2Doubles y) =>
        new(Eight.SelectBelow(a._low, b._low, x._low, y._low), Eight.SelectBelow(a._high, b._high, x._high, y._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sse2Doubles PowerOfTwo(Sse2Doubles a) => new(Eight.PowerOfTwo(a._low), Eight.PowerOfTwo(a._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double GreatestLane(Sse2Doubles a)
    {
        Eight eight = Eight.Greater(a._low, a._high);
        Vector128<double> two = Sse2.Max(Sse2.Max(eight.A, eight.B), Sse2.Max(eight.C, eight.D));
        return Sse2.MaxScalar(two, Sse2.UnpackHigh(two, two)).ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double SumLanes(Sse2Doubles a)
    {
        Eight eight = a._low + a._high;
        Vector128<double> two = Sse2.Add(
            Sse2.Add(eight.A, eight.C), Sse2.Add(eight.B, eight.D));
        return two.ToScalar() + two.GetElement(1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sse2Doubles Widen(Sse2Vector a) => new(Eight.Widen(a.A, a.B), Eight.Widen(a.C, a.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sse2Vector Narrow(Sse2Doubles a) =>
        new(
            Narrow(a._low.A, a._low.B),
            Narrow(a._low.C, a._low.D),
            Narrow(a._high.A, a._high.B),
            Narrow(a._high.C, a._high.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Narrow(Vector128<double> a, Vector128<double> b) =>
        Sse.MoveLowToHigh(Sse2.ConvertToVector128Single(a), Sse2.ConvertToVector128Single(b));

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
                Sse2.Add(a.A, b.A),
                Sse2.Add(a.B, b.B),
                Sse2.Add(a.C, b.C),
                Sse2.Add(a.D, b.D));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Eight operator -(Eight a, Eight b) =>
            new(
                Sse2.Subtract(a.A, b.A),
                Sse2.Subtract(a.B, b.B),
                Sse2.Subtract(a.C, b.C),
                Sse2.Subtract(a.D, b.D));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Eight operator *(Eight a, Eight b) =>
            new(
                Sse2.Multiply(a.A, b.A),
                Sse2.Multiply(a.B, b.B),
                Sse2.Multiply(a.C, b.C),
                Sse2.Multiply(a.D, b.D));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Eight operator /(Eight a, Eight b) =>
            new(
                Sse2.Divide(a.A, b.A),
                Sse2.Divide(a.B, b.B),
                Sse2.Divide(a.C, b.C),
                Sse2.Divide(a.D, b.D));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal static Eight Load(double* source) =>
            new(
                Vector128.Load(source),
                Vector128.Load(source + 2),
                Vector128.Load(source + 4),
                Vector128.Load(source + 6));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal static void Store(double* destination, Eight a)
        {
            a.A.Store(destination);
            a.B.Store(destination + 2);
            a.C.Store(destination + 4);
            a.D.Store(destination + 6);
        }

        // maxpd gives its second operand where either is NaN.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal static Eight Greater(Eight a, Eight b) =>
            new(Sse2.Max(a.A, b.A), Sse2.Max(a.B, b.B), Sse2.Max(a.C, b.C), Sse2.Max(a.D, b.D));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal static Eight ZeroBelow(Eight a, Eight limit) =>
            new(
                Sse2.And(a.A, Sse2.CompareGreaterThanOrEqual(a.A, limit.A)),
                Sse2.And(a.B, Sse2.CompareGreaterThanOrEqual(a.B, limit.B)),
                Sse2.And(a.C, Sse2.CompareGreaterThanOrEqual(a.C, limit.C)),
                Sse2.And(a.D, Sse2.CompareGreaterThanOrEqual(a.D, limit.D)));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal static Eight SelectBelow(Eight a, Eight b, Eight x, Eight y) =>
            new(
                Vector128.ConditionalSelect(Sse2.CompareLessThan(a.A, b.A), x.A, y.A),
                Vector128.ConditionalSelect(Sse2.CompareLessThan(a.B, b.B), x.B, y.B),
                Vector128.ConditionalSelect(Sse2.CompareLessThan(a.C, b.C), x.C, y.C),
                Vector128.ConditionalSelect(Sse2.CompareLessThan(a.D, b.D), x.D, y.D));

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
                Sse2.ConvertToVector128Double(a),
                Sse2.ConvertToVector128Double(Sse.MoveHighToLow(a, a)),
                Sse2.ConvertToVector128Double(b),
                Sse2.ConvertToVector128Double(Sse.MoveHighToLow(b, b)));
    }
}
