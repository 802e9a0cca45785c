using NUnit.Framework;

namespace NativeXent.PackageTests.Support;

/// <summary>What a program printed, by name; Programs/Report.cs writes it.</summary>
internal sealed class ProgramReport
{
    // What a plain program computes here without the native library. The bits themselves are pinned by other tests.
    private static readonly Lazy<ProgramReport> Expected = new(() => ShippedPrograms.FrameworkDependent.RunAssembly());

    private readonly Dictionary<string, string> _lines;

    private ProgramReport(string text) =>
        _lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(line => line.Split(": ", 2))
            .ToDictionary(pair => pair[0].TrimEnd(':'), pair => pair.Length > 1 ? pair[1] : "");

    /// <summary>The hash of float32 results, the same in every program on every machine.</summary>
    internal static string ExpectedHash => Expected.Value["managed"];

    internal string this[string name] => _lines[name].Replace("<br>", "\n", StringComparison.Ordinal);

    internal static ProgramReport Parse(string text) => new(text);

    /// <summary>The native library is in use, from the given path or, where that is null, from nowhere.</summary>
    internal void AssertNative(string? library, string? version = null)
    {
        Assert.That(this["reason"], Is.Empty, "why the native library is not in use");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(this["backend"], Is.EqualTo("Native"));
            Assert.That(this["library"], Is.EqualTo(library ?? ""));
            Assert.That(this["version"], Is.EqualTo(version ?? Repository.Version));
            Assert.That(this["instruction set"], Is.AnyOf("avx512", "avx2", "neon", "scalar"));
            AssertBits("native", "managed", "automatic");
            AssertBitsOfAllTypes();
        }
    }

    /// <summary>The managed implementation has taken over, and whoever insists on the native one is told why.</summary>
    internal void AssertManaged(params string[] reasons)
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(this["backend"], Is.EqualTo("Managed"));
            Assert.That(this["library"], Is.Empty);
            Assert.That(this["version"], Is.Empty);
            Assert.That(this["description"], Does.Contain($"The native library is not in use. {this["reason"]}"));
            Assert.That(this["native"], Is.EqualTo(
                $"NativeXentUnavailableException: The native library cannot be used. {this["reason"]}"));
            foreach (string reason in reasons)
            {
                Assert.That(this["reason"], Does.Contain(reason));
            }

            AssertBits("managed", "automatic");
            AssertBitsOfAllTypes();
        }
    }

    /// <summary>The same bits as everywhere.</summary>
    internal void AssertBits(params string[] backends)
    {
        foreach (string backend in backends)
        {
            Assert.That(this[backend], Is.EqualTo(ExpectedHash), backend);
        }
    }

    private void AssertBitsOfAllTypes()
    {
        foreach (string line in (string[])["managed, all types", "automatic, all types"])
        {
            Assert.That(this[line], Is.EqualTo(Expected.Value["managed, all types"]), line);
        }
    }
}
