using NativeXent.Interop;
using NativeXent.Simd;

namespace NativeXent.Jobs;

internal enum RowPass
{
    Sums = 0,
    Gradient = 1,
}

/// <summary>
/// A pass over a part of one long row, which several threads share: first the sums of all parts, then all gradients.
/// See nxent_softmax_cross_entropy_part() in the native library's header.
/// </summary>
internal unsafe struct RowPartJob : IJob<RowPartJob>
{
    /// <summary>How many numbers <see cref="RowSums"/> points to.</summary>
    public const int RowSumsLength = (int)nxent_row_sums.NXENT_ROW_SUMS;

    /// <summary>A job of this one row.</summary>
    public SoftmaxCrossEntropyJob Row;

    public RowPass Pass;
    public nuint ClassBegin;
    public nuint ClassEnd;
    public double* RowSums;

    /// <summary>Whether the rows of a job can come in parts.</summary>
    public static bool CanSplit(in SoftmaxCrossEntropyJob job) =>
        job.Gradient is not null
        && job.ElementType is ElementType.Float32 or ElementType.Float64
        && job.InnerSize == 1
        && job.TargetType != TargetType.Distribution
        && !job.Accumulate
        && !job.CountCorrect
        && job.LabelSmoothing == 0
        && job.Softcap == 0;

    public readonly RowPartJob Part(nuint begin, nuint end) => this with { ClassBegin = begin, ClassEnd = end };

    public static void Run(in RowPartJob job, bool native, out Totals totals)
    {
        if (native)
        {
            NativeBackend.SoftmaxCrossEntropyPart(job, out totals);
        }
        else
        {
            ManagedBackend.SoftmaxCrossEntropyPart(job, out totals);
        }
    }
}
