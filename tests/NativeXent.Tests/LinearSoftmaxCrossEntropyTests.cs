using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>
/// The head as a whole gives the bits of its steps one after the other, over the rows that count, however many rows a chunk
/// has.
/// </summary>
[TestFixtureSource(typeof(Target), nameof(Target.All))]
[NonParallelizable]
public sealed class LinearSoftmaxCrossEntropyTests(Target target)
{
    private const int Features = 9;
    private const int Classes = 21;
    private const int Ignored = -100;

    private static readonly LinearLayout Layout = new(Features, Classes);

    private static readonly SoftmaxCrossEntropyOptions[] AllOptions =
    [
        new(),
        new() { Reduction = Reduction.Sum, IgnoreIndex = Ignored },
        new() { Reduction = Reduction.Mean, IgnoreIndex = Ignored, LabelSmoothing = 0.1, CountCorrect = true },
        new() { Reduction = Reduction.Mean, ClassWeights = Enumerable.Range(0, Classes).Select(c => c * 0.25).ToArray() },
        new() { IgnoreIndex = Ignored, ZLossScale = 0.01, Scale = 0.5, Softcap = 3, UpstreamScale = 8, Accumulate = true },
        new() { Reduction = Reduction.Sum, Accumulate = true },
    ];

    private IDisposable? _forced;

    [SetUp]
    public void ForceTarget() => _forced = target.Force();

    [TearDown]
    public void RestoreTarget() => _forced!.Dispose();

    [Test]
    public void The_bits_are_those_of_its_steps([Range(0, 5)] int index, [Values(1, 5, 128, 300, 700)] int rows)
    {
        Head head = new(index + rows, rows, AllOptions[index].IgnoreIndex is not null);
        foreach (bool upstream in new[] { false, true })
        {
            AssertSame(head.StepByStep(AllOptions[index], upstream, target.Execution), Run(head, AllOptions[index], upstream, new() { Execution = target.Execution }));
        }
    }

    [Test]
    public void Neither_chunks_nor_threads_change_a_bit([Range(0, 5)] int index)
    {
        SoftmaxCrossEntropyOptions options = AllOptions[index];
        Head head = new(50, 700, options.IgnoreIndex is not null);
        LinearExecutionOptions one = new() { Execution = target.Execution };
        Results expected = Run(head, options, true, one);
        AssertSame(expected, Run(head, options, true, one with { MaxWorkspaceBytes = 1 }));
        ExecutionOptions threads = target.Execution with { MaxDegreeOfParallelism = 3 };
        AssertSame(expected, Run(head, options, true, new() { Execution = threads }));
    }

    [Test]
    public void Sixteen_bit_elements_are_widened_exactly()
    {
        Head head = new(60, 300, false);
        Half[] input = [.. head.Input.Select(x => (Half)x)];
        BFloat16[] weight = [.. head.Weight.Select(x => (BFloat16)x)];
        Head widened = head with { Input = [.. input.Select(x => (float)x)], Weight = [.. weight.Select(x => (float)x)] };
        Results expected = Run(widened, new(), false, new() { Execution = target.Execution });
        Results actual = new(head.Rows, 0);
        actual.Result = LinearSoftmaxCrossEntropy.Gradient<Half, BFloat16>(
            input, weight, head.Bias, head.Labels, Layout, actual.Gradients, null, actual.Rows, new() { Execution = target.Execution });
        AssertSame(expected, actual);
    }

    [Test]
    public void Distributions_and_long_labels()
    {
        Head head = new(61, 270, false);
        float[] oneHot = new float[head.Rows * Classes];
        for (int i = 0; i < head.Rows; i++)
        {
            oneHot[(i * Classes) + head.Labels[i]] = 0.75f;
        }

        LinearExecutionOptions execution = new() { Execution = target.Execution };
        SoftmaxCrossEntropyOptions options = new() { Reduction = Reduction.Mean };
        float[] z = head.Logits(target.Execution);
        Results expected = new(head.Rows, 0);
        expected.Result = SoftmaxCrossEntropy.Gradient(
            z, oneHot, Classes, z, options, new() { Losses = expected.Losses, LogSumExp = expected.LogSumExp, ZLosses = expected.ZLosses }, target.Execution);
        head.Backward(z, head.Input, expected, false, target.Execution);
        Results actual = new(head.Rows, 0);
        actual.Result = LinearSoftmaxCrossEntropy.Gradient(
            head.Input, head.Weight, head.Bias, oneHot, Layout, actual.Gradients, options, actual.Rows, execution);
        AssertSame(expected, actual, sameTotals: false);

        long[] labels = [.. head.Labels.Select(label => (long)label)];
        Results wide = new(head.Rows, 0);
        wide.Result = LinearSoftmaxCrossEntropy.Gradient(
            head.Input, head.Weight, head.Bias, labels, Layout, wide.Gradients, options, wide.Rows, execution);
        AssertSame(Run(head, options, false, execution), wide);
    }

    [Test]
    public void Each_gradient_can_be_left_out()
    {
        Head head = new(62, 300, true);
        SoftmaxCrossEntropyOptions options = AllOptions[2];
        LinearExecutionOptions execution = new() { Execution = target.Execution };
        Results all = Run(head, options, true, execution);
        for (int wanted = 0; wanted < 8; wanted++)
        {
            Results some = new(head.Rows, 0);
            LinearGradients gradients = new()
            {
                Input = (wanted & 1) != 0 ? some.Input : [],
                Weight = (wanted & 2) != 0 ? some.Weight : [],
                Bias = (wanted & 4) != 0 ? some.Bias : [],
            };
            some.Result = LinearSoftmaxCrossEntropy.Gradient(
                head.Input, head.Weight, head.Bias, head.Labels, Layout, gradients, options, head.RowsOf(some, true), execution);
            Results expected = all with
            {
                Input = (wanted & 1) != 0 ? all.Input : new float[all.Input.Length],
                Weight = (wanted & 2) != 0 ? all.Weight : new float[all.Weight.Length],
                Bias = (wanted & 4) != 0 ? all.Bias : new float[all.Bias.Length],
            };
            AssertSame(expected, some);
        }
    }

    [Test]
    public void Nothing_but_ignored_rows()
    {
        Head head = new Head(63, 5, false) with { Labels = [Ignored, Ignored, Ignored, Ignored, Ignored] };
        Results results = new(head.Rows, 7);
        results.Result = LinearSoftmaxCrossEntropy.Gradient(
            head.Input, head.Weight, head.Bias, head.Labels, Layout, results.Gradients, AllOptions[2], results.Rows, new() { Execution = target.Execution });
        Assert.That(results.Input.Concat(results.Weight).Concat(results.Bias).Concat(results.Losses), Is.All.Zero);
        Assert.That(results.LogSumExp, Is.All.Not.EqualTo(7));
        Assert.That(results.Result.Rows, Is.Zero);
        Assert.That(results.Result.Loss, Is.Zero);
    }

    [Test]
    public void A_scale_of_0_gives_gradients_of_0_whatever_rows_hold()
    {
        Head head = new(71, 140, false);
        head.Input[5] = float.NaN;
        head.Weight[7] = float.PositiveInfinity;
        Results results = Run(head, new() { UpstreamScale = 0 }, false, new() { Execution = target.Execution });
        Assert.That(results.Input.Concat(results.Weight).Concat(results.Bias), Is.All.Zero);
        Assert.That(results.Losses, Has.Some.NaN);
    }

    [Test]
    public void No_rows()
    {
        Head head = new(64, 0, false);
        Results results = new(0, 7);
        _ = LinearSoftmaxCrossEntropy.Gradient(
            [], head.Weight, [], Array.Empty<int>(), Layout, results.Gradients, AllOptions[1], execution: new() { Execution = target.Execution });
        Assert.That(results.Weight.Concat(results.Bias), Is.All.Zero);
    }

    [Test]
    public void Progress_is_told_after_each_chunk()
    {
        Head head = new(65, 600, false);
        Recorder recorder = new();
        _ = Run(head, new(), false, new() { Execution = target.Execution, Progress = recorder });
        Assert.That(recorder.Values, Is.EqualTo(new[] { 256 / 600.0, 512 / 600.0, 1 }));
    }

    [Test]
    public void Cancelled_between_chunks_sums_are_those_of_the_rows_that_are_done()
    {
        Head head = new(66, 600, false);
        using CancellationTokenSource source = new();
        Results cancelled = new(head.Rows, 3);
        Recorder recorder = new() { After = source.Cancel };
        Assert.That(
            () => LinearSoftmaxCrossEntropy.Gradient(
                head.Input,
                head.Weight,
                head.Bias,
                head.Labels,
                Layout,
                cancelled.Gradients,
                null,
                cancelled.Rows,
                new() { Execution = target.Execution, Progress = recorder, CancellationToken = source.Token }),
            Throws.InstanceOf<OperationCanceledException>());
        Head done = head with { Rows = 256, Input = head.Input[..(256 * Features)], Labels = head.Labels[..256] };
        Results expected = Run(done, new(), false, new() { Execution = target.Execution });
        Assert.That(Bits.FirstDifference(expected.Weight, cancelled.Weight), Is.EqualTo(-1));
        Assert.That(Bits.FirstDifference(expected.Bias, cancelled.Bias), Is.EqualTo(-1));
        Assert.That(Bits.FirstDifference(expected.Input, cancelled.Input.AsSpan(0, expected.Input.Length)), Is.EqualTo(-1));
        Assert.That(cancelled.Input.Skip(expected.Input.Length), Is.All.EqualTo(3));
        Assert.That(cancelled.Losses.Skip(256), Is.All.EqualTo(3));
    }

    [Test]
    public void Cancelled_beforehand_nothing_is_written()
    {
        Head head = new(67, 30, true);
        Results results = new(head.Rows, 3);
        Assert.That(
            () => LinearSoftmaxCrossEntropy.Gradient(
                head.Input,
                head.Weight,
                head.Bias,
                head.Labels,
                Layout,
                results.Gradients,
                AllOptions[1],
                results.Rows,
                new() { Execution = target.Execution, CancellationToken = new(true) }),
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That(results.Input.Concat(results.Weight).Concat(results.Losses), Is.All.EqualTo(3));
    }

    [Test]
    public void A_common_offset_of_all_logits_costs_nothing()
    {
        Head head = new(68, 40, false);
        Head offset = head with { Bias = [.. head.Bias.Select(b => b + 16384)] };
        float[] z = offset.Logits(target.Execution);
        float[] losses = new float[head.Rows];
        _ = SoftmaxCrossEntropy.Loss(z, head.Labels, Classes, rows: new() { Losses = losses }, execution: target.Execution);
        Results results = Run(offset, new(), false, new() { Execution = target.Execution });
        Assert.That(Bits.FirstDifference(losses, results.Losses), Is.EqualTo(-1));
        Assert.That(results.Losses, Is.All.LessThan(20f));
    }

    [Test]
    public void What_is_wrong_is_said_and_nothing_is_written()
    {
        Head head = new(69, 4, false);
        Results r = new(head.Rows, 3);
        LinearExecutionOptions execution = new() { Execution = target.Execution };
        Refused("weight", "The weight has 8 elements, but 21 rows of 9 elements need 189.", () => Call(weight: head.Weight[..8]));
        Refused("input", "The input has 5 elements, which is no whole number of rows of 9 elements.", () => Call(input: head.Input[..5]));
        Refused("bias", "The bias has 2 elements, but 1 row of 21 elements needs 21.", () => Call(bias: new float[2]));
        Refused("labels", "The labels have 3 elements, but there are 4 rows.", () => Call(labels: head.Labels[..3]));
        Refused("labels", "The label of row 2 is 21, which is outside [0, 21).", () => Call(labels: [0, 1, 21, 2]));
        Refused("layout", "Features is 0; it must be at least 1.", () => Call(layout: new(0, 21)));
        Refused("layout", "GradientStride is 3, but a row of the input gradient has 9 elements.", () => Call(layout: Layout with { GradientStride = 3 }));
        Refused("options", "ClassWeights has 1 elements, but there are 21 classes.", () => Call(options: new() { ClassWeights = new double[] { 1 } }));
        Refused("gradients", "The memory of the weight gradient overlaps that of the weight.", () => Call(weight: r.Weight));
        Refused("gradients", "The memory of the input gradient overlaps that of the input.", () => Call(input: r.Input));
        Refused(
            "gradients",
            "Nothing is asked for",
            () => LinearSoftmaxCrossEntropy.Gradient(head.Input, head.Weight, head.Bias, head.Labels, Layout, default, execution: execution));
        Assert.That(() => new LinearExecutionOptions { MaxWorkspaceBytes = 0 }, Throws.InstanceOf<ArgumentOutOfRangeException>());

        void Call(
            float[]? input = null,
            float[]? weight = null,
            float[]? bias = null,
            int[]? labels = null,
            LinearLayout? layout = null,
            SoftmaxCrossEntropyOptions? options = null) =>
            LinearSoftmaxCrossEntropy.Gradient(
                input ?? head.Input, weight ?? head.Weight, bias ?? head.Bias, labels ?? head.Labels, layout ?? Layout, r.Gradients, options, r.Rows, execution);

        void Refused(string parameter, string message, Action call)
        {
            ArgumentException? e = Assert.Catch<ArgumentException>(() => call());
            Assert.That(e!.ParamName, Is.EqualTo(parameter), e.Message);
            Assert.That(e.Message, Does.Contain(message));
            Assert.That(r.Input.Concat(r.Weight).Concat(r.Bias).Concat(r.Losses), Is.All.EqualTo(3));
        }
    }

    [Test]
    public void Workspaces_keep_to_what_is_allowed()
    {
        LinearLayout large = new(768, 50_257);
        long most = LinearSoftmaxCrossEntropy.WorkspaceBytes<float>(large);
        long least = LinearSoftmaxCrossEntropy.WorkspaceBytes<float>(large, new() { MaxWorkspaceBytes = 1 });
        Assert.That(most, Is.InRange(256L * 50_257 * 4, 256L * 50_257 * 4 + (12 << 20)));
        Assert.That(least, Is.InRange(128L * 50_257 * 4, 128L * 50_257 * 4 + (12 << 20)));
        Assert.That(LinearSoftmaxCrossEntropy.WorkspaceBytes<float>(large, new() { MaxWorkspaceBytes = most }), Is.EqualTo(most));
        Assert.That(LinearSoftmaxCrossEntropy.WorkspaceBytes<float>(large, new() { MaxWorkspaceBytes = most - 1 }), Is.EqualTo(least));
    }

    [Test]
    public void On_one_thread_nothing_is_allocated_but_what_the_softmax_allocates()
    {
        Head head = new(70, 32, true);
        Results results = new(head.Rows, 0);
        float[] z = head.Logits(target.Execution);
        long ofSoftmax = Allocated(() => SoftmaxCrossEntropy.Gradient(
            z, head.Labels, Classes, z, AllOptions[2], results.Rows, target.Execution));
        long ofHead = Allocated(() => LinearSoftmaxCrossEntropy.Gradient(
            head.Input, head.Weight, head.Bias, head.Labels, Layout, results.Gradients, AllOptions[2], results.Rows, new() { Execution = target.Execution }));
        Assert.That(ofHead, Is.EqualTo(ofSoftmax));

        static long Allocated(Action call)
        {
            long allocated = 0;
            for (int i = 0; i < 20; i++)
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                call();
                allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            }

            return allocated;
        }
    }

    private static Results Run(
        Head head, SoftmaxCrossEntropyOptions options, bool upstream, LinearExecutionOptions execution)
    {
        Results results = new(head.Rows, options.Accumulate ? 0.5f : 0);
        results.Result = LinearSoftmaxCrossEntropy.Gradient(
            head.Input, head.Weight, head.Bias, head.Labels, Layout, results.Gradients, options, head.RowsOf(results, upstream), execution);
        return results;
    }

    private static void AssertSame(Results expected, Results actual, bool sameTotals = true)
    {
        Same(expected.Losses, actual.Losses, "losses");
        Same(expected.LogSumExp, actual.LogSumExp, "log-sum-exp");
        Same(expected.ZLosses, actual.ZLosses, "z-losses");
        Same(expected.Input, actual.Input, "input gradient");
        Same(expected.Weight, actual.Weight, "weight gradient");
        Same(expected.Bias, actual.Bias, "bias gradient");
        if (sameTotals && expected.HasTotals && actual.HasTotals)
        {
            Assert.That(actual.Result, Is.EqualTo(expected.Result));
        }
        else
        {
            Assert.That(actual.Result.Rows, Is.EqualTo(expected.Result.Rows));
            Assert.That(actual.Result.Loss is null, Is.EqualTo(expected.Result.Loss is null));
            Assert.That(actual.Result.Loss ?? 0, Is.EqualTo(expected.Result.Loss ?? 0).Within(1e-13).Percent);
        }

        static void Same(float[] a, float[] b, string name)
        {
            int i = Bits.FirstDifference(a, b);
            if (i >= 0)
            {
                Assert.Fail($"{name}[{i}]: {Bits.Show(b[i])} should be {Bits.Show(a[i])}");
            }
        }
    }

    private sealed class Recorder : IProgress<double>
    {
        public List<double> Values { get; } = [];

        public Action? After { get; init; }

        public void Report(double value)
        {
            Values.Add(value);
            After?.Invoke();
        }
    }

    private sealed record Results
    {
        public Results(int rows, float before)
        {
            (Input, Weight, Bias) = (Filled(rows * Features), Filled(Classes * Features), Filled(Classes));
            (Losses, LogSumExp, ZLosses) = (Filled(rows), Filled(rows), Filled(rows));

            float[] Filled(int length) => [.. Enumerable.Repeat(before, length)];
        }

        public float[] Input { get; init; }

        public float[] Weight { get; init; }

        public float[] Bias { get; init; }

        public float[] Losses { get; }

        public float[] LogSumExp { get; }

        public float[] ZLosses { get; }

        public SoftmaxCrossEntropyResult Result { get; set; }

        /// <summary>Whether totals are added in the head's groups.</summary>
        public bool HasTotals { get; init; } = true;

        public LinearGradients Gradients => new() { Input = Input, Weight = Weight, Bias = Bias };

        public RowBuffers<float> Rows => new() { Losses = Losses, LogSumExp = LogSumExp, ZLosses = ZLosses };
    }

    private sealed record Head
    {
        public Head(int seed, int rows, bool ignores)
        {
            SplitMix64 random = new((ulong)seed);
            Rows = rows;
            Input = Numbers(rows * Features);
            Weight = Numbers(Classes * Features);
            Bias = Numbers(Classes);
            Upstream = Numbers(rows);
            Labels = [.. Enumerable.Range(0, rows).Select(_ => ignores && random.Below(4) == 0 ? Ignored : random.Below(Classes))];

            float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => random.Uniform(2))];
        }

        public int Rows { get; init; }

        public float[] Input { get; init; }

        public float[] Weight { get; init; }

        public float[] Bias { get; init; }

        public float[] Upstream { get; }

        public int[] Labels { get; init; }

        public RowBuffers<float> RowsOf(Results results, bool upstream) =>
            new()
            {
                Upstream = upstream ? Upstream : [],
                Losses = results.Losses,
                LogSumExp = results.LogSumExp,
                ZLosses = results.ZLosses,
            };

        public float[] Logits(ExecutionOptions execution)
        {
            float[] z = new float[Rows * Classes];
            LinearLayer.Forward(Input, Weight, Bias, Layout, z, execution: execution);
            return z;
        }

        /// <summary>With all logits at once, and products over the rows that count.</summary>
        public Results StepByStep(SoftmaxCrossEntropyOptions options, bool upstream, ExecutionOptions execution)
        {
            Results r = new(Rows, options.Accumulate ? 0.5f : 0) { HasTotals = false };
            float[] z = Logits(execution);
            r.Result = SoftmaxCrossEntropy.Gradient(
                z, Labels, Classes, z, options with { Accumulate = false }, RowsOf(r, upstream), execution);
            int[] counted = [.. Enumerable.Range(0, Rows).Where(i => options.IgnoreIndex is null || Labels[i] != Ignored)];
            float[] g = [.. counted.SelectMany(i => z.Skip(i * Classes).Take(Classes))];
            float[] x = [.. counted.SelectMany(i => Input.Skip(i * Features).Take(Features))];
            Results compact = new(counted.Length, options.Accumulate ? 0.5f : 0) { Weight = r.Weight, Bias = r.Bias };
            Backward(g, x, compact, options.Accumulate, execution);
            for (int i = 0; i < counted.Length; i++)
            {
                compact.Input.AsSpan(i * Features, Features).CopyTo(r.Input.AsSpan(counted[i] * Features));
            }

            return r;
        }

        public void Backward(float[] g, float[] x, Results r, bool accumulate, ExecutionOptions execution)
        {
            LinearLayer.InputGradient(g, Weight, Layout, r.Input, accumulate, execution);
            LinearLayer.WeightGradient(g, x, Layout, r.Weight, r.Bias, accumulate, execution);
        }
    }
}
