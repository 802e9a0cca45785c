using System.Runtime.InteropServices;

namespace NativeXent.Peers;

/// <summary>
/// Memory for logits, labels and a gradient of one element type, aligned to pages, that problems of any shape are cut
/// from. Logits are normal(0, 3).
/// </summary>
internal sealed unsafe class Workload : IDisposable
{
    private const int Page = 4096;

    // So that a problem can begin off every alignment.
    private const int Spare = Page;

    // A prime number of different logits, again and again, so that no rows near each other are the same.
    private const int Different = 1_000_003;

    private readonly ElementType _type;
    private readonly long _elements;
    private readonly byte* _logits;
    private readonly byte* _gradient;
    private readonly int[] _labels;
    private readonly GCHandle _labelsHandle;

    internal Workload(ElementType type, long elements, double mean = 0)
    {
        _type = type;
        _elements = elements;
        nuint bytes = (nuint)((elements * Problem.SizeOf(type)) + Spare);
        _logits = (byte*)NativeMemory.AlignedAlloc(bytes, Page);
        _gradient = (byte*)NativeMemory.AlignedAlloc(bytes, Page);

        // Of two classes at least.
        _labels = new int[elements / 2];
        _labelsHandle = GCHandle.Alloc(_labels, GCHandleType.Pinned);
        FillLogits(mean);
        NativeMemory.Clear(_gradient, bytes);
    }

    /// <summary>
    /// A problem of at most <paramref name="maxElements"/>, but at least one row. All share the workload's memory. The
    /// gradient begins <paramref name="offset"/> elements past an aligned address, the logits twice as many.
    /// </summary>
    internal Problem Cut(int classes, long maxElements, int threads, int offset = 0)
    {
        int rows = (int)Math.Clamp(Math.Min(maxElements, _elements) / classes, 1, _labels.Length);
        if ((long)rows * classes > _elements)
        {
            throw new ArgumentException($"The workload has {_elements} elements: too few for a row of {classes}.");
        }

        Random random = new(21);
        for (int i = 0; i < rows; i++)
        {
            _labels[i] = random.Next(classes);
        }

        int size = Problem.SizeOf(_type);
        return new Problem(
            _type,
            (nint)(_logits + (2 * offset * size)),
            _labelsHandle.AddrOfPinnedObject(),
            (nint)(_gradient + (offset * size)),
            rows,
            classes,
            threads);
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_logits);
        NativeMemory.AlignedFree(_gradient);
        _labelsHandle.Free();
    }

    private void FillLogits(double mean)
    {
        Random random = new(20);
        double[] logits = new double[Different];
        for (int i = 0; i < logits.Length; i++)
        {
            logits[i] = mean + Normal(random);
        }

        long count = _elements + (Spare / Problem.SizeOf(_type));
        for (long i = 0; i < count; i++)
        {
            double logit = logits[i % Different];
            switch (_type)
            {
                case ElementType.Float32: ((float*)_logits)[i] = (float)logit; break;
                case ElementType.Float64: ((double*)_logits)[i] = logit; break;
                case ElementType.Float16: ((Half*)_logits)[i] = (Half)logit; break;
                default: ((BFloat16*)_logits)[i] = (BFloat16)(float)logit; break;
            }
        }
    }

    // Box and Muller.
    private static double Normal(Random random) =>
        3 * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(Math.Tau * random.NextDouble());
}
