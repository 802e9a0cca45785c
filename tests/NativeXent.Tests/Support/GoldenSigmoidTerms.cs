namespace NativeXent.Tests.Support;

/// <summary>
/// The magnitudes of the terms that a logit's results are made of, as <see cref="GoldenTerms"/> has them of a row.
/// </summary>
public sealed class GoldenSigmoidTerms
{
    public GoldenSigmoidTerms(GoldenSigmoid golden, int i)
    {
        double z = golden.Logits[i];
        double y = ((1 - golden.LabelSmoothing) * golden.Targets[i]) + (golden.LabelSmoothing / 2);
        double weight = golden.Weights?[i] ?? 1;
        double positiveWeight = golden.PositiveWeights is { } p ? p[i % p.Length] : 1;
        double negative = Math.Abs(weight * (1 - y));
        double positive = Math.Abs(weight * positiveWeight * y);
        double factor = golden.UpstreamScale * (golden.Upstream?[i] ?? 1) /
            (golden.Reduction == Reduction.Mean ? golden.Logits.Length : 1);
        double initial = Math.Abs(golden.Initial?[i] ?? 0);

        // log(1 + t) is at most t.
        double t = Math.Exp(-Math.Abs(z));
        double distance = double.IsFinite(z) ? Math.Abs(z) : 0;
        Loss = ((z < 0 ? positive : negative) * distance) + ((negative + positive) * t);
        LossOfPyTorch = (negative + positive) * (1 + distance);
        double s = z < 0 ? t / (1 + t) : 1 / (1 + t);
        double sOfMinus = z < 0 ? 1 / (1 + t) : t / (1 + t);
        Gradient = (((negative * s) + (positive * sOfMinus)) * Math.Abs(factor)) + initial;
        GradientOfPyTorch = ((negative + positive) * Math.Abs(factor)) + initial;
    }

    public double Loss { get; }

    public double LossOfPyTorch { get; }

    public double Gradient { get; }

    public double GradientOfPyTorch { get; }
}
