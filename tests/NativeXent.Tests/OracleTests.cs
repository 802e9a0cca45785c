using NativeXent.Reference;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>The tests' own measure of exactness.</summary>
public sealed class OracleTests
{
    [TestCase(1, 1.1920928955078125e-07)]
    [TestCase(1.99, 1.1920928955078125e-07)]
    [TestCase(-2, 2.384185791015625e-07)]
    [TestCase(0.75, 5.9604644775390625e-08)]
    [TestCase(1e-45, 1.4012984643248171e-45)]
    public void An_ULP_is_the_distance_of_neighbouring_floats(double value, double ulp) =>
        Assert.That(Oracle.UlpOf(value), Is.EqualTo(ulp));

    [TestCase(1f, 1, 0)]
    [TestCase(1f, 1.0000002384185791, 2)]
    [TestCase(0f, 1e-38, 0, Description = "flushed")]
    [TestCase(1.5e-38f, 1e-38, double.PositiveInfinity, Description = "not flushed")]
    [TestCase(0f, 2e-38, double.PositiveInfinity, Description = "flushed too early")]
    [TestCase(-0f, 0, double.PositiveInfinity, Description = "no result is −0")]
    [TestCase(1e-40f, 1e-40, double.PositiveInfinity, Description = "no result is subnormal")]
    [TestCase(float.NaN, 1, double.PositiveInfinity)]
    [TestCase(float.PositiveInfinity, 1, double.PositiveInfinity)]
    [TestCase(float.PositiveInfinity, 6.8e38, 0, Description = "rounds to infinity")]
    public void The_error_is_counted_in_ULP_and_the_rules_are_kept(float result, double exact, double error) =>
        Assert.That(Oracle.Error(result, exact), Is.EqualTo(error));

    /// <summary>Its own formulas only save digits: where the textbook's have enough of them, both agree.</summary>
    [Test]
    public void Label_gradient_and_loss_agree_with_the_textbook_where_it_does_not_cancel()
    {
        SplitMix64 random = new(20);
        for (ulong i = 0; i < 300; i++)
        {
            Batch batch = Batch.Generate(21 + i, 1, random.Length(2, 500), RowKind.Normal(2));
            double[] z = [.. batch.Logits.Select(x => (double)x)];
            double[] gradient = new double[z.Length];
            double[] loss = new double[1];
            SoftmaxCrossEntropyReference.Gradient<double>(z, batch.Labels, z.Length, gradient);
            SoftmaxCrossEntropyReference.Loss<double>(z, batch.Labels, z.Length, loss);
            Oracle oracle = new(batch.Logits, batch.Labels[0]);
            Assert.That(oracle.Gradient.ToArray(), Is.EqualTo(gradient).Within(1e-14), batch.Describe(0));
            Assert.That(oracle.Loss, Is.EqualTo(loss[0]).Within(1e-13), batch.Describe(0));
        }
    }
}
