using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>
/// What softmax cross-entropy on pointers refuses: the message says what is wrong, and nothing has been written.
/// </summary>
[TestFixture(NativeXentBackend.Native)]
[TestFixture(NativeXentBackend.Managed)]
public sealed unsafe class PointerArgumentTests(NativeXentBackend backend)
{
    private const int Rows = 2;
    private const int Classes = 3;
    private const int Elements = Rows * Classes;

    // One piece of memory for all arguments of a test; 0 serves as logit and as label.
    private const int Length = 128;
    private readonly float[] _memory = GC.AllocateArray<float>(Length, pinned: true);

    private float* Memory => (float*)System.Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(_memory, 0);

    private SoftmaxCrossEntropyPointers<float> Pointers =>
        new()
        {
            Logits = Memory,
            Labels32 = (int*)(Memory + 16),
            Destination = Memory + 32,
            Upstream = Memory + 48,
            Losses = Memory + 64,
            LogSumExp = Memory + 80,
            ZLosses = Memory + 96,
        };

    private SoftmaxCrossEntropyPointers<float> PointersToDistributions =>
        Pointers with { Labels32 = null, Distributions = Memory + 112 };

    private ExecutionOptions Execution => new() { Backend = backend };

    [SetUp]
    public void ClearMemory() => Array.Clear(_memory);

    [Test]
    public void Null_for_the_logits()
    {
        ArgumentNullException e = Refused<ArgumentNullException>(Pointers with { Logits = null });
        Assert.That(e.ParamName, Is.EqualTo("pointers"));
        Assert.That(e.Message, Does.Contain("The pointer to the logits is null."));
    }

    [Test]
    public void Not_one_kind_of_targets([Values(0, 3, 5, 6, 7)] int kinds)
    {
        int count = int.PopCount(kinds);
        ArgumentException e = Refused<ArgumentException>(Pointers with
        {
            Labels32 = (kinds & 1) == 0 ? null : (int*)(Memory + 16),
            Labels64 = (kinds & 2) == 0 ? null : (long*)(Memory + 16),
            Distributions = (kinds & 4) == 0 ? null : Memory + 16,
        });
        Assert.That(e.ParamName, Is.EqualTo("pointers"));
        Assert.That(
            e.Message,
            Does.Contain(
                $"{count} of Labels32, Labels64 and Distributions are given; it must be just one of the three."));
    }

    [Test]
    public void Nothing_asked_for([Values] bool upstream)
    {
        ArgumentException e = Refused<ArgumentException>(new()
        {
            Logits = Memory,
            Labels32 = (int*)(Memory + 16),
            Upstream = upstream ? Memory + 48 : null,
        });
        Assert.That(e.ParamName, Is.EqualTo("pointers"));
        Assert.That(e.Message, Does.Contain("Nothing is asked for"));
    }

    [Test]
    public void Null_for_what_is_not_wanted_is_accepted()
    {
        _ = Compute(new() { Logits = Memory, Labels32 = (int*)(Memory + 16), Destination = Memory + 32 });
        Results expected = Target.First.Compute(new Batch(Classes, new float[Elements], new int[Rows], _ => "zeros"));
        Assert.That(new Span<float>(Memory + 32, Elements).ToArray(), Is.EqualTo(expected.Gradient));
        new Span<float>(Memory + 32, Elements).Clear();
        AssertNothingWritten();

        _ = Compute(new() { Logits = Memory, Labels32 = (int*)(Memory + 16), Losses = Memory + 64 });
        Assert.That(new Span<float>(Memory + 64, Rows).ToArray(), Is.EqualTo(expected.Losses));
        new Span<float>(Memory + 64, Rows).Clear();
        AssertNothingWritten();
    }

    [Test]
    public void A_pointer_that_is_not_aligned(
        [Values("logits", "labels", "destination", "upstream gradient", "losses", "log-sum-exp", "z-losses")]
        string argument,
        [Values(1, 2, 3)] int bytes)
    {
        SoftmaxCrossEntropyPointers<float> p = Pointers;
        ArgumentException e = Refused<ArgumentException>(new()
        {
            Logits = Off(p.Logits, "logits"),
            Labels32 = (int*)Off((float*)p.Labels32, "labels"),
            Destination = Off(p.Destination, "destination"),
            Upstream = Off(p.Upstream, "upstream gradient"),
            Losses = Off(p.Losses, "losses"),
            LogSumExp = Off(p.LogSumExp, "log-sum-exp"),
            ZLosses = Off(p.ZLosses, "z-losses"),
        });
        Assert.That(e.ParamName, Is.EqualTo("pointers"));
        Assert.That(
            e.Message, Does.Contain($"The memory of the {argument} is not aligned to its element type (4 bytes)."));

        float* Off(float* pointer, string name) => name == argument ? (float*)((byte*)pointer + bytes) : pointer;
    }

    [Test]
    public void A_pointer_to_targets_that_is_not_aligned()
    {
        ArgumentException labels = Refused<ArgumentException>(
            Pointers with { Labels32 = null, Labels64 = (long*)(Memory + 17) });
        Assert.That(
            labels.Message, Does.Contain("The memory of the labels is not aligned to its element type (8 bytes)."));
        ArgumentException distributions = Refused<ArgumentException>(
            PointersToDistributions with { Distributions = (float*)((byte*)Memory + 450) });
        Assert.That(distributions.Message, Does.Contain("The memory of the distributions is not aligned"));
    }

    [Test]
    public void Alignment_is_that_of_the_element_type()
    {
        AssertRefused<double>((byte*)Memory + 4, 8);
        AssertRefused<Half>((byte*)Memory + 1, 2);
        AssertRefused<BFloat16>((byte*)Memory + 1, 2);

        void AssertRefused<T>(byte* logits, int size)
            where T : unmanaged
        {
            int label = 0;
            T gradient = default;
            SoftmaxCrossEntropyPointers<T> pointers = new()
            {
                Logits = (T*)logits,
                Labels32 = &label,
                Destination = &gradient,
            };
            ArgumentException e = Expect.Throws<ArgumentException>(
                () => SoftmaxCrossEntropy.Compute(pointers, 1, 1, execution: Execution));
            Assert.That(e.Message, Does.Contain($"the logits is not aligned to its element type ({size} bytes)"));
        }
    }

    [TestCase(-1L)]
    [TestCase(long.MinValue)]
    public void A_negative_batch_size(long batchSize)
    {
        ArgumentOutOfRangeException e = Refused<ArgumentOutOfRangeException>(Pointers, (nint)batchSize);
        Assert.That(e.ParamName, Is.EqualTo("batchSize"));
        Assert.That(e.ActualValue, Is.EqualTo((nint)batchSize));
        Assert.That(e.Message, Does.Contain($"The batch size is {batchSize}; it must not be negative."));
    }

    [Test]
    public void Fewer_classes_than_one([Values(0L, -1L, long.MinValue)] long classes, [Values(0, 2)] int rows)
    {
        ArgumentOutOfRangeException e = Refused<ArgumentOutOfRangeException>(Pointers, rows, (nint)classes);
        Assert.That(e.ParamName, Is.EqualTo("layout"));
        Assert.That(e.ActualValue, Is.EqualTo((nint)classes));
        Assert.That(e.Message, Does.Contain($"The number of classes is {classes}; it must be at least 1."));
    }

    /// <summary>In 64 bits some of these products are 0, or small.</summary>
    [TestCase(long.MaxValue, long.MaxValue)]
    [TestCase(1L << 32, 1L << 32)]
    [TestCase(1L << 31, 1L << 31)]
    [TestCase(1L << 62, 1L)]
    [TestCase(1L, 1L << 62)]
    [TestCase((1L << 32) + 1, 1L << 32)]
    public void More_elements_than_the_address_space_holds(long batchSize, long classes)
    {
        ArgumentException e = Refused<ArgumentException>(Pointers, (nint)batchSize, (nint)classes);
        Assert.That(e.ParamName, Is.EqualTo("batchSize"));
        Assert.That(
            e.Message,
            Does.Match($"{batchSize} rows? of {classes} classes are more than the address space holds."));
    }

    [TestCase("Stride")]
    [TestCase("DestinationStride")]
    [TestCase("TargetsStride")]
    public void Strides_beyond_the_address_space(string property)
    {
        LogitsLayout layout = property switch
        {
            "Stride" => new(Classes) { Stride = nint.MaxValue },
            "DestinationStride" => new(Classes) { DestinationStride = nint.MaxValue },
            _ => new(Classes) { TargetsStride = nint.MaxValue },
        };
        ArgumentException e = Refused<ArgumentException>(PointersToDistributions, 3, layout);
        Assert.That(e.ParamName, Is.EqualTo("batchSize"));
        Assert.That(
            e.Message,
            Does.Contain($"3 rows of 3 classes, {long.MaxValue} elements apart, are more than the address space"));
    }

    [Test]
    public void Positions_beyond_the_address_space()
    {
        LogitsLayout layout = new(4) { InnerSize = (nint)1 << 58 };
        Assert.That(
            Refused<ArgumentException>(Pointers, 4, layout).Message,
            Does.Contain($"4 samples of 4 classes and {1L << 58} positions are more than the address space holds."));
    }

    /// <summary>Twice the bytes of the logits.</summary>
    [Test]
    public void Labels_of_64_bits_beyond_the_address_space()
    {
        Half z = default;
        SoftmaxCrossEntropyPointers<Half> pointers = new()
        {
            Logits = &z,
            Labels64 = (long*)Memory,
            Losses = &z,
        };
        ArgumentException e = Expect.Throws<ArgumentException>(
            () => SoftmaxCrossEntropy.Compute(pointers, (nint)1 << 61, 1, execution: Execution));
        Assert.That(e.ParamName, Is.EqualTo("batchSize"));
    }

    /// <summary>
    /// Small enough to be counted in bytes, but from where it begins it would run past the last address. The label is
    /// out of range as well, so that nothing is computed even where this is overlooked.
    /// </summary>
    [Test]
    public void A_matrix_that_would_run_past_the_end_of_the_address_space()
    {
        long classes = (1L << 62) - 1;
        *(int*)Memory = -1;
        ArgumentException e = Expect.Throws<ArgumentException>(
            () => Compute(
                new() { Logits = Memory + 1, Labels32 = (int*)Memory, Destination = Memory + 1 }, 1, (nint)classes));
        *(int*)Memory = 0;
        AssertNothingWritten();
        Assert.That(e.Message, Does.Contain("more than the address space holds"));
    }

    [TestCase(-1, 1)]
    [TestCase(3, 0)]
    [TestCase(int.MinValue, 1)]
    [TestCase(int.MaxValue, 0)]
    public void A_label_out_of_range(int label, int row)
    {
        int* labels = Pointers.Labels32;
        labels[row] = label;
        ArgumentOutOfRangeException e = Expect.Throws<ArgumentOutOfRangeException>(() => Compute(Pointers));
        labels[row] = 0;
        AssertNothingWritten();
        Assert.That(e.ParamName, Is.EqualTo("pointers"));
        Assert.That(e.ActualValue, Is.EqualTo((long)label));
        Assert.That(e.Message, Does.Contain($"The label of row {row} is {label}, which is outside [0, 3)."));
    }

    [TestCase(1)]
    [TestCase(-1)]
    [TestCase(5)]
    [TestCase(-5)]
    public void A_destination_that_overlaps_the_logits_in_part(int shift)
    {
        ArgumentException e = Refused<ArgumentException>(
            Pointers with { Logits = Pointers.Destination + shift });
        Assert.That(e.ParamName, Is.EqualTo("pointers"));
        Assert.That(e.Message, Does.Contain("The memory of the destination overlaps that of the logits"));
    }

    [TestCase(-1)]
    [TestCase(0)]
    [TestCase(5)]
    public void A_destination_that_overlaps_the_labels(int shift)
    {
        ArgumentException e = Refused<ArgumentException>(
            Pointers with { Labels32 = (int*)Pointers.Destination + shift });
        Assert.That(e.ParamName, Is.EqualTo("pointers"));
        Assert.That(e.Message, Does.Contain("The memory of the destination overlaps that of the labels."));
    }

    [TestCase("logits", -1)]
    [TestCase("logits", 5)]
    [TestCase("labels", -1)]
    [TestCase("labels", 1)]
    [TestCase("destination", -1)]
    [TestCase("destination", 5)]
    [TestCase("upstream gradient", 1)]
    public void Losses_that_overlap(string other, int shift)
    {
        SoftmaxCrossEntropyPointers<float> p = Pointers with { Logits = Memory + 1 };
        float* memory = other switch
        {
            "logits" => p.Logits,
            "labels" => (float*)p.Labels32,
            "destination" => p.Destination,
            _ => p.Upstream,
        };
        ArgumentException e = Refused<ArgumentException>(p with { Losses = memory + shift });
        Assert.That(e.ParamName, Is.EqualTo("pointers"));
        Assert.That(e.Message, Does.Contain($"The memory of the losses overlaps that of the {other}."));
    }

    [Test]
    public void Losses_that_overlap_the_matrix_of_an_in_place_call()
    {
        float* matrix = Memory + 32;
        ArgumentException e = Refused<ArgumentException>(
            Pointers with { Logits = matrix, Destination = matrix, Losses = matrix + Elements - 1 });
        Assert.That(e.Message, Does.Contain("The memory of the losses overlaps"));
    }

    [Test]
    public void The_logits_themselves_are_accepted_as_destination()
    {
        float* upstream = Pointers.Upstream;
        upstream[0] = upstream[1] = 1;
        _ = Compute(Pointers with { Destination = Pointers.Logits });
        Results expected = Target.First.Compute(new Batch(Classes, new float[Elements], new int[Rows], _ => "zeros"));
        Assert.That(new Span<float>(Pointers.Logits, Elements).ToArray(), Is.EqualTo(expected.Gradient));
        Assert.That(new Span<float>(Pointers.Losses, Rows).ToArray(), Is.EqualTo(expected.Losses));
    }

    [Test]
    public void An_empty_batch_is_accepted_with_null_and_wild_pointers()
    {
        _ = Compute(default, 0);
        _ = Compute(Pointers with { Destination = Memory + 1 }, 0);
        float* wild = (float*)1;
        SoftmaxCrossEntropyOptions options = new() { Reduction = Reduction.Mean, IgnoreIndex = 0 };
        Assert.That(
            SoftmaxCrossEntropy.Compute<float>(
                new() { Logits = wild, Labels64 = (long*)wild, Destination = wild, Losses = wild },
                0,
                nint.MaxValue,
                options,
                Execution),
            Is.EqualTo(new SoftmaxCrossEntropyResult { Loss = 0, ZLoss = 0 }));
        Assert.That(
            SoftmaxCrossEntropy.Compute<float>(default, 0, Classes, options, Execution),
            Is.EqualTo(new SoftmaxCrossEntropyResult { Loss = 0, ZLoss = 0 }));
        AssertNothingWritten();
    }

    private SoftmaxCrossEntropyResult Compute(
        SoftmaxCrossEntropyPointers<float> pointers, nint batchSize = Rows, LogitsLayout? layout = null) =>
        SoftmaxCrossEntropy.Compute(pointers, batchSize, layout ?? Classes, execution: Execution);

    private TException Refused<TException>(
        SoftmaxCrossEntropyPointers<float> pointers, nint batchSize = Rows, LogitsLayout? layout = null)
        where TException : Exception
    {
        TException e = Expect.Throws<TException>(() => Compute(pointers, batchSize, layout));
        AssertNothingWritten();
        return e;
    }

    private void AssertNothingWritten() => Assert.That(_memory.Select(Bits.Of), Is.All.Zero);
}
