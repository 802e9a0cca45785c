using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>However a batch is given and cut, its results have the same bits.</summary>
[TestFixtureSource(typeof(Target), nameof(Target.All))]
[NonParallelizable]
public sealed unsafe class CallShapeTests(Target target)
{
    private static readonly int[] Degrees = [1, 2, 3, 7, -1];

    // Small, around the vector, more than one block; and large enough for seven threads. Many rows of few classes are
    // mostly ordinary, so that they are computed together.
    private static readonly Batch[] Batches =
    [
        OfAllKinds(1, 1), OfAllKinds(3, 2), OfAllKinds(5, 17), OfAllKinds(2, 4097), OfAllKinds(1, 300_000),
        OfAllKinds(24, 10_007), OfAllKinds(1000, 301), MostlyOrdinary(100, 1), MostlyOrdinary(95, 2),
        MostlyOrdinary(40_000, 7), MostlyOrdinary(1000, 16), MostlyOrdinary(1000, 17),
    ];

    private readonly Lazy<Results[]> _rowByRow = new(() => [.. Batches.Select(batch => RowByRow(batch, target))]);

    private IDisposable? _forced;

    [SetUp]
    public void ForceTarget() => _forced = target.Force();

    [TearDown]
    public void RestoreTarget() => _forced!.Dispose();

    [TestCaseSource(nameof(Degrees))]
    public void Any_number_of_threads_gives_the_bits_of_one_row_at_a_time(int maxDegreeOfParallelism)
    {
        foreach ((Batch batch, Results expected) in Batches.Zip(_rowByRow.Value))
        {
            Results actual = Results.For(batch);
            SoftmaxCrossEntropy.Gradient(
                batch.Logits,
                batch.Labels,
                batch.Classes,
                actual.Gradient,
                actual.Losses,
                Threads(maxDegreeOfParallelism));
            actual.ShouldEqual(expected, batch, $"{target}, {maxDegreeOfParallelism} threads");
        }
    }

    [TestCaseSource(nameof(Degrees))]
    public void In_place_gives_the_bits_of_out_of_place(int maxDegreeOfParallelism)
    {
        foreach ((Batch batch, Results expected) in Batches.Zip(_rowByRow.Value))
        {
            Results actual = Results.For(batch);
            batch.Logits.CopyTo(actual.Gradient, 0);
            SoftmaxCrossEntropy.Gradient(
                actual.Gradient,
                batch.Labels,
                batch.Classes,
                actual.Gradient,
                actual.Losses,
                Threads(maxDegreeOfParallelism));
            actual.ShouldEqual(expected, batch, $"{target} in place, {maxDegreeOfParallelism} threads");
        }
    }

    [TestCaseSource(nameof(Degrees))]
    public void Pointers_give_the_bits_of_spans(int maxDegreeOfParallelism)
    {
        foreach ((Batch batch, Results expected) in Batches.Zip(_rowByRow.Value))
        {
            Results actual = Results.For(batch);
            fixed (float* logits = batch.Logits, gradient = actual.Gradient, losses = actual.Losses)
            fixed (int* labels = batch.Labels)
            {
                SoftmaxCrossEntropy.Gradient(
                    logits, labels, batch.Rows, batch.Classes, gradient, losses, Threads(maxDegreeOfParallelism));
            }

            actual.ShouldEqual(expected, batch, $"{target} by pointers, {maxDegreeOfParallelism} threads");
        }
    }

    [TestCaseSource(nameof(Degrees))]
    public void Without_losses_the_gradient_has_the_same_bits(int maxDegreeOfParallelism)
    {
        foreach ((Batch batch, Results expected) in Batches.Zip(_rowByRow.Value))
        {
            Results spans = expected with { Gradient = Sentinel.Array(batch.Logits.Length) };
            Results pointers = expected with { Gradient = Sentinel.Array(batch.Logits.Length) };
            Results nullLosses = expected with { Gradient = Sentinel.Array(batch.Logits.Length) };
            ExecutionOptions threads = Threads(maxDegreeOfParallelism);
            SoftmaxCrossEntropy.Gradient(batch.Logits, batch.Labels, batch.Classes, spans.Gradient, threads);
            fixed (float* logits = batch.Logits, g = pointers.Gradient, h = nullLosses.Gradient)
            fixed (int* labels = batch.Labels)
            {
                SoftmaxCrossEntropy.Gradient(logits, labels, batch.Rows, batch.Classes, g, threads);
                SoftmaxCrossEntropy.Gradient(logits, labels, batch.Rows, batch.Classes, h, null, threads);
            }

            spans.ShouldEqual(expected, batch, $"{target}, spans");
            pointers.ShouldEqual(expected, batch, $"{target}, pointers");
            nullLosses.ShouldEqual(expected, batch, $"{target}, null for the losses");
        }
    }

    [Test]
    public void Logits_and_labels_are_left_as_they_were()
    {
        foreach (Batch batch in Batches)
        {
            float[] logits = [.. batch.Logits];
            int[] labels = [.. batch.Labels];
            _ = target.Compute(batch);
            Assert.That(Bits.FirstDifference(logits, batch.Logits), Is.EqualTo(-1));
            Assert.That(batch.Labels, Is.EqualTo(labels));
        }
    }

    private static Batch OfAllKinds(int rows, int classes) =>
        Batch.Generate((ulong)classes, classes, [.. Enumerable.Range(classes, rows).Select(Turn)]);

    private static Batch MostlyOrdinary(int rows, int classes) =>
        Batch.Generate(
            (ulong)classes,
            classes,
            [.. Enumerable.Range(0, rows).Select(k => k % 41 == 40 ? Turn(k) : RowKind.Normal(6))]);

    private static RowKind Turn(int k) => RowKind.All[k % RowKind.All.Count];

    private ExecutionOptions Threads(int maxDegreeOfParallelism) =>
        new() { Backend = target.Backend, MaxDegreeOfParallelism = maxDegreeOfParallelism };

    private static Results RowByRow(Batch batch, Target target)
    {
        Results results = Results.For(batch);
        ExecutionOptions execution = new() { Backend = target.Backend };
        for (int i = 0; i < batch.Rows; i++)
        {
            SoftmaxCrossEntropy.Gradient(
                batch.Row(i),
                batch.Labels.AsSpan(i, 1),
                batch.Classes,
                results.Gradient.AsSpan(i * batch.Classes, batch.Classes),
                results.Losses.AsSpan(i, 1),
                execution);
        }

        return results;
    }
}
