using System.Runtime.InteropServices;

namespace NativeXent.Checks;

/// <summary>A sample of logits, checked; and what a batch of them needs.</summary>
internal readonly struct Shape
{
    private Shape(nuint classes, nuint innerSize, nuint sampleLength)
    {
        Classes = classes;
        InnerSize = innerSize;
        SampleLength = sampleLength;
    }

    internal nuint Classes { get; }

    internal nuint InnerSize { get; }

    /// <summary>Elements of a sample, without the gap to the next.</summary>
    internal nuint SampleLength { get; }

    /// <exception cref="ArgumentException">Classes or inner size are not positive, or too large together.</exception>
    internal static Shape Of(in LogitsLayout layout)
    {
        if (layout.Classes < 1)
        {
            throw Errors.ClassesNotPositive(layout.Classes, nameof(layout));
        }

        if (layout.InnerSize < 1)
        {
            throw Errors.InnerSizeNotPositive(layout.InnerSize);
        }

        nuint classes = (nuint)layout.Classes;
        nuint innerSize = (nuint)layout.InnerSize;
        return TryMultiply(classes, innerSize, out nuint sampleLength)
            ? new(classes, innerSize, sampleLength)
            : throw Errors.SampleOverflow(layout.Classes, layout.InnerSize);
    }

    /// <summary>The stride that a property of the layout means.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is smaller than a sample.</exception>
    internal nuint Stride(nint value, string property) =>
        value == 0 ? SampleLength
        : value > 0 && (nuint)value >= SampleLength ? (nuint)value
        : throw Errors.StrideTooSmall(property, value, this);

    /// <summary>The number of samples that have so many elements.</summary>
    /// <exception cref="ArgumentException">There is no such number.</exception>
    internal nuint BatchOfElements(int length, nuint stride, Argument argument)
    {
        (nuint batchSize, nuint rest) = Math.DivRem((nuint)length, stride);
        return rest == 0 ? batchSize
            : rest >= SampleLength ? batchSize + 1
            : throw Errors.NoWholeSamples(argument, length, stride, this);
    }

    /// <summary>Makes sure that a span holds a batch, to the end of the last sample or of its stride.</summary>
    /// <exception cref="ArgumentException">It does not.</exception>
    internal void CheckLength(int length, nuint batchSize, nuint stride, Argument argument)
    {
        if (!TryMultiply(batchSize, stride, out nuint most) || (nuint)length > most
            || (nuint)length < most - (batchSize == 0 ? 0 : stride - SampleLength))
        {
            throw Errors.Length(argument, length, batchSize, stride, this);
        }
    }

    /// <summary>Makes sure that memory laid out as logits are ends before the address space does.</summary>
    /// <exception cref="ArgumentException">It does not.</exception>
    internal unsafe void CheckSize(void* start, nuint elementSize, nuint batchSize, nuint stride)
    {
        bool fits = TryMultiply(batchSize - 1, stride, out nuint lastSample);
        fits &= lastSample <= nuint.MaxValue - SampleLength;
        fits &= TryMultiply(lastSample + SampleLength, elementSize, out nuint bytes);
        if (start is not null && (!fits || bytes > nuint.MaxValue - (nuint)start))
        {
            throw Errors.SizeOverflow(batchSize, stride, this);
        }
    }

    /// <summary>Makes sure that memory with one element for each row ends before the address space does.</summary>
    /// <exception cref="ArgumentException">It does not.</exception>
    internal unsafe void CheckSize(void* start, nuint elementSize, nuint batchSize)
    {
        bool fits = TryMultiply(batchSize, InnerSize, out nuint rows);
        fits &= TryMultiply(rows, elementSize, out nuint bytes);
        if (start is not null && (!fits || bytes > nuint.MaxValue - (nuint)start))
        {
            throw Errors.SizeOverflow(batchSize, SampleLength, this);
        }
    }

    /// <summary>The bytes of memory laid out as logits are, gaps included, whose size has been checked.</summary>
    internal nuint MatrixSize(nuint elementSize, nuint batchSize, nuint stride) =>
        (((batchSize - 1) * stride) + SampleLength) * elementSize;

    /// <summary>Writes zeros to a batch whose size has been checked, and nothing to the gaps.</summary>
    internal unsafe void Clear(void* start, nuint elementSize, nuint batchSize, nuint stride)
    {
        for (nuint sample = 0; sample < batchSize; sample++)
        {
            NativeMemory.Clear((byte*)start + (sample * stride * elementSize), SampleLength * elementSize);
        }
    }

    /// <summary>What a batch is called in a message.</summary>
    internal string Describe(nuint batchSize, nuint stride) =>
        $"{batchSize} {Describe(batchSize == 1, stride)}";

    internal string Describe(bool one, nuint stride) =>
        (InnerSize == 1
            ? $"{(one ? "row" : "rows")} of {Classes} classes"
            : $"{(one ? "sample" : "samples")} of {Classes} classes and {InnerSize} positions")
        + (stride == SampleLength ? string.Empty : $", {stride} elements apart,");

    private static bool TryMultiply(nuint a, nuint b, out nuint product)
    {
        ulong high = Math.BigMul(a, b, out ulong low);
        product = (nuint)low;
        return high == 0 && low <= nuint.MaxValue;
    }
}
