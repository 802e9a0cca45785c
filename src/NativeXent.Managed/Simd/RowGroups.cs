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
        int most = (int)nuint.Min(GroupElements / job.Classes, Lanes.Length);
        Unsafe.SkipInit(out RowGroup group);
        for (nuint i = job.RowBegin; i < job.RowEnd;)
        {
            int count = 0;
            for (; i < job.RowEnd && count < most; i++)
            {
                Label label = LabelOf(job, plan, i);
                if (label.IsIgnored)
                {
                    ComputeAlone(job, plan, i, ref totals);
                    continue;
                }

                group.Index[count] = i;
                group.Label[count] = label.Index;
                group.Weight[count] = label.Weight;
                group.Z[count] = label.Index < job.Classes ? Element(LogitsOf(job, i), label.Index) : double.NegativeInfinity;
                count++;
            }

            group.Count = count;
            bool done = count >= LeastGroup;
            if (done)
            {
                for (int k = count; k < Lanes.Length; k++)
                {
                    group.Index[k] = group.Index[0];
                    group.Label[k] = group.Label[0];
                    group.Weight[k] = group.Weight[0];
                    group.Z[k] = group.Z[0];
                }

                if (job.Classes > LaneCount)
                {
                    ComputeGroup(job, plan, group, ref totals);
                }
                else
                {
                    done = ComputeGroupOfFewClasses(job, plan, group, ref totals);
                }
            }

            for (int k = 0; !done && k < count; k++)
            {
                ComputeAlone(job, plan, group.Index[k], ref totals);
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
    // row is not an ordinary one.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool FinishGroup(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        ref readonly RowGroup group,
        TDoubles blockExponent,
        TDoubles blockSum,
        out GroupGradient gradient,
        ref Totals totals)
    {
        Unsafe.SkipInit(out gradient);
        TDoubles zero = TDoubles.Set(0.0);
        TDoubles one = TDoubles.Set(1.0);
        bool labelled = plan.Target != Target.None;
        TDoubles exponent = blockExponent;
        TDoubles factor = one;
        TDoubles eLabel = zero;
        TDoubles rest = one;
        TDoubles own = zero;
        TDoubles strange = zero; // above 0 where a row is not ordinary
        if (labelled)
        {
            TDoubles u = Load(group.Z);
            strange = TDoubles.SelectBelow(
                TDoubles.Set(FloatNumbers<TFloats, TDoubles>.ShiftAbove), DoubleMath.Magnitude(u), one, zero);
            TDoubles labelExponent = DoubleMath.NearestExponent(u);
            exponent = TDoubles.Greater(blockExponent, labelExponent);
            factor = DoubleMath.PowerOfTwo(blockExponent - exponent);
            eLabel = DoubleMath.ExpReduced(DoubleMath.Reduce(u, labelExponent))
                * DoubleMath.PowerOfTwo(labelExponent - exponent);
            TDoubles weight = Load(group.Weight);
            rest = TDoubles.Set(plan.Spread) * (TDoubles.Set(plan.ClassWeightSum) - weight);
            own = TDoubles.Set(plan.Kept + plan.Spread) * weight;
        }

        TDoubles others = blockSum * factor * TDoubles.Set(Scale.Unbias);
        TDoubles inverse = one / (others + eLabel);

        Lanes<RowLosses> losses = default;
        TDoubles pull = zero;
        bool wantsLosses = plan.WantsLoss || plan.WantsLogSumExp;
        if (wantsLosses)
        {
            Lanes<double> exponents;
            Lanes<double> allOthers;
            Lanes<double> eLabels;
            Lanes<double> logSumExp;
            TDoubles.Store((double*)&exponents, exponent);
            TDoubles.Store((double*)&allOthers, others);
            TDoubles.Store((double*)&eLabels, eLabel);
            for (int k = 0; k < Lanes.Length; k++)
            {
                RowSums sums = new(new(0, exponents[k]), new(allOthers[k]), group.Z[k], eLabels[k]);
                Label label = new() { Index = group.Label[k], Weight = group.Weight[k] };
                losses[k] = k < group.Count && !sums.IsNaN ? LossesOf(job, plan, sums, label, null, 0) : losses[0];
                logSumExp[k] = losses[k].LogSumExp;
            }

            pull = TDoubles.Set(2.0 * job.ZLossScale) * TDoubles.Load((double*)&logSumExp);
        }

        TDoubles allFactor = TDoubles.Set(job.GradScale);
        if (job.Upstream is not null)
        {
            Lanes<double> upstream;
            for (int k = 0; k < Lanes.Length; k++)
            {
                upstream[k] = UpstreamOf(job, group.Index[k]);
            }

            allFactor *= TDoubles.Load((double*)&upstream);
        }

        allFactor *= TDoubles.Set(plan.Chain);
        TDoubles scale = inverse * (((rest + own) + pull) * allFactor) * factor;

        // NaN is strange, too.
        strange += TDoubles.SelectBelow(
            scale,
            TDoubles.Set(2.0000000000000004),
            TDoubles.SelectBelow(scale, TDoubles.Set(8.673617379884035e-19), one, zero),
            one);
        if (TDoubles.GreatestLane(strange) > 0)
        {
            return false;
        }

        TFloats high = TDoubles.Narrow(scale);
        const double FlushBelow = 1.175495471861059e-38;
        gradient.Lowest = TDoubles.Narrow(TDoubles.Set(FlushBelow / Scale.Unbias) / scale);
        gradient.High = high;
        gradient.Low = TDoubles.Narrow(scale - TDoubles.Widen(high));
        if (labelled)
        {
            TDoubles label = (((eLabel * inverse) * (rest + pull)) - ((others * inverse) * own)) * allFactor;
            gradient.Label = TDoubles.Narrow(
                TDoubles.SelectBelow(DoubleMath.Magnitude(label), TDoubles.Set(FlushBelow), zero, label));
        }

        for (int k = 0; k < group.Count; k++)
        {
            if (wantsLosses)
            {
                ref RowLosses row = ref losses[k];
                PutRowOutputs(job, group.Index[k], row.Loss, row.ZLoss, row.LogSumExp);
                totals.Loss += row.Loss;
                totals.ZLoss += row.ZLoss;
            }

            totals.Weight += group.Weight[k];
        }

        totals.Rows += (ulong)group.Count;
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TDoubles Load(in Lanes<double> lanes)
    {
        fixed (Lanes<double>* p = &lanes)
        {
            return TDoubles.Load((double*)p);
        }
    }

    // A group whose rows are passed over one after the other.
    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private static void ComputeGroup(
        in SoftmaxCrossEntropyJob job, in Plan plan, in RowGroup group, ref Totals totals)
    {
        nuint classes = job.Classes;

        // Where gradients are not float32, e is kept here.
        bool converts = job.ElementType != ElementType.Float32;
        float* scratch = stackalloc float[converts ? (int)classes * group.Count : 0];
        float** e = stackalloc float*[Lanes.Length];
        Block* blocks = stackalloc Block[Lanes.Length];
        Unsafe.SkipInit(out Lanes<double> exponents);
        Unsafe.SkipInit(out Lanes<double> others);
        bool shifted = false;
        for (int k = 0; k < group.Count; k++)
        {
            nuint i = group.Index[k];
            ElementArray z = LogitsOf(job, i);
            e[k] = converts ? scratch + ((nuint)k * classes) : (float*)GradientOf(job, i).Start;
            if (converts)
            {
                LoadRun(z, 0, e[k], classes);
            }

            ComputePlainBlock(converts ? e[k] : (float*)z.Start, e[k], classes, group.Label[k], out blocks[k]);
            exponents[k] = blocks[k].Anchor.Exponent;
            others[k] = blocks[k].Others.High;
            shifted |= blocks[k].Anchor.Shift < 0 || blocks[k].Anchor.Shift > 0;
        }

        for (int k = group.Count; k < Lanes.Length; k++)
        {
            exponents[k] = exponents[0];
            others[k] = others[0];
        }

        if (!shifted && FinishGroup(
            job, plan, in group, Load(exponents), Load(others), out GroupGradient gradient, ref totals))
        {
            float* all = stackalloc float[4 * Lanes.Length];
            TFloats.Store(all, gradient.Lowest);
            TFloats.Store(all + Lanes.Length, gradient.High);
            TFloats.Store(all + (2 * Lanes.Length), gradient.Low);
            TFloats.Store(all + (3 * Lanes.Length), gradient.Label);
            for (int k = 0; k < group.Count; k++)
            {
                Scale<float> scale =
                    new(all[k], all[Lanes.Length + k], all[(2 * Lanes.Length) + k], (float)Scale.Unbias);
                ScaleBlock(e[k], classes, scale);
                if (group.Label[k] < classes)
                {
                    e[k][group.Label[k]] = all[(3 * Lanes.Length) + k];
                }

                if (converts)
                {
                    StoreRun(GradientOf(job, group.Index[k]), 0, e[k], classes, false, true);
                }
            }

            return;
        }

        for (int k = 0; k < group.Count; k++)
        {
            nuint i = group.Index[k];
            Row row = new()
            {
                Index = i,
                Memory = new() { Z = LogitsOf(job, i), Gradient = GradientOf(job, i), E = e[k], KeepsE = true },
                Label = new() { Index = group.Label[k], Weight = group.Weight[k] },
                ZLabel = group.Z[k],
                ULabel = group.Z[k],
                Anchor = Higher(blocks[k].Anchor, AnchorAt(group.Z[k])),
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

    // A group of at most as many classes as there are lanes, a lane for each row. False, with nothing written, where a
    // row is not ordinary.
    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private static bool ComputeGroupOfFewClasses(
        in SoftmaxCrossEntropyJob job, in Plan plan, in RowGroup group, ref Totals totals)
    {
        const int Rows = Lanes.Length;
        int classes = (int)job.Classes;
        float* v = stackalloc float[Rows * Rows]; // class by class
        float* lanes = stackalloc float[Rows];
        bool converts = job.ElementType != ElementType.Float32;
        for (int k = 0; k < Rows; k++)
        {
            ElementArray logits = LogitsOf(job, group.Index[k]);
            if (converts)
            {
                TFloats.Store(lanes, LoadElements(logits, 0, job.Classes, 0));
            }

            float* z = converts ? lanes : (float*)logits.Start;
            for (int j = 0; j < classes; j++)
            {
                v[(j * Rows) + k] = z[j];
            }

            if (group.Label[k] < job.Classes)
            {
                v[((int)group.Label[k] * Rows) + k] = float.NegativeInfinity;
            }
        }

        TFloats greatest = TFloats.Set(float.NegativeInfinity);
        for (int j = 0; j < classes; j++)
        {
            greatest = TFloats.Greater(TFloats.Load(v + (j * Rows)), greatest);
        }

        // As in AnchorAt(), where nothing is shifted.
        TDoubles m = TDoubles.Widen(greatest);
        TDoubles exponent = DoubleMath.NearestExponent(m);
        if (TDoubles.GreatestLane(DoubleMath.Magnitude(m)) > FloatNumbers<TFloats, TDoubles>.ShiftAbove)
        {
            return false;
        }

        Exponential<TFloats> c = new(
            TFloats.Set(0.0f),
            TDoubles.Narrow(ExponentialLowest(exponent)),
            TDoubles.Narrow(ExponentialRound(exponent)));
        for (int j = 0; j < classes; j++)
        {
            float* e = v + (j * Rows);
            TFloats.Store(e, FloatNumbers<TFloats, TDoubles>.Exponential<Plain>(TFloats.Load(e), default, c));
        }

        // SumLanes of one tile: with so few classes every lane holds one, exactly.
        TDoubles* sum = stackalloc TDoubles[Rows / 2];
        for (int j = 0; j < Rows / 2 && j < classes; j++)
        {
            sum[j] = TDoubles.Widen(TFloats.Load(v + (j * Rows)));
            if (j + (Rows / 2) < classes)
            {
                sum[j] = TDoubles.AddWidened(sum[j], TFloats.Load(v + ((j + (Rows / 2)) * Rows)));
            }
        }

        for (int half = Rows / 4; half > 0; half /= 2)
        {
            for (int j = 0; j < half && j + half < classes; j++)
            {
                sum[j] += sum[j + half];
            }
        }

        if (!FinishGroup(job, plan, in group, exponent, sum[0], out GroupGradient gradient, ref totals))
        {
            return false;
        }

        Scale<TFloats> scale = new(gradient.Lowest, gradient.High, gradient.Low, TFloats.Set((float)Scale.Unbias));
        for (int j = 0; j < classes; j++)
        {
            float* e = v + (j * Rows);
            TFloats.Store(e, FloatNumbers<TFloats, TDoubles>.Scaled(TFloats.Load(e), scale));
        }

        float* labels = stackalloc float[Rows];
        TFloats.Store(labels, gradient.Label);
        for (int k = 0; k < group.Count; k++)
        {
            if (group.Label[k] < job.Classes)
            {
                v[((int)group.Label[k] * Rows) + k] = labels[k];
            }

            ElementArray row = GradientOf(job, group.Index[k]);
            float* g = converts ? lanes : (float*)row.Start;
            for (int j = 0; j < classes; j++)
            {
                g[j] = v[(j * Rows) + k];
            }

            if (converts)
            {
                StoreElements(row, 0, job.Classes, TFloats.Load(lanes));
            }
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
        internal Lanes<double> Z;      // the label's logit, −infinity where there is no label
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
