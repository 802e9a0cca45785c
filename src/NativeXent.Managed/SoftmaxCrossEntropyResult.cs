namespace NativeXent;

/// <summary>The totals of a batch.</summary>
/// <remarks>Their bits do not depend on backend, instruction set or number of threads.</remarks>
public readonly record struct SoftmaxCrossEntropyResult
{
    /// <summary>
    /// The loss in nats, added up in double before any rounding to the element type: the rows' sum, or for
    /// <see cref="Reduction.Mean"/> the sum divided by <see cref="Weight"/>, which is 0 where the weight is 0; null for
    /// <see cref="Reduction.None"/>, which computes no total.
    /// </summary>
    public double? Loss { get; init; }

    /// <summary>The z-loss, reduced as <see cref="Loss"/> is, of which it is no part.</summary>
    public double? ZLoss { get; init; }

    /// <summary>
    /// The sum of the weights of the labels of the rows that count, in the order of the rows; the number of rows where
    /// targets are distributions.
    /// </summary>
    public double Weight { get; init; }

    /// <summary>The number of rows that count: all but those ignored.</summary>
    public long Rows { get; init; }

    /// <summary>
    /// The number of rows that count whose largest logit is the target; null where
    /// <see cref="SoftmaxCrossEntropyOptions.CountCorrect"/> did not ask for it. With distributions the target is the
    /// largest of the row. Of equals the first is taken. A row whose loss, z-loss or gradient is NaN, or would be if it
    /// were asked for, is not correct.
    /// </summary>
    public long? CorrectRows { get; init; }
}
