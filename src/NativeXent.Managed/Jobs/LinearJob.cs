using System.Buffers;
using System.Runtime.CompilerServices;
using NativeXent.Interop;
using NativeXent.Simd;

namespace NativeXent.Jobs;

/// <summary>The three products of a linear layer.</summary>
internal enum LinearOperation
{
    Forward = nxent_linear_operation.NXENT_LINEAR_FORWARD,
    InputGradient = nxent_linear_operation.NXENT_LINEAR_INPUT_GRADIENT,
    WeightGradient = nxent_linear_operation.NXENT_LINEAR_WEIGHT_GRADIENT,
}

/// <summary>
/// <inheritdoc cref="IJob{TSelf}" path="/summary"/> What is called rows there are lines of the result along the axis that
/// is split.
/// </summary>
internal unsafe struct LinearJob : IJob<LinearJob>
{
    // So many fit on the stack.
    private const int FloatsOnStack = 12_288;

    // Less work pays for no second thread.
    private const double TermsPerThread = 1 << 20;

    // A panel's worth, so that parts waste nothing.
    private const nuint RowsMultiple = ProductBlocks.RowsMultiple * 2;
    private const nuint ColumnsMultiple = ProductBlocks.ColumnsMultiple;

    public LinearOperation Operation;
    public ElementType InputType;
    public ElementType WeightType;
    public bool Accumulate;
    public nuint BatchSize;
    public nuint Features;
    public nuint Outputs;
    public nuint RowBegin;
    public nuint RowEnd;
    public nuint ColumnBegin;
    public nuint ColumnEnd;
    public void* Input;
    public nuint InputStride;
    public void* Weight;
    public nuint WeightStride;

    /// <summary>Or null.</summary>
    public float* Bias;

    public float* Output;
    public nuint OutputStride;
    public float* OutputGradient;
    public nuint OutputGradientStride;
    public float* InputGradient;
    public nuint InputGradientStride;

    /// <summary>Or null.</summary>
    public float* WeightGradient;

    public nuint WeightGradientStride;

    /// <summary>Or null.</summary>
    public float* BiasGradient;

    /// <summary>Or null, and then <see cref="Run(in LinearJob, bool, out Totals)"/> brings one.</summary>
    public float* Workspace;

    /// <summary>In floats.</summary>
    public nuint WorkspaceLength;

    /// <summary>Whether parts are columns of the result, and not rows.</summary>
    public bool SplitsColumns;

    internal readonly nuint ResultRows => Operation == LinearOperation.WeightGradient ? Outputs : BatchSize;

    internal readonly nuint ResultColumns => Operation == LinearOperation.Forward ? Outputs : Features;

    internal readonly nuint Terms =>
        Operation switch
        {
            LinearOperation.Forward => Features,
            LinearOperation.InputGradient => Outputs,
            _ => BatchSize,
        };

    public readonly LinearJob Part(nuint begin, nuint end) =>
        SplitsColumns
            ? this with { ColumnBegin = begin, ColumnEnd = end }
            : this with { RowBegin = begin, RowEnd = end };

    /// <summary>Does the job for the whole result, on as many threads as pay.</summary>
    internal static void RunAll(ref LinearJob job, bool native, int maxDegreeOfParallelism)
    {
        nuint rows = job.ResultRows;
        nuint columns = job.ResultColumns;
        job.RowEnd = rows;
        job.ColumnEnd = columns;
        double work = (double)rows * columns * (job.Terms + 1);
        int threads = (int)Math.Min(Chunks.MostThreads(maxDegreeOfParallelism), Math.Max(1, work / TermsPerThread));
        job.SplitsColumns = columns > rows;
        nuint lines = job.SplitsColumns ? columns : rows;
        nuint multiple = job.SplitsColumns ? ColumnsMultiple : RowsMultiple;
        nuint perChunk = threads == 1
            ? lines
            : Chunks.DivideUp(Chunks.DivideUp(lines, (nuint)threads * 2), multiple) * multiple;
        Chunks.Run(job, lines, perChunk, native, threads, false, out _);
    }

    [SkipLocalsInit]
    public static void Run(in LinearJob job, bool native, out Totals totals)
    {
        totals = default;
        if (job.Workspace is not null)
        {
            RunInPlace(job, native);
            return;
        }

        nuint length = ProductBlocks.WorkspaceLength(
            job.RowEnd - job.RowBegin, job.ColumnEnd - job.ColumnBegin, job.Terms);
        if (length <= FloatsOnStack)
        {
            float* workspace = stackalloc float[FloatsOnStack];
            RunInPlace(job with { Workspace = workspace, WorkspaceLength = FloatsOnStack }, native);
            return;
        }

        float[] rented = ArrayPool<float>.Shared.Rent((int)length);
        fixed (float* workspace = rented)
        {
            RunInPlace(job with { Workspace = workspace, WorkspaceLength = (nuint)rented.Length }, native);
        }

        ArrayPool<float>.Shared.Return(rented);
    }

    private static void RunInPlace(in LinearJob job, bool native)
    {
        if (native)
        {
            NativeBackend.Linear(job);
        }
        else
        {
            ManagedBackend.Linear(job);
        }
    }
}
