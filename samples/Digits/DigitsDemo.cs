using NativeXent;

namespace Digits;

/// <summary>Softmax regression on handwritten digits, trained once with each backend.</summary>
internal static class DigitsDemo
{
    // Softmax regression reaches about 0.96 on such a split; far less means that something is broken.
    private const double LeastAccuracy = 0.93;

    /// <summary>Runs it and returns what went wrong.</summary>
    public static IEnumerable<string> Run(DemoOptions options, Dataset digits, Report report)
    {
        (Dataset training, Dataset test) = digits.Split(new SplitMix64(options.Seed));
        report.Heading("Training on handwritten digits");
        report.Line(
            $"{digits.Count:#,0} images: {training.Count:#,0} to train with, {test.Count:#,0} to test with. " +
            $"Mini-batches of {options.BatchSize:#,0}, learning rate {options.LearningRate}, seed {options.Seed}.");

        List<TrainingRun> runs = [];
        report.Progress(options.Epochs, progressOf =>
        {
            NativeXentBackend[] backends = [NativeXentBackend.Native, NativeXentBackend.Managed];
            foreach (NativeXentBackend backend in backends)
            {
                runs.Add(TrainingRun.Execute(training, test, options, backend, progressOf(backend)));
            }
        });
        SoftmaxRegression native = runs[0].Model;
        SoftmaxRegression managed = runs[1].Model;
        report.LossCurve(runs[0]);

        bool identical = native.ParameterBytes().AsSpan().SequenceEqual(managed.ParameterBytes());
        report.Heading("Same bits");
        report.Line($"SHA-256 of the {native.ParameterCount} weights and biases after training:");
        report.Line($"native  {native.ParameterHash()}");
        report.Line($"managed {managed.ParameterHash()}");
        report.Line(identical ? "They are identical, bit for bit." : "They differ!");

        Evaluation evaluation = native.Evaluate(test);
        report.Heading("Test");
        report.ConfusionMatrix(evaluation);
        report.Line($"Accuracy {evaluation.Accuracy:0.0000}: {evaluation.Correct} of {test.Count} are right.");
        if (evaluation.Correct < test.Count)
        {
            report.Line("The worst mistakes:");
            report.Mistakes(evaluation);
        }

        if (!identical)
        {
            yield return "native and managed training ended in different weights.";
        }

        if (!(evaluation.Accuracy > LeastAccuracy))
        {
            yield return $"the test accuracy is {evaluation.Accuracy:0.0000}; it must be above {LeastAccuracy}.";
        }
    }

    /// <summary>Compares native with plain C#, at the mini-batches' own shape and at many classes.</summary>
    public static void CompareSpeed(DemoOptions options, Dataset digits, Report report)
    {
        report.Heading("Speed of the gradient");
        report.Line("Median time of a call on one thread, all measured by turns in one run.");
        var random = new SplitMix64(options.Seed);
        report.Speed(
        [
            SpeedComparison.Measure(options.BatchSize, digits.Classes, random),
            SpeedComparison.Measure(32, 1_000, random),
            SpeedComparison.Measure(2, 32_000, random),
        ]);
    }
}
