using System.Text;

namespace NativeXent.Peers;

/// <summary>Writes results into the repository's documents, between their markers.</summary>
internal static class Documents
{
    private const string Begin = "<!-- figures: written by ./build.sh bench peers --write -->";
    private const string End = "<!-- end of figures -->";
    private const string PictureName = "performance.svg";

    internal static void Write(string root, Results results)
    {
        string docs = Path.Combine(root, "docs");
        results.Save(Baseline.Path(root));
        Picture.Save(results, Path.Combine(docs, PictureName));
        Replace(Path.Combine(root, "README.md"), Summary(results));
        Replace(Path.Combine(docs, "performance.md"), Everything(results));
    }

    private static string Summary(Results results) =>
        $"""
        ![Throughput against the number of classes](docs/{PictureName})

        {Tables.Shapes(results, Section.Memory).ToMarkdown()}
        {Tables.Shapes(results, Section.Memory).Note} {Conditions(results)}
        """;

    private static string Everything(Results results)
    {
        StringBuilder text = new();
        text.Append(
            $"""
            ![Throughput against the number of classes]({PictureName})

            {Conditions(results)}

            | contender | version |
            | --- | --- |

            """);
        foreach (ContenderInfo contender in results.Contenders)
        {
            text.Append($"| {contender.Name} | {(contender.Missing is { } reason ? $"missing: {reason}" : contender.Version)} |\n");
        }

        foreach (ReportTable table in Tables.All(results))
        {
            text.Append($"\n### {table.Title}\n\n{table.ToMarkdown()}\n{table.Note}\n");
        }

        return text.ToString().TrimEnd();
    }

    private static string Conditions(Results results) =>
        $"Medians of {results.Rounds} interleaved rounds; {results.Bytes >> 20} MiB of logits where beyond cache. " +
        $"{results.Machine.Processor}, {results.Machine.Threads} threads, {results.Machine.InstructionSet}, " +
        $"{results.Machine.Caches}; {results.Machine.System}; {results.Machine.Runtime}; {results.Machine.Compiler}.";

    private static void Replace(string path, string text)
    {
        string whole = File.ReadAllText(path);
        int begin = whole.IndexOf(Begin, StringComparison.Ordinal);
        int end = whole.IndexOf(End, StringComparison.Ordinal);
        if (begin < 0 || end < begin)
        {
            throw new InvalidDataException($"{path} has no place for figures: the lines\n{Begin}\n{End}");
        }

        File.WriteAllText(path, $"{whole[..(begin + Begin.Length)]}\n\n{text.Trim()}\n\n{whole[end..]}");
    }
}
