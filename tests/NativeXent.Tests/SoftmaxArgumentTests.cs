using System.Runtime.InteropServices;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>
/// What softmax and its logarithm refuse: the message says what is wrong, and nothing has been written.
/// </summary>
[TestFixture(NativeXentBackend.Native)]
[TestFixture(NativeXentBackend.Managed)]
public sealed class SoftmaxArgumentTests(NativeXentBackend backend)
{
    private ExecutionOptions Execution => new() { Backend = backend };

    [TestCase(0)]
    [TestCase(-3)]
    public void Fewer_classes_than_one(int classes)
    {
        foreach (ArgumentException e in RefusedByAll(6, 6, classes, 6))
        {
            Assert.That(e, Is.InstanceOf<ArgumentOutOfRangeException>());
            Assert.That(e.ParamName, Is.EqualTo("layout"));
            Assert.That(e.Message, Does.Contain($"The number of classes is {classes}; it must be at least 1."));
        }
    }

    [TestCase("Stride")]
    [TestCase("UpstreamStride")]
    [TestCase("DestinationStride")]
    public void A_stride_shorter_than_a_row(string property)
    {
        LogitsLayout layout = property switch
        {
            "Stride" => new(3) { Stride = 2 },
            "UpstreamStride" => new(3) { UpstreamStride = 2 },
            _ => new(3) { DestinationStride = 2 },
        };
        foreach (ArgumentException e in property == "UpstreamStride"
            ? RefusedBackward(6, 6, layout, 6)
            : RefusedByAll(6, 6, layout, 6, logSumExp: property == "Stride"))
        {
            Assert.That(e.ParamName, Is.EqualTo("layout"));
            Assert.That(e.Message, Does.Contain($"{property} is 2, but a row of 3 classes has 3 elements."));
        }
    }

    [TestCase(5)]
    [TestCase(7)]
    public void A_number_of_logits_that_is_no_multiple_of_the_classes(int logits)
    {
        string[] parameters =
            [.. RefusedByAll(logits, logits, 3, logits, logSumExp: true).Select(e => e.ParamName!)];
        Assert.That(parameters, Is.EqualTo(["softmax", "logSoftmax", "logits", "logits", "logits"]));
        foreach (ArgumentException e in RefusedByAll(logits, logits, 3, logits, logSumExp: true))
        {
            Assert.That(
                e.Message,
                Does.Match(
                    $"The [a-z-]+ (has|have) {logits} elements, which is no whole number of rows of 3 classes\\."));
        }
    }

    [TestCase(5)]
    [TestCase(0)]
    public void A_destination_of_another_length(int destination)
    {
        foreach (ArgumentException e in RefusedByAll(6, 6, 3, destination))
        {
            Assert.That(e.ParamName, Is.EqualTo("destination"));
            Assert.That(
                e.Message,
                Does.Contain($"The destination has {destination} elements, but 2 rows of 3 classes need 6."));
        }
    }

    [TestCase(9)]
    [TestCase(0)]
    public void An_upstream_gradient_of_another_length(int upstream)
    {
        foreach (ArgumentException e in RefusedBackward(6, upstream, 3, 6))
        {
            Assert.That(e.ParamName, Is.EqualTo("upstream"));
            Assert.That(
                e.Message,
                Does.Contain($"The upstream gradient has {upstream} elements, but 2 rows of 3 classes need 6."));
        }
    }

    [TestCase(1, 1)]
    [TestCase(3, 1)]
    [TestCase(2, 2)]
    public void Room_for_another_number_of_log_sum_exps_than_rows(int destination, int innerSize)
    {
        float[] values = Sentinel.Array(destination);
        ArgumentException e = Expect.Throws<ArgumentException>(() => Softmax.LogSumExp(
            new float[6 * innerSize], new(3) { InnerSize = innerSize }, values, Execution));
        Assert.That(Sentinel.IsUntouched(values), Is.True);
        Assert.That(e.ParamName, Is.EqualTo("destination"));
        Assert.That(
            e.Message,
            Does.Contain($"The destination has {destination} elements, but there are {2 * innerSize} rows."));
    }

    [TestCase(-5)]
    [TestCase(-1)]
    [TestCase(1)]
    [TestCase(5)]
    public void A_destination_that_overlaps_in_part(int shift)
    {
        float[] memory = new float[30];
        float[] apart = new float[6];
        AssertOverlap(
            "logits",
            () => Softmax.Forward(At(7), 3, At(7 + shift), Execution),
            () => LogSoftmax.Forward(At(7), 3, At(7 + shift), Execution));
        AssertOverlap("softmax", () => Softmax.Backward<float>(At(7), apart, 3, At(7 + shift), Execution));
        AssertOverlap("log-softmax", () => LogSoftmax.Backward<float>(At(7), apart, 3, At(7 + shift), Execution));
        AssertOverlap(
            "upstream gradient",
            () => Softmax.Backward<float>(apart, At(7), 3, At(7 + shift), Execution),
            () => LogSoftmax.Backward<float>(apart, At(7), 3, At(7 + shift), Execution));
        if (Math.Abs(shift) == 1)
        {
            AssertOverlap(
                "logits",
                () => Softmax.LogSumExp(At(7), 3, memory.AsSpan(shift < 0 ? 6 : 12, 2), Execution));
        }

        Assert.That(memory.Select(Bits.Of), Is.All.Zero);

        Span<float> At(int start) => memory.AsSpan(start, 6);
    }

    [Test]
    public void The_same_memory_with_another_stride()
    {
        float[] memory = new float[8];
        LogitsLayout wider = new(3) { DestinationStride = 5 };
        AssertOverlap("logits", () => Softmax.Forward(memory.AsSpan(0, 6), wider, memory, Execution));
        AssertOverlap(
            "softmax", () => Softmax.Backward<float>(memory.AsSpan(0, 6), new float[6], wider, memory, Execution));
        AssertOverlap(
            "upstream gradient",
            () => Softmax.Backward<float>(new float[6], memory.AsSpan(0, 6), wider, memory, Execution));
        Assert.That(memory.Select(Bits.Of), Is.All.Zero);
    }

    [Test]
    public void The_same_memory_with_the_same_stride_is_accepted()
    {
        float[] apart = new float[3];
        float[] inPlace = [1, 2, 0.5f];
        Softmax.Forward([1, 2, 0.5f], 3, apart, Execution);
        Softmax.Forward(inPlace, 3, inPlace, Execution);
        Assert.That(inPlace, Is.EqualTo(apart));

        float[] gradient = new float[3];
        float[] upstream = [1, 0, 2];
        Softmax.Backward<float>(apart, upstream, 3, gradient, Execution);
        Softmax.Backward<float>(apart, upstream, 3, upstream, Execution);
        Softmax.Backward<float>(inPlace, [1, 0, 2], 3, inPlace, Execution);
        Assert.That(upstream, Is.EqualTo(gradient));
        Assert.That(inPlace, Is.EqualTo(gradient));
    }

    [Test]
    public void Memory_that_is_not_aligned()
    {
        byte[] bytes = GC.AllocateArray<byte>(32, pinned: true);
        float[] good = new float[6];
        AssertMisaligned("logits", () => Softmax.Forward(Odd(), 3, good, Execution));
        AssertMisaligned("destination", () => LogSoftmax.Forward(good, 3, Odd(), Execution));
        AssertMisaligned("softmax", () => Softmax.Backward<float>(Odd(), good, 3, good, Execution));
        AssertMisaligned("log-softmax", () => LogSoftmax.Backward<float>(Odd(), good, 3, good, Execution));
        AssertMisaligned("upstream gradient", () => Softmax.Backward<float>(good, Odd(), 3, good, Execution));
        AssertMisaligned("destination", () => Softmax.Backward<float>(good, good, 3, Odd(), Execution));
        AssertMisaligned("logits", () => Softmax.LogSumExp(Odd(), 3, good.AsSpan(0, 2), Execution));
        AssertMisaligned("destination", () => Softmax.LogSumExp(good, 3, Odd()[..2], Execution));
        Assert.That(bytes, Is.All.Zero);

        Span<float> Odd() => MemoryMarshal.Cast<byte, float>(bytes.AsSpan(2, 24));

        static void AssertMisaligned(string argument, Action call) =>
            Assert.That(
                Expect.Throws<ArgumentException>(call).Message,
                Does.Contain($"The memory of the {argument} is not aligned to its element type (4 bytes)."));
    }

    [Test]
    public void An_element_type_that_is_none()
    {
        decimal[] x = new decimal[3];
        foreach (Action call in (Action[])
            [
                () => Softmax.Forward(x, 3, x), () => Softmax.Backward<decimal>(x, x, 3, x),
                () => Softmax.LogSumExp(x, 3, x), () => LogSoftmax.Forward(x, 3, x),
                () => LogSoftmax.Backward<decimal>(x, x, 3, x),
            ])
        {
            Assert.That(Expect.Throws<NotSupportedException>(call).Message, Does.Contain("System.Decimal"));
        }
    }

    [Test]
    public void An_empty_batch_is_accepted() =>
        Assert.DoesNotThrow(() =>
        {
            Softmax.Forward<float>([], 3, [], Execution);
            Softmax.Backward<float>([], [], 3, [], Execution);
            Softmax.LogSumExp<float>([], 3, [], Execution);
            LogSoftmax.Forward<float>([], 3, [], Execution);
            LogSoftmax.Backward<float>([], [], 3, [], Execution);
        });

    private static void AssertOverlap(string other, params Action[] calls)
    {
        foreach (Action call in calls)
        {
            ArgumentException e = Expect.Throws<ArgumentException>(call);
            Assert.That(e.ParamName, Is.EqualTo("destination"));
            Assert.That(e.Message, Does.Contain($"The memory of the destination overlaps that of the {other}"));
        }
    }

    private ArgumentException[] RefusedBackward(int output, int upstream, LogitsLayout layout, int destination) =>
    [
        Refused(destination, d => Softmax.Backward<float>(
            new float[output], new float[upstream], layout, d, Execution)),
        Refused(destination, d => LogSoftmax.Backward<float>(
            new float[output], new float[upstream], layout, d, Execution)),
    ];

    private ArgumentException[] RefusedByAll(
        int logits, int upstream, LogitsLayout layout, int destination, bool logSumExp = false) =>
    [
        .. RefusedBackward(logits, upstream, layout, destination),
        Refused(destination, d => Softmax.Forward(new float[logits], layout, d, Execution)),
        Refused(destination, d => LogSoftmax.Forward(new float[logits], layout, d, Execution)),
        .. logSumExp
            ? [Refused(destination, d => Softmax.LogSumExp(new float[logits], layout, d, Execution))]
            : Array.Empty<ArgumentException>(),
    ];

    private static ArgumentException Refused(int destination, Action<float[]> call)
    {
        float[] values = Sentinel.Array(destination);
        ArgumentException? refusal = null;
        try
        {
            call(values);
        }
        catch (ArgumentException e)
        {
            refusal = e;
        }

        Assert.That(refusal, Is.Not.Null);
        Assert.That(Sentinel.IsUntouched(values), Is.True);
        return refusal!;
    }
}
