using NativeXent.Interop;
using NativeXent.Simd;
using NUnit.Framework;

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

    /// <summary>Every target with every element type, for fixtures with a type argument.</summary>
    public static IEnumerable<TestFixtureData> AllWithElementTypes =>
        from target in All
        from type in (Type[])[typeof(float), typeof(double), typeof(Half), typeof(BFloat16)]
        select new TestFixtureData(type, target);

    /// <summary>The one the others are compared with.</summary>
    public static Target First => All[0];

    public static IEnumerable<Target> Others => All.Skip(1);

    /// <summary>How a call comes to the backend. Only while the instruction set is forced: it would run on another.</summary>
    public ExecutionOptions Execution => Active == InstructionSet
        ? new() { Backend = Backend }
        : throw new InvalidOperationException($"{this} was to run, but {Active} is active: nothing has forced it.");

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

    /// <summary>Whatever a call gives that is carried out on this target.</summary>
    public TResult Run<TResult>(Func<ExecutionOptions, TResult> call)
    {
        using (Force())
        {
            return call(Execution);
        }
    }

    public Results Compute(Batch batch) =>
        Run(execution =>
        {
            Results results = Results.For(batch);
            _ = SoftmaxCrossEntropy.Gradient(
                batch.Logits,
                batch.Labels,
                batch.Classes,
                results.Gradient,
                rows: new() { Losses = results.Losses },
                execution: execution);
            return results;
        });

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
