namespace NativeXent;

/// <summary>The totals of a batch.</summary>
/// <remarks>Their bits do not depend on backend, instruction set or number of threads.</remarks>
public readonly record struct SigmoidCrossEntropyResult
{
    /// <summary>
    /// The loss in nats, added up in double before any rounding to the element type: the logits' sum, or for
    /// <see cref="Reduction.Mean"/> the sum divided by <see cref="Elements"/>, which is 0 where there are none; null for
    /// <see cref="Reduction.None"/>, which computes no total.
    /// </summary>
    public double? Loss { get; init; }

    /// <summary>The number of logits.</summary>
    public long Elements { get; init; }
}
