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
        if (!WeighGroup(plan, group, targets) | !SumGroup(plan, group, blockExponents, blockSums, &sums))
        {
            return false;
        }

        GroupLosses losses;
        bool wantsLosses = plan.WantsLoss || plan.WantsLogSumExp;
        if (plan.Smears && wantsLosses)
        {
            ComputeGroupLosses<Yes>(job, plan, group, &sums, targets, &losses);
        }
        else if (wantsLosses)
        {
            ComputeGroupLosses<No>(job, plan, group, &sums, targets, &losses);
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

        if (!ScaleGroup(job, plan, group, &sums, targets, (double*)&losses.LogSumExp, factors, gradient))
        {
            return false;
        }

        if (plan.Smears)
        {
            TDoubles own = TDoubles.Set(plan.Kept + plan.Spread) * TNumbers.LoadDoubles((double*)&group->Weight);
            TNumbers.StoreDoubles(
                (double*)&gradient->LabelTarget, ScaledTargets(own, TNumbers.LoadDoubles(factors)));
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
            HardwareDoubles eApart = zero;
            if (labelled)
            {
                HardwareDoubles u = HardwareDoubles.Load((double*)&group->U + k);
                strange += HardwareDoubles.SelectBelow(
                    HardwareDoubles.Set(TNumbers.ShiftAbove), DoubleMath.Magnitude(u), one, zero);
                HardwareDoubles apartExponent = DoubleMath.NearestExponent(u);

                // So far apart that low parts could be subnormal.
                if (!IsFloat)
                {
                    strange += HardwareDoubles.SelectBelow(
                        HardwareDoubles.Set(900.0), DoubleMath.Magnitude(blockExponent - apartExponent), one, zero);
                }

                exponent = HardwareDoubles.Greater(blockExponent, apartExponent);
                factor = DoubleMath.PowerOfTwo(blockExponent - exponent);
                eApart = DoubleMath.ExpReduced(DoubleMath.Reduce(u, apartExponent))
                    * DoubleMath.PowerOfTwo(apartExponent - exponent);
            }

            exponent.Store((double*)&sums->Exponent + k);
            factor.Store((double*)&sums->Factor + k);
            eApart.Store((double*)&sums->EApart + k);
            Pair<HardwareDoubles> others = TNumbers.Times(
                TNumbers.Times(LoadPair(blockSums, k), factor), HardwareDoubles.Set(Scale.Unbias));
            StorePair((double*)&sums->OthersHigh, k, others);
        }

        return strange.IsZero;
    }

    // RowTargets() of all rows of a group. False where a loss could overflow.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool WeighGroup(in Plan plan, RowGroup* group, GroupTargets* targets)
    {
        HardwareDoubles huge = HardwareDoubles.Set(Huge);
        HardwareDoubles one = HardwareDoubles.Set(1.0);
        HardwareDoubles strange = HardwareDoubles.Set(0.0);
        HardwareDoubles zero = HardwareDoubles.Set(0.0);
        for (int k = 0; k < Lanes.Length; k += HardwareDoubles.Count)
        {
            HardwareDoubles weight = HardwareDoubles.Load((double*)&group->Weight + k);
            TargetTotals<HardwareDoubles> b = default;
            if (plan.Smears)
            {
                b = LabelTargets(
                    plan,
                    HardwareDoubles.Set(plan.ClassWeightSum),
                    HardwareDoubles.Load((double*)&group->ApartWeight + k),
                    weight,
                    HardwareDoubles.Load((double*)&group->IsLabel + k));
                if (plan.SumsTargets)
                {
                    double* dot = (double*)&targets->Dot + k;
                    HardwareDoubles sum = HardwareDoubles.Load(dot);
                    HardwareDoubles distance = HardwareDoubles.Load((double*)&group->LabelDistance + k);
                    TargetDot(plan, sum, weight, distance).Store(dot);
                    HardwareDoubles far = HardwareDoubles.SelectBelow(distance, huge, zero, one);
                    strange += IsFloat ? zero : HardwareDoubles.SelectBelow(sum, huge, far, one);
                }
            }
            else if (plan.Target != Target.None)
            {
                b.Own = weight;
            }
            else
            {
                b.Rest = HardwareDoubles.Set(1.0);
            }

            b.Rest.Store((double*)&targets->Rest + k);
            b.Own.Store((double*)&targets->Own + k);
        }

        return strange.IsZero;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TargetTotals<HardwareDoubles> LoadTargets(GroupTargets* targets, int k) =>
        new()
        {
            Rest = HardwareDoubles.Load((double*)&targets->Rest + k),
            Own = HardwareDoubles.Load((double*)&targets->Own + k),
            Dot = HardwareDoubles.Load((double*)&targets->Dot + k),
        };

    // The scales of a group and its labels' elements. factors, the upstream ones, become those of all of a row's
    // gradient. False where a row is not ordinary.
    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private static bool ScaleGroup(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        RowGroup* group,
        GroupSums* sums,
        GroupTargets* targets,
        double* logSumExps,
        double* factors,
        GroupGradient* gradient)
    {
        double* scales = stackalloc double[2 * Lanes.Length];
        double* lowest = stackalloc double[Lanes.Length];
        double* aparts = stackalloc double[Lanes.Length];
        HardwareDoubles zero = HardwareDoubles.Set(0.0);
        HardwareDoubles one = HardwareDoubles.Set(1.0);
        HardwareDoubles strange = zero; // above 0 where a row is not ordinary
        for (int k = 0; k < Lanes.Length; k += HardwareDoubles.Count)
        {
            HardwareDoubles rest = HardwareDoubles.Load((double*)&targets->Rest + k);
            HardwareDoubles own = HardwareDoubles.Load((double*)&targets->Own + k);
            Pair<HardwareDoubles> others = LoadPair((double*)&sums->OthersHigh, k);
            Pair<HardwareDoubles> eApart = new(HardwareDoubles.Load((double*)&sums->EApart + k), zero);
            Pair<HardwareDoubles> inverse = TNumbers.Inverse(TNumbers.Add(others, eApart));
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
            (size * HardwareDoubles.Set(Scale.Unbias)).Store((double*)&gradient->Dense + k);
            HardwareDoubles tooSmall = HardwareDoubles.SelectBelow(zero, DoubleMath.Magnitude(size), one, zero);
            strange += HardwareDoubles.SelectBelow(
                size,
                HardwareDoubles.Set(1099511627776.0),
                HardwareDoubles.SelectBelow(size, HardwareDoubles.Set(8.673617379884035e-19), tooSmall, zero),
                one);
            HardwareDoubles apart = ApartGradient(
                new TargetTotals<HardwareDoubles>() { Rest = rest, Own = own },
                TNumbers.Product(eApart, inverse),
                TNumbers.Product(others, inverse),
                pull,
                factor);
            if (plan.Capped)
            {
                apart *= HardwareDoubles.Load((double*)&group->Slope + k);
            }

            factor.Store(factors + k);
            HardwareDoubles.SelectBelow(
                DoubleMath.Magnitude(apart), HardwareDoubles.Set(TNumbers.FlushBelow), zero, apart).Store(aparts + k);
        }

        gradient->Lowest = TNumbers.Narrow(TNumbers.LoadDoubles(lowest));
        TNumbers.SplitScales(scales, out gradient->High, out gradient->Low);
        gradient->Apart = TNumbers.Narrow(TNumbers.LoadDoubles(aparts));
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
            Pair<HardwareDoubles> eApart = new(HardwareDoubles.Load((double*)&sums->EApart + k), zero);
            HardwareDoubles uRelative = (HardwareDoubles.Load((double*)&group->U + k) - high) - low;
            HardwareDoubles logSum = DoubleMath.Log(TNumbers.Rounded(TNumbers.Add(others, eApart)), zero);
            HardwareDoubles logSumExp = plan.WantsLogSumExp ? zero + (high + (low + logSum)) : zero;
            HardwareDoubles loss = zero;
            if (wantsLoss)
            {
                HardwareDoubles logRatio = DoubleMath.Log1P(TNumbers.Quotient(others, eApart.High));
                if (TTargets.Value)
                {
                    loss = DenseLoss(LoadTargets(targets, k), logRatio);
                }
                else
                {
                    HardwareDoubles weight = HardwareDoubles.Load((double*)&group->Weight + k);
                    loss = weight * HardwareDoubles.SelectBelow(
                        HardwareDoubles.Set(-40.0), uRelative, logRatio, logSum - uRelative);
                    loss = HardwareDoubles.SelectBelow(zero, weight, loss, zero);
                }
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
        nuint* alone = plan.Smears ? (nuint*)&group->Apart : labels;
        for (int k = 0; k < group->Count; k++)
        {
            ElementArray z = LogitsOf(job, index[k]);
            e[k] = apart ? scratch + ((nuint)k * classes) : (TScalar*)GradientOf(job, index[k]).Start;
            if (converts)
            {
                LoadRun(z, 0, e[k], classes);
            }

            TScalar* logits = converts ? e[k] : (TScalar*)z.Start;
            if (plan.Smears)
            {
                FindApart(plan, group, k, logits, classes);
            }

            LookAt(others + k, logits, classes, alone[k]);
            greatests[k] = TNumbers.Scalar(GreatestOther(others + k));
            if (job.CountCorrect && !plan.Smears)
            {
                NoteCorrect(group, k, others[k].Z, classes, TNumbers.Double(greatests[k]));
            }
        }

        for (int k = group->Count; plan.Smears && k < Lanes.Length; k++)
        {
            ((nuint*)&group->Apart)[k] = alone[0];
            ((double*)&group->U)[k] = group->U[0];
            ((double*)&group->IsLabel)[k] = group->IsLabel[0];
            ((double*)&group->ApartWeight)[k] = 1;
            ((double*)&group->LabelDistance)[k] = group->LabelDistance[0];
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
            if (!SumGroupTargets(job, plan, group, others, &targets))
            {
                return false;
            }
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
        TScalar* ofApart = (TScalar*)&gradient.Apart;
        for (int k = 0; k < group->Count; k++)
        {
            Scale<TScalar> scale = new(lowest[k], high[k], low[k], TNumbers.Scalar(Scale.Unbias));
            if (plan.Smears)
            {
                Scale<TDoubles> dense = IsFloat
                    ? new(default, TDoubles.Set(gradient.Dense[k]), default, default)
                    : TNumbers.InDoubles(InAllLanes(scale));
                StoreDenseRow(plan, e[k], classes, labels[k], dense, gradient.LabelTarget[k], gradient.Factor[k]);
            }
            else
            {
                ScaleBlock(e[k], classes, scale);
            }

            if (alone[k] < classes)
            {
                e[k][alone[k]] = ofApart[k];
            }

            if (apart)
            {
                StoreRun(GradientOf(job, index[k]), 0, e[k], classes, job.Accumulate, true);
            }
        }

        return true;
    }

    // The class of a row that is summed apart where there are targets beyond the label.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void FindApart(in Plan plan, RowGroup* group, int k, TScalar* z, nuint classes)
    {
        nuint label = ((nuint*)&group->Label)[k];
        nuint apart = FirstGreatest(new(z, 1, TNumbers.Type), classes);
        double greatest = TNumbers.Double(z[apart]);
        ((nuint*)&group->Apart)[k] = apart;
        ((double*)&group->Z)[k] = greatest;
        ((double*)&group->U)[k] = greatest * plan.Slope;
        ((double*)&group->IsLabel)[k] = apart == label ? 1 : 0;
        ((double*)&group->ApartWeight)[k] = 1;
        ((double*)&group->LabelDistance)[k] = (greatest - TNumbers.Double(z[label])) * plan.Slope;
        ((bool*)&group->Correct)[k] = apart == label;
    }

    // A row's gradient from e, but for the class apart.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void StoreDenseRow(
        in Plan plan, TScalar* e, nuint classes, nuint label, in Scale<TDoubles> scale, double labelTarget, double factor)
    {
        Lanes<TScalar> own;
        TNumbers.Store(
            (TScalar*)&own, DenseElement(TNumbers.Set(e[label]), scale, TDoubles.Set(labelTarget)));
        DenseRun(e, classes, scale, ScaledTargets(TDoubles.Set(plan.Spread), TDoubles.Set(factor)));
        e[label] = own[0];
    }

    // The sums of targets of a group's rows. (Lanes beyond the count hold what the first one holds.) False where they could
    // overflow.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool SumGroupTargets(
        in SoftmaxCrossEntropyJob job, in Plan plan, RowGroup* group, Others<TScalar>* others, GroupTargets* targets)
    {
        for (int k = 0; k < Lanes.Length; k++)
        {
            double dot = targets->Dot[0];
            if (k < group->Count)
            {
                TScalar* z = others[k].Z;
                RowMemory row = new() { Z = new(z, 1, TNumbers.Type) };
                nuint index = ((nuint*)&group->Apart)[k];
                double greatest = TNumbers.Double(z[index]);
                Apart apart = new(index, greatest, greatest);
                TargetSums sums = default;
                AddRunTargets(job, plan, row, 0, job.Classes, apart, &sums);
                dot = Finished(sums.Dot);

                // (NaN is huge, too.)
                if (!IsFloat && !(Finished(sums.Huge) <= 0 && group->LabelDistance[k] < Huge))
                {
                    return false;
                }
            }

            targets->Dot[k] = dot;
        }

        return true;
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
            Label label = new() { Index = ((nuint*)&group->Label)[k], Weight = ((double*)&group->Weight)[k] };
            nuint index = plan.Smears ? ((nuint*)&group->Apart)[k] : label.Index;
            Apart apart = new(index, z, z);

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
                Label = label,
                ZLabel = z,
                Apart = apart,
                IsCorrect = job.CountCorrect && ((bool*)&group->Correct)[k],
                Anchor = Higher(plan, anchor, AnchorAt(plan, z)),
            };
            row.Targets = RowTargets(job, plan, row.Memory, label, apart, default, 0, 0);
            row.Targets.Dot = plan.SumsTargets ? targets->Dot[k] : 0.0;
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

    // Columns with smoothing, a softcap or both. In several passes: of one, the compiler would not keep what it needs in
    // registers. The labels' own elements, which differ in their targets, become own.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void StoreGeneralColumns<TCapped>(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        RowGroup* group,
        TScalar* rows,
        nuint stride,
        TScalar* columns,
        TScalar* slopes,
        in Scale<TVector> scale,
        GroupGradient* gradient)
        where TCapped : struct, IFlag
    {
        if (!plan.Smears)
        {
            ScaleColumns(columns, job.Classes, scale);
            MultiplyColumnSlopes(columns, job.Classes, slopes);
            StoreColumns<Yes>(rows, stride, job.Classes, columns, scale);
            return;
        }

        Scale<TDoubles> dense = IsFloat
            ? new(default, TNumbers.LoadDoubles((double*)&gradient->Dense), default, default)
            : TNumbers.InDoubles(scale);
        nuint* labels = (nuint*)&group->Label;
        Lanes<TScalar> own;
        Lanes<TScalar> ownSlopes;
        for (nuint k = 0; k < LaneCount; k++)
        {
            ((TScalar*)&own)[k] = columns[(labels[k] * LaneCount) + k];
            ((TScalar*)&ownSlopes)[k] = TCapped.Value ? slopes[(labels[k] * LaneCount) + k] : default;
        }

        DenseColumn<TCapped>(
            (TScalar*)&own, (TScalar*)&ownSlopes, dense, TNumbers.LoadDoubles((double*)&gradient->LabelTarget));
        if (job.ClassWeights is not null)
        {
            WeightedDenseColumns<TCapped>(job, plan, columns, slopes, dense, (double*)&gradient->Factor);
        }
        else
        {
            TDoubles b = ScaledTargets(
                TDoubles.Set(plan.Spread), TNumbers.LoadDoubles((double*)&gradient->Factor));
            DenseColumns<TCapped>(columns, slopes, job.Classes, dense, b);
        }

        StoreColumns<Yes>(rows, stride, job.Classes, columns, scale);
        for (nuint k = 0; k < LaneCount; k++)
        {
            rows[(k * stride) + labels[k]] = ((TScalar*)&own)[k];
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ScaleColumns(TScalar* columns, nuint classes, in Scale<TVector> scale)
    {
        for (TScalar* end = columns + (classes * LaneCount); columns < end; columns += LaneCount)
        {
            TNumbers.Store(columns, TNumbers.Scaled(TNumbers.Load(columns), scale));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void DenseColumn<TCapped>(TScalar* column, TScalar* slopes, in Scale<TDoubles> scale, TDoubles b)
        where TCapped : struct, IFlag
    {
        TVector e = TNumbers.Load(column);
        TNumbers.Store(
            column,
            TCapped.Value
                ? Canonical(DenseElement(e, scale, b, TNumbers.Load(slopes)))
                : DenseElement(e, scale, b));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void DenseColumns<TCapped>(
        TScalar* columns, TScalar* slopes, nuint classes, in Scale<TDoubles> scale, in TDoubles target)
        where TCapped : struct, IFlag
    {
        TDoubles b = target;
        for (nuint j = 0; j < classes * LaneCount; j += LaneCount)
        {
            DenseColumn<TCapped>(columns + j, slopes + j, scale, b);
        }
    }

    // The same, with targets that differ from class to class.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void WeightedDenseColumns<TCapped>(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        TScalar* columns,
        TScalar* slopes,
        in Scale<TDoubles> scale,
        double* factors)
        where TCapped : struct, IFlag
    {
        TDoubles factor = TNumbers.LoadDoubles(factors);
        for (nuint j = 0; j < job.Classes; j++)
        {
            TDoubles b = ScaledTargets(TDoubles.Set(plan.Spread * job.ClassWeights[j]), factor);
            DenseColumn<TCapped>(columns + (j * LaneCount), slopes + (j * LaneCount), scale, b);
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

    // Softcaps the classes apart, of whose softcaps it also gives the derivatives, the greatest of the other logits, and
    // where targets are summed the labels.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void CapGroup(
        in Plan plan, RowGroup* group, nuint* alone, nuint classes, TVector greatest, double* zLabel, double* m)
    {
        double* u = (double*)&group->U;
        TNumbers.StoreDoubles(m, TNumbers.Widen(greatest));
        DoubleMath.SoftCaps<TScalar>(m, LaneCount, plan.Slope, plan.HalfSoftcap);
        DoubleMath.SoftCaps<TScalar>(u, (double*)&group->Slope, LaneCount, plan.Slope, plan.HalfSoftcap);
        for (int k = 0; k < Lanes.Length; k++)
        {
            if (alone[k] >= classes)
            {
                u[k] = double.NegativeInfinity;
            }
        }

        if (plan.SumsTargets)
        {
            DoubleMath.SoftCaps<TScalar>(zLabel, LaneCount, plan.Slope, plan.HalfSoftcap);
            TNumbers.StoreDoubles(
                (double*)&group->LabelDistance, TNumbers.LoadDoubles(u) - TNumbers.LoadDoubles(zLabel));
        }
    }

    // The first of the greatest of each row, where it is, and the greatest of the others; NaN is passed over.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void FindAllApart(
        RowGroup* group, TScalar* columns, nuint classes, out TVector others, out TVector greatest)
    {
        others = greatest = SetAll(double.NegativeInfinity);
        TVector index = SetAll(0);
        TVector first = greatest;
        TVector second = greatest;
        for (nuint j = 0; j < classes; j++)
        {
            TVector z = TNumbers.Load(columns + (j * LaneCount));
            second = TNumbers.Greater(TNumbers.SelectBelow(first, z, first, z), second);
            index = TNumbers.SelectBelow(first, z, SetAll(j), index);
            first = TNumbers.Greater(z, first);
        }

        others = second;
        greatest = first;
        Lanes<TScalar> indices;
        TNumbers.Store((TScalar*)&indices, index);
        for (int k = 0; k < Lanes.Length; k++)
        {
            ((nuint*)&group->Apart)[k] = (nuint)TNumbers.Double(indices[k]);
        }
    }

    // What else there is to know of the classes apart and the labels.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void CompareLabels(
        in SoftmaxCrossEntropyJob job, RowGroup* group, TScalar* z, nuint stride, double* zLabel)
    {
        for (nuint k = 0; k < LaneCount; k++)
        {
            nuint label = ((nuint*)&group->Label)[k];
            nuint apart = ((nuint*)&group->Apart)[k];
            zLabel[k] = TNumbers.Double(z[(k * stride) + label]);
            ((double*)&group->IsLabel)[k] = apart == label ? 1 : 0;
            ((bool*)&group->Correct)[k] = apart == label;
            ((double*)&group->ApartWeight)[k] = WeightOf(job, apart);
        }
    }

    // What comes before the exponentials of columns with a softcap, where they become the high parts of u, or whose targets
    // are summed: for as many classes at a time as a sum has lanes.
    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private static void PrepareColumns<TCapped>(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        double* greatest,
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
        double* dots = stackalloc double[2 * PartLength];
        if (plan.SumsTargets)
        {
            new Span<double>(dots, 2 * PartLength).Clear();
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
                AddColumnTargets(job, j, count, u, greatest, dots);
            }
        }

        if (plan.SumsTargets)
        {
            SumColumnTargets(job, dots, targets);
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

    // Adds w·(greatest − u) of classes from j on, each in its lane of the sum: TargetSums' dot. The low parts of sums, which
    // those of float do not have, come after the high ones.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void AddColumnTargets(
        in SoftmaxCrossEntropyJob job, nuint j, nuint count, double* u, double* greatest, double* dots)
    {
        for (int k = 0; k < Lanes.Length; k += HardwareDoubles.Count)
        {
            HardwareDoubles most = HardwareDoubles.Load(greatest + k);
            for (nuint c = 0; c < count; c++)
            {
                // Where the target is 0, nothing, however unlikely the class.
                double w = WeightOf(job, j + c);
                if (w > 0)
                {
                    nuint lane = (c * LaneCount) + (nuint)k;
                    HardwareDoubles term = HardwareDoubles.Set(w) * (most - HardwareDoubles.Load(u + lane));
                    AddPair(dots + lane, term);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddPair(double* sum, HardwareDoubles x)
    {
        const int Lows = Lanes.Length * Lanes.Length;
        if (IsFloat)
        {
            (HardwareDoubles.Load(sum) + x).Store(sum);
            return;
        }

        DoubleMath.TwoSum(HardwareDoubles.Load(sum), x, out HardwareDoubles high, out HardwareDoubles error);
        high.Store(sum);
        (HardwareDoubles.Load(sum + Lows) + error).Store(sum + Lows);
    }

    // Adds the lanes of sums, in the order of SumLanes(), as Finished() does.
    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private static void SumColumnTargets(in SoftmaxCrossEntropyJob job, double* dots, GroupTargets* targets)
    {
        const int Lows = Lanes.Length * Lanes.Length;
        Pair<HardwareDoubles>* pairs = stackalloc Pair<HardwareDoubles>[Lanes.Length];
        int lanes = (int)nuint.Min(job.Classes, LaneCount);
        HardwareDoubles zero = HardwareDoubles.Set(0.0);
        for (int k = 0; k < Lanes.Length; k += HardwareDoubles.Count)
        {
            for (int lane = 0; lane < lanes; lane++)
            {
                double* dot = dots + (lane * Lanes.Length) + k;
                pairs[lane] = new(HardwareDoubles.Load(dot), zero);
                if (!IsFloat)
                {
                    pairs[lane] += new Pair<HardwareDoubles>(HardwareDoubles.Load(dot + Lows), zero);
                }
            }

            for (int half = Lanes.Length / 2; half > 0; half /= 2)
            {
                for (int lane = 0; lane < half && lane + half < lanes; lane++)
                {
                    double* dot = dots + (lane * Lanes.Length) + k;
                    (HardwareDoubles.Load(dot) + HardwareDoubles.Load(dot + (half * Lanes.Length))).Store(dot);
                    pairs[lane] = TNumbers.Add(pairs[lane], pairs[lane + half]);
                }
            }

            HardwareDoubles sum = TNumbers.Rounded(pairs[0]);
            HardwareDoubles.SelectBelow(
                DoubleMath.Magnitude(sum),
                HardwareDoubles.Set(double.PositiveInfinity),
                sum,
                HardwareDoubles.Load(dots + k)).Store((double*)&targets->Dot + k);
        }
    }

    // Puts the logits of the classes apart into columns.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void PutApart(nuint* labels, TScalar* z, nuint stride, nuint classes, TScalar* columns)
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
    private static void RemoveApart(nuint* labels, nuint classes, TScalar* columns)
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
        TVector greatest = SetAll(double.NegativeInfinity);
        TVector firstOfAll = greatest;
        Lanes<double> zLabel;
        if (plan.Smears)
        {
            FindAllApart(group, columns, classes, out greatest, out firstOfAll);
            CompareLabels(job, group, z, zStride, (double*)&zLabel);
        }

        nuint* alone = plan.Smears ? (nuint*)&group->Apart : labels;
        for (nuint k = 0; k < LaneCount; k++)
        {
            double u = double.NegativeInfinity;
            if (alone[k] < classes)
            {
                u = (TCapped.Value ? 1.0 : plan.Slope) * TNumbers.Double(z[(k * zStride) + alone[k]]);
                columns[(alone[k] * LaneCount) + k] = TNumbers.Scalar(double.NegativeInfinity);
            }

            ((double*)&group->U)[k] = u;
        }

        for (nuint j = 0; !plan.Smears && j < classes; j++)
        {
            greatest = TNumbers.Greater(TNumbers.Load(columns + (j * LaneCount)), greatest);
        }

        double* exponents = stackalloc double[Lanes.Length];
        double* sums = stackalloc double[2 * Lanes.Length];
        GroupConstants constants;
        if (TCapped.Value)
        {
            CapGroup(plan, group, alone, classes, greatest, (double*)&zLabel, exponents);
        }
        else if (plan.SumsTargets)
        {
            TDoubles below = TNumbers.Widen(firstOfAll) - TNumbers.LoadDoubles((double*)&zLabel);
            TNumbers.StoreDoubles((double*)&group->LabelDistance, below * TDoubles.Set(plan.Slope));
        }

        if (!AnchorGroup<TCapped>(plan, greatest, exponents, &constants))
        {
            return false;
        }

        if (job.CountCorrect && !plan.Smears)
        {
            NoteAllCorrect(group, z, zStride, classes, greatest);
        }

        GroupTargets targets;
        if (TCapped.Value || plan.SumsTargets)
        {
            // With the classes apart.
            PutApart(alone, z, zStride, classes, columns);
            Lanes<double> most;
            TNumbers.StoreDoubles(
                (double*)&most,
                TCapped.Value ? TNumbers.LoadDoubles((double*)&group->U) : TNumbers.Widen(firstOfAll));
            PrepareColumns<TCapped>(job, plan, (double*)&most, constants.Lowest, columns, low, slopes, &targets);
            RemoveApart(alone, classes, columns);
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
        TScalar* ofApart = (TScalar*)&gradient.Apart;
        if (TCapped.Value || plan.Smears)
        {
            StoreGeneralColumns<TCapped>(job, plan, group, g, stride, columns, slopes, scale, &gradient);
        }
        else
        {
            StoreColumns<No>(g, stride, classes, columns, scale);
        }

        for (nuint k = 0; k < LaneCount; k++)
        {
            if (alone[k] < classes)
            {
                g[(k * stride) + alone[k]] = ofApart[k];
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
        internal Lanes<nuint> Apart;   // with targets beyond the label: as in Apart

        // With such targets, too: the weight of the class apart, 1 where that is the label, otherwise 0, and how far the
        // label's u is below its u.
        internal Lanes<double> ApartWeight;
        internal Lanes<double> IsLabel;
        internal Lanes<double> LabelDistance;

        // The logit and u of the class apart; −infinity where there is none. Of few classes u is read with the others.
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
        internal Lanes<double> EApart;
        internal Lanes<double> OthersHigh;
        internal Lanes<double> OthersLow;
    }

    // As TargetTotals, of which Dot is at first TargetSums' sum.
    private struct GroupTargets
    {
        internal Lanes<double> Rest;
        internal Lanes<double> Own;
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
        internal TVector Apart;

        // With targets beyond the label: of float the scale as DenseScale() gives it, what targets are multiplied with, and
        // the label's.
        internal Lanes<double> Dense;
        internal Lanes<double> Factor;
        internal Lanes<double> LabelTarget;
    }
}
