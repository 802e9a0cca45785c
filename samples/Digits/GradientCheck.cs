using NativeXent.Reference;

namespace Digits;

/// <summary>
/// Compares backpropagation with finite differences: ∂L/∂w ≈ (L(w + h) − L(w − h)) / 2h for one parameter after the
/// other.
/// </summary>
/// <remarks>
/// The loss is computed anew here, in double and by the textbook, so that an error in the network or the library cannot
/// hide behind itself, and so that the difference of two losses keeps enough digits.
/// </remarks>
internal static class GradientCheck
{
    // Small enough that hardly ever a unit of the hidden layer switches on or off in between.
    private const double H = 1.0 / (1 << 25);

    /// <summary>
    /// The greatest |a − n| / max(|a|, |n|) over all parameters, a being the gradient by backpropagation, n by
    /// differences; a denominator below 1 % of the greatest gradient of its layer counts as that, for near 0 only
    /// rounding is left.
    /// </summary>
    public static double GreatestRelativeError(HiddenLayerNetwork network, Dataset data)
    {
        network.ComputeGradients(data);
        float[][] gradients =
        [
            network.Hidden.WeightGradient, network.Hidden.BiasGradient,
            network.Output.WeightGradient, network.Output.BiasGradient,
        ];
        double[][] parameters =
        [
            ToDouble(network.Hidden.Weights), ToDouble(network.Hidden.Biases),
            ToDouble(network.Output.Weights), ToDouble(network.Output.Biases),
        ];

        double worst = 0;
        foreach ((float[] gradient, double[] parameter) in gradients.Zip(parameters))
        {
            double floor = 0.01 * gradient.Max(MathF.Abs);
            for (int i = 0; i < gradient.Length; i++)
            {
                double a = gradient[i];
                double n = Difference(parameters, parameter, i, data);
                worst = Math.Max(worst, Math.Abs(a - n) / Math.Max(floor, Math.Max(Math.Abs(a), Math.Abs(n))));
            }
        }

        return worst;
    }

    private static double Difference(double[][] parameters, double[] parameter, int i, Dataset data)
    {
        double w = parameter[i];
        parameter[i] = w + H;
        double above = Loss(parameters, data);
        parameter[i] = w - H;
        double below = Loss(parameters, data);
        parameter[i] = w;
        return (above - below) / (2 * H);
    }

    private static double Loss(double[][] parameters, Dataset data)
    {
        double[] h = Affine(ToDouble(data.Inputs), parameters[0], parameters[1]);
        double[] z = Affine([.. h.Select(value => Math.Max(value, 0))], parameters[2], parameters[3]);
        double[] losses = new double[data.Count];
        SoftmaxCrossEntropyReference.Loss<double>(z, data.Labels, data.Classes, losses);
        return losses.Sum();
    }

    private static double[] Affine(double[] x, double[] weights, double[] biases)
    {
        int outputs = biases.Length;
        int inputs = weights.Length / outputs;
        double[] z = new double[x.Length / inputs * outputs];
        for (int i = 0; i < z.Length; i++)
        {
            int row = i / outputs;
            int k = i % outputs;
            z[i] = biases[k];
            for (int d = 0; d < inputs; d++)
            {
                z[i] += x[(row * inputs) + d] * weights[(d * outputs) + k];
            }
        }

        return z;
    }

    private static double[] ToDouble(float[] values) => Array.ConvertAll(values, value => (double)value);
}
