using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using NativeXent.Simd;

namespace NativeXent.Jobs;

/// <summary>
/// Carries out a <see cref="LinearHeadJob"/> in chunks of rows: the chunk's logits, in their place their gradient, and from
/// that the gradients of the input's rows and of weight and bias.
/// </summary>
/// <remarks>
/// Rows that are ignored are left out before anything is computed, so chunks have rows that count only. As a chunk has a
/// multiple of 128 of them, parts of sums over rows end where chunks do, and how many rows a chunk has changes no bit.
/// </remarks>
[SkipLocalsInit]
internal readonly unsafe ref struct LinearHead
{
    internal const nuint DefaultRows = 256;
    private const nuint LeastRows = ProductBlocks.TermsTogether;

    // The most floats that are rented as an array.
    private const nuint MostRented = 1 << 29;

    private const nuint FloatsOnStack = 8_192;

    private readonly LinearHeadJob _job;
    private readonly bool _native;
    private readonly int _threads;

    // Rows of the batch that are in the chunk, in order.
    private readonly nuint* _rows;

    // Of the chunk: logits, and copies of what belongs to its rows where these do not follow one another.
    private readonly float* _logits;
    private readonly byte* _input;
    private readonly float* _inputGradient;
    private readonly byte* _labels;
    private readonly float* _upstream;
    private readonly float* _losses;
    private readonly float* _logSumExp;
    private readonly float* _zLosses;

    private LinearHead(in LinearHeadJob job, bool native, int threads, nuint rows, byte* workspace)
    {
        _job = job;
        _native = native;
        _threads = threads;
        WorkspaceLayout layout = new(job, rows);
        _logits = (float*)(workspace + layout.Logits);
        _rows = (nuint*)(workspace + layout.Rows);
        _labels = workspace + layout.Labels;
        _input = workspace + layout.Input;
        _inputGradient = (float*)(workspace + layout.InputGradient);
        _upstream = (float*)(workspace + layout.Upstream);
        _losses = _upstream + rows;
        _logSumExp = _losses + rows;
        _zLosses = _logSumExp + rows;
    }

    /// <summary>How many rows a chunk has.</summary>
    internal static nuint RowsPerChunk(in LinearHeadJob job, nuint counted, int threads, long? maxWorkspaceBytes)
    {
        nuint rows = DefaultRows;
        while (rows > LeastRows && maxWorkspaceBytes is { } most && (ulong)most < WorkspaceBytes(job, rows, threads))
        {
            rows -= LeastRows;
        }

        return nuint.Max(1, nuint.Min(rows, counted));
    }

    /// <summary>What is rented, in bytes, for chunks of so many rows.</summary>
    internal static nuint WorkspaceBytes(in LinearHeadJob job, nuint rows, int threads)
    {
        nuint product = ProductBlocks.WorkspaceLength(rows, job.Classes, job.Features);
        if (job.InputGradient is not null)
        {
            product = nuint.Max(product, ProductBlocks.WorkspaceLength(rows, job.Features, job.Classes));
        }

        if (job.WeightGradient is not null)
        {
            product = nuint.Max(product, ProductBlocks.WorkspaceLength(job.Classes, job.Features, rows));
        }

        return new WorkspaceLayout(job, rows).Bytes + (product * sizeof(float) * (nuint)threads);
    }

    internal static void Run(
        in LinearHeadJob job,
        nuint counted,
        bool native,
        int maxDegreeOfParallelism,
        in LinearExecutionOptions options,
        ref Totals totals)
    {
        int threads = Chunks.MostThreads(maxDegreeOfParallelism);
        nuint ignored = job.Loss.LogSumExp is null ? 0 : job.BatchSize - counted;
        nuint rows = RowsPerChunk(job, nuint.Max(counted, ignored), threads, options.MaxWorkspaceBytes);
        nuint bytes = new WorkspaceLayout(job, rows).Bytes;
        nuint floats = Chunks.DivideUp(bytes, sizeof(float));
        if (floats <= FloatsOnStack)
        {
            float* workspace = stackalloc float[(int)FloatsOnStack];
            new LinearHead(job, native, threads, rows, (byte*)workspace).Run(counted, rows, options, ref totals);
        }
        else if (floats <= MostRented)
        {
            float[] rented = ArrayPool<float>.Shared.Rent((int)floats);
            try
            {
                fixed (float* workspace = rented)
                {
                    new LinearHead(job, native, threads, rows, (byte*)workspace).Run(counted, rows, options, ref totals);
                }
            }
            finally
            {
                ArrayPool<float>.Shared.Return(rented);
            }
        }
        else
        {
            void* workspace = NativeMemory.AlignedAlloc(bytes, 64);
            try
            {
                new LinearHead(job, native, threads, rows, (byte*)workspace).Run(counted, rows, options, ref totals);
            }
            finally
            {
                NativeMemory.AlignedFree(workspace);
            }
        }
    }

    private void Run(nuint counted, nuint rowsPerChunk, in LinearExecutionOptions options, ref Totals totals)
    {
        options.CancellationToken.ThrowIfCancellationRequested();
        ClearIgnoredRows();
        nuint next = 0;
        nuint done = 0;
        while (done < counted)
        {
            nuint count = Take(ref next, nuint.Min(rowsPerChunk, counted - done), ignored: false);
            Forward(count);
            Softmax(count, ref totals);
            Backward(count, first: done == 0);
            done += count;
            options.Progress?.Report((double)done / counted);
            if (done < counted)
            {
                options.CancellationToken.ThrowIfCancellationRequested();
            }
        }

        // Sums over no rows.
        if (counted == 0 && !_job.Accumulate)
        {
            WeightGradient(0, first: true);
        }

        if (_job.Loss.LogSumExp is not null && counted < _job.BatchSize)
        {
            LogSumExpOfIgnoredRows(_job.BatchSize - counted, rowsPerChunk, options.CancellationToken);
        }
    }

    private void ClearIgnoredRows()
    {
        for (nuint i = 0; _job.Loss.Ignores && i < _job.BatchSize; i++)
        {
            if (!_job.IsIgnored(i))
            {
                continue;
            }

            if (_job.InputGradient is not null && !_job.Accumulate)
            {
                NativeMemory.Clear(_job.InputGradient + (i * _job.GradientStride), _job.Features * sizeof(float));
            }

            if (_job.Loss.Losses is not null)
            {
                ((float*)_job.Loss.Losses)[i] = 0;
            }

            if (_job.Loss.ZLosses is not null)
            {
                ((float*)_job.Loss.ZLosses)[i] = 0;
            }
        }
    }

    private void LogSumExpOfIgnoredRows(nuint count, nuint rowsPerChunk, CancellationToken cancellationToken)
    {
        nuint next = 0;
        for (nuint done = 0; done < count;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            nuint rows = Take(ref next, nuint.Min(rowsPerChunk, count - done), ignored: true);
            Forward(rows);
            Totals none = default;
            SoftmaxCrossEntropyJob job = ChunkOfLoss(rows, wantsGradient: false);
            job.Losses = null;
            job.ZLosses = null;
            job.WantsTotals = false;
            job.CountCorrect = false;
            Chunks.RunOnto(job, rows, RowsPerGroup, _native, _threads, false, ref none);
            if (!AreAdjacent(rows))
            {
                Scatter(rows, (float*)_job.Loss.LogSumExp, _logSumExp);
            }

            done += rows;
        }
    }

    // The next rows of the batch that are ignored, or that are not.
    private nuint Take(ref nuint next, nuint count, bool ignored)
    {
        for (nuint taken = 0; taken < count; next++)
        {
            if (_job.IsIgnored(next) == ignored)
            {
                _rows[taken++] = next;
            }
        }

        return count;
    }

    private bool AreAdjacent(nuint count) => _rows[count - 1] - _rows[0] == count - 1;

    private void Forward(nuint count)
    {
        CopyInput(count);
        LinearJob job = new()
        {
            Operation = LinearOperation.Forward,
            InputType = _job.InputType,
            WeightType = _job.WeightType,
            BatchSize = count,
            Features = _job.Features,
            Outputs = _job.Classes,
            Input = Input(count, out nuint stride),
            InputStride = stride,
            Weight = _job.Weight,
            WeightStride = _job.WeightStride,
            Bias = _job.Bias,
            Output = _logits,
            OutputStride = _job.Classes,
        };
        LinearJob.RunAll(ref job, _native, _threads);
    }

    // The chunk's rows of the input; the copies where they do not follow one another.
    private void* Input(nuint count, out nuint stride)
    {
        bool adjacent = AreAdjacent(count);
        stride = adjacent ? _job.InputStride : _job.Features;
        return adjacent ? RowOfInput(0) : _input;
    }

    private void CopyInput(nuint count)
    {
        bool adjacent = AreAdjacent(count);
        nuint bytes = _job.Features * _job.InputType.Size();
        for (nuint i = 0; !adjacent && i < count; i++)
        {
            NativeMemory.Copy(RowOfInput(i), _input + (i * bytes), bytes);
        }
    }

    private byte* RowOfInput(nuint i) =>
        (byte*)_job.Input + (_rows[i] * _job.InputStride * _job.InputType.Size());

    // Totals are added in groups of rows that depend on nothing but the number of classes.
    private nuint RowsPerGroup => _job.Classes < 1024 ? LeastRows : 16;

    private void Softmax(nuint count, ref Totals totals)
    {
        SoftmaxCrossEntropyJob job = ChunkOfLoss(count, _job.WantsGradient);
        bool wantsTotals = job.WantsTotals || job.CountCorrect;
        Chunks.RunOnto(job, count, RowsPerGroup, _native, _threads, wantsTotals, ref totals);
        if (!AreAdjacent(count))
        {
            Scatter(count, (float*)_job.Loss.Losses, _losses);
            Scatter(count, (float*)_job.Loss.LogSumExp, _logSumExp);
            Scatter(count, (float*)_job.Loss.ZLosses, _zLosses);
        }
    }

    private SoftmaxCrossEntropyJob ChunkOfLoss(nuint count, bool wantsGradient)
    {
        SoftmaxCrossEntropyJob job = _job.Loss;
        job.BatchSize = count;
        job.RowBegin = 0;
        job.RowEnd = count;
        job.Logits = _logits;
        job.LogitsStride = _job.Classes;
        job.Gradient = wantsGradient ? _logits : null;
        job.GradientStride = _job.Classes;
        job.Accumulate = false;
        nuint first = _rows[0];
        bool adjacent = AreAdjacent(count);
        if (job.TargetType == TargetType.Distribution)
        {
            job.Targets = (float*)job.Targets + (first * job.TargetsStride);
        }
        else
        {
            nuint size = job.TargetType.LabelSize();
            job.Targets = adjacent ? (byte*)job.Targets + (first * size) : _labels;
            for (nuint i = 0; !adjacent && i < count; i++)
            {
                NativeMemory.Copy((byte*)_job.Loss.Targets + (_rows[i] * size), _labels + (i * size), size);
            }
        }

        if (!wantsGradient)
        {
            job.Upstream = null;
        }
        else if (job.Upstream is not null)
        {
            job.Upstream = adjacent ? (float*)job.Upstream + first : _upstream;
            for (nuint i = 0; !adjacent && i < count; i++)
            {
                _upstream[i] = ((float*)_job.Loss.Upstream)[_rows[i]];
            }
        }

        job.Losses = RowOutput(job.Losses, _losses);
        job.LogSumExp = RowOutput(job.LogSumExp, _logSumExp);
        job.ZLosses = RowOutput(job.ZLosses, _zLosses);
        return job;

        void* RowOutput(void* output, float* copy) => output is null ? null : adjacent ? (float*)output + first : copy;
    }

    private void Scatter(nuint count, float* output, float* copy)
    {
        for (nuint i = 0; output is not null && i < count; i++)
        {
            output[_rows[i]] = copy[i];
        }
    }

    private void Backward(nuint count, bool first)
    {
        if (_job.InputGradient is not null)
        {
            InputGradient(count);
        }

        WeightGradient(count, first);
    }

    private void InputGradient(nuint count)
    {
        bool adjacent = AreAdjacent(count);
        LinearJob job = new()
        {
            Operation = LinearOperation.InputGradient,
            WeightType = _job.WeightType,
            Accumulate = _job.Accumulate,
            BatchSize = count,
            Features = _job.Features,
            Outputs = _job.Classes,
            OutputGradient = _logits,
            OutputGradientStride = _job.Classes,
            Weight = _job.Weight,
            WeightStride = _job.WeightStride,
            InputGradient = adjacent ? _job.InputGradient + (_rows[0] * _job.GradientStride) : _inputGradient,
            InputGradientStride = adjacent ? _job.GradientStride : _job.Features,
        };
        nuint bytes = _job.Features * sizeof(float);
        for (nuint i = 0; !adjacent && _job.Accumulate && i < count; i++)
        {
            NativeMemory.Copy(
                _job.InputGradient + (_rows[i] * _job.GradientStride), _inputGradient + (i * _job.Features), bytes);
        }

        LinearJob.RunAll(ref job, _native, _threads);
        for (nuint i = 0; !adjacent && i < count; i++)
        {
            NativeMemory.Copy(
                _inputGradient + (i * _job.Features), _job.InputGradient + (_rows[i] * _job.GradientStride), bytes);
        }
    }

    private void WeightGradient(nuint count, bool first)
    {
        if (_job.WeightGradient is null && _job.BiasGradient is null)
        {
            return;
        }

        nuint stride = _job.InputStride;
        LinearJob job = new()
        {
            Operation = LinearOperation.WeightGradient,
            InputType = _job.InputType,
            Accumulate = _job.Accumulate || !first,
            BatchSize = count,
            Features = _job.Features,
            Outputs = _job.Classes,
            OutputGradient = _logits,
            OutputGradientStride = _job.Classes,
            Input = count == 0 ? null : Input(count, out stride),
            InputStride = stride,
            WeightGradient = _job.WeightGradient,
            WeightGradientStride = _job.GradientStride,
            BiasGradient = _job.BiasGradient,
        };
        LinearJob.RunAll(ref job, _native, _threads);
    }

    // Where each array is in the workspace, in bytes. Copies that a job cannot need have no place.
    private readonly struct WorkspaceLayout
    {
        internal WorkspaceLayout(in LinearHeadJob job, nuint rows)
        {
            nuint copied = job.Loss.Ignores ? rows : 0;
            Rows = 0;
            Labels = Rows + (rows * (nuint)sizeof(nuint));
            Logits = Aligned(Labels + (copied * sizeof(long)));
            Upstream = Logits + (rows * job.Classes * sizeof(float));
            Input = Aligned(Upstream + (4 * rows * sizeof(float)));
            InputGradient = Aligned(Input + (copied * job.Features * job.InputType.Size()));
            Bytes = InputGradient + (job.InputGradient is null ? 0 : copied * job.Features * sizeof(float));
        }

        internal nuint Rows { get; }

        internal nuint Labels { get; }

        internal nuint Logits { get; }

        internal nuint Upstream { get; }

        internal nuint Input { get; }

        internal nuint InputGradient { get; }

        internal nuint Bytes { get; }

        private static nuint Aligned(nuint offset) => ProductBlocks.UpToMultiple(offset, 64);
    }
}
