using NativeXent.PackageTests.Support;
using NUnit.Framework;

namespace NativeXent.PackageTests;

/// <summary>
/// Assets of other systems than this one, as far as an emulator runs them: the bits are those of every other machine.
/// </summary>
[Platform(Include = "Linux")]
internal sealed class EmulatedTests
{
    private static readonly Target[] Targets =
    [
        new("linux-x64", "cc", null),
        new("linux-musl-x64", "musl-gcc", null),
        new("linux-arm64", "aarch64-linux-gnu-gcc", "qemu-aarch64-static"),
        // There is no C library of musl's for arm64 here. The asset needs none, so that of glibc does.
        new("linux-musl-arm64", "aarch64-linux-gnu-gcc", "qemu-aarch64-static"),
    ];

    /// <summary>The whole program, self-contained.</summary>
    [Test]
    public void Windows_x64_under_wine()
    {
        string? wine = Tool.Find("wine64", "wine");
        PackedFile.Need(wine is not null && IsX64, "Needs wine64, and an x64 processor.");
        ShippedProgram program = ShippedPrograms.Windows;
        string executable = program.MustExist(program.Executable("win-x64"));
        ProgramReport report = ProgramReport.Parse(
            Tool.Run(
                wine!,
                [executable],
                program.Published,
                ("WINEDEBUG", "-all"),
                ("WINEPREFIX", Path.Combine(Workspace.Folder, "wine"))).MustSucceed());
        report.AssertNative($@"Z:{program.Published.Replace('/', '\\')}\libnativexent.dll");
        program.AssertPublishedSilently();
    }

    /// <summary>A C program linked with the shared library, and another with the static one.</summary>
    [Test]
    public void In_a_C_program([Values] bool isStatic, [ValueSource(nameof(Targets))] Target target)
    {
        string? compiler = Tool.Find(target.Compiler);
        string? emulator = target.Emulator is null ? null : Tool.Find(target.Emulator);
        PackedFile.Need(
            compiler is not null && (target.Emulator is null || emulator is not null) && IsX64,
            $"Needs {target.Compiler} {target.Emulator}, and an x64 processor.");

        string folder = Directory.CreateDirectory(
            Path.Combine(Workspace.Folder, "c", target.Rid, isStatic ? "static" : "shared")).FullName;
        Asset asset = new(target.Rid);
        string library = Path.Combine(folder, isStatic ? asset.StaticFileName : asset.FileName);
        string program = Path.Combine(folder, "report");
        File.WriteAllBytes(library, PackedFile.Read(isStatic ? asset.PackedStaticPath : asset.PackedPath));
        _ = Tool.Run(
            compiler!,
            [
                "-std=c11", "-O1", "-ffp-contract=off", "-I", Repository.Path("native/include"), "-o", program,
                Path.Combine(Repository.Programs, "asset_report.c"), library, "-Wl,-rpath,$ORIGIN",
            ]).MustSucceed();
        string[] command = emulator is null ? [program] : [emulator, "-L", "/usr/aarch64-linux-gnu", program];
        ProgramReport report = ProgramReport.Parse(Tool.Run(command[0], command[1..]).MustSucceed());
        Assert.That(report["version"], Is.EqualTo(Repository.Version));
        Assert.That(report["instruction set"], asset.IsArm64 ? Is.EqualTo("neon") : Is.AnyOf("avx512", "avx2"));
        report.AssertBits("native");
    }

    private static bool IsX64 => Repository.HostRid.EndsWith("-x64", StringComparison.Ordinal);

    /// <summary>A runtime, and what makes and runs programs for it.</summary>
    internal sealed record Target(string Rid, string Compiler, string? Emulator)
    {
        public override string ToString() => Rid;
    }
}
