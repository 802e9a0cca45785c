using System.CommandLine;
using System.Text;
using NativeXent;
using Spectre.Console;

namespace Digits;

internal static class Program
{
    private static int Main(string[] args)
    {
        Console.OutputEncoding = Encoding.UTF8;
        RootCommand command = DemoOptions.Command(Run);
        ParseResult parsed = command.Parse(args);
        foreach (var error in parsed.Errors)
        {
            Fail(error.Message);
        }

        return parsed.Errors.Count > 0 ? 2 : parsed.Invoke();
    }

    private static int Run(DemoOptions options)
    {
        try
        {
            Dataset digits = DigitsData.Load(options.DataPath);
            var report = new Report(CreateConsole());
            report.Runtime();
            List<string> failures = [.. DigitsDemo.Run(options, digits, report)];
            DigitsDemo.CompareSpeed(options, digits, report);
            if (!options.SkipMoons)
            {
                failures.AddRange(MoonsDemo.Run(options, report));
            }

            failures.ForEach(Fail);
            return failures.Count > 0 ? 1 : 0;
        }
        catch (Exception e) when (
            e is InvalidDataException or IOException or UnauthorizedAccessException or NativeXentUnavailableException)
        {
            Fail(e.Message);
            return 1;
        }
    }

    // A file or a pipe gets plain text, whatever the terminal around it can do.
    private static IAnsiConsole CreateConsole() =>
        AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = Console.IsOutputRedirected ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = Console.IsOutputRedirected ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
        });

    private static void Fail(string message) => Console.Error.WriteLine($"error: {message}");
}
