using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.InteropServices;

namespace NativeXent.Interop;

/// <summary>
/// Finds the native library and makes sure that it is the one this assembly was made for, before anything else is
/// called. Never throws: whatever goes wrong is a reason, and the managed implementation takes over.
/// </summary>
internal static unsafe class NativeLibraryLoader
{
    // Set where the package's build files have linked the library into the program, which only NativeAOT can.
    private const string LinkedSwitch = "NativeXent.StaticLink";

    private static Assembly Assembly => typeof(NativeLibraryLoader).Assembly;

    internal static Result Load()
    {
        try
        {
            return AppContext.TryGetSwitch(LinkedSwitch, out bool isLinked) && isLinked ? Linked()
                : OperatingSystem.IsBrowser() || OperatingSystem.IsWasi()
                    ? new Result(null, "There is no native library for WebAssembly.")
                : Find();
        }
#pragma warning disable CA1031 // Whatever a resolver of the application's throws, the managed implementation takes over.
        catch (Exception e)
#pragma warning restore CA1031
        {
            return new Result(null, $"Looking for the library failed. {e.Message}", e);
        }
    }

    // There is nothing to find, and no exports to look up: the linker has bound every P/Invoke.
    private static Result Linked()
    {
        string? problem = AbiMismatch(NativeMethods.nxent_abi_version())
            ?? VersionMismatch(NativeMethods.nxent_version())
            ?? SizeMismatch(i => NativeBackend.Text(NativeMethods.nxent_layout_name(i)), NativeMethods.nxent_layout_value);
        return problem is null
            ? new Result(null, null) { IsLinked = true }
            : new Result(null, $"The library that is linked into the program cannot be used: {problem}");
    }

    private static Result Find()
    {
        List<string> tried = [];
        bool isSafeToSearch = true;
        foreach (string path in LibraryCandidates.OfTheProgram().Concat(LibraryCandidates.OfTheSystem()))
        {
            if (!File.Exists(path))
            {
                tried.Add($"{path}: no such file.");
            }
            else if (LibraryFile.Problem(path) is { } unsound)
            {
                tried.Add($"{path}: {unsound}");
                isSafeToSearch = false;
            }
            else if (!TryLoad(path, out nint handle, out string? problem))
            {
                tried.Add($"{path}: {problem}");
            }
            else if (Mismatch(handle) is { } mismatch)
            {
                tried.Add($"{path}: {mismatch}");
                NativeLibrary.Free(handle);
            }
            else
            {
                return Adopt(handle, path);
            }
        }

        const string Elsewhere = $"{LibraryCandidates.PrefixedName}, from the system's search path";
        if (!isSafeToSearch)
        {
            // .NET's search, and the system's, come to the same folders, and would load what must not be loaded.
            tried.Add($"{Elsewhere}: not searched, because of what is wrong with a file above.");
        }
        // What an AssemblyLoadContext of the application finds, or the system by itself.
        else if (NativeLibrary.TryLoad(LibraryCandidates.PrefixedName, Assembly, null, out nint found))
        {
            if (Mismatch(found) is not { } mismatch)
            {
                return Adopt(found, null);
            }

            tried.Add($"{Elsewhere}: {mismatch}");
            NativeLibrary.Free(found);
        }
        else
        {
            tried.Add($"{Elsewhere}: not found.");
        }

        return new Result(null, $"No usable library was found. Tried:{string.Concat(tried.Select(t => $"\n  {t}"))}");
    }

    private static Result Adopt(nint handle, string? path)
    {
        try
        {
            NativeLibrary.SetDllImportResolver(
                Assembly, (name, _, _) => name == NativeMethods.LibraryName ? handle : 0);
            return new Result(path, null);
        }
        catch (InvalidOperationException e)
        {
            return new Result(path, e.Message, e);
        }
    }

    private static bool TryLoad(string path, out nint handle, [NotNullWhen(false)] out string? problem)
    {
        try
        {
            handle = NativeLibrary.Load(path);
            problem = null;
            return true;
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            handle = 0;
            problem = $"the system cannot load it. {e.Message.TrimEnd()}";
            return false;
        }
    }

    // Asked before the library is adopted, so by address and not by a P/Invoke.
    private static string? Mismatch(nint handle)
    {
        if (!NativeLibrary.TryGetExport(handle, nameof(NativeMethods.nxent_abi_version), out nint abiVersion))
        {
            return "it is not NativeXent's library.";
        }

        if (AbiMismatch(((delegate* unmanaged[Cdecl]<uint>)abiVersion)()) is { } abiMismatch)
        {
            return abiMismatch;
        }

        if (!NativeLibrary.TryGetExport(handle, nameof(NativeMethods.nxent_version), out nint version))
        {
            return $"it does not export {nameof(NativeMethods.nxent_version)}.";
        }

        if (VersionMismatch(((delegate* unmanaged[Cdecl]<byte*>)version)()) is { } versionMismatch)
        {
            return versionMismatch;
        }

        if (!NativeLibrary.TryGetExport(handle, nameof(NativeMethods.nxent_layout_name), out nint layoutName)
            || !NativeLibrary.TryGetExport(handle, nameof(NativeMethods.nxent_layout_value), out nint layoutValue))
        {
            return $"it does not export {nameof(NativeMethods.nxent_layout_name)} and its values.";
        }

        // Everything else that this assembly declares.
        string[] exports =
        [
            nameof(NativeMethods.cross_entropy_with_logits_grad),
            nameof(NativeMethods.nxent_softmax_cross_entropy),
            nameof(NativeMethods.nxent_softmax_cross_entropy_part),
            nameof(NativeMethods.nxent_softmax),
            nameof(NativeMethods.nxent_softmax_backward),
            nameof(NativeMethods.nxent_sigmoid_cross_entropy),
            nameof(NativeMethods.nxent_linear_forward),
            nameof(NativeMethods.nxent_linear_input_gradient),
            nameof(NativeMethods.nxent_linear_weight_gradient),
            nameof(NativeMethods.nxent_linear_workspace_size),
            nameof(NativeMethods.nxent_linear_softmax_cross_entropy),
            nameof(NativeMethods.nxent_linear_softmax_cross_entropy_workspace_size),
            nameof(NativeMethods.nxent_status_message),
            nameof(NativeMethods.nxent_active_isa),
            nameof(NativeMethods.nxent_usable_isa),
            nameof(NativeMethods.nxent_force_isa),
        ];
        return SizeMismatch(
                i => NativeBackend.Text(((delegate* unmanaged[Cdecl]<nuint, byte*>)layoutName)(i)),
                i => ((delegate* unmanaged[Cdecl]<nuint, nuint>)layoutValue)(i))
            ?? (exports.FirstOrDefault(name => !NativeLibrary.TryGetExport(handle, name, out _)) is { } missing
                ? $"it does not export {missing}."
                : null);
    }

    // Another release computes other bits, or counts other rows, with the same structures.
    private static string? VersionMismatch(byte* version) =>
        NativeBackend.Text(version) is var text && text == ThisAssembly.Version
            ? null
            : $"it is version {text}, this assembly is {ThisAssembly.Version}.";

    // Builds of one version, during its development, can still differ in this and in the structures.
    private static string? AbiMismatch(uint version) =>
        version == NativeMethods.NXENT_ABI_VERSION
            ? null
            : $"it has ABI version {version}, this assembly needs {NativeMethods.NXENT_ABI_VERSION}.";

    private static string? SizeMismatch(Func<nuint, string?> layoutName, Func<nuint, nuint> layoutValue)
    {
        Dictionary<string, int> expected = new()
        {
            [nameof(nxent_softmax_cross_entropy_args)] = sizeof(nxent_softmax_cross_entropy_args),
            [nameof(nxent_row_part)] = sizeof(nxent_row_part),
            [nameof(nxent_label_error)] = sizeof(nxent_label_error),
            [nameof(nxent_totals)] = sizeof(nxent_totals),
            [nameof(nxent_softmax_args)] = sizeof(nxent_softmax_args),
            [nameof(nxent_softmax_backward_args)] = sizeof(nxent_softmax_backward_args),
            [nameof(nxent_sigmoid_cross_entropy_args)] = sizeof(nxent_sigmoid_cross_entropy_args),
            [nameof(nxent_linear_args)] = sizeof(nxent_linear_args),
        };
        for (nuint i = 0; layoutName(i) is { } name; i++)
        {
            if (expected.Remove(name, out int size) && layoutValue(i) != (nuint)size)
            {
                return $"its {name} has {layoutValue(i)} bytes, this assembly's {size}.";
            }
        }

        return expected.Count == 0 ? null : $"it has no {expected.Keys.First()}.";
    }

    /// <param name="Path">The library's path, where it is known.</param>
    /// <param name="Reason">Why the library cannot be used, or null where it can.</param>
    /// <param name="Cause">The exception behind the reason.</param>
    internal sealed record Result(string? Path, string? Reason, Exception? Cause = null)
    {
        /// <summary>Whether the library is part of the program.</summary>
        internal bool IsLinked { get; init; }
    }
}
