namespace NativeXent.Reference;

/// <content>
/// The overloads for float and double. Arrays convert to their spans in every language and version; only from C# 14 on
/// is the type argument of the generic methods inferred from an array.
/// </content>
public static partial class SoftmaxCrossEntropyReference
{
    /// <inheritdoc cref="Gradient{T}(ReadOnlySpan{T}, ReadOnlySpan{int}, int, Span{T})"/>
    public static void Gradient(
        ReadOnlySpan<float> logits,
        ReadOnlySpan<int> labels,
        int classes,
        Span<float> destination) =>
        Gradient<float>(logits, labels, classes, destination);

    /// <inheritdoc cref="Gradient{T}(ReadOnlySpan{T}, ReadOnlySpan{int}, int, Span{T})"/>
    public static void Gradient(
        ReadOnlySpan<double> logits,
        ReadOnlySpan<int> labels,
        int classes,
        Span<double> destination) =>
        Gradient<double>(logits, labels, classes, destination);

    /// <inheritdoc cref="Loss{T}(ReadOnlySpan{T}, ReadOnlySpan{int}, int, Span{T})"/>
    public static void Loss(ReadOnlySpan<float> logits, ReadOnlySpan<int> labels, int classes, Span<float> losses) =>
        Loss<float>(logits, labels, classes, losses);

    /// <inheritdoc cref="Loss{T}(ReadOnlySpan{T}, ReadOnlySpan{int}, int, Span{T})"/>
    public static void Loss(ReadOnlySpan<double> logits, ReadOnlySpan<int> labels, int classes, Span<double> losses) =>
        Loss<double>(logits, labels, classes, losses);
}
