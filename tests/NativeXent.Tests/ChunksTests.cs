using System.Collections.Concurrent;
using NativeXent.Jobs;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>How batches are cut, and that whatever the threads do, totals are added in order.</summary>
public sealed class ChunksTests
{
    [TestCase(1, 1_000_000, 1, Description = "a row is never cut")]
    [TestCase(3, 1_000_000, 1)]
    [TestCase(1000, 65_537, 1)]
    [TestCase(1000, 40_000, 1)]
    [TestCase(65_536, 1, 65_536, Description = "one chunk")]
    [TestCase(65_537, 1, 32_769, Description = "two of about the same length")]
    [TestCase(6553, 10, 6553)]
    [TestCase(6554, 10, 3277)]
    [TestCase(100, 1000, 50)]
    public void Chunks_are_of_even_length_and_of_at_most_65536_elements(int rows, int elementsPerRow, int expected) =>
        Assert.That(Chunks.RowsPerChunk((nuint)rows, (nuint)elementsPerRow), Is.EqualTo((nuint)expected));

    [TestCase(5, 1000, 5, Description = "one chunk")]
    [TestCase(100, 1000, 64)]
    [TestCase(1000, 100_000, 16)]
    [TestCase(6554, 10, 3280)]
    public void Chunks_of_rows_side_by_side_are_multiples_of_16(int rows, int elementsPerRow, int expected) =>
        Assert.That(
            Chunks.RowsPerChunk((nuint)rows, (nuint)elementsPerRow, classesApart: true), Is.EqualTo((nuint)expected));

    [Test]
    public void Every_row_is_done_once(
        [Values(1, 2, 10, 1023, 1024, 1025, 5000)] int rows,
        [Values(1, 2, 3, 1024)] int rowsPerChunk,
        [Values(1, 2, 5, -1)] int threads,
        [Values] bool wantsTotals)
    {
        RecordingJob job = new(rows);
        Chunks.Run(job, (nuint)rows, (nuint)rowsPerChunk, true, threads, wantsTotals, out _);
        (nuint Begin, nuint End)[] done = [.. job.Done.Order()];
        for (int i = 0; i < done.Length; i++)
        {
            Assert.That(done[i].Begin, Is.EqualTo(i == 0 ? 0 : done[i - 1].End));
            Assert.That(
                done.Length == 1 || done[i].End - done[i].Begin == (nuint)rowsPerChunk || done[i].End == (nuint)rows,
                Is.True);
        }

        Assert.That(done[^1].End, Is.EqualTo((nuint)rows));
        bool cut = rowsPerChunk < rows && (wantsTotals || threads != 1);
        Assert.That(done, Has.Length.EqualTo(cut ? (rows + rowsPerChunk - 1) / rowsPerChunk : 1));
    }

    /// <summary>Of numbers of such different sizes, every order has another sum.</summary>
    [Test]
    public void Totals_are_added_in_the_order_of_the_chunks([Values(10, 1024, 3000)] int rows)
    {
        Totals expected = default;
        for (int i = 0; i < rows; i++)
        {
            expected.Add(RecordingJob.TotalsOf((nuint)i));
        }

        for (int threads = 1; threads <= 6; threads++)
        {
            Chunks.Run(new RecordingJob(rows), (nuint)rows, 1, true, threads, wantsTotals: true, out Totals totals);
            Assert.That(totals, Is.EqualTo(expected), $"{threads} threads");
        }
    }

    [Test]
    public void No_more_threads_run_than_were_allowed([Values(1, 2, 3)] int threads)
    {
        RecordingJob job = new(500);
        Chunks.Run(job, 500, 1, true, threads, wantsTotals: true, out _);
        Assert.That(job.MostAtOnce, Is.InRange(1, threads));
    }

    [Test]
    public void What_a_chunk_throws_is_thrown_when_no_other_runs_any_more()
    {
        RecordingJob job = new(500) { FailsAt = 250 };
        AggregateException e = Expect.Throws<AggregateException>(
            () => Chunks.Run(job, 500, 1, true, 4, wantsTotals: true, out _));
        Assert.That(e.InnerExceptions.Select(inner => inner.Message), Is.All.EqualTo("row 250"));
        Assert.That(job.RunningNow, Is.Zero);
    }

    private readonly struct RecordingJob(int rows) : IJob<RecordingJob>
    {
        private readonly Record _record = new();
        private readonly nuint _begin;
        private readonly nuint _end = (nuint)rows;

        private RecordingJob(RecordingJob whole, nuint begin, nuint end)
            : this(0)
        {
            _record = whole._record;
            _begin = begin;
            _end = end;
        }

        public nuint FailsAt
        {
            init => _record.FailsAt = value;
        }

        public ConcurrentBag<(nuint Begin, nuint End)> Done => _record.Done;

        public int MostAtOnce => _record.MostAtOnce;

        public int RunningNow => _record.Running;

        public static Totals TotalsOf(nuint begin) =>
            new()
            {
                Loss = Math.ScaleB(1 + (begin * 0.37), (int)(begin * 7 % 60)),
                ZLoss = 1.0 / (begin + 1),
                Weight = begin,
                Rows = 1,
                Correct = begin % 2,
            };

        public RecordingJob Part(nuint begin, nuint end) => new(this, begin, end);

        public static void Run(in RecordingJob job, bool native, out Totals totals)
        {
            int running = Interlocked.Increment(ref job._record.Running);
            lock (job._record)
            {
                job._record.MostAtOnce = Math.Max(job._record.MostAtOnce, running);
            }

            try
            {
                if (job._record.FailsAt is { } row && row == job._begin)
                {
                    throw new InvalidOperationException($"row {row}");
                }

                job.Done.Add((job._begin, job._end));
                totals = TotalsOf(job._begin);
            }
            finally
            {
                Interlocked.Decrement(ref job._record.Running);
            }
        }

        private sealed class Record
        {
            public ConcurrentBag<(nuint Begin, nuint End)> Done { get; } = [];

            public nuint? FailsAt { get; set; }

            public int MostAtOnce { get; set; }

            public int Running;
        }
    }
}
