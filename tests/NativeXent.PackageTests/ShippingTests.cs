using NativeXent.PackageTests.Support;
using NUnit.Framework;

namespace NativeXent.PackageTests;

/// <summary>
/// Each way of shipping a program: it is built without a warning, runs the native library that belongs there, and gives
/// the same bits native and managed.
/// </summary>
[Parallelizable(ParallelScope.Children)]
internal sealed class ShippingTests
{
    private static string LibraryName => Asset.Host.FileName;

    [Test]
    public void Framework_dependent()
    {
        ShippedProgram program = ShippedPrograms.FrameworkDependent;
        program.RunAssembly().AssertNative(Path.Combine(program.Published, NativePath(Asset.Host.PackedPath)));
        program.AssertPublishedSilently();
        foreach (Asset asset in Asset.All)
        {
            Assert.That(Path.Combine(program.Published, NativePath(asset.PackedPath)), Does.Exist);
        }
    }

    [Test]
    public void Framework_dependent_for_one_runtime() => AssertBesideTheProgram(ShippedPrograms.RuntimeSpecific);

    [Test]
    public void Self_contained() => AssertBesideTheProgram(ShippedPrograms.SelfContained);

    [Test]
    public void Single_file()
    {
        AssertBesideTheProgram(ShippedPrograms.SingleFile);
        Assert.That(
            ShippedPrograms.SingleFile.PublishedFiles().Where(IsNotForDebugging),
            Is.EquivalentTo([LibraryName, Path.GetFileName(ShippedPrograms.SingleFile.Executable(Asset.Host.Rid))]));
    }

    [Test]
    public void Single_file_that_extracts_the_library()
    {
        ShippedProgram program = ShippedPrograms.SelfExtracting;
        string extracted = Path.Combine(program.Folder, "extracted");
        ProgramReport report = program.Run(("DOTNET_BUNDLE_EXTRACT_BASE_DIR", extracted));
        Assert.That(report["library"], Does.StartWith(extracted).And.EndsWith(LibraryName));
        report.AssertNative(report["library"]);
        program.AssertPublishedSilently();
        Assert.That(
            program.PublishedFiles().Where(IsNotForDebugging),
            Is.EqualTo([Path.GetFileName(program.Executable(Asset.Host.Rid))]));
    }

    [Test]
    public void Fully_trimmed() => AssertBesideTheProgram(ShippedPrograms.Trimmed);

    [Test]
    public void Ready_to_run() => AssertBesideTheProgram(ShippedPrograms.ReadyToRun);

    [TestCaseSource(typeof(ShippedPrograms), nameof(ShippedPrograms.NativeAot))]
    public void Native_AOT(ShippedProgram program)
    {
        NeedLinker();
        AssertBesideTheProgram(program, isJitCompiled: false);
    }

    [TestCaseSource(typeof(ShippedPrograms), nameof(ShippedPrograms.NativeAotStatic))]
    public void Native_AOT_with_the_library_linked_in(ShippedProgram program)
    {
        NeedLinker();
        ProgramReport report = program.Run();
        report.AssertNative(library: null);
        Assert.That(report["description"], Does.EndWith($"Native library {Repository.Version}: linked into the program"));
        Assert.That(report["dynamic code"], Is.EqualTo("False"));
        program.AssertPublishedSilently();
        Assert.That(
            program.PublishedFiles().Where(IsNotForDebugging),
            Is.EqualTo([Path.GetFileName(program.Executable(Asset.Host.Rid))]));
    }

    [Test]
    public void Through_a_library()
    {
        ShippedProgram program = ShippedPrograms.ByLibrary;
        program.RunAssembly().AssertNative(Path.Combine(program.Published, NativePath(Asset.Host.PackedPath)));
        program.AssertPublishedSilently();
    }

    [Test]
    public void Net8_in_a_path_with_spaces_and_letters_of_many_alphabets() =>
        AssertBesideTheProgram(ShippedPrograms.StrangePath);

    [Test]
    public void A_plugin_loaded_twice_each_in_a_context_of_its_own()
    {
        string plugin = ShippedPrograms.Plugin.MustExist(Path.Combine(ShippedPrograms.Plugin.Published, "plugin.dll"));
        string host = ShippedPrograms.PluginHost.MustExist(ShippedPrograms.PluginHost.Assembly());
        string[] reports = Tool.Run(Tool.DotNet, [host, plugin]).MustSucceed().Split("---");
        Assert.That(reports, Has.Length.EqualTo(2));
        foreach (string report in reports)
        {
            ProgramReport.Parse(report).AssertNative(
                Path.Combine(ShippedPrograms.Plugin.Published, NativePath(Asset.Host.PackedPath)));
        }

        ShippedPrograms.Plugin.AssertPublishedSilently();
    }

    /// <summary>Host and plugin have releases of their own, and each runs the library that came with its own.</summary>
    [Test]
    public void A_plugin_with_another_release_than_its_host_s()
    {
        string folder = Workspace.Copy(ShippedPrograms.Plugin.Published, nameof(A_plugin_with_another_release_than_its_host_s));
        string library = Path.Combine(folder, NativePath(Asset.Host.PackedPath));
        OtherRelease.Make(Path.Combine(folder, "NativeXent.dll"));
        OtherRelease.Make(library);
        ProgramReport[] reports = RunHostWithPackage(folder);
        foreach (ProgramReport report in reports)
        {
            report.AssertNative(library, OtherRelease.Version);
        }
    }

    /// <summary>Which the managed implementation computes for, rather than the host's library.</summary>
    [Test]
    public void A_plugin_with_another_release_than_its_host_s_and_no_library()
    {
        string folder = Workspace.Copy(
            ShippedPrograms.Plugin.Published, nameof(A_plugin_with_another_release_than_its_host_s_and_no_library));
        OtherRelease.Make(Path.Combine(folder, "NativeXent.dll"));
        File.Delete(Path.Combine(folder, NativePath(Asset.Host.PackedPath)));
        string hosts = Path.Combine(ShippedPrograms.PluginHostWithPackage.Published, NativePath(Asset.Host.PackedPath));
        foreach (ProgramReport report in RunHostWithPackage(folder))
        {
            report.AssertManaged(
                $"{hosts}: it is version {Repository.Version}, this assembly is {OtherRelease.Version}.");
        }
    }

    // The host must be as ever; the reports are the plugin's.
    private static ProgramReport[] RunHostWithPackage(string pluginFolder)
    {
        ShippedProgram host = ShippedPrograms.PluginHostWithPackage;
        ShippedPrograms.Plugin.MustExist(Path.Combine(pluginFolder, "plugin.dll"));
        ProgramReport[] reports =
        [
            .. Tool.Run(Tool.DotNet, [host.MustExist(host.Assembly()), Path.Combine(pluginFolder, "plugin.dll")])
                .MustSucceed().Split("---").Select(ProgramReport.Parse),
        ];
        Assert.That(reports, Has.Length.EqualTo(3));
        reports[0].AssertNative(Path.Combine(host.Published, NativePath(Asset.Host.PackedPath)));
        return reports[1..];
    }

    private static void AssertBesideTheProgram(ShippedProgram program, bool isJitCompiled = true)
    {
        ProgramReport report = program.Run();
        report.AssertNative(Path.Combine(program.Published, LibraryName));
        Assert.That(report["dynamic code"], Is.EqualTo(isJitCompiled.ToString()));
        program.AssertPublishedSilently();
    }

    // What https://aka.ms/nativeaot-prerequisites asks for on Linux.
    private static void NeedLinker() =>
        PackedFile.Need(
            !OperatingSystem.IsLinux() || (Tool.Find("clang", "gcc") is not null && File.Exists("/usr/include/zlib.h")),
            "NativeAOT needs clang or gcc, and zlib's headers (Debian, Ubuntu: zlib1g-dev).");

    private static bool IsNotForDebugging(string file) => Path.GetExtension(file) is not (".pdb" or ".dbg" or ".dSYM");

    private static string NativePath(string path) => path.Replace('/', Path.DirectorySeparatorChar);
}
