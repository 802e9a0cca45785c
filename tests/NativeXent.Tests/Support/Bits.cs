using System.Runtime.InteropServices;

namespace NativeXent.Tests.Support;

/// <summary>Floats as bits.</summary>
public static class Bits
{
    public const uint CanonicalNaN = 0x7fc00000;
    public const uint PlusZero = 0;
    public const uint One = 0x3f800000;
    public const uint MinusOne = 0xbf800000;
    public const uint PlusInfinity = 0x7f800000;

    public static uint Of(float value) => BitConverter.SingleToUInt32Bits(value);

    public static ReadOnlySpan<uint> Of(ReadOnlySpan<float> values) => MemoryMarshal.Cast<float, uint>(values);

    public static string Show(float value) => FormattableString.Invariant($"0x{Of(value):x8} ({value:g9})");

    /// <summary>The first index where the bits differ, or −1.</summary>
    public static int FirstDifference(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        if (expected.Length != actual.Length)
        {
            throw new ArgumentException($"{actual.Length} elements cannot be compared with {expected.Length}.");
        }

        int common = Of(expected).CommonPrefixLength(Of(actual));
        return common == expected.Length ? -1 : common;
    }
}
