using System.Runtime.InteropServices;
using NativeXent.Interop;
using NativeXent.Simd;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>
/// Linear layers: every backend on every instruction set gives the sums that are documented, to the bit, on any number of
/// threads.
/// </summary>
[TestFixtureSource(typeof(Target), nameof(Target.All))]
[NonParallelizable]
public sealed partial class LinearLayerTests(Target target)
{
    private IDisposable? _forced;

    [SetUp]
    public void ForceTarget() => _forced = target.Force();

    [TearDown]
    public void RestoreTarget() => _forced!.Dispose();

    [Test]
    public void Sizes_up_to_40()
    {
        for (int n = 1; n <= 40; n++)
        {
            SplitMix64 random = new((ulong)n);
            Check(n, n, 1 + random.Below(40), 1 + random.Below(40));
            Check(n + 1, 1 + random.Below(40), n, 1 + random.Below(40));
            Check(n + 2, 1 + random.Below(40), 1 + random.Below(40), n);
        }
    }

    [TestCase(127)]
    [TestCase(128)]
    [TestCase(129)]
    [TestCase(256)]
    [TestCase(265)]
    [TestCase(530)]
    public void Sizes_around_parts_of_sums_and_blocks(int n)
    {
        Check(n, n, 3, 35);
        Check(n + 1, 13, n, 17);
        Check(n + 2, 5, 33, n);
        Check(n + 3, 20, 140, n);
    }

    [TestCase(270, 130, 70)]
    [TestCase(20, 140, 1100)]
    [TestCase(20, 1030, 140)]
    [TestCase(140, 530, 270)]
    public void Operands_that_are_kept(int rows, int features, int outputs) => Check(1, rows, features, outputs);

    [Test]
    public void Special_values()
    {
        for (int turn = 0; turn < 40; turn++)
        {
            Check(turn, 1 + (turn % 30), 1 + (turn % 37), 1 + (turn % 23), special: true);
        }
    }

    [Test]
    public void Sixteen_bit_elements_are_widened_exactly()
    {
        for (int turn = 1; turn < 50; turn++)
        {
            Layer layer = new(turn, turn, 1 + (7 * turn % 41), 1 + (11 * turn % 43), false);
            Half[] halfInput = [.. layer.Input.Select((x, i) => i % 50 == 0 ? BitConverter.UInt16BitsToHalf((ushort)i) : (Half)x)];
            Half[] halfWeight = [.. layer.Weight.Select(x => (Half)x)];
            BFloat16[] wideInput = [.. layer.Input.Select(x => (BFloat16)x)];
            BFloat16[] wideWeight = [.. layer.Weight.Select(x => (BFloat16)x)];
            Check(layer with { Input = [.. halfInput.Select(x => (float)x)] }, turn, 0, halfInput, layer.Weight);
            Check(layer with { Weight = [.. halfWeight.Select(x => (float)x)] }, turn, 0, layer.Input, halfWeight);
            Check(
                layer with { Input = [.. wideInput.Select(x => (float)x)], Weight = [.. wideWeight.Select(x => (float)x)] },
                turn,
                0,
                wideInput,
                wideWeight);
        }
    }

    [TestCase(2)]
    [TestCase(7)]
    public void Any_number_of_threads(int threads)
    {
        Layer layer = new(3, 300, 200, 400, false);
        ExecutionOptions execution = target.Execution;
        Results one = Compute(layer, 1, 0, layer.Input, layer.Weight, execution);
        Results many = Compute(layer, 1, 0, layer.Input, layer.Weight, execution with { MaxDegreeOfParallelism = threads });
        AssertSame(one, many, $"{threads} threads");
    }

    [Test]
    public void Rows_apart()
    {
        for (int turn = 0; turn < 20; turn++)
        {
            Layer layer = new(turn, 1 + turn, 1 + (turn * 5 % 37), 1 + (turn * 3 % 35), false);
            Check(layer, turn, 1 + (turn % 3), layer.Input, layer.Weight);
        }
    }

    [Test]
    public void A_batch_in_parts_of_128_rows_gives_the_same_weight_gradient()
    {
        Layer layer = new(4, 300, 20, 30, false);
        LinearLayout layout = new(20, 30);
        float[] whole = new float[600];
        float[] parts = new float[600];
        float[] wholeBias = new float[30];
        float[] partsBias = new float[30];
        LinearLayer.WeightGradient(layer.OutputGradient, layer.Input, layout, whole, wholeBias, false, target.Execution);
        for (int begin = 0; begin < 300; begin += 128)
        {
            int rows = Math.Min(128, 300 - begin);
            LinearLayer.WeightGradient<float>(
                layer.OutputGradient.AsSpan(begin * 30, rows * 30),
                layer.Input.AsSpan(begin * 20, rows * 20),
                layout,
                parts,
                partsBias,
                begin > 0,
                target.Execution);
        }

        Assert.That(Bits.FirstDifference(whole, parts), Is.EqualTo(-1));
        Assert.That(Bits.FirstDifference(wholeBias, partsBias), Is.EqualTo(-1));
    }

    [Test]
    public void No_rows()
    {
        LinearLayout layout = new(2, 3);
        float[] weightGradient = [1, 2, 3, 4, 5, 6];
        float[] biasGradient = [1, 2, 3];
        LinearLayer.Forward([], new float[6], [], layout, [], execution: target.Execution);
        LinearLayer.InputGradient([], new float[6], layout, [], execution: target.Execution);
        LinearLayer.WeightGradient([], [], layout, weightGradient, biasGradient, accumulate: true, target.Execution);
        Assert.That(weightGradient, Is.EqualTo(new float[] { 1, 2, 3, 4, 5, 6 }));
        LinearLayer.WeightGradient([], [], layout, weightGradient, biasGradient, execution: target.Execution);
        Assert.That(weightGradient, Is.All.Zero);
        Assert.That(biasGradient, Is.All.Zero);
    }

    /// <summary>As native code of another library may have left the thread.</summary>
    [Test]
    public void Modes_for_subnormal_numbers_change_no_bit()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
        {
            Assert.Ignore("The mode is set through glibc's floating-point environment of x86-64.");
        }

        Layer layer = new(6, 9, 140, 20, false);
        layer = layer with
        {
            Input = [.. layer.Input.Select(x => x * 1e-21f)],
            Weight = [.. layer.Weight.Select((x, i) => i % 7 == 0 ? float.Epsilon * i : x * 1e-20f)],
            OutputGradient = [.. layer.OutputGradient.Select(x => x * 1e-23f)],
        };
        Results plain = Compute(layer, 2, 0, layer.Input, layer.Weight, target.Execution);
        Assert.That(plain.Output.Count(float.IsSubnormal), Is.Positive);
        Assert.That(plain.WeightGradient.Count(float.IsSubnormal), Is.Positive);

        Results flushed;
        float product;
        byte[] before = new byte[32];
        byte[] changed = new byte[32];
        _ = FloatingPointEnvironment.Get(before);
        before.CopyTo(changed, 0);
        changed[28] |= 0x40;  // denormals are zero
        changed[29] |= 0x80;  // flush to zero
        _ = FloatingPointEnvironment.Set(changed);
        try
        {
            flushed = Compute(layer, 2, 0, layer.Input, layer.Weight, target.Execution);
            product = Half(1.17549435e-38f);
        }
        finally
        {
            _ = FloatingPointEnvironment.Set(before);
        }

        Assert.That(product, Is.Zero, "the mode was set, and still is after the calls");
        AssertSame(plain, flushed, "in the other mode");
    }

    [Test]
    public void Arithmetic_without_subnormal_numbers_is_the_ordinary_one()
    {
        SplitMix64 random = new(7);
        for (int i = 0; i < 2_000_000; i++)
        {
            (uint a, uint b, uint c) = (Any(random), Any(random), Any(random));
            if (i % 2 == 0)
            {
                // Products near the addend, and where numbers become subnormal.
                c = (c & 0x807f_ffff) | ((uint)Math.Clamp((int)((a >> 23) & 255) + (int)((b >> 23) & 255) - 127 + (i % 50) - 25, 0, 255) << 23);
            }

            uint expected = Bits.Of(MathF.FusedMultiplyAdd(Float(a), Float(b), Float(c)));
            uint actual = SubnormalProduct.FusedMultiplyAdd(a, b, c);
            if (expected != actual && !(float.IsNaN(Float(expected)) && float.IsNaN(Float(actual))))
            {
                Assert.Fail($"{a:x8} · {b:x8} + {c:x8} is {expected:x8}, not {actual:x8}");
            }
        }

        static uint Any(SplitMix64 random)
        {
            uint bits = (uint)random.Next();
            return (bits & 3) == 0 ? bits & 0x80ff_ffff : bits;
        }

        static float Float(uint bits) => BitConverter.UInt32BitsToSingle(bits);
    }

    [Test]
    public void Workspaces_are_those_of_the_native_library()
    {
        if (!NativeBackend.IsAvailable)
        {
            Assert.Ignore("The native library is not available.");
        }

        SplitMix64 random = new(8);
        for (int i = 0; i < 2000; i++)
        {
            nuint Size() => (nuint)(random.Next() >> (64 - random.Below(33)));
            (nuint m, nuint n, nuint k) = (Size(), Size(), Size());
            Assert.That(
                ProductBlocks.WorkspaceLength(m, n, k) * sizeof(float),
                Is.EqualTo(NativeMethods.nxent_linear_workspace_size(0, m, k, n)),
                $"{m} × {n} × {k}");
        }
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private static float Half(float x) => x * 0.5f;

    private void Check(int seed, int rows, int features, int outputs, bool special = false)
    {
        Layer layer = new(seed, rows, features, outputs, special);
        Check(layer, seed, 0, layer.Input, layer.Weight);
    }

    private void Check<TInput, TWeight>(Layer layer, int turn, int gap, TInput[] input, TWeight[] weight)
        where TInput : unmanaged
        where TWeight : unmanaged =>
        AssertSame(
            layer.Expected(turn, gap),
            Compute(layer, turn, gap, input, weight, target.Execution),
            $"{layer.Rows} rows, {layer.Features} features, {layer.Outputs} outputs");

    private static Results Compute<TInput, TWeight>(
        Layer layer, int turn, int gap, TInput[] input, TWeight[] weight, ExecutionOptions execution)
        where TInput : unmanaged
        where TWeight : unmanaged
    {
        var (rows, features, outputs) = (layer.Rows, layer.Features, layer.Outputs);
        LinearLayout layout = gap == 0
            ? new(features, outputs)
            : new(features, outputs)
            {
                InputStride = features + gap,
                WeightStride = features + gap,
                OutputStride = outputs + gap,
                GradientStride = features + gap,
            };
        Results r = layer.Start(turn, gap);
        bool accumulate = turn % 3 == 0;
        float[] bias = turn % 2 == 0 ? [] : layer.Bias;
        TInput[] x = Apart(input, rows, features, gap);
        TWeight[] w = Apart(weight, outputs, features, gap);
        float[] g = Apart(layer.OutputGradient, rows, outputs, gap);
        LinearLayer.Forward<TInput, TWeight>(x, w, bias, layout, r.Output, accumulate, execution);
        LinearLayer.InputGradient<TWeight>(g, w, layout, r.InputGradient, accumulate, execution);
        Span<float> biasGradient = turn % 2 == 0 ? [] : r.BiasGradient;
        LinearLayer.WeightGradient<TInput>(g, x, layout, r.WeightGradient, biasGradient, accumulate, execution);
        return r;
    }

    private static T[] Apart<T>(T[] values, int rows, int columns, int gap)
    {
        T[] apart = new T[rows * (columns + gap)];
        for (int i = 0; i < rows; i++)
        {
            values.AsSpan(i * columns, columns).CopyTo(apart.AsSpan(i * (columns + gap)));
        }

        return apart;
    }

    private static void AssertSame(Results expected, Results actual, string what)
    {
        Same(expected.Output, actual.Output, "output");
        Same(expected.InputGradient, actual.InputGradient, "input gradient");
        Same(expected.WeightGradient, actual.WeightGradient, "weight gradient");
        Same(expected.BiasGradient, actual.BiasGradient, "bias gradient");

        void Same(float[] a, float[] b, string name)
        {
            int i = Bits.FirstDifference(a, b);
            if (i >= 0)
            {
                Assert.Fail($"{what}, {name}[{i}]: {Bits.Show(b[i])} should be {Bits.Show(a[i])}");
            }
        }
    }

    private static partial class FloatingPointEnvironment
    {
        [LibraryImport("libm.so.6", EntryPoint = "fegetenv")]
        public static partial int Get([Out] byte[] environment);

        [LibraryImport("libm.so.6", EntryPoint = "fesetenv")]
        public static partial int Set(byte[] environment);
    }

    private sealed record Results(float[] Output, float[] InputGradient, float[] WeightGradient, float[] BiasGradient);

    private sealed record Layer
    {
        public Layer(int seed, int rows, int features, int outputs, bool special)
        {
            SplitMix64 random = new((ulong)seed);
            (Rows, Features, Outputs) = (rows, features, outputs);
            Input = Numbers(rows * features);
            Weight = Numbers(outputs * features);
            OutputGradient = Numbers(rows * outputs);
            Bias = Numbers(outputs);
            Bias[0] = -0f;

            float[] Numbers(int count)
            {
                float[] numbers = new float[count];
                foreach (ref float x in numbers.AsSpan())
                {
                    x = (int)random.Next() * (1 / 2147483648f);
                    x = !special ? x
                        : random.Below(9) == 0 ? BitConverter.UInt32BitsToSingle((uint)random.Next())
                        : random.Below(9) == 0 ? -0f : x;
                }

                return numbers;
            }
        }

        public int Rows { get; }

        public int Features { get; }

        public int Outputs { get; }

        public float[] Input { get; init; }

        public float[] Weight { get; init; }

        public float[] OutputGradient { get; init; }

        public float[] Bias { get; }

        /// <summary>What the results hold before.</summary>
        public Results Start(int turn, int gap)
        {
            float before = turn % 5 == 0 ? -0f : 0.375f;
            return new(
                Filled(Rows, Outputs),
                Filled(Rows, Features),
                Filled(Outputs, Features),
                [.. Enumerable.Repeat(before, Outputs)]);

            float[] Filled(int rows, int columns) =>
                Apart([.. Enumerable.Repeat(before, rows * columns)], rows, columns, gap);
        }

        public Results Expected(int turn, int gap)
        {
            Results r = Start(turn, gap);
            bool accumulate = turn % 3 == 0;
            bool bias = turn % 2 != 0;
            Fill(r.Output, Rows, Outputs, Features, (i, j, k) => (Input[(i * Features) + k], Weight[(j * Features) + k]), bias ? Bias : null);
            Fill(r.InputGradient, Rows, Features, Outputs, (i, j, k) => (OutputGradient[(i * Outputs) + k], Weight[(k * Features) + j]));
            Fill(r.WeightGradient, Outputs, Features, Rows, (i, j, k) => (OutputGradient[(k * Outputs) + i], Input[(k * Features) + j]));
            for (int i = 0; bias && i < Outputs; i++)
            {
                r.BiasGradient[i] = Chained(
                    accumulate ? r.BiasGradient[i] + 0f : 0, Rows, k => (OutputGradient[(k * Outputs) + i], 1));
            }

            return r;

            void Fill(
                float[] c, int rows, int columns, int terms, Func<int, int, int, (float A, float B)> term, float[]? start = null)
            {
                for (int i = 0; i < rows; i++)
                {
                    for (int j = 0; j < columns; j++)
                    {
                        ref float to = ref c[(i * (columns + gap)) + j];
                        float from = (accumulate ? to + 0f : 0) + (start?[j] ?? 0);
                        to = Chained(from + 0f, terms, k => term(i, j, k));
                    }
                }
            }
        }

        private static float Chained(float start, int terms, Func<int, (float A, float B)> term)
        {
            float joined = start;
            for (int k = 0; k < terms; k += 128)
            {
                float sum = 0;
                for (int i = k; i < Math.Min(k + 128, terms); i++)
                {
                    var (a, b) = term(i);
                    sum = MathF.FusedMultiplyAdd(a, b, sum);
                }

                joined += sum;
            }

            return float.IsNaN(joined) ? BitConverter.UInt32BitsToSingle(Bits.CanonicalNaN) : joined;
        }
    }
}
