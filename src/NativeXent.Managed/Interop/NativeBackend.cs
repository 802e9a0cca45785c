using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using NativeXent.Jobs;

namespace NativeXent.Interop;

/// <summary>The native library: loads it once, makes sure that it is the right one, and calls it.</summary>
[SkipLocalsInit]
internal static unsafe class NativeBackend
{
    private static readonly NativeLibraryLoader.Result Library = NativeLibraryLoader.Load();

    /// <summary>Why <see cref="InstructionSetVariable"/> could not be honoured, or null.</summary>
    internal static string? VariableProblem { get; } =
        IsAvailable ? InstructionSetVariable.Honour("native", ForceInstructionSet) : null;

    internal static bool IsAvailable => Library.Reason is null;

    /// <summary>Why the native library is not in use, or null.</summary>
    internal static string? UnavailableReason => Library.Reason;

    internal static string? LibraryPath => Library.Path;

    /// <summary>Whether the native library is linked into the program.</summary>
    internal static bool IsLinked => Library.IsLinked;

    internal static string? LibraryVersion => IsAvailable ? Text(NativeMethods.nxent_version()) : null;

    internal static string ActiveInstructionSet => Text(NativeMethods.nxent_active_isa())!;

    internal static string[] UsableInstructionSets
    {
        get
        {
            List<string> names = [];
            for (nuint i = 0; Text(NativeMethods.nxent_usable_isa(i)) is { } name; i++)
            {
                names.Add(name);
            }

            return [.. names];
        }
    }

    internal static NativeXentUnavailableException Unavailable() =>
        new($"The native library cannot be used. {Library.Reason}", Library.Cause);

    internal static void SoftmaxCrossEntropy(in SoftmaxCrossEntropyJob job, out Totals totals)
    {
        nxent_totals sums = default;
        nxent_label_error labelError;
        nxent_softmax_cross_entropy_args args = Args(job, &sums);
        int status = NativeMethods.nxent_softmax_cross_entropy(&args, &labelError);
        ThrowUnlessOk(status, labelError, job);
        totals = Managed(sums);
    }

    internal static void SoftmaxCrossEntropyPart(in RowPartJob job, out Totals totals)
    {
        nxent_totals sums = default;
        nxent_label_error labelError;
        nxent_softmax_cross_entropy_args args = Args(job.Row, &sums);
        nxent_row_part part = new()
        {
            struct_size = (nuint)sizeof(nxent_row_part),
            pass = (int)job.Pass,
            class_begin = job.ClassBegin,
            class_end = job.ClassEnd,
            row_sums = job.RowSums,
        };
        int status = NativeMethods.nxent_softmax_cross_entropy_part(&args, &part, &labelError);
        ThrowUnlessOk(status, labelError, job.Row);
        totals = Managed(sums);
    }

    internal static void Softmax(in SoftmaxJob job)
    {
        nxent_softmax_args args = new()
        {
            struct_size = (nuint)sizeof(nxent_softmax_args),
            element_type = (int)job.ElementType,
            flags = Flag(job.Log, nxent_flags.NXENT_LOG),
            batch_size = job.BatchSize,
            num_classes = job.Classes,
            inner_size = job.InnerSize,
            row_begin = job.RowBegin,
            row_end = job.RowEnd,
            logits = job.Logits,
            logits_stride = job.LogitsStride,
            output = job.Output,
            output_stride = job.OutputStride,
            lse = job.LogSumExp,
            workspace = job.Workspace,
            workspace_size = job.WorkspaceSize,
        };
        ThrowUnlessOk(NativeMethods.nxent_softmax(&args));
    }

    internal static void SoftmaxBackward(in SoftmaxBackwardJob job)
    {
        nxent_softmax_backward_args args = new()
        {
            struct_size = (nuint)sizeof(nxent_softmax_backward_args),
            element_type = (int)job.ElementType,
            flags = Flag(job.Log, nxent_flags.NXENT_LOG) | Flag(job.Accumulate, nxent_flags.NXENT_ACCUMULATE),
            batch_size = job.BatchSize,
            num_classes = job.Classes,
            inner_size = job.InnerSize,
            row_begin = job.RowBegin,
            row_end = job.RowEnd,
            output = job.Output,
            output_stride = job.OutputStride,
            upstream = job.Upstream,
            upstream_stride = job.UpstreamStride,
            grad = job.Gradient,
            grad_stride = job.GradientStride,
        };
        ThrowUnlessOk(NativeMethods.nxent_softmax_backward(&args));
    }

    internal static void SigmoidCrossEntropy(in SigmoidCrossEntropyJob job, out Totals totals)
    {
        nxent_totals sums = default;
        nxent_sigmoid_cross_entropy_args args = new()
        {
            struct_size = (nuint)sizeof(nxent_sigmoid_cross_entropy_args),
            element_type = (int)job.ElementType,
            flags = Flag(job.Accumulate, nxent_flags.NXENT_ACCUMULATE),
            size = job.Size,
            begin = job.Begin,
            end = job.End,
            logits = job.Logits,
            targets = job.Targets,
            grad = job.Gradient,
            loss = job.Losses,
            weights = job.Weights,
            upstream = job.Upstream,
            positive_weights = job.PositiveWeights,
            num_classes = job.Classes,
            totals = job.WantsTotals ? &sums : null,
            label_smoothing = job.LabelSmoothing,
            grad_scale = job.GradScale,
        };
        ThrowUnlessOk(NativeMethods.nxent_sigmoid_cross_entropy(&args));
        totals = Managed(sums);
    }

    internal static void Linear(in LinearJob job)
    {
        nxent_linear_args args = new()
        {
            struct_size = (nuint)sizeof(nxent_linear_args),
            input_type = (int)job.InputType,
            weight_type = (int)job.WeightType,
            flags = Flag(job.Accumulate, nxent_flags.NXENT_ACCUMULATE),
            batch_size = job.BatchSize,
            num_features = job.Features,
            num_outputs = job.Outputs,
            row_begin = job.RowBegin,
            row_end = job.RowEnd,
            column_begin = job.ColumnBegin,
            column_end = job.ColumnEnd,
            input = job.Input,
            input_stride = job.InputStride,
            weight = job.Weight,
            weight_stride = job.WeightStride,
            bias = job.Bias,
            output = job.Output,
            output_stride = job.OutputStride,
            output_grad = job.OutputGradient,
            output_grad_stride = job.OutputGradientStride,
            input_grad = job.InputGradient,
            input_grad_stride = job.InputGradientStride,
            weight_grad = job.WeightGradient,
            weight_grad_stride = job.WeightGradientStride,
            bias_grad = job.BiasGradient,
            workspace = job.Workspace,
            workspace_size = job.WorkspaceLength * sizeof(float),
        };
        ThrowUnlessOk(job.Operation switch
        {
            LinearOperation.Forward => NativeMethods.nxent_linear_forward(&args),
            LinearOperation.InputGradient => NativeMethods.nxent_linear_input_gradient(&args),
            _ => NativeMethods.nxent_linear_weight_gradient(&args),
        });
    }

    /// <summary>Null on success, otherwise why the instruction set cannot be used; then nothing changes.</summary>
    internal static string? ForceInstructionSet(string name)
    {
        fixed (byte* utf8 = System.Text.Encoding.UTF8.GetBytes(name + '\0'))
        {
            int status = NativeMethods.nxent_force_isa(utf8);
            return status == (int)nxent_status.NXENT_OK ? null : StatusMessage(status);
        }
    }

    internal static string StatusMessage(int status) => Text(NativeMethods.nxent_status_message(status))!;

    internal static string? Text(byte* utf8) => Marshal.PtrToStringUTF8((nint)utf8);

    private static uint Flag(bool isSet, nxent_flags flag) => isSet ? (uint)flag : 0;

    private static Totals Managed(in nxent_totals totals) =>
        new()
        {
            Loss = totals.loss,
            ZLoss = totals.z_loss,
            Weight = totals.weight,
            Rows = totals.rows,
            Correct = totals.correct,
        };

    private static nxent_softmax_cross_entropy_args Args(in SoftmaxCrossEntropyJob job, nxent_totals* sums) =>
        new()
        {
            struct_size = (nuint)sizeof(nxent_softmax_cross_entropy_args),
            element_type = (int)job.ElementType,
            target_type = (int)job.TargetType,
            flags = Flag(job.Accumulate, nxent_flags.NXENT_ACCUMULATE)
                | Flag(job.Ignores, nxent_flags.NXENT_IGNORE_INDEX)
                | Flag(job.CountCorrect, nxent_flags.NXENT_COUNT_CORRECT),
            batch_size = job.BatchSize,
            num_classes = job.Classes,
            inner_size = job.InnerSize,
            row_begin = job.RowBegin,
            row_end = job.RowEnd,
            logits = job.Logits,
            logits_stride = job.LogitsStride,
            targets = job.Targets,
            targets_stride = job.TargetsStride,
            grad = job.Gradient,
            grad_stride = job.GradientStride,
            class_weights = job.ClassWeights,
            upstream = job.Upstream,
            loss = job.Losses,
            lse = job.LogSumExp,
            z_loss = job.ZLosses,
            totals = job.WantsTotals || job.CountCorrect ? sums : null,
            ignore_index = job.IgnoreIndex,
            label_smoothing = job.LabelSmoothing,
            z_loss_scale = job.ZLossScale,
            scale = job.Scale,
            softcap = job.Softcap,
            grad_scale = job.GradScale,
            workspace = job.Workspace,
            workspace_size = job.WorkspaceSize,
        };

    private static void ThrowUnlessOk(int status, in nxent_label_error labelError, in SoftmaxCrossEntropyJob job)
    {
        if (status != (int)nxent_status.NXENT_OK)
        {
            // The facade has checked every label, so only one that another thread changed meanwhile leads here.
            throw status == (int)nxent_status.NXENT_ERROR_LABEL_RANGE
                ? Errors.LabelOutOfRange(labelError.row, labelError.label, job.Classes)
                : Refused(status);
        }
    }

    private static void ThrowUnlessOk(int status)
    {
        if (status != (int)nxent_status.NXENT_OK)
        {
            throw Refused(status);
        }
    }

    // The facade has checked everything.
    private static UnreachableException Refused(int status) =>
        new($"The native library refused checked arguments: {StatusMessage(status)}");
}
