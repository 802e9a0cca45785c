using System.Text.RegularExpressions;
using System.Xml.Linq;
using NUnit.Framework;

namespace NativeXent.PackageTests.Support;

/// <summary>
/// A clean folder where the programs are built, far from the repository and its settings, whose only source of NativeXent
/// is the packed file.
/// </summary>
internal static partial class Workspace
{
    private static string[] _log = [];

    // On macOS a program sees the temporary folder under its real name.
    internal static string Folder { get; } =
        (OperatingSystem.IsMacOS() ? "/private" : "") + Directory.CreateTempSubdirectory("nativexent-").FullName;

    /// <summary>
    /// The private NuGet cache. It stays, because it holds .NET's own packages, a gigabyte of them; NativeXent is removed
    /// from it each time.
    /// </summary>
    private static string NuGetCache { get; } = Repository.Path("artifacts/package-tests/nuget");

    /// <summary>Builds all programs, and the samples, at once.</summary>
    internal static void Build(IEnumerable<ShippedProgram> programs, IEnumerable<string> samples)
    {
        string cached = Path.Combine(NuGetCache, "nativexent");
        if (Directory.Exists(cached))
        {
            Directory.Delete(cached, recursive: true);
        }

        File.Copy(Repository.Path("global.json"), Path.Combine(Folder, "global.json"));
        File.WriteAllText(Path.Combine(Folder, "nuget.config"), NuGetConfig());
        foreach (ShippedProgram program in programs)
        {
            program.Write();
        }

        foreach (string sample in samples)
        {
            CopyFiles(Repository.Path($"samples/FromPackage/{sample}"), Path.Combine(Folder, sample));
        }

        File.WriteAllText(
            Path.Combine(Folder, "all.proj"),
            """
            <Project>
              <ItemGroup>
                <Program Include="*/*.*proj" />
              </ItemGroup>
              <Target Name="Restore">
                <MSBuild Projects="@(Program)" Targets="Restore" BuildInParallel="true" ContinueOnError="WarnAndContinue" />
              </Target>
              <Target Name="Publish">
                <MSBuild Projects="@(Program)" Targets="Publish" BuildInParallel="true" ContinueOnError="WarnAndContinue"
                         Properties="Configuration=Release;PublishDir=publish/;_IsPublishing=true" />
              </Target>
            </Project>
            """);
        // Programs that cannot be published fail their own tests, which find the reason in the log.
        Tool.Outcome outcome = DotNet("msbuild", "all.proj", "-restore", "-t:Publish", "-m:2", "-v:minimal", "-nologo");
        _log = outcome.Output.Split('\n', StringSplitOptions.TrimEntries);
        File.WriteAllText(Path.Combine(Folder, "build.log"), $"{outcome.Output}\n{outcome.Error}");
    }

    /// <summary>The errors and warnings of a program's build.</summary>
    internal static string LogOf(string name) =>
        string.Join('\n', _log.Where(line =>
            line.Contains(Path.Combine(Folder, name) + Path.DirectorySeparatorChar, StringComparison.Ordinal)
            && ErrorOrWarning().IsMatch(line)).Distinct());

    /// <summary>A dotnet command in this folder.</summary>
    internal static Tool.Outcome DotNet(params string[] arguments) =>
        Tool.RunDotNet(arguments, Folder, ("NUGET_PACKAGES", NuGetCache));

    /// <summary>A new folder with a copy of another.</summary>
    internal static string Copy(string source, string name)
    {
        string copy = Path.Combine(Folder, "copies", name);
        foreach (string folder in Directory.GetDirectories(source, "*", SearchOption.AllDirectories).Prepend(source))
        {
            CopyFiles(folder, Path.Combine(copy, Path.GetRelativePath(source, folder)));
        }

        return copy;
    }

    internal static void Delete() => Directory.Delete(Folder, recursive: true);

    private static void CopyFiles(string source, string target)
    {
        Directory.CreateDirectory(target);
        foreach (string file in Directory.GetFiles(source))
        {
            File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
        }
    }

    // The machine's own sources serve everything but NativeXent.
    private static string NuGetConfig()
    {
        string[] others =
        [
            .. from Match match in SourceName().Matches(
                Tool.RunDotNet(["nuget", "list", "source"], Repository.Root).MustSucceed())
               select match.Groups[1].Value,
        ];
        Assert.That(others, Is.Not.Empty, "NuGet sources of this machine");
        return new XElement(
            "configuration",
            new XElement("packageSources", Add("packed", PackedFile.Folder)),
            new XElement(
                "packageSourceMapping",
                Mapping("packed", "NativeXent"),
                others.Select(other => Mapping(other, "*")))).ToString();

        static XElement Add(string key, string value) =>
            new("add", new XAttribute("key", key), new XAttribute("value", value));
        static XElement Mapping(string source, string pattern) =>
            new("packageSource", new XAttribute("key", source),
                new XElement("package", new XAttribute("pattern", pattern)));
    }

    [GeneratedRegex(@"^\s*\d+\.\s+(.+?) \[Enabled\]", RegexOptions.Multiline)]
    private static partial Regex SourceName();

    [GeneratedRegex(@"\b(error|warning)\b")]
    private static partial Regex ErrorOrWarning();
}
