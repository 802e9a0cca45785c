using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>
/// One answer: every backend on every instruction set gives the bits that the first target gives, gradients and losses.
/// </summary>
[TestFixtureSource(typeof(Target), nameof(Target.Others))]
[NonParallelizable]
public sealed class BitParityTests(Target target)
{
    private static readonly int[] Vocabularies = [32000, 50257, 128256, 256000];

    [Test]
    public void Rows_of_every_kind_and_every_length_up_to_200()
    {
        for (int classes = 1; classes <= 200; classes++)
        {
            // So that each kind has its label at the first class, at the last, and anywhere.
            for (ulong turn = 0; turn < 3; turn++)
            {
                AssertSameBits(Batch.Generate(1000 + (3 * (ulong)classes) + turn, classes, RowKind.All));
            }
        }
    }

    [Test]
    public void Rows_of_every_kind_around_every_multiple_of_the_vector_length()
    {
        foreach (int classes in Around(16, 208, 1040))
        {
            AssertSameBits(Batch.Generate(2000 + (ulong)classes, classes, RowKind.All));
        }
    }

    [Test]
    public void Rows_of_every_kind_around_every_multiple_of_the_tile_length()
    {
        foreach (int classes in Around(128, 1152, 8320))
        {
            AssertSameBits(Batch.Generate(3000 + (ulong)classes, classes, EveryNth(RowKind.All, 4, classes)));
        }
    }

    [Test]
    public void Long_rows_around_every_multiple_of_the_block_length_up_to_300000()
    {
        foreach (int classes in Around(4096, 4096, 300_000))
        {
            AssertSameBits(Batch.Generate(4000 + (ulong)classes, classes, EveryNth(RowKind.All, 24, classes)));
        }
    }

    [TestCaseSource(nameof(Vocabularies))]
    public void Vocabularies_with_rows_of_every_kind(int classes) =>
        AssertSameBits(Batch.Generate(5000 + (ulong)classes, classes, RowKind.All));

    /// <summary>From 256 · 4096 classes on, blocks grow instead of becoming more.</summary>
    [TestCase(1_048_575)]
    [TestCase(1_048_576)]
    [TestCase(1_048_577)]
    [TestCase(1_081_345)]
    [TestCase(2_500_000)]
    public void More_classes_than_256_blocks_hold(int classes) =>
        AssertSameBits(Batch.Generate(6000 + (ulong)classes, classes, EveryNth(RowKind.All, 12, classes)));

    /// <summary>Rows of up to 16 classes are computed 16 at a time where all of them are ordinary.</summary>
    [Test]
    public void Any_number_of_rows_of_few_classes()
    {
        for (int classes = 1; classes <= 18; classes++)
        {
            for (int rows = 1; rows <= 50; rows++)
            {
                ulong seed = (ulong)((classes * 100) + rows);
                RowKind kind = RowKind.All[rows % RowKind.All.Count];
                AssertSameBits(Batch.Generate(seed, rows, classes, RowKind.Normal(0.1 * rows)));
                AssertSameBits(Batch.Generate(seed, rows, classes, kind));

                // One row of another kind among them.
                RowKind[] kinds = [.. Enumerable.Repeat(RowKind.Normal(3), rows)];
                kinds[(rows - 1) * 7 / 10] = kind;
                AssertSameBits(Batch.Generate(seed, classes, kinds));
            }
        }
    }

    /// <summary>Close enough together for every class to count: a difference in the last bit shows.</summary>
    [Test]
    public void Two_thousand_close_rows_of_random_length()
    {
        SplitMix64 random = new(7000);
        for (ulong i = 0; i < 2000; i++)
        {
            int classes = random.Length(1, 8191);
            RowKind kind = RowKind.Normal(0.01 * (1 + random.Below(1000)));
            AssertSameBits(Batch.Generate(7001 + i, 1, classes, kind));
        }
    }

    [Test]
    public void Ten_thousand_short_rows_of_any_finite_numbers()
    {
        SplitMix64 random = new(8000);
        RowKind anyFinite = RowKind.Named("any finite");
        for (ulong i = 0; i < 100; i++)
        {
            AssertSameBits(Batch.Generate(8001 + i, 100, random.Length(2, 40), anyFinite));
        }
    }

    /// <summary>
    /// Logits next to one another around −126·ln 2, under a sum that a further class tunes: many results are closer to
    /// the threshold of flushing than neighbouring floats are, the label's gradient and the loss among them.
    /// </summary>
    [Test]
    public void Results_next_to_the_threshold_of_flushing()
    {
        const uint LogOfThreshold = 0xc2aeac50; // −87.33655
        const int Rows = 500;
        SplitMix64 random = new(10_000);
        foreach (int classes in (int[])[3, 67, 150])
        {
            float[] logits = new float[Rows * classes];
            int[] labels = new int[Rows];
            for (int i = 0; i < Rows; i++)
            {
                Span<float> z = logits.AsSpan(i * classes, classes);
                for (int j = 2; j < classes; j++)
                {
                    z[j] = BitConverter.UInt32BitsToSingle(LogOfThreshold - 32 + (uint)random.Below(64));
                }

                // Where the label is the greatest, its gradient and the loss are what the others have.
                labels[i] = i % 3 == 0 ? random.Below(classes) : 0;
                z[1] = -10 + random.Uniform(3) - (labels[i] == 0 ? 90 : 0);
                if (classes > 3 && labels[i] == 0)
                {
                    z[3..].Fill(float.NegativeInfinity);
                }
            }

            AssertSameBits(new Batch(classes, logits, labels, _ => "next to the threshold, seed 10000"));
        }
    }

    /// <summary>Blocks are joined in double: the steps show only where blocks differ in their maximum.</summary>
    [Test]
    public void A_thousand_rows_of_two_blocks_at_different_levels()
    {
        SplitMix64 random = new(9000);
        const int Rows = 20;
        for (ulong i = 0; i < 50; i++)
        {
            int classes = 4096 + random.Length(1, 60);
            Batch batch = Batch.Generate(9001 + i, Rows, classes, RowKind.Normal(1));
            for (int row = 0; row < Rows; row++)
            {
                float level = random.Uniform(random.Element<double>([1, 40, 100, 720]));
                foreach (ref float z in batch.Logits.AsSpan((row * classes) + 4096, classes - 4096))
                {
                    z += level;
                }
            }

            AssertSameBits(batch);
        }
    }

    private static IEnumerable<int> Around(int step, int from, int to)
    {
        for (int n = from; n <= to; n += step)
        {
            yield return n - 1;
            yield return n;
            yield return n + 1;
        }
    }

    // A part of the kinds; the others take their turn at other lengths.
    private static RowKind[] EveryNth(IReadOnlyList<RowKind> kinds, int n, int turn) =>
        [.. kinds.Where((_, i) => (i + turn) % n == 0)];

    private void AssertSameBits(Batch batch) =>
        target.Compute(batch).ShouldEqual(Target.First.Compute(batch), batch, $"{target} against {Target.First}");
}
