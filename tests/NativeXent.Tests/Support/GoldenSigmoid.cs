namespace NativeXent.Tests.Support;

/// <summary>Binary cross-entropy: what goes in, and what PyTorch gives.</summary>
public sealed record GoldenSigmoid
{
    public required string Name { get; init; }

    /// <inheritdoc cref="GoldenCrossEntropy.Differs"/>
    public string? Differs { get; init; }

    /// <inheritdoc cref="GoldenCrossEntropy.Types"/>
    public required string[] Types { get; init; }

    public required double[] Logits { get; init; }

    public required double[] Targets { get; init; }

    public double[]? PositiveWeights { get; init; }

    public double[]? Weights { get; init; }

    public double[]? Upstream { get; init; }

    /// <inheritdoc cref="GoldenCrossEntropy.Initial"/>
    public double[]? Initial { get; init; }

    public required double LabelSmoothing { get; init; }

    public required Reduction Reduction { get; init; }

    public required double UpstreamScale { get; init; }

    public required double[] Losses { get; init; }

    public required double[] Gradient { get; init; }

    public double? Loss { get; init; }

    /// <inheritdoc cref="GoldenCrossEntropy.Exact"/>
    public Dictionary<string, double[]>? Exact { get; init; }

    public override string ToString() => Name;
}
