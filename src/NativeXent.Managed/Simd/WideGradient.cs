using NativeXent.Jobs;

namespace NativeXent.Simd;

/// <summary>
/// Gradients whose factors are so great or small that exponentials must be kept beyond the range of their type until all
/// factors have come together: the twin of <c>native/src/kernels/wide_range-inl.h</c>.
/// </summary>
internal abstract unsafe partial class SoftmaxCrossEntropyKernel<TNumbers, TVector, TScalar, TDoubles>
{
    private protected static bool NeedsWideRange(in SoftmaxCrossEntropyJob job, in Plan plan, nuint i) =>
        plan.ChecksRange && plan.IsWideFactor(UpstreamOf(job, i));

    // The derivative of a softcap, 4t / (1 + t)² with t = e^−|x|.
    private static Ranged RangedDerivative(double z, in Plan plan)
    {
        double x = DoubleMath.Magnitude(z * plan.Slope);

        // Slopes of rows of float are those of powers of 2.
        if (IsFloat)
        {
            x *= DoubleMath.Ln2;
        }

        Ranged t = Ranged.Exp(new(0.0 - x));
        double whole = 1.0 + t.InRange();
        return t * new Ranged(4.0 / (whole * whole));
    }

    private static Ranged RangedProbability(in Plan plan, in RowSums s, in Ranged inverse, double x) =>
        x == double.NegativeInfinity ? default : Ranged.Exp(Distance(plan, new(x, 0), s.Anchor)) * inverse;

    // Σ of all exponentials but that of the class apart, relative to the row's anchor.
    private static Ranged RangedOthers(in Plan plan, Anchor anchor, Block* blocks, nuint count)
    {
        Anchor highest = blocks[0].Anchor;
        for (nuint b = 1; b < count; b++)
        {
            highest = Higher(plan, blocks[b].Anchor, highest);
        }

        if (highest.Shift == double.NegativeInfinity)
        {
            return default;
        }

        Pair<OneDouble> others = default;
        for (nuint b = 0; b < count; b++)
        {
            others = TNumbers.Add(
                others, DoubleMath.Times(blocks[b].Others, Ratio(plan, blocks[b].Anchor, highest)));
        }

        return (new Ranged(others, 0) * new Ranged(Scale.Unbias * TNumbers.RatioUnbias))
            * Ranged.Exp(Distance(plan, highest, anchor));
    }

    // weight·log1p(others / label), of a label whose probability is nearly 1.
    private static double WideLoss(in Plan plan, in RowSums s, double weight, Block* blocks, nuint count)
    {
        Ranged label = Ranged.Exp(Distance(plan, new(s.XApart, 0), s.Anchor));
        double inverse = 1.0 / label.Value.High;
        return (((new Ranged(weight) * RangedOthers(plan, s.Anchor, blocks, count)) * new Ranged(inverse))
            * Ranged.PowerOfTwo(0.0 - label.Exponent)).InRange();
    }

    private static void PutGradient(in RowMemory row, nuint j, double g)
    {
        if (row.Accumulates)
        {
            TVector sum = Accumulated(LoadElements(row.Gradient, j, 1, 0), TNumbers.Set(RoundedToElement(g)));
            StoreElements(row.Gradient, j, 1, Canonical(sum));
        }
        else
        {
            Put(row.Gradient, j, g);
        }
    }

    // The gradient of a share of a row. The logits are still where they were.
    private static void ComputeWideGradient(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        in Row row,
        in RowSums s,
        double logSumExp,
        Block* blocks,
        nuint count,
        in Share share)
    {
        ref readonly RowMemory memory = ref row.Memory;
        double rest = row.Targets.Rest.Value;
        double own = row.Targets.Own.Value;
        Ranged finite = DoubleMath.Magnitude(logSumExp) < double.PositiveInfinity
            ? new(logSumExp)
            : new Ranged(plan.Unit) * new Ranged(s.Anchor.Shift);
        Ranged pull = (new Ranged(2.0) * new Ranged(job.ZLossScale)) * finite;
        Ranged factor = (new Ranged(job.GradScale) * new Ranged(UpstreamOf(job, row.Index))) * new Ranged(job.Scale);
        Ranged scale = (new Ranged(rest + own) + pull) * factor;
        Ranged inverse = new(s.Inverse, 0);
        nuint begin = nuint.Min(share.Begin * plan.BlockLength, job.Classes);
        nuint end = nuint.Min(share.End * plan.BlockLength, job.Classes);
        for (nuint j = begin; j < end; j++)
        {
            bool isApart = j == row.Apart.Index;
            double z = isApart ? row.Apart.Z : Element(memory.Z, j);
            Ranged p = RangedProbability(plan, s, inverse, isApart ? row.Apart.X : BeforeUnit(z, plan));
            Ranged g = p * scale;
            if (isApart)
            {
                // What its own target leaves of p is the others' probability, and nothing cancels.
                Ranged others = RangedOthers(plan, s.Anchor, blocks, count) * inverse;
                g = ((p * (new Ranged(rest) + pull)) + -(others * new Ranged(own))) * factor;
            }
            else if (plan.Smears)
            {
                double b = plan.Spread;
                if (plan.Target == Target.Distribution)
                {
                    double q = Element(memory.Q, j);
                    b = ((DoubleMath.Magnitude(q) < TNumbers.SmallestNormal ? 0 : q) * plan.Kept) + b;
                }
                else if (j == row.Label.Index)
                {
                    b = plan.Kept + b;
                }

                Ranged target = new Ranged(b) * factor;
                if (job.ClassWeights is not null)
                {
                    target *= new Ranged(job.ClassWeights[j]);
                }

                g += -target;
            }

            if (plan.Capped)
            {
                g *= RangedDerivative(z, plan);
            }

            PutGradient(memory, j, g.InRange());
        }
    }
}
