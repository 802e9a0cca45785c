using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>
/// Every gradient element, the label's included, and every loss is within 3 ULP of the exact value where that is at
/// least 2^-125, and follows the rule of flushing below.
/// </summary>
[TestFixtureSource(typeof(Target), nameof(Target.All))]
[NonParallelizable]
public sealed class AccuracyTests(Target target)
{
    private double _worstGradient;
    private double _worstLabel;
    private double _worstLoss;

    [Test]
    public void Rows_of_every_kind_and_every_length_up_to_200()
    {
        for (int classes = 1; classes <= 200; classes++)
        {
            AssertAccurate(Batch.Generate(100 + (ulong)classes, classes, RowKind.Ordinary));
        }
    }

    /// <summary>Rows of so few classes are computed many at a time.</summary>
    [Test]
    public void Many_rows_of_every_kind_and_of_few_classes()
    {
        for (int classes = 1; classes <= 17; classes++)
        {
            foreach (RowKind kind in RowKind.Ordinary)
            {
                AssertAccurate(Batch.Generate((ulong)classes, 100, classes, kind));
            }
        }
    }

    [Test]
    public void Rows_of_every_kind_and_random_length()
    {
        SplitMix64 random = new(10);
        for (int i = 0; i < 150; i++)
        {
            RowKind kind = RowKind.Ordinary[i % RowKind.Ordinary.Count];
            AssertAccurate(Batch.Generate(1000 + (ulong)i, 1, random.Length(200, 8191), kind));
        }
    }

    [TestCase(32000)]
    [TestCase(50257)]
    [TestCase(128256)]
    [TestCase(256000)]
    public void Vocabularies(int classes) =>
        AssertAccurate(Batch.Generate(
            (ulong)classes, classes, [.. RowKind.Ordinary.Where((_, i) => (i + classes) % 3 == 0)]));

    /// <summary>The row that DESIGN measures others by: their errors are hundreds of ULP here.</summary>
    [Test]
    public void Normal_6_over_262144_classes() => AssertAccurate(Batch.Generate(11, 2, 262_144, RowKind.Normal(6)));

    /// <summary>Rounding errors of a naive sum would be 1,000,000 terms long.</summary>
    [Test]
    public void A_million_classes() => AssertAccurate(Batch.Generate(12, 1, 1_100_001, RowKind.Normal(1)));

    /// <summary>Where p rounds to 1, p − 1 would have lost every digit.</summary>
    [Test]
    public void Label_gradient_and_loss_keep_their_digits_however_sure_the_row_is()
    {
        SplitMix64 random = new(13);
        for (int classes = 2; classes <= 5000; classes = (classes * 5 / 3) + 1)
        {
            for (float lead = 0; lead <= 90; lead += 0.25f)
            {
                float[] logits = new float[classes];
                foreach (ref float z in logits.AsSpan())
                {
                    z = random.Normal(0.5) - lead;
                }

                int label = random.Below(classes);
                logits[label] = 0;
                AssertAccurate(Batch.Of(logits, label));
            }
        }
    }

    /// <summary>A sweep of what the exponential sees: two classes at every distance.</summary>
    [Test]
    public void Two_classes_at_every_distance()
    {
        const int Steps = 100_000;
        float[] logits = new float[2 * Steps];
        int[] labels = new int[Steps];
        for (int i = 0; i < Steps; i++)
        {
            logits[2 * i] = i % 7;
            logits[(2 * i) + 1] = logits[2 * i] - (i * (89f / Steps));
            labels[i] = i % 2;
        }

        AssertAccurate(new Batch(2, logits, labels, i => $"{logits[2 * i]:g9} and {logits[(2 * i) + 1]:g9}"));
    }

    [TearDown]
    public void ReportWorst()
    {
        TestContext.Out.WriteLine(FormattableString.Invariant(
            $"ULP: gradient {_worstGradient:f3}, label's gradient {_worstLabel:f3}, loss {_worstLoss:f3}"));
        _worstGradient = _worstLabel = _worstLoss = 0;
    }

    private void AssertAccurate(Batch batch)
    {
        Results results = target.Compute(batch);
        for (int i = 0; i < batch.Rows; i++)
        {
            int label = batch.Labels[i];
            Oracle oracle = new(batch.Row(i), label);
            ReadOnlySpan<float> gradient = results.Gradient.AsSpan(i * batch.Classes, batch.Classes);
            for (int j = 0; j < batch.Classes; j++)
            {
                double ulp = Oracle.Error(gradient[j], oracle.Gradient[j]);
                ref double worst = ref j == label ? ref _worstLabel : ref _worstGradient;
                worst = Math.Max(worst, ulp);
                if (ulp > Oracle.MaxUlp)
                {
                    Fail($"gradient of class {j}", gradient[j], oracle.Gradient[j], ulp, batch, i);
                }
            }

            double lossUlp = Oracle.Error(results.Losses[i], oracle.Loss);
            _worstLoss = Math.Max(_worstLoss, lossUlp);
            if (lossUlp > Oracle.MaxUlp)
            {
                Fail("loss", results.Losses[i], oracle.Loss, lossUlp, batch, i);
            }
        }
    }

    private void Fail(string what, float result, double exact, double ulp, Batch batch, int row) =>
        Assert.Fail(FormattableString.Invariant(
            $"{target}: {what} is {Bits.Show(result)}, exactly {exact:g17}, {ulp:f3} ULP off; {batch.Describe(row)}."));
}
