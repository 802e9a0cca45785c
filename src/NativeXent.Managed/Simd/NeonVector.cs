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
    public static NeonVector PowerOfTwo(NeonVector a) =>
        new(
            AdvSimd.ShiftLeftLogical(a.A.AsUInt32(), 23).AsSingle(),
            AdvSimd.ShiftLeftLogical(a.B.AsUInt32(), 23).AsSingle(),
            AdvSimd.ShiftLeftLogical(a.C.AsUInt32(), 23).AsSingle(),
            AdvSimd.ShiftLeftLogical(a.D.AsUInt32(), 23).AsSingle());

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
    private static Vector128<float> Greater(Vector128<float> a, Vector128<float> b) =>
        AdvSimd.BitwiseSelect(AdvSimd.CompareGreaterThan(a, b), a, b);
}

/// <summary>The sum to <see cref="NeonVector"/>: lanes 0 to 7 and 8 to 15.</summary>
internal readonly struct NeonVectorSum : IVectorSum<NeonVectorSum, NeonVector>
{
    private readonly Half _low;
    private readonly Half _high;

    private NeonVectorSum(Half low, Half high)
    {
        _low = low;
        _high = high;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NeonVectorSum AddWidened(NeonVectorSum sum, NeonVector a) =>
        new(sum._low.AddWidened(a.A, a.B), sum._high.AddWidened(a.C, a.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double SumLanes(NeonVectorSum a)
    {
        Vector128<double> v0 = AdvSimd.Arm64.Add(a._low.A, a._high.A);
        Vector128<double> v1 = AdvSimd.Arm64.Add(a._low.B, a._high.B);
        Vector128<double> v2 = AdvSimd.Arm64.Add(a._low.C, a._high.C);
        Vector128<double> v3 = AdvSimd.Arm64.Add(a._low.D, a._high.D);
        Vector128<double> two = AdvSimd.Arm64.Add(AdvSimd.Arm64.Add(v0, v2), AdvSimd.Arm64.Add(v1, v3));
        return two.ToScalar() + two.GetElement(1);
    }

    private readonly struct Half(Vector128<double> a, Vector128<double> b, Vector128<double> c, Vector128<double> d)
    {
        internal readonly Vector128<double> A = a;
        internal readonly Vector128<double> B = b;
        internal readonly Vector128<double> C = c;
        internal readonly Vector128<double> D = d;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal Half AddWidened(Vector128<float> x, Vector128<float> y) =>
            new(
                AdvSimd.Arm64.Add(A, AdvSimd.Arm64.ConvertToDouble(x.GetLower())),
                AdvSimd.Arm64.Add(B, AdvSimd.Arm64.ConvertToDoubleUpper(x)),
                AdvSimd.Arm64.Add(C, AdvSimd.Arm64.ConvertToDouble(y.GetLower())),
                AdvSimd.Arm64.Add(D, AdvSimd.Arm64.ConvertToDoubleUpper(y)));
    }
}
