using System.Runtime.CompilerServices;

namespace NativeXent.Jobs;

/// <summary>Rows that several threads share, because there are fewer rows than threads.</summary>
[SkipLocalsInit]
internal static unsafe class LongRows
{
    // Shorter ones pay for no second thread: it takes some microseconds to wake one, twice for each row.
    private const nuint LeastClasses = 2 * Chunks.ElementsPerChunk;

    internal static bool AreToBeShared(in SoftmaxCrossEntropyJob job, int maxDegreeOfParallelism) =>
        job.Classes >= LeastClasses
        && job.RowEnd < (nuint)Chunks.MostThreads(maxDegreeOfParallelism)
        && RowPartJob.CanSplit(job);

    internal static void Run(
        in SoftmaxCrossEntropyJob job, bool native, int maxDegreeOfParallelism, out Totals totals)
    {
        double* rowSums = stackalloc double[RowPartJob.RowSumsLength];
        nuint classesPerChunk = Chunks.RowsPerChunk(job.Classes, 1);
        totals = default;
        for (nuint row = 0; row < job.RowEnd; row++)
        {
            RowPartJob part = new()
            {
                Row = job.Part(row, row + 1),
                Pass = RowPass.Sums,
                ClassEnd = job.Classes,
                RowSums = rowSums,
            };
            Chunks.Run(part, job.Classes, classesPerChunk, native, maxDegreeOfParallelism, false, out _);
            part.Pass = RowPass.Gradient;
            Chunks.Run(part, job.Classes, classesPerChunk, native, maxDegreeOfParallelism, true, out Totals ofRow);
            totals.Add(ofRow);
        }
    }
}
