namespace NativeXent.Peers;

/// <summary>Type of the logits, by the values that the C header gives it.</summary>
internal enum ElementType
{
    Float32 = 0,
    Float64 = 1,
    Float16 = 2,
    BFloat16 = 3,
}
