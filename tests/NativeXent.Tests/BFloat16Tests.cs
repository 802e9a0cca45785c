using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using NUnit.Framework;

namespace NativeXent.Tests;

public sealed class BFloat16Tests
{
    [Test]
    public void It_is_16_bits() => Assert.That(Unsafe.SizeOf<BFloat16>(), Is.EqualTo(2));

    /// <summary>All 65,536.</summary>
    [Test]
    public void Every_number_comes_back_from_float()
    {
        for (int bits = 0; bits <= ushort.MaxValue; bits++)
        {
            BFloat16 value = OfBits((ushort)bits);
            float wide = (float)value;
            Assert.That(BitConverter.SingleToUInt32Bits(wide), Is.EqualTo((uint)bits << 16));
            Assert.That(
                BitsOf((BFloat16)wide), Is.EqualTo(float.IsNaN(wide) ? (ushort)(bits | 0x40) : (ushort)bits));
        }
    }

    /// <summary>
    /// From each number to the next there are 65,536 floats: the first, the middle, the last, and its neighbours.
    /// </summary>
    [Test]
    public void Floats_are_rounded_to_the_nearest_and_of_two_to_the_even()
    {
        for (uint bits = 0; bits < 0x7f80; bits++)
        {
            foreach (uint sign in (uint[])[0, 0x8000])
            {
                uint up = bits + 1 + sign;
                uint even = (bits & 1) == 0 ? bits + sign : up;
                AssertRounded(0x0001, bits + sign);
                AssertRounded(0x7fff, bits + sign);
                AssertRounded(0x8000, even);
                AssertRounded(0x8001, up);
                AssertRounded(0xffff, up);

                void AssertRounded(uint rest, uint expected)
                {
                    float value = BitConverter.UInt32BitsToSingle(((bits + sign) << 16) | rest);
                    if (BitsOf((BFloat16)value) != expected)
                    {
                        Assert.Fail($"{value:r} became {(BFloat16)value}, not 0x{expected:x4}");
                    }
                }
            }
        }
    }

    [TestCase(0x7f7fffffu, 0x7f80u, Description = "the greatest float is nearer to the next power of two")]
    [TestCase(0xff7fffffu, 0xff80u)]
    [TestCase(0x7f800001u, 0x7fc0u, Description = "a payload in the lower half only")]
    [TestCase(0xff8fffffu, 0xffcfu)]
    [TestCase(0x7fffffffu, 0x7fffu)]
    public void Overflow_is_infinite_and_NaN_stays_NaN(uint bits, uint expected) =>
        Assert.That(BitsOf((BFloat16)BitConverter.UInt32BitsToSingle(bits)), Is.EqualTo(expected));

    [Test]
    public void Equality_is_that_of_floats()
    {
        BFloat16 one = (BFloat16)1f;
        BFloat16 two = (BFloat16)2f;
        BFloat16 nan = (BFloat16)float.NaN;
        BFloat16 zero = (BFloat16)0f;
        BFloat16 minusZero = (BFloat16)(-0f);
        BFloat16 sameOne = OfBits(0x3f80);
        BFloat16 sameNaN = nan;
        Assert.That(one == sameOne && one != two && !(one != sameOne) && !(one == two), Is.True);
        Assert.That(zero == minusZero && zero.Equals(minusZero), Is.True);
        Assert.That(zero.GetHashCode(), Is.EqualTo(minusZero.GetHashCode()));
        Assert.That(nan == sameNaN, Is.False);
        Assert.That(nan != sameNaN, Is.True);
        Assert.That(nan.Equals(sameNaN), Is.True);
        Assert.That(one.Equals((object)sameOne), Is.True);
        Assert.That(one.Equals((object)1f), Is.False);
        Assert.That(one.GetHashCode(), Is.EqualTo(sameOne.GetHashCode()));
    }

    [Test]
    public void Text_is_that_of_the_float()
    {
        CultureInfo german = CultureInfo.GetCultureInfo("de-DE");
        BFloat16 value = (BFloat16)(-1.5f);
        Assert.That(value.ToString(null, CultureInfo.InvariantCulture), Is.EqualTo("-1.5"));
        Assert.That(value.ToString("F2", german), Is.EqualTo((-1.5f).ToString("F2", german)));
        Assert.That(value.ToString(), Is.EqualTo((-1.5f).ToString(CultureInfo.CurrentCulture)));
    }

    [Test]
    public void Memory_of_16_bit_integers_can_be_cast()
    {
        ushort[] bits = [0x3f80, 0xc000];
        Span<BFloat16> values = MemoryMarshal.Cast<ushort, BFloat16>(bits.AsSpan());
        Assert.That((float)values[0], Is.EqualTo(1f));
        Assert.That((float)values[1], Is.EqualTo(-2f));
        values[0] = (BFloat16)0.5f;
        Assert.That(bits[0], Is.EqualTo(0x3f00));
    }

    private static BFloat16 OfBits(ushort bits) => Unsafe.BitCast<ushort, BFloat16>(bits);

    private static ushort BitsOf(BFloat16 value) => Unsafe.BitCast<BFloat16, ushort>(value);
}
