using System.Text;
using NativeXent;
using Spectre.Console;

namespace Digits;

/// <summary>What the demo shows. Nothing needs colour or a moving cursor to be understood.</summary>
internal sealed class Report(IAnsiConsole console)
{
    public void Heading(string text)
    {
        console.WriteLine();
        console.Write(new Rule(Markup.Escape(text)) { Justification = Justify.Left });
    }

    public void Line(string text) => console.WriteLine(text);

    public void Runtime()
    {
        Heading("NativeXent");
        foreach (string line in NativeXentRuntime.Describe().Split('\n'))
        {
            console.WriteLine(line);
        }
    }

    /// <summary>
    /// Runs the work, and shows how far it is: <paramref name="work"/> gets a function that begins to show a backend's
    /// training, and returns what is to be called after each epoch.
    /// </summary>
    public void Progress(int epochs, Action<Func<NativeXentBackend, Action<TrainingRun>>> work)
    {
        if (!console.Profile.Capabilities.Interactive || !console.Profile.Capabilities.Ansi)
        {
            // No bar that moves: a few lines.
            work(backend => run =>
            {
                if (run.Epochs % Math.Max(1, epochs / 4) == 0)
                {
                    console.WriteLine(Describe(backend, run));
                }
            });
            return;
        }

        console.Progress()
            .Columns(
                new TaskDescriptionColumn { Alignment = Justify.Left },
                new ProgressBarColumn(),
                new PercentageColumn())
            .Start(context => work(backend =>
            {
                ProgressTask task = context.AddTask($"{backend}", maxValue: epochs);
                return run =>
                {
                    task.Description = Describe(backend, run);
                    task.Value = run.Epochs;
                };
            }));

        static string Describe(NativeXentBackend backend, TrainingRun run) =>
            $"{backend,-7}  epoch {run.Epochs,3}  loss {run.TrainingLosses[^1]:0.000}";
    }

    public void LossCurve(TrainingRun run)
    {
        Heading("Loss of an image in nats (logarithmic)");
        console.Write(new LineChart(
            "epoch",
            new LineChart.Line("test", Color.Orange1, run.TestLosses),
            new LineChart.Line("training", Color.Blue, run.TrainingLosses)));
    }

    /// <summary>How each class was judged.</summary>
    public void ConfusionMatrix(Evaluation evaluation)
    {
        int[,] matrix = evaluation.ConfusionMatrix();
        int classes = evaluation.Data.Classes;
        Table table = new Table { Border = TableBorder.Rounded }.AddColumn("is \\ taken for");
        for (int k = 0; k < classes; k++)
        {
            table.AddColumn(new TableColumn($"{k}").RightAligned());
        }

        table.AddColumn(new TableColumn("found").RightAligned());
        for (int actual = 0; actual < classes; actual++)
        {
            int[] row = [.. Enumerable.Range(0, classes).Select(predicted => matrix[actual, predicted])];
            string found = row.Sum() == 0 ? "-" : $"{(double)row[actual] / row.Sum():0.0%}";
            table.AddRow([$"{actual}", .. row.Select((count, predicted) => Cell(count, predicted == actual)), found]);
        }

        console.Write(table);
    }

    /// <summary>Draws a few images with what they are and what they were taken for.</summary>
    public void Mistakes(Evaluation evaluation)
    {
        // As many as stand side by side, up to four.
        const int ImageWidth = (2 * DigitsData.Side) + 2;
        int[] mistakes = [.. evaluation.WorstMistakes().Take(Math.Clamp(console.Profile.Width / ImageWidth, 1, 4))];
        var grid = new Grid();
        foreach (int _ in mistakes)
        {
            grid.AddColumn(new GridColumn().NoWrap().PadRight(2));
        }

        grid.AddRow([.. mistakes.Select(i => Image(evaluation.Data.Input(i)))]);
        grid.AddRow([.. mistakes.Select(i =>
            new Text($"a {evaluation.Data.Labels[i]}, taken for {evaluation.Predictions[i]}"))]);

        // A loss is −log p.
        grid.AddRow([.. mistakes.Select(i =>
            new Text($"p({evaluation.Data.Labels[i]}) = {Math.Exp(-evaluation.Losses[i]):0.000}"))]);
        console.Write(grid);
    }

    public void Speed(IEnumerable<SpeedComparison> comparisons)
    {
        Table table = new Table { Border = TableBorder.Rounded }
            .AddColumn(new TableColumn("rows × classes").RightAligned())
            .AddColumn(new TableColumn("native").RightAligned())
            .AddColumn(new TableColumn("managed SIMD").RightAligned())
            .AddColumn(new TableColumn("plain C#").RightAligned())
            .AddColumn(new TableColumn("plain / native").RightAligned());
        foreach (SpeedComparison speed in comparisons)
        {
            table.AddRow(
                $"{speed.Rows} × {speed.Classes}",
                $"{speed.Native:#,0.00} µs",
                $"{speed.Managed:#,0.00} µs",
                $"{speed.Plain:#,0.00} µs",
                $"[bold]{speed.Plain / speed.Native:0.0}×[/]");
        }

        console.Write(table);
    }

    public void Map(HiddenLayerNetwork network, Dataset points) => console.Write(new DecisionMap(network, points));

    private static string Cell(int count, bool right) => (count, right) switch
    {
        (0, _) => "[grey]·[/]",
        (_, true) => $"[green]{count}[/]",
        _ => $"[bold red]{count}[/]",
    };

    // Two characters for a pixel, which makes it nearly square.
    private static Text Image(ReadOnlySpan<float> pixels)
    {
        const string Shades = " ░▒▓█";
        var text = new StringBuilder();
        for (int i = 0; i < pixels.Length; i++)
        {
            text.Append(Shades[(int)MathF.Round(pixels[i] * (Shades.Length - 1))], 2);
            if (i % DigitsData.Side == DigitsData.Side - 1)
            {
                text.Append('\n');
            }
        }

        return new Text(text.ToString().TrimEnd('\n'));
    }
}
