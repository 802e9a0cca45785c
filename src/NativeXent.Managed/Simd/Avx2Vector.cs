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
    public static Avx2Vector PowerOfTwo(Avx2Vector a) =>
        new(
            Avx2.ShiftLeftLogical(a.A.AsInt32(), 23).AsSingle(),
            Avx2.ShiftLeftLogical(a.B.AsInt32(), 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2Vector ReplaceLane(Avx2Vector a, nuint lane, float value)
    {
        Vector256<int> wanted = Vector256.Create((int)lane);
        Vector256<float> values = Vector256.Create(value);
        return new(
            Avx.BlendVariable(a.A, values, Avx2.CompareEqual(Vector256.Create(0, 1, 2, 3, 4, 5, 6, 7), wanted).AsSingle()),
            Avx.BlendVariable(
                a.B, values, Avx2.CompareEqual(Vector256.Create(8, 9, 10, 11, 12, 13, 14, 15), wanted).AsSingle()));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float GreatestLane(Avx2Vector a)
    {
        Vector256<float> eight = Avx.Max(a.A, a.B);
        Vector128<float> m = Sse.Max(eight.GetLower(), eight.GetUpper());
        m = Sse.Max(m, Sse.MoveHighToLow(m, m));
        return Sse.MaxScalar(m, Sse3.MoveHighAndDuplicate(m)).ToScalar();
    }

    // All bits set in the first count lanes.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static (Vector256<float> A, Vector256<float> B) FirstLanes(nuint count)
    {
        Vector256<int> limit = Vector256.Create((int)count);
        return (
            Avx2.CompareGreaterThan(limit, Vector256.Create(0, 1, 2, 3, 4, 5, 6, 7)).AsSingle(),
            Avx2.CompareGreaterThan(limit, Vector256.Create(8, 9, 10, 11, 12, 13, 14, 15)).AsSingle());
    }
}

/// <summary>The sum to <see cref="Avx2Vector"/>.</summary>
internal readonly struct Avx2VectorSum(Vector256<double> a, Vector256<double> b, Vector256<double> c, Vector256<double> d)
    : IVectorSum<Avx2VectorSum, Avx2Vector>
{
    private readonly Vector256<double> _a = a;
    private readonly Vector256<double> _b = b;
    private readonly Vector256<double> _c = c;
    private readonly Vector256<double> _d = d;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx2VectorSum AddWidened(Avx2VectorSum sum, Avx2Vector a) =>
        new(
            Avx.Add(sum._a, Avx.ConvertToVector256Double(a.A.GetLower())),
            Avx.Add(sum._b, Avx.ConvertToVector256Double(a.A.GetUpper())),
            Avx.Add(sum._c, Avx.ConvertToVector256Double(a.B.GetLower())),
            Avx.Add(sum._d, Avx.ConvertToVector256Double(a.B.GetUpper())));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double SumLanes(Avx2VectorSum a)
    {
        Vector256<double> four = Avx.Add(Avx.Add(a._a, a._c), Avx.Add(a._b, a._d));
        Vector128<double> two = Sse2.Add(four.GetLower(), four.GetUpper());
        return two.ToScalar() + two.GetElement(1);
    }
}
