using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using NativeXent.Jobs;

namespace NativeXent.Simd;

/// <summary>
/// What of groups differs between float and double. A column is a class of sixteen rows, a lane for each.
/// </summary>
internal unsafe partial interface INumbers<TVector, TScalar, TDoubles>
{
    /// <summary>Turns four classes of sixteen rows, the rows a stride apart, into columns.</summary>
    static abstract void LoadFourColumns(TScalar* rows, nuint stride, TScalar* columns);

    /// <summary>The reverse, of columns that are scaled on the way.</summary>
    static abstract void StoreFourColumns(TScalar* rows, nuint stride, TScalar* columns, in Scale<TVector> scale);

    /// <summary>The reverse, of columns as they are.</summary>
    static abstract void StoreFourColumns(TScalar* rows, nuint stride, TScalar* columns);

    /// <summary>
    /// Stores e. Meanwhile logits of later groups are fetched from z on, and from g on where gradients will be stored.
    /// Where the input is split, low has the low parts, if there are any.
    /// </summary>
    static abstract void ColumnExponentials<TInput>(
        TScalar* columns, TScalar* low, nuint classes, in Exponential<TVector> c, TScalar* z, TScalar* g)
        where TInput : struct, IInput;

    /// <summary>
    /// The sums of the rows' e, the high parts before the low ones: class j is added in lane j of a tile, modulo the
    /// lanes, and then the lanes in the order of SumLanes().
    /// </summary>
    static abstract void SumColumns(TScalar* columns, nuint classes, double* sums);

    /// <summary>
    /// The parts in which e is multiplied with scales, whose own come the high ones before the low ones. They are 0 or
    /// between 2^-60 and 2^40, where nothing has to be taken out of them.
    /// </summary>
    static abstract void SplitScales(double* scales, out TVector high, out TVector low);
}

internal readonly unsafe partial struct FloatNumbers<TFloats, TDoubles>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadFourColumns(float* rows, nuint stride, float* columns)
    {
        TFloats a = TFloats.LoadQuarters(rows, 4 * stride);
        TFloats b = TFloats.LoadQuarters(rows + stride, 4 * stride);
        TFloats c = TFloats.LoadQuarters(rows + (2 * stride), 4 * stride);
        TFloats d = TFloats.LoadQuarters(rows + (3 * stride), 4 * stride);
        TFloats.TransposeQuarters(ref a, ref b, ref c, ref d);
        TFloats.Store(columns, a);
        TFloats.Store(columns + Lanes.Length, b);
        TFloats.Store(columns + (2 * Lanes.Length), c);
        TFloats.Store(columns + (3 * Lanes.Length), d);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreFourColumns(float* rows, nuint stride, float* columns, in Scale<TFloats> scale) =>
        StoreFourColumns(
            rows,
            stride,
            Scaled(TFloats.Load(columns), scale),
            Scaled(TFloats.Load(columns + Lanes.Length), scale),
            Scaled(TFloats.Load(columns + (2 * Lanes.Length)), scale),
            Scaled(TFloats.Load(columns + (3 * Lanes.Length)), scale));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreFourColumns(float* rows, nuint stride, float* columns) =>
        StoreFourColumns(
            rows,
            stride,
            TFloats.Load(columns),
            TFloats.Load(columns + Lanes.Length),
            TFloats.Load(columns + (2 * Lanes.Length)),
            TFloats.Load(columns + (3 * Lanes.Length)));

    // A method of its own, as the compiler keeps only so many vectors of one in registers.
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void ColumnExponentials<TInput>(
        float* columns, float* low, nuint classes, in Exponential<TFloats> c, float* z, float* g)
        where TInput : struct, IInput
    {
        Reduced<TFloats> x = Reduce<TInput>(TFloats.Load(columns), LoadLow<TInput>(low), c);
        float* last = columns + ((classes - 1) * Lanes.Length);
        Exponentials.PrefetchColumn(z, g);
        for (; columns < last; columns += Lanes.Length)
        {
            z += Lanes.Length;
            g += Lanes.Length;
            Exponentials.PrefetchColumn(z, g);
            low += Lanes.Length;
            Reduced<TFloats> next = Reduce<TInput>(TFloats.Load(columns + Lanes.Length), LoadLow<TInput>(low), c);
            TFloats.Store(columns, Exponential(x));
            x = next;
        }

        TFloats.Store(columns, Exponential(x));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    public static void SumColumns(float* columns, nuint classes, double* sums)
    {
        TDoubles* sum = stackalloc TDoubles[Lanes.Length];
        nuint lanes = nuint.Min(classes, Lanes.Length);
        for (nuint lane = 0; lane < lanes; lane++)
        {
            TFloats first = TFloats.Load(columns + (lane * Lanes.Length));
            if (lane + Lanes.Length >= classes)
            {
                sum[lane] = TDoubles.Widen(first);
                continue;
            }

            TFloats sumBase = TFloats.Set((float)Exponentials.SumBase);
            TileSum<TFloats> tile = new(sumBase, TFloats.Set(0));
            Accumulate(ref tile, first);
            for (nuint j = lane + Lanes.Length; j < classes; j += Lanes.Length)
            {
                Accumulate(ref tile, TFloats.Load(columns + (j * Lanes.Length)));
            }

            sum[lane] = TDoubles.AddWidened(TDoubles.Widen(TFloats.Subtract(tile.High, sumBase)), tile.Low);
        }

        for (nuint half = Lanes.Length / 2; half > 0; half /= 2)
        {
            for (nuint j = 0; j < half && j + half < lanes; j++)
            {
                sum[j] += sum[j + half];
            }
        }

        TDoubles.Store(sums, sum[0]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SplitScales(double* scales, out TFloats high, out TFloats low)
    {
        TDoubles all = TDoubles.Load(scales);
        high = TDoubles.Narrow(all);
        low = TDoubles.Narrow(all - TDoubles.Widen(high));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFloats LoadLow<TInput>(float* low)
        where TInput : struct, IInput => TInput.IsSplit ? TFloats.Load(low) : default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreFourColumns(float* rows, nuint stride, TFloats a, TFloats b, TFloats c, TFloats d)
    {
        TFloats.TransposeQuarters(ref a, ref b, ref c, ref d);
        TFloats.StoreQuarters(rows, 4 * stride, a);
        TFloats.StoreQuarters(rows + stride, 4 * stride, b);
        TFloats.StoreQuarters(rows + (2 * stride), 4 * stride, c);
        TFloats.StoreQuarters(rows + (3 * stride), 4 * stride, d);
    }
}

internal readonly unsafe partial struct DoubleNumbers<TFloats, TDoubles, TPart>
{
    public static void LoadFourColumns(double* rows, nuint stride, double* columns)
    {
        for (nuint k = 0; k < Lanes.Length; k += 4)
        {
            TurnFour(rows + (k * stride), stride, columns + k, Lanes.Length);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    public static void StoreFourColumns(double* rows, nuint stride, double* columns, in Scale<TDoubles> scale)
    {
        double* scaled = stackalloc double[4 * Lanes.Length];
        for (int i = 0; i < Parts; i++)
        {
            Scale<TPart> s = new(
                Part(ref Unsafe.AsRef(in scale.Lowest), i),
                Part(ref Unsafe.AsRef(in scale.High), i),
                Part(ref Unsafe.AsRef(in scale.Low), i),
                Part(ref Unsafe.AsRef(in scale.Unbias), i));
            for (int j = i; j < 4 * Parts; j += Parts)
            {
                ((TPart*)scaled)[j] = Scaled<TPart>(((TPart*)columns)[j], s);
            }
        }

        StoreFourColumns(rows, stride, scaled);
    }

    public static void StoreFourColumns(double* rows, nuint stride, double* columns)
    {
        for (nuint k = 0; k < Lanes.Length; k += 4)
        {
            TurnFour(columns + k, Lanes.Length, rows + (k * stride), stride);
        }
    }

    // One part of all columns after the other, so that its constants stay in registers.
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void ColumnExponentials<TInput>(
        double* columns, double* low, nuint classes, in Exponential<TDoubles> c, double* z, double* g)
        where TInput : struct, IInput
    {
        for (int i = 0; i < Parts; i++)
        {
            Exponential<TPart> constants = Part(c, i);
            TPart* part = (TPart*)columns + i;
            TPart* last = part + ((classes - 1) * (nuint)Parts);
            TPart* logits = (TPart*)z + i;
            TPart* gradients = (TPart*)g + i;
            Reduced<TPart> x = Reduce<TInput>(*part, constants);
            for (; part < last; part += Parts)
            {
                Exponentials.PrefetchColumn((double*)logits, (double*)gradients);
                logits += Parts;
                gradients += Parts;
                Reduced<TPart> next = Reduce<TInput>(part[Parts], constants);
                *part = Exponential(x);
                x = next;
            }

            Exponentials.PrefetchColumn((double*)logits, (double*)gradients);
            *part = Exponential(x);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    public static void SumColumns(double* columns, nuint classes, double* sums)
    {
        Pair<TPart>* sum = stackalloc Pair<TPart>[Lanes.Length];
        nuint lanes = nuint.Min(classes, Lanes.Length);
        for (int i = 0; i < Parts; i++)
        {
            for (nuint lane = 0; lane < lanes; lane++)
            {
                TPart first = ((TPart*)(columns + (lane * Lanes.Length)))[i];
                if (lane + Lanes.Length >= classes)
                {
                    sum[lane] = new(first);
                    continue;
                }

                TPart sumBase = TPart.Set(Exponentials.SumBase);
                TileSum<TPart> tile = new(sumBase, TPart.Set(0));
                Accumulate(ref tile, first);
                for (nuint j = lane + Lanes.Length; j < classes; j += Lanes.Length)
                {
                    Accumulate(ref tile, ((TPart*)(columns + (j * Lanes.Length)))[i]);
                }

                DoubleMath.TwoSum(tile.High - sumBase, tile.Low, out TPart high, out TPart low);
                sum[lane] = new(high, low);
            }

            for (nuint half = Lanes.Length / 2; half > 0; half /= 2)
            {
                for (nuint j = 0; j < half && j + half < lanes; j++)
                {
                    sum[j] += sum[j + half];
                }
            }

            ((TPart*)sums)[i] = sum[0].High;
            ((TPart*)(sums + Lanes.Length))[i] = sum[0].Low;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SplitScales(double* scales, out TDoubles high, out TDoubles low)
    {
        high = TDoubles.Load(scales);
        low = TDoubles.Load(scales + Lanes.Length);
    }

    // Turns a 4 × 4 matrix, the rows of which lie so many apart.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TurnFour(double* from, nuint fromStride, double* to, nuint toStride)
    {
        if (Avx.IsSupported)
        {
            Vector256<double> a = Avx.LoadVector256(from);
            Vector256<double> b = Avx.LoadVector256(from + fromStride);
            Vector256<double> c = Avx.LoadVector256(from + (2 * fromStride));
            Vector256<double> d = Avx.LoadVector256(from + (3 * fromStride));
            Vector256<double> abEven = Avx.UnpackLow(a, b);
            Vector256<double> abOdd = Avx.UnpackHigh(a, b);
            Vector256<double> cdEven = Avx.UnpackLow(c, d);
            Vector256<double> cdOdd = Avx.UnpackHigh(c, d);
            Avx.Store(to, Avx.Permute2x128(abEven, cdEven, 0x20));
            Avx.Store(to + toStride, Avx.Permute2x128(abOdd, cdOdd, 0x20));
            Avx.Store(to + (2 * toStride), Avx.Permute2x128(abEven, cdEven, 0x31));
            Avx.Store(to + (3 * toStride), Avx.Permute2x128(abOdd, cdOdd, 0x31));
            return;
        }

        for (nuint j = 0; j < 4; j++)
        {
            for (nuint k = 0; k < 4; k++)
            {
                to[(j * toStride) + k] = from[(k * fromStride) + j];
            }
        }
    }
}

/// <summary>
/// Rows of one block, with options that are the same for all their classes, in groups: the twin of
/// <c>native/src/kernels/row_groups-inl.h</c>. What there is to do for a row as a whole is done for sixteen rows at
/// once, and with few classes everything is.
/// </summary>
internal abstract unsafe class RowGroups<TNumbers, TVector, TScalar, TDoubles>
    : SoftmaxCrossEntropyKernel<TNumbers, TVector, TScalar, TDoubles>
    where TNumbers : struct, INumbers<TVector, TScalar, TDoubles>
    where TVector : unmanaged
    where TScalar : unmanaged
    where TDoubles : unmanaged, IReal<TDoubles>
{
    // Groups have so many elements, what the first-level cache takes; where that would be too few rows, they come one by
    // one. The least is more than natively: what is done for sixteen rows at once takes longer here.
    private const nuint GroupElements = BlockLength;
    private const int LeastGroup = 4;
    private const nuint GroupedClasses = GroupElements / LeastGroup;

    // So few that a group goes class by class, with a lane for each row, where so many rows take as long as sixteen.
    private const nuint FewClasses = 128;
    private const int LeastGroupOfFewClasses = 4;

    internal static void Run(in SoftmaxCrossEntropyJob job, out Totals totals)
    {
        Plan plan = new(job);
        if (!TakesGroups(job, plan))
        {
            RunRowByRow(job, out totals);
            return;
        }

        totals = default;
        ComputeGroups(job, plan, ref totals);
    }

    private static bool TakesGroups(in SoftmaxCrossEntropyJob job, in Plan plan)
    {
        bool forFewClasses = plan.Capped || (plan.Smears && job.ClassWeights is not null);
        return job.Classes <= (forFewClasses ? FewClasses : GroupedClasses) && job.InnerSize == 1
            && job.Gradient is not null && plan.Target != Target.Distribution;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private static void ComputeGroups(in SoftmaxCrossEntropyJob job, in Plan plan, ref Totals totals)
    {
        nuint classes = job.Classes;
        int most = (int)nuint.Min(GroupElements / classes, Lanes.Length);
        bool few = classes <= FewClasses;
        bool onlyLabels = !job.Ignores && job.ClassWeights is null;

        // Not where an ignored row's log-sum-exp is wanted, for which the label's exponential is not apart.
        bool takesWhole = few && plan.Target is (Target.Int32 or Target.Int64)
            && !(job.Ignores && job.LogSumExp is not null);
        Unsafe.SkipInit(out RowGroup group);
        group.Ignored = default;
        group.Correct = default;
        nuint* index = (nuint*)&group.Index;
        nuint* labels = (nuint*)&group.Label;
        double* uOfLabel = (double*)&group.U;
        double* weights = (double*)&group.Weight;
        for (nuint i = job.RowBegin; i < job.RowEnd;)
        {
            int count = 0;
            int ignored = 0;
            if (takesWhole && job.RowEnd - i >= LaneCount && !AnyNeedsWideRange(job, plan, i))
            {
                // Where nothing but the labels is of interest, several times as fast as the general way.
                for (; onlyLabels && count < Lanes.Length; count++, i++)
                {
                    long y = plan.Target == Target.Int32 ? ((int*)job.Targets)[i] : ((long*)job.Targets)[i];
                    bool inside = (ulong)y < classes;
                    index[count] = i;
                    labels[count] = inside ? (nuint)y : NoLabel;
                    weights[count] = 1;
                }

                if (!onlyLabels)
                {
                    ignored = TakeRows(job, plan, i, &group);
                    count = Lanes.Length;
                    i += LaneCount;
                }
            }

            for (; i < job.RowEnd && count < most; i++)
            {
                Label label = LabelOf(job, plan, i);
                if (label.IsIgnored)
                {
                    ComputeAlone(job, plan, i, ref totals);
                    continue;
                }

                // After the rows before it, as totals are in the order of rows.
                if (NeedsWideRange(job, plan, i))
                {
                    break;
                }

                index[count] = i;
                labels[count] = label.Index;
                ((bool*)&group.Ignored)[count] = false;
                weights[count] = label.Weight;
                double z = !few && label.Index < classes
                    ? Element(LogitsOf(job, i), label.Index)
                    : double.NegativeInfinity;
                ((double*)&group.Z)[count] = z;
                uOfLabel[count] = plan.Slope * z;
                count++;
            }

            group.Count = count;
            bool done = count >= (few ? LeastGroupOfFewClasses : LeastGroup) && ignored < count;
            if (done)
            {
                for (int k = count; k < Lanes.Length; k++)
                {
                    index[k] = index[0];
                    labels[k] = labels[0];
                    ((bool*)&group.Ignored)[k] = ((bool*)&group.Ignored)[0];
                    weights[k] = weights[0];
                    uOfLabel[k] = uOfLabel[0];
                }

                done = !few ? ComputeGroup(job, plan, &group, ref totals)
                    : plan.Capped ? ComputeGroupOfFewClasses<Yes>(job, plan, &group, ref totals)
                    : ComputeGroupOfFewClasses<No>(job, plan, &group, ref totals);
                ComputedGroups.Count += done ? 1 : 0;
            }

            for (int k = 0; !done && k < count; k++)
            {
                ComputeAlone(job, plan, index[k], ref totals);
            }

            if (count == 0 && i < job.RowEnd && NeedsWideRange(job, plan, i))
            {
                ComputeAlone(job, plan, i++, ref totals);
            }
        }
    }

    private static bool AnyNeedsWideRange(in SoftmaxCrossEntropyJob job, in Plan plan, nuint i)
    {
        for (nuint k = 0; plan.ChecksRange && k < LaneCount; k++)
        {
            if (NeedsWideRange(job, plan, i + k))
            {
                return true;
            }
        }

        return false;
    }

    // A whole group of few classes, from row i on. Gives how many of them are ignored.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int TakeRows(in SoftmaxCrossEntropyJob job, in Plan plan, nuint i, RowGroup* group)
    {
        int ignored = 0;
        for (int k = 0; k < Lanes.Length; k++, i++)
        {
            Label label = LabelOf(job, plan, i);
            ((nuint*)&group->Index)[k] = i;
            ((nuint*)&group->Label)[k] = label.IsIgnored ? 0 : label.Index;
            ((bool*)&group->Ignored)[k] = label.IsIgnored;
            ((double*)&group->Weight)[k] = label.Weight;
            ignored += label.IsIgnored ? 1 : 0;
        }

        return ignored;
    }

    private static void ComputeAlone(
        in SoftmaxCrossEntropyJob job, in Plan plan, nuint i, ref Totals totals)
    {
        if (job.ElementType == TNumbers.Type && ChangesScaleOnly(job, plan) && !NeedsWideRange(job, plan, i))
        {
            ComputePlainRow(job, plan, i, ref totals);
        }
        else
        {
            ComputeDirectRow(job, plan, i, ref totals);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ElementArray LogitsOf(in SoftmaxCrossEntropyJob job, nuint i) =>
        new ElementArray(job.Logits, 1, job.ElementType).From(i * job.LogitsStride);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ElementArray GradientOf(in SoftmaxCrossEntropyJob job, nuint i) =>
        new ElementArray(job.Gradient, 1, job.ElementType).From(i * job.GradientStride);

    // FinishRow() of all rows of a group at once, but for their single elements. False, with nothing written, where a
    // row is not an ordinary one; its scale is 0 or between 2^-60 and 2^40, where nothing has to be taken out of it.
    // Sums come as pairs, the high parts before the low ones. A register at a time, as so many operations on more would
    // be done in memory, and in several methods, as the compiler inlines only so much into one.
    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private static bool FinishGroup(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        RowGroup* group,
        double* blockExponents,
        double* blockSums,
        GroupTargets* targets,
        GroupGradient* gradient,
        ref Totals totals)
    {
        GroupSums sums;
        if (!SumGroup(plan, group, blockExponents, blockSums, &sums))
        {
            return false;
        }

        GroupLosses losses;
        bool wantsLosses = plan.WantsLoss || plan.WantsLogSumExp;
        if (plan.SumsTargets)
        {
            ComputeGroupLosses<Yes>(job, plan, group, &sums, blockExponents, targets, &losses);
        }
        else if (wantsLosses)
        {
            ComputeGroupLosses<No>(job, plan, group, &sums, blockExponents, targets, &losses);
        }
        else
        {
            losses.LogSumExp = default;
        }

        double* factors = (double*)&gradient->Factor;
        if (job.Upstream is not null || job.Ignores)
        {
            LoadUpstream(job, group, factors);
        }
        else
        {
            TNumbers.StoreDoubles(factors, TDoubles.Set(1.0));
        }

        if (!ScaleGroup(job, plan, group, &sums, (double*)&losses.LogSumExp, factors, gradient))
        {
            return false;
        }

        if (plan.Smears)
        {
            gradient->Every = NarrowedFlushed(TDoubles.Set(plan.Spread) * TNumbers.LoadDoubles(factors));
        }

        if (wantsLosses)
        {
            PutGroupLosses(job, group, &losses, ref totals);
        }

        if (job.ClassWeights is not null || job.Ignores || job.CountCorrect)
        {
            CountGroup(job, group, ref totals);
        }
        else
        {
            totals.Weight += group->Count;
            totals.Rows += (ulong)group->Count;
        }

        return true;
    }

    // False where a row is not ordinary.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool SumGroup(
        in Plan plan, RowGroup* group, double* blockExponents, double* blockSums, GroupSums* sums)
    {
        HardwareDoubles zero = HardwareDoubles.Set(0.0);
        HardwareDoubles one = HardwareDoubles.Set(1.0);
        HardwareDoubles strange = zero; // above 0 where a row is not ordinary
        bool labelled = plan.Target != Target.None;
        for (int k = 0; k < Lanes.Length; k += HardwareDoubles.Count)
        {
            HardwareDoubles blockExponent = HardwareDoubles.Load(blockExponents + k);
            HardwareDoubles exponent = blockExponent;
            HardwareDoubles factor = one;
            HardwareDoubles eLabel = zero;
            if (labelled)
            {
                HardwareDoubles u = HardwareDoubles.Load((double*)&group->U + k);
                strange += HardwareDoubles.SelectBelow(
                    HardwareDoubles.Set(TNumbers.ShiftAbove), DoubleMath.Magnitude(u), one, zero);
                HardwareDoubles labelExponent = DoubleMath.NearestExponent(u);

                // So far apart that low parts could be subnormal.
                if (!IsFloat)
                {
                    strange += HardwareDoubles.SelectBelow(
                        HardwareDoubles.Set(900.0), DoubleMath.Magnitude(blockExponent - labelExponent), one, zero);
                }

                exponent = HardwareDoubles.Greater(blockExponent, labelExponent);
                factor = DoubleMath.PowerOfTwo(blockExponent - exponent);
                eLabel = DoubleMath.ExpReduced(DoubleMath.Reduce(u, labelExponent))
                    * DoubleMath.PowerOfTwo(labelExponent - exponent);
            }

            exponent.Store((double*)&sums->Exponent + k);
            factor.Store((double*)&sums->Factor + k);
            eLabel.Store((double*)&sums->ELabel + k);
            Pair<HardwareDoubles> others = TNumbers.Times(
                TNumbers.Times(LoadPair(blockSums, k), factor), HardwareDoubles.Set(Scale.Unbias));
            StorePair((double*)&sums->OthersHigh, k, others);
        }

        return strange.IsZero;
    }

    // The scales of a group and its labels' elements. factors, the upstream ones, become those of all of a row's
    // gradient. False where a row is not ordinary.
    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private static bool ScaleGroup(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        RowGroup* group,
        GroupSums* sums,
        double* logSumExps,
        double* factors,
        GroupGradient* gradient)
    {
        double* scales = stackalloc double[2 * Lanes.Length];
        double* lowest = stackalloc double[Lanes.Length];
        double* labels = stackalloc double[Lanes.Length];
        HardwareDoubles zero = HardwareDoubles.Set(0.0);
        HardwareDoubles one = HardwareDoubles.Set(1.0);
        HardwareDoubles strange = zero; // above 0 where a row is not ordinary
        bool labelled = plan.Target != Target.None;
        for (int k = 0; k < Lanes.Length; k += HardwareDoubles.Count)
        {
            HardwareDoubles rest = one;
            HardwareDoubles own = zero;
            if (labelled)
            {
                HardwareDoubles weight = HardwareDoubles.Load((double*)&group->Weight + k);
                rest = HardwareDoubles.Set(plan.Spread) * (HardwareDoubles.Set(plan.ClassWeightSum) - weight);
                own = HardwareDoubles.Set(plan.Kept + plan.Spread) * weight;
            }

            Pair<HardwareDoubles> others = LoadPair((double*)&sums->OthersHigh, k);
            Pair<HardwareDoubles> eLabel = new(HardwareDoubles.Load((double*)&sums->ELabel + k), zero);
            Pair<HardwareDoubles> inverse = TNumbers.Inverse(TNumbers.Add(others, eLabel));
            HardwareDoubles pull = HardwareDoubles.Set(2.0 * job.ZLossScale) * HardwareDoubles.Load(logSumExps + k);
            HardwareDoubles factor = HardwareDoubles.Set(job.GradScale) * HardwareDoubles.Load(factors + k);
            factor *= HardwareDoubles.Set(job.Scale);
            Pair<HardwareDoubles> scale = TNumbers.Times(
                TNumbers.Times(inverse, ((rest + own) + pull) * factor),
                HardwareDoubles.Load((double*)&sums->Factor + k));

            // (−0 becomes 0, so that the lowest is not −infinity.)
            scale = new(scale.High + zero, scale.Low);
            StorePair(scales, k, scale);
            (HardwareDoubles.Set(TNumbers.FlushBelow / Scale.Unbias) / scale.High).Store(lowest + k);

            // NaN is strange, too.
            HardwareDoubles size = TNumbers.Rounded(scale);
            HardwareDoubles tooSmall = HardwareDoubles.SelectBelow(zero, DoubleMath.Magnitude(size), one, zero);
            strange += HardwareDoubles.SelectBelow(
                size,
                HardwareDoubles.Set(1099511627776.0),
                HardwareDoubles.SelectBelow(size, HardwareDoubles.Set(8.673617379884035e-19), tooSmall, zero),
                one);
            HardwareDoubles pLabel = TNumbers.Product(eLabel, inverse);
            HardwareDoubles label = ((pLabel * (rest + pull)) - (TNumbers.Product(others, inverse) * own)) * factor;
            if (plan.Capped)
            {
                label *= HardwareDoubles.Load((double*)&group->Slope + k);
            }

            factor.Store(factors + k);
            HardwareDoubles.SelectBelow(
                DoubleMath.Magnitude(label), HardwareDoubles.Set(TNumbers.FlushBelow), zero, label).Store(labels + k);
        }

        gradient->Lowest = TNumbers.Narrow(TNumbers.LoadDoubles(lowest));
        TNumbers.SplitScales(scales, out gradient->High, out gradient->Low);
        gradient->Label = TNumbers.Narrow(TNumbers.LoadDoubles(labels));
        return strange.IsZero;
    }

    // Pairs, the high parts before the low ones, which stay 0 where rows are computed in float.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Pair<HardwareDoubles> LoadPair(double* source, int k) =>
        new(HardwareDoubles.Load(source + k), IsFloat ? default : HardwareDoubles.Load(source + k + Lanes.Length));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StorePair(double* destination, int k, Pair<HardwareDoubles> pair)
    {
        pair.High.Store(destination + k);
        if (!IsFloat)
        {
            pair.Low.Store(destination + k + Lanes.Length);
        }
    }

    // Adds a group to the totals.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void CountGroup(in SoftmaxCrossEntropyJob job, RowGroup* group, ref Totals totals)
    {
        double weight = totals.Weight;
        ulong rows = totals.Rows;
        for (int k = 0; k < group->Count; k++)
        {
            weight += ((double*)&group->Weight)[k];
            rows += ((bool*)&group->Ignored)[k] ? 0u : 1;
        }

        totals.Weight = weight;
        totals.Rows = rows;
        for (int k = 0; job.CountCorrect && k < group->Count; k++)
        {
            totals.Correct += ((bool*)&group->Correct)[k] && !((bool*)&group->Ignored)[k] ? 1u : 0;
        }
    }

    // LossesOf() of all rows of a group: the same operations. TTargets: with targets beyond the labels.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ComputeGroupLosses<TTargets>(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        RowGroup* group,
        GroupSums* sums,
        double* blockExponents,
        GroupTargets* targets,
        GroupLosses* losses)
        where TTargets : struct, IFlag
    {
        HardwareDoubles zero = HardwareDoubles.Set(0.0);
        bool wantsLoss = plan.WantsLoss && plan.Target != Target.None;
        for (int k = 0; k < Lanes.Length; k += HardwareDoubles.Count)
        {
            HardwareDoubles n = HardwareDoubles.Load((double*)&sums->Exponent + k);
            HardwareDoubles high = n * HardwareDoubles.Set(DoubleMath.Ln2High);
            HardwareDoubles low = n * HardwareDoubles.Set(DoubleMath.Ln2Low);
            Pair<HardwareDoubles> others = LoadPair((double*)&sums->OthersHigh, k);
            Pair<HardwareDoubles> eLabel = new(HardwareDoubles.Load((double*)&sums->ELabel + k), zero);
            HardwareDoubles uRelative = (HardwareDoubles.Load((double*)&group->U + k) - high) - low;
            HardwareDoubles logSum = DoubleMath.Log(TNumbers.Rounded(TNumbers.Add(others, eLabel)), zero);
            HardwareDoubles logSumExp = plan.WantsLogSumExp ? zero + (high + (low + logSum)) : zero;
            HardwareDoubles loss = zero;
            if (wantsLoss)
            {
                HardwareDoubles weight = HardwareDoubles.Set(plan.Kept) * HardwareDoubles.Load((double*)&group->Weight + k);
                loss = weight * HardwareDoubles.SelectBelow(
                    HardwareDoubles.Set(-40.0),
                    uRelative,
                    DoubleMath.Log1P(TNumbers.Quotient(others, eLabel.High)),
                    logSum - uRelative);
                loss = HardwareDoubles.SelectBelow(zero, weight, loss, zero);
            }

            if (TTargets.Value)
            {
                HardwareDoubles sum = HardwareDoubles.Load((double*)&targets->Sum + k);
                HardwareDoubles fromBlock = n - HardwareDoubles.Load(blockExponents + k);
                HardwareDoubles distance = (zero + (fromBlock * HardwareDoubles.Set(DoubleMath.Ln2High)))
                    + (fromBlock * HardwareDoubles.Set(DoubleMath.Ln2Low));
                HardwareDoubles term = (sum * (logSum + distance)) - HardwareDoubles.Load((double*)&targets->Dot + k);
                loss += HardwareDoubles.SelectBelow(zero, sum, term, zero);
            }

            logSumExp.Store((double*)&losses->LogSumExp + k);
            DoubleMath.Flushed((HardwareDoubles.Set(job.ZLossScale) * logSumExp) * logSumExp).Store((double*)&losses->ZLoss + k);
            DoubleMath.Flushed(loss).Store((double*)&losses->Loss + k);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void PutGroupLosses(
        in SoftmaxCrossEntropyJob job, RowGroup* group, GroupLosses* losses, ref Totals totals)
    {
        for (int k = 0; k < group->Count; k++)
        {
            bool counts = !((bool*)&group->Ignored)[k];
            double loss = counts ? ((double*)&losses->Loss)[k] : 0;
            double zLoss = counts ? ((double*)&losses->ZLoss)[k] : 0;
            PutRowOutputs(job, ((nuint*)&group->Index)[k], loss, zLoss, ((double*)&losses->LogSumExp)[k]);
            totals.Loss += loss;
            totals.ZLoss += zLoss;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void LoadUpstream(in SoftmaxCrossEntropyJob job, RowGroup* group, double* upstream)
    {
        for (int k = 0; k < Lanes.Length; k++)
        {
            upstream[k] = ((bool*)&group->Ignored)[k] ? 0 : UpstreamOf(job, ((nuint*)&group->Index)[k]);
        }
    }

    // A group whose rows are passed over one after the other, by each pass. False, with nothing written, where a row is not
    // ordinary.
    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private static bool ComputeGroup(
        in SoftmaxCrossEntropyJob job, in Plan plan, RowGroup* group, ref Totals totals)
    {
        nuint classes = job.Classes;
        nuint* index = (nuint*)&group->Index;
        nuint* labels = (nuint*)&group->Label;

        // Where e cannot lie in the gradient, it is kept here.
        bool converts = job.ElementType != TNumbers.Type;
        bool apart = converts || job.Accumulate;
        TScalar* scratch = stackalloc TScalar[apart ? (int)GroupElements : 0];
        TScalar** e = stackalloc TScalar*[Lanes.Length];
        Others<TScalar>* others = stackalloc Others<TScalar>[Lanes.Length];
        Lanes<TScalar> greatests = default;
        for (int k = 0; k < group->Count; k++)
        {
            ElementArray z = LogitsOf(job, index[k]);
            e[k] = apart ? scratch + ((nuint)k * classes) : (TScalar*)GradientOf(job, index[k]).Start;
            if (converts)
            {
                LoadRun(z, 0, e[k], classes);
            }

            LookAt(others + k, converts ? e[k] : (TScalar*)z.Start, classes, labels[k]);
            greatests[k] = TNumbers.Scalar(GreatestOther(others + k));
            if (job.CountCorrect)
            {
                NoteCorrect(group, k, others[k].Z, classes, TNumbers.Double(greatests[k]));
            }
        }

        double* exponents = stackalloc double[Lanes.Length];
        double* sums = stackalloc double[2 * Lanes.Length];
        GroupConstants constants;
        if (!AnchorGroup<No>(plan, TNumbers.Load((TScalar*)&greatests), exponents, &constants))
        {
            return false;
        }

        GroupTargets targets;
        if (plan.SumsTargets)
        {
            SumGroupTargets(job, plan, group, others, exponents, &targets);
        }

        for (int k = 0; k < group->Count; k++)
        {
            Exponential<TVector> c = new(
                default,
                TNumbers.Set(((TScalar*)&constants.Lowest)[k]),
                TNumbers.Set(((TScalar*)&constants.Round)[k]),
                TNumbers.Set(constants.Slope),
                TNumbers.Set(constants.SlopeLow),
                TNumbers.Set(((TScalar*)&constants.Least)[k]));
            Pair<OneDouble> sum = plan.Scales
                ? BlockExponentials<Scaled>(others + k, e[k], c)
                : BlockExponentials<Plain>(others + k, e[k], c);
            sums[k] = sum.High;
            sums[k + Lanes.Length] = sum.Low;
        }

        for (int k = group->Count; k < Lanes.Length; k++)
        {
            sums[k] = sums[0];
            sums[k + Lanes.Length] = sums[Lanes.Length];
        }

        GroupGradient gradient;
        if (!FinishGroup(job, plan, group, exponents, sums, &targets, &gradient, ref totals))
        {
            FinishRows(job, plan, group, e, exponents, sums, &targets, ref totals);
            return true;
        }

        TScalar* lowest = (TScalar*)&gradient.Lowest;
        TScalar* high = (TScalar*)&gradient.High;
        TScalar* low = (TScalar*)&gradient.Low;
        TScalar* ofLabel = (TScalar*)&gradient.Label;
        for (int k = 0; k < group->Count; k++)
        {
            Scale<TScalar> scale = new(lowest[k], high[k], low[k], TNumbers.Scalar(Scale.Unbias));
            ScaleBlock(e[k], classes, scale);
            if (plan.Smears)
            {
                SmoothGradients(e[k], classes, ((TScalar*)&gradient.Every)[k]);
            }

            if (labels[k] < classes)
            {
                e[k][labels[k]] = ofLabel[k];
            }

            if (apart)
            {
                StoreRun(GradientOf(job, index[k]), 0, e[k], classes, job.Accumulate, true);
            }
        }

        return true;
    }

    // SumTargets() of a group's rows. (Lanes beyond the count hold what the first one holds.)
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void SumGroupTargets(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        RowGroup* group,
        Others<TScalar>* others,
        double* exponents,
        GroupTargets* targets)
    {
        for (int k = 0; k < Lanes.Length; k++)
        {
            Block block = default;
            if (k < group->Count)
            {
                RowMemory row = new() { Z = new(others[k].Z, 1, TNumbers.Type) };
                block.Base = new(0, exponents[k]);
                SumTargets(job, plan, row, 0, job.Classes, ref block);
            }
            else
            {
                block.TargetSum = targets->Sum[0];
                block.TargetDot = targets->Dot[0];
            }

            targets->Sum[k] = block.TargetSum;
            targets->Dot[k] = block.TargetDot;
        }
    }

    // The anchors of a group's rows and the constants of their exponentials: as in AnchorAt(), where nothing is shifted.
    // False where something is. TCapped: exponents hold what a softcap has made of the greatest logits.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool AnchorGroup<TCapped>(
        in Plan plan, TVector greatest, double* exponents, GroupConstants* constants)
        where TCapped : struct, IFlag
    {
        TDoubles m = TCapped.Value
            ? TNumbers.LoadDoubles(exponents)
            : TNumbers.Widen(greatest) * TDoubles.Set(plan.Slope);
        TDoubles exponent = DoubleMath.NearestExponent(m);
        TNumbers.StoreDoubles(exponents, exponent);
        TDoubles lowest = ExponentialLowest(exponent);
        constants->Lowest = TNumbers.Narrow(lowest);
        constants->Round = TNumbers.Narrow(ExponentialRound(exponent));
        constants->Least = plan.Scales
            ? TNumbers.Narrow(ExponentialLeast(lowest, TDoubles.Set(plan.Slope)))
            : default;
        constants->Slope = TNumbers.Scalar(plan.Slope);
        constants->SlopeLow = TNumbers.Scalar(plan.Slope - TNumbers.Double(constants->Slope));
        TDoubles beyond = TDoubles.SelectBelow(
            TDoubles.Set(TNumbers.ShiftAbove), DoubleMath.Magnitude(m), TDoubles.Set(1.0), Zero);
        return !(TNumbers.SumLanes(beyond) > 0);
    }

    // From the sums of rows that are not all ordinary to their results.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void FinishRows(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        RowGroup* group,
        TScalar** e,
        double* exponents,
        double* sums,
        GroupTargets* targets,
        ref Totals totals)
    {
        for (int k = 0; k < group->Count; k++)
        {
            nuint i = ((nuint*)&group->Index)[k];
            double z = ((double*)&group->Z)[k];
            Anchor anchor = new(0, exponents[k]);
            Block block = new() { Anchor = anchor, Base = anchor, Others = new(sums[k], sums[k + Lanes.Length]) };
            if (plan.SumsTargets)
            {
                block.TargetSum = targets->Sum[k];
                block.TargetDot = targets->Dot[k];
            }

            Row row = new()
            {
                Index = i,
                Memory = new()
                {
                    Z = LogitsOf(job, i),
                    Gradient = GradientOf(job, i),
                    E = e[k],
                    KeepsE = true,
                    Accumulates = job.Accumulate,
                },
                Label = new() { Index = ((nuint*)&group->Label)[k], Weight = ((double*)&group->Weight)[k] },
                ZLabel = z,
                XLabel = z,
                IsCorrect = job.CountCorrect && ((bool*)&group->Correct)[k],
                Anchor = Higher(plan, anchor, AnchorAt(plan, z)),
            };
            if (job.ElementType != TNumbers.Type || job.Accumulate || plan.Smears)
            {
                FinishRow<No>(job, plan, row, &block, 1, new(0, 1, true), ref totals);
            }
            else
            {
                FinishRow<Yes>(job, plan, row, &block, 1, new(0, 1, true), ref totals);
            }
        }
    }

    // Whether a row's label is the greatest, with the greatest of the others.
    private static void NoteCorrect(RowGroup* group, int k, TScalar* z, nuint classes, double greatest)
    {
        nuint label = ((nuint*)&group->Label)[k];
        if (label < classes)
        {
            ((bool*)&group->Correct)[k] = AllowsLabel(z, 0, classes, greatest, label, TNumbers.Double(z[label]));
        }
    }

    // The same for a group of few classes.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void NoteAllCorrect(RowGroup* group, TScalar* z, nuint stride, nuint classes, TVector greatest)
    {
        Lanes<TScalar> greatests;
        TNumbers.Store((TScalar*)&greatests, greatest);
        for (int k = 0; k < Lanes.Length; k++)
        {
            NoteCorrect(group, k, z + ((nuint)k * stride), classes, TNumbers.Double(greatests[k]));
        }
    }

    // Between sixteen rows and as many lanes: class j of the k-th row is columns[(j * Lanes.Length) + k]. Four classes at a
    // time; the last four may overlap those before.
    private static void LoadColumns(TScalar* rows, nuint stride, nuint classes, TScalar* columns)
    {
        nuint j = 0;
        for (; j + 4 <= classes; j += 4)
        {
            TNumbers.LoadFourColumns(rows + j, stride, columns + (j * LaneCount));
        }

        if (j < classes && classes >= 4)
        {
            j = classes - 4;
            TNumbers.LoadFourColumns(rows + j, stride, columns + (j * LaneCount));
            return;
        }

        for (; j < classes; j++)
        {
            for (nuint k = 0; k < LaneCount; k++)
            {
                columns[(j * LaneCount) + k] = rows[(k * stride) + j];
            }
        }
    }

    // From gradients, subtracts the target that label smoothing gives every class.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void SmoothGradients(TScalar* g, nuint count, TScalar every)
    {
        TVector all = TNumbers.Set(every);
        for (nuint j = 0; j < count; j += LaneCount)
        {
            nuint lanes = nuint.Min(count - j, LaneCount);
            StoreScalars(g + j, lanes, Smoothed(LoadScalars(g + j, lanes, TNumbers.Scalar(0)), all));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Smoothed(TVector v, TVector every) => Flushed(TNumbers.Subtract(v, every));

    // Columns with smoothing, a softcap or both. In several passes: of one, the compiler would not keep what it needs in
    // registers.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void StoreGeneralColumns<TCapped>(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        TScalar* rows,
        nuint stride,
        TScalar* columns,
        TScalar* slopes,
        in Scale<TVector> scale,
        GroupGradient* gradient)
        where TCapped : struct, IFlag
    {
        if (plan.Smears && job.ClassWeights is not null)
        {
            SubtractColumnTargets<TCapped>(job, plan, columns, scale, (double*)&gradient->Factor);
        }
        else
        {
            // Without smoothing, 0 is subtracted, which changes nothing.
            SmoothColumns<TCapped>(columns, job.Classes, scale, plan.Smears ? gradient->Every : default);
        }

        if (TCapped.Value)
        {
            MultiplyColumnSlopes(columns, job.Classes, slopes);
        }

        StoreColumns<Yes>(rows, stride, job.Classes, columns, scale);
    }

    // TCapped: what is too small is left for after the multiplication with the derivatives of the softcap.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void SmoothColumns<TCapped>(
        TScalar* columns, nuint classes, in Scale<TVector> scale, in TVector every)
        where TCapped : struct, IFlag
    {
        TVector all = every;
        for (TScalar* end = columns + (classes * LaneCount); columns < end; columns += LaneCount)
        {
            TVector v = TNumbers.Scaled(TNumbers.Load(columns), scale);
            TNumbers.Store(columns, TCapped.Value ? TNumbers.Subtract(v, all) : Smoothed(v, all));
        }
    }

    // The same, with targets that differ from class to class.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void SubtractColumnTargets<TCapped>(
        in SoftmaxCrossEntropyJob job, in Plan plan, TScalar* columns, in Scale<TVector> scale, double* factors)
        where TCapped : struct, IFlag
    {
        double spread = plan.Spread;
        double* weights = job.ClassWeights;
        TDoubles factor = TNumbers.LoadDoubles(factors);
        for (TScalar* end = columns + (job.Classes * LaneCount); columns < end; columns += LaneCount)
        {
            TVector b = NarrowedFlushed(TDoubles.Set(spread * *weights++) * factor);
            TVector v = TNumbers.Scaled(TNumbers.Load(columns), scale);
            TNumbers.Store(columns, TCapped.Value ? TNumbers.Subtract(v, b) : Smoothed(v, b));
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void MultiplyColumnSlopes(TScalar* columns, nuint classes, TScalar* slopes)
    {
        for (nuint j = 0; j < classes * LaneCount; j += LaneCount)
        {
            TVector v = TimesSlopes(TNumbers.Load(columns + j), TNumbers.Load(slopes + j));
            TNumbers.Store(columns + j, Canonical(v));
        }
    }

    // TScaled: they have been scaled before.
    private static void StoreColumns<TScaled>(
        TScalar* rows, nuint stride, nuint classes, TScalar* columns, in Scale<TVector> scale)
        where TScaled : struct, IFlag
    {
        nuint j = 0;
        for (; j + 4 <= classes; j += 4)
        {
            StoreFourColumns<TScaled>(rows + j, stride, columns + (j * LaneCount), scale);
        }

        if (j < classes && classes >= 4)
        {
            j = classes - 4;
            StoreFourColumns<TScaled>(rows + j, stride, columns + (j * LaneCount), scale);
            return;
        }

        for (; j < classes; j++)
        {
            Lanes<TScalar> column;
            TVector v = TNumbers.Load(columns + (j * LaneCount));
            TNumbers.Store((TScalar*)&column, TScaled.Value ? v : TNumbers.Scaled(v, scale));
            for (int k = 0; k < Lanes.Length; k++)
            {
                rows[((nuint)k * stride) + j] = column[k];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreFourColumns<TScaled>(
        TScalar* rows, nuint stride, TScalar* columns, in Scale<TVector> scale)
        where TScaled : struct, IFlag
    {
        if (TScaled.Value)
        {
            TNumbers.StoreFourColumns(rows, stride, columns);
        }
        else
        {
            TNumbers.StoreFourColumns(rows, stride, columns, scale);
        }
    }

    // Softcaps a group's labels, of whose softcaps it also gives the derivatives, and the greatest of the other logits.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void CapGroup(in Plan plan, RowGroup* group, nuint classes, TVector greatest, double* m)
    {
        double* u = (double*)&group->U;
        TNumbers.StoreDoubles(m, TNumbers.Widen(greatest));
        DoubleMath.SoftCaps<TScalar>(m, LaneCount, plan.Slope, plan.HalfSoftcap);
        DoubleMath.SoftCaps<TScalar>(u, (double*)&group->Slope, LaneCount, plan.Slope, plan.HalfSoftcap);
        for (int k = 0; k < Lanes.Length; k++)
        {
            if (((nuint*)&group->Label)[k] >= classes)
            {
                u[k] = double.NegativeInfinity;
            }
        }
    }

    // What comes before the exponentials of columns with a softcap, where they become the high parts of u, or whose targets
    // are summed: for as many classes at a time as a sum has lanes.
    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private static void PrepareColumns<TCapped>(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        double* exponents,
        in TVector lowest,
        TScalar* columns,
        TScalar* low,
        TScalar* slopes,
        GroupTargets* targets)
        where TCapped : struct, IFlag
    {
        const int PartLength = Lanes.Length * Lanes.Length;
        double* u = stackalloc double[PartLength];
        double* derivatives = stackalloc double[TCapped.Value ? PartLength : 0];
        double* dots = stackalloc double[PartLength];
        if (plan.SumsTargets)
        {
            new Span<double>(dots, PartLength).Clear();
        }

        for (nuint j = 0; j < job.Classes; j += LaneCount)
        {
            nuint count = nuint.Min(job.Classes - j, LaneCount);
            nuint part = j * LaneCount;
            for (nuint i = 0; i < count * LaneCount; i += LaneCount)
            {
                TNumbers.StoreDoubles(u + i, TNumbers.Widen(TNumbers.Load(columns + part + i)));
            }

            if (TCapped.Value)
            {
                DoubleMath.SoftCaps<TScalar>(u, derivatives, count * LaneCount, plan.Slope, plan.HalfSoftcap);
                SplitColumns(u, derivatives, count, lowest, columns + part, low + part, slopes + part);
            }

            if (plan.SumsTargets)
            {
                AddColumnTargets(job, plan, j, count, u, TCapped.Value ? 1.0 : plan.Slope, exponents, dots);
            }
        }

        if (plan.SumsTargets)
        {
            SumColumnTargets(job, plan, dots, targets);
        }
    }

    // Of softcaps, their two parts, and of their derivatives the factors of gradients. Doubles have no low parts.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void SplitColumns(
        double* u,
        double* derivatives,
        nuint classes,
        in TVector lowest,
        TScalar* high,
        TScalar* low,
        TScalar* slopes)
    {
        TDoubles least = TNumbers.Widen(lowest);
        for (nuint i = 0; i < classes * LaneCount; i += LaneCount)
        {
            // Clamped, so that the low part is never infinite.
            TDoubles clamped = TDoubles.Greater(least, TNumbers.LoadDoubles(u + i));
            TVector v = TNumbers.Narrow(clamped);
            TNumbers.Store(high + i, v);
            if (IsFloat)
            {
                TNumbers.Store(low + i, TNumbers.Narrow(clamped - TNumbers.Widen(v)));
            }

            TNumbers.Store(slopes + i, SlopesOf(TNumbers.LoadDoubles(derivatives + i)));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double TargetOf(in SoftmaxCrossEntropyJob job, in Plan plan, nuint j) =>
        job.ClassWeights is null ? plan.Spread : plan.Spread * job.ClassWeights[j];

    // Adds Σ w·q·(u·slope − base) of classes from j on, each in its lane of the sum.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void AddColumnTargets(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        nuint j,
        nuint count,
        double* u,
        double slope,
        double* exponents,
        double* dots)
    {
        for (int k = 0; k < Lanes.Length; k += HardwareDoubles.Count)
        {
            HardwareDoubles n = HardwareDoubles.Load(exponents + k);
            HardwareDoubles high = n * HardwareDoubles.Set(DoubleMath.Ln2High);
            HardwareDoubles low = n * HardwareDoubles.Set(DoubleMath.Ln2Low);
            for (nuint c = 0; c < count; c++)
            {
                // Where the target is 0, nothing, however unlikely the class.
                double b = TargetOf(job, plan, j + c);
                if (b < 0 || b > 0)
                {
                    double* dot = dots + (c * LaneCount) + k;
                    HardwareDoubles x = HardwareDoubles.Load(u + (c * LaneCount) + k) * HardwareDoubles.Set(slope);
                    (HardwareDoubles.Load(dot) + (HardwareDoubles.Set(b) * ((x - high) - low))).Store(dot);
                }
            }
        }
    }

    // The sums of targets, which are the same for all rows, and of the lanes of their products with u.
    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private static void SumColumnTargets(
        in SoftmaxCrossEntropyJob job, in Plan plan, double* dots, GroupTargets* targets)
    {
        Lanes<double> sums = default;
        double* sum = (double*)&sums;
        for (nuint j = 0; j < job.Classes; j++)
        {
            sum[j % LaneCount] += TargetOf(job, plan, j);
        }

        nuint lanes = nuint.Min(job.Classes, LaneCount);
        for (nuint half = LaneCount / 2; half > 0; half /= 2)
        {
            for (nuint lane = 0; lane < half && lane + half < lanes; lane++)
            {
                sum[lane] += sum[lane + half];
                double* dot = dots + (lane * LaneCount);
                for (int k = 0; k < Lanes.Length; k += HardwareDoubles.Count)
                {
                    (HardwareDoubles.Load(dot + k) + HardwareDoubles.Load(dot + (half * LaneCount) + k)).Store(dot + k);
                }
            }
        }

        TNumbers.StoreDoubles((double*)&targets->Sum, TDoubles.Set(*sum));
        TNumbers.StoreDoubles((double*)&targets->Dot, TNumbers.LoadDoubles(dots));
    }

    // Puts the labels' logits into columns.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void PutLabels(nuint* labels, TScalar* z, nuint stride, nuint classes, TScalar* columns)
    {
        for (nuint k = 0; k < LaneCount; k++)
        {
            if (labels[k] < classes)
            {
                columns[(labels[k] * LaneCount) + k] = z[(k * stride) + labels[k]];
            }
        }
    }

    // (Their low parts may stay: of an ordinary row they are small, and e of −infinity is 0 with any of them.)
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void RemoveLabels(nuint* labels, nuint classes, TScalar* columns)
    {
        TScalar nothing = TNumbers.Scalar(double.NegativeInfinity);
        for (nuint k = 0; k < LaneCount; k++)
        {
            if (labels[k] < classes)
            {
                columns[(labels[k] * LaneCount) + k] = nothing;
            }
        }
    }

    // A group of few classes. False, with nothing written, where a row is not ordinary.
    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private static bool ComputeGroupOfFewClasses<TCapped>(
        in SoftmaxCrossEntropyJob job, in Plan plan, RowGroup* group, ref Totals totals)
        where TCapped : struct, IFlag
    {
        nuint classes = job.Classes;
        nuint* index = (nuint*)&group->Index;
        nuint* labels = (nuint*)&group->Label;
        TScalar* columns = stackalloc TScalar[(int)(classes * LaneCount)];
        TScalar* slopes = stackalloc TScalar[TCapped.Value ? (int)(classes * LaneCount) : 0];
        TScalar* low = stackalloc TScalar[TCapped.Value && IsFloat ? (int)(classes * LaneCount) : 0];

        // Where rows follow one another, numbers are read and written where they lie, and others converted in one run.
        nuint first = index[0];
        bool follow = group->Count == Lanes.Length && index[Lanes.Length - 1] - first == LaneCount - 1;
        bool reads = follow && job.ElementType == TNumbers.Type;
        bool writes = reads && !job.Accumulate;
        TScalar* rows = stackalloc TScalar[writes ? 0 : (int)(classes * LaneCount)];
        TScalar* z = reads ? (TScalar*)LogitsOf(job, first).Start : rows;
        nuint zStride = reads ? job.LogitsStride : classes;
        TScalar* g = writes ? (TScalar*)GradientOf(job, first).Start : rows;
        nuint stride = writes ? job.GradientStride : classes;
        nuint together = follow && job.LogitsStride == classes ? LaneCount : 1;
        for (nuint k = 0; !reads && k < LaneCount; k += together)
        {
            LoadRun(LogitsOf(job, index[k]), 0, rows + (k * classes), together * classes);
        }

        LoadColumns(z, zStride, classes, columns);
        for (nuint k = 0; k < LaneCount; k++)
        {
            double u = double.NegativeInfinity;
            if (labels[k] < classes)
            {
                u = (TCapped.Value ? 1.0 : plan.Slope) * TNumbers.Double(z[(k * zStride) + labels[k]]);
                columns[(labels[k] * LaneCount) + k] = TNumbers.Scalar(double.NegativeInfinity);
            }

            ((double*)&group->U)[k] = u;
        }

        TVector greatest = SetAll(double.NegativeInfinity);
        for (nuint j = 0; j < classes; j++)
        {
            greatest = TNumbers.Greater(TNumbers.Load(columns + (j * LaneCount)), greatest);
        }

        double* exponents = stackalloc double[Lanes.Length];
        double* sums = stackalloc double[2 * Lanes.Length];
        GroupConstants constants;
        if (TCapped.Value)
        {
            CapGroup(plan, group, classes, greatest, exponents);
        }

        if (!AnchorGroup<TCapped>(plan, greatest, exponents, &constants))
        {
            return false;
        }

        if (job.CountCorrect)
        {
            NoteAllCorrect(group, z, zStride, classes, greatest);
        }

        GroupTargets targets;
        if (TCapped.Value || plan.SumsTargets)
        {
            // With the labels.
            PutLabels(labels, z, zStride, classes, columns);
            PrepareColumns<TCapped>(job, plan, exponents, constants.Lowest, columns, low, slopes, &targets);
            RemoveLabels(labels, classes, columns);
        }

        Exponential<TVector> c = new(
            default,
            constants.Lowest,
            constants.Round,
            TNumbers.Set(constants.Slope),
            TNumbers.Set(constants.SlopeLow),
            constants.Least);
        if (TCapped.Value)
        {
            TNumbers.ColumnExponentials<Split>(columns, low, classes, c, z, g);
        }
        else if (plan.Scales)
        {
            TNumbers.ColumnExponentials<Scaled>(columns, low, classes, c, z, g);
        }
        else
        {
            TNumbers.ColumnExponentials<Plain>(columns, low, classes, c, z, g);
        }

        TNumbers.SumColumns(columns, classes, sums);
        GroupGradient gradient;
        if (!FinishGroup(job, plan, group, exponents, sums, &targets, &gradient, ref totals))
        {
            return false;
        }

        Scale<TVector> scale = new(gradient.Lowest, gradient.High, gradient.Low, SetAll(Scale.Unbias));
        TScalar* ofLabel = (TScalar*)&gradient.Label;
        if (TCapped.Value || plan.Smears)
        {
            StoreGeneralColumns<TCapped>(job, plan, g, stride, columns, slopes, scale, &gradient);
        }
        else
        {
            StoreColumns<No>(g, stride, classes, columns, scale);
        }

        for (nuint k = 0; k < LaneCount; k++)
        {
            if (labels[k] < classes)
            {
                g[(k * stride) + labels[k]] = ofLabel[k];
            }
        }

        if (!writes)
        {
            StoreRows(job, group, rows, follow);
        }

        return true;
    }

    // The gradients of a group of few classes: rounded to their type, or added to what they were. What ignored rows would
    // be added to stays.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void StoreRows(in SoftmaxCrossEntropyJob job, RowGroup* group, TScalar* rows, bool follow)
    {
        nuint classes = job.Classes;
        bool leavesSome = job.Accumulate && job.Ignores;
        nuint together = follow && job.GradientStride == classes && !leavesSome ? LaneCount : 1;
        for (nuint k = 0; k < (nuint)group->Count; k += together)
        {
            if (!leavesSome || !((bool*)&group->Ignored)[k])
            {
                ElementArray gradient = GradientOf(job, ((nuint*)&group->Index)[k]);
                StoreRun(gradient, 0, rows + (k * classes), together * classes, job.Accumulate, true);
            }
        }
    }

    // Up to sixteen rows. Lanes beyond the count hold what the first one holds.
    private struct RowGroup
    {
        internal int Count;
        internal Lanes<nuint> Index;   // in the batch
        internal Lanes<nuint> Label;   // as in Label, but 0 where ignored
        internal Lanes<bool> Ignored;  // only with few classes: computed like the others, times 0
        internal Lanes<bool> Correct;  // where correct rows are counted
        internal Lanes<double> Weight;

        // The label's logit and u; −infinity where there is no label. Of few classes u is read with the others.
        internal Lanes<double> Z;
        internal Lanes<double> U;
        internal Lanes<double> Slope; // the derivative of its softcap, if there is one
    }

    // What the exponentials of a group's rows are made of.
    private struct GroupConstants
    {
        internal TVector Lowest;
        internal TVector Round;
        internal TVector Least;
        internal TScalar Slope;
        internal TScalar SlopeLow;
    }

    // As RowSums, and what a block's sum is multiplied with to be relative to the row's anchor.
    private struct GroupSums
    {
        internal Lanes<double> Exponent;
        internal Lanes<double> Factor;
        internal Lanes<double> ELabel;
        internal Lanes<double> OthersHigh;
        internal Lanes<double> OthersLow;
    }

    // Where labels are smoothed and losses wanted: as in Block, relative to the blocks' exponents.
    private struct GroupTargets
    {
        internal Lanes<double> Sum;
        internal Lanes<double> Dot;
    }

    private struct GroupLosses
    {
        internal Lanes<double> Loss;
        internal Lanes<double> ZLoss;
        internal Lanes<double> LogSumExp;
    }

    // What the gradients of a group's rows are made of.
    private struct GroupGradient
    {
        internal TVector Lowest;
        internal TVector High;
        internal TVector Low;
        internal TVector Label;
        internal TVector Every; // where labels are smoothed: subtracted from every other element
        internal Lanes<double> Factor; // of what is subtracted where that differs from class to class
    }
}
