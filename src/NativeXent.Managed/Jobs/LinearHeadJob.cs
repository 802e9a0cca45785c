using System.Runtime.InteropServices;

namespace NativeXent.Jobs;

/// <summary>A checked request for a linear layer followed by softmax cross-entropy. Strides are never 0.</summary>
internal unsafe struct LinearHeadJob
{
    public ElementType InputType;
    public ElementType WeightType;
    public nuint BatchSize;
    public nuint Features;
    public nuint Classes;
    public void* Input;
    public nuint InputStride;
    public void* Weight;
    public nuint WeightStride;

    /// <summary>Or null.</summary>
    public float* Bias;

    /// <summary>Or null.</summary>
    public float* InputGradient;

    /// <summary>Or null.</summary>
    public float* WeightGradient;

    /// <summary>Or null.</summary>
    public float* BiasGradient;

    /// <summary>Of input and weight.</summary>
    public nuint GradientStride;

    public bool Accumulate;

    /// <summary>
    /// Targets, options and what is there once for each row of the whole batch. Logits and gradient are not.
    /// </summary>
    public SoftmaxCrossEntropyJob Loss;

    internal readonly bool WantsGradient =>
        InputGradient is not null || WeightGradient is not null || BiasGradient is not null;

    /// <summary>Makes the gradients 0, unless they are accumulated, and asks for none.</summary>
    internal void ClearGradients()
    {
        for (nuint i = 0; !Accumulate && InputGradient is not null && i < BatchSize; i++)
        {
            NativeMemory.Clear(InputGradient + (i * GradientStride), Features * sizeof(float));
        }

        for (nuint i = 0; !Accumulate && WeightGradient is not null && i < Classes; i++)
        {
            NativeMemory.Clear(WeightGradient + (i * GradientStride), Features * sizeof(float));
        }

        if (!Accumulate && BiasGradient is not null)
        {
            NativeMemory.Clear(BiasGradient, Classes * sizeof(float));
        }

        InputGradient = WeightGradient = BiasGradient = null;
    }

    internal readonly bool IsIgnored(nuint row) =>
        Loss.Ignores
        && (Loss.TargetType == TargetType.LabelsInt32 ? ((int*)Loss.Targets)[row] : ((long*)Loss.Targets)[row])
            == Loss.IgnoreIndex;
}
