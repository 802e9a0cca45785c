using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using NativeXent.Jobs;

namespace NativeXent.Simd;

/// <summary>
/// Products of matrices, every output of which is the same sum in the same order whatever computes it: the twin of
/// <c>native/src/kernels/matrix_product-inl.h</c>, which says how and why.
/// </summary>
[SkipLocalsInit]
internal static unsafe class MatrixProduct<TVector>
    where TVector : unmanaged, IVector<TVector>
{
    // The tile of outputs that is kept in registers.
    private static nuint ProductRows => typeof(TVector) == typeof(Avx512Vector) ? 12u : 6;

    private static nuint ProductColumns =>
        typeof(TVector) == typeof(Avx512Vector) ? 2u * Lanes.Length : Lanes.Length;

    internal static void Run(in MatrixProductJob job)
    {
        ProductBlocks blocks = new(job.Rows, job.Columns, job.Terms, job.WorkspaceLength);
        float* packedA = AtCacheLine(job.Workspace);
        float* packedB = AtCacheLine(job.Workspace + blocks.AFloats);
        for (nuint i = 0; i < job.Rows; i += blocks.Rows)
        {
            nuint rows = nuint.Min(job.Rows - i, blocks.Rows);
            for (nuint j = 0; j < job.Columns; j += blocks.Columns)
            {
                nuint columns = nuint.Min(job.Columns - j, blocks.Columns);

                // Where there are no terms, outputs are what they start from.
                for (nuint k = 0; k < job.Terms || k == 0; k += ProductBlocks.TermsTogether)
                {
                    nuint terms = nuint.Min(job.Terms - k, ProductBlocks.TermsTogether);
                    float* a = blocks.KeepsA ? packedA + (k * blocks.PaddedRows) : packedA;
                    if (j == 0 || !blocks.KeepsA)
                    {
                        Pack(job.A, i, k, rows, terms, ProductRows, a);
                    }

                    for (nuint group = 0; group < columns; group += ProductBlocks.ColumnsPacked)
                    {
                        nuint packed = nuint.Min(columns - group, ProductBlocks.ColumnsPacked);
                        nuint column = j + group;
                        float* b = blocks.KeepsB
                            ? packedB + (k * blocks.PaddedColumns) + (column * terms)
                            : packedB;
                        ProductGroup(job, i, column, k, rows, packed, terms, a, b, i == 0 || !blocks.KeepsB);
                    }
                }
            }
        }
    }

    /// <summary>The same sums with every b(j, k) = 1.</summary>
    internal static void ColumnSums(in ColumnSumsJob job)
    {
        for (nuint j = 0; j < job.Columns; j += Lanes.Length)
        {
            nuint lanes = nuint.Min(job.Columns - j, Lanes.Length);
            float* to = job.Output + j;
            TVector zero = TVector.Set(0);
            TVector joined = job.Accumulate ? TVector.Add(Load(to, lanes), zero) : zero;
            for (nuint i = 0; i < job.Rows; i += ProductBlocks.TermsTogether)
            {
                float* line = job.Matrix + (i * job.Stride) + j;
                TVector sums = zero;
                for (nuint k = nuint.Min(job.Rows - i, ProductBlocks.TermsTogether); k > 0; k--, line += job.Stride)
                {
                    sums = TVector.Add(sums, Load(line, lanes));
                }

                joined = TVector.Add(joined, sums);
            }

            Store(to, Canonical(joined), lanes);
        }
    }

    // Some columns of a block, for one part of the sums.
    private static void ProductGroup(
        in MatrixProductJob job,
        nuint row,
        nuint column,
        nuint term,
        nuint rows,
        nuint packed,
        nuint terms,
        float* a,
        float* b,
        bool packsB)
    {
        nuint whole = packed / ProductColumns * ProductColumns;
        nuint lastWidth = ProductBlocks.UpToMultiple(packed - whole, Lanes.Length);
        if (packsB && job.B.LinesAdjacent)
        {
            Pack(job.B, column, term, whole, terms, ProductColumns, b);
            Pack(job.B, column + whole, term, packed - whole, terms, lastWidth, b + (whole * terms));
        }

        for (nuint panel = 0; panel < packed; panel += ProductColumns)
        {
            float* panelB = b + (panel * terms);
            nuint count = nuint.Min(packed - panel, ProductColumns);

            // Lines apart are packed when they are needed, so that the panel is in the first-level cache.
            if (packsB && !job.B.LinesAdjacent)
            {
                Pack(job.B, column + panel, term, count, terms, panel < whole ? ProductColumns : lastWidth, panelB);
            }

            TileOutput to = new()
            {
                Start = job.Output + (row * job.OutputStride) + column + panel,
                Stride = job.OutputStride,
                Columns = count,
                Bias = job.Bias is not null && term == 0 ? job.Bias + column + panel : null,
                Adds = job.Accumulate || term > 0,
                First = term == 0,
                Last = term + terms == job.Terms,
            };
            ProductPanel(rows, terms, a, panelB, to);
        }
    }

    // All tiles of a panel of b.
    private static void ProductPanel(nuint rows, nuint terms, float* a, float* b, TileOutput to)
    {
        float* first = to.Start;
        for (nuint i = 0; i < rows; i += ProductRows, a += ProductRows * terms)
        {
            to.Start = first + (i * to.Stride);
            to.Rows = nuint.Min(rows - i, ProductRows);
            ProductTile(terms, a, b, to);
        }
    }

    // The sums of one part for a tile of outputs, and their way to these. Most parts of long sums are neither the first nor
    // the last, and joined in registers.
    private static void ProductTile(nuint terms, float* a, float* b, in TileOutput to)
    {
        bool joins = to.Rows == ProductRows && to.Columns == ProductColumns && !to.First && !to.Last;
        nuint width;
        float* sums = stackalloc float[12 * 2 * Lanes.Length];
        if (typeof(TVector) == typeof(Avx512Vector) && to.Columns > Lanes.Length)
        {
            Tile12x2(terms, a, b, to, joins, sums);
            width = 2 * Lanes.Length;
        }
        else if (typeof(TVector) == typeof(Avx512Vector))
        {
            Tile12x1(terms, a, b, to, false, sums);
            width = Lanes.Length;
        }
        else
        {
            Tile6x1(terms, a, b, to, joins, sums);
            width = Lanes.Length;
        }

        for (nuint i = 0; i < to.Rows && !joins; i++)
        {
            for (nuint j = 0; j < to.Columns; j += Lanes.Length)
            {
                JoinOutput(to, i, j, TVector.Load(sums + (i * width) + j));
            }
        }
    }

    // Joins a part's sums to what comes before. In the end no zero is −0 and every NaN canonical: +0 is added before all
    // else, as what the output holds and the bias may both be −0.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void JoinOutput(in TileOutput to, nuint row, nuint column, TVector sums)
    {
        float* c = to.Start + (row * to.Stride) + column;
        nuint lanes = nuint.Min(to.Columns - column, Lanes.Length);
        TVector start = TVector.Set(0);
        if (to.Adds)
        {
            start = TVector.Add(start, Load(c, lanes));
        }

        if (to.Bias is not null)
        {
            start = TVector.Add(start, Load(to.Bias + column, lanes));
        }

        TVector joined = TVector.Add(start, sums);
        Store(c, to.Last ? Canonical(joined) : joined, lanes);
    }

    // Where sums are joined they go to the outputs, otherwise to the given memory, row by row. a has as many numbers for each
    // term as the tile has rows, b as many vectors as it has columns of them.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Tile6x1(nuint terms, float* a, float* b, in TileOutput to, bool joins, float* sums)
    {
        PrefetchOutput(to, 6);
        TVector zero = TVector.Set(0);
        TVector c0 = zero, c1 = zero, c2 = zero, c3 = zero, c4 = zero, c5 = zero;
        for (; terms != 0; terms--, a += 6, b += 16)
        {
            TVector x = TVector.Load(b);
            c0 = TVector.FusedMultiplyAdd(TVector.Broadcast(a), x, c0);
            c1 = TVector.FusedMultiplyAdd(TVector.Broadcast(a + 1), x, c1);
            c2 = TVector.FusedMultiplyAdd(TVector.Broadcast(a + 2), x, c2);
            c3 = TVector.FusedMultiplyAdd(TVector.Broadcast(a + 3), x, c3);
            c4 = TVector.FusedMultiplyAdd(TVector.Broadcast(a + 4), x, c4);
            c5 = TVector.FusedMultiplyAdd(TVector.Broadcast(a + 5), x, c5);
        }

        float* c = joins ? to.Start : sums;
        nuint stride = joins ? to.Stride : 16;
        if (joins)
        {
            c0 = TVector.Add(TVector.Load(c), c0);
            c1 = TVector.Add(TVector.Load(c + (1 * stride)), c1);
            c2 = TVector.Add(TVector.Load(c + (2 * stride)), c2);
            c3 = TVector.Add(TVector.Load(c + (3 * stride)), c3);
            c4 = TVector.Add(TVector.Load(c + (4 * stride)), c4);
            c5 = TVector.Add(TVector.Load(c + (5 * stride)), c5);
        }

        TVector.Store(c, c0);
        TVector.Store(c + (1 * stride), c1);
        TVector.Store(c + (2 * stride), c2);
        TVector.Store(c + (3 * stride), c3);
        TVector.Store(c + (4 * stride), c4);
        TVector.Store(c + (5 * stride), c5);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Tile12x1(nuint terms, float* a, float* b, in TileOutput to, bool joins, float* sums)
    {
        TVector zero = TVector.Set(0);
        TVector c0 = zero, c1 = zero, c2 = zero, c3 = zero, c4 = zero, c5 = zero, c6 = zero, c7 = zero, c8 = zero, c9 = zero, c10 = zero, c11 = zero;
        for (; terms != 0; terms--, a += 12, b += 16)
        {
            TVector x = TVector.Load(b);
            c0 = TVector.FusedMultiplyAdd(TVector.Broadcast(a), x, c0);
            c1 = TVector.FusedMultiplyAdd(TVector.Broadcast(a + 1), x, c1);
            c2 = TVector.FusedMultiplyAdd(TVector.Broadcast(a + 2), x, c2);
            c3 = TVector.FusedMultiplyAdd(TVector.Broadcast(a + 3), x, c3);
            c4 = TVector.FusedMultiplyAdd(TVector.Broadcast(a + 4), x, c4);
            c5 = TVector.FusedMultiplyAdd(TVector.Broadcast(a + 5), x, c5);
            c6 = TVector.FusedMultiplyAdd(TVector.Broadcast(a + 6), x, c6);
            c7 = TVector.FusedMultiplyAdd(TVector.Broadcast(a + 7), x, c7);
            c8 = TVector.FusedMultiplyAdd(TVector.Broadcast(a + 8), x, c8);
            c9 = TVector.FusedMultiplyAdd(TVector.Broadcast(a + 9), x, c9);
            c10 = TVector.FusedMultiplyAdd(TVector.Broadcast(a + 10), x, c10);
            c11 = TVector.FusedMultiplyAdd(TVector.Broadcast(a + 11), x, c11);
        }

        float* c = joins ? to.Start : sums;
        nuint stride = joins ? to.Stride : 16;
        if (joins)
        {
            c0 = TVector.Add(TVector.Load(c), c0);
            c1 = TVector.Add(TVector.Load(c + (1 * stride)), c1);
            c2 = TVector.Add(TVector.Load(c + (2 * stride)), c2);
            c3 = TVector.Add(TVector.Load(c + (3 * stride)), c3);
            c4 = TVector.Add(TVector.Load(c + (4 * stride)), c4);
            c5 = TVector.Add(TVector.Load(c + (5 * stride)), c5);
            c6 = TVector.Add(TVector.Load(c + (6 * stride)), c6);
            c7 = TVector.Add(TVector.Load(c + (7 * stride)), c7);
            c8 = TVector.Add(TVector.Load(c + (8 * stride)), c8);
            c9 = TVector.Add(TVector.Load(c + (9 * stride)), c9);
            c10 = TVector.Add(TVector.Load(c + (10 * stride)), c10);
            c11 = TVector.Add(TVector.Load(c + (11 * stride)), c11);
        }

        TVector.Store(c, c0);
        TVector.Store(c + (1 * stride), c1);
        TVector.Store(c + (2 * stride), c2);
        TVector.Store(c + (3 * stride), c3);
        TVector.Store(c + (4 * stride), c4);
        TVector.Store(c + (5 * stride), c5);
        TVector.Store(c + (6 * stride), c6);
        TVector.Store(c + (7 * stride), c7);
        TVector.Store(c + (8 * stride), c8);
        TVector.Store(c + (9 * stride), c9);
        TVector.Store(c + (10 * stride), c10);
        TVector.Store(c + (11 * stride), c11);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Tile12x2(nuint terms, float* a, float* b, in TileOutput to, bool joins, float* sums)
    {
        PrefetchOutput(to, 12);
        TVector zero = TVector.Set(0);
        TVector c0a = zero, c0b = zero;
        TVector c1a = zero, c1b = zero;
        TVector c2a = zero, c2b = zero;
        TVector c3a = zero, c3b = zero;
        TVector c4a = zero, c4b = zero;
        TVector c5a = zero, c5b = zero;
        TVector c6a = zero, c6b = zero;
        TVector c7a = zero, c7b = zero;
        TVector c8a = zero, c8b = zero;
        TVector c9a = zero, c9b = zero;
        TVector c10a = zero, c10b = zero;
        TVector c11a = zero, c11b = zero;
        for (; terms != 0; terms--, a += 12, b += 32)
        {
            TVector x = TVector.Load(b);
            TVector y = TVector.Load(b + Lanes.Length);
            TVector term = TVector.Broadcast(a);
            c0a = TVector.FusedMultiplyAdd(term, x, c0a);
            c0b = TVector.FusedMultiplyAdd(term, y, c0b);
            term = TVector.Broadcast(a + 1);
            c1a = TVector.FusedMultiplyAdd(term, x, c1a);
            c1b = TVector.FusedMultiplyAdd(term, y, c1b);
            term = TVector.Broadcast(a + 2);
            c2a = TVector.FusedMultiplyAdd(term, x, c2a);
            c2b = TVector.FusedMultiplyAdd(term, y, c2b);
            term = TVector.Broadcast(a + 3);
            c3a = TVector.FusedMultiplyAdd(term, x, c3a);
            c3b = TVector.FusedMultiplyAdd(term, y, c3b);
            term = TVector.Broadcast(a + 4);
            c4a = TVector.FusedMultiplyAdd(term, x, c4a);
            c4b = TVector.FusedMultiplyAdd(term, y, c4b);
            term = TVector.Broadcast(a + 5);
            c5a = TVector.FusedMultiplyAdd(term, x, c5a);
            c5b = TVector.FusedMultiplyAdd(term, y, c5b);
            term = TVector.Broadcast(a + 6);
            c6a = TVector.FusedMultiplyAdd(term, x, c6a);
            c6b = TVector.FusedMultiplyAdd(term, y, c6b);
            term = TVector.Broadcast(a + 7);
            c7a = TVector.FusedMultiplyAdd(term, x, c7a);
            c7b = TVector.FusedMultiplyAdd(term, y, c7b);
            term = TVector.Broadcast(a + 8);
            c8a = TVector.FusedMultiplyAdd(term, x, c8a);
            c8b = TVector.FusedMultiplyAdd(term, y, c8b);
            term = TVector.Broadcast(a + 9);
            c9a = TVector.FusedMultiplyAdd(term, x, c9a);
            c9b = TVector.FusedMultiplyAdd(term, y, c9b);
            term = TVector.Broadcast(a + 10);
            c10a = TVector.FusedMultiplyAdd(term, x, c10a);
            c10b = TVector.FusedMultiplyAdd(term, y, c10b);
            term = TVector.Broadcast(a + 11);
            c11a = TVector.FusedMultiplyAdd(term, x, c11a);
            c11b = TVector.FusedMultiplyAdd(term, y, c11b);
        }

        float* c = joins ? to.Start : sums;
        nuint stride = joins ? to.Stride : 32;
        if (joins)
        {
            c0a = TVector.Add(TVector.Load(c), c0a);
            c0b = TVector.Add(TVector.Load(c + Lanes.Length), c0b);
            c1a = TVector.Add(TVector.Load(c + (1 * stride)), c1a);
            c1b = TVector.Add(TVector.Load(c + Lanes.Length + (1 * stride)), c1b);
            c2a = TVector.Add(TVector.Load(c + (2 * stride)), c2a);
            c2b = TVector.Add(TVector.Load(c + Lanes.Length + (2 * stride)), c2b);
            c3a = TVector.Add(TVector.Load(c + (3 * stride)), c3a);
            c3b = TVector.Add(TVector.Load(c + Lanes.Length + (3 * stride)), c3b);
            c4a = TVector.Add(TVector.Load(c + (4 * stride)), c4a);
            c4b = TVector.Add(TVector.Load(c + Lanes.Length + (4 * stride)), c4b);
            c5a = TVector.Add(TVector.Load(c + (5 * stride)), c5a);
            c5b = TVector.Add(TVector.Load(c + Lanes.Length + (5 * stride)), c5b);
            c6a = TVector.Add(TVector.Load(c + (6 * stride)), c6a);
            c6b = TVector.Add(TVector.Load(c + Lanes.Length + (6 * stride)), c6b);
            c7a = TVector.Add(TVector.Load(c + (7 * stride)), c7a);
            c7b = TVector.Add(TVector.Load(c + Lanes.Length + (7 * stride)), c7b);
            c8a = TVector.Add(TVector.Load(c + (8 * stride)), c8a);
            c8b = TVector.Add(TVector.Load(c + Lanes.Length + (8 * stride)), c8b);
            c9a = TVector.Add(TVector.Load(c + (9 * stride)), c9a);
            c9b = TVector.Add(TVector.Load(c + Lanes.Length + (9 * stride)), c9b);
            c10a = TVector.Add(TVector.Load(c + (10 * stride)), c10a);
            c10b = TVector.Add(TVector.Load(c + Lanes.Length + (10 * stride)), c10b);
            c11a = TVector.Add(TVector.Load(c + (11 * stride)), c11a);
            c11b = TVector.Add(TVector.Load(c + Lanes.Length + (11 * stride)), c11b);
        }

        TVector.Store(c, c0a);
        TVector.Store(c + Lanes.Length, c0b);
        TVector.Store(c + (1 * stride), c1a);
        TVector.Store(c + Lanes.Length + (1 * stride), c1b);
        TVector.Store(c + (2 * stride), c2a);
        TVector.Store(c + Lanes.Length + (2 * stride), c2b);
        TVector.Store(c + (3 * stride), c3a);
        TVector.Store(c + Lanes.Length + (3 * stride), c3b);
        TVector.Store(c + (4 * stride), c4a);
        TVector.Store(c + Lanes.Length + (4 * stride), c4b);
        TVector.Store(c + (5 * stride), c5a);
        TVector.Store(c + Lanes.Length + (5 * stride), c5b);
        TVector.Store(c + (6 * stride), c6a);
        TVector.Store(c + Lanes.Length + (6 * stride), c6b);
        TVector.Store(c + (7 * stride), c7a);
        TVector.Store(c + Lanes.Length + (7 * stride), c7b);
        TVector.Store(c + (8 * stride), c8a);
        TVector.Store(c + Lanes.Length + (8 * stride), c8b);
        TVector.Store(c + (9 * stride), c9a);
        TVector.Store(c + Lanes.Length + (9 * stride), c9b);
        TVector.Store(c + (10 * stride), c10a);
        TVector.Store(c + Lanes.Length + (10 * stride), c10b);
        TVector.Store(c + (11 * stride), c11a);
        TVector.Store(c + Lanes.Length + (11 * stride), c11b);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PrefetchOutput(in TileOutput to, nuint rows)
    {
        if (Sse.IsSupported)
        {
            float* c = to.Start;
            for (nuint i = nuint.Min(to.Rows, rows); i > 0; i--, c += to.Stride)
            {
                Sse.Prefetch0(c);
                Sse.Prefetch0(c + to.Columns - 1);
            }
        }
    }

    // Lines and terms of an operand as panels of width lines, one after the other.
    private static void Pack(
        in ProductOperand operand, nuint line, nuint term, nuint count, nuint terms, nuint width, float* to)
    {
        if (operand.ElementType == ElementType.Float32)
        {
            PackElements<Floats>(operand, line, term, count, terms, width, to);
        }
        else if (operand.ElementType == ElementType.Float16)
        {
            PackElements<Halves>(operand, line, term, count, terms, width, to);
        }
        else
        {
            PackElements<BFloat16s>(operand, line, term, count, terms, width, to);
        }
    }

    private static void PackElements<TSource>(
        in ProductOperand operand, nuint line, nuint term, nuint count, nuint terms, nuint width, float* to)
        where TSource : IElementSource
    {
        if (operand.LinesAdjacent)
        {
            byte* from = (byte*)operand.Start + (operand.Index(line, term) * TSource.Size);
            PackLinesAdjacent<TSource>(from, operand.Stride, count, terms, width, to);
            return;
        }

        for (nuint begin = 0; begin < count; begin += width, to += width * terms)
        {
            byte* from = (byte*)operand.Start + (operand.Index(line + begin, term) * TSource.Size);
            PackLinesApart<TSource>(from, operand.Stride, nuint.Min(count - begin, width), terms, width, to);
        }
    }

    // Lines a stride apart, a panel's first count of width: to[k · width + i] = from[i · stride + k], and 0 for the lines that
    // do not exist. May store three numbers past the panel.
    private static void PackLinesApart<TSource>(
        byte* from, nuint stride, nuint count, nuint terms, nuint width, float* to)
        where TSource : IElementSource
    {
        nuint step = stride * TSource.Size;
        float* lanes = stackalloc float[Lanes.Length];

        // Four lines at a time, the last ones first: what is stored beyond the width belongs to the next term's first lines.
        for (nuint begin = ((width - 1) / 4 * 4) + 4; begin > 0;)
        {
            begin -= 4;
            byte* lines = from + (begin * step);
            nuint present = count > begin ? nuint.Min(count - begin, 4) : 0;
            float* t = to + begin;
            nuint k = 0;
            for (; k + Lanes.Length <= terms; k += Lanes.Length, t += Lanes.Length * width)
            {
                byte* f = lines + (k * TSource.Size);
                TVector a = present > 0 ? TSource.Load(f) : TVector.Set(0);
                TVector b = present > 1 ? TSource.Load(f + step) : TVector.Set(0);
                TVector c = present > 2 ? TSource.Load(f + (2 * step)) : TVector.Set(0);
                TVector d = present > 3 ? TSource.Load(f + (3 * step)) : TVector.Set(0);
                TVector.TransposeQuarters(ref a, ref b, ref c, ref d);
                TVector.StoreQuarters(t, 4 * width, a);
                TVector.StoreQuarters(t + width, 4 * width, b);
                TVector.StoreQuarters(t + (2 * width), 4 * width, c);
                TVector.StoreQuarters(t + (3 * width), 4 * width, d);
            }

            for (nuint i = 0; k < terms && i < nuint.Min(width - begin, 4); i++)
            {
                TVector x = i < present
                    ? TSource.LoadPartial(lines + (i * step) + (k * TSource.Size), terms - k)
                    : TVector.Set(0);
                TVector.Store(lanes, x);
                for (nuint j = 0; j < terms - k; j++)
                {
                    t[(j * width) + i] = lanes[j];
                }
            }
        }
    }

    // Adjacent lines, a panel after the other: to[p · width · terms + k · width + i] = from[k · stride + p · width + i], and 0
    // for lines beyond count.
    private static void PackLinesAdjacent<TSource>(
        byte* from, nuint stride, nuint count, nuint terms, nuint width, float* to)
        where TSource : IElementSource
    {
        for (nuint k = 0; k < terms; k++, from += stride * TSource.Size, to += width)
        {
            float* t = to;
            for (nuint begin = 0; begin < count; begin += width, t += width * terms)
            {
                for (nuint i = 0; i < width; i += Lanes.Length)
                {
                    nuint left = count > begin + i ? count - begin - i : 0;
                    byte* f = from + ((begin + i) * TSource.Size);
                    TVector x = left >= Lanes.Length ? TSource.Load(f)
                        : left > 0 ? TSource.LoadPartial(f, left)
                        : TVector.Set(0);

                    // A vector may reach into the next terms' numbers, which are written later, but not into the next panel.
                    if (i + Lanes.Length <= (terms - k) * width)
                    {
                        TVector.Store(t + i, x);
                    }
                    else
                    {
                        TVector.StorePartial(t + i, x, nuint.Min(width - i, Lanes.Length));
                    }
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Load(float* source, nuint lanes) =>
        lanes == Lanes.Length ? TVector.Load(source) : TVector.LoadPartial(source, lanes, 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* destination, TVector a, nuint lanes)
    {
        if (lanes == Lanes.Length)
        {
            TVector.Store(destination, a);
        }
        else
        {
            TVector.StorePartial(destination, a, lanes);
        }
    }

    // Every NaN becomes the canonical one: which of its bits an operation keeps differs between processors.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Canonical(TVector x) =>
        TVector.SelectBelow(
            x,
            TVector.Set(float.PositiveInfinity),
            x,
            TVector.SelectBelow(
                TVector.Set(0), x, x, TVector.Set(BitConverter.UInt32BitsToSingle(SubnormalProduct.CanonicalNaN))));

    private static float* AtCacheLine(float* p) => p + ((64 - ((nuint)p % 64)) % 64 / sizeof(float));

    // Which outputs a tile's sums belong to, and what becomes of them.
    private struct TileOutput
    {
        public float* Start;
        public nuint Stride;

        /// <summary>Those that exist.</summary>
        public nuint Rows;

        public nuint Columns;

        /// <summary>Or null.</summary>
        public float* Bias;

        /// <summary>Whether sums start from what the output holds.</summary>
        public bool Adds;

        public bool First;
        public bool Last;
    }

    // How elements are read as floats.
    private interface IElementSource
    {
        static abstract nuint Size { get; }

        static abstract TVector Load(byte* source);

        static abstract TVector LoadPartial(byte* source, nuint count);
    }

    private readonly struct Floats : IElementSource
    {
        public static nuint Size => sizeof(float);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TVector Load(byte* source) => TVector.Load((float*)source);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TVector LoadPartial(byte* source, nuint count) => TVector.LoadPartial((float*)source, count, 0);
    }

    private readonly struct Halves : IElementSource
    {
        public static nuint Size => sizeof(ushort);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TVector Load(byte* source) => TVector.LoadHalf((ushort*)source);

        public static TVector LoadPartial(byte* source, nuint count) =>
            TVector.LoadHalfPartial((ushort*)source, count, 0);
    }

    private readonly struct BFloat16s : IElementSource
    {
        public static nuint Size => sizeof(ushort);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TVector Load(byte* source) => TVector.LoadBFloat16((ushort*)source);

        public static TVector LoadPartial(byte* source, nuint count) =>
            TVector.LoadBFloat16Partial((ushort*)source, count, 0);
    }
}
