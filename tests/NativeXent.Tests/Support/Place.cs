namespace NativeXent.Tests.Support;

/// <summary>
/// Where an argument's elements lie in an array that has more: before them, between samples and behind, elements that
/// no call may write.
/// </summary>
internal sealed record Place(int Samples, int Classes, int InnerSize = 1)
{
    private const int Guard = 16;

    /// <summary>How far the first element is off the guard, which decides its alignment.</summary>
    internal int Offset { get; init; }

    /// <summary>Elements between samples.</summary>
    internal int Gap { get; init; }

    internal int Begin => Guard + Offset;

    internal int Stride => SampleLength + Gap;

    /// <summary>From the first element to the last, gaps included.</summary>
    internal int Extent => (Samples * Stride) - Gap;

    internal int Length => Begin + Extent + Guard;

    private int SampleLength => Classes * InnerSize;

    internal int IndexOf(int row, int c) =>
        Begin + (row / InnerSize * Stride) + (c * InnerSize) + (row % InnerSize);

    internal string Describe(int index)
    {
        (int sample, int inSample) = Math.DivRem(index - Begin, Stride);
        if (index < Begin || sample >= Samples || inSample >= SampleLength)
        {
            return $"element {index - Begin}, outside";
        }

        (int c, int position) = Math.DivRem(inSample, InnerSize);
        int row = (sample * InnerSize) + position;
        return SampleLength == 1 ? $"element {row}" : $"row {row}, class {c}";
    }

    /// <summary>The first element outside that has changed, or null.</summary>
    internal string? Stray<T>(T[] before, T[] after)
        where T : unmanaged
    {
        int begin = 0;
        for (int sample = 0; sample <= Samples; sample++)
        {
            int end = sample < Samples ? Begin + (sample * Stride) : Length;
            int i = Elements.FirstDifference<T>(before.AsSpan(begin..end), after.AsSpan(begin..end));
            if (i >= 0)
            {
                return Describe(begin + i);
            }

            begin = end + SampleLength;
        }

        return null;
    }
}
