namespace Digits;

/// <summary>A network with one hidden layer on two moons.</summary>
internal static class MoonsDemo
{
    private const int Points = 500;
    private const int HiddenUnits = 16;
    private const int Steps = 2_000;
    private const float LearningRate = 0.5f;

    // Backpropagation in float leaves about six digits.
    private const double GreatestError = 1e-3;

    /// <summary>Runs it and returns what went wrong.</summary>
    public static IEnumerable<string> Run(DemoOptions options, Report report)
    {
        report.Heading("Two moons, one hidden layer");
        var random = new SplitMix64(options.Seed);
        (Dataset training, Dataset test) = TwoMoons.Generate(Points, random).Split(random);
        var network = new HiddenLayerNetwork(training.Features, HiddenUnits, training.Classes, random);

        double error = GradientCheck.GreatestRelativeError(network, training);
        report.Line($"Backpropagation against finite differences: greatest relative error {error:0.0e+0}.");

        double before = network.Evaluate(training).MeanLoss;
        for (int i = 0; i < Steps; i++)
        {
            network.Step(training, LearningRate);
        }

        double after = network.Evaluate(training).MeanLoss;
        Evaluation evaluation = network.Evaluate(test);
        report.Line(
            $"{HiddenUnits} hidden units, {Steps:#,0} steps on {training.Count} points: " +
            $"loss {before:0.000} → {after:0.000} nats.");
        report.Line(
            $"Accuracy {evaluation.Accuracy:0.0000}: {evaluation.Correct} of {test.Count} test points are right.");
        report.Line("They are o on the upper and x on the lower moon; shaded is what the network takes for the lower.");
        report.Map(network, test);

        if (!(error <= GreatestError))
        {
            yield return $"the gradients are off by {error:0.0e+0}; at most {GreatestError:0.0e+0} is rounding.";
        }
    }
}
