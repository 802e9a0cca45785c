using System.IO.Compression;
using NUnit.Framework;

namespace NativeXent.PackageTests.Support;

/// <summary>The package under test.</summary>
internal static class PackedFile
{
    /// <summary>
    /// Where it is: in artifacts/packages, where ./build.sh pack leaves it, unless NATIVEXENT_PACKAGES names another
    /// folder.
    /// </summary>
    internal static string Folder { get; } =
        Environment.GetEnvironmentVariable("NATIVEXENT_PACKAGES") is { Length: > 0 } folder
            ? folder
            : Repository.Path("artifacts/packages");

    internal static string Path { get; } = System.IO.Path.Combine(Folder, $"NativeXent.{Repository.Version}.nupkg");

    internal static string SymbolsPath => System.IO.Path.ChangeExtension(Path, ".snupkg");

    /// <summary>Skips the test where there is no package.</summary>
    internal static void Need() =>
        Need(File.Exists(Path), $"There is no {Path}. ./build.sh pack makes it, on Linux.");

    /// <summary>
    /// Skips the test where the machine lacks something; NATIVEXENT_SKIP_NOTHING makes that a failure.
    /// </summary>
    internal static void Need(bool isThere, string otherwise)
    {
        if (!isThere && Environment.GetEnvironmentVariable("NATIVEXENT_SKIP_NOTHING") == "true")
        {
            Assert.Fail(otherwise);
        }
        else if (!isThere)
        {
            Assert.Ignore(otherwise);
        }
    }

    internal static byte[] Read(string entry, string? package = null)
    {
        using ZipArchive archive = ZipFile.OpenRead(package ?? Path);
        ZipArchiveEntry found = archive.GetEntry(entry)
            ?? throw new FileNotFoundException($"{package ?? Path} has no {entry}.");
        using Stream stream = found.Open();
        using MemoryStream bytes = new();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }

    internal static string[] Entries(string package)
    {
        using ZipArchive archive = ZipFile.OpenRead(package);
        return [.. archive.Entries.Select(entry => entry.FullName).Order(StringComparer.Ordinal)];
    }
}
