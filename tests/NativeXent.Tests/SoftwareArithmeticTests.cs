using System.Runtime.Intrinsics.X86;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>
/// The managed backend where the CPU has no fused multiply-add, which .NET then does in software: the same bits.
/// </summary>
public sealed class SoftwareArithmeticTests
{
    [TestCase("DOTNET_EnableAVX", "sse2")]
    [TestCase("DOTNET_EnableHWIntrinsic", "scalar")]
    public void Without_vectors_and_FMA_the_managed_backend_gives_the_same_bits(string switchedOff, string best)
    {
        if (!Fma.IsSupported)
        {
            Assert.Ignore("Only on x86-64 with FMA can .NET be told to do without it.");
        }

        // The second one tells glibc, whose fmaf() the JIT then calls, to do without it too.
        ChildReport report = ChildProcess.Report(
            AppContext.BaseDirectory,
            ["managed"],
            (switchedOff, "0"),
            ("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-FMA,-FMA4,-AVX2,-FMA_Usable,-FMA4_Usable,-AVX2_Usable"));
        Assert.That(report.HasFusedMultiplyAdd, Is.False, "the switch has no effect");
        Assert.That(report.ManagedInstructionSets[0], Is.EqualTo(best));
        Assert.That(report.ManagedHash, Is.EqualTo(ResultHash.Expected));
    }
}
