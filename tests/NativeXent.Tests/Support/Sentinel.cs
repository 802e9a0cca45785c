namespace NativeXent.Tests.Support;

/// <summary>What lies in memory that must not be written.</summary>
public static class Sentinel
{
    /// <summary>A NaN that is not the canonical one, so that no result has these bits.</summary>
    public static readonly float Value = BitConverter.UInt32BitsToSingle(0xffa5a5a5);

    public static float[] Array(int length)
    {
        float[] values = new float[length];
        System.Array.Fill(values, Value);
        return values;
    }

    public static bool IsUntouched(ReadOnlySpan<float> values) =>
        Bits.Of(values).IndexOfAnyExcept(Bits.Of(Value)) < 0;
}
