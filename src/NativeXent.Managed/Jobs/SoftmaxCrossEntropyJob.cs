using System.Buffers;
using NativeXent.Interop;
using NativeXent.Simd;

namespace NativeXent.Jobs;

/// <inheritdoc cref="IJob{TSelf}"/>
internal unsafe struct SoftmaxCrossEntropyJob : IJob<SoftmaxCrossEntropyJob>
{
    public ElementType ElementType;
    public TargetType TargetType;
    public bool Accumulate;

    /// <summary>Whether rows whose label is <see cref="IgnoreIndex"/> are ignored.</summary>
    public bool Ignores;

    public bool CountCorrect;

    /// <summary>Whether totals of loss and z-loss are needed. Rows and weight the facade has counted itself.</summary>
    public bool WantsTotals;

    public long IgnoreIndex;
    public nuint BatchSize;
    public nuint Classes;
    public nuint InnerSize;
    public nuint RowBegin;
    public nuint RowEnd;
    public void* Logits;
    public nuint LogitsStride;
    public void* Targets;
    public nuint TargetsStride;

    /// <summary>Or null.</summary>
    public void* Gradient;

    public nuint GradientStride;

    /// <summary>Or null for 1 each.</summary>
    public double* ClassWeights;

    /// <summary>Or null for 1 each.</summary>
    public void* Upstream;

    /// <summary>Or null.</summary>
    public void* Losses;

    /// <summary>Or null.</summary>
    public void* LogSumExp;

    /// <summary>Or null.</summary>
    public void* ZLosses;

    public double LabelSmoothing;
    public double ZLossScale;
    public double Scale;

    /// <summary>Or 0 for none.</summary>
    public double Softcap;

    /// <summary>Not 0 where there is a gradient.</summary>
    public double GradScale;

    /// <summary>Or null.</summary>
    public void* Workspace;

    /// <summary>In bytes.</summary>
    public nuint WorkspaceSize;

    public readonly bool WantsAnything =>
        Gradient is not null || Losses is not null || LogSumExp is not null || ZLosses is not null
        || WantsTotals || CountCorrect;

    public readonly SoftmaxCrossEntropyJob Part(nuint begin, nuint end) =>
        this with { RowBegin = begin, RowEnd = end };

    // Exponentials that the gradient cannot keep, and derivatives of a softcap.
    private readonly int NumbersToKeep =>
        Gradient is null
            ? 0
            : (Jobs.Workspace.CanKeep(ElementType, InnerSize) && !Accumulate ? 0 : 1) + (Softcap > 0 ? 1 : 0);

    public static void Run(in SoftmaxCrossEntropyJob job, bool native, out Totals totals)
    {
        int length = Jobs.Workspace.Length(job.ElementType, job.Classes, job.NumbersToKeep);
        if (length == 0)
        {
            RunInPlace(job, native, out totals);
            return;
        }

        double[] workspace = ArrayPool<double>.Shared.Rent(length);
        fixed (double* start = workspace)
        {
            RunInPlace(
                job with { Workspace = start, WorkspaceSize = (nuint)length * sizeof(double) }, native, out totals);
        }

        ArrayPool<double>.Shared.Return(workspace);
    }

    private static void RunInPlace(in SoftmaxCrossEntropyJob job, bool native, out Totals totals)
    {
        if (native)
        {
            NativeBackend.SoftmaxCrossEntropy(job, out totals);
        }
        else
        {
            ManagedBackend.SoftmaxCrossEntropy(job, out totals);
        }
    }
}
