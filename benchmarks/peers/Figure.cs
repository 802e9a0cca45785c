namespace NativeXent.Peers;

/// <summary>What is varied while the rest is held.</summary>
internal enum Section
{
    /// <summary>All contenders, data far larger than the caches, one thread.</summary>
    Memory,

    /// <summary>The same on all threads.</summary>
    MemoryAllThreads,

    /// <summary>All contenders, data that stays in cache, one thread.</summary>
    Cache,

    /// <summary>The same on all threads, with as much data for each.</summary>
    CacheAllThreads,

    /// <summary>float32, float64, Half and bfloat16.</summary>
    Types,

    /// <summary>The same in cache.</summary>
    TypesInCache,

    /// <summary>Without options, with each, and with all.</summary>
    Options,

    /// <summary>Aligned to pages, and to nothing but an element.</summary>
    Alignment,

    /// <summary>One row, on one thread and on all.</summary>
    HugeRows,

    /// <summary>Small batches, on one thread and on all.</summary>
    GoingParallel,

    /// <summary>One row of ten classes.</summary>
    SingleCall,

    /// <summary>Each vector instruction set of the machine.</summary>
    InstructionSets,
}

/// <summary>One contender's figures for one problem.</summary>
/// <param name="Section">Where it belongs.</param>
/// <param name="Contender">Its name.</param>
/// <param name="Kind">What it is in the comparison.</param>
/// <param name="Variant">What is special about it in its section; empty for nothing.</param>
/// <param name="Rows">Rows of the batch.</param>
/// <param name="Classes">Classes of a row.</param>
/// <param name="Threads">Threads it may use.</param>
/// <param name="SecondsPerCall">Median of the rounds; absent where the contender failed.</param>
/// <param name="Fastest">Fastest of the rounds, in seconds.</param>
/// <param name="Slowest">Slowest of the rounds, in seconds.</param>
/// <param name="TimeToCopy">Time against the fastest copy of the same bytes; below 1 is faster.</param>
/// <param name="TimeToBestPeer">Time against the fastest of the others whose result is right.</param>
/// <param name="TimeToReference">Time for an element against what the section compares with.</param>
/// <param name="BytesAllocated">By .NET, for a call, on the calling thread.</param>
/// <param name="Ulp">Largest error of an element other than the label's.</param>
/// <param name="LabelUlp">Largest error at the label.</param>
/// <param name="Problem">Why the result does not count; absent where it does.</param>
internal sealed record Figure(
    Section Section,
    string Contender,
    ContenderKind Kind,
    string Variant,
    int Rows,
    int Classes,
    int Threads,
    double? SecondsPerCall,
    double? Fastest,
    double? Slowest,
    double? TimeToCopy,
    double? TimeToBestPeer,
    double? TimeToReference,
    double? BytesAllocated,
    double? Ulp,
    double? LabelUlp,
    string? Problem)
{
    internal double? GigaelementsPerSecond => 1e-9 * Rows * Classes / SecondsPerCall;
}
