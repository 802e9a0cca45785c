using NativeXent.Checks;
using NativeXent.Jobs;

namespace NativeXent;

/// <summary>
/// What <see cref="Softmax"/> and <see cref="LogSoftmax"/> have in common: checks, and the jobs. Of each operation there
/// are a method of spans and one of pointers, which check what the other cannot have, and what both need.
/// </summary>
internal static unsafe class SoftmaxOperations
{
    internal static void Forward<T>(
        bool log, ReadOnlySpan<T> logits, in LogitsLayout layout, Span<T> destination, ExecutionOptions execution)
        where T : unmanaged
    {
        SoftmaxJob job = ForwardJob<T>(log, layout, out Shape shape);
        job.BatchSize = shape.BatchOfElements(logits.Length, job.LogitsStride, Argument.Logits);
        shape.CheckLength(destination.Length, job.BatchSize, job.OutputStride, Argument.Destination);
        fixed (T* z = logits, output = destination)
        {
            job.Logits = z;
            job.Output = output;
            Run(ref job, shape, execution);
        }
    }

    internal static void Forward<T>(
        bool log, T* logits, nint batchSize, in LogitsLayout layout, T* destination, ExecutionOptions execution)
        where T : unmanaged
    {
        SoftmaxJob job = ForwardJob<T>(log, layout, out Shape shape);
        job.BatchSize = BatchSize(batchSize);
        job.Logits = logits;
        job.Output = destination;
        CheckMatrix(logits, shape, job.BatchSize, job.LogitsStride, Argument.Logits);
        CheckMatrix(destination, shape, job.BatchSize, job.OutputStride, Argument.Destination);
        Run(ref job, shape, execution);
    }

    internal static void LogSumExp<T>(
        ReadOnlySpan<T> logits, in LogitsLayout layout, Span<T> destination, ExecutionOptions execution)
        where T : unmanaged
    {
        SoftmaxJob job = LogSumExpJob<T>(layout, out Shape shape);
        job.BatchSize = shape.BatchOfElements(logits.Length, job.LogitsStride, Argument.Logits);
        if ((nuint)destination.Length != job.BatchSize * shape.InnerSize)
        {
            throw Errors.RowsLength(Argument.Destination, destination.Length, job.BatchSize * shape.InnerSize);
        }

        fixed (T* z = logits, logSumExp = destination)
        {
            job.Logits = z;
            job.LogSumExp = logSumExp;
            Run(ref job, shape, execution);
        }
    }

    internal static void LogSumExp<T>(
        T* logits, nint batchSize, in LogitsLayout layout, T* destination, ExecutionOptions execution)
        where T : unmanaged
    {
        SoftmaxJob job = LogSumExpJob<T>(layout, out Shape shape);
        job.BatchSize = BatchSize(batchSize);
        job.Logits = logits;
        job.LogSumExp = destination;
        CheckMatrix(logits, shape, job.BatchSize, job.LogitsStride, Argument.Logits);
        CheckNotNull(destination, job.BatchSize, Argument.Destination);
        shape.CheckSize(destination, (nuint)sizeof(T), job.BatchSize);
        Run(ref job, shape, execution);
    }

    internal static void Backward<T>(
        bool log,
        ReadOnlySpan<T> output,
        ReadOnlySpan<T> upstream,
        in LogitsLayout layout,
        Span<T> destination,
        ExecutionOptions execution)
        where T : unmanaged
    {
        SoftmaxBackwardJob job = BackwardJob<T>(log, layout, out Shape shape);
        job.BatchSize = shape.BatchOfElements(output.Length, job.OutputStride, Output(log));
        shape.CheckLength(upstream.Length, job.BatchSize, job.UpstreamStride, Argument.Upstream);
        shape.CheckLength(destination.Length, job.BatchSize, job.GradientStride, Argument.Destination);
        fixed (T* p = output, g = upstream, gradient = destination)
        {
            job.Output = p;
            job.Upstream = g;
            job.Gradient = gradient;
            Run(ref job, shape, execution);
        }
    }

    internal static void Backward<T>(
        bool log,
        T* output,
        T* upstream,
        nint batchSize,
        in LogitsLayout layout,
        T* destination,
        ExecutionOptions execution)
        where T : unmanaged
    {
        SoftmaxBackwardJob job = BackwardJob<T>(log, layout, out Shape shape);
        job.BatchSize = BatchSize(batchSize);
        job.Output = output;
        job.Upstream = upstream;
        job.Gradient = destination;
        CheckMatrix(output, shape, job.BatchSize, job.OutputStride, Output(log));
        CheckMatrix(upstream, shape, job.BatchSize, job.UpstreamStride, Argument.Upstream);
        CheckMatrix(destination, shape, job.BatchSize, job.GradientStride, Argument.Destination);
        Run(ref job, shape, execution);
    }

    private static SoftmaxJob ForwardJob<T>(bool log, in LogitsLayout layout, out Shape shape)
        where T : unmanaged
    {
        ElementType elementType = ElementTypes.Of<T>();
        shape = Shape.Of(layout);
        return new()
        {
            ElementType = elementType,
            Log = log,
            LogitsStride = shape.Stride(layout.Stride, nameof(layout.Stride)),
            OutputStride = shape.Stride(layout.DestinationStride, nameof(layout.DestinationStride)),
        };
    }

    // The destination is not laid out as the logits are.
    private static SoftmaxJob LogSumExpJob<T>(in LogitsLayout layout, out Shape shape)
        where T : unmanaged => ForwardJob<T>(log: false, layout with { DestinationStride = 0 }, out shape);

    private static SoftmaxBackwardJob BackwardJob<T>(bool log, in LogitsLayout layout, out Shape shape)
        where T : unmanaged
    {
        ElementType elementType = ElementTypes.Of<T>();
        shape = Shape.Of(layout);
        return new()
        {
            ElementType = elementType,
            Log = log,
            OutputStride = shape.Stride(layout.Stride, nameof(layout.Stride)),
            UpstreamStride = shape.Stride(layout.UpstreamStride, nameof(layout.UpstreamStride)),
            GradientStride = shape.Stride(layout.DestinationStride, nameof(layout.DestinationStride)),
        };
    }

    private static void Run(ref SoftmaxJob job, in Shape shape, ExecutionOptions execution)
    {
        bool native = execution.UsesNative;
        if (job.BatchSize == 0)
        {
            return;
        }

        job.Classes = shape.Classes;
        job.InnerSize = shape.InnerSize;
        job.RowEnd = job.BatchSize * job.InnerSize;
        nuint size = job.ElementType.Size();
        nuint bytes = shape.MatrixSize(size, job.BatchSize, job.LogitsStride);
        Extent logits = new(job.Logits, size, bytes, Argument.Logits);
        bytes = job.LogSumExp is null ? shape.MatrixSize(size, job.BatchSize, job.OutputStride) : job.RowEnd * size;
        Extent destination = new(
            job.LogSumExp is null ? job.Output : job.LogSumExp, size, bytes, Argument.Destination);
        if (job.Output != job.Logits || job.OutputStride != job.LogitsStride)
        {
            destination.CheckApart(logits);
        }

        nuint rowsPerChunk = Chunks.RowsPerChunk(job.RowEnd, job.Classes, job.InnerSize > 1);
        Chunks.Run(job, job.RowEnd, rowsPerChunk, native, execution.MaxDegreeOfParallelism, false, out _);
    }

    private static void Run(ref SoftmaxBackwardJob job, in Shape shape, ExecutionOptions execution)
    {
        bool native = execution.UsesNative;
        if (job.BatchSize == 0)
        {
            return;
        }

        job.Classes = shape.Classes;
        job.InnerSize = shape.InnerSize;
        job.RowEnd = job.BatchSize * job.InnerSize;
        nuint size = job.ElementType.Size();
        nuint bytes = shape.MatrixSize(size, job.BatchSize, job.OutputStride);
        Extent output = new(job.Output, size, bytes, Output(job.Log));
        bytes = shape.MatrixSize(size, job.BatchSize, job.UpstreamStride);
        Extent upstream = new(job.Upstream, size, bytes, Argument.Upstream);
        bytes = shape.MatrixSize(size, job.BatchSize, job.GradientStride);
        Extent gradient = new(job.Gradient, size, bytes, Argument.Destination);
        if (job.Gradient != job.Output || job.GradientStride != job.OutputStride)
        {
            gradient.CheckApart(output);
        }

        if (job.Gradient != job.Upstream || job.GradientStride != job.UpstreamStride)
        {
            gradient.CheckApart(upstream);
        }

        nuint rowsPerChunk = Chunks.RowsPerChunk(job.RowEnd, job.Classes, job.InnerSize > 1);
        Chunks.Run(job, job.RowEnd, rowsPerChunk, native, execution.MaxDegreeOfParallelism, false, out _);
    }

    private static Argument Output(bool log) => log ? Argument.LogSoftmax : Argument.Softmax;

    private static nuint BatchSize(nint batchSize) =>
        batchSize < 0 ? throw Errors.BatchSizeNegative(batchSize) : (nuint)batchSize;

    // Null and sizes beyond the address space, which spans cannot have.
    private static void CheckMatrix<T>(T* start, in Shape shape, nuint batchSize, nuint stride, Argument argument)
        where T : unmanaged
    {
        CheckNotNull(start, batchSize, argument);
        if (batchSize > 0)
        {
            shape.CheckSize(start, (nuint)sizeof(T), batchSize, stride);
        }
    }

    private static void CheckNotNull(void* start, nuint batchSize, Argument argument)
    {
        if (start is null && batchSize > 0)
        {
            throw Errors.Null(argument);
        }
    }
}
