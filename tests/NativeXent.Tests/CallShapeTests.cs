using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>However a batch is given and cut, its results have the same bits.</summary>
[TestFixtureSource(typeof(Target), nameof(Target.AllWithElementTypes))]
[NonParallelizable]
public sealed unsafe class CallShapeTests<T>(Target target)
    where T : unmanaged
{
    private static readonly int[] Degrees = [1, 2, 3, 7, -1];

    // Small, around the vector, more than one block; and large enough for several threads. Many rows of few classes are
    // mostly ordinary, so that they are computed together.
    private static readonly Problem<T>[] Problems =
    [
        .. new[]
        {
            OfAllKinds(1, 1), OfAllKinds(3, 2), OfAllKinds(5, 17), OfAllKinds(2, 4097), OfAllKinds(14, 10_007),
            MostlyOrdinary(100, 1), MostlyOrdinary(11_000, 7), MostlyOrdinary(1000, 16),
        }.Select(Problem<T>.Plain),
        .. new[] { OfAllKinds(7, 20), OfAllKinds(28, 2500), MostlyOrdinary(14_000, 5) }
            .SelectMany(batch => new[] { Problem<T>.WithEverything(batch), Problem<T>.WithDistributions(batch) }),
    ];

    // Some of the samples have two positions and more, some rows are left over.
    private static readonly int[] InnerSizes = [2, 3, 16, 17, 100];

    private readonly Lazy<Outcome<T>[]> _rowByRow = new(
        () => [.. Problems.Select(problem => problem.RowByRow(target.Execution))]);

    private IDisposable? _forced;

    [SetUp]
    public void ForceTarget() => _forced = target.Force();

    [TearDown]
    public void RestoreTarget() => _forced!.Dispose();

    [TestCaseSource(nameof(Degrees))]
    public void Any_number_of_threads_gives_the_bits_of_one_row_at_a_time(int maxDegreeOfParallelism) =>
        ForEach((problem, expected) =>
            problem.Gradient(Threads(maxDegreeOfParallelism))
                .ShouldEqual(expected, $"{problem}, {maxDegreeOfParallelism} threads"));

    [TestCase(1)]
    [TestCase(3)]
    public void In_place_gives_the_bits_of_out_of_place(int maxDegreeOfParallelism) =>
        ForEach((problem, expected) =>
        {
            Outcome<T> actual = new(problem.Logits.Length, problem.Rows);
            problem.Logits.CopyTo(actual.Gradient, 0);
            _ = problem.Gradient(
                actual.Gradient,
                problem.Labels,
                problem.Distributions,
                problem.Classes,
                actual.Gradient,
                problem.RowsOf(actual),
                Threads(maxDegreeOfParallelism));
            actual.ShouldEqual(expected, $"{problem} in place, {maxDegreeOfParallelism} threads");
        });

    [TestCase(1)]
    [TestCase(3)]
    public void Pointers_give_the_bits_of_spans(int maxDegreeOfParallelism) =>
        ForEach((problem, expected) =>
        {
            Outcome<T> actual = new(problem.Logits.Length, problem.Rows);
            fixed (T* logits = problem.Logits, distributions = problem.Distributions, upstream = problem.Upstream)
            fixed (T* gradient = actual.Gradient, losses = actual.Losses)
            fixed (T* logSumExp = actual.LogSumExp, zLosses = actual.ZLosses)
            fixed (int* labels = problem.Labels)
            {
                SoftmaxCrossEntropyPointers<T> pointers = new()
                {
                    Logits = logits,
                    Labels32 = problem.HasLabels ? labels : null,
                    Distributions = distributions,
                    Destination = gradient,
                    Upstream = upstream,
                    Losses = losses,
                    LogSumExp = logSumExp,
                    ZLosses = zLosses,
                };
                _ = SoftmaxCrossEntropy.Compute(
                    pointers, problem.Rows, problem.Classes, problem.Options, Threads(maxDegreeOfParallelism));
            }

            actual.ShouldEqual(expected, $"{problem} by pointers, {maxDegreeOfParallelism} threads");
        });

    [Test]
    public void Labels_of_64_bits_give_the_bits_of_labels_of_32([Values] bool pointers) =>
        ForEach(problem => problem.HasLabels, (problem, expected) =>
        {
            long[] labels = [.. problem.Labels.Select(label => (long)label)];
            Outcome<T> actual = new(problem.Logits.Length, problem.Rows);
            if (!pointers)
            {
                _ = SoftmaxCrossEntropy.Gradient(
                    problem.Logits,
                    labels,
                    problem.Classes,
                    actual.Gradient,
                    problem.Options,
                    problem.RowsOf(actual),
                    target.Execution);
                actual.ShouldEqual(expected, $"{problem}, labels of 64 bits");
                Outcome<T> loss = new(0, problem.Rows);
                _ = SoftmaxCrossEntropy.Loss(
                    problem.Logits,
                    labels,
                    problem.Classes,
                    problem.Options,
                    problem.RowsOf(loss),
                    target.Execution);
                loss.ShouldHaveRowsOf(expected, $"{problem}, labels of 64 bits");
                return;
            }

            fixed (T* logits = problem.Logits, gradient = actual.Gradient, upstream = problem.Upstream)
            fixed (long* y = labels)
            {
                SoftmaxCrossEntropyPointers<T> p = new()
                {
                    Logits = logits,
                    Labels64 = y,
                    Destination = gradient,
                    Upstream = upstream,
                };
                _ = SoftmaxCrossEntropy.Compute(
                    p, problem.Rows, problem.Classes, problem.Options, target.Execution);
            }

            actual.ShouldEqual(
                new Outcome<T>(0, problem.Rows) with { Gradient = expected.Gradient },
                $"{problem}, pointer to labels of 64 bits");
        });

    [Test]
    public void The_loss_alone_has_the_bits_that_come_with_the_gradient() =>
        ForEach((problem, expected) =>
        {
            problem.Loss(target.Execution).ShouldHaveRowsOf(expected, $"{problem}, loss");
            problem.Loss(Threads(3)).ShouldHaveRowsOf(expected, $"{problem}, loss on 3 threads");
        });

    [Test]
    public void The_gradient_alone_has_the_bits_that_come_with_the_losses() =>
        ForEach((problem, expected) =>
        {
            Outcome<T> actual = new(problem.Logits.Length, problem.Rows);
            _ = problem.Gradient(
                problem.Logits,
                problem.Labels,
                problem.Distributions,
                problem.Classes,
                actual.Gradient,
                new() { Upstream = problem.Upstream },
                target.Execution);
            actual.ShouldEqual(
                new Outcome<T>(0, problem.Rows) with { Gradient = expected.Gradient }, $"{problem}, nothing else");
        });

    [Test]
    public void Samples_that_are_apart_give_the_same_bits_and_gaps_stay_as_they_are([Values] bool endsWithSample) =>
        ForEach((problem, expected) =>
        {
            int classes = problem.Classes;
            LogitsLayout layout = new(classes)
            {
                Stride = classes + 3,
                TargetsStride = classes + 1,
                DestinationStride = classes + 5,
            };
            T[] logits = Spread(problem.Logits, classes, classes + 3);
            T[] distributions = Spread(problem.Distributions, classes, classes + 1);
            Outcome<T> actual = new(problem.Rows * (classes + 5), problem.Rows);
            _ = problem.Gradient(
                logits.AsSpan(0, logits.Length - (endsWithSample ? 3 : 0)),
                problem.Labels,
                distributions.AsSpan(0, distributions.Length - (endsWithSample && !problem.HasLabels ? 1 : 0)),
                layout,
                actual.Gradient.AsSpan(0, actual.Gradient.Length - (endsWithSample ? 5 : 0)),
                problem.RowsOf(actual),
                Threads(2));
            actual.ShouldEqual(
                expected with { Gradient = Spread(expected.Gradient, classes, classes + 5) }, $"{problem}, apart");
        });

    [TestCaseSource(nameof(InnerSizes))]
    public void Classes_as_the_second_of_three_axes_give_the_same_bits(int innerSize) =>
        ForEach(problem => problem.Rows >= innerSize, (problem, expected) =>
        {
            int samples = problem.Rows / innerSize;
            int rows = samples * innerSize;
            int sample = problem.Classes * innerSize;
            int gap = innerSize % 2 * 7;
            LogitsLayout layout = new(problem.Classes)
            {
                InnerSize = innerSize,
                Stride = sample + gap,
                TargetsStride = sample + (2 * gap),
                DestinationStride = sample + (3 * gap),
            };
            Outcome<T> actual = new(samples * (sample + (3 * gap)), rows);
            _ = problem.Gradient(
                Transposed(problem.Logits, gap),
                problem.Labels.AsSpan(0, rows),
                problem.HasLabels ? [] : Transposed(problem.Distributions, 2 * gap),
                layout,
                actual.Gradient,
                new()
                {
                    Upstream = problem.Upstream.Length == 0 ? [] : problem.Upstream.AsSpan(0, rows),
                    Losses = actual.Losses,
                    LogSumExp = actual.LogSumExp,
                    ZLosses = actual.ZLosses,
                },
                Threads(innerSize > 16 ? 3 : 1));
            actual.ShouldEqual(
                new(
                    Transposed(expected.Gradient, 3 * gap),
                    expected.Losses[..rows],
                    expected.LogSumExp[..rows],
                    expected.ZLosses[..rows]),
                $"{problem}, {innerSize} positions, gaps of {gap}");

            T[] Transposed(T[] matrix, int apart)
            {
                T[] transposed = Elements.Sentinels<T>(samples * (sample + apart));
                for (int i = 0; i < rows; i++)
                {
                    for (int c = 0; c < problem.Classes; c++)
                    {
                        int n = i / innerSize;
                        int s = i % innerSize;
                        transposed[(n * (sample + apart)) + (c * innerSize) + s] = matrix[(i * problem.Classes) + c];
                    }
                }

                return transposed;
            }
        });

    /// <summary>Whatever is accumulated into zeros is what would have been written.</summary>
    [Test]
    public void Accumulating_into_zeros_gives_the_gradient_and_ignored_rows_stay_as_they_are() =>
        ForEach((problem, expected) =>
        {
            SoftmaxCrossEntropyOptions options = (problem.Options ?? new()) with { Accumulate = true };
            Outcome<T> actual = new(problem.Logits.Length, problem.Rows);
            T[] wanted = [.. expected.Gradient];
            for (int i = 0; i < problem.Rows; i++)
            {
                bool ignored = problem.HasLabels && problem.Labels[i] == options.IgnoreIndex;
                Span<T> row = (ignored ? wanted : actual.Gradient).AsSpan(i * problem.Classes, problem.Classes);
                if (ignored)
                {
                    Elements.Sentinels<T>(problem.Classes).CopyTo(row);
                }
                else
                {
                    row.Clear();
                }
            }

            _ = problem.With(options).Gradient(
                problem.Logits,
                problem.Labels,
                problem.Distributions,
                problem.Classes,
                actual.Gradient,
                problem.RowsOf(actual),
                target.Execution);
            actual.ShouldEqual(expected with { Gradient = wanted }, $"{problem}, accumulated");
        });

    [Test]
    public void Inputs_are_left_as_they_were() =>
        ForEach((problem, _) =>
        {
            T[] logits = [.. problem.Logits];
            int[] labels = [.. problem.Labels];
            T[] distributions = [.. problem.Distributions];
            T[] upstream = [.. problem.Upstream];
            _ = problem.Gradient(target.Execution);
            Assert.That(Elements.FirstDifference<T>(logits, problem.Logits), Is.EqualTo(-1));
            Assert.That(problem.Labels, Is.EqualTo(labels));
            Assert.That(Elements.FirstDifference<T>(distributions, problem.Distributions), Is.EqualTo(-1));
            Assert.That(Elements.FirstDifference<T>(upstream, problem.Upstream), Is.EqualTo(-1));
        });

    private static Batch OfAllKinds(int rows, int classes) =>
        Batch.Generate((ulong)classes, classes, [.. Enumerable.Range(classes, rows).Select(Turn)]);

    private static Batch MostlyOrdinary(int rows, int classes) =>
        Batch.Generate(
            (ulong)classes,
            classes,
            [.. Enumerable.Range(0, rows).Select(k => k % 41 == 40 ? Turn(k) : RowKind.Normal(6))]);

    private static RowKind Turn(int k) => RowKind.All[k % RowKind.All.Count];

    // Rows at a distance, with the sentinel between them.
    private static T[] Spread(T[] matrix, int classes, int stride)
    {
        T[] spread = Elements.Sentinels<T>(matrix.Length / classes * stride);
        for (int i = 0; i < matrix.Length / classes; i++)
        {
            matrix.AsSpan(i * classes, classes).CopyTo(spread.AsSpan(i * stride));
        }

        return spread;
    }

    private ExecutionOptions Threads(int maxDegreeOfParallelism) =>
        target.Execution with { MaxDegreeOfParallelism = maxDegreeOfParallelism };

    private void ForEach(Action<Problem<T>, Outcome<T>> check) => ForEach(_ => true, check);

    private void ForEach(Func<Problem<T>, bool> isMeant, Action<Problem<T>, Outcome<T>> check)
    {
        (Problem<T> Problem, Outcome<T> Expected)[] meant =
            [.. Problems.Zip(_rowByRow.Value).Where(pair => isMeant(pair.First))];
        Assert.That(meant, Is.Not.Empty);
        foreach ((Problem<T> problem, Outcome<T> expected) in meant)
        {
            check(problem, expected);
        }
    }
}
