using System.Runtime.InteropServices;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>Softmax and its logarithm on pointers: the results of spans, and what is refused.</summary>
[TestFixture(NativeXentBackend.Native)]
[TestFixture(NativeXentBackend.Managed)]
public sealed unsafe class SoftmaxPointerTests(NativeXentBackend backend)
{
    private const int Rows = 2;
    private const int Classes = 3;

    // One piece of memory for all arguments: logits or an output, upstream gradient, destination.
    private readonly float[] _memory = GC.AllocateArray<float>(96, pinned: true);

    private delegate void Operation(float* input, float* upstream, nint batchSize, LogitsLayout layout, float* destination);

    private static IEnumerable<string> Names =>
        ["softmax", "log-softmax", "log-sum-exp", "backward of softmax", "backward of log-softmax"];

    private float* Input => (float*)Marshal.UnsafeAddrOfPinnedArrayElement(_memory, 0);

    private float* Upstream => Input + 32;

    private float* Destination => Input + 64;

    private ExecutionOptions Execution => new() { Backend = backend };

    [SetUp]
    public void FillMemory()
    {
        for (int i = 0; i < _memory.Length; i++)
        {
            _memory[i] = i % 7 / 4f;
        }
    }

    [Test]
    public void The_results_are_those_of_spans([ValueSource(nameof(Names))] string name, [Values(0, 5)] int stride)
    {
        LogitsLayout layout = new(Classes) { Stride = stride, UpstreamStride = stride, DestinationStride = stride };
        int length = stride == 0 ? Rows * Classes : stride + Classes;
        int outputs = name == "log-sum-exp" ? Rows : length;
        float[] expected = [.. _memory.AsSpan(64, outputs)];
        ReadOnlySpan<float> input = _memory.AsSpan(0, length), upstream = _memory.AsSpan(32, length);
        switch (name)
        {
            case "softmax":
                Softmax.Forward(input, layout, expected, Execution);
                break;
            case "log-softmax":
                LogSoftmax.Forward(input, layout, expected, Execution);
                break;
            case "log-sum-exp":
                Softmax.LogSumExp(input, layout, expected, Execution);
                break;
            case "backward of softmax":
                Softmax.Backward(input, upstream, layout, expected, Execution);
                break;
            default:
                LogSoftmax.Backward(input, upstream, layout, expected, Execution);
                break;
        }

        float[] before = [.. _memory];
        Of(name)(Input, Upstream, Rows, layout, Destination);
        Assert.That(_memory[64..(64 + outputs)], Is.EqualTo(expected));
        Assert.That(expected, Is.Not.EqualTo(before[64..(64 + outputs)]));
        expected.CopyTo(before, 64);
        Assert.That(_memory, Is.EqualTo(before));
    }

    [Test]
    public void In_place([Values("softmax", "log-softmax", "backward of softmax", "backward of log-softmax")] string name)
    {
        Of(name)(Input, Upstream, Rows, Classes, Destination);
        Of(name)(Input, Upstream, Rows, Classes, Input);
        Assert.That(_memory[..(Rows * Classes)], Is.EqualTo(_memory[64..(64 + (Rows * Classes))]));
        if (name.StartsWith("backward", StringComparison.Ordinal))
        {
            FillMemory();
            Of(name)(Input, Upstream, Rows, Classes, Upstream);
            Assert.That(_memory[32..(32 + (Rows * Classes))], Is.Not.EqualTo(new float[Rows * Classes]));
            Of(name)(Input, Input, Rows, Classes, Input);
        }
    }

    [Test]
    public void Null_is_refused([ValueSource(nameof(Names))] string name)
    {
        bool isBackward = name.StartsWith("backward", StringComparison.Ordinal);
        string input = name switch
        {
            "backward of softmax" => "softmax",
            "backward of log-softmax" => "logSoftmax",
            _ => "logits",
        };
        AssertRefused<ArgumentNullException>(name, null, Upstream, Rows, Classes, Destination, input, "is null.");
        AssertRefused<ArgumentNullException>(name, Input, Upstream, Rows, Classes, null, "destination", "is null.");
        if (isBackward)
        {
            AssertRefused<ArgumentNullException>(name, Input, null, Rows, Classes, Destination, "upstream", "is null.");
        }
    }

    [Test]
    public void Nothing_happens_to_an_empty_batch([ValueSource(nameof(Names))] string name)
    {
        float[] before = [.. _memory];
        Of(name)(null, null, 0, Classes, null);
        Of(name)(Input, Upstream, 0, new(Classes) { Stride = nint.MaxValue }, Destination);
        Assert.That(_memory, Is.EqualTo(before));
    }

    [Test]
    public void Numbers_out_of_range_are_refused([ValueSource(nameof(Names))] string name)
    {
        AssertRefused<ArgumentOutOfRangeException>(
            name, Input, Upstream, -1, Classes, Destination, "batchSize", "The batch size is -1;");
        AssertRefused<ArgumentOutOfRangeException>(
            name, Input, Upstream, Rows, 0, Destination, "layout", "The number of classes is 0;");
        AssertRefused<ArgumentOutOfRangeException>(
            name, Input, Upstream, Rows, new(Classes) { Stride = 2 }, Destination, "layout", "Stride is 2,");
    }

    [Test]
    public void Sizes_beyond_the_address_space_are_refused([ValueSource(nameof(Names))] string name)
    {
        AssertRefused<ArgumentException>(
            name, Input, Upstream, nint.MaxValue, Classes, Destination, "batchSize", "more than the address space holds");
        AssertRefused<ArgumentException>(
            name,
            Input,
            Upstream,
            Rows,
            new(Classes) { Stride = nint.MaxValue / 2 },
            Destination,
            "batchSize",
            "more than the address space holds");
    }

    [Test]
    public void A_pointer_that_is_not_aligned_is_refused([ValueSource(nameof(Names))] string name, [Values(1, 2, 3)] int bytes)
    {
        AssertRefused<ArgumentException>(
            name, Off(Input, bytes), Upstream, Rows, Classes, Destination, parameter: null, "is not aligned");
        AssertRefused<ArgumentException>(
            name, Input, Upstream, Rows, Classes, Off(Destination, bytes), "destination", "is not aligned");
        if (name.StartsWith("backward", StringComparison.Ordinal))
        {
            AssertRefused<ArgumentException>(
                name, Input, Off(Upstream, bytes), Rows, Classes, Destination, "upstream", "is not aligned");
        }
    }

    [Test]
    public void Memory_that_overlaps_is_refused([ValueSource(nameof(Names))] string name)
    {
        AssertRefused<ArgumentException>(
            name, Input, Upstream, Rows, Classes, Input + 1, "destination", "overlaps that of the");
        AssertRefused<ArgumentException>(
            name,
            Input,
            Upstream,
            Rows,
            new(Classes) { Stride = 5 },
            name == "log-sum-exp" ? Input + 7 : Input,
            "destination",
            "overlaps that of the");
        if (name.StartsWith("backward", StringComparison.Ordinal))
        {
            AssertRefused<ArgumentException>(
                name, Input, Upstream, Rows, Classes, Upstream + 1, "destination", "overlaps that of the upstream");
        }
    }

    [Test]
    public void A_type_that_is_no_element_is_refused()
    {
        int* x = (int*)Input;
        Assert.That(() => Softmax.Forward(x, 1, 1, x), Throws.TypeOf<NotSupportedException>());
        Assert.That(() => Softmax.Backward(x, x, 1, 1, x), Throws.TypeOf<NotSupportedException>());
        Assert.That(() => Softmax.LogSumExp(x, 1, 1, x), Throws.TypeOf<NotSupportedException>());
        Assert.That(() => LogSoftmax.Forward(x, 1, 1, x), Throws.TypeOf<NotSupportedException>());
        Assert.That(() => LogSoftmax.Backward(x, x, 1, 1, x), Throws.TypeOf<NotSupportedException>());
    }

    private static float* Off(float* pointer, int bytes) => (float*)((byte*)pointer + bytes);

    private Operation Of(string name) =>
        name switch
        {
            "softmax" => (z, _, n, layout, y) => Softmax.Forward(z, n, layout, y, Execution),
            "log-softmax" => (z, _, n, layout, y) => LogSoftmax.Forward(z, n, layout, y, Execution),
            "log-sum-exp" => (z, _, n, layout, y) => Softmax.LogSumExp(z, n, layout, y, Execution),
            "backward of softmax" => (p, g, n, layout, d) => Softmax.Backward(p, g, n, layout, d, Execution),
            _ => (l, g, n, layout, d) => LogSoftmax.Backward(l, g, n, layout, d, Execution),
        };

    private void AssertRefused<TException>(
        string name,
        float* input,
        float* upstream,
        nint batchSize,
        LogitsLayout layout,
        float* destination,
        string? parameter,
        string message)
        where TException : ArgumentException
    {
        float[] before = [.. _memory];
        TException e = Expect.Throws<TException>(() => Of(name)(input, upstream, batchSize, layout, destination));
        Assert.That(e.Message, Does.Contain(message));
        Assert.That(e.ParamName, parameter is null ? Is.Not.EqualTo("destination") : Is.EqualTo(parameter));
        Assert.That(_memory, Is.EqualTo(before));
    }
}
