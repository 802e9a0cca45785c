using NativeXent.Interop;

namespace NativeXent.Jobs;

/// <summary>The type of logits, gradients, losses and everything else that is called an element.</summary>
internal enum ElementType
{
    Float32 = nxent_element_type.NXENT_FLOAT32,
    Float64 = nxent_element_type.NXENT_FLOAT64,
    Float16 = nxent_element_type.NXENT_FLOAT16,
    BFloat16 = nxent_element_type.NXENT_BFLOAT16,
}
