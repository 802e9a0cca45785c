namespace NativeXent.Tests.Support;

/// <summary>A kind of logits: how to fill a row that has a label.</summary>
public sealed class RowKind
{
    /// <summary>What a row of logits may hold and still have a gradient.</summary>
    public static readonly float[] FiniteSpecials =
    [
        0f, -0f, float.Epsilon, -float.Epsilon, BitConverter.UInt32BitsToSingle(0x007fffff),
        BitConverter.UInt32BitsToSingle(0x807fffff), MinNormal, -MinNormal, 1.1920929e-07f, 1f, -1f, 88f, -88f, 104f,
        -104f, 1e3f, -1e3f, 8192f, -8192f, 8192.001f, 1e6f, -1e6f, 1e30f, -1e30f, float.MaxValue, -float.MaxValue,
    ];

    /// <summary>NaN in every form: quiet, negative, signalling, with payloads.</summary>
    public static readonly float[] NaNs =
    [
        .. new uint[]
        {
            0x7fc00000, 0xffc00000, 0x7f800001, 0xff800001, 0x7fffffff, 0xffffffff, 0x7fa12345, 0xffd54321,
        }.Select(BitConverter.UInt32BitsToSingle),
    ];

    private const float MinNormal = 1.17549435e-38f;

    // The distance between blocks that a row's greatest logit and its block boundaries divide.
    private const int Block = 4096;

    private readonly Action<SplitMix64, float[], int> _fill;

    private RowKind(string name, Action<SplitMix64, float[], int> fill)
    {
        Name = name;
        _fill = fill;
    }

    /// <summary>Finite everywhere, but for −∞ at classes other than the label.</summary>
    public static IReadOnlyList<RowKind> Ordinary { get; } =
    [
        .. new[] { 0.1, 1, 6, 20 }.Select(Normal),
        Each("uniform ±100", random => random.Uniform(100)),
        Each("uniform ±8300", random => random.Uniform(8300)),
        .. new[] { 1e3f, -1e3f, 1e6f, -1e6f }.Select(Offset),
        .. new[] { 1e30f, -1e30f }.Select(HugeOffset),
        new("two values", TwoValues),
        new("all equal", (random, z, _) => Array.Fill(z, random.Uniform(9000))),
        Dominated(37, byLabel: true),
        Dominated(37, byLabel: false),
        Dominated(110, byLabel: true),
        Dominated(110, byLabel: false),
        new("label at −300", LabelFarBelow),
        new("−∞ sprinkled", Sprinkled),
        Each("denormals", random => random.Denormal()),
        Each("±max and 0", random => random.Element<float>([float.MaxValue, -float.MaxValue, 0f])),
        Each("any finite", random => random.AnyFinite()),
        Each("special values", random => random.OneIn(3) ? random.Element<float>(FiniteSpecials) : random.Normal(3)),
        new("blocks apart", BlocksApart),
        new("around the flush", AroundTheFlush),
    ];

    /// <summary>What gives NaN, or −1 and an infinite loss.</summary>
    public static IReadOnlyList<RowKind> Exceptional { get; } =
    [
        With("one NaN", random => random.Element<float>(NaNs)),
        With("one +∞", _ => float.PositiveInfinity),
        new("all −∞", (_, z, _) => Array.Fill(z, float.NegativeInfinity)),
        new("label at −∞", LabelAtMinusInfinity),
    ];

    public static IReadOnlyList<RowKind> All { get; } = [.. Ordinary, .. Exceptional];

    public static RowKind Named(string name) => All.Single(kind => kind.Name == name);

    public string Name { get; }

    public void Fill(SplitMix64 random, float[] logits, int label) => _fill(random, logits, label);

    public static RowKind Normal(double sigma) =>
        Each(FormattableString.Invariant($"normal σ {sigma}"), random => random.Normal(sigma));

    private static RowKind Each(string name, Func<SplitMix64, float> logit) =>
        new(name, (random, z, _) => FillEach(random, z, logit));

    private static void FillEach(SplitMix64 random, float[] z, Func<SplitMix64, float> logit)
    {
        for (int j = 0; j < z.Length; j++)
        {
            z[j] = logit(random);
        }
    }

    private static RowKind Offset(float offset) =>
        Each(FormattableString.Invariant($"offset {offset:g}"), random => offset + random.Normal(3));

    // Neighbours of the offset: they are 2^76 apart.
    private static RowKind HugeOffset(float offset) =>
        Each(
            FormattableString.Invariant($"offset {offset:g}"),
            random => BitConverter.UInt32BitsToSingle(Bits.Of(offset) + (uint)random.Below(3)));

    private static void TwoValues(SplitMix64 random, float[] z, int label)
    {
        float one = random.Uniform(100);
        float other = one + random.Element<float>([0.5f, 20f, 90f]);
        FillEach(random, z, r => r.OneIn(2) ? one : other);
    }

    private static RowKind Dominated(float by, bool byLabel) =>
        new(
            FormattableString.Invariant($"{(byLabel ? "label" : "a class")} above the others by {by}"),
            (random, z, label) =>
            {
                FillEach(random, z, r => r.Normal(1));
                float greatest = z.Max();
                z[byLabel ? label : random.Below(z.Length)] = greatest + by;
            });

    private static void LabelFarBelow(SplitMix64 random, float[] z, int label)
    {
        FillEach(random, z, r => r.Normal(1));
        z[label] = -300;
    }

    private static void Sprinkled(SplitMix64 random, float[] z, int label)
    {
        FillEach(random, z, r => r.OneIn(2) ? float.NegativeInfinity : r.Normal(6));
        z[label] = random.Normal(6);
    }

    private static void LabelAtMinusInfinity(SplitMix64 random, float[] z, int label)
    {
        FillEach(random, z, r => r.Normal(6));
        z[label] = float.NegativeInfinity;
    }

    private static void BlocksApart(SplitMix64 random, float[] z, int label)
    {
        ReadOnlySpan<float> levels =
        [
            0f, 80f, -80f, 700f, -700f, 3000f, -3000f, 8190f, -8190f, 8194f, -9000f, 1e5f, float.NegativeInfinity,
        ];
        float level = 0;
        for (int j = 0; j < z.Length; j++)
        {
            if (j % Block == 0)
            {
                level = random.Element(levels);
            }

            z[j] = level + random.Normal(1);
        }

        if (float.IsNegativeInfinity(z[label]))
        {
            z[label] = 0;
        }
    }

    // Probabilities on both sides of the smallest normal number.
    private static void AroundTheFlush(SplitMix64 random, float[] z, int label)
    {
        float level = random.Uniform(9000);
        FillEach(random, z, r => level - 87 + r.Uniform(4));
        z[random.OneIn(2) ? label : random.Below(z.Length)] = level;
    }

    private static RowKind With(string name, Func<SplitMix64, float> logit) =>
        new(name, (random, z, _) =>
        {
            FillEach(random, z, r => r.Normal(6));
            z[random.Below(z.Length)] = logit(random);
        });
}
