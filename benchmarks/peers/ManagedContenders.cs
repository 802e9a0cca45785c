using System.Numerics.Tensors;
using System.Reflection;
using System.Runtime.InteropServices;
using NativeXent.Reference;

namespace NativeXent.Peers;

/// <summary>What a .NET program can do without this project's library, in float32.</summary>
internal sealed class RowContender(string name, string version, RowContender.RowFunction gradientOfRows)
    : Contender(name, ContenderKind.Peer, version)
{
    /// <summary>Computes the gradient of some rows.</summary>
    internal delegate void RowFunction(
        ReadOnlySpan<float> logits, ReadOnlySpan<int> labels, int classes, Span<float> gradient);

    private static string TensorsVersion { get; } =
        typeof(TensorPrimitives).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!
            .InformationalVersion.Split('+')[0];

    internal static IEnumerable<Contender> All() =>
    [
        new RowContender("TensorPrimitives, step by step", TensorsVersion, Tensors),
        new RowContender("TensorPrimitives.SoftMax, one-hot", TensorsVersion, TensorsSoftMax),
        new RowContender(
            "plain C#",
            RuntimeInformation.FrameworkDescription,
            SoftmaxCrossEntropyReference.Gradient),
    ];

    internal override IRun Prepare(Problem problem) => new Rows(problem, gradientOfRows);

    // While a row is in cache, one pass after the other.
    private static void Tensors(ReadOnlySpan<float> logits, ReadOnlySpan<int> labels, int classes, Span<float> gradient)
    {
        for (int i = 0; i < labels.Length; i++)
        {
            ReadOnlySpan<float> row = logits.Slice(i * classes, classes);
            Span<float> to = gradient.Slice(i * classes, classes);
            TensorPrimitives.Subtract(row, TensorPrimitives.Max(row), to);
            TensorPrimitives.Exp(to, to);
            TensorPrimitives.Divide(to, TensorPrimitives.Sum<float>(to), to);
            to[labels[i]] -= 1;
        }
    }

    private static void TensorsSoftMax(
        ReadOnlySpan<float> logits, ReadOnlySpan<int> labels, int classes, Span<float> gradient)
    {
        for (int i = 0; i < labels.Length; i++)
        {
            Span<float> to = gradient.Slice(i * classes, classes);
            TensorPrimitives.SoftMax(logits.Slice(i * classes, classes), to);
            to[labels[i]] -= 1;
        }
    }

    private sealed class Rows(Problem problem, RowFunction gradientOfRows) : IRun
    {
        public nint Run(long repetitions)
        {
            for (long repetition = 0; repetition < repetitions; repetition++)
            {
                if (problem.Threads == 1)
                {
                    Part(0, problem.Rows);
                    continue;
                }

                _ = Parallel.For(0, problem.Threads, i => Part(
                    (int)((long)problem.Rows * i / problem.Threads),
                    (int)((long)problem.Rows * (i + 1) / problem.Threads)));
            }

            return problem.Gradient;
        }

        public void Dispose()
        {
        }

        private void Part(int begin, int end) =>
            gradientOfRows(
                problem.LogitSpan<float>()[(begin * problem.Classes)..(end * problem.Classes)],
                problem.LabelSpan[begin..end],
                problem.Classes,
                problem.GradientSpan<float>()[(begin * problem.Classes)..(end * problem.Classes)]);
    }
}
