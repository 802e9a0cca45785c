using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using NativeXent.Interop;
using NativeXent.Simd;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

[NonParallelizable]
public sealed class NativeXentRuntimeTests
{
    // What the process started with, which NATIVEXENT_ISA may have chosen.
    private readonly string _native = NativeXentRuntime.InstructionSet;
    private readonly string _managed = ManagedBackend.ActiveInstructionSet;

    [TearDown]
    public void RestoreInstructionSets()
    {
        _ = NativeBackend.ForceInstructionSet(_native);
        _ = ManagedBackend.ForceInstructionSet(_managed);
    }

    [Test]
    public void The_native_library_is_in_use()
    {
        Assert.That(NativeXentRuntime.NativeUnavailableReason, Is.Null);
        Assert.That(NativeXentRuntime.Backend, Is.EqualTo(NativeXentBackend.Native));
        Assert.That(NativeXentRuntime.LibraryPath, Is.EqualTo(AppFolder.RealLibrary));
        Assert.That(NativeXentRuntime.LibraryPath, Does.Exist);
        Assert.That(NativeXentRuntime.LibraryVersion, Is.EqualTo(Repository.Version));
    }

    /// <summary>So that we know that we test what we think we test.</summary>
    [Test]
    public void Both_backends_use_every_instruction_set_that_the_machine_has()
    {
        string[] expected =
        [
            .. Avx512F.IsSupported ? ["avx512"] : Array.Empty<string>(),
            .. Avx2.IsSupported && Fma.IsSupported ? ["avx2"] : Array.Empty<string>(),
            .. AdvSimd.Arm64.IsSupported ? ["neon"] : Array.Empty<string>(),
            .. Sse2.IsSupported ? ["sse2"] : Array.Empty<string>(),
            "scalar",
        ];
        Assert.That(NativeXentRuntime.UsableInstructionSets(NativeXentBackend.Managed), Is.EqualTo(expected));
        Assert.That(NativeXentRuntime.UsableInstructionSets(NativeXentBackend.Native), Is.EqualTo(expected));
        Assert.That(NativeXentRuntime.UsableInstructionSets(), Is.EqualTo(expected));
    }

    [Test]
    public void Every_usable_instruction_set_can_be_forced_on_both_backends()
    {
        foreach (string name in NativeXentRuntime.UsableInstructionSets())
        {
            NativeXentRuntime.ForceInstructionSet(name);
            Assert.That(NativeXentRuntime.InstructionSet, Is.EqualTo(name));
            Assert.That(NativeBackend.ActiveInstructionSet, Is.EqualTo(name));
            Assert.That(ManagedBackend.ActiveInstructionSet, Is.EqualTo(name));
        }
    }

    [Test]
    public void Auto_is_the_best_usable_instruction_set()
    {
        NativeXentRuntime.ForceInstructionSet("scalar");
        NativeXentRuntime.ForceInstructionSet("auto");
        Assert.That(NativeXentRuntime.InstructionSet, Is.EqualTo(NativeXentRuntime.UsableInstructionSets()[0]));
        Assert.That(
            ManagedBackend.ActiveInstructionSet,
            Is.EqualTo(NativeXentRuntime.UsableInstructionSets(NativeXentBackend.Managed)[0]));
    }

    [TestCase("sse9")]
    [TestCase("")]
    [TestCase("AVX2")]
    [TestCase("scalar ")]
    [TestCase("ünïcode")]
    public void A_name_that_no_instruction_set_has_is_refused_and_nothing_changes(string name)
    {
        ArgumentException e = Refused(name);
        Assert.That(e.Message, Does.Contain($"The instruction set \"{name}\" cannot be used"));
        Assert.That(e.Message, Does.Contain("No instruction set has this name."));
    }

    [Test]
    public void An_instruction_set_of_another_machine_is_refused_and_nothing_changes()
    {
        string other = AdvSimd.Arm64.IsSupported ? "avx2" : "neon";
        ArgumentException e = Refused(other);
        Assert.That(e.Message, Does.Contain($"The instruction set \"{other}\" cannot be used"));
        Assert.That(e.Message, Does.Contain(".NET does not offer the instruction set on this machine."));
    }

    [Test]
    public void Null_is_no_instruction_set()
    {
        ArgumentNullException e = Expect.Throws<ArgumentNullException>(
            () => NativeXentRuntime.ForceInstructionSet(null!));
        Assert.That(e.ParamName, Is.EqualTo("name"));
    }

    [Test]
    public void The_description_names_version_backend_instruction_set_and_library()
    {
        NativeXentRuntime.ForceInstructionSet("scalar");
        string[] lines = NativeXentRuntime.Describe().Split('\n');
        Assert.That(lines[0], Is.EqualTo($"NativeXent {Repository.Version}: Native, scalar"));
        Assert.That(lines[1], Is.EqualTo($"Native library {Repository.Version}: {AppFolder.RealLibrary}"));
        Assert.That(lines[2..], Is.EqualTo(NativeXentRuntime.Warnings));
    }

    private static ArgumentException Refused(string name)
    {
        // Not what auto would choose, so that a change shows.
        NativeXentRuntime.ForceInstructionSet("scalar");
        ArgumentException e = Expect.Throws<ArgumentException>(() => NativeXentRuntime.ForceInstructionSet(name));
        Assert.That(e.ParamName, Is.EqualTo("name"));
        Assert.That(NativeBackend.ActiveInstructionSet, Is.EqualTo("scalar"));
        Assert.That(ManagedBackend.ActiveInstructionSet, Is.EqualTo("scalar"));
        return e;
    }
}
