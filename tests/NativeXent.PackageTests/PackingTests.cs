using NativeXent.PackageTests.Support;
using NUnit.Framework;

namespace NativeXent.PackageTests;

/// <summary>How the package is made. These tests need what it is made of, too.</summary>
internal sealed class PackingTests
{
    private static string Project => Repository.Path("src/NativeXent.Managed");

    [Test]
    public void A_missing_native_library_is_named_and_there_is_no_package()
    {
        string folder = Path.Combine(Workspace.Folder, "assets");
        foreach (string file in Asset.All.SelectMany(Files))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(folder, file))!);
            File.WriteAllText(Path.Combine(folder, file), "");
        }

        Assert.That(Check(folder).ExitCode, Is.Zero, "with all of them");

        string[] missing = ["osx-arm64/libnativexent.dylib", "linux-musl-x64/static/libnativexent.a"];
        foreach (string file in missing)
        {
            File.Delete(Path.Combine(folder, file));
        }

        Tool.Outcome outcome = Check(folder);
        Assert.That(outcome.ExitCode, Is.Not.Zero);
        Assert.That(outcome.Output, Does.Contain(
            "error NXENTPACK: There is no package, because these are missing: "));
        foreach (string file in Asset.All.SelectMany(Files))
        {
            Assert.That(
                outcome.Output,
                missing.Contains(file) ? Does.Contain(Path.Combine(folder, file)) : Does.Not.Contain($"/{file}"));
        }
    }

    [Test]
    public void An_assembly_of_another_version_than_the_native_libraries_is_not_packed()
    {
        Tool.Outcome outcome = Tool.RunDotNet(
            ["msbuild", Project, "-t:CheckPackedFiles", "-p:Version=9.8.7", "-nologo"], Repository.Root);
        Assert.That(outcome.ExitCode, Is.Not.Zero);
        Assert.That(outcome.Output, Does.Contain(
            "error NXENTPACK: There is no package, because the assembly would be version 9.8.7 and refuse the native "
            + $"libraries, which are version {Repository.Version}."));
    }

    /// <summary>Packed again, it has the same bytes: it depends on nothing but its sources, and it is not stale.</summary>
    [Test]
    public void The_same_sources_give_the_same_bytes()
    {
        PackedFile.Need(
            Asset.All.SelectMany(Files).All(file => File.Exists(Repository.Path($"artifacts/assets/{file}"))),
            "The package was made elsewhere: not all native libraries are in artifacts/assets.");
        string again = Path.Combine(Workspace.Folder, "packed-again");
        _ = Tool.RunDotNet(["pack", Project, "-c", "Release", "-o", again, "-nologo"], Repository.Root)
            .MustSucceed();
        foreach (string package in (string[])[PackedFile.Path, PackedFile.SymbolsPath])
        {
            Assert.That(
                File.ReadAllBytes(package).AsSpan().SequenceEqual(
                    File.ReadAllBytes(Path.Combine(again, Path.GetFileName(package)))),
                $"{package} is not what its sources give. If they have changed since, run ./build.sh pack.");
        }
    }

    private static string[] Files(Asset asset) =>
        [$"{asset.Rid}/{asset.FileName}", $"{asset.Rid}/static/{asset.StaticFileName}"];

    private static Tool.Outcome Check(string assets) =>
        Tool.RunDotNet(
            ["msbuild", Project, "-t:CheckPackedFiles", $"-p:NativeAssets={assets}/", "-nologo"], Repository.Root);
}
