namespace Digits;

/// <summary>
/// A layer z = xW + b, the gradients of a loss with respect to its parameters, and a step against them.
/// </summary>
/// <remarks>
/// Plain loops in a fixed order: .NET carries out each multiplication and addition as written, rounded to float, on
/// every CPU. So whoever gives the same gradients with respect to z gets the same parameters, to the bit.
/// </remarks>
internal sealed class LinearLayer(int inputs, int outputs)
{
    public int Inputs => inputs;

    public int Outputs => outputs;

    /// <summary>W, row-major: one row of outputs for each input.</summary>
    public float[] Weights { get; } = new float[inputs * outputs];

    /// <summary>b.</summary>
    public float[] Biases { get; } = new float[outputs];

    /// <summary>∂L/∂W of the last <see cref="Backward"/>.</summary>
    public float[] WeightGradient { get; } = new float[inputs * outputs];

    /// <summary>∂L/∂b of the last <see cref="Backward"/>.</summary>
    public float[] BiasGradient { get; } = new float[outputs];

    /// <summary>z = xW + b, for each row of x.</summary>
    public void Forward(ReadOnlySpan<float> x, Span<float> z)
    {
        for (int i = 0; i < x.Length / inputs; i++)
        {
            Span<float> row = z.Slice(i * outputs, outputs);
            Biases.CopyTo(row);
            for (int d = 0; d < inputs; d++)
            {
                float input = x[(i * inputs) + d];
                ReadOnlySpan<float> weights = Weights.AsSpan(d * outputs, outputs);
                for (int k = 0; k < row.Length; k++)
                {
                    row[k] += input * weights[k];
                }
            }
        }
    }

    /// <summary>
    /// From the loss's gradient with respect to z, row by row, those with respect to the parameters:
    /// ∂L/∂W = xᵀ · ∂L/∂z and ∂L/∂b = Σ ∂L/∂z over the rows.
    /// </summary>
    public void Backward(ReadOnlySpan<float> x, ReadOnlySpan<float> gradient)
    {
        Array.Clear(WeightGradient);
        Array.Clear(BiasGradient);
        for (int i = 0; i < x.Length / inputs; i++)
        {
            ReadOnlySpan<float> row = gradient.Slice(i * outputs, outputs);
            for (int d = 0; d < inputs; d++)
            {
                float input = x[(i * inputs) + d];
                Span<float> weights = WeightGradient.AsSpan(d * outputs, outputs);
                for (int k = 0; k < row.Length; k++)
                {
                    weights[k] += input * row[k];
                }
            }

            for (int k = 0; k < row.Length; k++)
            {
                BiasGradient[k] += row[k];
            }
        }
    }

    /// <summary>From the loss's gradient with respect to z that with respect to x: ∂L/∂x = ∂L/∂z · Wᵀ.</summary>
    public void BackwardToInputs(ReadOnlySpan<float> gradient, Span<float> inputGradient)
    {
        for (int i = 0; i < gradient.Length / outputs; i++)
        {
            ReadOnlySpan<float> row = gradient.Slice(i * outputs, outputs);
            for (int d = 0; d < inputs; d++)
            {
                ReadOnlySpan<float> weights = Weights.AsSpan(d * outputs, outputs);
                float sum = 0;
                for (int k = 0; k < row.Length; k++)
                {
                    sum += row[k] * weights[k];
                }

                inputGradient[(i * inputs) + d] = sum;
            }
        }
    }

    /// <summary>w −= α · ∇w, for weights and biases alike.</summary>
    public void Step(float rate)
    {
        for (int i = 0; i < Weights.Length; i++)
        {
            Weights[i] -= rate * WeightGradient[i];
        }

        for (int k = 0; k < Biases.Length; k++)
        {
            Biases[k] -= rate * BiasGradient[k];
        }
    }
}
