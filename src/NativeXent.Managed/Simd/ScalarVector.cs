using System.Runtime.CompilerServices;

namespace NativeXent.Simd;

/// <summary>
/// Sixteen lanes one by one: runs everywhere. <see cref="MathF.FusedMultiplyAdd"/> rounds once whether or not the CPU has
/// the instruction.
/// </summary>
internal unsafe struct ScalarVector : IVector<ScalarVector>
{
    internal Lanes Values;

    public static ScalarVector Set(float value)
    {
        ScalarVector r;
        Unsafe.SkipInit(out r);
        for (int i = 0; i < Lanes.Length; i++)
        {
            r.Values[i] = value;
        }

        return r;
    }

    public static ScalarVector Load(float* source)
    {
        Unsafe.SkipInit(out ScalarVector r);
        for (int i = 0; i < Lanes.Length; i++)
        {
            r.Values[i] = source[i];
        }

        return r;
    }

    public static ScalarVector LoadPartial(float* source, nuint count, float other)
    {
        Unsafe.SkipInit(out ScalarVector r);
        for (int i = 0; i < Lanes.Length; i++)
        {
            r.Values[i] = (nuint)i < count ? source[i] : other;
        }

        return r;
    }

    public static void Store(float* destination, ScalarVector a) => StorePartial(destination, a, Lanes.Length);

    public static void StorePartial(float* destination, ScalarVector a, nuint count)
    {
        for (int i = 0; (nuint)i < count; i++)
        {
            destination[i] = a.Values[i];
        }
    }

    public static ScalarVector Add(ScalarVector a, ScalarVector b)
    {
        for (int i = 0; i < Lanes.Length; i++)
        {
            a.Values[i] += b.Values[i];
        }

        return a;
    }

    public static ScalarVector Subtract(ScalarVector a, ScalarVector b)
    {
        for (int i = 0; i < Lanes.Length; i++)
        {
            a.Values[i] -= b.Values[i];
        }

        return a;
    }

    public static ScalarVector Multiply(ScalarVector a, ScalarVector b)
    {
        for (int i = 0; i < Lanes.Length; i++)
        {
            a.Values[i] *= b.Values[i];
        }

        return a;
    }

    public static ScalarVector FusedMultiplyAdd(ScalarVector a, ScalarVector b, ScalarVector c)
    {
        for (int i = 0; i < Lanes.Length; i++)
        {
            a.Values[i] = MathF.FusedMultiplyAdd(a.Values[i], b.Values[i], c.Values[i]);
        }

        return a;
    }

    public static ScalarVector FusedNegateMultiplyAdd(ScalarVector a, ScalarVector b, ScalarVector c)
    {
        for (int i = 0; i < Lanes.Length; i++)
        {
            a.Values[i] = MathF.FusedMultiplyAdd(-a.Values[i], b.Values[i], c.Values[i]);
        }

        return a;
    }

    public static ScalarVector Greater(ScalarVector a, ScalarVector b)
    {
        for (int i = 0; i < Lanes.Length; i++)
        {
            a.Values[i] = a.Values[i] > b.Values[i] ? a.Values[i] : b.Values[i];
        }

        return a;
    }

    public static ScalarVector ZeroBelow(ScalarVector a, ScalarVector limit)
    {
        for (int i = 0; i < Lanes.Length; i++)
        {
            a.Values[i] = a.Values[i] >= limit.Values[i] ? a.Values[i] : 0;
        }

        return a;
    }

    public static ScalarVector PowerOfTwo(ScalarVector a)
    {
        for (int i = 0; i < Lanes.Length; i++)
        {
            a.Values[i] = BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(a.Values[i]) << 23);
        }

        return a;
    }

    public static ScalarVector ReplaceLane(ScalarVector a, nuint lane, float value)
    {
        a.Values[(int)lane] = value;
        return a;
    }

    public static float GreatestLane(ScalarVector a)
    {
        float greatest = a.Values[0];
        for (int i = 1; i < Lanes.Length; i++)
        {
            greatest = a.Values[i] > greatest ? a.Values[i] : greatest;
        }

        return greatest;
    }
}

/// <summary>The sum to <see cref="ScalarVector"/>.</summary>
internal struct ScalarVectorSum : IVectorSum<ScalarVectorSum, ScalarVector>
{
    private Doubles _values;

    public static ScalarVectorSum AddWidened(ScalarVectorSum sum, ScalarVector a)
    {
        for (int i = 0; i < Lanes.Length; i++)
        {
            sum._values[i] += a.Values[i];
        }

        return sum;
    }

    public static double SumLanes(ScalarVectorSum a)
    {
        for (int half = Lanes.Length / 2; half > 0; half /= 2)
        {
            for (int i = 0; i < half; i++)
            {
                a._values[i] += a._values[i + half];
            }
        }

        return a._values[0];
    }

    [InlineArray(Lanes.Length)]
    private struct Doubles
    {
        private double _first;
    }
}
