using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>Every method may be called from any thread at any time, while the instruction set changes.</summary>
[NonParallelizable]
public sealed class ConcurrencyTests
{
    [Test]
    public void Many_threads_get_the_right_bits_while_the_instruction_set_changes()
    {
        const int Switches = 1000;
        const int Workers = 6;
        string[] names =
        [
            .. NativeXentRuntime.UsableInstructionSets()
                .Intersect(NativeXentRuntime.UsableInstructionSets(NativeXentBackend.Managed)),
            "auto",
        ];
        Batch[] batches =
        [
            .. Enumerable.Range(0, Workers).Select(i => i < 4
                ? Batch.Generate((ulong)i, 1000 + i, RowKind.All)
                : Batch.Generate((ulong)i, 500, 10, RowKind.Normal(6))),
        ];
        Results[] expected = [.. batches.Select(Target.First.Compute)];
        HashSet<string> seen = [];
        using CancellationTokenSource switched = new();
        Thread switcher = new(() =>
        {
            for (int i = 0; i < Switches; i++)
            {
                NativeXentRuntime.ForceInstructionSet(names[i % names.Length]);
                _ = seen.Add(NativeXentRuntime.InstructionSet);
            }

            switched.Cancel();
        });

        Exception?[] failures = new Exception?[Workers];
        Thread[] workers =
        [
            .. Enumerable.Range(0, Workers).Select(worker => new Thread(() =>
            {
                try
                {
                    Work(batches[worker], expected[worker], worker, switched.Token);
                }
                catch (Exception e)
                {
                    failures[worker] = e;
                }
            })),
        ];
        try
        {
            foreach (Thread thread in (Thread[])[.. workers, switcher])
            {
                thread.Start();
            }

            foreach (Thread thread in (Thread[])[.. workers, switcher])
            {
                thread.Join();
            }
        }
        finally
        {
            NativeXentRuntime.ForceInstructionSet("auto");
        }

        Assert.That(failures, Is.All.Null);
        Assert.That(seen, Is.EquivalentTo(names.Where(name => name != "auto")));
    }

    // At least once, and until the other thread has done with switching.
    private static void Work(Batch batch, Results expected, int worker, CancellationToken switched)
    {
        NativeXentBackend backend = worker % 2 == 0 ? NativeXentBackend.Auto : NativeXentBackend.Managed;
        ExecutionOptions execution = new() { Backend = backend, MaxDegreeOfParallelism = 1 + (worker % 3) };
        do
        {
            Results actual = Results.For(batch);
            _ = SoftmaxCrossEntropy.Gradient(
                batch.Logits,
                batch.Labels,
                batch.Classes,
                actual.Gradient,
                rows: new() { Losses = actual.Losses },
                execution: execution);
            if (Bits.FirstDifference(expected.Gradient, actual.Gradient) is var g and >= 0)
            {
                throw new InvalidDataException($"{backend}: gradient differs; {batch.Describe(g / batch.Classes)}.");
            }

            if (Bits.FirstDifference(expected.Losses, actual.Losses) is var l and >= 0)
            {
                throw new InvalidDataException($"{backend}: loss differs; {batch.Describe(l)}.");
            }
        }
        while (!switched.IsCancellationRequested);
    }
}
