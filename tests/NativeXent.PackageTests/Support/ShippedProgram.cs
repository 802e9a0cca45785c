using System.Xml.Linq;
using NUnit.Framework;

namespace NativeXent.PackageTests.Support;

/// <summary>A program that uses the package, published in one of the ways that people ship theirs.</summary>
/// <param name="Name">The project's name, and its folder's.</param>
/// <param name="Properties">What its project file sets.</param>
internal sealed record ShippedProgram(string Name, params (string Name, string Value)[] Properties)
{
    private const string AssemblyName = "shipped";

    internal string TargetFramework { get; init; } = "net10.0";

    internal string Source { get; init; } = "Program.cs";

    /// <summary>Whether the package comes by way of a library that uses it.</summary>
    internal bool UsesLibrary { get; init; }

    /// <summary>Whether it references the package at all.</summary>
    internal bool UsesPackage { get; init; } = true;

    internal string Folder => Path.Combine(Workspace.Folder, Name);

    /// <summary>Where it was published to.</summary>
    internal string Published
    {
        get => field ?? Path.Combine(Folder, "publish");
        init;
    }

    internal string Executable(string rid) =>
        Path.Combine(Published, rid.StartsWith("win-", StringComparison.Ordinal) ? $"{AssemblyName}.exe" : AssemblyName);

    internal string Assembly(string? folder = null) => Path.Combine(folder ?? Published, $"{AssemblyName}.dll");

    public override string ToString() => Name;

    /// <summary>Writes its project file.</summary>
    internal void Write()
    {
        Directory.CreateDirectory(Folder);
        WriteProject(Path.Combine(Folder, $"{Name}.csproj"), Project(
            TargetFramework,
            [("OutputType", "Exe"), ("AssemblyName", AssemblyName), .. Properties],
            [
                Item("Compile", Path.Combine(Repository.Programs, Source)),
                .. UsesLibrary ? [Item("ProjectReference", "library/library.csproj")] : Uses(),
            ]));
        if (UsesLibrary)
        {
            Directory.CreateDirectory(Path.Combine(Folder, "library"));
            WriteProject(Path.Combine(Folder, "library", "library.csproj"), Project(TargetFramework, [], Uses()));
        }
    }

    /// <summary>Runs its executable file.</summary>
    internal ProgramReport Run(params (string Name, string Value)[] environment) =>
        ProgramReport.Parse(
            Tool.Run(MustExist(Executable(Repository.HostRid)), [], environment: environment).MustSucceed());

    /// <summary>Runs its assembly on the .NET of this machine.</summary>
    internal ProgramReport RunAssembly(string? folder = null) =>
        ProgramReport.Parse(Tool.Run(Tool.DotNet, [MustExist(Assembly(folder))]).MustSucceed());

    /// <summary>Nothing was said against it when it was published.</summary>
    internal void AssertPublishedSilently() => Assert.That(Workspace.LogOf(Name), Is.Empty);

    internal string[] PublishedFiles() =>
        [.. Directory.GetFiles(Published).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];

    internal string MustExist(string file)
    {
        Assert.That(file, Does.Exist, $"{Name} was not published:\n{Workspace.LogOf(Name)}");
        return file;
    }

    private static XElement Project(
        string targetFramework, (string Name, string Value)[] properties, IEnumerable<XElement> items) =>
        new(
            "Project",
            new XAttribute("Sdk", "Microsoft.NET.Sdk"),
            new XElement(
                "PropertyGroup",
                new XElement("TargetFramework", targetFramework),
                new XElement("ImplicitUsings", "enable"),
                new XElement("Nullable", "enable"),
                // Each program takes its sources from one place.
                new XElement("EnableDefaultCompileItems", "false"),
                properties.Select(property => new XElement(property.Name, property.Value))),
            new XElement("ItemGroup", items));

    private static XElement Item(string type, string include, params XAttribute[] attributes) =>
        new(type, new XAttribute("Include", include), attributes);

    private static void WriteProject(string path, XElement project) => File.WriteAllText(path, project.ToString());

    private XElement[] Uses() =>
        UsesPackage
            ?
            [
                Item("Compile", Path.Combine(Repository.Programs, "Report.cs")),
                Item("PackageReference", "NativeXent", new XAttribute("Version", Repository.Version)),
            ]
            : [];
}
