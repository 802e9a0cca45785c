using BenchmarkDotNet.Attributes;

namespace NativeXent.Benchmarks;

/// <summary>
/// What each option and element type costs: a large batch of 1,000 classes on one thread. The ratio is time against the
/// gradient of float labels without options, so that of <see cref="RowOptions"/> shows that weights, rows to ignore,
/// z-loss and a mean cost next to nothing.
/// </summary>
public class OptionsBenchmarks
{
    private const int Classes = 1_000;

    private Batch _batch = null!;
    private float[] _distributions = null!;
    private double[] _doubles = null!;
    private double[] _doubleGradient = null!;
    private Half[] _halves = null!;
    private BFloat16[] _bfloats = null!;
    private double[] _classWeights = null!;

    [Params(NativeXentBackend.Native, NativeXentBackend.Managed)]
    public NativeXentBackend Backend { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _batch = new Batch(Batch.RowsFor(Classes), Classes);
        _distributions = [.. _batch.Logits.Select((_, i) => i % Classes < 2 ? 0.5f : 0)];
        _doubles = [.. _batch.Logits.Select(z => (double)z)];
        _doubleGradient = new double[_doubles.Length];
        _halves = [.. _batch.Logits.Select(z => (Half)z)];
        _bfloats = [.. _batch.Logits.Select(z => (BFloat16)z)];
        _classWeights = [.. Enumerable.Range(0, Classes).Select(j => 0.5 + (j % 3))];
        Plain();
        _batch.CheckGradient(Batch.Exact);
    }

    [Benchmark(Baseline = true, Description = "no options")]
    public void Plain() => Run(null);

    [Benchmark(Description = "mean, ignored rows, weights, z-loss")]
    public void RowOptions() =>
        Run(new() { Reduction = Reduction.Mean, IgnoreIndex = 0, ClassWeights = _classWeights, ZLossScale = 1e-4 });

    [Benchmark(Description = "label smoothing")]
    public void LabelSmoothing() => Run(new() { LabelSmoothing = 0.1 });

    [Benchmark(Description = "distributions")]
    public void Distributions() =>
        SoftmaxCrossEntropy.Gradient(
            _batch.Logits, _distributions, Classes, _batch.Gradient, execution: new() { Backend = Backend });

    [Benchmark(Description = "scale")]
    public void Scale() => Run(new() { Scale = 0.7 });

    [Benchmark(Description = "softcap")]
    public void Softcap() => Run(new() { Softcap = 30 });

    [Benchmark(Description = "accumulate")]
    public void Accumulate() => Run(new() { Accumulate = true });

    [Benchmark(Description = "all of them")]
    public void Everything() =>
        Run(new()
        {
            Reduction = Reduction.Mean,
            IgnoreIndex = 0,
            ClassWeights = _classWeights,
            ZLossScale = 1e-4,
            LabelSmoothing = 0.1,
            Scale = 0.7,
            Softcap = 30,
            Accumulate = true,
        });

    [Benchmark(Description = "loss alone")]
    public SoftmaxCrossEntropyResult Loss() =>
        SoftmaxCrossEntropy.Loss(
            _batch.Logits,
            _batch.Labels,
            Classes,
            new() { Reduction = Reduction.Sum },
            execution: new() { Backend = Backend });

    [Benchmark(Description = "(N, C, S), S = 64")]
    public void ClassesOnTheSecondAxis()
    {
        // As many samples as fill 64 positions each.
        int samples = _batch.Labels.Length / 64;
        int rows = samples * 64;
        SoftmaxCrossEntropy.Gradient(
            _batch.Logits.AsSpan(0, rows * Classes),
            _batch.Labels.AsSpan(0, rows),
            new LogitsLayout(Classes) { InnerSize = 64 },
            _batch.Gradient.AsSpan(0, rows * Classes),
            execution: new() { Backend = Backend });
    }

    [Benchmark(Description = "double")]
    public void Doubles() => Run(_doubles, _doubleGradient);

    [Benchmark(Description = "Half, in place")]
    public void Halves() => Run(_halves, _halves);

    [Benchmark(Description = "BFloat16, in place")]
    public void BFloats() => Run(_bfloats, _bfloats);

    private void Run(SoftmaxCrossEntropyOptions? options) =>
        SoftmaxCrossEntropy.Gradient(
            _batch.Logits, _batch.Labels, Classes, _batch.Gradient, options, execution: new() { Backend = Backend });

    private void Run<T>(T[] logits, T[] gradient)
        where T : unmanaged =>
        SoftmaxCrossEntropy.Gradient<T>(
            logits, _batch.Labels, Classes, gradient, execution: new() { Backend = Backend });
}
