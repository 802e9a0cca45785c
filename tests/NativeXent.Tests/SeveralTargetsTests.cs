using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>
/// Targets beyond a label: distributions and smoothed labels, with values that are exact but for their last rounding.
/// </summary>
[TestFixtureSource(typeof(Target), nameof(Target.AllWithElementTypes))]
[NonParallelizable]
public sealed class SeveralTargetsTests<T>(Target target)
    where T : unmanaged
{
    [Test]
    public void The_class_that_is_nearly_certain_keeps_its_precision()
    {
        (double loss, double[] gradient) = Compute([20, 0], [1, 0], 2);
        AssertNear(loss, 2.061153620314381e-09);
        AssertNear(gradient[0], -2.0611536181902037e-09);
        AssertNear(gradient[1], 2.0611536181902037e-09);
        (loss, _) = Compute([30, 0], [1, 0], 2);
        AssertNear(loss, 9.357622968839737e-14);
    }

    [Test]
    public void One_class_has_neither_loss_nor_gradient([Values(5, 5.1237006, -3000)] double z)
    {
        (double loss, double[] gradient) = Compute([z], [1], 1);
        Assert.That(loss, Is.Zero);
        Assert.That(gradient[0], Is.Zero);
    }

    [Test]
    public void Signed_targets_that_add_up_to_zero_keep_the_loss()
    {
        (double loss, double[] gradient) = Compute([0, 1], [1, -1], 2);
        Assert.That(loss, Is.EqualTo(1));
        Assert.That(gradient, Is.EqualTo([-1.0, 1.0]));
    }

    [Test]
    public void Targets_that_are_not_finite_make_their_row_NaN(
        [Values(double.PositiveInfinity, double.NegativeInfinity, double.NaN)] double wrong, [Values(0, 1, 2)] int place)
    {
        double[] targets = [0.25, 0.5, 0.25, 0.25, 0.5, 0.25];
        targets[place] = wrong;
        (double loss, double[] gradient) = Compute([1, 2, -1, 1, 2, -1], targets, 3);
        Assert.That(loss, Is.NaN);
        Assert.That(gradient[..3], Is.All.NaN);
        Assert.That(gradient[3..], Is.All.Not.NaN, "another row");
    }

    [Test]
    public void Minus_infinity_where_there_is_a_target_gives_a_loss_of_its_sign()
    {
        (double loss, double[] gradient) = Compute([double.NegativeInfinity, 0], [0.5, 0.5], 2);
        Assert.That(loss, Is.EqualTo(double.PositiveInfinity));
        Assert.That(gradient, Is.EqualTo([-0.5, 0.5]));
        (loss, _) = Compute([double.NegativeInfinity, 0], [-0.5, 0.5], 2);
        Assert.That(loss, Is.EqualTo(double.NegativeInfinity));
        (loss, gradient) = Compute([double.NegativeInfinity, 0], [0, 1], 2);
        Assert.That(loss, Is.Zero);
        Assert.That(gradient, Is.EqualTo([0.0, 0.0]));
    }

    // Within 3 ULP of float32 or float64, and rounded.
    private static void AssertNear(double got, double exact)
    {
        double step = typeof(T) == typeof(double) ? 2.220446049250313e-16 : 1.1920928955078125e-07;
        double[] bounds = [.. new[] { 1 - (3 * step), 1 + (3 * step) }.Select(x => Rounded(exact * x)).Order()];
        Assert.That(got, Is.InRange(bounds[0], bounds[1]));
    }

    private static double Rounded(double x) => Elements.ToDouble(Elements.Of<T>(x));

    // The loss of the first row, and all gradients.
    private (double Loss, double[] Gradient) Compute(double[] logits, double[] targets, int classes)
    {
        T[] z = [.. logits.Select(Elements.Of<T>)];
        T[] q = [.. targets.Select(Elements.Of<T>)];
        T[] gradient = new T[z.Length];
        T[] losses = new T[z.Length / classes];
        _ = target.Run(execution => SoftmaxCrossEntropy.Gradient<T>(
            z, q, new(classes), gradient, null, new() { Losses = losses }, execution));
        return (Elements.ToDouble(losses[0]), [.. gradient.Select(Elements.ToDouble)]);
    }
}
