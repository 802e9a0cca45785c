using System.Runtime.CompilerServices;
using NativeXent.Jobs;

namespace NativeXent.Simd;

/// <summary>
/// The products of <see cref="MatrixProduct{TVector}"/> where native code has left the thread in a mode that takes subnormal
/// numbers for 0, which .NET cannot change: slowly, number by number, in arithmetic that never meets a subnormal number.
/// </summary>
internal static unsafe class SubnormalProduct
{
    /// <summary>The bits of the canonical NaN.</summary>
    internal const uint CanonicalNaN = 0x7fc0_0000;

    private const uint SmallestNormal = 0x0080_0000;

    // 2^-149, the unit of subnormal numbers; 2^-126; and 1.5·2^52 units: what is added to it is rounded to a unit.
    private static readonly double Unit = Math.ScaleB(1, -149);
    private static readonly double LeastNormal = Math.ScaleB(1, -126);
    private static readonly double RoundsToUnit = Math.ScaleB(1.5, 52 - 149);

    /// <summary>Whether this thread takes subnormal results or operands for 0.</summary>
    internal static bool IsNeeded =>
        Flushes(BitConverter.UInt32BitsToSingle(SmallestNormal), BitConverter.UInt32BitsToSingle(1));

    internal static void Run(in MatrixProductJob job)
    {
        for (nuint i = 0; i < job.Rows; i++)
        {
            for (nuint j = 0; j < job.Columns; j++)
            {
                uint* c = (uint*)job.Output + (i * job.OutputStride) + j;
                uint joined = 0;
                if (job.Accumulate)
                {
                    joined = Add(joined, *c);
                }

                if (job.Bias is not null)
                {
                    joined = Add(joined, ((uint*)job.Bias)[j]);
                }

                for (nuint k = 0; k < job.Terms || k == 0; k += ProductBlocks.TermsTogether)
                {
                    uint sum = 0;
                    nuint end = k + nuint.Min(job.Terms - k, ProductBlocks.TermsTogether);
                    for (nuint term = k; term < end; term++)
                    {
                        sum = FusedMultiplyAdd(Element(job.A, i, term), Element(job.B, j, term), sum);
                    }

                    joined = Add(joined, sum);
                }

                *c = Canonical(joined);
            }
        }
    }

    internal static void ColumnSums(in ColumnSumsJob job)
    {
        for (nuint j = 0; j < job.Columns; j++)
        {
            uint* c = (uint*)job.Output + j;
            uint joined = job.Accumulate ? Add(0, *c) : 0;
            for (nuint i = 0; i < job.Rows; i += ProductBlocks.TermsTogether)
            {
                uint sum = 0;
                nuint end = i + nuint.Min(job.Rows - i, ProductBlocks.TermsTogether);
                for (nuint k = i; k < end; k++)
                {
                    sum = Add(sum, ((uint*)job.Matrix)[(k * job.Stride) + j]);
                }

                joined = Add(joined, sum);
            }

            *c = Canonical(joined);
        }
    }

    /// <summary>a·b + c, rounded once, of the bits of floats.</summary>
    internal static uint FusedMultiplyAdd(uint a, uint b, uint c) => Rounded(Widened(a) * Widened(b), Widened(c));

    // Not inlined, so that it is computed when it is called and not when it is compiled.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool Flushes(float smallestNormal, float subnormal) =>
        smallestNormal * 0.5f == 0 || subnormal * 8_388_608f == 0;

    private static uint Add(uint a, uint b) => Rounded(Widened(a), Widened(b));

    private static uint Canonical(uint x) => (x & int.MaxValue) > 0x7f80_0000 ? CanonicalNaN : x;

    private static uint Element(in ProductOperand operand, nuint line, nuint term)
    {
        nuint index = operand.Index(line, term);
        return operand.ElementType switch
        {
            ElementType.Float32 => ((uint*)operand.Start)[index],
            ElementType.BFloat16 => (uint)((ushort*)operand.Start)[index] << 16,
            _ => WidenedHalf(((ushort*)operand.Start)[index]),
        };
    }

    // No Half is a subnormal float, but its magnitude as an integer may stand for one on the way.
    private static uint WidenedHalf(ushort half)
    {
        uint sign = (half & 0x8000u) << 16;
        uint magnitude = half & 0x7fffu;
        return sign | (magnitude < 0x0400
            ? BitConverter.SingleToUInt32Bits((float)(magnitude * Math.ScaleB(1, -24)))
            : (magnitude << 13) + (uint)HalfBits.Rebias + (magnitude >= 0x7c00 ? (uint)HalfBits.Rebias : 0));
    }

    private static double Widened(uint bits)
    {
        uint magnitude = bits & int.MaxValue;
        if (magnitude is 0 or >= SmallestNormal)
        {
            return BitConverter.UInt32BitsToSingle(bits);
        }

        double x = magnitude * Unit;
        return bits == magnitude ? x : -x;
    }

    // x + y rounded to a float, where x and y are exact. The sum is rounded to odd (Boldo and Melquiond, "Emulation of FMA and
    // correctly rounded sums: proved algorithms using rounding to odd", 2008), so that only the last rounding shows.
    private static uint Rounded(double x, double y)
    {
        double sum = x + y;
        if (!double.IsFinite(sum))
        {
            return BitConverter.SingleToUInt32Bits((float)sum);
        }

        double part = sum - x;
        double error = (x - (sum - part)) + (y - part);
        ulong bits = BitConverter.DoubleToUInt64Bits(sum);
        if (error != 0 && (bits & 1) == 0)
        {
            sum = BitConverter.UInt64BitsToDouble((error > 0) == (sum > 0) ? bits + 1 : bits - 1);
        }

        if (sum == 0 || Math.Abs(sum) >= LeastNormal)
        {
            return BitConverter.SingleToUInt32Bits((float)sum);
        }

        // As many units, to nearest even. 2^23 of them are the smallest normal number, with the same bits.
        ulong units = BitConverter.DoubleToUInt64Bits(Math.Abs(sum) + RoundsToUnit)
            - BitConverter.DoubleToUInt64Bits(RoundsToUnit);
        return (uint)units | (sum < 0 ? 0x8000_0000 : 0);
    }
}
