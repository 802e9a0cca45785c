using NativeXent.Jobs;

namespace NativeXent.Tests.Support;

/// <summary>A call of <see cref="SoftmaxCrossEntropy"/>.</summary>
internal sealed record SoftmaxCrossEntropyRequest(ulong Seed) : RowsRequest(Seed)
{
    public TargetType Targets { get; init; }

    public int TargetsGap { get; init; }

    /// <summary>Of the distributions.</summary>
    public NumberKinds Distributions { get; init; }

    public GradientUse Gradient { get; init; } = GradientUse.OutOfPlace;

    public bool Accumulate { get; init; }

    public Reduction Reduction { get; init; }

    public double Smoothing { get; init; }

    public NumberKinds Weights { get; init; }

    public long? IgnoreIndex { get; init; }

    /// <summary>One label in so many is to be ignored.</summary>
    public int OneIgnoredIn { get; init; } = 1;

    public double ZLossScale { get; init; }

    public double Scale { get; init; } = 1;

    public double? Softcap { get; init; }

    public double UpstreamScale { get; init; } = 1;

    public NumberKinds Upstream { get; init; }

    public bool CountCorrect { get; init; }

    public bool WantsLosses { get; init; }

    public bool WantsLogSumExp { get; init; }

    public bool WantsZLosses { get; init; }

    private bool WantsNothing =>
        Gradient == GradientUse.None && Reduction == Reduction.None
        && !CountCorrect && !WantsLosses && !WantsLogSumExp && !WantsZLosses;

    /// <summary>Any request but those that are refused.</summary>
    internal static SoftmaxCrossEntropyRequest Generate(ulong seed)
    {
        SplitMix64 random = new(seed);

        // So that some have no option, and some nearly all.
        int often = random.Element<int>([0, 10, 25, 50, 80]);
        SoftmaxCrossEntropyRequest request = AnyShape(new SoftmaxCrossEntropyRequest(seed), random) with
        {
            Targets = random.Element<TargetType>(
            [
                TargetType.LabelsInt32, TargetType.LabelsInt32, TargetType.LabelsInt64, TargetType.Distribution,
            ]),
            TargetsGap = AnyGap(random),
            Distributions = random.Element(
                [NumberKinds.Ordinary, NumberKinds.Ordinary, NumberKinds.Extreme, NumberKinds.All]),
            Gradient = random.OneIn(6) ? GradientUse.None
                : random.OneIn(2) ? GradientUse.InPlace : GradientUse.OutOfPlace,
            Accumulate = Has(),
            Reduction = Has() ? random.Element([Reduction.Sum, Reduction.Mean]) : Reduction.None,
            Smoothing = Has()
                ? random.Element([0.1, 0.1, 0.5, 1, 1e-9, 1e-300, Math.BitDecrement(1.0), Fraction(random)])
                : 0,
            Weights = Has() ? AnyNumbers(random) : NumberKinds.None,
            OneIgnoredIn = random.Element([1, 2, 5]),
            ZLossScale = Has() ? random.Element([1e-4, 0.01, 1, -0.5, 1e-30, 1e10, -1e300, Fraction(random)]) : 0,
            Scale = Has() ? AnyScale(random) : 1,
            Softcap = Has() ? random.Element([30, 50, 5, 0.01, AnyScale(random)]) : null,
            UpstreamScale = Has()
                ? random.Element([-1, 2, 1 / 7.0, 0, -0.0, 1e-30, -1e30, 1e-310, 1e300, Fraction(random)])
                : 1,
            Upstream = Has() ? AnyNumbers(random) : NumberKinds.None,
            CountCorrect = Has(),
            WantsLosses = random.OneIn(2),
            WantsLogSumExp = Has(),
            WantsZLosses = Has(),
        };
        if (request.Targets != TargetType.Distribution && Has())
        {
            request = request with
            {
                IgnoreIndex = random.Element(
                    [-100, -1, random.Below(request.Classes), request.Classes, int.MinValue, long.MaxValue]),
            };
        }

        return request.WantsNothing ? request with { WantsLosses = true } : request;

        bool Has() => random.Below(100) < often;
    }

    internal override IEnumerable<Request> Simpler() =>
        base.Simpler().Concat(SimplerOptions()).Where(request => !((SoftmaxCrossEntropyRequest)request).WantsNothing);

    protected override Func<ExecutionOptions, Snapshot> Prepare<T>()
    {
        Place logitsPlace = Matrix(LogitsGap);
        Place targetsPlace = Matrix(TargetsGap, 3);
        Place destinationPlace = Matrix(DestinationGap, 5);
        Place[] columns = [Column(7), Column(2), Column(11), Column(13)];
        long[] labels = [.. Enumerable.Range(0, Rows).Select(LabelOf)];
        T[] logits = Matrix<T>(logitsPlace, Purpose.Logits, (random, z, row) =>
            RandomNumbers.FillLogits(random, Logits, Type, z, (int)((ulong)labels[row] % (ulong)Classes)));
        T[] distributions = Targets == TargetType.Distribution
            ? Matrix<T>(targetsPlace, Purpose.Distribution, (random, q, _) =>
                RandomNumbers.FillDistribution(random, Distributions, Type, q))
            : [];
        T[] destination = Accumulate
            ? Matrix<T>(destinationPlace, Purpose.Destination, (random, old, _) =>
            {
                for (int c = 0; c < old.Length; c++)
                {
                    old[c] = RandomNumbers.Any(random, NumberKinds.Extreme, Type);
                }
            })
            : Elements.Sentinels<T>(destinationPlace.Length);
        T[] upstream = Column<T>(columns[0], Purpose.Upstream, random => RandomNumbers.Any(random, Upstream, Type));
        T[] rowOutput = Elements.Sentinels<T>(columns.Max(place => place.Length));
        LogitsLayout layout = new(Classes)
        {
            InnerSize = InnerSize,
            Stride = logitsPlace.Stride,
            TargetsStride = targetsPlace.Stride,
            DestinationStride = Gradient == GradientUse.InPlace ? logitsPlace.Stride : destinationPlace.Stride,
        };
        SoftmaxCrossEntropyOptions options = MakeOptions();
        return execution =>
        {
            T[] z = [.. logits];
            T[] q = [.. distributions];
            T[] gradient = [.. destination];
            T[] g = [.. upstream];
            T[] losses = rowOutput[..columns[1].Length];
            T[] logSumExp = rowOutput[..columns[2].Length];
            T[] zLosses = rowOutput[..columns[3].Length];
            SoftmaxCrossEntropyResult totals = Call(
                z,
                q,
                gradient,
                g,
                losses,
                logSumExp,
                zLosses,
                execution);

            Snapshot snapshot = new();
            if (Gradient == GradientUse.InPlace)
            {
                snapshot.AddOutput("the gradient in place", logitsPlace, logits, z);
                snapshot.AddInput("an unused destination", destination, gradient);
            }
            else
            {
                snapshot.AddInput("logits", logits, z);
                snapshot.AddOutput("the gradient", destinationPlace, destination, gradient);
            }

            snapshot.AddInput("distributions", distributions, q);
            snapshot.AddInput("upstream", upstream, g);
            snapshot.AddOutput("losses", columns[1], rowOutput[..losses.Length], losses);
            snapshot.AddOutput("log-sum-exp", columns[2], rowOutput[..logSumExp.Length], logSumExp);
            snapshot.AddOutput("z-losses", columns[3], rowOutput[..zLosses.Length], zLosses);
            snapshot.AddTotal("loss", totals.Loss);
            snapshot.AddTotal("z-loss", totals.ZLoss);
            snapshot.AddTotal("weight", totals.Weight);
            snapshot.AddTotal("rows", totals.Rows);
            snapshot.AddTotal("correct rows", totals.CorrectRows ?? -1);
            return snapshot;
        };

        unsafe SoftmaxCrossEntropyResult Call(
            T[] z, T[] q, T[] gradient, T[] g, T[] losses, T[] logSumExp, T[] zLosses, ExecutionOptions execution)
        {
            int[] labels32 = Targets == TargetType.LabelsInt32 ? [.. labels.Select(label => (int)label)] : [];
            fixed (T* pz = z, pq = q, pGradient = gradient, pg = g)
            fixed (T* pLosses = losses, pLogSumExp = logSumExp, pZLosses = zLosses)
            fixed (int* p32 = labels32)
            fixed (long* p64 = labels)
            {
                SoftmaxCrossEntropyPointers<T> pointers = new()
                {
                    Logits = pz + logitsPlace.Begin,
                    Labels32 = p32,
                    Labels64 = Targets == TargetType.LabelsInt64 ? p64 : null,
                    Distributions = pq is null ? null : pq + targetsPlace.Begin,
                    Destination = Gradient switch
                    {
                        GradientUse.None => null,
                        GradientUse.InPlace => pz + logitsPlace.Begin,
                        _ => pGradient + destinationPlace.Begin,
                    },
                    Upstream = Upstream == NumberKinds.None ? null : pg + columns[0].Begin,
                    Losses = WantsLosses ? pLosses + columns[1].Begin : null,
                    LogSumExp = WantsLogSumExp ? pLogSumExp + columns[2].Begin : null,
                    ZLosses = WantsZLosses ? pZLosses + columns[3].Begin : null,
                };
                return SoftmaxCrossEntropy.Compute(
                    pointers, Samples, layout, options, execution with { MaxDegreeOfParallelism = Threads });
            }
        }
    }

    private static double Fraction(SplitMix64 random) => Math.Abs(random.Uniform(1));

    private static double AnyScale(SplitMix64 random) =>
        random.Element(
        [
            0.5, 0.7, 2, 10, 1e-3, Math.ScaleB(1, -64), Math.ScaleB(1, 64),
            (1 + Fraction(random)) * Math.ScaleB(1, random.Below(7) - 3),
        ]);

    private static NumberKinds AnyNumbers(SplitMix64 random) =>
        random.Element(
            [NumberKinds.Ordinary, NumberKinds.Ordinary, NumberKinds.Zero, NumberKinds.Extreme, NumberKinds.All]);

    private long LabelOf(int row)
    {
        SplitMix64 random = RandomOf(row, Purpose.Label);
        bool fits = Targets == TargetType.LabelsInt64 || IgnoreIndex == (int?)IgnoreIndex;
        return random.OneIn(OneIgnoredIn) && IgnoreIndex is { } ignored && fits
            ? ignored
            : random.Below(3) switch
            {
                0 => 0,
                1 => Classes - 1,
                _ => random.Below(Classes),
            };
    }

    private SoftmaxCrossEntropyOptions MakeOptions()
    {
        SplitMix64 random = new(~Seed);
        double[] weights = Weights == NumberKinds.None ? [] : new double[Classes];
        for (int c = 0; c < weights.Length; c++)
        {
            // Weights must be finite, and so must a mean's sum of them and its inverse.
            weights[c] = Math.Abs(RandomNumbers.Any(
                random,
                Weights == NumberKinds.All ? NumberKinds.Extreme : Weights,
                Reduction == Reduction.Mean ? ElementType.Float32 : ElementType.Float64));
        }

        return new()
        {
            Reduction = Reduction,
            IgnoreIndex = IgnoreIndex,
            LabelSmoothing = Smoothing,
            ClassWeights = weights,
            ZLossScale = ZLossScale,
            Scale = Scale,
            Softcap = Softcap,
            UpstreamScale = Reduction == Reduction.Mean ? Math.Clamp(UpstreamScale, -1e250, 1e250) : UpstreamScale,
            Accumulate = Accumulate,
            CountCorrect = CountCorrect,
        };
    }

    private IEnumerable<Request> SimplerOptions()
    {
        SoftmaxCrossEntropyRequest[] simpler =
        [
            this with { Targets = TargetType.LabelsInt32 },
            this with { TargetsGap = 0 },
            this with { Distributions = NumberKinds.Ordinary },
            this with { Gradient = GradientUse.None },
            this with { Gradient = GradientUse.OutOfPlace },
            this with { Accumulate = false },
            this with { Reduction = Reduction.None },
            this with { Smoothing = 0 },
            this with { Weights = NumberKinds.None },
            this with { Weights = NumberKinds.Ordinary },
            this with { IgnoreIndex = null },
            this with { ZLossScale = 0 },
            this with { Scale = 1 },
            this with { Softcap = null },
            this with { UpstreamScale = 1 },
            this with { Upstream = NumberKinds.None },
            this with { Upstream = NumberKinds.Ordinary },
            this with { CountCorrect = false },
            this with { WantsLosses = false },
            this with { WantsLogSumExp = false },
            this with { WantsZLosses = false },
        ];
        return simpler.Where(request =>
            request != this
            && (request.Gradient == Gradient || Gradient > request.Gradient)
            && (request.Weights == Weights || Weights > request.Weights)
            && (request.Upstream == Upstream || Upstream > request.Upstream));
    }
}
