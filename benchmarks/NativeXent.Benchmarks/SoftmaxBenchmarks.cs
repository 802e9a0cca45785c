using BenchmarkDotNet.Attributes;

namespace NativeXent.Benchmarks;

/// <summary>
/// The neighbours of the softmax cross-entropy, on a large batch and one thread. The ratio is time against the gradient
/// of the cross-entropy, which reads and writes as much as a softmax does.
/// </summary>
public class SoftmaxBenchmarks
{
    private Batch _batch = null!;
    private float[] _softmax = null!;
    private float[] _logSoftmax = null!;
    private float[] _targets = null!;
    private float[] _rows = null!;

    [Params(NativeXentBackend.Native, NativeXentBackend.Managed)]
    public NativeXentBackend Backend { get; set; }

    [Params(10, 100, 1_000, 50_257)]
    public int Classes { get; set; }

    private ExecutionOptions Execution => new() { Backend = Backend };

    [GlobalSetup]
    public void Setup()
    {
        _batch = new Batch(Batch.RowsFor(Classes), Classes);
        _softmax = new float[_batch.Logits.Length];
        _logSoftmax = new float[_batch.Logits.Length];
        _targets = [.. _batch.Logits.Select((_, i) => i % 3 == 0 ? 1f : 0)];
        _rows = new float[_batch.Labels.Length];
        NativeXent.LogSoftmax.Forward<float>(_batch.Logits, Classes, _logSoftmax, Execution);
        NativeXent.Softmax.Forward<float>(_batch.Logits, Classes, _softmax, Execution);
        for (int i = 0; i < _softmax.Length; i++)
        {
            // Of one input, so that the one is the other's logarithm.
            if (!(Math.Abs(Math.Exp(_logSoftmax[i]) - _softmax[i]) <= 1e-5 * _softmax[i]))
            {
                throw new InvalidOperationException(
                    $"Element {i}: the softmax is {_softmax[i]:R}, its logarithm {_logSoftmax[i]:R}.");
            }
        }

        Gradient();
        _batch.CheckGradient(Batch.Exact);
    }

    [Benchmark(Baseline = true, Description = "cross-entropy gradient")]
    public void Gradient() =>
        SoftmaxCrossEntropy.Gradient(
            _batch.Logits, _batch.Labels, Classes, _batch.Gradient, execution: Execution);

    [Benchmark(Description = "softmax")]
    public void Softmax() =>
        NativeXent.Softmax.Forward<float>(_batch.Logits, Classes, _batch.Gradient, Execution);

    [Benchmark(Description = "log-softmax")]
    public void LogSoftmax() =>
        NativeXent.LogSoftmax.Forward<float>(_batch.Logits, Classes, _batch.Gradient, Execution);

    [Benchmark(Description = "log-sum-exp")]
    public void LogSumExp() => NativeXent.Softmax.LogSumExp<float>(_batch.Logits, Classes, _rows, Execution);

    [Benchmark(Description = "softmax, backward")]
    public void SoftmaxBackward() =>
        NativeXent.Softmax.Backward<float>(_softmax, _batch.Logits, Classes, _batch.Gradient, Execution);

    [Benchmark(Description = "log-softmax, backward")]
    public void LogSoftmaxBackward() =>
        NativeXent.LogSoftmax.Backward<float>(_logSoftmax, _batch.Logits, Classes, _batch.Gradient, Execution);

    [Benchmark(Description = "sigmoid cross-entropy gradient")]
    public void Sigmoid() =>
        SigmoidCrossEntropy.Gradient<float>(_batch.Logits, _targets, _batch.Gradient, execution: Execution);
}
