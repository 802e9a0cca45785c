using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace NativeXent;

/// <summary>
/// A bfloat16: the upper half of a float, with its range and 8 bits of precision. For storage; to compute, convert to
/// float.
/// </summary>
/// <remarks>
/// It is 16 bits and nothing else, so that memory of 16-bit integers that holds bfloat16 numbers can be looked at as
/// such: <c>MemoryMarshal.Cast&lt;ushort, BFloat16&gt;(bits)</c>, and the other way round.
/// </remarks>
public readonly struct BFloat16 : IEquatable<BFloat16>, IFormattable
{
    private const ushort QuietBit = 0x40;

    private readonly ushort _bits;

    private BFloat16(ushort bits) => _bits = bits;

    /// <summary>The nearest bfloat16, of two equally near ones the even one; ±∞ beyond the range.</summary>
    /// <param name="value">A float. NaN stays NaN, with its sign and the upper bits of its payload.</param>
    public static explicit operator BFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value)
            ? new((ushort)((bits >> 16) | QuietBit))
            : new((ushort)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16));
    }

    /// <summary>The same number as a float, which is exact.</summary>
    /// <param name="value">A bfloat16.</param>
    public static explicit operator float(BFloat16 value) => BitConverter.UInt32BitsToSingle((uint)value._bits << 16);

    /// <summary>Whether two numbers are equal; −0 equals +0, and NaN equals nothing.</summary>
    /// <param name="left">A number.</param>
    /// <param name="right">Another.</param>
    /// <returns>Whether they are equal as floats.</returns>
    public static bool operator ==(BFloat16 left, BFloat16 right) => (float)left == (float)right;

    /// <summary>Whether two numbers differ; NaN differs from everything.</summary>
    /// <param name="left">A number.</param>
    /// <param name="right">Another.</param>
    /// <returns>Whether they differ as floats.</returns>
    public static bool operator !=(BFloat16 left, BFloat16 right) => !(left == right);

    /// <summary>Whether two numbers are equal, or both NaN.</summary>
    /// <param name="other">The other number.</param>
    /// <returns>As <see cref="float.Equals(float)"/>.</returns>
    public bool Equals(BFloat16 other) => ((float)this).Equals((float)other);

    /// <inheritdoc/>
    public override bool Equals([NotNullWhen(true)] object? obj) => obj is BFloat16 other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => ((float)this).GetHashCode();

    /// <summary>The number as a float's text, in the current culture.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => ToString(null, CultureInfo.CurrentCulture);

    /// <summary>The number as a float's text.</summary>
    /// <param name="format">A format of <see cref="float"/>.</param>
    /// <param name="formatProvider">The culture.</param>
    /// <returns>The text.</returns>
    public string ToString(string? format, IFormatProvider? formatProvider) =>
        ((float)this).ToString(format, formatProvider);
}
