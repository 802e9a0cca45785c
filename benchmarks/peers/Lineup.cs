using Spectre.Console;

namespace NativeXent.Peers;

/// <summary>Who takes part, and who is missing and why.</summary>
internal sealed record Lineup(IReadOnlyList<Contender> Contenders, IReadOnlyList<(string Name, string Reason)> Missing)
{
    internal IReadOnlyList<ContenderInfo> Infos =>
    [
        .. Contenders.Select(it => new ContenderInfo(it.Name, it.Kind, it.Version, null)),
        .. Missing.Select(it => new ContenderInfo(it.Name, ContenderKind.Peer, null, it.Reason)),
    ];

    internal static Lineup Load(string libraryFolder)
    {
        Oracle.Load(libraryFolder);
        (List<Contender> native, List<(string, string)> missing) = NativeContenders.Load(libraryFolder);
        return new Lineup(
            [
                .. native,
                new FacadeContender(NativeXentBackend.Native),
                new FacadeContender(NativeXentBackend.Managed),
                .. RowContender.All(),
            ],
            missing);
    }

    /// <summary>This project's contenders and the copies.</summary>
    internal Lineup OnlyOurs() => new([.. Contenders.Where(it => it.Kind != ContenderKind.Peer)], []);

    internal void Print(IAnsiConsole console)
    {
        foreach (ContenderInfo info in Infos)
        {
            console.WriteLine(
                info.Missing is { } reason ? $"{info.Name}: missing, {reason}"
                : info.Version is { Length: > 0 } version ? $"{info.Name}: {version}"
                : info.Name);
        }
    }
}
