using System.Runtime.CompilerServices;
using NativeXent.Jobs;

namespace NativeXent.Simd;

/// <summary>
/// Binary cross-entropy from logits, in double whatever the element type: the twin of
/// <c>native/src/kernels/sigmoid_cross_entropy-inl.h</c>.
/// </summary>
internal abstract unsafe class SigmoidCrossEntropyKernel<TNumbers, TVector, TScalar, TDoubles>
    : Elements<TNumbers, TVector, TScalar, TDoubles>
    where TNumbers : struct, INumbers<TVector, TScalar, TDoubles>
    where TVector : unmanaged
    where TScalar : unmanaged
    where TDoubles : unmanaged, IReal<TDoubles>
{
    internal static void Run(in SigmoidCrossEntropyJob job, out Totals totals)
    {
        totals = default;
        TDoubles zero = Zero;
        TDoubles one = TDoubles.Set(1.0);
        TDoubles kept = TDoubles.Set(1.0 - job.LabelSmoothing);
        TDoubles spread = TDoubles.Set(0.5 * job.LabelSmoothing);
        TDoubles losses = zero;
        TDoubles weights = zero;

        // Whether what is multiplied could be subnormal and show in a result: it then counts as 0, so that no mode matters.
        bool careful = !IsFloat || job.PositiveWeights is not null
            || DoubleMath.Magnitude(job.GradScale) > 5.260135901548374e+210; // 2^700
        for (nuint j = job.Begin; j < job.End; j += LaneCount)
        {
            nuint lanes = nuint.Min(job.End - j, LaneCount);

            // Beyond the last logit the weight is 0.
            TDoubles weight = job.Weights is null ? Ones(lanes) : At(job, job.Weights, j, lanes);
            TDoubles z = At(job, job.Logits, j, lanes);
            TDoubles y = (At(job, job.Targets, j, lanes) * kept) + spread;
            TDoubles negative = Normal(weight * (one - y), careful);
            TDoubles positive = Normal(weight * Normal(PositiveWeights(job, j, lanes) * y, careful), careful);
            TDoubles t = DoubleMath.Exp(zero - DoubleMath.Magnitude(z));
            if (job.Losses is not null || job.WantsTotals)
            {
                TDoubles log = DoubleMath.Log1PUnit(t);
                TDoubles loss = Normal(
                    Normal(ProductOrZero(negative, TDoubles.Greater(z, zero) + log), careful)
                        + Normal(ProductOrZero(positive, TDoubles.Greater(zero - z, zero) + log), careful),
                    true);
                losses += loss;
                weights += weight;
                if (job.Losses is not null)
                {
                    StoreElements(Array(job, job.Losses), j, lanes, Canonical(NarrowedFlushed(loss)));
                }
            }

            if (job.Gradient is not null)
            {
                TDoubles above = one / (one + t);
                TDoubles below = t * above;
                TDoubles atZ = TDoubles.SelectBelow(z, zero, below, above);
                TDoubles atMinusZ = TDoubles.SelectBelow(z, zero, above, below);
                TDoubles factor = TDoubles.Set(job.GradScale);
                if (job.Upstream is not null)
                {
                    factor = Normal(factor * At(job, job.Upstream, j, lanes), careful);
                }

                TDoubles difference = Normal(
                    Normal(negative * atZ, careful) - Normal(positive * atMinusZ, careful), careful);
                TDoubles d = difference * factor;

                // Where the factor is 0, the gradient is, whatever the logit.
                TDoubles size = DoubleMath.Magnitude(factor);
                d = TDoubles.SelectBelow(zero, size, d, TDoubles.SelectBelow(size, one, zero, d));
                TVector g = NarrowedFlushed(d);
                if (job.Accumulate)
                {
                    g = Accumulated(LoadElements(Array(job, job.Gradient), j, lanes, 0), g);
                }

                StoreElements(Array(job, job.Gradient), j, lanes, Canonical(g));
            }
        }

        if (job.WantsTotals)
        {
            totals.Loss = TNumbers.SumLanes(losses);
            totals.Weight = TNumbers.SumLanes(weights);
            totals.Rows = job.End - job.Begin;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TDoubles Normal(TDoubles x, bool careful) => careful ? DoubleMath.Flushed(x) : x;

    // x·y, but 0 where x is 0, even if y is infinite.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TDoubles ProductOrZero(TDoubles x, TDoubles y)
    {
        TDoubles product = x * y;
        return TDoubles.SelectBelow(Zero, x, product, TDoubles.SelectBelow(x, Zero, product, x * Zero));
    }

    [SkipLocalsInit]
    private static TDoubles PositiveWeights(in SigmoidCrossEntropyJob job, nuint j, nuint lanes)
    {
        if (job.PositiveWeights is null)
        {
            return TDoubles.Set(1.0);
        }

        if (job.Classes == 1)
        {
            return TDoubles.Set(job.PositiveWeights[0]);
        }

        double* w = stackalloc double[Lanes.Length];
        nuint c = j % job.Classes;
        for (nuint i = 0; i < lanes; i++)
        {
            w[i] = job.PositiveWeights[c];
            c = c + 1 == job.Classes ? 0 : c + 1;
        }

        return TNumbers.LoadDoublesPartial(w, lanes, 0.0);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ElementArray Array(in SigmoidCrossEntropyJob job, void* start) => new(start, 1, job.ElementType);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TDoubles At(in SigmoidCrossEntropyJob job, void* start, nuint j, nuint lanes) =>
        TNumbers.Widen(LoadNumbers(Array(job, start), j, lanes));
}
