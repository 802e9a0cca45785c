using System.Buffers;
using NativeXent.Interop;
using NativeXent.Simd;

namespace NativeXent.Jobs;

/// <inheritdoc cref="IJob{TSelf}"/>
internal unsafe struct SoftmaxJob : IJob<SoftmaxJob>
{
    public ElementType ElementType;

    /// <summary>Whether the output is the logarithm of the softmax.</summary>
    public bool Log;

    public nuint BatchSize;
    public nuint Classes;
    public nuint InnerSize;
    public nuint RowBegin;
    public nuint RowEnd;
    public void* Logits;
    public nuint LogitsStride;

    /// <summary>Or null.</summary>
    public void* Output;

    public nuint OutputStride;

    /// <summary>Or null.</summary>
    public void* LogSumExp;

    /// <summary>Or null.</summary>
    public void* Workspace;

    /// <summary>In bytes.</summary>
    public nuint WorkspaceSize;

    public readonly SoftmaxJob Part(nuint begin, nuint end) => this with { RowBegin = begin, RowEnd = end };

    public static void Run(in SoftmaxJob job, bool native, out Totals totals)
    {
        totals = default;
        bool keepsExponentials =
            job.Log || job.Output is null || Jobs.Workspace.CanKeep(job.ElementType, job.InnerSize);
        int length = Jobs.Workspace.Length(job.ElementType, job.Classes, keepsExponentials ? 0 : 1);
        if (length == 0)
        {
            RunInPlace(job, native);
            return;
        }

        double[] workspace = ArrayPool<double>.Shared.Rent(length);
        fixed (double* start = workspace)
        {
            RunInPlace(job with { Workspace = start, WorkspaceSize = (nuint)length * sizeof(double) }, native);
        }

        ArrayPool<double>.Shared.Return(workspace);
    }

    private static void RunInPlace(in SoftmaxJob job, bool native)
    {
        if (native)
        {
            NativeBackend.Softmax(job);
        }
        else
        {
            ManagedBackend.Softmax(job);
        }
    }
}
