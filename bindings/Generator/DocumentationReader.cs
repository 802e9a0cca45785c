using System.Text.RegularExpressions;

namespace NativeXent.Bindings.Generator;

/// <summary>
/// Reads a documentation comment: paragraphs of plain text, then @param and @return. Plain text it stays; nothing in it
/// is taken for HTML or Markdown.
/// </summary>
internal static partial class DocumentationReader
{
    /// <exception cref="FormatException">The comment uses a command other than @param and @return.</exception>
    public static Documentation Read(string comment)
    {
        var paragraphs = new List<string>();
        var parameters = new List<(string Name, string Text)>();
        string? returns = null;

        foreach (string block in Blocks(comment))
        {
            Match command = Command().Match(block);
            string text = block[command.Length..].Trim();
            switch (command.Groups["name"].Value)
            {
                case "":
                    paragraphs.Add(text);
                    break;
                case "param" when text.IndexOf(' ') is var space and > 0:
                    parameters.Add((text[..space], text[(space + 1)..]));
                    break;
                case "return" or "returns" when returns is null && text.Length > 0:
                    returns = text;
                    break;
                default:
                    throw new FormatException($"the documentation comment has \"{block}\"; "
                        + "only \"@param name text\" and one \"@return text\" are understood");
            }
        }

        return new(paragraphs, parameters, returns);
    }

    /// <summary>The paragraphs and commands of a comment, each on one line.</summary>
    private static IEnumerable<string> Blocks(string comment)
    {
        var block = new List<string>();
        foreach (string raw in comment.Split('\n'))
        {
            string line = CommentMark().Replace(raw, string.Empty).Trim();
            if ((line.Length == 0 || Command().IsMatch(line)) && block.Count > 0)
            {
                yield return string.Join(' ', block);
                block.Clear();
            }

            if (line.Length > 0)
            {
                block.Add(WhiteSpace().Replace(line, " "));
            }
        }

        if (block.Count > 0)
        {
            yield return string.Join(' ', block);
        }
    }

    [GeneratedRegex(@"^\s*(/\*\*<?|/\*!<?|///<?|//!<?|\*(?!/))|\*/\s*$")]
    private static partial Regex CommentMark();

    [GeneratedRegex(@"^[@\\](?<name>[a-z]+)(\[(in|out|in,\s*out)\])?(\s+|$)")]
    private static partial Regex Command();

    [GeneratedRegex(@"\s+")]
    private static partial Regex WhiteSpace();
}
