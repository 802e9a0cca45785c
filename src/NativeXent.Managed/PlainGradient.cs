using NativeXent.Checks;
using NativeXent.Interop;
using NativeXent.Jobs;

namespace NativeXent;

/// <summary>
/// The native gradient of a small batch without options, which takes less time to compute than to describe to the
/// function that has them.
/// </summary>
internal static unsafe class PlainGradient
{
    /// <returns>
    /// False where nothing has been done, because there is more to it, or something is wrong: then the general way is to
    /// be taken, which knows what.
    /// </returns>
    internal static bool TryCompute(
        float* logits,
        int logitsLength,
        int* labels,
        int rows,
        in LogitsLayout layout,
        float* destination,
        int destinationLength,
        ExecutionOptions execution)
    {
        nint classes = layout.Classes;
        nuint bytes = (nuint)logitsLength * sizeof(float);
        nuint labelBytes = (nuint)rows * sizeof(int);
        if (rows == 0
            || layout != new LogitsLayout(classes)
            || classes < 1
            || classes > logitsLength
            || (long)classes * rows != logitsLength
            || logitsLength != destinationLength
            || (nuint)logitsLength > Chunks.ElementsPerChunk
            || (((nuint)logits | (nuint)labels | (nuint)destination) & (sizeof(float) - 1)) != 0
            || (destination != logits && !AreApart(destination, bytes, logits, bytes))
            || !AreApart(destination, bytes, labels, labelBytes)
            || LabelCheck.FirstOutOfRange(labels, (nuint)rows, (nuint)classes) < (nuint)rows
            || !execution.UsesNative)
        {
            return false;
        }

        NativeMethods.cross_entropy_with_logits_grad(logits, labels, (nuint)rows, (nuint)classes, destination);
        return true;
    }

    // Modulo the size of the address space, so that one comparison is for what begins first, the other for the other.
    private static bool AreApart(void* a, nuint aBytes, void* b, nuint bBytes) =>
        (nuint)a - (nuint)b >= bBytes && (nuint)b - (nuint)a >= aBytes;
}
