namespace NativeXent.Tests.Support;

/// <summary>
/// Rows on a knife edge: one result is brought to the point where float32 rounds up instead of down, as near as logits can
/// bring it. The sums and logarithms inside are doubles, and with ordinary rows a difference in the last bit of a double
/// shows in one result of 2^29. Here it shows in one row of a few. The twin of tests/native/knife_edge.h.
/// </summary>
internal sealed class KnifeEdge(ulong seed, NativeXentBackend backend)
{
    private readonly SplitMix64 _random = new(seed);
    private readonly int[] _label = new int[1];
    private readonly float[] _loss = new float[1];
    private float[] _logits = [];
    private float[] _gradient = [];
    private Watched _watched;
    private int _watchedClass;

    private enum Watched
    {
        LabelGradient,
        Loss,
        Gradient,
    }

    internal int Label => _label[0];

    internal float[] Below { get; private set; } = [];

    internal float[] Above { get; private set; } = [];

    /// <summary>
    /// Makes the next row. Afterwards <see cref="Below"/> and <see cref="Above"/> differ by the least in one logit, and
    /// in one result.
    /// </summary>
    internal void Next()
    {
        ReadOnlySpan<float> bases = [0, 3, -30, 100, -700, 8000, 9000];
        ReadOnlySpan<float> labels = [0, 0, -5, -50, 10, 30, 60];
        float origin = _random.Element(bases);
        int classes = _random.OneIn(32) ? 4096 + _random.Below(5000)
            : _random.OneIn(4) ? 10 + _random.Below(7)
            : 20 + _random.Below(200);
        _logits = new float[classes];
        _gradient = new float[classes];

        // Far apart, so that no sum is exact.
        double spread = 1 + _random.Below(30);
        for (int j = 0; j < classes; j++)
        {
            _logits[j] = origin - (float)spread + _random.Uniform(spread);
        }

        _label[0] = _random.Below(classes);
        _logits[Label] = origin + _random.Element(labels);
        _watched = (Watched)_random.Below(3);
        _watchedClass = AnotherClass();

        // Coarse to fine: the logits of single classes, each of which adds less than the one before.
        int[] tuners = new int[6];
        for (int i = 0; i < tuners.Length; i++)
        {
            tuners[i] = AnotherClass();
            _logits[tuners[i]] = origin - 80f;
        }

        Below = [.. _logits];
        Above = [.. _logits];
        float greatest = origin - 8f;
        foreach (int tuner in tuners)
        {
            Tune(ref _logits[tuner], origin - 80f, greatest);
            greatest -= 5.5f;
        }
    }

    // Integers in the order of the floats.
    private static long Rank(float value)
    {
        int bits = BitConverter.SingleToInt32Bits(value);
        return bits < 0 ? -(bits & 0x7fffffffL) : bits;
    }

    private static float OfRank(long rank) =>
        BitConverter.UInt32BitsToSingle(rank < 0 ? 0x80000000u | (uint)-rank : (uint)rank);

    private int AnotherClass()
    {
        while (true)
        {
            int j = _random.Below(_logits.Length);
            if (j != Label && (_watched != Watched.Gradient || j != _watchedClass))
            {
                return j;
            }
        }
    }

    private int WatchedBits()
    {
        SoftmaxCrossEntropy.Gradient(
            _logits,
            _label,
            _logits.Length,
            _gradient,
            rows: new() { Losses = _loss },
            execution: new() { Backend = backend });
        return BitConverter.SingleToInt32Bits(_watched switch
        {
            Watched.Loss => _loss[0],
            Watched.Gradient => _gradient[_watchedClass],
            _ => _gradient[Label],
        });
    }

    // Bisects for the greatest logit that leaves the watched result as it is at low.
    private void Tune(ref float logit, float low, float high)
    {
        logit = low;
        int bits = WatchedBits();
        long same = Rank(low);
        long other = Rank(high);
        logit = high;
        bool changes = WatchedBits() != bits;
        while (changes && other - same > 1)
        {
            long middle = same + ((other - same) / 2);
            logit = OfRank(middle);
            if (WatchedBits() == bits)
            {
                same = middle;
            }
            else
            {
                other = middle;
            }
        }

        if (changes)
        {
            logit = OfRank(other);
            Above = [.. _logits];
        }

        logit = OfRank(same);
        if (changes)
        {
            Below = [.. _logits];
        }
    }
}
