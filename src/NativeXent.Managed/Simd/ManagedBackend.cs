using NativeXent.Jobs;

namespace NativeXent.Simd;

/// <summary>The managed implementation, on the best vectors that the JIT offers here, or those forced.</summary>
internal static unsafe class ManagedBackend
{
    private static readonly InstructionSet[] Candidates =
    [
        new InstructionSet<Avx512Vector, Avx512Doubles, Avx512Doubles>("avx512", Avx512Vector.IsSupported),
        new InstructionSet<Avx2Vector, Avx2Doubles, HardwareDoubles>("avx2", Avx2Vector.IsSupported),
        new InstructionSet<NeonVector, NeonDoubles, HardwareDoubles>("neon", NeonVector.IsSupported),
        new InstructionSet<Sse2Vector, Sse2Doubles, HardwareDoubles>("sse2", Sse2Vector.IsSupported),
        new InstructionSet<ScalarVector, ScalarDoubles, OneDouble>("scalar", true),
    ];

    private static InstructionSet _active = Best;

    /// <summary>Why <see cref="InstructionSetVariable"/> could not be honoured, or null.</summary>
    internal static string? VariableProblem { get; } = InstructionSetVariable.Honour("managed", ForceInstructionSet);

    internal static string ActiveInstructionSet => Volatile.Read(ref _active).Name;

    internal static string[] UsableInstructionSets =>
        [.. from candidate in Candidates where candidate.IsSupported select candidate.Name];

    private static InstructionSet Best => Candidates.First(candidate => candidate.IsSupported);

    /// <summary>Labels outside [0, classes) select no class.</summary>
    internal static void SoftmaxCrossEntropy(in SoftmaxCrossEntropyJob job, out Totals totals)
    {
        Volatile.Read(ref _active).SoftmaxCrossEntropy(job, out totals);
        totals.MakeCanonical();
    }

    internal static void SoftmaxCrossEntropyPart(in RowPartJob job, out Totals totals)
    {
        Volatile.Read(ref _active).SoftmaxCrossEntropyPart(job, out totals);
        totals.MakeCanonical();
    }

    internal static void Softmax(in SoftmaxJob job) => Volatile.Read(ref _active).Softmax(job);

    internal static void SoftmaxBackward(in SoftmaxBackwardJob job) => Volatile.Read(ref _active).SoftmaxBackward(job);

    internal static void SigmoidCrossEntropy(in SigmoidCrossEntropyJob job, out Totals totals)
    {
        Volatile.Read(ref _active).SigmoidCrossEntropy(job, out totals);
        totals.MakeCanonical();
    }

    internal static void Linear(in LinearJob job)
    {
        bool software = SubnormalProduct.IsNeeded;
        InstructionSet active = Volatile.Read(ref _active);
        if (job.Operation != LinearOperation.WeightGradient || job.WeightGradient is not null)
        {
            MatrixProductJob product = MatrixProductJob.Of(job);
            if (software)
            {
                SubnormalProduct.Run(product);
            }
            else
            {
                active.MatrixProduct(product);
            }
        }

        if (job.Operation == LinearOperation.WeightGradient && job.BiasGradient is not null && job.ColumnBegin == 0)
        {
            ColumnSumsJob sums = ColumnSumsJob.Of(job);
            if (software)
            {
                SubnormalProduct.ColumnSums(sums);
            }
            else
            {
                active.ColumnSums(sums);
            }
        }
    }

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

    private abstract class InstructionSet(string name, bool isSupported)
    {
        internal string Name { get; } = name;

        internal bool IsSupported { get; } = isSupported;

        internal abstract void SoftmaxCrossEntropy(in SoftmaxCrossEntropyJob job, out Totals totals);

        internal abstract void SoftmaxCrossEntropyPart(in RowPartJob job, out Totals totals);

        internal abstract void Softmax(in SoftmaxJob job);

        internal abstract void SoftmaxBackward(in SoftmaxBackwardJob job);

        internal abstract void SigmoidCrossEntropy(in SigmoidCrossEntropyJob job, out Totals totals);

        internal abstract void MatrixProduct(in MatrixProductJob job);

        internal abstract void ColumnSums(in ColumnSumsJob job);
    }

    private sealed class InstructionSet<TFloats, TDoubles, TPart>(string name, bool isSupported)
        : InstructionSet(name, isSupported)
        where TFloats : unmanaged, IVector<TFloats>
        where TDoubles : unmanaged, IDoubleVector<TDoubles, TFloats>
        where TPart : unmanaged, IReal<TPart>
    {
        internal override void SoftmaxCrossEntropy(in SoftmaxCrossEntropyJob job, out Totals totals)
        {
            if (job.ElementType == ElementType.Float64)
            {
                RowGroups<DoubleNumbers<TFloats, TDoubles, TPart>, TDoubles, double, TDoubles>.Run(job, out totals);
            }
            else
            {
                RowGroups<FloatNumbers<TFloats, TDoubles>, TFloats, float, TDoubles>.Run(job, out totals);
            }
        }

        internal override void SoftmaxCrossEntropyPart(in RowPartJob job, out Totals totals)
        {
            if (job.Row.ElementType == ElementType.Float64)
            {
                SoftmaxCrossEntropyKernel<DoubleNumbers<TFloats, TDoubles, TPart>, TDoubles, double, TDoubles>
                    .RunPart(job, out totals);
            }
            else
            {
                SoftmaxCrossEntropyKernel<FloatNumbers<TFloats, TDoubles>, TFloats, float, TDoubles>
                    .RunPart(job, out totals);
            }
        }

        internal override void Softmax(in SoftmaxJob job)
        {
            if (job.ElementType == ElementType.Float64)
            {
                SoftmaxKernels<DoubleNumbers<TFloats, TDoubles, TPart>, TDoubles, double, TDoubles>.RunForward(job);
            }
            else
            {
                SoftmaxKernels<FloatNumbers<TFloats, TDoubles>, TFloats, float, TDoubles>.RunForward(job);
            }
        }

        internal override void SoftmaxBackward(in SoftmaxBackwardJob job)
        {
            if (job.ElementType == ElementType.Float64)
            {
                SoftmaxKernels<DoubleNumbers<TFloats, TDoubles, TPart>, TDoubles, double, TDoubles>.RunBackward(job);
            }
            else
            {
                SoftmaxKernels<FloatNumbers<TFloats, TDoubles>, TFloats, float, TDoubles>.RunBackward(job);
            }
        }

        internal override void SigmoidCrossEntropy(in SigmoidCrossEntropyJob job, out Totals totals)
        {
            if (job.ElementType == ElementType.Float64)
            {
                SigmoidCrossEntropyKernel<DoubleNumbers<TFloats, TDoubles, TPart>, TDoubles, double, TDoubles>
                    .Run(job, out totals);
            }
            else
            {
                SigmoidCrossEntropyKernel<FloatNumbers<TFloats, TDoubles>, TFloats, float, TDoubles>
                    .Run(job, out totals);
            }
        }

        internal override void MatrixProduct(in MatrixProductJob job) => MatrixProduct<TFloats>.Run(job);

        internal override void ColumnSums(in ColumnSumsJob job) => MatrixProduct<TFloats>.ColumnSums(job);
    }
}
