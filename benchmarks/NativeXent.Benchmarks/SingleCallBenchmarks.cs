using BenchmarkDotNet.Attributes;
using NativeXent.Interop;

namespace NativeXent.Benchmarks;

/// <summary>
/// One call for a single row of ten classes: what a call costs before there is any work to speak of. The ratio is against
/// the bare C function, so its excess over 1 is the price of the facade's checks.
/// </summary>
public unsafe class SingleCallBenchmarks
{
    private const int Classes = 10;

    private readonly Batch _batch = new(1, Classes);

    [GlobalSetup(Target = nameof(CFunction))]
    public void SetupCFunction()
    {
        // The first question loads the library, after which its functions can be called.
        if (NativeXentRuntime.Backend != NativeXentBackend.Native)
        {
            throw new NativeXentUnavailableException(NativeXentRuntime.NativeUnavailableReason!);
        }

        Check(CFunction);
    }

    [GlobalSetup(Target = nameof(Native))]
    public void SetupNative() => Check(Native);

    [GlobalSetup(Target = nameof(Managed))]
    public void SetupManaged() => Check(Managed);

    [Benchmark(Baseline = true, Description = "C function by P/Invoke")]
    public void CFunction()
    {
        fixed (float* logits = _batch.Logits, gradient = _batch.Gradient)
        fixed (int* labels = _batch.Labels)
        {
            NativeMethods.cross_entropy_with_logits_grad(logits, labels, 1, Classes, gradient);
        }
    }

    [Benchmark(Description = "Facade, native")]
    public void Native() => Facade(NativeXentBackend.Native);

    [Benchmark(Description = "Facade, managed")]
    public void Managed() => Facade(NativeXentBackend.Managed);

    private void Facade(NativeXentBackend backend) =>
        SoftmaxCrossEntropy.Gradient(
            _batch.Logits, _batch.Labels, Classes, _batch.Gradient, execution: new() { Backend = backend });

    private void Check(Action contender)
    {
        contender();
        _batch.CheckGradient(Batch.Exact);
    }
}
