namespace NativeXent.Tests.Support;

/// <summary>
/// The magnitudes of the terms that a row's results are made of. Nothing here says what a result should be; it says how
/// large rounding errors can be.
/// </summary>
/// <remarks>
/// "Ours" is what the library's own errors are relative to. "PyTorchs" is what those of PyTorch's float64 are relative
/// to, which rounds z − max z, and computes p from it: there the size of the logits counts too.
/// </remarks>
public sealed class GoldenTerms
{
    public GoldenTerms(GoldenCrossEntropy golden, int row, double factor)
    {
        int classes = golden.Classes;
        double[] u = new double[classes];
        double[] slope = new double[classes];
        double[] wanted = new double[classes];
        double size = 1 + Math.Log(classes), angle = 0;
        for (int c = 0; c < classes; c++)
        {
            double z = golden.Logits[golden.Index(row, c)];
            double x = golden.Scale * z / (golden.Softcap ?? 1);
            u[c] = golden.Softcap is { } cap ? cap * Math.Tanh(x) : x;
            angle = golden.Softcap is null || !double.IsFinite(x) ? angle : Math.Max(angle, Math.Abs(x));
            double cosh = golden.Softcap is null ? 1 : Math.Cosh(x);
            slope[c] = golden.Scale / (cosh * cosh);
            double q = golden.Distributions?[golden.Index(row, c)] ?? (golden.Labels![row] == c ? 1 : 0);
            wanted[c] = (golden.ClassWeights?[c] ?? 1) *
                (((1 - golden.LabelSmoothing) * q) + (golden.LabelSmoothing / classes));
        }

        size += u.Where(double.IsFinite).Select(Math.Abs).DefaultIfEmpty().Max();
        double lse = golden.LogSumExp[row];
        double sum = wanted.Sum();
        double pull = 2 * Math.Abs(golden.ZLossScale);
        bool cancels = golden.Distributions is not null || golden.LabelSmoothing > 0;
        // A maximum, and the logarithm of a sum whose relative error is an absolute one of the logarithm.
        LogSumExp = 1 + Math.Abs(lse);
        Ours = new double[classes];
        PyTorchs = new double[classes];
        for (int c = 0; c < classes; c++)
        {
            double p = Math.Exp(u[c] - lse);
            double initial = Math.Abs(golden.Initial?[golden.Index(row, c)] ?? 0);
            if (golden.Counts(row) && factor != 0)
            {
                // Without smoothing, the label's own p − 1 is not computed as a difference.
                double ours = cancels ? (p * sum) + wanted[c] : Math.Abs((p * sum) - wanted[c]);
                Ours[c] = (ours + (p * pull * LogSumExp)) * slope[c] * Math.Abs(factor);

                // docs/numerics.md allows 5 ULP in place of 4.
                Ours[c] *= golden.Softcap is null ? 1 : 1.25;
                PyTorchs[c] = ((p * (1 + size) * (sum + (pull * size))) + wanted[c]) * golden.Scale * Math.Abs(factor);
            }

            Ours[c] += initial;
            PyTorchs[c] += initial;
        }

        // Σ b·lse − Σ b·u; but for a label alone, no difference is taken.
        Loss = golden.Losses[row] + (cancels && golden.Counts(row) ? sum : 0);
        ZLoss = pull * Math.Abs(lse) * LogSumExp;
        SizeOfTransformed = golden.Softcap is null && golden.Scale == 1 ? 0 : size + angle;
        LossOfPyTorch = sum * (1 + (2 * size));
        ZLossOfPyTorch = pull * size * size;
        LogSumExpOfPyTorch = size;
    }

    /// <summary>For each element of the gradient.</summary>
    public double[] Ours { get; }

    /// <inheritdoc cref="Ours"/>
    public double[] PyTorchs { get; }

    public double Loss { get; }

    public double ZLoss { get; }

    public double LogSumExp { get; }

    /// <summary>
    /// The magnitude of the logits where scale or softcap change them, and of the hyperbolic tangent's argument: their
    /// roundings in double become relative errors of exp(u) and of the derivative. Else 0.
    /// </summary>
    public double SizeOfTransformed { get; }

    public double LossOfPyTorch { get; }

    public double ZLossOfPyTorch { get; }

    public double LogSumExpOfPyTorch { get; }
}
