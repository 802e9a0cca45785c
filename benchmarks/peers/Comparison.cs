using System.Diagnostics;
using Spectre.Console;

namespace NativeXent.Peers;

/// <summary>Measures everything, and reports it.</summary>
internal static class Comparison
{
    /// <summary>Results of the last run, whole.</summary>
    internal static string ResultsPath(string libraryFolder) => Path.Combine(libraryFolder, "results.json");

    internal static int Run(string root, string libraryFolder, Settings settings, bool write)
    {
        IAnsiConsole console = CreateConsole();
        console.WriteLine(NativeXentRuntime.Describe());
        Lineup lineup = Lineup.Load(libraryFolder);
        lineup.Print(console);
        WarnOfLoad(console);

        Measurement measurement = new(settings);
        measurement.Disqualify(lineup.Contenders);
        Sections sections = new(settings, lineup.Contenders);
        List<Figure> figures = [];
        Stopwatch clock = Stopwatch.StartNew();
        foreach ((Section section, List<Entry> entries) in sections.Shapes().Concat(sections.Parts()))
        {
            figures.AddRange(measurement.Run(section, entries));
            Problem problem = entries[^1].Problem;
            console.WriteLine($"{clock.Elapsed.TotalSeconds,4:F0} s  {Tables.Title(section)}: {problem.Rows} x {problem.Classes}");
        }

        Results results = new(
            Machine.Current(lineup.Contenders), settings.Rounds, settings.Bytes, lineup.Infos, figures);
        console.WriteLine();
        foreach (ReportTable table in Tables.All(results))
        {
            table.Print(console);
        }

        results.Save(ResultsPath(libraryFolder));
        string picture = Path.ChangeExtension(ResultsPath(libraryFolder), ".svg");
        Picture.Save(results, picture);
        console.WriteLine($"All figures are in {ResultsPath(libraryFolder)}, the picture in {picture}.");
        if (write)
        {
            Documents.Write(root, results);
        }

        measurement.Failures.ForEach(failure => Console.Error.WriteLine($"error: {failure}"));
        return measurement.Failures.Count > 0 ? 1 : 0;
    }

    internal static void WarnOfLoad(IAnsiConsole console)
    {
        const double Idle = 0.5;
        if (Machine.Load > Idle)
        {
            console.WriteLine(
                $"warning: other programs are at work here (load {Machine.Load:F1}). Times will be too long, those of all threads most.");
        }
    }

    // A file or a pipe gets plain text, and tables are not folded.
    internal static IAnsiConsole CreateConsole()
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = Console.IsOutputRedirected ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = Console.IsOutputRedirected ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
        });
        console.Profile.Width = Math.Max(console.Profile.Width, 280);
        return console;
    }
}
