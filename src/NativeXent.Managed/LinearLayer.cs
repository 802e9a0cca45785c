using NativeXent.Checks;
using NativeXent.Jobs;

namespace NativeXent;

/// <summary>
/// The products of a linear layer, output = input · weightᵀ + bias, and its gradients: with respect to the input,
/// outputGradient · weight; to the weight, outputGradientᵀ · input; to the bias, the sum of the rows of outputGradient.
/// </summary>
/// <remarks>
/// <para>
/// The input has a row for each sample, the weight a row for each output, as PyTorch's <c>torch.nn.Linear</c> has it. Input
/// and weight are float, <see cref="Half"/> or <see cref="BFloat16"/>, which are converted to float exactly; all else is
/// float.
/// </para>
/// <para>
/// Every result is the same sum in the same order on every CPU, operating system, instruction set and backend, and with any
/// number of threads: the products of 128 neighbouring terms are added one after the other, each by a fused multiply-add,
/// beginning with +0; these parts are added in order to what the sum starts from, which is the bias, what is accumulated
/// into, or +0. So with D terms the error is at most (128 + ⌈D / 128⌉ + 1)·2^-24 times the sum of the terms' magnitudes, to
/// first order. A batch that is split at multiples of 128 rows, all but the first part accumulated, gives the same weight
/// gradient as at once. No zero is −0, and NaN is the quiet NaN without sign and payload. Results can be subnormal; where
/// native code has left the thread in a mode that takes such numbers for 0, bits are the same, but the managed backend is
/// slow.
/// </para>
/// <para>
/// Results must not overlap anything else. Every argument is checked before anything is written. Every method may be called
/// from any thread at any time, on memory that nobody writes meanwhile. On one thread nothing is allocated, but that memory
/// for copies of the matrices, up to 8 MB for each thread, is rented from <see cref="System.Buffers.ArrayPool{T}"/>.
/// </para>
/// </remarks>
public static unsafe partial class LinearLayer
{
    /// <summary>The output: for each row of the input and each row of the weight the sum of their products.</summary>
    /// <typeparam name="TInput">float, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <typeparam name="TWeight">float, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <param name="input">Rows of features; their number is that of the samples.</param>
    /// <param name="weight">A row of features for each output.</param>
    /// <param name="bias">A number for each output, which is added to each row of it; empty for none.</param>
    /// <param name="layout">The sizes, and strides where rows do not follow one another.</param>
    /// <param name="output">Receives a row of outputs for each sample.</param>
    /// <param name="accumulate">Whether to add to what the result holds, in place of overwriting it.</param>
    /// <param name="execution">Threads and backend.</param>
    /// <exception cref="NotSupportedException">A type is none of the three.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A number of <paramref name="layout"/> is too small; nothing has been written.
    /// </exception>
    /// <exception cref="ArgumentException">
    /// Lengths do not match, memory overlaps, or is not aligned to its element type; nothing has been written.
    /// </exception>
    /// <exception cref="NativeXentUnavailableException">
    /// The native backend was asked for and cannot be used.
    /// </exception>
    public static void Forward<TInput, TWeight>(
        ReadOnlySpan<TInput> input,
        ReadOnlySpan<TWeight> weight,
        ReadOnlySpan<float> bias,
        LinearLayout layout,
        Span<float> output,
        bool accumulate = false,
        ExecutionOptions execution = default)
        where TInput : unmanaged
        where TWeight : unmanaged
    {
        Matrices matrices = new(layout, LinearOperation.Forward);
        nuint rows = matrices.Input.RowsOf(input.Length);
        matrices.Weight.CheckLength(weight.Length, (nuint)layout.Outputs);
        matrices.Output.CheckLength(output.Length, rows);
        if (!bias.IsEmpty)
        {
            matrices.Bias.CheckLength(bias.Length, 1);
        }

        fixed (TInput* x = input)
        fixed (TWeight* w = weight)
        fixed (float* b = bias, y = output)
        {
            Forward(x, w, b, (nint)rows, layout, y, accumulate, execution);
        }
    }

    /// <summary>The output, of data of any size.</summary>
    /// <param name="input">Rows of features.</param>
    /// <param name="weight">A row of features for each output.</param>
    /// <param name="bias">A number for each output, which is added to each row of it; or null.</param>
    /// <param name="batchSize">The number of rows of input and output.</param>
    /// <param name="layout">The sizes, and strides where rows do not follow one another.</param>
    /// <param name="output">Receives a row of outputs for each sample.</param>
    /// <param name="accumulate">Whether to add to what the result holds, in place of overwriting it.</param>
    /// <param name="execution">Threads and backend.</param>
    /// <exception cref="ArgumentNullException">A pointer that is needed is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A number of <paramref name="layout"/> is too small, or <paramref name="batchSize"/> is negative; nothing has been
    /// written.
    /// </exception>
    /// <inheritdoc cref="Forward{TInput, TWeight}(ReadOnlySpan{TInput}, ReadOnlySpan{TWeight}, ReadOnlySpan{float},
    /// LinearLayout, Span{float}, bool, ExecutionOptions)"/>
    public static void Forward<TInput, TWeight>(
        TInput* input,
        TWeight* weight,
        float* bias,
        nint batchSize,
        LinearLayout layout,
        float* output,
        bool accumulate = false,
        ExecutionOptions execution = default)
        where TInput : unmanaged
        where TWeight : unmanaged
    {
        LinearJob job = NewJob<TInput, TWeight>(LinearOperation.Forward, batchSize, layout, accumulate);
        bool native = execution.UsesNative;
        if (batchSize == 0)
        {
            return;
        }

        Matrices matrices = new(layout, LinearOperation.Forward);
        Extent result = matrices.Output.Extent(output, sizeof(float), job.BatchSize);
        result.CheckApart(matrices.Input.Extent(input, (nuint)sizeof(TInput), job.BatchSize));
        result.CheckApart(matrices.Weight.Extent(weight, (nuint)sizeof(TWeight), job.Outputs));
        result.CheckApart(matrices.Bias.Extent(bias, sizeof(float), bias is null ? 0u : 1));
        job.Input = input;
        job.InputStride = matrices.Input.Stride;
        job.Weight = weight;
        job.WeightStride = matrices.Weight.Stride;
        job.Bias = bias;
        job.Output = output;
        job.OutputStride = matrices.Output.Stride;
        LinearJob.RunAll(ref job, native, execution.MaxDegreeOfParallelism);
    }

    /// <summary>The gradient with respect to the input: outputGradient · weight.</summary>
    /// <typeparam name="TWeight">float, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <param name="outputGradient">
    /// The gradient with respect to the output, laid out as that is; the number of its rows is that of the samples.
    /// </param>
    /// <param name="weight">A row of features for each output.</param>
    /// <param name="layout">The sizes, and strides where rows do not follow one another.</param>
    /// <param name="inputGradient">Receives a row of features for each sample.</param>
    /// <param name="accumulate">Whether to add to what the result holds, in place of overwriting it.</param>
    /// <param name="execution">Threads and backend.</param>
    /// <inheritdoc cref="Forward{TInput, TWeight}(ReadOnlySpan{TInput}, ReadOnlySpan{TWeight}, ReadOnlySpan{float},
    /// LinearLayout, Span{float}, bool, ExecutionOptions)"/>
    public static void InputGradient<TWeight>(
        ReadOnlySpan<float> outputGradient,
        ReadOnlySpan<TWeight> weight,
        LinearLayout layout,
        Span<float> inputGradient,
        bool accumulate = false,
        ExecutionOptions execution = default)
        where TWeight : unmanaged
    {
        Matrices matrices = new(layout, LinearOperation.InputGradient);
        nuint rows = matrices.Output.RowsOf(outputGradient.Length);
        matrices.Weight.CheckLength(weight.Length, (nuint)layout.Outputs);
        matrices.Input.CheckLength(inputGradient.Length, rows);
        fixed (float* g = outputGradient, d = inputGradient)
        fixed (TWeight* w = weight)
        {
            InputGradient(g, w, (nint)rows, layout, d, accumulate, execution);
        }
    }

    /// <summary>The gradient with respect to the input, of data of any size.</summary>
    /// <param name="outputGradient">The gradient with respect to the output, laid out as that is.</param>
    /// <param name="weight">A row of features for each output.</param>
    /// <param name="batchSize">The number of rows of input and output.</param>
    /// <param name="layout">The sizes, and strides where rows do not follow one another.</param>
    /// <param name="inputGradient">Receives a row of features for each sample.</param>
    /// <param name="accumulate">Whether to add to what the result holds, in place of overwriting it.</param>
    /// <param name="execution">Threads and backend.</param>
    /// <inheritdoc
    /// cref="Forward{TInput, TWeight}(TInput*, TWeight*, float*, nint, LinearLayout, float*, bool, ExecutionOptions)"/>
    /// <typeparam name="TWeight">float, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    public static void InputGradient<TWeight>(
        float* outputGradient,
        TWeight* weight,
        nint batchSize,
        LinearLayout layout,
        float* inputGradient,
        bool accumulate = false,
        ExecutionOptions execution = default)
        where TWeight : unmanaged
    {
        LinearJob job = NewJob<float, TWeight>(LinearOperation.InputGradient, batchSize, layout, accumulate);
        bool native = execution.UsesNative;
        if (batchSize == 0)
        {
            return;
        }

        Matrices matrices = new(layout, LinearOperation.InputGradient);
        Extent result = matrices.Input.Extent(inputGradient, sizeof(float), job.BatchSize);
        result.CheckApart(matrices.Output.Extent(outputGradient, sizeof(float), job.BatchSize));
        result.CheckApart(matrices.Weight.Extent(weight, (nuint)sizeof(TWeight), job.Outputs));
        job.OutputGradient = outputGradient;
        job.OutputGradientStride = matrices.Output.Stride;
        job.Weight = weight;
        job.WeightStride = matrices.Weight.Stride;
        job.InputGradient = inputGradient;
        job.InputGradientStride = matrices.Input.Stride;
        LinearJob.RunAll(ref job, native, execution.MaxDegreeOfParallelism);
    }

    /// <summary>
    /// The gradients with respect to the weight, outputGradientᵀ · input, and to the bias, the sum of the rows of
    /// outputGradient. Without a row they are 0.
    /// </summary>
    /// <typeparam name="TInput">float, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <param name="outputGradient">The gradient with respect to the output, laid out as that is.</param>
    /// <param name="input">Rows of features; their number is that of the samples.</param>
    /// <param name="layout">The sizes, and strides where rows do not follow one another.</param>
    /// <param name="weightGradient">
    /// Receives a row of features for each output; empty where only the bias's gradient is wanted.
    /// </param>
    /// <param name="biasGradient">Receives a number for each output; empty where it is not wanted.</param>
    /// <param name="accumulate">Whether to add to what the results hold, in place of overwriting them.</param>
    /// <param name="execution">Threads and backend.</param>
    /// <inheritdoc cref="Forward{TInput, TWeight}(ReadOnlySpan{TInput}, ReadOnlySpan{TWeight}, ReadOnlySpan{float},
    /// LinearLayout, Span{float}, bool, ExecutionOptions)"/>
    public static void WeightGradient<TInput>(
        ReadOnlySpan<float> outputGradient,
        ReadOnlySpan<TInput> input,
        LinearLayout layout,
        Span<float> weightGradient,
        Span<float> biasGradient = default,
        bool accumulate = false,
        ExecutionOptions execution = default)
        where TInput : unmanaged
    {
        Matrices matrices = new(layout, LinearOperation.WeightGradient);
        nuint rows = matrices.Input.RowsOf(input.Length);
        matrices.Output.CheckLength(outputGradient.Length, rows);
        if (!weightGradient.IsEmpty)
        {
            matrices.Weight.CheckLength(weightGradient.Length, (nuint)layout.Outputs);
        }

        if (!biasGradient.IsEmpty)
        {
            matrices.Bias.CheckLength(biasGradient.Length, 1);
        }

        fixed (float* g = outputGradient, d = weightGradient, b = biasGradient)
        fixed (TInput* x = input)
        {
            WeightGradient(g, x, (nint)rows, layout, d, b, accumulate, execution);
        }
    }

    /// <summary>The gradients with respect to the weight and the bias, of data of any size.</summary>
    /// <param name="outputGradient">The gradient with respect to the output, laid out as that is.</param>
    /// <param name="input">Rows of features.</param>
    /// <param name="batchSize">The number of rows of input and output.</param>
    /// <param name="layout">The sizes, and strides where rows do not follow one another.</param>
    /// <param name="weightGradient">
    /// Receives a row of features for each output; null where only the bias's gradient is wanted.
    /// </param>
    /// <param name="biasGradient">Receives a number for each output; null where it is not wanted.</param>
    /// <param name="accumulate">Whether to add to what the results hold, in place of overwriting them.</param>
    /// <param name="execution">Threads and backend.</param>
    /// <inheritdoc
    /// cref="Forward{TInput, TWeight}(TInput*, TWeight*, float*, nint, LinearLayout, float*, bool, ExecutionOptions)"/>
    /// <typeparam name="TInput">float, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    public static void WeightGradient<TInput>(
        float* outputGradient,
        TInput* input,
        nint batchSize,
        LinearLayout layout,
        float* weightGradient,
        float* biasGradient = null,
        bool accumulate = false,
        ExecutionOptions execution = default)
        where TInput : unmanaged
    {
        LinearJob job = NewJob<TInput, float>(LinearOperation.WeightGradient, batchSize, layout, accumulate);
        bool native = execution.UsesNative;
        if (weightGradient is null && biasGradient is null)
        {
            throw Errors.NoWeightOrBiasGradient();
        }

        Matrices matrices = new(layout, LinearOperation.WeightGradient);
        Extent result = matrices.Weight.Extent(weightGradient, sizeof(float), weightGradient is null ? 0 : job.Outputs);
        Extent biases = matrices.Bias.Extent(biasGradient, sizeof(float), biasGradient is null ? 0u : 1);
        Extent gradients = matrices.Output.Extent(outputGradient, sizeof(float), job.BatchSize);
        Extent inputs = matrices.Input.Extent(input, (nuint)sizeof(TInput), job.BatchSize);
        result.CheckApart(gradients);
        result.CheckApart(inputs);
        biases.CheckApart(gradients);
        biases.CheckApart(inputs);
        biases.CheckApart(result);
        job.OutputGradient = outputGradient;
        job.OutputGradientStride = matrices.Output.Stride;
        job.Input = input;
        job.InputStride = matrices.Input.Stride;
        job.WeightGradient = weightGradient;
        job.WeightGradientStride = matrices.Weight.Stride;
        job.BiasGradient = biasGradient;
        LinearJob.RunAll(ref job, native, execution.MaxDegreeOfParallelism);
    }

    /// <exception cref="ArgumentOutOfRangeException">A size is below 1.</exception>
    internal static void CheckSizes(in LinearLayout layout)
    {
        if (layout.Features < 1)
        {
            throw Errors.LinearSizeNotPositive(nameof(layout.Features), layout.Features);
        }

        if (layout.Outputs < 1)
        {
            throw Errors.LinearSizeNotPositive(nameof(layout.Outputs), layout.Outputs);
        }
    }

    private static LinearJob NewJob<TInput, TWeight>(
        LinearOperation operation, nint batchSize, in LinearLayout layout, bool accumulate)
        where TInput : unmanaged
        where TWeight : unmanaged
    {
        LinearJob job = new()
        {
            Operation = operation,
            InputType = ElementTypes.OfLinear<TInput>(),
            WeightType = ElementTypes.OfLinear<TWeight>(),
            Accumulate = accumulate,
            BatchSize = (nuint)batchSize,
            Features = (nuint)layout.Features,
            Outputs = (nuint)layout.Outputs,
        };
        return batchSize < 0 ? throw Errors.BatchSizeNegative(batchSize) : job;
    }

    // The matrices of an operation, each with the stride that the layout has for it.
    private readonly struct Matrices
    {
        internal Matrices(in LinearLayout layout, LinearOperation operation)
        {
            CheckSizes(layout);
            Input = operation == LinearOperation.InputGradient
                ? new(Argument.InputGradient, layout.Features, layout.GradientStride, nameof(layout.GradientStride))
                : new(Argument.Input, layout.Features, layout.InputStride, nameof(layout.InputStride));
            Weight = operation == LinearOperation.WeightGradient
                ? new(Argument.WeightGradient, layout.Features, layout.GradientStride, nameof(layout.GradientStride))
                : new(Argument.Weight, layout.Features, layout.WeightStride, nameof(layout.WeightStride));
            Argument output = operation == LinearOperation.Forward ? Argument.Output : Argument.OutputGradient;
            Output = new(output, layout.Outputs, layout.OutputStride, nameof(layout.OutputStride));
            Argument bias = operation == LinearOperation.Forward ? Argument.Bias : Argument.BiasGradient;
            Bias = new(bias, layout.Outputs, 0, string.Empty);
        }

        internal MatrixCheck Input { get; }

        internal MatrixCheck Weight { get; }

        internal MatrixCheck Output { get; }

        internal MatrixCheck Bias { get; }
    }
}
