using NativeXent.Simd;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>
/// The row's own exp and log in double, over all the arguments they may have. They are compared with .NET's, which are
/// within 1 ULP themselves: so the bounds here are the stated ones and one more.
/// </summary>
public sealed class DoubleMathTests
{
    private const int Samples = 200_000;

    [Test]
    public void Exp_is_within_3_ULP_from_minus_708_to_1()
    {
        SplitMix64 random = new(60);
        for (int i = 0; i < Samples; i++)
        {
            AssertClose(Math.Exp, DoubleMath.Exp, (Unit(random) * 709) - 708, 4);
            AssertClose(Math.Exp, DoubleMath.Exp, (Unit(random) * 2) - 1, 4);
            AssertClose(Math.Exp, DoubleMath.Exp, -Math.ScaleB(Unit(random), -random.Below(80)), 4);
        }
    }

    [Test]
    public void Exp_of_special_values()
    {
        Assert.That(DoubleMath.Exp(0), Is.EqualTo(1));
        Assert.That(DoubleMath.Exp(-0.0), Is.EqualTo(1));
        Assert.That(DoubleMath.Exp(Math.BitDecrement(-708)), Is.Zero);
        Assert.That(DoubleMath.Exp(-708), Is.EqualTo(Math.Exp(-708)).Within(4).Ulps);
        Assert.That(DoubleMath.Exp(double.NegativeInfinity), Is.Zero);
        Assert.That(DoubleMath.Exp(double.NaN), Is.NaN);
    }

    [Test]
    public void Log_is_within_2_ULP_for_normal_numbers()
    {
        SplitMix64 random = new(61);
        for (int i = 0; i < Samples; i++)
        {
            AssertClose(Math.Log, x => DoubleMath.Log(x), Math.ScaleB(1 + Unit(random), random.Below(2045) - 1022), 3);
            AssertClose(Math.Log, x => DoubleMath.Log(x), 0.5 + Unit(random), 3);
            AssertClose(Math.Log, x => DoubleMath.Log(x), 1 + Math.ScaleB(Unit(random), -random.Below(52)), 3);
        }

        Assert.That(DoubleMath.Log(1), Is.Zero);
    }

    [Test]
    public void Log1P_is_within_3_ULP_from_0_up()
    {
        SplitMix64 random = new(62);
        for (int i = 0; i < Samples; i++)
        {
            AssertClose(Log1P, DoubleMath.Log1P, Math.ScaleB(1 + Unit(random), random.Below(600) - 300), 4);
            AssertClose(Log1P, DoubleMath.Log1P, Unit(random), 4);
            AssertClose(Log1P, DoubleMath.Log1P, 0.4 + (Unit(random) * 1e-6) - 5e-7, 4);
        }

        Assert.That(DoubleMath.Log1P(0), Is.Zero);
    }

    /// <summary>.NET's tanh is within a few ULP itself.</summary>
    [Test]
    public void Softcaps_keep_their_relative_accuracy_near_0_and_far_from_it()
    {
        SplitMix64 random = new(64);
        for (int i = 0; i < Samples; i++)
        {
            double x = Math.ScaleB(1 + Unit(random), random.Below(68) - 60) * (random.OneIn(2) ? -1 : 1);
            double t = Math.Exp(-2 * Math.Abs(x));
            double slope = 4 * t / ((1 + t) * (1 + t));
            (double value, double derivative) = Softcap<double>(x);
            Assert.That(value, Is.EqualTo(Math.Tanh(x)).Within(8).Ulps, $"tanh({x:r})");
            Assert.That(derivative, Is.EqualTo(slope).Within(8 + (long)(4 * Math.Abs(x))).Ulps, $"tanh'({x:r})");
            (value, derivative) = Softcap<float>(x);
            Assert.That(value / Math.Tanh(x), Is.EqualTo(1).Within(Math.ScaleB(1, -43)), $"tanh({x:r})");
            Assert.That(derivative / slope, Is.EqualTo(1).Within(Math.ScaleB(1, -42)), $"tanh'({x:r})");
        }

        Assert.That(Softcap<double>(double.PositiveInfinity), Is.EqualTo((1.0, 0.0)));
        Assert.That(Softcap<double>(double.NegativeInfinity), Is.EqualTo((-1.0, 0.0)));
        Assert.That(Softcap<float>(double.NegativeInfinity).Value, Is.EqualTo(-1));
        Assert.That(Softcap<float>(double.PositiveInfinity).Derivative, Is.LessThan(Math.ScaleB(1, -900)));
        Assert.That(Softcap<float>(double.NaN).Value, Is.NaN);
        Assert.That(Softcap<double>(double.NaN).Value, Is.NaN);

        static (double Value, double Derivative) Softcap<TScalar>(double x)
        {
            OneDouble slope = new(DoubleMath.SoftcapSlope(1, 1, typeof(TScalar) == typeof(float)));
            (OneDouble value, OneDouble derivative) =
                DoubleMath.SoftCapped<TScalar, OneDouble>(new(x), slope, new(0.5));
            return (value.Value, derivative.Value);
        }
    }

    [Test]
    public unsafe void Logarithms_of_a_register_are_those_of_each_number()
    {
        SplitMix64 random = new(63);
        int count = HardwareDoubles.Count;
        double* x = stackalloc double[count];
        double* low = stackalloc double[count];
        double* log = stackalloc double[count];
        double* log1P = stackalloc double[count];
        for (int i = 0; i < Samples; i++)
        {
            for (int k = 0; k < count; k++)
            {
                x[k] = (i % 3) switch
                {
                    0 => Math.ScaleB(1 + Unit(random), random.Below(600) - 300),
                    1 => 0.4 + (Unit(random) * 1e-6) - 5e-7,
                    _ => 0.5 + Unit(random),
                };
                low[k] = random.OneIn(2) ? 0 : Math.ScaleB(x[k], -60);
            }

            DoubleMath.Log(HardwareDoubles.Load(x), HardwareDoubles.Load(low)).Store(log);
            DoubleMath.Log1P(HardwareDoubles.Load(x)).Store(log1P);
            for (int k = 0; k < count; k++)
            {
                Assert.That(log[k], Is.EqualTo(DoubleMath.Log(x[k], low[k])), $"log({x[k]:R} + {low[k]:R})");
                Assert.That(log1P[k], Is.EqualTo(DoubleMath.Log1P(x[k])), $"log1p({x[k]:R})");
            }
        }
    }

    // In [0, 1), with 53 bits.
    private static double Unit(SplitMix64 random) => (random.Next() >> 11) * (1.0 / (1L << 53));

    // log(1 + x) as log(u) + log((1 + x)/u), where u is 1 + x rounded, and the second term is tiny.
    private static double Log1P(double x)
    {
        double u = 1 + x;
        return x < 1e-5 ? x - (x * x / 2) + (x * x * x / 3) : Math.Log(u) + ((x - (u - 1)) / u);
    }

    private static void AssertClose(Func<double, double> expected, Func<double, double> actual, double x, long ulp)
    {
        long difference = BitConverter.DoubleToInt64Bits(actual(x)) - BitConverter.DoubleToInt64Bits(expected(x));
        if (Math.Abs(difference) > ulp)
        {
            Assert.Fail($"of {x:r}: {actual(x):r} and {expected(x):r}, {difference} ULP apart");
        }
    }
}
