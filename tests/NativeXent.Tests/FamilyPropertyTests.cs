using FsCheck;
using FsCheck.Fluent;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>
/// What the whole family is known by, with every option that a property allows. A failure shows the simplest case
/// found.
/// </summary>
/// <remarks>
/// All numbers of a case have few bits, so that they are the same ones in every element type. Where two results must
/// have the same bits, bits are compared. Where they only stand for the same exact value, each may be off by some ULP
/// of the terms that it is the sum of; <see cref="Terms"/> has these.
/// </remarks>
[TestFixtureSource(typeof(Target), nameof(Target.AllWithElementTypes))]
[NonParallelizable]
public sealed class FamilyPropertyTests<T>(Target target)
    where T : unmanaged
{
    private const int Ignored = -100;

    // The same cases in every run.
    private static readonly Config Configuration = Config.QuickThrowOnFailure.WithMaxTest(60).WithReplay(2024, 77);

    private static readonly Arbitrary<Case> Cases = Arb.From(AnyCase(), c => c.Simpler());

    private static readonly Arbitrary<int> SmallNumbers = Gen.Choose(-127, 127).ToArbitrary();

    // Half a step between neighbours, relative; and what may be lost where numbers are flushed or, in halves, subnormal.
    private static readonly double Rounding = Math.ScaleB(1, default(T) switch
    {
        double => -53,
        float => -24,
        Half => -11,
        _ => -8,
    });

    private static readonly double Tiny = Math.ScaleB(1, default(T) switch
    {
        double => -1020,
        Half => -23,
        _ => -124,
    });

    private static bool Has16Bits => default(T) is Half or BFloat16;

    private IDisposable? _forced;

    [SetUp]
    public void ForceTarget() => _forced = target.Force();

    [TearDown]
    public void RestoreTarget() => _forced!.Dispose();

    [Test]
    public void Adding_the_same_to_all_logits_of_a_row_adds_it_to_lse_and_changes_nothing_else() =>
        Check(Cases, SmallNumbers, (generated, number) =>
        {
            Case c = generated with { ZLossScale = 0, Softcap = null };
            double shift = c.Step * number * (Has16Bits ? 1 : 4096);
            Case shifted = c with { Logits = [.. c.Logits.Select(z => z + shift)] };
            Results expected = Compute(c);
            Results actual = Compute(shifted);
            Terms terms = new(c, shift);
            return AssertClose(expected.Gradient, actual.Gradient, terms.Gradient, "gradient")
                .And(AssertClose(expected.Losses, actual.Losses, terms.Losses, "loss"))
                .And(AssertClose(
                    [.. expected.LogSumExp.Select(lse => lse + (c.Scale * shift))],
                    actual.LogSumExp,
                    terms.LogSumExp,
                    "lse"));
        });

    [Test]
    public void Permuting_the_classes_permutes_the_gradient_and_changes_nothing_else() =>
        Check(Cases, Gen.Choose(0, int.MaxValue).ToArbitrary(), (c, seed) =>
        {
            int[] order = Permutation(c.Classes, (ulong)seed);
            Results expected = Compute(c);
            Results actual = Compute(c with
            {
                Logits = Permuted(c.Logits),
                Labels = [.. c.Labels.Select(label => Array.IndexOf(order, label))],
                Distributions = Permuted(c.Distributions),
                Weights = Permuted(c.Weights),
            });
            Terms terms = new(c);
            return AssertClose(
                    Permuted(expected.Gradient), actual.Gradient, Permuted(terms.Gradient), "gradient")
                .And(AssertClose(expected.Losses, actual.Losses, terms.Losses, "loss"))
                .And(AssertClose(expected.LogSumExp, actual.LogSumExp, terms.LogSumExp, "lse"))
                .And(AssertClose(expected.ZLosses, actual.ZLosses, terms.ZLosses, "z-loss"));

            double[] Permuted(double[] rows) =>
                [.. rows.Select((_, i) => rows[(i / c.Classes * c.Classes) + order[i % c.Classes]])];
        });

    [Test]
    public void A_batch_gives_the_bits_of_its_rows() =>
        Check(Cases, c =>
        {
            Results[] rows = [.. Enumerable.Range(0, c.Rows).Select(i => Compute(c.Only(row => row == i)))];
            return AssertSame(Results.Concat(rows), Compute(c));
        });

    [Test]
    public void Classes_as_the_second_of_three_axes_give_the_bits_of_rows() =>
        Check(Cases, Gen.Choose(1, 20).ToArbitrary(), (c, positions) =>
        {
            int innerSize = Enumerable.Range(1, positions).Last(size => c.Rows % size == 0);
            return AssertSame(Compute(c), Compute(c, innerSize, gap: 3));
        });

    [Test]
    public void An_upstream_factor_of_a_power_of_two_multiplies_the_gradient_exactly() =>
        Check(Cases, Gen.Choose(-8, 8).ToArbitrary(), (generated, exponent) =>
        {
            // Their rows of doubles may take the way of a wide range at one factor and not at the other, which rounds
            // differently.
            Case c = default(T) is double ? generated with { ZLossScale = 0, Softcap = null } : generated;
            double factor = Math.ScaleB(1, exponent);
            double least = default(T) is Half ? Math.ScaleB(1, -14) : Math.ScaleB(1, -100);
            double most = default(T) is Half ? Math.ScaleB(1, 15) : Math.ScaleB(1, 100);
            Results once = Compute(c);
            Results scaled = Compute(c with { UpstreamScale = c.UpstreamScale * factor });
            for (int i = 0; i < once.Gradient.Length; i++)
            {
                double expected = once.Gradient[i] * factor;
                double greater = Math.Max(Math.Abs(expected), Math.Abs(once.Gradient[i]));
                double smaller = Math.Min(Math.Abs(expected), Math.Abs(once.Gradient[i]));
                if (smaller >= least && greater <= most && scaled.Gradient[i] != expected)
                {
                    return false.Label($"element {i}: {once.Gradient[i]} became {scaled.Gradient[i]}");
                }
            }

            return AssertSame(once with { Gradient = [] }, scaled with { Gradient = [] });
        });

    /// <summary>16-bit sums are taken in float, of a gradient that no one has rounded yet.</summary>
    [Test]
    public void Accumulating_adds_what_overwriting_writes() =>
        Check(Cases, c =>
        {
            double[] old = [.. c.Logits.Select((_, i) => ((i * 7 % 23) - 11) / 4.0)];
            Results accumulated = Compute(c with { Old = old });
            double[] gradient = Has16Bits ? Compute<float>(c).Gradient : Compute(c).Gradient;
            double[] expected =
            [
                .. gradient.Zip(old, (g, o) => PositiveZero(Elements.ToDouble(Elements.Of<T>(
                    default(T) is double ? o + g : (float)o + (float)g)))),
            ];
            return AssertSame(Compute(c) with { Gradient = expected }, accumulated);
        });

    [Test]
    public void Elements_of_16_bits_have_the_rounded_results_of_float()
    {
        if (!Has16Bits)
        {
            Assert.Ignore("These elements have more than 16 bits.");
        }

        Check(Cases, c =>
        {
            Results floats = Compute<float>(c);
            return AssertSame(
                floats with
                {
                    Gradient = Rounded(floats.Gradient),
                    Losses = Rounded(floats.Losses),
                    LogSumExp = Rounded(floats.LogSumExp),
                    ZLosses = Rounded(floats.ZLosses),
                },
                Compute(c));

            double[] Rounded(double[] numbers) =>
                [.. numbers.Select(x => PositiveZero(Elements.ToDouble(Elements.Of<T>(x))))];
        });
    }

    [Test]
    public void A_distribution_that_is_1_at_a_class_is_that_label() =>
        Check(Cases, generated =>
        {
            Case labels = generated with { Distributions = [] };
            double[] oneHot = new double[labels.Logits.Length];
            for (int i = 0; i < labels.Rows; i++)
            {
                oneHot[(i * labels.Classes) + labels.Labels[i]] = 1;
            }

            Results expected = Compute(labels);
            Results actual = Compute(labels with { Distributions = oneHot });
            Terms terms = new(labels);
            return AssertClose(expected.Gradient, actual.Gradient, terms.Gradient, "gradient")
                .And(AssertClose(expected.Losses, actual.Losses, terms.Losses, "loss"))
                .And(AssertClose(expected.LogSumExp, actual.LogSumExp, Magnitudes(expected.LogSumExp), "lse"))
                .And(AssertClose(expected.ZLosses, actual.ZLosses, terms.ZLosses, "z-loss"))
                .And((expected.Totals.Rows == actual.Totals.Rows).Label("rows"))
                .And((expected.Totals.CorrectRows == actual.Totals.CorrectRows).Label("correct rows"));
        });

    [Test]
    public void Loss_and_gradient_are_linear_in_the_smoothing() =>
        Check(Cases, Gen.Choose(1, 9).ToArbitrary(), (c, tenths) =>
        {
            double smoothing = tenths / 10.0;
            Results none = Compute(c with { Smoothing = 0 });
            Results whole = Compute(c with { Smoothing = 1 });
            Results mixed = Compute(c with { Smoothing = smoothing });
            Terms noneTerms = new(c with { Smoothing = 0 });
            Terms wholeTerms = new(c with { Smoothing = 1 });
            return AssertClose(
                    Mixed(none.Gradient, whole.Gradient),
                    mixed.Gradient,
                    [.. noneTerms.Gradient.Zip(wholeTerms.Gradient, (a, b) => a + b)],
                    "gradient")
                .And(AssertClose(
                    Mixed(none.Losses, whole.Losses),
                    mixed.Losses,
                    [.. noneTerms.Losses.Zip(wholeTerms.Losses, (a, b) => a + b)],
                    "loss"));

            double[] Mixed(double[] a, double[] b) =>
                [.. a.Zip(b, (x, y) => ((1 - smoothing) * x) + (smoothing * y))];
        });

    [Test]
    public void Rows_to_ignore_might_as_well_not_be_there_nor_does_it_matter_what_they_hold() =>
        Check(Cases, Gen.Choose(0, int.MaxValue).ToArbitrary(), Gen.Choose(0, 2).ToArbitrary(), (generated, seed, way) =>
        {
            SplitMix64 random = new((ulong)seed);
            bool[] ignored = [.. Enumerable.Range(0, generated.Rows).Select(_ => random.OneIn(3))];
            Reduction reduction = (Reduction)way;
            Case all = generated with { Distributions = [], Reduction = reduction };
            Case c = all with
            {
                Labels = [.. all.Labels.Select((label, i) => ignored[i] ? Ignored : label)],
                Logits =
                [
                    .. all.Logits.Select((z, i) => ignored[i / all.Classes] && random.OneIn(2) ? double.NaN : z),
                ],
            };
            Results actual = Compute(c);
            Results others = actual.Only(i => !ignored[i], c.Classes);
            Results rest = actual.Only(i => ignored[i], c.Classes);
            bool zero = rest.Gradient.Concat(rest.Losses).Concat(rest.ZLosses).All(IsPlusZero);
            Case kept = all.Only(i => !ignored[i]);
            return zero.Label("a gradient or loss of an ignored row is not +0").And(AssertSame(Compute(kept), others));
        });

    /// <summary>Not a bit of it, whatever it is; while NaN in other rows becomes the canonical one.</summary>
    [Test]
    public void What_rows_to_ignore_accumulate_into_stays_as_it_is([Values(1, 2)] int samples) =>
        Check(Cases, generated =>
        {
            Case c = generated with
            {
                Distributions = [],
                Labels = [.. generated.Labels.Select((label, i) => i % 2 == 0 ? Ignored : label)],
                Old = [.. generated.Logits.Select(_ => double.NaN)],
            };
            bool fits = c.Rows % samples == 0;
            int innerSize = fits ? c.Rows / samples : 1;
            Place place = new(c.Rows / innerSize, c.Classes, innerSize);
            T[] before = Elements.Sentinels<T>(place.Length);
            T[] after = [.. before];
            _ = Call(c, place, after);
            for (int i = 0; i < c.Logits.Length; i++)
            {
                int at = place.IndexOf(i / c.Classes, i % c.Classes);
                bool untouched = Elements.FirstDifference<T>(before.AsSpan(at, 1), after.AsSpan(at, 1)) < 0;
                bool ignored = i / c.Classes % 2 == 0;
                if (ignored != untouched)
                {
                    return false.Label($"{place.Describe(at)} of {innerSize} positions: {Elements.Show(after[at])}");
                }
            }

            return true.ToProperty();
        });

    [Test]
    public void A_mean_is_the_sum_divided_by_the_weight_and_so_is_its_gradient() =>
        Check(Cases, c =>
        {
            Results sum = Compute(c with { Reduction = Reduction.Sum });
            Results mean = Compute(c with { Reduction = Reduction.Mean });
            double weight = sum.Totals.Weight;
            double divisor = weight == 0 ? double.PositiveInfinity : weight;
            SoftmaxCrossEntropyResult totals = sum.Totals with
            {
                Loss = sum.Totals.Loss / divisor,
                ZLoss = sum.Totals.ZLoss / divisor,
            };
            double expectedWeight = c.Distributions.Length > 0 ? c.Rows
                : c.Labels.Sum(label => c.Weights.Length > 0 ? c.Weights[label] : 1);
            Results scaled = Compute(c with { UpstreamScale = c.UpstreamScale / divisor });
            return (weight == expectedWeight && sum.Totals.Rows == c.Rows).Label($"{sum.Totals}")
                .And(AssertSame(scaled with { Totals = totals }, mean))
                .And(AssertClose(
                    [.. sum.Gradient.Select(g => g / divisor)],
                    mean.Gradient,
                    [.. new Terms(c).Gradient.Select(term => term / divisor)],
                    "gradient"));
        });

    [Test]
    public void A_total_is_the_sum_of_the_rows_losses() =>
        Check(Cases, c =>
        {
            Results sum = Compute(c with { Reduction = Reduction.Sum });
            Terms terms = new(c);
            return AssertClose([sum.Losses.Sum()], [sum.Totals.Loss!.Value], [terms.Losses.Sum()], "loss")
                .And(AssertClose([sum.ZLosses.Sum()], [sum.Totals.ZLoss!.Value], [terms.ZLosses.Sum()], "z-loss"));
        });

    /// <summary>Those of the loss cancel: Σ p·A − Σ b = 0. A softcap weighs each by its derivative.</summary>
    [Test]
    public void Gradients_of_a_row_sum_to_what_the_z_loss_adds() =>
        Check(Cases, generated =>
        {
            Case c = generated with { Softcap = null };
            Results results = Compute(c);
            Terms terms = new(c);
            double[] expected = new double[c.Rows];
            double[] actual = new double[c.Rows];
            double[] bound = new double[c.Rows];
            for (int i = 0; i < c.Logits.Length; i++)
            {
                actual[i / c.Classes] += results.Gradient[i];
                bound[i / c.Classes] += terms.Gradient[i] + (Tiny / terms.Rounding);
            }

            for (int row = 0; row < c.Rows; row++)
            {
                double upstream = c.UpstreamScale * (c.Upstream.Length > 0 ? c.Upstream[row] : 1);
                expected[row] = 2 * c.ZLossScale * terms.Lse[row] * c.Scale * upstream;
            }

            return AssertClose(expected, actual, bound, "sum");
        });

    [Test]
    public void A_softmax_sums_to_1_and_is_the_gradient_of_a_target_of_nothing_in_class_0() =>
        Check(Cases, generated =>
        {
            Case c = generated with
            {
                Distributions = [.. generated.Logits.Select((_, i) => i % generated.Classes == 0 ? 1.0 : 0)],
                Smoothing = 0,
                Weights = [],
                ZLossScale = 0,
                Scale = 1,
                Softcap = null,
                UpstreamScale = 1,
                Upstream = [],
            };
            double[] softmax = Forward(c, log: false);
            double[] gradient = Compute(c).Gradient;
            double[] sums = [.. Enumerable.Range(0, c.Rows).Select(i =>
                softmax.AsSpan(i * c.Classes, c.Classes).ToArray().Sum())];
            double[] bounds = [.. sums.Select(_ => 1 + (c.Classes * Tiny / Rounding))];

            // Each is rounded in its own way, as several targets have the greatest class apart.
            double[] ofOthers = [.. softmax.Select((p, i) => i % c.Classes == 0 ? gradient[i] : p)];
            return softmax.All(p => p is >= 0 and <= 1).Label("out of [0, 1]")
                .And(AssertClose(ofOthers, gradient, softmax, "gradient"))
                .And(AssertClose([.. sums.Select(_ => 1.0)], sums, bounds, "sum"));
        });

    [Test]
    public void A_log_softmax_is_the_logarithm_of_the_softmax_and_the_distance_from_lse() =>
        Check(Cases, c =>
        {
            double[] softmax = Forward(c, log: false);
            double[] logSoftmax = Forward(c, log: true);
            double least = default(T) is Half ? Math.ScaleB(1, -14) : Math.ScaleB(1, -100);
            double[] ofSoftmax = [.. softmax.Select((p, i) => p >= least ? Math.Log(p) : logSoftmax[i])];
            double[] lse = LogSumExp(c);
            double[] fromLse = [.. c.Logits.Select((z, i) => z - lse[i / c.Classes])];
            return AssertClose(
                    ofSoftmax, logSoftmax, [.. logSoftmax.Select(l => 1 + Math.Abs(l))], "log softmax")
                .And(AssertClose(
                    fromLse,
                    logSoftmax,
                    [.. logSoftmax.Select((l, i) => 1 + Math.Abs(l) + Math.Abs(lse[i / c.Classes]))],
                    "z - lse"));
        });

    [Test]
    public void Log_sum_exp_is_that_with_the_loss() =>
        Check(Cases, generated =>
        {
            Case c = generated with { Scale = 1, Softcap = null };
            double[] expected = Compute(c).LogSumExp;
            return AssertClose(expected, LogSumExp(c), Magnitudes(expected), "lse");
        });

    /// <summary>With distributions of two classes it is the softmax cross-entropy of logits 0 and z.</summary>
    [Test]
    public void Sigmoid_cross_entropy_is_softmax_cross_entropy_of_two_classes() =>
        Check(Cases, generated =>
        {
            double[] y = [.. generated.Logits.Select((z, i) => (((i * 5) + Math.Abs(z)) % 17) / 16)];
            Case c = new()
            {
                Classes = 2,
                Step = generated.Step,
                Logits = [.. generated.Logits.SelectMany(z => new[] { 0, z })],
                Labels = new int[generated.Logits.Length],
                Distributions = [.. y.SelectMany(q => new[] { 1 - q, q })],
            };
            T[] gradient = new T[y.Length];
            T[] losses = new T[y.Length];
            _ = SigmoidCrossEntropy.Gradient<T>(
                Of<T>(generated.Logits), Of<T>(y), gradient, null, new() { Losses = losses }, target.Execution);
            Results expected = Compute(c);
            Terms terms = new(c);
            return AssertClose(
                    [.. expected.Gradient.Where((_, i) => i % 2 == 1)],
                    [.. gradient.Select(Elements.ToDouble)],
                    [.. terms.Gradient.Where((_, i) => i % 2 == 1)],
                    "gradient")
                .And(AssertClose(expected.Losses, [.. losses.Select(Elements.ToDouble)], terms.Losses, "loss"));
        });

    private static Gen<Case> AnyCase() =>
        from classes in Gen.Frequency(
            (12, Gen.Choose(1, 20)), (4, Gen.Choose(21, 200)), (2, Gen.Choose(250, 300)), (1, Gen.Choose(4090, 4200)))
        from rows in Gen.Choose(1, classes > 4000 ? 2 : classes > 20 ? 6 : 36)
        from step in Gen.Elements(0.125, 1)
        from logits in Gen.Choose(-128, 128).ArrayOf(rows * classes)
        from labels in Gen.Choose(0, classes - 1).ArrayOf(rows)
        from distributions in Optional(1, Gen.Frequency((1, Gen.Constant(0)), (2, Gen.Choose(0, 16))), rows * classes)
        from weights in Optional(1, Gen.Choose(0, 8), classes)
        from upstream in Optional(1, Gen.Choose(-8, 8), rows)
        from smoothing in Gen.Elements(0, 0, 0.1, 0.25, 1)
        from zLossScale in Gen.Elements(0, 0, 0.01, -0.25)
        from scale in Gen.Elements(1, 1, 0.5, 1.7)
        from softcap in Gen.Elements<double?>(null, null, 5, 30)
        from upstreamScale in Gen.Elements(1, 1, -3, 0.1)
        select new Case
        {
            Classes = classes,
            Step = step,
            Logits = [.. logits.Select(unit => unit * step)],
            Labels = labels,
            Distributions = [.. distributions.Select(unit => unit / 16.0)],
            Weights = [.. weights.Select(unit => unit / 4.0)],
            Upstream = [.. upstream.Select(unit => unit / 4.0)],
            Smoothing = smoothing,
            ZLossScale = zLossScale,
            Scale = scale,
            Softcap = softcap,
            UpstreamScale = upstreamScale,
        };

    // Or none.
    private static Gen<int[]> Optional(int oneIn, Gen<int> numbers, int count) =>
        Gen.Frequency((oneIn, Gen.Constant(Array.Empty<int>())), (1, numbers.ArrayOf(count)));

    private static void Check(Arbitrary<Case> cases, Func<Case, Property> property) =>
        Prop.ForAll(cases, property).Check(Configuration);

    private static void Check(Arbitrary<Case> cases, Arbitrary<int> numbers, Func<Case, int, Property> property) =>
        Prop.ForAll(cases, numbers, property).Check(Configuration);

    private static void Check(
        Arbitrary<Case> cases,
        Arbitrary<int> numbers,
        Arbitrary<int> more,
        Func<Case, int, int, Property> property) =>
        Prop.ForAll(cases, numbers, more, property).Check(Configuration);

    private static bool IsPlusZero(double x) => BitConverter.DoubleToInt64Bits(x) == 0;

    private static TElement[] Of<TElement>(double[] numbers)
        where TElement : unmanaged => [.. numbers.Select(Elements.Of<TElement>)];

    private static int[] Permutation(int count, ulong seed)
    {
        SplitMix64 random = new(seed);
        int[] order = [.. Enumerable.Range(0, count)];
        for (int j = order.Length - 1; j > 0; j--)
        {
            int k = random.Below(j + 1);
            (order[j], order[k]) = (order[k], order[j]);
        }

        return order;
    }

    // What an error of log-sum-exp is relative to: its logarithm of a sum is never far below 1.
    private static double[] Magnitudes(double[] numbers) => [.. numbers.Select(x => Math.Abs(x) + 1)];

    private static double PositiveZero(double x) => x == 0 ? 0 : x;

    // terms: the magnitude of what each number is the sum of.
    private static Property AssertClose(double[] expected, double[] actual, double[] terms, string what)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            double bound = (terms[i] * Terms.Ulps * Rounding) + Tiny;
            if (!(Math.Abs(expected[i] - actual[i]) <= bound))
            {
                return false.Label($"{what} {i}: {expected[i]:r} and {actual[i]:r}, more than {bound:g2} apart");
            }
        }

        return true.ToProperty();
    }

    private static Property AssertSame(Results expected, Results actual) => actual.SameAs(expected);

    private double[] Forward(Case c, bool log)
    {
        T[] output = new T[c.Logits.Length];
        if (log)
        {
            LogSoftmax.Forward<T>(Of<T>(c.Logits), c.Classes, output, target.Execution);
        }
        else
        {
            Softmax.Forward<T>(Of<T>(c.Logits), c.Classes, output, target.Execution);
        }

        return [.. output.Select(Elements.ToDouble)];
    }

    private double[] LogSumExp(Case c)
    {
        T[] lse = new T[c.Rows];
        Softmax.LogSumExp<T>(Of<T>(c.Logits), c.Classes, lse, target.Execution);
        return [.. lse.Select(Elements.ToDouble)];
    }

    private Results Compute(Case c, int innerSize = 1, int gap = 0) => Compute<T>(c, innerSize, gap);

    private Results Compute<TElement>(Case c, int innerSize = 1, int gap = 0)
        where TElement : unmanaged
    {
        Place place = new(c.Rows / innerSize, c.Classes, innerSize) { Gap = gap };
        return Call(c, place, Arrange<TElement>(c.Old.Length > 0 ? c.Old : c.Logits, place));
    }

    // In the layout of a place, with the gradient in an array that has the old one.
    private Results Call<TElement>(Case c, Place place, TElement[] gradient)
        where TElement : unmanaged
    {
        TElement[] losses = new TElement[c.Rows];
        TElement[] logSumExp = new TElement[c.Rows];
        TElement[] zLosses = new TElement[c.Rows];
        LogitsLayout layout = new(c.Classes)
        {
            InnerSize = place.InnerSize,
            Stride = place.Stride,
            TargetsStride = place.Stride,
            DestinationStride = place.Stride,
        };
        RowBuffers<TElement> rows = new()
        {
            Upstream = Of<TElement>(c.Upstream),
            Losses = losses,
            LogSumExp = logSumExp,
            ZLosses = zLosses,
        };
        ReadOnlySpan<TElement> logits = Arrange<TElement>(c.Logits, place).AsSpan(place.Begin, place.Extent);
        Span<TElement> destination = gradient.AsSpan(place.Begin, place.Extent);
        SoftmaxCrossEntropyResult totals = c.Distributions.Length > 0
            ? SoftmaxCrossEntropy.Gradient(
                logits,
                Arrange<TElement>(c.Distributions, place).AsSpan(place.Begin, place.Extent),
                layout,
                destination,
                c.Options,
                rows,
                target.Execution)
            : SoftmaxCrossEntropy.Gradient(logits, c.Labels, layout, destination, c.Options, rows, target.Execution);
        return new(
            [.. c.Logits.Select((_, i) => Elements.ToDouble(gradient[place.IndexOf(i / c.Classes, i % c.Classes)]))],
            [.. losses.Select(Elements.ToDouble)],
            [.. logSumExp.Select(Elements.ToDouble)],
            [.. zLosses.Select(Elements.ToDouble)],
            totals);
    }

    private static TElement[] Arrange<TElement>(double[] rows, Place place)
        where TElement : unmanaged
    {
        TElement[] arranged = Elements.Sentinels<TElement>(place.Length);
        for (int i = 0; i < rows.Length; i++)
        {
            arranged[place.IndexOf(i / place.Classes, i % place.Classes)] = Elements.Of<TElement>(rows[i]);
        }

        return arranged;
    }

    /// <summary>A batch with targets and options. What is empty is not given.</summary>
    private sealed record Case
    {
        public required int Classes { get; init; }

        /// <summary>Logits are multiples of it.</summary>
        public required double Step { get; init; }

        public required double[] Logits { get; init; }

        public required int[] Labels { get; init; }

        public double[] Distributions { get; init; } = [];

        public double[] Weights { get; init; } = [];

        public double[] Upstream { get; init; } = [];

        public double Smoothing { get; init; }

        public double ZLossScale { get; init; }

        public double Scale { get; init; } = 1;

        public double? Softcap { get; init; }

        public double UpstreamScale { get; init; } = 1;

        public Reduction Reduction { get; init; }

        /// <summary>What is accumulated into.</summary>
        public double[] Old { get; init; } = [];

        internal int Rows => Labels.Length;

        internal SoftmaxCrossEntropyOptions Options =>
            new()
            {
                Reduction = Reduction,
                IgnoreIndex = Distributions.Length == 0 ? Ignored : null,
                LabelSmoothing = Smoothing,
                ClassWeights = Weights,
                ZLossScale = ZLossScale,
                Scale = Scale,
                Softcap = Softcap,
                UpstreamScale = UpstreamScale,
                Accumulate = Old.Length > 0,
                CountCorrect = true,
            };

        internal Case Only(Func<int, bool> row) =>
            this with
            {
                Logits = [.. Logits.Where((_, i) => row(i / Classes))],
                Labels = [.. Labels.Where((_, i) => row(i))],
                Distributions = [.. Distributions.Where((_, i) => row(i / Classes))],
                Upstream = [.. Upstream.Where((_, i) => row(i))],
                Old = [.. Old.Where((_, i) => row(i / Classes))],
            };

        /// <summary>Half the rows, one row less, half the classes; an option less; simpler logits.</summary>
        internal IEnumerable<Case> Simpler()
        {
            if (Rows > 1)
            {
                yield return Only(i => i < Rows / 2);
                yield return Only(i => i >= Rows / 2);
                yield return Only(i => i > 0);
            }

            if (Classes > 1)
            {
                yield return With(Classes / 2);
                yield return With(Classes - 1);
            }

            Case[] withoutOption =
            [
                this with { Distributions = [] },
                this with { Weights = [] },
                this with { Upstream = [] },
                this with { Smoothing = 0 },
                this with { ZLossScale = 0 },
                this with { Scale = 1 },
                this with { Softcap = null },
                this with { UpstreamScale = 1 },
            ];
            foreach (Case simpler in withoutOption)
            {
                if (simpler.ToString() != ToString())
                {
                    yield return simpler;
                }
            }

            for (int i = 0; i < Math.Min(Logits.Length, 20); i++)
            {
                if (Logits[i] != 0)
                {
                    double[] logits = [.. Logits];
                    logits[i] = 0;
                    yield return this with { Logits = logits };
                }
            }
        }

        public override string ToString() =>
            $"{Rows} rows of {Classes} classes, logits [{Show(Logits)}], labels [{string.Join(' ', Labels)}], " +
            $"distributions [{Show(Distributions)}], weights [{Show(Weights)}], upstream [{Show(Upstream)}], " +
            $"smoothing {Smoothing}, z-loss {ZLossScale}, scale {Scale}, softcap {Softcap}, upstream scale " +
            $"{UpstreamScale}, {Reduction}";

        private static string Show(double[] numbers) =>
            string.Join(' ', numbers.Take(100)) + (numbers.Length > 100 ? " …" : "");

        private Case With(int classes) =>
            this with
            {
                Classes = classes,
                Logits = [.. Logits.Where((_, i) => i % Classes < classes)],
                Labels = [.. Labels.Select(label => Math.Min(label, classes - 1))],
                Distributions = [.. Distributions.Where((_, i) => i % Classes < classes)],
                Weights = [.. Weights.Take(classes)],
            };
    }

    private sealed record Results(
        double[] Gradient,
        double[] Losses,
        double[] LogSumExp,
        double[] ZLosses,
        SoftmaxCrossEntropyResult Totals)
    {
        internal static Results Concat(Results[] rows) =>
            new(
                [.. rows.SelectMany(row => row.Gradient)],
                [.. rows.SelectMany(row => row.Losses)],
                [.. rows.SelectMany(row => row.LogSumExp)],
                [.. rows.SelectMany(row => row.ZLosses)],
                new()
                {
                    Loss = null,
                    ZLoss = null,
                    Weight = rows.Sum(row => row.Totals.Weight),
                    Rows = rows.Sum(row => row.Totals.Rows),
                    CorrectRows = rows.Sum(row => row.Totals.CorrectRows),
                });

        internal Results Only(Func<int, bool> row, int classes) =>
            new(
                [.. Gradient.Where((_, i) => row(i / classes))],
                [.. Losses.Where((_, i) => row(i))],
                [.. LogSumExp.Where((_, i) => row(i))],
                [.. ZLosses.Where((_, i) => row(i))],
                Totals);

        internal Property SameAs(Results expected) =>
            Same(expected.Gradient, Gradient, "gradient")
                .And(Same(expected.Losses, Losses, "loss"))
                .And(Same(expected.LogSumExp, LogSumExp, "lse"))
                .And(Same(expected.ZLosses, ZLosses, "z-loss"))
                .And((Totals == expected.Totals).Label($"{Totals}, not {expected.Totals}"));

        private static Property Same(double[] expected, double[] actual, string what)
        {
            int i = Elements.FirstDifference<double>(expected, actual);
            return (i < 0).Label(i < 0 ? what : $"{what} {i} is {actual[i]:r}, not {expected[i]:r}");
        }
    }

    /// <summary>
    /// The magnitude of the terms that each result is the sum of, by the formulas of docs/semantics.md; and lse.
    /// </summary>
    /// <remarks>
    /// Each term is within some ULP of its exact value; where logits are transformed or far away, u has been rounded
    /// to double before, which costs a double |u| ULP more. All comparisons are of at most three results.
    /// </remarks>
    private sealed class Terms
    {
        internal const double Ulps = 24;

        internal Terms(Case c, double shift = 0)
        {
            Gradient = new double[c.Logits.Length];
            Losses = new double[c.Rows];
            LogSumExp = new double[c.Rows];
            ZLosses = new double[c.Rows];
            Lse = new double[c.Rows];
            double range = c.Logits.Max(Math.Abs) * c.Scale;
            double far = Math.Abs(shift * c.Scale);
            double distance = default(T) is double ? 1 + range + far : 1;
            Rounding = FamilyPropertyTests<T>.Rounding * Ulps;
            for (int row = 0; row < c.Rows; row++)
            {
                double[] u = [.. c.Logits.AsSpan(row * c.Classes, c.Classes).ToArray().Select(z =>
                    c.Softcap is { } cap ? cap * Math.Tanh(c.Scale * z / cap) : c.Scale * z)];
                double greatest = u.Max();
                double lse = greatest + Math.Log(u.Sum(x => Math.Exp(x - greatest)));
                double[] b = new double[c.Classes];
                for (int k = 0; k < c.Classes; k++)
                {
                    double q = c.Distributions.Length > 0
                        ? c.Distributions[(row * c.Classes) + k]
                        : c.Labels[row] == k ? 1 : 0;
                    double weight = c.Weights.Length > 0 ? c.Weights[k] : 1;
                    b[k] = weight * (((1 - c.Smoothing) * q) + (c.Smoothing / c.Classes));
                }

                double sum = b.Sum();
                double factor = Math.Abs(c.UpstreamScale * c.Scale * (c.Upstream.Length > 0 ? c.Upstream[row] : 1));
                for (int k = 0; k < c.Classes; k++)
                {
                    double p = Math.Exp(u[k] - lse);
                    double slope = c.Softcap is { } cap ? 1 - Math.Pow(u[k] / cap, 2) : 1;

                    // Near the cap the slope is what is left of 1, in the test's formula more than in the library's.
                    slope = Math.Max(slope, c.Softcap is null ? 0 : 1e-14);
                    Gradient[(row * c.Classes) + k] =
                        ((p * (sum + Math.Abs(2 * c.ZLossScale * lse))) + b[k]) * factor * slope * distance;
                    Losses[row] += b[k] * (lse - u[k] + 1) * distance;
                }

                Lse[row] = lse;
                LogSumExp[row] = (Math.Abs(lse) + range + far + 1) * distance;
                ZLosses[row] = Math.Abs(c.ZLossScale) * lse * lse * distance
                    + (Math.Abs(c.ZLossScale * lse) * 2 * distance);
            }
        }

        internal double Rounding { get; }

        internal double[] Gradient { get; }

        internal double[] Losses { get; }

        internal double[] LogSumExp { get; }

        internal double[] ZLosses { get; }

        internal double[] Lse { get; }
    }
}
