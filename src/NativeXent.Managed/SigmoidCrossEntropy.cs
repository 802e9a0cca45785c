using System.Runtime.InteropServices;
using NativeXent.Checks;
using NativeXent.Jobs;

namespace NativeXent;

/// <summary>
/// Sigmoid (binary) cross-entropy from logits, each logit for itself: its gradient with respect to the logits, and its
/// loss.
/// </summary>
/// <remarks>
/// <para>
/// For a logit z with target y, weight v and weight w of the positive class, and s the logistic function, the loss is
/// v·(w·y·log(1 + exp(−z)) + (1 − y)·log(1 + exp(z))), in nats, and the gradient v·((1 − y)·s(z) − w·y·s(−z)), times
/// the upstream gradient and <see cref="SigmoidCrossEntropyOptions.UpstreamScale"/>, and for <see
/// cref="Reduction.Mean"/> divided by the number of logits. Both keep full relative precision where y is 0 or 1,
/// however large z is. These are PyTorch's definitions.
/// </para>
/// <para>
/// Elements are float, double, <see cref="Half"/> or <see cref="BFloat16"/>; 16-bit types are computed as float and
/// rounded once. The same input gives the same bits on every CPU, operating system, instruction set and backend, and
/// with any number of threads.
/// </para>
/// <para>
/// Every argument is checked before anything is written. Every method may be called from any thread at any time, on
/// memory that nobody writes meanwhile. On one thread nothing is allocated.
/// </para>
/// </remarks>
public static unsafe partial class SigmoidCrossEntropy
{
    /// <summary>
    /// Gradient of the sigmoid cross-entropy with respect to the logits, without options s(logits[i]) − targets[i]; and
    /// whatever else is asked for.
    /// </summary>
    /// <typeparam name="T">The element type: float, double, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <param name="logits">The logits.</param>
    /// <param name="targets">
    /// A target for each logit, usually 0 or 1 or in between. Values are not checked: any number will do, and NaN gives
    /// NaN.
    /// </param>
    /// <param name="destination">
    /// Receives the gradient, as long as the logits. It may be the same memory as <paramref name="logits"/>, but must
    /// not overlap it in part, nor anything else.
    /// </param>
    /// <param name="options">What is computed; null for no options.</param>
    /// <param name="elements">Further inputs and outputs, one for each logit.</param>
    /// <param name="execution">Threads and backend.</param>
    /// <returns>The totals of the batch, for which <see cref="Reduction"/> must be set.</returns>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is no element type.</exception>
    /// <exception cref="ArgumentException">
    /// Lengths do not match, memory overlaps, or a span is not aligned to its element type; nothing has been written.
    /// </exception>
    /// <exception cref="NativeXentUnavailableException">
    /// The native backend was asked for and cannot be used.
    /// </exception>
    public static SigmoidCrossEntropyResult Gradient<T>(
        ReadOnlySpan<T> logits,
        ReadOnlySpan<T> targets,
        Span<T> destination,
        SigmoidCrossEntropyOptions? options = null,
        ElementBuffers<T> elements = default,
        ExecutionOptions execution = default)
        where T : unmanaged
    {
        if (destination.Length != logits.Length)
        {
            throw Errors.ElementsLength(Argument.Destination, destination.Length, logits.Length);
        }

        return Compute(logits, targets, destination, options, elements, execution);
    }

    /// <summary>
    /// The loss alone, without gradient: in total for <see cref="Reduction.Sum"/> and <see cref="Reduction.Mean"/>, and
    /// logit by logit where <paramref name="elements"/> has room for it.
    /// </summary>
    /// <param name="logits">The logits.</param>
    /// <param name="targets">
    /// A target for each logit, usually 0 or 1 or in between. Values are not checked: any number will do, and NaN gives
    /// NaN.
    /// </param>
    /// <param name="options">
    /// What is computed; null for no options. What concerns gradients only is without effect.
    /// </param>
    /// <param name="elements">Weights, and room for the losses.</param>
    /// <param name="execution">Threads and backend.</param>
    /// <exception cref="ArgumentException">
    /// Lengths do not match, memory overlaps, a span is not aligned to its element type, or nothing is asked for;
    /// nothing has been written.
    /// </exception>
    /// <inheritdoc
    /// cref="Gradient{T}(ReadOnlySpan{T}, ReadOnlySpan{T}, Span{T}, SigmoidCrossEntropyOptions?, ElementBuffers{T},
    /// ExecutionOptions)"/>
    public static SigmoidCrossEntropyResult Loss<T>(
        ReadOnlySpan<T> logits,
        ReadOnlySpan<T> targets,
        SigmoidCrossEntropyOptions? options = null,
        ElementBuffers<T> elements = default,
        ExecutionOptions execution = default)
        where T : unmanaged
    {
        if ((options?.Reduction ?? Reduction.None) == Reduction.None && elements.Losses.IsEmpty && !logits.IsEmpty)
        {
            throw Errors.NothingWanted("and there is no room for losses", nameof(elements));
        }

        return Compute(logits, targets, default, options, elements, execution);
    }

    /// <summary>Gradient, losses and their total, whichever are asked for, of any number of logits.</summary>
    /// <typeparam name="T">The element type: float, double, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <param name="pointers">Where the data is.</param>
    /// <param name="size">The number of logits. Where it is 0, pointers may be null.</param>
    /// <param name="options">What is computed; null for no options.</param>
    /// <param name="execution">Threads and backend.</param>
    /// <returns>The totals of the batch, for which <see cref="Reduction"/> must be set.</returns>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is no element type.</exception>
    /// <exception cref="ArgumentNullException">The pointer to the logits or to the targets is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="size"/> is negative.</exception>
    /// <exception cref="ArgumentException">
    /// A pointer is not aligned to its element type, sizes overflow, memory overlaps, or nothing is asked for; nothing
    /// has been written.
    /// </exception>
    /// <exception cref="NativeXentUnavailableException">
    /// The native backend was asked for and cannot be used.
    /// </exception>
    public static SigmoidCrossEntropyResult Compute<T>(
        in SigmoidCrossEntropyPointers<T> pointers,
        nint size,
        SigmoidCrossEntropyOptions? options = null,
        ExecutionOptions execution = default)
        where T : unmanaged
    {
        SigmoidCrossEntropyJob job = new()
        {
            ElementType = ElementTypes.Of<T>(),
            Size = size < 0 ? throw Errors.SizeNegative(size) : (nuint)size,
            Logits = pointers.Logits,
            Targets = pointers.Targets,
            Gradient = pointers.Destination,
            Losses = pointers.Losses,
            Weights = pointers.Weights,
            Upstream = pointers.Upstream,
        };
        options ??= SigmoidCrossEntropyOptions.Default;
        if (size > 0)
        {
            CheckPointers(job, options);
        }

        return Run(ref job, options, execution, byPointers: true);
    }

    // The destination has the right length, or is empty where it is not wanted.
    private static SigmoidCrossEntropyResult Compute<T>(
        ReadOnlySpan<T> logits,
        ReadOnlySpan<T> targets,
        Span<T> destination,
        SigmoidCrossEntropyOptions? options,
        in ElementBuffers<T> elements,
        ExecutionOptions execution)
        where T : unmanaged
    {
        ElementType elementType = ElementTypes.Of<T>();
        if (targets.Length != logits.Length)
        {
            throw Errors.ElementsLength(Argument.Targets, targets.Length, logits.Length);
        }

        CheckLength(elements.Weights.Length, logits.Length, Argument.ElementWeights);
        CheckLength(elements.Upstream.Length, logits.Length, Argument.ElementUpstream);
        CheckLength(elements.Losses.Length, logits.Length, Argument.ElementLosses);
        fixed (T* z = logits, y = targets, gradient = destination, losses = elements.Losses)
        fixed (T* weights = elements.Weights, upstream = elements.Upstream)
        {
            SigmoidCrossEntropyJob job = new()
            {
                ElementType = elementType,
                Size = (nuint)logits.Length,
                Logits = z,
                Targets = y,
                Gradient = gradient,
                Losses = losses,
                Weights = weights,
                Upstream = upstream,
            };
            return Run(ref job, options ?? SigmoidCrossEntropyOptions.Default, execution, byPointers: false);
        }
    }

    // The job has its pointers and its size; nothing but lengths has been checked.
    private static SigmoidCrossEntropyResult Run(
        ref SigmoidCrossEntropyJob job, SigmoidCrossEntropyOptions options, ExecutionOptions execution, bool byPointers)
    {
        bool native = execution.UsesNative;
        Totals totals = default;
        if (job.Size > 0)
        {
            fixed (double* positiveWeights = options.PositiveWeights.Array)
            {
                job.Accumulate = options.Accumulate;
                job.WantsTotals = options.Reduction != Reduction.None;
                job.End = job.Size;
                job.PositiveWeights = positiveWeights;
                job.Classes = (nuint)options.PositiveWeights.Count;
                job.LabelSmoothing = options.LabelSmoothing;
                job.GradScale =
                    options.Reduction == Reduction.Mean ? options.UpstreamScale / job.Size : options.UpstreamScale;
                if (job.Gradient is null)
                {
                    job.Upstream = null;
                }

                CheckMemory(job, byPointers);

                // A scale of 0 gives gradients of 0 whatever the logits are. A kernel would multiply: NaN · 0 is NaN.
                void* zeros = null;
                if (job.GradScale == 0)
                {
                    zeros = job.Gradient;
                    job.Gradient = null;
                    job.Upstream = null;
                }

                if (job.WantsAnything)
                {
                    Chunks.Run(
                        job,
                        job.Size,
                        Chunks.RowsPerChunk(job.Size, elementsPerRow: 1),
                        native,
                        execution.MaxDegreeOfParallelism,
                        job.WantsTotals,
                        out totals);
                }

                // They may lie where the logits did.
                if (zeros is not null && !job.Accumulate)
                {
                    NativeMemory.Clear(zeros, job.Size * job.ElementType.Size());
                }
            }
        }

        return new()
        {
            Loss = Totals.Reduce(totals.Loss, options.Reduction, job.Size),
            Elements = (long)job.Size,
        };
    }

    // What spans cannot have, and that something is asked for.
    private static void CheckPointers(in SigmoidCrossEntropyJob job, SigmoidCrossEntropyOptions options)
    {
        if (job.Logits is null)
        {
            throw Errors.Null(Argument.Logits, byPointers: true);
        }

        if (job.Targets is null)
        {
            throw Errors.Null(Argument.Targets, byPointers: true);
        }

        if (options.Reduction == Reduction.None && job.Gradient is null && job.Losses is null)
        {
            throw Errors.NothingWanted("and there is room for no result", "pointers");
        }

        nuint elementSize = job.ElementType.Size();
        nuint end = nuint.Max(
            nuint.Max(nuint.Max((nuint)job.Logits, (nuint)job.Targets), nuint.Max((nuint)job.Gradient, (nuint)job.Losses)),
            nuint.Max((nuint)job.Weights, (nuint)job.Upstream));
        if (job.Size > (nuint.MaxValue - end) / elementSize)
        {
            throw Errors.ElementsOverflow(job.Size);
        }
    }

    private static void CheckLength(int length, int logits, Argument argument)
    {
        if (length != 0 && length != logits)
        {
            throw Errors.ElementsLength(argument, length, logits);
        }
    }

    private static void CheckMemory(in SigmoidCrossEntropyJob job, bool byPointers)
    {
        Extent logits = Memory(job.Logits, job, Argument.Logits, byPointers);
        Extent targets = Memory(job.Targets, job, Argument.Targets, byPointers);
        Extent gradient = Memory(job.Gradient, job, Argument.Destination, byPointers);
        Extent losses = Memory(job.Losses, job, Argument.ElementLosses, byPointers);
        Extent weights = Memory(job.Weights, job, Argument.ElementWeights, byPointers);
        Extent upstream = Memory(job.Upstream, job, Argument.ElementUpstream, byPointers);
        if (job.Gradient != job.Logits)
        {
            gradient.CheckApart(logits, byPointers);
        }

        // That the losses are the logits is fine; where the gradient is there too, the two are one another's overlap.
        if (job.Losses != job.Logits)
        {
            losses.CheckApart(logits, byPointers);
        }

        losses.CheckApart(gradient, byPointers);
        foreach (ref readonly Extent output in (ReadOnlySpan<Extent>)[gradient, losses])
        {
            output.CheckApart(targets, byPointers);
            output.CheckApart(weights, byPointers);
            output.CheckApart(upstream, byPointers);
        }
    }

    private static Extent Memory(void* start, in SigmoidCrossEntropyJob job, Argument argument, bool byPointers) =>
        new(start, job.ElementType.Size(), job.Size * job.ElementType.Size(), argument, byPointers);
}
