using NativeXent.Interop;
using NativeXent.Simd;

namespace NativeXent;

/// <summary>
/// What computes in this process, and why. Every member may be used from any thread at any time.
/// </summary>
/// <remarks>
/// The environment variable <c>NATIVEXENT_ISA</c>, read once, forces an instruction set like
/// <see cref="ForceInstructionSet"/>. A value that cannot be honoured changes nothing and is told in
/// <see cref="Warnings"/>.
/// </remarks>
public static class NativeXentRuntime
{
    private static readonly object ForceLock = new();

    /// <summary>
    /// What <see cref="NativeXentBackend.Auto"/> means here: <see cref="NativeXentBackend.Native"/> or
    /// <see cref="NativeXentBackend.Managed"/>.
    /// </summary>
    public static NativeXentBackend Backend =>
        NativeBackend.IsAvailable ? NativeXentBackend.Native : NativeXentBackend.Managed;

    /// <summary>
    /// The instruction set that <see cref="Backend"/> uses: <c>avx512</c>, <c>avx2</c>, <c>sse2</c>, <c>neon</c>
    /// or <c>scalar</c>.
    /// </summary>
    public static string InstructionSet =>
        NativeBackend.IsAvailable ? NativeBackend.ActiveInstructionSet : ManagedBackend.ActiveInstructionSet;

    /// <summary>
    /// The native library's path; null where it is not in use, is linked into the program, or the system found it by
    /// itself.
    /// </summary>
    public static string? LibraryPath => NativeBackend.IsAvailable ? NativeBackend.LibraryPath : null;

    /// <summary>The native library's version, or null where it is not in use.</summary>
    public static string? LibraryVersion => NativeBackend.LibraryVersion;

    /// <summary>
    /// Why the native library is not in use, with every path that was tried; null where it is in use.
    /// </summary>
    public static string? NativeUnavailableReason => NativeBackend.UnavailableReason;

    /// <summary>What was asked for through the environment and could not be honoured. Mostly empty.</summary>
    public static IReadOnlyList<string> Warnings { get; } =
        [.. new[] { NativeBackend.VariableProblem, ManagedBackend.VariableProblem }.OfType<string>()];

    /// <summary>The instruction sets that a backend can use here, best first.</summary>
    /// <param name="backend">The backend.</param>
    /// <returns>Names, of which <c>scalar</c> is always the last.</returns>
    /// <exception cref="NativeXentUnavailableException">
    /// <paramref name="backend"/> is <see cref="NativeXentBackend.Native"/> and cannot be used.
    /// </exception>
    public static IReadOnlyList<string> UsableInstructionSets(NativeXentBackend backend = NativeXentBackend.Auto) =>
        (backend == NativeXentBackend.Auto ? Backend : backend) switch
        {
            NativeXentBackend.Managed => ManagedBackend.UsableInstructionSets,
            _ => NativeBackend.IsAvailable ? NativeBackend.UsableInstructionSets : throw NativeBackend.Unavailable(),
        };

    /// <summary>
    /// Chooses the instruction set for all further calls in the process, in both backends. Results do not change by a
    /// bit, only the speed. A call under way may change to it between two rows.
    /// </summary>
    /// <param name="name">
    /// <c>scalar</c>, <c>sse2</c>, <c>avx2</c>, <c>avx512</c>, <c>neon</c>, or <c>auto</c> for the best usable one.
    /// </param>
    /// <exception cref="ArgumentException">
    /// A backend cannot use it here, or nothing has this name; nothing has changed.
    /// </exception>
    public static void ForceInstructionSet(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (TryForce(name) is { } problem)
        {
            throw new ArgumentException($"The instruction set \"{name}\" cannot be used: {problem}", nameof(name));
        }
    }

    /// <summary>What computes, and why, in a few lines of text, for a log or a bug report.</summary>
    /// <returns>The text.</returns>
    public static string Describe()
    {
        string summary = $"NativeXent {ThisAssembly.Version}: " +
            $"{Backend}, {InstructionSet}";
        if (LibraryVersion is { } version)
        {
            summary += $"\nNative library {version}: " +
                (LibraryPath ?? (NativeBackend.IsLinked ? "linked into the program" : "found by the system"));
        }

        if (NativeUnavailableReason is { } reason)
        {
            summary += $"\nThe native library is not in use. {reason}";
        }

        return string.Join('\n', Warnings.Prepend(summary));
    }

    private static string? TryForce(string name)
    {
        lock (ForceLock)
        {
            return TryForceLocked(name);
        }
    }

    private static string? TryForceLocked(string name)
    {
        string before = ManagedBackend.ActiveInstructionSet;
        string? problem = ManagedBackend.ForceInstructionSet(name);
        if (problem is null && NativeBackend.IsAvailable)
        {
            problem = NativeBackend.ForceInstructionSet(name);
            if (problem is not null)
            {
                _ = ManagedBackend.ForceInstructionSet(before);
            }
        }

        return problem;
    }
}
