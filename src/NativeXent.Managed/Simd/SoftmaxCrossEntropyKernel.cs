using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace NativeXent.Simd;

/// <summary>
/// The twin of <c>native/src/kernels/softmax_cross_entropy-inl.h</c>: the same floating-point operations in the same
/// order, so the same bits. The method is told there and in docs/numerics.md. Labels outside [0, classes) select no class.
/// </summary>
internal static unsafe class SoftmaxCrossEntropyKernel<TVector, TSum>
    where TVector : struct, IVector<TVector>
    where TSum : struct, IVectorSum<TSum, TVector>
{
    private const nuint VectorLanes = Lanes.Length;
    private const nuint Tile = 8 * VectorLanes;
    private const nuint BlockLength = 4096;
    private const nuint MaxBlocks = 256;
    private const nuint Prefetch = 4096;

    private const float ShiftAbove = 8192.0f;
    private const double Unbias = 2.710505431213761e-20;
    private const float SumBase = 5.902958e+20f;
    private const double FlushBelow = 1.175495471861059e-38;

    private const float Log2E = 1.442695f;
    private const float Ln2High = 0.6931472f;
    private const float Ln2Low = -1.9046542e-09f;

    private static float CanonicalNaN => BitConverter.UInt32BitsToSingle(0x7fc00000);

    internal static void Run(in SoftmaxCrossEntropyJob job)
    {
        for (nuint i = job.RowBegin; i < job.RowEnd;)
        {
            nuint together = job.Classes <= VectorLanes && job.RowEnd - i >= VectorLanes ? VectorLanes : 1;
            if (together > 1 && RowsOfFewClasses(job, i))
            {
                i += together;
                continue;
            }

            for (nuint end = i + together; i < end; i++)
            {
                Row(
                    job.Logits + (i * job.Classes),
                    job.Gradient + (i * job.Classes),
                    job.Losses is null ? null : job.Losses + i,
                    job.Classes,
                    Label(job, i));
            }
        }
    }

    private static nuint Label(in SoftmaxCrossEntropyJob job, nuint row) =>
        job.Labels[row] < 0 ? nuint.MaxValue : (nuint)job.Labels[row];

    private static void Row(float* z, float* gradient, float* loss, nuint classes, nuint label)
    {
        bool hasLabel = label < classes;

        // The gradient may be z: read it now.
        double zLabel = hasLabel ? z[label] : double.NegativeInfinity;

        nuint length = BlockLength;
        if (classes > BlockLength * MaxBlocks)
        {
            length = (classes + MaxBlocks - 1) / MaxBlocks;
            length = (length + Tile - 1) / Tile * Tile;
        }

        nuint count = ((classes - 1) / length) + 1;
        Block* blocks = stackalloc Block[(int)count];
        double reference = zLabel;
        for (nuint b = 0; b < count; b++)
        {
            nuint j = b * length;
            blocks[b] = Exponentials(z + j, gradient + j, nuint.Min(classes - j, length), label - j);
            if (blocks[b].Reference > reference)
            {
                reference = blocks[b].Reference;
            }
        }

        double others = 0;
        for (nuint b = 0; b < count; b++)
        {
            blocks[b].Factor = DoubleMath.Exp(blocks[b].Reference - reference);
            others += blocks[b].Others * blocks[b].Factor;
        }

        RowSums sums = new(others * Unbias, zLabel - reference, hasLabel);
        if (sums.IsNaN)
        {
            Fill(gradient, classes, CanonicalNaN);
            if (loss is not null)
            {
                *loss = CanonicalNaN;
            }

            return;
        }

        for (nuint b = 0; b < count; b++)
        {
            nuint j = b * length;
            ScaleBlock(gradient + j, nuint.Min(classes - j, length), new Scale(blocks[b].Factor * sums.Inverse));
        }

        if (hasLabel)
        {
            gradient[label] = sums.LabelGradient;
        }

        if (loss is not null)
        {
            *loss = sums.Loss;
        }
    }

    // As many rows as a vector has lanes, a lane for each: the same operations as in Row, so the same bits, but none waits
    // for another. False, with nothing written, where a row is not an ordinary one.
    [SkipLocalsInit]
    private static bool RowsOfFewClasses(in SoftmaxCrossEntropyJob job, nuint first)
    {
        const int Rows = Lanes.Length;
        int classes = (int)job.Classes;
        float* v = stackalloc float[Rows * Rows]; // class by class
        float* constants = stackalloc float[4 * Rows];
        double* zLabel = stackalloc double[Rows];
        double* exponent = stackalloc double[Rows];
        for (int i = 0; i < Rows; i++)
        {
            float* z = job.Logits + ((first + (nuint)i) * job.Classes);
            for (int j = 0; j < classes; j++)
            {
                v[(j * Rows) + i] = z[j];
            }

            nuint label = Label(job, first + (nuint)i);
            zLabel[i] = double.NegativeInfinity;
            if (label < job.Classes)
            {
                zLabel[i] = z[label];
                v[((int)label * Rows) + i] = float.NegativeInfinity;
            }
        }

        TVector greatest = TVector.Set(float.NegativeInfinity);
        for (int j = 0; j < classes; j++)
        {
            greatest = TVector.Greater(TVector.Load(v + (j * Rows)), greatest);
        }

        float* lowest = constants;
        float* round = constants + Rows;
        TVector.Store(round, greatest);
        for (int i = 0; i < Rows; i++)
        {
            if (!Unshifted(round[i]))
            {
                return false;
            }

            exponent[i] = ReferenceExponent(round[i]);
            lowest[i] = ExponentialLowest(exponent[i]);
            round[i] = ExponentialRound(exponent[i]);
        }

        Constants c = new(TVector.Set(0), TVector.Load(lowest), TVector.Load(round));
        for (int j = 0; j < classes; j++)
        {
            TVector.Store(v + (j * Rows), Exponential<No>(TVector.Load(v + (j * Rows)), c));
        }

        // SumLanes of one tile: with so few classes every lane holds one, exactly.
        double* sum = stackalloc double[Rows * Rows];
        for (int k = 0; k < classes * Rows; k++)
        {
            sum[k] = v[k];
        }

        for (int half = Rows / 2; half > 0; half /= 2)
        {
            for (int j = 0; j < half && j + half < classes; j++)
            {
                for (int i = 0; i < Rows; i++)
                {
                    sum[(j * Rows) + i] += sum[((j + half) * Rows) + i];
                }
            }
        }

        RowSums* sums = stackalloc RowSums[Rows];
        float* high = constants + (2 * Rows);
        float* low = constants + (3 * Rows);
        float* unbias = round; // no longer needed
        for (int i = 0; i < Rows; i++)
        {
            double blockReference = exponent[i] * DoubleMath.Ln2;
            double reference = blockReference > zLabel[i] ? blockReference : zLabel[i];
            double factor = DoubleMath.Exp(blockReference - reference);
            sums[i] = new(
                sum[i] * factor * Unbias, zLabel[i] - reference, Label(job, first + (nuint)i) < job.Classes);
            if (sums[i].IsNaN)
            {
                return false;
            }

            Scale scale = new(factor * sums[i].Inverse);
            lowest[i] = scale.Lowest;
            high[i] = scale.High;
            low[i] = scale.Low;
            unbias[i] = scale.Unbias;
        }

        for (int j = 0; j < classes; j++)
        {
            float* e = v + (j * Rows);
            TVector.Store(
                e,
                Scaled(
                    TVector.Load(e), TVector.Load(lowest), TVector.Load(high), TVector.Load(low), TVector.Load(unbias)));
        }

        for (int i = 0; i < Rows; i++)
        {
            nuint row = first + (nuint)i;
            nuint label = Label(job, row);
            if (label < job.Classes)
            {
                v[((int)label * Rows) + i] = sums[i].LabelGradient;
            }

            float* gradient = job.Gradient + (row * job.Classes);
            for (int j = 0; j < classes; j++)
            {
                gradient[j] = v[(j * Rows) + i];
            }

            if (job.Losses is not null)
            {
                job.Losses[row] = sums[i].Loss;
            }
        }

        return true;
    }

    private static bool Unshifted(float m) => m is >= -ShiftAbove and <= ShiftAbove;

    // The exponent n of a block's reference n·ln 2, for a greatest logit m that does not ask for a shift.
    private static double ReferenceExponent(float m) =>
        (m * DoubleMath.Log2E) + DoubleMath.Round - DoubleMath.Round;

    private static float ExponentialLowest(double n) => (float)((n - 191.0) * DoubleMath.Ln2);

    private static float ExponentialRound(double n) => (float)(12582912.0 - n + 191.0);

    // First pass over a block. The label may lie outside.
    private static Block Exponentials(float* z, float* e, nuint count, nuint label)
    {
        float m = GreatestOther(z, count, label);
        bool shifted = !Unshifted(m) && m != float.NegativeInfinity;
        double n = 0;
        Block block = new() { Reference = m };
        if (Unshifted(m))
        {
            n = ReferenceExponent(m);
            block.Reference = n * DoubleMath.Ln2;
        }

        Constants c = new(TVector.Set(m), TVector.Set(ExponentialLowest(n)), TVector.Set(ExponentialRound(n)));
        block.Others = shifted
            ? Exponentials<Yes>(z, e, count, label, c)
            : Exponentials<No>(z, e, count, label, c);
        return block;
    }

    private static double Exponentials<TShifted>(float* z, float* e, nuint count, nuint label, in Constants c)
        where TShifted : struct, IFlag
    {
        TSum sum = default;
        nuint j = 0;
        for (; j + Tile <= count; j += Tile)
        {
            TileSum tile = label - j < Tile
                ? PartialTile<TShifted>(z + j, e + j, Tile, label - j, c)
                : FullTile<TShifted>(z + j, e + j, c);
            sum = AddTile(sum, tile);
        }

        if (j < count)
        {
            sum = AddTile(sum, PartialTile<TShifted>(z + j, e + j, count - j, label - j, c));
        }

        return TSum.SumLanes(sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TileSum FullTile<TShifted>(float* z, float* e, in Constants c)
        where TShifted : struct, IFlag
    {
        TileSum sum = TileSum.Empty;
        for (nuint k = 0; k < Tile; k += VectorLanes)
        {
            if (Sse.IsSupported)
            {
                Sse.Prefetch1(z + k + Prefetch);
            }

            TVector v = Exponential<TShifted>(TVector.Load(z + k), c);
            TVector.Store(e + k, v);
            sum = sum.Add(v);
        }

        return sum;
    }

    // A tile that is cut short after count classes or holds the label: absent classes and the label count as −infinity,
    // and add nothing.
    private static TileSum PartialTile<TShifted>(float* z, float* e, nuint count, nuint label, in Constants c)
        where TShifted : struct, IFlag
    {
        TileSum sum = TileSum.Empty;
        for (nuint j = 0; j < count; j += VectorLanes)
        {
            nuint lanes = nuint.Min(count - j, VectorLanes);
            TVector v = lanes == VectorLanes
                ? TVector.Load(z + j)
                : TVector.LoadPartial(z + j, lanes, float.NegativeInfinity);
            if (label - j < VectorLanes)
            {
                v = TVector.ReplaceLane(v, label - j, float.NegativeInfinity);
            }

            v = Exponential<TShifted>(v, c);
            if (lanes == VectorLanes)
            {
                TVector.Store(e + j, v);
            }
            else
            {
                TVector.StorePartial(e + j, v, lanes);
            }

            sum = sum.Add(v);
        }

        return sum;
    }

    // e = 2·exp(z)·2^(64 − N).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Exponential<TShifted>(TVector z, in Constants c)
        where TShifted : struct, IFlag
    {
        if (TShifted.Value)
        {
            z = TVector.Subtract(z, c.Shift);
        }

        z = TVector.Greater(c.Lowest, z);

        // n = rint(z·log2 e); r = z − n·ln 2 (Cody and Waite); 2·exp(r) by a minimax polynomial.
        TVector shifted = TVector.FusedMultiplyAdd(z, TVector.Set(Log2E), c.Round);
        TVector n = TVector.Subtract(shifted, c.Round);
        TVector r = TVector.FusedNegateMultiplyAdd(n, TVector.Set(Ln2High), z);
        r = TVector.FusedNegateMultiplyAdd(n, TVector.Set(Ln2Low), r);
        TVector p = TVector.FusedMultiplyAdd(TVector.Set(0.0003949224f), r, TVector.Set(0.0027870901f));
        p = TVector.FusedMultiplyAdd(p, r, TVector.Set(0.016667128f));
        p = TVector.FusedMultiplyAdd(p, r, TVector.Set(0.08333292f));
        p = TVector.FusedMultiplyAdd(p, r, TVector.Set(0.3333333f));
        p = TVector.FusedMultiplyAdd(p, r, TVector.Set(1.0f));
        p = TVector.FusedMultiplyAdd(p, r, TVector.Set(2.0f));
        p = TVector.FusedMultiplyAdd(p, r, TVector.Set(2.0f));
        return TVector.Multiply(p, TVector.PowerOfTwo(shifted));
    }

    // The greatest of count logits; NaN is passed over.
    private static float GreatestLogit(float* z, nuint count)
    {
        TVector m0 = TVector.Set(float.NegativeInfinity);
        TVector m1 = m0;
        TVector m2 = m0;
        TVector m3 = m0;
        nuint j = 0;
        for (; j + (4 * VectorLanes) <= count; j += 4 * VectorLanes)
        {
            m0 = TVector.Greater(TVector.Load(z + j), m0);
            m1 = TVector.Greater(TVector.Load(z + j + VectorLanes), m1);
            m2 = TVector.Greater(TVector.Load(z + j + (2 * VectorLanes)), m2);
            m3 = TVector.Greater(TVector.Load(z + j + (3 * VectorLanes)), m3);
        }

        for (; j + VectorLanes <= count; j += VectorLanes)
        {
            m0 = TVector.Greater(TVector.Load(z + j), m0);
        }

        if (j < count)
        {
            m1 = TVector.Greater(TVector.LoadPartial(z + j, count - j, float.NegativeInfinity), m1);
        }

        return TVector.GreatestLane(TVector.Greater(TVector.Greater(m0, m1), TVector.Greater(m2, m3)));
    }

    // The greatest of count logits without the label, which may lie outside; NaN is passed over.
    private static float GreatestOther(float* z, nuint count, nuint label)
    {
        if (count <= VectorLanes)
        {
            TVector all = TVector.LoadPartial(z, count, float.NegativeInfinity);
            TVector others = label < count ? TVector.ReplaceLane(all, label, float.NegativeInfinity) : all;
            return TVector.GreatestLane(TVector.Greater(others, TVector.Set(float.NegativeInfinity)));
        }

        if (label >= count)
        {
            return GreatestLogit(z, count);
        }

        float before = GreatestLogit(z, label);
        float after = GreatestLogit(z + label + 1, count - label - 1);
        return before > after ? before : after;
    }

    // Second pass over a block.
    private static void ScaleBlock(float* e, nuint count, in Scale scale)
    {
        TVector lowest = TVector.Set(scale.Lowest);
        TVector high = TVector.Set(scale.High);
        TVector low = TVector.Set(scale.Low);
        TVector unbias = TVector.Set(scale.Unbias);
        nuint j = 0;
        for (; j + VectorLanes <= count; j += VectorLanes)
        {
            TVector.Store(e + j, Scaled(TVector.Load(e + j), lowest, high, low, unbias));
        }

        if (j < count)
        {
            TVector v = Scaled(TVector.LoadPartial(e + j, count - j, 0), lowest, high, low, unbias);
            TVector.StorePartial(e + j, v, count - j);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Scaled(TVector e, TVector lowest, TVector high, TVector low, TVector unbias)
    {
        e = TVector.ZeroBelow(e, lowest);
        return TVector.Multiply(TVector.FusedMultiplyAdd(e, high, TVector.Multiply(e, low)), unbias);
    }

    private static void Fill(float* destination, nuint count, float value)
    {
        for (nuint j = 0; j < count; j++)
        {
            destination[j] = value;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TSum AddTile(TSum sum, TileSum tile) =>
        TSum.AddWidened(
            TSum.AddWidened(sum, TVector.Subtract(tile.High, TVector.Set(SumBase))), tile.Low);

    private interface IFlag
    {
        static abstract bool Value { get; }
    }

    private readonly struct Yes : IFlag
    {
        public static bool Value => true;
    }

    private readonly struct No : IFlag
    {
        public static bool Value => false;
    }

    // What the first pass leaves behind of a block.
    private struct Block
    {
        public double Reference; // stored e = exp(z − Reference)·2^65
        public double Others;    // sum of e without the label
        public double Factor;    // exp(Reference − the row's reference)
    }

    // The constants that turn e into e·scale·2^-65, for 0 ≤ scale ≤ 2.
    private readonly struct Scale
    {
        public readonly float Lowest; // anything below becomes 0
        public readonly float High;   // the factor in two parts: one float would cost half an ULP
        public readonly float Low;
        public readonly float Unbias; // a power of two, apart so that no intermediate result can be subnormal

        public Scale(double scale)
        {
            double unbias = SoftmaxCrossEntropyKernel<TVector, TSum>.Unbias;
            if (scale < 8.673617379884035e-19)
            {
                scale *= 1.152921504606847e+18;
                unbias *= 8.673617379884035e-19;
            }

            Lowest = (float)(FlushBelow / (unbias * scale));
            High = (float)scale;
            Low = (float)(scale - High);
            Unbias = (float)unbias;
        }
    }

    // What a row's sums come to. Everything is relative to exp(reference).
    private readonly struct RowSums
    {
        private readonly double _others;    // without the label
        private readonly double _zRelative; // the label's logit − reference, −infinity where there is no label
        private readonly double _eLabel;    // its exponential
        private readonly double _sum;

        public RowSums(double others, double zRelative, bool hasLabel)
        {
            _others = others;
            _zRelative = zRelative;
            _eLabel = hasLabel ? DoubleMath.Exp(zRelative) : 0;
            _sum = others + _eLabel;
            Inverse = 1.0 / _sum;
        }

        public double Inverse { get; }

        // A logit is NaN or +infinity, or all are −infinity.
        public bool IsNaN => !(_sum > 0);

        public float LabelGradient => 0.0f - Flushed(_others * Inverse);

        // The first form keeps a small loss accurate; the second holds where the label's exponential is out of range.
        public float Loss => Flushed(
            _zRelative > -40.0 ? DoubleMath.Log1P(_others / _eLabel) : DoubleMath.Log(_sum) - _zRelative);

        private static float Flushed(double value) => value < FlushBelow ? 0 : (float)value;
    }

    // The constants of one block's exponentials.
    private readonly struct Constants(TVector shift, TVector lowest, TVector round)
    {
        public readonly TVector Shift = shift;
        public readonly TVector Lowest = lowest;
        public readonly TVector Round = round;
    }

    // A tile's sum, lane by lane: High − SumBase + Low.
    private readonly struct TileSum(TVector high, TVector low)
    {
        public readonly TVector High = high;
        public readonly TVector Low = low;

        public static TileSum Empty => new(TVector.Set(SumBase), TVector.Set(0));

        // Adds e without loss: High takes what fits (Dekker's FastTwoSum), Low the rest.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public TileSum Add(TVector e)
        {
            TVector high = TVector.Add(High, e);
            return new(high, TVector.Add(Low, TVector.Subtract(e, TVector.Subtract(high, High))));
        }
    }
}
