namespace NativeXent.Checks;

/// <summary>Memory that a caller brings.</summary>
internal enum Argument
{
    Logits,
    Labels,
    Distributions,
    Targets,
    Destination,
    Softmax,
    LogSoftmax,
    Upstream,
    RowUpstream,
    RowLosses,
    RowLogSumExp,
    RowZLosses,
    ElementWeights,
    ElementUpstream,
    ElementLosses,
    Input,
    Weight,
    Bias,
    Output,
    OutputGradient,
    InputGradient,
    WeightGradient,
    BiasGradient,
    HeadInputGradient,
    HeadWeightGradient,
    HeadBiasGradient,
}
