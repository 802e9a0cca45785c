namespace NativeXent;

/// <summary>
/// What a batch can have for each row besides its label: inputs and outputs of one element a row. What is left empty is
/// not used. Outputs must not overlap anything else.
/// </summary>
/// <typeparam name="T">The element type.</typeparam>
public readonly ref struct RowBuffers<T>
    where T : unmanaged
{
    /// <summary>
    /// In: the gradient of what follows with respect to each row's loss, which the row's gradient is multiplied with;
    /// empty for 1 each. Not read where no gradient is computed.
    /// </summary>
    public ReadOnlySpan<T> Upstream { get; init; }

    /// <summary>Out: each row's loss in nats, z-loss not included.</summary>
    public Span<T> Losses { get; init; }

    /// <summary>
    /// Out: each row's log-sum-exp, log Σ exp(u), rows to ignore included. NaN of a row with NaN, otherwise +∞ of one with
    /// +∞, and −∞ of one that holds nothing but −∞.
    /// </summary>
    public Span<T> LogSumExp { get; init; }

    /// <summary>Out: each row's z-loss.</summary>
    public Span<T> ZLosses { get; init; }

    internal bool AreEmpty => Upstream.IsEmpty && Losses.IsEmpty && LogSumExp.IsEmpty && ZLosses.IsEmpty;
}
