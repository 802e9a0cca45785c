using NativeXent.Jobs;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>That the requests of <see cref="FamilyParityTests"/> are what they should be: any combination.</summary>
[NonParallelizable]
public sealed class RequestTests
{
    // In groups of which a request has one at most.
    private static readonly (string Name, Func<SoftmaxCrossEntropyRequest, bool> Has)[][] Choices =
    [
        [.. Enum.GetValues<ElementType>().Select(type => Choice($"{type}", r => r.Type == type))],
        [.. Enum.GetValues<TargetType>().Select(type => Choice($"{type}", r => r.Targets == type))],
        [
            Choice("one class", r => r.Classes == 1),
            Choice("up to 16 classes", r => r.Classes is > 1 and <= 16),
            Choice("up to 256 classes", r => r.Classes is > 16 and <= 256),
            Choice("up to 600 classes", r => r.Classes is > 256 and <= 600),
            Choice("several blocks", r => r.Classes > 4096),
        ],
        [
            Choice("one position", r => r.InnerSize == 1),
            Choice("up to 16 positions", r => r.InnerSize is > 1 and <= 16),
            Choice("more positions", r => r.InnerSize > 16),
        ],
        [Choice("several chunks", r => r.Samples * r.InnerSize * r.Classes > 65_536)],
        [.. Enum.GetValues<LogitKinds>().Select(kinds => Choice($"logits {kinds}", r => r.Logits == kinds))],
        [
            Choice("no gradient", r => r.Gradient == GradientUse.None),
            Choice("in place", r => r.Gradient == GradientUse.InPlace),
            Choice("out of place", r => r.Gradient == GradientUse.OutOfPlace),
        ],
        [.. Enum.GetValues<Reduction>().Select(reduction => Choice($"{reduction}", r => r.Reduction == reduction))],
        [Choice("logits apart", r => r.LogitsGap > 0)],
        [Choice("targets apart", r => r.TargetsGap > 0)],
        [Choice("destination apart", r => r.DestinationGap > 0)],
        [Choice("accumulates", r => r.Accumulate)],
        [Choice("smoothing", r => r.Smoothing > 0)],
        [.. Enum.GetValues<NumberKinds>().Select(kinds => Choice($"weights {kinds}", r => r.Weights == kinds))],
        [
            Choice("some ignored", r => r.IgnoreIndex is not null && r.OneIgnoredIn > 1),
            Choice("all ignored", r => r.IgnoreIndex is not null && r.OneIgnoredIn == 1),
        ],
        [Choice("z-loss", r => r.ZLossScale != 0)],
        [Choice("scale", r => r.Scale != 1)],
        [Choice("softcap", r => r.Softcap is not null)],
        [Choice("upstream scale", r => r.UpstreamScale != 1)],
        [.. Enum.GetValues<NumberKinds>().Select(kinds => Choice($"upstream {kinds}", r => r.Upstream == kinds))],
        [Choice("counts", r => r.CountCorrect)],
        [Choice("losses", r => r.WantsLosses)],
        [Choice("log-sum-exp", r => r.WantsLogSumExp)],
        [Choice("z-losses", r => r.WantsZLosses)],
        [Choice("several threads", r => r.Threads != 1)],
    ];

    private static readonly string[] Exclusive =
        ["Distribution, some ignored", "Distribution, all ignored"];

    [Test]
    public void Every_two_choices_come_together_but_for_those_that_exclude_each_other()
    {
        SoftmaxCrossEntropyRequest[] requests =
        [
            .. Enumerable.Range(0, FamilyParityTests.Count)
                .Select(i => SoftmaxCrossEntropyRequest.Generate(FamilyParityTests.FirstSeed + (ulong)i)),
        ];
        List<string> missing = [];
        for (int g = 0; g < Choices.Length; g++)
        {
            foreach ((string one, Func<SoftmaxCrossEntropyRequest, bool> hasOne) in Choices[g])
            {
                SoftmaxCrossEntropyRequest[] having = [.. requests.Where(hasOne)];
                missing.AddRange(
                    from other in Choices.Skip(g + 1).SelectMany(choices => choices)
                    where !having.Any(other.Has)
                    select $"{one}, {other.Name}");
            }
        }

        Assert.That(missing, Is.EquivalentTo(Exclusive));
    }

    /// <summary>So that a seed says all: the same one makes the same request, and that the same memory.</summary>
    [Test]
    public void A_seed_makes_the_same_request_and_a_request_the_same_results()
    {
        Func<ulong, Request>[] generators =
        [
            SoftmaxCrossEntropyRequest.Generate,
            SoftmaxRequest.Generate,
            SoftmaxBackwardRequest.Generate,
            SigmoidCrossEntropyRequest.Generate,
        ];
        foreach (Func<ulong, Request> generate in generators)
        {
            for (ulong seed = 0; seed < 50; seed++)
            {
                Request one = generate(seed);
                Request another = generate(seed);
                Assert.That(another, Is.EqualTo(one));
                Assert.That(
                    Target.First.Run(another.Prepare()).DifferenceFrom(Target.First.Run(one.Prepare())), Is.Null);
            }
        }
    }

    [Test]
    public void A_bit_that_changes_anywhere_is_noticed()
    {
        Place place = new(3, 4, 2) { Gap = 5, Offset = 7 };
        BFloat16[] before = Elements.Sentinels<BFloat16>(place.Length);
        HashSet<int> own =
        [
            .. from row in Enumerable.Range(0, 6)
               from c in Enumerable.Range(0, 4)
               select place.IndexOf(row, c),
        ];
        Assert.That(own, Has.Count.EqualTo(24));
        for (int i = 0; i < before.Length; i++)
        {
            BFloat16[] after = [.. before];
            after[i] = (BFloat16)1;
            Assert.That(place.Stray(before, after) is null, Is.EqualTo(own.Contains(i)), $"{i}");
            Assert.That(Taken(after).DifferenceFrom(Taken(before)), Is.Not.Null, $"{i}");
            Assert.That(Taken(before).DifferenceFrom(Taken(after)), Is.Not.Null, $"{i}");
            Assert.That(
                Taken(after).DifferenceFrom(Taken(after)), own.Contains(i) ? Is.Null : Does.Contain("outside"), $"{i}");
        }

        Snapshot Taken(BFloat16[] after)
        {
            Snapshot snapshot = new();
            snapshot.AddOutput("numbers", place, before, after);
            return snapshot;
        }
    }

    private static (string, Func<SoftmaxCrossEntropyRequest, bool>) Choice(
        string name, Func<SoftmaxCrossEntropyRequest, bool> has) => (name, has);
}
