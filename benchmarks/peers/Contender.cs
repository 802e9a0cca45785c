namespace NativeXent.Peers;

/// <summary>What a contender is in the comparison.</summary>
internal enum ContenderKind
{
    /// <summary>A copy: what the memory allows.</summary>
    Ceiling,

    /// <summary>What anybody else offers.</summary>
    Peer,

    /// <summary>This project.</summary>
    Ours,
}

/// <summary>Somebody who computes the gradient.</summary>
internal abstract class Contender(string name, ContenderKind kind, string version)
{
    internal string Name { get; } = name;

    internal ContenderKind Kind { get; } = kind;

    internal string Version { get; } = version;

    /// <summary>Whether it runs in .NET.</summary>
    internal virtual bool IsManaged => true;

    /// <summary>Does what need not be done for every batch.</summary>
    internal abstract IRun Prepare(Problem problem);
}

/// <summary>A contender that is ready to compute the gradient of one problem, time and again.</summary>
internal interface IRun : IDisposable
{
    /// <summary>Computes the gradient as often as is asked, and returns where it is.</summary>
    nint Run(long repetitions);
}
