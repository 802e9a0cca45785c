using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace NativeXent.Peers;

/// <summary>A contender in the results: its version, or why it is missing.</summary>
internal sealed record ContenderInfo(string Name, ContenderKind Kind, string? Version, string? Missing);

/// <summary>All that a run found out.</summary>
/// <param name="Machine">Where.</param>
/// <param name="Rounds">In which all contenders took turns.</param>
/// <param name="Bytes">Of logits beyond cache.</param>
/// <param name="Contenders">Who took part, and who is missing.</param>
/// <param name="Figures">What was measured.</param>
internal sealed record Results(
    Machine Machine,
    int Rounds,
    long Bytes,
    IReadOnlyList<ContenderInfo> Contenders,
    IReadOnlyList<Figure> Figures)
{
    private static readonly JsonSerializerOptions Format = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(), new ShortNumbers() },
    };

    internal static Results Load(string path)
    {
        using FileStream file = File.OpenRead(path);
        return JsonSerializer.Deserialize<Results>(file, Format)
            ?? throw new InvalidDataException($"{path} holds no results.");
    }

    /// <summary>One line for each contender and figure, so that versions of the file can be compared.</summary>
    internal void Save(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        string text = JsonSerializer.Serialize(this, Format);
        File.WriteAllText(path, text.Replace("},{", "},\n{").Replace("[{", "[\n{").Replace("}]", "}\n]") + "\n");
    }

    internal IEnumerable<Figure> Of(Section section) => Figures.Where(figure => figure.Section == section);

    // Four digits: more would be noise. What is not finite becomes text.
    private sealed class ShortNumbers : JsonConverter<double>
    {
        public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.String
                ? double.Parse(reader.GetString()!, CultureInfo.InvariantCulture)
                : reader.GetDouble();

        public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options)
        {
            if (double.IsFinite(value))
            {
                writer.WriteRawValue(value.ToString("G4", CultureInfo.InvariantCulture));
            }
            else
            {
                writer.WriteStringValue(value.ToString(CultureInfo.InvariantCulture));
            }
        }
    }
}
