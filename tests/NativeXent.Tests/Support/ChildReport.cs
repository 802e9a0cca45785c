using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace NativeXent.Tests.Support;

/// <summary>What a process says of itself. Made in a child process, where NUnit need not exist.</summary>
internal sealed record ChildReport(
    NativeXentBackend Backend,
    string InstructionSet,
    string? LibraryPath,
    string? LibraryVersion,
    string? NativeUnavailableReason,
    string? NativeException,
    IReadOnlyList<string> Warnings,
    IReadOnlyList<string> ManagedInstructionSets,
    bool HasFusedMultiplyAdd,
    string Description,
    uint[] ExampleGradient,
    ulong? NativeHash,
    ulong? ManagedHash)
{
    internal static ChildReport OfThisProcess(string[] hash) =>
        new(
            NativeXentRuntime.Backend,
            NativeXentRuntime.InstructionSet,
            NativeXentRuntime.LibraryPath,
            NativeXentRuntime.LibraryVersion,
            NativeXentRuntime.NativeUnavailableReason,
            TryNative(),
            NativeXentRuntime.Warnings,
            NativeXentRuntime.UsableInstructionSets(NativeXentBackend.Managed),
            Fma.IsSupported || AdvSimd.IsSupported,
            NativeXentRuntime.Describe(),
            Example(),
            hash.Contains("native") ? ResultHash.Compute(NativeXentBackend.Native) : null,
            hash.Contains("managed") ? ResultHash.Compute(NativeXentBackend.Managed) : null);

    // The bits that the automatic backend gives for the example that every derivation uses.
    private static uint[] Example()
    {
        float[] gradient = new float[3];
        SoftmaxCrossEntropy.Gradient([1, 2, 0.5f], [1], 3, gradient);
        return [.. gradient.Select(Bits.Of)];
    }

    // The type and message of what a caller gets who insists on the native library.
    private static string? TryNative()
    {
        float[] gradient = [Sentinel.Value];
        try
        {
            SoftmaxCrossEntropy.Gradient(
                [1f], [0], 1, gradient, execution: new() { Backend = NativeXentBackend.Native });
            return null;
        }
        catch (InvalidOperationException e)
        {
            return $"{e.GetType().Name}: {e.Message}{(Sentinel.IsUntouched(gradient) ? "" : " (and wrote)")}";
        }
    }
}
