using NativeXent.Jobs;

namespace NativeXent.Tests.Support;

/// <summary>A call of <see cref="Softmax"/> or <see cref="LogSoftmax"/>, forward.</summary>
internal sealed record SoftmaxRequest(ulong Seed) : RowsRequest(Seed)
{
    public bool Log { get; init; }

    public bool WantsOutput { get; init; } = true;

    /// <summary>With the output too, it is what the backends can do and the facade does not ask for.</summary>
    public bool WantsLogSumExp { get; init; }

    public bool InPlace { get; init; }

    internal static SoftmaxRequest Generate(ulong seed)
    {
        SplitMix64 random = new(seed);
        int wanted = random.Below(4);
        return AnyShape(new SoftmaxRequest(seed), random) with
        {
            Log = random.OneIn(2),
            WantsOutput = wanted != 0,
            WantsLogSumExp = wanted < 2,
            InPlace = random.OneIn(3),
        };
    }

    internal override IEnumerable<Request> Simpler() =>
        base.Simpler().Concat(new[]
        {
            this with { InPlace = false },
            this with { Log = false },
            this with { WantsLogSumExp = WantsLogSumExp && !WantsOutput },
            this with { WantsOutput = WantsOutput && !WantsLogSumExp },
        }.Where(request => request != this));

    protected override Func<ExecutionOptions, Snapshot> Prepare<T>()
    {
        Place logitsPlace = Matrix(LogitsGap);
        Place outputPlace = Matrix(DestinationGap, 5);
        Place column = Column(2);
        T[] logits = Matrix<T>(logitsPlace, Purpose.Logits, (random, z, row) =>
            RandomNumbers.FillLogits(random, Logits, Type, z, row % Classes));
        T[] output = Elements.Sentinels<T>(outputPlace.Length);
        T[] rowOutput = Elements.Sentinels<T>(column.Length);
        LogitsLayout layout = new(Classes)
        {
            InnerSize = InnerSize,
            Stride = logitsPlace.Stride,
            DestinationStride = InPlace ? logitsPlace.Stride : outputPlace.Stride,
        };
        return execution =>
        {
            T[] z = [.. logits];
            T[] p = [.. output];
            T[] logSumExp = [.. rowOutput];
            Call(z, p, logSumExp, execution with { MaxDegreeOfParallelism = Threads });
            Snapshot snapshot = new();
            if (InPlace)
            {
                snapshot.AddOutput("the output in place", logitsPlace, logits, z);
                snapshot.AddInput("an unused destination", output, p);
            }
            else
            {
                snapshot.AddInput("logits", logits, z);
                snapshot.AddOutput("the output", outputPlace, output, p);
            }

            snapshot.AddOutput("log-sum-exp", column, rowOutput, logSumExp);
            return snapshot;
        };

        void Call(T[] z, T[] p, T[] logSumExp, ExecutionOptions execution)
        {
            Span<T> inputs = z.AsSpan(logitsPlace.Begin, logitsPlace.Extent);
            Span<T> outputs = InPlace ? inputs : p.AsSpan(outputPlace.Begin, outputPlace.Extent);
            Span<T> rows = logSumExp.AsSpan(column.Begin, column.Extent);
            if (WantsOutput && WantsLogSumExp)
            {
                Both(inputs, outputs, rows, execution.Backend == NativeXentBackend.Native);
            }
            else if (WantsLogSumExp)
            {
                Softmax.LogSumExp<T>(inputs, layout, rows, execution);
            }
            else if (Log)
            {
                LogSoftmax.Forward<T>(inputs, layout, outputs, execution);
            }
            else
            {
                Softmax.Forward<T>(inputs, layout, outputs, execution);
            }
        }

        unsafe void Both(Span<T> inputs, Span<T> outputs, Span<T> rows, bool native)
        {
            fixed (T* z = inputs, p = outputs, logSumExp = rows)
            {
                SoftmaxJob job = new()
                {
                    ElementType = Type,
                    Log = Log,
                    BatchSize = (nuint)Samples,
                    Classes = (nuint)Classes,
                    InnerSize = (nuint)InnerSize,
                    RowEnd = (nuint)Rows,
                    Logits = z,
                    LogitsStride = (nuint)layout.Stride,
                    Output = p,
                    OutputStride = (nuint)layout.DestinationStride,
                    LogSumExp = logSumExp,
                };
                SoftmaxJob.Run(job, native, out _);
            }
        }
    }
}
