namespace NativeXent.Tests.Support;

/// <summary>A batch of rows with targets of any kind, in an element type.</summary>
internal sealed class Problem<T>
    where T : unmanaged
{
    private Problem(Batch batch, SoftmaxCrossEntropyOptions? options)
        : this(batch.Classes, Elements.Of<T>(batch.Logits), [.. batch.Labels], options)
    {
    }

    private Problem(int classes, T[] logits, int[] labels, SoftmaxCrossEntropyOptions? options)
    {
        Classes = classes;
        Logits = logits;
        Labels = labels;
        Options = options;
    }

    internal int Classes { get; }

    internal int Rows => Labels.Length;

    internal T[] Logits { get; }

    internal int[] Labels { get; }

    /// <summary>Or none, where targets are labels.</summary>
    internal T[] Distributions { get; private init; } = [];

    /// <summary>Or none.</summary>
    internal T[] Upstream { get; private init; } = [];

    internal SoftmaxCrossEntropyOptions? Options { get; }

    internal bool HasLabels => Distributions.Length == 0;

    private static SoftmaxCrossEntropyOptions SomeOptions { get; } = new()
    {
        LabelSmoothing = 0.125,
        ZLossScale = 0.01,
        Scale = 0.75,
        Softcap = 40,
        UpstreamScale = 3,
        CountCorrect = true,
    };

    /// <summary>Nothing but labels.</summary>
    internal static Problem<T> Plain(Batch batch) => new(batch, null);

    /// <summary>Labels, some to be ignored, and every option.</summary>
    internal static Problem<T> WithEverything(Batch batch)
    {
        const int Ignored = -100;
        Problem<T> problem = new(
            batch,
            SomeOptions with
            {
                IgnoreIndex = Ignored,
                ClassWeights = (double[])[.. Enumerable.Range(0, batch.Classes).Select(c => c % 7 / 4.0)],
            })
        {
            Upstream = UpstreamFor(batch),
        };
        for (int i = 1; i < batch.Rows; i += 3)
        {
            problem.Labels[i] = Ignored;
        }

        return problem;
    }

    /// <summary>Distributions that sum to 1 or not, and options.</summary>
    internal static Problem<T> WithDistributions(Batch batch)
    {
        SplitMix64 random = new((ulong)batch.Logits.Length);
        return new(batch, SomeOptions)
        {
            Upstream = UpstreamFor(batch),
            Distributions =
            [
                .. batch.Logits.Select(_ => Elements.Of<T>(random.OneIn(3) ? 0 : Math.Abs(random.Uniform(1)))),
            ],
        };
    }

    internal Problem<T> With(SoftmaxCrossEntropyOptions options) =>
        new(Classes, Logits, Labels, options) { Distributions = Distributions, Upstream = Upstream };

    internal Outcome<T> Gradient(ExecutionOptions execution)
    {
        Outcome<T> outcome = new(Logits.Length, Rows);
        outcome.Totals = Gradient(
            Logits, Labels, Distributions, Classes, outcome.Gradient, RowsOf(outcome), execution);
        return outcome;
    }

    internal Outcome<T> Loss(ExecutionOptions execution)
    {
        Outcome<T> outcome = new(0, Rows);
        outcome.Totals = HasLabels
            ? SoftmaxCrossEntropy.Loss<T>(Logits, Labels, Classes, Options, RowsOf(outcome), execution)
            : SoftmaxCrossEntropy.Loss<T>(Logits, Distributions, Classes, Options, RowsOf(outcome), execution);
        return outcome;
    }

    internal Outcome<T> RowByRow(ExecutionOptions execution)
    {
        Outcome<T> outcome = new(Logits.Length, Rows);
        for (int i = 0; i < Rows; i++)
        {
            _ = Gradient(
                Logits.AsSpan(i * Classes, Classes),
                Labels.AsSpan(i, 1),
                HasLabels ? [] : Distributions.AsSpan(i * Classes, Classes),
                Classes,
                outcome.Gradient.AsSpan(i * Classes, Classes),
                new()
                {
                    Upstream = Upstream.Length == 0 ? [] : Upstream.AsSpan(i, 1),
                    Losses = outcome.Losses.AsSpan(i, 1),
                    LogSumExp = outcome.LogSumExp.AsSpan(i, 1),
                    ZLosses = outcome.ZLosses.AsSpan(i, 1),
                },
                execution);
        }

        return outcome;
    }

    /// <summary>The same call in any layout.</summary>
    internal SoftmaxCrossEntropyResult Gradient(
        ReadOnlySpan<T> logits,
        ReadOnlySpan<int> labels,
        ReadOnlySpan<T> distributions,
        LogitsLayout layout,
        Span<T> destination,
        RowBuffers<T> rows,
        ExecutionOptions execution) =>
        HasLabels
            ? SoftmaxCrossEntropy.Gradient(logits, labels, layout, destination, Options, rows, execution)
            : SoftmaxCrossEntropy.Gradient(logits, distributions, layout, destination, Options, rows, execution);

    internal RowBuffers<T> RowsOf(Outcome<T> outcome) =>
        new()
        {
            Upstream = Upstream,
            Losses = outcome.Losses,
            LogSumExp = outcome.LogSumExp,
            ZLosses = outcome.ZLosses,
        };

    public override string ToString() =>
        $"{Rows} rows of {Classes} {typeof(T).Name} classes, {(HasLabels ? "labels" : "distributions")}, {Options}";

    private static T[] UpstreamFor(Batch batch) =>
        [.. Enumerable.Range(0, batch.Rows).Select(i => Elements.Of<T>((i % 5) - 1.5))];
}
