namespace NativeXent.Tests.Support;

/// <summary>
/// The golden cases in which PyTorch's value is not ours, each with what the value has to be. docs/semantics.md gives
/// the reasons.
/// </summary>
public static class GoldenDifferences
{
    public static IReadOnlyDictionary<string, Func<GoldenCrossEntropy, GoldenCrossEntropy>> CrossEntropies { get; } =
        new Dictionary<string, Func<GoldenCrossEntropy, GoldenCrossEntropy>>
        {
            // A mean over no rows, or over rows without weight, is 0, and so is its gradient. PyTorch: NaN.
            ["mean over no rows"] = c => c with { Loss = 0, Gradient = new double[6] },
            ["mean over no rows, smoothing and weights"] = c => c with { Loss = 0, Gradient = new double[6] },
            ["mean over an empty batch"] = c => c with { Loss = 0 },
            ["mean over rows of weight 0"] = c => c with { Loss = 0, Gradient = new double[6] },
            ["mean over rows of weight 0, smoothing"] = c => c with { Loss = 0, Gradient = new double[6] },

            // What the target does not want adds nothing to the loss, whatever its probability. PyTorch: 0·∞, NaN.
            ["-infinity at a label of weight 0"] = c => c with { Losses = [0, c.Losses[1]] },
            ["-infinity at a class of weight 0, smoothing"] = c => c with
            {
                Losses = [LossOf1And2(0.9 + (0.1 / 3), 2 * 0.1 / 3), c.Losses[1]],
            },
            ["-infinity where the distribution is 0"] = c => c with
            {
                Losses = [LossOf1And2(0.5, 0.5), c.Losses[1]],
                Loss = LossOf1And2(0.5, 0.5) + c.Losses[1],
            },

            // An ignored row's gradient is 0, whatever the row. PyTorch: 0·NaN, NaN.
            ["NaN in an ignored row"] = c => c with { Gradient = [0, 0, 0, .. c.Gradient[3..]] },
            ["+infinity in an ignored row, smoothing"] = c => c with
            {
                Gradient = [0, 0, 0, .. c.Gradient[3..]],
            },

            // A gradient that is multiplied by infinity is NaN. PyTorch: NaN at the label, else infinite.
            ["infinite upstream"] = c => c with
            {
                Gradient = [double.NaN, double.NaN, double.NaN, .. c.Gradient[3..]],
                Correct = 1,
            },

            // One that is multiplied by 0 is 0. PyTorch: 0·NaN, NaN.
            ["NaN: in a sum, upstream 0"] = c => c with { Gradient = [0, 0, 0, 0, .. c.Gradient[4..]] },
        };

    /// <summary>Those of <see cref="CrossEntropies"/> that differ in nothing but the gradient.</summary>
    public static IReadOnlyList<string> OfGradientsAlone { get; } =
    [
        "NaN in an ignored row", "+infinity in an ignored row, smoothing", "infinite upstream",
        "NaN: in a sum, upstream 0",
    ];

    /// <summary>Where PyTorch has a value, and here is an error.</summary>
    public static IReadOnlyList<string> Refused { get; } =
        ["label -100 with no index to ignore", "distributions with an index to ignore"];

    public static IReadOnlyDictionary<string, Func<GoldenSigmoid, GoldenSigmoid>> Sigmoids { get; } =
        new Dictionary<string, Func<GoldenSigmoid, GoldenSigmoid>>
        {
            // A factor of 0 makes nothing of an infinite logarithm. PyTorch: 0·∞, NaN.
            ["+infinity at target 1"] = c => c with { Losses = [0, c.Losses[1]], Loss = c.Losses[1] / 2 },
            ["+infinity, weight 0"] = c => c with { Losses = [0, c.Losses[1]] },
            ["-infinity at target 0"] = c => c with { Losses = [0, c.Losses[1]], Loss = c.Losses[1] },

            // PyTorch's formula gives NaN for −∞, whatever the target.
            ["-infinity with targets above 0"] = c => c with
            {
                Losses = [double.PositiveInfinity, double.PositiveInfinity],
            },

            // PyTorch: NaN.
            ["mean over nothing"] = c => c with { Loss = 0 },
        };

    // b·(lse − z), summed over the logits 1 and 2, the others being −∞: log(e + e²) = 2 + log(1 + 1/e).
    private static double LossOf1And2(double b1, double b2)
    {
        double beyond2 = Math.Log(1 + Math.Exp(-1));
        return (b1 * (1 + beyond2)) + (b2 * beyond2);
    }
}
