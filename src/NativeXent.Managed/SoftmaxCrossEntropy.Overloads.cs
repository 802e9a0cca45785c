namespace NativeXent;

/// <content>
/// The overloads for float and double. Arrays convert to their spans in every language and version; only from C# 14 on
/// is the type argument of the generic methods inferred from an array.
/// </content>
public static partial class SoftmaxCrossEntropy
{
    /// <inheritdoc
    /// cref="Gradient{T}(ReadOnlySpan{T}, ReadOnlySpan{int}, LogitsLayout, Span{T}, SoftmaxCrossEntropyOptions?,
    /// RowBuffers{T}, ExecutionOptions)"/>
    public static SoftmaxCrossEntropyResult Gradient(
        ReadOnlySpan<float> logits,
        ReadOnlySpan<int> labels,
        LogitsLayout layout,
        Span<float> destination,
        SoftmaxCrossEntropyOptions? options = null,
        RowBuffers<float> rows = default,
        ExecutionOptions execution = default) =>
        Gradient<float>(logits, labels, layout, destination, options, rows, execution);

    /// <inheritdoc
    /// cref="Gradient{T}(ReadOnlySpan{T}, ReadOnlySpan{long}, LogitsLayout, Span{T}, SoftmaxCrossEntropyOptions?,
    /// RowBuffers{T}, ExecutionOptions)"/>
    public static SoftmaxCrossEntropyResult Gradient(
        ReadOnlySpan<float> logits,
        ReadOnlySpan<long> labels,
        LogitsLayout layout,
        Span<float> destination,
        SoftmaxCrossEntropyOptions? options = null,
        RowBuffers<float> rows = default,
        ExecutionOptions execution = default) =>
        Gradient<float>(logits, labels, layout, destination, options, rows, execution);

    /// <inheritdoc
    /// cref="Gradient{T}(ReadOnlySpan{T}, ReadOnlySpan{T}, LogitsLayout, Span{T}, SoftmaxCrossEntropyOptions?,
    /// RowBuffers{T}, ExecutionOptions)"/>
    public static SoftmaxCrossEntropyResult Gradient(
        ReadOnlySpan<float> logits,
        ReadOnlySpan<float> distributions,
        LogitsLayout layout,
        Span<float> destination,
        SoftmaxCrossEntropyOptions? options = null,
        RowBuffers<float> rows = default,
        ExecutionOptions execution = default) =>
        Gradient<float>(logits, distributions, layout, destination, options, rows, execution);

    /// <inheritdoc
    /// cref="Gradient{T}(ReadOnlySpan{T}, ReadOnlySpan{int}, LogitsLayout, Span{T}, SoftmaxCrossEntropyOptions?,
    /// RowBuffers{T}, ExecutionOptions)"/>
    public static SoftmaxCrossEntropyResult Gradient(
        ReadOnlySpan<double> logits,
        ReadOnlySpan<int> labels,
        LogitsLayout layout,
        Span<double> destination,
        SoftmaxCrossEntropyOptions? options = null,
        RowBuffers<double> rows = default,
        ExecutionOptions execution = default) =>
        Gradient<double>(logits, labels, layout, destination, options, rows, execution);

    /// <inheritdoc
    /// cref="Gradient{T}(ReadOnlySpan{T}, ReadOnlySpan{long}, LogitsLayout, Span{T}, SoftmaxCrossEntropyOptions?,
    /// RowBuffers{T}, ExecutionOptions)"/>
    public static SoftmaxCrossEntropyResult Gradient(
        ReadOnlySpan<double> logits,
        ReadOnlySpan<long> labels,
        LogitsLayout layout,
        Span<double> destination,
        SoftmaxCrossEntropyOptions? options = null,
        RowBuffers<double> rows = default,
        ExecutionOptions execution = default) =>
        Gradient<double>(logits, labels, layout, destination, options, rows, execution);

    /// <inheritdoc
    /// cref="Gradient{T}(ReadOnlySpan{T}, ReadOnlySpan{T}, LogitsLayout, Span{T}, SoftmaxCrossEntropyOptions?,
    /// RowBuffers{T}, ExecutionOptions)"/>
    public static SoftmaxCrossEntropyResult Gradient(
        ReadOnlySpan<double> logits,
        ReadOnlySpan<double> distributions,
        LogitsLayout layout,
        Span<double> destination,
        SoftmaxCrossEntropyOptions? options = null,
        RowBuffers<double> rows = default,
        ExecutionOptions execution = default) =>
        Gradient<double>(logits, distributions, layout, destination, options, rows, execution);

    /// <inheritdoc
    /// cref="Loss{T}(ReadOnlySpan{T}, ReadOnlySpan{int}, LogitsLayout, SoftmaxCrossEntropyOptions?, RowBuffers{T},
    /// ExecutionOptions)"/>
    public static SoftmaxCrossEntropyResult Loss(
        ReadOnlySpan<float> logits,
        ReadOnlySpan<int> labels,
        LogitsLayout layout,
        SoftmaxCrossEntropyOptions? options = null,
        RowBuffers<float> rows = default,
        ExecutionOptions execution = default) =>
        Loss<float>(logits, labels, layout, options, rows, execution);

    /// <inheritdoc
    /// cref="Loss{T}(ReadOnlySpan{T}, ReadOnlySpan{long}, LogitsLayout, SoftmaxCrossEntropyOptions?, RowBuffers{T},
    /// ExecutionOptions)"/>
    public static SoftmaxCrossEntropyResult Loss(
        ReadOnlySpan<float> logits,
        ReadOnlySpan<long> labels,
        LogitsLayout layout,
        SoftmaxCrossEntropyOptions? options = null,
        RowBuffers<float> rows = default,
        ExecutionOptions execution = default) =>
        Loss<float>(logits, labels, layout, options, rows, execution);

    /// <inheritdoc
    /// cref="Loss{T}(ReadOnlySpan{T}, ReadOnlySpan{T}, LogitsLayout, SoftmaxCrossEntropyOptions?, RowBuffers{T},
    /// ExecutionOptions)"/>
    public static SoftmaxCrossEntropyResult Loss(
        ReadOnlySpan<float> logits,
        ReadOnlySpan<float> distributions,
        LogitsLayout layout,
        SoftmaxCrossEntropyOptions? options = null,
        RowBuffers<float> rows = default,
        ExecutionOptions execution = default) =>
        Loss<float>(logits, distributions, layout, options, rows, execution);

    /// <inheritdoc
    /// cref="Loss{T}(ReadOnlySpan{T}, ReadOnlySpan{int}, LogitsLayout, SoftmaxCrossEntropyOptions?, RowBuffers{T},
    /// ExecutionOptions)"/>
    public static SoftmaxCrossEntropyResult Loss(
        ReadOnlySpan<double> logits,
        ReadOnlySpan<int> labels,
        LogitsLayout layout,
        SoftmaxCrossEntropyOptions? options = null,
        RowBuffers<double> rows = default,
        ExecutionOptions execution = default) =>
        Loss<double>(logits, labels, layout, options, rows, execution);

    /// <inheritdoc
    /// cref="Loss{T}(ReadOnlySpan{T}, ReadOnlySpan{long}, LogitsLayout, SoftmaxCrossEntropyOptions?, RowBuffers{T},
    /// ExecutionOptions)"/>
    public static SoftmaxCrossEntropyResult Loss(
        ReadOnlySpan<double> logits,
        ReadOnlySpan<long> labels,
        LogitsLayout layout,
        SoftmaxCrossEntropyOptions? options = null,
        RowBuffers<double> rows = default,
        ExecutionOptions execution = default) =>
        Loss<double>(logits, labels, layout, options, rows, execution);

    /// <inheritdoc
    /// cref="Loss{T}(ReadOnlySpan{T}, ReadOnlySpan{T}, LogitsLayout, SoftmaxCrossEntropyOptions?, RowBuffers{T},
    /// ExecutionOptions)"/>
    public static SoftmaxCrossEntropyResult Loss(
        ReadOnlySpan<double> logits,
        ReadOnlySpan<double> distributions,
        LogitsLayout layout,
        SoftmaxCrossEntropyOptions? options = null,
        RowBuffers<double> rows = default,
        ExecutionOptions execution = default) =>
        Loss<double>(logits, distributions, layout, options, rows, execution);
}
