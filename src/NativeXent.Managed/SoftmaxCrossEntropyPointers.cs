namespace NativeXent;

/// <summary>
/// The memory of a batch of any size, for <see cref="SoftmaxCrossEntropy.Compute{T}(in SoftmaxCrossEntropyPointers{T},
/// nint, LogitsLayout, SoftmaxCrossEntropyOptions?, ExecutionOptions)"/>. Each pointer must be aligned to its element
/// type. The memory must stay where it is during the call.
/// </summary>
/// <typeparam name="T">The element type.</typeparam>
public readonly unsafe struct SoftmaxCrossEntropyPointers<T>
    where T : unmanaged
{
    /// <summary>In: the logits.</summary>
    public T* Logits { get; init; }

    /// <summary>In: a label for each row. Just one of the three kinds of targets must be given.</summary>
    public int* Labels32 { get; init; }

    /// <summary>In: a label for each row.</summary>
    public long* Labels64 { get; init; }

    /// <summary>In: a distribution for each row, laid out as the logits are.</summary>
    public T* Distributions { get; init; }

    /// <summary>
    /// Out: the gradient, laid out as the logits are; null where it is not wanted. It may be <see cref="Logits"/> with
    /// the same stride, but must not overlap anything else.
    /// </summary>
    public T* Destination { get; init; }

    /// <summary>
    /// In: what each row's gradient is multiplied with; null for 1 each. Not read where no gradient is computed.
    /// </summary>
    public T* Upstream { get; init; }

    /// <summary>Out: each row's loss in nats, z-loss not included; null where it is not wanted.</summary>
    public T* Losses { get; init; }

    /// <summary>
    /// Out: each row's log-sum-exp, rows to ignore included; null where it is not wanted.
    /// </summary>
    public T* LogSumExp { get; init; }

    /// <summary>Out: each row's z-loss; null where it is not wanted.</summary>
    public T* ZLosses { get; init; }
}
