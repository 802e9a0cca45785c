namespace Digits;

/// <summary>
/// Two half circles of points that reach into each other, which no straight line parts: a classic exercise for a hidden
/// layer.
/// </summary>
internal static class TwoMoons
{
    private const float Noise = 0.15f;

    /// <summary>Draws points, of the upper and the lower moon by turns.</summary>
    public static Dataset Generate(int count, SplitMix64 random)
    {
        var moons = new Dataset(new float[count * 2], new int[count], features: 2, classes: 2);
        for (int i = 0; i < count; i++)
        {
            (float x, float y) = UpperHalfCircle(random);
            (x, y) = i % 2 == 0 ? (x, y) : (1 - x, 0.5f - y);
            moons.Inputs[2 * i] = x + (Noise * random.NextNormal());
            moons.Inputs[(2 * i) + 1] = y + (Noise * random.NextNormal());
            moons.Labels[i] = i % 2;
        }

        return moons;
    }

    // A direction from a point of the half disc. Square roots and quotients are the same everywhere, sines are not.
    private static (float X, float Y) UpperHalfCircle(SplitMix64 random)
    {
        while (true)
        {
            float x = random.NextSingle(-1, 1);
            float y = random.NextSingle();
            float square = (x * x) + (y * y);
            if (square is > 1e-3f and <= 1)
            {
                float radius = MathF.Sqrt(square);
                return (x / radius, y / radius);
            }
        }
    }
}
