using System.Numerics;
using NativeXent.Jobs;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>Rows that several threads share.</summary>
[TestFixture(NativeXentBackend.Native)]
[TestFixture(NativeXentBackend.Managed)]
public sealed class LongRowsTests(NativeXentBackend backend)
{
    // The last has blocks of another length.
    private static readonly int[] Lengths = [131_072, 140_001, 256_000, 1_100_000];

    private static readonly string[] Kinds = ["ordinary", "far from 0", "with NaN", "nothing but −∞", "labels at −∞"];

    [Test]
    public void Have_the_bits_of_one_thread_without_options(
        [ValueSource(nameof(Lengths))] int classes, [ValueSource(nameof(Kinds))] string kind)
    {
        ExpectSameBits<float>(classes, 1, kind, null, false);
        ExpectSameBits<double>(classes, 1, kind, null, false);
    }

    [Test]
    public void Have_the_bits_of_one_thread_with_options(
        [Values(140_001, 1_100_000)] int classes, [ValueSource(nameof(Kinds))] string kind)
    {
        SoftmaxCrossEntropyOptions options = new()
        {
            ClassWeights = Enumerable.Range(0, classes).Select(c => 0.25 + (c % 5)).ToArray(),
            IgnoreIndex = 7,
            ZLossScale = 1e-3,
            Reduction = Reduction.Mean,
            UpstreamScale = 3,
            Scale = 0.7,
        };
        ExpectSameBits<float>(classes, 3, kind, options, true);
        ExpectSameBits<double>(classes, 3, kind, options, true);
    }

    [Test]
    public void Are_shared_where_there_are_fewer_than_threads_and_no_option_forbids_it()
    {
        unsafe
        {
            float element = 0;
            SoftmaxCrossEntropyJob job = new()
            {
                BatchSize = 3,
                RowEnd = 3,
                Classes = 131_072,
                InnerSize = 1,
                Scale = 1,
                Gradient = &element,
            };
            Assert.Multiple(() =>
            {
                Assert.That(LongRows.AreToBeShared(job, 4));
                Assert.That(LongRows.AreToBeShared(job with { ElementType = ElementType.Float64 }, 4));
                Assert.That(LongRows.AreToBeShared(job, 3), Is.False);
                Assert.That(LongRows.AreToBeShared(job with { Classes = 131_071 }, 4), Is.False);
                Assert.That(LongRows.AreToBeShared(job with { ElementType = ElementType.Float16 }, 4), Is.False);
                Assert.That(LongRows.AreToBeShared(job with { InnerSize = 2 }, 4), Is.False);
                Assert.That(LongRows.AreToBeShared(job with { Gradient = null }, 4), Is.False);
                Assert.That(LongRows.AreToBeShared(job with { Accumulate = true }, 4), Is.False);
                Assert.That(LongRows.AreToBeShared(job with { CountCorrect = true }, 4), Is.False);
                Assert.That(LongRows.AreToBeShared(job with { LabelSmoothing = 0.1 }, 4), Is.False);
                Assert.That(LongRows.AreToBeShared(job with { Scale = 2 }, 4));
                Assert.That(LongRows.AreToBeShared(job with { Softcap = 30 }, 4), Is.False);
                Assert.That(
                    LongRows.AreToBeShared(job with { TargetType = TargetType.Distribution }, 4), Is.False);
            });
        }
    }

    private void ExpectSameBits<T>(
        int classes, int rows, string kind, SoftmaxCrossEntropyOptions? options, bool wantsRows)
        where T : unmanaged, IFloatingPoint<T>
    {
        SplitMix64 random = new((ulong)classes);
        int[] labels = [.. Enumerable.Range(0, rows).Select(row => row == 1 ? 7 : random.Below(classes))];
        T[] logits = new T[rows * classes];
        double offset = kind == "far from 0" ? 1e6 : 0;
        for (int i = 0; i < logits.Length; i++)
        {
            logits[i] = T.CreateChecked(kind == "nothing but −∞" ? double.NegativeInfinity : offset + random.Normal(6));
        }

        for (int row = 0; row < rows; row++)
        {
            Span<T> z = logits.AsSpan(row * classes, classes);
            if (kind == "with NaN")
            {
                z[random.Below(classes)] = T.CreateChecked(double.NaN);
            }
            else if (kind == "labels at −∞")
            {
                z[labels[row]] = T.CreateChecked(double.NegativeInfinity);
            }
        }

        Outputs<T> expected = Compute(1, false);
        foreach (int threads in new[] { 4, 7 })
        {
            foreach (bool inPlace in new[] { false, true })
            {
                Outputs<T> actual = Compute(threads, inPlace);
                Assert.That(Elements.FirstDifference<T>(expected.Gradient, actual.Gradient), Is.EqualTo(-1));
                Assert.That(Elements.FirstDifference<T>(expected.Losses, actual.Losses), Is.EqualTo(-1));
                Assert.That(Elements.FirstDifference<T>(expected.LogSumExp, actual.LogSumExp), Is.EqualTo(-1));
                Assert.That(actual.Result, Is.EqualTo(expected.Result));
            }
        }

        Outputs<T> Compute(int threads, bool inPlace)
        {
            T[] z = [.. logits];
            T[] gradient = inPlace ? z : new T[z.Length];
            T[] losses = new T[wantsRows ? rows : 0];
            T[] logSumExp = new T[wantsRows ? rows : 0];
            SoftmaxCrossEntropyResult result = SoftmaxCrossEntropy.Gradient<T>(
                z,
                labels,
                classes,
                gradient,
                options,
                new() { Losses = losses, LogSumExp = logSumExp },
                new() { Backend = backend, MaxDegreeOfParallelism = threads });
            return new Outputs<T>(gradient, losses, logSumExp, result);
        }
    }

    private sealed record Outputs<T>(T[] Gradient, T[] Losses, T[] LogSumExp, SoftmaxCrossEntropyResult Result);
}
