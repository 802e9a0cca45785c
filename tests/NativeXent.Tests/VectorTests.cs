using System.Numerics;
using NativeXent.Simd;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>
/// The vectors: on every lane what the same scalar expression gives. The arithmetic of doubles is tested apart
/// (<see cref="RealTests{TReal}"/>).
/// </summary>
[TestFixtureSource(typeof(VectorTypes), nameof(VectorTypes.Vectors))]
internal sealed unsafe class VectorTests<TVector, TDoubles>
    where TVector : unmanaged, IVector<TVector>
    where TDoubles : unmanaged, IDoubleVector<TDoubles, TVector>
{
    private const int Length = Lanes.Length;
    private const float SmallestNormal = 1.17549435e-38f;

    // An odd number, so that every value comes to every lane.
    private static readonly float[] Values =
    [
        0f, float.Epsilon, 1.17549421e-38f, SmallestNormal, 1e-20f, 0.49999997f, 0.5f, 1, 1.0000001f, 1.5f, 3, 88,
        8388609, 12582912, 12583039, 12583166, 16777215, 1e20f, float.MaxValue, float.PositiveInfinity, float.NaN,
        -0f, -float.Epsilon, -1.17549421e-38f, -SmallestNormal, -1e-20f, -0.49999997f, -0.5f, -1, -1.0000001f, -1.5f,
        -3, -88, -8388609, -12582912, -16777215, -1e20f, float.MinValue, float.NegativeInfinity,
        BitConverter.UInt32BitsToSingle(0x7fc0007b), BitConverter.UInt32BitsToSingle(0xff800001),
        .. Random(80),
    ];

    private delegate float[] Loading(void* source);

    private delegate void Storing(void* destination);

    [Test]
    public void The_number_of_values_is_odd() => Assert.That(Values.Length % 2, Is.EqualTo(1));

    [Test]
    public void Add() => EachPair(TVector.Add, (a, b) => a + b);

    [Test]
    public void Subtract() => EachPair(TVector.Subtract, (a, b) => a - b);

    [Test]
    public void Multiply() => EachPair(TVector.Multiply, (a, b) => a * b);

    [Test]
    public void FusedMultiplyAdd()
    {
        foreach (float c in Values)
        {
            TVector addend = TVector.Set(c);
            EachPair((a, b) => TVector.FusedMultiplyAdd(a, b, addend), (a, b) => MathF.FusedMultiplyAdd(a, b, c));
        }
    }

    [Test]
    public void FusedNegateMultiplyAdd()
    {
        foreach (float c in Values)
        {
            TVector addend = TVector.Set(c);
            EachPair(
                (a, b) => TVector.FusedNegateMultiplyAdd(a, b, addend), (a, b) => MathF.FusedMultiplyAdd(-a, b, c));
        }
    }

    [Test]
    public void Set()
    {
        foreach (float value in Values)
        {
            Assert.That(ToArray(TVector.Set(value)).Select(Bits.Of), Is.All.EqualTo(Bits.Of(value)));
        }
    }

    [Test]
    public void Greater() => EachPair(TVector.Greater, (a, b) => a > b ? a : b, selects: true);

    [Test]
    public void ZeroBelow() => EachPair(TVector.ZeroBelow, (a, limit) => a >= limit ? a : 0, selects: true);

    [Test]
    public void SelectBelow()
    {
        EachPair((a, b) => TVector.SelectBelow(a, b, a, b), (a, b) => a < b ? a : b, selects: true);
        EachPair((a, b) => TVector.SelectBelow(a, b, b, a), (a, b) => a < b ? b : a, selects: true);
        EachPair(
            (a, b) => TVector.SelectBelow(a, b, TVector.Set(-0f), TVector.Set(float.NaN)),
            (a, b) => a < b ? -0f : float.NaN,
            selects: true);
    }

    [Test]
    public void PowerOfTwo()
    {
        EachPair(
            (a, _) => TVector.PowerOfTwo(a),
            (a, _) => BitConverter.UInt32BitsToSingle(Bits.Of(a) << 23),
            selects: true);
        for (int k = 0; k <= 254; k++)
        {
            TVector power = TVector.PowerOfTwo(TVector.Set(12582912f + k));
            Assert.That(ToArray(power), Is.All.EqualTo(k == 0 ? 0 : MathF.ScaleB(1, k - 127)), $"k = {k}");
        }
    }

    [Test]
    public void ReplaceLane([Range(0, Length - 1)] int lane)
    {
        float[] expected = Values[..Length];
        TVector replaced = TVector.ReplaceLane(Vector(expected), (nuint)lane, -1234);
        expected[lane] = -1234;
        Assert.That(ToArray(replaced).Select(Bits.Of), Is.EqualTo(expected.Select(Bits.Of)));

        double[] doubles = [.. Values[..Length].Select(value => value * 1.1)];
        TDoubles replacedDouble = TDoubles.ReplaceLane(Doubles(doubles), (nuint)lane, double.NegativeInfinity);
        doubles[lane] = double.NegativeInfinity;
        Assert.That(
            ToArray(replacedDouble).Select(BitConverter.DoubleToInt64Bits),
            Is.EqualTo(doubles.Select(BitConverter.DoubleToInt64Bits)));
    }

    [Test]
    public void Quarters_are_four_numbers_each_a_stride_apart([Values(4, 5, 7, 16, 33)] int stride)
    {
        float[] memory = [.. Enumerable.Range(0, (3 * stride) + 4).Select(i => (float)i)];
        float[] expected = [.. Enumerable.Range(0, Length).Select(i => (float)((i / 4 * stride) + (i % 4)))];
        fixed (float* p = memory)
        {
            Assert.That(ToArray(TVector.LoadQuarters(p, (nuint)stride)), Is.EqualTo(expected));

            float[] stored = [.. Enumerable.Range(0, Length).Select(i => -1f - i)];
            TVector.StoreQuarters(p, (nuint)stride, Vector(stored));
            Assert.That(expected.Select(i => memory[(int)i]), Is.EqualTo(stored));
            Assert.That(memory.Count(value => value < 0), Is.EqualTo(Length), "the numbers between are as they were");
        }
    }

    [Test]
    public void TransposeQuarters()
    {
        TVector[] rows =
            [.. Enumerable.Range(0, 4).Select(i => Vector([.. Enumerable.Range(0, Length).Select(k => (100f * i) + k)]))];
        TVector.TransposeQuarters(ref rows[0], ref rows[1], ref rows[2], ref rows[3]);
        for (int i = 0; i < rows.Length; i++)
        {
            IEnumerable<float> expected =
                from k in Enumerable.Range(0, Length) select (100f * (k % 4)) + (k / 4 * 4) + i;
            Assert.That(ToArray(rows[i]), Is.EqualTo(expected));
        }
    }

    [Test]
    public void GreatestLane([Range(0, Length - 1)] int lane)
    {
        foreach (float other in (float[])[float.NegativeInfinity, float.MinValue, -2, 0])
        {
            foreach (float greatest in (float[])[other, 1e-30f, 1, float.MaxValue, float.PositiveInfinity])
            {
                float[] values = [.. Enumerable.Repeat(other, Length)];
                values[lane] = greatest;
                Assert.That(TVector.GreatestLane(Vector(values)), Is.EqualTo(greatest));
                Assert.That(TDoubles.GreatestLane(Doubles([.. values])), Is.EqualTo((double)greatest));
            }
        }
    }

    [Test]
    public void SumLanes_adds_in_the_order_it_says()
    {
        SplitMix64 random = new(3);
        int ordered = 0;
        for (int repetition = 0; repetition < 1000; repetition++)
        {
            double[] values = [.. Enumerable.Range(0, Length).Select(_ => random.Normal(1) * 1.1)];
            double[] sums = [.. values];
            for (int half = Length / 2; half > 0; half /= 2)
            {
                for (int i = 0; i < half; i++)
                {
                    sums[i] += sums[i + half];
                }
            }

            Assert.That(TDoubles.SumLanes(Doubles(values)), Is.EqualTo(sums[0]));
            ordered += values.Sum() == sums[0] ? 0 : 1;
        }

        Assert.That(ordered, Is.GreaterThan(100), "sums that depend on the order");
        Assert.That(TDoubles.SumLanes(default), Is.Zero);
    }

    [Test]
    public void Widen() => EachRun(Values, a => ToArray(TDoubles.Widen(Vector(a))), a => (double)a);

    [Test]
    public void AddWidened()
    {
        foreach (float value in Values)
        {
            double sum = value * 1.1;
            TDoubles sums = TDoubles.Set(sum);
            EachRun(Values, a => ToArray(TDoubles.AddWidened(sums, Vector(a))), a => sum + a);
        }
    }

    [Test]
    public void Narrow()
    {
        List<double> values = [1e-300, -1e-300, double.MaxValue, double.MinValue];
        foreach (float value in Values)
        {
            // Beside each value, and beside the middle to the next. Half-way behind the largest, infinity begins.
            float next = value < 0 ? MathF.BitDecrement(value) : MathF.BitIncrement(value);
            double behind = float.IsFinite(value) && float.IsInfinity(next)
                ? Math.CopySign(Math.ScaleB(1, 128), value)
                : next;
            foreach (double a in (double[])[value, (value + behind) / 2])
            {
                values.AddRange([Math.BitDecrement(a), a, Math.BitIncrement(a)]);
            }
        }

        values.RemoveAll(a => float.IsSubnormal((float)a)); // these never matter
        EachRun(values, a => ToArray(TDoubles.Narrow(Doubles(a))), a => (float)a);
    }

    [Test]
    public void Every_Half_is_loaded() =>
        EachRun(EveryPattern(), LoadHalf, a => (float)BitConverter.UInt16BitsToHalf(a));

    [Test]
    public void Every_BFloat16_is_loaded() =>
        EachRun(EveryPattern(), LoadBFloat16, a => BitConverter.UInt32BitsToSingle((uint)a << 16));

    [Test]
    public void Half_is_stored_to_nearest_even_around_every_boundary()
    {
        const int Infinity = 0x7c00;
        Dictionary<float, ushort> stored = new() { [1e30f] = Infinity, [float.MaxValue] = Infinity };
        for (int half = 0; half < Infinity; half++)
        {
            // Infinity begins where 65536 would round to.
            float value = (float)BitConverter.UInt16BitsToHalf((ushort)half);
            float next = half + 1 == Infinity ? 65536 : (float)BitConverter.UInt16BitsToHalf((ushort)(half + 1));
            AddBoundary(stored, half, value, (value + next) / 2, next);
        }

        foreach ((float value, ushort half) in stored)
        {
            Assert.That(BitConverter.HalfToUInt16Bits((Half)value), Is.EqualTo(half), "what System.Half says");
        }

        EachMagnitude(stored, StoreHalf);
    }

    [Test]
    public void BFloat16_is_stored_to_nearest_even_around_every_boundary()
    {
        const int Infinity = 0x7f80;
        Dictionary<float, ushort> stored = new() { [0] = 0, [float.MaxValue] = Infinity };
        for (int bfloat16 = 0x0080; bfloat16 < Infinity; bfloat16++)
        {
            uint bits = (uint)bfloat16 << 16;
            AddBoundary(
                stored,
                bfloat16,
                BitConverter.UInt32BitsToSingle(bits),
                BitConverter.UInt32BitsToSingle(bits + 0x8000),
                BitConverter.UInt32BitsToSingle(bits + 0x10000));
        }

        EachMagnitude(stored, StoreBFloat16);
    }

    [Test]
    public void Any_value_is_stored()
    {
        SplitMix64 random = new(11);
        List<float> values = [];
        while (values.Count < 200_000)
        {
            // Any, and any in the range of Half.
            float value = values.Count % 2 == 0
                ? random.AnyFinite()
                : BitConverter.UInt32BitsToSingle(0x32000000 + (uint)random.Below(0x16000000));
            if (!float.IsSubnormal(value))
            {
                values.Add(value);
            }
        }

        EachRun(values, StoreHalf, value => BitConverter.HalfToUInt16Bits((Half)value));
        EachRun(
            values,
            StoreBFloat16,
            value => (ushort)((Bits.Of(value) + 0x7fff + ((Bits.Of(value) >> 16) & 1)) >> 16));
    }

    [Test]
    public void NaN_is_stored_as_NaN([Range(0, Length - 1)] int lane)
    {
        foreach (uint bits in (uint[])[0x7f800001, 0x7f801fff, 0x7fbfffff, 0x7fc00000, 0x7fffffff])
        {
            foreach (uint sign in (uint[])[0, 0x80000000])
            {
                float[] lanes = [.. Enumerable.Repeat(1f, Length)];
                lanes[lane] = BitConverter.UInt32BitsToSingle(bits | sign);
                ushort[] half = StoreHalf(lanes);
                ushort[] bfloat16 = StoreBFloat16(lanes);
                Assert.That(half[lane] & 0x7fff, Is.GreaterThan(0x7c00));
                Assert.That(bfloat16[lane] & 0x7fff, Is.GreaterThan(0x7f80));
                Assert.That(half.Count(other => other == 0x3c00), Is.EqualTo(Length - 1));
                Assert.That(bfloat16.Count(other => other == 0x3f80), Is.EqualTo(Length - 1));
            }
        }
    }

    [Test]
    public void Loads_touch_their_lanes_alone([Range(0, Length)] int count)
    {
        nuint n = (nuint)count;
        float[] values = [.. Enumerable.Range(0, count).Select(i => i - 4.5f)];
        double[] doubles = [.. values];
        Half[] half = [.. values.Select(value => (Half)value)];
        ushort[] bfloat16 = [.. values.Select(value => (ushort)(Bits.Of(value) >> 16))];
        foreach (float other in (float[])[0, -3, float.NegativeInfinity, float.NaN])
        {
            float[] expected = [.. values, .. Enumerable.Repeat(other, Length - count)];
            AssertLoads(values, p => ToArray(TVector.LoadPartial((float*)p, n, other)), expected);
            AssertLoads(doubles, p => ToFloats(TDoubles.LoadPartial((double*)p, n, other)), expected);
            AssertLoads(half, p => ToArray(TVector.LoadHalfPartial((ushort*)p, n, other)), expected);
            AssertLoads(bfloat16, p => ToArray(TVector.LoadBFloat16Partial((ushort*)p, n, other)), expected);
        }

        if (count == Length)
        {
            AssertLoads(values, p => ToArray(TVector.Load((float*)p)), values);
            AssertLoads(doubles, p => ToFloats(TDoubles.Load((double*)p)), values);
            AssertLoads(half, p => ToArray(TVector.LoadHalf((ushort*)p)), values);
            AssertLoads(bfloat16, p => ToArray(TVector.LoadBFloat16((ushort*)p)), values);
        }
    }

    [Test]
    public void Stores_touch_their_lanes_alone([Range(0, Length)] int count)
    {
        nuint n = (nuint)count;
        float[] lanes = [.. Enumerable.Range(0, Length).Select(i => i - 4.5f)];
        float[] values = lanes[..count];
        double[] doubles = [.. values];
        Half[] half = [.. values.Select(value => (Half)value)];
        ushort[] bfloat16 = [.. values.Select(value => (ushort)(Bits.Of(value) >> 16))];
        TVector a = Vector(lanes);
        TDoubles d = Doubles([.. lanes]);
        AssertStores(values, p => TVector.StorePartial((float*)p, a, n));
        AssertStores(doubles, p => TDoubles.StorePartial((double*)p, d, n));
        AssertStores(half, p => TVector.StoreHalfPartial((ushort*)p, a, n));
        AssertStores(bfloat16, p => TVector.StoreBFloat16Partial((ushort*)p, a, n));
        if (count == Length)
        {
            AssertStores(values, p => TVector.Store((float*)p, a));
            AssertStores(doubles, p => TDoubles.Store((double*)p, d));
            AssertStores(half, p => TVector.StoreHalf((ushort*)p, a));
            AssertStores(bfloat16, p => TVector.StoreBFloat16((ushort*)p, a));
        }
    }

    // At either end of guarded memory: an access beyond ends the process.
    private static void AssertLoads<T>(T[] memory, Loading load, float[] expected)
        where T : unmanaged
    {
        using GuardedMemory guarded = new(1);
        foreach (bool atEnd in (bool[])[false, true])
        {
            T* source = atEnd ? guarded.AtEnd<T>(memory.Length) : (T*)guarded.Start;
            memory.CopyTo(new Span<T>(source, memory.Length));
            Assert.That(load(source), Is.EqualTo(expected), $"{typeof(T).Name}, at the {(atEnd ? "end" : "start")}");
        }
    }

    // At either end of guarded memory, and misaligned between neighbours, which stay as they are.
    private static void AssertStores<T>(T[] expected, Storing store)
        where T : unmanaged
    {
        using GuardedMemory guarded = new(1);
        Span<T> all = new(guarded.Start, (int)guarded.Bytes / sizeof(T));
        foreach (int at in (int[])[0, 77, all.Length - expected.Length])
        {
            new Span<byte>(guarded.Start, (int)guarded.Bytes).Fill(0xa5);
            T[] wanted = all.ToArray();
            expected.CopyTo(wanted, at);
            store((T*)guarded.Start + at);
            Assert.That(all.ToArray(), Is.EqualTo(wanted), $"{typeof(T).Name}, from element {at} of {all.Length}");
        }
    }

    // Beside the value and beside the middle to the next, as far as the floats are normal and lie between.
    private static void AddBoundary(Dictionary<float, ushort> stored, int bits, float value, float middle, float next)
    {
        float below = MathF.BitDecrement(middle);
        float above = MathF.BitIncrement(middle);
        foreach (float down in (float[])[value, MathF.BitIncrement(value), MathF.BitDecrement(below), below])
        {
            Add(down, bits);
        }

        Add(middle, bits + (bits & 1));
        foreach (float up in (float[])[above, MathF.BitIncrement(above), MathF.BitDecrement(next), next])
        {
            Add(up, bits + 1);
        }

        void Add(float a, int half)
        {
            if (!float.IsSubnormal(a))
            {
                stored[a] = (ushort)half;
            }
        }
    }

    // Each key, of either sign, is stored as its value.
    private static void EachMagnitude(Dictionary<float, ushort> stored, Func<float[], ushort[]> store)
    {
        EachRun([.. stored.Keys], store, a => stored[a]);
        EachRun([.. stored.Keys.Select(a => -a)], store, a => (ushort)(stored[-a] | 0x8000));
    }

    // Every pair of values. What only selects must give the bits of its choice; what computes may give another NaN.
    private static void EachPair(
        Func<TVector, TVector, TVector> operation, Func<float, float, float> expected, bool selects = false)
    {
        float[] a = new float[Length];
        float[] b = new float[Length];
        for (int first = 0; first < Values.Length * Values.Length; first += Length)
        {
            for (int i = 0; i < Length; i++)
            {
                int pair = (first + i) % (Values.Length * Values.Length);
                a[i] = Values[pair / Values.Length];
                b[i] = Values[pair % Values.Length];
            }

            float[] actual = ToArray(operation(Vector(a), Vector(b)));
            for (int i = 0; i < Length; i++)
            {
                float wanted = expected(a[i], b[i]);
                if (selects ? Bits.Of(actual[i]) != Bits.Of(wanted) : !Same(actual[i], wanted))
                {
                    Assert.Fail(
                        $"lane {i} of {Bits.Show(a[i])}, {Bits.Show(b[i])}: {Bits.Show(actual[i])} instead of " +
                        Bits.Show(wanted));
                }
            }
        }
    }

    // All values, sixteen at a time; the last ones with the first.
    private static void EachRun<TIn, TOut>(
        IReadOnlyList<TIn> values, Func<TIn[], TOut[]> operation, Func<TIn, TOut> expected)
        where TOut : INumberBase<TOut>
    {
        TIn[] run = new TIn[Length];
        for (int first = 0; first < values.Count; first += Length)
        {
            for (int i = 0; i < Length; i++)
            {
                run[i] = values[(first + i) % values.Count];
            }

            TOut[] actual = operation(run);
            for (int i = 0; i < Length; i++)
            {
                TOut wanted = expected(run[i]);
                if (!Same(actual[i], wanted))
                {
                    Assert.Fail(FormattableString.Invariant(
                        $"lane {i} of {run[i]:R}: {actual[i]} instead of {wanted}"));
                }
            }
        }
    }

    // The same bits, or both NaN.
    private static bool Same<T>(T a, T b)
        where T : INumberBase<T> =>
        T.IsNaN(a) ? T.IsNaN(b) : a == b && T.IsNegative(a) == T.IsNegative(b);

    private static ushort[] EveryPattern() =>
        [.. Enumerable.Range(0, 65536).Select(pattern => (ushort)pattern)];

    private static IEnumerable<float> Random(int count)
    {
        SplitMix64 random = new(5);
        for (int i = 0; i < count; i++)
        {
            // Those of like size, so that sums round, and any.
            yield return i % 2 == 0 ? random.Normal(2) : BitConverter.UInt32BitsToSingle((uint)random.Next());
        }
    }

    private static float[] LoadHalf(ushort[] a)
    {
        fixed (ushort* source = a)
        {
            return ToArray(TVector.LoadHalf(source));
        }
    }

    private static float[] LoadBFloat16(ushort[] a)
    {
        fixed (ushort* source = a)
        {
            return ToArray(TVector.LoadBFloat16(source));
        }
    }

    private static ushort[] StoreHalf(float[] a)
    {
        ushort[] stored = new ushort[Length];
        fixed (ushort* destination = stored)
        {
            TVector.StoreHalf(destination, Vector(a));
        }

        return stored;
    }

    private static ushort[] StoreBFloat16(float[] a)
    {
        ushort[] stored = new ushort[Length];
        fixed (ushort* destination = stored)
        {
            TVector.StoreBFloat16(destination, Vector(a));
        }

        return stored;
    }

    private static TVector Vector(float[] lanes)
    {
        fixed (float* source = lanes)
        {
            return TVector.Load(source);
        }
    }

    private static TDoubles Doubles(double[] lanes)
    {
        fixed (double* source = lanes)
        {
            return TDoubles.Load(source);
        }
    }

    private static float[] ToArray(TVector a)
    {
        float[] lanes = new float[Length];
        fixed (float* destination = lanes)
        {
            TVector.Store(destination, a);
        }

        return lanes;
    }

    private static double[] ToArray(TDoubles a)
    {
        double[] lanes = new double[Length];
        fixed (double* destination = lanes)
        {
            TDoubles.Store(destination, a);
        }

        return lanes;
    }

    private static float[] ToFloats(TDoubles a) => [.. ToArray(a).Select(lane => (float)lane)];
}
