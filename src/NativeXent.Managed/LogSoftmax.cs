namespace NativeXent;

/// <summary>
/// Logarithm of the softmax of each row of logits, l[c] = z[c] − log Σₖ exp(z[k]), in nats, and the gradient through
/// it.
/// </summary>
/// <remarks>
/// <para>
/// Elements are float, double, <see cref="Half"/> or <see cref="BFloat16"/>; 16-bit types are computed as float and
/// rounded once. The same input gives the same bits on every CPU, operating system, instruction set and backend, and
/// with any number of threads. Results nearer to 0 than the smallest normal number are flushed to +0, but those of type
/// Half.
/// </para>
/// <para>
/// A row that holds NaN or +∞, or nothing but −∞, gives NaN (the quiet NaN without sign and payload). A logit of −∞
/// gives −∞.
/// </para>
/// <para>
/// Every argument is checked before anything is written. Every method may be called from any thread at any time, on
/// memory that nobody writes meanwhile. On one thread nothing is allocated.
/// </para>
/// </remarks>
public static partial class LogSoftmax
{
    /// <summary>The logarithm of the softmax of each row.</summary>
    /// <inheritdoc cref="Softmax.Forward{T}(ReadOnlySpan{T}, LogitsLayout, Span{T}, ExecutionOptions)"/>
    public static void Forward<T>(
        ReadOnlySpan<T> logits, LogitsLayout layout, Span<T> destination, ExecutionOptions execution = default)
        where T : unmanaged => SoftmaxOperations.Forward(log: true, logits, layout, destination, execution);

    /// <summary>
    /// The gradient with respect to the logits, from that with respect to the logarithm of the softmax: with g for the
    /// latter, g[k] − exp(l[k])·Σ_c g[c].
    /// </summary>
    /// <param name="logSoftmax">What the forward method gave.</param>
    /// <param name="upstream">
    /// The gradient with respect to it, laid out as it is, with <see cref="LogitsLayout.UpstreamStride"/>.
    /// </param>
    /// <param name="layout">
    /// The number of classes, where rows of so many logits follow one another; <see cref="LogitsLayout"/> has more.
    /// </param>
    /// <param name="destination">
    /// Receives the gradient, laid out as the logits are. It may be the same memory as <paramref name="logSoftmax"/> or
    /// <paramref name="upstream"/> with the same stride, but must not overlap them otherwise.
    /// </param>
    /// <param name="execution">Threads and backend.</param>
    /// <inheritdoc cref="Softmax.Forward{T}(ReadOnlySpan{T}, LogitsLayout, Span{T}, ExecutionOptions)"/>
    public static void Backward<T>(
        ReadOnlySpan<T> logSoftmax,
        ReadOnlySpan<T> upstream,
        LogitsLayout layout,
        Span<T> destination,
        ExecutionOptions execution = default)
        where T : unmanaged =>
        SoftmaxOperations.Backward(log: true, logSoftmax, upstream, layout, destination, execution);
}
