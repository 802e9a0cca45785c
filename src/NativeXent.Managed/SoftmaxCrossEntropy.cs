using System.Runtime.CompilerServices;
using NativeXent.Checks;
using NativeXent.Jobs;

namespace NativeXent;

/// <summary>
/// Softmax cross-entropy from logits: its gradient with respect to the logits, and its loss.
/// </summary>
/// <remarks>
/// <para>
/// For a row of logits z, u = scale·z, or softcap·tanh(scale·z / softcap). With p[c] = exp(u[c]) / Σₖ exp(u[k]) and
/// lse = log Σₖ exp(u[k]), the loss is Σ_c w[c]·q[c]·(lse − u[c]), in nats: without options −log p[label]. The target q
/// is 1 at the label and 0 elsewhere, or a given distribution, which need not sum to 1, then smoothed; w are class
/// weights. The z-loss λ·lse² is told apart. The gradient of both with respect to u[k] is
/// p[k]·(Σ_c w[c]·q[c] + 2λ·lse) − w[k]·q[k], without options p[k] − q[k]; then times du/dz, the upstream gradients and
/// <see cref="SoftmaxCrossEntropyOptions.UpstreamScale"/>, and for <see cref="Reduction.Mean"/> divided by the weight
/// of the batch. These are PyTorch's definitions; but a term with w·q = 0 adds nothing to a loss even where p is 0,
/// where PyTorch gives NaN.
/// </para>
/// <para>
/// Elements are float, double, <see cref="Half"/> or <see cref="BFloat16"/>; 16-bit types are computed as float and
/// rounded once. The same input gives the same bits on every CPU, operating system, instruction set and backend, and
/// with any number of threads. From labels and without options, every float gradient element and loss whose exact
/// magnitude is at least 2^-125 is within 3 ULP of it (an ULP is the distance between neighbouring floats at the exact
/// value or at the result, whichever is larger), and every double one within 4. Results below 2^-126 (double: 2^-1022)
/// are flushed to +0; results of type Half can be subnormal. A loss or a scaled gradient out of range is infinite.
/// </para>
/// <para>
/// A row that holds NaN or +∞, or nothing but −∞, gives NaN as loss and gradient (the quiet NaN without sign and
/// payload); lse is NaN only with NaN, and otherwise +∞, or −∞ where there is nothing else. A logit of −∞ has probability
/// 0; where its w·q is not 0, the loss is +∞. With a softcap both infinities are as good as the cap. An upstream gradient
/// that is infinite or NaN makes its row's gradient NaN, one of 0 makes it 0, whatever the row holds.
/// </para>
/// <para>
/// Every argument is checked before anything is written. Every method may be called from any thread at any time, on
/// memory that nobody writes meanwhile. On one thread nothing is allocated, but that rows of more than 8,192 classes
/// (4,096 of double) may rent up to 8 (16) bytes for each class and thread from
/// <see cref="System.Buffers.ArrayPool{T}"/>, where the output cannot keep what is computed once.
/// </para>
/// <para>
/// Source of the formula: Bridle, "Probabilistic interpretation of feedforward classification network outputs", 1990.
/// </para>
/// </remarks>
[SkipLocalsInit]
public static unsafe partial class SoftmaxCrossEntropy
{
    /// <summary>
    /// Gradient of the softmax cross-entropy with respect to the logits, without options
    /// softmax(logits)[i][j] − (j == labels[i]); and whatever else is asked for.
    /// </summary>
    /// <typeparam name="T">The element type: float, double, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <param name="logits">The logits, laid out as <paramref name="layout"/> says.</param>
    /// <param name="labels">The class of each row, in [0, classes), or the index to ignore.</param>
    /// <param name="layout">
    /// The number of classes, where rows of so many logits follow one another; <see cref="LogitsLayout"/> has more.
    /// </param>
    /// <param name="destination">
    /// Receives the gradient, laid out as the logits are. It may be the same memory as <paramref name="logits"/> with
    /// the same stride, but must not overlap it otherwise, nor anything else.
    /// </param>
    /// <param name="options">What is computed; null for no options.</param>
    /// <param name="rows">Further inputs and outputs, one for each row.</param>
    /// <param name="execution">Threads and backend.</param>
    /// <returns>The totals of the batch, for which <see cref="Reduction"/> must be set.</returns>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is no element type.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A label is out of range, a number of <paramref name="layout"/> is too small; nothing has been written.
    /// </exception>
    /// <exception cref="ArgumentException">
    /// Lengths do not match, options do not fit, memory overlaps, or a span is not aligned to its element type; nothing
    /// has been written.
    /// </exception>
    /// <exception cref="NativeXentUnavailableException">
    /// The native backend was asked for and cannot be used.
    /// </exception>
    public static SoftmaxCrossEntropyResult Gradient<T>(
        ReadOnlySpan<T> logits,
        ReadOnlySpan<int> labels,
        LogitsLayout layout,
        Span<T> destination,
        SoftmaxCrossEntropyOptions? options = null,
        RowBuffers<T> rows = default,
        ExecutionOptions execution = default)
        where T : unmanaged
    {
        fixed (int* targets = labels)
        {
            if (typeof(T) == typeof(float) && options is null && rows.AreEmpty)
            {
                fixed (T* z = logits, gradient = destination)
                {
                    if (PlainGradient.TryCompute(
                        (float*)z,
                        logits.Length,
                        targets,
                        labels.Length,
                        layout,
                        (float*)gradient,
                        destination.Length,
                        execution))
                    {
                        return Result(SoftmaxCrossEntropyOptions.Default, default, (ulong)labels.Length, labels.Length);
                    }
                }
            }

            Targets given = new(targets, labels.Length, TargetType.LabelsInt32);
            return Compute(logits, given, layout, destination, true, options, rows, execution);
        }
    }

    /// <inheritdoc
    /// cref="Gradient{T}(ReadOnlySpan{T}, ReadOnlySpan{int}, LogitsLayout, Span{T}, SoftmaxCrossEntropyOptions?,
    /// RowBuffers{T}, ExecutionOptions)"/>
    public static SoftmaxCrossEntropyResult Gradient<T>(
        ReadOnlySpan<T> logits,
        ReadOnlySpan<long> labels,
        LogitsLayout layout,
        Span<T> destination,
        SoftmaxCrossEntropyOptions? options = null,
        RowBuffers<T> rows = default,
        ExecutionOptions execution = default)
        where T : unmanaged
    {
        fixed (long* targets = labels)
        {
            Targets given = new(targets, labels.Length, TargetType.LabelsInt64);
            return Compute(logits, given, layout, destination, true, options, rows, execution);
        }
    }

    /// <summary>
    /// Gradient of the softmax cross-entropy with respect to the logits, without options
    /// softmax(logits)[i][j] − distributions[i][j] where these sum to 1; and whatever else is asked for.
    /// </summary>
    /// <param name="logits">The logits, laid out as <paramref name="layout"/> says.</param>
    /// <param name="distributions">
    /// The target of each row, laid out as the logits are. Rows need not sum to 1, and numbers may be negative. They are
    /// not checked: one that is infinite or NaN makes its row's loss and gradient NaN.
    /// </param>
    /// <param name="layout">
    /// The number of classes, where rows of so many logits follow one another; <see cref="LogitsLayout"/> has more.
    /// </param>
    /// <param name="destination">
    /// Receives the gradient, laid out as the logits are. It may be the same memory as <paramref name="logits"/> with
    /// the same stride, but must not overlap it otherwise, nor anything else.
    /// </param>
    /// <param name="options">What is computed; null for no options. An index to ignore is refused.</param>
    /// <param name="rows">Further inputs and outputs, one for each row.</param>
    /// <param name="execution">Threads and backend.</param>
    /// <inheritdoc
    /// cref="Gradient{T}(ReadOnlySpan{T}, ReadOnlySpan{int}, LogitsLayout, Span{T}, SoftmaxCrossEntropyOptions?,
    /// RowBuffers{T}, ExecutionOptions)"/>
    public static SoftmaxCrossEntropyResult Gradient<T>(
        ReadOnlySpan<T> logits,
        ReadOnlySpan<T> distributions,
        LogitsLayout layout,
        Span<T> destination,
        SoftmaxCrossEntropyOptions? options = null,
        RowBuffers<T> rows = default,
        ExecutionOptions execution = default)
        where T : unmanaged
    {
        fixed (T* targets = distributions)
        {
            Targets given = new(targets, distributions.Length, TargetType.Distribution);
            return Compute(logits, given, layout, destination, true, options, rows, execution);
        }
    }

    /// <summary>
    /// The loss alone, without gradient: in total for <see cref="Reduction.Sum"/> and <see cref="Reduction.Mean"/>, and
    /// row by row where <paramref name="rows"/> has room for it.
    /// </summary>
    /// <param name="logits">The logits, laid out as <paramref name="layout"/> says.</param>
    /// <param name="labels">The class of each row, in [0, classes), or the index to ignore.</param>
    /// <param name="layout">
    /// The number of classes, where rows of so many logits follow one another; <see cref="LogitsLayout"/> has more.
    /// </param>
    /// <param name="options">
    /// What is computed; null for no options. What concerns gradients only is without effect.
    /// </param>
    /// <param name="rows">Outputs of one element for each row.</param>
    /// <param name="execution">Threads and backend.</param>
    /// <exception cref="ArgumentException">
    /// Lengths do not match, options do not fit, memory overlaps, a span is not aligned to its element type, or nothing
    /// is asked for; nothing has been written.
    /// </exception>
    /// <inheritdoc
    /// cref="Gradient{T}(ReadOnlySpan{T}, ReadOnlySpan{int}, LogitsLayout, Span{T}, SoftmaxCrossEntropyOptions?,
    /// RowBuffers{T}, ExecutionOptions)"/>
    public static SoftmaxCrossEntropyResult Loss<T>(
        ReadOnlySpan<T> logits,
        ReadOnlySpan<int> labels,
        LogitsLayout layout,
        SoftmaxCrossEntropyOptions? options = null,
        RowBuffers<T> rows = default,
        ExecutionOptions execution = default)
        where T : unmanaged
    {
        fixed (int* targets = labels)
        {
            Targets given = new(targets, labels.Length, TargetType.LabelsInt32);
            return Compute(logits, given, layout, default, false, options, rows, execution);
        }
    }

    /// <inheritdoc
    /// cref="Loss{T}(ReadOnlySpan{T}, ReadOnlySpan{int}, LogitsLayout, SoftmaxCrossEntropyOptions?, RowBuffers{T},
    /// ExecutionOptions)"/>
    public static SoftmaxCrossEntropyResult Loss<T>(
        ReadOnlySpan<T> logits,
        ReadOnlySpan<long> labels,
        LogitsLayout layout,
        SoftmaxCrossEntropyOptions? options = null,
        RowBuffers<T> rows = default,
        ExecutionOptions execution = default)
        where T : unmanaged
    {
        fixed (long* targets = labels)
        {
            Targets given = new(targets, labels.Length, TargetType.LabelsInt64);
            return Compute(logits, given, layout, default, false, options, rows, execution);
        }
    }

    /// <param name="logits">The logits, laid out as <paramref name="layout"/> says.</param>
    /// <param name="distributions">
    /// The target of each row, laid out as the logits are. Rows need not sum to 1, and numbers may be negative. They are
    /// not checked: one that is infinite or NaN makes its row's loss and gradient NaN.
    /// </param>
    /// <param name="layout">
    /// The number of classes, where rows of so many logits follow one another; <see cref="LogitsLayout"/> has more.
    /// </param>
    /// <param name="options">
    /// What is computed; null for no options. What concerns gradients only is without effect. An index to ignore is
    /// refused.
    /// </param>
    /// <param name="rows">Outputs of one element for each row.</param>
    /// <param name="execution">Threads and backend.</param>
    /// <inheritdoc
    /// cref="Loss{T}(ReadOnlySpan{T}, ReadOnlySpan{int}, LogitsLayout, SoftmaxCrossEntropyOptions?, RowBuffers{T},
    /// ExecutionOptions)"/>
    public static SoftmaxCrossEntropyResult Loss<T>(
        ReadOnlySpan<T> logits,
        ReadOnlySpan<T> distributions,
        LogitsLayout layout,
        SoftmaxCrossEntropyOptions? options = null,
        RowBuffers<T> rows = default,
        ExecutionOptions execution = default)
        where T : unmanaged
    {
        fixed (T* targets = distributions)
        {
            Targets given = new(targets, distributions.Length, TargetType.Distribution);
            return Compute(logits, given, layout, default, false, options, rows, execution);
        }
    }

    /// <summary>Gradient, losses and totals, whichever are asked for, of data of any size.</summary>
    /// <typeparam name="T">The element type: float, double, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <param name="pointers">Where the data is.</param>
    /// <param name="batchSize">
    /// The number of samples, so of rows where the inner size is 1. Where it is 0, pointers may be null.
    /// </param>
    /// <param name="layout">
    /// The number of classes, where rows of so many logits follow one another; <see cref="LogitsLayout"/> has more.
    /// </param>
    /// <param name="options">What is computed; null for no options.</param>
    /// <param name="execution">Threads and backend.</param>
    /// <returns>The totals of the batch, for which <see cref="Reduction"/> must be set.</returns>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is no element type.</exception>
    /// <exception cref="ArgumentNullException">A pointer that is needed is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A label is out of range, <paramref name="batchSize"/> is negative, or a number of <paramref name="layout"/> is
    /// too small; nothing has been written.
    /// </exception>
    /// <exception cref="ArgumentException">
    /// Not one kind of targets is given, options do not fit, a pointer is not aligned to its element type, sizes
    /// overflow, memory overlaps, or nothing is asked for; nothing has been written.
    /// </exception>
    /// <exception cref="NativeXentUnavailableException">
    /// The native backend was asked for and cannot be used.
    /// </exception>
    public static SoftmaxCrossEntropyResult Compute<T>(
        in SoftmaxCrossEntropyPointers<T> pointers,
        nint batchSize,
        LogitsLayout layout,
        SoftmaxCrossEntropyOptions? options = null,
        ExecutionOptions execution = default)
        where T : unmanaged
    {
        ElementType elementType = ElementTypes.Of<T>();
        options ??= SoftmaxCrossEntropyOptions.Default;
        if (batchSize < 0)
        {
            throw Errors.BatchSizeNegative(batchSize);
        }

        Targets targets = pointers.Distributions is not null
            ? new(pointers.Distributions, 0, TargetType.Distribution)
            : pointers.Labels64 is not null
                ? new(pointers.Labels64, 0, TargetType.LabelsInt64)
                : new(pointers.Labels32, 0, TargetType.LabelsInt32);
        int kinds = (pointers.Labels32 is null ? 0 : 1)
            + (pointers.Labels64 is null ? 0 : 1)
            + (pointers.Distributions is null ? 0 : 1);
        if (kinds != 1 && batchSize > 0)
        {
            throw Errors.NotOneKindOfTargets(kinds);
        }

        Shape shape = Shape.Of(layout);
        SoftmaxCrossEntropyJob job = new()
        {
            ElementType = elementType,
            TargetType = targets.Type,
            BatchSize = (nuint)batchSize,
            Logits = pointers.Logits,
            LogitsStride = shape.Stride(layout.Stride, nameof(layout.Stride)),
            Targets = targets.Start,
            TargetsStride = shape.Stride(layout.TargetsStride, nameof(layout.TargetsStride)),
            Gradient = pointers.Destination,
            GradientStride = shape.Stride(layout.DestinationStride, nameof(layout.DestinationStride)),
            Upstream = pointers.Upstream,
            Losses = pointers.Losses,
            LogSumExp = pointers.LogSumExp,
            ZLosses = pointers.ZLosses,
        };
        return Run(ref job, shape, options, execution, byPointers: true);
    }

    private static SoftmaxCrossEntropyResult Compute<T>(
        ReadOnlySpan<T> logits,
        Targets targets,
        in LogitsLayout layout,
        Span<T> destination,
        bool hasDestination,
        SoftmaxCrossEntropyOptions? options,
        in RowBuffers<T> rows,
        ExecutionOptions execution)
        where T : unmanaged
    {
        ElementType elementType = ElementTypes.Of<T>();
        options ??= SoftmaxCrossEntropyOptions.Default;
        Shape shape = Shape.Of(layout);
        nuint logitsStride = shape.Stride(layout.Stride, nameof(layout.Stride));
        nuint targetsStride = shape.Stride(layout.TargetsStride, nameof(layout.TargetsStride));
        nuint destinationStride = shape.Stride(layout.DestinationStride, nameof(layout.DestinationStride));
        nuint batchSize = shape.BatchOfElements(logits.Length, logitsStride, Argument.Logits);
        nuint count = batchSize * shape.InnerSize;
        if (targets.Type == TargetType.Distribution)
        {
            shape.CheckLength(targets.Length, batchSize, targetsStride, Argument.Distributions);
        }
        else if ((nuint)targets.Length != count)
        {
            throw Errors.RowsLength(Argument.Labels, targets.Length, count);
        }

        if (hasDestination)
        {
            shape.CheckLength(destination.Length, batchSize, destinationStride, Argument.Destination);
        }

        CheckLength(rows.Upstream.Length, count, Argument.RowUpstream);
        CheckLength(rows.Losses.Length, count, Argument.RowLosses);
        CheckLength(rows.LogSumExp.Length, count, Argument.RowLogSumExp);
        CheckLength(rows.ZLosses.Length, count, Argument.RowZLosses);
        fixed (T* z = logits, gradient = destination, upstream = rows.Upstream)
        fixed (T* losses = rows.Losses, logSumExp = rows.LogSumExp, zLosses = rows.ZLosses)
        {
            SoftmaxCrossEntropyJob job = new()
            {
                ElementType = elementType,
                TargetType = targets.Type,
                BatchSize = batchSize,
                Logits = z,
                LogitsStride = logitsStride,
                Targets = targets.Start,
                TargetsStride = targetsStride,
                Gradient = gradient,
                GradientStride = destinationStride,
                Upstream = upstream,
                Losses = losses,
                LogSumExp = logSumExp,
                ZLosses = zLosses,
            };
            return Run(ref job, shape, options, execution, byPointers: false);
        }
    }

    // The job has its pointers, strides and batch size; nothing but lengths has been checked.
    private static SoftmaxCrossEntropyResult Run(
        ref SoftmaxCrossEntropyJob job,
        in Shape shape,
        SoftmaxCrossEntropyOptions options,
        ExecutionOptions execution,
        bool byPointers)
    {
        bool native = execution.UsesNative;
        CheckOptions(options, job.TargetType, shape.Classes);
        if (job.BatchSize == 0)
        {
            return Result(options, default, 0, 0);
        }

        job.Classes = shape.Classes;
        job.InnerSize = shape.InnerSize;
        SetOptions(ref job, options);
        if (job.Gradient is null)
        {
            job.Upstream = null;
            if (!job.WantsAnything)
            {
                throw Errors.NothingWanted(
                    "CountCorrect is false, and there is room for no result", byPointers ? "pointers" : "rows");
            }
        }

        if (byPointers)
        {
            CheckPointers(job, shape);
        }

        job.RowEnd = job.BatchSize * job.InnerSize;
        CheckMemory(job, shape, byPointers);
        fixed (double* classWeights = options.ClassWeights.Array)
        {
            job.ClassWeights = classWeights;
            LabelCheck.Count(job, byPointers, out ulong rows, out double weight);
            if (options.Reduction == Reduction.Mean && job.Gradient is not null)
            {
                job.GradScale = MeanScale(options.UpstreamScale, weight);
            }

            // A scale of 0 gives gradients of 0 whatever the rows hold. A kernel would multiply: NaN · 0 is NaN.
            void* zeros = null;
            if (job.GradScale == 0)
            {
                zeros = job.Gradient;
                job.Gradient = null;
                job.Upstream = null;
            }

            Totals totals = default;
            if (!job.WantsAnything)
            {
                // Nothing but zeros.
            }
            else if (LongRows.AreToBeShared(job, execution.MaxDegreeOfParallelism))
            {
                LongRows.Run(job, native, execution.MaxDegreeOfParallelism, out totals);
            }
            else
            {
                Chunks.Run(
                    job,
                    job.RowEnd,
                    Chunks.RowsPerChunk(job.RowEnd, job.Classes, job.InnerSize > 1),
                    native,
                    execution.MaxDegreeOfParallelism,
                    job.WantsTotals || job.CountCorrect,
                    out totals);
            }

            // They may lie where the logits did.
            if (zeros is not null && !job.Accumulate)
            {
                shape.Clear(zeros, job.ElementType.Size(), job.BatchSize, job.GradientStride);
            }

            return Result(options, totals, rows, weight);
        }
    }

    private static void CheckLength(int length, nuint rows, Argument argument)
    {
        if (length != 0 && (nuint)length != rows)
        {
            throw Errors.RowsLength(argument, length, rows);
        }
    }

    /// <summary>What the options say.</summary>
    internal static void SetOptions(ref SoftmaxCrossEntropyJob job, SoftmaxCrossEntropyOptions options)
    {
        job.Accumulate = options.Accumulate;
        job.Ignores = options.IgnoreIndex is not null;
        job.IgnoreIndex = options.IgnoreIndex.GetValueOrDefault();
        job.CountCorrect = options.CountCorrect;
        job.WantsTotals = options.Reduction != Reduction.None;
        job.LabelSmoothing = options.LabelSmoothing;
        job.ZLossScale = options.ZLossScale;
        job.Scale = options.Scale;
        job.Softcap = options.Softcap.GetValueOrDefault();
        job.GradScale = options.UpstreamScale;
    }

    /// <summary>What the gradient of a mean is scaled by.</summary>
    /// <exception cref="ArgumentException">It is not finite.</exception>
    internal static double MeanScale(double upstreamScale, double weight)
    {
        double scale = weight == 0 ? 0 : upstreamScale / weight;
        return double.IsFinite(weight) && double.IsFinite(scale)
            ? scale
            : throw Errors.MeanOutOfRange(upstreamScale, weight);
    }

    /// <exception cref="ArgumentException">Options do not fit targets or classes.</exception>
    internal static void CheckOptions(SoftmaxCrossEntropyOptions options, TargetType targetType, nuint classes)
    {
        if (options.ClassWeights.Count is > 0 and int count && (nuint)count != classes)
        {
            throw Errors.ClassWeightsLength(count, classes);
        }

        if (targetType == TargetType.Distribution && options.IgnoreIndex is not null)
        {
            throw Errors.IgnoreIndexWithDistributions();
        }
    }

    // Null and sizes beyond the address space, which spans cannot have.
    private static void CheckPointers(in SoftmaxCrossEntropyJob job, in Shape shape)
    {
        if (job.Logits is null)
        {
            throw Errors.Null(Argument.Logits, byPointers: true);
        }

        nuint size = job.ElementType.Size();
        shape.CheckSize(job.Logits, size, job.BatchSize, job.LogitsStride);
        shape.CheckSize(job.Gradient, size, job.BatchSize, job.GradientStride);
        if (job.TargetType == TargetType.Distribution)
        {
            shape.CheckSize(job.Targets, size, job.BatchSize, job.TargetsStride);
        }
        else
        {
            shape.CheckSize(job.Targets, job.TargetType.LabelSize(), job.BatchSize);
        }

        shape.CheckSize(job.Upstream, size, job.BatchSize);
        shape.CheckSize(job.Losses, size, job.BatchSize);
        shape.CheckSize(job.LogSumExp, size, job.BatchSize);
        shape.CheckSize(job.ZLosses, size, job.BatchSize);
    }

    // Alignment and overlap.
    private static void CheckMemory(in SoftmaxCrossEntropyJob job, in Shape shape, bool byPointers)
    {
        nuint size = job.ElementType.Size();
        nuint bytes = shape.MatrixSize(size, job.BatchSize, job.LogitsStride);
        Extent logits = new(job.Logits, size, bytes, Argument.Logits, byPointers);
        bytes = shape.MatrixSize(size, job.BatchSize, job.GradientStride);
        Extent gradient = new(job.Gradient, size, bytes, Argument.Destination, byPointers);
        Extent targets;
        if (job.TargetType == TargetType.Distribution)
        {
            bytes = shape.MatrixSize(size, job.BatchSize, job.TargetsStride);
            targets = new(job.Targets, size, bytes, Argument.Distributions, byPointers);
        }
        else
        {
            nuint labelSize = job.TargetType.LabelSize();
            targets = new(job.Targets, labelSize, job.RowEnd * labelSize, Argument.Labels, byPointers);
        }

        if (job.Gradient != job.Logits || job.GradientStride != job.LogitsStride)
        {
            gradient.CheckApart(logits, byPointers);
        }

        gradient.CheckApart(targets, byPointers);
        if (job.Upstream is not null || job.Losses is not null || job.LogSumExp is not null || job.ZLosses is not null)
        {
            bytes = job.RowEnd * size;
            Extent upstream = new(job.Upstream, size, bytes, Argument.RowUpstream, byPointers);
            Extent losses = new(job.Losses, size, bytes, Argument.RowLosses, byPointers);
            Extent logSumExp = new(job.LogSumExp, size, bytes, Argument.RowLogSumExp, byPointers);
            Extent zLosses = new(job.ZLosses, size, bytes, Argument.RowZLosses, byPointers);
            gradient.CheckApart(upstream, byPointers);
            CheckApart([losses, logSumExp, zLosses], [logits, targets, gradient, upstream], byPointers);
        }
    }

    // Outputs, from each other and from the rest.
    internal static void CheckApart(ReadOnlySpan<Extent> outputs, ReadOnlySpan<Extent> others, bool byPointers)
    {
        for (int i = 0; i < outputs.Length; i++)
        {
            foreach (ref readonly Extent other in others)
            {
                outputs[i].CheckApart(other, byPointers);
            }

            foreach (ref readonly Extent other in outputs[..i])
            {
                outputs[i].CheckApart(other, byPointers);
            }
        }
    }

    internal static SoftmaxCrossEntropyResult Result(
        SoftmaxCrossEntropyOptions options, in Totals totals, ulong rows, double weight) =>
        new()
        {
            Loss = Totals.Reduce(totals.Loss, options.Reduction, weight),
            ZLoss = Totals.Reduce(totals.ZLoss, options.Reduction, weight),
            Weight = weight,
            Rows = (long)rows,
            CorrectRows = options.CountCorrect ? (long)totals.Correct : null,
        };

    /// <param name="start">Labels or distributions.</param>
    /// <param name="length">How many labels or elements there are, where they came as a span.</param>
    /// <param name="type">Which of them.</param>
    private readonly struct Targets(void* start, int length, TargetType type)
    {
        internal readonly void* Start = start;
        internal readonly int Length = length;
        internal readonly TargetType Type = type;
    }
}
