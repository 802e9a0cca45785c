using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text;
using System.Xml.Linq;
using NativeXent.PackageTests.Support;
using NUnit.Framework;

namespace NativeXent.PackageTests;

/// <summary>What is in the package, to the last file.</summary>
[Parallelizable(ParallelScope.Children)]
internal sealed class PackageTests
{
    private static readonly string[] Frameworks = ["net8.0", "net10.0"];

    private static XElement Metadata
    {
        get
        {
            XElement metadata = XElement.Load(new MemoryStream(PackedFile.Read("NativeXent.nuspec"))).Elements().Single();
            foreach (XElement element in metadata.DescendantsAndSelf())
            {
                element.Name = element.Name.LocalName;
            }

            return metadata;
        }
    }

    [Test]
    public void Holds_these_files_and_no_others()
    {
        string[] expected =
        [
            "README.md", "icon.png", "NativeXent.nuspec", "buildTransitive/net8.0/NativeXent.targets",
            .. Frameworks.SelectMany(framework => (string[])
                [$"lib/{framework}/NativeXent.dll", $"lib/{framework}/NativeXent.xml"]),
            .. Asset.All.SelectMany(asset => (string[])[asset.PackedPath, asset.PackedStaticPath]),
        ];
        Assert.That(PackedFile.Entries(PackedFile.Path).Where(IsNotOfTheFormat), Is.EquivalentTo(expected));
        Assert.That(
            PackedFile.Entries(PackedFile.SymbolsPath).Where(IsNotOfTheFormat),
            Is.EquivalentTo([.. Frameworks.Select(framework => $"lib/{framework}/NativeXent.pdb"), "NativeXent.nuspec"]));
    }

    [Test]
    public void Says_what_it_is()
    {
        XElement metadata = Metadata;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(metadata.Element("id")!.Value, Is.EqualTo("NativeXent"));
            Assert.That(metadata.Element("version")!.Value, Is.EqualTo(Repository.Version));
            Assert.That(metadata.Element("license")!.Value, Is.EqualTo("MIT"));
            Assert.That(metadata.Element("license")!.Attribute("type")!.Value, Is.EqualTo("expression"));
            Assert.That(metadata.Element("readme")!.Value, Is.EqualTo("README.md"));
            Assert.That(metadata.Element("icon")!.Value, Is.EqualTo("icon.png"));
            Assert.That(metadata.Element("description")!.Value, Has.Length.InRange(100, 1000));
            XElement repository = metadata.Element("repository")!;
            Assert.That(repository.Attribute("type")!.Value, Is.EqualTo("git"));
            Assert.That(repository.Attribute("url")!.Value, Is.EqualTo(metadata.Element("projectUrl")!.Value));
            Assert.That(
                metadata.Element("dependencies")!.Elements().Select(group => group.Attribute("targetFramework")!.Value),
                Is.EquivalentTo(Frameworks));
            Assert.That(metadata.Descendants("dependency"), Is.Empty);
        }
    }

    [Test]
    public void The_release_notes_are_the_newest_section_of_the_change_log()
    {
        string[] sections = File.ReadAllText(Repository.Path("CHANGELOG.md")).Split("\n## [");
        string newest = sections[1][(sections[1].IndexOf('\n', StringComparison.Ordinal) + 1)..].Trim();
        Assert.That(Metadata.Element("releaseNotes")!.Value.ReplaceLineEndings("\n"), Is.EqualTo(newest));
    }

    [Test]
    public void The_readme_s_links_lead_somewhere()
    {
        string readme = Encoding.UTF8.GetString(PackedFile.Read("README.md"));
        Assert.That(readme, Does.StartWith("# NativeXent"));
        Assert.That(readme, Does.Not.Match(@"\]\((?!https?:|#)"));
        Assert.That(
            readme, Does.Contain($"({Metadata.Element("projectUrl")!.Value}/blob/v{Repository.Version}/docs/numerics.md)"));
    }

    [Test]
    public void The_icon_is_a_square_that_NuGet_shows()
    {
        byte[] icon = PackedFile.Read("icon.png");
        Assert.That(icon[..8], Is.EqualTo(new byte[] { 0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a }), "PNG");
        // Width and height, big-endian: what nuget.org recommends.
        Assert.That(icon[16..24], Is.EqualTo(new byte[] { 0, 0, 0, 128, 0, 0, 0, 128 }));
    }

    /// <summary>Format and processor of each, so that none is packed under another's name.</summary>
    [TestCaseSource(typeof(Asset), nameof(Asset.All))]
    public void The_native_library_is_for_its_runtime(Asset asset)
    {
        byte[] library = PackedFile.Read(asset.PackedPath);
        if (asset.IsWindows)
        {
            PEHeaders headers = new(new MemoryStream(library));
            Assert.That(headers.IsDll);
            Assert.That(headers.CoffHeader.Machine, Is.EqualTo(asset.IsArm64 ? Machine.Arm64 : Machine.Amd64));
        }
        else if (asset.IsMacOS)
        {
            Assert.That(BitConverter.ToUInt32(library), Is.EqualTo(0xfeedfacf), "64-bit Mach-O");
            Assert.That(BitConverter.ToUInt32(library, 4), Is.EqualTo(asset.IsArm64 ? 0x0100000c : 0x01000007), "processor");
        }
        else
        {
            Assert.That(library[..5], Is.EqualTo(new byte[] { 0x7f, (byte)'E', (byte)'L', (byte)'F', 2 }), "64-bit ELF");
            Assert.That(BitConverter.ToUInt16(library, 18), Is.EqualTo(asset.IsArm64 ? 183 : 62), "processor");
        }
    }

    [TestCaseSource(nameof(Frameworks))]
    public void The_assembly_has_the_package_s_version_and_its_symbols_lead_to_the_sources(string framework)
    {
        using PEReader assembly = new(new MemoryStream(PackedFile.Read($"lib/{framework}/NativeXent.dll")));
        MetadataReader metadata = assembly.GetMetadataReader();
        Assert.That(metadata.GetAssemblyDefinition().Version.ToString(3), Is.EqualTo(Repository.Version.Split('-')[0]));
        DebugDirectoryEntry[] debugging = [.. assembly.ReadDebugDirectory()];
        Assert.That(debugging.Select(entry => entry.Type), Does.Contain(DebugDirectoryEntryType.Reproducible));

        using MetadataReaderProvider symbols = MetadataReaderProvider.FromPortablePdbStream(
            new MemoryStream(PackedFile.Read($"lib/{framework}/NativeXent.pdb", PackedFile.SymbolsPath)));
        MetadataReader reader = symbols.GetMetadataReader();
        BlobContentId id = new(reader.DebugMetadataHeader!.Id);
        DebugDirectoryEntry codeView = debugging.Single(entry => entry.Type == DebugDirectoryEntryType.CodeView);
        Assert.That(id.Guid, Is.EqualTo(assembly.ReadCodeViewDebugDirectoryData(codeView).Guid), "symbols of this assembly");
        Assert.That(
            reader.Documents.Select(handle => reader.GetString(reader.GetDocument(handle).Name)),
            Is.All.StartsWith("/_/"), "paths of sources");
        if (Metadata.Element("repository")!.Attribute("commit")?.Value is { } commit)
        {
            Guid sourceLink = new("CC110556-A091-4D38-9FEC-25AB9A351A6A");
            string map = reader.CustomDebugInformation.Select(reader.GetCustomDebugInformation)
                .Where(information => reader.GetGuid(information.Kind) == sourceLink)
                .Select(information => Encoding.UTF8.GetString(reader.GetBlobBytes(information.Value)))
                .Single();
            Assert.That(map, Is.EqualTo(
                "{\"documents\":{\"/_/*\":\"" + $"https://raw.githubusercontent.com/nativexent/nativexent/{commit}" + "/*\"}}"));
        }
    }

    [TestCaseSource(nameof(Frameworks))]
    public void The_documentation_is_packed(string framework)
    {
        XElement documentation = XElement.Load(new MemoryStream(PackedFile.Read($"lib/{framework}/NativeXent.xml")));
        Assert.That(
            documentation.Descendants("member").Select(member => member.Attribute("name")!.Value),
            Does.Contain("T:NativeXent.SoftmaxCrossEntropy").And.Contains("T:NativeXent.NativeXentRuntime"));
    }

    // What every package has because of its format.
    private static bool IsNotOfTheFormat(string entry) =>
        entry is not ("[Content_Types].xml" or "_rels/.rels")
        && !entry.StartsWith("package/services/", StringComparison.Ordinal);
}
