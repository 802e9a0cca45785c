using NUnit.Framework;

namespace NativeXent.Tests.Support;

/// <summary>What a batch gave.</summary>
public sealed record Results(float[] Gradient, float[] Losses)
{
    /// <summary>Room for a batch's results, filled with what no result can be.</summary>
    public static Results For(Batch batch)
    {
        Results results = new(new float[batch.Logits.Length], new float[batch.Rows]);
        Array.Fill(results.Gradient, Sentinel.Value);
        Array.Fill(results.Losses, Sentinel.Value);
        return results;
    }

    /// <summary>Fails at the first bit that differs.</summary>
    public void ShouldEqual(Results expected, Batch batch, string what)
    {
        int g = Bits.FirstDifference(expected.Gradient, Gradient);
        if (g >= 0)
        {
            Assert.Fail(
                $"{what}: gradient of class {g % batch.Classes} is {Bits.Show(Gradient[g])}, not " +
                $"{Bits.Show(expected.Gradient[g])}; {batch.Describe(g / batch.Classes)}, label's logit " +
                $"{Bits.Show(batch.Logits[(g / batch.Classes * batch.Classes) + batch.Labels[g / batch.Classes]])}.");
        }

        int l = Bits.FirstDifference(expected.Losses, Losses);
        if (l >= 0)
        {
            Assert.Fail(
                $"{what}: loss is {Bits.Show(Losses[l])}, not {Bits.Show(expected.Losses[l])}; {batch.Describe(l)}.");
        }
    }
}
