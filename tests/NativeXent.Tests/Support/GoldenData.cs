using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace NativeXent.Tests.Support;

/// <summary>Reads what tests/golden/generate.py has written.</summary>
public static class GoldenData
{
    private static readonly JsonSerializerOptions Format = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        // A number that is in the file and not looked at would be a test that is not made.
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase), new NumbersConverter() },
    };

    public static IReadOnlyList<TCase> Load<TCase>(string name)
    {
        using FileStream file = File.OpenRead(Repository.Path($"tests/golden/{name}.json.gz"));
        using GZipStream json = new(file, CompressionMode.Decompress);
        return JsonSerializer.Deserialize<TCase[]>(json, Format)!;
    }

    /// <summary>Numbers as they are, or the formula of generated ones.</summary>
    private sealed class NumbersConverter : JsonConverter<double[]>
    {
        public override double[] Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            if (reader.TokenType == JsonTokenType.StartObject)
            {
                return JsonSerializer.Deserialize<Formula>(ref reader, options)!.Numbers();
            }

            List<double> numbers = [];
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                numbers.Add(reader.TokenType == JsonTokenType.Number
                    ? reader.GetDouble()
                    : reader.GetString() switch
                    {
                        "Infinity" => double.PositiveInfinity,
                        "-Infinity" => double.NegativeInfinity,
                        "NaN" => double.NaN,
                        _ => throw new JsonException("This is no number."),
                    });
            }

            return [.. numbers];
        }

        public override void Write(Utf8JsonWriter writer, double[] value, JsonSerializerOptions options) =>
            throw new NotSupportedException();
    }

    private sealed record Formula(ulong Seed, int Count, int Bound, int Offset, int Exponent)
    {
        public double[] Numbers()
        {
            SplitMix64 random = new(Seed);
            double[] numbers = new double[Count];
            for (int i = 0; i < Count; i++)
            {
                numbers[i] = Math.ScaleB(random.Below(Bound) + Offset, Exponent);
            }

            return numbers;
        }
    }
}
