namespace NativeXent;

/// <summary>
/// What a batch can have for each logit besides its target, each as long as the logits. What is left empty is not used.
/// </summary>
/// <typeparam name="T">The element type.</typeparam>
public readonly ref struct ElementBuffers<T>
    where T : unmanaged
{
    /// <summary>In: a weight that multiplies the logit's loss and gradient; empty for 1 each.</summary>
    public ReadOnlySpan<T> Weights { get; init; }

    /// <summary>
    /// In: the gradient of what follows with respect to the logit's loss, which the logit's gradient is multiplied
    /// with; empty for 1 each. Not read where no gradient is computed.
    /// </summary>
    public ReadOnlySpan<T> Upstream { get; init; }

    /// <summary>
    /// Out: each logit's loss in nats. It must not overlap anything else, but may be the logits themselves where the
    /// gradient is not written there.
    /// </summary>
    public Span<T> Losses { get; init; }
}
