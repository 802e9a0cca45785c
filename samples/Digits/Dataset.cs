namespace Digits;

/// <summary>Inputs and their labels, row-major: one row of <paramref name="features"/> inputs for each label.</summary>
internal sealed class Dataset(float[] inputs, int[] labels, int features, int classes)
{
    public float[] Inputs => inputs;

    public int[] Labels => labels;

    public int Features => features;

    public int Classes => classes;

    public int Count => labels.Length;

    public ReadOnlySpan<float> Input(int row) => inputs.AsSpan(row * features, features);

    /// <summary>The given rows, in the given order.</summary>
    public Dataset Select(ReadOnlySpan<int> rows)
    {
        var chosen = new Dataset(new float[rows.Length * features], new int[rows.Length], features, classes);
        chosen.CopyFrom(this, rows);
        return chosen;
    }

    /// <summary>Overwrites the first rows of this one with the given rows of another.</summary>
    public void CopyFrom(Dataset source, ReadOnlySpan<int> rows)
    {
        for (int i = 0; i < rows.Length; i++)
        {
            source.Input(rows[i]).CopyTo(inputs.AsSpan(i * features, features));
            labels[i] = source.Labels[rows[i]];
        }
    }

    /// <summary>Shuffles the rows and puts one in five of them aside.</summary>
    public (Dataset Training, Dataset Test) Split(SplitMix64 random)
    {
        int[] order = [.. Enumerable.Range(0, Count)];
        random.Shuffle(order.AsSpan());
        int tests = Count / 5;
        return (Select(order.AsSpan(tests)), Select(order.AsSpan(0, tests)));
    }
}
