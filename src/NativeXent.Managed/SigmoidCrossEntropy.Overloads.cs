namespace NativeXent;

/// <content>
/// The overloads for float and double. Arrays convert to their spans in every language and version; only from C# 14 on
/// is the type argument of the generic methods inferred from an array.
/// </content>
public static partial class SigmoidCrossEntropy
{
    /// <inheritdoc
    /// cref="Gradient{T}(ReadOnlySpan{T}, ReadOnlySpan{T}, Span{T}, SigmoidCrossEntropyOptions?, ElementBuffers{T},
    /// ExecutionOptions)"/>
    public static SigmoidCrossEntropyResult Gradient(
        ReadOnlySpan<float> logits,
        ReadOnlySpan<float> targets,
        Span<float> destination,
        SigmoidCrossEntropyOptions? options = null,
        ElementBuffers<float> elements = default,
        ExecutionOptions execution = default) =>
        Gradient<float>(logits, targets, destination, options, elements, execution);

    /// <inheritdoc
    /// cref="Gradient{T}(ReadOnlySpan{T}, ReadOnlySpan{T}, Span{T}, SigmoidCrossEntropyOptions?, ElementBuffers{T},
    /// ExecutionOptions)"/>
    public static SigmoidCrossEntropyResult Gradient(
        ReadOnlySpan<double> logits,
        ReadOnlySpan<double> targets,
        Span<double> destination,
        SigmoidCrossEntropyOptions? options = null,
        ElementBuffers<double> elements = default,
        ExecutionOptions execution = default) =>
        Gradient<double>(logits, targets, destination, options, elements, execution);

    /// <inheritdoc
    /// cref="Loss{T}(ReadOnlySpan{T}, ReadOnlySpan{T}, SigmoidCrossEntropyOptions?, ElementBuffers{T},
    /// ExecutionOptions)"/>
    public static SigmoidCrossEntropyResult Loss(
        ReadOnlySpan<float> logits,
        ReadOnlySpan<float> targets,
        SigmoidCrossEntropyOptions? options = null,
        ElementBuffers<float> elements = default,
        ExecutionOptions execution = default) =>
        Loss<float>(logits, targets, options, elements, execution);

    /// <inheritdoc
    /// cref="Loss{T}(ReadOnlySpan{T}, ReadOnlySpan{T}, SigmoidCrossEntropyOptions?, ElementBuffers{T},
    /// ExecutionOptions)"/>
    public static SigmoidCrossEntropyResult Loss(
        ReadOnlySpan<double> logits,
        ReadOnlySpan<double> targets,
        SigmoidCrossEntropyOptions? options = null,
        ElementBuffers<double> elements = default,
        ExecutionOptions execution = default) =>
        Loss<double>(logits, targets, options, elements, execution);
}
