using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>On one thread, no call allocates.</summary>
[TestFixtureSource(typeof(Target), nameof(Target.All))]
[NonParallelizable]
public sealed unsafe class AllocationTests(Target target)
{
    private const int Classes = 5000;
    private const int Rows = 4;

    private readonly float[] _logits = Batch.Generate(50, Rows, Classes, RowKind.Normal(6)).Logits;
    private readonly int[] _labels = [0, 17, 4999, 2500];
    private readonly float[] _gradient = new float[Rows * Classes];
    private readonly float[] _losses = new float[Rows];

    private readonly int[] _zeros = new int[50];
    private readonly float[] _lossesOfZeros = new float[50];

    private IDisposable? _forced;

    private ExecutionOptions Execution => new() { Backend = target.Backend };

    [SetUp]
    public void ForceTarget() => _forced = target.Force();

    [TearDown]
    public void RestoreTarget() => _forced!.Dispose();

    [Test]
    public void Spans() =>
        AssertNoAllocation(() => SoftmaxCrossEntropy.Gradient(_logits, _labels, Classes, _gradient, Execution));

    [Test]
    public void Spans_with_losses() =>
        AssertNoAllocation(
            () => SoftmaxCrossEntropy.Gradient(_logits, _labels, Classes, _gradient, _losses, Execution));

    [Test]
    public void Rows_of_few_classes() =>
        AssertNoAllocation(() => SoftmaxCrossEntropy.Gradient(
            _logits.AsSpan(0, 500), _zeros, 10, _gradient.AsSpan(0, 500), _lossesOfZeros, Execution));

    [Test]
    public void Pointers() =>
        AssertNoAllocation(() =>
        {
            fixed (float* z = _logits, g = _gradient)
            fixed (int* y = _labels)
            {
                SoftmaxCrossEntropy.Gradient(z, y, Rows, Classes, g, Execution);
            }
        });

    [Test]
    public void Pointers_with_losses() =>
        AssertNoAllocation(() =>
        {
            fixed (float* z = _logits, g = _gradient, l = _losses)
            fixed (int* y = _labels)
            {
                SoftmaxCrossEntropy.Gradient(z, y, Rows, Classes, g, l, Execution);
            }
        });

    [Test]
    public void Many_threads_allowed_but_not_worth_it() =>
        AssertNoAllocation(() => SoftmaxCrossEntropy.Gradient(
            _logits, _labels, Classes, _gradient, _losses, Execution with { MaxDegreeOfParallelism = -1 }));

    private static void AssertNoAllocation(Action call)
    {
        // The first calls load the library and compile.
        call();
        call();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 50; i++)
        {
            call();
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero, "bytes allocated");
    }
}
