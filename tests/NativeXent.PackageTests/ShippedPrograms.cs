using NativeXent.PackageTests.Support;
using NUnit.Framework;

namespace NativeXent.PackageTests;

/// <summary>All programs, built before the first test; a test picks its own.</summary>
[SetUpFixture]
internal sealed class ShippedPrograms
{
    internal static readonly ShippedProgram FrameworkDependent = new("framework-dependent");

    internal static readonly ShippedProgram RuntimeSpecific =
        new("runtime-specific", HostRid, ("SelfContained", "false"));

    internal static readonly ShippedProgram SelfContained = new("self-contained", HostRid, ("SelfContained", "true"));

    /// <summary>The older framework, and a path with spaces and letters of several alphabets.</summary>
    internal static readonly ShippedProgram StrangePath =
        SelfContained with { Name = "größer als 1 – 试验", TargetFramework = "net8.0" };

    internal static readonly ShippedProgram SingleFile =
        new("single-file", HostRid, ("SelfContained", "true"), ("PublishSingleFile", "true"));

    internal static readonly ShippedProgram SelfExtracting = new(
        "self-extracting", [.. SingleFile.Properties, ("IncludeNativeLibrariesForSelfExtract", "true")]);

    internal static readonly ShippedProgram Trimmed = new(
        "trimmed", HostRid, ("PublishTrimmed", "true"), ("TrimMode", "full"), ("TrimmerSingleWarn", "false"));

    internal static readonly ShippedProgram ReadyToRun =
        new("ready-to-run", HostRid, ("SelfContained", "false"), ("PublishReadyToRun", "true"));

    /// <summary>By framework: the ahead-of-time compiler is another one.</summary>
    internal static readonly ShippedProgram[] NativeAot =
    [
        .. from framework in Frameworks
           select new ShippedProgram(
               $"native-aot-{framework}", HostRid, ("PublishAot", "true"), ("TrimmerSingleWarn", "false"))
           {
               TargetFramework = framework,
           },
    ];

    /// <summary>These reference a library that references the package: the linking is transitive.</summary>
    internal static readonly ShippedProgram[] NativeAotStatic =
    [
        .. from program in NativeAot
           select new ShippedProgram(
               $"{program.Name}-static", [.. program.Properties, ("NativeXentStaticLink", "true")])
           {
               TargetFramework = program.TargetFramework,
               UsesLibrary = true,
           },
    ];

    internal static readonly ShippedProgram ByLibrary = new("by-library") { UsesLibrary = true };

    internal static readonly ShippedProgram Plugin =
        new("plugin", ("AssemblyName", "plugin"), ("EnableDynamicLoading", "true"));

    internal static readonly ShippedProgram PluginHost =
        new("plugin-host") { Source = "PluginHost.cs", UsesPackage = false };

    /// <summary>A host that uses the package itself.</summary>
    internal static readonly ShippedProgram PluginHostWithPackage =
        new("plugin-host-with-package", ("DefineConstants", "HOST_USES_PACKAGE")) { Source = "PluginHost.cs" };

    internal static readonly ShippedProgram Windows =
        new("windows", ("RuntimeIdentifier", "win-x64"), ("SelfContained", "true"));

    /// <summary>For a processor that the package has no native library for.</summary>
    internal static readonly ShippedProgram WithoutAsset = new(
        "for-riscv64", ("RuntimeIdentifier", "linux-riscv64"), ("SelfContained", "false"), ("UseAppHost", "false"));

    /// <summary>Restored for WebAssembly too; building for that takes a workload that not every machine has.</summary>
    internal static readonly ShippedProgram WebAssembly = new("for-wasm", ("RuntimeIdentifiers", "browser-wasm"));

    /// <summary>Folders of samples/FromPackage.</summary>
    internal static readonly string[] Samples = ["FSharp", "Minimal", "Tensors", "VisualBasic"];

    private static string[] Frameworks => ["net8.0", "net10.0"];

    private static (string Name, string Value) HostRid => ("RuntimeIdentifier", Repository.HostRid);

    [OneTimeSetUp]
    public static void Publish()
    {
        PackedFile.Need();
        foreach (DocumentProgram program in DocumentProgram.All)
        {
            program.Write();
        }

        Workspace.Build([
            FrameworkDependent, RuntimeSpecific, SelfContained, StrangePath, SingleFile, SelfExtracting, Trimmed,
            ReadyToRun, .. NativeAot, .. NativeAotStatic, ByLibrary, Plugin, PluginHost, PluginHostWithPackage, Windows,
            WithoutAsset, WebAssembly,
        ], Samples);
    }

    /// <summary>What was built stays for a look where a test has failed.</summary>
    [OneTimeTearDown]
    public static void Delete()
    {
        if (TestContext.CurrentContext.Result.FailCount == 0)
        {
            Workspace.Delete();
        }
        else
        {
            TestContext.Progress.WriteLine($"The programs are in {Workspace.Folder}");
        }
    }
}
