using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>The header's table of special values, bit by bit, with the value in every place that matters.</summary>
[TestFixtureSource(typeof(Target), nameof(Target.All))]
[NonParallelizable]
public sealed class SpecialValueTests(Target target)
{
    private static readonly int[] LengthsFromTwo = [2, 3, 15, 16, 17, 33, 127, 128, 129, 300, 4095, 4096, 4097, 9000];

    private static readonly int[] Lengths = [1, .. LengthsFromTwo];

    private IDisposable? _forced;

    [SetUp]
    public void ForceTarget() => _forced = target.Force();

    [TearDown]
    public void RestoreTarget() => _forced!.Dispose();

    [TestCaseSource(nameof(Lengths))]
    public void Any_NaN_makes_the_whole_row_the_canonical_NaN(int classes)
    {
        foreach (int place in Places(classes))
        {
            foreach (float nan in RowKind.NaNs)
            {
                AssertAllNaN(With(Ordinary(classes), place, nan));
            }
        }
    }

    [TestCaseSource(nameof(Lengths))]
    public void Any_plus_infinity_makes_the_whole_row_the_canonical_NaN(int classes)
    {
        foreach (int place in Places(classes))
        {
            AssertAllNaN(With(Ordinary(classes), place, float.PositiveInfinity));
        }
    }

    [TestCaseSource(nameof(Lengths))]
    public void Nothing_but_minus_infinity_is_the_canonical_NaN(int classes) =>
        AssertAllNaN(Enumerable.Repeat(float.NegativeInfinity, classes));

    [TestCaseSource(nameof(Lengths))]
    public void Nothing_but_plus_infinity_is_the_canonical_NaN(int classes) =>
        AssertAllNaN(Enumerable.Repeat(float.PositiveInfinity, classes));

    [TestCaseSource(nameof(Lengths))]
    public void NaN_among_infinities_and_extremes_is_the_canonical_NaN(int classes)
    {
        foreach (float others in (float[])
            [float.PositiveInfinity, float.NegativeInfinity, float.MaxValue, -float.MaxValue, float.Epsilon])
        {
            foreach (int place in Places(classes))
            {
                AssertAllNaN(With(Enumerable.Repeat(others, classes), place, RowKind.NaNs[1]));
            }
        }
    }

    [TestCaseSource(nameof(LengthsFromTwo))]
    public void Minus_infinity_has_probability_plus_zero_and_adds_nothing(int classes)
    {
        foreach (int place in Places(classes))
        {
            float[] logits = With(Ordinary(classes), place, float.NegativeInfinity);
            int label = (place + 1) % classes;
            (float[] gradient, float loss) = Compute(logits, label);
            Assert.That(Bits.Of(gradient[place]), Is.EqualTo(Bits.PlusZero), $"at {place} of {classes}");

            Oracle withoutIt = new([.. logits.Where((_, j) => j != place)], label - (place < label ? 1 : 0));
            double[] exact = [.. withoutIt.Gradient[..place], 0, .. withoutIt.Gradient[place..]];
            AssertWithin3Ulp(gradient, exact);
            Assert.That(Oracle.Error(loss, withoutIt.Loss), Is.LessThanOrEqualTo(Oracle.MaxUlp), $"loss, at {place}");
        }
    }

    [TestCaseSource(nameof(LengthsFromTwo))]
    public void Label_at_minus_infinity_has_gradient_minus_one_and_infinite_loss(int classes)
    {
        foreach (int place in Places(classes))
        {
            foreach (float offset in (float[])[0, -5000, 1e6f, -1e30f])
            {
                float[] logits = With(Ordinary(classes).Select(z => z + offset), place, float.NegativeInfinity);
                (float[] gradient, float loss) = Compute(logits, place);
                Assert.That(Bits.Of(gradient[place]), Is.EqualTo(Bits.MinusOne), $"at {place}, offset {offset}");
                Assert.That(Bits.Of(loss), Is.EqualTo(Bits.PlusInfinity), $"at {place}, offset {offset}");

                double[] exact = Oracle.Softmax(logits);
                exact[place] = -1;
                AssertWithin3Ulp(gradient, exact);
            }
        }
    }

    [TestCaseSource(nameof(Lengths))]
    public void One_finite_class_among_minus_infinities_takes_all(int classes)
    {
        foreach (int place in Places(classes))
        {
            foreach (float z in RowKind.FiniteSpecials)
            {
                float[] logits = With(Enumerable.Repeat(float.NegativeInfinity, classes), place, z);
                (float[] gradient, float loss) = Compute(logits, place);
                AssertAll(gradient, Bits.PlusZero, $"{z} at {place}, the label");
                Assert.That(Bits.Of(loss), Is.EqualTo(Bits.PlusZero), $"{z} at {place}, the label");

                if (classes > 1)
                {
                    int label = (place + 1) % classes;
                    (gradient, loss) = Compute(logits, label);
                    Assert.That(Bits.Of(gradient[place]), Is.EqualTo(Bits.One), $"{z} at {place}, label {label}");
                    Assert.That(Bits.Of(gradient[label]), Is.EqualTo(Bits.MinusOne), $"{z} at {place}, label {label}");
                    Assert.That(Bits.Of(loss), Is.EqualTo(Bits.PlusInfinity), $"{z} at {place}, label {label}");
                    gradient[place] = gradient[label] = 0;
                    AssertAll(gradient, Bits.PlusZero, $"{z} at {place}, label {label}");
                }
            }
        }
    }

    [Test]
    public void One_class_has_gradient_and_loss_plus_zero_whatever_its_logit()
    {
        SplitMix64 random = new(30);
        float[] logits = [.. RowKind.FiniteSpecials, .. Enumerable.Range(0, 1000).Select(_ => random.AnyFinite())];
        Results results = target.Compute(new Batch(1, logits, new int[logits.Length], i => $"{logits[i]}"));
        AssertAll(results.Gradient, Bits.PlusZero, "gradient");
        AssertAll(results.Losses, Bits.PlusZero, "loss");
    }

    /// <summary>1/n and (n − 1)/n for a power of two are exact in float32.</summary>
    [Test]
    public void Equal_logits_share_equally_whatever_they_are([Values(2, 16, 128, 1024, 4096, 65536)] int classes)
    {
        foreach (float z in RowKind.FiniteSpecials)
        {
            (float[] gradient, float loss) = Compute([.. Enumerable.Repeat(z, classes)], label: classes / 2);
            Assert.That(gradient[classes / 2], Is.EqualTo(-(1 - (1f / classes))), $"all {z}, label");
            gradient[classes / 2] = 1f / classes;
            AssertAll(gradient, Bits.Of(1f / classes), $"all {z}");
            Assert.That(Oracle.Error(loss, Math.Log(classes)), Is.LessThanOrEqualTo(1), $"all {z}, loss in ULP");
        }
    }

    [Test]
    public void One_huge_logit_takes_all([Values(2, 17, 300, 5000)] int classes)
    {
        foreach (float huge in (float[])[1e4f, 1e30f, float.MaxValue])
        {
            foreach (int place in Places(classes))
            {
                float[] logits = With(new float[classes], place, huge);
                (float[] gradient, float loss) = Compute(logits, place);
                AssertAll(gradient, Bits.PlusZero, $"{huge} at {place}, the label");
                Assert.That(Bits.Of(loss), Is.EqualTo(Bits.PlusZero), $"{huge} at {place}, the label");

                int label = (place + 1) % classes;
                (gradient, loss) = Compute(logits, label);
                Assert.That(Bits.Of(gradient[place]), Is.EqualTo(Bits.One), $"{huge} at {place}");
                Assert.That(Bits.Of(gradient[label]), Is.EqualTo(Bits.MinusOne), $"{huge} at {place}");
                Assert.That(loss, Is.EqualTo(huge), $"{huge} at {place}");
            }
        }
    }

    [Test]
    public void The_greatest_and_the_lowest_float_do_not_overflow([Values(2, 40, 5000)] int classes)
    {
        float[] logits = With(Enumerable.Repeat(-float.MaxValue, classes), 1, float.MaxValue);
        (float[] gradient, float loss) = Compute(logits, label: 1);
        AssertAll(gradient, Bits.PlusZero, "the greatest is the label");
        Assert.That(Bits.Of(loss), Is.EqualTo(Bits.PlusZero));

        // The exact loss, twice the greatest float, rounds to infinity.
        (gradient, loss) = Compute(logits, label: 0);
        Assert.That(Bits.Of(gradient[0]), Is.EqualTo(Bits.MinusOne));
        Assert.That(Bits.Of(gradient[1]), Is.EqualTo(Bits.One));
        Assert.That(Bits.Of(loss), Is.EqualTo(Bits.PlusInfinity));
    }

    /// <summary>exp(−87.33) is just above 2^-126, exp(−87.34) just below.</summary>
    [Test]
    public void Below_the_smallest_normal_number_results_are_flushed_to_plus_zero()
    {
        (float[] kept, float keptLoss) = Compute([0, -87.33f], label: 0);
        Assert.That(Oracle.Error(kept[1], Math.Exp(-(double)87.33f)), Is.LessThanOrEqualTo(Oracle.MaxUlp));
        Assert.That(kept[0], Is.EqualTo(-kept[1]));
        Assert.That(keptLoss, Is.EqualTo(kept[1]));

        (float[] flushed, float flushedLoss) = Compute([0, -87.34f], label: 0);
        AssertAll(flushed, Bits.PlusZero, "gradient");
        Assert.That(Bits.Of(flushedLoss), Is.EqualTo(Bits.PlusZero));
    }

    /// <summary>Rows full of results around the smallest normal number: many are flushed and many are not.</summary>
    [Test]
    public void No_result_is_subnormal_or_minus_zero()
    {
        RowKind kind = RowKind.Named("around the flush");
        SplitMix64 random = new(31);
        int zeros = 0;
        int tiny = 0;
        for (ulong i = 0; i < 1000; i++)
        {
            Batch batch = Batch.Generate(32 + i, 1, random.Length(2, 5000), kind);
            Results results = target.Compute(batch);
            foreach (float result in (float[])[.. results.Gradient, .. results.Losses])
            {
                if (float.IsSubnormal(result) || Bits.Of(result) == Bits.Of(-0f))
                {
                    Assert.Fail($"{Bits.Show(result)}; {batch.Describe(0)}");
                }

                zeros += result == 0 ? 1 : 0;
                tiny += result is > 0 and < 4.7e-38f ? 1 : 0;
            }
        }

        Assert.That(zeros, Is.GreaterThan(1000));
        Assert.That(tiny, Is.GreaterThan(1000));
    }

    // Where in a row something could be treated apart: its ends, and either side of the boundaries.
    private static IEnumerable<int> Places(int classes) =>
        new[] { 0, classes / 2, classes - 1, 3, 4, 7, 8, 15, 16, 127, 128, 4095, 4096 }
            .Where(place => place < classes)
            .Distinct();

    private static float[] Ordinary(int classes) =>
        Batch.Generate((ulong)classes, 1, classes, RowKind.Normal(3)).Logits;

    private static float[] With(IEnumerable<float> logits, int place, float value)
    {
        float[] changed = [.. logits];
        changed[place] = value;
        return changed;
    }

    private static void AssertAll(ReadOnlySpan<float> values, uint bits, string where)
    {
        int wrong = Bits.Of(values).IndexOfAnyExcept(bits);
        if (wrong >= 0)
        {
            Assert.Fail($"element {wrong} is {Bits.Show(values[wrong])}, not 0x{bits:x8}: {where}");
        }
    }

    private static void AssertWithin3Ulp(float[] gradient, double[] exact)
    {
        for (int j = 0; j < gradient.Length; j++)
        {
            if (Oracle.Error(gradient[j], exact[j]) > Oracle.MaxUlp)
            {
                Assert.Fail($"class {j} of {gradient.Length}: {Bits.Show(gradient[j])}, exactly {exact[j]}");
            }
        }
    }

    private void AssertAllNaN(IEnumerable<float> row)
    {
        float[] logits = [.. row];
        foreach (int label in (int[])[0, logits.Length / 2, logits.Length - 1])
        {
            (float[] gradient, float loss) = Compute(logits, label);
            AssertAll(gradient, Bits.CanonicalNaN, $"gradient, label {label}");
            Assert.That(Bits.Of(loss), Is.EqualTo(Bits.CanonicalNaN), $"loss, label {label}");
        }
    }

    private (float[] Gradient, float Loss) Compute(float[] logits, int label)
    {
        Results results = Results.For(Batch.Of(logits, label));
        SoftmaxCrossEntropy.Gradient(
            logits,
            [label],
            logits.Length,
            results.Gradient,
            rows: new() { Losses = results.Losses },
            execution: target.Execution);
        return (results.Gradient, results.Losses[0]);
    }
}
