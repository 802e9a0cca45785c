using System.Numerics;

namespace NativeXent.Reference;

/// <summary>
/// The textbook algorithm in plain C#, to be read and to check others against: not fast, and no more accurate than the
/// type it computes in. In double it is an independent oracle for the float32 implementations.
/// </summary>
/// <remarks>
/// For a row z: subtract the greatest logit, take exponentials, divide by their sum, and subtract 1 at the label.
/// docs/derivation.md derives it.
/// </remarks>
public static partial class SoftmaxCrossEntropyReference
{
    /// <summary>
    /// Gradient of the softmax cross-entropy with respect to the logits, softmax(logits)[i][j] − (j == labels[i]).
    /// </summary>
    /// <typeparam name="T">The type to compute in, for example float or double.</typeparam>
    /// <param name="logits">The logits, row-major: one row of <paramref name="classes"/> for each label.</param>
    /// <param name="labels">
    /// The class of each row. A label outside [0, <paramref name="classes"/>) selects no class.
    /// </param>
    /// <param name="classes">The number of classes.</param>
    /// <param name="destination">
    /// Receives the gradient, as long as <paramref name="logits"/>; may be the same memory.
    /// </param>
    /// <exception cref="ArgumentException">Lengths do not match.</exception>
    public static void Gradient<T>(
        ReadOnlySpan<T> logits, ReadOnlySpan<int> labels, int classes, Span<T> destination)
        where T : IBinaryFloatingPointIeee754<T>
    {
        Check(logits.Length, labels.Length, classes);
        if (destination.Length != logits.Length)
        {
            throw Errors.DestinationLength(destination.Length, logits.Length);
        }

        for (int i = 0; i < labels.Length; i++)
        {
            ReadOnlySpan<T> row = logits.Slice(i * classes, classes);
            Span<T> gradient = destination.Slice(i * classes, classes);
            T greatest = Greatest(row);
            T sum = T.Zero;
            for (int j = 0; j < classes; j++)
            {
                gradient[j] = T.Exp(row[j] - greatest);
                sum += gradient[j];
            }

            for (int j = 0; j < classes; j++)
            {
                gradient[j] /= sum;
            }

            if (labels[i] >= 0 && labels[i] < classes)
            {
                gradient[labels[i]] -= T.One;
            }
        }
    }

    /// <summary>Each row's loss in nats: log Σₖ exp(z[k]) − z[label].</summary>
    /// <typeparam name="T">The type to compute in, for example float or double.</typeparam>
    /// <param name="logits">The logits, row-major: one row of <paramref name="classes"/> for each label.</param>
    /// <param name="labels">The class of each row, in [0, <paramref name="classes"/>).</param>
    /// <param name="classes">The number of classes.</param>
    /// <param name="losses">Receives the losses, as long as <paramref name="labels"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">A label is out of range; nothing has been written.</exception>
    /// <exception cref="ArgumentException">Lengths do not match.</exception>
    public static void Loss<T>(ReadOnlySpan<T> logits, ReadOnlySpan<int> labels, int classes, Span<T> losses)
        where T : IBinaryFloatingPointIeee754<T>
    {
        Check(logits.Length, labels.Length, classes);
        if (losses.Length != labels.Length)
        {
            throw Errors.LossesLength(losses.Length, labels.Length);
        }

        for (int i = 0; i < labels.Length; i++)
        {
            if (labels[i] < 0 || labels[i] >= classes)
            {
                throw Errors.LabelOutOfRange((nuint)i, labels[i], (nuint)classes);
            }
        }

        for (int i = 0; i < labels.Length; i++)
        {
            ReadOnlySpan<T> row = logits.Slice(i * classes, classes);
            T greatest = Greatest(row);
            T sum = T.Zero;
            foreach (T z in row)
            {
                sum += T.Exp(z - greatest);
            }

            losses[i] = T.Log(sum) - (row[labels[i]] - greatest);
        }
    }

    private static void Check(int logits, int labels, int classes)
    {
        if (classes < 1)
        {
            throw Errors.ClassesNotPositive(classes);
        }

        if (logits % classes != 0)
        {
            throw Errors.LogitsLength(logits, classes);
        }

        if (labels != logits / classes)
        {
            throw Errors.LabelsLength(labels, logits / classes);
        }
    }

    private static T Greatest<T>(ReadOnlySpan<T> row)
        where T : IBinaryFloatingPointIeee754<T>
    {
        T greatest = row[0];
        foreach (T z in row)
        {
            if (z > greatest)
            {
                greatest = z;
            }
        }

        return greatest;
    }
}
