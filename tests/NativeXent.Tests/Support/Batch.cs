namespace NativeXent.Tests.Support;

/// <summary>Rows of logits with labels, and how they came about.</summary>
public sealed class Batch
{
    private readonly Func<int, string> _describe;

    public Batch(int classes, float[] logits, int[] labels, Func<int, string> describe)
    {
        if (logits.Length != labels.Length * classes)
        {
            throw new ArgumentException($"{labels.Length} rows of {classes} classes are not {logits.Length} logits.");
        }

        Classes = classes;
        Logits = logits;
        Labels = labels;
        _describe = describe;
    }

    public int Classes { get; }

    public float[] Logits { get; }

    public int[] Labels { get; }

    public int Rows => Labels.Length;

    public ReadOnlySpan<float> Row(int i) => Logits.AsSpan(i * Classes, Classes);

    /// <summary>Where a failure was: the row, its kind and the seed.</summary>
    public string Describe(int row) => $"row {row} of {Rows}, {Classes} classes, label {Labels[row]}, {_describe(row)}";

    public static Batch Of(float[] logits, int label) => new(logits.Length, logits, [label], _ => "written by hand");

    /// <summary>A row of each kind; labels take the first class, the last, and any in turn.</summary>
    public static Batch Generate(ulong seed, int classes, IReadOnlyList<RowKind> kinds)
    {
        SplitMix64 random = new(seed);
        float[] logits = new float[kinds.Count * classes];
        int[] labels = new int[kinds.Count];
        float[] row = new float[classes];
        for (int i = 0; i < kinds.Count; i++)
        {
            labels[i] = (((ulong)i + seed) % 3) switch
            {
                0 => 0,
                1 => classes - 1,
                _ => random.Below(classes),
            };
            kinds[i].Fill(random, row, labels[i]);
            row.CopyTo(logits, i * classes);
        }

        return new(classes, logits, labels, i => $"{kinds[i].Name}, seed {seed}");
    }

    /// <summary>Rows of one kind.</summary>
    public static Batch Generate(ulong seed, int rows, int classes, RowKind kind) =>
        Generate(seed, classes, [.. Enumerable.Repeat(kind, rows)]);
}
