using System.CommandLine;
using System.CommandLine.Parsing;
using System.Reflection;
using System.Text;

namespace NativeXent.Peers;

internal static class Program
{
    private static string Root { get; } =
        typeof(Program).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .First(attribute => attribute.Key == "RepositoryRoot").Value!;

    private static string LibraryFolder => Path.Combine(Root, "artifacts", "peers");

    private static int Main(string[] args)
    {
        Console.OutputEncoding = Encoding.UTF8;
        ParseResult parsed = Command().Parse(args);
        foreach (ParseError error in parsed.Errors)
        {
            Fail(error.Message);
        }

        return parsed.Errors.Count > 0 ? 2 : parsed.Invoke();
    }

    private static RootCommand Command()
    {
        Option<bool> quick = new("--quick")
        {
            Description = "Run everything once on little data, to see that it works. The times mean nothing.",
        };
        Option<bool> write = new("--write")
        {
            Description = "Write the tables and the picture into README.md and docs/, and the baseline of 'check'.",
        };
        Option<Section[]> section = new("--section")
        {
            Description = "Run only these sections.",
            AllowMultipleArgumentsPerToken = true,
        };
        section.AcceptOnlyFromAmong(Enum.GetNames<Section>());
        Option<int[]> classes = new("--classes")
        {
            Description = "Compare only at these numbers of classes.",
            Recursive = true,
            AllowMultipleArgumentsPerToken = true,
        };
        classes.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int[]>().Any(it => it is < 2 or > 10_000_000))
            {
                result.AddError("--classes: from 2 to 10000000.");
            }
        });
        RootCommand command = new(
            "Gives the same logits and labels to NativeXent and to everybody else, checks all results, and compares " +
            "time and accuracy.")
        {
            quick, write, section, classes,
        };
        command.Validators.Add(result =>
        {
            bool isPartial = result.GetValue(quick) || result.GetResult(section) is not null || result.GetResult(classes) is not null;
            if (result.GetValue(write) && isPartial)
            {
                result.AddError("--write wants the whole comparison, without --quick, --section and --classes.");
            }
        });
        command.SetAction(result =>
        {
            Settings settings = (result.GetValue(quick) ? Settings.Quick : Settings.Full).At(result.GetValue(classes));
            if (result.GetValue(section) is { Length: > 0 } sections)
            {
                settings = settings with { Sections = sections };
            }

            return Guarded(() => Comparison.Run(Root, LibraryFolder, settings, result.GetValue(write)));
        });

        Command check = new("check", "Measures this project's shapes again, and tells what is slower than the baseline.");
        check.SetAction(result =>
            Guarded(() => Baseline.Check(Root, LibraryFolder, Settings.Full.At(result.GetValue(classes)))));
        command.Add(check);
        return command;
    }

    private static int Guarded(Func<int> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is IOException or InvalidDataException or DllNotFoundException)
        {
            Fail(e.Message);
            return 1;
        }
    }

    private static void Fail(string message) => Console.Error.WriteLine($"error: {message}");
}
