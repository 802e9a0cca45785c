using System.Runtime.CompilerServices;
using NativeXent.Simd;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>
/// What double mathematics is written in: on every lane what the same scalar expression gives, for each pair of values.
/// </summary>
[TestFixtureSource(typeof(VectorTypes), nameof(VectorTypes.Reals))]
internal sealed class RealTests<TReal>
    where TReal : unmanaged, IReal<TReal>
{
    private const ulong QuietNaN = 0x7ff8000000000000;
    private const ulong SignallingNaN = 0xfff0000000000001;

    // An odd number, so that every value comes to every lane.
    private static readonly double[] Values =
    [
        0.0, double.Epsilon, 2.2250738585072009e-308, 2.2250738585072014e-308, 0.49999999999999994, 0.5, 1,
        1.0000000000000002, 1.5, 3, 708, 4503599627370497, 6755399441055744, 6755399441056767, 6755399441057790,
        9007199254740991, 1e300, double.MaxValue, double.PositiveInfinity, double.NaN,
        -0.0, -double.Epsilon, -2.2250738585072009e-308, -2.2250738585072014e-308, -0.49999999999999994, -0.5, -1,
        -1.0000000000000002, -1.5, -3, -708, -4503599627370497, -6755399441055744, -9007199254740991, -1e300,
        double.MinValue, double.NegativeInfinity,
        BitConverter.UInt64BitsToDouble(QuietNaN + 123), BitConverter.UInt64BitsToDouble(SignallingNaN),
        .. Random(100),
    ];

    private static int LaneCount => Unsafe.SizeOf<TReal>() / sizeof(double);

    [Test]
    public void The_number_of_values_is_odd() => Assert.That(Values.Length % 2, Is.EqualTo(1));

    [Test]
    public void Add() => EachPair((a, b) => a + b, (a, b) => a + b);

    [Test]
    public void Subtract() => EachPair((a, b) => a - b, (a, b) => a - b);

    [Test]
    public void Multiply() => EachPair((a, b) => a * b, (a, b) => a * b);

    [Test]
    public void Divide() => EachPair((a, b) => a / b, (a, b) => a / b);

    [Test]
    public void Nothing_is_fused()
    {
        // The square's last part, 2^-60, is lost when the product is rounded.
        double a = 1 + Math.ScaleB(1, -30);
        Assert.That(Math.FusedMultiplyAdd(a, a, -1), Is.Not.EqualTo(Math.ScaleB(1, -29)));
        Assert.That(Lanes(MultiplyAdd(Real(a), Real(a), Real(-1))), Is.All.EqualTo(Math.ScaleB(1, -29)));
        Assert.That(Lanes(MultiplySubtract(Real(a), Real(a), Real(1))), Is.All.EqualTo(Math.ScaleB(1, -29)));

        [MethodImpl(MethodImplOptions.NoInlining)]
        static TReal MultiplyAdd(TReal a, TReal b, TReal c) => (a * b) + c;

        [MethodImpl(MethodImplOptions.NoInlining)]
        static TReal MultiplySubtract(TReal a, TReal b, TReal c) => (a * b) - c;
    }

    [Test]
    public void Set()
    {
        foreach (double value in Values)
        {
            Assert.That(Lanes(TReal.Set(value)).Select(Bits), Is.All.EqualTo(Bits(value)));
        }
    }

    [Test]
    public void Greater() => EachPair(TReal.Greater, (a, b) => a > b ? a : b, selects: true);

    [Test]
    public void ZeroBelow() => EachPair(TReal.ZeroBelow, (a, limit) => a >= limit ? a : 0.0, selects: true);

    [Test]
    public void SelectBelow()
    {
        EachPair((a, b) => TReal.SelectBelow(a, b, a, b), (a, b) => a < b ? a : b, selects: true);
        EachPair((a, b) => TReal.SelectBelow(a, b, b, a), (a, b) => a < b ? b : a, selects: true);
        EachPair(
            (a, b) => TReal.SelectBelow(a, b, TReal.Set(-0.0), TReal.Set(double.NaN)),
            (a, b) => a < b ? -0.0 : double.NaN,
            selects: true);
    }

    [Test]
    public void PowerOfTwo()
    {
        EachPair(
            (a, _) => TReal.PowerOfTwo(a),
            (a, _) => BitConverter.UInt64BitsToDouble(Bits(a) << 52),
            selects: true);
        for (int k = 0; k <= 2046; k++)
        {
            TReal power = TReal.PowerOfTwo(TReal.Set(6755399441055744.0 + k));
            Assert.That(Lanes(power), Is.All.EqualTo(k == 0 ? 0.0 : Math.ScaleB(1, k - 1023)), $"k = {k}");
        }
    }

    // Every pair of values. What only selects must give the bits of its choice; what computes may give another NaN.
    private static void EachPair(
        Func<TReal, TReal, TReal> operation, Func<double, double, double> expected, bool selects = false)
    {
        double[] a = new double[LaneCount];
        double[] b = new double[LaneCount];
        for (int first = 0; first < Values.Length * Values.Length; first += LaneCount)
        {
            for (int i = 0; i < LaneCount; i++)
            {
                int pair = (first + i) % (Values.Length * Values.Length);
                a[i] = Values[pair / Values.Length];
                b[i] = Values[pair % Values.Length];
            }

            double[] actual = Lanes(operation(Real(a), Real(b)));
            for (int i = 0; i < LaneCount; i++)
            {
                double wanted = expected(a[i], b[i]);
                if (Bits(actual[i]) != Bits(wanted) && (selects || !double.IsNaN(actual[i]) || !double.IsNaN(wanted)))
                {
                    Assert.Fail(FormattableString.Invariant(
                        $"lane {i} of {a[i]:R} and {b[i]:R}: {actual[i]:R} instead of {wanted:R}"));
                }
            }
        }
    }

    private static IEnumerable<double> Random(int count)
    {
        SplitMix64 random = new(7);
        for (int i = 0; i < count; i++)
        {
            // Those of like size, so that sums round, and any.
            yield return i % 2 == 0
                ? BitConverter.UInt64BitsToDouble((random.Next() >> 9) + 0x3fe0000000000000)
                : BitConverter.UInt64BitsToDouble(random.Next());
        }
    }

    private static ulong Bits(double value) => BitConverter.DoubleToUInt64Bits(value);

    private static TReal Real(double value) => Real([.. Enumerable.Repeat(value, LaneCount)]);

    // Each type is its lanes in order.
    private static TReal Real(double[] lanes) => Unsafe.As<double, TReal>(ref lanes[0]);

    private static double[] Lanes(TReal a)
    {
        double[] lanes = new double[LaneCount];
        Unsafe.As<double, TReal>(ref lanes[0]) = a;
        return lanes;
    }
}
