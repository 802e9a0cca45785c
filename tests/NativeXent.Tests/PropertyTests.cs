using FsCheck;
using FsCheck.Fluent;
using NativeXent.Reference;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>What softmax cross-entropy is known by, whatever the row. A failure shows the smallest row found.</summary>
[TestFixtureSource(typeof(Target), nameof(Target.All))]
[NonParallelizable]
public sealed class PropertyTests(Target target)
{
    // The same rows in every run.
    private static readonly Config Configuration = Config.QuickThrowOnFailure.WithMaxTest(400).WithReplay(1990, 45);

    private static readonly Gen<float> Logit = Gen.Frequency(
        (6, Gen.Choose(-20_000, 20_000).Select(i => i / 1000f)),
        (2, Gen.Choose(-100, 100).Select(i => (float)i)),
        (1, Gen.Elements(RowKind.FiniteSpecials)));

    /// <summary>Of any length to 300, and now and then of more than one block.</summary>
    private static readonly Arbitrary<Row> Rows = RowsOf(
        Logit, Gen.Frequency((20, Gen.Choose(1, 40)), (5, Gen.Choose(41, 300)), (1, Gen.Choose(4095, 4300))));

    /// <summary>Multiples of 1/8 in ±64: adding an integer of up to 20 bits to them is exact.</summary>
    private static readonly Arbitrary<Row> GridRows = RowsOf(
        Gen.Choose(-512, 512).Select(i => i / 8f),
        Gen.Frequency((20, Gen.Choose(1, 100)), (1, Gen.Choose(4095, 4300))));

    private static readonly Arbitrary<Row> SmallRows = RowsOf(
        Gen.Choose(-8000, 8000).Select(i => i / 1000f), Gen.Choose(1, 12));

    private IDisposable? _forced;

    [SetUp]
    public void ForceTarget() => _forced = target.Force();

    [TearDown]
    public void RestoreTarget() => _forced!.Dispose();

    [Test]
    public void A_row_s_gradient_sums_to_zero() =>
        Check(Rows, row =>
        {
            (float[] gradient, _) = Compute(row);
            double sum = gradient.Sum(g => (double)g);

            // 3 ULP of each element, and less than 2^-125 for each that was flushed.
            double bound = gradient.Sum(g => (Oracle.MaxUlp * Oracle.UlpOf(g)) + Math.ScaleB(1, -125));
            return (Math.Abs(sum) <= bound).Label($"the sum is {sum}, beyond {bound}");
        });

    [Test]
    public void Probabilities_are_in_0_to_1_and_the_label_s_gradient_in_minus_1_to_0() =>
        Check(Rows, row =>
        {
            (float[] gradient, _) = Compute(row);
            bool label = gradient[row.Label] is >= -1 and <= 0;
            gradient[row.Label] = 0;
            return (label && gradient.All(g => g is >= 0 and <= 1)).Label(string.Join(", ", gradient));
        });

    [Test]
    public void The_loss_is_not_negative_and_fits_the_label_s_gradient() =>
        Check(Rows, row =>
        {
            (float[] gradient, float loss) = Compute(row);

            // 1 − p = −gradient, so the loss is −log1p(gradient); where p is small, p is what the gradient cannot tell.
            double expected = -Math.Log(1 + (double)gradient[row.Label]);
            bool fits = gradient[row.Label] is > -0.5f and < -1e-3f
                ? Math.Abs(loss - expected) <= 1e-6 * expected
                : gradient[row.Label] <= -0.5f ? loss > 0.69f : loss < 1.01e-3f;
            return (loss >= 0 && Bits.Of(loss) != Bits.Of(-0f) && fits).Label(
                $"the loss is {Bits.Show(loss)}, the label's gradient {gradient[row.Label]}");
        });

    /// <summary>Both results are within 3 ULP of the same exact value.</summary>
    [Test]
    public void Adding_the_same_to_all_logits_changes_nothing_beyond_rounding() =>
        Check(GridRows, Gen.Choose(-1_000_000, 1_000_000).ToArbitrary(), (row, shift) =>
            AssertClose(Compute(row), Compute(row.Select(z => z + shift))));

    /// <summary>From 8192 on a row is shifted by its maximum, exactly: then there is no difference at all.</summary>
    [Test]
    public void Adding_the_same_to_logits_beyond_8192_changes_no_bit() =>
        Check(GridRows, Gen.Choose(10_000, 1_000_000).ToArbitrary(), (row, shift) =>
        {
            (float[] gradient, float loss) = Compute(row.Select(z => z + 9000));
            (float[] shifted, float shiftedLoss) = Compute(row.Select(z => z + shift));
            (float[] below, float belowLoss) = Compute(row.Select(z => z - shift));
            return (Bits.FirstDifference(gradient, shifted) < 0 && Bits.FirstDifference(gradient, below) < 0 &&
                Bits.Of(loss) == Bits.Of(shiftedLoss) && Bits.Of(loss) == Bits.Of(belowLoss)).Label($"shift {shift}");
        });

    [Test]
    public void Permuting_the_classes_permutes_the_gradient() =>
        Check(Rows, Gen.Choose(0, int.MaxValue).ToArbitrary(), (row, seed) =>
        {
            int[] order = [.. Enumerable.Range(0, row.Logits.Length)];
            SplitMix64 random = new((ulong)seed);
            for (int j = order.Length - 1; j > 0; j--)
            {
                int k = random.Below(j + 1);
                (order[j], order[k]) = (order[k], order[j]);
            }

            Row permuted = new([.. order.Select(j => row.Logits[j])], Array.IndexOf(order, row.Label));
            (float[] gradient, float loss) = Compute(row);
            return AssertClose(([.. order.Select(j => gradient[j])], loss), Compute(permuted));
        });

    [Test]
    public void A_batch_gives_the_bits_of_its_rows() =>
        Check(Rows, Gen.Choose(1, 5).ToArbitrary(), (row, count) =>
        {
            int classes = row.Logits.Length;
            count *= classes <= 16 ? 9 : 1;
            Row[] rows = [.. Enumerable.Range(0, count).Select(i => row.Select((z, j) => (j + i) % 3 == 0 ? -z : z))];
            float[] gradient = new float[count * classes];
            float[] losses = new float[count];
            SoftmaxCrossEntropy.Gradient(
                rows.SelectMany(r => r.Logits).ToArray(),
                rows.Select(r => r.Label).ToArray(),
                classes,
                gradient,
                rows: new() { Losses = losses },
                execution: target.Execution);
            return rows.Select((r, i) =>
            {
                (float[] alone, float loss) = Compute(r);
                return Bits.FirstDifference(alone, gradient.AsSpan(i * classes, classes)) < 0 &&
                    Bits.Of(loss) == Bits.Of(losses[i]);
            }).All(same => same).Label($"{count} rows");
        });

    /// <summary>(L(z + h) − L(z − h)) / 2h, where L is the reference's loss in double.</summary>
    [Test]
    public void The_gradient_is_the_derivative_of_the_loss() =>
        Check(SmallRows, row =>
        {
            const double H = 1.0 / 8192;
            (float[] gradient, float loss) = Compute(row);
            double[] z = [.. row.Logits.Select(x => (double)x)];
            double worst = Math.Abs(loss - LossOf(z)) - (2e-7 * loss);
            for (int j = 0; j < z.Length; j++)
            {
                double before = z[j];
                z[j] = before + H;
                double above = LossOf(z);
                z[j] = before - H;
                double below = LossOf(z);
                z[j] = before;
                double difference = ((above - below) / (2 * H)) - gradient[j];
                worst = Math.Max(worst, Math.Abs(difference) - (2e-7 * Math.Abs(gradient[j])));
            }

            return (worst < 1e-9).Label($"off by {worst}");

            double LossOf(double[] logits)
            {
                double[] losses = new double[1];
                SoftmaxCrossEntropyReference.Loss<double>(logits, [row.Label], logits.Length, losses);
                return losses[0];
            }
        });

    /// <summary>Raising a logit raises its probability and lowers all others, but for rounding.</summary>
    [Test]
    public void Raising_a_logit_takes_from_all_others() =>
        Check(GridRows, row =>
        {
            int raised = (row.Label + 1) % row.Logits.Length;
            (float[] before, float lossBefore) = Compute(row);
            (float[] after, float lossAfter) = Compute(row.Select((z, j) => j == raised ? z + 1 : z));
            bool right = after[raised] >= before[raised] - Math.Abs(before[raised] * 1e-6f);
            for (int j = 0; j < before.Length; j++)
            {
                right &= j == raised || after[j] <= before[j] + Math.Abs(before[j] * 1e-6f);
            }

            return (right && (raised == row.Label ? lossAfter <= lossBefore : lossAfter >= lossBefore * 0.999999f))
                .Label($"class {raised}");
        });

    private static Arbitrary<Row> RowsOf(Gen<float> logit, Gen<int> length) =>
        Arb.From(
            from classes in length
            from logits in logit.ArrayOf(classes)
            from label in Gen.Choose(0, classes - 1)
            select new Row(logits, label),
            row => row.Smaller());

    private static void Check(Arbitrary<Row> rows, Func<Row, Property> property) =>
        Prop.ForAll(rows, property).Check(Configuration);

    private static void Check(Arbitrary<Row> rows, Arbitrary<int> numbers, Func<Row, int, Property> property) =>
        Prop.ForAll(rows, numbers, property).Check(Configuration);

    // Both within 3 ULP of the same exact value: 6 apart, or 7 where that lies between two binades.
    private static Property AssertClose((float[] Gradient, float Loss) expected, (float[] Gradient, float Loss) actual)
    {
        for (int j = 0; j < expected.Gradient.Length; j++)
        {
            if (!Close(expected.Gradient[j], actual.Gradient[j]))
            {
                return false.Label($"class {j}: {Bits.Show(expected.Gradient[j])} and {Bits.Show(actual.Gradient[j])}");
            }
        }

        return Close(expected.Loss, actual.Loss).Label(
            $"loss {Bits.Show(expected.Loss)} and {Bits.Show(actual.Loss)}");

        static bool Close(float a, float b) =>
            a == b || Math.Abs((double)a - b) <= Math.Max(
                7 * Oracle.UlpOf(Math.Min(Math.Abs(a), Math.Abs(b))), Math.ScaleB(1, -125));
    }

    private (float[] Gradient, float Loss) Compute(Row row)
    {
        float[] gradient = new float[row.Logits.Length];
        float[] losses = new float[1];
        SoftmaxCrossEntropy.Gradient(
            row.Logits,
            [row.Label],
            row.Logits.Length,
            gradient,
            rows: new() { Losses = losses },
            execution: target.Execution);
        return (gradient, losses[0]);
    }

    private sealed record Row(float[] Logits, int Label)
    {
        public Row Select(Func<float, float> change) => this with { Logits = [.. Logits.Select(change)] };

        public Row Select(Func<float, int, float> change) => this with { Logits = [.. Logits.Select(change)] };

        /// <summary>Half as many classes, one class less, simpler logits.</summary>
        public IEnumerable<Row> Smaller()
        {
            int half = Logits.Length / 2;
            if (half > 0)
            {
                yield return Label < half ? new(Logits[..half], Label) : new(Logits[half..], Label - half);
                int drop = Label == 0 ? Logits.Length - 1 : 0;
                yield return new([.. Logits.Where((_, j) => j != drop)], Label - (drop < Label ? 1 : 0));
            }

            for (int j = 0; j < Math.Min(Logits.Length, 20); j++)
            {
                foreach (float simpler in (float[])[0, MathF.Truncate(Logits[j])])
                {
                    if (simpler != Logits[j] && (simpler == 0 || MathF.Abs(simpler) < MathF.Abs(Logits[j])))
                    {
                        float[] logits = [.. Logits];
                        logits[j] = simpler;
                        yield return new(logits, Label);
                    }
                }
            }
        }

        public override string ToString() => $"label {Label} of [{string.Join(", ", Logits.Select(Bits.Show))}]";
    }
}
