using System.Runtime.InteropServices;

namespace NativeXent.Interop;

/// <summary>
/// What <see cref="LibraryFile"/> looks at in a Mach-O file, alone or as one of several in a universal file: see Apple's
/// <c>mach-o/loader.h</c> and <c>mach-o/fat.h</c>.
/// </summary>
internal static class MachOFile
{
    private const int HeaderSize = 32;
    private const int SegmentSize = 72;
    private const int SectionSize = 80;
    private const int SymbolSize = 16;

    private const uint Magic = 0xfeedfacf;
    private const uint Universal = 0xcafebabe;
    private const uint Universal64 = 0xcafebabf;
    private const uint DynamicLibrary = 6;
    private const uint X64 = 0x01000007;
    private const uint Arm64 = 0x0100000c;

    internal static string? Problem(LibraryBytes file, Architecture processor) =>
        file.BigEndianUInt32(0) is Universal or Universal64
            ? UniversalProblem(file, processor)
            : ThinProblem(file, processor);

    // All of the parts must be there, and the one for this processor must be right.
    private static string? UniversalProblem(LibraryBytes file, Architecture processor)
    {
        bool isWide = file.BigEndianUInt32(0) == Universal64;
        ulong count = file.BigEndianUInt32(4);
        ulong entry = isWide ? 32u : 20u;
        ulong end = 8 + (count * entry);
        if (!file.Has(0, end))
        {
            return LibraryFile.CutOff("list of processors", end, file.Length);
        }

        string? problem = LibraryFile.ForAnotherProcessor(null, processor);
        for (ulong i = 0; i < count; i++)
        {
            ulong at = 8 + (i * entry);
            (ulong offset, ulong size) = isWide
                ? (file.BigEndianUInt64(at + 8), file.BigEndianUInt64(at + 16))
                : (file.BigEndianUInt32(at + 8), file.BigEndianUInt32(at + 12));
            if (!file.Has(offset, size))
            {
                return offset > ulong.MaxValue - size
                    ? LibraryFile.Damaged("list of processors")
                    : LibraryFile.CutOff($"part {i}", offset + size, file.Length);
            }

            end = Math.Max(end, offset + size);
            if (Machine(file.BigEndianUInt32(at)) == processor)
            {
                problem = ThinProblem(file.Part(offset, size), processor);
            }
        }

        return problem ?? (file.Length > end ? LibraryFile.Padded(end, file.Length) : null);
    }

    private static string? ThinProblem(LibraryBytes file, Architecture processor)
    {
        if (file.UInt32(0) != Magic)
        {
            return LibraryFile.NotOfFormat("Mach-O, 64 bits");
        }

        if (!file.Has(0, HeaderSize))
        {
            return LibraryFile.CutOff("header", HeaderSize, file.Length);
        }

        if (file.UInt32(12) != DynamicLibrary)
        {
            return LibraryFile.NotOfFormat("Mach-O, dynamic");
        }

        Architecture? machine = Machine(file.UInt32(4));
        if (machine != processor)
        {
            return LibraryFile.ForAnotherProcessor(machine, processor);
        }

        ulong commands = HeaderSize + (ulong)file.UInt32(20);
        if (!file.Has(0, commands))
        {
            return LibraryFile.CutOff("list of load commands", commands, file.Length);
        }

        ulong end = commands;
        ulong at = HeaderSize;
        for (uint i = 0; i < file.UInt32(16); i++)
        {
            ulong size = file.UInt32(at + 4);
            if (size < 8 || size > commands - at)
            {
                return LibraryFile.Damaged($"load command {i}");
            }

            if (CommandProblem(file, file.Part(at, size), i, ref end) is { } problem)
            {
                return problem;
            }

            at += size;
        }

        // __LINKEDIT, signature included, is the end of the file.
        return end == commands ? LibraryFile.Damaged("list of load commands")
            : file.Length > end ? LibraryFile.Padded(end, file.Length)
            : null;
    }

    private static string? CommandProblem(LibraryBytes file, LibraryBytes command, uint index, ref ulong end)
    {
        const uint Symbols = 0x2, Segment = 0x19, Signature = 0x1d, SplitSegments = 0x1e, DyldInfo = 0x22,
            FunctionStarts = 0x26, DataInCode = 0x29, OnlyDyldInfo = 0x80000022, Exports = 0x80000033,
            Fixups = 0x80000034;
        switch (command.UInt32(0))
        {
            case Segment:
                return SegmentProblem(file, command, index, ref end);
            case Symbols:
                return SymbolsProblem(file, command, ref end);
            case Signature:
                return Outside(file, "signature", command.UInt32(8), command.UInt32(12), ref end)
                    ?? (IsSignature(file, command) ? null : LibraryFile.Damaged("signature"));
            case SplitSegments or FunctionStarts or DataInCode or Exports or Fixups:
                return Outside(file, $"data of load command {index}", command.UInt32(8), command.UInt32(12), ref end);
            case DyldInfo or OnlyDyldInfo:
                string? problem = null;
                for (ulong pair = 8; pair < 48 && problem is null; pair += 8)
                {
                    problem = Outside(
                        file, $"data of load command {index}", command.UInt32(pair), command.UInt32(pair + 4), ref end);
                }

                return problem;
            default:
                return null;
        }
    }

    private static string? SegmentProblem(LibraryBytes file, LibraryBytes segment, uint index, ref ulong end)
    {
        ulong sections = segment.UInt32(64);
        if (!segment.Has(0, SegmentSize + (sections * SectionSize)) || segment.UInt64(32) < segment.UInt64(48))
        {
            return LibraryFile.Damaged($"load command {index}");
        }

        if (Outside(file, $"segment {index}", segment.UInt64(40), segment.UInt64(48), ref end) is { } problem)
        {
            return problem;
        }

        for (ulong i = 0; i < sections; i++)
        {
            ulong section = SegmentSize + (i * SectionSize);
            bool isZeros = (segment.UInt32(section + 64) & 0xff) is 0x1 or 0xc or 0x12;
            if (!isZeros && Outside(
                file, $"section {i} of segment {index}", segment.UInt32(section + 48), segment.UInt64(section + 40),
                ref end) is { } outside)
            {
                return outside;
            }
        }

        return null;
    }

    // Every symbol has a name, but for some of a debugger's. Names are the last of an unsigned file.
    private static string? SymbolsProblem(LibraryBytes file, LibraryBytes command, ref ulong end)
    {
        (ulong symbols, ulong count) = (command.UInt32(8), command.UInt32(12));
        (ulong strings, ulong size) = (command.UInt32(16), command.UInt32(20));
        if ((Outside(file, "symbol table", symbols, count * SymbolSize, ref end)
            ?? Outside(file, "table of names", strings, size, ref end)) is { } problem)
        {
            return problem;
        }

        for (ulong i = 0; i < count; i++)
        {
            ulong symbol = symbols + (i * SymbolSize);
            ulong name = file.UInt32(symbol);
            bool isForDebugging = (file.Byte(symbol + 4) & 0xe0) != 0;
            if (isForDebugging)
            {
                continue;
            }

            if (name == 0 || name >= size || file.Byte(strings + name) == 0)
            {
                return LibraryFile.Damaged("symbol table");
            }
        }

        return null;
    }

    // Big-endian: its kind, and its size, which can be less than what was reserved.
    private static bool IsSignature(LibraryBytes file, LibraryBytes command)
    {
        const uint EmbeddedSignature = 0xfade0cc0;
        ulong offset = command.UInt32(8);
        ulong size = file.BigEndianUInt32(offset + 4);
        return file.BigEndianUInt32(offset) == EmbeddedSignature && size >= 12 && size <= command.UInt32(12);
    }

    private static Architecture? Machine(uint number) => number switch
    {
        X64 => Architecture.X64,
        Arm64 => Architecture.Arm64,
        _ => null,
    };

    private static string? Outside(LibraryBytes file, string part, ulong offset, ulong size, ref ulong end)
    {
        if (size == 0)
        {
            return null;
        }

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
