namespace NativeXent.Simd;

/// <summary>
/// How a matrix product is cut, and so how much memory its packed operands take: the twin of
/// <c>native/src/product_blocks.h</c>. Of all this only <see cref="TermsTogether"/> shows in a result.
/// </summary>
internal readonly struct ProductBlocks
{
    /// <summary>A chain of multiply-adds has so many terms.</summary>
    public const nuint TermsTogether = 128;

    /// <summary>Multiples of every vector type's tile.</summary>
    public const nuint RowsMultiple = 12;

    /// <inheritdoc cref="RowsMultiple"/>
    public const nuint ColumnsMultiple = 32;

    /// <summary>Columns that are packed at a time, so that whole cache lines of the operand are read.</summary>
    public const nuint ColumnsPacked = 256;

    // Rows of a block: packed with 128 terms each they fill a part of the second-level cache.
    private const nuint RowsPerBlock = 264;

    // Columns of a block: the output's block stays in the second-level cache while all terms are added to it. Where a is
    // packed anew for each block, that are more.
    private const nuint ColumnsPerBlock = 512;
    private const nuint ColumnsWide = 1024;

    // An operand that is needed again is kept packed if it has at most so many numbers.
    private const nuint Kept = 1 << 20;

    // Packing stores whole vectors, and begins at a cache line.
    private const nuint Slack = 32;

    /// <summary>For rows × columns outputs that are sums of so many terms, and room for so many floats.</summary>
    internal ProductBlocks(nuint allRows, nuint allColumns, nuint terms, nuint room)
    {
        nuint mostTerms = nuint.Min(terms, TermsTogether);
        Rows = nuint.Min(allRows, RowsPerBlock);
        PaddedRows = UpToMultiple(Rows, RowsMultiple);
        nuint packed = allColumns < ColumnsPacked ? UpToMultiple(allColumns, ColumnsMultiple) : ColumnsPacked;
        AFloats = (PaddedRows * mostTerms) + Slack;
        BFloats = (packed * mostTerms) + Slack;
        if (allColumns > ColumnsPerBlock && terms > TermsTogether && terms <= Kept / RowsPerBlock)
        {
            nuint kept = (PaddedRows * terms) + Slack;
            KeepsA = kept + BFloats <= room;
            AFloats = KeepsA ? kept : AFloats;
        }

        if (allRows > RowsPerBlock && allColumns <= Kept && terms <= Kept)
        {
            PaddedColumns = UpToMultiple(allColumns, ColumnsMultiple);
            nuint kept = (PaddedColumns * terms) + Slack;
            KeepsB = kept <= Kept && AFloats + kept <= room;
            BFloats = KeepsB ? kept : BFloats;
        }

        Columns = nuint.Min(allColumns, KeepsA ? ColumnsPerBlock : ColumnsWide);
    }

    internal nuint Rows { get; }

    internal nuint PaddedRows { get; }

    internal nuint Columns { get; }

    internal nuint PaddedColumns { get; }

    internal bool KeepsA { get; }

    internal bool KeepsB { get; }

    internal nuint AFloats { get; }

    internal nuint BFloats { get; }

    /// <summary>How many floats a product can use, with whatever part of its outputs.</summary>
    internal static nuint WorkspaceLength(nuint rows, nuint columns, nuint terms)
    {
        ProductBlocks blocks = new(rows, columns, terms, nuint.MaxValue);
        return blocks.AFloats + blocks.BFloats;
    }

    /// <summary>How many it needs at least.</summary>
    internal static nuint LeastWorkspaceLength(nuint rows, nuint columns, nuint terms)
    {
        ProductBlocks blocks = new(rows, columns, terms, 0);
        return blocks.AFloats + blocks.BFloats;
    }

    internal static nuint UpToMultiple(nuint n, nuint of) => (n + of - 1) / of * of;
}
