namespace NativeXent.Checks;

/// <summary>A matrix among the arguments: rows so many elements apart, each of so many columns.</summary>
internal readonly struct MatrixCheck
{
    private readonly Argument _argument;

    /// <exception cref="ArgumentOutOfRangeException">The stride is smaller than a row.</exception>
    internal MatrixCheck(Argument argument, nint columns, nint stride, string strideProperty)
    {
        if (stride != 0 && stride < columns)
        {
            throw Errors.MatrixStrideTooSmall(argument, strideProperty, stride, columns);
        }

        _argument = argument;
        Columns = (nuint)columns;
        Stride = (nuint)(stride == 0 ? columns : stride);
    }

    internal nuint Columns { get; }

    internal nuint Stride { get; }

    /// <summary>The number of rows that have so many elements.</summary>
    /// <exception cref="ArgumentException">There is no such number.</exception>
    internal nuint RowsOf(int length)
    {
        (nuint rows, nuint rest) = Math.DivRem((nuint)length, Stride);
        return rest == 0 ? rows : rest >= Columns ? rows + 1 : throw Errors.NoWholeRows(_argument, length, Columns, Stride);
    }

    /// <summary>Makes sure that a span holds so many rows, to the end of the last or of its stride.</summary>
    /// <exception cref="ArgumentException">It does not.</exception>
    internal void CheckLength(int length, nuint rows)
    {
        UInt128 most = (UInt128)rows * Stride;
        if ((UInt128)length > most || (UInt128)length < most - (rows == 0 ? 0 : Stride - Columns))
        {
            throw Errors.MatrixLength(_argument, length, rows, Columns, Stride);
        }
    }

    /// <summary>The memory of so many rows.</summary>
    /// <exception cref="ArgumentNullException">It begins at null.</exception>
    /// <exception cref="ArgumentException">It is not aligned, or ends beyond the address space.</exception>
    internal unsafe Extent Extent(void* start, nuint elementSize, nuint rows)
    {
        if (rows == 0)
        {
            return new(null, elementSize, 0, _argument);
        }

        if (start is null)
        {
            throw Errors.MatrixNull(_argument);
        }

        UInt128 bytes = (((UInt128)(rows - 1) * Stride) + Columns) * elementSize;
        if (bytes > nuint.MaxValue - (nuint)start)
        {
            throw Errors.MatrixOverflow(_argument, rows, Columns, Stride);
        }

        return new(start, elementSize, (nuint)bytes, _argument);
    }
}
