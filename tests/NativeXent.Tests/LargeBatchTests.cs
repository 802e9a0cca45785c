using System.Runtime.InteropServices;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>More elements than 32 bits can count, in place: 4.3 GB of float16.</summary>
[NonParallelizable]
public sealed unsafe class LargeBatchTests
{
    private const int Classes = 32_768;
    private const int Rows = 65_540; // row 65,536 begins at element 2^31
    private static readonly long Bytes = (long)Rows * Classes * sizeof(ushort);

    private static readonly Half[] Pattern = [.. Enumerable.Range(0, Classes).Select(j => (Half)((j * 37 % 64) / 16.0f))];

    [Test]
    public void Rows_beyond_2_to_the_31_elements_have_the_bits_they_have_alone(
        [Values(NativeXentBackend.Native, NativeXentBackend.Managed)] NativeXentBackend backend)
    {
        long available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (available < Bytes * 2)
        {
            Assert.Ignore($"This needs {Bytes:N0} bytes of memory; {available:N0} are too few to ask for so many.");
        }

        int[] labels = [.. Enumerable.Range(0, Rows).Select(i => (int)((i * 7919L) % Classes))];
        Half[] losses = new Half[Rows];
        Half* logits = (Half*)NativeMemory.AlignedAlloc((nuint)Bytes, 64);
        try
        {
            Parallel.For(0, Rows, i => Fill(Row(logits, i), i));
            Compute(logits, labels, losses, backend);

            Half* alone = stackalloc Half[Classes];
            Half[] loss = new Half[1];
            foreach (int i in (int[])[0, 1, 32_767, 32_768, 65_535, 65_536, 65_537, Rows - 1])
            {
                Fill(Row(alone, 0), i);
                Compute(alone, labels[i..(i + 1)], loss, backend);
                Assert.That(
                    MemoryMarshal.AsBytes(Row(logits, i)).SequenceEqual(MemoryMarshal.AsBytes(Row(alone, 0))),
                    Is.True,
                    $"gradient of row {i}");
                Assert.That(losses[i], Is.EqualTo(loss[0]), $"loss of row {i}");
            }
        }
        finally
        {
            NativeMemory.AlignedFree(logits);
        }
    }

    /// <summary>As above; one pass of each of the other operations would take as long again, and no more memory.</summary>
    [Test]
    public void So_has_their_softmax([Values(NativeXentBackend.Native, NativeXentBackend.Managed)] NativeXentBackend backend)
    {
        long available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (available < Bytes * 2)
        {
            Assert.Ignore($"This needs {Bytes:N0} bytes of memory; {available:N0} are too few to ask for so many.");
        }

        ExecutionOptions execution = new() { Backend = backend, MaxDegreeOfParallelism = -1 };
        Half* logits = (Half*)NativeMemory.AlignedAlloc((nuint)Bytes, 64);
        try
        {
            Parallel.For(0, Rows, i => Fill(Row(logits, i), i));
            Softmax.Forward(logits, Rows, Classes, logits, execution);

            Half* alone = stackalloc Half[Classes];
            foreach (int i in (int[])[0, 65_535, 65_536, 65_537, Rows - 1])
            {
                Fill(Row(alone, 0), i);
                Softmax.Forward<Half>(Row(alone, 0), Classes, Row(alone, 0), execution);
                Assert.That(
                    MemoryMarshal.AsBytes(Row(logits, i)).SequenceEqual(MemoryMarshal.AsBytes(Row(alone, 0))),
                    Is.True,
                    $"row {i}");
            }
        }
        finally
        {
            NativeMemory.AlignedFree(logits);
        }
    }

    /// <summary>Zeros that nobody has written: the system needs no memory of its own for them.</summary>
    [Test]
    public void Sigmoid_losses_of_more_than_2_to_the_31_logits_add_up()
    {
        long count = int.MaxValue + 100_000L;
        Half* zeros = (Half*)NativeMemory.AllocZeroed((nuint)count, sizeof(ushort));
        try
        {
            SigmoidCrossEntropyResult result = SigmoidCrossEntropy.Compute<Half>(
                new() { Logits = zeros, Targets = zeros },
                (nint)count,
                new() { Reduction = Reduction.Sum },
                new() { MaxDegreeOfParallelism = -1 });
            Assert.That(result.Elements, Is.EqualTo(count));
            Assert.That(result.Loss!.Value, Is.EqualTo(count * Math.Log(2)).Within(1e-9).Percent);
        }
        finally
        {
            NativeMemory.Free(zeros);
        }
    }

    /// <summary>Three rows that end beyond element 2^31; the memory between them is never touched.</summary>
    [Test]
    public void Rows_more_than_2_to_the_30_elements_apart_have_the_bits_they_have_alone(
        [Values(NativeXentBackend.Native, NativeXentBackend.Managed)] NativeXentBackend backend)
    {
        const int Count = 3, Few = 5;
        const nint Stride = (1 << 30) + 8;
        LogitsLayout layout =
            new(Few) { Stride = Stride, DestinationStride = Stride, UpstreamStride = Stride, TargetsStride = Stride };
        ExecutionOptions execution = new() { Backend = backend };
        Half[] dense = [.. Enumerable.Range(0, Count * Few).Select(i => (Half)(i * 7 % 11))];
        Half[] expected = new Half[dense.Length], expectedOfRows = new Half[Count], ofRows = new Half[Count];
        nuint elements = ((nuint)Stride * (Count - 1)) + Few;
        Half* memory = (Half*)NativeMemory.AllocZeroed(elements, sizeof(ushort));
        try
        {
            Span<Half> Far(int row) => new(memory + (row * Stride), Few);
            void Scatter()
            {
                for (int i = 0; i < Count; i++)
                {
                    dense.AsSpan(i * Few, Few).CopyTo(Far(i));
                }
            }

            void AssertFar(string operation)
            {
                for (int i = 0; i < Count; i++)
                {
                    Assert.That(Far(i).ToArray(), Is.EqualTo(expected[(i * Few)..((i + 1) * Few)]), $"{operation}, {i}");
                }

                Scatter();
            }

            Scatter();
            Softmax.Forward(memory, Count, layout, memory, execution);
            Softmax.Forward<Half>(dense, Few, expected, execution);
            AssertFar("softmax");
            LogSoftmax.Forward(memory, Count, layout, memory, execution);
            LogSoftmax.Forward<Half>(dense, Few, expected, execution);
            AssertFar("log-softmax");
            Softmax.Backward(memory, memory, Count, layout, memory, execution);
            Softmax.Backward<Half>(dense, dense, Few, expected, execution);
            AssertFar("backward of softmax");
            LogSoftmax.Backward(memory, memory, Count, layout, memory, execution);
            LogSoftmax.Backward<Half>(dense, dense, Few, expected, execution);
            AssertFar("backward of log-softmax");
            fixed (Half* logSumExp = ofRows)
            {
                Softmax.LogSumExp(memory, Count, layout, logSumExp, execution);
            }

            Softmax.LogSumExp<Half>(dense, Few, expectedOfRows, execution);
            Assert.That(ofRows, Is.EqualTo(expectedOfRows));
        }
        finally
        {
            NativeMemory.Free(memory);
        }
    }

    private static void Compute(Half* logits, int[] labels, Half[] losses, NativeXentBackend backend)
    {
        fixed (int* y = labels)
        fixed (Half* loss = losses)
        {
            SoftmaxCrossEntropyPointers<Half> pointers = new()
            {
                Logits = logits,
                Labels32 = y,
                Destination = logits,
                Losses = loss,
            };
            ExecutionOptions execution = new() { Backend = backend, MaxDegreeOfParallelism = -1 };
            SoftmaxCrossEntropyResult result =
                SoftmaxCrossEntropy.Compute(pointers, labels.Length, Classes, execution: execution);
            Assert.That(result.Rows, Is.EqualTo(labels.Length));
        }
    }

    private static Span<Half> Row(Half* start, int row) => new(start + ((long)row * Classes), Classes);

    // Each row has a greatest logit of its own.
    private static void Fill(Span<Half> logits, int row)
    {
        Pattern.CopyTo(logits);
        logits[row % Classes] = (Half)(4 + (row % 5));
    }
}
