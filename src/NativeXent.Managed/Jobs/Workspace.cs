namespace NativeXent.Jobs;

/// <summary>Memory for exponentials of rows that neither their gradient nor the stack can keep.</summary>
internal static class Workspace
{
    // What backends take of the stack.
    private const int StackBytes = 65_536;

    /// <summary>How many doubles a call can use, 0 where it would not use any.</summary>
    /// <param name="type">The type of the elements.</param>
    /// <param name="classes">The number of classes.</param>
    /// <param name="outputKeeps">Whether exponentials are kept where the output will be, or not needed again.</param>
    internal static int Length(ElementType type, nuint classes, bool outputKeeps)
    {
        nuint size = type == ElementType.Float64 ? (nuint)sizeof(double) : sizeof(float);
        return outputKeeps || classes <= StackBytes / size || classes > (nuint)Array.MaxLength
            ? 0
            : (int)Chunks.DivideUp(classes * size, sizeof(double));
    }

    /// <summary>Whether an output of this type and layout can keep exponentials.</summary>
    internal static bool CanKeep(ElementType type, nuint innerSize) =>
        type is ElementType.Float32 or ElementType.Float64 && innerSize == 1;
}
