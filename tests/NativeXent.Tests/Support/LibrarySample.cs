using System.Buffers.Binary;
using System.Runtime.InteropServices;
using NativeXent.Interop;

namespace NativeXent.Tests.Support;

/// <summary>A real library, of this machine's or another's system.</summary>
internal sealed record LibrarySample(string Name, string Path)
{
    /// <summary>Where ./build.sh pack leaves the libraries of all runtimes.</summary>
    internal static string Folder { get; } = Repository.Path("artifacts/assets");

    /// <summary>The libraries of all runtimes, where they were made.</summary>
    internal static IEnumerable<LibrarySample> Assets { get; } =
        Directory.Exists(Folder)
            ?
            [
                .. from folder in Directory.GetDirectories(Folder).Order(StringComparer.Ordinal)
                   from file in Directory.GetFiles(folder, "libnativexent.*")
                   select new LibrarySample(System.IO.Path.GetFileName(folder), file),
            ]
            : [];

    internal LibraryFormat Format => System.IO.Path.GetExtension(Path) switch
    {
        ".dll" => LibraryFormat.PortableExecutable,
        ".dylib" => LibraryFormat.MachO,
        _ => LibraryFormat.Elf,
    };

    internal Architecture Processor =>
        Name.EndsWith("-arm64", StringComparison.Ordinal) ? Architecture.Arm64
        : Name.EndsWith("-x64", StringComparison.Ordinal) ? Architecture.X64
        : RuntimeInformation.ProcessArchitecture;

    /// <summary>
    /// How many bytes of the end may be zeros unseen, because nothing that a loader follows lies there: the padding and
    /// last entry of a DLL's relocations, the hashes in a signature of macOS's, which are the system's to check.
    /// </summary>
    internal int UnseenEnd => Format switch
    {
        LibraryFormat.PortableExecutable => 512,
        LibraryFormat.MachO => 16384,
        _ => 0,
    };

    public override string ToString() => Name;

    /// <summary>Several libraries of macOS's in one file; each begins at a page of its own.</summary>
    internal static byte[] Universal(bool isWide, params LibrarySample[] samples)
    {
        const int Page = 0x4000;
        List<byte> file = [.. new byte[Page]];
        Span<byte> header = stackalloc byte[Page];
        BinaryPrimitives.WriteUInt32BigEndian(header, isWide ? 0xcafebabf : 0xcafebabe);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], samples.Length);
        for (int i = 0; i < samples.Length; i++)
        {
            byte[] part = samples[i].Read();
            file.AddRange(new byte[-file.Count & (Page - 1)]);
            Span<byte> entry = header[(8 + (i * (isWide ? 32 : 20)))..];
            BinaryPrimitives.WriteUInt32LittleEndian(entry, BinaryPrimitives.ReadUInt32BigEndian(part.AsSpan(4)));
            if (isWide)
            {
                BinaryPrimitives.WriteInt64BigEndian(entry[8..], file.Count);
                BinaryPrimitives.WriteInt64BigEndian(entry[16..], part.Length);
            }
            else
            {
                BinaryPrimitives.WriteInt32BigEndian(entry[8..], file.Count);
                BinaryPrimitives.WriteInt32BigEndian(entry[12..], part.Length);
            }

            file.AddRange(part);
        }

        header[..(8 + (samples.Length * 32))].CopyTo(CollectionsMarshal.AsSpan(file));
        return [.. file];
    }

    internal byte[] Read() => File.ReadAllBytes(Path);

    internal string? Problem(ReadOnlySpan<byte> file) => LibraryFile.Problem(file, Format, Processor);
}
