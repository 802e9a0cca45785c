namespace NativeXent.Simd;

/// <summary>
/// Sixteen float lanes: the managed twin of <c>native/src/simd/vec_*.h</c>. Every operation acts lane by lane and rounds
/// once, to nearest even, so that each implementation gives the same bits.
/// </summary>
internal unsafe interface IVector<TSelf>
    where TSelf : struct, IVector<TSelf>
{
    static abstract TSelf Set(float value);

    static abstract TSelf Load(float* source);

    /// <summary>The first <paramref name="count"/> lanes from memory, the others as given.</summary>
    static abstract TSelf LoadPartial(float* source, nuint count, float other);

    static abstract void Store(float* destination, TSelf a);

    /// <summary>Only the first <paramref name="count"/> lanes; the memory behind the others is not touched.</summary>
    static abstract void StorePartial(float* destination, TSelf a, nuint count);

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

    /// <summary>
    /// The low bits of each lane, shifted into the exponent: for a = 1.5·2^23 + k this is 2^(k − 127), and 0 for k = 0.
    /// </summary>
    static abstract TSelf PowerOfTwo(TSelf a);

    static abstract TSelf ReplaceLane(TSelf a, nuint lane, float value);

    /// <summary>The greatest lane. No lane may be NaN.</summary>
    static abstract float GreatestLane(TSelf a);
}

/// <summary>Sixteen double lanes, which sum vectors of <typeparamref name="TVector"/>.</summary>
internal interface IVectorSum<TSelf, TVector>
    where TSelf : struct, IVectorSum<TSelf, TVector>
    where TVector : struct, IVector<TVector>
{
    static abstract TSelf AddWidened(TSelf sum, TVector a);

    /// <summary>Adds lanes i and i + 8, then i and i + 4, then i and i + 2, then 0 and 1.</summary>
    static abstract double SumLanes(TSelf a);
}

/// <summary>The lanes of a vector in memory.</summary>
[System.Runtime.CompilerServices.InlineArray(Length)]
internal struct Lanes
{
    public const int Length = 16;

    private float _first;
}
