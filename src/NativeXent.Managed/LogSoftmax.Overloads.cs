namespace NativeXent;

/// <content>
/// The overloads for float and double. Arrays convert to their spans in every language and version; only from C# 14 on
/// is the type argument of the generic methods inferred from an array.
/// </content>
public static partial class LogSoftmax
{
    /// <inheritdoc cref="Forward{T}(ReadOnlySpan{T}, LogitsLayout, Span{T}, ExecutionOptions)"/>
    public static void Forward(
        ReadOnlySpan<float> logits,
        LogitsLayout layout,
        Span<float> destination,
        ExecutionOptions execution = default) =>
        Forward<float>(logits, layout, destination, execution);

    /// <inheritdoc cref="Forward{T}(ReadOnlySpan{T}, LogitsLayout, Span{T}, ExecutionOptions)"/>
    public static void Forward(
        ReadOnlySpan<double> logits,
        LogitsLayout layout,
        Span<double> destination,
        ExecutionOptions execution = default) =>
        Forward<double>(logits, layout, destination, execution);

    /// <inheritdoc
    /// cref="Backward{T}(ReadOnlySpan{T}, ReadOnlySpan{T}, LogitsLayout, Span{T}, ExecutionOptions)"/>
    public static void Backward(
        ReadOnlySpan<float> logSoftmax,
        ReadOnlySpan<float> upstream,
        LogitsLayout layout,
        Span<float> destination,
        ExecutionOptions execution = default) =>
        Backward<float>(logSoftmax, upstream, layout, destination, execution);

    /// <inheritdoc
    /// cref="Backward{T}(ReadOnlySpan{T}, ReadOnlySpan{T}, LogitsLayout, Span{T}, ExecutionOptions)"/>
    public static void Backward(
        ReadOnlySpan<double> logSoftmax,
        ReadOnlySpan<double> upstream,
        LogitsLayout layout,
        Span<double> destination,
        ExecutionOptions execution = default) =>
        Backward<double>(logSoftmax, upstream, layout, destination, execution);
}
