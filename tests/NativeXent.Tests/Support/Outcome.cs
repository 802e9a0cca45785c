using NUnit.Framework;

namespace NativeXent.Tests.Support;

/// <summary>All that a call can give.</summary>
internal sealed record Outcome<T>(T[] Gradient, T[] Losses, T[] LogSumExp, T[] ZLosses)
    where T : unmanaged
{
    /// <summary>Room for it, filled with what no result can be.</summary>
    internal Outcome(int elements, int rows)
        : this(
            Elements.Sentinels<T>(elements),
            Elements.Sentinels<T>(rows),
            Elements.Sentinels<T>(rows),
            Elements.Sentinels<T>(rows))
    {
    }

    internal SoftmaxCrossEntropyResult Totals { get; set; }

    /// <summary>Fails at the first bit that differs.</summary>
    internal void ShouldEqual(Outcome<T> expected, string what, bool totals = false)
    {
        AssertSame(expected.Gradient, Gradient, $"{what}, gradient");
        ShouldHaveRowsOf(expected, what);
        if (totals)
        {
            AssertSame<double>(Total(expected.Totals.Loss), Total(Totals.Loss), $"{what}, total loss");
            AssertSame<double>(Total(expected.Totals.ZLoss), Total(Totals.ZLoss), $"{what}, total z-loss");
            AssertSame<double>([expected.Totals.Weight], [Totals.Weight], $"{what}, weight");
            Assert.That(Totals.Rows, Is.EqualTo(expected.Totals.Rows), what);
            Assert.That(Totals.CorrectRows, Is.EqualTo(expected.Totals.CorrectRows), what);
        }

        static double[] Total(double? total) => total is { } t ? [t] : [];
    }

    internal void ShouldHaveRowsOf(Outcome<T> expected, string what)
    {
        AssertSame(expected.Losses, Losses, $"{what}, loss");
        AssertSame(expected.LogSumExp, LogSumExp, $"{what}, log-sum-exp");
        AssertSame(expected.ZLosses, ZLosses, $"{what}, z-loss");
    }

    private static void AssertSame<TElement>(TElement[] expected, TElement[] actual, string what)
        where TElement : unmanaged
    {
        int i = Elements.FirstDifference<TElement>(expected, actual);
        if (i >= 0)
        {
            Assert.Fail($"{what}, element {i} is {Elements.Show(actual[i])}, not {Elements.Show(expected[i])}");
        }
    }
}
