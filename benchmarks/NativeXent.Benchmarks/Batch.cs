using NativeXent.Reference;

namespace NativeXent.Benchmarks;

/// <summary>Generated logits and labels, room for a gradient, and the check that a gradient is right.</summary>
internal sealed class Batch
{
    /// <summary>What the library promises, 3 ULP, and a little for the rounding of the check itself.</summary>
    internal static readonly Tolerance Exact = new(Relative: 4e-7, AtLabel: 0);

    /// <summary>
    /// What float32 sums over 100,000 classes leave, and what is lost at the label where p − 1 cancels.
    /// </summary>
    internal static readonly Tolerance Textbook = new(Relative: 1e-3, AtLabel: 1e-6);

    internal Batch(int rows, int classes)
    {
        Classes = classes;
        Logits = new float[rows * classes];
        Labels = new int[rows];
        Gradient = new float[rows * classes];
        Random random = new(20);
        for (int i = 0; i < Logits.Length; i++)
        {
            Logits[i] = Normal(random);
        }

        for (int i = 0; i < Labels.Length; i++)
        {
            Labels[i] = random.Next(classes);
        }
    }

    /// <summary>Little data, for the quick mode.</summary>
    internal static bool IsQuick { get; set; }

    internal int Classes { get; }

    internal float[] Logits { get; }

    internal int[] Labels { get; }

    internal float[] Gradient { get; }

    /// <summary>Rows that together have about 16 Mi elements, 64 MiB: more than a cache holds.</summary>
    internal static int RowsFor(int classes) => Math.Max(1, (IsQuick ? 1 << 16 : 1 << 24) / classes);

    /// <summary>Throws unless <see cref="Gradient"/> is right, by the reference in double.</summary>
    internal void CheckGradient(Tolerance tolerance)
    {
        double[] logits = new double[Classes];
        double[] expected = new double[Classes];
        for (int i = 0; i < Labels.Length; i++)
        {
            for (int j = 0; j < Classes; j++)
            {
                logits[j] = Logits[(i * Classes) + j];
            }

            SoftmaxCrossEntropyReference.Gradient<double>(logits, Labels.AsSpan(i, 1), Classes, expected);
            for (int j = 0; j < Classes; j++)
            {
                float actual = Gradient[(i * Classes) + j];
                double allowed = (tolerance.Relative * Math.Abs(expected[j])) + (j == Labels[i] ? tolerance.AtLabel : 0);

                // Written so that NaN does not pass.
                if (!(Math.Abs(actual - expected[j]) <= allowed))
                {
                    throw new InvalidOperationException(
                        $"Row {i}, class {j} of {Classes}: the gradient is {actual:R}, but should be {expected[j]:R}.");
                }
            }
        }
    }

    // Box and Muller; standard deviation 3.
    private static float Normal(Random random) =>
        (float)(3 * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(Math.Tau * random.NextDouble()));

    /// <param name="Relative">Largest error of an element as a fraction of its exact value.</param>
    /// <param name="AtLabel">Allowed on top of it at the label.</param>
    internal readonly record struct Tolerance(double Relative, double AtLabel);
}
