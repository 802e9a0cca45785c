using System.Buffers;

namespace NativeXent.Jobs;

/// <summary>
/// Carries out jobs in chunks of rows. Chunks depend on nothing but the shape, and their totals are added in order, so
/// that totals have the same bits on any number of threads.
/// </summary>
internal static class Chunks
{
    // Long enough to pay for another thread, and for the totals of its own.
    internal const nuint ElementsPerChunk = 65_536;

    // With the classes apart, the kernels take as many rows at once.
    private const nuint RowsTogether = 16;

    // Bounds the memory for the totals of chunks under way.
    private const int ChunksPerWave = 1024;

    /// <summary>The rows of each chunk but the last, which may have fewer.</summary>
    internal static nuint RowsPerChunk(nuint rows, nuint elementsPerRow, bool classesApart = false)
    {
        if (rows * elementsPerRow <= ElementsPerChunk)
        {
            return rows;
        }

        nuint most = nuint.Max(1, ElementsPerChunk / elementsPerRow);
        nuint balanced = DivideUp(rows, DivideUp(rows, most));
        return classesApart ? DivideUp(balanced, RowsTogether) * RowsTogether : balanced;
    }

    /// <summary>Does a job for all its rows.</summary>
    /// <param name="job">The job, for rows 0 to <paramref name="rows"/>.</param>
    /// <param name="rows">At least 1.</param>
    /// <param name="rowsPerChunk">The length of a chunk.</param>
    /// <param name="native">Which backend does it.</param>
    /// <param name="maxDegreeOfParallelism">At most so many threads do it; −1 for one for each processor.</param>
    /// <param name="wantsTotals">Whether anybody will look at the totals.</param>
    /// <param name="totals">The totals, added in the order of the chunks.</param>
    internal static void Run<TJob>(
        in TJob job,
        nuint rows,
        nuint rowsPerChunk,
        bool native,
        int maxDegreeOfParallelism,
        bool wantsTotals,
        out Totals totals)
        where TJob : struct, IJob<TJob>
    {
        totals = default;
        RunOnto(job, rows, rowsPerChunk, native, maxDegreeOfParallelism, wantsTotals, ref totals);
    }

    /// <summary>The same, with the totals of each chunk added to those there are.</summary>
    internal static void RunOnto<TJob>(
        in TJob job,
        nuint rows,
        nuint rowsPerChunk,
        bool native,
        int maxDegreeOfParallelism,
        bool wantsTotals,
        ref Totals totals)
        where TJob : struct, IJob<TJob>
    {
        if (rowsPerChunk >= rows || (maxDegreeOfParallelism == 1 && !wantsTotals))
        {
            TJob.Run(job, native, out Totals all);
            totals.Add(all);
            return;
        }

        nuint chunks = DivideUp(rows, rowsPerChunk);
        int threads = (int)nuint.Min((nuint)MostThreads(maxDegreeOfParallelism), chunks);
        if (threads > 1)
        {
            RunParallel(job, rows, rowsPerChunk, native, threads, ref totals);
            return;
        }

        for (nuint begin = 0; begin < rows; begin += nuint.Min(rowsPerChunk, rows - begin))
        {
            TJob.Run(job.Part(begin, begin + nuint.Min(rowsPerChunk, rows - begin)), native, out Totals part);
            totals.Add(part);
        }
    }

    private static void RunParallel<TJob>(
        in TJob job, nuint rows, nuint rowsPerChunk, bool native, int threads, ref Totals totals)
        where TJob : struct, IJob<TJob>
    {
        nuint rowsPerWave = rowsPerChunk * ChunksPerWave;
        Totals[] parts = ArrayPool<Totals>.Shared.Rent(
            (int)nuint.Min(ChunksPerWave, DivideUp(rows, rowsPerChunk)));
        for (nuint begin = 0; begin < rows; begin += nuint.Min(rowsPerWave, rows - begin))
        {
            nuint end = begin + nuint.Min(rowsPerWave, rows - begin);
            int count = RunWave(job, begin, end, rowsPerChunk, native, threads, parts);
            for (int i = 0; i < count; i++)
            {
                totals.Add(parts[i]);
            }
        }

        ArrayPool<Totals>.Shared.Return(parts);
    }

    // Each thread takes the next chunk, so that none waits long for a slow one.
    private static int RunWave<TJob>(
        TJob job, nuint begin, nuint end, nuint rowsPerChunk, bool native, int threads, Totals[] parts)
        where TJob : struct, IJob<TJob>
    {
        int count = (int)DivideUp(end - begin, rowsPerChunk);
        int running = 0;
        int stopped = 0;
        try
        {
            _ = Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = threads }, i =>
            {
                Interlocked.Increment(ref running);
                try
                {
                    if (Volatile.Read(ref stopped) == 0)
                    {
                        nuint first = begin + ((nuint)i * rowsPerChunk);
                        TJob.Run(
                            job.Part(first, first + nuint.Min(rowsPerChunk, end - first)), native, out parts[i]);
                    }
                }
                finally
                {
                    Interlocked.Decrement(ref running);
                }
            });
        }
        finally
        {
            // Thread.Interrupt can end the wait above early. The caller's memory is pinned only until we return.
            Interlocked.Exchange(ref stopped, 1);
            SpinWait.SpinUntil(() => Volatile.Read(ref running) == 0);
        }

        return count;
    }

    internal static int MostThreads(int maxDegreeOfParallelism) =>
        maxDegreeOfParallelism < 0 ? Environment.ProcessorCount : maxDegreeOfParallelism;

    /// <summary>a / b, rounded up.</summary>
    internal static nuint DivideUp(nuint a, nuint b) => (a / b) + (a % b == 0 ? 0u : 1u);
}
