using System.Runtime.InteropServices;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>A small call without options, for which there is a shorter way.</summary>
[TestFixture]
public sealed class PlainGradientTests
{
    private const int Rows = 4;
    private const int Classes = 5;
    private const int Elements = Rows * Classes;

    [Test]
    public void Has_the_bits_of_the_general_way(
        [Values(1, 2, 3, 10, 16, 17, 100, 1000)] int classes, [Values(1, 2, 15, 16, 17, 65)] int rows)
    {
        (float[] logits, int[] labels) = Generate(rows, classes);
        float[] expected = Sentinel.Array(logits.Length);
        SoftmaxCrossEntropyResult expectedResult =
            SoftmaxCrossEntropy.Gradient<float>(logits, labels, classes, expected, new SoftmaxCrossEntropyOptions());

        float[] actual = Sentinel.Array(logits.Length);
        SoftmaxCrossEntropyResult result = SoftmaxCrossEntropy.Gradient<float>(logits, labels, classes, actual);
        Assert.That(Bits.FirstDifference(expected, actual), Is.EqualTo(-1));
        Assert.That(result, Is.EqualTo(expectedResult));

        result = SoftmaxCrossEntropy.Gradient<float>(logits, labels, classes, logits);
        Assert.That(Bits.FirstDifference(expected, logits), Is.EqualTo(-1));
        Assert.That(result, Is.EqualTo(expectedResult));
    }

    [Test]
    public void Takes_memory_that_touches_and_refuses_what_overlaps(
        [Range(-Elements - 1, Elements + Rows + 1)] int shift)
    {
        // Logits, then labels; the destination begins so many elements after the logits.
        const int Begin = 2 * Elements;
        (float[] logits, int[] labels) = Generate(Rows, Classes);
        float[] expected = new float[Elements];
        _ = SoftmaxCrossEntropy.Gradient<float>(logits, labels, Classes, expected, new SoftmaxCrossEntropyOptions());
        float[] memory = Sentinel.Array(6 * Elements);
        logits.CopyTo(memory, Begin);
        MemoryMarshal.Cast<int, float>(labels).CopyTo(memory.AsSpan(Begin + Elements));
        float[] before = [.. memory];

        bool overlapsLogits = Math.Abs(shift) < Elements && shift != 0;
        bool overlapsLabels = shift > 0 && shift < Elements + Rows;
        if (overlapsLogits || overlapsLabels)
        {
            string message = Expect.Throws<ArgumentException>(Call).Message;
            Assert.That(message, Does.Contain(overlapsLogits ? "that of the logits" : "that of the labels"));
            Assert.That(Bits.FirstDifference(before, memory), Is.EqualTo(-1));
        }
        else
        {
            Call();
            expected.CopyTo(before, Begin + shift);
            Assert.That(Bits.FirstDifference(before, memory), Is.EqualTo(-1));
        }

        void Call() =>
            SoftmaxCrossEntropy.Gradient(
                memory.AsSpan(Begin, Elements),
                MemoryMarshal.Cast<float, int>(memory.AsSpan(Begin + Elements, Rows)),
                Classes,
                memory.AsSpan(Begin + shift, Elements));
    }

    private static (float[] Logits, int[] Labels) Generate(int rows, int classes)
    {
        SplitMix64 random = new(((ulong)rows << 32) + (ulong)classes);
        float[] logits = [.. Enumerable.Range(0, rows * classes).Select(_ => random.Normal(6))];
        int[] labels = [.. Enumerable.Range(0, rows).Select(_ => random.Below(classes))];
        return (logits, labels);
    }
}
