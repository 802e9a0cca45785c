using System.Diagnostics;
using NUnit.Framework;

namespace NativeXent.Tests.Support;

/// <summary>The machine's C compiler.</summary>
internal static class Compiler
{
    /// <summary>Compiles C source to a shared library; where there is no compiler, the test is skipped.</summary>
    internal static void BuildSharedLibrary(string source, string library)
    {
        string compiler = Find();
        string file = $"{library}.c";
        File.WriteAllText(file, source);
        _ = ChildProcess.Run(new(compiler, ["-shared", "-fPIC", "-o", library, file])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        });
    }

    private static string Find()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Ignore("This test builds a library with a Unix C compiler.");
        }

        foreach (string name in (string[])["cc", "gcc", "clang"])
        {
            foreach (string folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator))
            {
                string path = Path.Combine(folder, name);
                if (folder.Length > 0 && File.Exists(path))
                {
                    return path;
                }
            }
        }

        Assert.Ignore("There is no C compiler (cc, gcc, clang) to build a library with.");
        throw new UnreachableException();
    }
}
