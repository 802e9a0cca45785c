using NativeXent.Checks;
using static System.FormattableString;

namespace NativeXent;

#pragma warning disable CA2208 // The parameters named are those of the public methods.

/// <summary>One factory per message.</summary>
internal static class Errors
{
    internal static NotSupportedException ElementTypeNotSupported(Type type) =>
        new($"The element type {type} is not supported. It must be float, double, System.Half or NativeXent.BFloat16.");

    internal static ArgumentOutOfRangeException ClassesNotPositive(nint classes, string parameter = "classes") =>
        new(parameter, classes, $"The number of classes is {classes}; it must be at least 1.");

    internal static ArgumentOutOfRangeException InnerSizeNotPositive(nint innerSize) =>
        new("layout", innerSize, $"The inner size is {innerSize}; it must be at least 1.");

    internal static ArgumentException SampleOverflow(nint classes, nint innerSize) =>
        new(
            $"A sample of {classes} classes and {innerSize} positions is more than the address space holds.", "layout");

    internal static ArgumentOutOfRangeException StrideTooSmall(string property, nint stride, Shape shape) =>
        new(
            "layout",
            stride,
            $"{property} is {stride}, but a {shape.Describe(one: true, shape.SampleLength)} has {shape.SampleLength} "
            + "elements.");

    internal static ArgumentOutOfRangeException BatchSizeNegative(nint batchSize) =>
        new(nameof(batchSize), batchSize, $"The batch size is {batchSize}; it must not be negative.");

    internal static ArgumentOutOfRangeException SizeNegative(nint size) =>
        new(nameof(size), size, $"The number of logits is {size}; it must not be negative.");

    internal static ArgumentException ElementsOverflow(nuint size) =>
        new($"{size} logits are more than the address space holds.", nameof(size));

    internal static ArgumentException SizeOverflow(nuint batchSize, nuint stride, Shape shape) =>
        new($"{shape.Describe(batchSize, stride)} are more than the address space holds.", nameof(batchSize));

    internal static ArgumentException NoWholeSamples(Argument argument, int length, nuint stride, Shape shape) =>
        new(
            $"The {Text(argument)} {Have(argument)} {length} elements, which is no whole number of "
            + $"{shape.Describe(one: false, stride).TrimEnd(',')}.",
            Parameter(argument));

    internal static ArgumentException Length(
        Argument argument, int length, nuint batchSize, nuint stride, Shape shape)
    {
        UInt128 most = (UInt128)batchSize * stride;
        UInt128 least = batchSize == 0 ? 0 : most - (stride - shape.SampleLength);
        string needed = least == most ? $"{least}" : $"{least} to {most}";
        return new(
            $"The {Text(argument)} {Have(argument)} {length} elements, but {shape.Describe(batchSize, stride)} "
            + $"{(batchSize == 1 ? "needs" : "need")} {needed}.",
            Parameter(argument));
    }

    internal static ArgumentException LogitsLength(int logits, int classes) =>
        new($"There are {logits} logits, which is no whole number of rows of {classes} classes.", nameof(logits));

    internal static ArgumentException LabelsLength(int labels, int rows) =>
        new($"There are {labels} labels, but {rows} rows.", nameof(labels));

    internal static ArgumentException DestinationLength(int destination, int logits) =>
        new($"The destination has {destination} elements, but there are {logits} logits.", nameof(destination));

    internal static ArgumentException LossesLength(int losses, int labels) =>
        new($"There is room for {losses} losses, but there are {labels} labels.", nameof(losses));

    internal static ArgumentException RowsLength(Argument argument, int length, nuint rows) =>
        new(
            $"The {Text(argument)} {Have(argument)} {length} elements, but there are {rows} rows.",
            Parameter(argument));

    internal static ArgumentException ElementsLength(Argument argument, int length, int logits) =>
        new(
            $"The {Text(argument)} {Have(argument)} {length} elements, but there are {logits} logits.",
            Parameter(argument));

    internal static ArgumentNullException Null(Argument argument, bool byPointers = false) =>
        new(Parameter(argument, byPointers), $"The pointer to the {Text(argument)} is null.");

    internal static ArgumentException NotOneKindOfTargets(int kinds) =>
        new(
            $"{kinds} of Labels32, Labels64 and Distributions are given; it must be just one of the three.",
            "pointers");

    internal static ArgumentException Misaligned(Argument argument, nuint elementSize, bool byPointers) =>
        new(
            $"The memory of the {Text(argument)} is not aligned to its element type ({elementSize} bytes).",
            Parameter(argument, byPointers));

    internal static ArgumentException Overlap(Argument output, Argument other, bool byPointers) =>
        new(
            $"The memory of the {Text(output)} overlaps that of the {Text(other)}"
            + (output == Argument.Destination && other is Argument.Logits or Argument.Softmax or Argument.LogSoftmax
                ? ", and is not the same memory with the same stride."
                : "."),
            Parameter(output, byPointers));

    internal static ArgumentOutOfRangeException LabelOutOfRange(
        nuint row, long labels, nuint classes, bool byPointers = false) =>
        new(
            Parameter(Argument.Labels, byPointers),
            labels,
            $"The label of row {row} is {labels}, which is outside [0, {classes}).");

    internal static ArgumentException ClassWeightsLength(int weights, nuint classes) =>
        new($"ClassWeights has {weights} elements, but there are {classes} classes.", "options");

    internal static ArgumentException IgnoreIndexWithDistributions() =>
        new("IgnoreIndex is set, but targets are distributions: they have no label to ignore.", "options");

    internal static ArgumentException NothingWanted(string details, string parameter) =>
        new($"Nothing is asked for: Reduction is None, {details}.", parameter);

    internal static ArgumentException MeanOutOfRange(double upstreamScale, double weight) =>
        new(
            Invariant(
                $"The gradient of a mean is scaled by UpstreamScale / weight, but {upstreamScale} / {weight} is not ")
            + "possible in finite numbers.",
            "options");

    internal static ArgumentOutOfRangeException NoReduction(Reduction value) =>
        new(nameof(value), value, $"Reduction is {(int)value}, which is no reduction.");

    internal static ArgumentOutOfRangeException OptionOutOfRange(string property, double value, string range) =>
        new(nameof(value), value, Invariant($"{property} is {value}; it must be {range}."));

    internal static ArgumentOutOfRangeException WeightOutOfRange(string property, int index, double value) =>
        new(nameof(value), value, Invariant($"{property}[{index}] is {value}; it must be finite and not negative."));

    internal static NotSupportedException LinearTypeNotSupported(Type type) =>
        new($"The element type {type} is not supported. It must be float, System.Half or NativeXent.BFloat16.");

    internal static ArgumentOutOfRangeException LinearSizeNotPositive(string property, nint size) =>
        new("layout", size, $"{property} is {size}; it must be at least 1.");

    internal static ArgumentOutOfRangeException MatrixStrideTooSmall(
        Argument argument, string property, nint stride, nint columns) =>
        new("layout", stride, $"{property} is {stride}, but a row of the {Text(argument)} has {columns} elements.");

    internal static ArgumentException NoWholeRows(Argument argument, int length, nuint columns, nuint stride) =>
        new(
            $"The {Text(argument)} has {length} elements, which is no whole number of "
            + $"{Rows(2, columns, stride).TrimEnd(',')}.",
            Parameter(argument));

    internal static ArgumentException MatrixLength(
        Argument argument, int length, nuint rows, nuint columns, nuint stride)
    {
        UInt128 most = (UInt128)rows * stride;
        UInt128 least = rows == 0 ? 0 : most - (stride - columns);
        string needed = least == most ? $"{least}" : $"{least} to {most}";
        return new(
            $"The {Text(argument)} has {length} elements, but {rows} {Rows(rows, columns, stride)} "
            + $"{(rows == 1 ? "needs" : "need")} {needed}.",
            Parameter(argument));
    }

    internal static ArgumentException MatrixOverflow(Argument argument, nuint rows, nuint columns, nuint stride) =>
        new(
            $"The {Text(argument)}, {rows} {Rows(rows, columns, stride).TrimEnd(',')}, is more than the address space holds.",
            Parameter(argument));

    internal static ArgumentNullException MatrixNull(Argument argument) =>
        new(Parameter(argument), $"The pointer to the {Text(argument)} is null.");

    internal static ArgumentException NoWeightOrBiasGradient() =>
        new("Nothing is asked for: there is room for neither the weight's gradient nor the bias's.", "weightGradient");

    internal static ArgumentOutOfRangeException WorkspaceNotPositive(long value) =>
        new(nameof(value), value, $"MaxWorkspaceBytes is {value}; it must be positive.");

    private static string Rows(nuint rows, nuint columns, nuint stride) =>
        $"{(rows == 1 ? "row" : "rows")} of {columns} elements"
        + (stride == columns ? string.Empty : $", {stride} elements apart,");

    private static string Text(Argument argument) =>
        argument switch
        {
            Argument.Logits => "logits",
            Argument.Labels => "labels",
            Argument.Distributions => "distributions",
            Argument.Targets => "targets",
            Argument.Destination => "destination",
            Argument.Softmax => "softmax",
            Argument.LogSoftmax => "log-softmax",
            Argument.RowLosses or Argument.ElementLosses => "losses",
            Argument.RowLogSumExp => "log-sum-exp",
            Argument.RowZLosses => "z-losses",
            Argument.ElementWeights => "weights",
            Argument.Input => "input",
            Argument.Weight => "weight",
            Argument.Bias => "bias",
            Argument.Output => "output",
            Argument.OutputGradient => "output gradient",
            Argument.InputGradient or Argument.HeadInputGradient => "input gradient",
            Argument.WeightGradient or Argument.HeadWeightGradient => "weight gradient",
            Argument.BiasGradient or Argument.HeadBiasGradient => "bias gradient",
            _ => "upstream gradient",
        };

    // The verb that goes with the text.
    private static string Have(Argument argument) => Text(argument)[^1] == 's' ? "have" : "has";

    private static string Parameter(Argument argument, bool byPointers = false) =>
        byPointers
            ? "pointers"
            : argument switch
            {
                Argument.Logits => "logits",
                Argument.Labels => "labels",
                Argument.Distributions => "distributions",
                Argument.Targets => "targets",
                Argument.Destination => "destination",
                Argument.Softmax => "softmax",
                Argument.LogSoftmax => "logSoftmax",
                Argument.Upstream => "upstream",
                Argument.Input => "input",
                Argument.Weight => "weight",
                Argument.Bias => "bias",
                Argument.Output => "output",
                Argument.OutputGradient => "outputGradient",
                Argument.InputGradient => "inputGradient",
                Argument.WeightGradient => "weightGradient",
                Argument.BiasGradient => "biasGradient",
                Argument.HeadInputGradient or Argument.HeadWeightGradient or Argument.HeadBiasGradient => "gradients",
                Argument.ElementWeights or Argument.ElementUpstream or Argument.ElementLosses => "elements",
                _ => "rows",
            };
}
