using NativeXent.Reference;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>
/// The example that every derivation uses, logits (1, 2, 0.5) with label 1: softmax (0.23, 0.63, 0.14), loss 0.46,
/// gradient (0.23, −0.37, 0.14). The digits below are from 40-digit arithmetic.
/// </summary>
[TestFixtureSource(typeof(Target), nameof(Target.All))]
[NonParallelizable]
public sealed class WorkedExampleTests(Target target)
{
    private static readonly double[] Gradient = [0.23122389762214907, -0.37146828078823754, 0.14024438316608848];

    private const double Loss = 0.4643687841079448;

    [Test]
    public void Gradient_and_loss_are_those_of_the_derivation()
    {
        Results results = target.Compute(Batch.Of([1, 2, 0.5f], label: 1));
        Assert.That(results.Gradient.Select(g => Math.Round(g, 2)), Is.EqualTo([0.23, -0.37, 0.14]));
        Assert.That(Math.Round(results.Losses[0], 2), Is.EqualTo(0.46));
        for (int j = 0; j < 3; j++)
        {
            Assert.That(Oracle.Error(results.Gradient[j], Gradient[j]), Is.LessThanOrEqualTo(1), $"class {j}, in ULP");
        }

        Assert.That(Oracle.Error(results.Losses[0], Loss), Is.LessThanOrEqualTo(1), "loss, in ULP");
    }

    [Test]
    public void The_reference_agrees()
    {
        double[] gradient = new double[3];
        double[] loss = new double[1];
        SoftmaxCrossEntropyReference.Gradient<double>([1, 2, 0.5], [1], 3, gradient);
        SoftmaxCrossEntropyReference.Loss<double>([1, 2, 0.5], [1], 3, loss);
        Assert.That(gradient, Is.EqualTo(Gradient).Within(1e-15));
        Assert.That(loss[0], Is.EqualTo(Loss).Within(1e-15));
    }
}
