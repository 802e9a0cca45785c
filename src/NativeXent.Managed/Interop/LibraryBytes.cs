using System.Buffers.Binary;

namespace NativeXent.Interop;

/// <summary>
/// The bytes of a library's file, or of a part. Whatever a header says may be wrong, so nothing here throws: numbers
/// outside are 0, and <see cref="Has"/> tells what lies inside, without overflow.
/// </summary>
internal readonly ref struct LibraryBytes(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    internal ulong Length => (ulong)_bytes.Length;

    internal bool Has(ulong offset, ulong size) => offset <= Length && size <= Length - offset;

    internal bool StartsWith(ReadOnlySpan<byte> start) => _bytes.StartsWith(start);

    internal byte Byte(ulong offset) => Has(offset, sizeof(byte)) ? _bytes[(int)offset] : (byte)0;

    internal ushort UInt16(ulong offset) =>
        Has(offset, sizeof(ushort)) ? BinaryPrimitives.ReadUInt16LittleEndian(_bytes[(int)offset..]) : (ushort)0;

    internal uint UInt32(ulong offset) =>
        Has(offset, sizeof(uint)) ? BinaryPrimitives.ReadUInt32LittleEndian(_bytes[(int)offset..]) : 0;

    internal ulong UInt64(ulong offset) =>
        Has(offset, sizeof(ulong)) ? BinaryPrimitives.ReadUInt64LittleEndian(_bytes[(int)offset..]) : 0;

    internal uint BigEndianUInt32(ulong offset) => BinaryPrimitives.ReverseEndianness(UInt32(offset));

    internal ulong BigEndianUInt64(ulong offset) => BinaryPrimitives.ReverseEndianness(UInt64(offset));

    /// <summary>A part that <see cref="Has"/> has found inside.</summary>
    internal LibraryBytes Part(ulong offset, ulong size) => new(_bytes.Slice((int)offset, (int)size));
}
