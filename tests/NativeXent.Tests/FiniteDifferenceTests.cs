using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>Gradients in double are the derivatives of what they should be the gradients of.</summary>
/// <remarks>
/// The derivative of f at z is (8·(f(z + h) − f(z − h)) − (f(z + 2h) − f(z − 2h))) / 12h. Its error has two parts: at
/// most h⁴/30 times the greatest fifth derivative, and at most 1.5/h times the greatest error of f. Both are bounded
/// for each function below; logits are multiples of h, so that z ± h is exact.
/// </remarks>
[TestFixtureSource(typeof(Target), nameof(Target.All))]
[NonParallelizable]
public sealed class FiniteDifferenceTests(Target target)
{
    private const double H = 1.0 / 4096;

    // What the functions promise, some ULP, and the roundings of adding them up: well below 8 ULP of all terms.
    private const double Error = 1.0 / (1L << 50);

    private IDisposable? _forced;

    [SetUp]
    public void ForceTarget() => _forced = target.Force();

    [TearDown]
    public void RestoreTarget() => _forced!.Dispose();

    [Test]
    public void Of_softmax_cross_entropy_for_every_combination_of_options(
        [Values] Reduction reduction, [Values] bool distributions, [Values(1, 3)] int innerSize, [Values] bool upstream)
    {
        double[] smoothings = [0, 0.25, 1];
        double[] zLossScales = [0, 0.0625, -0.5];
        double[] scales = [1, 1.75];
        double?[] softcaps = [null, 3];
        bool[] noOrYes = [false, true];
        foreach (Loss loss in
            from smoothing in smoothings
            from weights in noOrYes
            from ignores in distributions ? [false] : noOrYes
            from zLossScale in zLossScales
            from scale in scales
            from softcap in softcaps
            select new Loss(3, 5, innerSize, distributions, upstream)
            {
                Options = new()
                {
                    Reduction = reduction,
                    LabelSmoothing = smoothing,
                    ClassWeights = (double[])(weights ? [0.5, 2, 0, 1.25, 0.75] : []),
                    IgnoreIndex = ignores ? -7 : null,
                    ZLossScale = zLossScale,
                    Scale = scale,
                    Softcap = softcap,
                    UpstreamScale = upstream ? -2.5 : 1,
                },
            })
        {
            AssertGradientIsDerivative(loss, Enumerable.Range(0, loss.Logits.Length));
        }
    }

    /// <summary>Of more than one block, and where positions are not turned into rows.</summary>
    [Test]
    public void Of_softmax_cross_entropy_of_long_rows([Values] bool distributions, [Values] bool everything)
    {
        foreach ((int classes, int innerSize) in ((int, int)[])[(300, 1), (300, 3), (5000, 1), (5000, 2)])
        {
            Loss loss = new(2, classes, innerSize, distributions, everything)
            {
                Options = !everything ? new() : new()
                {
                    Reduction = Reduction.Mean,
                    LabelSmoothing = 0.25,
                    ClassWeights = (double[])[.. Enumerable.Range(0, classes).Select(c => 1 + (c % 4 / 2.0))],
                    ZLossScale = 0.0625,
                    Scale = 1.25,
                    Softcap = 4,
                },
            };
            AssertGradientIsDerivative(
                loss,
                from c in (int[])[0, 1, loss.Labels[0], 295, 4095 % classes, 4096 % classes, classes - 1]
                from position in Enumerable.Range(0, innerSize)
                select (c * innerSize) + position);
        }
    }

    [Test]
    public void Of_sigmoid_cross_entropy([Values] Reduction reduction, [Values] bool weights, [Values] bool upstream)
    {
        const int Count = 37;
        double[] logits = LogitsFor(Count, 8);
        double[] y = [.. Enumerable.Range(0, Count).Select(i => i % 7 / 4.0)];
        double[] v = weights ? [.. Enumerable.Range(0, Count).Select(i => 0.5 + (i % 3))] : [];
        double[] g = upstream ? [.. Enumerable.Range(0, Count).Select(i => (i % 5) - 1.5)] : [];
        foreach (double smoothing in (double[])[0, 0.25, 1])
        {
            SigmoidCrossEntropyOptions options = new()
            {
                Reduction = reduction,
                LabelSmoothing = smoothing,
                PositiveWeights = (double[])(weights ? [1, 0.25, 3] : []),
                UpstreamScale = upstream ? 3 : 1,
            };
            double[] gradient = new double[Count];
            _ = SigmoidCrossEntropy.Gradient<double>(
                logits, y, gradient, options, new() { Weights = v, Upstream = g }, target.Execution);

            // Derivatives of log(1 + exp(±z)) are below 1, it itself below |z| + 1 ≤ 9. Of its two factors the sum is at
            // most 1.5 + 1, with weights 2.5 · (3 · 1.5 + 1).
            double most = options.UpstreamScale * (upstream ? 2.5 : 1) * (weights ? 13.75 : 2.5);
            double tolerance = Tolerance(most, most * 9 * (reduction == Reduction.Sum && !upstream ? Count : 1));
            AssertDerivative(Value, logits, gradient, Enumerable.Range(0, Count), tolerance, $"{options}");

            double Value(double[] z)
            {
                double[] losses = new double[Count];
                SigmoidCrossEntropyResult result = SigmoidCrossEntropy.Loss<double>(
                    z, y, options, new() { Weights = v, Losses = losses }, target.Execution);
                double scale = options.UpstreamScale;
                return !upstream && reduction != Reduction.None
                    ? scale * result.Loss!.Value
                    : losses.Select((l, i) => (upstream ? g[i] : 1) * l).Sum() * scale
                        / (reduction == Reduction.Mean ? Count : 1);
            }
        }
    }

    [TestCase(1)]
    [TestCase(3)]
    public void Of_a_weighted_sum_of_softmax_and_of_its_logarithm(int innerSize)
    {
        const int Samples = 2;
        const int Classes = 20;
        LogitsLayout layout = new(Classes) { InnerSize = innerSize };
        double[] logits = LogitsFor(Samples * Classes * innerSize, 4);
        double[] g = [.. Enumerable.Range(0, logits.Length).Select(i => (i % 5) - 1.5)];
        double[] gradient = new double[logits.Length];

        // Of one row: Σ|g|·p ≤ 2.5, and with logarithms of at most 8 + log 20 in magnitude.
        double tolerance = Tolerance(2.5 * Classes, 2.5 * Samples * innerSize);
        Softmax.Backward<double>(Forward(logits), g, layout, gradient, target.Execution);
        AssertDerivative(
            z => Dot(Forward(z)), logits, gradient, Enumerable.Range(0, logits.Length), tolerance, "softmax");

        double logTolerance = Tolerance(2.5 * Classes, 2.5 * logits.Length * 12);
        LogSoftmax.Backward<double>(ForwardLog(logits), g, layout, gradient, target.Execution);
        AssertDerivative(
            z => Dot(ForwardLog(z)), logits, gradient, Enumerable.Range(0, logits.Length), logTolerance, "log-softmax");

        double[] Forward(double[] z)
        {
            double[] p = new double[z.Length];
            Softmax.Forward<double>(z, layout, p, target.Execution);
            return p;
        }

        double[] ForwardLog(double[] z)
        {
            double[] l = new double[z.Length];
            LogSoftmax.Forward<double>(z, layout, l, target.Execution);
            return l;
        }

        double Dot(double[] y) => y.Zip(g, (a, b) => a * b).Sum();
    }

    /// <summary>The softmax is the gradient of log-sum-exp.</summary>
    [Test]
    public void Of_log_sum_exp()
    {
        const int Classes = 20;
        double[] logits = LogitsFor(3 * Classes, 4);
        double[] softmax = new double[logits.Length];
        Softmax.Forward<double>(logits, Classes, softmax, target.Execution);
        AssertDerivative(
            z =>
            {
                double[] logSumExp = new double[3];
                Softmax.LogSumExp<double>(z, Classes, logSumExp, target.Execution);
                return logSumExp.Sum();
            },
            logits,
            softmax,
            Enumerable.Range(0, logits.Length),
            Tolerance(1, 3 * 8),
            "log-sum-exp");
    }

    private static double Tolerance(double fifthDerivative, double magnitude) =>
        (H * H * H * H / 30 * fifthDerivative) + (1.5 / H * Error * magnitude);

    private static void AssertDerivative(
        Func<double[], double> f,
        double[] logits,
        double[] gradient,
        IEnumerable<int> elements,
        double tolerance,
        string what)
    {
        // Or anything would be a derivative.
        Assert.That(gradient.Max(Math.Abs), Is.GreaterThan(1e4 * tolerance), what);
        foreach (int i in elements)
        {
            double derivative = ((8 * (At(H) - At(-H))) - (At(2 * H) - At(-2 * H))) / (12 * H);
            if (!(Math.Abs(gradient[i] - derivative) <= tolerance))
            {
                Assert.Fail(
                    $"{what}: element {i} of the gradient is {gradient[i]:r}, the derivative {derivative:r}, " +
                    $"{gradient[i] - derivative:g2} apart, more than {tolerance:g2}");
            }

            double At(double step)
            {
                double[] z = [.. logits];
                z[i] += step;
                return f(z);
            }
        }
    }

    // Multiples of H.
    private static double[] LogitsFor(int count, double bound)
    {
        SplitMix64 random = new((ulong)count);
        return [.. Enumerable.Range(0, count).Select(_ => Math.Round(random.Uniform(bound) / H) * H)];
    }

    private void AssertGradientIsDerivative(Loss loss, IEnumerable<int> elements) =>
        AssertDerivative(
            z => loss.Value(z, target.Execution),
            loss.Logits,
            loss.Gradient(target.Execution),
            elements,
            loss.Tolerance(target.Execution),
            $"{loss}");

    /// <summary>The loss of a batch as a function of its logits.</summary>
    private sealed class Loss
    {
        private const double Bound = 4;
        private readonly LogitsLayout _layout;
        private readonly double[] _distributions;
        private readonly double[] _upstream;

        internal Loss(int samples, int classes, int innerSize, bool distributions, bool upstream)
        {
            SplitMix64 random = new((ulong)(classes + innerSize));
            int rows = samples * innerSize;
            _layout = new(classes) { InnerSize = innerSize };
            Logits = LogitsFor(rows * classes, Bound);
            Labels = [.. Enumerable.Range(0, rows).Select(i => (1 + (3 * i)) % classes)];
            _distributions = distributions
                ? [.. Enumerable.Range(0, Logits.Length).Select(_ => random.OneIn(3) ? 0 : random.Uniform(1) + 0.25)]
                : [];
            _upstream = upstream ? [.. Enumerable.Range(0, rows).Select(i => 1.25 - (i % 3))] : [];
        }

        internal required SoftmaxCrossEntropyOptions Options { get; init; }

        internal double[] Logits { get; }

        internal int[] Labels { get; }

        // The last row is one to ignore, where there is such a label.
        private int[] LabelsOrIgnored => [.. Labels[..^1], (int?)Options.IgnoreIndex ?? Labels[^1]];

        internal double[] Gradient(ExecutionOptions execution)
        {
            double[] gradient = new double[Logits.Length];
            RowBuffers<double> rows = new() { Upstream = _upstream };
            _ = _distributions.Length > 0
                ? SoftmaxCrossEntropy.Gradient(Logits, _distributions, _layout, gradient, Options, rows, execution)
                : SoftmaxCrossEntropy.Gradient(Logits, LabelsOrIgnored, _layout, gradient, Options, rows, execution);
            return gradient;
        }

        /// <summary>The total, where that has a meaning, or else what upstream makes of the rows' losses.</summary>
        internal double Value(double[] logits, ExecutionOptions execution)
        {
            double[] losses = new double[Labels.Length];
            double[] zLosses = new double[Labels.Length];
            RowBuffers<double> rows = new() { Losses = losses, ZLosses = zLosses };
            SoftmaxCrossEntropyResult result = _distributions.Length > 0
                ? SoftmaxCrossEntropy.Loss(logits, _distributions, _layout, Options, rows, execution)
                : SoftmaxCrossEntropy.Loss(logits, LabelsOrIgnored, _layout, Options, rows, execution);
            return Options.UpstreamScale * (_upstream.Length == 0 && Options.Reduction != Reduction.None
                ? result.Loss!.Value + result.ZLoss!.Value
                : losses.Select((l, i) => (_upstream.Length > 0 ? _upstream[i] : 1) * (l + zLosses[i])).Sum()
                    / (Options.Reduction == Reduction.Mean ? result.Weight : 1));
        }

        /// <remarks>
        /// With A = Σ|w·q| and s the scale, |u| ≤ U = 4s and |lse| ≤ L = U + log C. In one class's u, derivatives of lse
        /// are below 1; those of u in z below s, s², …, s⁵, with a softcap of at least 2 too. So by Faà di Bruno's
        /// formula the k-th of lse in z is below Bell's number 1, 2, 5, 15, 52 times s^k, that of Σ w·q·u is below A·s⁵, and
        /// the fifth of lse² is below (2·L·52 + 2·5·15 + 2·10·2·5)·s⁵.
        /// </remarks>
        internal double Tolerance(ExecutionOptions execution)
        {
            int classes = (int)_layout.Classes;
            double s = Options.Scale;
            double u = Bound * s;
            double l = u + Math.Log(classes);
            double weight = Options.ClassWeights.Count == 0 ? 1 : Options.ClassWeights.ToArray().Max();
            double a = weight * (_distributions.Length == 0 ? 1 : 1.25 * classes);
            double z = Math.Abs(Options.ZLossScale);
            double fifth = Math.Pow(s, 5) * ((53 * a) + (z * ((104 * l) + 350)));
            double magnitude = (a + (2 * z * (l + 1))) * (l + u + 1);
            double factor = Math.Abs(Options.UpstreamScale) * (_upstream.Length > 0 ? 1.25 : 1);
            double rows = Labels.Length;
            if (Options.Reduction == Reduction.Mean)
            {
                SoftmaxCrossEntropyOptions sum = Options with { Reduction = Reduction.Sum };
                double divisor = _distributions.Length > 0
                    ? Labels.Length
                    : SoftmaxCrossEntropy.Loss<double>(
                        Logits, LabelsOrIgnored, _layout, sum, default, execution).Weight;
                factor /= divisor;
            }

            return FiniteDifferenceTests.Tolerance(factor * fifth, factor * rows * magnitude);
        }

        public override string ToString() =>
            $"{(_distributions.Length > 0 ? "distributions" : $"labels {string.Join(' ', LabelsOrIgnored)}")}, " +
            $"{(_upstream.Length > 0 ? "upstream" : "no upstream")}, {_layout}, {Options}, weights " +
            $"[{string.Join(' ', Options.ClassWeights.ToArray().Take(5))}]";
    }
}
