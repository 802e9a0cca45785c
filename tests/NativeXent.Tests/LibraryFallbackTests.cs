using System.Reflection;
using System.Runtime.InteropServices;
using NativeXent.Interop;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>
/// A missing, foreign or mismatching native library: the managed backend takes over, gives the same bits, and says why,
/// and whoever insists on the native one gets an exception. Each in a process of its own.
/// </summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class LibraryFallbackTests : IDisposable
{
    // What this assembly cannot do without.
    private static readonly string[] Structures =
        [.. typeof(NativeMethods).Assembly.GetTypes().Where(IsStructure).Select(type => type.Name)];

    // But for those by which the loader knows the library at all.
    private static readonly string[] Functions =
    [
        .. typeof(NativeMethods).GetMethods(BindingFlags.Static | BindingFlags.NonPublic)
            .Where(method => method.GetCustomAttribute<DllImportAttribute>() is not null)
            .Select(method => method.Name)
            .Except(
            [
                nameof(NativeMethods.nxent_abi_version), nameof(NativeMethods.nxent_layout_name),
                nameof(NativeMethods.nxent_layout_value),
            ]),
    ];

    private static readonly uint[] Example =
        [.. Target.First.Compute(Batch.Of([1, 2, 0.5f], label: 1)).Gradient.Select(Bits.Of)];

    private AppFolder App { get; } = new();

    public void Dispose() => App.Dispose();

    [Test]
    public void A_missing_library_is_reported_with_every_path_tried()
    {
        ChildReport report = AssertFallsBack();
        Assert.That(report.LibraryPath, Is.Null);
        Assert.That(report.LibraryVersion, Is.Null);
        Assert.That(report.NativeUnavailableReason, Does.StartWith("No usable library was found. Tried:"));
        Assert.That(report.NativeUnavailableReason, Does.Contain($"{App.LibraryPath}: no such file."));
        Assert.That(report.NativeUnavailableReason, Does.Contain($"{App.PackagedLibraryPath}: no such file."));
        Assert.That(report.NativeUnavailableReason, Does.Contain("from the system's search path: not found."));
    }

    [Test]
    public void The_instruction_set_variable_still_holds_for_the_managed_backend()
    {
        ChildReport honoured = AssertFallsBack((InstructionSetVariable.Name, "scalar"));
        Assert.That(honoured.InstructionSet, Is.EqualTo("scalar"));
        Assert.That(honoured.Warnings, Is.Empty);

        ChildReport refused = AssertFallsBack((InstructionSetVariable.Name, "bogus"));
        Assert.That(refused.Warnings, Is.EqualTo(
            ["NATIVEXENT_ISA=bogus is not honoured by the managed backend: No instruction set has this name."]));
    }

    [Test]
    public void A_file_that_is_no_library_is_reported()
    {
        File.WriteAllText(App.LibraryPath, "This is not a library.");
        Assert.That(ReasonToFallBack(), Does.Contain($"{App.LibraryPath}: it is not a shared library ("));
    }

    [Test]
    public void An_empty_file_is_reported()
    {
        File.WriteAllBytes(App.LibraryPath, []);
        Assert.That(ReasonToFallBack(), Does.Contain($"{App.LibraryPath}: it is not a shared library ("));
    }

    [Test]
    public void A_library_for_another_processor_is_reported()
    {
        const int ElfMachine = 0x12;
        byte[] library = File.ReadAllBytes(AppFolder.RealLibrary);
        if (!ElfExports.IsElf(library))
        {
            Assert.Ignore("Only 64-bit ELF libraries can be altered here.");
        }

        library[ElfMachine]++;
        File.WriteAllBytes(App.LibraryPath, library);
        Assert.That(
            ReasonToFallBack(), Does.Contain($"{App.LibraryPath}: it is for another processor, this process runs on "));
    }

    /// <summary>Linux's loader would kill the process; LibraryFileTests tries all lengths.</summary>
    [Test]
    public void A_library_that_is_cut_off_is_reported([Values(70, 4096, 500_000, -100)] int length)
    {
        byte[] library = File.ReadAllBytes(AppFolder.RealLibrary);
        File.WriteAllBytes(App.LibraryPath, library[..(length < 0 ? library.Length + length : length)]);
        AssertUnsound(ReasonToFallBack(), App.LibraryPath, "it is cut off: its ");
    }

    [Test]
    public void A_library_that_is_filled_up_with_zeros_is_reported([Values(4096, 500_000)] int length)
    {
        byte[] library = File.ReadAllBytes(AppFolder.RealLibrary);
        library.AsSpan(length).Clear();
        File.WriteAllBytes(App.LibraryPath, library);
        AssertUnsound(ReasonToFallBack(), App.LibraryPath, "it is damaged: its ");
    }

    [Test]
    public void A_library_with_something_behind_it_is_reported()
    {
        File.WriteAllBytes(App.LibraryPath, [.. File.ReadAllBytes(AppFolder.RealLibrary), .. new byte[4096]]);
        AssertUnsound(ReasonToFallBack(), App.LibraryPath, "it is padded: it ends at byte ");
    }

    [Test]
    public void A_library_that_is_cut_off_on_the_system_s_search_path_is_reported()
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Ignore("LD_LIBRARY_PATH is Linux's.");
        }

        string folder = Directory.CreateDirectory(Path.Combine(App.Path, "elsewhere")).FullName;
        string library = Path.Combine(folder, AppFolder.LibraryFileName);
        File.WriteAllBytes(library, File.ReadAllBytes(AppFolder.RealLibrary)[..500_000]);
        AssertUnsound(
            AssertFallsBack(("LD_LIBRARY_PATH", folder)).NativeUnavailableReason, library, "it is cut off: its ");
    }

    /// <summary>The same structures can have another meaning in another release.</summary>
    [Test]
    public void A_library_of_another_version_is_reported()
    {
        Compiler.BuildSharedLibrary(SourceWith(Structures, Functions, "9.8.7"), App.LibraryPath);
        Assert.That(
            ReasonToFallBack(),
            Does.Contain($"{App.LibraryPath}: it is version 9.8.7, this assembly is {Repository.Version}."));
    }

    /// <summary>Two releases in one process, each with a native library beside it: each runs its own.</summary>
    [Test]
    public void A_plugin_runs_the_library_beside_it_and_not_the_program_s()
    {
        Compiler.BuildSharedLibrary(SourceWith(Structures, Functions, "9.8.7"), App.LibraryPath);
        using AppFolder plugin = new();
        File.Copy(AppFolder.RealLibrary, plugin.LibraryPath);
        PluginReport report = ChildProcess.ReportPlugin(App.Path, plugin.Path);
        Assert.That(report, Is.EqualTo(new PluginReport(plugin.LibraryPath, Repository.Version, null)));
    }

    /// <summary>Also where both are of one version, so that no later one can be taken for the first.</summary>
    [Test]
    public void A_plugin_s_own_folder_comes_first()
    {
        File.Copy(AppFolder.RealLibrary, App.LibraryPath);
        using AppFolder plugin = new();
        File.Copy(AppFolder.RealLibrary, plugin.LibraryPath);
        Assert.That(ChildProcess.ReportPlugin(App.Path, plugin.Path).LibraryPath, Is.EqualTo(plugin.LibraryPath));
    }

    [Test]
    public void A_plugin_without_a_library_does_not_run_the_program_s_of_another_version()
    {
        Compiler.BuildSharedLibrary(SourceWith(Structures, Functions, "9.8.7"), App.LibraryPath);
        using AppFolder plugin = new();
        PluginReport report = ChildProcess.ReportPlugin(App.Path, plugin.Path);
        Assert.That(report.LibraryPath, Is.Null);
        Assert.That(
            report.NativeUnavailableReason,
            Does.Contain($"{plugin.LibraryPath}: no such file.")
                .And.Contain($"{App.LibraryPath}: it is version 9.8.7, this assembly is {Repository.Version}."));
    }

    [Test]
    public void A_folder_in_the_library_s_place_is_reported()
    {
        _ = Directory.CreateDirectory(App.LibraryPath);
        Assert.That(ReasonToFallBack(), Does.Contain(App.LibraryPath));
    }

    [Test]
    public void A_library_of_another_ABI_version_is_reported()
    {
        Compiler.BuildSharedLibrary("unsigned nxent_abi_version(void) { return 4711; }", App.LibraryPath);
        Assert.That(
            ReasonToFallBack(),
            Does.Contain(
                $"{App.LibraryPath}: it has ABI version 4711, this assembly needs {NativeMethods.NXENT_ABI_VERSION}."));
    }

    [Test]
    public void A_library_of_something_else_is_reported()
    {
        Compiler.BuildSharedLibrary("int something_else(void) { return 1; }", App.LibraryPath);
        Assert.That(
            ReasonToFallBack(), Does.Contain($"{App.LibraryPath}: it is not NativeXent's library."));
    }

    [Test]
    public void A_library_with_structures_of_another_size_is_reported()
    {
        Compiler.BuildSharedLibrary(
            $$"""
            #include <stddef.h>
            unsigned nxent_abi_version(void) { return {{NativeMethods.NXENT_ABI_VERSION}}; }
            const char* nxent_version(void) { return "{{Repository.Version}}"; }
            const char* nxent_layout_name(size_t i) { return i ? 0 : "nxent_softmax_cross_entropy_args"; }
            size_t nxent_layout_value(size_t i) { return i ? 0 : 12; }
            """,
            App.LibraryPath);
        Assert.That(
            ReasonToFallBack(),
            Does.Contain("nxent_softmax_cross_entropy_args has 12 bytes, this assembly's ")
                .And.Contain(App.LibraryPath));
    }

    [Test]
    public void A_library_without_the_layout_functions_is_reported()
    {
        Compiler.BuildSharedLibrary(
            $$"""
            unsigned nxent_abi_version(void) { return {{NativeMethods.NXENT_ABI_VERSION}}; }
            const char* nxent_version(void) { return "{{Repository.Version}}"; }
            """,
            App.LibraryPath);
        Assert.That(
            ReasonToFallBack(), Does.Contain("nxent_layout_name").And.Contain(App.LibraryPath));
    }

    [Test]
    public void A_library_that_lacks_a_structure_is_reported([ValueSource(nameof(Structures))] string missing)
    {
        Compiler.BuildSharedLibrary(SourceWith(Structures.Where(name => name != missing), Functions), App.LibraryPath);
        Assert.That(ReasonToFallBack(), Does.Contain($"{App.LibraryPath}: it has no {missing}."));
    }

    [Test]
    public void A_library_that_lacks_a_function_is_reported([ValueSource(nameof(Functions))] string missing)
    {
        Compiler.BuildSharedLibrary(SourceWith(Structures, Functions.Where(name => name != missing)), App.LibraryPath);
        Assert.That(ReasonToFallBack(), Does.Contain($"{App.LibraryPath}: it does not export {missing}."));
    }

    /// <summary>What is not usable does not hide what is.</summary>
    [Test]
    public void The_library_of_a_package_is_used_where_the_one_beside_the_program_is_broken()
    {
        File.WriteAllText(App.LibraryPath, "This is not a library.");
        _ = Directory.CreateDirectory(Path.GetDirectoryName(App.PackagedLibraryPath)!);
        File.Copy(AppFolder.RealLibrary, App.PackagedLibraryPath);
        ChildReport report = AssertNative();
        Assert.That(report.LibraryPath, Is.EqualTo(App.PackagedLibraryPath));
    }

    [Test]
    public void The_library_beside_the_program_is_used()
    {
        File.Copy(AppFolder.RealLibrary, App.LibraryPath);
        ChildReport report = AssertNative();
        Assert.That(report.LibraryPath, Is.EqualTo(App.LibraryPath));
        Assert.That(report.Description, Does.Contain($"Native library {Repository.Version}: {App.LibraryPath}"));
    }

    [Test]
    public void The_library_on_the_system_s_search_path_is_used()
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Ignore("LD_LIBRARY_PATH is Linux's.");
        }

        ChildReport report = AssertNative(("LD_LIBRARY_PATH", AppContext.BaseDirectory));
        Assert.That(report.LibraryPath, Is.EqualTo(AppFolder.RealLibrary));
        Assert.That(report.Description, Does.Contain($"Native library {Repository.Version}: {AppFolder.RealLibrary}"));
    }

    private static bool IsStructure(Type type) =>
        type is { IsValueType: true, IsEnum: false, Namespace: "NativeXent.Interop" }
        && type.Name.StartsWith("nxent_", StringComparison.Ordinal);

    // A library that passes for the right one up to what it has not.
    private static string SourceWith(
        IEnumerable<string> structures, IEnumerable<string> functions, string? version = null)
    {
        (string Name, int Size)[] layout =
        [
            .. from name in structures
               select (name, Marshal.SizeOf(typeof(NativeMethods).Assembly.GetType($"NativeXent.Interop.{name}")!)),
        ];
        string names = string.Join(", ", layout.Select(entry => $"\"{entry.Name}\""));
        string sizes = string.Join(", ", layout.Select(entry => entry.Size));
        return $$"""
            #include <stddef.h>
            static const char* const names[] = { {{names}}, 0 };
            static const size_t sizes[] = { {{sizes}}, 0 };
            unsigned nxent_abi_version(void) { return {{NativeMethods.NXENT_ABI_VERSION}}; }
            const char* nxent_layout_name(size_t i) { return names[i]; }
            size_t nxent_layout_value(size_t i) { return sizes[i]; }
            {{string.Join('\n', functions.Select(Stub))}}
            """;

        string Stub(string name) => name == nameof(NativeMethods.nxent_version)
            ? $"const char* {name}(void) {{ return \"{version ?? Repository.Version}\"; }}"
            : $"void {name}(void) {{ }}";
    }

    // And nothing else looks for the library, because it could come to the same file.
    private static void AssertUnsound(string? reason, string path, string what) =>
        Assert.That(
            reason,
            Does.Contain($"{path}: {what}").And.EndsWith(
                "libnativexent, from the system's search path: not searched, because of what is wrong with a file above."));

    private string? ReasonToFallBack() => AssertFallsBack().NativeUnavailableReason;

    private ChildReport AssertFallsBack(params (string Name, string Value)[] environment)
    {
        ChildReport report = ChildProcess.Report(App.Path, [], environment);
        Assert.That(report.Backend, Is.EqualTo(NativeXentBackend.Managed));
        Assert.That(report.ManagedInstructionSets, Does.Contain(report.InstructionSet));
        Assert.That(report.ExampleGradient, Is.EqualTo(Example), "bits of the gradient");
        Assert.That(report.NativeException, Is.EqualTo(
            "NativeXentUnavailableException: The native library cannot be used. " + report.NativeUnavailableReason));
        Assert.That(report.Description, Is.EqualTo(string.Join('\n', report.Warnings.Prepend(
            $"NativeXent {Repository.Version}: Managed, {report.InstructionSet}\n" +
            $"The native library is not in use. {report.NativeUnavailableReason}"))));
        return report;
    }

    private ChildReport AssertNative(params (string Name, string Value)[] environment)
    {
        ChildReport report = ChildProcess.Report(App.Path, [], environment);
        Assert.That(report.NativeUnavailableReason, Is.Null);
        Assert.That(report.NativeException, Is.Null);
        Assert.That(report.Backend, Is.EqualTo(NativeXentBackend.Native));
        Assert.That(report.LibraryVersion, Is.EqualTo(Repository.Version));
        Assert.That(report.ExampleGradient, Is.EqualTo(Example), "bits of the gradient");
        return report;
    }
}
