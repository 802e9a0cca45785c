using NativeXent.Interop;
using NativeXent.Simd;

namespace NativeXent.Tests.Support;

/// <summary>A backend on one of the instruction sets that it can use here.</summary>
public sealed record Target(NativeXentBackend Backend, string InstructionSet)
{
    /// <summary>Every target, the native ones first.</summary>
    public static IReadOnlyList<Target> All { get; } =
    [
        .. from backend in NativeBackend.IsAvailable
               ? new[] { NativeXentBackend.Native, NativeXentBackend.Managed }
               : [NativeXentBackend.Managed]
           from name in NativeXentRuntime.UsableInstructionSets(backend)
           select new Target(backend, name),
    ];

    /// <summary>The one the others are compared with.</summary>
    public static Target First => All[0];

    public static IEnumerable<Target> Others => All.Skip(1);

    private string Active => Backend == NativeXentBackend.Native
        ? NativeBackend.ActiveInstructionSet
        : ManagedBackend.ActiveInstructionSet;

    public override string ToString() =>
        $"{(Backend == NativeXentBackend.Native ? "native" : "managed")} {InstructionSet}";

    /// <summary>Forces the instruction set; disposing of the result brings back the one before.</summary>
    /// <remarks>It is one for the whole process: fixtures that force it are not parallelizable.</remarks>
    public IDisposable Force()
    {
        string before = Active;
        Force(InstructionSet);
        return new Restoration(this, before);
    }

    public Results Compute(Batch batch)
    {
        Results results = Results.For(batch);
        using (Force())
        {
            SoftmaxCrossEntropy.Gradient(
                batch.Logits,
                batch.Labels,
                batch.Classes,
                results.Gradient,
                results.Losses,
                new ExecutionOptions { Backend = Backend });
        }

        return results;
    }

    private void Force(string name)
    {
        // Asking the CPU what it can do is slow on virtual machines.
        if (Active == name)
        {
            return;
        }

        string? problem = Backend == NativeXentBackend.Native
            ? NativeBackend.ForceInstructionSet(name)
            : ManagedBackend.ForceInstructionSet(name);
        if (problem is not null || Active != name)
        {
            throw new InvalidOperationException(
                $"{this} cannot be forced to {name}: {problem ?? $"{Active} is active"}");
        }
    }

    private sealed class Restoration(Target target, string before) : IDisposable
    {
        public void Dispose()
        {
            // Something else must not have run than what the test is named after.
            if (target.Active != target.InstructionSet)
            {
                throw new InvalidOperationException($"{target} was to run, but {target.Active} is active.");
            }

            target.Force(before);
        }
    }
}
