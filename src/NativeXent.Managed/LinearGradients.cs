namespace NativeXent;

/// <summary>
/// Where the gradients of <see cref="LinearSoftmaxCrossEntropy"/> go, each empty where it is not wanted. They must not overlap
/// anything else.
/// </summary>
public readonly ref struct LinearGradients
{
    /// <summary>Out: the gradient with respect to the input, laid out as it is, with the layout's gradient stride.</summary>
    public Span<float> Input { get; init; }

    /// <summary>Out: the gradient with respect to the weight, laid out as it is, with the layout's gradient stride.</summary>
    public Span<float> Weight { get; init; }

    /// <summary>Out: the gradient with respect to the bias, a number for each class.</summary>
    public Span<float> Bias { get; init; }
}
