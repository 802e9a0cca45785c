using System.Runtime.InteropServices;

namespace NativeXent.Interop;

/// <summary>What <see cref="LibraryFile"/> looks at in a DLL: see Microsoft's "PE Format".</summary>
internal static class PortableExecutableFile
{
    private const int DosHeaderSize = 64;
    private const int FileHeaderSize = 24; // with the signature
    private const int OptionalHeaderSize = 112; // without the directories
    private const int SectionSize = 40;
    private const int DirectorySize = 8;
    private const int SymbolSize = 18;

    private const ushort Library = 0x2000;
    private const ushort SixtyFourBits = 0x20b;
    private const int Exports = 0;
    private const int Certificates = 4; // the one directory that is in no section
    private const int Relocations = 5;

    internal static string? Problem(LibraryBytes file, Architecture processor)
    {
        if (!file.StartsWith("MZ"u8))
        {
            return LibraryFile.NotOfFormat("PE");
        }

        ulong header = file.UInt32(0x3c);
        if (!file.Has(0, DosHeaderSize) || !file.Has(header, FileHeaderSize))
        {
            return LibraryFile.CutOff("header", Math.Max(DosHeaderSize, header + FileHeaderSize), file.Length);
        }

        if (file.UInt32(header) != 0x4550 || (file.UInt16(header + 22) & Library) == 0)
        {
            return LibraryFile.NotOfFormat("PE");
        }

        Architecture? machine = file.UInt16(header + 4) switch
        {
            0x8664 => Architecture.X64,
            0xaa64 => Architecture.Arm64,
            _ => null,
        };
        if (machine != processor)
        {
            return LibraryFile.ForAnotherProcessor(machine, processor);
        }

        ulong optional = header + FileHeaderSize;
        ulong optionalSize = file.UInt16(header + 20);
        ulong sections = optional + optionalSize;
        ulong end = sections + (file.UInt16(header + 6) * (ulong)SectionSize);
        if (!file.Has(0, end))
        {
            return LibraryFile.CutOff("section table", end, file.Length);
        }

        ulong directories = file.UInt32(optional + 108);
        if (optionalSize < OptionalHeaderSize || file.UInt16(optional) != SixtyFourBits
            || directories > (optionalSize - OptionalHeaderSize) / DirectorySize)
        {
            return LibraryFile.Damaged("header");
        }

        return SectionsProblem(file, header, ref end)
            ?? DirectoriesProblem(file, header, directories, ref end)
            ?? SymbolsProblem(file, header, ref end)
            ?? (file.Length > end ? LibraryFile.Padded(end, file.Length) : null);
    }

    private static string? SectionsProblem(LibraryBytes file, ulong header, ref ulong end)
    {
        ulong mapped = file.UInt32(header + FileHeaderSize + 60); // the headers
        ulong image = file.UInt32(header + FileHeaderSize + 56);
        if (!file.Has(0, mapped))
        {
            return LibraryFile.CutOff("headers", mapped, file.Length);
        }

        end = Math.Max(end, mapped);
        for (ulong i = 0; i < file.UInt16(header + 6); i++)
        {
            ulong section = Section(file, header, i);
            (ulong memory, ulong address) = (file.UInt32(section + 8), file.UInt32(section + 12));
            (ulong size, ulong offset) = (file.UInt32(section + 16), file.UInt32(section + 20));
            if (size > 0 && !file.Has(offset, size))
            {
                return LibraryFile.CutOff($"section {i}", offset + size, file.Length);
            }

            if (address < mapped || memory > image || address > image - memory)
            {
                return LibraryFile.Damaged($"section {i}");
            }

            mapped = address + memory;
            end = Math.Max(end, size > 0 ? offset + size : 0);
        }

        return null;
    }

    private static string? DirectoriesProblem(LibraryBytes file, ulong header, ulong directories, ref ulong end)
    {
        bool hasExports = false;
        for (ulong i = 0; i < directories; i++)
        {
            ulong directory = header + FileHeaderSize + OptionalHeaderSize + (i * DirectorySize);
            (ulong address, ulong size) = (file.UInt32(directory), file.UInt32(directory + 4));
            if (size == 0)
            {
                continue;
            }

            if (i == Certificates)
            {
                if (!file.Has(address, size))
                {
                    return LibraryFile.CutOff("signature", address + size, file.Length);
                }

                // It begins at a multiple of 8 after all else.
                end = Math.Max(end, address + size);
                continue;
            }

            if (!TryFindInFile(file, header, address, size, out ulong offset)
                || (i == Exports && !AreExports(file, header, offset, size))
                || (i == Relocations && !AreRelocations(file.Part(offset, size))))
            {
                return LibraryFile.Damaged($"data directory {i}");
            }

            hasExports |= i == Exports;
        }

        return hasExports ? null : LibraryFile.Damaged("export directory");
    }

    // Symbols are MinGW's.
    private static string? SymbolsProblem(LibraryBytes file, ulong header, ref ulong end)
    {
        ulong symbols = file.UInt32(header + 12);
        if (symbols == 0)
        {
            return null;
        }

        ulong strings = symbols + (file.UInt32(header + 16) * (ulong)SymbolSize);
        if (!file.Has(strings, sizeof(uint)) || !file.Has(strings, file.UInt32(strings)))
        {
            return LibraryFile.CutOff("symbol table", strings + Math.Max(sizeof(uint), file.UInt32(strings)), file.Length);
        }

        end = Math.Max(end, strings + file.UInt32(strings));
        return null;
    }

    // Names, their order and addresses of functions lie in the file.
    private static bool AreExports(LibraryBytes file, ulong header, ulong offset, ulong size)
    {
        const ulong ExportsSize = 40;
        ulong functions = file.UInt32(offset + 20);
        ulong names = file.UInt32(offset + 24);
        return size >= ExportsSize && functions > 0 && names > 0
            && TryFindInFile(file, header, file.UInt32(offset + 28), functions * 4, out _)
            && TryFindInFile(file, header, file.UInt32(offset + 32), names * 4, out ulong table)
            && TryFindInFile(file, header, file.UInt32(offset + 36), names * 2, out _)
            && AreNames(file, header, table, names);
    }

    private static bool AreNames(LibraryBytes file, ulong header, ulong table, ulong count)
    {
        for (ulong i = 0; i < count; i++)
        {
            if (!TryFindInFile(file, header, file.UInt32(table + (i * 4)), 1, out ulong name) || file.Byte(name) == 0)
            {
                return false;
            }
        }

        return true;
    }

    // Blocks of a page each: its address, the block's size, and 16 bits for each place. Only the last may be no place.
    private static bool AreRelocations(LibraryBytes relocations)
    {
        ulong at = 0;
        while (at < relocations.Length)
        {
            ulong size = relocations.UInt32(at + 4);
            if (size < 8 || size % 4 != 0 || !relocations.Has(at, size))
            {
                return false;
            }

            for (ulong place = at + 8; place + 2 < at + size; place += 2)
            {
                if (relocations.UInt16(place) == 0)
                {
                    return false;
                }
            }

            at += size;
        }

        return true;
    }

    // Where the file has what will be at an address.
    private static bool TryFindInFile(LibraryBytes file, ulong header, ulong address, ulong size, out ulong offset)
    {
        if (address + size <= file.UInt32(header + FileHeaderSize + 60))
        {
            offset = address; // in the headers
            return true;
        }

        for (ulong i = 0; i < file.UInt16(header + 6); i++)
        {
            ulong section = Section(file, header, i);
            ulong start = file.UInt32(section + 12);
            ulong length = file.UInt32(section + 16);
            if (address >= start && address - start <= length && size <= length - (address - start))
            {
                offset = file.UInt32(section + 20) + (address - start);
                return true;
            }
        }

        offset = 0;
        return false;
    }

    private static ulong Section(LibraryBytes file, ulong header, ulong index) =>
        header + FileHeaderSize + file.UInt16(header + 20) + (index * SectionSize);
}
