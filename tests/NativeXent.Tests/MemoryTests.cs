using NativeXent.Jobs;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>Nothing but the described elements is read or written, wherever they lie.</summary>
[TestFixtureSource(typeof(Target), nameof(Target.All))]
[NonParallelizable]
public sealed unsafe class MemoryTests(Target target)
{
    private IDisposable? _forced;

    [SetUp]
    public void ForceTarget() => _forced = target.Force();

    [TearDown]
    public void RestoreTarget() => _forced!.Dispose();

    [Test]
    public void Alignment_changes_no_bit_and_neighbours_stay_as_they_are([Range(0, 15)] int offset)
    {
        const int Margin = 32;
        foreach (int classes in (int[])[1, 2, 7, 15, 16, 17, 31, 33, 100, 127, 128, 129, 200, 4097])
        {
            // Few classes: all rows ordinary, so that they are computed together.
            Batch batch = classes is <= 16 or 33 or 100 or 128
                ? Batch.Generate((ulong)classes, 40, classes, RowKind.Normal(6))
                : Batch.Generate((ulong)classes, classes, RowKind.All);
            Results expected = target.Compute(batch);

            float[] logits = Sentinel.Array(Margin + offset + batch.Logits.Length);
            batch.Logits.CopyTo(logits, Margin + offset);
            int other = 15 - offset;
            float[] gradient = Sentinel.Array(Margin + other + batch.Logits.Length + Margin);
            float[] losses = Sentinel.Array(Margin + offset + batch.Rows + Margin);
            SoftmaxCrossEntropy.Gradient(
                logits.AsSpan(Margin + offset),
                batch.Labels,
                classes,
                gradient.AsSpan(Margin + other, batch.Logits.Length),
                rows: new() { Losses = losses.AsSpan(Margin + offset, batch.Rows) },
                execution: target.Execution);

            Results actual = new(
                gradient[(Margin + other)..^Margin], losses[(Margin + offset)..^Margin]);
            actual.ShouldEqual(expected, batch, $"{target}, logits off by {offset} elements");
            AssertUntouched(gradient.AsSpan(0, Margin + other), "before the gradient");
            AssertUntouched(gradient.AsSpan()[^Margin..], "behind the gradient");
            AssertUntouched(losses.AsSpan(0, Margin + offset), "before the losses");
            AssertUntouched(losses.AsSpan()[^Margin..], "behind the losses");
        }
    }

    /// <summary>An access beyond either end ends the process.</summary>
    [Test]
    public void Nothing_beyond_the_ends_is_touched_and_logits_are_only_read()
    {
        int[] lengths = [.. Enumerable.Range(1, 200), 255, 256, 257, 1000, 4095, 4096, 4097, 8191, 12_289, 50_257];
        using GuardedMemory logits = new(4 * 2 * 50_257);
        using GuardedMemory gradient = new(4 * 2 * 50_257);
        using GuardedMemory labels = new(4 * 40);
        using GuardedMemory losses = new(4 * 40);
        foreach (int classes in lengths)
        {
            int rows = classes <= 17 ? 40 : 2;
            Batch batch = Batch.Generate((ulong)classes, rows, classes, RowKind.Normal(6));
            Results expected = target.Compute(batch);
            AssertSame(
                (float*)logits.Start,
                (int*)labels.Start,
                (float*)gradient.Start,
                (float*)losses.Start,
                "at the start");
            AssertSame(
                logits.AtEnd<float>(rows * classes),
                labels.AtEnd<int>(rows),
                gradient.AtEnd<float>(rows * classes),
                losses.AtEnd<float>(rows),
                "at the end");

            void AssertSame(float* z, int* y, float* g, float* l, string where)
            {
                logits.MakeWritable();
                labels.MakeWritable();
                batch.Logits.CopyTo(new Span<float>(z, batch.Logits.Length));
                batch.Labels.CopyTo(new Span<int>(y, batch.Rows));
                logits.MakeReadOnly();
                labels.MakeReadOnly();
                SoftmaxCrossEntropyPointers<float> pointers = new()
                {
                    Logits = z,
                    Labels32 = y,
                    Destination = g,
                    Losses = l,
                };
                _ = SoftmaxCrossEntropy.Compute(pointers, batch.Rows, classes, execution: target.Execution);
                Results actual = new(
                    new Span<float>(g, batch.Logits.Length).ToArray(), new Span<float>(l, batch.Rows).ToArray());
                actual.ShouldEqual(expected, batch, $"{target}, {where} of guarded memory");
            }
        }
    }

    /// <summary>The pointer overloads are for such sizes. Only the last row is computed.</summary>
    [Test]
    public void Rows_beyond_2_to_the_31_elements_are_found()
    {
        const int Classes = 1 << 20;
        const int Rows = 2050;
        Batch batch = Batch.Generate(40, 1, Classes, RowKind.Normal(6));
        Results expected = target.Compute(batch);
        using GuardedMemory matrix = new(4L * Rows * Classes);
        float* row = (float*)matrix.Start + ((Rows - 1L) * Classes);
        batch.Logits.CopyTo(new Span<float>(row, Classes));
        int[] labels = new int[Rows];
        labels[Rows - 1] = batch.Labels[0];
        float[] losses = Sentinel.Array(Rows);
        fixed (int* y = labels)
        fixed (float* l = losses)
        {
            SoftmaxCrossEntropyJob job = new()
            {
                ElementType = ElementType.Float32,
                TargetType = TargetType.LabelsInt32,
                BatchSize = Rows,
                Classes = Classes,
                InnerSize = 1,
                RowBegin = Rows - 1,
                RowEnd = Rows,
                Logits = matrix.Start,
                LogitsStride = Classes,
                Targets = y,
                TargetsStride = Classes,
                Gradient = matrix.Start,
                GradientStride = Classes,
                Losses = l,
                Scale = 1,
                GradScale = 1,
            };
            SoftmaxCrossEntropyJob.Run(job, target.Backend == NativeXentBackend.Native, out _);
        }

        Results actual = new(new Span<float>(row, Classes).ToArray(), [losses[Rows - 1]]);
        actual.ShouldEqual(expected, batch, $"{target}, row {Rows - 1} in place");
        AssertUntouched(losses.AsSpan(0, Rows - 1), "the other rows' losses");
    }

    private static void AssertUntouched(ReadOnlySpan<float> memory, string where) =>
        Assert.That(Sentinel.IsUntouched(memory), Is.True, where);
}
