using Spectre.Console;
using Spectre.Console.Rendering;

namespace Digits;

/// <summary>
/// Lines over equidistant points, as wide as the terminal: a character of braille holds two by four dots. The vertical
/// axis is logarithmic. Each line is named at its end, so that it can be told from the others without colour.
/// </summary>
internal sealed class LineChart(string axis, params LineChart.Line[] lines) : Renderable
{
    private const int Height = 10;
    private const int WidestPlot = 100;
    private const int AxisWidth = 7;

    // The bits of a braille character, [row][column].
    private static readonly int[][] Dots = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

    protected override IEnumerable<Segment> Render(RenderOptions options, int maxWidth)
    {
        string[] names = [.. lines.Select(line => $" {line.Name} {line.Values[^1]:0.000}")];
        int width = Math.Clamp(maxWidth - AxisWidth - names.Max(name => name.Length), 2, WidestPlot);
        double[] finite = [.. lines.SelectMany(line => line.Values).Where(v => v > 0 && double.IsFinite(v))];
        if (finite.Length == 0)
        {
            return [new Segment("(no value to draw)"), Segment.LineBreak];
        }

        double top = Math.Log(finite.Max());
        double bottom = Math.Min(Math.Log(finite.Min()), top - 0.1);
        int[,] dots = new int[Height, width];
        Color[,] colors = new Color[Height, width];
        string[] ends = new string[Height];
        Color[] endColors = new Color[Height];
        int[] last = [.. lines.Select(line => Draw(line, top, bottom, dots, colors) / Dots.Length)];

        // Where lines end in the same row, the upper one's name moves up.
        int free = Height - 1;
        foreach (int i in Enumerable.Range(0, lines.Length).OrderBy(i => lines[i].Values[^1]))
        {
            int y = Math.Clamp(last[i], 0, free);
            ends[y] = names[i];
            endColors[y] = lines[i].Color;
            free = y - 1;
        }

        List<Segment> segments = [];
        for (int y = 0; y < Height; y++)
        {
            double middle = ((y * Dots.Length) + 1.5) / ((Height * Dots.Length) - 1);
            string tick = y % 3 == 0 ? $"{Math.Exp(top + (middle * (bottom - top))):0.000}" : string.Empty;
            segments.Add(new Segment($"{tick,AxisWidth - 2} │", Color.Grey));
            for (int x = 0; x < width; x++)
            {
                segments.Add(
                    dots[y, x] == 0 ? new Segment(" ") : new Segment($"{(char)(0x2800 + dots[y, x])}", colors[y, x]));
            }

            if (ends[y] is not null)
            {
                segments.Add(new Segment(ends[y], endColors[y]));
            }

            segments.Add(Segment.LineBreak);
        }

        string right = $"{axis} {lines[0].Values.Count - 1}";
        segments.Add(new Segment($"{string.Empty,AxisWidth - 1}└{new string('─', width)}", Color.Grey));
        segments.Add(Segment.LineBreak);
        segments.Add(new Segment($"{string.Empty,AxisWidth}0{right.PadLeft(width - 1)}", Color.Grey));
        segments.Add(Segment.LineBreak);
        return segments;
    }

    // Returns the row of dots at which the line ends.
    private static int Draw(Line line, double top, double bottom, int[,] dots, Color[,] colors)
    {
        int rows = dots.GetLength(0) * Dots.Length;
        int columns = dots.GetLength(1) * 2;
        int y = 0;
        for (int x = 0; x < columns; x++)
        {
            // Between two points the line is straight; NaN, and what the axis cannot show, sticks to its ends.
            double t = (double)x / (columns - 1) * (line.Values.Count - 1);
            int left = (int)t;
            double before = Math.Log(line.Values[left]);
            double after = Math.Log(line.Values[Math.Min(left + 1, line.Values.Count - 1)]);
            double value = t == left ? before : before + ((t - left) * (after - before));
            int next = (int)Math.Round((rows - 1) * Math.Clamp((top - value) / (top - bottom), 0, 1));

            // Steep pieces fill the column from the height of the one before, so that the line has no gaps.
            int from = x == 0 ? next : y;
            for (int row = Math.Min(from, next); row <= Math.Max(from, next); row++)
            {
                dots[row / Dots.Length, x / 2] |= Dots[row % Dots.Length][x % 2];
                colors[row / Dots.Length, x / 2] = line.Color;
            }

            y = next;
        }

        return y;
    }

    internal sealed record Line(string Name, Color Color, IReadOnlyList<double> Values);
}
