using NativeXent.Interop;
using NativeXent.Simd;

namespace NativeXent;

/// <summary>
/// Softmax cross-entropy from logits: its gradient with respect to the logits, and its loss.
/// </summary>
/// <remarks>
/// <para>
/// For a row z of logits with label y, p[j] = exp(z[j]) / Σₖ exp(z[k]). The loss is −log p[y], in nats, in [0, +∞]. The
/// gradient is ∂loss/∂z[j] = p[j] − (j == y), in [−1, 1]. There is no batch scaling.
/// </para>
/// <para>
/// The same input gives the same bits on every CPU, operating system, instruction set and backend, and with any number of
/// threads. Every gradient element and loss whose exact magnitude is at least 2^-125 is within 3 ULP of it (an ULP is the
/// distance between neighbouring floats at the exact value or at the result, whichever is larger); results below 2^-126
/// are flushed to +0. A loss above <see cref="float.MaxValue"/> is +∞. A row that holds NaN or +∞, or nothing but −∞, gives NaN (bits 0x7FC00000) in
/// every element. A logit of −∞ has probability 0.
/// </para>
/// <para>Every method may be called from any thread at any time, on memory that nobody writes meanwhile.</para>
/// <para>
/// Source of the formula: Bridle, "Probabilistic interpretation of feedforward classification network outputs", 1990.
/// </para>
/// </remarks>
public static unsafe class SoftmaxCrossEntropy
{
    // Fewer elements than this do not pay for another thread.
    private const long ElementsPerThread = 32_768;

    /// <summary>
    /// Gradient of the softmax cross-entropy with respect to the logits, softmax(logits)[i][j] − (j == labels[i]).
    /// </summary>
    /// <param name="logits">The logits, row-major: one row of <paramref name="classes"/> for each label.</param>
    /// <param name="labels">The class of each row, in [0, <paramref name="classes"/>).</param>
    /// <param name="classes">The number of classes, at least 1.</param>
    /// <param name="destination">
    /// Receives the gradient, as long as <paramref name="logits"/>. It may be the same memory as
    /// <paramref name="logits"/>, but must not overlap it in part, nor overlap <paramref name="labels"/>.
    /// </param>
    /// <param name="execution">Threads and backend.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="classes"/> is less than 1, or a label is out of range; nothing has been written.
    /// </exception>
    /// <exception cref="ArgumentException">
    /// Lengths do not match, memory overlaps, or a span does not begin at a multiple of 4 bytes; nothing has been written.
    /// </exception>
    /// <exception cref="NativeXentUnavailableException">
    /// The native backend was asked for and cannot be used.
    /// </exception>
    public static void Gradient(
        ReadOnlySpan<float> logits,
        ReadOnlySpan<int> labels,
        int classes,
        Span<float> destination,
        ExecutionOptions execution = default)
    {
        CheckLengths(logits, labels, classes, destination);
        fixed (float* z = logits, gradient = destination)
        fixed (int* y = labels)
        {
            Gradient(z, y, labels.Length, classes, gradient, null, execution);
        }
    }

    /// <summary>
    /// Gradient of the softmax cross-entropy with respect to the logits, and each row's loss.
    /// </summary>
    /// <param name="logits">The logits, row-major: one row of <paramref name="classes"/> for each label.</param>
    /// <param name="labels">The class of each row, in [0, <paramref name="classes"/>).</param>
    /// <param name="classes">The number of classes, at least 1.</param>
    /// <param name="destination">
    /// Receives the gradient, as long as <paramref name="logits"/>. It may be the same memory as
    /// <paramref name="logits"/>, but must not overlap it in part, nor overlap <paramref name="labels"/>.
    /// </param>
    /// <param name="losses">
    /// Receives each row's loss in nats, as long as <paramref name="labels"/>. It must not overlap anything else.
    /// </param>
    /// <param name="execution">Threads and backend.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="classes"/> is less than 1, or a label is out of range; nothing has been written.
    /// </exception>
    /// <exception cref="ArgumentException">
    /// Lengths do not match, memory overlaps, or a span does not begin at a multiple of 4 bytes; nothing has been written.
    /// </exception>
    /// <exception cref="NativeXentUnavailableException">
    /// The native backend was asked for and cannot be used.
    /// </exception>
    public static void Gradient(
        ReadOnlySpan<float> logits,
        ReadOnlySpan<int> labels,
        int classes,
        Span<float> destination,
        Span<float> losses,
        ExecutionOptions execution = default)
    {
        CheckLengths(logits, labels, classes, destination);
        if (losses.Length != labels.Length)
        {
            throw Errors.LossesLength(losses.Length, labels.Length);
        }

        fixed (float* z = logits, gradient = destination, loss = losses)
        fixed (int* y = labels)
        {
            Gradient(z, y, labels.Length, classes, gradient, loss, execution);
        }
    }

    /// <summary>
    /// Gradient of the softmax cross-entropy with respect to the logits, for data of any size.
    /// </summary>
    /// <param name="logits"><paramref name="batchSize"/> rows of <paramref name="classes"/> logits.</param>
    /// <param name="labels">
    /// <paramref name="batchSize"/> labels, each in [0, <paramref name="classes"/>).
    /// </param>
    /// <param name="batchSize">The number of rows. Where it is 0, pointers may be null.</param>
    /// <param name="classes">The number of classes, at least 1.</param>
    /// <param name="destination">
    /// Receives <paramref name="batchSize"/> rows of <paramref name="classes"/> gradient elements. It may be
    /// <paramref name="logits"/>, but must not overlap it in part, nor overlap <paramref name="labels"/>.
    /// </param>
    /// <param name="execution">Threads and backend.</param>
    /// <exception cref="ArgumentNullException">A pointer is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="batchSize"/> is negative, <paramref name="classes"/> is less than 1, or a label is out of range;
    /// nothing has been written.
    /// </exception>
    /// <exception cref="ArgumentException">
    /// A pointer is not aligned to 4 bytes, the sizes overflow, or memory overlaps; nothing has been written.
    /// </exception>
    /// <exception cref="NativeXentUnavailableException">
    /// The native backend was asked for and cannot be used.
    /// </exception>
    public static void Gradient(
        float* logits,
        int* labels,
        nint batchSize,
        nint classes,
        float* destination,
        ExecutionOptions execution = default) =>
        Gradient(logits, labels, batchSize, classes, destination, null, execution);

    /// <summary>
    /// Gradient of the softmax cross-entropy with respect to the logits, and each row's loss, for data of any size.
    /// </summary>
    /// <param name="logits"><paramref name="batchSize"/> rows of <paramref name="classes"/> logits.</param>
    /// <param name="labels">
    /// <paramref name="batchSize"/> labels, each in [0, <paramref name="classes"/>).
    /// </param>
    /// <param name="batchSize">The number of rows. Where it is 0, pointers may be null.</param>
    /// <param name="classes">The number of classes, at least 1.</param>
    /// <param name="destination">
    /// Receives <paramref name="batchSize"/> rows of <paramref name="classes"/> gradient elements. It may be
    /// <paramref name="logits"/>, but must not overlap it in part, nor overlap <paramref name="labels"/>.
    /// </param>
    /// <param name="losses">
    /// Receives <paramref name="batchSize"/> losses in nats, or null where they are not wanted. It must not overlap
    /// anything else.
    /// </param>
    /// <param name="execution">Threads and backend.</param>
    /// <exception cref="ArgumentNullException">A pointer other than <paramref name="losses"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="batchSize"/> is negative, <paramref name="classes"/> is less than 1, or a label is out of range;
    /// nothing has been written.
    /// </exception>
    /// <exception cref="ArgumentException">
    /// A pointer is not aligned to 4 bytes, the sizes overflow, or memory overlaps; nothing has been written.
    /// </exception>
    /// <exception cref="NativeXentUnavailableException">
    /// The native backend was asked for and cannot be used.
    /// </exception>
    public static void Gradient(
        float* logits,
        int* labels,
        nint batchSize,
        nint classes,
        float* destination,
        float* losses,
        ExecutionOptions execution = default)
    {
        bool native = UsesNative(execution.Backend);
        if (batchSize < 0)
        {
            throw Errors.BatchSizeNegative(batchSize);
        }

        if (classes < 1)
        {
            throw Errors.ClassesNotPositive(classes);
        }

        if (batchSize == 0)
        {
            return;
        }

        SoftmaxCrossEntropyJob job = new()
        {
            Logits = logits,
            Labels = labels,
            Gradient = destination,
            Losses = losses,
            BatchSize = (nuint)batchSize,
            Classes = (nuint)classes,
            RowEnd = (nuint)batchSize,
        };
        Check(job);

        int threads = Threads(batchSize, classes, execution.MaxDegreeOfParallelism);
        if (threads > 1)
        {
            RunParallel(job, threads, native);
        }
        else if (native)
        {
            NativeBackend.SoftmaxCrossEntropy(job);
        }
        else
        {
            ManagedBackend.SoftmaxCrossEntropy(job);
        }
    }

    private static void CheckLengths(
        ReadOnlySpan<float> logits, ReadOnlySpan<int> labels, int classes, Span<float> destination)
    {
        if (classes < 1)
        {
            throw Errors.ClassesNotPositive(classes);
        }

        if (logits.Length != (long)labels.Length * classes)
        {
            throw Errors.LogitsLength(logits.Length, labels.Length, classes);
        }

        if (destination.Length != logits.Length)
        {
            throw Errors.DestinationLength(destination.Length, logits.Length);
        }
    }

    private static bool UsesNative(NativeXentBackend backend) =>
        backend switch
        {
            NativeXentBackend.Managed => false,
            NativeXentBackend.Native => NativeBackend.IsAvailable ? true : throw NativeBackend.Unavailable(),
            _ => NativeBackend.IsAvailable,
        };

    private static void Check(in SoftmaxCrossEntropyJob job)
    {
        ArgumentNullException.ThrowIfNull(job.Logits, "logits");
        ArgumentNullException.ThrowIfNull(job.Labels, "labels");
        ArgumentNullException.ThrowIfNull(job.Gradient, "destination");
        CheckAligned(job.Logits, "logits");
        CheckAligned(job.Labels, "labels");
        CheckAligned(job.Gradient, "destination");
        CheckAligned(job.Losses, "losses");

        UInt128 elements = (UInt128)job.BatchSize * job.Classes;
        if (elements > nuint.MaxValue / sizeof(float))
        {
            throw Errors.SizeOverflow((nint)job.BatchSize, (nint)job.Classes);
        }

        nuint matrix = (nuint)elements * sizeof(float);
        nuint column = job.BatchSize * sizeof(float);
        if (matrix > nuint.MaxValue - (nuint)job.Logits || matrix > nuint.MaxValue - (nuint)job.Gradient)
        {
            throw Errors.SizeOverflow((nint)job.BatchSize, (nint)job.Classes);
        }

        if (job.Gradient != job.Logits)
        {
            CheckApart(job.Gradient, matrix, "destination", job.Logits, matrix, "logits");
        }

        CheckApart(job.Gradient, matrix, "destination", job.Labels, column, "labels");
        if (job.Losses is not null)
        {
            CheckApart(job.Losses, column, "losses", job.Logits, matrix, "logits");
            CheckApart(job.Losses, column, "losses", job.Labels, column, "labels");
            CheckApart(job.Losses, column, "losses", job.Gradient, matrix, "destination");
        }

        for (nuint i = 0; i < job.BatchSize; i++)
        {
            int label = job.Labels[i];
            if (label < 0 || (nuint)label >= job.Classes)
            {
                throw Errors.LabelOutOfRange(i, label, job.Classes);
            }
        }
    }

    private static void CheckAligned(void* pointer, string parameter)
    {
        if ((nuint)pointer % sizeof(float) != 0)
        {
            throw Errors.Misaligned(parameter);
        }
    }

    private static void CheckApart(
        void* output, nuint outputSize, string outputName, void* other, nuint otherSize, string otherName)
    {
        nuint a = (nuint)output;
        nuint b = (nuint)other;
        if (a < b ? b - a < outputSize : a - b < otherSize)
        {
            throw Errors.Overlap(outputName, otherName);
        }
    }

    private static int Threads(nint batchSize, nint classes, int maxDegreeOfParallelism)
    {
        if (maxDegreeOfParallelism == 1)
        {
            return 1;
        }

        long most = maxDegreeOfParallelism < 0 ? Environment.ProcessorCount : maxDegreeOfParallelism;
        most = Math.Min(most, batchSize);
        return (int)Math.Clamp((long)((double)batchSize * classes / ElementsPerThread), 1, most);
    }

    // Each thread takes the next of a few chunks of rows, so that none waits long for a slow one.
    private static void RunParallel(SoftmaxCrossEntropyJob job, int threads, bool native)
    {
        nuint chunks = nuint.Min(job.BatchSize, (nuint)threads * 4);
        nuint rows = job.BatchSize / chunks;
        nuint longer = job.BatchSize % chunks;
        int running = 0;
        int stopped = 0;
        try
        {
            Parallel.For(0, (int)chunks, new ParallelOptions { MaxDegreeOfParallelism = threads }, i =>
            {
                Interlocked.Increment(ref running);
                try
                {
                    if (Volatile.Read(ref stopped) == 0)
                    {
                        RunChunk((nuint)i);
                    }
                }
                finally
                {
                    Interlocked.Decrement(ref running);
                }
            });
        }
        finally
        {
            // Thread.Interrupt can end the wait above early. The caller's memory is pinned only until we return.
            Interlocked.Exchange(ref stopped, 1);
            SpinWait.SpinUntil(() => Volatile.Read(ref running) == 0);
        }

        void RunChunk(nuint chunk)
        {
            nuint begin = (chunk * rows) + nuint.Min(chunk, longer);
            SoftmaxCrossEntropyJob part = job with
            {
                RowBegin = begin,
                RowEnd = begin + rows + (chunk < longer ? 1u : 0u),
            };
            if (native)
            {
                NativeBackend.SoftmaxCrossEntropy(part);
            }
            else
            {
                ManagedBackend.SoftmaxCrossEntropy(part);
            }
        }
    }
}
