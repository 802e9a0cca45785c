using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>
/// One answer for rows that are computed in groups, whatever their scales: every backend on every instruction set gives
/// the bits that the first target gives.
/// </summary>
[TestFixtureSource(typeof(Target), nameof(Target.Others))]
[NonParallelizable]
public sealed class RowGroupParityTests(Target target)
{
    private const int Ignored = -100;
    private const int Rows = 150;
    private const int MostClassesWithSoftcap = 129; // with more, rows with a softcap go alone

    // Every combination of these.
    [Flags]
    private enum Features
    {
        None = 0,
        Weights = 1,
        Upstream = 2,
        LossScale = 4,
        IgnoredRows = 8,
        Outputs = 16,
        ZLoss = 32,
        CountAndAccumulate = 64,
        Softcap = 128,
        All = 255,
    }

    [Test]
    public void Scales_of_zero_and_above_two_and_ignored_rows_of_float(
        [Values(1, 2, 3, 4, 10, 16, 17, 100, 128, 129, 300, 2000)] int classes) => AssertSameBits<float>(classes);

    [Test]
    public void Scales_of_zero_and_above_two_and_ignored_rows_of_double(
        [Values(1, 2, 3, 4, 10, 16, 17, 100, 128, 129, 300, 2000)] int classes) => AssertSameBits<double>(classes);

    [Test]
    public void Scales_of_zero_and_above_two_and_ignored_rows_of_half([Values(3, 10, 100, 300)] int classes) =>
        AssertSameBits<Half>(classes);

    [Test]
    public void Scales_of_zero_and_above_two_and_ignored_rows_of_bfloat16([Values(3, 10, 100, 300)] int classes) =>
        AssertSameBits<BFloat16>(classes);

    // Ignored are single rows, some of them with NaN or far numbers, and more in a row than a group has.
    private static bool IsIgnored(int row, SplitMix64 random) => row is >= 60 and < 100 || random.OneIn(6);

    // Half of the labels are the greatest of their rows, some of them one of two. Far logits keep a group together only
    // under a softcap; others have them in the first rows.
    private static void FillRow<T>(SplitMix64 random, bool ignored, bool far, int label, Span<T> z)
        where T : unmanaged
    {
        foreach (ref T logit in z)
        {
            logit = Elements.Of<T>(random.Normal(3));
        }

        if (ignored)
        {
            z[random.Below(z.Length)] = Elements.Of<T>(
                random.Element([0, float.NaN, float.PositiveInfinity, float.NegativeInfinity, 30_000]));
        }
        else if (random.OneIn(2))
        {
            z[label] = Elements.Of<T>(20);
            z[random.Below(z.Length)] = Elements.Of<T>(random.Element([19, 20]));
        }
        else if (far && random.OneIn(3))
        {
            z[random.OneIn(2) ? label : random.Below(z.Length)] = Elements.Of<T>(
                random.Element([float.NegativeInfinity, float.NegativeInfinity, -30_000, 30_000]));
        }
    }

    private static T UpstreamOf<T>(SplitMix64 random, bool ignored)
        where T : unmanaged =>
        Elements.Of<T>(ignored && random.OneIn(2) ? float.NaN : random.Element([0, -0f, 0.5f, 1, 3000]));

    private static Snapshot Compute<T>(int classes, Features features, ulong seed, ExecutionOptions execution)
        where T : unmanaged
    {
        SplitMix64 random = new(seed);
        bool capped = features.HasFlag(Features.Softcap);
        T[] z = new T[Rows * classes];
        int[] labels = new int[Rows];
        T[] upstream = features.HasFlag(Features.Upstream) ? new T[Rows] : [];
        for (int i = 0; i < Rows; i++)
        {
            bool ignored = features.HasFlag(Features.IgnoredRows) && IsIgnored(i, random);
            labels[i] = ignored ? Ignored : random.Below(classes);
            FillRow<T>(random, ignored, capped || i < 30, labels[i], z.AsSpan(i * classes, classes));
            if (upstream.Length > 0)
            {
                upstream[i] = UpstreamOf<T>(random, ignored);
            }
        }

        bool counts = features.HasFlag(Features.CountAndAccumulate);
        bool writes = features.HasFlag(Features.Outputs);
        SoftmaxCrossEntropyOptions options = new()
        {
            Reduction = writes ? Reduction.Sum : Reduction.None,
            ClassWeights = features.HasFlag(Features.Weights)
                ? Enumerable.Range(0, classes).Select(_ => random.Element([0, 0.5, 2, 2.5, 7])).ToArray()
                : default,
            UpstreamScale = features.HasFlag(Features.LossScale) ? 1024 : 1,
            IgnoreIndex = features.HasFlag(Features.IgnoredRows) ? Ignored : null,
            ZLossScale = features.HasFlag(Features.ZLoss) ? 0.01 : 0,
            LabelSmoothing = random.Element([0, 0.1, 1]),
            Softcap = capped ? random.Element([0.1, 5, 30, 20_000]) : null,
            Scale = capped ? random.Element([1, 0.25, 3]) : 1,
            CountCorrect = counts,
            Accumulate = counts,
        };
        Place matrix = new(Rows, classes);
        Place column = new(Rows, 1);
        T[] unwritten = Elements.Sentinels<T>(matrix.Length);
        T[] gradient = [.. unwritten];
        if (counts)
        {
            foreach (ref T old in gradient.AsSpan(matrix.Begin, matrix.Extent))
            {
                old = Elements.Of<T>(random.Element([0, -0f, 1e-6f, 0.3f, -2, float.NaN]));
            }
        }

        T[][] outputs = [.. Enumerable.Range(0, 3).Select(_ => Elements.Sentinels<T>(column.Length))];
        SoftmaxCrossEntropyResult totals = SoftmaxCrossEntropy.Gradient(
            z,
            labels,
            classes,
            gradient.AsSpan(matrix.Begin, matrix.Extent),
            options,
            rows: new()
            {
                Upstream = upstream,
                Losses = writes ? outputs[0].AsSpan(column.Begin, column.Extent) : default,
                LogSumExp = writes ? outputs[1].AsSpan(column.Begin, column.Extent) : default,
                ZLosses = writes ? outputs[2].AsSpan(column.Begin, column.Extent) : default,
            },
            execution: execution);

        Snapshot snapshot = new();
        snapshot.AddOutput("the gradient", matrix, unwritten, gradient);
        snapshot.AddOutput("losses", column, Elements.Sentinels<T>(column.Length), outputs[0]);
        snapshot.AddOutput("log-sum-exp", column, Elements.Sentinels<T>(column.Length), outputs[1]);
        snapshot.AddOutput("z-losses", column, Elements.Sentinels<T>(column.Length), outputs[2]);
        snapshot.AddTotal("loss", totals.Loss);
        snapshot.AddTotal("z-loss", totals.ZLoss);
        snapshot.AddTotal("weight", totals.Weight);
        snapshot.AddTotal("rows", totals.Rows);
        snapshot.AddTotal("correct rows", totals.CorrectRows ?? 0);
        return snapshot;
    }

    private void AssertSameBits<T>(int classes)
        where T : unmanaged
    {
        Features last = classes > MostClassesWithSoftcap ? Features.Softcap - 1 : Features.All;

        // With so many classes a third of them, by a step that brings each feature together with each other.
        int step = classes < 300 ? 1 : 3;
        for (Features features = Features.None; features <= last; features += step)
        {
            ulong seed = (ulong)((classes * 100) + (int)features);
            Snapshot actual = target.Run(execution => Compute<T>(classes, features, seed, execution));
            Snapshot expected = Target.First.Run(execution => Compute<T>(classes, features, seed, execution));
            Assert.That(
                actual.DifferenceFrom(expected),
                Is.Null,
                $"{target} against {Target.First}, {classes} classes, {features}, seed {seed}");
        }
    }
}
