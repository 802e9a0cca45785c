using NativeXent;

namespace Digits;

/// <summary>
/// A network with one hidden layer: h = relu(xW₁ + b₁), logits z = hW₂ + b₂, probabilities p = softmax(z).
/// </summary>
internal sealed class HiddenLayerNetwork
{
    public HiddenLayerNetwork(int features, int hidden, int classes, SplitMix64 random)
    {
        Hidden = new LinearLayer(features, hidden);
        Output = new LinearLayer(hidden, classes);
        foreach (LinearLayer layer in (LinearLayer[])[Hidden, Output])
        {
            // He et al., "Delving deep into rectifiers", 2015: a variance of 2 / inputs keeps the signal's size.
            float limit = MathF.Sqrt(6f / layer.Inputs);
            foreach (ref float weight in layer.Weights.AsSpan())
            {
                weight = random.NextSingle(-limit, limit);
            }
        }
    }

    public LinearLayer Hidden { get; }

    public LinearLayer Output { get; }

    /// <summary>Backpropagation: fills both layers' gradients of the loss, summed over the rows.</summary>
    public void ComputeGradients(Dataset data)
    {
        float[] h = new float[data.Count * Hidden.Outputs];
        float[] z = new float[data.Count * Output.Outputs];
        Forward(data.Inputs, h, z);

        // ∂L/∂z = p − y, in place.
        SoftmaxCrossEntropy.Gradient(z, data.Labels, Output.Outputs, z);
        Output.Backward(h, z);

        // The chain rule through the output layer, and through relu, whose slope is 1 where it lets through and 0
        // elsewhere.
        float[] gradient = new float[h.Length];
        Output.BackwardToInputs(z, gradient);
        for (int i = 0; i < h.Length; i++)
        {
            gradient[i] = h[i] > 0 ? gradient[i] : 0;
        }

        Hidden.Backward(data.Inputs, gradient);
    }

    /// <summary>One step of gradient descent on the mean loss of all the data.</summary>
    public void Step(Dataset data, float learningRate)
    {
        ComputeGradients(data);
        Hidden.Step(learningRate / data.Count);
        Output.Step(learningRate / data.Count);
    }

    public int[] Predict(ReadOnlySpan<float> inputs)
    {
        int rows = inputs.Length / Hidden.Inputs;
        float[] z = new float[rows * Output.Outputs];
        Forward(inputs, new float[rows * Hidden.Outputs], z);

        int[] predictions = new int[rows];
        for (int i = 0; i < rows; i++)
        {
            predictions[i] = Evaluation.ArgMax(z.AsSpan(i * Output.Outputs, Output.Outputs));
        }

        return predictions;
    }

    public Evaluation Evaluate(Dataset data)
    {
        float[] z = new float[data.Count * Output.Outputs];
        Forward(data.Inputs, new float[data.Count * Hidden.Outputs], z);

        float[] losses = new float[data.Count];
        SoftmaxCrossEntropy.Loss(z, data.Labels, Output.Outputs, rows: new() { Losses = losses });
        return new Evaluation(data, Predict(data.Inputs), losses);
    }

    private void Forward(ReadOnlySpan<float> x, Span<float> h, Span<float> z)
    {
        Hidden.Forward(x, h);
        foreach (ref float value in h)
        {
            value = MathF.Max(value, 0);
        }

        Output.Forward(h, z);
    }
}
