using System.Buffers.Binary;
using System.Text;
using System.Text.RegularExpressions;
using NUnit.Framework;

namespace NativeXent.PackageTests.Support;

/// <summary>
/// Another package's library that was built on a newer system than this one: it asks for a version of a C++ library that
/// is not there, and the loader refuses it, though nothing of that version is used. The test's own copy is told that it
/// may be missing.
/// </summary>
internal static partial class WeakVersions
{
    private const ushort Weak = 2; // VER_FLG_WEAK
    private const uint VersionNeeds = 0x6fff_fffe; // SHT_GNU_verneed

    /// <summary>Changes the file where the loader says that it must, and says so in the test's output.</summary>
    internal static void MakeLoadable(string library)
    {
        string[] missing = Missing(library);
        if (missing.Length == 0)
        {
            return;
        }

        TestContext.Out.WriteLine(
            $"{Path.GetFileName(library)} does not load here: this system lacks {string.Join(", ", missing)}. The need is "
            + "marked as weak in the test's copy of it.");
        TestContext.Progress.WriteLine($"{Path.GetFileName(library)}: {string.Join(", ", missing)} marked as weak");
        byte[] file = File.ReadAllBytes(library);
        Assert.That(MarkAsWeak(file, missing), Is.EqualTo(missing.Length), "needs marked as weak");
        File.WriteAllBytes(library, file);
        Assert.That(Missing(library), Is.Empty, "what is still missing");
    }

    private static string[] Missing(string library)
    {
        string? ldd = Tool.Find("ldd");
        if (ldd is null)
        {
            return [];
        }

        // Of this library, not of others that it needs.
        Tool.Outcome outcome = Tool.Run(ldd, [library]);
        return
        [
            .. from Match match in MissingVersion().Matches(outcome.Output + outcome.Error)
               where Path.GetFileName(match.Groups["by"].Value) == Path.GetFileName(library)
               select match.Groups["version"].Value,
        ];
    }

    // Sets the flag in a 64-bit little-endian ELF file; returns how many needs have it now.
    private static int MarkAsWeak(Span<byte> file, string[] versions)
    {
        Assert.That(file[..6].SequenceEqual("\u007fELF\u0002\u0001"u8), Is.True, "a 64-bit little-endian ELF file");
        int sections = (int)BinaryPrimitives.ReadUInt64LittleEndian(file[0x28..]);
        int size = BinaryPrimitives.ReadUInt16LittleEndian(file[0x3a..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(file[0x3c..]);
        int marked = 0;
        for (int i = 0; i < count; i++)
        {
            Span<byte> section = file.Slice(sections + (i * size), size);
            if (BinaryPrimitives.ReadUInt32LittleEndian(section[4..]) != VersionNeeds)
            {
                continue;
            }

            int needs = (int)BinaryPrimitives.ReadUInt64LittleEndian(section[0x18..]);
            int strings = (int)BinaryPrimitives.ReadUInt64LittleEndian(
                file[(sections + ((int)BinaryPrimitives.ReadUInt32LittleEndian(section[0x28..]) * size))..][0x18..]);
            int next;
            for (int need = needs; ; need += next)
            {
                int step;
                for (int version = need + (int)BinaryPrimitives.ReadUInt32LittleEndian(file[(need + 8)..]);
                    ;
                    version += step)
                {
                    Span<byte> name = file[(strings + (int)BinaryPrimitives.ReadUInt32LittleEndian(file[(version + 8)..]))..];
                    if (versions.Contains(Encoding.ASCII.GetString(name[..name.IndexOf((byte)0)])))
                    {
                        Span<byte> flags = file[(version + 4)..];
                        BinaryPrimitives.WriteUInt16LittleEndian(
                            flags, (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(flags) | Weak));
                        marked++;
                    }

                    step = (int)BinaryPrimitives.ReadUInt32LittleEndian(file[(version + 12)..]);
                    if (step == 0)
                    {
                        break;
                    }
                }

                next = (int)BinaryPrimitives.ReadUInt32LittleEndian(file[(need + 12)..]);
                if (next == 0)
                {
                    break;
                }
            }
        }

        return marked;
    }

    [GeneratedRegex(@"(?<!weak )version [`'](?<version>[\w.]+)' not found \(required by (?<by>[^)]+)\)")]
    private static partial Regex MissingVersion();
}
