namespace NativeXent;

/// <summary>
/// How logits lie in memory. Mostly it is the number of classes alone, which converts to a layout by itself: rows of so
/// many elements, one after the other.
/// </summary>
/// <remarks>
/// <para>
/// A batch has samples, each has classes, and each class has <see cref="InnerSize"/> positions: the axes (N, C, S) of a
/// segmentation, say. The logit of class c at position s of sample n is at n·<see cref="Stride"/> + c·InnerSize + s.
/// What is called a row are the logits of one position of one sample: rows number n·InnerSize + s, and labels, losses
/// and all else that is there once for each row lie in that order.
/// </para>
/// <para>
/// A span may end with its last sample or with that sample's stride. Elements between samples are neither read nor
/// written. A layout is checked where it is used.
/// </para>
/// </remarks>
/// <param name="Classes">The number of classes, at least 1.</param>
public readonly record struct LogitsLayout(nint Classes)
{
    private readonly nint _furtherPositions;

    /// <summary>The number of positions of a sample, at least 1; 1 by default, where a sample is a row.</summary>
    public nint InnerSize
    {
        get => _furtherPositions + 1;
        init => _furtherPositions = value - 1;
    }

    /// <summary>
    /// Elements from the start of one sample of logits to the next, at least <see cref="Classes"/> ·
    /// <see cref="InnerSize"/>; 0, the default, means just that. Of a backward method: the output of the forward one.
    /// </summary>
    public nint Stride { get; init; }

    /// <summary>The same for targets that are distributions.</summary>
    public nint TargetsStride { get; init; }

    /// <summary>The same for the upstream gradient of a backward method.</summary>
    public nint UpstreamStride { get; init; }

    /// <summary>The same for the destination, where that is laid out as the logits are.</summary>
    public nint DestinationStride { get; init; }

    /// <summary>Rows of so many classes, one after the other.</summary>
    /// <param name="classes">The number of classes.</param>
    public static implicit operator LogitsLayout(nint classes) => new(classes);

    /// <summary>Rows of so many classes, one after the other.</summary>
    /// <param name="classes">The number of classes.</param>
    /// <remarks>For languages whose integers do not become an <see cref="IntPtr"/> by themselves.</remarks>
    public static implicit operator LogitsLayout(int classes) => new(classes);
}
