using System.Reflection;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>
/// The overloads for float and double, which arrays convert to in every language: they are all there, and each does what
/// the generic method does, with every argument.
/// </summary>
public sealed class OverloadTests
{
    private static readonly int[] Labels = [1, -100];
    private static readonly long[] Labels64 = [1, -100];

    private static readonly SoftmaxCrossEntropyOptions Options =
        new() { Reduction = Reduction.Sum, UpstreamScale = 3, ZLossScale = 0.5 };

    private static readonly SoftmaxCrossEntropyOptions LabelOptions = Options with { IgnoreIndex = -100 };

    private static readonly SigmoidCrossEntropyOptions SigmoidOptions =
        new() { Reduction = Reduction.Sum, UpstreamScale = 3 };

    // Rows three apart, of two classes.
    private static readonly LogitsLayout Layout = new(2) { Stride = 3, TargetsStride = 3, UpstreamStride = 3 };

    private static IEnumerable<MethodInfo> GenericMethodsOfSpans =>
        from type in typeof(SoftmaxCrossEntropy).Assembly.GetExportedTypes()
        from method in type.GetMethods(BindingFlags.Public | BindingFlags.Static)
        where method.IsGenericMethodDefinition && method.GetParameters().Any(parameter => IsSpan(parameter.ParameterType))
        select method;

    [Test]
    public void Every_generic_method_of_spans_has_one_for_float_and_one_for_double()
    {
        MethodInfo[] methods = [.. GenericMethodsOfSpans];
        Assert.That(methods, Has.Length.GreaterThanOrEqualTo(15));
        using (Assert.EnterMultipleScope())
        {
            foreach (MethodInfo method in methods)
            {
                // Where some elements are always float, as in a linear layer, the others are float or have 16 bits.
                int types = method.GetGenericArguments().Length;
                bool isOfFloat = method.GetParameters().Any(parameter =>
                    IsSpan(parameter.ParameterType) && parameter.ParameterType.GenericTypeArguments[0] == typeof(float));
                foreach (Type type in isOfFloat ? (Type[])[typeof(float)] : [typeof(float), typeof(double)])
                {
                    MethodInfo generic = method.MakeGenericMethod([.. Enumerable.Repeat(type, types)]);
                    ParameterInfo[] expected = generic.GetParameters();
                    MethodInfo? overload = method.DeclaringType!.GetMethod(
                        method.Name, 0, [.. expected.Select(parameter => parameter.ParameterType)]);
                    Assert.That(overload, Is.Not.Null, $"{method.DeclaringType.Name}: {generic}");
                    Assert.That(overload!.ReturnType, Is.EqualTo(generic.ReturnType));
                    Assert.That(
                        overload.GetParameters().Select(parameter => (parameter.Name, parameter.HasDefaultValue)),
                        Is.EqualTo(expected.Select(parameter => (parameter.Name, parameter.HasDefaultValue))),
                        $"{method.DeclaringType.Name}: {generic}");
                }
            }
        }
    }

    [Test]
    public void Softmax_cross_entropy_of_float()
    {
        float[] z = [1, 2, 9, 3, 4.5f], q = [0.25f, 0.75f, 9, 1, 0], upstream = [2, 5];
        float[] gradient = new float[4], losses = new float[2], expected = new float[4], expectedLosses = new float[2];
        void AssertSame(SoftmaxCrossEntropyResult actual, SoftmaxCrossEntropyResult of)
        {
            Assert.That(actual, Is.EqualTo(of));
            Assert.That(gradient, Is.EqualTo(expected));
            Assert.That(losses, Is.EqualTo(expectedLosses));
            Assert.That(losses[0], Is.GreaterThan(0));
        }

        RowBuffers<float> Rows(float[] to) => new() { Upstream = upstream, Losses = to };
        AssertSame(
            SoftmaxCrossEntropy.Gradient(z, Labels, Layout, gradient, LabelOptions, Rows(losses)),
            SoftmaxCrossEntropy.Gradient<float>(z, Labels, Layout, expected, LabelOptions, Rows(expectedLosses)));
        AssertSame(
            SoftmaxCrossEntropy.Loss(z, Labels, Layout, LabelOptions, Rows(losses)),
            SoftmaxCrossEntropy.Loss<float>(z, Labels, Layout, LabelOptions, Rows(expectedLosses)));
        Array.Clear(gradient);
        AssertSame(
            SoftmaxCrossEntropy.Gradient(z, Labels64, Layout, gradient, LabelOptions, Rows(losses)),
            SoftmaxCrossEntropy.Gradient<float>(z, Labels64, Layout, expected, LabelOptions, Rows(expectedLosses)));
        AssertSame(
            SoftmaxCrossEntropy.Loss(z, Labels64, Layout, LabelOptions, Rows(losses)),
            SoftmaxCrossEntropy.Loss<float>(z, Labels64, Layout, LabelOptions, Rows(expectedLosses)));
        AssertSame(
            SoftmaxCrossEntropy.Gradient(z, q, Layout, gradient, Options, Rows(losses)),
            SoftmaxCrossEntropy.Gradient<float>(z, q, Layout, expected, Options, Rows(expectedLosses)));
        AssertSame(
            SoftmaxCrossEntropy.Loss(z, q, Layout, Options, Rows(losses)),
            SoftmaxCrossEntropy.Loss<float>(z, q, Layout, Options, Rows(expectedLosses)));
    }

    [Test]
    public void Softmax_cross_entropy_of_double()
    {
        double[] z = [1, 2, 9, 3, 4.5], q = [0.25, 0.75, 9, 1, 0], upstream = [2, 5];
        double[] gradient = new double[4], losses = new double[2];
        double[] expected = new double[4], expectedLosses = new double[2];
        void AssertSame(SoftmaxCrossEntropyResult actual, SoftmaxCrossEntropyResult of)
        {
            Assert.That(actual, Is.EqualTo(of));
            Assert.That(gradient, Is.EqualTo(expected));
            Assert.That(losses, Is.EqualTo(expectedLosses));
            Assert.That(losses[0], Is.GreaterThan(0));
        }

        RowBuffers<double> Rows(double[] to) => new() { Upstream = upstream, Losses = to };
        AssertSame(
            SoftmaxCrossEntropy.Gradient(z, Labels, Layout, gradient, LabelOptions, Rows(losses)),
            SoftmaxCrossEntropy.Gradient<double>(z, Labels, Layout, expected, LabelOptions, Rows(expectedLosses)));
        AssertSame(
            SoftmaxCrossEntropy.Loss(z, Labels, Layout, LabelOptions, Rows(losses)),
            SoftmaxCrossEntropy.Loss<double>(z, Labels, Layout, LabelOptions, Rows(expectedLosses)));
        Array.Clear(gradient);
        AssertSame(
            SoftmaxCrossEntropy.Gradient(z, Labels64, Layout, gradient, LabelOptions, Rows(losses)),
            SoftmaxCrossEntropy.Gradient<double>(z, Labels64, Layout, expected, LabelOptions, Rows(expectedLosses)));
        AssertSame(
            SoftmaxCrossEntropy.Loss(z, Labels64, Layout, LabelOptions, Rows(losses)),
            SoftmaxCrossEntropy.Loss<double>(z, Labels64, Layout, LabelOptions, Rows(expectedLosses)));
        AssertSame(
            SoftmaxCrossEntropy.Gradient(z, q, Layout, gradient, Options, Rows(losses)),
            SoftmaxCrossEntropy.Gradient<double>(z, q, Layout, expected, Options, Rows(expectedLosses)));
        AssertSame(
            SoftmaxCrossEntropy.Loss(z, q, Layout, Options, Rows(losses)),
            SoftmaxCrossEntropy.Loss<double>(z, q, Layout, Options, Rows(expectedLosses)));
    }

    [Test]
    public void Softmax_and_its_logarithm()
    {
        float[] z = [1, 2, 9, 3, 4.5f], g = [1, 0, 9, 2, 3], y = new float[4], expected = new float[4];
        double[] z64 = [1, 2, 9, 3, 4.5], g64 = [1, 0, 9, 2, 3], y64 = new double[4], expected64 = new double[4];
        void AssertSame()
        {
            Assert.That(y, Is.EqualTo(expected));
            Assert.That(y64, Is.EqualTo(expected64));
            Assert.That(y[1], Is.Not.Zero);
            Array.Clear(y);
            Array.Clear(y64);
        }

        Softmax.Forward(z, Layout, y);
        Softmax.Forward(z64, Layout, y64);
        Softmax.Forward<float>(z, Layout, expected);
        Softmax.Forward<double>(z64, Layout, expected64);
        AssertSame();
        LogSoftmax.Forward(z, Layout, y);
        LogSoftmax.Forward(z64, Layout, y64);
        LogSoftmax.Forward<float>(z, Layout, expected);
        LogSoftmax.Forward<double>(z64, Layout, expected64);
        AssertSame();
        Softmax.Backward(z, g, Layout, y);
        Softmax.Backward(z64, g64, Layout, y64);
        Softmax.Backward<float>(z, g, Layout, expected);
        Softmax.Backward<double>(z64, g64, Layout, expected64);
        AssertSame();
        LogSoftmax.Backward(z, g, Layout, y);
        LogSoftmax.Backward(z64, g64, Layout, y64);
        LogSoftmax.Backward<float>(z, g, Layout, expected);
        LogSoftmax.Backward<double>(z64, g64, Layout, expected64);
        AssertSame();
        float[] lse = new float[2], expectedLse = new float[2];
        double[] lse64 = new double[2], expectedLse64 = new double[2];
        Softmax.LogSumExp(z, Layout, lse);
        Softmax.LogSumExp(z64, Layout, lse64);
        Softmax.LogSumExp<float>(z, Layout, expectedLse);
        Softmax.LogSumExp<double>(z64, Layout, expectedLse64);
        Assert.That(lse, Is.EqualTo(expectedLse));
        Assert.That(lse64, Is.EqualTo(expectedLse64));
    }

    [Test]
    public void Sigmoid_cross_entropy()
    {
        float[] z = [1, -2], y = [0.25f, 1], weights = [2, 5], gradient = new float[2], expected = new float[2];
        double[] z64 = [1, -2], y64 = [0.25, 1], weights64 = [2, 5], gradient64 = new double[2], expected64 = new double[2];
        Assert.That(
            SigmoidCrossEntropy.Gradient(z, y, gradient, SigmoidOptions, new() { Weights = weights }),
            Is.EqualTo(SigmoidCrossEntropy.Gradient<float>(z, y, expected, SigmoidOptions, new() { Weights = weights })));
        Assert.That(gradient, Is.EqualTo(expected));
        Assert.That(
            SigmoidCrossEntropy.Gradient(z64, y64, gradient64, SigmoidOptions, new() { Weights = weights64 }),
            Is.EqualTo(
                SigmoidCrossEntropy.Gradient<double>(z64, y64, expected64, SigmoidOptions, new() { Weights = weights64 })));
        Assert.That(gradient64, Is.EqualTo(expected64));
        Assert.That(
            SigmoidCrossEntropy.Loss(z, y, SigmoidOptions, new() { Weights = weights }),
            Is.EqualTo(SigmoidCrossEntropy.Loss<float>(z, y, SigmoidOptions, new() { Weights = weights })));
        Assert.That(
            SigmoidCrossEntropy.Loss(z64, y64, SigmoidOptions, new() { Weights = weights64 }),
            Is.EqualTo(SigmoidCrossEntropy.Loss<double>(z64, y64, SigmoidOptions, new() { Weights = weights64 })));
    }

    [TestCase(5)]
    [TestCase(int.MaxValue)]
    public void A_number_of_classes_is_a_layout(int classes)
    {
        nint native = classes;
        Assert.That((LogitsLayout)classes, Is.EqualTo(new LogitsLayout(classes)));
        Assert.That((LogitsLayout)native, Is.EqualTo(new LogitsLayout(classes)));
    }

    private static bool IsSpan(Type type) =>
        type.IsGenericType
        && (type.GetGenericTypeDefinition() == typeof(Span<>) || type.GetGenericTypeDefinition() == typeof(ReadOnlySpan<>));
}
