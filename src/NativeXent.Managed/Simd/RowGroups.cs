using System.Runtime.CompilerServices;
using NativeXent.Jobs;

namespace NativeXent.Simd;

/// <summary>
/// Rows of one block, of any type but float64 and without options beyond what changes their scale, in groups: the twin of
/// <c>native/src/kernels/row_groups-inl.h</c>. What there is to do for a row as a whole is done for sixteen rows at once,
/// and with few classes everything is.
/// </summary>
internal abstract unsafe class RowGroups<TFloats, TDoubles>
    : SoftmaxCrossEntropyKernel<FloatNumbers<TFloats, TDoubles>, TFloats, float, TDoubles>
    where TFloats : unmanaged, IVector<TFloats>
    where TDoubles : unmanaged, IDoubleVector<TDoubles, TFloats>
{
    // Groups of so many elements; rows one by one where that would be too few rows.
    private const nuint GroupElements = 2 * BlockLength;
    private const int LeastGroup = 4;
    private const nuint GroupedClasses = GroupElements / LeastGroup;

    // So few that a group goes class by class, with a lane for each row.
    private const nuint FewClasses = 208;

    internal static new void Run(in SoftmaxCrossEntropyJob job, out Totals totals)
    {
        Plan plan = new(job);
        if (job.Classes > GroupedClasses || !ChangesScaleOnly(job, plan))
        {
            SoftmaxCrossEntropyKernel<FloatNumbers<TFloats, TDoubles>, TFloats, float, TDoubles>.Run(job, out totals);
            return;
        }

        totals = default;
        ComputeGroups(job, plan, ref totals);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private static void ComputeGroups(in SoftmaxCrossEntropyJob job, in Plan plan, ref Totals totals)
    {
        nuint classes = job.Classes;
        int most = (int)nuint.Min(GroupElements / classes, Lanes.Length);
        bool few = classes <= FewClasses;
        bool onlyLabels = few
            && job.ElementType == ElementType.Float32
            && plan.Target is Target.Int32 or Target.Int64
            && !job.Ignores
            && job.ClassWeights is null;
        Unsafe.SkipInit(out RowGroup group);
        nuint* index = (nuint*)&group.Index;
        nuint* labels = (nuint*)&group.Label;
        double* uOfLabel = (double*)&group.U;
        double* weights = (double*)&group.Weight;
        for (nuint i = job.RowBegin; i < job.RowEnd;)
        {
            int count = 0;

            // Where nothing but the labels is of interest, several times as fast as the general way.
            for (; onlyLabels && count < most && job.RowEnd - i >= (nuint)(most - count); count++, i++)
            {
                long y = plan.Target == Target.Int32 ? ((int*)job.Targets)[i] : ((long*)job.Targets)[i];
                bool inside = (ulong)y < classes;
                index[count] = i;
                labels[count] = inside ? (nuint)y : NoLabel;
                weights[count] = 1;
                uOfLabel[count] = inside
                    ? plan.Slope * ((float*)job.Logits)[(i * job.LogitsStride) + (nuint)y]
                    : double.NegativeInfinity;
            }

            for (; i < job.RowEnd && count < most; i++)
            {
                Label label = LabelOf(job, plan, i);
                if (label.IsIgnored)
                {
                    ComputeAlone(job, plan, i, ref totals);
                    continue;
                }

                index[count] = i;
                labels[count] = label.Index;
                weights[count] = label.Weight;
                uOfLabel[count] = label.Index < classes
                    ? plan.Slope * Element(LogitsOf(job, i), label.Index)
                    : double.NegativeInfinity;
                count++;
            }

            group.Count = count;
            bool done = count >= LeastGroup;
            if (done)
            {
                for (int k = count; k < Lanes.Length; k++)
                {
                    index[k] = index[0];
                    labels[k] = labels[0];
                    weights[k] = weights[0];
                    uOfLabel[k] = uOfLabel[0];
                }

                if (few)
                {
                    done = ComputeGroupOfFewClasses(job, plan, &group, ref totals);
                }
                else
                {
                    ComputeGroup(job, plan, &group, ref totals);
                }
            }

            for (int k = 0; !done && k < count; k++)
            {
                ComputeAlone(job, plan, index[k], ref totals);
            }
        }
    }

    private static void ComputeAlone(
        in SoftmaxCrossEntropyJob job, in Plan plan, nuint i, ref Totals totals)
    {
        if (job.ElementType == ElementType.Float32)
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
    // row is not an ordinary one. Four rows at a time: so many operations on more would be done in memory.
    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private static bool FinishGroup(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        RowGroup* group,
        double* blockExponents,
        double* blockSums,
        GroupGradient* gradient,
        ref Totals totals)
    {
        const int Part = FourDoubles.Count;
        const double FlushBelow = 1.175495471861059e-38;
        double* exponents = stackalloc double[Lanes.Length];
        double* factors = stackalloc double[Lanes.Length];
        double* others = stackalloc double[Lanes.Length];
        double* eLabels = stackalloc double[Lanes.Length];
        FourDoubles zero = FourDoubles.Set(0.0);
        FourDoubles one = FourDoubles.Set(1.0);
        FourDoubles strange = zero; // above 0 where a row is not ordinary
        bool labelled = plan.Target != Target.None;
        for (int k = 0; k < Lanes.Length; k += Part)
        {
            FourDoubles blockExponent = FourDoubles.Load(blockExponents + k);
            FourDoubles exponent = blockExponent;
            FourDoubles factor = one;
            FourDoubles eLabel = zero;
            if (labelled)
            {
                FourDoubles u = FourDoubles.Load((double*)&group->U + k);
                strange += FourDoubles.SelectBelow(
                    FourDoubles.Set(FloatNumbers<TFloats, TDoubles>.ShiftAbove), DoubleMath.Magnitude(u), one, zero);
                FourDoubles labelExponent = DoubleMath.NearestExponent(u);
                exponent = FourDoubles.Greater(blockExponent, labelExponent);
                factor = DoubleMath.PowerOfTwo(blockExponent - exponent);
                eLabel = DoubleMath.ExpReduced(DoubleMath.Reduce(u, labelExponent))
                    * DoubleMath.PowerOfTwo(labelExponent - exponent);
            }

            exponent.Store(exponents + k);
            factor.Store(factors + k);
            eLabel.Store(eLabels + k);
            (FourDoubles.Load(blockSums + k) * factor * FourDoubles.Set(Scale.Unbias)).Store(others + k);
        }

        // What few calls need is apart: the compiler inlines only so much into one method.
        RowLosses* losses = stackalloc RowLosses[Lanes.Length];
        double* logSumExps = stackalloc double[Lanes.Length];
        double* upstream = stackalloc double[Lanes.Length];
        bool wantsLosses = plan.WantsLoss || plan.WantsLogSumExp;
        if (wantsLosses)
        {
            ComputeGroupLosses(job, plan, group, exponents, others, eLabels, losses, logSumExps);
        }
        else
        {
            new Span<double>(logSumExps, Lanes.Length).Clear();
        }

        LoadUpstream(job, group, upstream);
        double* scales = blockSums;
        double* labels = blockExponents;
        double* lowest = factors;
        for (int k = 0; k < Lanes.Length; k += Part)
        {
            FourDoubles rest = one;
            FourDoubles own = zero;
            if (labelled)
            {
                FourDoubles weight = FourDoubles.Load((double*)&group->Weight + k);
                rest = FourDoubles.Set(plan.Spread) * (FourDoubles.Set(plan.ClassWeightSum) - weight);
                own = FourDoubles.Set(plan.Kept + plan.Spread) * weight;
            }

            FourDoubles other = FourDoubles.Load(others + k);
            FourDoubles eLabel = FourDoubles.Load(eLabels + k);
            FourDoubles inverse = one / (other + eLabel);
            FourDoubles pull = FourDoubles.Set(2.0 * job.ZLossScale) * FourDoubles.Load(logSumExps + k);
            FourDoubles allFactor =
                FourDoubles.Set(job.GradScale) * FourDoubles.Load(upstream + k) * FourDoubles.Set(plan.Chain);
            FourDoubles scale = inverse * (((rest + own) + pull) * allFactor) * FourDoubles.Load(factors + k);

            // NaN is strange, too.
            strange += FourDoubles.SelectBelow(
                scale,
                FourDoubles.Set(2.0000000000000004),
                FourDoubles.SelectBelow(scale, FourDoubles.Set(8.673617379884035e-19), one, zero),
                one);
            FourDoubles label = (((eLabel * inverse) * (rest + pull)) - ((other * inverse) * own)) * allFactor;
            scale.Store(scales + k);
            (FourDoubles.Set(FlushBelow / Scale.Unbias) / scale).Store(lowest + k);
            FourDoubles.SelectBelow(DoubleMath.Magnitude(label), FourDoubles.Set(FlushBelow), zero, label)
                .Store(labels + k);
        }

        if (!strange.IsZero)
        {
            return false;
        }

        TDoubles all = TDoubles.Load(scales);
        TFloats high = TDoubles.Narrow(all);
        gradient->Lowest = TDoubles.Narrow(TDoubles.Load(lowest));
        gradient->High = high;
        gradient->Low = TDoubles.Narrow(all - TDoubles.Widen(high));
        gradient->Label = TDoubles.Narrow(TDoubles.Load(labels));
        if (wantsLosses)
        {
            PutGroupLosses(job, group, losses, ref totals);
        }

        for (int k = 0; k < group->Count; k++)
        {
            totals.Weight += ((double*)&group->Weight)[k];
        }

        totals.Rows += (ulong)group->Count;
        return true;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ComputeGroupLosses(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        RowGroup* group,
        double* exponents,
        double* others,
        double* eLabels,
        RowLosses* losses,
        double* logSumExps)
    {
        losses[0] = default;
        for (int k = 0; k < Lanes.Length; k++)
        {
            RowSums sums = new(new(0, exponents[k]), new(others[k]), ((double*)&group->U)[k], eLabels[k]);
            Label label = new() { Index = ((nuint*)&group->Label)[k], Weight = ((double*)&group->Weight)[k] };
            losses[k] = k < group->Count && !sums.IsNaN ? LossesOf(job, plan, sums, label, null, 0) : losses[0];
            logSumExps[k] = losses[k].LogSumExp;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void PutGroupLosses(
        in SoftmaxCrossEntropyJob job, RowGroup* group, RowLosses* losses, ref Totals totals)
    {
        for (int k = 0; k < group->Count; k++)
        {
            PutRowOutputs(
                job, ((nuint*)&group->Index)[k], losses[k].Loss, losses[k].ZLoss, losses[k].LogSumExp);
            totals.Loss += losses[k].Loss;
            totals.ZLoss += losses[k].ZLoss;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void LoadUpstream(in SoftmaxCrossEntropyJob job, RowGroup* group, double* upstream)
    {
        for (int k = 0; k < Lanes.Length; k++)
        {
            upstream[k] = job.Upstream is null ? 1 : UpstreamOf(job, ((nuint*)&group->Index)[k]);
        }
    }

    // A group whose rows are passed over one after the other.
    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private static void ComputeGroup(
        in SoftmaxCrossEntropyJob job, in Plan plan, RowGroup* group, ref Totals totals)
    {
        nuint classes = job.Classes;
        nuint* index = (nuint*)&group->Index;
        nuint* labels = (nuint*)&group->Label;

        // Where gradients are not float32, e is kept here.
        bool converts = job.ElementType != ElementType.Float32;
        float* scratch = stackalloc float[converts ? (int)classes * group->Count : 0];
        float** e = stackalloc float*[Lanes.Length];
        Block* blocks = stackalloc Block[Lanes.Length];
        double* exponents = stackalloc double[Lanes.Length];
        double* others = stackalloc double[Lanes.Length];
        bool shifted = false;
        for (int k = 0; k < group->Count; k++)
        {
            nuint i = index[k];
            ElementArray z = LogitsOf(job, i);
            e[k] = converts ? scratch + ((nuint)k * classes) : (float*)GradientOf(job, i).Start;
            if (converts)
            {
                LoadRun(z, 0, e[k], classes);
            }

            float* from = converts ? e[k] : (float*)z.Start;
            if (!ComputePlainBlock(plan, from, e[k], classes, labels[k], out blocks[k]))
            {
                RowMemory memory = new() { Z = z, E = e[k], KeepsE = true };
                Greatest greatest = GreatestOthers(memory, 0, classes, labels[k]);
                ComputeGeneralBlock(job, plan, memory, 0, classes, labels[k], greatest, out blocks[k]);
            }

            exponents[k] = blocks[k].Anchor.Exponent;
            others[k] = blocks[k].Others.High;
            shifted |= IsShifted(blocks[k].Anchor);
        }

        for (int k = group->Count; k < Lanes.Length; k++)
        {
            exponents[k] = exponents[0];
            others[k] = others[0];
        }

        GroupGradient gradient;
        if (!shifted && FinishGroup(job, plan, group, exponents, others, &gradient, ref totals))
        {
            float* lowest = (float*)&gradient.Lowest;
            float* high = (float*)&gradient.High;
            float* low = (float*)&gradient.Low;
            float* ofLabel = (float*)&gradient.Label;
            for (int k = 0; k < group->Count; k++)
            {
                Scale<float> scale = new(lowest[k], high[k], low[k], (float)Scale.Unbias);
                ScaleBlock(e[k], classes, scale);
                if (labels[k] < classes)
                {
                    e[k][labels[k]] = ofLabel[k];
                }

                if (converts)
                {
                    StoreRun(GradientOf(job, index[k]), 0, e[k], classes, false, true);
                }
            }

            return;
        }

        for (int k = 0; k < group->Count; k++)
        {
            nuint i = index[k];
            Row row = new()
            {
                Index = i,
                Memory = new() { Z = LogitsOf(job, i), Gradient = GradientOf(job, i), E = e[k], KeepsE = true },
                Label = new() { Index = labels[k], Weight = ((double*)&group->Weight)[k] },
                ZLabel = ((double*)&group->U)[k],
                ULabel = ((double*)&group->U)[k],
                Anchor = Higher(blocks[k].Anchor, AnchorAt(((double*)&group->U)[k])),
            };
            if (converts)
            {
                FinishRow<No>(job, plan, row, &blocks[k], 1, new(0, 1, true), ref totals);
            }
            else
            {
                FinishRow<Yes>(job, plan, row, &blocks[k], 1, new(0, 1, true), ref totals);
            }
        }
    }

    // Between sixteen rows and as many lanes: class j of the k-th row is columns[(j * Lanes.Length) + k]. Four classes at a
    // time; the last four may overlap those before.
    private static void LoadColumns(float* rows, nuint stride, nuint classes, float* columns)
    {
        nuint j = 0;
        for (; j + 4 <= classes; j += 4)
        {
            LoadFourColumns(rows + j, stride, columns + (j * LaneCount));
        }

        if (j < classes && classes >= 4)
        {
            j = classes - 4;
            LoadFourColumns(rows + j, stride, columns + (j * LaneCount));
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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadFourColumns(float* rows, nuint stride, float* columns)
    {
        TFloats a = TFloats.LoadQuarters(rows, 4 * stride);
        TFloats b = TFloats.LoadQuarters(rows + stride, 4 * stride);
        TFloats c = TFloats.LoadQuarters(rows + (2 * stride), 4 * stride);
        TFloats d = TFloats.LoadQuarters(rows + (3 * stride), 4 * stride);
        TFloats.TransposeQuarters(ref a, ref b, ref c, ref d);
        TFloats.Store(columns, a);
        TFloats.Store(columns + LaneCount, b);
        TFloats.Store(columns + (2 * LaneCount), c);
        TFloats.Store(columns + (3 * LaneCount), d);
    }

    private static void StoreScaledColumns(
        float* rows, nuint stride, nuint classes, float* columns, in Scale<TFloats> scale)
    {
        nuint j = 0;
        for (; j + 4 <= classes; j += 4)
        {
            StoreFourScaledColumns(rows + j, stride, columns + (j * LaneCount), scale);
        }

        if (j < classes && classes >= 4)
        {
            j = classes - 4;
            StoreFourScaledColumns(rows + j, stride, columns + (j * LaneCount), scale);
            return;
        }

        for (; j < classes; j++)
        {
            Lanes<float> column;
            TFloats.Store((float*)&column, ScaledColumn(columns + (j * LaneCount), scale));
            for (int k = 0; k < Lanes.Length; k++)
            {
                rows[((nuint)k * stride) + j] = column[k];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreFourScaledColumns(float* rows, nuint stride, float* columns, in Scale<TFloats> scale)
    {
        TFloats a = ScaledColumn(columns, scale);
        TFloats b = ScaledColumn(columns + LaneCount, scale);
        TFloats c = ScaledColumn(columns + (2 * LaneCount), scale);
        TFloats d = ScaledColumn(columns + (3 * LaneCount), scale);
        TFloats.TransposeQuarters(ref a, ref b, ref c, ref d);
        TFloats.StoreQuarters(rows, 4 * stride, a);
        TFloats.StoreQuarters(rows + stride, 4 * stride, b);
        TFloats.StoreQuarters(rows + (2 * stride), 4 * stride, c);
        TFloats.StoreQuarters(rows + (3 * stride), 4 * stride, d);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFloats ScaledColumn(float* column, in Scale<TFloats> scale) =>
        FloatNumbers<TFloats, TDoubles>.Scaled(TFloats.Load(column), scale);

    // Stores e, and gives each row's sum: class j is added in lane j of a tile, modulo the lanes, and then the lanes in
    // the order of SumLanes(). A method of its own, as the compiler keeps only so many vectors of one in registers.
    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private static TDoubles ColumnExponentials<TInput>(float* columns, nuint classes, in Exponential<TFloats> constants)
        where TInput : struct, IInput
    {
        Exponential<TFloats> c = constants;
        TDoubles* sum = stackalloc TDoubles[Lanes.Length];
        nuint lanes = nuint.Min(classes, LaneCount);
        for (nuint lane = 0; lane < lanes; lane++)
        {
            TileSum<TFloats> tile = EmptyTile();
            for (nuint j = lane; j < classes; j += LaneCount)
            {
                float* column = columns + (j * LaneCount);
                TFloats e = FloatNumbers<TFloats, TDoubles>.Exponential<TInput>(TFloats.Load(column), default, c);
                TFloats.Store(column, e);
                Accumulate(ref tile, e);
            }

            TFloats high = TFloats.Subtract(tile.High, TFloats.Set((float)Exponentials.SumBase));
            sum[lane] = TDoubles.AddWidened(TDoubles.Widen(high), tile.Low);
        }

        for (nuint half = LaneCount / 2; half > 0; half /= 2)
        {
            for (nuint j = 0; j < half && j + half < lanes; j++)
            {
                sum[j] += sum[j + half];
            }
        }

        return sum[0];
    }

    // A group of few classes. False, with nothing written, where a row is not ordinary.
    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private static bool ComputeGroupOfFewClasses(
        in SoftmaxCrossEntropyJob job, in Plan plan, RowGroup* group, ref Totals totals)
    {
        nuint classes = job.Classes;
        nuint* index = (nuint*)&group->Index;
        nuint* labels = (nuint*)&group->Label;
        float* columns = stackalloc float[(int)(classes * LaneCount)];

        // Whole groups of rows that follow one another are read and written where they lie.
        nuint first = index[0];
        bool follows = job.ElementType == ElementType.Float32
            && group->Count == Lanes.Length
            && index[Lanes.Length - 1] - first == LaneCount - 1;
        float* rows = stackalloc float[follows ? 0 : (int)(classes * LaneCount)];
        if (!follows)
        {
            for (int k = 0; k < Lanes.Length; k++)
            {
                LoadRun(LogitsOf(job, index[k]), 0, rows + ((nuint)k * classes), classes);
            }
        }

        LoadColumns(
            follows ? (float*)LogitsOf(job, first).Start : rows, follows ? job.LogitsStride : classes, classes, columns);
        for (int k = 0; k < Lanes.Length; k++)
        {
            if (labels[k] < classes)
            {
                columns[(labels[k] * LaneCount) + (nuint)k] = float.NegativeInfinity;
            }
        }

        TFloats greatest = TFloats.Set(float.NegativeInfinity);
        for (nuint j = 0; j < classes; j++)
        {
            greatest = TFloats.Greater(TFloats.Load(columns + (j * LaneCount)), greatest);
        }

        // As in AnchorAt(), where nothing is shifted.
        TDoubles m = TDoubles.Widen(greatest) * TDoubles.Set(plan.Slope);
        TDoubles exponent = DoubleMath.NearestExponent(m);
        if (TDoubles.GreatestLane(DoubleMath.Magnitude(m)) > FloatNumbers<TFloats, TDoubles>.ShiftAbove)
        {
            return false;
        }

        TDoubles lowest = ExponentialLowest(exponent);
        float slope = (float)plan.Slope;
        Exponential<TFloats> c = new(
            default,
            TDoubles.Narrow(lowest),
            TDoubles.Narrow(ExponentialRound(exponent)),
            TFloats.Set(slope),
            TFloats.Set((float)(plan.Slope - slope)),
            plan.Scales ? TDoubles.Narrow((lowest - TDoubles.Set(1.0)) / TDoubles.Set(plan.Slope)) : default);
        double* exponents = stackalloc double[Lanes.Length];
        double* sums = stackalloc double[Lanes.Length];
        TDoubles.Store(exponents, exponent);
        TDoubles.Store(sums, plan.Scales
            ? ColumnExponentials<Scaled>(columns, classes, c)
            : ColumnExponentials<Plain>(columns, classes, c));
        GroupGradient gradient;
        if (!FinishGroup(job, plan, group, exponents, sums, &gradient, ref totals))
        {
            return false;
        }

        Scale<TFloats> scale = new(gradient.Lowest, gradient.High, gradient.Low, TFloats.Set((float)Scale.Unbias));
        float* ofLabel = (float*)&gradient.Label;
        float* g = follows ? (float*)GradientOf(job, first).Start : rows;
        nuint stride = follows ? job.GradientStride : classes;
        StoreScaledColumns(g, stride, classes, columns, scale);
        for (int k = 0; k < Lanes.Length; k++)
        {
            if (labels[k] < classes)
            {
                g[((nuint)k * stride) + labels[k]] = ofLabel[k];
            }
        }

        for (int k = 0; !follows && k < group->Count; k++)
        {
            StoreRun(GradientOf(job, index[k]), 0, rows + ((nuint)k * classes), classes, false, true);
        }

        return true;
    }

    // Up to sixteen rows, none of them ignored. Lanes beyond the count hold what the first one
    // holds.
    private struct RowGroup
    {
        internal int Count;
        internal Lanes<nuint> Index;   // in the batch
        internal Lanes<nuint> Label;   // as in Label
        internal Lanes<double> U;      // the label's logit, scaled; −infinity where there is no label
        internal Lanes<double> Weight;
    }

    // What the gradients of a group's rows are made of.
    private struct GroupGradient
    {
        internal TFloats Lowest;
        internal TFloats High;
        internal TFloats Low;
        internal TFloats Label;
    }
}
