namespace NativeXent;

/// <content>
/// The overloads for float. Arrays convert to their spans in every language and version; only from C# 14 on is the type
/// argument of the generic methods inferred from an array.
/// </content>
public static unsafe partial class LinearLayer
{
    /// <inheritdoc cref="Forward{TInput, TWeight}(ReadOnlySpan{TInput}, ReadOnlySpan{TWeight}, ReadOnlySpan{float},
    /// LinearLayout, Span{float}, bool, ExecutionOptions)"/>
    public static void Forward(
        ReadOnlySpan<float> input,
        ReadOnlySpan<float> weight,
        ReadOnlySpan<float> bias,
        LinearLayout layout,
        Span<float> output,
        bool accumulate = false,
        ExecutionOptions execution = default) =>
        Forward<float, float>(input, weight, bias, layout, output, accumulate, execution);

    /// <inheritdoc
    /// cref="InputGradient{TWeight}(ReadOnlySpan{float}, ReadOnlySpan{TWeight}, LinearLayout, Span{float}, bool,
    /// ExecutionOptions)"/>
    public static void InputGradient(
        ReadOnlySpan<float> outputGradient,
        ReadOnlySpan<float> weight,
        LinearLayout layout,
        Span<float> inputGradient,
        bool accumulate = false,
        ExecutionOptions execution = default) =>
        InputGradient<float>(outputGradient, weight, layout, inputGradient, accumulate, execution);

    /// <inheritdoc
    /// cref="WeightGradient{TInput}(ReadOnlySpan{float}, ReadOnlySpan{TInput}, LinearLayout, Span{float}, Span{float}, bool,
    /// ExecutionOptions)"/>
    public static void WeightGradient(
        ReadOnlySpan<float> outputGradient,
        ReadOnlySpan<float> input,
        LinearLayout layout,
        Span<float> weightGradient,
        Span<float> biasGradient = default,
        bool accumulate = false,
        ExecutionOptions execution = default) =>
        WeightGradient<float>(outputGradient, input, layout, weightGradient, biasGradient, accumulate, execution);
}
