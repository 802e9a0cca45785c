namespace NativeXent.Checks;

/// <summary>
/// Memory of an argument, from its first byte to its last, gaps included. Empty where it begins at null.
/// </summary>
internal readonly unsafe struct Extent
{
    private readonly nuint _begin;
    private readonly nuint _bytes;
    private readonly Argument _argument;

    /// <exception cref="ArgumentException">It is not aligned to its element type.</exception>
    internal Extent(void* start, nuint elementSize, nuint bytes, Argument argument, bool byPointers = false)
    {
        // Sizes are powers of two.
        if (((nuint)start & (elementSize - 1)) != 0)
        {
            throw Errors.Misaligned(argument, elementSize, byPointers);
        }

        _begin = (nuint)start;
        _bytes = start is null ? 0 : bytes;
        _argument = argument;
    }

    /// <summary>Makes sure that this, an output, has no byte in common with another argument.</summary>
    /// <exception cref="ArgumentException">It has.</exception>
    internal void CheckApart(in Extent other, bool byPointers = false)
    {
        if (_bytes != 0 && other._bytes != 0
            && (_begin < other._begin ? other._begin - _begin < _bytes : _begin - other._begin < other._bytes))
        {
            throw Errors.Overlap(_argument, other._argument, byPointers);
        }
    }
}
