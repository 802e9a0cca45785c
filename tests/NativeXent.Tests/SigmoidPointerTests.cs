using System.Runtime.InteropServices;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>Sigmoid cross-entropy on pointers: the results of spans, and what is refused.</summary>
[TestFixture(NativeXentBackend.Native)]
[TestFixture(NativeXentBackend.Managed)]
public sealed unsafe class SigmoidPointerTests(NativeXentBackend backend)
{
    private const int Count = 5;

    private static readonly SigmoidCrossEntropyOptions Options =
        new() { Reduction = Reduction.Mean, UpstreamScale = 3, PositiveWeights = [2, 0.5] };

    // One piece of memory for all arguments of a test.
    private readonly float[] _memory = GC.AllocateArray<float>(96, pinned: true);

    private float* Memory => (float*)Marshal.UnsafeAddrOfPinnedArrayElement(_memory, 0);

    private SigmoidCrossEntropyPointers<float> Pointers =>
        new()
        {
            Logits = Memory,
            Targets = Memory + 16,
            Destination = Memory + 32,
            Weights = Memory + 48,
            Upstream = Memory + 64,
            Losses = Memory + 80,
        };

    private ExecutionOptions Execution => new() { Backend = backend };

    [SetUp]
    public void FillMemory()
    {
        for (int i = 0; i < _memory.Length; i++)
        {
            _memory[i] = i % 7 / 4f;
        }
    }

    [Test]
    public void The_results_are_those_of_spans()
    {
        float[] gradient = new float[Count], losses = new float[Count];
        SigmoidCrossEntropyResult expected = SigmoidCrossEntropy.Gradient(
            _memory.AsSpan(0, Count),
            _memory.AsSpan(16, Count),
            gradient,
            Options,
            new()
            {
                Weights = _memory.AsSpan(48, Count),
                Upstream = _memory.AsSpan(64, Count),
                Losses = losses,
            },
            Execution);
        float[] before = [.. _memory];
        Assert.That(SigmoidCrossEntropy.Compute(Pointers, Count, Options, Execution), Is.EqualTo(expected));
        gradient.CopyTo(before, 32);
        losses.CopyTo(before, 80);
        Assert.That(_memory, Is.EqualTo(before));
        Assert.That(losses[0], Is.Positive);
        Assert.That(expected.Elements, Is.EqualTo(Count));
    }

    [Test]
    public void What_is_not_wanted_may_be_null()
    {
        SigmoidCrossEntropy.Compute(Pointers, Count, null, Execution);
        float[] both = [.. _memory];
        FillMemory();
        SigmoidCrossEntropy.Compute(Pointers with { Losses = null }, Count, null, Execution);
        Assert.That(_memory[32..37], Is.EqualTo(both[32..37]));
        SigmoidCrossEntropy.Compute(Pointers with { Destination = null }, Count, null, Execution);
        Assert.That(_memory[80..85], Is.EqualTo(both[80..85]));
        SigmoidCrossEntropyPointers<float> plain = new() { Logits = Memory, Targets = Memory + 16 };
        Assert.That(
            SigmoidCrossEntropy.Compute(plain, Count, Options, Execution),
            Is.EqualTo(SigmoidCrossEntropy.Loss(
                _memory.AsSpan(0, Count), _memory.AsSpan(16, Count), Options, default, Execution)));
    }

    [Test]
    public void In_place()
    {
        SigmoidCrossEntropy.Compute(Pointers, Count, Options, Execution);
        SigmoidCrossEntropy.Compute(Pointers with { Destination = Memory, Losses = null }, Count, Options, Execution);
        Assert.That(_memory[..Count], Is.EqualTo(_memory[32..(32 + Count)]));
    }

    [Test]
    public void Null_is_refused()
    {
        AssertRefused<ArgumentNullException>(Pointers with { Logits = null }, Count, "pointers", "to the logits is null");
        AssertRefused<ArgumentNullException>(Pointers with { Targets = null }, Count, "pointers", "to the targets is null");
    }

    [Test]
    public void Nothing_asked_for() => AssertRefused<ArgumentException>(
        Pointers with { Destination = null, Losses = null }, Count, "pointers", "Nothing is asked for");

    [Test]
    public void Nothing_happens_to_no_logits()
    {
        float[] before = [.. _memory];
        SigmoidCrossEntropyResult result = SigmoidCrossEntropy.Compute<float>(default, 0, Options, Execution);
        Assert.That(result, Is.EqualTo(new SigmoidCrossEntropyResult { Loss = 0 }));
        SigmoidCrossEntropy.Compute(Pointers, 0, null, Execution);
        Assert.That(_memory, Is.EqualTo(before));
    }

    [Test]
    public void Sizes_out_of_range_are_refused()
    {
        AssertRefused<ArgumentOutOfRangeException>(Pointers, -1, "size", "The number of logits is -1;");
        AssertRefused<ArgumentException>(Pointers, nint.MaxValue, "size", "more than the address space holds");
    }

    [Test]
    public void A_pointer_that_is_not_aligned_is_refused([Range(0, 5)] int argument, [Values(1, 2, 3)] int bytes)
    {
        float* Off(float* pointer, int of) => argument == of ? (float*)((byte*)pointer + bytes) : pointer;
        SigmoidCrossEntropyPointers<float> p = Pointers;
        AssertRefused<ArgumentException>(
            new()
            {
                Logits = Off(p.Logits, 0),
                Targets = Off(p.Targets, 1),
                Destination = Off(p.Destination, 2),
                Weights = Off(p.Weights, 3),
                Upstream = Off(p.Upstream, 4),
                Losses = Off(p.Losses, 5),
            },
            Count,
            "pointers",
            "is not aligned to its element type");
    }

    [Test]
    public void Memory_that_overlaps_is_refused([Values(0, 1, 3, 4, 5)] int other)
    {
        // In part with the logits, and at all with the rest.
        AssertRefused<ArgumentException>(
            Pointers with { Destination = Memory + (16 * other) + (other == 0 ? 1 : 0) }, Count, "pointers", "overlaps");
        if (other < 5)
        {
            AssertRefused<ArgumentException>(
                Pointers with { Losses = Memory + (16 * other) + (other == 0 ? 1 : 0) }, Count, "pointers", "overlaps");
        }
    }

    private void AssertRefused<TException>(
        SigmoidCrossEntropyPointers<float> pointers, nint size, string parameter, string message)
        where TException : ArgumentException
    {
        float[] before = [.. _memory];
        TException e = Expect.Throws<TException>(() => SigmoidCrossEntropy.Compute(pointers, size, null, Execution));
        Assert.That(e.ParamName, Is.EqualTo(parameter));
        Assert.That(e.Message, Does.Contain(message));
        Assert.That(_memory, Is.EqualTo(before));
    }
}
