namespace NativeXent;

/// <summary>
/// The memory of any number of logits, for
/// <see cref="SigmoidCrossEntropy.Compute{T}(in SigmoidCrossEntropyPointers{T}, nint, SigmoidCrossEntropyOptions?,
/// ExecutionOptions)"/>: one element for each logit. Each pointer must be aligned to its element type. The memory must
/// stay where it is during the call.
/// </summary>
/// <typeparam name="T">The element type.</typeparam>
public readonly unsafe struct SigmoidCrossEntropyPointers<T>
    where T : unmanaged
{
    /// <summary>In: the logits.</summary>
    public T* Logits { get; init; }

    /// <summary>In: a target for each logit.</summary>
    public T* Targets { get; init; }

    /// <summary>
    /// Out: the gradient; null where it is not wanted. It may be <see cref="Logits"/>, but must not overlap anything
    /// else.
    /// </summary>
    public T* Destination { get; init; }

    /// <summary>In: a weight that multiplies the logit's loss and gradient; null for 1 each.</summary>
    public T* Weights { get; init; }

    /// <summary>
    /// In: what the logit's gradient is multiplied with; null for 1 each. Not read where no gradient is computed.
    /// </summary>
    public T* Upstream { get; init; }

    /// <summary>
    /// Out: each logit's loss in nats; null where it is not wanted. It must not overlap anything else, but may be the
    /// logits themselves where the gradient is not written there.
    /// </summary>
    public T* Losses { get; init; }
}
