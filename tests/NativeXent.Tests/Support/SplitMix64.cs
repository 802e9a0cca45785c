using System.Numerics;

namespace NativeXent.Tests.Support;

/// <summary>
/// The generator of tests/native/generate.h, which gives the same numbers on every platform: integers converted to
/// float and scaled by powers of two, nothing else.
/// </summary>
/// <remarks>Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.</remarks>
public sealed class SplitMix64(ulong seed)
{
    private ulong _state = seed;

    public ulong Next()
    {
        ulong z = _state += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    /// <summary>An integer in [0, bound).</summary>
    public int Below(int bound) => (int)(Next() % (ulong)bound);

    public bool OneIn(int n) => Below(n) == 0;

    public T Element<T>(ReadOnlySpan<T> elements) => elements[Below(elements.Length)];

    /// <summary>Uniform in ±bound, for bound up to 65536.</summary>
    public float Uniform(double bound)
    {
        long unit = (long)(Next() >> 32) - (1L << 31);
        return unit * (long)(bound * 65536) * (1f / (1L << 47));
    }

    /// <summary>Normal with mean 0, as the sum of twelve uniform numbers; for sigma up to 400.</summary>
    public float Normal(double sigma)
    {
        long sum = -6L * uint.MaxValue;
        for (int i = 0; i < 6; i++)
        {
            ulong two = Next();
            sum += (long)(two >> 32) + (uint)two;
        }

        return sum * (long)(sigma * 65536) * (1f / (1L << 48));
    }

    /// <summary>Every finite bit pattern alike.</summary>
    public float AnyFinite()
    {
        while (true)
        {
            float value = BitConverter.UInt32BitsToSingle((uint)Next());
            if (float.IsFinite(value))
            {
                return value;
            }
        }
    }

    /// <summary>Denormal, of either sign, or zero.</summary>
    public float Denormal() => BitConverter.UInt32BitsToSingle((uint)Next() & 0x807fffff);

    /// <summary>A length in [low, high], short ones as often as long ones.</summary>
    public int Length(int low, int high)
    {
        int lowBits = BitOperations.Log2((uint)low);
        int highBits = BitOperations.Log2((uint)high);
        while (true)
        {
            int power = 1 << (lowBits + Below(highBits - lowBits + 1));
            int length = power + Below(power);
            if (length >= low && length <= high)
            {
                return length;
            }
        }
    }
}
