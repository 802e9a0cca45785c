namespace NativeXent;

/// <summary>
/// What is computed: the variants of softmax cross-entropy. Immutable; without any option set, it is the plain loss of
/// each row. Instances are cheap to keep: make one and use it for every call, from any thread.
/// </summary>
/// <remarks>
/// Every value is checked when it is set. <see cref="SoftmaxCrossEntropy"/> has the formulas.
/// </remarks>
public sealed record SoftmaxCrossEntropyOptions
{
    internal static readonly SoftmaxCrossEntropyOptions Default = new();

    /// <summary>
    /// What becomes of the rows' losses; <see cref="Reduction.None"/> by default. It says which totals there are, and
    /// <see cref="Reduction.Mean"/> divides gradients too: by the sum of the weights of the labels of the rows that
    /// count (1 each without <see cref="ClassWeights"/>), or by the number of rows where targets are distributions.
    /// Each row's own loss is never divided.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not a member of the enumeration.</exception>
    public Reduction Reduction
    {
        get;
        init => field = OptionRange.Reduction(value);
    }

    /// <summary>
    /// The label of rows to ignore, or null, the default, for none. It may be any number, a class among them; −100 is
    /// PyTorch's. The gradient, loss and z-loss of an ignored row are 0 and it does not count. Its log-sum-exp is
    /// computed, where that is wanted. Only for labels, not for distributions.
    /// </summary>
    public long? IgnoreIndex { get; init; }

    /// <summary>
    /// Label smoothing α in [0, 1]; 0 by default. Every target q becomes (1 − α)·q + α / classes.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is outside [0, 1].</exception>
    public double LabelSmoothing
    {
        get;
        init => field = OptionRange.Fraction(value);
    }

    /// <summary>
    /// A weight for each class, not negative and finite; empty, the default, for 1 each. Arrays of float and double
    /// convert to it; the values are copied.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">A weight is negative, infinite or NaN.</exception>
    public WeightList ClassWeights
    {
        get;
        init => field = OptionRange.Weights(value);
    }

    /// <summary>
    /// Factor λ of the z-loss, λ·lse²; finite, 0 by default. The z-loss is part of the gradient, but is told apart from
    /// the loss.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is infinite or NaN.</exception>
    public double ZLossScale
    {
        get;
        init => field = OptionRange.Finite(value);
    }

    /// <summary>What logits are multiplied with, an inverse temperature, in [2^-64, 2^64]; 1 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is out of range.</exception>
    public double Scale
    {
        get;
        init => field = OptionRange.Scale(value);
    }
        = 1;

    /// <summary>
    /// Bound t of the logits, which become t·tanh(scale·z / t), in [2^-64, 2^64]; null, the default, for none.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is out of range.</exception>
    public double? Softcap
    {
        get;
        init => field = value is { } softcap ? OptionRange.Scale(softcap) : null;
    }

    /// <summary>
    /// What every gradient element is multiplied with, for example the scale of mixed-precision training; finite, 1 by
    /// default. It changes no loss. 0 gives gradients of 0 whatever the rows hold, NaN too.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is infinite or NaN.</exception>
    public double UpstreamScale
    {
        get;
        init => field = OptionRange.Finite(value);
    }
        = 1;

    /// <summary>
    /// Whether gradients are added to what the destination holds, in place of overwriting it. What belongs to an
    /// ignored row stays as it is.
    /// </summary>
    public bool Accumulate { get; init; }

    /// <summary>Whether to count the rows whose largest logit is the target.</summary>
    public bool CountCorrect { get; init; }
}
