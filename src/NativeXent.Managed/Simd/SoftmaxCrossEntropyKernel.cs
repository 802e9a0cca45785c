using System.Runtime.CompilerServices;
using NativeXent.Jobs;

namespace NativeXent.Simd;

/// <summary>
/// The twin of <c>native/src/kernels/cross_entropy_rows-inl.h</c>: the same floating-point operations in the same
/// order, so the same bits. The method is told there and in docs/numerics.md. A job without targets is a softmax.
/// Labels outside [0, classes) select no class.
/// </summary>
internal abstract unsafe partial class SoftmaxCrossEntropyKernel<TNumbers, TVector, TScalar, TDoubles>
    : Exponentials<TNumbers, TVector, TScalar, TDoubles>
    where TNumbers : struct, INumbers<TVector, TScalar, TDoubles>
    where TVector : unmanaged
    where TScalar : unmanaged
    where TDoubles : unmanaged, IReal<TDoubles>
{
    // Positions of a sample that are turned into rows together, and up to how many classes.
    private const nuint StagedRows = LaneCount;
    private const nuint StagedClasses = BlockLength / StagedRows;

    // Sums of distances beyond could overflow, and are added up times the unit.
    private protected const double Huge = 1.0715086071862673e+301;   // 2^1000
    private const double HugeUnit = 5.421010862427522e-20; // 2^-64

    private protected interface IFlag
    {
        static abstract bool Value { get; }
    }

    private protected static nuint NoLabel => nuint.MaxValue;

    /// <summary>Each row by itself. Those who call want <see cref="RowGroups{A, B, C, D}.Run"/>.</summary>
    private protected static void RunRowByRow(in SoftmaxCrossEntropyJob job, out Totals totals)
    {
        totals = default;
        Plan plan = new(job);
        bool plain = ChangesScaleOnly(job, plan) && job.ElementType == TNumbers.Type;
        bool staged = job.InnerSize > 1 && job.Classes <= StagedClasses;
        for (nuint i = job.RowBegin; i < job.RowEnd;)
        {
            if (staged)
            {
                // Groups end where samples do.
                nuint count = nuint.Min(job.RowEnd - i, job.InnerSize - (i % job.InnerSize));
                count = nuint.Min(count, StagedRows);
                ComputeStagedRows(job, plan, i, count, ref totals);
                i += count;
            }
            else if (plain && !NeedsWideRange(job, plan, i))
            {
                ComputePlainRow(job, plan, i++, ref totals);
            }
            else
            {
                ComputeDirectRow(job, plan, i++, ref totals);
            }
        }
    }

    /// <summary>
    /// A part of the only row of a job that changes scales only. The row's sums are the label's logit, then numbers
    /// for each block.
    /// </summary>
    [SkipLocalsInit]
    internal static void RunPart(in RowPartJob part, out Totals totals)
    {
        const nuint NumbersPerBlock = 4;
        ref readonly SoftmaxCrossEntropyJob job = ref part.Row;
        totals = default;
        Plan plan = new(job);
        nuint i = job.RowBegin;
        nuint classes = job.Classes;
        nuint blockCount = Chunks.DivideUp(classes, plan.BlockLength);
        RowMemory memory = PlainMemory(job, i);
        memory.Wide = NeedsWideRange(job, plan, i);
        memory.KeepsE = !memory.Wide;
        Row row = new()
        {
            Index = i,
            Memory = memory,
            Label = LabelOf(job, plan, i),
            ZLabel = double.NegativeInfinity,
            Apart = Apart.None,
        };
        nuint label = row.Label.Index;
        row.Apart.Index = label;
        Share share = new(
            Chunks.DivideUp(part.ClassBegin, plan.BlockLength),
            Chunks.DivideUp(part.ClassEnd, plan.BlockLength),
            part.ClassBegin == 0);
        bool isSkipped = row.Label.IsIgnored && job.LogSumExp is null;
        if (part.Pass == RowPass.Sums)
        {
            // The gradient may be z: read this now.
            if (!isSkipped && label < classes && share.Holds(label / plan.BlockLength))
            {
                part.RowSums[0] = Element(row.Memory.Z, label);
            }

            for (nuint b = share.Begin; !isSkipped && b < share.End; b++)
            {
                nuint j = b * plan.BlockLength;
                nuint length = nuint.Min(classes - j, plan.BlockLength);
                Block block;
                if (memory.Wide)
                {
                    Greatest greatest = GreatestOthers(memory, j, length, label);
                    ComputeGeneralBlock(job, plan, memory, j, length, row.Apart, greatest, null, out block);
                }
                else
                {
                    ComputeSimpleBlock(job, plan, memory, j, length, row.Apart, out block);
                }

                double* numbers = part.RowSums + 1 + (b * NumbersPerBlock);
                numbers[0] = block.Anchor.Shift;
                numbers[1] = block.Anchor.Exponent;
                numbers[2] = block.Others.High;
                numbers[3] = block.Others.Low;
            }

            return;
        }

        if (isSkipped)
        {
            FillShare(job, plan, row.Memory, share, 0);
            if (share.Leads)
            {
                PutRowOutputs(job, i, 0, 0, 0);
            }

            return;
        }

        if (label < classes)
        {
            row.ZLabel = row.Apart.Z = row.Apart.X = part.RowSums[0];
        }

        row.Targets = RowTargets(job, plan, row.Memory, row.Label, row.Apart, default, 0, 0);

        Block* blocks = stackalloc Block[(int)blockCount];
        row.Anchor = AnchorAt(plan, row.Apart.X);
        for (nuint b = 0; b < blockCount; b++)
        {
            double* numbers = part.RowSums + 1 + (b * NumbersPerBlock);
            Anchor anchor = new(numbers[0], numbers[1]);
            blocks[b] = new() { Anchor = anchor, Base = anchor, Others = new(numbers[2], numbers[3]) };
            row.Anchor = Higher(plan, anchor, row.Anchor);
        }

        FinishRow<Yes>(job, plan, row, blocks, blockCount, share, ref totals);
    }

    /// <summary>A sample's part of an array, from a position on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static ElementArray SampleOf(void* p, nuint stride, ElementType type, nuint inner, nuint row)
    {
        if (p is null)
        {
            return new(null, inner, type);
        }

        nuint sample = inner == 1 ? row : row / inner;
        nuint index = (sample * stride) + (row - (sample * inner));
        return new(new ElementArray(p, 1, type).From(index).Start, inner, type);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static Anchor AnchorAt(in Plan plan, double x)
    {
        double u = x * plan.Unit;
        return u >= -TNumbers.ShiftAbove && u <= TNumbers.ShiftAbove
            ? new(0, DoubleMath.NearestExponent(u))
            : new(x, 0);
    }

    /// <summary>exp(a − b)·2^RatioPower, for a that is not above b. Exact where neither is shifted.</summary>
    private protected static Pair<OneDouble> Ratio(in Plan plan, Anchor a, Anchor b)
    {
        if (a.Shift == b.Shift)
        {
            return new(DoubleMath.PowerOfTwo((a.Exponent - b.Exponent) + TNumbers.RatioPower));
        }

        Pair<OneDouble> r = DoubleMath.ExpInTwoParts(Distance(plan, a, b), TNumbers.RatioPower);
        return IsFloat ? new(r.High) : r;
    }

    private protected static double GreatestGeneral(in RowMemory row, nuint begin, nuint end)
    {
        TVector m = SetAll(double.NegativeInfinity);
        for (nuint j = begin; j < end; j += LaneCount)
        {
            m = TNumbers.Greater(
                LoadElements(row.Z, j, nuint.Min(end - j, LaneCount), double.NegativeInfinity), m);
        }

        return TNumbers.Double(TNumbers.GreatestLane(m));
    }

    private protected static Greatest GreatestOthers(in RowMemory row, nuint begin, nuint count, nuint label)
    {
        nuint end = begin + count;
        nuint split = label < begin ? begin : label < end ? label : end;
        nuint after = label - begin < count ? label + 1 : split;
        return new() { Before = GreatestGeneral(row, begin, split), After = GreatestGeneral(row, after, end) };
    }

    /// <summary>
    /// Whether no logit of a run from class begin on keeps the label's from being the greatest, of equals the first.
    /// greatest is that of the others.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private protected static bool AllowsLabel(
        TScalar* z, nuint begin, nuint count, double greatest, nuint label, double zLabel)
    {
        if (greatest > zLabel)
        {
            return false;
        }

        nuint before = label < begin ? 0 : nuint.Min(label - begin, count);
        for (nuint j = 0; greatest >= zLabel && j < before; j++)
        {
            if (TNumbers.Double(z[j]) >= zLabel)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>First pass over a block, general.</summary>
    [SkipLocalsInit]
    private protected static void ComputeGeneralBlock(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        in RowMemory row,
        nuint begin,
        nuint count,
        in Apart apart,
        in Greatest greatest,
        TargetSums* targets,
        out Block block)
    {
        double m = greatest.Before > greatest.After ? greatest.Before : greatest.After;

        // Of no other class there is nothing, of which a softcap would make something.
        if (!(count == 1 && apart.Index == begin))
        {
            m = BeforeUnit(m, plan);
        }

        block = BlockAt(plan, m);
        if (IsInfinite(block))
        {
            LookForNaN(row, begin, count, apart.Index, ref block);
            return;
        }

        Exponential<TVector> c = ConstantsOf(plan, block.Base);
        double* capped = stackalloc double[plan.Capped ? (int)Tile : 0];
        BlockSum<TDoubles> sum = default;
        for (nuint tile = 0; tile < count; tile += Tile)
        {
            TileSum<TVector> tileSum = EmptyTile();
            nuint end = nuint.Min(count, tile + Tile);
            if (targets is not null && !plan.Capped)
            {
                AddRunTargets(job, plan, row, begin + tile, end - tile, apart, targets);
            }

            if (row.Slopes is not null)
            {
                SoftCapRunWithSlopes(plan, row, begin + tile, end - tile, capped);
            }
            else if (plan.Capped)
            {
                SoftCapRun<No>(plan, row, begin + tile, end - tile, capped);
            }

            for (nuint j = tile; j < end; j += LaneCount)
            {
                nuint lanes = nuint.Min(end - j, LaneCount);
                TVector v = GeneralExponential(
                    job, plan, row, begin + j, lanes, apart, c, block.Base, capped + (j - tile), targets);
                if (row.KeepsE)
                {
                    StoreScalars(row.E + begin + j, lanes, v);
                }

                Accumulate(ref tileSum, v);
            }

            TNumbers.AddTile(ref sum, tileSum);
        }

        block.Others = TNumbers.Total(sum);
    }

    /// <summary>
    /// The exponential of the class apart relative to a row's anchor, times 2^RatioPower. x is its number BeforeUnit().
    /// </summary>
    private protected static double ApartExponential(in Plan plan, double x, Anchor anchor)
    {
        Anchor own = AnchorAt(plan, x);
        if (!IsShifted(own) && !IsShifted(anchor))
        {
            return DoubleMath.ExpReduced(x * plan.Unit, own.Exponent)
                * DoubleMath.PowerOfTwo((own.Exponent - anchor.Exponent) + TNumbers.RatioPower);
        }

        // Its own point is an anchor, too. NaN of NaN and +infinity.
        return x > double.NegativeInfinity || double.IsNaN(x)
            ? TNumbers.Rounded(Ratio(plan, new(x, 0), anchor)) + (x - x)
            : 0;
    }

    // What is multiplied with the unit to give u: the logit, or what a softcap makes of it. Subtractions before that
    // multiplication are exact where they matter, and do not overflow where u would.
    private static double BeforeUnit(double z, in Plan plan) =>
        plan.Capped
            ? DoubleMath.SoftCapped<TScalar, OneDouble>(new(z), new(plan.Slope), new(plan.HalfSoftcap)).Value.Value
            : z;

    // A run of logits as doubles, filled up to whole vectors.
    private static void WidenRun(in RowMemory row, nuint begin, nuint count, double* u)
    {
        for (nuint j = 0; j < count; j += LaneCount)
        {
            nuint lanes = nuint.Min(count - j, LaneCount);
            TNumbers.StoreDoubles(u + j, TNumbers.Widen(LoadElements(row.Z, begin + j, lanes, 0)));
        }
    }

    // What a softcap makes of a run of logits, or its derivative; up to Tile doubles, filled up to whole vectors.
    private static void SoftCapRun<TDerivative>(
        in Plan plan, in RowMemory row, nuint begin, nuint count, double* u)
        where TDerivative : struct, IFlag
    {
        WidenRun(row, begin, count, u);

        if (TDerivative.Value)
        {
            DoubleMath.SoftCapDerivatives<TScalar>(u, count, plan.Slope, plan.HalfSoftcap);
        }
        else
        {
            DoubleMath.SoftCaps<TScalar>(u, count, plan.Slope, plan.HalfSoftcap);
        }
    }

    // The same, and the factors of gradients are stored that the derivatives come to.
    [SkipLocalsInit]
    private static void SoftCapRunWithSlopes(
        in Plan plan, in RowMemory row, nuint begin, nuint count, double* u)
    {
        double* derivatives = stackalloc double[(int)Tile];
        WidenRun(row, begin, count, u);

        DoubleMath.SoftCaps<TScalar>(u, derivatives, count, plan.Slope, plan.HalfSoftcap);
        for (nuint j = 0; j < count; j += LaneCount)
        {
            nuint lanes = nuint.Min(count - j, LaneCount);
            StoreScalars(row.Slopes + begin + j, lanes, SlopesOf(TNumbers.LoadDoubles(derivatives + j)));
        }
    }

    // Derivatives of a softcap are multiplied with it.
    private static double SlopeBias => IsFloat ? 1099511627776.0 : 1.0;

    // Derivatives of a softcap as factors of gradients, times SlopeBias, so that those are kept of which a gradient up to
    // SlopeBias makes something.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static TVector SlopesOf(TDoubles derivatives) =>
        Flushed(TNumbers.Narrow(derivatives * TDoubles.Set(SlopeBias)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static TVector TimesSlopes(TVector g, TVector slopes)
    {
        TVector v = TNumbers.Multiply(g, slopes);
        TVector zero = SetAll(0);
        TVector size = TNumbers.Greater(v, TNumbers.Subtract(zero, v));
        v = TNumbers.SelectBelow(size, SetAll(TNumbers.FlushBelow * SlopeBias), zero, v);
        return TNumbers.Multiply(v, SetAll(1.0 / SlopeBias));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double Position(in Plan plan, Anchor a) => (plan.Unit * a.Shift) + (a.Exponent * DoubleMath.Ln2);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static Anchor Higher(in Plan plan, Anchor a, Anchor b) =>
        (IsShifted(a) && IsShifted(b) ? a.Shift > b.Shift : Position(plan, a) > Position(plan, b)) ? a : b;

    // u − a, where u is unit·x, in two steps of which the first is exact for u near a.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TReal Above<TReal>(in Plan plan, TReal x, Anchor a)
        where TReal : unmanaged, IReal<TReal> =>
        IsShifted(a)
            ? (x - TReal.Set(a.Shift)) * TReal.Set(plan.Unit)
            : ((x * TReal.Set(plan.Unit)) - TReal.Set(a.Exponent * DoubleMath.Ln2High))
                - TReal.Set(a.Exponent * DoubleMath.Ln2Low);

    // a − b, in two parts where exp() makes something of it. Infinite only where it is out of range itself.
    private static Pair<OneDouble> Distance(in Plan plan, Anchor a, Anchor b)
    {
        double n = a.Exponent - b.Exponent;
        DoubleMath.TwoSum(new OneDouble(a.Shift), new(0.0 - b.Shift), out OneDouble x, out OneDouble xLow);
        double u = x * plan.Unit;
        double rough = (u + (n * DoubleMath.Ln2High)) + (n * DoubleMath.Ln2Low);
        if (!(DoubleMath.Magnitude(x) < double.PositiveInfinity))
        {
            return new((((0.5 * a.Shift) - (0.5 * b.Shift)) * plan.Unit) * 2.0);
        }

        if (!(DoubleMath.Magnitude(rough) < 1048576.0))
        {
            return new(rough);
        }

        DoubleMath.TwoSum(new OneDouble(u), new(n * DoubleMath.Ln2High), out OneDouble d, out OneDouble dLow);
        double low = ((DoubleMath.ProductError(x, plan.Unit, u) + (xLow * plan.Unit)) + dLow) + (n * DoubleMath.Ln2Low);
        DoubleMath.TwoSum(d, new(low), out OneDouble high, out OneDouble rest);
        return new(high, rest);
    }

    // The targets of classes j, j + 1, … beyond the label, but for plan.Spread where that is a factor of all: those of a
    // distribution are w·(q·(1 − smoothing) + smoothing / classes), others w; 0 beyond lanes.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TDoubles RelativeTargets(
        in SoftmaxCrossEntropyJob job, in Plan plan, in RowMemory row, nuint j, nuint lanes)
    {
        TDoubles b = TDoubles.Set(1.0);
        if (plan.Target == Target.Distribution)
        {
            b = (TNumbers.Widen(LoadNumbers(row.Q, j, lanes)) * TDoubles.Set(plan.Kept)) + TDoubles.Set(plan.Spread);
        }

        if (job.ClassWeights is not null)
        {
            b *= lanes == LaneCount
                ? TNumbers.LoadDoubles(job.ClassWeights + j)
                : TNumbers.LoadDoublesPartial(job.ClassWeights + j, lanes, 0.0);
        }
        else if (lanes < LaneCount)
        {
            b *= Ones(lanes);
        }

        return b;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TDoubles SmearedTargets(
        in SoftmaxCrossEntropyJob job, in Plan plan, in RowMemory row, nuint j, nuint lanes)
    {
        TDoubles b = RelativeTargets(job, plan, row, j, lanes);
        return plan.Target == Target.Distribution ? b : b * TDoubles.Set(plan.Spread);
    }

    // e of classes j, j + 1, …; 0 for the class apart and beyond lanes. Where there is a softcap, their u are given, and
    // where then targets are summed, adds theirs.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector GeneralExponential(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        in RowMemory row,
        nuint j,
        nuint lanes,
        in Apart apart,
        in Exponential<TVector> c,
        Anchor blockBase,
        double* capped,
        TargetSums* targets)
    {
        TVector v = LoadElements(row.Z, j, lanes, double.NegativeInfinity);
        TVector low = SetAll(0);
        bool scales = TakesScaled(plan, blockBase);
        bool splits = plan.Transforms && !scales;
        if (splits)
        {
            TDoubles x = plan.Capped ? TNumbers.LoadDoubles(capped) : TNumbers.Widen(v);
            if (targets is not null && plan.Capped)
            {
                AddTargets(job, plan, row, j, lanes, TDoubles.Set(apart.X) - x, apart.Index, targets);
            }

            // Clamped here, so that the low part is never infinite.
            TDoubles u = (x - TDoubles.Set(blockBase.Shift)) * TDoubles.Set(plan.Unit);
            u = TDoubles.Greater(TNumbers.Widen(c.Lowest), u);
            v = TNumbers.Narrow(u);
            low = TNumbers.Narrow(u - TNumbers.Widen(v));
        }

        if (apart.Index - j < lanes || lanes < LaneCount)
        {
            v = Replaced(v, plan, lanes, apart.Index - j, TNumbers.Scalar(double.NegativeInfinity));
            low = Replaced(low, plan, lanes, apart.Index - j, TNumbers.Scalar(0));
        }

        return splits ? TNumbers.Exponential<Split>(v, low, c)
            : scales ? TNumbers.Exponential<Scaled>(v, default, c)
            : TNumbers.Exponential<Shifted>(v, default, c);
    }

    // Adds the targets of classes j, j + 1, … beyond the label; distance is how far they are below the class apart BeforeUnit().
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void AddTargets(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        in RowMemory row,
        nuint j,
        nuint lanes,
        TDoubles distance,
        nuint apart,
        TargetSums* targets)
    {
        TDoubles b = RelativeTargets(job, plan, row, j, lanes);
        if (plan.Target == Target.Distribution)
        {
            TNumbers.Add(
                ref targets->Rest, apart - j < lanes ? TNumbers.ReplaceDoubleLane(b, apart - j, 0.0) : b);
        }

        // Where b is 0, nothing, however unlikely the class.
        TDoubles term = b * distance;
        TNumbers.Add(ref targets->Dot, TDoubles.SelectBelow(Zero, b, term, TDoubles.SelectBelow(b, Zero, term, Zero)));
    }

    // The same of a run of classes, without softcap.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private protected static void AddRunTargets(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        in RowMemory row,
        nuint begin,
        nuint count,
        in Apart apart,
        TargetSums* targets)
    {
        TargetSums sums = *targets;
        nuint j = 0;
        if (plan.Target != Target.Distribution && job.ClassWeights is null && IsPlain(row.Z))
        {
            j = AddDistances(Scalars(row.Z) + begin, count, apart.Z, &sums);
        }

        AddRunTargets(job, plan, row, begin + j, count - j, apart, 1.0, &sums);
        if (!IsFloat && !(GreatestSum(sums.Dot) < Huge))
        {
            // Again, for what could overflow.
            sums = *targets;
            sums.Dot = targets->Huge;
            AddRunTargets(job, plan, row, begin, count, apart, HugeUnit, &sums);
            targets->Rest = sums.Rest;
            targets->Huge = sums.Dot;
            return;
        }

        *targets = sums;
    }

    // Their z are taken times unit.
    private static void AddRunTargets(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        in RowMemory row,
        nuint begin,
        nuint count,
        in Apart apart,
        double unit,
        TargetSums* targets)
    {
        TDoubles greatest = TDoubles.Set(apart.Z * unit);
        for (nuint j = 0; j < count; j += LaneCount)
        {
            nuint lanes = nuint.Min(count - j, LaneCount);
            TDoubles z = TNumbers.Widen(LoadElements(row.Z, begin + j, lanes, double.NegativeInfinity));
            z *= TDoubles.Set(unit);
            AddTargets(job, plan, row, begin + j, lanes, greatest - z, apart.Index, targets);
        }
    }

    // The greatest magnitude of its lanes; NaN where one is.
    private static double GreatestSum(in BlockSum<TDoubles> sum)
    {
        Lanes<double> lanes;
        TNumbers.StoreDoubles((double*)&lanes, DoubleMath.Magnitude(sum.High));
        double greatest = 0;
        for (int k = 0; k < Lanes.Length; k++)
        {
            greatest = lanes[k] <= greatest ? greatest : lanes[k];
        }

        return greatest;
    }

    // Of whole vectors, where all targets are the same; gives how many classes.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static nuint AddDistances(TScalar* z, nuint count, double greatest, TargetSums* targets)
    {
        BlockSum<TDoubles> dot = targets->Dot;
        TDoubles zApart = TDoubles.Set(greatest);
        nuint j = 0;
        for (; j + LaneCount <= count; j += LaneCount)
        {
            TNumbers.Add(ref dot, zApart - TNumbers.Widen(TNumbers.Load(z + j)));
        }

        targets->Dot = dot;
        return j;
    }

    // Another number in the lane of the class apart and, where a softcap has made −infinity finite, past the end.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static TVector Replaced(TVector v, in Plan plan, nuint lanes, nuint label, TScalar other)
    {
        if (label < lanes)
        {
            v = TNumbers.ReplaceLane(v, label, other);
        }

        for (nuint i = lanes; plan.Capped && i < LaneCount; i++)
        {
            v = TNumbers.ReplaceLane(v, i, other);
        }

        return v;
    }

    // Where the first of the greatest of a run of numbers is; NaN is passed over. count where there is none, or where best is
    // as great, which becomes the greatest.
    private static nuint FirstGreater(TScalar* z, nuint count, ref double best)
    {
        Others<TScalar> all;
        LookAt(&all, z, count, NoLabel);
        double m = GreatestOther(&all);
        if (!(m > best))
        {
            return count;
        }

        best = m;
        TVector wanted = SetAll(m);
        nuint j = 0;
        while (j + (4 * LaneCount) <= count && (EqualAt(j) | EqualAt(j + LaneCount) | EqualAt(j + (2 * LaneCount))
            | EqualAt(j + (3 * LaneCount))) == 0)
        {
            j += 4 * LaneCount;
        }

        while (j + LaneCount <= count && EqualAt(j) == 0)
        {
            j += LaneCount;
        }

        TVector rest = LoadScalars(
            z + j, nuint.Min(count - j, LaneCount), TNumbers.Scalar(double.NegativeInfinity));
        return j + (nuint)System.Numerics.BitOperations.TrailingZeroCount(TNumbers.EqualLanes(rest, wanted));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        uint EqualAt(nuint at) => TNumbers.EqualLanes(TNumbers.Load(z + at), wanted);
    }

    /// <summary>
    /// The first of the greatest numbers of a row, or 0 where there is nothing but NaN and −infinity.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private protected static nuint FirstGreatest(in ElementArray a, nuint count)
    {
        bool plain = IsPlain(a);
        TScalar* tile = stackalloc TScalar[plain ? 0 : (int)Tile];
        nuint first = 0;
        nuint step = plain ? count : Tile;
        double best = double.NegativeInfinity;
        for (nuint j = 0; j < count; j += step)
        {
            nuint length = nuint.Min(count - j, step);
            if (!plain)
            {
                LoadRun(a, j, tile, length);
            }

            nuint k = FirstGreater(plain ? Scalars(a) : tile, length, ref best);
            first = k < length ? j + k : first;
        }

        return first;
    }

    // A block whose greatest number BeforeUnit() without the class apart is m.
    private static Block BlockAt(in Plan plan, double m)
    {
        Anchor anchor = AnchorAt(plan, m);
        return new() { Anchor = anchor, Base = m == double.NegativeInfinity ? default : anchor };
    }

    // A block with +infinity has no exponentials: its row's gradient and loss are NaN, and all that is left to know, for
    // lse, is whether the block holds NaN. Then its sum is NaN, and otherwise 0.
    private static bool IsInfinite(in Block block) => double.IsPositiveInfinity(block.Anchor.Shift);

    private protected static double NaNOrZero(double x) => double.IsNaN(x) ? DoubleMath.CanonicalNaN : 0;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void LookForNaN(in RowMemory row, nuint begin, nuint count, nuint apart, ref Block block)
    {
        double sum = 0;
        for (nuint j = begin; j < begin + count; j++)
        {
            if (j != apart)
            {
                sum += NaNOrZero(Element(row.Z, j));
            }
        }

        block.Others = new(sum);
    }

    // Anchors a block of logits without softcap. False where they are scaled and need to be shifted, too, or one is
    // +infinity: the general pass is for these.
    private static bool AnchorBlock(in Plan plan, Others<TScalar>* z, out double greatest, out Block block)
    {
        greatest = GreatestOther(z);
        block = BlockAt(plan, greatest);
        return !(IsShifted(block.Base) && (plan.Scales || IsInfinite(block)));
    }

    private static void ComputeAnchoredBlock(in Plan plan, Others<TScalar>* z, TScalar* e, ref Block block)
    {
        Exponential<TVector> c = ConstantsOf(plan, block.Base);
        block.Others = IsShifted(block.Base) ? BlockExponentials<Shifted>(z, e, c)
            : plan.Scales ? BlockExponentials<Scaled>(z, e, c)
            : BlockExponentials<Plain>(z, e, c);
    }

    // First pass over a block of a row that is read where it lies, whose e is kept, without softcap or targets beyond the
    // label.
    [SkipLocalsInit]
    private static void ComputeSimpleBlock(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        in RowMemory row,
        nuint begin,
        nuint count,
        in Apart label,
        out Block block)
    {
        Others<TScalar> others;
        LookAt(&others, Scalars(row.Z) + begin, count, label.Index - begin);
        if (AnchorBlock(plan, &others, out _, out block))
        {
            ComputeAnchoredBlock(plan, &others, row.E + begin, ref block);
        }
        else
        {
            Greatest greatest = GreatestOthers(row, begin, count, label.Index);
            ComputeGeneralBlock(job, plan, row, begin, count, label, greatest, null, out block);
        }
    }

    // Logits that are scaled and not shifted are multiplied on the way to their exponentials, without a detour by double.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static bool IsShifted(Anchor a) => a.Shift < 0 || a.Shift > 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TakesScaled(in Plan plan, Anchor blockBase) => plan.Scales && !IsShifted(blockBase);

    private static Exponential<TVector> ConstantsOf(in Plan plan, Anchor blockBase) =>
        TakesScaled(plan, blockBase)
            ? ScaledExponentialConstants(blockBase.Exponent, plan.Slope)
            : ExponentialConstants(blockBase.Shift, blockBase.Exponent);

    // e of a part of a block once more, where it was not kept; up to Tile of them.
    [SkipLocalsInit]
    private static void ComputeGeneralExponentials(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        in RowMemory row,
        nuint begin,
        nuint count,
        in Apart apart,
        Anchor blockBase,
        TScalar* e)
    {
        Exponential<TVector> c = ConstantsOf(plan, blockBase);
        bool scales = TakesScaled(plan, blockBase);
        if (scales || !plan.Transforms)
        {
            LoadRun(row.Z, begin, e, count);
            Others<TScalar> others;
            LookAt(&others, e, count, apart.Index - begin);
            _ = scales
                ? BlockExponentials<Scaled>(&others, e, c)
                : BlockExponentials<Shifted>(&others, e, c);
            return;
        }

        double* capped = stackalloc double[plan.Capped ? (int)Tile : 0];
        if (plan.Capped)
        {
            SoftCapRun<No>(plan, row, begin, count, capped);
        }

        for (nuint j = 0; j < count; j += LaneCount)
        {
            nuint lanes = nuint.Min(count - j, LaneCount);
            TVector v = GeneralExponential(
                job, plan, row, begin + j, lanes, apart, c, blockBase, capped + j, null);
            StoreScalars(e + j, lanes, v);
        }
    }

    // Targets times what all of a row's gradient is multiplied with. (Subnormal ones would show in a difference of doubles.)
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static TDoubles ScaledTargets(TDoubles b, TDoubles factor)
    {
        b *= factor;
        return IsFloat
            ? b
            : TDoubles.SelectBelow(DoubleMath.Magnitude(b), TDoubles.Set(TNumbers.FlushBelow), Zero, b);
    }

    // An element with a target: e·scale·2^-65 − b, rounded once.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static TVector DenseElement(TVector e, in Scale<TDoubles> scale, TDoubles b) =>
        Flushed(TNumbers.Narrow(TNumbers.ScaledWide(e, scale) - b));

    // The same times the derivative of a softcap.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static TVector DenseElement(TVector e, in Scale<TDoubles> scale, TDoubles b, TVector slopes) =>
        Flushed(TNumbers.Narrow(
            ((TNumbers.ScaledWide(e, scale) - b) * TNumbers.Widen(slopes)) * TDoubles.Set(1.0 / SlopeBias)));

    // Elements whose targets are all the same, from e, in place.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private protected static void DenseRun(TScalar* g, nuint count, in Scale<TDoubles> scale, in TDoubles target)
    {
        TDoubles b = target;
        nuint j = 0;
        for (; j + LaneCount <= count; j += LaneCount)
        {
            TNumbers.Store(g + j, DenseElement(TNumbers.Load(g + j), scale, b));
        }

        if (j < count)
        {
            TVector e = TNumbers.LoadPartial(g + j, count - j, TNumbers.Scalar(0));
            TNumbers.StorePartial(g + j, DenseElement(e, scale, b), count - j);
        }
    }

    // Elements of classes from begin on with their targets, from e, in place. Those of the class apart are left to be
    // overwritten.
    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private static void ComputeDenseGradient(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        in RowMemory row,
        nuint begin,
        nuint count,
        in Label label,
        in Scale<TDoubles> scale,
        double targetFactor,
        TScalar* g)
    {
        TDoubles factor = TDoubles.Set(targetFactor);
        double* derivatives = stackalloc double[plan.Capped && row.Slopes is null ? (int)Tile : 0];
        if (plan.Capped && row.Slopes is null)
        {
            SoftCapRun<Yes>(plan, row, begin, count, derivatives);
        }

        nuint own = label.Index - begin;
        TVector ofLabel = default;
        if (own < count)
        {
            TDoubles b = ScaledTargets(TDoubles.Set((plan.Kept + plan.Spread) * label.Weight), factor);
            if (plan.Capped)
            {
                nuint vector = own / LaneCount * LaneCount;
                TVector slopes = SlopesAt(row, begin, count, vector, derivatives);
                ofLabel = DenseElement(LoadScalars(g + vector, nuint.Min(count - vector, LaneCount), TNumbers.Scalar(0)), scale, b, slopes);
            }
            else
            {
                ofLabel = DenseElement(TNumbers.Set(g[own]), scale, b);
            }
        }

        Lanes<TScalar> labelLanes;
        TNumbers.Store((TScalar*)&labelLanes, ofLabel);
        if (plan.Target != Target.Distribution && job.ClassWeights is null && !plan.Capped)
        {
            DenseRun(g, count, scale, ScaledTargets(TDoubles.Set(plan.Spread), factor));
        }
        else
        {
            for (nuint j = 0; j < count; j += LaneCount)
            {
                nuint lanes = nuint.Min(count - j, LaneCount);
                TVector e = LoadScalars(g + j, lanes, TNumbers.Scalar(0));
                TDoubles b = ScaledTargets(SmearedTargets(job, plan, row, begin + j, lanes), factor);
                TVector v = plan.Capped
                    ? DenseElement(e, scale, b, SlopesAt(row, begin, count, j, derivatives))
                    : DenseElement(e, scale, b);
                StoreScalars(g + j, lanes, v);
            }
        }

        if (own < count)
        {
            g[own] = ((TScalar*)&labelLanes)[plan.Capped ? own % LaneCount : 0];
        }
    }

    // The factors of gradients that derivatives of the softcap come to, of classes begin + j, begin + j + 1, …
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector SlopesAt(in RowMemory row, nuint begin, nuint count, nuint j, double* derivatives) =>
        row.Slopes is null
            ? SlopesOf(TNumbers.LoadDoubles(derivatives + j))
            : LoadScalars(row.Slopes + begin + j, nuint.Min(count - j, LaneCount), TNumbers.Scalar(0));

    // Multiplies up to Tile gradients by the derivative of the softcap.
    [SkipLocalsInit]
    private static void MultiplySlopes(
        in Plan plan, in RowMemory row, nuint begin, nuint count, TScalar* g)
    {
        if (row.Slopes is not null)
        {
            for (nuint j = 0; j < count; j += LaneCount)
            {
                nuint lanes = nuint.Min(count - j, LaneCount);
                TVector v = LoadScalars(g + j, lanes, TNumbers.Scalar(0));
                TVector slope = LoadScalars(row.Slopes + begin + j, lanes, TNumbers.Scalar(0));
                StoreScalars(g + j, lanes, TimesSlopes(v, slope));
            }

            return;
        }

        double* slopes = stackalloc double[(int)Tile];
        SoftCapRun<Yes>(plan, row, begin, count, slopes);
        for (nuint j = 0; j < count; j += LaneCount)
        {
            nuint lanes = nuint.Min(count - j, LaneCount);
            TVector v = LoadScalars(g + j, lanes, TNumbers.Scalar(0));
            StoreScalars(g + j, lanes, TimesSlopes(v, SlopesOf(TNumbers.LoadDoubles(slopes + j))));
        }
    }

    // Second pass over a block, general: step by step over parts that stay in the first-level cache.
    [SkipLocalsInit]
    private static void ComputeGeneralGradient(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        in RowMemory row,
        nuint begin,
        nuint count,
        in Label label,
        in Apart apart,
        Anchor blockBase,
        Pair<OneDouble> rowScale,
        double unbias,
        double targetFactor)
    {
        const int PartLength = (int)Tile;
        Scale<TScalar> scale = TNumbers.MakeScale(rowScale, unbias);
        TScalar* part = stackalloc TScalar[row.KeepsE ? 0 : PartLength];
        nuint end = begin + count;
        for (nuint j = begin; j < end; j += PartLength)
        {
            nuint length = nuint.Min(end - j, PartLength);
            TScalar* g = row.KeepsE ? row.E + j : part;
            if (!row.KeepsE)
            {
                ComputeGeneralExponentials(job, plan, row, j, length, apart, blockBase, g);
            }

            if (plan.Smears)
            {
                ComputeDenseGradient(
                    job, plan, row, j, length, label, TNumbers.DenseScale(rowScale, unbias), targetFactor, g);
            }
            else
            {
                ScaleBlock(g, length, scale);
            }

            if (plan.Capped && !plan.Smears)
            {
                MultiplySlopes(plan, row, j, length, g);
            }

            bool clean = !plan.Smears && !plan.Capped && TNumbers.Double(scale.High) > 0;
            StoreRun(row.Gradient, j, g, length, row.Accumulates, clean);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static Label LabelOf(in SoftmaxCrossEntropyJob job, in Plan plan, nuint row)
    {
        if (plan.Target is not (Target.Int32 or Target.Int64))
        {
            return new() { Index = NoLabel, Weight = 1 };
        }

        long y = plan.Target == Target.Int32 ? ((int*)job.Targets)[row] : ((long*)job.Targets)[row];
        if (job.Ignores && y == job.IgnoreIndex)
        {
            return new() { Index = NoLabel, IsIgnored = true };
        }

        nuint index = y < 0 ? NoLabel : (nuint)y;
        return new()
        {
            Index = index,
            Weight = job.ClassWeights is not null && index < job.Classes ? job.ClassWeights[index] : 1,
        };
    }

    // Of a label and the smoothing around it. isLabel is 1 where the class apart is the label, otherwise 0.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static TargetTotals<TReal> LabelTargets<TReal>(
        in Plan plan, TReal weightSum, TReal apartWeight, TReal labelWeight, TReal isLabel)
        where TReal : unmanaged, IReal<TReal>
    {
        TReal label = TReal.Set(plan.Kept) * labelWeight;
        return new()
        {
            Rest = (TReal.Set(plan.Spread) * (weightSum - apartWeight)) + (label * (TReal.Set(1.0) - isLabel)),
            Own = (TReal.Set(plan.Spread) * apartWeight) + (label * isLabel),
        };
    }

    // Σ b·(u of the class apart − u) from the sum that TargetSums has, and how far the label's u is below.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static TReal TargetDot<TReal>(in Plan plan, TReal sum, TReal labelWeight, TReal labelDistance)
        where TReal : unmanaged, IReal<TReal>
    {
        TReal zero = TReal.Set(0.0);
        TReal label = TReal.Set(plan.Kept) * labelWeight;
        TReal dot = TReal.SelectBelow(zero, label, label * labelDistance, zero);
        return plan.Distance > 0 ? dot + (sum * TReal.Set(plan.Distance)) : dot;
    }

    // The loss with targets beyond the label; NaN where these are not finite.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static TReal DenseLoss<TReal>(in TargetTotals<TReal> b, TReal logRatio)
        where TReal : unmanaged, IReal<TReal>
    {
        TReal sum = b.Rest + b.Own;
        return TReal.SelectBelow(
            DoubleMath.Magnitude(sum),
            TReal.Set(double.PositiveInfinity),
            (sum * logRatio) + b.Dot,
            TReal.Set(DoubleMath.CanonicalNaN));
    }

    // The gradient of the class apart, where nothing cancels but targets: p·(Σ'b + z-loss) − (1 − p)·b.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static TReal ApartGradient<TReal>(
        in TargetTotals<TReal> b, TReal p, TReal others, TReal zLoss, TReal factor)
        where TReal : unmanaged, IReal<TReal> =>
        ((p * (b.Rest + zLoss)) - (others * b.Own)) * factor;

    private protected static double WeightOf(in SoftmaxCrossEntropyJob job, nuint c) =>
        job.ClassWeights is null ? 1.0 : job.ClassWeights[c];

    // Sums that infinite terms have made NaN of by their low parts are what the high parts come to.
    private protected static double Finished(in BlockSum<TDoubles> sum)
    {
        double total = TNumbers.Rounded(TNumbers.Total(sum)).Value;
        return total - total == 0 ? total : TNumbers.SumLanes(sum.High);
    }

    // Σ b·(u of the class apart − u) of a row. The label's part, which could overflow, too, is taken from its z.
    private static double RowDot(
        in Plan plan, in TargetSums sums, in Apart apart, in Label label, double zLabel, double labelDistance)
    {
        double sum = Finished(sums.Dot);
        if (IsFloat)
        {
            return TargetDot<OneDouble>(plan, sum, label.Weight, labelDistance).Value;
        }

        double huge = Finished(sums.Huge);
        bool isNear = DoubleMath.Magnitude(labelDistance) < Huge;
        double dot = TargetDot<OneDouble>(plan, sum, isNear ? label.Weight : 0.0, labelDistance).Value;
        if (huge < 0 || huge > 0 || double.IsNaN(huge))
        {
            dot += huge * (plan.Distance / HugeUnit);
        }

        if (!isNear && label.Weight * plan.Kept > 0)
        {
            dot += ((apart.Z * HugeUnit) - (zLabel * HugeUnit)) * plan.Unit * (plan.Kept * label.Weight) / HugeUnit;
        }

        return dot;
    }

    // labelDistance is how far the label's u is below that of the class apart.
    private protected static TargetTotals<OneDouble> RowTargets(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        in RowMemory row,
        in Label label,
        in Apart apart,
        in TargetSums sums,
        double zLabel,
        double labelDistance)
    {
        TargetTotals<OneDouble> b = default;
        if (plan.Target == Target.Distribution)
        {
            Lanes<double> own;
            TNumbers.StoreDoubles((double*)&own, SmearedTargets(job, plan, row, apart.Index, 1));
            b.Rest = Finished(sums.Rest);
            b.Own = own[0];
            b.Dot = RowDot(plan, sums, apart, default, 0, 0);
        }
        else if (plan.Smears)
        {
            double isLabel = apart.Index == label.Index ? 1 : 0;
            b = LabelTargets<OneDouble>(
                plan, plan.ClassWeightSum, WeightOf(job, apart.Index), label.Weight, isLabel);
            if (plan.SumsTargets)
            {
                b.Dot = RowDot(plan, sums, apart, label, zLabel, labelDistance);
            }
        }
        else if (label.Index < job.Classes)
        {
            b.Own = label.Weight;
        }
        else
        {
            b.Rest = label.IsIgnored ? 0.0 : 1.0;
        }

        return b;
    }

    // What a row's loss comes to.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static RowLosses LossesOf(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        in RowSums s,
        in Label label,
        in TargetTotals<OneDouble> targets)
    {
        RowLosses r = default;
        bool hasLabel = label.Index < job.Classes;
        double uRelative = IsShifted(s.Anchor)
            ? Distance(plan, new(s.XApart, 0), s.Anchor).High
            : Above(plan, new OneDouble(s.XApart), s.Anchor);

        // Two forms of −log p: the first keeps a small loss accurate, the second holds where exp(u_y) is out of range.
        bool near = uRelative > -40.0;
        double logSum = 0;
        if (plan.WantsLogSumExp || (plan.WantsLoss && hasLabel && !near && !plan.Smears))
        {
            logSum = DoubleMath.Log(s.Sum);
        }

        if (plan.WantsLogSumExp)
        {
            double n = s.Anchor.Exponent;
            r.LogSumExp = (plan.Unit * s.Anchor.Shift) + ((n * DoubleMath.Ln2High) + ((n * DoubleMath.Ln2Low) + logSum));
        }

        if (plan.WantsLoss && plan.Smears)
        {
            OneDouble logRatio = DoubleMath.Log1P(s.Odds);
            r.Loss = DenseLoss(targets, logRatio);
        }
        else if (plan.WantsLoss && hasLabel && label.Weight > 0)
        {
            r.Loss = label.Weight * (near
                ? DoubleMath.Log1P(s.Odds)
                : logSum - uRelative);
        }

        if (job.ZLossScale < 0 || job.ZLossScale > 0)
        {
            r.ZLoss = (job.ZLossScale * r.LogSumExp) * r.LogSumExp;
        }

        // Totals, too, are the same in every mode.
        r.Loss = DoubleMath.Flushed(r.Loss);
        r.ZLoss = DoubleMath.Flushed(r.ZLoss);
        return r;
    }

    // Whether gradients are 0 because what they are multiplied with is. upstream is as UpstreamOf() gives it.
    private static bool IsZeroed(in SoftmaxCrossEntropyJob job, double upstream)
    {
        const double SmallestNormal = 2.2250738585072014e-308;
        bool scalesToZero = DoubleMath.Magnitude(job.GradScale) < SmallestNormal;
        return (scalesToZero && double.IsFinite(upstream)) || upstream == 0;
    }

    // Whether there is NaN in a row's gradient, that is not lost, or would be if it were asked for.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool HasNaNGradient(
        in SoftmaxCrossEntropyJob job, in TargetTotals<OneDouble> targets, nuint row)
    {
        double upstream = UpstreamOf(job, row);
        if (IsZeroed(job, upstream))
        {
            return false;
        }

        return !double.IsFinite(upstream) || !double.IsFinite(targets.Rest.Value + targets.Own.Value);
    }

    // What a row's gradient is made of.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static RowGradient GradientOf(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        in RowSums s,
        in TargetTotals<OneDouble> targets,
        double upstream,
        double logSumExp)
    {
        bool pulls = job.ZLossScale < 0 || job.ZLossScale > 0;
        double pull = pulls ? (2.0 * job.ZLossScale) * logSumExp : 0;
        RowGradient r = default;
        r.Factor = (job.GradScale * upstream) * job.Scale;
        double sum = targets.Rest.Value + targets.Own.Value;
        double scale = (sum + pull) * r.Factor;
        r.IsNaN = !(r.Factor - r.Factor == 0) || !(sum - sum == 0) || double.IsNaN(scale);

        r.Power = 1;
        double smallPull = pull;
        if (!IsFloat && !(DoubleMath.Magnitude(scale) < 5.260135901548374e+210))
        {
            r.Power = 8.636168555094445e-78;
            double small = DoubleMath.Magnitude(logSumExp) < double.PositiveInfinity
                ? logSumExp * r.Power
                : (plan.Unit * r.Power) * s.Anchor.Shift;
            smallPull = pulls ? (2.0 * job.ZLossScale) * small : 0;
            scale = ((sum * r.Power) + smallPull) * r.Factor;
        }

        // Infinite, it would make NaN of probabilities that are 0.
        const double Most = 8.452712498170644e+270;
        r.Scale = TNumbers.Times(s.Inverse, scale > Most ? Most : scale < -Most ? -Most : scale);
        OneDouble p = TNumbers.Product(new(s.EApart), s.Inverse);
        double others = TNumbers.Product(s.Others, s.Inverse) * Scale.Unbias;
        TargetTotals<OneDouble> smallTargets = new()
        {
            Rest = targets.Rest * r.Power,
            Own = targets.Own * r.Power,
        };
        r.Apart = ApartGradient<OneDouble>(smallTargets, p, others, smallPull, r.Factor) * (TNumbers.RatioUnbias / r.Power);
        return r;
    }

    // Adds a row to the totals.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CountRow(ref Totals totals, in Label label, double loss, double zLoss, bool correct)
    {
        if (label.IsIgnored)
        {
            return;
        }

        totals.Loss += loss;
        totals.ZLoss += zLoss;
        totals.Weight += label.Weight;
        totals.Rows++;
        totals.Correct += correct ? 1u : 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static void PutRowOutputs(
        in SoftmaxCrossEntropyJob job, nuint row, double loss, double zLoss, double logSumExp)
    {
        if (job.Losses is not null)
        {
            Put(new(job.Losses, 1, job.ElementType), row, loss);
        }

        if (job.ZLosses is not null)
        {
            Put(new(job.ZLosses, 1, job.ElementType), row, zLoss);
        }

        if (job.LogSumExp is not null)
        {
            Put(new(job.LogSumExp, 1, job.ElementType), row, logSumExp);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static double UpstreamOf(in SoftmaxCrossEntropyJob job, nuint row)
    {
        if (job.Upstream is null)
        {
            return 1.0;
        }

        double upstream = Element(new(job.Upstream, 1, job.ElementType), row);
        return DoubleMath.Magnitude(upstream) < TNumbers.SmallestNormal ? 0 : upstream;
    }

    // One row, row i of the batch. TPlain leaves out what plain jobs do not need; it changes no result.
    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private static void ComputeRow<TPlain>(
        in SoftmaxCrossEntropyJob job, in Plan plan, nuint i, in RowMemory memory, ref Totals totals)
        where TPlain : struct, IFlag
    {
        nuint classes = job.Classes;
        Row row = new()
        {
            Index = i,
            Memory = memory,
            Label = LabelOf(job, plan, i),
            ZLabel = double.NegativeInfinity,
            Apart = Apart.None,
        };

        // For an ignored row nothing is computed but lse.
        if (row.Label.IsIgnored && job.LogSumExp is null)
        {
            if (memory.Gradient.Start is not null && !memory.Accumulates)
            {
                Fill(memory.Gradient, classes, 0);
            }

            PutRowOutputs(job, i, 0, 0, 0);
            return;
        }

        bool smears = !TPlain.Value && plan.Smears;
        if (smears && !plan.Capped && memory.KeepsE && !IsPlain(memory.Z))
        {
            LoadRun(memory.Z, 0, memory.E, classes);
            row.Memory.Z = new(memory.E, 1, TNumbers.Type);
        }

        // The gradient may be z: read these now.
        ElementArray zArray = row.Memory.Z;
        nuint label = row.Label.Index;
        bool hasLabel = label < classes;
        double labelDistance = 0;
        if (hasLabel)
        {
            row.ZLabel = Element(zArray, label);
        }

        if (smears)
        {
            row.Apart.Index = FirstGreatest(zArray, classes);
            row.Apart.Z = Element(zArray, row.Apart.Index);
            row.Apart.X = BeforeUnit(row.Apart.Z, plan);
            if (hasLabel)
            {
                labelDistance = (row.Apart.X - BeforeUnit(row.ZLabel, plan)) * plan.Unit;
            }
        }
        else
        {
            row.Apart.Index = label;
            row.Apart.Z = row.ZLabel;
            row.Apart.X = TPlain.Value ? row.ZLabel
                : hasLabel ? BeforeUnit(row.ZLabel, plan)
                : double.NegativeInfinity;
        }

        row.IsCorrect = !TPlain.Value && job.CountCorrect && !row.Label.IsIgnored;
        if (row.IsCorrect && smears)
        {
            row.IsCorrect = row.Apart.Index
                == (plan.Target == Target.Distribution ? FirstGreatest(memory.Q, classes) : label);
        }

        bool compares = row.IsCorrect && !smears && hasLabel;
        TargetSums targetSums = default;
        TargetSums* targets = smears && plan.SumsTargets ? &targetSums : null;
        nuint count = Chunks.DivideUp(classes, plan.BlockLength);
        Block* blocks = stackalloc Block[(int)count];
        Others<TScalar> others;
        row.Anchor = AnchorAt(plan, row.Apart.X);
        for (nuint b = 0; b < count; b++)
        {
            nuint j = b * plan.BlockLength;
            nuint length = nuint.Min(classes - j, plan.BlockLength);

            // Without a place for a whole block's e, the general pass is taken, which needs none.
            bool done = false;
            if (TPlain.Value || (!plan.Capped && (memory.KeepsE || plan.BlockLength == BlockLength)))
            {
                TScalar* e = memory.E + (memory.KeepsE ? j : 0);
                bool converts = !TPlain.Value && !IsPlain(zArray);
                if (converts)
                {
                    LoadRun(zArray, j, e, length);
                }

                TScalar* z = converts ? e : Scalars(zArray) + j;
                LookAt(&others, z, length, row.Apart.Index - j);
                done = AnchorBlock(plan, &others, out double greatest, out blocks[b]);
                if (compares && row.IsCorrect)
                {
                    row.IsCorrect = AllowsLabel(z, j, length, greatest, label, row.ZLabel);
                }

                if (!TPlain.Value && done && targets is not null)
                {
                    AddRunTargets(job, plan, row.Memory, j, length, row.Apart, targets);
                }

                if (done)
                {
                    ComputeAnchoredBlock(plan, &others, e, ref blocks[b]);
                }
            }

            if (!done)
            {
                Greatest greatest = GreatestOthers(row.Memory, j, length, row.Apart.Index);

                // Of equals the first counts.
                bool earlier = label > j && greatest.Before >= row.ZLabel;
                if (compares && (earlier || greatest.After > row.ZLabel))
                {
                    row.IsCorrect = false;
                }

                ComputeGeneralBlock(
                    job, plan, row.Memory, j, length, row.Apart, greatest, targets, out blocks[b]);
            }

            row.Anchor = Higher(plan, blocks[b].Anchor, row.Anchor);
        }

        row.Targets = RowTargets(
            job, plan, row.Memory, row.Label, row.Apart, targetSums, row.ZLabel, labelDistance);
        FinishRow<TPlain>(job, plan, row, blocks, count, new(0, count, true), ref totals);
    }

    // The same number in the gradient of a share.
    private static void FillShare(
        in SoftmaxCrossEntropyJob job, in Plan plan, in RowMemory memory, in Share share, double x)
    {
        nuint begin = nuint.Min(share.Begin * plan.BlockLength, job.Classes);
        nuint end = nuint.Min(share.End * plan.BlockLength, job.Classes);
        Fill(memory.Gradient.From(begin), end - begin, x);
    }

    // 0 in the gradient of a share, or added to it.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void FillShareWithZeros(
        in SoftmaxCrossEntropyJob job, in Plan plan, in RowMemory memory, in Share share)
    {
        if (!memory.Accumulates)
        {
            FillShare(job, plan, memory, share, 0);
            return;
        }

        for (nuint j = 0; j < job.Classes; j += LaneCount)
        {
            nuint lanes = nuint.Min(job.Classes - j, LaneCount);
            TVector sum = Accumulated(LoadElements(memory.Gradient, j, lanes, 0), SetAll(0));
            StoreElements(memory.Gradient, j, lanes, Canonical(sum));
        }
    }

    // lse of a row without a softmax: NaN where a logit is, otherwise the infinity that one or all are.
    private static double LogSumExpOfLostRow(in Row row, Block* blocks, nuint count)
    {
        double nan = NaNOrZero(row.Apart.X);
        for (nuint b = 0; b < count; b++)
        {
            nan += NaNOrZero(TNumbers.Rounded(blocks[b].Others).Value);
        }

        return nan + row.Anchor.Shift;
    }

    // The results of a row that has no softmax, as a logit is NaN or +infinity, or all are -infinity.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void FinishLostRow(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        in Row row,
        Block* blocks,
        nuint count,
        in Share share,
        ref Totals totals)
    {
        bool ignored = row.Label.IsIgnored;
        if (share.Leads)
        {
            double logSumExp = LogSumExpOfLostRow(row, blocks, count);
            double loss = ignored ? 0 : DoubleMath.CanonicalNaN;
            double zLoss = ignored ? 0 : job.ZLossScale * (logSumExp * logSumExp);
            PutRowOutputs(job, row.Index, loss, zLoss, logSumExp);
            CountRow(ref totals, row.Label, loss, zLoss, false);
        }

        if (row.Memory.Gradient.Start is null || (ignored && row.Memory.Accumulates))
        {
            return;
        }

        if (ignored)
        {
            FillShare(job, plan, row.Memory, share, 0);
        }
        else if (IsZeroed(job, UpstreamOf(job, row.Index)))
        {
            FillShareWithZeros(job, plan, row.Memory, share);
        }
        else
        {
            FillShare(job, plan, row.Memory, share, DoubleMath.CanonicalNaN);
        }
    }

    // From a row's blocks to its results.
    private protected static void FinishRow<TPlain>(
        in SoftmaxCrossEntropyJob job,
        in Plan plan,
        in Row row,
        Block* blocks,
        nuint count,
        in Share share,
        ref Totals totals)
        where TPlain : struct, IFlag
    {
        nuint classes = job.Classes;
        ref readonly RowMemory memory = ref row.Memory;
        ref readonly Label label = ref row.Label;
        ref readonly Apart apart = ref row.Apart;
        bool hasApart = apart.Index < classes;

        // An ignored row's gradient is written last, as e may lie there, and z.
        bool fills = label.IsIgnored && memory.Gradient.Start is not null && !memory.Accumulates;

        Pair<OneDouble> others = default;
        for (nuint b = 0; b < count; b++)
        {
            blocks[b].Factor = Ratio(plan, blocks[b].Anchor, row.Anchor);
            others = TNumbers.Add(others, DoubleMath.Times(blocks[b].Others, blocks[b].Factor));
        }

        double eApart = hasApart ? ApartExponential(plan, apart.X, row.Anchor) : 0;
        RowSums sums = new(row.Anchor, others, apart.X, eApart);
        if (sums.IsNaN)
        {
            FinishLostRow(job, plan, row, blocks, count, share, ref totals);
            return;
        }

        RowLosses losses = LossesOf(job, plan, sums, label, row.Targets);
        if (memory.Wide && hasApart && !plan.Smears && sums.Odds < 1.1830521861667747e-271)
        {
            losses.Loss = WideLoss(plan, sums, label.Weight, blocks, count);
        }

        if (share.Leads)
        {
            PutRowOutputs(
                job,
                row.Index,
                label.IsIgnored ? 0 : losses.Loss,
                label.IsIgnored ? 0 : losses.ZLoss,
                losses.LogSumExp);
            bool correct = row.IsCorrect && !double.IsNaN(losses.Loss) && !double.IsNaN(losses.ZLoss)
                && !HasNaNGradient(job, row.Targets, row.Index);
            CountRow(ref totals, label, losses.Loss, losses.ZLoss, correct);
        }

        if (fills)
        {
            FillShare(job, plan, memory, share, 0);
        }

        if (memory.Gradient.Start is null || label.IsIgnored)
        {
            return;
        }

        if (IsZeroed(job, UpstreamOf(job, row.Index)))
        {
            FillShareWithZeros(job, plan, memory, share);
            return;
        }

        if (memory.Wide)
        {
            ComputeWideGradient(job, plan, row, sums, losses.LogSumExp, blocks, count, share);
            return;
        }

        RowGradient r = GradientOf(
            job, plan, sums, row.Targets, UpstreamOf(job, row.Index), losses.LogSumExp);
        if (r.IsNaN)
        {
            FillShare(job, plan, memory, share, DoubleMath.CanonicalNaN);
            return;
        }

        TVector old = memory.Accumulates && hasApart ? LoadElements(memory.Gradient, apart.Index, 1, 0) : SetAll(0);

        // Only the general pass keeps zeros from becoming −0.
        bool plain = (TPlain.Value || (IsPlain(memory.Gradient) && memory.E == Scalars(memory.Gradient) && !plan.Smears
            && !plan.Capped)) && TNumbers.Rounded(r.Scale) > 0;
        for (nuint b = share.Begin; b < share.End; b++)
        {
            nuint j = b * plan.BlockLength;
            nuint length = nuint.Min(classes - j, plan.BlockLength);
            Pair<OneDouble> scale = DoubleMath.Times(r.Scale, blocks[b].Factor);
            double unbias = (Scale.Unbias * TNumbers.RatioUnbias) / r.Power;
            if (plain)
            {
                ScaleBlock(
                    memory.E + j, length, TNumbers.MakeScale(scale, unbias));
            }
            else
            {
                ComputeGeneralGradient(
                    job, plan, memory, j, length, label, apart, blocks[b].Base, scale, unbias, r.Factor);
            }
        }

        if (hasApart && share.Holds(apart.Index / plan.BlockLength))
        {
            PutApartGradient(plan, memory, apart, r.Apart, old);
        }
    }

    private static void PutApartGradient(in Plan plan, in RowMemory row, in Apart apart, double g, TVector old)
    {
        if (plan.Capped)
        {
            g *= DoubleMath.SoftCapped<TScalar, OneDouble>(
                new(apart.Z), new(plan.Slope), new(plan.HalfSoftcap)).Derivative.Value;
        }

        if (row.Accumulates)
        {
            TVector sum = Accumulated(old, TNumbers.Set(RoundedToElement(g)));
            StoreElements(row.Gradient, apart.Index, 1, Canonical(sum));
        }
        else
        {
            Put(row.Gradient, apart.Index, g);
        }
    }

    // Whether a job has no options beyond what changes the scale of its rows or logits.
    private protected static bool ChangesScaleOnly(in SoftmaxCrossEntropyJob job, in Plan plan) =>
        job.InnerSize == 1 && job.Gradient is not null && !job.Accumulate && !plan.Capped && !plan.Smears
        && !job.CountCorrect;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static RowMemory PlainMemory(in SoftmaxCrossEntropyJob job, nuint i)
    {
        TScalar* gradient = (TScalar*)job.Gradient + (i * job.GradientStride);
        return new()
        {
            Z = new((TScalar*)job.Logits + (i * job.LogitsStride), 1, TNumbers.Type),
            Gradient = new(gradient, 1, TNumbers.Type),
            E = gradient,
            KeepsE = true,
        };
    }

    private protected static void ComputePlainRow(
        in SoftmaxCrossEntropyJob job, in Plan plan, nuint i, ref Totals totals) =>
        ComputeRow<Yes>(job, plan, i, PlainMemory(job, i), ref totals);

    // Row i, read and written where it lies.
    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private protected static void ComputeDirectRow(in SoftmaxCrossEntropyJob job, in Plan plan, nuint i, ref Totals totals)
    {
        RowMemory row = new()
        {
            Z = SampleOf(job.Logits, job.LogitsStride, job.ElementType, job.InnerSize, i),
            Gradient = SampleOf(job.Gradient, job.GradientStride, job.ElementType, job.InnerSize, i),
            Accumulates = job.Accumulate,
        };
        if (plan.Target == Target.Distribution)
        {
            row.Q = SampleOf(job.Targets, job.TargetsStride, job.ElementType, job.InnerSize, i);
        }

        // On the stack as far as both fit there, then in the workspace.
        nuint classes = job.Classes;
        nuint left = (nuint)(65536 / sizeof(TScalar));
        nuint leftInWorkspace = job.WorkspaceSize / (nuint)sizeof(TScalar);
        TScalar* workspace = (TScalar*)job.Workspace;
        bool wantsSlopes = plan.Capped && row.Gradient.Start is not null;
        bool slopesFit = wantsSlopes && classes <= left;
        TScalar* slopes = stackalloc TScalar[slopesFit ? (int)classes : 0];
        if (slopesFit)
        {
            row.Slopes = slopes;
            left -= classes;
        }
        else if (wantsSlopes && classes <= leftInWorkspace)
        {
            row.Slopes = workspace;
            workspace += classes;
            leftInWorkspace -= classes;
        }

        // e goes where the gradient will, if it has its type and place there and nothing is needed again of what it
        // overwrites.
        row.Wide = NeedsWideRange(job, plan, i);
        bool inGradient = !row.Wide && row.Gradient.Start is not null && IsPlain(row.Gradient) && !job.Accumulate
            && !(plan.Capped && row.Slopes is null && row.Gradient.Start == row.Z.Start);
        bool fits = !row.Wide && classes <= left;
        bool inWorkspace = !row.Wide && !inGradient && !fits && classes <= leftInWorkspace;
        TScalar* scratch = stackalloc TScalar[inGradient || inWorkspace ? 0 : (int)(fits ? classes : BlockLength)];
        row.E = inGradient ? Scalars(row.Gradient) : inWorkspace ? workspace : scratch;
        row.KeepsE = inGradient || inWorkspace || fits;
        if (!row.KeepsE)
        {
            row.Slopes = null;
        }

        ComputeRow<No>(job, plan, i, row, ref totals);
    }

    // Up to StagedRows positions of one sample, from row i on: turned into rows, computed, and turned back.
    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private static void ComputeStagedRows(
        in SoftmaxCrossEntropyJob job, in Plan plan, nuint i, nuint count, ref Totals totals)
    {
        nuint inner = job.InnerSize;
        nuint classes = job.Classes;
        TScalar* z = stackalloc TScalar[(int)(StagedRows * classes)];
        TScalar* g = stackalloc TScalar[(int)(StagedRows * classes)];
        TScalar* lanes = stackalloc TScalar[Lanes.Length];
        ElementArray logits = new(
            SampleOf(job.Logits, job.LogitsStride, job.ElementType, inner, i).Start, 1, job.ElementType);
        for (nuint j = 0; j < classes; j++)
        {
            TNumbers.Store(lanes, LoadElements(logits, j * inner, count, 0));
            for (nuint k = 0; k < count; k++)
            {
                z[(k * classes) + j] = lanes[k];
            }
        }

        for (nuint k = 0; k < count; k++)
        {
            RowMemory row = new()
            {
                Z = new(z + (k * classes), 1, TNumbers.Type),
                Gradient = new(job.Gradient is null ? null : g + (k * classes), 1, TNumbers.Type),
                E = g + (k * classes),
                KeepsE = true,
                Wide = NeedsWideRange(job, plan, i + k),
            };
            if (plan.Target == Target.Distribution)
            {
                row.Q = SampleOf(job.Targets, job.TargetsStride, job.ElementType, inner, i + k);
            }

            ComputeRow<No>(job, plan, i + k, row, ref totals);
        }

        if (job.Gradient is null)
        {
            return;
        }

        ElementArray gradient = new(
            SampleOf(job.Gradient, job.GradientStride, job.ElementType, inner, i).Start, 1, job.ElementType);
        for (nuint begin = 0, end; begin < count; begin = end)
        {
            bool untouched = IsUntouched(job, plan, i + begin);
            for (end = begin + 1; end < count && IsUntouched(job, plan, i + end) == untouched; end++)
            {
            }

            for (nuint j = 0; !untouched && j < classes; j++)
            {
                for (nuint k = begin; k < end; k++)
                {
                    lanes[k - begin] = g[(k * classes) + j];
                }

                TVector v = TNumbers.LoadPartial(lanes, end - begin, TNumbers.Scalar(0));
                if (job.Accumulate)
                {
                    v = Accumulated(LoadElements(gradient, (j * inner) + begin, end - begin, 0), v);
                }

                StoreElements(gradient, (j * inner) + begin, end - begin, Canonical(v));
            }
        }
    }

    // Whether a row's gradient stays as it is.
    private static bool IsUntouched(in SoftmaxCrossEntropyJob job, in Plan plan, nuint row) =>
        job.Accumulate && LabelOf(job, plan, row).IsIgnored;

    private protected enum Target
    {
        Int32,
        Int64,
        Distribution,
        None,
    }

    private protected readonly struct Yes : IFlag
    {
        public static bool Value => true;
    }

    private protected readonly struct No : IFlag
    {
        public static bool Value => false;
    }

    // What all rows of a call have in common.
    private protected readonly struct Plan
    {
        private const double LeastOrdinary = 3.8725919148493183e-121; // 2^-400
        private const double MostOrdinary = 2.5822498780869086e+120;  // 2^400

        internal readonly Target Target;
        internal readonly nuint BlockLength;
        internal readonly bool Transforms;       // u is not z
        internal readonly bool Capped;           // there is a softcap
        internal readonly bool Scales;           // there is none, and u = slope·z is not z
        internal readonly bool Smears;           // there are targets beyond the label: smoothing or a distribution
        internal readonly bool SumsTargets;      // whether sums over those targets are needed
        internal readonly bool WantsLoss;        // and whether the loss is
        internal readonly bool WantsLogSumExp;   // for itself or the z-loss
        internal readonly double Kept;           // 1 − label smoothing
        internal readonly double Spread;         // label smoothing / classes
        internal readonly double Distance;       // what Σ b·(u of the class apart − u) is made of by TargetSums' sum
        internal readonly bool ChecksRange;      // whether any row may need the wide range
        internal readonly double MostFactor;     // up to which a row's upstream gradient does not
        internal readonly double Slope;          // u = slope·z, or what SoftCapped() makes of it
        internal readonly double Unit;           // u of an anchor's shift is unit·shift
        internal readonly double HalfSoftcap;
        internal readonly double ClassWeightSum; // the number of classes without weights or smoothing

        internal Plan(in SoftmaxCrossEntropyJob job)
        {
            Target = job.Targets is null ? Target.None
                : job.TargetType == TargetType.LabelsInt32 ? Target.Int32
                : job.TargetType == TargetType.LabelsInt64 ? Target.Int64
                : Target.Distribution;
            nuint classes = job.Classes;
            BlockLength = Exponentials<TNumbers, TVector, TScalar, TDoubles>.BlockLength;
            if (classes > BlockLength * MaxBlocks)
            {
                BlockLength = (classes + MaxBlocks - 1) / MaxBlocks;
                BlockLength = (BlockLength + Tile - 1) / Tile * Tile;
            }

            Capped = job.Softcap > 0;
            Transforms = Capped || job.Scale < 1.0 || job.Scale > 1.0;
            Scales = Transforms && !Capped;
            Smears = Target == Target.Distribution || job.LabelSmoothing > 0;
            WantsLoss = job.Losses is not null || job.WantsTotals || job.CountCorrect;
            WantsLogSumExp = job.LogSumExp is not null || job.ZLosses is not null || job.ZLossScale < 0
                || job.ZLossScale > 0;
            SumsTargets = Target == Target.Distribution || (Smears && WantsLoss);
            Kept = 1.0 - job.LabelSmoothing;
            Spread = job.LabelSmoothing / classes;
            Slope = Capped
                ? DoubleMath.SoftcapSlope(job.Scale, job.Softcap, typeof(TScalar) == typeof(float))
                : job.Scale;
            Unit = Capped ? 1.0 : Slope;
            HalfSoftcap = 0.5 * job.Softcap;

            // (In case it is subnormal.)
            Distance = (Target == Target.Distribution ? 1.0 : Spread) * Unit;
            Distance = Distance < 2.2250738585072014e-308 ? 0 : Distance;
            ClassWeightSum = classes;

            // Smoothing alone needs it, and its additions wait for one another.
            if (job.ClassWeights is not null && job.LabelSmoothing > 0)
            {
                ClassWeightSum = 0;
                for (nuint c = 0; c < classes; c++)
                {
                    ClassWeightSum += job.ClassWeights[c];
                }
            }

            MostFactor = MostFactorOf(job, Capped, Smears, Spread);
            bool isDouble = job.ElementType == ElementType.Float64;
            double mostUpstream = job.Upstream is null ? 1.0
                : isDouble ? double.PositiveInfinity
                : job.ElementType == ElementType.Float16 ? 65536.0 : 3.402823669209385e+38;
            ChecksRange = (job.Upstream is not null && isDouble)
                || !(mostUpstream <= MostFactor);
        }

        /// <summary>
        /// Whether an upstream gradient, with the factors that all rows have, is so great or small that the row's gradient is
        /// to be ComputeWideGradient()'s. Not where it is not finite.
        /// </summary>
        internal bool IsWideFactor(double upstream)
        {
            double size = DoubleMath.Magnitude(upstream);
            return !(size > 0 && size <= MostFactor && size >= LeastOrdinary)
                && size > 0 && size < double.PositiveInfinity;
        }

        // Factors that are 0 or between 2^-400 and 2^400 can be multiplied in any order. (NaN cannot.)
        private static bool IsOrdinaryFactor(double x)
        {
            double size = DoubleMath.Magnitude(x);
            return size is 0 or (>= LeastOrdinary and <= MostOrdinary);
        }

        // e is kept down to 2^-190 of a block's greatest, 2^-1086 of doubles: enough where what it is multiplied with is at
        // most 2^64. What comes from a z-loss may be more where logits are so large that neighbouring ones are farther apart
        // than that: of the logit's magnitude u, where u is at least 2^32 of float and 2^64 of double.
        private static double MostFactorOf(in SoftmaxCrossEntropyJob job, bool capped, bool smears, double spread)
        {
            bool isDouble = job.ElementType == ElementType.Float64;
            double most = !capped ? 18446744073709551616.0 : SlopeBias;
            double pull = 2.0 * DoubleMath.Magnitude(job.ZLossScale);
            double gradScale = DoubleMath.Magnitude(job.GradScale);
            bool ordinary = IsOrdinaryFactor(gradScale) && IsOrdinaryFactor(pull) && !(isDouble && pull > 1.0);
            double weight = 1;
            if (smears)
            {
                ordinary = ordinary && IsOrdinaryFactor(spread);
            }

            for (nuint c = 0; job.ClassWeights is not null && c < job.Classes; c++)
            {
                ordinary = ordinary && IsOrdinaryFactor(job.ClassWeights[c]);
                weight = job.ClassWeights[c] > weight ? job.ClassWeights[c] : weight;
            }

            if (!ordinary || !(weight <= 18446744073709551616.0))
            {
                return -1;
            }

            double factor = gradScale * job.Scale;
            double mostFactor = factor > 0 ? most / (factor * weight) : MostOrdinary;
            double mostOfPull = (isDouble ? 1.0 : 4294967296.0) / (factor * pull);
            mostFactor = mostFactor > mostOfPull ? mostOfPull : mostFactor;
            return mostFactor > MostOrdinary ? MostOrdinary : mostFactor;
        }
    }

    // A point unit·shift + exponent·ln 2 on the axis of u that exponentials are relative to. One of the two is 0.
    private protected readonly struct Anchor(double shift, double exponent)
    {
        internal readonly double Shift = shift;
        internal readonly double Exponent = exponent;
    }

    // What the first pass leaves behind of a block.
    private protected struct Block
    {
        internal Anchor Anchor;    // stored e = exp(u − anchor)·2^65
        internal Pair<OneDouble> Others;      // sum of e without the class apart
        internal Pair<OneDouble> Factor;      // Ratio() of anchor and the row's anchor
        internal Anchor Base;      // the anchor, or 0 where that is −infinity
    }

    // The class of a row that is summed apart from the others: the label; with targets beyond it the first of the greatest.
    private protected struct Apart(nuint index, double z, double x)
    {
        internal nuint Index = index; // NoLabel or beyond the classes where there is none
        internal double Z = z;        // its logit; then −infinity
        internal double X = x;        // BeforeUnit()

        internal static Apart None => new(NoLabel, double.NegativeInfinity, double.NegativeInfinity);
    }

    // What a row's targets b come to; of one row or several side by side.
    private protected struct TargetTotals<TReal>
        where TReal : unmanaged, IReal<TReal>
    {
        internal TReal Rest; // Σ b without the class apart
        internal TReal Own;  // b of the class apart
        internal TReal Dot;  // Σ b·(u of the class apart − u), where targets beyond the label are summed
    }

    // Blocks of a row, whose gradients are to be written; and whether the results of the row as a whole are, too.
    private protected readonly struct Share(nuint begin, nuint end, bool leads)
    {
        internal readonly nuint Begin = begin;
        internal readonly nuint End = end;
        internal readonly bool Leads = leads;

        internal bool Holds(nuint block) => block >= Begin && block < End;
    }

    // Where one row lies: as it came, or staged.
    private protected struct RowMemory
    {
        internal ElementArray Z;
        internal ElementArray Gradient; // or none
        internal ElementArray Q;        // the distribution
        internal TScalar* E;            // for e, the whole row's or, where e is not kept, a block's
        internal TScalar* Slopes;       // for derivatives of a softcap, or null: then they are computed again
        internal bool KeepsE;
        internal bool Wide;             // its gradient is ComputeWideGradient()'s, which wants the logits and no e
        internal bool Accumulates;
    }

    // Sums over the targets that RelativeTargets() gives: of the targets without that of the class apart, for distributions
    // only, and of each times how far it is below the class apart BeforeUnit(). What could overflow goes to Huge, times
    // HugeUnit.
    private protected struct TargetSums
    {
        internal BlockSum<TDoubles> Rest;
        internal BlockSum<TDoubles> Dot;
        internal BlockSum<TDoubles> Huge;
    }

    // The greatest logit of a block before and from the label on, both without it; NaN is passed over.
    private protected struct Greatest
    {
        internal double Before;
        internal double After;
    }

    private protected struct Label
    {
        internal nuint Index; // NoLabel or beyond the classes where the row has none
        internal bool IsIgnored;
        internal double Weight; // its class's, 0 where ignored, 1 where there is none
    }

    // What a row's sums come to. Everything is relative to exp(anchor).
    private protected readonly struct RowSums
    {
        internal readonly Anchor Anchor;
        internal readonly Pair<OneDouble> Others; // without the class apart; times 2^65·2^RatioPower, so never subnormal
        internal readonly double XApart; // BeforeUnit() of the class apart; −infinity where there is none
        internal readonly double EApart; // its exponential, times 2^RatioPower
        internal readonly Pair<OneDouble> Inverse; // 1 / sum
        internal readonly double Sum;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal RowSums(Anchor anchor, Pair<OneDouble> others, double xApart, double eApart)
        {
            Anchor = anchor;
            Others = others;
            XApart = xApart;
            EApart = eApart;
            Pair<OneDouble> whole = TNumbers.Add(
                TNumbers.Times(others, Scale.Unbias * TNumbers.RatioUnbias), new(eApart * TNumbers.RatioUnbias));
            Sum = TNumbers.Rounded(whole);
            Inverse = TNumbers.Inverse(whole);
        }

        // A logit is NaN or +infinity, or all are −infinity.
        internal bool IsNaN => !(Sum > 0);

        // Σ of the others' exponentials / that of the class apart.
        internal double Odds => TNumbers.Quotient(Others, EApart) * Scale.Unbias;
    }

    // What a row's loss comes to.
    private protected struct RowLosses
    {
        internal double Loss;
        internal double ZLoss;
        internal double LogSumExp;
    }

    // What a row's gradient is made of.
    private struct RowGradient
    {
        internal bool IsNaN;
        internal double Factor; // of the targets: grad_scale·upstream·du/dz
        internal Pair<OneDouble> Scale;    // of exp(u − anchor), times Power
        internal double Power;  // keeps scales of doubles finite where their products with probabilities may be
        internal double Apart;  // of the class apart, without the derivative of a softcap
    }

    // A row between its passes.
    private protected struct Row
    {
        internal nuint Index; // in the batch
        internal RowMemory Memory;
        internal Label Label;
        internal double ZLabel; // −infinity where there is no label
        internal Apart Apart;
        internal bool IsCorrect;
        internal Anchor Anchor; // the highest of the blocks' and that of the class apart
        internal TargetTotals<OneDouble> Targets;
    }
}
