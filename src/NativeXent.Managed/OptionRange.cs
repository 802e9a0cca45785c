using System.Runtime.CompilerServices;

namespace NativeXent;

/// <summary>Checks of options. Each returns the value.</summary>
internal static class OptionRange
{
    // 2^-64 and 2^64.
    private const double Smallest = 1.0 / 18_446_744_073_709_551_616.0;
    private const double Largest = 18_446_744_073_709_551_616.0;

    internal static Reduction Reduction(Reduction value) =>
        value is >= NativeXent.Reduction.None and <= NativeXent.Reduction.Mean
            ? value
            : throw Errors.NoReduction(value);

    internal static double Fraction(double value, [CallerMemberName] string property = "") =>
        value is >= 0 and <= 1 ? value : throw Errors.OptionOutOfRange(property, value, "in [0, 1]");

    internal static double Finite(double value, [CallerMemberName] string property = "") =>
        double.IsFinite(value) ? value : throw Errors.OptionOutOfRange(property, value, "finite");

    internal static WeightList Weights(WeightList value, [CallerMemberName] string property = "")
    {
        for (int c = 0; c < value.Count; c++)
        {
            if (!(value[c] >= 0 && value[c] <= double.MaxValue))
            {
                throw Errors.WeightOutOfRange(property, c, value[c]);
            }
        }

        return value;
    }

    internal static double Scale(double value, [CallerMemberName] string property = "") =>
        value is >= Smallest and <= Largest
            ? value
            : throw Errors.OptionOutOfRange(property, value, "in [2^-64, 2^64]");
}
