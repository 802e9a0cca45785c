namespace NativeXent;

/// <content>
/// The overloads for float. Arrays convert to their spans in every language and version; only
/// from C# 14 on is the type argument of the generic methods inferred from an array.
/// </content>
public static unsafe partial class LinearSoftmaxCrossEntropy
{
    /// <inheritdoc cref="Gradient{TInput, TWeight}(ReadOnlySpan{TInput}, ReadOnlySpan{TWeight}, ReadOnlySpan{float},
    /// ReadOnlySpan{int}, LinearLayout, LinearGradients, SoftmaxCrossEntropyOptions?, RowBuffers{float},
    /// LinearExecutionOptions)"/>
    public static SoftmaxCrossEntropyResult Gradient(
        ReadOnlySpan<float> input,
        ReadOnlySpan<float> weight,
        ReadOnlySpan<float> bias,
        ReadOnlySpan<int> labels,
        LinearLayout layout,
        LinearGradients gradients,
        SoftmaxCrossEntropyOptions? options = null,
        RowBuffers<float> rows = default,
        LinearExecutionOptions execution = default) =>
        Gradient<float, float>(input, weight, bias, labels, layout, gradients, options, rows, execution);

    /// <inheritdoc cref="Gradient{TInput, TWeight}(ReadOnlySpan{TInput}, ReadOnlySpan{TWeight}, ReadOnlySpan{float},
    /// ReadOnlySpan{int}, LinearLayout, LinearGradients, SoftmaxCrossEntropyOptions?, RowBuffers{float},
    /// LinearExecutionOptions)"/>
    public static SoftmaxCrossEntropyResult Gradient(
        ReadOnlySpan<float> input,
        ReadOnlySpan<float> weight,
        ReadOnlySpan<float> bias,
        ReadOnlySpan<long> labels,
        LinearLayout layout,
        LinearGradients gradients,
        SoftmaxCrossEntropyOptions? options = null,
        RowBuffers<float> rows = default,
        LinearExecutionOptions execution = default) =>
        Gradient<float, float>(input, weight, bias, labels, layout, gradients, options, rows, execution);

    /// <inheritdoc cref="Gradient{TInput, TWeight}(ReadOnlySpan{TInput}, ReadOnlySpan{TWeight}, ReadOnlySpan{float},
    /// ReadOnlySpan{float}, LinearLayout, LinearGradients, SoftmaxCrossEntropyOptions?, RowBuffers{float},
    /// LinearExecutionOptions)"/>
    public static SoftmaxCrossEntropyResult Gradient(
        ReadOnlySpan<float> input,
        ReadOnlySpan<float> weight,
        ReadOnlySpan<float> bias,
        ReadOnlySpan<float> distributions,
        LinearLayout layout,
        LinearGradients gradients,
        SoftmaxCrossEntropyOptions? options = null,
        RowBuffers<float> rows = default,
        LinearExecutionOptions execution = default) =>
        Gradient<float, float>(input, weight, bias, distributions, layout, gradients, options, rows, execution);
}
