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

    private static readonly string[] Functions =
    [
        nameof(NativeMethods.cross_entropy_with_logits_grad), nameof(NativeMethods.nxent_softmax_cross_entropy),
        nameof(NativeMethods.nxent_softmax_cross_entropy_part), nameof(NativeMethods.nxent_softmax),
        nameof(NativeMethods.nxent_softmax_backward), nameof(NativeMethods.nxent_sigmoid_cross_entropy),
        nameof(NativeMethods.nxent_version), nameof(NativeMethods.nxent_status_message),
        nameof(NativeMethods.nxent_active_isa), nameof(NativeMethods.nxent_usable_isa),
        nameof(NativeMethods.nxent_force_isa),
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
        Assert.That(ReasonToFallBack(), Does.Contain($"{App.LibraryPath}: the system cannot load it."));
    }

    [Test]
    public void An_empty_file_is_reported()
    {
        File.WriteAllBytes(App.LibraryPath, []);
        Assert.That(ReasonToFallBack(), Does.Contain($"{App.LibraryPath}: the system cannot load it."));
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
        Assert.That(ReasonToFallBack(), Does.Contain($"{App.LibraryPath}: the system cannot load it."));
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
            $$"""unsigned nxent_abi_version(void) { return {{NativeMethods.NXENT_ABI_VERSION}}; }""", App.LibraryPath);
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
        Assert.That(report.LibraryPath, Is.Null);
        Assert.That(report.Description, Does.Contain($"Native library {Repository.Version}: found by the system"));
    }

    private static bool IsStructure(Type type) =>
        type is { IsValueType: true, IsEnum: false, Namespace: "NativeXent.Interop" }
        && type.Name.StartsWith("nxent_", StringComparison.Ordinal);

    // A library that passes for the right one up to what it has not.
    private static string SourceWith(IEnumerable<string> structures, IEnumerable<string> functions)
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
            {{string.Join('\n', functions.Select(name => $"void {name}(void) {{ }}"))}}
            """;
    }

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
