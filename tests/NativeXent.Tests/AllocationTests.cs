using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>On one thread, no call allocates.</summary>
[TestFixtureSource(typeof(Target), nameof(Target.All))]
[NonParallelizable]
public sealed unsafe class AllocationTests(Target target)
{
    private const int Classes = 5000;
    private const int Rows = 16;

    private static readonly SoftmaxCrossEntropyOptions Mean = new()
    {
        Reduction = Reduction.Mean,
        IgnoreIndex = -100,
        LabelSmoothing = 0.1,
        ClassWeights = Enumerable.Repeat(0.5, Classes).ToArray(),
        CountCorrect = true,
    };

    private static readonly SigmoidCrossEntropyOptions SigmoidMean = new()
    {
        Reduction = Reduction.Mean,
        PositiveWeights = new double[] { 1, 2 },
    };

    private readonly float[] _logits = Batch.Generate(50, Rows, Classes, RowKind.Normal(6)).Logits;
    private readonly int[] _labels = [.. Enumerable.Range(0, Rows).Select(i => i * 4999 / Rows)];
    private readonly float[] _gradient = new float[Rows * Classes];
    private readonly float[] _losses = new float[Rows];

    private readonly int[] _zeros = new int[50];
    private readonly float[] _lossesOfZeros = new float[50];

    private const int HalfClasses = 20_000;
    private readonly Half[] _halves = new Half[2 * HalfClasses];
    private readonly Half[] _halfGradient = new Half[2 * HalfClasses];

    private IDisposable? _forced;

    // Read once: asking the native library for its instruction set makes a string.
    private ExecutionOptions Execution { get; set; }

    [SetUp]
    public void ForceTarget()
    {
        _forced = target.Force();
        Execution = target.Execution;
    }

    [TearDown]
    public void RestoreTarget() => _forced!.Dispose();

    [Test]
    public void Spans() =>
        AssertNoAllocation(
            () => SoftmaxCrossEntropy.Gradient(_logits, _labels, Classes, _gradient, execution: Execution));

    [Test]
    public void Spans_with_losses() =>
        AssertNoAllocation(() => SoftmaxCrossEntropy.Gradient(
            _logits, _labels, Classes, _gradient, rows: new() { Losses = _losses }, execution: Execution));

    [Test]
    public void Rows_of_few_classes() =>
        AssertNoAllocation(() => SoftmaxCrossEntropy.Gradient(
            _logits.AsSpan(0, 500),
            _zeros,
            10,
            _gradient.AsSpan(0, 500),
            rows: new() { Losses = _lossesOfZeros },
            execution: Execution));

    [Test]
    public void Pointers() =>
        AssertNoAllocation(() =>
        {
            fixed (float* z = _logits, g = _gradient, l = _losses)
            fixed (int* y = _labels)
            {
                SoftmaxCrossEntropyPointers<float> pointers = new()
                {
                    Logits = z,
                    Labels32 = y,
                    Destination = g,
                    Losses = l,
                };
                _ = SoftmaxCrossEntropy.Compute(pointers, Rows, Classes, execution: Execution);
            }
        });

    /// <summary>Several chunks, whose totals are added.</summary>
    [Test]
    public void A_mean_with_options() =>
        AssertNoAllocation(
            () => SoftmaxCrossEntropy.Gradient(_logits, _labels, Classes, _gradient, Mean, default, Execution));

    [Test]
    public void Distributions_and_the_loss_alone() =>
        AssertNoAllocation(() => SoftmaxCrossEntropy.Loss(
            _logits, _logits, Classes, rows: new() { Losses = _losses }, execution: Execution));

    [Test]
    public void Softmax_and_log_softmax() =>
        AssertNoAllocation(() =>
        {
            Softmax.Forward(_logits, Classes, _gradient, Execution);
            Softmax.Backward(_gradient, _logits, Classes, _gradient, Execution);
            Softmax.LogSumExp(_logits, Classes, _losses, Execution);
            LogSoftmax.Forward(_logits, Classes, _gradient, Execution);
            LogSoftmax.Backward(_gradient, _logits, Classes, _gradient, Execution);
        });

    /// <summary>Exponentials are kept in memory from a pool.</summary>
    [Test]
    public void Half_precision_with_more_classes_than_the_stack_keeps() =>
        AssertNoAllocation(() =>
        {
            SoftmaxCrossEntropy.Gradient(_halves, _zeros.AsSpan(0, 2), HalfClasses, _halfGradient, execution: Execution);
            Softmax.Forward(_halves, HalfClasses, _halfGradient, Execution);
        });

    [Test]
    public void Sigmoid() =>
        AssertNoAllocation(
            () => SigmoidCrossEntropy.Gradient(_logits, _logits, _gradient, SigmoidMean, default, Execution));

    [Test]
    public void Many_threads_allowed_but_not_worth_it() =>
        AssertNoAllocation(() => SoftmaxCrossEntropy.Gradient(
            _logits.AsSpan(0, 10 * Classes),
            _labels.AsSpan(0, 10),
            Classes,
            _gradient.AsSpan(0, 10 * Classes),
            execution: Execution with { MaxDegreeOfParallelism = -1 }));

    private static void AssertNoAllocation(Action call)
    {
        // The first calls load the library and compile.
        call();
        call();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 20; i++)
        {
            call();
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero, "bytes allocated");
    }
}
