using System.Globalization;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>
/// Whatever arguments softmax cross-entropy on spans is called with: either a documented exception, with nothing written, or
/// the right result, with nothing else written. A seed is a call: a failure names it, and <c>NATIVEXENT_TEST_SEED</c> repeats
/// it alone.
/// </summary>
[TestFixture(NativeXentBackend.Native)]
[TestFixture(NativeXentBackend.Managed)]
public sealed class AnyArgumentsTests(NativeXentBackend backend)
{
    private const int Calls = 20000;

    [Test]
    public void Either_a_documented_exception_and_nothing_written_or_the_right_result()
    {
        string? only = Environment.GetEnvironmentVariable("NATIVEXENT_TEST_SEED");
        if (!string.IsNullOrEmpty(only))
        {
            Run(ulong.Parse(only, CultureInfo.InvariantCulture));
            return;
        }

        int succeeded = 0;
        for (ulong seed = 0; seed < Calls; seed++)
        {
            succeeded += Run(seed) ? 1 : 0;
        }

        // So that neither way is left out.
        Assert.That(succeeded, Is.InRange(Calls / 10, Calls * 9 / 10));
    }

    private bool Run(ulong seed)
    {
        Call call = new(seed, backend);
        try
        {
            return call.Run();
        }
        catch (Exception e) when (e is not SuccessException)
        {
            throw new AssertionException($"Seed {seed}, {backend}: {call}\n{e}", e);
        }
    }

    private sealed class Call
    {
        private const int ArenaLength = 4096;

        private readonly SplitMix64 _random;
        private readonly NativeXentBackend _backend;
        private readonly float[] _arena = new float[ArenaLength];
        private readonly float[] _before;
        private readonly bool[] _mayChange = new bool[ArenaLength];
        private readonly int _batch;
        private readonly int _classes;
        private readonly int _inner;
        private readonly LogitsLayout _layout;
        private readonly int[] _labels;
        private int _used;

        internal Call(ulong seed, NativeXentBackend backend)
        {
            _random = new(seed);
            _backend = backend;
            for (int i = 0; i < ArenaLength; i++)
            {
                _arena[i] = _random.Normal(3);
            }

            _before = [.. _arena];
            _batch = _random.Below(5);
            _classes = _random.OneIn(40) ? _random.Below(3) - 2 : 1 + _random.Below(30);
            _inner = _random.OneIn(3) ? 1 + _random.Below(4) : 1;
            _layout = new(_classes)
            {
                InnerSize = _random.OneIn(60) ? _random.Below(3) - 2 : _inner,
                Stride = AnyStride(),
                DestinationStride = AnyStride(),
            };
            _labels = new int[(_batch * _inner) + Off()];
            for (int i = 0; i < _labels.Length; i++)
            {
                _labels[i] = _random.OneIn(8) ? -1 : _random.Below(Math.Max(1, _classes));
                _labels[i] = _random.OneIn(200) ? (int)_random.Next() : _labels[i];
            }
        }

        public override string ToString() =>
            $"{_batch} samples of {_classes} classes and {_inner} positions, {_layout}, {_labels.Length} labels";

        /// <summary>Whether the call succeeded.</summary>
        internal bool Run()
        {
            SoftmaxCrossEntropyOptions options;
            try
            {
                options = AnyOptions();
            }
            catch (ArgumentOutOfRangeException e)
            {
                Assert.That(e.Message, Is.Not.Empty);
                return false;
            }

            int rows = _batch * _inner;
            (int logitsAt, int logitsLength) = Place(Length(_layout.Stride));
            (int destinationAt, int destinationLength) = Place(Length(_layout.DestinationStride));
            if (_random.OneIn(4))
            {
                // In place, or beside it.
                destinationAt = logitsAt + (_random.OneIn(4) ? _random.Below(3) : 0);
            }

            (int upstreamAt, int upstreamLength) = PlaceRows(rows);
            (int lossesAt, int lossesLength) = PlaceRows(rows);
            (int lseAt, int lseLength) = PlaceRows(rows);
            long[] longLabels = [.. _labels];
            bool takesLong = _random.OneIn(2);
            ExecutionOptions execution = new()
            {
                Backend = _backend,
                MaxDegreeOfParallelism = _random.OneIn(8) ? 2 : 1,
            };
            Span<float> destination = _arena.AsSpan(destinationAt, destinationLength);
            RowBuffers<float> buffers = new()
            {
                Upstream = _arena.AsSpan(upstreamAt, upstreamLength),
                Losses = _arena.AsSpan(lossesAt, lossesLength),
                LogSumExp = _arena.AsSpan(lseAt, lseLength),
            };
            ReadOnlySpan<float> logits = _arena.AsSpan(logitsAt, logitsLength);
            try
            {
                _ = takesLong
                    ? SoftmaxCrossEntropy.Gradient<float>(
                        logits, longLabels, _layout, destination, options, buffers, execution)
                    : SoftmaxCrossEntropy.Gradient<float>(
                        logits, _labels, _layout, destination, options, buffers, execution);
            }
            catch (ArgumentException e)
            {
                Assert.That(e.Message, Is.Not.Empty);
                Assert.That(
                    e.ParamName,
                    Is.AnyOf("logits", "labels", "layout", "destination", "options", "rows", "execution"));
                AssertUnchanged();
                return false;
            }

            Check(options, logitsAt, destinationAt, upstreamLength == 0 ? -1 : upstreamAt,
                lossesLength == 0 ? -1 : lossesAt, lseLength == 0 ? -1 : lseAt);
            AssertUnchanged();
            return true;
        }

        // Almost always 0.
        private int Off() => _random.OneIn(60) ? _random.Below(2) + 1 : 0;

        private int AnyStride() =>
            _random.OneIn(4) ? Math.Max(0, _classes * _inner) + (_random.OneIn(20) ? -1 : _random.Below(9)) : 0;

        private int Length(nint stride)
        {
            int sample = Math.Max(0, _classes * _inner);
            int step = stride == 0 ? sample : Math.Max(0, (int)stride);
            return Math.Max(0, (_batch == 0 ? 0 : ((_batch - 1) * step) + sample) + Off() - Off());
        }

        private (int Start, int Length) Place(int length)
        {
            int start = _used + _random.Below(4);
            _used = start + length;
            return (start, length);
        }

        private (int Start, int Length) PlaceRows(int rows) =>
            Place(_random.OneIn(3) ? Math.Max(0, rows + Off() - Off()) : 0);

        private SoftmaxCrossEntropyOptions AnyOptions() =>
            new()
            {
                IgnoreIndex = _random.OneIn(2) ? -1 : null,
                LabelSmoothing = AnyNumber(0.125),
                Scale = _random.OneIn(3) ? AnyNumber(1) : 1,
                Softcap = _random.OneIn(4) ? AnyNumber(4) : null,
                ZLossScale = AnyNumber(0.25),
                UpstreamScale = _random.OneIn(3) ? AnyNumber(2) : 1,
                Accumulate = _random.OneIn(4),
                CountCorrect = _random.OneIn(4),
                ClassWeights = _random.OneIn(3) ? AnyWeights() : default,
            };

        private double AnyNumber(double ordinary)
        {
            ReadOnlySpan<double> wrong = [double.NaN, double.PositiveInfinity, -2, double.NegativeInfinity];
            return _random.OneIn(200) ? _random.Element(wrong) : _random.OneIn(3) ? ordinary : ordinary is 1 or 2 or 4 ? 1 : 0;
        }

        private double[] AnyWeights()
        {
            double[] weights = new double[Math.Max(0, _classes) + Off()];
            for (int i = 0; i < weights.Length; i++)
            {
                weights[i] = _random.OneIn(500) ? -1 : _random.Below(9) / 4.0;
            }

            return weights;
        }

        private void Check(
            SoftmaxCrossEntropyOptions options, int logitsAt, int destinationAt, int upstreamAt, int lossesAt, int lseAt)
        {
            int sample = _classes * _inner;
            int stride = _layout.Stride == 0 ? sample : (int)_layout.Stride;
            int destinationStride = _layout.DestinationStride == 0 ? sample : (int)_layout.DestinationStride;
            double[] weights = options.ClassWeights.Count == 0
                ? [.. Enumerable.Repeat(1.0, _classes)]
                : options.ClassWeights.AsSpan().ToArray();
            for (int row = 0; row < _batch * _inner; row++)
            {
                int at = logitsAt + (row / _inner * stride) + (row % _inner);
                int to = destinationAt + (row / _inner * destinationStride) + (row % _inner);
                bool ignored = _labels[row] == options.IgnoreIndex;
                double[] slope = new double[_classes];
                double[] u = new double[_classes];
                for (int c = 0; c < _classes; c++)
                {
                    double v = options.Scale * _before[at + (c * _inner)];
                    double t = options.Softcap is { } cap ? Math.Tanh(v / cap) : 0;
                    u[c] = options.Softcap is { } softcap ? softcap * t : v;
                    slope[c] = options.Scale * (1 - (t * t));
                }

                double greatest = u.Max();
                double lse = greatest + Math.Log(u.Sum(x => Math.Exp(x - greatest)));
                double q(int c) => weights[c] * ((c == _labels[row] ? 1 - options.LabelSmoothing : 0) + (options.LabelSmoothing / _classes));
                double mass = ignored ? 0 : Enumerable.Range(0, _classes).Sum(q);
                if (lossesAt >= 0)
                {
                    double loss = ignored ? 0 : Enumerable.Range(0, _classes).Sum(c => q(c) * (lse - u[c]));
                    Expect(lossesAt + row, loss, 1e-6 * (1 + (mass * (Math.Abs(lse) + Math.Abs(greatest) + 20))));
                }

                if (lseAt >= 0)
                {
                    Expect(lseAt + row, lse, 1e-6 * (1 + Math.Abs(lse)));
                }

                double factor = options.UpstreamScale * (upstreamAt >= 0 ? _before[upstreamAt + row] : 1);
                for (int c = 0; c < _classes; c++)
                {
                    double p = Math.Exp(u[c] - lse);
                    double z = ignored ? 0 : 2 * options.ZLossScale * lse * p;
                    double gradient = ignored ? 0 : factor * slope[c] * ((mass * p) - q(c) + z);
                    int element = to + (c * _inner);
                    double before = options.Accumulate ? _before[element] : 0;
                    double size = Math.Abs(factor * slope[c]) * ((mass * p) + q(c) + Math.Abs(z));
                    Expect(element, before + gradient, 1e-6 * (Math.Abs(before) + size + 1e-30));
                }
            }
        }

        private void Expect(int element, double expected, double within)
        {
            _mayChange[element] = true;
            Assert.That((double)_arena[element], Is.EqualTo(expected).Within(within), $"element {element}");
        }

        private void AssertUnchanged()
        {
            for (int i = 0; i < ArenaLength; i++)
            {
                if (!_mayChange[i] && Bits.Of(_arena[i]) != Bits.Of(_before[i]))
                {
                    Assert.Fail($"Element {i} has changed.");
                }
            }
        }
    }
}
