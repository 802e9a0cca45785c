namespace NativeXent.Tests.Support;

/// <summary>An element type: its numbers, and how near its results must be.</summary>
internal static class GoldenElement<T>
    where T : unmanaged
{
    // What PyTorch's float64 may be off by, relative to its terms. generate.py has verified it for every number.
    private static readonly double PyTorchsRounding = Math.ScaleB(1, -48);

    /// <summary>Its name in the files.</summary>
    public static string Name { get; } =
        typeof(T) == typeof(double) ? "float64"
        : typeof(T) == typeof(float) ? "float32"
        : typeof(T) == typeof(Half) ? "float16"
        : typeof(T) == typeof(BFloat16) ? "bfloat16"
        : throw new NotSupportedException(typeof(T).Name);

    /// <summary>The relative rounding error of computing: 16-bit types compute as float32.</summary>
    public static double Unit { get; } = Math.ScaleB(1, typeof(T) == typeof(double) ? -53 : -24);

    /// <summary>That of rounding a result on top: none where it is computed as it is stored.</summary>
    public static double Storage { get; } =
        typeof(T) == typeof(Half) ? Math.ScaleB(1, -11) : typeof(T) == typeof(BFloat16) ? Math.ScaleB(1, -8) : 0;

    /// <summary>The absolute error near 0: half the smallest Half, or all that is flushed to 0.</summary>
    public static double Tiny { get; } =
        Math.ScaleB(1, typeof(T) == typeof(double) ? -1022 : typeof(T) == typeof(Half) ? -25 : -126);

    public static T From(double value) =>
        typeof(T) == typeof(double) ? (T)(object)value
        : typeof(T) == typeof(float) ? (T)(object)(float)value
        : typeof(T) == typeof(Half) ? (T)(object)(Half)value
        : (T)(object)(BFloat16)(float)value;

    public static double ToDouble(T value) =>
        value switch
        {
            double x => x,
            float x => x,
            Half x => (double)x,
            BFloat16 x => (double)(float)x,
            _ => throw new NotSupportedException(typeof(T).Name),
        };

    public static T[] From(double[]? values) => values is null ? [] : Array.ConvertAll(values, From);

    public static double[] ToDouble(T[] values) => Array.ConvertAll(values, ToDouble);

    /// <summary>Four ULP of its own terms, what PyTorch may be off by, and the last rounding.</summary>
    public static double Tolerance(double expected, double ours, double pyTorchs)
    {
        double error = (8 * Unit * ours) + (PyTorchsRounding * pyTorchs);
        return error + (Storage * (Math.Abs(expected) + error)) + Tiny;
    }

    /// <summary>For sums over a batch, which are doubles that were never rounded to the element type.</summary>
    public static double ToleranceOfTotal(double ours, double pyTorchs) =>
        (8 * Unit * ours) + (PyTorchsRounding * pyTorchs) + Math.ScaleB(1, -1022);
}
