using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>The environment variable NATIVEXENT_ISA, in processes of its own.</summary>
public sealed class InstructionSetVariableTests
{
    private static readonly string[] Usable = [.. NativeXentRuntime.UsableInstructionSets()];

    // One that this machine's library was not even compiled for.
    private static readonly string Foreign = Usable.Contains("neon") ? "avx2" : "neon";

    [TestCaseSource(nameof(Usable))]
    public void A_usable_instruction_set_is_honoured(string name)
    {
        ChildReport report = ReportWith(name);
        Assert.That(report.InstructionSet, Is.EqualTo(name));
        Assert.That(report.Warnings, Is.Empty);
        AssertNativeAndRight(report);
    }

    [TestCase("")]
    [TestCase("auto")]
    public void Empty_and_auto_mean_the_best(string value)
    {
        ChildReport report = ReportWith(value);
        Assert.That(report.InstructionSet, Is.EqualTo(Usable[0]));
        Assert.That(report.Warnings, Is.Empty);
        AssertNativeAndRight(report);
    }

    [Test]
    public void A_name_that_no_instruction_set_has_is_reported_and_changes_nothing()
    {
        ChildReport report = ReportWith("bogus");
        Assert.That(report.InstructionSet, Is.EqualTo(Usable[0]));
        Assert.That(report.Warnings, Is.EqualTo(
        [
            "NATIVEXENT_ISA=bogus is not honoured by the native backend: No instruction set has this name.",
            "NATIVEXENT_ISA=bogus is not honoured by the managed backend: No instruction set has this name.",
        ]));
        Assert.That(report.Description.Split('\n')[2..], Is.EqualTo(report.Warnings));
        AssertNativeAndRight(report);
    }

    [Test]
    public void An_instruction_set_of_another_machine_is_reported_and_changes_nothing()
    {
        ChildReport report = ReportWith(Foreign);
        Assert.That(report.InstructionSet, Is.EqualTo(Usable[0]));
        Assert.That(report.Warnings, Is.EqualTo(
        [
            $"NATIVEXENT_ISA={Foreign} is not honoured by the native backend: " +
                "This build of the library has no kernel for the instruction set.",
            $"NATIVEXENT_ISA={Foreign} is not honoured by the managed backend: " +
                ".NET does not offer the instruction set on this machine.",
        ]));
        AssertNativeAndRight(report);
    }

    private static ChildReport ReportWith(string value) =>
        ChildProcess.Report(AppContext.BaseDirectory, ["native", "managed"], (InstructionSetVariable.Name, value));

    private static void AssertNativeAndRight(ChildReport report)
    {
        Assert.That(report.Backend, Is.EqualTo(NativeXentBackend.Native));
        Assert.That(report.NativeException, Is.Null);
        Assert.That(report.NativeHash, Is.EqualTo(ResultHash.Expected), "hash of the native results");
        Assert.That(report.ManagedHash, Is.EqualTo(ResultHash.Expected), "hash of the managed results");
    }
}
