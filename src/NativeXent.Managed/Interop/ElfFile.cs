using System.Runtime.InteropServices;

namespace NativeXent.Interop;

/// <summary>What <see cref="LibraryFile"/> looks at in an ELF file: see the System V ABI, "Object Files".</summary>
internal static class ElfFile
{
    private const int HeaderSize = 64;
    private const int SegmentSize = 56;
    private const int SectionSize = 64;
    private const int DynamicSize = 16;

    // Tools that rewrite libraries leave less behind: patchelf a byte.
    private const int Rest = 8;

    private const ushort SharedObject = 3;
    private const uint Load = 1;
    private const uint Dynamic = 2;
    private const uint NoSection = 0;
    private const uint NoBits = 8;

    private static ReadOnlySpan<byte> Magic => [0x7f, (byte)'E', (byte)'L', (byte)'F'];

    private static ReadOnlySpan<byte> SixtyFourBitsLittleEndian => [0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1];

    internal static string? Problem(LibraryBytes file, Architecture processor)
    {
        if (!file.StartsWith(Magic))
        {
            return LibraryFile.NotOfFormat("ELF");
        }

        if (!file.Has(0, HeaderSize))
        {
            return LibraryFile.CutOff("header", HeaderSize, file.Length);
        }

        if (!file.StartsWith(SixtyFourBitsLittleEndian) || file.UInt16(16) != SharedObject)
        {
            return LibraryFile.NotOfFormat("ELF, 64 bits, little-endian");
        }

        Architecture? machine = file.UInt16(18) switch
        {
            62 => Architecture.X64,
            183 => Architecture.Arm64,
            _ => null,
        };
        if (machine != processor)
        {
            return LibraryFile.ForAnotherProcessor(machine, processor);
        }

        ulong end = HeaderSize;
        return SegmentsProblem(file, ref end)
            ?? SectionsProblem(file, ref end)
            ?? DynamicProblem(file)
            ?? (file.Length >= end + Rest ? LibraryFile.Padded(end, file.Length) : null);
    }

    private static string? SegmentsProblem(LibraryBytes file, ref ulong end)
    {
        ulong table = file.UInt64(32);
        ulong count = file.UInt16(56);
        if (count == 0 || file.UInt16(54) != SegmentSize)
        {
            return LibraryFile.Damaged("program header table");
        }

        if (Outside(file, "program header table", table, count * SegmentSize, ref end) is { } problem)
        {
            return problem;
        }

        ulong mapped = 0; // where the segment before ends in memory
        for (ulong i = 0; i < count; i++)
        {
            ulong header = table + (i * SegmentSize);
            uint type = file.UInt32(header);
            (ulong offset, ulong address) = (file.UInt64(header + 8), file.UInt64(header + 16));
            (ulong size, ulong memory, ulong alignment) =
                (file.UInt64(header + 32), file.UInt64(header + 40), file.UInt64(header + 48));
            if (size > 0 && Outside(file, $"segment {i}", offset, size, ref end) is { } outside)
            {
                return outside;
            }

            if (type != Load)
            {
                continue;
            }

            if (memory < size || address < mapped || address > ulong.MaxValue - memory
                || (alignment > 1 && (!LibraryFile.IsPowerOfTwo(alignment) || ((address - offset) & (alignment - 1)) != 0)))
            {
                return LibraryFile.Damaged($"segment {i}");
            }

            mapped = address + memory;
        }

        return null;
    }

    // Linkers and strip write this table last: where its last entry is not zeros, so is nothing before.
    private static string? SectionsProblem(LibraryBytes file, ref ulong end)
    {
        ulong table = file.UInt64(40);
        ulong count = file.UInt16(60);
        if (count == 0)
        {
            return null;
        }

        if (file.UInt16(58) != SectionSize)
        {
            return LibraryFile.Damaged("section header table");
        }

        if (Outside(file, "section header table", table, count * SectionSize, ref end) is { } problem)
        {
            return problem;
        }

        for (ulong i = 1; i < count; i++)
        {
            ulong header = table + (i * SectionSize);
            uint type = file.UInt32(header + 4);
            (ulong offset, ulong size) = (file.UInt64(header + 24), file.UInt64(header + 32));
            if (i == count - 1 && (type == NoSection || file.UInt64(header + 48) == 0))
            {
                return LibraryFile.Damaged($"section {i}");
            }

            if (type is not (NoSection or NoBits) && Outside(file, $"section {i}", offset, size, ref end) is { } outside)
            {
                return outside;
            }
        }

        return null;
    }

    // Without these the loader follows null pointers, or divides by zero.
    private static string? DynamicProblem(LibraryBytes file)
    {
        const ulong Hash = 4, Strings = 5, Symbols = 6, GnuHash = 0x6ffffef5;
        if (!TryFindSegment(file, Dynamic, out ulong offset, out ulong size))
        {
            return LibraryFile.NotOfFormat("ELF, dynamic");
        }

        (bool hasHash, bool hasStrings, bool hasSymbols) = (false, false, false);
        for (ulong at = 0; size - at >= DynamicSize; at += DynamicSize)
        {
            ulong tag = file.UInt64(offset + at);
            ulong address = file.UInt64(offset + at + 8);
            switch (tag)
            {
                case 0:
                    return hasHash && hasStrings && hasSymbols ? null : LibraryFile.Damaged("dynamic section");
                case Hash or GnuHash when !HasBuckets(file, address):
                    return LibraryFile.Damaged("hash table");
                case Strings or Symbols when !TryFindInFile(file, address, out _):
                    return LibraryFile.Damaged("dynamic section");
                default:
                    hasHash |= tag is Hash or GnuHash;
                    hasStrings |= tag == Strings;
                    hasSymbols |= tag == Symbols;
                    break;
            }
        }

        return LibraryFile.Damaged("dynamic section");
    }

    private static bool HasBuckets(LibraryBytes file, ulong address) =>
        TryFindInFile(file, address, out ulong offset) && file.UInt32(offset) != 0;

    // Where the file has what will be at an address.
    private static bool TryFindInFile(LibraryBytes file, ulong address, out ulong offset)
    {
        ulong table = file.UInt64(32);
        for (ulong i = 0; i < file.UInt16(56); i++)
        {
            ulong header = table + (i * SegmentSize);
            ulong start = file.UInt64(header + 16);
            if (file.UInt32(header) == Load && address >= start && address - start < file.UInt64(header + 32))
            {
                offset = file.UInt64(header + 8) + (address - start);
                return true;
            }
        }

        offset = 0;
        return false;
    }

    private static bool TryFindSegment(LibraryBytes file, uint type, out ulong offset, out ulong size)
    {
        ulong table = file.UInt64(32);
        for (ulong i = 0; i < file.UInt16(56); i++)
        {
            ulong header = table + (i * SegmentSize);
            if (file.UInt32(header) == type)
            {
                size = file.UInt64(header + 32);
                // The loader goes by the address.
                return TryFindInFile(file, file.UInt64(header + 16), out offset) && offset == file.UInt64(header + 8);
            }
        }

        (offset, size) = (0, 0);
        return false;
    }

    private static string? Outside(LibraryBytes file, string part, ulong offset, ulong size, ref ulong end)
    {
        if (!file.Has(offset, size))
        {
            return offset > ulong.MaxValue - size
                ? LibraryFile.Damaged(part)
                : LibraryFile.CutOff(part, offset + size, file.Length);
        }

        end = Math.Max(end, offset + size);
        return null;
    }
}
