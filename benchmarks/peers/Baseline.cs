using System.Globalization;
using Spectre.Console;

namespace NativeXent.Peers;

/// <summary>
/// Tells what has become slower: measures this project's own contenders in all shapes again, and compares their ratios to
/// the copy with those of the results that were written last. Ratios, because times move with the machine.
/// </summary>
internal static class Baseline
{
    // Ratios of two runs differ by this much without any cause.
    private const double Tolerance = 1.15;

    internal static string Path(string root) => System.IO.Path.Combine(root, "benchmarks", "peers", "results.json");

    internal static int Check(string root, string libraryFolder, Settings settings)
    {
        if (!File.Exists(Path(root)))
        {
            throw new InvalidDataException($"There is no baseline, {Path(root)}. Write it: ./build.sh bench peers --write");
        }

        IAnsiConsole console = Comparison.CreateConsole();
        Results baseline = Results.Load(Path(root));
        Dictionary<(Section, string, int), double> before = baseline.Figures
            .Where(figure => figure.Variant.Length == 0 && figure.TimeToCopy is not null)
            .ToDictionary(Key, figure => figure.TimeToCopy!.Value);
        Lineup lineup = Lineup.Load(libraryFolder).OnlyOurs();
        Machine machine = Machine.Current(lineup.Contenders);
        if ((machine.Processor, machine.InstructionSet) != (baseline.Machine.Processor, baseline.Machine.InstructionSet))
        {
            console.WriteLine(
                $"The baseline is of another machine: {baseline.Machine.Processor}, {baseline.Machine.InstructionSet}. " +
                $"This is {machine.Processor}, {machine.InstructionSet}. Its ratios need not hold here.");
        }

        Comparison.WarnOfLoad(console);
        Measurement measurement = new(settings);
        ReportTable table = new(
            "Time / faster copy",
            $"Slower than the baseline by more than {100 * (Tolerance - 1):F0} %, twice in a row, is marked.",
            ["section", "contender", "classes", "baseline", "now", "now / baseline", ""],
            []);
        int slower = 0;

        // Threads that meet after so little work tell more of the machine than of the code.
        Sections sections = new(
            settings with { Sections = [Section.Memory, Section.MemoryAllThreads, Section.Cache] }, lineup.Contenders);
        foreach ((Section section, List<Entry> entries) in sections.Shapes())
        {
            List<Figure> now = Measured(section, entries);
            if (now.Exists(figure => Change(figure) > Tolerance))
            {
                // Was it only noise?
                List<Figure> again = Measured(section, entries);
                now = [.. now.Zip(again, (first, second) => first.TimeToCopy <= second.TimeToCopy ? first : second)];
            }

            foreach (Figure figure in now)
            {
                double? change = Change(figure);
                slower += change > Tolerance ? 1 : 0;
                table.Rows.Add(
                [
                    Tables.Title(section),
                    figure.Contender,
                    Tables.Number(figure.Classes),
                    Tables.Ratio(before.TryGetValue(Key(figure), out double old) ? old : null),
                    Tables.Ratio(figure.TimeToCopy),
                    Tables.Ratio(change),
                    change > Tolerance ? "slower" : "",
                ]);
            }
        }

        table.Print(console);
        console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{slower} of {table.Rows.Count} shapes are slower than the baseline."));
        return slower > 0 || measurement.Failures.Count > 0 ? 1 : 0;

        List<Figure> Measured(Section section, List<Entry> entries) =>
            [.. measurement.Run(section, entries).Where(figure => figure.Kind == ContenderKind.Ours)];

        double? Change(Figure figure) =>
            before.TryGetValue(Key(figure), out double old) ? figure.TimeToCopy / old : null;
    }

    private static (Section, string, int) Key(Figure figure) => (figure.Section, figure.Contender, figure.Classes);
}
