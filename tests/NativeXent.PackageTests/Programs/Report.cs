using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using NativeXent;

namespace Shipped;

/// <summary>What every program prints: lines of "name: value".</summary>
public static class Report
{
    public static string Text() =>
        string.Join(
            '\n',
            [
                Line("backend", NativeXentRuntime.Backend.ToString()),
                Line("instruction set", NativeXentRuntime.InstructionSet),
                Line("library", NativeXentRuntime.LibraryPath ?? ""),
                Line("version", NativeXentRuntime.LibraryVersion ?? ""),
                Line("reason", NativeXentRuntime.NativeUnavailableReason ?? ""),
                Line("description", NativeXentRuntime.Describe()),
                Line("dynamic code", RuntimeFeature.IsDynamicCodeCompiled.ToString()),
                Line("automatic", Hash(NativeXentBackend.Auto)),
                Line("managed", Hash(NativeXentBackend.Managed)),
                Line("native", TryNative()),
                Line("managed, all types", HashOfAllTypes(NativeXentBackend.Managed)),
                Line("automatic, all types", HashOfAllTypes(NativeXentBackend.Auto)),
            ]);

    private static string Line(string name, string value) => $"{name}: {value.Replace("\n", "<br>")}";

    // What a program gets that insists on the native library.
    private static string TryNative()
    {
        try
        {
            return Hash(NativeXentBackend.Native);
        }
        catch (NativeXentUnavailableException e)
        {
            return $"{e.GetType().Name}: {e.Message}";
        }
    }

    // 64-bit FNV-1a over the bits of gradients and losses; asset_bits.c computes the same.
    private static string Hash(NativeXentBackend backend)
    {
        const int Rows = 7;
        ExecutionOptions execution = new() { Backend = backend };
        ulong hash = 0xcbf29ce484222325;
        ulong random = 20240229;
        foreach (int classes in (int[])[1, 10, 37, 1000, 4097, 50257])
        {
            float[] logits = new float[Rows * classes];
            for (int i = 0; i < logits.Length; i++)
            {
                random = unchecked((random * 6364136223846793005) + 1442695040888963407);
                logits[i] = ((int)(random >> 40) - (1 << 23)) / (float)(1 << 19);
            }

            int[] labels = new int[Rows];
            for (int i = 0; i < Rows; i++)
            {
                labels[i] = i * 7919 % classes;
            }

            float[] gradient = new float[logits.Length];
            float[] losses = new float[Rows];
            SoftmaxCrossEntropy.Gradient<float>(
                logits, labels, classes, gradient, null, new RowBuffers<float> { Losses = losses }, execution);
            hash = Add<float>(Add<float>(hash, gradient), losses);
        }

        return $"0x{hash:x16}";
    }

    // Every function and every element type, so that trimming and ahead-of-time compilation meet all of them.
    private static string HashOfAllTypes(NativeXentBackend backend)
    {
        ExecutionOptions execution = new() { Backend = backend };
        ulong hash = 0xcbf29ce484222325;
        hash = AddAll(hash, value => value, execution);
        hash = AddAll(hash, value => (double)value, execution);
        hash = AddAll(hash, value => (Half)value, execution);
        hash = AddAll(hash, value => (BFloat16)value, execution);
        return $"0x{hash:x16}";
    }

    private static ulong AddAll<T>(ulong hash, Func<float, T> convert, ExecutionOptions execution)
        where T : unmanaged
    {
        const int Rows = 3, Classes = 129;
        T[] logits = new T[Rows * Classes];
        T[] targets = new T[logits.Length];
        for (int i = 0; i < logits.Length; i++)
        {
            logits[i] = convert(((i * 7919 % 1024) - 512) / 64f);
            targets[i] = convert(i % 2);
        }

        T[] results = new T[logits.Length];
        SoftmaxCrossEntropyOptions options = new()
        {
            Reduction = Reduction.Mean, IgnoreIndex = 1, LabelSmoothing = 0.125, ZLossScale = 0.25, Softcap = 4,
        };
        SoftmaxCrossEntropy.Gradient<T>(logits, (ReadOnlySpan<long>)[1, 2, 3], Classes, results, options, default, execution);
        hash = Add<T>(hash, results);
        SoftmaxCrossEntropy.Gradient<T>(logits, targets, Classes, results, null, default, execution);
        hash = Add<T>(hash, results);
        Softmax.Forward<T>(logits, Classes, results, execution);
        hash = Add<T>(hash, results);
        LogSoftmax.Forward<T>(logits, Classes, results, execution);
        hash = Add<T>(hash, results);
        SigmoidCrossEntropy.Gradient<T>(logits, targets, results, null, default, execution);
        return Add<T>(hash, results);
    }

    private static ulong Add<T>(ulong hash, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        foreach (byte value in MemoryMarshal.AsBytes(values))
        {
            hash = unchecked((hash ^ value) * 0x100000001b3);
        }

        return hash;
    }
}
