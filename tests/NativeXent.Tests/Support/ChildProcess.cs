using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace NativeXent.Tests.Support;

/// <summary>Starts this assembly's own program, in a folder and an environment of the test's choice.</summary>
internal static class ChildProcess
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    // What would change the child's behaviour if the tests themselves run with it.
    private static readonly string[] Cleared =
    [
        InstructionSetVariable.Name, "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "GLIBC_TUNABLES",
        "DOTNET_EnableHWIntrinsic", "DOTNET_EnableAVX", "DOTNET_EnableAVX2", "DOTNET_EnableFMA",
    ];

    /// <summary>The file name of the tests' assembly.</summary>
    internal static string AssemblyName { get; } = $"{typeof(ChildProcess).Assembly.GetName().Name}.dll";

    private static string DotNet { get; } = Path.GetFullPath(Path.Combine(
        RuntimeEnvironment.GetRuntimeDirectory(),
        "../../..",
        OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet"));

    /// <summary>A process's report of itself.</summary>
    /// <param name="folder">Where the program is.</param>
    /// <param name="hash">The backends whose <see cref="ResultHash"/> is wanted: "native", "managed".</param>
    /// <param name="environment">What the process's environment has, and this one's has not.</param>
    internal static ChildReport Report(string folder, string[] hash, params (string Name, string Value)[] environment) =>
        Report<ChildReport>(folder, ["report", .. hash], environment);

    /// <summary>What the NativeXent of another folder reports in the process of a program.</summary>
    internal static PluginReport ReportPlugin(string folder, string plugin) =>
        Report<PluginReport>(folder, ["report-plugin", plugin], []);

    /// <summary>Runs a program that must succeed.</summary>
    /// <returns>Its standard output.</returns>
    internal static string Run(ProcessStartInfo start)
    {
        using Process process = Process.Start(start)
            ?? throw new InvalidOperationException($"{start.FileName} did not start.");
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Patience))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{start.FileName} has not ended after {Patience}.");
        }

        return process.ExitCode == 0
            ? output.Result
            : throw new InvalidOperationException(
                $"{string.Join(' ', [start.FileName, .. start.ArgumentList])}: {process.ExitCode}\n{error.Result}");
    }

    private static T Report<T>(string folder, string[] arguments, (string Name, string Value)[] environment)
        where T : class
    {
        ProcessStartInfo start = new(DotNet, ["exec", Path.Combine(folder, AssemblyName), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string name in Cleared)
        {
            start.Environment.Remove(name);
        }

        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        return JsonSerializer.Deserialize<T>(Run(start))
            ?? throw new InvalidDataException("The child process reported nothing.");
    }
}
