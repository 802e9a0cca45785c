namespace NativeXent.Tests.Support;

/// <summary>All memory that a call could have written, as it was afterwards, and what it returned.</summary>
internal sealed class Snapshot
{
    private readonly List<Part> _parts = [];
    private string? _strayWrite;

    /// <summary>Memory that the call must have left alone.</summary>
    internal void AddInput<T>(string name, T[] before, T[] after)
        where T : unmanaged
    {
        if (Elements.FirstDifference<T>(before, after) >= 0)
        {
            _strayWrite ??= $"wrote to {name}";
        }
    }

    /// <summary>Memory that the call had to write in its place, and nowhere else.</summary>
    internal void AddOutput<T>(string name, Place place, T[] before, T[] after)
        where T : unmanaged
    {
        if (place.Stray(before, after) is { } where)
        {
            _strayWrite ??= $"wrote to {name}, {where}";
        }

        Add(name, place.Describe, after);
    }

    internal void AddTotal(string name, double? total) => Add<double>(name, _ => "total", total is { } t ? [t] : []);

    /// <summary>What is wrong with this or differs from the other, the first bit of it; or null.</summary>
    internal string? DifferenceFrom(Snapshot expected) =>
        _strayWrite
        ?? expected._strayWrite
        ?? _parts.Zip(expected._parts, (part, other) => part.Difference(other.Elements)).FirstOrDefault(d => d is not null);

    private void Add<T>(string name, Func<int, string> describe, T[] elements)
        where T : unmanaged =>
        _parts.Add(new(elements, other =>
        {
            T[] expected = (T[])other;
            int i = Elements.FirstDifference<T>(expected, elements);
            return i < 0
                ? null
                : $"{name}, {describe(i)}, is {Elements.Show(elements[i])}, not {Elements.Show(expected[i])}";
        }));

    private sealed record Part(Array Elements, Func<Array, string?> Difference);
}
