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
    public static Avx512Vector PowerOfTwo(Avx512Vector a) =>
        new(Avx512F.ShiftLeftLogical(a.V.AsInt32(), 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512Vector ReplaceLane(Avx512Vector a, nuint lane, float value)
    {
        Avx2Vector halves = Avx2Vector.ReplaceLane(new(a.V.GetLower(), a.V.GetUpper()), lane, value);
        return new(Vector512.Create(halves.A, halves.B));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float GreatestLane(Avx512Vector a) => Avx2Vector.GreatestLane(new(a.V.GetLower(), a.V.GetUpper()));
}

/// <summary>The sum to <see cref="Avx512Vector"/>.</summary>
internal readonly struct Avx512VectorSum(Vector512<double> a, Vector512<double> b)
    : IVectorSum<Avx512VectorSum, Avx512Vector>
{
    private readonly Vector512<double> _a = a;
    private readonly Vector512<double> _b = b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Avx512VectorSum AddWidened(Avx512VectorSum sum, Avx512Vector a) =>
        new(
            Avx512F.Add(sum._a, Avx512F.ConvertToVector512Double(a.V.GetLower())),
            Avx512F.Add(sum._b, Avx512F.ConvertToVector512Double(a.V.GetUpper())));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double SumLanes(Avx512VectorSum a)
    {
        Vector512<double> eight = Avx512F.Add(a._a, a._b);
        Vector256<double> four = Avx.Add(eight.GetLower(), eight.GetUpper());
        Vector128<double> two = Sse2.Add(four.GetLower(), four.GetUpper());
        return two.ToScalar() + two.GetElement(1);
    }
}
