using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using NativeXent;
using NativeXent.Benchmarks;

const string Usage = """
    NativeXent's benchmarks. Without arguments all of them run, which takes about a quarter of an hour.

      --quick            run every benchmark once on little data, to see that it works; the times mean nothing
      --filter <globs>   run only these, for example '*SingleCall*'
      --list flat        name them

    Exit code 1: something failed, or nothing ran. All other arguments are BenchmarkDotNet's:

    """;
string[] informative = ["--help", "--version", "--info", "--list"];

bool runs = !args.Any(argument => informative.Contains(argument.Split('=')[0]));
if (args.Contains("--help"))
{
    Console.WriteLine(Usage);
}

if (runs)
{
    Console.WriteLine(NativeXentRuntime.Describe());
    if (NativeXentRuntime.Warnings.Count > 0)
    {
        return 1;
    }
}

ManualConfig config = ManualConfig.Create(DefaultConfig.Instance)
    .AddDiagnoser(MemoryDiagnoser.Default)
    .AddColumn(new ThroughputColumn())
    .HideColumns(Column.RatioSD, Column.AllocRatio);
if (args.Contains("--quick"))
{
    Batch.IsQuick = true;
    config.AddJob(Job.Dry.WithToolchain(InProcessEmitToolchain.Instance));
}

List<string> arguments = [.. args.Where(argument => argument != "--quick")];
if (runs && !arguments.Any(argument => argument.Split('=')[0] is "-f" or "--filter"))
{
    // Otherwise BenchmarkDotNet asks at the keyboard which to run.
    arguments.AddRange(["--filter", "*"]);
}

Summary[] summaries = [.. BenchmarkSwitcher.FromAssembly(typeof(Batch).Assembly).Run([.. arguments], config)];
if (!runs)
{
    return 0;
}

int wanted = summaries.Sum(summary => summary.BenchmarksCases.Length);
int succeeded = summaries.Where(summary => !summary.HasCriticalValidationErrors)
    .Sum(summary => summary.Reports.Count(report => report.Success));
Console.WriteLine($"{succeeded} of {wanted} benchmarks succeeded.");
return succeeded == wanted && wanted > 0 ? 0 : 1;
