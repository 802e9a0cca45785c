using NativeXent.Jobs;

namespace NativeXent.Simd;

/// <summary>
/// One of the two matrices of a product, as terms: term k of line i is at i·stride + k, or where the lines are adjacent
/// at k·stride + i.
/// </summary>
internal readonly unsafe struct ProductOperand(void* start, ElementType elementType, nuint stride, bool linesAdjacent)
{
    internal readonly void* Start = start;
    internal readonly ElementType ElementType = elementType;
    internal readonly nuint Stride = stride;
    internal readonly bool LinesAdjacent = linesAdjacent;

    /// <summary>Where a term of a line is, counted in elements.</summary>
    internal nuint Index(nuint line, nuint term) =>
        LinesAdjacent ? (term * Stride) + line : (line * Stride) + term;

    /// <summary>The lines from one on.</summary>
    internal ProductOperand From(nuint line) =>
        new((byte*)Start + (Index(line, 0) * ElementType.Size()), ElementType, Stride, LinesAdjacent);
}

/// <summary>
/// Element (i, j) of the output is what it starts from plus Σₖ a(i, k)·b(j, k). The fields are those of the native
/// library's structure of that name.
/// </summary>
internal unsafe struct MatrixProductJob
{
    public nuint Rows;
    public nuint Columns;
    public nuint Terms;
    public ProductOperand A;
    public ProductOperand B;
    public float* Output;
    public nuint OutputStride;

    /// <summary>Or null.</summary>
    public float* Bias;

    public bool Accumulate;
    public float* Workspace;

    /// <summary>In floats.</summary>
    public nuint WorkspaceLength;

    /// <summary>The product that is the operation on a linear layer.</summary>
    internal static MatrixProductJob Of(in LinearJob job)
    {
        ProductOperand input = new(job.Input, job.InputType, job.InputStride, job.Operation == LinearOperation.WeightGradient);
        ProductOperand weight = new(job.Weight, job.WeightType, job.WeightStride, job.Operation == LinearOperation.InputGradient);
        ProductOperand outputGradient = new(
            job.OutputGradient,
            ElementType.Float32,
            job.OutputGradientStride,
            job.Operation == LinearOperation.WeightGradient);
        var (a, b, output, stride) = (input, weight, (nint)job.Output, job.OutputStride);
        if (job.Operation == LinearOperation.InputGradient)
        {
            (a, b, output, stride) = (outputGradient, weight, (nint)job.InputGradient, job.InputGradientStride);
        }
        else if (job.Operation == LinearOperation.WeightGradient)
        {
            (a, b, output, stride) = (outputGradient, input, (nint)job.WeightGradient, job.WeightGradientStride);
        }

        return new()
        {
            Rows = job.RowEnd - job.RowBegin,
            Columns = job.ColumnEnd - job.ColumnBegin,
            Terms = job.Terms,
            A = a.From(job.RowBegin),
            B = b.From(job.ColumnBegin),
            Output = (float*)output + (job.RowBegin * stride) + job.ColumnBegin,
            OutputStride = stride,
            Bias = job.Operation == LinearOperation.Forward && job.Bias is not null ? job.Bias + job.ColumnBegin : null,
            Accumulate = job.Accumulate,
            Workspace = job.Workspace,
            WorkspaceLength = job.WorkspaceLength,
        };
    }
}

/// <summary>For each column of a matrix the sum of its rows.</summary>
internal unsafe struct ColumnSumsJob
{
    public nuint Rows;
    public nuint Columns;
    public float* Matrix;
    public nuint Stride;
    public float* Output;
    public bool Accumulate;

    /// <summary>The gradient with respect to a linear layer's bias.</summary>
    internal static ColumnSumsJob Of(in LinearJob job) =>
        new()
        {
            Rows = job.BatchSize,
            Columns = job.RowEnd - job.RowBegin,
            Matrix = job.OutputGradient + job.RowBegin,
            Stride = job.OutputGradientStride,
            Output = job.BiasGradient + job.RowBegin,
            Accumulate = job.Accumulate,
        };
}
