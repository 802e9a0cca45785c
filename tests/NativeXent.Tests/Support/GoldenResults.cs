namespace NativeXent.Tests.Support;

/// <summary>What a golden case of softmax cross-entropy has given, as doubles and without gaps.</summary>
/// <param name="Losses">Of each row.</param>
/// <param name="LogSumExp">Of each row.</param>
/// <param name="ZLosses">Of each row; empty where it was not asked for.</param>
/// <param name="Gradient">Or null where it was not asked for.</param>
/// <param name="Result">The totals.</param>
public sealed record GoldenResults(
    double[] Losses, double[] LogSumExp, double[] ZLosses, double[]? Gradient, SoftmaxCrossEntropyResult Result);
