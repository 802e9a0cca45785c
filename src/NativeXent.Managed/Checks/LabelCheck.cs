using System.Numerics;
using NativeXent.Jobs;

namespace NativeXent.Checks;

/// <summary>Looks at all labels before anything is written, and counts what they weigh.</summary>
internal static unsafe class LabelCheck
{
    /// <summary>The rows that count and the weight of their labels, for a job of labels or distributions.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A label is neither a class nor to be ignored.</exception>
    internal static void Count(in SoftmaxCrossEntropyJob job, bool byPointers, out ulong rows, out double weight)
    {
        switch (job.TargetType)
        {
            case TargetType.LabelsInt32:
                Count<int>(job, byPointers, out rows, out weight);
                break;
            case TargetType.LabelsInt64:
                Count<long>(job, byPointers, out rows, out weight);
                break;
            default:
                rows = job.RowEnd;
                weight = rows;
                break;
        }
    }

    private static void Count<TLabel>(
        in SoftmaxCrossEntropyJob job, bool byPointers, out ulong rows, out double weight)
        where TLabel : unmanaged, IBinaryInteger<TLabel>
    {
        TLabel* labels = (TLabel*)job.Targets;
        if (!job.Ignores)
        {
            nuint row = FirstOutOfRange(labels, job.RowEnd, job.Classes);
            if (row < job.RowEnd)
            {
                throw Errors.LabelOutOfRange(row, long.CreateChecked(labels[row]), job.Classes, byPointers);
            }

            if (job.ClassWeights is null)
            {
                rows = job.RowEnd;
                weight = rows;
                return;
            }
        }

        rows = 0;
        weight = 0;
        for (nuint i = 0; i < job.RowEnd; i++)
        {
            long label = long.CreateChecked(labels[i]);
            if (job.Ignores && label == job.IgnoreIndex)
            {
                continue;
            }

            if ((ulong)label >= job.Classes)
            {
                throw Errors.LabelOutOfRange(i, label, job.Classes, byPointers);
            }

            rows++;
            weight += job.ClassWeights is null ? 1 : job.ClassWeights[label];
        }
    }

    // The first row whose label is not a class, or the number of rows.
    internal static nuint FirstOutOfRange<TLabel>(TLabel* labels, nuint rows, nuint classes)
        where TLabel : unmanaged, IBinaryInteger<TLabel>
    {
        TLabel last = TLabel.CreateSaturating(classes - 1);
        nuint begin = 0;
        while (begin < rows)
        {
            int length = (int)nuint.Min(rows - begin, int.MaxValue);
            int found = new ReadOnlySpan<TLabel>(labels + begin, length).IndexOfAnyExceptInRange(TLabel.Zero, last);
            if (found >= 0)
            {
                return begin + (nuint)found;
            }

            begin += (nuint)length;
        }

        return rows;
    }
}
