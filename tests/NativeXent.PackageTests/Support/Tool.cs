using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace NativeXent.PackageTests.Support;

/// <summary>Starts programs.</summary>
internal static class Tool
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(30);

    // What would change the programs' behaviour, or the build's, if the tests themselves run with it.
    private static readonly string[] Cleared =
        ["MSBUILD", "NATIVEXENT_", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DOTNET_HOST_PATH", "VSTEST_", "COVERLET_"];

    internal static string DotNet { get; } = Path.GetFullPath(Path.Combine(
        RuntimeEnvironment.GetRuntimeDirectory(),
        "../../..",
        OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet"));

    /// <summary>The path of the first of several programs that is there, or null.</summary>
    internal static string? Find(params string[] names) =>
        (from name in names
         from folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Append("/usr/lib/wine")
         let path = Path.Combine(folder, name)
         where folder.Length > 0 && File.Exists(path)
         select path).FirstOrDefault();

    internal static Outcome Run(
        string program,
        IEnumerable<string> arguments,
        string? folder = null,
        params (string Name, string Value)[] environment)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            WorkingDirectory = folder ?? Path.GetTempPath(),
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        foreach (string name in start.Environment.Keys.Where(IsCleared).ToArray())
        {
            start.Environment.Remove(name);
        }

        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)
            ?? throw new InvalidOperationException($"{program} did not start.");
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Patience))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} has not ended after {Patience}.");
        }

        return new Outcome($"{program} {string.Join(' ', arguments)}", process.ExitCode, output.Result, error.Result);
    }

    /// <summary>A dotnet command. No process of it stays behind.</summary>
    internal static Outcome RunDotNet(
        IEnumerable<string> arguments, string folder, params (string Name, string Value)[] environment) =>
        Run(
            DotNet,
            arguments,
            folder,
            [
                .. environment,
                ("MSBUILDDISABLENODEREUSE", "1"), ("UseSharedCompilation", "false"),
                ("DOTNET_CLI_UI_LANGUAGE", "en"), ("DOTNET_NOLOGO", "1"), ("DOTNET_CLI_TELEMETRY_OPTOUT", "1"),
            ]);

    private static bool IsCleared(string name) =>
        Cleared.Any(start => name.StartsWith(start, StringComparison.OrdinalIgnoreCase));

    internal sealed record Outcome(string Command, int ExitCode, string Output, string Error)
    {
        /// <summary>The standard output of a program that must succeed.</summary>
        internal string MustSucceed() =>
            ExitCode == 0
                ? Output
                : throw new InvalidOperationException($"{Command}: {ExitCode}\n{Output}\n{Error}");
    }
}
