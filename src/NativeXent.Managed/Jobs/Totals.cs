using NativeXent.Simd;

namespace NativeXent.Jobs;

/// <summary>Sums over the rows of a job's range that count, in the order of the rows.</summary>
internal struct Totals
{
    /// <summary>Sum of the losses, before they are rounded to the element type.</summary>
    public double Loss;

    /// <summary>Sum of the z-losses, before they are rounded to the element type.</summary>
    public double ZLoss;

    /// <summary>Sum of the weights of the rows' labels; the number of rows where targets are distributions.</summary>
    public double Weight;

    /// <summary>Number of rows.</summary>
    public ulong Rows;

    /// <summary>Number of rows whose largest logit is the target, where that was asked for.</summary>
    public ulong Correct;

    internal void Add(in Totals other)
    {
        Loss += other.Loss;
        ZLoss += other.ZLoss;
        Weight += other.Weight;
        Rows += other.Rows;
        Correct += other.Correct;
    }

    /// <summary>Processors differ in the NaN that they make of ∞ − ∞.</summary>
    internal void MakeCanonical()
    {
        Loss = Canonical(Loss);
        ZLoss = Canonical(ZLoss);
        Weight = Canonical(Weight);
    }

    private static double Canonical(double x) => double.IsNaN(x) ? DoubleMath.CanonicalNaN : x;

    /// <summary>What a total becomes for the caller; null where it was not asked for.</summary>
    internal static double? Reduce(double total, Reduction reduction, double divisor)
    {
        if (reduction == Reduction.None)
        {
            return null;
        }

        return Canonical(reduction == Reduction.Sum ? total : divisor == 0 ? 0 : total / divisor);
    }
}
