using System.Globalization;
using System.Text;
using Spectre.Console;

namespace NativeXent.Peers;

/// <summary>A table that can be shown in a terminal and written into a document.</summary>
internal sealed record ReportTable(string Title, string Note, string[] Headers, List<string[]> Rows)
{
    internal string ToMarkdown()
    {
        StringBuilder text = new();
        AppendRow(Headers);
        AppendRow([.. Headers.Select((_, i) => i == 0 ? "---" : "---:")]);
        Rows.ForEach(AppendRow);
        return text.ToString();

        void AppendRow(string[] cells) => text.Append("| ").AppendJoin(" | ", cells).Append(" |\n");
    }

    internal void Print(IAnsiConsole console)
    {
        Table table = new() { Border = TableBorder.Simple, Title = new TableTitle(Markup.Escape(Title)) };
        for (int i = 0; i < Headers.Length; i++)
        {
            table.AddColumn(new TableColumn(Markup.Escape(Headers[i]))
            {
                Alignment = i == 0 ? Justify.Left : Justify.Right,
                NoWrap = true,
            });
        }

        Rows.ForEach(row => table.AddRow([.. row.Select(Markup.Escape)]));
        console.Write(table);
        console.WriteLine(Note);
        console.WriteLine();
    }
}

/// <summary>The tables that results make.</summary>
internal static class Tables
{
    /// <summary>For each section that was measured.</summary>
    internal static IEnumerable<ReportTable> All(Results results) =>
        new Func<Results, ReportTable>[]
        {
            Targets.Table,
            it => Shapes(it, Section.Memory),
            it => Shapes(it, Section.MemoryAllThreads),
            it => Shapes(it, Section.Cache),
            it => Shapes(it, Section.CacheAllThreads),
            it => Variants(it, Section.Types),
            it => Variants(it, Section.TypesInCache),
            it => Variants(it, Section.Options),
            it => Variants(it, Section.Alignment),
            it => Variants(it, Section.HugeRows),
            it => Variants(it, Section.GoingParallel),
            it => Variants(it, Section.InstructionSets),
            SingleCall,
        }.Select(make => make(results)).Where(table => table.Rows.Count > 0);

    internal static string Title(Section section) =>
        section switch
        {
            Section.Memory => "Beyond cache, one thread",
            Section.MemoryAllThreads => "Beyond cache, all threads",
            Section.Cache => "In cache, one thread",
            Section.CacheAllThreads => "In cache, all threads",
            Section.Types => "Element types, beyond cache, one thread",
            Section.TypesInCache => "Element types, in cache, one thread",
            Section.Options => "Options, beyond cache, one thread",
            Section.Alignment => "Alignment, beyond cache, one thread",
            Section.HugeRows => "One huge row",
            Section.GoingParallel => "Going parallel: small batches of 100 classes",
            Section.SingleCall => "One call for one row of 10 classes",
            _ => "Instruction sets, beyond cache, one thread",
        };

    /// <summary>Contenders against classes: 10^9 elements per second, and the largest error.</summary>
    internal static ReportTable Shapes(Results results, Section section)
    {
        List<Figure> figures = [.. results.Of(section)];
        int[] classes = [.. figures.Select(figure => figure.Classes).Distinct().Order()];
        List<string[]> rows = [];
        foreach (ContenderInfo contender in results.Contenders.Where(_ => figures.Count > 0).OrderBy(it => Rank(it.Kind)))
        {
            List<Figure> mine = [.. figures.Where(figure => figure.Contender == contender.Name)];
            if (contender.Missing is { } reason)
            {
                rows.Add([$"{contender.Name} (missing: {reason})", .. classes.Select(_ => "-"), "-", "-"]);
            }
            else if (mine.Count > 0)
            {
                rows.Add(
                [
                    mine.Find(figure => figure.Problem is not null) is { } wrong
                        ? $"{contender.Name} ({wrong.Problem})"
                        : contender.Name,
                    .. classes.Select(c => Cell(mine.Find(figure => figure.Classes == c))),
                    Ulp(mine.Max(figure => figure.Ulp)),
                    Ulp(mine.Max(figure => figure.LabelUlp)),
                ]);
            }
        }

        Figure? best = figures.Find(figure => figure.Kind == ContenderKind.Ours);
        if (best is not null)
        {
            List<Figure> ours = [.. figures.Where(figure => figure.Contender == best.Contender)];
            rows.Add(Ratios($"{best.Contender}: time / faster copy", figure => figure.TimeToCopy));
            rows.Add(Ratios($"{best.Contender}: speed / best correct peer", figure => 1 / figure.TimeToBestPeer));

            string[] Ratios(string title, Func<Figure, double?> ratio) =>
                [title, .. classes.Select(c => Ratio(ours.Find(figure => figure.Classes == c) is { } it ? ratio(it) : null)), "", ""];
        }

        return new ReportTable(
            Title(section),
            "10^9 elements per second, in brackets where the result does not count, and the spread of the rounds where it is " +
            "above ±8 %. ULP: the largest error of an element other than the label's; label: the largest error there.",
            ["contender \\ classes", .. classes.Select(Number), "ULP", "label"],
            rows);

        static string Cell(Figure? figure) =>
            figure?.GigaelementsPerSecond is not { } speed ? "failed"
            : figure.Problem is not null ? $"({Short(speed)})"
            : Short(speed) + Spread(figure);
    }

    private static ReportTable Variants(Results results, Section section)
    {
        List<Figure> figures = [.. results.Of(section)];
        (int Rows, int Classes)[] shapes = [.. figures.Select(figure => (figure.Rows, figure.Classes)).Distinct()];
        return new ReportTable(
            Title(section),
            "For each shape (rows x classes): 10^9 elements per second; time for an element against the contender's first line; " +
            "time against the faster copy of the same bytes; what .NET allocates for a call on the calling thread, if it does.",
            ["contender", .. shapes.Select(shape => $"{Number(shape.Rows)} x {Number(shape.Classes)}")],
            [
                .. figures.Select(figure => (figure.Contender, figure.Variant)).Distinct().Select(name => (string[])
                [
                    name.Variant.Length > 0 ? $"{name.Contender}, {name.Variant}" : name.Contender,
                    .. shapes.Select(shape => Cell(figures.Find(figure =>
                        (figure.Contender, figure.Variant) == name && (figure.Rows, figure.Classes) == shape))),
                ]),
            ]);

        static string Cell(Figure? figure) =>
            figure is null
                ? ""
                : $"{Short(figure.GigaelementsPerSecond)}{Part(figure.TimeToReference)}{Part(figure.TimeToCopy)}"
                    + (figure.BytesAllocated >= 1 ? $"; {figure.BytesAllocated:F0} B" : "");

        static string Part(double? ratio) => ratio is null ? "; -" : $"; {Ratio(ratio)}";
    }

    private static ReportTable SingleCall(Results results) =>
        new(
            Title(Section.SingleCall),
            "Nanoseconds for a call in a loop; what .NET allocates for it.",
            ["contender", "ns", "above the C function", "bytes allocated"],
            [
                .. results.Of(Section.SingleCall).Select(figure => (string[])
                [
                    figure.Contender,
                    $"{1e9 * figure.SecondsPerCall:F1}",
                    $"{1e9 * (figure.SecondsPerCall - results.Of(Section.SingleCall).First().SecondsPerCall):F1}",
                    figure.BytesAllocated is { } bytes ? $"{bytes:F0}" : "-",
                ]),
            ]);

    internal static string Ratio(double? ratio) =>
        ratio is { } value ? value.ToString(value < 10 ? "0.00" : "0.0", CultureInfo.InvariantCulture) : "-";

    internal static string Number(int number) => number.ToString("N0", CultureInfo.InvariantCulture);

    private static int Rank(ContenderKind kind) => kind switch { ContenderKind.Ceiling => 0, ContenderKind.Ours => 1, _ => 2 };

    private static string Short(double? speed) =>
        speed is { } value
            ? value.ToString(value >= 10 ? "0.0" : value >= 0.1 ? "0.00" : "0.000", CultureInfo.InvariantCulture)
            : "failed";

    private static string Spread(Figure figure)
    {
        double spread = ((figure.Slowest - figure.Fastest) / figure.SecondsPerCall) ?? 0;
        return spread > 0.15 ? $" ±{50 * spread:F0} %" : "";
    }

    private static string Ulp(double? ulp) =>
        ulp is not { } value ? "-"
        : double.IsInfinity(value) ? "NaN"
        : value < 100 ? value.ToString("0.0", CultureInfo.InvariantCulture)
        : value < 1e5 ? value.ToString("N0", CultureInfo.InvariantCulture)
        : value.ToString("0.0e0", CultureInfo.InvariantCulture);
}
