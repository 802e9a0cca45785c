using NativeXent;

namespace Digits;

/// <summary>Trains a softmax regression with one backend, by mini-batch gradient descent.</summary>
internal sealed class TrainingRun
{
    private TrainingRun(SoftmaxRegression model) => Model = model;

    public SoftmaxRegression Model { get; }

    /// <summary>How many epochs are done.</summary>
    public int Epochs => TestLosses.Count - 1;

    /// <summary>The mean loss of the training data: before training, then over each epoch.</summary>
    public List<double> TrainingLosses { get; } = [];

    /// <summary>The mean loss of the test data: before training, then after each epoch.</summary>
    public List<double> TestLosses { get; } = [];

    /// <summary>Trains. The same options give the same mini-batches in the same order, whatever the backend.</summary>
    public static TrainingRun Execute(
        Dataset training, Dataset test, DemoOptions options, NativeXentBackend backend, Action<TrainingRun> onEpoch)
    {
        var model = new SoftmaxRegression(
            training.Features, training.Classes, new ExecutionOptions { Backend = backend });
        var run = new TrainingRun(model);
        run.TrainingLosses.Add(model.Evaluate(training).MeanLoss);
        run.TestLosses.Add(model.Evaluate(test).MeanLoss);

        var random = new SplitMix64(options.Seed);
        int[] order = [.. Enumerable.Range(0, training.Count)];
        Dataset batch = training.Select(order.AsSpan(0, Math.Min(options.BatchSize, training.Count)));
        float[] scratch = new float[batch.Count * training.Classes];
        float[] losses = new float[batch.Count];
        for (int epoch = 0; epoch < options.Epochs; epoch++)
        {
            random.Shuffle(order.AsSpan());
            double sum = 0;
            for (int start = 0; start < order.Length; start += batch.Count)
            {
                int rows = Math.Min(batch.Count, order.Length - start);
                batch.CopyFrom(training, order.AsSpan(start, rows));
                model.Step(
                    batch.Inputs.AsSpan(0, rows * training.Features),
                    batch.Labels.AsSpan(0, rows),
                    options.LearningRate,
                    scratch.AsSpan(0, rows * training.Classes),
                    losses.AsSpan(0, rows));
                sum += losses.Take(rows).Sum(loss => (double)loss);
            }

            run.TrainingLosses.Add(sum / training.Count);
            run.TestLosses.Add(model.Evaluate(test).MeanLoss);
            onEpoch(run);
        }

        return run;
    }
}
