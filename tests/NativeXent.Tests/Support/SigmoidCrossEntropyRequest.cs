using NativeXent.Jobs;

namespace NativeXent.Tests.Support;

/// <summary>A call of <see cref="SigmoidCrossEntropy"/>.</summary>
internal sealed record SigmoidCrossEntropyRequest(ulong Seed) : Request(Seed)
{
    private static readonly string[] Names = ["logits", "targets", "weights", "upstream", "the gradient", "losses"];

    public int Count { get; init; } = 1;

    /// <summary>The number of its first logit: logits have numbers from the seed and their own number.</summary>
    public int First { get; init; }

    public LogitKinds Logits { get; init; }

    public NumberKinds Targets { get; init; } = NumberKinds.Ordinary;

    public NumberKinds Weights { get; init; }

    public NumberKinds Upstream { get; init; }

    public int PositiveWeights { get; init; }

    public NumberKinds PositiveWeightKinds { get; init; } = NumberKinds.Ordinary;

    public GradientUse Gradient { get; init; } = GradientUse.OutOfPlace;

    public bool Accumulate { get; init; }

    public bool WantsLosses { get; init; }

    /// <summary>The losses go over the logits.</summary>
    public bool LossesInPlace { get; init; }

    public Reduction Reduction { get; init; }

    public double Smoothing { get; init; }

    public double UpstreamScale { get; init; } = 1;

    internal static SigmoidCrossEntropyRequest Generate(ulong seed)
    {
        SplitMix64 random = new(seed);
        int often = random.Element<int>([0, 20, 50, 80]);
        SigmoidCrossEntropyRequest request = new(seed)
        {
            Type = AnyType(random),
            Count = random.OneIn(25) ? 60_000 + random.Below(100_000) : random.Length(1, 2000),
            Logits = random.Element([LogitKinds.Close, LogitKinds.Ordinary, LogitKinds.All]),
            Targets = random.Element(
            [
                NumberKinds.None, NumberKinds.Ordinary, NumberKinds.Ordinary, NumberKinds.Extreme, NumberKinds.All,
            ]),
            Weights = AnyNumbers(),
            Upstream = AnyNumbers(),
            PositiveWeights = Has() ? random.Element([1, 2, 15, 16, 17, 100, 3000]) : 0,
            PositiveWeightKinds = random.Element([NumberKinds.Ordinary, NumberKinds.Zero, NumberKinds.Extreme]),
            Gradient = random.Element([GradientUse.None, GradientUse.OutOfPlace, GradientUse.InPlace]),
            Accumulate = Has(),
            WantsLosses = random.OneIn(2),
            LossesInPlace = random.OneIn(3),
            Reduction = random.Element([Reduction.None, Reduction.Sum, Reduction.Mean]),
            Smoothing = Has() ? random.Element([0.1, 1, 1e-9, Math.Abs(random.Uniform(1))]) : 0,
            UpstreamScale = Has() ? random.Element([-1, 0, -0.0, 3, 1e-30, 1e30, 1e-310, 1e300]) : 1,
            Offset = random.Below(16),
            Threads = AnyThreads(random),
        };
        return request.WantsNothing ? request with { WantsLosses = true } : request;

        bool Has() => random.Below(100) < often;

        NumberKinds AnyNumbers() => Has()
            ? random.Element([NumberKinds.Ordinary, NumberKinds.Zero, NumberKinds.Extreme, NumberKinds.All])
            : NumberKinds.None;
    }

    // The gradient is there already.
    private bool LossesOverLogits => WantsLosses && LossesInPlace && Gradient != GradientUse.InPlace;

    private bool WantsNothing =>
        Gradient == GradientUse.None && Reduction == Reduction.None && !WantsLosses;

    internal override IEnumerable<Request> Simpler()
    {
        SigmoidCrossEntropyRequest[] simpler =
        [
            this with { Count = (Count + 1) / 2 },
            this with { Count = (Count + 1) / 2, First = First + (Count / 2) },
            this with { Count = Math.Max(1, Count - 1) },
            this with { Count = Math.Max(1, Count - 1), First = Count == 1 ? First : First + 1 },
            this with { Logits = LogitKinds.Close },
            this with { Targets = NumberKinds.None },
            this with { Weights = NumberKinds.None },
            this with { Upstream = NumberKinds.None },
            this with { PositiveWeights = 0 },
            this with { PositiveWeights = PositiveWeights / 2 },
            this with { Gradient = GradientUse.None },
            this with { Gradient = Gradient == GradientUse.InPlace ? GradientUse.OutOfPlace : Gradient },
            this with { Accumulate = false },
            this with { WantsLosses = false },
            this with { LossesInPlace = false },
            this with { Reduction = Reduction.None },
            this with { Smoothing = 0 },
            this with { UpstreamScale = 1 },
        ];
        return simpler.Where(request => request != this && !request.WantsNothing).Concat(base.Simpler());
    }

    protected override Func<ExecutionOptions, Snapshot> Prepare<T>()
    {
        Place[] places =
            [.. Enumerable.Range(0, Names.Length).Select(i => new Place(Count, 1) { Offset = (Offset + (i * 3)) % 16 })];
        T[][] before =
        [
            Column<T>(places[0], 0, FillLogits),
            Column<T>(places[1], 1, (random, y) => FillNumbers(random, y, Targets)),
            Column<T>(places[2], 2, (random, v) => FillNumbers(random, v, Weights)),
            Column<T>(places[3], 3, (random, g) => FillNumbers(random, g, Upstream)),
            Accumulate
                ? Column<T>(places[4], 4, (random, old) => FillNumbers(random, old, NumberKinds.Extreme))
                : Elements.Sentinels<T>(places[4].Length),
            Elements.Sentinels<T>(places[5].Length),
        ];
        SigmoidCrossEntropyOptions options = MakeOptions();
        return execution =>
        {
            T[][] after = [.. before.Select(elements => elements.ToArray())];
            int gradient = Gradient == GradientUse.InPlace ? 0 : 4;
            int losses = LossesOverLogits ? 0 : 5;
            SigmoidCrossEntropyResult totals = Call(
                i => after[i].AsSpan(places[i].Begin, places[i].Extent),
                gradient,
                losses,
                options,
                execution with { MaxDegreeOfParallelism = Threads });

            Snapshot snapshot = new();
            for (int i = 0; i < before.Length; i++)
            {
                if ((i == gradient && Gradient != GradientUse.None) || (i == losses && WantsLosses))
                {
                    snapshot.AddOutput($"the output in {Names[i]}", places[i], before[i], after[i]);
                }
                else
                {
                    snapshot.AddInput(Names[i], before[i], after[i]);
                }
            }

            snapshot.AddTotal("loss", totals.Loss);
            snapshot.AddTotal("elements", totals.Elements);
            return snapshot;
        };
    }

    private SigmoidCrossEntropyResult Call<T>(
        ColumnOf<T> column,
        int gradient,
        int losses,
        SigmoidCrossEntropyOptions options,
        ExecutionOptions execution)
        where T : unmanaged
    {
        ElementBuffers<T> elements = new()
        {
            Weights = Weights == NumberKinds.None ? [] : column(2),
            Upstream = Upstream == NumberKinds.None ? [] : column(3),
            Losses = WantsLosses ? column(losses) : [],
        };
        return Gradient == GradientUse.None
            ? SigmoidCrossEntropy.Loss<T>(column(0), column(1), options, elements, execution)
            : SigmoidCrossEntropy.Gradient<T>(column(0), column(1), column(gradient), options, elements, execution);
    }

    private SigmoidCrossEntropyOptions MakeOptions()
    {
        SplitMix64 random = new(~Seed);
        return new()
        {
            Reduction = Reduction,
            LabelSmoothing = Smoothing,
            PositiveWeights = (double[])
            [
                .. Enumerable.Range(0, PositiveWeights).Select(_ =>
                    Math.Abs(RandomNumbers.Any(random, PositiveWeightKinds, ElementType.Float64))),
            ],
            UpstreamScale = UpstreamScale,
            Accumulate = Accumulate,
        };
    }

    // Rows of 16 logits each, so that fewer of them have the same numbers.
    private T[] Column<T>(Place place, int purpose, Action<SplitMix64, double[]> fill)
        where T : unmanaged
    {
        const int Row = 16;
        T[] elements = Elements.Sentinels<T>(place.Length);
        double[] values = new double[Row];
        int filled = -1;
        for (int i = 0; i < Count; i++)
        {
            int row = (First + i) / Row;
            if (row != filled)
            {
                fill(new(Seed ^ (0x9e3779b97f4a7c15 * (((ulong)row * 16) + (ulong)purpose + 1))), values);
                filled = row;
            }

            elements[place.IndexOf(i, 0)] = Elements.Of<T>(values[(First + i) % Row]);
        }

        return elements;
    }

    private void FillLogits(SplitMix64 random, double[] logits) =>
        RandomNumbers.FillLogits(random, Logits, Type, logits, random.Below(logits.Length));

    // 0 and 1 where there are no others.
    private void FillNumbers(SplitMix64 random, double[] numbers, NumberKinds kinds)
    {
        for (int i = 0; i < numbers.Length; i++)
        {
            numbers[i] = kinds == NumberKinds.None ? random.Below(2) : RandomNumbers.Any(random, kinds, Type);
        }
    }

    private delegate Span<T> ColumnOf<T>(int number);
}
