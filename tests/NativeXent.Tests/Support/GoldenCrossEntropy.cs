namespace NativeXent.Tests.Support;

/// <summary>Softmax cross-entropy: what goes in, and what PyTorch gives.</summary>
public sealed record GoldenCrossEntropy
{
    public required string Name { get; init; }

    /// <summary>Why PyTorch's values are not ours; null where they are.</summary>
    public string? Differs { get; init; }

    /// <summary>The element types that hold all inputs exactly.</summary>
    public required string[] Types { get; init; }

    public required int Samples { get; init; }

    public required int Classes { get; init; }

    public required int Inner { get; init; }

    public required double[] Logits { get; init; }

    public long[]? Labels { get; init; }

    public double[]? Distributions { get; init; }

    public double[]? ClassWeights { get; init; }

    public long? IgnoreIndex { get; init; }

    public required double LabelSmoothing { get; init; }

    public required double ZLossScale { get; init; }

    public required double Scale { get; init; }

    public double? Softcap { get; init; }

    public required Reduction Reduction { get; init; }

    public double[]? Upstream { get; init; }

    public required double UpstreamScale { get; init; }

    /// <summary>What the gradient is added to; null where it is not.</summary>
    public double[]? Initial { get; init; }

    public required double[] Losses { get; init; }

    public double[]? ZLosses { get; init; }

    public required double[] LogSumExp { get; init; }

    public required double[] Gradient { get; init; }

    public double? Loss { get; init; }

    public double? ZLoss { get; init; }

    public required double Weight { get; init; }

    public required int Rows { get; init; }

    public int? Correct { get; init; }

    /// <summary>Correctly rounded numbers, by the name of the PyTorch's they replace.</summary>
    public Dictionary<string, double[]>? Exact { get; init; }

    public int AllRows => Samples * Inner;

    /// <summary>Where the logit of a row's class is.</summary>
    public int Index(int row, int c) => (((row / Inner) * Classes) + c) * Inner + (row % Inner);

    public bool Counts(int row) => Labels is null || Labels[row] != IgnoreIndex;

    /// <summary>Each row's terms, from which tolerances follow.</summary>
    public IEnumerable<GoldenTerms> Terms()
    {
        double weight = Weight;
        for (int row = 0; row < AllRows; row++)
        {
            double factor = UpstreamScale * (Upstream?[row] ?? 1);
            if (Reduction == Reduction.Mean)
            {
                factor = weight == 0 ? 0 : factor / weight;
            }

            yield return new GoldenTerms(this, row, factor);
        }
    }

    public override string ToString() => Name;
}
