using System.Runtime.InteropServices;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>What sigmoid cross-entropy refuses: the message says what is wrong, and nothing has been written.</summary>
[TestFixture(NativeXentBackend.Native)]
[TestFixture(NativeXentBackend.Managed)]
public sealed class SigmoidArgumentTests(NativeXentBackend backend)
{
    private static readonly string[] Names =
        ["logits", "targets", "destination", "weights", "upstream gradient", "losses"];

    private static readonly SigmoidCrossEntropyOptions Sum = new() { Reduction = Reduction.Sum };

    private static IEnumerable<object[]> Overlaps =>
        from output in (string[])["destination", "losses"]
        from other in Names
        from shift in (int[])[-1, 0, 1]
        where output != other && !(other == "logits" && shift == 0)
        select new object[] { output, other, shift };

    private ExecutionOptions Execution => new() { Backend = backend };

    [Test]
    public void Another_length_than_that_of_the_logits(
        [Values("targets", "destination", "weights", "upstream gradient", "losses")] string argument,
        [Values(1, 3)] int length)
    {
        float[] other = Sentinel.Array(length);
        float[] destination = Sentinel.Array(2);
        ArgumentException e = Refused(new float[2], argument, other, destination);
        Assert.That(Sentinel.IsUntouched(other) && Sentinel.IsUntouched(destination), Is.True);
        Assert.That(e.ParamName, Is.EqualTo(argument is "targets" or "destination" ? argument : "elements"));
        Assert.That(
            e.Message, Does.Match($"The {argument} (has|have) {length} elements, but there are 2 logits\\."));
        if (argument != "destination")
        {
            ArgumentException loss = Expect.Throws<ArgumentException>(() => SigmoidCrossEntropy.Loss<float>(
                new float[2], argument == "targets" ? other : new float[2], Sum, Buffers(argument, other), Execution));
            Assert.That(loss.Message, Is.EqualTo(e.Message));
        }
    }

    /// <summary>
    /// Of the gradient and the losses both may be the logits, but not at once, and nothing else anything.
    /// </summary>
    [TestCaseSource(nameof(Overlaps))]
    public void Outputs_that_overlap(string output, string other, int shift)
    {
        float[] memory = new float[8];
        ArgumentException e = Expect.Throws<ArgumentException>(() =>
        {
            ElementBuffers<float> elements = new()
            {
                Weights = Choose("weights"),
                Upstream = Choose("upstream gradient"),
                Losses = Choose("losses"),
            };
            _ = SigmoidCrossEntropy.Gradient<float>(
                ChooseOr("logits"), ChooseOr("targets"), ChooseOr("destination"), null, elements, Execution);
        });
        Assert.That(memory.Select(Bits.Of), Is.All.Zero);
        Assert.That(
            e.Message,
            Does.Contain($"The memory of the {output} overlaps that of the {other}")
                .Or.Contain($"The memory of the {other} overlaps that of the {output}"));
        Assert.That(e.ParamName, Is.EqualTo(e.Message.StartsWith("The memory of the losses", StringComparison.Ordinal)
            ? "elements"
            : "destination"));

        Span<float> Choose(string name) =>
            name == output ? memory.AsSpan(3 + shift, 2) : name == other ? memory.AsSpan(3, 2) : [];

        Span<float> ChooseOr(string name) => name == output || name == other ? Choose(name) : new float[2];
    }

    [Test]
    public void Gradient_and_losses_that_are_both_the_logits()
    {
        float[] memory = new float[2];
        ArgumentException e = Expect.Throws<ArgumentException>(() => SigmoidCrossEntropy.Gradient<float>(
            memory, new float[2], memory, null, new() { Losses = memory }, Execution));
        Assert.That(memory.Select(Bits.Of), Is.All.Zero);
        Assert.That(e.ParamName, Is.EqualTo("elements"));
        Assert.That(e.Message, Does.Contain("The memory of the losses overlaps that of the destination."));
    }

    [Test]
    public void The_logits_themselves_are_accepted_for_either_output()
    {
        float[] z = [-1, 0, 2];
        float[] y = [1, 0.5f, 0];
        float[] gradient = new float[3];
        float[] losses = new float[3];
        _ = SigmoidCrossEntropy.Gradient<float>(z, y, gradient, null, new() { Losses = losses }, Execution);
        Assert.That(losses, Is.EqualTo([1.3132616f, 0.6931472f, 2.1269281f]).Within(1e-6));
        Assert.That(gradient, Is.EqualTo([-0.73105858f, 0, 0.88079708f]).Within(1e-6));

        float[] inPlace = [.. z];
        float[] lossesApart = new float[3];
        _ = SigmoidCrossEntropy.Gradient<float>(inPlace, y, inPlace, null, new() { Losses = lossesApart }, Execution);
        Assert.That(inPlace, Is.EqualTo(gradient));
        Assert.That(lossesApart, Is.EqualTo(losses));

        inPlace = [.. z];
        float[] gradientApart = new float[3];
        _ = SigmoidCrossEntropy.Gradient<float>(
            inPlace, y, gradientApart, null, new() { Losses = inPlace }, Execution);
        Assert.That(gradientApart, Is.EqualTo(gradient));
        Assert.That(inPlace, Is.EqualTo(losses));
    }

    [Test]
    public void Memory_that_is_not_aligned([ValueSource(nameof(Names))] string argument)
    {
        byte[] bytes = GC.AllocateArray<byte>(16, pinned: true);
        ArgumentException e = Expect.Throws<ArgumentException>(() =>
        {
            Span<float> odd = MemoryMarshal.Cast<byte, float>(bytes.AsSpan(2, 8));
            ElementBuffers<float> elements = new()
            {
                Weights = argument == "weights" ? odd : [],
                Upstream = argument == "upstream gradient" ? odd : [],
                Losses = argument == "losses" ? odd : [],
            };
            _ = SigmoidCrossEntropy.Gradient<float>(
                argument == "logits" ? odd : new float[2],
                argument == "targets" ? odd : new float[2],
                argument == "destination" ? odd : new float[2],
                null,
                elements,
                Execution);
        });
        Assert.That(bytes, Is.All.Zero);
        Assert.That(
            e.Message, Does.Contain($"The memory of the {argument} is not aligned to its element type (4 bytes)."));
    }

    [Test]
    public void A_loss_of_which_nothing_is_asked_for()
    {
        ArgumentException e = Expect.Throws<ArgumentException>(
            () => SigmoidCrossEntropy.Loss<float>(new float[2], new float[2], execution: Execution));
        Assert.That(e.ParamName, Is.EqualTo("elements"));
        Assert.That(
            e.Message, Does.Contain("Nothing is asked for: Reduction is None, and there is no room for losses."));
    }

    [Test]
    public void An_element_type_that_is_none()
    {
        int[] x = new int[2];
        Assert.That(
            Expect.Throws<NotSupportedException>(() => SigmoidCrossEntropy.Gradient<int>(x, x, x)).Message,
            Does.Contain("System.Int32"));
        _ = Expect.Throws<NotSupportedException>(
            () => SigmoidCrossEntropy.Loss<int>(x, x, Sum, default, Execution));
    }

    [Test]
    public void An_empty_batch_is_accepted([Values] Reduction reduction)
    {
        SigmoidCrossEntropyOptions options = new() { Reduction = reduction };
        SigmoidCrossEntropyResult expected = new() { Loss = reduction == Reduction.None ? null : 0 };
        Assert.That(
            SigmoidCrossEntropy.Gradient<float>([], [], [], options, default, Execution), Is.EqualTo(expected));
        Assert.That(SigmoidCrossEntropy.Loss<float>([], [], options, default, Execution), Is.EqualTo(expected));
    }

    private static ElementBuffers<float> Buffers(string name, float[] values) =>
        new()
        {
            Weights = name == "weights" ? values : [],
            Upstream = name == "upstream gradient" ? values : [],
            Losses = name == "losses" ? values : [],
        };

    private ArgumentException Refused(float[] logits, string argument, float[] other, float[] destination) =>
        Expect.Throws<ArgumentException>(() => SigmoidCrossEntropy.Gradient<float>(
            logits,
            argument == "targets" ? other : new float[2],
            argument == "destination" ? other : destination,
            null,
            Buffers(argument, other),
            Execution));
}
