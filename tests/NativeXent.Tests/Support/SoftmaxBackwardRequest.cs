using NativeXent.Jobs;

namespace NativeXent.Tests.Support;

/// <summary>A call of <see cref="Softmax"/> or <see cref="LogSoftmax"/>, backward.</summary>
internal sealed record SoftmaxBackwardRequest(ulong Seed) : RowsRequest(Seed)
{
    public bool Log { get; init; }

    public NumberKinds Upstream { get; init; } = NumberKinds.Ordinary;

    public int UpstreamGap { get; init; }

    /// <summary>Whether the forward output is any numbers, and not the softmax of logits.</summary>
    public bool AnyOutput { get; init; }

    public GradientUse Gradient { get; init; } = GradientUse.OutOfPlace;

    /// <summary>What the backends can do and the facade does not ask for.</summary>
    public bool Accumulate { get; init; }

    internal static SoftmaxBackwardRequest Generate(ulong seed)
    {
        SplitMix64 random = new(seed);
        return AnyShape(new SoftmaxBackwardRequest(seed), random) with
        {
            Log = random.OneIn(2),
            Upstream = random.Element(
            [
                NumberKinds.Ordinary, NumberKinds.Ordinary, NumberKinds.Zero, NumberKinds.Extreme, NumberKinds.All,
            ]),
            UpstreamGap = AnyGap(random),
            AnyOutput = random.OneIn(4),
            Gradient = random.Element(
                [GradientUse.OutOfPlace, GradientUse.OutOfPlace, GradientUse.InPlace, GradientUse.OverUpstream]),
            Accumulate = random.OneIn(3),
        };
    }

    internal override IEnumerable<Request> Simpler() =>
        base.Simpler().Concat(new[]
        {
            this with { Gradient = GradientUse.OutOfPlace },
            this with { Accumulate = false },
            this with { AnyOutput = false },
            this with { Upstream = NumberKinds.Ordinary },
            this with { UpstreamGap = 0 },
            this with { Log = false },
        }.Where(request => request != this));

    protected override Func<ExecutionOptions, Snapshot> Prepare<T>()
    {
        Place outputPlace = Matrix(LogitsGap);
        Place upstreamPlace = Matrix(UpstreamGap, 3);
        Place gradientPlace = Gradient switch
        {
            GradientUse.InPlace => outputPlace,
            GradientUse.OverUpstream => upstreamPlace,
            _ => Matrix(DestinationGap, 5),
        };
        T[] output = Matrix<T>(outputPlace, Purpose.Logits, FillOutput);
        T[] upstream = Matrix<T>(upstreamPlace, Purpose.Upstream, (random, g, _) => Fill(random, g, Upstream));
        T[] destination = Accumulate
            ? Matrix<T>(gradientPlace, Purpose.Destination, (random, g, _) => Fill(random, g, NumberKinds.Extreme))
            : Elements.Sentinels<T>(gradientPlace.Length);
        LogitsLayout layout = new(Classes)
        {
            InnerSize = InnerSize,
            Stride = outputPlace.Stride,
            UpstreamStride = upstreamPlace.Stride,
            DestinationStride = gradientPlace.Stride,
        };
        return execution =>
        {
            T[] y = [.. output];
            T[] g = [.. upstream];
            T[] own = [.. destination];
            T[] gradient = Gradient switch
            {
                GradientUse.InPlace => y,
                GradientUse.OverUpstream => g,
                _ => own,
            };
            Call(
                y.AsSpan(outputPlace.Begin, outputPlace.Extent),
                g.AsSpan(upstreamPlace.Begin, upstreamPlace.Extent),
                gradient.AsSpan(gradientPlace.Begin, gradientPlace.Extent),
                layout,
                execution with { MaxDegreeOfParallelism = Threads });

            Snapshot snapshot = new();
            Add("the output", outputPlace, output, y);
            Add("upstream", upstreamPlace, upstream, g);
            Add("the destination", gradientPlace, destination, own);
            return snapshot;

            void Add(string name, Place place, T[] before, T[] after)
            {
                if (after == gradient)
                {
                    snapshot.AddOutput($"the gradient in {name}", place, before, after);
                }
                else
                {
                    snapshot.AddInput(name, before, after);
                }
            }
        };
    }

    private unsafe void Call<T>(
        Span<T> output, Span<T> upstream, Span<T> gradient, LogitsLayout layout, ExecutionOptions execution)
        where T : unmanaged
    {
        if (!Accumulate)
        {
            if (Log)
            {
                LogSoftmax.Backward<T>(output, upstream, layout, gradient, execution);
            }
            else
            {
                Softmax.Backward<T>(output, upstream, layout, gradient, execution);
            }

            return;
        }

        fixed (T* y = output, g = upstream, destination = gradient)
        {
            SoftmaxBackwardJob job = new()
            {
                ElementType = Type,
                Log = Log,
                Accumulate = true,
                BatchSize = (nuint)Samples,
                Classes = (nuint)Classes,
                InnerSize = (nuint)InnerSize,
                RowEnd = (nuint)Rows,
                Output = y,
                OutputStride = (nuint)layout.Stride,
                Upstream = g,
                UpstreamStride = (nuint)layout.UpstreamStride,
                Gradient = destination,
                GradientStride = (nuint)layout.DestinationStride,
            };
            SoftmaxBackwardJob.Run(job, execution.Backend == NativeXentBackend.Native, out _);
        }
    }

    private void FillOutput(SplitMix64 random, double[] y, int row)
    {
        if (AnyOutput)
        {
            Fill(random, y, NumberKinds.All);
            return;
        }

        RandomNumbers.FillLogits(random, Logits, Type, y, row % Classes);
        double greatest = y.Max();
        double sum = y.Sum(z => Math.Exp(z - greatest));
        for (int c = 0; c < y.Length; c++)
        {
            double log = y[c] - greatest - Math.Log(sum);
            y[c] = Log ? log : Math.Exp(log);
        }
    }

    private void Fill(SplitMix64 random, double[] numbers, NumberKinds kinds)
    {
        for (int c = 0; c < numbers.Length; c++)
        {
            numbers[c] = RandomNumbers.Any(random, kinds, Type);
        }
    }
}
