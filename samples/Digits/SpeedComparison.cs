using System.Diagnostics;
using NativeXent;
using NativeXent.Reference;

namespace Digits;

/// <summary>The median time of one call in microseconds, of each implementation.</summary>
internal sealed record SpeedComparison(int Rows, int Classes, double Native, double Managed, double Plain)
{
    private const int Rounds = 201;

    // Of one sample, in microseconds: long enough for the clock, short enough that the machine's other work hits few.
    private const double ShortestSample = 200;

    private static readonly TimeSpan WarmUp = TimeSpan.FromMilliseconds(50);

    /// <summary>
    /// Measures the three by turns, so that whatever slows the machine down for a while hits all of them, and takes
    /// medians.
    /// </summary>
    public static SpeedComparison Measure(int rows, int classes, SplitMix64 random)
    {
        float[] logits = new float[rows * classes];
        foreach (ref float logit in logits.AsSpan())
        {
            logit = 4 * random.NextNormal();
        }

        int[] labels = new int[rows];
        foreach (ref int label in labels.AsSpan())
        {
            label = random.NextInt32(classes);
        }

        float[] gradient = new float[logits.Length];
        var native = new ExecutionOptions { Backend = NativeXentBackend.Native };
        var managed = new ExecutionOptions { Backend = NativeXentBackend.Managed };
        Action[] calls =
        [
            () => SoftmaxCrossEntropy.Gradient(logits, labels, classes, gradient, execution: native),
            () => SoftmaxCrossEntropy.Gradient(logits, labels, classes, gradient, execution: managed),
            () => SoftmaxCrossEntropyReference.Gradient<float>(logits, labels, classes, gradient),
        ];

        // All samples are of one length: were those of the slowest longer, they would be disturbed more often.
        double[] once = [.. calls.Select(FastestWarmCall)];
        double sample = Math.Max(ShortestSample, once.Max());
        int[] repeats = [.. once.Select(time => (int)Math.Ceiling(sample / time))];

        double[][] times = [.. calls.Select(_ => new double[Rounds])];
        for (int round = 0; round < Rounds; round++)
        {
            for (int i = 0; i < calls.Length; i++)
            {
                times[i][round] = Time(calls[i], repeats[i]);
            }
        }

        double[] medians = [.. times.Select(samples => samples.Order().ElementAt(Rounds / 2))];
        return new SpeedComparison(rows, classes, medians[0], medians[1], medians[2]);
    }

    private static double FastestWarmCall(Action call)
    {
        const double ClockStep = 0.1; // where the clock is coarse, a call can seem to take no time
        double fastest = double.PositiveInfinity;
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < WarmUp)
        {
            fastest = Math.Min(fastest, Math.Max(ClockStep, Time(call, 1)));
        }

        return fastest;
    }

    // In microseconds a call.
    private static double Time(Action call, int repeats)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < repeats; i++)
        {
            call();
        }

        return Stopwatch.GetElapsedTime(start).TotalMicroseconds / repeats;
    }
}
