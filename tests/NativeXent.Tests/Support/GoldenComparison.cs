namespace NativeXent.Tests.Support;

/// <summary>Compares results with golden ones, and keeps the first that is too far off.</summary>
/// <param name="exact">Exact values of some, by name.</param>
public sealed class GoldenComparison<T>(Dictionary<string, double[]>? exact = null)
    where T : unmanaged
{
    /// <summary>What is wrong; null if nothing is.</summary>
    public string? Problem { get; private set; }

    /// <summary>Compares with PyTorch's values, and with exact ones where there are any.</summary>
    /// <param name="name">As in the file.</param>
    /// <param name="actual">The results.</param>
    /// <param name="expected">PyTorch's.</param>
    /// <param name="ours">The magnitude that our rounding errors are relative to.</param>
    /// <param name="pyTorchs">The magnitude that PyTorch's are relative to.</param>
    /// <param name="transformed">
    /// The magnitude of logits that are computed themselves, so that they have rounding errors of double.
    /// </param>
    public void Each(
        string name,
        double[] actual,
        double[] expected,
        Func<int, double> ours,
        Func<int, double> pyTorchs,
        Func<int, double>? transformed = null)
    {
        Each(name, actual, expected, i => GoldenElement<T>.Tolerance(expected[i], ours(i), pyTorchs(i)));
        if (exact?.GetValueOrDefault(name) is { } values)
        {
            // Where a difference cancels, its magnitude computed in double is too small.
            Each(
                $"exact {name}",
                actual,
                values,
                i =>
                {
                    double terms = Math.Max(ours(i), Math.Abs(values[i]));
                    return GoldenElement<T>.Tolerance(values[i], terms, terms * (transformed?.Invoke(i) ?? 0) / 8);
                });
        }
    }

    public void Each(string name, double[] actual, double[] expected, Func<int, double> tolerance)
    {
        if (actual.Length != expected.Length)
        {
            Report($"{name}: there are {actual.Length} and not {expected.Length}");
            return;
        }

        for (int i = 0; i < actual.Length && Problem is null; i++)
        {
            One($"{name}[{i}]", actual[i], expected[i], tolerance(i));
        }
    }

    /// <summary>For sums over a batch, which are doubles that were never rounded to the element type.</summary>
    // Null where it was not asked for.
    public void Total(string name, double? actual, double? expected, double ours, double pyTorchs)
    {
        if (actual is { } a && expected is { } e)
        {
            One(name, a, e, GoldenElement<T>.ToleranceOfTotal(ours, pyTorchs));
        }
        else if (actual is not null || expected is not null)
        {
            Report($"{name} is {actual} and not {expected}");
        }
    }

    public void Same(string name, long? actual, long expected)
    {
        if (actual != expected)
        {
            Report($"{name} is {actual} and not {expected}");
        }
    }

    private void One(string name, double actual, double expected, double tolerance)
    {
        // Infinities and NaN have to be the same.
        bool near = double.IsFinite(expected) ? Math.Abs(actual - expected) <= tolerance : actual.Equals(expected);
        if (!near)
        {
            double off = Math.Abs(actual - expected);
            Report($"{name} is {actual:r} and not {expected:r}: {off:g3} off, {tolerance:g3} allowed");
        }
    }

    private void Report(FormattableString problem) => Problem ??= FormattableString.Invariant(problem);
}
