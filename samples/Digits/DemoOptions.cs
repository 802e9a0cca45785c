using System.CommandLine;
using System.Globalization;
using System.Numerics;

namespace Digits;

/// <summary>What the command line says.</summary>
internal sealed record DemoOptions(
    string DataPath, int Epochs, int BatchSize, float LearningRate, ulong Seed, bool SkipMoons)
{
    /// <summary>The command line, whose action runs the demo.</summary>
    public static RootCommand Command(Func<DemoOptions, int> run)
    {
        var data = new Option<string?>("--data")
        {
            Description = "The gzip-compressed digits. [default: the copy beside the program]",
            HelpName = "file",
        };
        Option<int> epochs = Number("--epochs", "How often training goes through the digits.", 60, 1, 10_000);
        Option<int> batchSize = Number("--batch-size", "Digits for each step of training.", 32, 1, 10_000);
        Option<float> learningRate = Number("--learning-rate", "The length of a step.", 0.5f, 0.001f, 100);
        Option<ulong> seed = Number("--seed", "Shuffles the digits, and draws the moons.", 1ul, 0ul, ulong.MaxValue);
        var skipMoons = new Option<bool>("--skip-moons") { Description = "Leave out the two moons." };

        var command = new RootCommand(
            "Trains a classifier on handwritten digits, whose gradient comes from NativeXent, natively and managed; " +
            "compares bits and speed; and bends a boundary between two moons.")
        {
            data, epochs, batchSize, learningRate, seed, skipMoons,
        };
        command.SetAction(result => run(new DemoOptions(
            result.GetValue(data) ?? DigitsData.DefaultPath,
            result.GetRequiredValue(epochs),
            result.GetRequiredValue(batchSize),
            result.GetRequiredValue(learningRate),
            result.GetRequiredValue(seed),
            result.GetValue(skipMoons))));
        return command;
    }

    private static Option<T> Number<T>(string name, string description, T initial, T least, T most)
        where T : struct, INumber<T> =>
        new(name)
        {
            Description = description,
            HelpName = "number",
            DefaultValueFactory = _ => initial,
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                if (T.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out T value)
                    && value >= least && value <= most)
                {
                    return value;
                }

                string kind = typeof(T) == typeof(float) ? "a number" : "a whole number";
                result.AddError($"{name} is \"{text}\"; it must be {kind} from {least} to {most}.");
                return default;
            },
        };
}
