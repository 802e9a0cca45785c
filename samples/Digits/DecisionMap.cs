using Spectre.Console;
using Spectre.Console.Rendering;

namespace Digits;

/// <summary>
/// The plane as a network with two inputs and two classes divides it, with data points. Class 0 is empty ground and
/// "o", class 1 is shaded ground and "x", so that it can be read without colour.
/// </summary>
internal sealed class DecisionMap(HiddenLayerNetwork network, Dataset points) : Renderable
{
    private const int Height = 20;
    private const int Widest = 72;
    private const float Margin = 0.3f;

    private static readonly Color[] Colors = [Color.Blue, Color.Orange1];

    protected override IEnumerable<Segment> Render(RenderOptions options, int maxWidth)
    {
        int width = Math.Min(maxWidth, Widest);
        (float left, float right) = Range(0);
        (float bottom, float top) = Range(1);

        float[] centers = new float[Height * width * 2];
        for (int cell = 0; cell < Height * width; cell++)
        {
            centers[2 * cell] = left + ((right - left) * ((cell % width) + 0.5f) / width);
            centers[(2 * cell) + 1] = top - ((top - bottom) * ((cell / width) + 0.5f) / Height);
        }

        int[] ground = network.Predict(centers);
        int?[] labels = new int?[Height * width];
        for (int i = 0; i < points.Count; i++)
        {
            ReadOnlySpan<float> point = points.Input(i);
            int x = (int)((point[0] - left) / (right - left) * width);
            int y = (int)((top - point[1]) / (top - bottom) * Height);
            labels[(y * width) + x] = points.Labels[i];
        }

        for (int y = 0; y < Height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                int cell = (y * width) + x;
                yield return labels[cell] is { } label
                    ? new Segment(label == 0 ? "o" : "x", new Style(Colors[label], decoration: Decoration.Bold))
                    : new Segment(ground[cell] == 0 ? " " : "░", Color.Grey);
            }

            yield return Segment.LineBreak;
        }
    }

    private (float Least, float Greatest) Range(int coordinate)
    {
        float[] values = [.. Enumerable.Range(0, points.Count).Select(i => points.Inputs[(2 * i) + coordinate])];
        return (values.Min() - Margin, values.Max() + Margin);
    }
}
