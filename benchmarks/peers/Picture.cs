using System.Globalization;
using System.Xml.Linq;

namespace NativeXent.Peers;

/// <summary>
/// Draws throughput against the number of classes, beyond cache on one thread, one line for each contender. The picture
/// brings its own ground for light and for dark pages, and names each line at its end.
/// </summary>
internal static class Picture
{
    private const int Width = 1130;
    private const int Height = 620;
    private const int Left = 60;
    private const int Right = 760;
    private const int Top = 64;
    private const int Bottom = 560;
    private const double LabelHeight = 19;

    // Okabe and Ito's colours, which the colour-blind can tell apart, a shade darker on light ground where they are pale.
    // Dashes tell apart what shares a colour.
    private static readonly (string Light, string Dark)[] PeerColours =
        [("#b35900", "#e69f00"), ("#2a7fb8", "#56b4e9"), ("#8f4a78", "#cc79a7"), ("#6b6b00", "#d9ce4a"), ("#5c6670", "#a8b3bd")];

    private static readonly string[] Dashes = ["none", "7 4", "2 4"];
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    internal static void Save(Results results, string path)
    {
        List<Line> lines = Lines(results);
        int[] classes = [.. lines.SelectMany(line => line.Points.Keys).Distinct().Order()];
        double[] speeds = [.. lines.SelectMany(line => line.Points.Values)];
        if (speeds.Length == 0)
        {
            return;
        }

        Scale scale = new(classes, Math.Log10(speeds.Min()) - 0.05, Math.Log10(speeds.Max()) + 0.08);
        XElement svg = new(
            Svg + "svg",
            new XAttribute("viewBox", $"0 0 {Width} {Height}"),
            new XAttribute("width", Width),
            new XAttribute("height", Height),
            new XAttribute("role", "img"),
            new XElement(Svg + "title", "Throughput of the gradient against the number of classes"),
            new XElement(Svg + "style", Style(lines)),
            new XElement(Svg + "rect", new XAttribute("class", "ground"), new XAttribute("width", "100%"), new XAttribute("height", "100%")),
            Text(Left - 40, 26, "title", "Gradient of softmax cross-entropy: 10⁹ elements per second by number of classes"),
            Text(
                Left - 40,
                46,
                "note",
                $"float32, one thread, {results.Bytes >> 20} MiB of logits, {results.Machine.Processor}, {results.Machine.InstructionSet}; both axes logarithmic, more is better"),
            Grid(scale));
        Dictionary<Line, double> labels = LabelHeights(lines, scale);

        // This project's on top.
        foreach (Line line in lines.OrderBy(line => line.Class == "ours"))
        {
            svg.Add(Draw(line, scale, labels[line]));
        }

        File.WriteAllText(path, svg.ToString() + "\n");
    }

    private static List<Line> Lines(Results results)
    {
        List<Line> lines = [];
        int peers = 0;
        foreach (IGrouping<string, Figure> contender in results.Of(Section.Memory).GroupBy(figure => figure.Contender))
        {
            Dictionary<int, double> points = contender
                .Where(figure => figure.GigaelementsPerSecond is not null && figure.Problem is null)
                .ToDictionary(figure => figure.Classes, figure => figure.GigaelementsPerSecond!.Value);
            if (points.Count == 0)
            {
                continue;
            }

            lines.Add(contender.First().Kind switch
            {
                ContenderKind.Ceiling => new Line(contender.Key, points, "ceiling", Dashes[lines.Count % Dashes.Length]),
                ContenderKind.Ours => new Line(
                    contender.Key, points, "ours", contender.Key == FacadeContender.NameOf(NativeXentBackend.Managed) ? Dashes[1] : contender.Key == FacadeContender.NameOf(NativeXentBackend.Native) ? Dashes[2] : Dashes[0]),
                _ => new Line(
                    contender.Key, points, $"peer{peers % PeerColours.Length}", Dashes[peers++ / PeerColours.Length % Dashes.Length]),
            });
        }

        return lines;
    }

    private static string Style(List<Line> lines)
    {
        (string Class, string Light, string Dark)[] colours =
        [
            ("ceiling", "#24292f", "#f0f3f6"),
            ("ours", "#00704f", "#2fd19c"),
            .. PeerColours.Select((colour, i) => ($"peer{i}", colour.Light, colour.Dark)),
        ];
        return $$"""

            text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #24292f }
            .title { font-size: 16px; font-weight: 600 }
            .note, .tick { fill: #57606a; font-size: 12px }
            .ground { fill: #ffffff }
            .grid { stroke: #d8dee4; stroke-width: 1 }
            .line { fill: none; stroke-width: 1.6; stroke-linejoin: round }
            .wide { stroke-width: 3.2 }
            .leader { stroke-width: 0.8; opacity: 0.6 }
            {{Colours(light: true)}}
            @media (prefers-color-scheme: dark) {
            text { fill: #f0f3f6 }
            .note, .tick { fill: #9ea7b3 }
            .ground { fill: #0d1117 }
            .grid { stroke: #2b323b }
            {{Colours(light: false)}}
            }

            """;

        string Colours(bool light) =>
            string.Join('\n', colours.Where(it => lines.Exists(line => line.Class == it.Class)).Select(it =>
            {
                string colour = light ? it.Light : it.Dark;
                return $".{it.Class} {{ stroke: {colour} }} text.{it.Class} {{ fill: {colour}; stroke: none }}";
            }));
    }

    private static IEnumerable<XElement> Grid(Scale scale)
    {
        for (int power = (int)Math.Floor(scale.Low); power <= scale.High; power++)
        {
            foreach (int digit in new[] { 1, 2, 5 })
            {
                double speed = digit * Math.Pow(10, power);
                if (Math.Log10(speed) < scale.Low || Math.Log10(speed) > scale.High)
                {
                    continue;
                }

                yield return Stroke("grid", (Left, scale.Y(speed)), (Right, scale.Y(speed)));
                yield return Text(Left - 8, scale.Y(speed) + 4, "tick", speed.ToString("0.###", CultureInfo.InvariantCulture), "end");
            }
        }

        double last = double.MaxValue;
        foreach (int number in scale.Classes.Reverse())
        {
            yield return Stroke("grid", (scale.X(number), Top), (scale.X(number), Bottom));

            // Not where it would run into its neighbour.
            if (last - scale.X(number) > 46 || number < 10)
            {
                yield return Text(scale.X(number), Bottom + 18, "tick", Tables.Number(number), "middle");
                last = scale.X(number);
            }
        }

        yield return Text((Left + Right) / 2.0, Bottom + 42, "note", "classes", "middle");
    }

    private static IEnumerable<XElement> Draw(Line line, Scale scale, double labelHeight)
    {
        KeyValuePair<int, double>[] points = [.. line.Points.OrderBy(point => point.Key)];
        XElement stroke = Stroke(
            $"line {line.Class}{(line.Class == "ours" ? " wide" : "")}",
            [.. points.Select(point => (scale.X(point.Key), scale.Y(point.Value)))]);
        stroke.Add(new XAttribute("stroke-dasharray", line.Dash));
        yield return stroke;
        yield return Stroke(
            $"leader {line.Class}", (scale.X(points[^1].Key), scale.Y(points[^1].Value)), (Right + 34, labelHeight));

        // The dashes once more, before the name.
        XElement sample = Stroke($"line {line.Class}{(line.Class == "ours" ? " wide" : "")}", (Right + 34, labelHeight), (Right + 62, labelHeight));
        sample.Add(new XAttribute("stroke-dasharray", line.Dash));
        yield return sample;
        yield return Text(Right + 68, labelHeight + 4.5, line.Class, line.Name);
    }

    // Beside the ends of the lines, from the top one to the bottom one, as near as there is room.
    private static Dictionary<Line, double> LabelHeights(List<Line> lines, Scale scale)
    {
        List<Line> order = [.. lines.OrderBy(line => scale.Y(line.Last))];
        double[] heights = [.. order.Select(line => scale.Y(line.Last))];
        for (int pass = 0; pass < 200; pass++)
        {
            for (int i = 1; i < heights.Length; i++)
            {
                double overlap = LabelHeight - (heights[i] - heights[i - 1]);
                if (overlap > 0)
                {
                    heights[i - 1] -= overlap / 2;
                    heights[i] += overlap / 2;
                }
            }

            heights[0] = Math.Max(heights[0], Top);
            heights[^1] = Math.Min(heights[^1], Bottom + 20);
        }

        return order.Zip(heights).ToDictionary(pair => pair.First, pair => pair.Second);
    }

    private static XElement Stroke(string style, params (double X, double Y)[] points) =>
        new(
            Svg + "polyline",
            new XAttribute("class", style),
            new XAttribute(
                "points",
                string.Join(' ', points.Select(point => string.Create(CultureInfo.InvariantCulture, $"{point.X:F1},{point.Y:F1}")))));

    private static XElement Text(double x, double y, string style, string text, string anchor = "start") =>
        new(
            Svg + "text",
            new XAttribute("x", x.ToString("F1", CultureInfo.InvariantCulture)),
            new XAttribute("y", y.ToString("F1", CultureInfo.InvariantCulture)),
            new XAttribute("class", style),
            new XAttribute("text-anchor", anchor),
            text);

    private sealed record Line(string Name, Dictionary<int, double> Points, string Class, string Dash)
    {
        internal double Last => Points.MaxBy(point => point.Key).Value;
    }

    /// <summary>Both axes are logarithmic.</summary>
    private sealed record Scale(int[] Classes, double Low, double High)
    {
        internal double X(int classes)
        {
            double low = Math.Log(Classes[0]);
            double high = Math.Max(Math.Log(Classes[^1]), low + 1);
            return Left + ((Right - Left) * (Math.Log(classes) - low) / (high - low));
        }

        internal double Y(double speed) => Bottom - ((Bottom - Top) * (Math.Log10(speed) - Low) / (High - Low));
    }
}
