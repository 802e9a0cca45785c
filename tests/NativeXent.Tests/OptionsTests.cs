using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>What softmax and sigmoid cross-entropy can be told: defaults, ranges, equality.</summary>
public sealed class OptionsTests
{
    private static readonly double[] NotFinite = [double.NaN, double.PositiveInfinity, double.NegativeInfinity];

    [Test]
    public void By_default_there_are_no_options()
    {
        SoftmaxCrossEntropyOptions softmax = new();
        Assert.That(softmax.Reduction, Is.EqualTo(Reduction.None));
        Assert.That(softmax.IgnoreIndex, Is.Null);
        Assert.That(softmax.LabelSmoothing, Is.Zero);
        Assert.That(softmax.ClassWeights.Count, Is.Zero);
        Assert.That(softmax.ZLossScale, Is.Zero);
        Assert.That(softmax.Scale, Is.EqualTo(1));
        Assert.That(softmax.Softcap, Is.Null);
        Assert.That(softmax.UpstreamScale, Is.EqualTo(1));
        Assert.That(softmax.Accumulate, Is.False);
        Assert.That(softmax.CountCorrect, Is.False);

        SigmoidCrossEntropyOptions sigmoid = new();
        Assert.That(sigmoid.Reduction, Is.EqualTo(Reduction.None));
        Assert.That(sigmoid.LabelSmoothing, Is.Zero);
        Assert.That(sigmoid.PositiveWeights.Count, Is.Zero);
        Assert.That(sigmoid.UpstreamScale, Is.EqualTo(1));
        Assert.That(sigmoid.Accumulate, Is.False);
    }

    [TestCase(3)]
    [TestCase(-1)]
    public void A_reduction_that_does_not_exist(int value) =>
        AssertRefused(
            [
                () => _ = new SoftmaxCrossEntropyOptions { Reduction = (Reduction)value },
                () => _ = new SigmoidCrossEntropyOptions { Reduction = (Reduction)value },
            ],
            (Reduction)value,
            $"Reduction is {value}, which is no reduction.");

    [TestCase(-5e-324, "-5E-324")]
    [TestCase(1.0000000000000002, "1.0000000000000002")]
    [TestCase(double.NaN, "NaN")]
    public void Label_smoothing_outside_0_to_1(double value, string text) =>
        AssertRefused(
            [
                () => _ = new SoftmaxCrossEntropyOptions { LabelSmoothing = value },
                () => _ = new SigmoidCrossEntropyOptions { LabelSmoothing = value },
            ],
            value,
            $"LabelSmoothing is {text}; it must be in [0, 1].");

    [TestCaseSource(nameof(NotFinite))]
    public void Factors_that_are_not_finite(double value)
    {
        AssertRefused(
            [() => _ = new SoftmaxCrossEntropyOptions { ZLossScale = value }],
            value,
            FormattableString.Invariant($"ZLossScale is {value}; it must be finite."));
        AssertRefused(
            [
                () => _ = new SoftmaxCrossEntropyOptions { UpstreamScale = value },
                () => _ = new SigmoidCrossEntropyOptions { UpstreamScale = value },
            ],
            value,
            FormattableString.Invariant($"UpstreamScale is {value}; it must be finite."));
    }

    [Test]
    public void Scale_and_softcap_out_of_range(
        [Values(0, -1, double.NaN, double.PositiveInfinity, 5.421010862427521e-20, 18446744073709556000.0)]
        double value)
    {
        AssertRefused(
            [() => _ = new SoftmaxCrossEntropyOptions { Scale = value }],
            value,
            FormattableString.Invariant($"Scale is {value}; it must be in [2^-64, 2^64]."));
        AssertRefused(
            [() => _ = new SoftmaxCrossEntropyOptions { Softcap = value }],
            value,
            FormattableString.Invariant($"Softcap is {value}; it must be in [2^-64, 2^64]."));
    }

    [Test]
    public void The_ends_of_the_ranges_are_accepted()
    {
        foreach (double value in (double[])[Math.ScaleB(1, -64), Math.ScaleB(1, 64)])
        {
            SoftmaxCrossEntropyOptions options = new() { Scale = value, Softcap = value };
            Assert.That(options.Scale, Is.EqualTo(value));
            Assert.That(options.Softcap, Is.EqualTo(value));
        }

        foreach (double value in (double[])[0, 1])
        {
            Assert.That(new SoftmaxCrossEntropyOptions { LabelSmoothing = value }.LabelSmoothing, Is.EqualTo(value));
            Assert.That(new SigmoidCrossEntropyOptions { LabelSmoothing = value }.LabelSmoothing, Is.EqualTo(value));
        }

        Assert.That(new SoftmaxCrossEntropyOptions { ZLossScale = -1 }.ZLossScale, Is.EqualTo(-1));
        Assert.That(
            new SoftmaxCrossEntropyOptions { IgnoreIndex = long.MinValue }.IgnoreIndex, Is.EqualTo(long.MinValue));
    }

    [TestCase(-5e-324, "-5E-324")]
    [TestCase(double.PositiveInfinity, "Infinity")]
    [TestCase(double.NaN, "NaN")]
    public void Weights_that_are_negative_or_not_finite(double value, string text)
    {
        double[] weights = [0, 1, value, 2];
        AssertRefused(
            [() => _ = new SoftmaxCrossEntropyOptions { ClassWeights = weights }],
            value,
            $"ClassWeights[2] is {text}; it must be finite and not negative.");
        AssertRefused(
            [() => _ = new SigmoidCrossEntropyOptions { PositiveWeights = weights }],
            value,
            $"PositiveWeights[2] is {text}; it must be finite and not negative.");
    }

    [Test]
    public void Weights_come_from_arrays_memory_spans_and_lists_of_float_and_double()
    {
        float[] singles = [0.1f, 1, 2];
        double[] doubles = [0.1f, 1, 2];
        WeightList expected = [0.1f, 1, 2];
        Assert.That(expected, Is.EqualTo(doubles));
        Assert.That(expected.Count, Is.EqualTo(3));
        Assert.That(expected[0], Is.EqualTo(0.1f));
        Assert.That(() => expected[3], Throws.TypeOf<IndexOutOfRangeException>());
        SoftmaxCrossEntropyOptions[] same =
        [
            new() { ClassWeights = singles },
            new() { ClassWeights = doubles },
            new() { ClassWeights = new ReadOnlyMemory<float>(singles) },
            new() { ClassWeights = new ReadOnlyMemory<double>(doubles) },
            new() { ClassWeights = WeightList.Create(singles.AsSpan()) },
            new() { ClassWeights = WeightList.Create(doubles.AsSpan()) },
            new() { ClassWeights = [0.1f, 1, 2] },
        ];
        foreach (SoftmaxCrossEntropyOptions options in same)
        {
            Assert.That(options.ClassWeights, Is.EqualTo(expected));
            Assert.That(options, Is.EqualTo(same[0]));
            Assert.That(options.GetHashCode(), Is.EqualTo(same[0].GetHashCode()));
        }

        Assert.That(new SigmoidCrossEntropyOptions { PositiveWeights = singles }.PositiveWeights, Is.EqualTo(expected));
        Assert.That((WeightList)(float[]?)null, Is.EqualTo(default(WeightList)));
        Assert.That((WeightList)(double[]?)null == [], Is.True);
        Assert.That(expected != (WeightList)singles, Is.False);
    }

    [Test]
    public void Weights_are_copied()
    {
        double[] weights = [0, 1, 2];
        SoftmaxCrossEntropyOptions softmax = new() { ClassWeights = weights };
        SigmoidCrossEntropyOptions sigmoid = new() { PositiveWeights = WeightList.Create(weights.AsSpan(1)) };
        Array.Fill(weights, -1);
        Assert.That(softmax.ClassWeights.ToArray(), Is.EqualTo(new double[] { 0, 1, 2 }));
        Assert.That(sigmoid.PositiveWeights.ToArray(), Is.EqualTo(new double[] { 1, 2 }));
    }

    [Test]
    public void Options_are_equal_where_their_values_are()
    {
        SoftmaxCrossEntropyOptions one = new() { ClassWeights = new double[] { 1, 2 }, Softcap = 30 };
        SoftmaxCrossEntropyOptions same = new() { ClassWeights = new double[] { 1, 2 }, Softcap = 30 };
        Assert.That(one, Is.EqualTo(same));
        Assert.That(one.GetHashCode(), Is.EqualTo(same.GetHashCode()));
        Assert.That(one, Is.Not.EqualTo(one with { ClassWeights = new double[] { 1, 3 } }));
        Assert.That(one, Is.Not.EqualTo(one with { ClassWeights = default }));
        Assert.That(one, Is.Not.EqualTo(one with { Softcap = null }));
        Assert.That(
            new SoftmaxCrossEntropyOptions { ClassWeights = Array.Empty<double>() },
            Is.EqualTo(new SoftmaxCrossEntropyOptions()));
        Assert.That(
            new SigmoidCrossEntropyOptions { PositiveWeights = new double[] { 1 } },
            Is.EqualTo(new SigmoidCrossEntropyOptions { PositiveWeights = new double[] { 1 } })
                .And.Not.EqualTo(new SigmoidCrossEntropyOptions()));
    }

    [Test]
    public void A_number_of_classes_is_a_layout()
    {
        LogitsLayout layout = 10;
        Assert.That(layout, Is.EqualTo(new LogitsLayout(10)));
        Assert.That(layout.Classes, Is.EqualTo((nint)10));
        Assert.That(layout.InnerSize, Is.EqualTo((nint)1));
        Assert.That(layout.Stride, Is.EqualTo((nint)0));
        Assert.That(default(LogitsLayout).InnerSize, Is.EqualTo((nint)1));
        foreach (nint innerSize in (nint[])[1, 2, 0, nint.MinValue, nint.MaxValue])
        {
            Assert.That((layout with { InnerSize = innerSize }).InnerSize, Is.EqualTo(innerSize));
        }
    }

    private static void AssertRefused(Action[] settings, object value, string message)
    {
        foreach (Action setting in settings)
        {
            ArgumentOutOfRangeException e = Expect.Throws<ArgumentOutOfRangeException>(setting);
            Assert.That(e.ParamName, Is.EqualTo("value"));
            Assert.That(e.ActualValue, Is.EqualTo(value));
            Assert.That(e.Message, Does.StartWith(message));
        }
    }
}
