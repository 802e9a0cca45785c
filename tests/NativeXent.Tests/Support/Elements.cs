using System.Runtime.InteropServices;

namespace NativeXent.Tests.Support;

/// <summary>Elements of any type: conversion, bits, and what lies in memory that must not be written.</summary>
internal static class Elements
{
    /// <summary>The number in an element type, rounded once if it is no float.</summary>
    internal static T Of<T>(double value)
        where T : unmanaged
    {
        object element = default(T) switch
        {
            float => (float)value,
            double => value,
            Half => (Half)value,
            _ => (BFloat16)(float)value,
        };
        return (T)element;
    }

    internal static T[] Of<T>(IEnumerable<float> values)
        where T : unmanaged => [.. values.Select(value => Of<T>(value))];

    internal static double ToDouble<T>(T element)
        where T : unmanaged =>
        element switch
        {
            float value => value,
            double value => value,
            Half value => (double)value,
            BFloat16 value => (float)value,
            _ => throw new ArgumentException($"{typeof(T)} is no element type."),
        };

    /// <summary>
    /// Elements with the bits 0xFFA5A5…, of double 0xFFF5A5…: a NaN that is not the canonical one.
    /// </summary>
    internal static T[] Sentinels<T>(int count)
        where T : unmanaged
    {
        T[] sentinels = new T[count];
        Span<byte> bytes = MemoryMarshal.AsBytes(sentinels.AsSpan());
        bytes.Fill(0xa5);
        int size = Marshal.SizeOf<T>();
        for (int last = size - 1; last < bytes.Length; last += size)
        {
            bytes[last] = 0xff;
            if (size == sizeof(double))
            {
                bytes[last - 1] = 0xf5;
            }
        }

        return sentinels;
    }

    internal static bool AreSentinels<T>(ReadOnlySpan<T> elements)
        where T : unmanaged => FirstDifference(Sentinels<T>(elements.Length), elements) < 0;

    /// <summary>The first index where the bits differ, or −1.</summary>
    internal static int FirstDifference<T>(ReadOnlySpan<T> expected, ReadOnlySpan<T> actual)
        where T : unmanaged
    {
        if (expected.Length != actual.Length)
        {
            throw new ArgumentException($"{actual.Length} elements cannot be compared with {expected.Length}.");
        }

        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(expected);
        int common = bytes.CommonPrefixLength(MemoryMarshal.AsBytes(actual));
        return common == bytes.Length ? -1 : common / Marshal.SizeOf<T>();
    }

    /// <summary>The bits, for a message.</summary>
    internal static string Show<T>(T element)
        where T : unmanaged
    {
        Span<byte> bytes = stackalloc byte[Marshal.SizeOf<T>()];
        MemoryMarshal.Write(bytes, element);
        bytes.Reverse();
        return FormattableString.Invariant($"0x{Convert.ToHexStringLower(bytes)} ({ToDouble(element):r})");
    }
}
