using NativeXent.Checks;
using NativeXent.Jobs;

namespace NativeXent;

/// <summary>
/// A classifier's head as a whole: a linear layer, logits = input · weightᵀ + bias, and the softmax cross-entropy of its
/// logits; the loss, and its gradients with respect to input, weight and bias. The logits of all rows are never in memory.
/// </summary>
/// <remarks>
/// <para>
/// Rows are computed in chunks, 256 at a time by default: the chunk's logits, in their place the gradient with respect to them,
/// and from that the gradients of the chunk's input rows and the sums for weight and bias. The results are those of
/// <see cref="LinearLayer"/> and <see cref="SoftmaxCrossEntropy"/> one after the other, to the bit, where no row is ignored;
/// but totals of losses are added in other groups. Rows to ignore are left out before anything is computed.
/// </para>
/// <para>
/// Input and weight are float, <see cref="Half"/> or <see cref="BFloat16"/>, all else is float; sums over rows are kept in
/// float over all chunks. The same input gives the same bits on every CPU, operating system, instruction set and backend, with
/// any number of threads and however many rows a chunk has. A batch that is split at multiples of 128 rows that count, and
/// accumulated, gives the gradients of weight and bias that it gives at once.
/// </para>
/// <para>
/// Every option of <see cref="SoftmaxCrossEntropy"/> is there, and means the same. An upstream gradient for each row acts on
/// all three gradients. <see cref="SoftmaxCrossEntropyOptions.Accumulate"/> concerns all three.
/// </para>
/// <para>
/// Every argument is checked before anything is written. Every method may be called from any thread at any time, on memory that
/// nobody writes meanwhile. Memory is rented from <see cref="System.Buffers.ArrayPool{T}"/>: chunk rows × classes floats, and
/// up to 8 MB for each thread (<see cref="WorkspaceBytes"/>). On one thread nothing is allocated beyond that.
/// </para>
/// </remarks>
public static unsafe partial class LinearSoftmaxCrossEntropy
{
    /// <summary>The loss and its gradients with respect to input, weight and bias, whichever are asked for.</summary>
    /// <typeparam name="TInput">float, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <typeparam name="TWeight">float, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <param name="input">A row of features for each sample.</param>
    /// <param name="weight">A row of features for each class.</param>
    /// <param name="bias">A number for each class; empty for no bias.</param>
    /// <param name="labels">The class of each row, in [0, classes), or the index to ignore.</param>
    /// <param name="layout">The numbers of features and classes, and strides where rows do not follow one another.</param>
    /// <param name="gradients">Where the gradients go; without any, only the loss is computed.</param>
    /// <param name="options">What is computed; null for no options.</param>
    /// <param name="rows">Further inputs and outputs, one for each row.</param>
    /// <param name="execution">Threads, backend, memory, progress and cancellation.</param>
    /// <returns>The totals of the batch, for which <see cref="Reduction"/> must be set.</returns>
    /// <exception cref="NotSupportedException">A type is none of the three.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A label is out of range, a number of <paramref name="layout"/> is too small; nothing has been written.
    /// </exception>
    /// <exception cref="ArgumentException">
    /// Lengths do not match, options do not fit, memory overlaps or is not aligned to its element type, or nothing is asked for;
    /// nothing has been written.
    /// </exception>
    /// <exception cref="OperationCanceledException">
    /// The call was cancelled; <see cref="LinearExecutionOptions.CancellationToken"/> says what has been written.
    /// </exception>
    /// <exception cref="NativeXentUnavailableException">
    /// The native backend was asked for and cannot be used.
    /// </exception>
    public static SoftmaxCrossEntropyResult Gradient<TInput, TWeight>(
        ReadOnlySpan<TInput> input,
        ReadOnlySpan<TWeight> weight,
        ReadOnlySpan<float> bias,
        ReadOnlySpan<int> labels,
        LinearLayout layout,
        LinearGradients gradients,
        SoftmaxCrossEntropyOptions? options = null,
        RowBuffers<float> rows = default,
        LinearExecutionOptions execution = default)
        where TInput : unmanaged
        where TWeight : unmanaged
    {
        fixed (int* targets = labels)
        {
            Targets given = new(targets, labels.Length, TargetType.LabelsInt32);
            return Compute(input, weight, bias, given, layout, gradients, options, rows, execution);
        }
    }

    /// <inheritdoc cref="Gradient{TInput, TWeight}(ReadOnlySpan{TInput}, ReadOnlySpan{TWeight}, ReadOnlySpan{float},
    /// ReadOnlySpan{int}, LinearLayout, LinearGradients, SoftmaxCrossEntropyOptions?, RowBuffers{float},
    /// LinearExecutionOptions)"/>
    public static SoftmaxCrossEntropyResult Gradient<TInput, TWeight>(
        ReadOnlySpan<TInput> input,
        ReadOnlySpan<TWeight> weight,
        ReadOnlySpan<float> bias,
        ReadOnlySpan<long> labels,
        LinearLayout layout,
        LinearGradients gradients,
        SoftmaxCrossEntropyOptions? options = null,
        RowBuffers<float> rows = default,
        LinearExecutionOptions execution = default)
        where TInput : unmanaged
        where TWeight : unmanaged
    {
        fixed (long* targets = labels)
        {
            Targets given = new(targets, labels.Length, TargetType.LabelsInt64);
            return Compute(input, weight, bias, given, layout, gradients, options, rows, execution);
        }
    }

    /// <param name="input">A row of features for each sample.</param>
    /// <param name="weight">A row of features for each class.</param>
    /// <param name="bias">A number for each class; empty for no bias.</param>
    /// <param name="distributions">
    /// A number for each class of each row, one row after the other. Rows need not sum to 1. Values are not checked: NaN gives
    /// NaN.
    /// </param>
    /// <param name="layout">The numbers of features and classes, and strides where rows do not follow one another.</param>
    /// <param name="gradients">Where the gradients go; without any, only the loss is computed.</param>
    /// <param name="options">What is computed; null for no options. An index to ignore is refused.</param>
    /// <param name="rows">Further inputs and outputs, one for each row.</param>
    /// <param name="execution">Threads, backend, memory, progress and cancellation.</param>
    /// <inheritdoc cref="Gradient{TInput, TWeight}(ReadOnlySpan{TInput}, ReadOnlySpan{TWeight}, ReadOnlySpan{float},
    /// ReadOnlySpan{int}, LinearLayout, LinearGradients, SoftmaxCrossEntropyOptions?, RowBuffers{float},
    /// LinearExecutionOptions)"/>
    public static SoftmaxCrossEntropyResult Gradient<TInput, TWeight>(
        ReadOnlySpan<TInput> input,
        ReadOnlySpan<TWeight> weight,
        ReadOnlySpan<float> bias,
        ReadOnlySpan<float> distributions,
        LinearLayout layout,
        LinearGradients gradients,
        SoftmaxCrossEntropyOptions? options = null,
        RowBuffers<float> rows = default,
        LinearExecutionOptions execution = default)
        where TInput : unmanaged
        where TWeight : unmanaged
    {
        fixed (float* targets = distributions)
        {
            Targets given = new(targets, distributions.Length, TargetType.Distribution);
            return Compute(input, weight, bias, given, layout, gradients, options, rows, execution);
        }
    }

    /// <summary>Loss and gradients, whichever are asked for, of data of any size.</summary>
    /// <param name="pointers">Where the data is.</param>
    /// <param name="batchSize">The number of rows. Where it is 0, pointers to what there is for each row may be null.</param>
    /// <param name="layout">The numbers of features and classes, and strides where rows do not follow one another.</param>
    /// <param name="options">What is computed; null for no options.</param>
    /// <param name="execution">Threads, backend, memory, progress and cancellation.</param>
    /// <exception cref="ArgumentNullException">A pointer that is needed is null.</exception>
    /// <inheritdoc cref="Gradient{TInput, TWeight}(ReadOnlySpan{TInput}, ReadOnlySpan{TWeight}, ReadOnlySpan{float},
    /// ReadOnlySpan{int}, LinearLayout, LinearGradients, SoftmaxCrossEntropyOptions?, RowBuffers{float},
    /// LinearExecutionOptions)"/>
    public static SoftmaxCrossEntropyResult Compute<TInput, TWeight>(
        in LinearSoftmaxCrossEntropyPointers<TInput, TWeight> pointers,
        nint batchSize,
        LinearLayout layout,
        SoftmaxCrossEntropyOptions? options = null,
        LinearExecutionOptions execution = default)
        where TInput : unmanaged
        where TWeight : unmanaged
    {
        int kinds = (pointers.Labels32 is null ? 0 : 1)
            + (pointers.Labels64 is null ? 0 : 1)
            + (pointers.Distributions is null ? 0 : 1);
        if (batchSize < 0)
        {
            throw Errors.BatchSizeNegative(batchSize);
        }

        if (kinds != 1 && batchSize > 0)
        {
            throw Errors.NotOneKindOfTargets(kinds);
        }

        Targets targets = pointers.Distributions is not null
            ? new(pointers.Distributions, 0, TargetType.Distribution)
            : pointers.Labels64 is not null
                ? new(pointers.Labels64, 0, TargetType.LabelsInt64)
                : new(pointers.Labels32, 0, TargetType.LabelsInt32);
        return Run(pointers, targets, batchSize, layout, options, execution, byPointers: true);
    }

    /// <summary>
    /// How much memory a call rents, in bytes, whichever gradients are asked for; less where there are fewer rows than a chunk
    /// has, or where no index to ignore is set.
    /// </summary>
    /// <typeparam name="TInput">The element type of the input.</typeparam>
    /// <param name="layout">The numbers of features and classes.</param>
    /// <param name="execution">The most memory, and the number of threads.</param>
    /// <returns>The size.</returns>
    /// <exception cref="NotSupportedException"><typeparamref name="TInput"/> is none of the three types.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number of <paramref name="layout"/> is too small.</exception>
    public static long WorkspaceBytes<TInput>(LinearLayout layout, LinearExecutionOptions execution = default)
        where TInput : unmanaged
    {
        _ = new Matrices(layout);
        float any = 0;
        LinearHeadJob job = new()
        {
            InputType = ElementTypes.OfLinear<TInput>(),
            Features = (nuint)layout.Features,
            Classes = (nuint)layout.Outputs,
            InputGradient = &any,
            WeightGradient = &any,
            Loss = new() { Ignores = true },
        };
        int threads = Chunks.MostThreads(execution.Execution.MaxDegreeOfParallelism);
        nuint rows = LinearHead.RowsPerChunk(job, LinearHead.DefaultRows, threads, execution.MaxWorkspaceBytes);
        return (long)LinearHead.WorkspaceBytes(job, rows, threads);
    }

    private static SoftmaxCrossEntropyResult Compute<TInput, TWeight>(
        ReadOnlySpan<TInput> input,
        ReadOnlySpan<TWeight> weight,
        ReadOnlySpan<float> bias,
        in Targets targets,
        in LinearLayout layout,
        in LinearGradients gradients,
        SoftmaxCrossEntropyOptions? options,
        in RowBuffers<float> rows,
        in LinearExecutionOptions execution)
        where TInput : unmanaged
        where TWeight : unmanaged
    {
        Matrices matrices = new(layout);
        nuint batchSize = matrices.Input.RowsOf(input.Length);
        nuint classes = (nuint)layout.Outputs;
        matrices.Weight.CheckLength(weight.Length, classes);
        CheckUnlessEmpty(matrices.Bias, bias.Length, 1);
        CheckUnlessEmpty(matrices.InputGradient, gradients.Input.Length, batchSize);
        CheckUnlessEmpty(matrices.WeightGradient, gradients.Weight.Length, classes);
        CheckUnlessEmpty(matrices.BiasGradient, gradients.Bias.Length, 1);
        if (targets.Type == TargetType.Distribution)
        {
            matrices.Distributions.CheckLength(targets.Length, batchSize);
        }
        else if ((nuint)targets.Length != batchSize)
        {
            throw Errors.RowsLength(Argument.Labels, targets.Length, batchSize);
        }

        CheckRows(rows.Upstream.Length, batchSize, Argument.RowUpstream);
        CheckRows(rows.Losses.Length, batchSize, Argument.RowLosses);
        CheckRows(rows.LogSumExp.Length, batchSize, Argument.RowLogSumExp);
        CheckRows(rows.ZLosses.Length, batchSize, Argument.RowZLosses);
        fixed (TInput* x = input)
        fixed (TWeight* w = weight)
        fixed (float* b = bias, dx = gradients.Input, dw = gradients.Weight, db = gradients.Bias)
        fixed (float* upstream = rows.Upstream, losses = rows.Losses, logSumExp = rows.LogSumExp, zLosses = rows.ZLosses)
        {
            LinearSoftmaxCrossEntropyPointers<TInput, TWeight> pointers = new()
            {
                Input = x,
                Weight = w,
                Bias = b,
                InputGradient = dx,
                WeightGradient = dw,
                BiasGradient = db,
                Upstream = upstream,
                Losses = losses,
                LogSumExp = logSumExp,
                ZLosses = zLosses,
            };
            return Run(pointers, targets, (nint)batchSize, layout, options, execution, byPointers: false);
        }
    }

    // Nothing but lengths has been checked.
    private static SoftmaxCrossEntropyResult Run<TInput, TWeight>(
        in LinearSoftmaxCrossEntropyPointers<TInput, TWeight> pointers,
        in Targets targets,
        nint batchSize,
        in LinearLayout layout,
        SoftmaxCrossEntropyOptions? options,
        in LinearExecutionOptions execution,
        bool byPointers)
        where TInput : unmanaged
        where TWeight : unmanaged
    {
        options ??= SoftmaxCrossEntropyOptions.Default;
        Matrices matrices = new(layout);
        LinearHeadJob job = new()
        {
            InputType = ElementTypes.OfLinear<TInput>(),
            WeightType = ElementTypes.OfLinear<TWeight>(),
            BatchSize = (nuint)batchSize,
            Features = (nuint)layout.Features,
            Classes = (nuint)layout.Outputs,
            Input = pointers.Input,
            InputStride = matrices.Input.Stride,
            Weight = pointers.Weight,
            WeightStride = matrices.Weight.Stride,
            Bias = pointers.Bias,
            InputGradient = pointers.InputGradient,
            WeightGradient = pointers.WeightGradient,
            BiasGradient = pointers.BiasGradient,
            GradientStride = matrices.InputGradient.Stride,
            Accumulate = options.Accumulate,
        };
        ref SoftmaxCrossEntropyJob loss = ref job.Loss;
        SoftmaxCrossEntropy.SetOptions(ref loss, options);
        loss.ElementType = ElementType.Float32;
        loss.TargetType = targets.Type;
        loss.BatchSize = job.BatchSize;
        loss.Classes = job.Classes;
        loss.InnerSize = 1;
        loss.RowEnd = job.BatchSize;
        loss.Targets = targets.Start;
        loss.TargetsStride = job.Classes;
        loss.Upstream = job.WantsGradient ? pointers.Upstream : null;
        loss.Losses = pointers.Losses;
        loss.LogSumExp = pointers.LogSumExp;
        loss.ZLosses = pointers.ZLosses;

        bool native = execution.Execution.UsesNative;
        SoftmaxCrossEntropy.CheckOptions(options, targets.Type, job.Classes);
        if (!job.WantsGradient && !loss.WantsAnything)
        {
            throw Errors.NothingWanted(
                "CountCorrect is false, and there is room for no result", byPointers ? "pointers" : "gradients");
        }

        CheckMemory(job, matrices, (nuint)sizeof(TInput), (nuint)sizeof(TWeight), byPointers);
        fixed (double* classWeights = options.ClassWeights.Array)
        {
            loss.ClassWeights = classWeights;
            LabelCheck.Count(loss, byPointers, out ulong counted, out double weight);
            if (options.Reduction == Reduction.Mean && job.WantsGradient)
            {
                loss.GradScale = SoftmaxCrossEntropy.MeanScale(options.UpstreamScale, weight);
            }

            // A scale of 0 gives gradients of 0 whatever the rows hold. A kernel would multiply: NaN · 0 is NaN.
            if (loss.GradScale == 0)
            {
                execution.CancellationToken.ThrowIfCancellationRequested();
                job.ClearGradients();
                loss.Upstream = null;
            }

            Totals totals = default;
            if (job.WantsGradient || loss.WantsAnything)
            {
                LinearHead.Run(
                    job, (nuint)counted, native, execution.Execution.MaxDegreeOfParallelism, execution, ref totals);
            }

            return SoftmaxCrossEntropy.Result(options, totals, counted, weight);
        }
    }

    // What is null, alignment, size and overlap.
    private static void CheckMemory(
        in LinearHeadJob job, in Matrices matrices, nuint inputSize, nuint weightSize, bool byPointers)
    {
        ref readonly SoftmaxCrossEntropyJob loss = ref job.Loss;
        nuint rows = job.BatchSize;
        Extent input = matrices.Input.Extent(job.Input, inputSize, rows);
        Extent weight = matrices.Weight.Extent(job.Weight, weightSize, job.Classes);
        Extent bias = matrices.Bias.Extent(job.Bias, sizeof(float), job.Bias is null ? 0u : 1);
        Extent inputGradient =
            matrices.InputGradient.Extent(job.InputGradient, sizeof(float), job.InputGradient is null ? 0 : rows);
        Extent weightGradient = matrices.WeightGradient.Extent(
            job.WeightGradient, sizeof(float), job.WeightGradient is null ? 0 : job.Classes);
        Extent biasGradient =
            matrices.BiasGradient.Extent(job.BiasGradient, sizeof(float), job.BiasGradient is null ? 0u : 1);
        Extent targets = loss.TargetType == TargetType.Distribution
            ? matrices.Distributions.Extent(loss.Targets, sizeof(float), rows)
            : new(loss.Targets, loss.TargetType.LabelSize(), rows * loss.TargetType.LabelSize(), Argument.Labels, byPointers);
        nuint bytes = rows * sizeof(float);
        Extent upstream = new(loss.Upstream, sizeof(float), bytes, Argument.RowUpstream, byPointers);
        Extent losses = new(loss.Losses, sizeof(float), bytes, Argument.RowLosses, byPointers);
        Extent logSumExp = new(loss.LogSumExp, sizeof(float), bytes, Argument.RowLogSumExp, byPointers);
        Extent zLosses = new(loss.ZLosses, sizeof(float), bytes, Argument.RowZLosses, byPointers);
        SoftmaxCrossEntropy.CheckApart(
            [inputGradient, weightGradient, biasGradient, losses, logSumExp, zLosses],
            [input, weight, bias, targets, upstream],
            byPointers);
    }

    private static void CheckUnlessEmpty(in MatrixCheck matrix, int length, nuint rows)
    {
        if (length != 0)
        {
            matrix.CheckLength(length, rows);
        }
    }

    private static void CheckRows(int length, nuint rows, Argument argument)
    {
        if (length != 0 && (nuint)length != rows)
        {
            throw Errors.RowsLength(argument, length, rows);
        }
    }

    private readonly struct Matrices
    {
        internal Matrices(in LinearLayout layout)
        {
            LinearLayer.CheckSizes(layout);
            Input = new(Argument.Input, layout.Features, layout.InputStride, nameof(layout.InputStride));
            Weight = new(Argument.Weight, layout.Features, layout.WeightStride, nameof(layout.WeightStride));
            Bias = new(Argument.Bias, layout.Outputs, 0, string.Empty);
            const string Property = nameof(layout.GradientStride);
            InputGradient = new(Argument.HeadInputGradient, layout.Features, layout.GradientStride, Property);
            WeightGradient = new(Argument.HeadWeightGradient, layout.Features, layout.GradientStride, Property);
            BiasGradient = new(Argument.HeadBiasGradient, layout.Outputs, 0, string.Empty);
            Distributions = new(Argument.Distributions, layout.Outputs, 0, string.Empty);
        }

        internal MatrixCheck Input { get; }

        internal MatrixCheck Weight { get; }

        internal MatrixCheck Bias { get; }

        internal MatrixCheck InputGradient { get; }

        internal MatrixCheck WeightGradient { get; }

        internal MatrixCheck BiasGradient { get; }

        internal MatrixCheck Distributions { get; }
    }

    /// <param name="start">Labels or distributions.</param>
    /// <param name="length">How many labels or numbers there are, where they came as a span.</param>
    /// <param name="type">Which of them.</param>
    private readonly struct Targets(void* start, int length, TargetType type)
    {
        internal readonly void* Start = start;
        internal readonly int Length = length;
        internal readonly TargetType Type = type;
    }
}
