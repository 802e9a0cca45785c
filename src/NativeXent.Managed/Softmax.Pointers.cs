namespace NativeXent;

/// <content>
/// The methods of pointers, for data of any size. Memory must stay where it is during the call, and be aligned to the
/// element type.
/// </content>
public static unsafe partial class Softmax
{
    /// <summary>The softmax of each row, of data of any size.</summary>
    /// <typeparam name="T">The element type: float, double, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <param name="logits">The logits, laid out as <paramref name="layout"/> says.</param>
    /// <param name="batchSize">
    /// The number of samples, so of rows where the inner size is 1. Where it is 0, pointers may be null.
    /// </param>
    /// <param name="layout">
    /// The number of classes, where rows of so many logits follow one another; <see cref="LogitsLayout"/> has more.
    /// </param>
    /// <param name="destination">
    /// Receives the result, laid out as the logits are. It may be <paramref name="logits"/> with the same stride, but
    /// must not overlap them otherwise.
    /// </param>
    /// <param name="execution">Threads and backend.</param>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is no element type.</exception>
    /// <exception cref="ArgumentNullException">A pointer is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="batchSize"/> is negative, or a number of <paramref name="layout"/> is too small; nothing has been
    /// written.
    /// </exception>
    /// <exception cref="ArgumentException">
    /// Sizes overflow, memory overlaps, or a pointer is not aligned to its element type; nothing has been written.
    /// </exception>
    /// <exception cref="NativeXentUnavailableException">
    /// The native backend was asked for and cannot be used.
    /// </exception>
    public static void Forward<T>(
        T* logits, nint batchSize, LogitsLayout layout, T* destination, ExecutionOptions execution = default)
        where T : unmanaged =>
        SoftmaxOperations.Forward(log: false, logits, batchSize, layout, destination, execution);

    /// <summary>
    /// The gradient with respect to the logits, from that with respect to the softmax, of data of any size: with g for
    /// the latter, p[k]·(g[k] − Σ_c p[c]·g[c]).
    /// </summary>
    /// <param name="softmax">What the forward method gave.</param>
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
    /// Receives the gradient, laid out as the logits are. It may be <paramref name="softmax"/> or
    /// <paramref name="upstream"/> with the same stride, but must not overlap them otherwise.
    /// </param>
    /// <param name="execution">Threads and backend.</param>
    /// <inheritdoc cref="Forward{T}(T*, nint, LogitsLayout, T*, ExecutionOptions)"/>
    public static void Backward<T>(
        T* softmax,
        T* upstream,
        nint batchSize,
        LogitsLayout layout,
        T* destination,
        ExecutionOptions execution = default)
        where T : unmanaged =>
        SoftmaxOperations.Backward(log: false, softmax, upstream, batchSize, layout, destination, execution);

    /// <summary>The log-sum-exp of each row, log Σₖ exp(z[k]), in nats, of data of any size.</summary>
    /// <param name="logits">The logits, laid out as <paramref name="layout"/> says.</param>
    /// <param name="batchSize">
    /// The number of samples, so of rows where the inner size is 1. Where it is 0, pointers may be null.
    /// </param>
    /// <param name="layout">
    /// The number of classes, where rows of so many logits follow one another; <see cref="LogitsLayout"/> has more.
    /// </param>
    /// <param name="destination">
    /// Receives one element for each row. It must not overlap <paramref name="logits"/>.
    /// </param>
    /// <param name="execution">Threads and backend.</param>
    /// <inheritdoc cref="Forward{T}(T*, nint, LogitsLayout, T*, ExecutionOptions)"/>
    public static void LogSumExp<T>(
        T* logits, nint batchSize, LogitsLayout layout, T* destination, ExecutionOptions execution = default)
        where T : unmanaged => SoftmaxOperations.LogSumExp(logits, batchSize, layout, destination, execution);
}
