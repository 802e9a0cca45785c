namespace NativeXent.Tests.Support;

/// <summary>A request about rows of logits.</summary>
internal abstract record RowsRequest(ulong Seed) : Request(Seed)
{
    public int Samples { get; init; } = 1;

    public int Classes { get; init; } = 1;

    public int InnerSize { get; init; } = 1;

    /// <summary>The number of its first row: rows have numbers from the seed and their own number.</summary>
    public int FirstRow { get; init; }

    public LogitKinds Logits { get; init; }

    /// <summary>Elements between samples of the logits, or of what stands for them.</summary>
    public int LogitsGap { get; init; }

    public int DestinationGap { get; init; }

    protected int Rows => Samples * InnerSize;

    internal override IEnumerable<Request> Simpler() =>
        SimplerShapes().Concat(SimplerMemory()).Concat(base.Simpler());

    /// <summary>Any shape; often of few classes, which have kernels of their own, and now and then of many chunks.</summary>
    protected static T AnyShape<T>(T request, SplitMix64 random)
        where T : RowsRequest
    {
        (int rows, int classes) = random.Below(100) switch
        {
            0 => Shape(random.Length(1, 40), 70_000),
            1 => Shape(random.Length(200, 600), 70_000),
            < 6 => (random.Length(1, 3), 4000 + random.Below(5000)),
            < 40 => (random.Length(1, 60), random.Length(1, 20)),
            _ => (random.Length(1, 24), random.Length(1, 600)),
        };
        int innerSize = random.OneIn(3) ? random.Length(1, 40) : 1;
        return request with
        {
            Type = AnyType(random),
            Samples = (rows + innerSize - 1) / innerSize,
            Classes = classes,
            InnerSize = innerSize,
            Logits = random.Element([LogitKinds.Close, LogitKinds.Ordinary, LogitKinds.All]),
            LogitsGap = AnyGap(random),
            DestinationGap = AnyGap(random),
            Offset = random.Below(16),
            Threads = AnyThreads(random),
        };

        static (int Rows, int Classes) Shape(int classes, int elements) => (elements / classes, classes);
    }

    protected static int AnyGap(SplitMix64 random) => random.OneIn(3) ? random.Length(1, 40) : 0;

    protected Place Matrix(int gap, int offset = 0) =>
        new(Samples, Classes, InnerSize) { Gap = gap, Offset = (Offset + offset) % 16 };

    protected Place Column(int offset) => new(Rows, 1) { Offset = (Offset + offset) % 16 };

    /// <summary>The numbers of one row for one purpose.</summary>
    protected SplitMix64 RandomOf(int row, Purpose purpose) =>
        new(Seed ^ (0x9e3779b97f4a7c15 * (((ulong)(FirstRow + row) * 16) + (ulong)purpose + 1)));

    /// <summary>Fills a matrix row by row, for which labels are where a row may depend on its label.</summary>
    protected T[] Matrix<T>(Place place, Purpose purpose, Action<SplitMix64, double[], int> fillRow)
        where T : unmanaged
    {
        T[] elements = Elements.Sentinels<T>(place.Length);
        double[] values = new double[Classes];
        for (int row = 0; row < Rows; row++)
        {
            fillRow(RandomOf(row, purpose), values, row);
            for (int c = 0; c < Classes; c++)
            {
                elements[place.IndexOf(row, c)] = Elements.Of<T>(values[c]);
            }
        }

        return elements;
    }

    protected T[] Column<T>(Place place, Purpose purpose, Func<SplitMix64, double> value)
        where T : unmanaged
    {
        T[] elements = Elements.Sentinels<T>(place.Length);
        for (int row = 0; row < Rows; row++)
        {
            elements[place.IndexOf(row, 0)] = Elements.Of<T>(value(RandomOf(row, purpose)));
        }

        return elements;
    }

    private IEnumerable<Request> SimplerShapes()
    {
        if (Samples > 1)
        {
            int half = Samples / 2;
            yield return this with { Samples = half };
            yield return this with { Samples = Samples - half, FirstRow = FirstRow + (half * InnerSize) };
        }

        if (InnerSize > 1)
        {
            yield return this with { InnerSize = 1, Samples = Rows };
            yield return this with { InnerSize = InnerSize / 2 };
            yield return this with { InnerSize = InnerSize - 1 };
        }

        if (Classes > 1)
        {
            yield return this with { Classes = Classes / 2 };
            yield return this with { Classes = Classes * 3 / 4 };
            yield return this with { Classes = Classes - 1 };
        }
    }

    private IEnumerable<Request> SimplerMemory()
    {
        if (Logits != LogitKinds.Close)
        {
            yield return this with { Logits = Logits - 1 };
        }

        if (LogitsGap > 0)
        {
            yield return this with { LogitsGap = 0 };
        }

        if (DestinationGap > 0)
        {
            yield return this with { DestinationGap = 0 };
        }
    }

    /// <summary>What random numbers are for, so that a row keeps its own when others are left out.</summary>
    protected enum Purpose
    {
        Logits,
        Label,
        Distribution,
        Upstream,
        Destination,
    }
}
