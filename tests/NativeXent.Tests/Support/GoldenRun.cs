namespace NativeXent.Tests.Support;

/// <summary>Computes a golden case of softmax cross-entropy.</summary>
public static class GoldenRun
{
    // What gaps between samples are filled with: results that are made of it show it.
    private const double Gap = double.NaN;

    public static GoldenResults Compute<T>(GoldenCrossEntropy golden, GoldenWay way, ExecutionOptions execution)
        where T : unmanaged
    {
        int sample = golden.Classes * golden.Inner;
        bool strided = way == GoldenWay.Strided;
        LogitsLayout layout = new(golden.Classes)
        {
            InnerSize = golden.Inner,
            Stride = strided ? sample + 3 : 0,
            TargetsStride = strided ? sample + 1 : 0,
            DestinationStride = strided ? sample + 17 : 0,
        };
        SoftmaxCrossEntropyOptions options = Options(golden) with { CountCorrect = strided };
        T[] logits = Spread<T>(golden.Logits, sample, layout.Stride);
        T[] distributions = Spread<T>(golden.Distributions ?? [], sample, layout.TargetsStride);
        double[] initial = golden.Initial ?? new double[golden.Logits.Length];
        T[] destination = Spread<T>(initial, sample, layout.DestinationStride);
        long[] labels64 = golden.Labels ?? [];
        int[] labels32 = [.. labels64.Select(label => (int)label)];
        T[] upstream = GoldenElement<T>.From(golden.Upstream ?? []);
        T[] losses = new T[golden.AllRows];
        T[] logSumExp = new T[golden.AllRows];
        T[] zLosses = new T[golden.ZLosses is null ? 0 : golden.AllRows];
        RowBuffers<T> rows = new()
        {
            Upstream = upstream,
            Losses = losses,
            LogSumExp = logSumExp,
            ZLosses = zLosses,
        };
        bool hasLabels = golden.Labels is not null;
        SoftmaxCrossEntropyResult result = way switch
        {
            GoldenWay.Dense => hasLabels
                ? SoftmaxCrossEntropy.Gradient<T>(logits, labels32, layout, destination, options, rows, execution)
                : SoftmaxCrossEntropy.Gradient<T>(logits, distributions, layout, destination, options, rows, execution),
            GoldenWay.Strided => hasLabels
                ? SoftmaxCrossEntropy.Gradient<T>(logits, labels64, layout, destination, options, rows, execution)
                : SoftmaxCrossEntropy.Gradient<T>(logits, distributions, layout, destination, options, rows, execution),
            GoldenWay.LossOnly => hasLabels
                ? SoftmaxCrossEntropy.Loss<T>(logits, labels32, layout, options, rows, execution)
                : SoftmaxCrossEntropy.Loss<T>(logits, distributions, layout, options, rows, execution),
            _ => ByPointers(golden, logits, labels64, distributions, destination, rows, layout, options, execution),
        };
        T[] gradient = way == GoldenWay.Pointers && !options.Accumulate ? logits : destination;
        return new GoldenResults(
            GoldenElement<T>.ToDouble(losses),
            GoldenElement<T>.ToDouble(logSumExp),
            GoldenElement<T>.ToDouble(zLosses),
            way == GoldenWay.LossOnly ? null : Gathered(gradient, sample, layout.DestinationStride),
            result);
    }

    private static SoftmaxCrossEntropyOptions Options(GoldenCrossEntropy golden) => new()
    {
        Reduction = golden.Reduction,
        IgnoreIndex = golden.IgnoreIndex,
        LabelSmoothing = golden.LabelSmoothing,
        ClassWeights = golden.ClassWeights,
        ZLossScale = golden.ZLossScale,
        Scale = golden.Scale,
        Softcap = golden.Softcap,
        UpstreamScale = golden.UpstreamScale,
        Accumulate = golden.Initial is not null,
    };

    // In place, but where the gradient is added to something.
    private static unsafe SoftmaxCrossEntropyResult ByPointers<T>(
        GoldenCrossEntropy golden,
        T[] logits,
        long[] labels,
        T[] distributions,
        T[] destination,
        RowBuffers<T> rows,
        LogitsLayout layout,
        SoftmaxCrossEntropyOptions options,
        ExecutionOptions execution)
        where T : unmanaged
    {
        fixed (T* z = logits, q = distributions, gradient = destination, upstream = rows.Upstream)
        fixed (T* losses = rows.Losses, logSumExp = rows.LogSumExp, zLosses = rows.ZLosses)
        fixed (long* classes = labels)
        {
            SoftmaxCrossEntropyPointers<T> pointers = new()
            {
                Logits = z,
                Labels64 = classes,
                Distributions = q,
                Destination = options.Accumulate ? gradient : z,
                Upstream = upstream,
                Losses = losses,
                LogSumExp = logSumExp,
                ZLosses = zLosses,
            };
            return SoftmaxCrossEntropy.Compute(pointers, golden.Samples, layout, options, execution);
        }
    }

    private static T[] Spread<T>(double[] values, int sample, nint stride)
        where T : unmanaged
    {
        int distance = stride == 0 ? sample : (int)stride;
        T[] spread = new T[values.Length / sample * distance];
        Array.Fill(spread, GoldenElement<T>.From(Gap));
        for (int i = 0; i < values.Length; i++)
        {
            spread[(i / sample * distance) + (i % sample)] = GoldenElement<T>.From(values[i]);
        }

        return spread;
    }

    private static double[] Gathered<T>(T[] spread, int sample, nint stride)
        where T : unmanaged
    {
        int distance = stride == 0 ? sample : (int)stride;
        List<double> values = [];
        for (int i = 0; i < spread.Length; i++)
        {
            double value = GoldenElement<T>.ToDouble(spread[i]);
            if (i % distance < sample)
            {
                values.Add(value);
            }
            else if (!value.Equals(Gap))
            {
                throw new InvalidOperationException($"Element {i}, between samples, was written.");
            }
        }

        return [.. values];
    }
}
