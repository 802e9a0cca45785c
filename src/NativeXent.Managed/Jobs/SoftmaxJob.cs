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

    public readonly SoftmaxJob Part(nuint begin, nuint end) => this with { RowBegin = begin, RowEnd = end };

    public static void Run(in SoftmaxJob job, bool native, out Totals totals)
    {
        totals = default;
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
