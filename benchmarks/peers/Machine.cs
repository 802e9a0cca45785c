using System.Globalization;
using System.Runtime.InteropServices;

namespace NativeXent.Peers;

/// <summary>What the figures were measured on.</summary>
internal sealed record Machine(
    string Processor, int Threads, string InstructionSet, string Caches, string System, string Runtime, string Compiler)
{
    /// <summary>Of the largest cache that the first processor sees.</summary>
    internal static long LastCacheBytes => CacheSizes().Select(cache => cache.Bytes).DefaultIfEmpty(32L << 20).Max();

    /// <summary>Programs that want a processor, on average over the last minute; 0 where that is not known.</summary>
    internal static double Load =>
        Lines("/proc/loadavg") is [var line, ..] ? double.Parse(line.Split(' ')[0], CultureInfo.InvariantCulture) : 0;

    internal static Machine Current(IEnumerable<Contender> contenders) =>
        new(
            ProcessorName(),
            Environment.ProcessorCount,
            NativeXentRuntime.InstructionSet,
            string.Join(", ", CacheSizes().Select(cache => $"{cache.Name} {Format(cache.Bytes)}")),
            RuntimeInformation.OSDescription,
            RuntimeInformation.FrameworkDescription,
            contenders.Select(contender => contender.Version).FirstOrDefault(it => it.StartsWith("g++", StringComparison.Ordinal))
                ?? "unknown");

    private static string Format(long bytes) => bytes >= 1 << 20 ? $"{bytes >> 20} MiB" : $"{bytes >> 10} KiB";

    private static string ProcessorName() =>
        Lines("/proc/cpuinfo").Select(line => line.Split(':', 2, StringSplitOptions.TrimEntries))
            .FirstOrDefault(pair => pair is ["model name", _])?[1]
        ?? RuntimeInformation.ProcessArchitecture.ToString();

    private static IEnumerable<(string Name, long Bytes)> CacheSizes()
    {
        const string Caches = "/sys/devices/system/cpu/cpu0/cache";
        if (!Directory.Exists(Caches))
        {
            yield break;
        }

        foreach (string cache in Directory.GetDirectories(Caches, "index*").Order())
        {
            string level = Lines($"{cache}/level").First();
            string size = Lines($"{cache}/size").First();
            if (Lines($"{cache}/type").First() != "Instruction")
            {
                yield return ($"L{level}", long.Parse(size.TrimEnd('K'), CultureInfo.InvariantCulture) << 10);
            }
        }
    }

    private static string[] Lines(string path) => File.Exists(path) ? File.ReadAllLines(path) : [];
}
