using System.Diagnostics;
using System.Runtime.InteropServices;

namespace NativeXent.Interop;

/// <summary>The native library: loads it once, makes sure that it is the right one, and calls it.</summary>
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

    internal static void SoftmaxCrossEntropy(in SoftmaxCrossEntropyJob job)
    {
        nxent_softmax_cross_entropy_args args = new()
        {
            struct_size = (nuint)sizeof(nxent_softmax_cross_entropy_args),
            batch_size = job.BatchSize,
            num_classes = job.Classes,
            row_begin = job.RowBegin,
            row_end = job.RowEnd,
            logits = job.Logits,
            labels = job.Labels,
            grad = job.Gradient,
            loss = job.Losses,
        };
        nxent_label_error labelError;
        int status = NativeMethods.nxent_softmax_cross_entropy(&args, &labelError);
        if (status != (int)nxent_status.NXENT_OK)
        {
            ThrowForStatus(status, labelError, job.Classes);
        }
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

    // The facade has checked everything, so only labels that another thread changed meanwhile lead here.
    private static void ThrowForStatus(int status, nxent_label_error labelError, nuint classes)
    {
        throw status == (int)nxent_status.NXENT_ERROR_LABEL_RANGE
            ? Errors.LabelOutOfRange(labelError.row, labelError.label, classes)
            : new UnreachableException($"The native library refused checked arguments: {StatusMessage(status)}");
    }
}
