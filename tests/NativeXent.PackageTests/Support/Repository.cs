using System.Runtime.InteropServices;

namespace NativeXent.PackageTests.Support;

/// <summary>The repository that the tests were built in, and the machine they run on.</summary>
internal static class Repository
{
    internal static string Root { get; } = FindRoot();

    internal static string Version { get; } = File.ReadAllText(Path("VERSION")).Trim();

    /// <summary>This machine's runtime identifier.</summary>
    internal static string HostRid { get; } =
        (OperatingSystem.IsWindows() ? "win-" : OperatingSystem.IsMacOS() ? "osx-" : IsMusl ? "linux-musl-" : "linux-")
        + RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant();

    /// <summary>The programs' sources.</summary>
    internal static string Programs { get; } = Path("tests/NativeXent.PackageTests/Programs");

    private static bool IsMusl => RuntimeInformation.RuntimeIdentifier.Contains("musl", StringComparison.Ordinal);

    internal static string Path(string relative) => System.IO.Path.Combine(Root, relative);

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "NativeXent.sln")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException($"No folder above {AppContext.BaseDirectory} has NativeXent.sln.");
    }
}
