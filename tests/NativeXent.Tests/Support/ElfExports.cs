using System.Buffers.Binary;
using System.Text;

namespace NativeXent.Tests.Support;

/// <summary>The names that an ELF shared library (64-bit, little-endian) exports.</summary>
internal static class ElfExports
{
    private static ReadOnlySpan<byte> Magic => [0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1];

    internal static bool IsElf(ReadOnlySpan<byte> file) => file.StartsWith(Magic);

    internal static IReadOnlyList<string> Read(ReadOnlySpan<byte> file)
    {
        const int DynamicSymbols = 11;
        const int SymbolSize = 24;
        List<string> names = [];
        ReadOnlySpan<byte> sections = file[(int)Long(file[0x28..])..];
        int sectionSize = Short(file[0x3a..]);
        int sectionCount = Short(file[0x3c..]);
        for (int i = 0; i < sectionCount; i++)
        {
            ReadOnlySpan<byte> section = sections[(i * sectionSize)..];
            if (Int(section[4..]) != DynamicSymbols)
            {
                continue;
            }

            ReadOnlySpan<byte> symbols = Contents(file, section);
            ReadOnlySpan<byte> strings = Contents(file, sections[(Int(section[0x28..]) * sectionSize)..]);
            for (int s = 0; s < symbols.Length; s += SymbolSize)
            {
                ReadOnlySpan<byte> symbol = symbols[s..];
                bool isLocal = symbol[4] >> 4 == 0;
                bool isDefined = Short(symbol[6..]) != 0;
                if (!isLocal && isDefined)
                {
                    ReadOnlySpan<byte> name = strings[Int(symbol)..];
                    names.Add(Encoding.ASCII.GetString(name[..name.IndexOf((byte)0)]));
                }
            }
        }

        return names;
    }

    private static ReadOnlySpan<byte> Contents(ReadOnlySpan<byte> file, ReadOnlySpan<byte> section) =>
        file.Slice((int)Long(section[0x18..]), (int)Long(section[0x20..]));

    private static int Short(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt16LittleEndian(bytes);

    private static int Int(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadInt32LittleEndian(bytes);

    private static long Long(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadInt64LittleEndian(bytes);
}
