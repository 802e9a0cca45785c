namespace NativeXent;

/// <summary>A checked request: every pointer and range is sound.</summary>
internal readonly unsafe struct SoftmaxCrossEntropyJob
{
    public float* Logits { get; init; }

    public int* Labels { get; init; }

    public float* Gradient { get; init; }

    /// <summary>Or null, where losses are not wanted.</summary>
    public float* Losses { get; init; }

    public nuint BatchSize { get; init; }

    public nuint Classes { get; init; }

    public nuint RowBegin { get; init; }

    public nuint RowEnd { get; init; }
}
