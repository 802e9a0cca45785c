namespace NativeXent;

/// <summary>
/// The sizes of a linear layer, and how its matrices lie in memory: row by row. Mostly it is the two sizes alone, and the
/// rows of each matrix follow one another.
/// </summary>
/// <remarks>
/// A span may end with its last row or with that row's stride. Elements between rows are neither read nor written. A layout
/// is checked where it is used.
/// </remarks>
/// <param name="Features">The number of columns of input and weight, at least 1.</param>
/// <param name="Outputs">
/// The number of columns of output and of rows of weight, at least 1; for a classifier's head the number of classes.
/// </param>
public readonly record struct LinearLayout(nint Features, nint Outputs)
{
    /// <summary>
    /// Elements from the start of one row of the input to the next, at least <see cref="Features"/>; 0, the default, means
    /// just that.
    /// </summary>
    public nint InputStride { get; init; }

    /// <summary>The same for the weight.</summary>
    public nint WeightStride { get; init; }

    /// <summary>
    /// The same for the output or the gradient with respect to it, at least <see cref="Outputs"/>; 0 means just that.
    /// </summary>
    public nint OutputStride { get; init; }

    /// <summary>The same for a gradient with respect to the input or the weight.</summary>
    public nint GradientStride { get; init; }
}
