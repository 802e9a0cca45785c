namespace NativeXent.Jobs;

/// <summary>Memory for what neither the gradient nor the stack can keep of a row.</summary>
internal static class Workspace
{
    // What backends take of the stack.
    private const int StackBytes = 65_536;

    /// <summary>How many doubles a call can use, 0 where it would not use any.</summary>
    /// <param name="type">The type of the elements.</param>
    /// <param name="classes">The number of classes.</param>
    /// <param name="numbersToKeep">How many numbers of each class are to be kept outside the output: 0 to 2.</param>
    internal static int Length(ElementType type, nuint classes, int numbersToKeep)
    {
        if (numbersToKeep == 0)
        {
            return 0;
        }

        nuint size = type == ElementType.Float64 ? (nuint)sizeof(double) : sizeof(float);
        nuint onStack = classes == 0 ? 0 : StackBytes / size / classes;
        nuint count = (nuint)numbersToKeep - nuint.Min((nuint)numbersToKeep, onStack);
        return classes > (nuint)Array.MaxLength / 2 ? 0 : (int)Chunks.DivideUp(count * classes * size, sizeof(double));
    }

    /// <summary>Whether an output of this type and layout can keep exponentials.</summary>
    internal static bool CanKeep(ElementType type, nuint innerSize) =>
        type is ElementType.Float32 or ElementType.Float64 && innerSize == 1;
}
