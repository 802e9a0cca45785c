using System.Runtime.CompilerServices;

namespace NativeXent.Jobs;

/// <summary>What the facade must know of element types.</summary>
internal static class ElementTypes
{
    /// <summary>The element type that a .NET type stands for; a constant once it is compiled.</summary>
    /// <exception cref="NotSupportedException">It stands for none.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ElementType Of<T>()
        where T : unmanaged =>
        typeof(T) == typeof(float) ? ElementType.Float32
        : typeof(T) == typeof(double) ? ElementType.Float64
        : typeof(T) == typeof(Half) ? ElementType.Float16
        : typeof(T) == typeof(BFloat16) ? ElementType.BFloat16
        : throw Errors.ElementTypeNotSupported(typeof(T));

    /// <summary>The same for the matrices of a linear layer.</summary>
    /// <exception cref="NotSupportedException">It stands for none, or for double.</exception>
    internal static ElementType OfLinear<T>()
        where T : unmanaged =>
        typeof(T) == typeof(float) ? ElementType.Float32
        : typeof(T) == typeof(Half) ? ElementType.Float16
        : typeof(T) == typeof(BFloat16) ? ElementType.BFloat16
        : throw Errors.LinearTypeNotSupported(typeof(T));

    /// <summary>In bytes.</summary>
    internal static nuint Size(this ElementType type) =>
        type switch
        {
            ElementType.Float32 => sizeof(float),
            ElementType.Float64 => sizeof(double),
            _ => sizeof(ushort),
        };

    /// <summary>In bytes, of labels.</summary>
    internal static nuint LabelSize(this TargetType type) =>
        type == TargetType.LabelsInt32 ? (nuint)sizeof(int) : sizeof(long);
}
