using System.Runtime.InteropServices;

namespace NativeXent.Interop;

/// <summary>
/// Looks at a library's file before the system's loader does. Linux's believes what the headers say: of a file that is
/// cut off it maps memory beyond the end, of one that was filled up with zeros it follows null pointers, and either kills
/// the process. Here such a file is a reason not to load it.
/// </summary>
/// <remarks>
/// What is looked at: the format's own headers; that the file is a shared library for this processor; that everything the
/// headers place in the file lies within it; that what a loader reads first is not zeros; and that the file ends where the
/// headers say. A file that is too long was not written as a whole, so nothing tells that the rest is right; signatures
/// are accounted for in their headers. Nothing is read twice, nothing is run, and no content of a file is an exception.
/// </remarks>
internal static class LibraryFile
{
    private static LibraryFormat HostFormat =>
        OperatingSystem.IsWindows() ? LibraryFormat.PortableExecutable
        : OperatingSystem.IsMacOS() ? LibraryFormat.MachO
        : LibraryFormat.Elf;

    /// <summary>Why the file cannot be loaded into this process, or null.</summary>
    internal static string? Problem(string path)
    {
        try
        {
            return Problem(File.ReadAllBytes(path), HostFormat, RuntimeInformation.ProcessArchitecture);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"it cannot be read. {e.Message}";
        }
    }

    /// <summary>Why a file cannot be loaded, or null.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="format">The format of the system's libraries.</param>
    /// <param name="processor">What the process runs on.</param>
    internal static string? Problem(ReadOnlySpan<byte> file, LibraryFormat format, Architecture processor)
    {
        LibraryBytes bytes = new(file);
        return format switch
        {
            LibraryFormat.PortableExecutable => PortableExecutableFile.Problem(bytes, processor),
            LibraryFormat.MachO => MachOFile.Problem(bytes, processor),
            _ => ElfFile.Problem(bytes, processor),
        };
    }

    internal static string NotOfFormat(string format) => $"it is not a shared library ({format}).";

    internal static string ForAnotherProcessor(Architecture? machine, Architecture processor) =>
        $"it is for {(machine is { } known ? Name(known) : "another processor")}, this process runs on {Name(processor)}.";

    internal static string CutOff(string part, ulong end, ulong length) =>
        $"it is cut off: its {part} ends at byte {end}, the file at {length}.";

    internal static string Padded(ulong end, ulong length) =>
        $"it is padded: it ends at byte {end} by its headers, the file at {length}.";

    /// <summary>For parts that are there, but are not what they must be: overwritten, or filled up with zeros.</summary>
    internal static string Damaged(string part) => $"it is damaged: its {part} cannot be right.";

    internal static bool IsPowerOfTwo(ulong value) => value != 0 && (value & (value - 1)) == 0;

    private static string Name(Architecture processor) => processor.ToString().ToLowerInvariant();
}
