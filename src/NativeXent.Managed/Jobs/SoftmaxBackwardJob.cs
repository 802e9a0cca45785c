using NativeXent.Interop;
using NativeXent.Simd;

namespace NativeXent.Jobs;

/// <inheritdoc cref="IJob{TSelf}"/>
internal unsafe struct SoftmaxBackwardJob : IJob<SoftmaxBackwardJob>
{
    public ElementType ElementType;

    /// <summary>Whether the output is the logarithm of the softmax.</summary>
    public bool Log;

    public bool Accumulate;
    public nuint BatchSize;
    public nuint Classes;
    public nuint InnerSize;
    public nuint RowBegin;
    public nuint RowEnd;

    /// <summary>What the softmax gave.</summary>
    public void* Output;

    public nuint OutputStride;
    public void* Upstream;
    public nuint UpstreamStride;
    public void* Gradient;
    public nuint GradientStride;

    public readonly SoftmaxBackwardJob Part(nuint begin, nuint end) => this with { RowBegin = begin, RowEnd = end };

    public static void Run(in SoftmaxBackwardJob job, bool native, out Totals totals)
    {
        totals = default;
        if (native)
        {
            NativeBackend.SoftmaxBackward(job);
        }
        else
        {
            ManagedBackend.SoftmaxBackward(job);
        }
    }
}
