namespace NativeXent;

/// <content>
/// The methods of pointers, for data of any size. Memory must stay where it is during the call, and be aligned to the
/// element type.
/// </content>
public static unsafe partial class LogSoftmax
{
    /// <summary>The logarithm of the softmax of each row, of data of any size.</summary>
    /// <inheritdoc cref="Softmax.Forward{T}(T*, nint, LogitsLayout, T*, ExecutionOptions)"/>
    public static void Forward<T>(
        T* logits, nint batchSize, LogitsLayout layout, T* destination, ExecutionOptions execution = default)
        where T : unmanaged =>
        SoftmaxOperations.Forward(log: true, logits, batchSize, layout, destination, execution);

    /// <summary>
    /// The gradient with respect to the logits, from that with respect to the logarithm of the softmax, of data of any
    /// size: with g for the latter, g[k] − exp(l[k])·Σ_c g[c].
    /// </summary>
    /// <param name="logSoftmax">What the forward method gave.</param>
    /// <param name="upstream">
    /// The gradient with respect to it, laid out as it is, with <see cref="LogitsLayout.UpstreamStride"/>.
    /// </param>
    /// <param name="batchSize">
    /// The number of samples, so of rows where the inner size is 1. Where it is 0, pointers may be null.
    /// </param>
    /// <param name="layout">
    /// The number of classes, where rows of so many logits follow one another; <see cref="LogitsLayout"/> has more.
    /// </param>
    /// <param name="destination">
    /// Receives the gradient, laid out as the logits are. It may be <paramref name="logSoftmax"/> or
    /// <paramref name="upstream"/> with the same stride, but must not overlap them otherwise.
    /// </param>
    /// <param name="execution">Threads and backend.</param>
    /// <inheritdoc cref="Softmax.Forward{T}(T*, nint, LogitsLayout, T*, ExecutionOptions)"/>
    public static void Backward<T>(
        T* logSoftmax,
        T* upstream,
        nint batchSize,
        LogitsLayout layout,
        T* destination,
        ExecutionOptions execution = default)
        where T : unmanaged =>
        SoftmaxOperations.Backward(log: true, logSoftmax, upstream, batchSize, layout, destination, execution);
}
