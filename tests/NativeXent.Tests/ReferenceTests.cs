using NativeXent.Reference;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>The readable algorithm, against numbers worked out by hand.</summary>
public sealed class ReferenceTests
{
    // log 1, log 2, log 5: the softmax is (1, 2, 5)/8.
    private static readonly double[] Logits = [0, 0.6931471805599453, 1.6094379124341003];

    [TestCase(0, new[] { -0.875, 0.25, 0.625 }, 2.0794415416798357)]
    [TestCase(1, new[] { 0.125, -0.75, 0.625 }, 1.3862943611198906)]
    [TestCase(2, new[] { 0.125, 0.25, -0.375 }, 0.47000362924573558)]
    public void Double_gives_the_numbers_worked_out_by_hand(int label, double[] gradient, double loss)
    {
        double[] actual = new double[3];
        double[] losses = new double[1];
        SoftmaxCrossEntropyReference.Gradient<double>(Logits, [label], 3, actual);
        SoftmaxCrossEntropyReference.Loss<double>(Logits, [label], 3, losses);
        Assert.That(actual, Is.EqualTo(gradient).Within(1e-15));
        Assert.That(losses[0], Is.EqualTo(loss).Within(1e-15));
    }

    [TestCase(0, new[] { -0.875f, 0.25f, 0.625f }, 2.0794415f)]
    [TestCase(2, new[] { 0.125f, 0.25f, -0.375f }, 0.47000363f)]
    public void Float_gives_the_numbers_worked_out_by_hand(int label, float[] gradient, float loss)
    {
        float[] logits = [.. Logits.Select(z => (float)z)];
        float[] actual = new float[3];
        float[] losses = new float[1];
        SoftmaxCrossEntropyReference.Gradient<float>(logits, [label], 3, actual);
        SoftmaxCrossEntropyReference.Loss<float>(logits, [label], 3, losses);
        Assert.That(actual, Is.EqualTo(gradient).Within(2e-7));
        Assert.That(losses[0], Is.EqualTo(loss).Within(3e-7));
    }

    [TestCase(-1)]
    [TestCase(3)]
    [TestCase(int.MinValue)]
    [TestCase(int.MaxValue)]
    public void A_label_out_of_range_selects_no_class_as_in_the_article(int label)
    {
        double[] actual = new double[3];
        SoftmaxCrossEntropyReference.Gradient<double>(Logits, [label], 3, actual);
        Assert.That(actual, Is.EqualTo([0.125, 0.25, 0.625]).Within(1e-15));
    }

    [Test]
    public void Rows_are_independent_and_an_offset_is_subtracted()
    {
        double[] logits = [0, 0.6931471805599453, 1000, 1000, -1e6, -1e6 + 1];
        double[] gradient = new double[6];
        double[] losses = new double[3];
        SoftmaxCrossEntropyReference.Gradient<double>(logits, [1, 0, 1], 2, gradient);
        SoftmaxCrossEntropyReference.Loss<double>(logits, [1, 0, 1], 2, losses);
        double p = 1 / (1 + Math.E);
        Assert.That(gradient, Is.EqualTo([1 / 3.0, -1 / 3.0, -0.5, 0.5, p, -p]).Within(1e-15));
        Assert.That(losses, Is.EqualTo([Math.Log(1.5), Math.Log(2), -Math.Log(1 - p)]).Within(1e-14));
    }

    [Test]
    public void The_destination_may_be_the_logits()
    {
        double[] values = [.. Logits];
        SoftmaxCrossEntropyReference.Gradient<double>(values, [1], 3, values);
        Assert.That(values, Is.EqualTo([0.125, -0.75, 0.625]).Within(1e-15));
    }

    [Test]
    public void An_empty_batch_is_fine() =>
        Assert.DoesNotThrow(() =>
        {
            SoftmaxCrossEntropyReference.Gradient<float>([], [], 3, []);
            SoftmaxCrossEntropyReference.Loss<float>([], [], 3, []);
        });

    [Test]
    public void Wrong_lengths_are_refused()
    {
        ArgumentException logits = Expect.Throws<ArgumentException>(
            () => SoftmaxCrossEntropyReference.Gradient<float>(new float[5], [0, 1], 3, new float[6]));
        Assert.That(logits.ParamName, Is.EqualTo("logits"));
        Assert.That(logits.Message, Does.Contain("5 logits, which is no whole number of rows of 3 classes"));

        ArgumentException labels = Expect.Throws<ArgumentException>(
            () => SoftmaxCrossEntropyReference.Gradient<float>(new float[6], [0], 3, new float[6]));
        Assert.That(labels.ParamName, Is.EqualTo("labels"));
        Assert.That(labels.Message, Does.Contain("There are 1 labels, but 2 rows."));

        ArgumentException destination = Expect.Throws<ArgumentException>(
            () => SoftmaxCrossEntropyReference.Gradient<float>(new float[6], [0, 1], 3, new float[7]));
        Assert.That(destination.ParamName, Is.EqualTo("destination"));
        Assert.That(destination.Message, Does.Contain("7").And.Contain("6"));

        ArgumentException losses = Expect.Throws<ArgumentException>(
            () => SoftmaxCrossEntropyReference.Loss<float>(new float[6], [0, 1], 3, new float[3]));
        Assert.That(losses.ParamName, Is.EqualTo("losses"));
        Assert.That(losses.Message, Does.Contain("3 losses").And.Contain("2 labels"));

        ArgumentOutOfRangeException classes = Expect.Throws<ArgumentOutOfRangeException>(
            () => SoftmaxCrossEntropyReference.Loss<float>([], [], 0, []));
        Assert.That(classes.ParamName, Is.EqualTo("classes"));
    }

    [TestCase(-1)]
    [TestCase(3)]
    public void A_loss_needs_a_label_in_range(int label)
    {
        float[] losses = [7, 7];
        ArgumentOutOfRangeException error = Expect.Throws<ArgumentOutOfRangeException>(
            () => SoftmaxCrossEntropyReference.Loss<float>(new float[6], [0, label], 3, losses));
        Assert.That(error.Message, Does.Contain($"The label of row 1 is {label}, which is outside [0, 3)."));
        Assert.That(losses, Is.EqualTo(new float[] { 7, 7 }));
    }
}
