using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;

namespace NativeXent.Interop;

/// <summary>Where the native library's file may be, best first.</summary>
internal static class LibraryCandidates
{
    // With its prefix on Windows too, where nativexent.dll would be the name of this assembly.
    internal const string PrefixedName = $"lib{NativeMethods.LibraryName}";

    private static Assembly Assembly => typeof(LibraryCandidates).Assembly;

    private static string FileName =>
        PrefixedName + (OperatingSystem.IsWindows() ? ".dll" : OperatingSystem.IsMacOS() ? ".dylib" : ".so");

    // Not RuntimeInformation.RuntimeIdentifier, which may name a distribution. The Linux library serves every libc.
    private static string InPackage => Path.Combine(
        "runtimes",
        (OperatingSystem.IsWindows() ? "win-" : OperatingSystem.IsMacOS() ? "osx-" : "linux-")
            + RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant(),
        "native",
        FileName);

    /// <summary>
    /// Where the library comes to lie with a program: this assembly's folder, which for a plugin is not the program's, the
    /// program's, and the folders of what the program depends on; in each, the file itself or the layout of a package.
    /// </summary>
    internal static IEnumerable<string> OfTheProgram()
    {
        string? own = AssemblyFolder();
        IEnumerable<string> folders =
            ((string?[])[own, AppContext.BaseDirectory])
            .Concat((AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "").Split(Path.PathSeparator))
            .OfType<string>()
            .Where(folder => folder.Length > 0);
        IEnumerable<string> paths = folders.SelectMany(
            folder => (string[])[Path.Combine(folder, FileName), Path.Combine(folder, InPackage)]);
        // In a package itself, as in NuGet's cache, the assembly's folder is lib/<framework>.
        bool isInPackage = Path.GetFileName(Path.GetDirectoryName(own)) == "lib";
        return (isInPackage ? paths.Append(Path.Combine(own!, "..", "..", InPackage)) : paths)
            .Select(Path.GetFullPath)
            .Distinct();
    }

    /// <summary>
    /// The files that the system's search would come to. On Linux they are looked at, too, before its loader has them; on
    /// other systems, whose loaders look themselves, there are none.
    /// </summary>
    internal static IEnumerable<string> OfTheSystem()
    {
        if (!OperatingSystem.IsLinux())
        {
            return [];
        }

        string[] folders =
        [
            .. (Environment.GetEnvironmentVariable("LD_LIBRARY_PATH") ?? "").Split(':', ';'),
            "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib",
        ];
        return folders.Where(folder => folder.Length > 0).Select(folder => Path.GetFullPath(Path.Combine(folder, FileName)))
            .Concat(InLoaderCache("/etc/ld.so.cache"))
            .Where(File.Exists)
            .Distinct();
    }

    // The cache of glibc's loader has whole paths, each ended by a zero.
    private static IEnumerable<string> InLoaderCache(string cache)
    {
        try
        {
            return Encoding.UTF8.GetString(File.ReadAllBytes(cache))
                .Split('\0')
                .Where(path => path.EndsWith($"/{FileName}", StringComparison.Ordinal));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    [UnconditionalSuppressMessage(
        "SingleFile", "IL3000", Justification = "Empty in a single file, where the other folders serve.")]
    private static string? AssemblyFolder() => Path.GetDirectoryName(Assembly.Location);
}
