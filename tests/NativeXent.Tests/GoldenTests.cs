using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>
/// Every option, alone and with others, against what PyTorch has computed in float64. tests/golden/generate.py has made
/// the values, and says how.
/// </summary>
/// <remarks>
/// Where PyTorch's value is not ours, <see cref="GoldenDifferences"/> names the case, with the value that it should be.
/// A test over a whole file fails if a case differs that is not named, and also if one that is named does not.
/// </remarks>
[TestFixture(typeof(double), NativeXentBackend.Native)]
[TestFixture(typeof(float), NativeXentBackend.Native)]
[TestFixture(typeof(Half), NativeXentBackend.Native)]
[TestFixture(typeof(BFloat16), NativeXentBackend.Native)]
[TestFixture(typeof(double), NativeXentBackend.Managed)]
[TestFixture(typeof(float), NativeXentBackend.Managed)]
[TestFixture(typeof(Half), NativeXentBackend.Managed)]
[TestFixture(typeof(BFloat16), NativeXentBackend.Managed)]
public sealed class GoldenTests<T>(NativeXentBackend backend)
    where T : unmanaged
{
    private static readonly IReadOnlyList<GoldenCrossEntropy> CrossEntropies =
        GoldenData.Load<GoldenCrossEntropy>("softmax_cross_entropy");

    private static readonly IReadOnlyList<GoldenSoftmax> Softmaxes = GoldenData.Load<GoldenSoftmax>("softmax");

    private static readonly IReadOnlyList<GoldenSoftmaxBackward> SoftmaxBackwards =
        GoldenData.Load<GoldenSoftmaxBackward>("softmax_backward");

    private static readonly IReadOnlyList<GoldenSigmoid> Sigmoids =
        GoldenData.Load<GoldenSigmoid>("sigmoid_cross_entropy");

    private static IEnumerable<string> OurCrossEntropies => GoldenDifferences.CrossEntropies.Keys;

    private static IEnumerable<string> OurSigmoids => GoldenDifferences.Sigmoids.Keys;

    private ExecutionOptions Execution => new() { Backend = backend };

    [Test]
    public void Softmax_cross_entropy_is_PyTorchs_but_for_the_cases_named([Values] GoldenWay way)
    {
        // What is wrong with a gradient does not show where there is none.
        IEnumerable<string> named = way == GoldenWay.LossOnly
            ? GoldenDifferences.CrossEntropies.Keys.Except(GoldenDifferences.OfGradientsAlone)
            : GoldenDifferences.CrossEntropies.Keys;
        AssertPyTorchs(
            from golden in CrossEntropies
            where Holds(golden.Types) && !GoldenDifferences.Refused.Contains(golden.Name)
            select (golden.Name, Problem(golden, way)),
            named);
    }

    [TestCaseSource(nameof(OurCrossEntropies))]
    public void Where_PyTorch_differs_softmax_cross_entropy_is_as_documented(string name)
    {
        GoldenCrossEntropy golden = CrossEntropies.Single(c => c.Name == name);
        foreach (GoldenWay way in Enum.GetValues<GoldenWay>())
        {
            Assert.That(
                Problem(GoldenDifferences.CrossEntropies[name](golden), way), Is.Null, $"{way}: {golden.Differs}");
        }
    }

    [Test]
    public void PyTorch_ignores_the_label_minus_100_by_itself_but_here_it_is_out_of_range() =>
        AssertRefused<ArgumentOutOfRangeException>("label -100 with no index to ignore", "-100");

    [Test]
    public void PyTorch_disregards_an_index_to_ignore_with_distributions_but_here_it_is_refused() =>
        AssertRefused<ArgumentException>("distributions with an index to ignore", "IgnoreIndex");

    [Test]
    public void The_cases_named_are_those_that_the_generator_marks()
    {
        Assert.That(
            from golden in CrossEntropies where golden.Differs is not null select golden.Name,
            Is.EquivalentTo(GoldenDifferences.CrossEntropies.Keys.Concat(GoldenDifferences.Refused)));
        Assert.That(
            from golden in Softmaxes where golden.Differs is not null select golden.Name, Is.Empty);
        Assert.That(
            from golden in Sigmoids where golden.Differs is not null select golden.Name,
            Is.EquivalentTo(GoldenDifferences.Sigmoids.Keys));
    }

    [Test]
    public void Softmax_its_logarithm_and_log_sum_exp_are_PyTorchs() =>
        AssertPyTorchs(from golden in Softmaxes where Holds(golden.Types) select (golden.Name, Problem(golden)), []);

    [Test]
    public void Gradients_through_softmax_and_its_logarithm_are_PyTorchs() =>
        AssertPyTorchs(
            from golden in SoftmaxBackwards where Holds(golden.Types) select (golden.Name, Problem(golden)), []);

    [Test]
    public void Sigmoid_cross_entropy_is_PyTorchs_but_for_the_cases_named() =>
        AssertPyTorchs(
            from golden in Sigmoids where Holds(golden.Types) select (golden.Name, Problem(golden)),
            GoldenDifferences.Sigmoids.Keys);

    [TestCaseSource(nameof(OurSigmoids))]
    public void Where_PyTorch_differs_sigmoid_cross_entropy_is_as_documented(string name)
    {
        GoldenSigmoid golden = Sigmoids.Single(c => c.Name == name);
        Assert.That(Problem(GoldenDifferences.Sigmoids[name](golden)), Is.Null, golden.Differs);
    }

    private static bool Holds(string[] types) => types.Contains(GoldenElement<T>.Name);

    /// <summary>Fails where a case has a problem and is not named, or is named and has none.</summary>
    private static void AssertPyTorchs(IEnumerable<(string Name, string? Problem)> cases, IEnumerable<string> named)
    {
        (string Name, string? Problem)[] all = [.. cases];
        HashSet<string> differing = [.. named];
        string[] unexpected =
        [
            .. from c in all
               where c.Problem is null == differing.Contains(c.Name)
               select $"{c.Name}: {c.Problem ?? "is PyTorch's, and should not be"}",
        ];
        Assert.That(all, Is.Not.Empty);
        Assert.That(differing, Is.SubsetOf(all.Select(c => c.Name)));
        Assert.That(
            unexpected, Is.Empty, $"{unexpected.Length} of {all.Length}:\n{string.Join('\n', unexpected.Take(20))}");
    }

    private void AssertRefused<TException>(string name, string told)
        where TException : ArgumentException
    {
        GoldenCrossEntropy golden = CrossEntropies.Single(c => c.Name == name);
        foreach (GoldenWay way in Enum.GetValues<GoldenWay>())
        {
            TException error = Expect.Throws<TException>(() => GoldenRun.Compute<T>(golden, way, Execution));
            Assert.That(error.Message, Does.Contain(told), $"{way}: {golden.Differs}");
        }
    }

    /// <summary>What is not as the case has it; null if all is.</summary>
    private string? Problem(GoldenCrossEntropy golden, GoldenWay way)
    {
        GoldenResults actual = GoldenRun.Compute<T>(golden, way, Execution);
        GoldenTerms[] terms = [.. golden.Terms()];
        GoldenComparison<T> compare = new(golden.Exact);
        compare.Each(
            "losses",
            actual.Losses,
            golden.Losses,
            i => terms[i].Loss,
            i => terms[i].LossOfPyTorch,
            i => terms[i].SizeOfTransformed);
        if (golden.ZLosses is { } zLosses)
        {
            compare.Each(
                "z_losses", actual.ZLosses, zLosses, i => terms[i].ZLoss, i => terms[i].ZLossOfPyTorch);
        }

        compare.Each(
            "log_sum_exp",
            actual.LogSumExp,
            golden.LogSumExp,
            i => terms[i].LogSumExp,
            i => terms[i].LogSumExpOfPyTorch,
            i => terms[i].SizeOfTransformed);
        if (actual.Gradient is { } gradient)
        {
            double[] ours = new double[gradient.Length];
            double[] pyTorchs = new double[gradient.Length];
            double[] sizes = new double[gradient.Length];
            for (int row = 0; row < golden.AllRows; row++)
            {
                for (int c = 0; c < golden.Classes; c++)
                {
                    ours[golden.Index(row, c)] = terms[row].Ours[c];
                    pyTorchs[golden.Index(row, c)] = terms[row].PyTorchs[c];
                    sizes[golden.Index(row, c)] = terms[row].SizeOfTransformed;
                }
            }

            compare.Each("gradient", gradient, golden.Gradient, i => ours[i], i => pyTorchs[i], i => sizes[i]);
        }

        double divisor = golden.Reduction == Reduction.Mean && golden.Weight > 0 ? golden.Weight : 1;
        SoftmaxCrossEntropyResult result = actual.Result;
        compare.Total(
            "Loss",
            result.Loss,
            golden.Reduction == Reduction.None ? null : golden.Loss!.Value,
            terms.Sum(row => row.Loss) / divisor,
            terms.Sum(row => row.LossOfPyTorch) / divisor);
        compare.Total(
            "ZLoss",
            result.ZLoss,
            // Also where there is no z-loss, a row that gives NaN makes it NaN.
            golden.Reduction == Reduction.None ? null : double.IsNaN(golden.Loss!.Value) ? double.NaN : golden.ZLoss ?? 0,
            terms.Sum(row => row.ZLoss) / divisor,
            terms.Sum(row => row.ZLossOfPyTorch) / divisor);
        compare.Total("Weight", result.Weight, golden.Weight, 0, golden.Weight);
        compare.Same("Rows", result.Rows, golden.Rows);
        if (way == GoldenWay.Strided && golden.Correct is { } correct)
        {
            compare.Same("CorrectRows", result.CorrectRows, correct);
        }

        return compare.Problem;
    }

    private string? Problem(GoldenSoftmax golden)
    {
        LogitsLayout layout = new(golden.Classes) { InnerSize = golden.Inner };
        T[] logits = GoldenElement<T>.From(golden.Logits);
        T[] upstream = GoldenElement<T>.From(golden.Upstream);
        T[] logSumExp = new T[golden.Samples * golden.Inner];
        T[] softmax = new T[logits.Length];
        T[] softmaxGradient = new T[logits.Length];
        T[] logSoftmax = new T[logits.Length];
        T[] logSoftmaxGradient = new T[logits.Length];
        Softmax.LogSumExp<T>(logits, layout, logSumExp, Execution);
        Softmax.Forward<T>(logits, layout, softmax, Execution);
        Softmax.Backward<T>(softmax, upstream, layout, softmaxGradient, Execution);
        LogSoftmax.Forward<T>(logits, layout, logSoftmax, Execution);
        LogSoftmax.Backward<T>(logSoftmax, upstream, layout, logSoftmaxGradient, Execution);

        double[] size = golden.OfRows(golden.Size);
        double[] sum = golden.OfRows(row => golden.SumOfRow(row, i => Math.Abs(golden.Upstream[i])));
        double[] weighted =
            golden.OfRows(row => golden.SumOfRow(row, i => golden.Softmax[i] * Math.Abs(golden.Upstream[i])));
        GoldenComparison<T> compare = new(golden.Exact);
        compare.Each(
            "log_sum_exp",
            GoldenElement<T>.ToDouble(logSumExp),
            golden.LogSumExp,
            row => 1 + Math.Abs(golden.LogSumExp[row]),
            row => size[row]);
        compare.Each(
            "softmax",
            GoldenElement<T>.ToDouble(softmax),
            golden.Softmax,
            i => golden.Softmax[i],
            i => golden.Softmax[i] * size[golden.Row(i)]);
        compare.Each(
            "log_softmax",
            GoldenElement<T>.ToDouble(logSoftmax),
            golden.LogSoftmax,
            i => Math.Abs(golden.LogSoftmax[i]),
            i => size[golden.Row(i)]);

        // The gradients start from outputs that have been rounded to the element type.
        double rounded = GoldenElement<T>.Storage + (8 * GoldenElement<T>.Unit);
        double tiny = GoldenElement<T>.Tiny;
        compare.Each(
            "softmax_gradient",
            GoldenElement<T>.ToDouble(softmaxGradient),
            golden.SoftmaxGradient,
            i =>
            {
                int row = golden.Row(i);
                double p = golden.Softmax[i], terms = Math.Abs(golden.Upstream[i]) + weighted[row];
                double error = (2 * rounded * p * terms) + (tiny * (terms + (p * sum[row])));
                return error + GoldenElement<T>.Tolerance(
                    golden.SoftmaxGradient[i], p * terms, p * (terms + sum[row]) * size[row]);
            });
        compare.Each(
            "log_softmax_gradient",
            GoldenElement<T>.ToDouble(logSoftmaxGradient),
            golden.LogSoftmaxGradient,
            i =>
            {
                int row = golden.Row(i);
                double g = Math.Abs(golden.Upstream[i]), subtracted = golden.Softmax[i] * sum[row];
                double distance = subtracted == 0 ? 0 : Math.Abs(golden.LogSoftmax[i]);
                double error = subtracted * (Math.Exp((rounded * distance) + tiny) - 1);
                return error + GoldenElement<T>.Tolerance(
                    golden.LogSoftmaxGradient[i], g + subtracted, g + (subtracted * size[row]));
            });
        return compare.Problem;
    }

    private string? Problem(GoldenSoftmaxBackward golden)
    {
        LogitsLayout layout = new(golden.Classes) { InnerSize = golden.Inner };
        T[] output = GoldenElement<T>.From(golden.Output);
        T[] upstream = GoldenElement<T>.From(golden.Upstream);
        T[] gradient = new T[output.Length];
        if (golden.Logarithm)
        {
            LogSoftmax.Backward<T>(output, upstream, layout, gradient, Execution);
        }
        else
        {
            Softmax.Backward<T>(output, upstream, layout, gradient, Execution);
        }

        // Nothing is lost on the way here: the output is what PyTorch was given.
        GoldenComparison<T> compare = new();
        double Terms(int i)
        {
            double sum = golden.SumOfRow(
                i, k => (golden.Logarithm ? 1 : golden.Output[k]) * Math.Abs(golden.Upstream[k]));
            return golden.Logarithm
                ? Math.Abs(golden.Upstream[i]) + (Math.Exp(golden.Output[i]) * sum)
                : golden.Output[i] * (Math.Abs(golden.Upstream[i]) + sum);
        }

        compare.Each("gradient", GoldenElement<T>.ToDouble(gradient), golden.Gradient, Terms, Terms);
        return compare.Problem;
    }

    private string? Problem(GoldenSigmoid golden)
    {
        SigmoidCrossEntropyOptions options = new()
        {
            Reduction = golden.Reduction,
            LabelSmoothing = golden.LabelSmoothing,
            PositiveWeights = golden.PositiveWeights,
            UpstreamScale = golden.UpstreamScale,
            Accumulate = golden.Initial is not null,
        };
        T[] logits = GoldenElement<T>.From(golden.Logits);
        T[] targets = GoldenElement<T>.From(golden.Targets);
        T[] losses = new T[logits.Length];
        T[] lossesAlone = new T[logits.Length];
        T[] gradient = GoldenElement<T>.From(golden.Initial ?? new double[logits.Length]);
        T[] weights = GoldenElement<T>.From(golden.Weights ?? []);
        T[] upstream = GoldenElement<T>.From(golden.Upstream ?? []);
        ElementBuffers<T> elements = new() { Weights = weights, Upstream = upstream, Losses = losses };
        ElementBuffers<T> alone = new() { Weights = weights, Losses = lossesAlone };
        SigmoidCrossEntropyResult result =
            SigmoidCrossEntropy.Gradient<T>(logits, targets, gradient, options, elements, Execution);
        SigmoidCrossEntropyResult resultAlone =
            SigmoidCrossEntropy.Loss<T>(logits, targets, options, alone, Execution);

        GoldenSigmoidTerms[] terms =
            [.. Enumerable.Range(0, logits.Length).Select(i => new GoldenSigmoidTerms(golden, i))];
        GoldenComparison<T> compare = new(golden.Exact);
        foreach (T[] each in (T[][])[losses, lossesAlone])
        {
            compare.Each(
                "losses",
                GoldenElement<T>.ToDouble(each),
                golden.Losses,
                i => terms[i].Loss,
                i => terms[i].LossOfPyTorch);
        }

        compare.Each(
            "gradient",
            GoldenElement<T>.ToDouble(gradient),
            golden.Gradient,
            i => terms[i].Gradient,
            i => terms[i].GradientOfPyTorch);
        double divisor = golden.Reduction == Reduction.Mean ? Math.Max(logits.Length, 1) : 1;
        foreach (SigmoidCrossEntropyResult each in (SigmoidCrossEntropyResult[])[result, resultAlone])
        {
            compare.Total(
                "Loss",
                each.Loss,
                golden.Reduction == Reduction.None ? null : golden.Loss!.Value,
                terms.Sum(i => i.Loss) / divisor,
                terms.Sum(i => i.LossOfPyTorch) / divisor);
            compare.Same("Elements", each.Elements, logits.Length);
        }

        return compare.Problem;
    }
}
