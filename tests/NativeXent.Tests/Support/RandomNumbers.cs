using NativeXent.Jobs;

namespace NativeXent.Tests.Support;

/// <summary>Numbers for requests, in double, for any element type.</summary>
internal static class RandomNumbers
{
    private const double GreatestHalf = 65504;
    private const double GreatestBFloat16 = 255 * (1.0 / (1 << 8)) * 3.402823669209385e38;

    private static readonly RowKind[] Close = [.. new[] { 0.01, 0.1, 1, 3, 10 }.Select(RowKind.Normal)];

    private static readonly double[] Extremes =
    [
        0, -0.0, 1, -1, 1e-3, 1e3, 1e-7, 1e-30, -1e-30, 1e30, -1e30, float.Epsilon, float.MaxValue, -float.MaxValue,
        Math.ScaleB(1, -126), Math.ScaleB(1, -14), GreatestHalf, 6e-8,
    ];

    private static readonly double[] DoubleExtremes =
        [1e-100, 1e100, -1e100, 1e-300, 1e300, double.Epsilon, double.MaxValue, Math.ScaleB(1, -1022)];

    private static readonly double[] Specials =
        [double.NaN, double.PositiveInfinity, double.NegativeInfinity];

    /// <summary>A row of logits that has a label.</summary>
    internal static void FillLogits(
        SplitMix64 random, LogitKinds kinds, ElementType type, double[] logits, int label)
    {
        float[] row = new float[logits.Length];
        IReadOnlyList<RowKind> list = kinds switch
        {
            LogitKinds.Close => Close,
            _ when random.OneIn(2) => Close,
            LogitKinds.Ordinary => RowKind.Ordinary,
            _ => RowKind.All,
        };
        list[random.Below(list.Count)].Fill(random, row, label);
        int way = type == ElementType.Float64 ? random.Below(kinds == LogitKinds.Close ? 2 : 6) : -1;
        for (int c = 0; c < row.Length; c++)
        {
            logits[c] = way switch
            {
                -1 => WithinRange(row[c], type),

                // All bits of a double; where blocks are shifted; where results are flushed; and anything.
                0 or 1 => Refined(random, row[c]),
                2 => Refined(random, row[c]) * 64,
                3 => Refined(random, row[c]) * 8.111,
                4 when float.IsFinite(row[c]) => AnyFinite(random),
                _ => row[c],
            };
        }
    }

    /// <summary>Numbers for one class, one row or one element.</summary>
    internal static double Any(SplitMix64 random, NumberKinds kinds, ElementType type) =>
        kinds switch
        {
            NumberKinds.Zero => 0,
            NumberKinds.Extreme => Extreme(random, type),
            NumberKinds.All => random.OneIn(4) ? random.Element<double>(Specials) : Extreme(random, type),
            _ => random.OneIn(6) ? 0 : Refined(random, random.Normal(1)),
        };

    /// <summary>A target distribution, or what takes its place.</summary>
    internal static void FillDistribution(SplitMix64 random, NumberKinds kinds, ElementType type, double[] q)
    {
        int way = random.Below(4);
        for (int c = 0; c < q.Length; c++)
        {
            q[c] = kinds switch
            {
                NumberKinds.Ordinary => way switch
                {
                    0 => random.OneIn(5) ? 1 : 0,
                    1 => Any(random, kinds, type),
                    _ => Math.Abs(Refined(random, random.Uniform(1))),
                },

                // Few of them, so that not every row is NaN.
                NumberKinds.All when !random.OneIn(1 + (q.Length * way)) => Any(random, NumberKinds.Ordinary, type),
                NumberKinds.Extreme when way != 0 && !random.OneIn(10) => Any(random, NumberKinds.Ordinary, type),
                _ => Any(random, kinds, type),
            };
        }

        double sum = q.Sum();
        if (kinds == NumberKinds.Ordinary && way == 3 && sum > 0)
        {
            for (int c = 0; c < q.Length; c++)
            {
                q[c] /= sum;
            }
        }
    }

    private static double Extreme(SplitMix64 random, ElementType type) =>
        random.OneIn(3)
            ? Refined(random, random.Normal(1))
            : type == ElementType.Float64 && random.OneIn(2)
                ? random.Element<double>(DoubleExtremes)
                : WithinRange(random.Element<double>(Extremes), type);

    // What is finite stays finite, also where the element type does not reach so far.
    private static double WithinRange(double value, ElementType type) =>
        type switch
        {
            ElementType.Float16 when double.IsFinite(value) => Math.Clamp(value, -GreatestHalf, GreatestHalf),
            ElementType.BFloat16 when double.IsFinite(value) =>
                Math.Clamp(value, -GreatestBFloat16, GreatestBFloat16),
            _ => value,
        };

    // With 24 bits more than a float has.
    private static double Refined(SplitMix64 random, float value) =>
        value * (1 + (random.Uniform(1) * Math.ScaleB(1, -24)));

    private static double AnyFinite(SplitMix64 random)
    {
        while (true)
        {
            double value = BitConverter.UInt64BitsToDouble(random.Next());
            if (double.IsFinite(value))
            {
                return value;
            }
        }
    }
}
