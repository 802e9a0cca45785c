namespace NativeXent.Peers;

/// <summary>A batch, and how many threads may work at it. Its memory belongs to a <see cref="Workload"/>.</summary>
internal sealed record Problem(
    ElementType Type, nint Logits, nint Labels, nint Gradient, int Rows, int Classes, int Threads)
{
    internal long Elements => (long)Rows * Classes;

    internal int ElementSize => SizeOf(Type);

    internal unsafe ReadOnlySpan<int> LabelSpan => new((void*)Labels, Rows);

    internal static int SizeOf(ElementType type) =>
        type switch
        {
            ElementType.Float32 => sizeof(float),
            ElementType.Float64 => sizeof(double),
            _ => sizeof(ushort),
        };

    internal unsafe ReadOnlySpan<T> LogitSpan<T>()
        where T : unmanaged => new((void*)Logits, checked((int)Elements));

    internal unsafe Span<T> GradientSpan<T>()
        where T : unmanaged => new((void*)Gradient, checked((int)Elements));
}
