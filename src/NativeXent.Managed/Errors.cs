namespace NativeXent;

/// <summary>One factory per message.</summary>
internal static class Errors
{
    internal static ArgumentOutOfRangeException ClassesNotPositive(nint classes) =>
        new(nameof(classes), classes, $"The number of classes is {classes}; it must be at least 1.");

    internal static ArgumentOutOfRangeException BatchSizeNegative(nint batchSize) =>
        new(nameof(batchSize), batchSize, $"The batch size is {batchSize}; it must not be negative.");

    internal static ArgumentException LogitsLength(int logits, int labels, int classes) =>
        new(
            $"There are {logits} logits, but {labels} labels of {classes} classes need {(long)labels * classes}.",
            nameof(logits));

    internal static ArgumentException DestinationLength(int destination, int logits) =>
        new($"The destination has {destination} elements, but there are {logits} logits.", nameof(destination));

    internal static ArgumentException LossesLength(int losses, int labels) =>
        new($"There is room for {losses} losses, but there are {labels} labels.", nameof(losses));

    internal static ArgumentException SizeOverflow(nint batchSize, nint classes) =>
        new(
            $"{batchSize} rows of {classes} classes are more than the address space holds.", nameof(batchSize));

    internal static ArgumentException Misaligned(string parameter) =>
        new("The pointer is not aligned to its element type (4 bytes).", parameter);

    internal static ArgumentOutOfRangeException LabelOutOfRange(nuint row, long labels, nuint classes) =>
        new(
            nameof(labels), labels, $"The label of row {row} is {labels}, which is outside [0, {classes}).");

    internal static ArgumentException Overlap(string output, string other) =>
        new(
            output == "destination" && other == "logits"
                ? "The destination overlaps the logits in part. It must be the logits themselves, or apart from them."
                : $"The memory of {output} overlaps that of {other}.",
            output);
}
