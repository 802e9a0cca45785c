namespace NativeXent;

/// <summary>
/// The memory of a batch of any size, for <see cref="LinearSoftmaxCrossEntropy.Compute{TInput, TWeight}(in
/// LinearSoftmaxCrossEntropyPointers{TInput, TWeight}, nint, LinearLayout, SoftmaxCrossEntropyOptions?,
/// LinearExecutionOptions)"/>. Each pointer must be aligned to its element type. The memory must stay where it is during the
/// call.
/// </summary>
/// <typeparam name="TInput">The element type of the input.</typeparam>
/// <typeparam name="TWeight">The element type of the weight.</typeparam>
public readonly unsafe struct LinearSoftmaxCrossEntropyPointers<TInput, TWeight>
    where TInput : unmanaged
    where TWeight : unmanaged
{
    /// <summary>In: a row of features for each sample.</summary>
    public TInput* Input { get; init; }

    /// <summary>In: a row of features for each class.</summary>
    public TWeight* Weight { get; init; }

    /// <summary>In: a number for each class; null for no bias.</summary>
    public float* Bias { get; init; }

    /// <summary>In: a label for each row. Just one of the three kinds of targets must be given.</summary>
    public int* Labels32 { get; init; }

    /// <summary>In: a label for each row.</summary>
    public long* Labels64 { get; init; }

    /// <summary>In: a distribution over the classes for each row, one after the other.</summary>
    public float* Distributions { get; init; }

    /// <summary>Out: the gradient with respect to the input; null where it is not wanted.</summary>
    public float* InputGradient { get; init; }

    /// <summary>Out: the gradient with respect to the weight; null where it is not wanted.</summary>
    public float* WeightGradient { get; init; }

    /// <summary>Out: the gradient with respect to the bias; null where it is not wanted.</summary>
    public float* BiasGradient { get; init; }

    /// <summary>In: what each row's gradient is multiplied with; null for 1 each.</summary>
    public float* Upstream { get; init; }

    /// <summary>Out: each row's loss in nats, z-loss not included; null where it is not wanted.</summary>
    public float* Losses { get; init; }

    /// <summary>Out: each row's log-sum-exp, rows to ignore included; null where it is not wanted.</summary>
    public float* LogSumExp { get; init; }

    /// <summary>Out: each row's z-loss; null where it is not wanted.</summary>
    public float* ZLosses { get; init; }
}
