namespace NativeXent.Peers;

/// <summary>How much is measured.</summary>
/// <param name="Bytes">Of logits, and as much of gradient.</param>
/// <param name="Rounds">In which all contenders take turns.</param>
/// <param name="Classes">The numbers of classes that all contenders are compared at.</param>
/// <param name="IsQuick">Only to see that everything works: nothing is warmed up, and no thread is waited for.</param>
/// <param name="Sections">What is measured at all.</param>
internal sealed record Settings(
    long Bytes, int Rounds, IReadOnlyList<int> Classes, bool IsQuick, IReadOnlyCollection<Section> Sections)
{
    /// <summary>Logits and gradient lie within a second-level cache of 512 KiB.</summary>
    internal const long CacheBytes = 128 << 10;

    // Few classes, as of categories and letters, to the vocabularies of language models.
    private static readonly int[] AllClasses =
        [2, 3, 10, 32, 100, 1_000, 4_096, 10_000, 32_000, 50_257, 128_256, 256_000];

    /// <summary>Logits and gradient are four times the last cache or more, and at least 128 MiB.</summary>
    internal static Settings Full => new(Math.Max(64L << 20, 2 * Machine.LastCacheBytes), 5, AllClasses, false, Enum.GetValues<Section>());

    /// <summary>Everything once on little data.</summary>
    internal static Settings Quick => new(1 << 18, 1, AllClasses, true, Enum.GetValues<Section>());

    /// <summary>At these numbers of classes, where there are any.</summary>
    internal Settings At(int[]? classes) => classes is { Length: > 0 } ? this with { Classes = classes } : this;
}
