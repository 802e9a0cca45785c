using System.Text.Json.Nodes;
using NativeXent.PackageTests.Support;
using NUnit.Framework;

namespace NativeXent.PackageTests;

/// <summary>
/// A program whose native library is missing or not the right one: the managed implementation takes over with the same
/// bits and says why, and whoever insists on the native one gets an exception that names every path.
/// </summary>
[Parallelizable(ParallelScope.Children)]
internal sealed class FallbackTests
{
    [Test]
    public void Deleted()
    {
        string library = CopyOfProgram(out string folder);
        File.Delete(library);
        ShippedPrograms.FrameworkDependent.RunAssembly(folder).AssertManaged(
            "No usable library was found. Tried:",
            $"{library}: no such file.",
            $"{Path.Combine(folder, Asset.Host.FileName)}: no such file.",
            "from the system's search path: not found.");
    }

    [Test]
    public void Replaced_by_garbage()
    {
        string library = CopyOfProgram(out string folder);
        File.WriteAllText(library, "This is not a library.");
        ShippedPrograms.FrameworkDependent.RunAssembly(folder)
            .AssertManaged($"{library}: it is not a shared library (");
    }

    /// <summary>Linux's loader would kill the process.</summary>
    [Test]
    public void Cut_off()
    {
        string library = CopyOfProgram(out string folder);
        using (FileStream file = File.OpenWrite(library))
        {
            file.SetLength(file.Length / 2);
        }

        ShippedPrograms.FrameworkDependent.RunAssembly(folder).AssertManaged($"{library}: it is cut off: ");
    }

    /// <summary>The same, of the right size.</summary>
    [Test]
    public void Cut_off_and_filled_up_with_zeros()
    {
        string library = CopyOfProgram(out string folder);
        using (FileStream file = File.OpenWrite(library))
        {
            long length = file.Length;
            file.SetLength(length / 2);
            file.SetLength(length);
        }

        ShippedPrograms.FrameworkDependent.RunAssembly(folder).AssertManaged($"{library}: it is damaged: ");
    }

    [Test]
    public void Cut_off_beside_a_self_contained_program()
    {
        ShippedProgram program = ShippedPrograms.SelfContained;
        program.MustExist(program.Executable(Repository.HostRid));
        ShippedProgram copy = program with { Published = Workspace.Copy(program.Published, "self-contained-cut-off") };
        string library = Path.Combine(copy.Published, Asset.Host.FileName);
        using (FileStream file = File.OpenWrite(library))
        {
            file.SetLength(file.Length / 2);
        }

        copy.Run().AssertManaged($"{library}: it is cut off: ");
    }

    [Test]
    public void Of_another_version()
    {
        string library = CopyOfProgram(out string folder);
        OtherRelease.Make(library);
        ShippedPrograms.FrameworkDependent.RunAssembly(folder).AssertManaged(
            $"{library}: it is version {OtherRelease.Version}, this assembly is {Repository.Version}.");
    }

    [Test]
    public void Replaced_by_that_of_another_processor()
    {
        string library = CopyOfProgram(out string folder);
        string rid = Asset.Host.IsArm64
            ? Asset.Host.Rid.Replace("-arm64", "-x64", StringComparison.Ordinal)
            : Asset.Host.Rid.Replace("-x64", "-arm64", StringComparison.Ordinal);
        File.WriteAllBytes(library, PackedFile.Read(new Asset(rid).PackedPath));
        ShippedPrograms.FrameworkDependent.RunAssembly(folder)
            .AssertManaged($"{library}: it is for {(Asset.Host.IsArm64 ? "x64" : "arm64")}, this process runs on ");
    }

    [Test]
    public void Replaced_by_that_of_another_system()
    {
        string library = CopyOfProgram(out string folder);
        string other = OperatingSystem.IsWindows() ? "linux-x64" : "win-x64";
        File.WriteAllBytes(library, PackedFile.Read(new Asset(other).PackedPath));
        ShippedPrograms.FrameworkDependent.RunAssembly(folder)
            .AssertManaged($"{library}: it is not a shared library (");
    }

    [Test]
    public void Replaced_by_one_of_another_ABI_version()
    {
        string? compiler = OperatingSystem.IsWindows() ? null : Tool.Find("cc", "gcc", "clang");
        PackedFile.Need(compiler is not null, "There is no C compiler (cc, gcc, clang) to build a library with.");
        string library = CopyOfProgram(out string folder);
        string source = $"{folder}.c";
        File.WriteAllText(source, "unsigned nxent_abi_version(void) { return 4711; }");
        _ = Tool.Run(compiler!, ["-shared", "-fPIC", "-o", library, source]).MustSucceed();
        ShippedPrograms.FrameworkDependent.RunAssembly(folder)
            .AssertManaged($"{library}: it has ABI version 4711, this assembly needs ");
    }

    /// <summary>Built for a processor without an asset: nothing native comes along, and all works.</summary>
    [Test]
    public void Never_there()
    {
        ShippedProgram program = ShippedPrograms.WithoutAsset;
        program.RunAssembly().AssertManaged("No usable library was found. Tried:");
        program.AssertPublishedSilently();
        Assert.That(
            Directory.GetFiles(program.Published, "*", SearchOption.AllDirectories)
                .Select(file => Path.GetRelativePath(program.Published, file))
                .Where(file => file.Contains("nativexent", StringComparison.OrdinalIgnoreCase)),
            Is.EqualTo(["NativeXent.dll"]));
    }

    [Test]
    public void Nothing_native_is_restored_for_WebAssembly()
    {
        string file = ShippedPrograms.WebAssembly.MustExist(
            Path.Combine(ShippedPrograms.WebAssembly.Folder, "obj", "project.assets.json"));
        JsonNode assets = JsonNode.Parse(File.ReadAllText(file))!
            ["targets"]!["net10.0/browser-wasm"]![$"NativeXent/{Repository.Version}"]!;
        Assert.That(assets["runtime"]!["lib/net10.0/NativeXent.dll"], Is.Not.Null);
        Assert.That(assets["native"], Is.Null);
    }

    // The native library of a copy of the program, and the copy's folder.
    private static string CopyOfProgram(out string folder)
    {
        ShippedProgram program = ShippedPrograms.FrameworkDependent;
        program.MustExist(program.Assembly());
        folder = Workspace.Copy(program.Published, TestContext.CurrentContext.Test.Name);
        return Path.Combine(folder, Asset.Host.PackedPath.Replace('/', Path.DirectorySeparatorChar));
    }
}
