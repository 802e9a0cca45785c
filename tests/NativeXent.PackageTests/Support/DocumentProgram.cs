using System.Xml.Linq;
using NUnit.Framework;

namespace NativeXent.PackageTests.Support;

/// <summary>
/// A program that a document shows, built from the package for one framework, with the version of C# that its SDK had.
/// </summary>
/// <param name="Name">The name that the document gives it.</param>
/// <param name="TargetFramework">The framework.</param>
internal sealed record DocumentProgram(string Name, string TargetFramework)
{
    /// <summary>All of them, for each framework that the package is for.</summary>
    internal static DocumentProgram[] All { get; } =
    [
        .. from name in CodeBlock.All.Where(block => block.Language == "csharp").Select(block => block.Program).Distinct()
           from framework in (string[])["net8.0", "net10.0"]
           select new DocumentProgram(name, framework),
    ];

    /// <summary>What a package needs when it runs and brings for every system at once: this machine's alone.</summary>
    private static readonly Dictionary<string, (string Package, string Version)> NativeParts = new()
    {
        ["TorchSharp"] = ($"libtorch-cpu-{Repository.HostRid}", "2.10.0"),
    };

    internal string Folder => Path.Combine(Workspace.Folder, ProjectName);

    private string ProjectName => $"document-{Name}-{TargetFramework}";

    private CodeBlock[] Blocks => [.. CodeBlock.All.Where(block => block.Program == Name)];

    private string Published => Path.Combine(Folder, "publish");

    public override string ToString() => $"{Name}, {TargetFramework}";

    internal void Write()
    {
        Directory.CreateDirectory(Folder);
        File.WriteAllText(
            Path.Combine(Folder, "Program.cs"),
            string.Concat(Blocks.Select(block => $"#line {block.Line + 1} \"{block.Document}\"\n{block.Text}")));
        (string Package, string Version)[] packages =
        [
            ("NativeXent", Repository.Version),
            .. Blocks.Where(block => block.Package is not null).Select(block => (block.Package!, block.PackageVersion!)),
        ];
        // The large native parts only where the program is run.
        (string Package, string Version)[] native =
            IsRun ? [.. packages.Where(p => NativeParts.ContainsKey(p.Package)).Select(p => NativeParts[p.Package])] : [];
        XElement project = new(
            "Project",
            new XAttribute("Sdk", "Microsoft.NET.Sdk"),
            new XElement(
                "PropertyGroup",
                new XElement("TargetFramework", TargetFramework),
                new XElement("LangVersion", TargetFramework == "net8.0" ? "12" : "latest"),
                new XElement("OutputType", "Exe"),
                new XElement("AssemblyName", "program"),
                new XElement("ImplicitUsings", "enable"),
                new XElement("Nullable", "enable"),
                // Other packages' native libraries are large: those of this machine will do.
                new XElement("RuntimeIdentifier", Repository.HostRid),
                new XElement("SelfContained", "false"),
                new XElement("UseAppHost", "false")),
            new XElement(
                "ItemGroup",
                packages.Concat(native).Select(p => new XElement(
                    "PackageReference", new XAttribute("Include", p.Package), new XAttribute("Version", p.Version)))));
        File.WriteAllText(Path.Combine(Folder, $"{ProjectName}.csproj"), project.ToString());
    }

    /// <summary>It was built, and nothing was said against it.</summary>
    internal void MustBeBuilt()
    {
        Assert.That(Workspace.LogOf(ProjectName), Is.Empty);
        Assert.That(Path.Combine(Published, "program.dll"), Does.Exist);
    }

    /// <summary>Whether the machine can run it; those of the older framework are only built.</summary>
    internal bool IsRun => TargetFramework == "net10.0";

    /// <summary>What it prints. It runs in the folder where it was published.</summary>
    internal string[] Run()
    {
        MustBeBuilt();
        if (OperatingSystem.IsLinux() && File.Exists(Path.Combine(Published, "libLibTorchSharp.so")))
        {
            WeakVersions.MakeLoadable(Path.Combine(Published, "libLibTorchSharp.so"));
        }

        return Tool.Run(
            Tool.DotNet,
            [Path.Combine(Published, "program.dll")],
            Published,
            ("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "true"))
            .MustSucceed()
            .Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>Puts a file beside the program.</summary>
    internal void Bring(string file, byte[] content)
    {
        MustBeBuilt();
        File.WriteAllBytes(Path.Combine(Published, file), content);
    }
}
