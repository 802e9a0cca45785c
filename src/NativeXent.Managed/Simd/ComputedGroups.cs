namespace NativeXent.Simd;

/// <summary>
/// What only tests want to know: whether rows were computed in groups. Results cannot tell, as they have the bits of
/// rows computed alone.
/// </summary>
internal static class ComputedGroups
{
    /// <summary>How many groups this thread has computed.</summary>
    [ThreadStatic]
    internal static long Count;
}
