using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>What the pointer overloads refuse: the message says what is wrong, and nothing has been written.</summary>
[TestFixture(NativeXentBackend.Native)]
[TestFixture(NativeXentBackend.Managed)]
public sealed unsafe class PointerArgumentTests(NativeXentBackend backend)
{
    private const int Rows = 2;
    private const int Classes = 3;
    private const int Elements = Rows * Classes;

    // One piece of memory for all arguments of a test; 0 serves as logit and as label.
    private const int Length = 64;
    private readonly float[] _memory = GC.AllocateArray<float>(Length, pinned: true);

    private float* Memory => (float*)System.Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(_memory, 0);

    private float* Logits => Memory;

    private int* Labels => (int*)(Memory + 16);

    private float* Destination => Memory + 32;

    private float* Losses => Memory + 48;

    private ExecutionOptions Execution => new() { Backend = backend };

    [SetUp]
    public void ClearMemory() => Array.Clear(_memory);

    [TestCase("logits")]
    [TestCase("labels")]
    [TestCase("destination")]
    public void Null(string parameter)
    {
        ArgumentNullException e = Refused<ArgumentNullException>(
            parameter == "logits" ? null : Logits,
            parameter == "labels" ? null : Labels,
            Rows,
            Classes,
            parameter == "destination" ? null : Destination,
            Losses);
        Assert.That(e.ParamName, Is.EqualTo(parameter));
    }

    [Test]
    public void Null_for_the_losses_is_accepted()
    {
        SoftmaxCrossEntropy.Gradient(Logits, Labels, Rows, Classes, Destination, null, Execution);
        Results expected = Target.First.Compute(new Batch(Classes, new float[Elements], new int[Rows], _ => "zeros"));
        Assert.That(new Span<float>(Destination, Elements).ToArray(), Is.EqualTo(expected.Gradient));
        new Span<float>(Destination, Elements).Clear();
        AssertNothingWritten();
    }

    [Test]
    public void A_pointer_that_is_not_aligned(
        [Values("logits", "labels", "destination", "losses")] string parameter, [Values(1, 2, 3)] int bytes)
    {
        ArgumentException e = Expect.Throws<ArgumentException>(
            () => SoftmaxCrossEntropy.Gradient(
                Off(Logits, "logits"),
                (int*)Off((float*)Labels, "labels"),
                Rows,
                Classes,
                Off(Destination, "destination"),
                Off(Losses, "losses"),
                Execution));
        AssertNothingWritten();
        Assert.That(e.ParamName, Is.EqualTo(parameter));
        Assert.That(e.Message, Does.Contain("not aligned").And.Contain("4 bytes"));

        float* Off(float* pointer, string name) => name == parameter ? (float*)((byte*)pointer + bytes) : pointer;
    }

    [TestCase(-1L)]
    [TestCase(long.MinValue)]
    public void A_negative_batch_size(long batchSize)
    {
        ArgumentOutOfRangeException e = Refused<ArgumentOutOfRangeException>(
            Logits, Labels, (nint)batchSize, Classes, Destination, Losses);
        Assert.That(e.ParamName, Is.EqualTo("batchSize"));
        Assert.That(e.ActualValue, Is.EqualTo((nint)batchSize));
        Assert.That(e.Message, Does.Contain($"The batch size is {batchSize}; it must not be negative."));
    }

    [Test]
    public void Fewer_classes_than_one([Values(0L, -1L, long.MinValue)] long classes, [Values(0, 2)] int rows)
    {
        ArgumentOutOfRangeException e = Refused<ArgumentOutOfRangeException>(
            Logits, Labels, rows, (nint)classes, Destination, Losses);
        Assert.That(e.ParamName, Is.EqualTo("classes"));
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
        ArgumentException e = Refused<ArgumentException>(
            Logits, Labels, (nint)batchSize, (nint)classes, Destination, Losses);
        Assert.That(e.ParamName, Is.EqualTo("batchSize"));
        Assert.That(
            e.Message, Does.Contain($"{batchSize} rows of {classes} classes are more than the address space holds."));
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
            () => SoftmaxCrossEntropy.Gradient(
                Memory + 1, (int*)Memory, 1, (nint)classes, Memory + 1, Execution));
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
        Labels[row] = label;
        ArgumentOutOfRangeException e = Expect.Throws<ArgumentOutOfRangeException>(
            () => SoftmaxCrossEntropy.Gradient(Logits, Labels, Rows, Classes, Destination, Losses, Execution));
        Labels[row] = 0;
        AssertNothingWritten();
        Assert.That(e.ParamName, Is.EqualTo("labels"));
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
            Destination + shift, Labels, Rows, Classes, Destination, Losses);
        Assert.That(e.ParamName, Is.EqualTo("destination"));
        Assert.That(e.Message, Does.Contain("overlaps the logits in part"));
    }

    [TestCase(-1)]
    [TestCase(0)]
    [TestCase(5)]
    public void A_destination_that_overlaps_the_labels(int shift)
    {
        ArgumentException e = Refused<ArgumentException>(
            Logits, (int*)Destination + shift, Rows, Classes, Destination, Losses);
        Assert.That(e.ParamName, Is.EqualTo("destination"));
        Assert.That(e.Message, Does.Contain("destination").And.Contain("overlaps").And.Contain("labels"));
    }

    [TestCase("logits", -1)]
    [TestCase("logits", 5)]
    [TestCase("labels", -1)]
    [TestCase("labels", 1)]
    [TestCase("destination", -1)]
    [TestCase("destination", 5)]
    public void Losses_that_overlap(string other, int shift)
    {
        float* losses = shift + (other == "logits" ? Logits + 1 : other == "labels" ? (float*)Labels : Destination);
        float* logits = other == "logits" ? Logits + 1 : Logits;
        ArgumentException e = Expect.Throws<ArgumentException>(
            () => SoftmaxCrossEntropy.Gradient(logits, Labels, Rows, Classes, Destination, losses, Execution));
        AssertNothingWritten();
        Assert.That(e.ParamName, Is.EqualTo("losses"));
        Assert.That(e.Message, Does.Contain("losses").And.Contain("overlaps").And.Contain(other));
    }

    [Test]
    public void Losses_that_overlap_the_matrix_of_an_in_place_call()
    {
        ArgumentException e = Expect.Throws<ArgumentException>(
            () => SoftmaxCrossEntropy.Gradient(
                Destination, Labels, Rows, Classes, Destination, Destination + Elements - 1, Execution));
        AssertNothingWritten();
        Assert.That(e.ParamName, Is.EqualTo("losses"));
    }

    [Test]
    public void The_logits_themselves_are_accepted_as_destination()
    {
        SoftmaxCrossEntropy.Gradient(Logits, Labels, Rows, Classes, Logits, Losses, Execution);
        Results expected = Target.First.Compute(new Batch(Classes, new float[Elements], new int[Rows], _ => "zeros"));
        Assert.That(new Span<float>(Logits, Elements).ToArray(), Is.EqualTo(expected.Gradient));
        Assert.That(new Span<float>(Losses, Rows).ToArray(), Is.EqualTo(expected.Losses));
    }

    [Test]
    public void An_empty_batch_is_accepted_with_null_and_wild_pointers()
    {
        SoftmaxCrossEntropy.Gradient(null, null, 0, Classes, null, Execution);
        SoftmaxCrossEntropy.Gradient(null, null, 0, Classes, null, null, Execution);
        SoftmaxCrossEntropy.Gradient(Logits, Labels, 0, Classes, Logits + 1, (float*)Labels, Execution);
        SoftmaxCrossEntropy.Gradient((float*)1, (int*)1, 0, nint.MaxValue, (float*)1, (float*)1, Execution);
        AssertNothingWritten();
    }

    // Refused by both overloads, with nothing written.
    private TException Refused<TException>(
        float* logits, int* labels, nint batchSize, nint classes, float* destination, float* losses)
        where TException : Exception
    {
        TException first = Expect.Throws<TException>(
            () => SoftmaxCrossEntropy.Gradient(logits, labels, batchSize, classes, destination, Execution));
        TException second = Expect.Throws<TException>(
            () => SoftmaxCrossEntropy.Gradient(logits, labels, batchSize, classes, destination, losses, Execution));
        AssertNothingWritten();
        Assert.That(second.Message, Is.EqualTo(first.Message));
        return first;
    }

    private void AssertNothingWritten() => Assert.That(_memory.Select(Bits.Of), Is.All.Zero);
}
