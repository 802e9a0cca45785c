namespace NativeXent;

/// <summary>Weights of classes: a copy of what was given, equal to another with the same values.</summary>
internal readonly struct WeightList : IEquatable<WeightList>
{
    private WeightList(double[]? values) => Values = values;

    /// <summary>Or null for none.</summary>
    internal double[]? Values { get; }

    /// <exception cref="ArgumentOutOfRangeException">A weight is negative, infinite or NaN.</exception>
    internal static WeightList Checked(ReadOnlySpan<double> weights, string property)
    {
        for (int c = 0; c < weights.Length; c++)
        {
            if (!(weights[c] >= 0 && weights[c] <= double.MaxValue))
            {
                throw Errors.WeightOutOfRange(property, c, weights[c]);
            }
        }

        return new(weights.IsEmpty ? null : weights.ToArray());
    }

    public bool Equals(WeightList other) => Values.AsSpan().SequenceEqual(other.Values);

    public override bool Equals(object? obj) => obj is WeightList other && Equals(other);

    public override int GetHashCode()
    {
        HashCode hash = default;
        foreach (double weight in Values.AsSpan())
        {
            hash.Add(weight);
        }

        return hash.ToHashCode();
    }
}
