using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>Totals and reductions of softmax and sigmoid cross-entropy.</summary>
[TestFixtureSource(typeof(Target), nameof(Target.AllWithElementTypes))]
[NonParallelizable]
public sealed class TotalsTests<T>(Target target)
    where T : unmanaged
{
    // Of one chunk and of several.
    private static readonly Problem<T>[] Problems =
    [
        Problem<T>.Plain(Batch.Generate(60, 50, 30, RowKind.Normal(3))),
        Problem<T>.WithEverything(Batch.Generate(61, 50, 30, RowKind.Normal(3))),
        Problem<T>.WithDistributions(Batch.Generate(62, 50, 30, RowKind.Normal(3))),
        Problem<T>.Plain(Batch.Generate(63, 20_000, 4, RowKind.Normal(3))),
        Problem<T>.WithEverything(Batch.Generate(64, 12_000, 11, RowKind.Normal(3))),
        Problem<T>.WithDistributions(Batch.Generate(65, 30, 4500, RowKind.Normal(3))),
    ];

    private IDisposable? _forced;

    [SetUp]
    public void ForceTarget() => _forced = target.Force();

    [TearDown]
    public void RestoreTarget() => _forced!.Dispose();

    [Test]
    public void Totals_have_the_same_bits_on_any_number_of_threads_and_without_the_gradient(
        [Values(Reduction.Sum, Reduction.Mean)] Reduction reduction)
    {
        foreach (Problem<T> problem in Problems.Select(problem => With(problem, reduction)))
        {
            Outcome<T> expected = problem.Gradient(target.Execution);
            foreach (int degree in (int[])[2, 7, -1])
            {
                ExecutionOptions threads = target.Execution with { MaxDegreeOfParallelism = degree };
                problem.Gradient(threads).ShouldEqual(expected, $"{problem}, {degree} threads", totals: true);
            }

            SoftmaxCrossEntropyResult loss = problem.Loss(target.Execution).Totals;
            Assert.That(loss, Is.EqualTo(expected.Totals), $"{problem}, loss");
        }
    }

    [Test]
    public void Totals_have_the_bits_of_the_first_target([Values] bool count)
    {
        foreach (Problem<T> problem in Problems)
        {
            Problem<T> sum = problem.With(
                (problem.Options ?? new()) with { Reduction = Reduction.Sum, CountCorrect = count });
            Outcome<T> expected = Target.First.Run(sum.Gradient);
            target.Run(sum.Gradient).ShouldEqual(expected, $"{sum}, {target}", totals: true);
        }
    }

    /// <summary>
    /// Chunks are cut otherwise there, so sums may be rounded otherwise; everything else is the same.
    /// </summary>
    [Test]
    public void Classes_as_the_second_of_three_axes_have_the_same_totals_but_for_rounding()
    {
        foreach (Problem<T> problem in Problems.Select(problem => With(problem, Reduction.Sum)))
        {
            const int InnerSize = 10;
            LogitsLayout layout = new(problem.Classes) { InnerSize = InnerSize };
            T[] logits = Transposed(problem.Logits, problem.Classes, InnerSize);
            T[] distributions = Transposed(problem.Distributions, problem.Classes, InnerSize);
            SoftmaxCrossEntropyResult expected = problem.Gradient(target.Execution).Totals;
            SoftmaxCrossEntropyResult? first = null;
            foreach (int degree in (int[])[1, 3])
            {
                SoftmaxCrossEntropyResult actual = problem.Gradient(
                    logits,
                    problem.Labels,
                    distributions,
                    layout,
                    new T[logits.Length],
                    new() { Upstream = problem.Upstream },
                    target.Execution with { MaxDegreeOfParallelism = degree });
                Assert.That(actual, Is.EqualTo(first ??= actual), $"{problem}, {degree} threads");
            }

            Assert.That(first!.Value.Loss, Is.EqualTo(expected.Loss).Within(1e-12 * Math.Abs(expected.Loss!.Value)));
            Assert.That(
                first.Value with { Loss = 0, ZLoss = 0 }, Is.EqualTo(expected with { Loss = 0, ZLoss = 0 }));
        }
    }

    [Test]
    public void A_sum_is_that_of_the_losses()
    {
        double precision = default(T) switch { double => 1e-13, float => 1e-6, Half => 1e-3, _ => 1e-2 };
        foreach (Problem<T> problem in Problems.Select(problem => With(problem, Reduction.Sum)))
        {
            Outcome<T> outcome = problem.Gradient(target.Execution);
            double losses = outcome.Losses.Sum(Elements.ToDouble);
            double zLosses = outcome.ZLosses.Sum(Elements.ToDouble);
            Assert.That(losses, Is.Not.Zero);
            Assert.That(outcome.Totals.Loss, Is.EqualTo(losses).Within(precision * Math.Abs(losses)), $"{problem}");
            Assert.That(outcome.Totals.ZLoss, Is.EqualTo(zLosses).Within(precision * zLosses), $"{problem}");
        }
    }

    /// <summary>The bits of a gradient scaled by hand.</summary>
    [Test]
    public void A_mean_divides_the_sum_and_the_gradient_by_the_weight_but_no_row_s_loss()
    {
        foreach (Problem<T> problem in Problems)
        {
            Outcome<T> mean = With(problem, Reduction.Mean).Gradient(target.Execution);
            Outcome<T> sum = With(problem, Reduction.Sum).Gradient(target.Execution);
            double weight = sum.Totals.Weight;
            SoftmaxCrossEntropyOptions scaled = problem.Options ?? new();
            Outcome<T> byHand = problem
                .With(scaled with { UpstreamScale = scaled.UpstreamScale / weight })
                .Gradient(target.Execution);
            mean.ShouldEqual(byHand, $"{problem}, mean");
            mean.ShouldHaveRowsOf(sum, $"{problem}, mean");
            Assert.That(
                mean.Totals,
                Is.EqualTo(sum.Totals with { Loss = sum.Totals.Loss / weight, ZLoss = sum.Totals.ZLoss / weight }));
        }
    }

    [Test]
    public void Rows_and_weight_are_told_whatever_the_reduction([Values] Reduction reduction)
    {
        foreach (Problem<T> problem in Problems)
        {
            double[] weights = problem.Options?.ClassWeights.ToArray() ?? [];
            long rows = 0;
            double weight = 0;
            foreach (int label in problem.Labels)
            {
                bool counts = !problem.HasLabels || label != problem.Options?.IgnoreIndex;
                rows += counts ? 1 : 0;
                weight += !counts ? 0 : weights.Length == 0 ? 1 : weights[label];
            }

            SoftmaxCrossEntropyResult totals = With(problem, reduction).Gradient(target.Execution).Totals;
            Assert.That(totals.Rows, Is.EqualTo(rows));
            Assert.That(totals.Weight, Is.EqualTo(weight));
            Assert.That(totals.Loss is null, Is.EqualTo(reduction == Reduction.None));
            Assert.That(totals.ZLoss is null, Is.EqualTo(reduction == Reduction.None));
        }
    }

    /// <summary>Of equals the first; and rows with NaN are never correct.</summary>
    [Test]
    public void Correct_rows_are_those_whose_largest_logit_is_the_target()
    {
        SplitMix64 random = new(63);
        foreach ((int rows, int classes) in ((int, int)[])[(1000, 2), (20_000, 7), (300, 40), (50, 5000)])
        {
            float[] logits = [.. Enumerable.Range(0, rows * classes).Select(_ => (float)random.Below(8))];
            T[] distributions =
                [.. Enumerable.Range(0, logits.Length).Select(_ => Elements.Of<T>(random.Below(8) / 8.0))];
            int[] labels = [.. Enumerable.Range(0, rows).Select(_ => random.Below(Math.Min(classes, 9)))];
            for (int i = 0; i < rows; i += 5)
            {
                logits[(i * classes) + random.Below(classes)] = random.OneIn(2) ? float.NaN : float.PositiveInfinity;
            }

            T[] z = Elements.Of<T>(logits);
            long byLabel = 0;
            long counted = 0;
            long byDistribution = 0;
            for (int i = 0; i < rows; i++)
            {
                ReadOnlySpan<float> row = logits.AsSpan(i * classes, classes);
                int greatest = row.IndexOf(Greatest(row));
                double[] q = [.. distributions.AsSpan(i * classes, classes).ToArray().Select(Elements.ToDouble)];
                bool hasResult = i % 5 != 0;
                byLabel += hasResult && greatest == labels[i] ? 1 : 0;
                counted += hasResult && greatest == labels[i] && labels[i] != 1 ? 1 : 0;
                byDistribution += hasResult && greatest == Array.IndexOf(q, q.Max()) ? 1 : 0;
            }

            SoftmaxCrossEntropyOptions count = new() { CountCorrect = true };
            Assert.That(
                SoftmaxCrossEntropy.Loss<T>(z, labels, classes, count, default, target.Execution).CorrectRows,
                Is.EqualTo(byLabel));
            Assert.That(
                SoftmaxCrossEntropy.Gradient<T>(z, labels, classes, new T[z.Length], count, default, target.Execution)
                    .CorrectRows,
                Is.EqualTo(byLabel));
            Assert.That(
                SoftmaxCrossEntropy.Loss<T>(
                    z, labels, classes, count with { IgnoreIndex = 1 }, default, target.Execution).CorrectRows,
                Is.EqualTo(counted));
            Assert.That(
                SoftmaxCrossEntropy.Loss<T>(z, distributions, classes, count, default, target.Execution).CorrectRows,
                Is.EqualTo(byDistribution));
            Assert.That(byLabel, Is.GreaterThan(0).And.LessThan(rows));
        }
    }

    [Test]
    public void A_mean_over_no_rows_is_0_and_so_is_its_gradient()
    {
        T[] gradient = Elements.Sentinels<T>(6);
        T[] logSumExp = Elements.Sentinels<T>(2);
        SoftmaxCrossEntropyOptions options = new()
        {
            Reduction = Reduction.Mean,
            IgnoreIndex = 2,
            ZLossScale = 1,
            CountCorrect = true,
        };
        SoftmaxCrossEntropyResult result = SoftmaxCrossEntropy.Gradient(
            new T[6], [2, 2], 3, gradient, options, new() { LogSumExp = logSumExp }, target.Execution);
        Assert.That(result, Is.EqualTo(new SoftmaxCrossEntropyResult { Loss = 0, ZLoss = 0, CorrectRows = 0 }));
        Assert.That(Elements.FirstDifference<T>(new T[6], gradient), Is.EqualTo(-1));
        Assert.That(logSumExp.Select(Elements.ToDouble), Is.All.EqualTo(Math.Log(3)).Within(0.01));
    }

    [Test]
    public void Sigmoid_totals_have_the_same_bits_on_any_number_of_threads_and_on_the_first_target(
        [Values(10, 300_001)] int count)
    {
        T[] z = Elements.Of<T>(Batch.Generate(64, 1, count, RowKind.Normal(3)).Logits);
        SplitMix64 random = new(65);
        T[] y = [.. Enumerable.Range(0, count).Select(_ => Elements.Of<T>(random.Below(3) / 2.0))];
        SigmoidCrossEntropyOptions sum = new()
        {
            Reduction = Reduction.Sum,
            LabelSmoothing = 0.25,
            PositiveWeights = new double[] { 1, 0.5, 3 },
            UpstreamScale = 2,
        };
        (SigmoidCrossEntropyResult, T[], T[]) first = Target.First.Run(execution => Compute(sum, execution));
        (SigmoidCrossEntropyResult Totals, T[] Gradient, T[] Losses) one = Compute(sum, target.Execution);
        AssertSame(first, one, $"{target}");
        foreach (int degree in (int[])[2, 3, -1])
        {
            AssertSame(
                one, Compute(sum, target.Execution with { MaxDegreeOfParallelism = degree }), $"{degree} threads");
        }

        Assert.That(SigmoidCrossEntropy.Loss<T>(z, y, sum, default, target.Execution), Is.EqualTo(one.Totals));

        (SigmoidCrossEntropyResult Totals, T[], T[] Losses) mean =
            Compute(sum with { Reduction = Reduction.Mean }, target.Execution);
        (SigmoidCrossEntropyResult, T[], T[]) byHand = Compute(
            sum with { Reduction = Reduction.None, UpstreamScale = 2.0 / count }, target.Execution);
        AssertSame(byHand with { Item1 = one.Totals with { Loss = one.Totals.Loss / count } }, mean, "mean");

        double losses = one.Losses.Sum(Elements.ToDouble);
        Assert.That(one.Totals.Elements, Is.EqualTo(count));
        Assert.That(one.Totals.Loss, Is.EqualTo(losses).Within(0.01 * losses));

        (SigmoidCrossEntropyResult, T[], T[]) Compute(SigmoidCrossEntropyOptions options, ExecutionOptions execution)
        {
            T[] gradient = Elements.Sentinels<T>(count);
            T[] lossOfEach = Elements.Sentinels<T>(count);
            SigmoidCrossEntropyResult totals = SigmoidCrossEntropy.Gradient<T>(
                z, y, gradient, options, new() { Losses = lossOfEach }, execution);
            return (totals, gradient, lossOfEach);
        }

        static void AssertSame(
            (SigmoidCrossEntropyResult, T[], T[]) expected, (SigmoidCrossEntropyResult, T[], T[]) actual, string what)
        {
            Assert.That(actual.Item1, Is.EqualTo(expected.Item1), what);
            Assert.That(Elements.FirstDifference<T>(expected.Item2, actual.Item2), Is.EqualTo(-1), what);
            Assert.That(Elements.FirstDifference<T>(expected.Item3, actual.Item3), Is.EqualTo(-1), what);
        }
    }

    private static Problem<T> With(Problem<T> problem, Reduction reduction) =>
        problem.With((problem.Options ?? new()) with { Reduction = reduction });

    private static float Greatest(ReadOnlySpan<float> row)
    {
        float greatest = float.NegativeInfinity;
        foreach (float z in row)
        {
            greatest = z > greatest ? z : greatest;
        }

        return greatest;
    }

    private static T[] Transposed(T[] matrix, int classes, int innerSize)
    {
        T[] transposed = new T[matrix.Length];
        for (int i = 0; i < matrix.Length; i++)
        {
            int row = i / classes;
            int sample = row / innerSize;
            transposed[(((sample * classes) + (i % classes)) * innerSize) + (row % innerSize)] = matrix[i];
        }

        return transposed;
    }
}
