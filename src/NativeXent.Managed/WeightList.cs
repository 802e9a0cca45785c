using System.Collections;
using System.Runtime.CompilerServices;

namespace NativeXent;

/// <summary>
/// Weights of classes: a copy of what was given, which float and double arrays become by themselves. Equal to another
/// with the same values.
/// </summary>
/// <remarks>Computed with in double, whatever they came as. They are checked where they become an option.</remarks>
[CollectionBuilder(typeof(WeightList), nameof(Create))]
public readonly struct WeightList : IReadOnlyList<double>, IEquatable<WeightList>
{
    private WeightList(double[] values) => Array = values.Length == 0 ? null : values;

    /// <summary>How many weights there are; 0 stands for 1 each.</summary>
    public int Count => Array?.Length ?? 0;

    /// <summary>The values; null for none.</summary>
    internal double[]? Array { get; }

    /// <summary>The weight of a class.</summary>
    /// <param name="index">The class.</param>
    /// <exception cref="IndexOutOfRangeException">There is no such weight.</exception>
    public double this[int index] => AsSpan()[index];

    /// <summary>Copies weights.</summary>
    /// <param name="weights">One for each class.</param>
    public static WeightList Create(ReadOnlySpan<double> weights) => new(weights.ToArray());

    /// <summary>Copies weights.</summary>
    /// <param name="weights">One for each class.</param>
    public static WeightList Create(ReadOnlySpan<float> weights)
    {
        double[] values = new double[weights.Length];
        for (int c = 0; c < values.Length; c++)
        {
            values[c] = weights[c];
        }

        return new(values);
    }

    /// <summary>Copies weights; null gives none.</summary>
    /// <param name="weights">One for each class.</param>
    public static implicit operator WeightList(double[]? weights) => Create(weights.AsSpan());

    /// <summary>Copies weights; null gives none.</summary>
    /// <param name="weights">One for each class.</param>
    public static implicit operator WeightList(float[]? weights) => Create(weights.AsSpan());

    /// <summary>Copies weights.</summary>
    /// <param name="weights">One for each class.</param>
    public static implicit operator WeightList(ReadOnlyMemory<double> weights) => Create(weights.Span);

    /// <summary>Copies weights.</summary>
    /// <param name="weights">One for each class.</param>
    public static implicit operator WeightList(ReadOnlyMemory<float> weights) => Create(weights.Span);

    /// <summary>Whether two lists have the same values.</summary>
    /// <param name="left">One list.</param>
    /// <param name="right">The other.</param>
    public static bool operator ==(WeightList left, WeightList right) => left.Equals(right);

    /// <summary>Whether two lists differ.</summary>
    /// <param name="left">One list.</param>
    /// <param name="right">The other.</param>
    public static bool operator !=(WeightList left, WeightList right) => !left.Equals(right);

    /// <summary>The weights, one after the other.</summary>
    public ReadOnlySpan<double> AsSpan() => Array;

    /// <inheritdoc/>
    public IEnumerator<double> GetEnumerator() => ((IEnumerable<double>)(Array ?? [])).GetEnumerator();

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <inheritdoc/>
    public bool Equals(WeightList other) => AsSpan().SequenceEqual(other.AsSpan());

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is WeightList other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        foreach (double weight in AsSpan())
        {
            hash.Add(weight);
        }

        return hash.ToHashCode();
    }
}
