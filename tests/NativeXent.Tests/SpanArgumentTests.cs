using System.Runtime.InteropServices;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>
/// What softmax cross-entropy on spans refuses: the message says what is wrong, and nothing has been written.
/// </summary>
[TestFixture(NativeXentBackend.Native)]
[TestFixture(NativeXentBackend.Managed)]
public sealed class SpanArgumentTests(NativeXentBackend backend)
{
    private static readonly LogitsLayout[] GoodLayouts =
    [
        3, new(3) { InnerSize = 1 }, new(3) { Stride = 3, TargetsStride = 3, DestinationStride = 3 },
        new(3) { UpstreamStride = 100 },
    ];

    private static IEnumerable<(string Output, string Other)> RowOutputsAndOthers =>
        from output in (string[])["losses", "log-sum-exp", "z-losses"]
        from other in (string[])
        [
            "logits", "labels", "distributions", "destination", "upstream gradient", "losses", "log-sum-exp",
            "z-losses",
        ]
        where output != other
        select (output, other);

    private ExecutionOptions Execution => new() { Backend = backend };

    [TestCase(0)]
    [TestCase(-1)]
    [TestCase(int.MinValue)]
    public void Fewer_classes_than_one(int classes)
    {
        ArgumentOutOfRangeException e = Refused<ArgumentOutOfRangeException>(6, [0, 1], classes, 6);
        Assert.That(e.ParamName, Is.EqualTo("layout"));
        Assert.That(e.ActualValue, Is.EqualTo((nint)classes));
        Assert.That(e.Message, Does.Contain($"The number of classes is {classes}; it must be at least 1."));
    }

    [Test]
    public void The_default_layout() =>
        Assert.That(
            Refused<ArgumentOutOfRangeException>(6, [0, 1], default, 6).Message,
            Does.Contain("The number of classes is 0; it must be at least 1."));

    [TestCase(0L)]
    [TestCase(-1L)]
    [TestCase(long.MinValue)]
    public void An_inner_size_below_one(long innerSize)
    {
        ArgumentOutOfRangeException e = Refused<ArgumentOutOfRangeException>(
            6, [0, 1], new(3) { InnerSize = (nint)innerSize }, 6);
        Assert.That(e.ParamName, Is.EqualTo("layout"));
        Assert.That(e.ActualValue, Is.EqualTo((nint)innerSize));
        Assert.That(e.Message, Does.Contain($"The inner size is {innerSize}; it must be at least 1."));
    }

    /// <summary>In 64 bits the products are 0 and 2^63.</summary>
    [TestCase(1L << 32, 1L << 32)]
    [TestCase(long.MaxValue, long.MaxValue)]
    public void A_sample_beyond_the_address_space(long classes, long innerSize)
    {
        ArgumentException e = Refused<ArgumentException>(
            6, [0, 1], new((nint)classes) { InnerSize = (nint)innerSize }, 6);
        Assert.That(e.ParamName, Is.EqualTo("layout"));
        Assert.That(
            e.Message,
            Does.Contain(
                $"A sample of {classes} classes and {innerSize} positions is more than the address space holds."));
    }

    [TestCase("Stride", 2L)]
    [TestCase("Stride", -3L)]
    [TestCase("TargetsStride", 1L)]
    [TestCase("TargetsStride", long.MinValue)]
    [TestCase("DestinationStride", 2L)]
    [TestCase("DestinationStride", -1L)]
    public void A_stride_shorter_than_a_row(string property, long stride)
    {
        ArgumentOutOfRangeException e = Refused<ArgumentOutOfRangeException>(
            6, [0, 1], WithStride(3, property, stride), 6);
        Assert.That(e.ParamName, Is.EqualTo("layout"));
        Assert.That(e.ActualValue, Is.EqualTo((nint)stride));
        Assert.That(
            e.Message, Does.Match($@"^{property} is {stride}, but a row of 3 classes has 3 elements\."));
    }

    [Test]
    public void A_stride_shorter_than_a_sample(
        [Values("Stride", "TargetsStride", "DestinationStride")] string property) =>
        Assert.That(
            Refused<ArgumentOutOfRangeException>(
                12, [0, 1, 1, 0], WithStride(new(3) { InnerSize = 2 }, property, 5), 12).Message,
            Does.StartWith($"{property} is 5, but a sample of 3 classes and 2 positions has 6 elements."));

    [TestCase(5)]
    [TestCase(7)]
    [TestCase(2)]
    public void A_number_of_logits_that_is_no_whole_number_of_rows(int logits)
    {
        ArgumentException e = Refused<ArgumentException>(logits, [0, 1], 3, logits);
        Assert.That(e.ParamName, Is.EqualTo("logits"));
        Assert.That(
            e.Message,
            Does.Contain($"The logits have {logits} elements, which is no whole number of rows of 3 classes."));
    }

    [TestCase(7)]
    [TestCase(11)]
    public void A_number_of_logits_that_no_end_of_the_last_row_explains(int logits) =>
        Assert.That(
            Refused<ArgumentException>(logits, [0, 1], new(3) { Stride = 5 }, 6).Message,
            Does.Contain($"{logits} elements, which is no whole number of rows of 3 classes, 5 elements apart."));

    [TestCase(11)]
    [TestCase(25)]
    public void A_number_of_logits_that_is_not_samples_times_classes_times_positions(int logits) =>
        Assert.That(
            Refused<ArgumentException>(logits, new int[8], new(3) { InnerSize = 4 }, logits).Message,
            Does.Contain($"{logits} elements, which is no whole number of samples of 3 classes and 4 positions."));

    /// <summary>Whichever of the two has the wrong length: it is the labels that are named.</summary>
    [TestCase(6, 0)]
    [TestCase(6, 1)]
    [TestCase(6, 3)]
    [TestCase(0, 1)]
    [TestCase(9, 2)]
    public void A_number_of_labels_that_is_not_the_rows(int logits, int labels)
    {
        ArgumentException e = Refused<ArgumentException>(logits, new int[labels], 3, logits);
        Assert.That(e.ParamName, Is.EqualTo("labels"));
        Assert.That(e.Message, Does.Contain($"The labels have {labels} elements, but there are {logits / 3} rows."));
    }

    [TestCase(2)]
    [TestCase(7)]
    [TestCase(9)]
    public void A_number_of_labels_that_is_not_one_for_each_position(int labels)
    {
        ArgumentException e = Refused<ArgumentException>(24, new int[labels], new(3) { InnerSize = 4 }, 24);
        Assert.That(e.ParamName, Is.EqualTo("labels"));
        Assert.That(e.Message, Does.Contain($"The labels have {labels} elements, but there are 8 rows."));
    }

    /// <summary>65,536 · 65,536 is 0 in 32 bits.</summary>
    [Test]
    public void Labels_times_classes_beyond_32_bits() =>
        Assert.That(
            Refused<ArgumentException>(0, new int[65_536], 65_536, 0).Message,
            Does.Contain("The labels have 65536 elements, but there are 0 rows."));

    /// <summary>2 · 2^63 is 0 in 64 bits.</summary>
    [Test]
    public void Labels_times_stride_beyond_64_bits() =>
        Assert.That(
            Refused<ArgumentException>(0, new int[4], new(3) { Stride = nint.MaxValue }, 0).Message,
            Does.Contain("The labels have 4 elements, but there are 0 rows."));

    [TestCase(5)]
    [TestCase(7)]
    [TestCase(0)]
    public void A_destination_of_another_length_than_the_logits(int destination)
    {
        ArgumentException e = RefusedGradient<ArgumentException>(6, [0, 1], 3, destination);
        Assert.That(e.ParamName, Is.EqualTo("destination"));
        Assert.That(
            e.Message, Does.Contain($"The destination has {destination} elements, but 2 rows of 3 classes need 6."));
    }

    [TestCase(8)]
    [TestCase(15)]
    public void A_destination_that_does_not_suit_its_stride(int destination) =>
        Assert.That(
            RefusedGradient<ArgumentException>(6, [0, 1], new(3) { DestinationStride = 7 }, destination).Message,
            Does.Contain($"has {destination} elements, but 2 rows of 3 classes, 7 elements apart, need 10 to 14."));

    [Test]
    public void A_row_buffer_of_another_length_than_the_rows(
        [Values("upstream gradient", "losses", "log-sum-exp", "z-losses")] string buffer,
        [Values(1, 3)] int length,
        [Values(1, 2)] int innerSize)
    {
        Arguments a = new(6 * innerSize, new int[2 * innerSize], 6 * innerSize);
        float[] values = Sentinel.Array(length * innerSize);
        LogitsLayout layout = new(3) { InnerSize = innerSize };
        ArgumentException gradient = Expect.Throws<ArgumentException>(
            () => SoftmaxCrossEntropy.Gradient(
                a.Logits, a.Labels, layout, a.Destination, null, Buffer(buffer, values), Execution));
        ArgumentException loss = Expect.Throws<ArgumentException>(
            () => SoftmaxCrossEntropy.Loss(a.Logits, a.Labels, layout, null, Buffer(buffer, values), Execution));
        a.AssertNothingWritten();
        Assert.That(Sentinel.IsUntouched(values), Is.True);
        Assert.That(loss.Message, Is.EqualTo(gradient.Message));
        Assert.That(gradient.ParamName, Is.EqualTo("rows"));
        Assert.That(
            gradient.Message,
            Does.Match(
                $"The {buffer} (has|have) {length * innerSize} elements, but there are {2 * innerSize} rows."));
    }

    [Test]
    public void An_empty_batch_with_losses_or_a_destination()
    {
        Assert.That(RefusedGradient<ArgumentException>(0, [], 3, 1).ParamName, Is.EqualTo("destination"));
        ArgumentException e = Expect.Throws<ArgumentException>(
            () => SoftmaxCrossEntropy.Loss<float>(
                [], Array.Empty<int>(), 3, null, Buffer("losses", new float[1]), Execution));
        Assert.That(e.ParamName, Is.EqualTo("rows"));
    }

    [TestCase(7)]
    [TestCase(1)]
    public void A_number_of_logits_that_is_no_multiple_of_the_classes(int logits)
    {
        ArgumentException e = RefusedDistributions(logits, logits, 3);
        Assert.That(e.ParamName, Is.EqualTo("logits"));
        Assert.That(
            e.Message,
            Does.Contain($"The logits have {logits} elements, which is no whole number of rows of 3 classes."));
    }

    [Test]
    public void A_number_of_logits_that_ends_within_a_sample() =>
        Assert.That(
            RefusedDistributions(25, 12, new(3) { InnerSize = 2, Stride = 10 }).Message,
            Does.Contain(
                "25 elements, which is no whole number of samples of 3 classes and 2 positions, 10 elements apart."));

    [TestCase(5)]
    [TestCase(9)]
    [TestCase(0)]
    public void Distributions_of_another_length_than_the_logits(int distributions)
    {
        ArgumentException e = RefusedDistributions(6, distributions, 3);
        Assert.That(e.ParamName, Is.EqualTo("distributions"));
        Assert.That(
            e.Message,
            Does.Contain($"The distributions have {distributions} elements, but 2 rows of 3 classes need 6."));
    }

    [Test]
    public void An_index_to_ignore_with_distributions([Values(0, 6)] int length)
    {
        float[] z = new float[length];
        float[] gradient = Sentinel.Array(length);
        SoftmaxCrossEntropyOptions options = new() { IgnoreIndex = 1, Reduction = Reduction.Sum };
        foreach (Action call in (Action[])
            [
                () => SoftmaxCrossEntropy.Gradient<float>(
                    z, new float[length], 3, gradient, options, default, Execution),
                () => SoftmaxCrossEntropy.Loss<float>(z, new float[length], 3, options, default, Execution),
            ])
        {
            ArgumentException e = Expect.Throws<ArgumentException>(call);
            Assert.That(e.ParamName, Is.EqualTo("options"));
            Assert.That(e.Message, Does.Contain("IgnoreIndex").And.Contain("distributions"));
        }

        Assert.That(Sentinel.IsUntouched(gradient), Is.True);
    }

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(4)]
    public void Class_weights_of_another_number_than_the_classes(int weights)
    {
        ArgumentException e = Refused<ArgumentException>(
            6, [0, 1], 3, 6, new() { ClassWeights = new double[weights], Reduction = Reduction.Sum });
        Assert.That(e.ParamName, Is.EqualTo("options"));
        Assert.That(e.Message, Does.Contain($"ClassWeights has {weights} elements, but there are 3 classes."));
    }

    [TestCase(1e-310, 2.0)]
    [TestCase(1e308, 1.0)]
    public void A_gradient_of_a_mean_whose_scale_is_no_finite_number(double classWeight, double upstreamScale)
    {
        SoftmaxCrossEntropyOptions options = new()
        {
            ClassWeights = new[] { classWeight, classWeight, classWeight },
            Reduction = Reduction.Mean,
            UpstreamScale = upstreamScale,
        };
        ArgumentException e = RefusedGradient<ArgumentException>(6, [0, 1], 3, 6, options);
        Assert.That(e.ParamName, Is.EqualTo("options"));
        Assert.That(
            e.Message,
            Does.Contain(FormattableString.Invariant($"UpstreamScale / weight, but {upstreamScale} / "))
                .And.Contain("is not possible in finite numbers"));

        // The loss alone needs no such scale.
        Assert.DoesNotThrow(
            () => SoftmaxCrossEntropy.Loss(new float[6], [0, 1], 3, options, default, Execution));
    }

    /// <summary>Where the weight is 0 for certain, so is the gradient.</summary>
    [Test]
    public void A_mean_whose_weight_is_0_is_accepted()
    {
        SoftmaxCrossEntropyOptions options = new()
        {
            ClassWeights = new double[] { 1, 1, 0 },
            Reduction = Reduction.Mean,
        };
        float[] gradient = Sentinel.Array(6);
        SoftmaxCrossEntropyResult result =
            SoftmaxCrossEntropy.Gradient(new float[6], [2, 2], 3, gradient, options, default, Execution);
        Assert.That(gradient.Select(Bits.Of), Is.All.EqualTo(Bits.PlusZero));
        Assert.That(result, Is.EqualTo(new SoftmaxCrossEntropyResult { Loss = 0, ZLoss = 0, Rows = 2 }));
    }

    [Test]
    public void A_loss_of_which_nothing_is_asked_for([Values] bool distributions, [Values] bool upstream)
    {
        float[] z = new float[6];
        ArgumentException e = Expect.Throws<ArgumentException>(() =>
        {
            RowBuffers<float> rows = new() { Upstream = new float[upstream ? 2 : 0] };
            _ = distributions
                ? SoftmaxCrossEntropy.Loss<float>(z, z, 3, null, rows, Execution)
                : SoftmaxCrossEntropy.Loss<float>(z, new int[2], 3, null, rows, Execution);
        });
        Assert.That(e.ParamName, Is.EqualTo("rows"));
        Assert.That(
            e.Message,
            Does.Contain("Nothing is asked for: Reduction is None, CountCorrect is false, and there is room for no"));
    }

    [Test]
    public void An_element_type_that_is_none()
    {
        NotSupportedException e = Expect.Throws<NotSupportedException>(
            () => SoftmaxCrossEntropy.Gradient(new decimal[3], [1], 3, new decimal[3], execution: Execution));
        Assert.That(
            e.Message,
            Does.Contain("System.Decimal").And.Contain("float, double, System.Half or NativeXent.BFloat16"));
        _ = Expect.Throws<NotSupportedException>(
            () => SoftmaxCrossEntropy.Loss(new int[3], new long[1], 3, new() { Reduction = Reduction.Sum }));
    }

    [TestCase(-1)]
    [TestCase(3)]
    [TestCase(int.MinValue)]
    [TestCase(int.MaxValue)]
    public void A_label_out_of_range_in_the_last_row(int label)
    {
        int[] labels = [.. Enumerable.Repeat(2, 1000), label];
        ArgumentOutOfRangeException e = Refused<ArgumentOutOfRangeException>(
            3003, labels, 3, 3003, new() { Reduction = Reduction.Sum });
        Assert.That(e.ParamName, Is.EqualTo("labels"));
        Assert.That(e.ActualValue, Is.EqualTo((long)label));
        Assert.That(e.Message, Does.Contain($"The label of row 1000 is {label}, which is outside [0, 3)."));
    }

    [Test]
    public void A_label_of_64_bits_out_of_range(
        [Values(-1, 3, 1L << 32, (1L << 32) + 1, long.MinValue, long.MaxValue)] long label)
    {
        float[] gradient = Sentinel.Array(6);
        ArgumentOutOfRangeException e = Expect.Throws<ArgumentOutOfRangeException>(
            () => SoftmaxCrossEntropy.Gradient(new float[6], [0, label], 3, gradient, execution: Execution));
        Assert.That(Sentinel.IsUntouched(gradient), Is.True);
        Assert.That(e.ParamName, Is.EqualTo("labels"));
        Assert.That(e.ActualValue, Is.EqualTo(label));
        Assert.That(e.Message, Does.Contain($"The label of row 1 is {label}, which is outside [0, 3)."));
    }

    /// <summary>With an index to ignore, with class weights, and at every place of a vector and its rest.</summary>
    [Test]
    public void A_label_out_of_range_anywhere([Range(0, 40)] int row, [Values(0, 1, 2)] int options)
    {
        int[] labels = [.. Enumerable.Repeat(-100, 41)];
        labels[row] = 3;
        SoftmaxCrossEntropyOptions chosen = options switch
        {
            0 => new() { IgnoreIndex = -100 },
            1 => new() { ClassWeights = new double[] { 1, 1, 1 } },
            _ => new(),
        };
        if (options != 0)
        {
            Array.Fill(labels, 1);
            labels[row] = 3;
        }

        Assert.That(
            RefusedGradient<ArgumentOutOfRangeException>(123, labels, 3, 123, chosen).Message,
            Does.Contain($"The label of row {row} is 3, which is outside [0, 3)."));
    }

    [Test]
    public void Another_label_than_the_index_to_ignore() =>
        Assert.That(
            RefusedGradient<ArgumentOutOfRangeException>(9, [-100, 1, -1], 3, 9, new() { IgnoreIndex = -100 }).Message,
            Does.Contain("The label of row 2 is -1, which is outside [0, 3)."));

    [Test]
    public void Of_several_labels_out_of_range_the_first_is_named() =>
        Assert.That(
            Refused<ArgumentOutOfRangeException>(
                15, [0, 7, 1, -5, 9], 3, 15, new() { Reduction = Reduction.Sum }).Message,
            Does.Contain("The label of row 1 is 7, which is outside [0, 3)."));

    /// <summary>However many threads: all labels are looked at before any row is computed.</summary>
    [Test]
    public void A_label_out_of_range_with_many_threads()
    {
        int[] labels = new int[400];
        labels[399] = 1000;
        Arguments a = new(400_000, labels, 400_000);
        ArgumentOutOfRangeException e = Expect.Throws<ArgumentOutOfRangeException>(
            () => SoftmaxCrossEntropy.Gradient(
                a.Logits, a.Labels, 1000, a.Destination, execution: Execution with { MaxDegreeOfParallelism = 4 }));
        a.AssertNothingWritten();
        Assert.That(e.Message, Does.Contain("The label of row 399 is 1000, which is outside [0, 1000)."));
    }

    [TestCase(1)]
    [TestCase(-1)]
    [TestCase(5)]
    [TestCase(-5)]
    public void A_destination_that_overlaps_the_logits_in_part(int shift)
    {
        Memory a = new(20);
        ArgumentException e = Expect.Throws<ArgumentException>(
            () => SoftmaxCrossEntropy.Gradient(
                a.Floats(7, 6), [0, 1], 3, a.Floats(7 + shift, 6), execution: Execution));
        a.AssertNothingWritten();
        Assert.That(e.ParamName, Is.EqualTo("destination"));
        Assert.That(
            e.Message,
            Does.Contain(
                "The memory of the destination overlaps that of the logits, and is not the same memory with the same "
                + "stride."));
    }

    [Test]
    public void The_logits_as_destination_with_another_stride()
    {
        Memory a = new(8);
        ArgumentException e = Expect.Throws<ArgumentException>(
            () => SoftmaxCrossEntropy.Gradient(
                a.Floats(0, 6), [0, 1], new(3) { DestinationStride = 5 }, a.Floats(0, 8), execution: Execution));
        a.AssertNothingWritten();
        Assert.That(e.ParamName, Is.EqualTo("destination"));
        Assert.That(e.Message, Does.Contain("with the same stride"));
    }

    /// <summary>Rows of one batch in the gaps of another's: what counts is all from first to last.</summary>
    [Test]
    public void A_destination_between_the_logits()
    {
        Memory a = new(16);
        ArgumentException e = Expect.Throws<ArgumentException>(
            () => SoftmaxCrossEntropy.Gradient(
                a.Floats(0, 11),
                [0, 1],
                new(3) { Stride = 8, DestinationStride = 8 },
                a.Floats(4, 11),
                execution: Execution));
        a.AssertNothingWritten();
        Assert.That(e.ParamName, Is.EqualTo("destination"));
    }

    [TestCase(-1)]
    [TestCase(0)]
    [TestCase(3)]
    [TestCase(5)]
    public void A_destination_that_overlaps_the_labels(int shift)
    {
        Memory a = new(20);
        ArgumentException e = Expect.Throws<ArgumentException>(
            () => SoftmaxCrossEntropy.Gradient(
                new float[6], a.Labels(7 + shift, 2), 3, a.Floats(7, 6), execution: Execution));
        a.AssertNothingWritten();
        Assert.That(e.ParamName, Is.EqualTo("destination"));
        Assert.That(e.Message, Does.Contain("The memory of the destination overlaps that of the labels."));
    }

    /// <summary>The distributions may not even be the destination itself.</summary>
    [TestCase(-5)]
    [TestCase(0)]
    [TestCase(5)]
    public void A_destination_that_overlaps_the_distributions(int shift)
    {
        Memory a = new(20);
        ArgumentException e = Expect.Throws<ArgumentException>(
            () => SoftmaxCrossEntropy.Gradient<float>(
                new float[6], a.Floats(7 + shift, 6), 3, a.Floats(7, 6), execution: Execution));
        a.AssertNothingWritten();
        Assert.That(e.ParamName, Is.EqualTo("destination"));
        Assert.That(e.Message, Does.Contain("The memory of the destination overlaps that of the distributions."));
    }

    [Test]
    public void A_destination_that_overlaps_the_upstream_gradient([Values(-1, 0, 5)] int shift)
    {
        Memory a = new(20);
        ArgumentException e = Expect.Throws<ArgumentException>(
            () => SoftmaxCrossEntropy.Gradient(
                new float[6],
                [0, 1],
                3,
                a.Floats(7, 6),
                rows: new() { Upstream = a.Floats(7 + shift, 2) },
                execution: Execution));
        a.AssertNothingWritten();
        Assert.That(e.ParamName, Is.EqualTo("destination"));
        Assert.That(e.Message, Does.Contain("overlaps that of the upstream gradient."));
    }

    [Test]
    public void Row_outputs_that_overlap(
        [ValueSource(nameof(RowOutputsAndOthers))] (string Output, string Other) names,
        [Values(-1, 0, 1)] int shift)
    {
        (string output, string other) = names;
        Memory a = new(20);
        ArgumentException e = Expect.Throws<ArgumentException>(() =>
        {
            Span<float> shared = a.Floats(7, 6);
            RowBuffers<float> rows = new()
            {
                Upstream = other == "upstream gradient" ? shared[..2] : [],
                Losses = Choose(a, "losses"),
                LogSumExp = Choose(a, "log-sum-exp"),
                ZLosses = Choose(a, "z-losses"),
            };
            Span<float> logits = other == "logits" ? shared : new float[6];
            Span<float> destination = other == "destination" ? shared : new float[6];
            _ = other == "distributions"
                ? SoftmaxCrossEntropy.Gradient<float>(logits, shared, 3, destination, null, rows, Execution)
                : SoftmaxCrossEntropy.Gradient(
                    logits, other == "labels" ? a.Labels(7, 2) : [0, 1], 3, destination, null, rows, Execution);
        });
        a.AssertNothingWritten();
        Assert.That(e.ParamName, Is.EqualTo("rows"));
        Assert.That(
            e.Message,
            Does.Contain($"The memory of the {output} overlaps that of the {other}.")
                .Or.Contain($"The memory of the {other} overlaps that of the {output}."));

        Span<float> Choose(Memory memory, string name) =>
            name == output ? memory.Floats(7 + shift, 2) : name == other ? memory.Floats(7, 2) : [];
    }

    [Test]
    public void Memory_that_is_not_aligned(
        [Values(
            "logits", "labels", "distributions", "destination", "upstream gradient", "losses", "log-sum-exp",
            "z-losses")]
        string argument)
    {
        byte[] bytes = GC.AllocateArray<byte>(32, pinned: true);
        ArgumentException e = Expect.Throws<ArgumentException>(() =>
        {
            Span<float> odd = MemoryMarshal.Cast<byte, float>(bytes.AsSpan(2, 24));
            RowBuffers<float> rows = new()
            {
                Upstream = argument == "upstream gradient" ? odd[..2] : [],
                Losses = argument == "losses" ? odd[..2] : [],
                LogSumExp = argument == "log-sum-exp" ? odd[..2] : [],
                ZLosses = argument == "z-losses" ? odd[..2] : [],
            };
            Span<float> logits = argument == "logits" ? odd : new float[6];
            Span<float> destination = argument == "destination" ? odd : new float[6];
            _ = argument == "distributions"
                ? SoftmaxCrossEntropy.Gradient<float>(logits, odd, 3, destination, null, rows, Execution)
                : SoftmaxCrossEntropy.Gradient(
                    logits,
                    argument == "labels" ? MemoryMarshal.Cast<float, int>(odd[..2]) : [0, 1],
                    3,
                    destination,
                    null,
                    rows,
                    Execution);
        });
        Assert.That(bytes, Is.All.Zero);
        Assert.That(
            e.ParamName,
            Is.EqualTo(argument is "logits" or "labels" or "distributions" or "destination" ? argument : "rows"));
        Assert.That(
            e.Message,
            Does.Contain($"The memory of the {argument} is not aligned to its element type (4 bytes)."));
    }

    /// <summary>A span of its own for each, end to end in one array.</summary>
    [TestCase(0, 6, 12, 14)]
    [TestCase(8, 0, 6, 14)]
    [TestCase(2, 10, 0, 8)]
    public void Memory_that_only_touches_is_accepted(int logits, int destination, int losses, int labels)
    {
        Memory a = new(16);
        Batch batch = new(3, [1, 2, 0.5f, 4, 4, 4], [1, 2], _ => "written by hand");
        Results expected = Target.First.Compute(batch);
        batch.Logits.CopyTo(a.Floats(logits, 6));
        batch.Labels.CopyTo(a.Labels(labels, 2));
        _ = SoftmaxCrossEntropy.Gradient(
            a.Floats(logits, 6),
            a.Labels(labels, 2),
            3,
            a.Floats(destination, 6),
            rows: new() { Losses = a.Floats(losses, 2) },
            execution: Execution);
        Assert.That(a.Floats(destination, 6).ToArray(), Is.EqualTo(expected.Gradient));
        Assert.That(a.Floats(losses, 2).ToArray(), Is.EqualTo(expected.Losses));
    }

    [Test]
    public void The_logits_themselves_are_accepted_as_destination()
    {
        float[] values = [1, 2, 0.5f];
        _ = SoftmaxCrossEntropy.Gradient(values, [1], 3, values, execution: Execution);
        Assert.That(values, Is.EqualTo(Target.First.Compute(Batch.Of([1, 2, 0.5f], 1)).Gradient));
    }

    [TestCaseSource(nameof(GoodLayouts))]
    public void Layouts_that_mean_the_same(LogitsLayout layout)
    {
        float[] gradient = new float[3];
        _ = SoftmaxCrossEntropy.Gradient([1, 2, 0.5f], [1], layout, gradient, execution: Execution);
        Assert.That(gradient, Is.EqualTo(Target.First.Compute(Batch.Of([1, 2, 0.5f], 1)).Gradient));
    }

    [Test]
    public void An_empty_batch_is_accepted_and_nothing_written([Values] Reduction reduction)
    {
        float[] around = Sentinel.Array(4);
        SoftmaxCrossEntropyOptions options = new() { Reduction = reduction, CountCorrect = reduction == Reduction.Sum };
        double? loss = reduction == Reduction.None ? null : 0;
        SoftmaxCrossEntropyResult expected = new()
        {
            Loss = loss,
            ZLoss = loss,
            CorrectRows = reduction == Reduction.Sum ? 0 : null,
        };
        foreach (SoftmaxCrossEntropyResult result in (SoftmaxCrossEntropyResult[])
            [
                SoftmaxCrossEntropy.Gradient(
                    [], Array.Empty<int>(), 3, around.AsSpan(2, 0), options, default, Execution),
                SoftmaxCrossEntropy.Gradient(
                    [], Array.Empty<long>(), 3, around.AsSpan(2, 0), options, Buffer("losses", []), Execution),
                SoftmaxCrossEntropy.Gradient<float>(
                    [], Array.Empty<float>(), 3, around.AsSpan(2, 0), options, default, Execution),
                SoftmaxCrossEntropy.Loss<float>([], Array.Empty<int>(), 3, options, default, Execution),
                SoftmaxCrossEntropy.Loss<float>([], Array.Empty<long>(), 3, options, default, Execution),
                SoftmaxCrossEntropy.Loss<float>([], Array.Empty<float>(), 3, options, default, Execution),
            ])
        {
            Assert.That(result, Is.EqualTo(expected));
        }

        Assert.That(Sentinel.IsUntouched(around), Is.True);
    }

    private static LogitsLayout WithStride(LogitsLayout layout, string property, long stride) =>
        property switch
        {
            "Stride" => layout with { Stride = (nint)stride },
            "TargetsStride" => layout with { TargetsStride = (nint)stride },
            _ => layout with { DestinationStride = (nint)stride },
        };

    private static RowBuffers<float> Buffer(string name, float[] values) =>
        new()
        {
            Upstream = name == "upstream gradient" ? values : [],
            Losses = name == "losses" ? values : [],
            LogSumExp = name == "log-sum-exp" ? values : [],
            ZLosses = name == "z-losses" ? values : [],
        };

    // Refused by the gradient and by the loss, with the same words and nothing written.
    private TException Refused<TException>(
        int logits, int[] labels, LogitsLayout layout, int destination, SoftmaxCrossEntropyOptions? options = null)
        where TException : Exception
    {
        TException gradient = RefusedGradient<TException>(logits, labels, layout, destination, options);
        TException loss = Expect.Throws<TException>(
            () => SoftmaxCrossEntropy.Loss(new float[logits], labels, layout, options, default, Execution));
        Assert.That(loss.Message, Is.EqualTo(gradient.Message));
        return gradient;
    }

    private TException RefusedGradient<TException>(
        int logits, int[] labels, LogitsLayout layout, int destination, SoftmaxCrossEntropyOptions? options = null)
        where TException : Exception
    {
        Arguments a = new(logits, labels, destination);
        TException e = Expect.Throws<TException>(
            () => SoftmaxCrossEntropy.Gradient(
                a.Logits, a.Labels, layout, a.Destination, options, default, Execution));
        a.AssertNothingWritten();
        return e;
    }

    private ArgumentException RefusedDistributions(int logits, int distributions, LogitsLayout layout)
    {
        Arguments a = new(logits, [], logits);
        ArgumentException e = Expect.Throws<ArgumentException>(
            () => SoftmaxCrossEntropy.Gradient<float>(
                a.Logits, new float[distributions], layout, a.Destination, execution: Execution));
        a.AssertNothingWritten();
        ArgumentException loss = Expect.Throws<ArgumentException>(
            () => SoftmaxCrossEntropy.Loss<float>(
                a.Logits, new float[distributions], layout, new() { Reduction = Reduction.Sum }, default, Execution));
        Assert.That(loss.Message, Is.EqualTo(e.Message));
        return e;
    }

    // Each argument in an array of its own; outputs are filled with the sentinel.
    private sealed class Arguments(int logits, int[] labels, int destination)
    {
        public float[] Logits { get; } = new float[logits];

        public int[] Labels { get; } = labels;

        public float[] Destination { get; } = Sentinel.Array(destination);

        public void AssertNothingWritten()
        {
            Assert.That(Logits, Is.All.EqualTo(0f), "logits");
            Assert.That(Sentinel.IsUntouched(Destination), Is.True, "destination");
        }
    }

    // One array for several arguments. All of it is 0, which serves as logit and as label.
    private sealed class Memory(int length)
    {
        private readonly float[] _values = new float[length];

        public Span<float> Floats(int start, int count) => _values.AsSpan(start, count);

        public Span<int> Labels(int start, int count) => MemoryMarshal.Cast<float, int>(Floats(start, count));

        public void AssertNothingWritten() => Assert.That(_values.Select(Bits.Of), Is.All.Zero);
    }
}
