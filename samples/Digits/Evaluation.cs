namespace Digits;

/// <summary>What a model makes of some data.</summary>
/// <param name="Data">The data.</param>
/// <param name="Predictions">The predicted class of each row.</param>
/// <param name="Losses">The loss of each row in nats.</param>
internal sealed record Evaluation(Dataset Data, int[] Predictions, float[] Losses)
{
    public int Correct => Predictions.Zip(Data.Labels).Count(pair => pair.First == pair.Second);

    public double Accuracy => (double)Correct / Data.Count;

    public double MeanLoss => Losses.Average(loss => (double)loss);

    /// <summary>The first of the greatest.</summary>
    public static int ArgMax(ReadOnlySpan<float> values)
    {
        int best = 0;
        for (int k = 1; k < values.Length; k++)
        {
            best = values[k] > values[best] ? k : best;
        }

        return best;
    }

    /// <summary>How often each class (row) was taken for each class (column).</summary>
    public int[,] ConfusionMatrix()
    {
        int[,] matrix = new int[Data.Classes, Data.Classes];
        foreach ((int predicted, int actual) in Predictions.Zip(Data.Labels))
        {
            matrix[actual, predicted]++;
        }

        return matrix;
    }

    /// <summary>The misjudged rows, those the model was most certain about first.</summary>
    public IEnumerable<int> WorstMistakes() =>
        Enumerable.Range(0, Data.Count)
            .Where(i => Predictions[i] != Data.Labels[i])
            .OrderByDescending(i => Losses[i]);
}
