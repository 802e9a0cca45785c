using System.Runtime.CompilerServices;

namespace NativeXent.Simd;

/// <summary>
/// Sixteen lanes one by one: runs everywhere. <see cref="MathF.FusedMultiplyAdd"/> rounds once whether or not the CPU
/// has the instruction.
/// </summary>
internal unsafe struct ScalarVector : IVector<ScalarVector>
{
    internal Lanes<float> Values;

    public static ScalarVector Set(float value)
    {
        Unsafe.SkipInit(out ScalarVector r);
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

    public static ScalarVector LoadHalf(ushort* source)
    {
        Unsafe.SkipInit(out ScalarVector r);
        for (int i = 0; i < Lanes.Length; i++)
        {
            r.Values[i] = (float)BitConverter.UInt16BitsToHalf(source[i]);
        }

        return r;
    }

    public static void StoreHalf(ushort* destination, ScalarVector a)
    {
        for (int i = 0; i < Lanes.Length; i++)
        {
            destination[i] = BitConverter.HalfToUInt16Bits((Half)a.Values[i]);
        }
    }

    public static ScalarVector LoadBFloat16(ushort* source)
    {
        Unsafe.SkipInit(out ScalarVector r);
        for (int i = 0; i < Lanes.Length; i++)
        {
            r.Values[i] = BitConverter.UInt32BitsToSingle((uint)source[i] << 16);
        }

        return r;
    }

    public static void StoreBFloat16(ushort* destination, ScalarVector a)
    {
        for (int i = 0; i < Lanes.Length; i++)
        {
            uint bits = BitConverter.SingleToUInt32Bits(a.Values[i]);
            uint rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
            destination[i] = float.IsNaN(a.Values[i]) ? (ushort)0x7fc0 : (ushort)rounded;
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

    public static ScalarVector SelectBelow(ScalarVector a, ScalarVector b, ScalarVector x, ScalarVector y)
    {
        for (int i = 0; i < Lanes.Length; i++)
        {
            a.Values[i] = a.Values[i] < b.Values[i] ? x.Values[i] : y.Values[i];
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

    public static ScalarVector LoadQuarters(float* source, nuint stride)
    {
        Unsafe.SkipInit(out ScalarVector r);
        for (int i = 0; i < Lanes.Length; i++)
        {
            r.Values[i] = source[((nuint)(i / 4) * stride) + (nuint)(i % 4)];
        }

        return r;
    }

    public static void StoreQuarters(float* destination, nuint stride, ScalarVector a)
    {
        for (int i = 0; i < Lanes.Length; i++)
        {
            destination[((nuint)(i / 4) * stride) + (nuint)(i % 4)] = a.Values[i];
        }
    }

    public static void TransposeQuarters(ref ScalarVector a, ref ScalarVector b, ref ScalarVector c, ref ScalarVector d)
    {
        for (int i = 0; i < Lanes.Length; i += 4)
        {
            (a.Values[i + 1], b.Values[i]) = (b.Values[i], a.Values[i + 1]);
            (a.Values[i + 2], c.Values[i]) = (c.Values[i], a.Values[i + 2]);
            (a.Values[i + 3], d.Values[i]) = (d.Values[i], a.Values[i + 3]);
            (b.Values[i + 2], c.Values[i + 1]) = (c.Values[i + 1], b.Values[i + 2]);
            (b.Values[i + 3], d.Values[i + 1]) = (d.Values[i + 1], b.Values[i + 3]);
            (c.Values[i + 3], d.Values[i + 2]) = (d.Values[i + 2], c.Values[i + 3]);
        }
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

/// <summary>Sixteen doubles one by one.</summary>
internal unsafe struct ScalarDoubles : IDoubleVector<ScalarDoubles, ScalarVector>
{
    internal Lanes<double> Values;

    public static ScalarDoubles operator +(ScalarDoubles a, ScalarDoubles b)
    {
        for (int i = 0; i < Lanes.Length; i++)
        {
            a.Values[i] += b.Values[i];
        }

        return a;
    }

    public static ScalarDoubles operator -(ScalarDoubles a, ScalarDoubles b)
    {
        for (int i = 0; i < Lanes.Length; i++)
        {
            a.Values[i] -= b.Values[i];
        }

        return a;
    }

    public static ScalarDoubles operator *(ScalarDoubles a, ScalarDoubles b)
    {
        for (int i = 0; i < Lanes.Length; i++)
        {
            a.Values[i] *= b.Values[i];
        }

        return a;
    }

    public static ScalarDoubles operator /(ScalarDoubles a, ScalarDoubles b)
    {
        for (int i = 0; i < Lanes.Length; i++)
        {
            a.Values[i] /= b.Values[i];
        }

        return a;
    }

    public static ScalarDoubles Set(double value)
    {
        Unsafe.SkipInit(out ScalarDoubles r);
        for (int i = 0; i < Lanes.Length; i++)
        {
            r.Values[i] = value;
        }

        return r;
    }

    public static ScalarDoubles Load(double* source)
    {
        Unsafe.SkipInit(out ScalarDoubles r);
        for (int i = 0; i < Lanes.Length; i++)
        {
            r.Values[i] = source[i];
        }

        return r;
    }

    public static ScalarDoubles LoadPartial(double* source, nuint count, double other)
    {
        Unsafe.SkipInit(out ScalarDoubles r);
        for (int i = 0; i < Lanes.Length; i++)
        {
            r.Values[i] = (nuint)i < count ? source[i] : other;
        }

        return r;
    }

    public static void Store(double* destination, ScalarDoubles a) => StorePartial(destination, a, Lanes.Length);

    public static void StorePartial(double* destination, ScalarDoubles a, nuint count)
    {
        for (int i = 0; (nuint)i < count; i++)
        {
            destination[i] = a.Values[i];
        }
    }

    public static ScalarDoubles Greater(ScalarDoubles a, ScalarDoubles b)
    {
        for (int i = 0; i < Lanes.Length; i++)
        {
            a.Values[i] = a.Values[i] > b.Values[i] ? a.Values[i] : b.Values[i];
        }

        return a;
    }

    public static ScalarDoubles ZeroBelow(ScalarDoubles a, ScalarDoubles limit)
    {
        for (int i = 0; i < Lanes.Length; i++)
        {
            a.Values[i] = a.Values[i] >= limit.Values[i] ? a.Values[i] : 0;
        }

        return a;
    }

    public static ScalarDoubles SelectBelow(ScalarDoubles a, ScalarDoubles b, ScalarDoubles x, ScalarDoubles y)
    {
        for (int i = 0; i < Lanes.Length; i++)
        {
            a.Values[i] = a.Values[i] < b.Values[i] ? x.Values[i] : y.Values[i];
        }

        return a;
    }

    public static ScalarDoubles PowerOfTwo(ScalarDoubles a)
    {
        for (int i = 0; i < Lanes.Length; i++)
        {
            a.Values[i] = BitConverter.UInt64BitsToDouble(BitConverter.DoubleToUInt64Bits(a.Values[i]) << 52);
        }

        return a;
    }

    public static double GreatestLane(ScalarDoubles a)
    {
        double greatest = a.Values[0];
        for (int i = 1; i < Lanes.Length; i++)
        {
            greatest = a.Values[i] > greatest ? a.Values[i] : greatest;
        }

        return greatest;
    }

    public static double SumLanes(ScalarDoubles a)
    {
        for (int half = Lanes.Length / 2; half > 0; half /= 2)
        {
            for (int i = 0; i < half; i++)
            {
                a.Values[i] += a.Values[i + half];
            }
        }

        return a.Values[0];
    }

    public static ScalarDoubles Widen(ScalarVector a)
    {
        Unsafe.SkipInit(out ScalarDoubles r);
        for (int i = 0; i < Lanes.Length; i++)
        {
            r.Values[i] = a.Values[i];
        }

        return r;
    }

    public static ScalarVector Narrow(ScalarDoubles a)
    {
        Unsafe.SkipInit(out ScalarVector r);
        for (int i = 0; i < Lanes.Length; i++)
        {
            r.Values[i] = (float)a.Values[i];
        }

        return r;
    }
}
