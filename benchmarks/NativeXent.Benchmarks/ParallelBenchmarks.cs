using BenchmarkDotNet.Attributes;

namespace NativeXent.Benchmarks;

/// <summary>
/// The gradient of a large batch by <see cref="ExecutionOptions.MaxDegreeOfParallelism"/>. The ratio is time against one
/// thread.
/// </summary>
public class ParallelBenchmarks
{
    private Batch _batch = null!;

    [Params(10, 1_000, 50_257)]
    public int Classes { get; set; }

    [Params(NativeXentBackend.Native, NativeXentBackend.Managed)]
    public NativeXentBackend Backend { get; set; }

    [GlobalSetup(Target = nameof(OneThread))]
    public void SetupOneThread() => Setup(OneThread);

    [GlobalSetup(Target = nameof(TwoThreads))]
    public void SetupTwoThreads() => Setup(TwoThreads);

    [GlobalSetup(Target = nameof(AllProcessors))]
    public void SetupAllProcessors() => Setup(AllProcessors);

    [Benchmark(Baseline = true, Description = "1")]
    public void OneThread() => Run(1);

    [Benchmark(Description = "2")]
    public void TwoThreads() => Run(2);

    [Benchmark(Description = "-1, all processors")]
    public void AllProcessors() => Run(-1);

    private void Run(int maxDegreeOfParallelism) =>
        SoftmaxCrossEntropy.Gradient(
            _batch.Logits,
            _batch.Labels,
            Classes,
            _batch.Gradient,
            execution: new() { Backend = Backend, MaxDegreeOfParallelism = maxDegreeOfParallelism });

    private void Setup(Action contender)
    {
        _batch = new Batch(Batch.RowsFor(Classes), Classes);
        contender();
        _batch.CheckGradient(Batch.Exact);
    }
}
