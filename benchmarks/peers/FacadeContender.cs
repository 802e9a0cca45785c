namespace NativeXent.Peers;

/// <summary>This project as a .NET program calls it.</summary>
internal sealed class FacadeContender(
    NativeXentBackend backend, SoftmaxCrossEntropyOptions? options = null)
    : Contender(NameOf(backend), ContenderKind.Ours, NativeXentRuntime.LibraryVersion ?? "none")
{
    internal NativeXentBackend Backend { get; } = backend;

    internal SoftmaxCrossEntropyOptions? Options { get; } = options;

    internal static string NameOf(NativeXentBackend backend) =>
        backend == NativeXentBackend.Native ? "NativeXent, native from .NET" : "NativeXent, managed twin";

    internal FacadeContender WithOtherBackend() =>
        new(Backend == NativeXentBackend.Native ? NativeXentBackend.Managed : NativeXentBackend.Native, Options);

    internal override IRun Prepare(Problem problem) =>
        problem.Type switch
        {
            ElementType.Float32 => new Facade<float>(this, problem),
            ElementType.Float64 => new Facade<double>(this, problem),
            ElementType.Float16 => new Facade<Half>(this, problem),
            _ => new Facade<BFloat16>(this, problem),
        };

    private sealed class Facade<T>(FacadeContender contender, Problem problem) : IRun
        where T : unmanaged
    {
        private readonly ExecutionOptions _execution =
            new() { Backend = contender.Backend, MaxDegreeOfParallelism = problem.Threads };

        public nint Run(long repetitions)
        {
            for (long i = 0; i < repetitions; i++)
            {
                SoftmaxCrossEntropy.Gradient(
                    problem.LogitSpan<T>(),
                    problem.LabelSpan,
                    problem.Classes,
                    problem.GradientSpan<T>(),
                    contender.Options,
                    execution: _execution);
            }

            return problem.Gradient;
        }

        public void Dispose()
        {
        }
    }
}
