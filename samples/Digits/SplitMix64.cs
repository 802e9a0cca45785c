namespace Digits;

/// <summary>
/// A small random number generator that gives the same sequence on every platform and .NET version, which
/// <see cref="Random"/> does not promise.
/// </summary>
/// <remarks>Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.</remarks>
internal sealed class SplitMix64(ulong seed)
{
    private ulong _state = seed;

    public ulong NextUInt64()
    {
        _state += 0x9E3779B97F4A7C15;
        ulong z = _state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>Uniform in [0, <paramref name="limit"/>).</summary>
    public int NextInt32(int limit) => (int)Math.BigMul(NextUInt64(), (ulong)limit, out _);

    /// <summary>Uniform in [0, 1): a multiple of 2^-24, so that no value is rounded.</summary>
    public float NextSingle() => (NextUInt64() >> 40) / (float)(1 << 24);

    /// <summary>Uniform in [<paramref name="low"/>, <paramref name="high"/>).</summary>
    public float NextSingle(float low, float high) => low + ((high - low) * NextSingle());

    /// <summary>
    /// Nearly normal, mean 0 and variance 1: the sum of twelve uniform numbers. Box and Muller's method would need log
    /// and cos, whose last bits differ from platform to platform.
    /// </summary>
    public float NextNormal()
    {
        float sum = -6;
        for (int i = 0; i < 12; i++)
        {
            sum += NextSingle();
        }

        return sum;
    }

    public void Shuffle<T>(Span<T> items)
    {
        for (int i = items.Length - 1; i > 0; i--)
        {
            int j = NextInt32(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }
}
