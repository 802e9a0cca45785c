using System.Runtime.InteropServices;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>What the span overloads refuse: the message says what is wrong, and nothing has been written.</summary>
[TestFixture(NativeXentBackend.Native)]
[TestFixture(NativeXentBackend.Managed)]
public sealed class SpanArgumentTests(NativeXentBackend backend)
{
    private ExecutionOptions Execution => new() { Backend = backend };

    [TestCase(0)]
    [TestCase(-1)]
    [TestCase(int.MinValue)]
    public void Fewer_classes_than_one(int classes)
    {
        ArgumentOutOfRangeException e = Refused<ArgumentOutOfRangeException>(6, [0, 1], classes, 6, 2);
        Assert.That(e.ParamName, Is.EqualTo("classes"));
        Assert.That(e.ActualValue, Is.EqualTo((nint)classes));
        Assert.That(e.Message, Does.Contain($"The number of classes is {classes}; it must be at least 1."));
    }

    [TestCase(5)]
    [TestCase(7)]
    [TestCase(0)]
    public void A_number_of_logits_that_is_not_labels_times_classes(int logits)
    {
        ArgumentException e = Refused<ArgumentException>(logits, [0, 1], 3, logits, 2);
        Assert.That(e.ParamName, Is.EqualTo("logits"));
        Assert.That(e.Message, Does.Contain($"{logits} logits").And.Contain("2 labels of 3 classes need 6"));
    }

    /// <summary>65,536 · 65,536 is 0 in 32 bits.</summary>
    [Test]
    public void Labels_times_classes_beyond_32_bits()
    {
        ArgumentException e = Refused<ArgumentException>(0, new int[65_536], 65_536, 0, 65_536);
        Assert.That(e.ParamName, Is.EqualTo("logits"));
        Assert.That(e.Message, Does.Contain("0 logits").And.Contain("need 4294967296"));
    }

    [TestCase(5)]
    [TestCase(7)]
    [TestCase(0)]
    public void A_destination_of_another_length_than_the_logits(int destination)
    {
        ArgumentException e = Refused<ArgumentException>(6, [0, 1], 3, destination, 2);
        Assert.That(e.ParamName, Is.EqualTo("destination"));
        Assert.That(e.Message, Does.Contain($"{destination} elements").And.Contain("6 logits"));
    }

    [TestCase(1)]
    [TestCase(3)]
    [TestCase(0)]
    public void A_number_of_losses_that_is_not_that_of_the_labels(int losses)
    {
        Arguments a = new(6, [0, 1], 6, losses);
        ArgumentException e = Expect.Throws<ArgumentException>(
            () => SoftmaxCrossEntropy.Gradient(a.Logits, a.Labels, 3, a.Destination, a.Losses, Execution));
        a.AssertNothingWritten();
        Assert.That(e.ParamName, Is.EqualTo("losses"));
        Assert.That(e.Message, Does.Contain($"{losses} losses").And.Contain("2 labels"));
    }

    [Test]
    public void An_empty_batch_with_losses_or_a_destination()
    {
        Assert.That(Refused<ArgumentException>(0, [], 3, 1, 0).ParamName, Is.EqualTo("destination"));
        Arguments a = new(0, [], 0, 1);
        ArgumentException e = Expect.Throws<ArgumentException>(
            () => SoftmaxCrossEntropy.Gradient(a.Logits, a.Labels, 3, a.Destination, a.Losses, Execution));
        a.AssertNothingWritten();
        Assert.That(e.ParamName, Is.EqualTo("losses"));
    }

    [TestCase(-1)]
    [TestCase(3)]
    [TestCase(int.MinValue)]
    [TestCase(int.MaxValue)]
    public void A_label_out_of_range_in_the_last_row(int label)
    {
        int[] labels = [.. Enumerable.Repeat(2, 1000), label];
        ArgumentOutOfRangeException e = Refused<ArgumentOutOfRangeException>(3003, labels, 3, 3003, 1001);
        Assert.That(e.ParamName, Is.EqualTo("labels"));
        Assert.That(e.ActualValue, Is.EqualTo((long)label));
        Assert.That(e.Message, Does.Contain($"The label of row 1000 is {label}, which is outside [0, 3)."));
    }

    [Test]
    public void Of_several_labels_out_of_range_the_first_is_named() =>
        Assert.That(
            Refused<ArgumentOutOfRangeException>(15, [0, 7, 1, -5, 9], 3, 15, 5).Message,
            Does.Contain("The label of row 1 is 7, which is outside [0, 3)."));

    /// <summary>However many threads: all labels are looked at before any row is computed.</summary>
    [Test]
    public void A_label_out_of_range_with_many_threads()
    {
        int[] labels = new int[400];
        labels[399] = 1000;
        Arguments a = new(400_000, labels, 400_000, 400);
        ArgumentOutOfRangeException e = Expect.Throws<ArgumentOutOfRangeException>(
            () => SoftmaxCrossEntropy.Gradient(
                a.Logits,
                a.Labels,
                1000,
                a.Destination,
                a.Losses,
                Execution with { MaxDegreeOfParallelism = 4 }));
        a.AssertNothingWritten();
        Assert.That(e.Message, Does.Contain("The label of row 399 is 1000, which is outside [0, 1000)."));
    }

    [TestCase(1)]
    [TestCase(-1)]
    [TestCase(5)]
    [TestCase(-5)]
    public void A_destination_that_overlaps_the_logits_in_part(int shift)
    {
        Memory a = new(20);
        ArgumentException e = Expect.Throws<ArgumentException>(
            () => SoftmaxCrossEntropy.Gradient(
                a.Floats(7, 6), [0, 1], 3, a.Floats(7 + shift, 6), Execution));
        a.AssertNothingWritten();
        Assert.That(e.ParamName, Is.EqualTo("destination"));
        Assert.That(e.Message, Does.Contain("overlaps the logits in part"));
    }

    [TestCase(-1)]
    [TestCase(0)]
    [TestCase(3)]
    [TestCase(5)]
    public void A_destination_that_overlaps_the_labels(int shift)
    {
        Memory a = new(20);
        ArgumentException e = Expect.Throws<ArgumentException>(
            () => SoftmaxCrossEntropy.Gradient(new float[6], a.Labels(7 + shift, 2), 3, a.Floats(7, 6), Execution));
        a.AssertNothingWritten();
        Assert.That(e.ParamName, Is.EqualTo("destination"));
        Assert.That(e.Message, Does.Contain("destination").And.Contain("overlaps").And.Contain("labels"));
    }

    [TestCase("logits", -1)]
    [TestCase("logits", 0)]
    [TestCase("logits", 5)]
    [TestCase("labels", -1)]
    [TestCase("labels", 0)]
    [TestCase("labels", 1)]
    [TestCase("destination", -1)]
    [TestCase("destination", 0)]
    [TestCase("destination", 5)]
    public void Losses_that_overlap(string other, int shift)
    {
        Memory a = new(20);
        ArgumentException e = Expect.Throws<ArgumentException>(
            () => SoftmaxCrossEntropy.Gradient(
                other == "logits" ? a.Floats(7, 6) : new float[6],
                other == "labels" ? a.Labels(7, 2) : [0, 1],
                3,
                other == "destination" ? a.Floats(7, 6) : new float[6],
                a.Floats(7 + shift, 2),
                Execution));
        a.AssertNothingWritten();
        Assert.That(e.ParamName, Is.EqualTo("losses"));
        Assert.That(e.Message, Does.Contain("losses").And.Contain("overlaps").And.Contain(other));
    }

    /// <summary>A span of its own for each, end to end in one array.</summary>
    [TestCase(0, 6, 12, 14)]
    [TestCase(8, 0, 6, 14)]
    [TestCase(2, 10, 0, 8)]
    public void Memory_that_only_touches_is_accepted(int logits, int destination, int losses, int labels)
    {
        Memory a = new(16);
        Batch batch = new(3, [1, 2, 0.5f, 4, 4, 4], [1, 2], _ => "written by hand");
        Results expected = Target.First.Compute(batch);
        batch.Logits.CopyTo(a.Floats(logits, 6));
        batch.Labels.CopyTo(a.Labels(labels, 2));
        SoftmaxCrossEntropy.Gradient(
            a.Floats(logits, 6), a.Labels(labels, 2), 3, a.Floats(destination, 6), a.Floats(losses, 2), Execution);
        Assert.That(a.Floats(destination, 6).ToArray(), Is.EqualTo(expected.Gradient));
        Assert.That(a.Floats(losses, 2).ToArray(), Is.EqualTo(expected.Losses));
    }

    [Test]
    public void The_logits_themselves_are_accepted_as_destination()
    {
        float[] values = [1, 2, 0.5f];
        SoftmaxCrossEntropy.Gradient(values, [1], 3, values, Execution);
        Assert.That(values, Is.EqualTo(Target.First.Compute(Batch.Of([1, 2, 0.5f], 1)).Gradient));
    }

    [Test]
    public void An_empty_batch_is_accepted_and_nothing_written()
    {
        float[] around = Sentinel.Array(4);
        SoftmaxCrossEntropy.Gradient([], [], 3, around.AsSpan(2, 0), Execution);
        SoftmaxCrossEntropy.Gradient([], [], 3, around.AsSpan(2, 0), around.AsSpan(2, 0), Execution);
        Assert.That(Sentinel.IsUntouched(around), Is.True);
    }

    // Refused by both overloads, with nothing written.
    private TException Refused<TException>(int logits, int[] labels, int classes, int destination, int losses)
        where TException : Exception
    {
        Arguments a = new(logits, labels, destination, losses);
        TException first = Expect.Throws<TException>(
            () => SoftmaxCrossEntropy.Gradient(a.Logits, a.Labels, classes, a.Destination, Execution));
        TException second = Expect.Throws<TException>(
            () => SoftmaxCrossEntropy.Gradient(a.Logits, a.Labels, classes, a.Destination, a.Losses, Execution));
        a.AssertNothingWritten();
        Assert.That(second.Message, Is.EqualTo(first.Message));
        return first;
    }

    // Each argument in an array of its own; outputs are filled with the sentinel.
    private sealed class Arguments(int logits, int[] labels, int destination, int losses)
    {
        public float[] Logits { get; } = new float[logits];

        public int[] Labels { get; } = labels;

        public float[] Destination { get; } = Sentinel.Array(destination);

        public float[] Losses { get; } = Sentinel.Array(losses);

        public void AssertNothingWritten()
        {
            Assert.That(Logits, Is.All.EqualTo(0f), "logits");
            Assert.That(Sentinel.IsUntouched(Destination), Is.True, "destination");
            Assert.That(Sentinel.IsUntouched(Losses), Is.True, "losses");
        }
    }

    // One array for several arguments. All of it is 0, which serves as logit and as label.
    private sealed class Memory(int length)
    {
        private readonly float[] _values = new float[length];

        public Span<float> Floats(int start, int count) => _values.AsSpan(start, count);

        public Span<int> Labels(int start, int count) => MemoryMarshal.Cast<float, int>(Floats(start, count));

        public void AssertNothingWritten() => Assert.That(_values.Select(Bits.Of), Is.All.Zero);
    }
}
