namespace NativeXent;

/// <summary>
/// What is computed: the variants of sigmoid cross-entropy. Immutable; without any option set, it is the plain loss of
/// each logit. Instances are cheap to keep: make one and use it for every call, from any thread.
/// </summary>
/// <remarks>
/// Every value is checked when it is set. <see cref="SigmoidCrossEntropy"/> has the formulas.
/// </remarks>
public sealed record SigmoidCrossEntropyOptions
{
    internal static readonly SigmoidCrossEntropyOptions Default = new();

    /// <summary>
    /// What becomes of the losses; <see cref="Reduction.None"/> by default. <see cref="Reduction.Mean"/> divides by the
    /// number of logits, gradients too. Each logit's own loss is never divided.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not a member of the enumeration.</exception>
    public Reduction Reduction
    {
        get;
        init => field = OptionRange.Reduction(value);
    }

    /// <summary>
    /// Label smoothing α in [0, 1]; 0 by default. Every target y becomes (1 − α)·y + α / 2.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is outside [0, 1].</exception>
    public double LabelSmoothing
    {
        get;
        init => field = OptionRange.Fraction(value);
    }

    /// <summary>
    /// Weights of the positive class, not negative and finite: logit i has weight i modulo their number, so that one
    /// for each column of a row-major matrix is one for each class. Empty, the default, for 1 each. Arrays of float
    /// and double convert to it; the values are copied.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">A weight is negative, infinite or NaN.</exception>
    public WeightList PositiveWeights
    {
        get;
        init => field = OptionRange.Weights(value);
    }

    /// <summary>
    /// What every gradient element is multiplied with; finite, 1 by default. It changes no loss. 0 gives gradients of 0
    /// whatever the logits are, NaN too.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is infinite or NaN.</exception>
    public double UpstreamScale
    {
        get;
        init => field = OptionRange.Finite(value);
    }
        = 1;

    /// <summary>Whether gradients are added to what the destination holds, in place of overwriting it.</summary>
    public bool Accumulate { get; init; }
}
