using System.Globalization;
using System.IO.Compression;

namespace Digits;

/// <summary>
/// Reads the handwritten digits: a gzip-compressed file with one image a line, 64 pixels from 0 to 16 and then the
/// class.
/// </summary>
internal static class DigitsData
{
    /// <summary>An image is a square of so many pixels a side.</summary>
    public const int Side = 8;

    private const int Pixels = Side * Side;
    private const int DarkestPixel = 16;
    private const int Classes = 10;

    // One image in five is a test image, and one at least must be.
    private const int FewestImages = 5;

    /// <summary>The copy that is built beside the program.</summary>
    public static string DefaultPath { get; } = Path.Combine(AppContext.BaseDirectory, "data", "digits.csv.gz");

    /// <summary>Reads a file. Pixels are scaled to [0, 1], which is exact: 16 is a power of two.</summary>
    /// <exception cref="InvalidDataException">
    /// The file is missing or its content is wrong. The message names the file, the line and the fault.
    /// </exception>
    public static Dataset Load(string path)
    {
        if (!File.Exists(path))
        {
            string problem = Directory.Exists(path) ? "this is a folder, not a file" : "there is no such file";
            throw new InvalidDataException($"{path}: {problem}. --data names the file with the digits.");
        }

        // All of it before the first line is looked at, so that damage is not taken for a mistake in a line.
        using var lines = new StringReader(Decompress(path));
        List<float> inputs = [];
        List<int> labels = [];
        int number = 0;
        while (lines.ReadLine() is { } line)
        {
            number++;
            try
            {
                labels.Add(Parse(line, inputs));
            }
            catch (FormatException e)
            {
                throw new InvalidDataException($"{path}:{number}: {e.Message}", e);
            }
        }

        return labels.Count >= FewestImages
            ? new Dataset([.. inputs], [.. labels], Pixels, Classes)
            : throw new InvalidDataException(
                $"{path}: the number of images is {labels.Count}; it must be at least {FewestImages}.");
    }

    private static string Decompress(string path)
    {
        try
        {
            using var reader = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
            return reader.ReadToEnd();
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{path}: this is no gzip file, or it is damaged or cut short.", e);
        }
    }

    // Appends the pixels and returns the class.
    private static int Parse(string line, List<float> inputs)
    {
        int fields = line.Count(c => c == ',') + 1;
        if (fields != Pixels + 1)
        {
            throw new FormatException(
                $"the number of columns is {fields}; it must be {Pixels + 1}: {Pixels} pixels and the class.");
        }

        int column = 0;
        foreach (Range field in line.AsSpan().Split(','))
        {
            column++;
            if (column > Pixels)
            {
                return ParseField(line.AsSpan(field), column, "class", Classes - 1);
            }

            inputs.Add(ParseField(line.AsSpan(field), column, "pixel", DarkestPixel) / (float)DarkestPixel);
        }

        throw new InvalidOperationException("The last field is always the class.");
    }

    private static int ParseField(ReadOnlySpan<char> field, int column, string what, int greatest)
    {
        if (!int.TryParse(field, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value))
        {
            throw new FormatException($"column {column} is \"{Printable(field)}\", which is no whole number.");
        }

        return value >= 0 && value <= greatest
            ? value
            : throw new FormatException($"column {column} is {value}, but a {what} is from 0 to {greatest}.");
    }

    // A damaged file can hold anything, and the terminal should survive it.
    private static string Printable(ReadOnlySpan<char> field)
    {
        const int Longest = 20;
        string start = field.Length > Longest ? $"{field[..Longest]}…" : field.ToString();
        return string.Concat(start.Select(c => char.IsControl(c) ? '?' : c));
    }
}
