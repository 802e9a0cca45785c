namespace NativeXent.Simd;

/// <summary>The managed implementation, on the best vectors that the JIT offers here, or those forced.</summary>
internal static unsafe class ManagedBackend
{
    private static readonly InstructionSet[] Candidates =
    [
        new("avx512", Avx512Vector.IsSupported, &SoftmaxCrossEntropyKernel<Avx512Vector, Avx512VectorSum>.Run),
        new("avx2", Avx2Vector.IsSupported, &SoftmaxCrossEntropyKernel<Avx2Vector, Avx2VectorSum>.Run),
        new("neon", NeonVector.IsSupported, &SoftmaxCrossEntropyKernel<NeonVector, NeonVectorSum>.Run),
        new("scalar", true, &SoftmaxCrossEntropyKernel<ScalarVector, ScalarVectorSum>.Run),
    ];

    private static InstructionSet _active = Best;

    /// <summary>Why <see cref="InstructionSetVariable"/> could not be honoured, or null.</summary>
    internal static string? VariableProblem { get; } = InstructionSetVariable.Honour("managed", ForceInstructionSet);

    internal static string ActiveInstructionSet => Volatile.Read(ref _active).Name;

    internal static string[] UsableInstructionSets =>
        [.. from candidate in Candidates where candidate.IsSupported select candidate.Name];

    private static InstructionSet Best => Candidates.First(candidate => candidate.IsSupported);

    internal static void SoftmaxCrossEntropy(in SoftmaxCrossEntropyJob job) =>
        Volatile.Read(ref _active).SoftmaxCrossEntropy(job);

    /// <summary>Null on success, otherwise why the instruction set cannot be used; then nothing changes.</summary>
    internal static string? ForceInstructionSet(string name)
    {
        InstructionSet? wanted = name == "auto" ? Best : Candidates.FirstOrDefault(c => c.Name == name);
        if (wanted is null)
        {
            return "No instruction set has this name.";
        }

        if (!wanted.IsSupported)
        {
            return ".NET does not offer the instruction set on this machine.";
        }

        Volatile.Write(ref _active, wanted);
        return null;
    }

    private sealed class InstructionSet(
        string name, bool isSupported, delegate*<in SoftmaxCrossEntropyJob, void> softmaxCrossEntropy)
    {
        internal string Name { get; } = name;

        internal bool IsSupported { get; } = isSupported;

        internal void SoftmaxCrossEntropy(in SoftmaxCrossEntropyJob job) => softmaxCrossEntropy(job);
    }
}
