using NativeXent.Checks;
using NativeXent.Jobs;

namespace NativeXent;

/// <summary>What <see cref="Softmax"/> and <see cref="LogSoftmax"/> have in common: checks, and the jobs.</summary>
internal static unsafe class SoftmaxOperations
{
    internal static void Forward<T>(
        bool log, ReadOnlySpan<T> logits, in LogitsLayout layout, Span<T> destination, ExecutionOptions execution)
        where T : unmanaged
    {
        ElementType elementType = ElementTypes.Of<T>();
        Shape shape = Shape.Of(layout);
        nuint logitsStride = shape.Stride(layout.Stride, nameof(layout.Stride));
        nuint destinationStride = shape.Stride(layout.DestinationStride, nameof(layout.DestinationStride));
        nuint batchSize = shape.BatchOfElements(logits.Length, logitsStride, Argument.Logits);
        shape.CheckLength(destination.Length, batchSize, destinationStride, Argument.Destination);
        bool native = execution.UsesNative;
        if (batchSize == 0)
        {
            return;
        }

        fixed (T* z = logits, output = destination)
        {
            Extent inputs = Matrix(z, shape, batchSize, logitsStride, Argument.Logits);
            Extent outputs = Matrix(output, shape, batchSize, destinationStride, Argument.Destination);
            if (output != z || destinationStride != logitsStride)
            {
                outputs.CheckApart(inputs);
            }

            SoftmaxJob job = new()
            {
                ElementType = elementType,
                Log = log,
                BatchSize = batchSize,
                Logits = z,
                LogitsStride = logitsStride,
                Output = output,
                OutputStride = destinationStride,
            };
            Run(ref job, shape, native, execution);
        }
    }

    internal static void LogSumExp<T>(
        ReadOnlySpan<T> logits, in LogitsLayout layout, Span<T> destination, ExecutionOptions execution)
        where T : unmanaged
    {
        ElementType elementType = ElementTypes.Of<T>();
        Shape shape = Shape.Of(layout);
        nuint logitsStride = shape.Stride(layout.Stride, nameof(layout.Stride));
        nuint batchSize = shape.BatchOfElements(logits.Length, logitsStride, Argument.Logits);
        if ((nuint)destination.Length != batchSize * shape.InnerSize)
        {
            throw Errors.RowsLength(Argument.Destination, destination.Length, batchSize * shape.InnerSize);
        }

        bool native = execution.UsesNative;
        if (batchSize == 0)
        {
            return;
        }

        fixed (T* z = logits, logSumExp = destination)
        {
            nuint size = (nuint)sizeof(T);
            Extent inputs = Matrix(z, shape, batchSize, logitsStride, Argument.Logits);
            Extent outputs = new(logSumExp, size, (nuint)destination.Length * size, Argument.Destination);
            outputs.CheckApart(inputs);
            SoftmaxJob job = new()
            {
                ElementType = elementType,
                BatchSize = batchSize,
                Logits = z,
                LogitsStride = logitsStride,
                OutputStride = shape.SampleLength,
                LogSumExp = logSumExp,
            };
            Run(ref job, shape, native, execution);
        }
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
        ElementType elementType = ElementTypes.Of<T>();
        Argument outputArgument = log ? Argument.LogSoftmax : Argument.Softmax;
        Shape shape = Shape.Of(layout);
        nuint outputStride = shape.Stride(layout.Stride, nameof(layout.Stride));
        nuint upstreamStride = shape.Stride(layout.UpstreamStride, nameof(layout.UpstreamStride));
        nuint destinationStride = shape.Stride(layout.DestinationStride, nameof(layout.DestinationStride));
        nuint batchSize = shape.BatchOfElements(output.Length, outputStride, outputArgument);
        shape.CheckLength(upstream.Length, batchSize, upstreamStride, Argument.Upstream);
        shape.CheckLength(destination.Length, batchSize, destinationStride, Argument.Destination);
        bool native = execution.UsesNative;
        if (batchSize == 0)
        {
            return;
        }

        fixed (T* p = output, g = upstream, gradient = destination)
        {
            Extent outputs = Matrix(p, shape, batchSize, outputStride, outputArgument);
            Extent upstreams = Matrix(g, shape, batchSize, upstreamStride, Argument.Upstream);
            Extent gradients = Matrix(gradient, shape, batchSize, destinationStride, Argument.Destination);
            if (gradient != p || destinationStride != outputStride)
            {
                gradients.CheckApart(outputs);
            }

            if (gradient != g || destinationStride != upstreamStride)
            {
                gradients.CheckApart(upstreams);
            }

            SoftmaxBackwardJob job = new()
            {
                ElementType = elementType,
                Log = log,
                BatchSize = batchSize,
                Classes = shape.Classes,
                InnerSize = shape.InnerSize,
                RowEnd = batchSize * shape.InnerSize,
                Output = p,
                OutputStride = outputStride,
                Upstream = g,
                UpstreamStride = upstreamStride,
                Gradient = gradient,
                GradientStride = destinationStride,
            };
            nuint rowsPerChunk = Chunks.RowsPerChunk(job.RowEnd, job.Classes, job.InnerSize > 1);
            Chunks.Run(job, job.RowEnd, rowsPerChunk, native, execution.MaxDegreeOfParallelism, false, out _);
        }
    }

    private static Extent Matrix<T>(T* start, in Shape shape, nuint batchSize, nuint stride, Argument argument)
        where T : unmanaged =>
        new(start, (nuint)sizeof(T), shape.MatrixSize((nuint)sizeof(T), batchSize, stride), argument);

    private static void Run(ref SoftmaxJob job, in Shape shape, bool native, ExecutionOptions execution)
    {
        job.Classes = shape.Classes;
        job.InnerSize = shape.InnerSize;
        job.RowEnd = job.BatchSize * job.InnerSize;
        nuint rowsPerChunk = Chunks.RowsPerChunk(job.RowEnd, job.Classes, job.InnerSize > 1);
        Chunks.Run(job, job.RowEnd, rowsPerChunk, native, execution.MaxDegreeOfParallelism, false, out _);
    }
}
