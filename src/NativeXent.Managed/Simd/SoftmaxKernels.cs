using System.Runtime.CompilerServices;
using NativeXent.Jobs;

namespace NativeXent.Simd;

/// <summary>
/// The logarithm of a softmax, and the gradient through a softmax or its logarithm: the twin of
/// <c>native/src/kernels/softmax-inl.h</c>.
/// </summary>
internal abstract unsafe class SoftmaxKernels<TNumbers, TVector, TScalar, TDoubles>
    : SoftmaxCrossEntropyKernel<TNumbers, TVector, TScalar, TDoubles>
    where TNumbers : struct, INumbers<TVector, TScalar, TDoubles>
    where TVector : unmanaged
    where TScalar : unmanaged
    where TDoubles : unmanaged, IReal<TDoubles>
{
    /// <summary>A softmax, which is a cross-entropy's gradient without a target, or its logarithm.</summary>
    internal static void RunForward(in SoftmaxJob job)
    {
        SoftmaxCrossEntropyJob sumsJob = new()
        {
            ElementType = job.ElementType,
            BatchSize = job.BatchSize,
            Classes = job.Classes,
            InnerSize = job.InnerSize,
            RowBegin = job.RowBegin,
            RowEnd = job.RowEnd,
            Logits = job.Logits,
            LogitsStride = job.LogitsStride,
            Scale = 1,
        };
        if (!job.Log)
        {
            sumsJob.Gradient = job.Output;
            sumsJob.GradientStride = job.OutputStride;
            sumsJob.LogSumExp = job.LogSumExp;
            sumsJob.GradScale = 1;
            sumsJob.Workspace = job.Workspace;
            sumsJob.WorkspaceSize = job.WorkspaceSize;
            RowGroups<TNumbers, TVector, TScalar, TDoubles>.Run(sumsJob, out _);
            return;
        }

        Plan plan = new(sumsJob);
        for (nuint i = job.RowBegin; i < job.RowEnd; i++)
        {
            ComputeLogSoftmaxRow(job, sumsJob, plan, i);
        }
    }

    internal static void RunBackward(in SoftmaxBackwardJob job)
    {
        for (nuint i = job.RowBegin; i < job.RowEnd; i++)
        {
            ComputeBackwardRow(job, i);
        }
    }

    // log p[j] = (z[j] − m) − log1p(others / exp(m)), with m the greatest logit and the others' sum without it: no term
    // cancels, so that the greatest class keeps its accuracy too, however near p is to 1.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ComputeLogSoftmaxRow(
        in SoftmaxJob job, in SoftmaxCrossEntropyJob sumsJob, in Plan plan, nuint i)
    {
        nuint classes = job.Classes;
        RowMemory row = new()
        {
            Z = SampleOf(job.Logits, job.LogitsStride, job.ElementType, job.InnerSize, i),
        };
        ElementArray output = SampleOf(job.Output, job.OutputStride, job.ElementType, job.InnerSize, i);

        double m = GreatestGeneral(row, 0, classes);
        nuint first = 0;
        while (first < classes && !(Element(row.Z, first) >= m))
        {
            first++;
        }

        Pair<OneDouble> others = default;
        Anchor anchor = AnchorAt(plan, m);
        for (nuint j = 0; j < classes; j += plan.BlockLength)
        {
            nuint length = nuint.Min(classes - j, plan.BlockLength);
            Greatest greatest = GreatestOthers(row, j, length, first);
            Apart apart = new(first, m, m);
            ComputeGeneralBlock(sumsJob, plan, row, j, length, apart, greatest, null, out Block block);
            others = TNumbers.Add(others, DoubleMath.Times(block.Others, Ratio(plan, block.Anchor, anchor)));
        }

        RowSums sums = new(anchor, others, m, ApartExponential(plan, m, anchor));
        double logSumExp;
        if (sums.IsNaN)
        {
            // As of a row without a softmax, where m is not among the others.
            logSumExp = NaNOrZero(TNumbers.Rounded(others).Value) + m;
            if (job.Output is not null)
            {
                Fill(output, classes, DoubleMath.CanonicalNaN);
            }
        }
        else
        {
            double logSum = DoubleMath.Log1P(sums.Odds);
            logSumExp = m + logSum;
            for (nuint j = 0; job.Output is not null && j < classes; j += LaneCount)
            {
                nuint lanes = nuint.Min(classes - j, LaneCount);
                TDoubles z = TNumbers.Widen(LoadElements(row.Z, j, lanes, 0));
                TDoubles y = (z - TDoubles.Set(m)) - TDoubles.Set(logSum);
                StoreElements(output, j, lanes, NarrowedFlushed(y));
            }
        }

        if (job.LogSumExp is not null)
        {
            Put(new(job.LogSumExp, 1, job.ElementType), i, logSumExp);
        }
    }

    // In double: with y the output and g its gradient, y·(g − Σ y·g), or for the logarithm g − exp(y)·Σ g.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ComputeBackwardRow(in SoftmaxBackwardJob job, nuint i)
    {
        nuint classes = job.Classes;
        bool log = job.Log;
        ElementArray output = SampleOf(job.Output, job.OutputStride, job.ElementType, job.InnerSize, i);
        ElementArray upstream = SampleOf(job.Upstream, job.UpstreamStride, job.ElementType, job.InnerSize, i);
        ElementArray gradient = SampleOf(job.Gradient, job.GradientStride, job.ElementType, job.InnerSize, i);
        TDoubles sum = Zero;
        TDoubles greatest = Zero;
        double power = 1;
        AddAll();

        // Of gradients so small, differences of sums could be subnormal. (2^-800, 2^220.)
        if (!IsFloat && TNumbers.Double(TNumbers.GreatestLane(TNumbers.Narrow(greatest))) < 1.499696813895631e-241)
        {
            power = 1.684996666696915e+66;
            AddAll();
        }

        TDoubles up = TDoubles.Set(power);
        TDoubles total = TDoubles.Set(TNumbers.SumLanes(sum));
        TDoubles most = TDoubles.Set(709.0);
        for (nuint j = 0; j < classes; j += LaneCount)
        {
            nuint lanes = nuint.Min(classes - j, LaneCount);
            TDoubles g = TNumbers.Widen(LoadNumbers(upstream, j, lanes)) * up;
            TDoubles y = TNumbers.Widen(LoadNumbers(output, j, lanes));
            TDoubles d = job.Log
                ? g - WithoutTiny(DoubleMath.Exp(TDoubles.SelectBelow(most, y, most, y)) * total)
                : y * (g - total);
            d = TDoubles.SelectBelow(
                DoubleMath.Magnitude(d), TDoubles.Set(TNumbers.FlushBelow * power), Zero, d);
            TVector v = TNumbers.Narrow(d * TDoubles.Set(1.0 / power));
            if (job.Accumulate)
            {
                v = Accumulated(LoadElements(gradient, j, lanes, 0), v);
            }

            StoreElements(gradient, j, lanes, Canonical(v));
        }

        void AddAll()
        {
            sum = Zero;
            for (nuint j = 0; j < classes; j += LaneCount)
            {
                nuint lanes = nuint.Min(classes - j, LaneCount);
                TDoubles g = TNumbers.Widen(LoadNumbers(upstream, j, lanes)) * TDoubles.Set(power);
                sum += WithoutTiny(log ? g : g * TNumbers.Widen(LoadNumbers(output, j, lanes)));
                if (!IsFloat)
                {
                    greatest = TDoubles.Greater(DoubleMath.Magnitude(g), greatest);
                }
            }
        }
    }

    // Without what sums of doubles could be subnormal of, which is too little to count among the gradients of its row.
    private static TDoubles WithoutTiny(TDoubles x) =>
        IsFloat
            ? x
            : TDoubles.SelectBelow(
                DoubleMath.Magnitude(x), TDoubles.Set(1.0261342003245941e-289), Zero, x); // 2^-960
}
