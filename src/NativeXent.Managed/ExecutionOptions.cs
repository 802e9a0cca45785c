using NativeXent.Interop;

namespace NativeXent;

/// <summary>
/// How a call is carried out. Nothing here changes a bit of the result. The default value is: one thread, and the
/// native library where it can be used.
/// </summary>
public readonly record struct ExecutionOptions
{
    private readonly int _additionalThreads;

    /// <summary>
    /// The greatest number of threads to use, 1 by default; −1 for as many as there are processors. Rows are split over
    /// .NET's thread pool, and only where a thread gets enough of them to pay. Where there are fewer rows than threads, a
    /// row of at least 131,072 classes of float or double is itself split for <see cref="SoftmaxCrossEntropy"/>'s
    /// gradients from labels, unless there is label smoothing, a softcap, accumulation or counting of correct rows.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is 0 or below −1.</exception>
    public int MaxDegreeOfParallelism
    {
        get => _additionalThreads < 0 ? -1 : _additionalThreads + 1;
        init
        {
            if (value is 0 or < -1)
            {
                throw new ArgumentOutOfRangeException(
                    nameof(value), value, $"{nameof(MaxDegreeOfParallelism)} is {value}; it must be −1 or at least 1.");
            }

            _additionalThreads = value < 0 ? -1 : value - 1;
        }
    }

    /// <summary>Which implementation computes; <see cref="NativeXentBackend.Auto"/> by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not a member of the enumeration.</exception>
    public NativeXentBackend Backend
    {
        get;
        init
        {
            if (value is < NativeXentBackend.Auto or > NativeXentBackend.Managed)
            {
                throw new ArgumentOutOfRangeException(
                    nameof(value), value, $"{nameof(Backend)} is {(int)value}, which is no backend.");
            }

            field = value;
        }
    }

    /// <exception cref="NativeXentUnavailableException">The native library is asked for and cannot be used.</exception>
    internal bool UsesNative =>
        Backend switch
        {
            NativeXentBackend.Managed => false,
            NativeXentBackend.Native => NativeBackend.IsAvailable ? true : throw NativeBackend.Unavailable(),
            _ => NativeBackend.IsAvailable,
        };
}
