using System.Runtime.InteropServices;

namespace NativeXent.Tests.Support;

/// <summary>A folder with this assembly's program and the managed library, but without the native one.</summary>
internal sealed class AppFolder : IDisposable
{
    internal AppFolder()
    {
        foreach (string file in (string[])
            [
                ChildProcess.AssemblyName,
                System.IO.Path.ChangeExtension(ChildProcess.AssemblyName, ".runtimeconfig.json"),
                $"{typeof(NativeXentRuntime).Assembly.GetName().Name}.dll",
            ])
        {
            File.Copy(System.IO.Path.Combine(AppContext.BaseDirectory, file), System.IO.Path.Combine(Path, file));
        }
    }

    internal static string LibraryFileName { get; } =
        OperatingSystem.IsWindows() ? "libnativexent.dll"
        : OperatingSystem.IsMacOS() ? "libnativexent.dylib"
        : "libnativexent.so";

    /// <summary>The real native library.</summary>
    internal static string RealLibrary { get; } = System.IO.Path.Combine(AppContext.BaseDirectory, LibraryFileName);

    // Not in the system's temporary folder, whose path has symbolic links on some systems.
    internal string Path { get; } = Directory.CreateDirectory(System.IO.Path.Combine(
        AppContext.BaseDirectory, "child-programs", System.IO.Path.GetRandomFileName())).FullName;

    /// <summary>Where the native library belongs.</summary>
    internal string LibraryPath => System.IO.Path.Combine(Path, LibraryFileName);

    /// <summary>Where a package would bring it.</summary>
    internal string PackagedLibraryPath =>
        System.IO.Path.Combine(Path, "runtimes", RuntimeInformation.RuntimeIdentifier, "native", LibraryFileName);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
