using NativeXent.Simd;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>
/// Which rows the managed implementation computes in groups. The bits are those of rows computed alone, so that no
/// other test would notice if none were.
/// </summary>
[TestFixtureSource(nameof(Targets))]
[NonParallelizable]
public sealed class RowGroupPathTests(Type elementType, Target target)
{
    private const int Rows = 37;

    private static IEnumerable<TestFixtureData> Targets =>
        Target.AllWithElementTypes.Where(
            data => ((Target)data.Arguments[1]!).Backend == NativeXentBackend.Managed);

    [Test]
    public void A_softmax_is_computed_in_groups([Values(2, 16, 17, 128, 129, 1000)] int classes) =>
        Assert.That(GroupsOf(Operation.Softmax, classes), Is.GreaterThanOrEqualTo(Rows / 16));

    [Test]
    public void A_gradient_is_computed_in_groups([Values(2, 16, 17, 128, 129, 1000)] int classes) =>
        Assert.That(GroupsOf(Operation.Gradient, classes), Is.GreaterThanOrEqualTo(Rows / 16));

    [Test]
    public void Long_rows_are_computed_alone([Values(Operation.Softmax, Operation.Gradient)] Operation operation) =>
        Assert.That(GroupsOf(operation, 5000), Is.Zero);

    [Test]
    public void The_logarithm_of_a_softmax_is_computed_row_by_row() =>
        Assert.That(GroupsOf(Operation.LogSoftmax, 16), Is.Zero);

    [Test]
    public void The_softmax_of_rows_in_groups_has_the_bits_of_rows_alone(
        [Values(1, 2, 7, 16, 17, 100, 128, 129, 300, 1000)] int classes)
    {
        switch (elementType.Name)
        {
            case "Single": AssertBitsOfRowsAlone<float>(classes); break;
            case "Double": AssertBitsOfRowsAlone<double>(classes); break;
            case "Half": AssertBitsOfRowsAlone<Half>(classes); break;
            default: AssertBitsOfRowsAlone<BFloat16>(classes); break;
        }
    }

    // A row that differs from the others is a group's exception.
    private static T[] Logits<T>(int classes)
        where T : unmanaged
    {
        SplitMix64 random = new((ulong)classes);
        T[] logits = [.. Enumerable.Range(0, Rows * classes).Select(_ => Elements.Of<T>(random.Normal(3)))];
        logits[20 * classes] = Elements.Of<T>(float.NaN);
        logits.AsSpan(22 * classes, classes).Fill(Elements.Of<T>(float.NegativeInfinity));
        logits[(25 * classes) + (classes / 2)] = Elements.Of<T>(9000);
        return logits;
    }

    private void AssertBitsOfRowsAlone<T>(int classes)
        where T : unmanaged
    {
        T[] logits = Logits<T>(classes);
        T[] together = new T[logits.Length];
        T[] alone = new T[logits.Length];
        using (target.Force())
        {
            Softmax.Forward<T>(logits, new(classes), together, target.Execution);
            for (int i = 0; i < Rows; i++)
            {
                long before = ComputedGroups.Count;
                Range row = (i * classes)..((i + 1) * classes);
                Softmax.Forward<T>(logits.AsSpan(row), new(classes), alone.AsSpan(row), target.Execution);
                Assert.That(ComputedGroups.Count, Is.EqualTo(before), "one row is no group");
            }
        }

        Assert.That(Elements.FirstDifference<T>(alone, together), Is.EqualTo(-1));
    }

    private long GroupsOf(Operation operation, int classes) => elementType.Name switch
    {
        "Single" => GroupsOf<float>(operation, classes),
        "Double" => GroupsOf<double>(operation, classes),
        "Half" => GroupsOf<Half>(operation, classes),
        _ => GroupsOf<BFloat16>(operation, classes),
    };

    private long GroupsOf<T>(Operation operation, int classes)
        where T : unmanaged
    {
        SplitMix64 random = new(7);
        T[] logits = [.. Enumerable.Range(0, Rows * classes).Select(_ => Elements.Of<T>(random.Normal(3)))];
        using (target.Force())
        {
            long before = ComputedGroups.Count;
            switch (operation)
            {
                case Operation.Softmax:
                    Softmax.Forward<T>(logits, new(classes), logits, target.Execution);
                    break;
                case Operation.LogSoftmax:
                    LogSoftmax.Forward<T>(logits, new(classes), logits, target.Execution);
                    break;
                default:
                    _ = SoftmaxCrossEntropy.Gradient<T>(
                        logits, new int[Rows], new(classes), logits, null, default, target.Execution);
                    break;
            }

            return ComputedGroups.Count - before;
        }
    }

    public enum Operation
    {
        Gradient,
        Softmax,
        LogSoftmax,
    }
}
