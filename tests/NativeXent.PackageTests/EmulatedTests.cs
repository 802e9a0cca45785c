using NativeXent.PackageTests.Support;
using NUnit.Framework;

namespace NativeXent.PackageTests;

/// <summary>
/// Assets of other systems than this one, as far as an emulator runs them: the bits are those of every other machine.
/// </summary>
[Platform(Include = "Linux")]
internal sealed class EmulatedTests
{
    private static readonly string Source = Path.Combine(Repository.Programs, "asset_bits.c");

    private static readonly string[] Flags = ["-std=c11", "-O1", "-ffp-contract=off", "-I", Repository.Path("native/include")];

    // The hash over all element types, from the first program that ran: all others must have it too.
    private static readonly string[] SetsOfX64 = ["avx512", "avx2", "sse2", "scalar"];

    private static string? _hashOfAllTypes;

    /// <summary>The whole program, self-contained.</summary>
    [Test]
    public void Windows_x64_under_wine()
    {
        string wine = NeedOnX64("wine64");
        ShippedProgram program = ShippedPrograms.Windows;
        ProgramReport report = ProgramReport.Parse(RunWine(wine, program.MustExist(program.Executable("win-x64"))));
        report.AssertNative($@"Z:{program.Published.Replace('/', '\\')}\libnativexent.dll");
        program.AssertPublishedSilently();
    }

    /// <summary>The static library, in a program that is linked without an SDK, and run where it can be.</summary>
    [TestCase("win-x64", "x86_64", "i386:x86-64")]
    [TestCase("win-arm64", "aarch64", "arm64")]
    public void Windows_static_library(string rid, string target, string machine)
    {
        string clang = NeedOnX64("clang-19");
        string importer = NeedOnX64("llvm-dlltool-19");
        string linker = NeedOnX64("lld-link-19");
        string folder = NewFolder(rid);
        string InFolder(string name) => Path.Combine(folder, name);

        // What a Windows SDK has: the names in kernel32.dll; and what a C run-time has: memcpy and the like.
        File.WriteAllText(InFolder("kernel32.def"), "LIBRARY kernel32.dll\nEXPORTS\nGetStdHandle\nWriteFile\nExitProcess\n");
        _ = Tool.Run(importer, ["-m", machine, "-d", InFolder("kernel32.def"), "-l", InFolder("kernel32.lib")])
            .MustSucceed();
        string[] compile = [$"--target={target}-pc-windows-msvc", "-ffreestanding", "-fno-builtin", "-c"];
        _ = Tool.Run(clang, [.. compile, .. Flags, Source, "-o", InFolder("bits.obj")]).MustSucceed();
        _ = Tool.Run(
            clang, [.. compile, "-std=c++20", Repository.Path("native/src/freestanding.cpp"), "-o", InFolder("runtime.obj")])
            .MustSucceed();
        File.WriteAllBytes(InFolder("nativexent.lib"), PackedFile.Read(new Asset(rid).PackedStaticPath));
        _ = Tool.Run(
            linker,
            [
                "/nologo", "/subsystem:console", "/entry:start", "/nodefaultlib", $"/out:{InFolder("bits.exe")}",
                InFolder("bits.obj"), InFolder("runtime.obj"), InFolder("kernel32.lib"), InFolder("nativexent.lib"),
            ]).MustSucceed();
        if (rid == "win-x64")
        {
            AssertBits(RunWine(NeedOnX64("wine64"), InFolder("bits.exe")), rid);
        }
    }

    /// <summary>Shared and static library, each in a C program.</summary>
    [TestCase("linux-x64", "gcc")]
    [TestCase("linux-musl-x64", "musl-gcc")]
    [TestCase("linux-arm64", "aarch64-linux-gnu-gcc")]
    // Debian has no C library of musl's for arm64. The asset needs none, so that of glibc does.
    [TestCase("linux-musl-arm64", "aarch64-linux-gnu-gcc")]
    public void Linux(string rid, string compilerName)
    {
        Asset asset = new(rid);
        string compiler = NeedOnX64(compilerName);
        string[] emulator = asset.IsArm64 ? [NeedOnX64("qemu-aarch64-static"), "-L", "/usr/aarch64-linux-gnu"] : [];
        string folder = NewFolder(rid);
        foreach (string path in (string[])[asset.PackedPath, asset.PackedStaticPath])
        {
            string library = Path.Combine(folder, Path.GetFileName(path));
            string program = $"{library}.program";
            File.WriteAllBytes(library, PackedFile.Read(path));
            _ = Tool.Run(compiler, [.. Flags, Source, library, $"-Wl,-rpath,{folder}", "-o", program]).MustSucceed();
            string[] command = [.. emulator, program];
            AssertBits(Tool.Run(command[0], command[1..]).MustSucceed(), rid);
        }
    }

    private static void AssertBits(string output, string rid)
    {
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        Assert.That(lines[0], Is.EqualTo(Repository.Version));
        string[] sets = [.. lines[1..].Select(line => line.Split(": ")[0])];
        if (new Asset(rid).IsArm64)
        {
            Assert.That(sets, Is.EqualTo(["neon", "scalar"]));
        }
        else
        {
            Assert.That(sets, Is.SubsetOf(SetsOfX64));
            Assert.That(sets, Does.Contain("sse2").And.Contains("scalar"));
        }

        _hashOfAllTypes ??= lines[1].Split(' ')[^1];
        Assert.That(
            lines[1..].Select(line => line.Split(": ")[1]),
            Is.All.EqualTo($"{ProgramReport.ExpectedHash} {_hashOfAllTypes}"));
    }

    private static string RunWine(string wine, string program) =>
        Tool.Run(
            wine,
            [program],
            Path.GetDirectoryName(program),
            ("WINEDEBUG", "-all"),
            ("WINEPREFIX", Path.Combine(Workspace.Folder, "wine"))).MustSucceed();

    private static string NewFolder(string rid) =>
        Directory.CreateDirectory(Path.Combine(Workspace.Folder, "c", rid)).FullName;

    // The path of a tool that the test cannot do without.
    private static string NeedOnX64(string tool)
    {
        PackedFile.Need(Repository.HostRid.EndsWith("-x64", StringComparison.Ordinal), "Needs an x64 processor.");
        string? path = Tool.Find(tool);
        PackedFile.Need(path is not null, $"Needs {tool}.");
        return path!;
    }
}
