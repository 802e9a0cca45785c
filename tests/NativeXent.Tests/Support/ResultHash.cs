using System.Runtime.InteropServices;
using NativeXent.Interop;
using NativeXent.Jobs;
using NativeXent.Simd;

namespace NativeXent.Tests.Support;

/// <summary>
/// A hash of the results' bits over a fixed set of generated inputs: the twin of tests/native/result_hash.cpp, whose
/// program prints it with --print-hash. It is the same on every machine, and changes only where a result does.
/// </summary>
internal static unsafe class ResultHash
{
    /// <summary>The hash of this version.</summary>
    internal const ulong Expected = 0x44a92af928951328;

    /// <summary>The hash on whatever instruction set the backend has active.</summary>
    internal static ulong Compute(NativeXentBackend backend)
    {
        SplitMix64 random = new(20240229);
        Fnv1a hash = new();
        foreach (int classes in Lengths())
        {
            int rows = classes <= 300 ? 24 : classes <= 4097 ? 8 : 1;
            float[] logits = new float[rows * classes];
            int[] labels = new int[rows];
            for (int i = 0; i < rows; i++)
            {
                FillAnyRow(random, logits.AsSpan(i * classes, classes));
                labels[i] = (i % 4) switch
                {
                    0 => 0,
                    1 => classes - 1,
                    _ => random.Below(classes),
                };
            }

            float[] gradient = new float[logits.Length];
            float[] losses = new float[rows];
            ExecutionOptions execution = new() { Backend = backend };
            SoftmaxCrossEntropy.Gradient(
                logits, labels, classes, gradient, rows: new() { Losses = losses }, execution: execution);
            hash.Add<float>(gradient);
            hash.Add<float>(losses);
            WithoutLabels(backend, logits, classes, gradient);
            hash.Add<float>(gradient);
        }

        AddKnifeEdges(backend, hash);
        AddFamily(backend, hash);
        return hash.Value;
    }

    private static void AddKnifeEdges(NativeXentBackend backend, Fnv1a hash)
    {
        KnifeEdge edge = new(1, backend);
        float[] loss = new float[1];
        for (int i = 0; i < 1000; i++)
        {
            edge.Next();
            foreach (float[] logits in new[] { edge.Below, edge.Above })
            {
                float[] gradient = new float[logits.Length];
                SoftmaxCrossEntropy.Gradient(
                    logits,
                    [edge.Label],
                    logits.Length,
                    gradient,
                    rows: new() { Losses = loss },
                    execution: new() { Backend = backend });
                hash.Add<float>(gradient);
                hash.Add<float>(loss);
            }
        }
    }

    // Every option and type but float16, which an emulator rounds wrongly: see the native one.
    private static void AddFamily(NativeXentBackend backend, Fnv1a hash)
    {
        SplitMix64 random = new(20240301);
        foreach (int classes in new[] { 2, 3, 10, 33, 100, 209, 1000, 5000 })
        {
            int rows = classes <= 1000 ? 20 : 3;
            float[] floats = new float[rows * classes];
            int[] labels = new int[rows];
            for (int i = 0; i < rows; i++)
            {
                FillAnyRow(random, floats.AsSpan(i * classes, classes));
                labels[i] = random.Below(classes);
            }

            ushort[] bfloat16s = new ushort[floats.Length];
            for (int j = 0; j < floats.Length; j++)
            {
                bfloat16s[j] = AnyBFloat16(random);
            }

            AddOptions<float>(backend, hash, floats, labels, classes);
            AddOptions<double>(backend, hash, [.. floats.Select(x => x * 1.1)], labels, classes);
            AddOptions(backend, hash, MemoryMarshal.Cast<ushort, BFloat16>(bfloat16s), labels, classes);
        }
    }

    private static void AddOptions<T>(
        NativeXentBackend backend, Fnv1a hash, ReadOnlySpan<T> logits, int[] labels, int classes)
        where T : unmanaged
    {
        double[] weights = [.. Enumerable.Range(0, classes).Select(c => 0.25 * (1 + (c % 7)))];
        SoftmaxCrossEntropyOptions[] all =
        [
            new() { Scale = 0.7 },
            new() { ZLossScale = 1e-3, Scale = 3.3, ClassWeights = weights },
            new() { Scale = 1L << 40 },
            new() { LabelSmoothing = 0.1 },
            new() { LabelSmoothing = 0.1, Scale = 0.7, ClassWeights = weights },
            new() { Softcap = 30 },
            new() { LabelSmoothing = 0.05, ZLossScale = 1e-4, Scale = 1.5, Softcap = 50, ClassWeights = weights },
        ];
        foreach (SoftmaxCrossEntropyOptions options in all)
        {
            T[] gradient = new T[logits.Length];
            T[] losses = new T[labels.Length];
            RowBuffers<T> rows = new() { Losses = losses };
            SoftmaxCrossEntropy.Gradient(
                logits, labels, classes, gradient, options, rows, new() { Backend = backend });
            hash.Add<T>(gradient);
            hash.Add<T>(losses);
        }
    }

    // From 2^-3 to 2^5 in magnitude.
    private static ushort AnyBFloat16(SplitMix64 random)
    {
        uint bits = (uint)random.Next();
        return (ushort)((bits & 0x807f) | ((124 + ((bits >> 16) & 7)) << 7));
    }

    private static IEnumerable<int> Lengths() =>
    [
        .. Enumerable.Range(1, 300),
        .. from k in Enumerable.Range(4, 29) from n in new[] { (128 * k) - 1, 128 * k, (128 * k) + 1 } select n,
        8191, 8192, 8193, 12288, 20481, 32000, 50257, 128256, 151936, 256000, 300000, 1048577,
    ];

    // Labels that select no class, which the facade does not take.
    private static void WithoutLabels(NativeXentBackend backend, float[] logits, int classes, float[] gradient)
    {
        int[] labels = new int[logits.Length / classes];
        Array.Fill(labels, -1);
        fixed (float* z = logits, g = gradient)
        fixed (int* y = labels)
        {
            if (backend == NativeXentBackend.Managed)
            {
                SoftmaxCrossEntropyJob job = new()
                {
                    ElementType = ElementType.Float32,
                    TargetType = TargetType.LabelsInt32,
                    BatchSize = (nuint)labels.Length,
                    Classes = (nuint)classes,
                    InnerSize = 1,
                    RowEnd = (nuint)labels.Length,
                    Logits = z,
                    LogitsStride = (nuint)classes,
                    Targets = y,
                    TargetsStride = (nuint)classes,
                    Gradient = g,
                    GradientStride = (nuint)classes,
                    Scale = 1,
                    GradScale = 1,
                };
                ManagedBackend.SoftmaxCrossEntropy(job, out _);
            }
            else
            {
                NativeMethods.cross_entropy_with_logits_grad(z, y, (nuint)labels.Length, (nuint)classes, g);
            }
        }
    }

    // A row of any kind, exactly as fill_any_row() in tests/native/generate.h makes it.
    private static void FillAnyRow(SplitMix64 random, Span<float> logits)
    {
        ReadOnlySpan<double> sigmas = [0.1, 1, 3, 6, 20, 60, 300];
        ReadOnlySpan<float> offsets = [0f, 1e3f, -1e3f, 8100f, -8100f, 1e5f, -1e6f, 1e30f, -1e30f];
        int kind = random.Below(10);
        double sigma = random.Element(sigmas);
        float offset = random.Element(offsets);
        float level = random.Uniform(9000);
        for (int j = 0; j < logits.Length; j++)
        {
            logits[j] = kind switch
            {
                0 => random.Uniform(100),
                1 => random.Uniform(8300),
                2 => random.AnyFinite(),
                3 => random.OneIn(8) ? random.Element<float>(RowKind.FiniteSpecials) : random.Normal(sigma),
                4 => random.OneIn(2) ? float.NegativeInfinity : level,
                5 => level,
                6 => offset + random.Normal(sigma),
                7 => j / 4096 % 2 != 0 ? float.NegativeInfinity : level + random.Normal(1),
                _ => random.Normal(sigma),
            };
        }

        if (kind == 9 && random.OneIn(4))
        {
            logits[random.Below(logits.Length)] = float.PositiveInfinity;
        }

        if (kind == 8 && random.OneIn(4))
        {
            logits[random.Below(logits.Length)] = random.Element<float>(RowKind.NaNs);
        }
    }

    /// <summary>64-bit FNV-1a over the little-endian bytes of the bits.</summary>
    private sealed class Fnv1a
    {
        internal ulong Value { get; private set; } = 0xcbf29ce484222325;

        internal void Add<T>(ReadOnlySpan<T> values)
            where T : unmanaged
        {
            ulong state = Value;
            foreach (byte next in MemoryMarshal.AsBytes(values))
            {
                state = (state ^ next) * 0x100000001b3;
            }

            Value = state;
        }
    }
}
