namespace NativeXent;

/// <content>
/// The overloads for float and double. Arrays convert to their spans in every language and version; only from C# 14 on
/// is the type argument of the generic methods inferred from an array.
/// </content>
public static partial class Softmax
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
        ReadOnlySpan<float> softmax,
        ReadOnlySpan<float> upstream,
        LogitsLayout layout,
        Span<float> destination,
        ExecutionOptions execution = default) =>
        Backward<float>(softmax, upstream, layout, destination, execution);

    /// <inheritdoc
    /// cref="Backward{T}(ReadOnlySpan{T}, ReadOnlySpan{T}, LogitsLayout, Span{T}, ExecutionOptions)"/>
    public static void Backward(
        ReadOnlySpan<double> softmax,
        ReadOnlySpan<double> upstream,
        LogitsLayout layout,
        Span<double> destination,
        ExecutionOptions execution = default) =>
        Backward<double>(softmax, upstream, layout, destination, execution);

    /// <inheritdoc cref="LogSumExp{T}(ReadOnlySpan{T}, LogitsLayout, Span{T}, ExecutionOptions)"/>
    public static void LogSumExp(
        ReadOnlySpan<float> logits,
        LogitsLayout layout,
        Span<float> destination,
        ExecutionOptions execution = default) =>
        LogSumExp<float>(logits, layout, destination, execution);

    /// <inheritdoc cref="LogSumExp{T}(ReadOnlySpan{T}, LogitsLayout, Span{T}, ExecutionOptions)"/>
    public static void LogSumExp(
        ReadOnlySpan<double> logits,
        LogitsLayout layout,
        Span<double> destination,
        ExecutionOptions execution = default) =>
        LogSumExp<double>(logits, layout, destination, execution);
}
