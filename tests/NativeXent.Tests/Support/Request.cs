using NativeXent.Jobs;

namespace NativeXent.Tests.Support;

/// <summary>
/// A call of one operation, every choice in it a property, made from a seed. The properties say all that there is to
/// say: the numbers in its memory follow from them.
/// </summary>
internal abstract record Request(ulong Seed)
{
    public ElementType Type { get; init; }

    public int Threads { get; init; } = 1;

    /// <summary>Moves all memory by so many elements.</summary>
    public int Offset { get; init; }

    /// <summary>Makes the memory. The result carries the call out, each time on a copy.</summary>
    internal Func<ExecutionOptions, Snapshot> Prepare() =>
        Type switch
        {
            ElementType.Float32 => Prepare<float>(),
            ElementType.Float64 => Prepare<double>(),
            ElementType.Float16 => Prepare<Half>(),
            _ => Prepare<BFloat16>(),
        };

    /// <summary>Requests with one choice less, the greatest steps first.</summary>
    internal virtual IEnumerable<Request> Simpler()
    {
        if (Threads != 1)
        {
            yield return this with { Threads = 1 };
        }

        if (Offset != 0)
        {
            yield return this with { Offset = 0 };
        }

        if (Type != ElementType.Float32)
        {
            yield return this with { Type = ElementType.Float32 };
        }
    }

    protected abstract Func<ExecutionOptions, Snapshot> Prepare<T>()
        where T : unmanaged;

    /// <summary>Float most often, which has kernels of its own.</summary>
    protected static ElementType AnyType(SplitMix64 random) =>
        random.Element<ElementType>(
        [
            ElementType.Float32, ElementType.Float32, ElementType.Float32, ElementType.Float64, ElementType.Float64,
            ElementType.Float16, ElementType.BFloat16,
        ]);

    protected static int AnyThreads(SplitMix64 random) => random.Element<int>([1, 1, 2, 3, 8, -1]);
}
