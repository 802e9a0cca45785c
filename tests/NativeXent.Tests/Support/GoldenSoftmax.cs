namespace NativeXent.Tests.Support;

/// <summary>Softmax and its logarithm, with gradients: what goes in, and what PyTorch gives.</summary>
public sealed record GoldenSoftmax
{
    public required string Name { get; init; }

    /// <inheritdoc cref="GoldenCrossEntropy.Differs"/>
    public string? Differs { get; init; }

    /// <inheritdoc cref="GoldenCrossEntropy.Types"/>
    public required string[] Types { get; init; }

    public required int Samples { get; init; }

    public required int Classes { get; init; }

    public required int Inner { get; init; }

    public required double[] Logits { get; init; }

    public required double[] Upstream { get; init; }

    public required double[] LogSumExp { get; init; }

    public required double[] Softmax { get; init; }

    public required double[] SoftmaxGradient { get; init; }

    public required double[] LogSoftmax { get; init; }

    public required double[] LogSoftmaxGradient { get; init; }

    /// <inheritdoc cref="GoldenCrossEntropy.Exact"/>
    public Dictionary<string, double[]>? Exact { get; init; }

    /// <summary>The row that an element belongs to.</summary>
    public int Row(int i) => (i / (Classes * Inner) * Inner) + (i % Inner);

    /// <summary>What PyTorch's rounding of a row's logits is relative to.</summary>
    public double Size(int row) =>
        1 + Math.Log(Classes) +
        Elements(row).Select(i => Math.Abs(Logits[i])).Where(double.IsFinite).DefaultIfEmpty().Max();

    /// <summary>Sums over the elements of a row.</summary>
    public double SumOfRow(int row, Func<int, double> term) => Elements(row).Sum(term);

    /// <summary>A number for each row.</summary>
    public double[] OfRows(Func<int, double> number) =>
        [.. Enumerable.Range(0, Samples * Inner).Select(number)];

    private IEnumerable<int> Elements(int row) =>
        Enumerable.Range(0, Classes).Select(c => (((row / Inner * Classes) + c) * Inner) + (row % Inner));

    public override string ToString() => Name;
}
