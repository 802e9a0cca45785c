namespace NativeXent.Tests.Support;

/// <summary>
/// The gradient through a softmax or its logarithm, with an output that every element type holds exactly: what goes in,
/// and what PyTorch gives.
/// </summary>
public sealed record GoldenSoftmaxBackward
{
    public required string Name { get; init; }

    /// <inheritdoc cref="GoldenCrossEntropy.Types"/>
    public required string[] Types { get; init; }

    public required int Samples { get; init; }

    public required int Classes { get; init; }

    public required int Inner { get; init; }

    public required bool Logarithm { get; init; }

    public required double[] Output { get; init; }

    public required double[] Upstream { get; init; }

    public required double[] Gradient { get; init; }

    /// <summary>Sums over the row that an element belongs to.</summary>
    public double SumOfRow(int i, Func<int, double> term)
    {
        int first = (i / (Classes * Inner) * Classes * Inner) + (i % Inner);
        return Enumerable.Range(0, Classes).Sum(c => term(first + (c * Inner)));
    }

    public override string ToString() => Name;
}
