namespace NativeXent.Tests.Support;

/// <summary>What numbers an argument has that may be left out.</summary>
internal enum NumberKinds
{
    /// <summary>There is no such argument.</summary>
    None,

    /// <summary>Around 1, and now and then 0.</summary>
    Ordinary,

    /// <summary>Nothing but 0.</summary>
    Zero,

    /// <summary>From the smallest to the greatest finite ones.</summary>
    Extreme,

    /// <summary>Those, infinities and NaN.</summary>
    All,
}
