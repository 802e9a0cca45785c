using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>
/// One answer on every machine: the results' hash is a constant. Where a change of the results is meant, the new one is
/// printed by the native tests' program with --print-hash, and the change belongs in the change log.
/// </summary>
[TestFixtureSource(typeof(Target), nameof(Target.All))]
[NonParallelizable]
public sealed class ResultHashTests(Target target)
{
    [Test]
    public void Results_have_the_hash_of_all_machines()
    {
        using (target.Force())
        {
            Assert.That(
                $"0x{ResultHash.Compute(target.Backend):x16}", Is.EqualTo($"0x{ResultHash.Expected:x16}"), $"{target}");
        }
    }
}
