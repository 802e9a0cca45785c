using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>Rows without a softmax: their log-sum-exp, and gradients that are 0 all the same.</summary>
[TestFixtureSource(typeof(Target), nameof(Target.AllWithElementTypes))]
[NonParallelizable]
public sealed class LostRowsTests<T>(Target target)
    where T : unmanaged
{
    // Groups of few and of many classes, rows one by one, several blocks, and positions.
    private static readonly (int Rows, int Classes, int InnerSize)[] Shapes =
        [(1, 1, 1), (20, 3, 1), (7, 300, 1), (1, 300, 1), (3, 5000, 1), (3, 9000, 1), (12, 20, 4), (4, 4100, 2)];

    private static readonly double[][] Kinds =
    [
        [double.PositiveInfinity], [double.NegativeInfinity], [double.NaN],
        [double.PositiveInfinity, double.NaN], [double.NegativeInfinity, double.NaN],
    ];

    private IDisposable? _forced;

    [SetUp]
    public void ForceTarget() => _forced = target.Force();

    [TearDown]
    public void RestoreTarget() => _forced!.Dispose();

    [Test]
    public void Log_sum_exp_is_NaN_with_NaN_and_otherwise_the_infinity_that_one_or_all_logits_are(
        [Values] bool labelIsSpecial, [Values(0, 0.5, -2)] double zLossScale)
    {
        foreach ((int rows, int classes, int innerSize) in Shapes)
        {
            LogitsLayout layout = new(classes) { InnerSize = innerSize };
            int[] labels = [.. Enumerable.Range(0, rows).Select(i => i % classes)];
            T[] logits = Special(rows, classes, innerSize, labels, labelIsSpecial, out double[] expected);
            (T[] gradient, T[] losses, T[] zLosses, T[] logSumExp) = Arrays(logits.Length, rows);
            SoftmaxCrossEntropyOptions options = new()
            {
                ZLossScale = zLossScale,
                CountCorrect = true,
                Reduction = Reduction.Sum,
            };
            SoftmaxCrossEntropyResult result = SoftmaxCrossEntropy.Gradient(
                logits,
                labels,
                layout,
                gradient,
                options,
                new RowBuffers<T> { Losses = losses, ZLosses = zLosses, LogSumExp = logSumExp },
                target.Execution);
            string where = $"{rows} rows of {classes} classes, {innerSize} positions";
            AssertAre(logSumExp, expected, where);
            AssertAre(zLosses, [.. expected.Select(lse => zLossScale * (lse * lse))], $"{where}, z-loss");
            AssertAre(losses, [.. expected.Select(_ => double.NaN)], $"{where}, loss");
            AssertAre(gradient, [.. gradient.Select(_ => double.NaN)], $"{where}, gradient");
            Assert.That(result.CorrectRows, Is.Zero);
            Assert.That(BitConverter.DoubleToUInt64Bits(result.Loss!.Value), Is.EqualTo(0x7ff8_0000_0000_0000));

            Softmax.LogSumExp<T>(logits, layout, logSumExp, target.Execution);
            AssertAre(logSumExp, expected, $"{where}, alone");
            LogSoftmax.Forward<T>(logits, layout, gradient, target.Execution);
            AssertAre(gradient, [.. gradient.Select(_ => double.NaN)], $"{where}, log-softmax");
        }
    }

    [Test]
    public void Gradients_that_are_multiplied_with_0_are_0_whatever_the_rows_hold(
        [Values] bool accumulate, [Values("upstream", "scale", "weights", "nothing")] string zero)
    {
        foreach ((int rows, int classes, int innerSize) in Shapes)
        {
            LogitsLayout layout = new(classes) { InnerSize = innerSize };
            int[] labels = [.. Enumerable.Range(0, rows).Select(i => i % Math.Max(1, classes / 2))];
            T[] logits = Special(rows, classes, innerSize, labels, false, out _);
            T[] gradient = [.. logits.Select(_ => Elements.Of<T>(2))];
            SoftmaxCrossEntropyOptions options = new()
            {
                Reduction = zero == "weights" ? Reduction.Mean : Reduction.Sum,
                UpstreamScale = zero == "scale" ? 0 : 3,
                ClassWeights = zero == "weights"
                    ? Enumerable.Range(0, classes).Select(c => labels.Contains(c) ? 0.0 : 1).ToArray()
                    : default,
                Accumulate = accumulate,
            };
            T[] upstream = zero == "upstream"
                ? [.. Enumerable.Range(0, rows).Select(i => Elements.Of<T>(i % 2 == 0 ? 0 : -0.0))]
                : [];
            SoftmaxCrossEntropyResult result = SoftmaxCrossEntropy.Gradient(
                logits, labels, layout, gradient, options, new() { Upstream = upstream }, target.Execution);
            double expected = zero == "nothing" ? double.NaN : accumulate ? 2 : 0;
            AssertAre(gradient, [.. gradient.Select(_ => expected)], $"{rows} rows of {classes} classes, {innerSize}");
            Assert.That(result.Loss, zero == "weights" ? Is.Zero : Is.NaN);
        }
    }

    [Test]
    public void A_sigmoid_s_gradients_that_are_multiplied_with_0_are_0_whatever_the_logits_are(
        [Values] bool accumulate, [Values] bool byScale)
    {
        T[] special =
        [
            .. ((double[])[double.NaN, double.PositiveInfinity, double.NegativeInfinity, 1, -2]).Select(Elements.Of<T>),
        ];
        T[] logits = [.. Enumerable.Range(0, 25).Select(i => special[i % 5])];
        T[] targets = [.. Enumerable.Range(0, 25).Select(i => special[i / 5])];
        T[] gradient = [.. logits.Select(_ => Elements.Of<T>(2))];
        T[] upstream = [.. logits.Select((_, i) => Elements.Of<T>(byScale ? 1 : i % 2 == 0 ? 0 : -0.0))];
        SigmoidCrossEntropyOptions options = new() { UpstreamScale = byScale ? 0 : 3, Accumulate = accumulate };
        SigmoidCrossEntropy.Gradient<T>(
            logits, targets, gradient, options, new() { Upstream = upstream }, target.Execution);
        AssertAre(gradient, [.. gradient.Select(_ => accumulate ? 2.0 : 0)], "sigmoid");
    }

    [Test]
    public void A_row_with_a_NaN_result_is_not_correct_whatever_made_it_NaN()
    {
        foreach ((int rows, int classes, int innerSize) in Shapes.Where(shape => shape.Classes > 1))
        {
            LogitsLayout layout = new(classes) { InnerSize = innerSize };
            int[] labels = [.. Enumerable.Range(0, rows).Select(i => i % classes)];
            T[] logits = new T[rows * classes];
            T[] targets = new T[rows * classes];
            for (int i = 0; i < rows; i++)
            {
                logits[IndexOf(i, labels[i], classes, innerSize)] = Elements.Of<T>(3);
                targets[IndexOf(i, labels[i], classes, innerSize)] = Elements.Of<T>(1);
            }

            T[] gradient = new T[logits.Length];
            T[] upstream = [.. labels.Select(_ => Elements.Of<T>(1))];
            SoftmaxCrossEntropyOptions count = new() { CountCorrect = true };
            Assert.That(Count(), Is.EqualTo(rows));
            Assert.That(CountByDistributions(), Is.EqualTo(rows));

            targets[IndexOf(0, (labels[0] + 1) % classes, classes, innerSize)] = Elements.Of<T>(double.NaN);
            Assert.That(CountByDistributions(), Is.EqualTo(rows - 1));
            Assert.That(
                SoftmaxCrossEntropy.Loss<T>(logits, targets, layout, count, default, target.Execution).CorrectRows,
                Is.EqualTo(rows - 1));

            upstream[0] = Elements.Of<T>(double.PositiveInfinity);
            upstream[^1] = Elements.Of<T>(double.NaN);
            Assert.That(Count(), Is.EqualTo(rows - (rows == 1 ? 1 : 2)));

            long? Count() => SoftmaxCrossEntropy.Gradient(
                logits, labels, layout, gradient, count, new() { Upstream = upstream }, target.Execution).CorrectRows;

            long? CountByDistributions() => SoftmaxCrossEntropy.Gradient<T>(
                logits, targets, layout, gradient, count, default, target.Execution).CorrectRows;
        }
    }

    private static int IndexOf(int row, int c, int classes, int innerSize) =>
        ((((row / innerSize) * classes) + c) * innerSize) + (row % innerSize);

    // Rows of the kinds in turn, at the label or elsewhere.
    private static T[] Special(
        int rows, int classes, int innerSize, int[] labels, bool labelIsSpecial, out double[] logSumExp)
    {
        T[] logits = new T[rows * classes];
        logSumExp = new double[rows];
        for (int i = 0; i < rows; i++)
        {
            double[] kind = Kinds[i % Kinds.Length];
            double[] row = new double[classes];
            if (double.IsNegativeInfinity(kind[0]))
            {
                Array.Fill(row, kind[0]);
            }

            for (int k = 0; k < kind.Length; k++)
            {
                row[(labels[i] + k + (labelIsSpecial ? 0 : 1)) % classes] = kind[k];
            }

            logSumExp[i] = row.Any(double.IsNaN) ? double.NaN : row.Max();
            for (int c = 0; c < classes; c++)
            {
                logits[IndexOf(i, c, classes, innerSize)] = Elements.Of<T>(row[c]);
            }
        }

        return logits;
    }

    private static (T[] Gradient, T[] Losses, T[] ZLosses, T[] LogSumExp) Arrays(int logits, int rows) =>
        (Elements.Sentinels<T>(logits), Elements.Sentinels<T>(rows), Elements.Sentinels<T>(rows),
            Elements.Sentinels<T>(rows));

    private static void AssertAre(T[] actual, double[] expected, string where)
    {
        T[] elements = [.. expected.Select(x => double.IsNaN(x) ? CanonicalNaN : Elements.Of<T>(x))];
        int difference = Elements.FirstDifference<T>(elements, actual);
        if (difference >= 0)
        {
            Assert.Fail(
                $"{where}: element {difference} is {Elements.Show(actual[difference])}, not {expected[difference]}");
        }
    }

    private static T CanonicalNaN => default(T) switch
    {
        float => (T)(object)BitConverter.UInt32BitsToSingle(0x7fc0_0000),
        double => (T)(object)BitConverter.UInt64BitsToDouble(0x7ff8_0000_0000_0000),
        Half => (T)(object)BitConverter.UInt16BitsToHalf(0x7e00),
        _ => (T)(object)(BFloat16)BitConverter.UInt32BitsToSingle(0x7fc0_0000),
    };
}
