using System.Text.RegularExpressions;

namespace NativeXent.PackageTests.Support;

/// <summary>
/// A fenced block of a document. A comment before it says what program it belongs to, which readers of the source see and
/// readers of the page do not:
/// <code>
/// &lt;!-- program: NAME --&gt;                      it begins the program of this name
/// &lt;!-- program: NAME, with PACKAGE VERSION --&gt; which also needs a package
/// &lt;!-- program: NAME, continued --&gt;            it goes on where the program's block before has ended
/// </code>
/// </summary>
/// <param name="Document">The document's path in the repository.</param>
/// <param name="Line">Where the block begins, from 1.</param>
/// <param name="Language">What it says it is written in; empty where it says nothing.</param>
/// <param name="Program">The program that it belongs to; empty where no comment says any.</param>
/// <param name="Continues">Whether it goes on with the program.</param>
/// <param name="Package">The package that the program needs besides NativeXent, or null.</param>
/// <param name="PackageVersion">That package's version.</param>
/// <param name="Text">What is between the fences.</param>
internal sealed partial record CodeBlock(
    string Document,
    int Line,
    string Language,
    string Program,
    bool Continues,
    string? Package,
    string? PackageVersion,
    string Text)
{
    /// <summary>README.md and all of docs/.</summary>
    internal static string[] Documents { get; } =
    [
        "README.md",
        .. Directory.GetFiles(Repository.Path("docs"), "*.md", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Repository.Root, file).Replace('\\', '/'))
            .Order(StringComparer.Ordinal),
    ];

    internal static CodeBlock[] All { get; } = [.. Documents.SelectMany(Of)];

    public override string ToString() => $"{Document}, line {Line}";

    private static IEnumerable<CodeBlock> Of(string document)
    {
        string[] lines = File.ReadAllLines(Repository.Path(document));
        for (int i = 0; i < lines.Length; i++)
        {
            string fence = Fence().Match(lines[i]).Value.Trim();
            if (fence.Length == 0)
            {
                continue;
            }

            int end = Array.FindIndex(lines, i + 1, line => line.Trim() == fence);
            if (end < 0)
            {
                throw new InvalidDataException($"{document}: the block of line {i + 1} does not end.");
            }

            Match comment = Comment().Match(i > 0 ? lines[i - 1] : "");
            if (i > 0 && lines[i - 1].Contains("<!--", StringComparison.Ordinal)
                && lines[i - 1].Contains("program", StringComparison.Ordinal) && !comment.Success)
            {
                throw new InvalidDataException($"{document}: line {i} is no comment about a program.");
            }

            yield return new(
                document,
                i + 1,
                lines[i].Trim()[fence.Length..].Trim(),
                comment.Groups["name"].Value,
                comment.Groups["continued"].Success,
                comment.Groups["package"] is { Success: true } package ? package.Value : null,
                comment.Groups["version"] is { Success: true } version ? version.Value : null,
                string.Join('\n', lines[(i + 1)..end]) + "\n");
            i = end;
        }
    }

    // Of three and more.
    [GeneratedRegex(@"^\s*(```+|~~~+)")]
    private static partial Regex Fence();

    [GeneratedRegex(
        @"^<!-- program: (?<name>[\w-]+)(?<continued>, continued)?(, with (?<package>[\w.]+) (?<version>[\w.-]+))? -->$")]
    private static partial Regex Comment();
}
