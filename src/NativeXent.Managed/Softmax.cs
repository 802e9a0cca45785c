namespace NativeXent;

/// <summary>
/// Softmax of each row of logits, p[c] = exp(z[c]) / Σₖ exp(z[k]), the gradient through it, and log-sum-exp.
/// </summary>
/// <remarks>
/// <para>
/// Elements are float, double, <see cref="Half"/> or <see cref="BFloat16"/>; 16-bit types are computed as float and
/// rounded once. The same input gives the same bits on every CPU, operating system, instruction set and backend, and
/// with any number of threads. However large the logits are, nothing overflows. Results below the smallest normal
/// number are flushed to +0, but those of type Half.
/// </para>
/// <para>
/// A row that holds NaN or +∞, or nothing but −∞, gives NaN (the quiet NaN without sign and payload). A logit of −∞ has
/// probability 0.
/// </para>
/// <para>
/// Every argument is checked before anything is written. Every method may be called from any thread at any time, on
/// memory that nobody writes meanwhile. On one thread nothing is allocated, but that rows of more than 8,192 classes
/// (4,096 of double) may rent up to 8 (16) bytes for each class and thread from
/// <see cref="System.Buffers.ArrayPool{T}"/>, where the output cannot keep what is computed once.
/// </para>
/// </remarks>
public static partial class Softmax
{
    /// <summary>The softmax of each row.</summary>
    /// <typeparam name="T">The element type: float, double, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <param name="logits">The logits, laid out as <paramref name="layout"/> says.</param>
    /// <param name="layout">
    /// The number of classes, where rows of so many logits follow one another; <see cref="LogitsLayout"/> has more.
    /// </param>
    /// <param name="destination">
    /// Receives the result, laid out as the logits are. It may be the same memory as <paramref name="logits"/> with the
    /// same stride, but must not overlap it otherwise.
    /// </param>
    /// <param name="execution">Threads and backend.</param>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is no element type.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A number of <paramref name="layout"/> is too small; nothing has been written.
    /// </exception>
    /// <exception cref="ArgumentException">
    /// Lengths do not match, memory overlaps, or a span is not aligned to its element type; nothing has been written.
    /// </exception>
    /// <exception cref="NativeXentUnavailableException">
    /// The native backend was asked for and cannot be used.
    /// </exception>
    public static void Forward<T>(
        ReadOnlySpan<T> logits, LogitsLayout layout, Span<T> destination, ExecutionOptions execution = default)
        where T : unmanaged => SoftmaxOperations.Forward(log: false, logits, layout, destination, execution);

    /// <summary>
    /// The gradient with respect to the logits, from that with respect to the softmax: with g for the latter,
    /// p[k]·(g[k] − Σ_c p[c]·g[c]).
    /// </summary>
    /// <param name="softmax">What the forward method gave.</param>
    /// <param name="upstream">
    /// The gradient with respect to it, laid out as it is, with <see cref="LogitsLayout.UpstreamStride"/>.
    /// </param>
    /// <param name="layout">
    /// The number of classes, where rows of so many logits follow one another; <see cref="LogitsLayout"/> has more.
    /// </param>
    /// <param name="destination">
    /// Receives the gradient, laid out as the logits are. It may be the same memory as <paramref name="softmax"/> or
    /// <paramref name="upstream"/> with the same stride, but must not overlap them otherwise.
    /// </param>
    /// <param name="execution">Threads and backend.</param>
    /// <inheritdoc cref="Forward{T}(ReadOnlySpan{T}, LogitsLayout, Span{T}, ExecutionOptions)"/>
    public static void Backward<T>(
        ReadOnlySpan<T> softmax,
        ReadOnlySpan<T> upstream,
        LogitsLayout layout,
        Span<T> destination,
        ExecutionOptions execution = default)
        where T : unmanaged =>
        SoftmaxOperations.Backward(log: false, softmax, upstream, layout, destination, execution);

    /// <summary>
    /// The log-sum-exp of each row, log Σₖ exp(z[k]), in nats: NaN of a row with NaN, otherwise +∞ of one with +∞, and −∞
    /// of one that holds nothing but −∞.
    /// </summary>
    /// <param name="logits">The logits, laid out as <paramref name="layout"/> says.</param>
    /// <param name="layout">
    /// The number of classes, where rows of so many logits follow one another; <see cref="LogitsLayout"/> has more.
    /// </param>
    /// <param name="destination">
    /// Receives one element for each row. It must not overlap <paramref name="logits"/>.
    /// </param>
    /// <param name="execution">Threads and backend.</param>
    /// <inheritdoc cref="Forward{T}(ReadOnlySpan{T}, LogitsLayout, Span{T}, ExecutionOptions)"/>
    public static void LogSumExp<T>(
        ReadOnlySpan<T> logits, LogitsLayout layout, Span<T> destination, ExecutionOptions execution = default)
        where T : unmanaged => SoftmaxOperations.LogSumExp(logits, layout, destination, execution);
}
