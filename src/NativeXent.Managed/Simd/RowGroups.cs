using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using NativeXent.Jobs;

namespace NativeXent.Simd;

/// <summary>
/// Rows of one block, of any type but float64 and with options that are the same for all their classes, in groups: the
/// twin of <c>native/src/kernels/row_groups-inl.h</c>. What there is to do for a row as a whole is done for sixteen rows
/// at once, and with few classes everything is.
/// </summary>
internal abstract unsafe class RowGroups<TFloats, TDoubles>
    : SoftmaxCrossEntropyKernel<FloatNumbers<TFloats, TDoubles>, TFloats, float, TDoubles>
    where TFloats : unmanaged, IVector<TFloats>
    where TDoubles : unmanaged, IDoubleVector<TDoubles, TFloats>
{
    // Groups have so many elements, what the first-level cache takes; where that would be too few rows, they come one by
    // one. The least is more than natively: what is done for sixteen rows at once takes longer here.
    private const nuint GroupElements = BlockLength;
    private const int LeastGroup = 4;
    private const nuint GroupedClasses = GroupElements / LeastGroup;

    // So few that a group goes class by class, with a lane for each row, where so many rows take as long as sixteen.
    private const nuint FewClasses = 128;
    private const int LeastGroupOfFewClasses = 4;

    internal static new void Run(in SoftmaxCrossEntropyJob job, out Totals totals)
    {
        Plan plan = new(job);
        if (!TakesGroups(job, plan))
        {
            SoftmaxCrossEntropyKernel<FloatNumbers<TFloats, TDoubles>, TFloats, float, TDoubles>.Run(job, out totals);
            return;
        }

        totals = default;
        ComputeGroups(job, plan, ref totals);
    }

    // Smoothed labels whose losses are wanted are computed alone, other than natively.
    private static bool TakesGroups(in SoftmaxCrossEntropyJob job, in Plan plan) =>
        job.Classes <= GroupedClasses && job.InnerSize == 1 && job.Gradient is not null && !plan.Capped
        && !(plan.Smears && (plan.SumsTargets || job.ClassWeights is not null));

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
            if (takesWhole && job.RowEnd - i >= LaneCount)
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

                index[count] = i;
                labels[count] = label.Index;
                ((bool*)&group.Ignored)[count] = false;
                weights[count] = label.Weight;
                uOfLabel[count] = !few && label.Index < classes
                    ? plan.Slope * Element(LogitsOf(job, i), label.Index)
                    : double.NegativeInfinity;
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

                done = few
                    ? ComputeGroupOfFewClasses(job, plan, &group, ref totals)
                    : ComputeGroup(job, plan, &group, ref totals);
            }

            for (int k = 0; !done && k < count; k++)
            {
                ComputeAlone(job, plan, index[k], ref totals);
            }
        }
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
        if (job.ElementType == ElementType.Float32 && ChangesScaleOnly(job, plan))
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
    // row is not an ordinary one; its scale is 0 or between 2^-60 and 2^40, where nothing has to be taken out of it. A
    // register at a time: so many operations on more would be done in memory.
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
        int part = HardwareDoubles.Count;
        const double FlushBelow = 1.175495471861059e-38;
        double* exponents = stackalloc double[Lanes.Length];
        double* factors = stackalloc double[Lanes.Length];
        double* others = stackalloc double[Lanes.Length];
        double* eLabels = stackalloc double[Lanes.Length];
        HardwareDoubles zero = HardwareDoubles.Set(0.0);
        HardwareDoubles one = HardwareDoubles.Set(1.0);
        HardwareDoubles strange = zero; // above 0 where a row is not ordinary
        bool labelled = plan.Target != Target.None;
        for (int k = 0; k < Lanes.Length; k += part)
        {
            HardwareDoubles blockExponent = HardwareDoubles.Load(blockExponents + k);
            HardwareDoubles exponent = blockExponent;
            HardwareDoubles factor = one;
            HardwareDoubles eLabel = zero;
            if (labelled)
            {
                HardwareDoubles u = HardwareDoubles.Load((double*)&group->U + k);
                strange += HardwareDoubles.SelectBelow(
                    HardwareDoubles.Set(FloatNumbers<TFloats, TDoubles>.ShiftAbove), DoubleMath.Magnitude(u), one, zero);
                HardwareDoubles labelExponent = DoubleMath.NearestExponent(u);
                exponent = HardwareDoubles.Greater(blockExponent, labelExponent);
                factor = DoubleMath.PowerOfTwo(blockExponent - exponent);
                eLabel = DoubleMath.ExpReduced(DoubleMath.Reduce(u, labelExponent))
                    * DoubleMath.PowerOfTwo(labelExponent - exponent);
            }

            exponent.Store(exponents + k);
            factor.Store(factors + k);
            eLabel.Store(eLabels + k);
            (HardwareDoubles.Load(blockSums + k) * factor * HardwareDoubles.Set(Scale.Unbias)).Store(others + k);
        }

        // What few calls need is apart: the compiler inlines only so much into one method.
        GroupLosses losses;
        double* upstream = stackalloc double[Lanes.Length];
        bool wantsLosses = plan.WantsLoss || plan.WantsLogSumExp;
        if (wantsLosses)
        {
            ComputeGroupLosses(job, plan, group, exponents, others, eLabels, &losses);
        }
        else
        {
            losses.LogSumExp = default;
        }

        bool loadsUpstream = job.Upstream is not null || job.Ignores;
        if (loadsUpstream)
        {
            LoadUpstream(job, group, upstream);
        }

        double* scales = blockSums;
        double* labels = blockExponents;
        double* lowest = factors;
        double* allFactors = others;
        for (int k = 0; k < Lanes.Length; k += part)
        {
            HardwareDoubles rest = one;
            HardwareDoubles own = zero;
            if (labelled)
            {
                HardwareDoubles weight = HardwareDoubles.Load((double*)&group->Weight + k);
                rest = HardwareDoubles.Set(plan.Spread) * (HardwareDoubles.Set(plan.ClassWeightSum) - weight);
                own = HardwareDoubles.Set(plan.Kept + plan.Spread) * weight;
            }

            HardwareDoubles other = HardwareDoubles.Load(others + k);
            HardwareDoubles eLabel = HardwareDoubles.Load(eLabels + k);
            HardwareDoubles inverse = one / (other + eLabel);
            HardwareDoubles pull =
                HardwareDoubles.Set(2.0 * job.ZLossScale) * HardwareDoubles.Load((double*)&losses.LogSumExp + k);
            HardwareDoubles allFactor = HardwareDoubles.Set(job.GradScale);
            if (loadsUpstream)
            {
                allFactor *= HardwareDoubles.Load(upstream + k);
            }

            allFactor *= HardwareDoubles.Set(job.Scale);

            // (−0 becomes 0.)
            HardwareDoubles scale =
                (inverse * (((rest + own) + pull) * allFactor) * HardwareDoubles.Load(factors + k)) + zero;

            // NaN is strange, too.
            HardwareDoubles tooSmall = HardwareDoubles.SelectBelow(zero, DoubleMath.Magnitude(scale), one, zero);
            strange += HardwareDoubles.SelectBelow(
                scale,
                HardwareDoubles.Set(1099511627776.0),
                HardwareDoubles.SelectBelow(scale, HardwareDoubles.Set(8.673617379884035e-19), tooSmall, zero),
                one);
            HardwareDoubles label = (((eLabel * inverse) * (rest + pull)) - ((other * inverse) * own)) * allFactor;
            allFactor.Store(allFactors + k);
            scale.Store(scales + k);
            (HardwareDoubles.Set(FlushBelow / Scale.Unbias) / scale).Store(lowest + k);
            HardwareDoubles.SelectBelow(DoubleMath.Magnitude(label), HardwareDoubles.Set(FlushBelow), zero, label)
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
        if (plan.Smears)
        {
            gradient->Every = NarrowedFlushed(TDoubles.Set(plan.Spread) * TDoubles.Load(allFactors));
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

    // LossesOf() of all rows of a group: the same operations.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ComputeGroupLosses(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        RowGroup* group,
        double* exponents,
        double* others,
        double* eLabels,
        GroupLosses* losses)
    {
        HardwareDoubles zero = HardwareDoubles.Set(0.0);
        bool wantsLoss = plan.WantsLoss && plan.Target != Target.None;
        for (int k = 0; k < Lanes.Length; k += HardwareDoubles.Count)
        {
            HardwareDoubles n = HardwareDoubles.Load(exponents + k);
            HardwareDoubles high = n * HardwareDoubles.Set(DoubleMath.Ln2High);
            HardwareDoubles low = n * HardwareDoubles.Set(DoubleMath.Ln2Low);
            HardwareDoubles other = HardwareDoubles.Load(others + k);
            HardwareDoubles eLabel = HardwareDoubles.Load(eLabels + k);
            HardwareDoubles uRelative = (HardwareDoubles.Load((double*)&group->U + k) - high) - low;
            HardwareDoubles logSum = DoubleMath.Log(other + eLabel, zero);
            HardwareDoubles logSumExp = plan.WantsLogSumExp ? zero + (high + (low + logSum)) : zero;
            HardwareDoubles loss = zero;
            if (wantsLoss)
            {
                HardwareDoubles weight = HardwareDoubles.Set(plan.Kept) * HardwareDoubles.Load((double*)&group->Weight + k);
                loss = weight * HardwareDoubles.SelectBelow(
                    HardwareDoubles.Set(-40.0), uRelative, DoubleMath.Log1P(other / eLabel), logSum - uRelative);
                loss = HardwareDoubles.SelectBelow(zero, weight, loss, zero);
            }

            logSumExp.Store((double*)&losses->LogSumExp + k);
            (HardwareDoubles.Set(job.ZLossScale) * (logSumExp * logSumExp)).Store((double*)&losses->ZLoss + k);
            loss.Store((double*)&losses->Loss + k);
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
        bool converts = job.ElementType != ElementType.Float32;
        bool apart = converts || job.Accumulate;
        float* scratch = stackalloc float[apart ? (int)GroupElements : 0];
        float** e = stackalloc float*[Lanes.Length];
        Others<float>* others = stackalloc Others<float>[Lanes.Length];
        Lanes<float> greatests = default;
        for (int k = 0; k < group->Count; k++)
        {
            ElementArray z = LogitsOf(job, index[k]);
            e[k] = apart ? scratch + ((nuint)k * classes) : (float*)GradientOf(job, index[k]).Start;
            if (converts)
            {
                LoadRun(z, 0, e[k], classes);
            }

            LookAt(others + k, converts ? e[k] : (float*)z.Start, classes, labels[k]);
            greatests[k] = (float)GreatestOther(others + k);
            if (job.CountCorrect)
            {
                NoteCorrect(group, k, others[k].Z, classes, greatests[k]);
            }
        }

        double* exponents = stackalloc double[Lanes.Length];
        double* sums = stackalloc double[Lanes.Length];
        GroupConstants constants;
        if (!AnchorGroup(plan, TFloats.Load((float*)&greatests), exponents, &constants))
        {
            return false;
        }

        for (int k = 0; k < group->Count; k++)
        {
            Exponential<TFloats> c = new(
                default,
                TFloats.Set(((float*)&constants.Lowest)[k]),
                TFloats.Set(((float*)&constants.Round)[k]),
                TFloats.Set(constants.Slope),
                TFloats.Set(constants.SlopeLow),
                TFloats.Set(((float*)&constants.Least)[k]));
            sums[k] = plan.Scales
                ? BlockExponentials<Scaled>(others + k, e[k], c).High
                : BlockExponentials<Plain>(others + k, e[k], c).High;
        }

        for (int k = group->Count; k < Lanes.Length; k++)
        {
            sums[k] = sums[0];
        }

        // FinishGroup() takes these for its own numbers.
        double* finishedExponents = stackalloc double[Lanes.Length];
        double* finishedSums = stackalloc double[Lanes.Length];
        TDoubles.Store(finishedExponents, TDoubles.Load(exponents));
        TDoubles.Store(finishedSums, TDoubles.Load(sums));
        GroupGradient gradient;
        if (!FinishGroup(job, plan, group, finishedExponents, finishedSums, &gradient, ref totals))
        {
            FinishRows(job, plan, group, e, exponents, sums, ref totals);
            return true;
        }

        float* lowest = (float*)&gradient.Lowest;
        float* high = (float*)&gradient.High;
        float* low = (float*)&gradient.Low;
        float* ofLabel = (float*)&gradient.Label;
        for (int k = 0; k < group->Count; k++)
        {
            Scale<float> scale = new(lowest[k], high[k], low[k], (float)Scale.Unbias);
            ScaleBlock(e[k], classes, scale);
            if (plan.Smears)
            {
                SmoothGradients(e[k], classes, ((float*)&gradient.Every)[k]);
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

    // The anchors of a group's rows and the constants of their exponentials: as in AnchorAt(), where nothing is shifted.
    // False where something is.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool AnchorGroup(in Plan plan, TFloats greatest, double* exponents, GroupConstants* constants)
    {
        TDoubles m = TDoubles.Widen(greatest) * TDoubles.Set(plan.Slope);
        TDoubles exponent = DoubleMath.NearestExponent(m);
        TDoubles.Store(exponents, exponent);
        TDoubles lowest = ExponentialLowest(exponent);
        constants->Lowest = TDoubles.Narrow(lowest);
        constants->Round = TDoubles.Narrow(ExponentialRound(exponent));
        constants->Least = plan.Scales
            ? TDoubles.Narrow(ExponentialLeast(lowest, TDoubles.Set(plan.Slope)))
            : default;
        constants->Slope = (float)plan.Slope;
        constants->SlopeLow = (float)(plan.Slope - constants->Slope);
        return !(TDoubles.GreatestLane(DoubleMath.Magnitude(m)) > FloatNumbers<TFloats, TDoubles>.ShiftAbove);
    }

    // From the sums of rows that are not all ordinary to their results.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void FinishRows(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        RowGroup* group,
        float** e,
        double* exponents,
        double* sums,
        ref Totals totals)
    {
        for (int k = 0; k < group->Count; k++)
        {
            nuint i = ((nuint*)&group->Index)[k];
            double u = ((double*)&group->U)[k];
            Anchor anchor = new(0, exponents[k]);
            Block block = new() { Anchor = anchor, Base = anchor, Others = new(sums[k]) };
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
                ZLabel = double.NegativeInfinity, // matters to a softcap only
                ULabel = u,
                IsCorrect = job.CountCorrect && ((bool*)&group->Correct)[k],
                Anchor = Higher(anchor, AnchorAt(u)),
            };
            if (job.ElementType != ElementType.Float32 || job.Accumulate || plan.Smears)
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
    private static void NoteCorrect(RowGroup* group, int k, float* z, nuint classes, double greatest)
    {
        nuint label = ((nuint*)&group->Label)[k];
        if (label < classes)
        {
            ((bool*)&group->Correct)[k] = AllowsLabel(z, 0, classes, greatest, label, z[label]);
        }
    }

    // The same for a group of few classes.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void NoteAllCorrect(RowGroup* group, float* z, nuint stride, nuint classes, TFloats greatest)
    {
        Lanes<float> greatests;
        TFloats.Store((float*)&greatests, greatest);
        for (int k = 0; k < Lanes.Length; k++)
        {
            NoteCorrect(group, k, z + ((nuint)k * stride), classes, greatests[k]);
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

    // From gradients, subtracts the target that label smoothing gives every class.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void SmoothGradients(float* g, nuint count, float every)
    {
        TFloats all = TFloats.Set(every);
        for (nuint j = 0; j < count; j += LaneCount)
        {
            nuint lanes = nuint.Min(count - j, LaneCount);
            StoreScalars(g + j, lanes, Smoothed(LoadScalars(g + j, lanes, 0), all));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFloats Smoothed(TFloats v, TFloats every) => Flushed(TFloats.Subtract(v, every));

    // In two passes: of one, the compiler would not keep what it needs in registers.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void StoreSmoothedColumns(
        float* rows, nuint stride, nuint classes, float* columns, in Scale<TFloats> scale, in TFloats every)
    {
        SmoothColumns(columns, classes, scale, every);
        StoreScaledColumns<Yes>(rows, stride, classes, columns, scale);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void SmoothColumns(float* columns, nuint classes, in Scale<TFloats> scale, in TFloats every)
    {
        TFloats all = every;
        for (float* end = columns + (classes * LaneCount); columns < end; columns += LaneCount)
        {
            TFloats.Store(columns, Smoothed(ScaledColumn<No>(columns, scale), all));
        }
    }

    // TScaled: they have been scaled before.
    private static void StoreScaledColumns<TScaled>(
        float* rows, nuint stride, nuint classes, float* columns, in Scale<TFloats> scale)
        where TScaled : struct, IFlag
    {
        nuint j = 0;
        for (; j + 4 <= classes; j += 4)
        {
            StoreFourScaledColumns<TScaled>(rows + j, stride, columns + (j * LaneCount), scale);
        }

        if (j < classes && classes >= 4)
        {
            j = classes - 4;
            StoreFourScaledColumns<TScaled>(rows + j, stride, columns + (j * LaneCount), scale);
            return;
        }

        for (; j < classes; j++)
        {
            Lanes<float> column;
            TFloats.Store((float*)&column, ScaledColumn<TScaled>(columns + (j * LaneCount), scale));
            for (int k = 0; k < Lanes.Length; k++)
            {
                rows[((nuint)k * stride) + j] = column[k];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreFourScaledColumns<TScaled>(
        float* rows, nuint stride, float* columns, in Scale<TFloats> scale)
        where TScaled : struct, IFlag
    {
        TFloats a = ScaledColumn<TScaled>(columns, scale);
        TFloats b = ScaledColumn<TScaled>(columns + LaneCount, scale);
        TFloats c = ScaledColumn<TScaled>(columns + (2 * LaneCount), scale);
        TFloats d = ScaledColumn<TScaled>(columns + (3 * LaneCount), scale);
        TFloats.TransposeQuarters(ref a, ref b, ref c, ref d);
        TFloats.StoreQuarters(rows, 4 * stride, a);
        TFloats.StoreQuarters(rows + stride, 4 * stride, b);
        TFloats.StoreQuarters(rows + (2 * stride), 4 * stride, c);
        TFloats.StoreQuarters(rows + (3 * stride), 4 * stride, d);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFloats ScaledColumn<TScaled>(float* column, in Scale<TFloats> scale)
        where TScaled : struct, IFlag
    {
        TFloats v = TFloats.Load(column);
        return TScaled.Value ? v : FloatNumbers<TFloats, TDoubles>.Scaled(v, scale);
    }

    // Stores e. Meanwhile logits of later groups are fetched from z on, and from g on where gradients will be stored. A
    // method of its own, as the compiler keeps only so many vectors of one in registers.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ColumnExponentials<TInput>(
        float* columns, nuint classes, in Exponential<TFloats> c, float* z, float* g)
        where TInput : struct, IInput
    {
        Reduced<TFloats> x = FloatNumbers<TFloats, TDoubles>.Reduce<TInput>(TFloats.Load(columns), default, c);
        float* last = columns + ((classes - 1) * LaneCount);
        PrefetchColumn(z, g);
        for (; columns < last; columns += LaneCount)
        {
            z += LaneCount;
            g += LaneCount;
            PrefetchColumn(z, g);
            Reduced<TFloats> next = FloatNumbers<TFloats, TDoubles>.Reduce<TInput>(
                TFloats.Load(columns + LaneCount), default, c);
            TFloats.Store(columns, FloatNumbers<TFloats, TDoubles>.Exponential(x));
            x = next;
        }

        TFloats.Store(columns, FloatNumbers<TFloats, TDoubles>.Exponential(x));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PrefetchColumn(float* z, float* g)
    {
        Exponentials.Prefetch(z);
        if (Sse.IsSupported)
        {
            Sse.Prefetch1(g);
        }
    }

    // The sum of each row's e: class j is added in lane j of a tile, modulo the lanes, and then the lanes in the order of
    // SumLanes().
    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private static TDoubles SumColumns(float* columns, nuint classes)
    {
        TDoubles* sum = stackalloc TDoubles[Lanes.Length];
        nuint lanes = nuint.Min(classes, LaneCount);
        for (nuint lane = 0; lane < lanes; lane++)
        {
            TFloats first = TFloats.Load(columns + (lane * LaneCount));
            if (lane + LaneCount >= classes)
            {
                sum[lane] = TDoubles.Widen(first);
                continue;
            }

            TileSum<TFloats> tile = EmptyTile();
            Accumulate(ref tile, first);
            for (nuint j = lane + LaneCount; j < classes; j += LaneCount)
            {
                Accumulate(ref tile, TFloats.Load(columns + (j * LaneCount)));
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

        // Where rows follow one another, floats are read and written where they lie, and others converted in one run.
        nuint first = index[0];
        bool follow = group->Count == Lanes.Length && index[Lanes.Length - 1] - first == LaneCount - 1;
        bool reads = follow && job.ElementType == ElementType.Float32;
        bool writes = reads && !job.Accumulate;
        float* rows = stackalloc float[writes ? 0 : (int)(classes * LaneCount)];
        float* z = reads ? (float*)LogitsOf(job, first).Start : rows;
        nuint zStride = reads ? job.LogitsStride : classes;
        float* g = writes ? (float*)GradientOf(job, first).Start : rows;
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
                u = plan.Slope * z[(k * zStride) + labels[k]];
                columns[(labels[k] * LaneCount) + k] = float.NegativeInfinity;
            }

            ((double*)&group->U)[k] = u;
        }

        TFloats greatest = TFloats.Set(float.NegativeInfinity);
        for (nuint j = 0; j < classes; j++)
        {
            greatest = TFloats.Greater(TFloats.Load(columns + (j * LaneCount)), greatest);
        }

        double* exponents = stackalloc double[Lanes.Length];
        double* sums = stackalloc double[Lanes.Length];
        GroupConstants constants;
        if (!AnchorGroup(plan, greatest, exponents, &constants))
        {
            return false;
        }

        if (job.CountCorrect)
        {
            NoteAllCorrect(group, z, zStride, classes, greatest);
        }

        Exponential<TFloats> c = new(
            default,
            constants.Lowest,
            constants.Round,
            TFloats.Set(constants.Slope),
            TFloats.Set(constants.SlopeLow),
            constants.Least);
        if (plan.Scales)
        {
            ColumnExponentials<Scaled>(columns, classes, c, z, g);
        }
        else
        {
            ColumnExponentials<Plain>(columns, classes, c, z, g);
        }

        TDoubles.Store(sums, SumColumns(columns, classes));
        GroupGradient gradient;
        if (!FinishGroup(job, plan, group, exponents, sums, &gradient, ref totals))
        {
            return false;
        }

        Scale<TFloats> scale = new(gradient.Lowest, gradient.High, gradient.Low, TFloats.Set((float)Scale.Unbias));
        float* ofLabel = (float*)&gradient.Label;
        if (plan.Smears)
        {
            StoreSmoothedColumns(g, stride, classes, columns, scale, gradient.Every);
        }
        else
        {
            StoreScaledColumns<No>(g, stride, classes, columns, scale);
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
    private static void StoreRows(in SoftmaxCrossEntropyJob job, RowGroup* group, float* rows, bool follow)
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

        // The label's logit, scaled; −infinity where there is no label. Of few classes it is read with the others.
        internal Lanes<double> U;
    }

    // What the exponentials of a group's rows are made of.
    private struct GroupConstants
    {
        internal TFloats Lowest;
        internal TFloats Round;
        internal TFloats Least;
        internal float Slope;
        internal float SlopeLow;
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
        internal TFloats Lowest;
        internal TFloats High;
        internal TFloats Low;
        internal TFloats Label;
        internal TFloats Every; // where labels are smoothed: subtracted from every other element
    }
}
