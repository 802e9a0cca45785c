using System.Globalization;
using NativeXent.Jobs;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>
/// One answer for every operation: whatever the request, every backend on every instruction set leaves memory with the
/// bits that the first target leaves, bytes that are not its own included, and returns the same totals.
/// </summary>
/// <remarks>
/// Requests are made from seeds. A failure says which, and
/// <c>NATIVEXENT_TEST_SEED=&lt;seed&gt; dotnet test --filter FamilyParityTests</c> makes that one again, alone.
/// </remarks>
[TestFixtureSource(typeof(Target), nameof(Target.Others))]
[NonParallelizable]
public sealed class FamilyParityTests(Target target)
{
    private const string SeedVariable = "NATIVEXENT_TEST_SEED";
    private const int MostShown = 3;

    // Of the greatest test; RequestTests makes sure of what is among them.
    internal const ulong FirstSeed = 1_000_000;
    internal const int Count = 3000;

    [Test]
    public void Softmax_cross_entropy() => AssertSameBits(FirstSeed, Count, SoftmaxCrossEntropyRequest.Generate);

    /// <summary>From 256 · 4096 classes on, blocks grow instead of becoming more.</summary>
    [Test]
    public void Softmax_cross_entropy_of_more_classes_than_256_blocks_hold() =>
        AssertSameBits(2_000_000, 8, seed => SoftmaxCrossEntropyRequest.Generate(seed) with
        {
            Type = seed % 4 == 0 ? ElementType.Float64 : ElementType.Float32,
            Samples = 1,
            InnerSize = seed % 3 == 0 ? 2 : 1,
            Classes = (1 << 20) + 1 + (int)(seed % 8 * 1009),
        });

    /// <summary>Exponentials are kept in the gradient or in a workspace.</summary>
    [Test]
    public void Softmax_cross_entropy_of_more_classes_than_the_stack_keeps() =>
        AssertSameBits(6_000_000, 40, seed => SoftmaxCrossEntropyRequest.Generate(seed) with
        {
            Samples = 1,
            InnerSize = seed % 5 == 0 ? 2 : 1,
            Classes = 16_384 + (int)(seed % 4 * 1009),
        });

    [Test]
    public void Softmax_and_its_logarithm_and_log_sum_exp() =>
        AssertSameBits(3_000_000, 1000, SoftmaxRequest.Generate);

    [Test]
    public void Gradients_through_softmax_and_its_logarithm() =>
        AssertSameBits(4_000_000, 1000, SoftmaxBackwardRequest.Generate);

    [Test]
    public void Sigmoid_cross_entropy() => AssertSameBits(5_000_000, 1000, SigmoidCrossEntropyRequest.Generate);

    private void AssertSameBits(ulong first, int count, Func<ulong, Request> generate)
    {
        List<ulong> failed = [];
        List<string> shown = [];
        foreach (ulong seed in Seeds(first, count))
        {
            Request request = generate(seed);
            if (Difference(request) is not { } difference)
            {
                continue;
            }

            failed.Add(seed);
            if (failed.Count <= MostShown)
            {
                (Request smallest, string smallestDifference) = Shrink(request, difference);
                shown.Add(
                    $"{SeedVariable}={seed}: {difference}\n{request}\nThe simplest of its kind that differs: " +
                    $"{smallestDifference}\n{smallest}");
            }
        }

        if (failed.Count > 0)
        {
            Assert.Fail(
                $"{target} differs from {Target.First} in {failed.Count} of {count} requests.\n" +
                $"{string.Join("\n\n", shown)}\n\nSeeds: {string.Join(", ", failed.Take(100))}");
        }
    }

    private static IEnumerable<ulong> Seeds(ulong first, int count)
    {
        IEnumerable<ulong> seeds = Enumerable.Range(0, count).Select(i => first + (ulong)i);
        if (Environment.GetEnvironmentVariable(SeedVariable) is not { Length: > 0 } one)
        {
            return seeds;
        }

        ulong seed = ulong.Parse(one, CultureInfo.InvariantCulture);
        if (!seeds.Contains(seed))
        {
            Assert.Ignore($"{SeedVariable} is {seed}, the seed of another test.");
        }

        return [seed];
    }

    // Takes the first simpler request that still differs, as long as there is one.
    private (Request Request, string Difference) Shrink(Request request, string difference)
    {
        for (bool progress = true; progress;)
        {
            progress = false;
            foreach (Request simpler in request.Simpler())
            {
                if (Difference(simpler) is { } still)
                {
                    (request, difference) = (simpler, still);
                    progress = true;
                    break;
                }
            }
        }

        return (request, difference);
    }

    private string? Difference(Request request)
    {
        Func<ExecutionOptions, Snapshot> call = request.Prepare();
        return target.Run(call).DifferenceFrom(Target.First.Run(call));
    }
}
