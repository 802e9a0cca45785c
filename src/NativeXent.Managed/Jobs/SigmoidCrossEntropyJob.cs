using NativeXent.Interop;
using NativeXent.Simd;

namespace NativeXent.Jobs;

/// <inheritdoc cref="IJob{TSelf}"/>
internal unsafe struct SigmoidCrossEntropyJob : IJob<SigmoidCrossEntropyJob>
{
    public ElementType ElementType;
    public bool Accumulate;

    /// <summary>Whether the total of the losses is needed.</summary>
    public bool WantsTotals;

    /// <summary>Number of logits.</summary>
    public nuint Size;

    public nuint Begin;
    public nuint End;
    public void* Logits;
    public void* Targets;

    /// <summary>Or null.</summary>
    public void* Gradient;

    /// <summary>Or null.</summary>
    public void* Losses;

    /// <summary>Or null for 1 each.</summary>
    public void* Weights;

    /// <summary>Or null for 1 each.</summary>
    public void* Upstream;

    /// <summary>Or null for 1 each.</summary>
    public double* PositiveWeights;

    /// <summary>Number of <see cref="PositiveWeights"/>.</summary>
    public nuint Classes;

    public double LabelSmoothing;

    /// <summary>Not 0 where there is a gradient.</summary>
    public double GradScale;

    public readonly bool WantsAnything => Gradient is not null || Losses is not null || WantsTotals;

    public readonly SigmoidCrossEntropyJob Part(nuint begin, nuint end) => this with { Begin = begin, End = end };

    public static void Run(in SigmoidCrossEntropyJob job, bool native, out Totals totals)
    {
        if (native)
        {
            NativeBackend.SigmoidCrossEntropy(job, out totals);
        }
        else
        {
            ManagedBackend.SigmoidCrossEntropy(job, out totals);
        }
    }
}
