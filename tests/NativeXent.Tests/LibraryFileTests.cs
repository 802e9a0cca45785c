using System.Runtime.InteropServices;
using NativeXent.Interop;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>
/// What is seen in a library's file before the system's loader has it: everything that ships passes, and what was cut
/// off, filled up, overwritten, or is for another machine does not, whatever it holds.
/// </summary>
[Parallelizable(ParallelScope.Children)]
internal sealed class LibraryFileTests
{
    /// <summary>The library that these tests run with, and all that the package has.</summary>
    private static IEnumerable<LibrarySample> Samples =>
        LibrarySample.Assets.Append(new LibrarySample("this build", AppFolder.RealLibrary));

    [TestCaseSource(nameof(Samples))]
    public void A_whole_library_passes(LibrarySample sample) => Assert.That(sample.Problem(sample.Read()), Is.Null);

    /// <summary>At every length around its headers and its end, and at many between.</summary>
    [TestCaseSource(nameof(Samples))]
    public void A_library_that_is_cut_off_is_seen(LibrarySample sample)
    {
        byte[] file = sample.Read();
        foreach (int length in Positions(file.Length))
        {
            string? problem = sample.Problem(file.AsSpan(0, length));
            if (problem is null || (length >= 64 && !problem.Contains("cut off", StringComparison.Ordinal)))
            {
                Assert.Fail($"with {length} bytes of {file.Length}: {problem ?? "passes"}");
            }
        }
    }

    [Test]
    public void Every_length_of_this_build_s_library_is_seen()
    {
        LibrarySample sample = new("this build", AppFolder.RealLibrary);
        byte[] file = sample.Read();
        for (int length = 0; length < file.Length; length++)
        {
            if (sample.Problem(file.AsSpan(0, length)) is null)
            {
                Assert.Fail($"passes with {length} bytes of {file.Length}");
            }
        }
    }

    /// <summary>As a download leaves it whose space was reserved: of the right size, with zeros from somewhere on.</summary>
    [TestCaseSource(nameof(Samples))]
    public void A_library_that_is_filled_up_with_zeros_is_seen(LibrarySample sample)
    {
        byte[] file = sample.Read();
        int whole = file.Length - sample.UnseenEnd;
        file.AsSpan(whole).Clear();
        HashSet<int> positions = [.. Positions(whole)];
        bool isChanged = sample.UnseenEnd > 0;
        for (int position = whole - 1; position >= 0; position--)
        {
            isChanged |= file[position] != 0;
            file[position] = 0;
            if (isChanged && positions.Contains(position) && sample.Problem(file) is null)
            {
                Assert.Fail($"passes with zeros from {position} of {file.Length} on");
            }
        }
    }

    [TestCaseSource(nameof(Samples))]
    public void A_library_with_something_behind_it_is_seen(LibrarySample sample)
    {
        byte[] file = sample.Read();
        Assert.That(sample.Problem([.. file, 0]), sample.Format == LibraryFormat.Elf ? Is.Null : Is.Not.Null);
        foreach (int extra in (int[])[8, 4096])
        {
            Assert.That(
                sample.Problem([.. file, .. new byte[extra]]),
                Is.EqualTo(
                    $"it is padded: it ends at byte {file.Length} by its headers, the file at {file.Length + extra}."));
        }
    }

    [TestCaseSource(nameof(Samples))]
    public void A_library_for_another_processor_or_system_is_seen(LibrarySample sample)
    {
        byte[] file = sample.Read();
        Architecture other = sample.Processor == Architecture.X64 ? Architecture.Arm64 : Architecture.X64;
        Assert.That(
            LibraryFile.Problem(file, sample.Format, other),
            Is.EqualTo($"it is for {sample.Processor}, this process runs on {other}.".ToLowerInvariant()));
        Assert.That(
            LibraryFile.Problem(file, sample.Format, Architecture.Armv6),
            Is.EqualTo($"it is for {sample.Processor}, this process runs on armv6.".ToLowerInvariant()));
        foreach (LibraryFormat format in Enum.GetValues<LibraryFormat>().Where(format => format != sample.Format))
        {
            Assert.That(
                LibraryFile.Problem(file, format, sample.Processor), Does.StartWith("it is not a shared library ("));
        }
    }

    /// <summary>Nothing that a header says is an exception, or keeps the reader for long.</summary>
    [TestCaseSource(nameof(Samples))]
    public void Overwritten_headers_never_throw(LibrarySample sample)
    {
        const int Trials = 40_000;
        const int Headers = 2048;
        byte[] file = sample.Read();
        byte[] whole = [.. file];
        SplitMix64 random = new(20250131);
        for (int trial = 0; trial < Trials; trial++)
        {
            int[] positions = new int[1 + random.Below(4)];
            foreach (ref int position in positions.AsSpan())
            {
                position = random.OneIn(4) ? file.Length - 1 - random.Below(Headers) : random.Below(Headers);
                file[position] = random.Below(3) switch
                {
                    0 => 0xff,
                    1 => (byte)(file[position] ^ (1 << random.Below(8))),
                    _ => (byte)random.Below(256),
                };
            }

            _ = sample.Problem(file);
            _ = sample.Problem(file.AsSpan(0, random.Below(file.Length)));
            foreach (int position in positions)
            {
                file[position] = whole[position];
            }
        }
    }

    [Test]
    public void Random_bytes_behind_a_right_beginning_never_throw(
        [Values] LibraryFormat format, [Values(Architecture.X64, Architecture.Arm64)] Architecture processor)
    {
        byte[][] beginnings =
        [
            [0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0],
            [(byte)'M', (byte)'Z'], [0xcf, 0xfa, 0xed, 0xfe, 7, 0, 0, 1], [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0],
            [0xca, 0xfe, 0xba, 0xbf, 0, 0, 0], [],
        ];
        SplitMix64 random = new(7);
        for (int trial = 0; trial < 20_000; trial++)
        {
            byte[] beginning = beginnings[trial % beginnings.Length];
            byte[] file = new byte[random.Below(600)];
            foreach (ref byte value in file.AsSpan())
            {
                value = (byte)random.Below(trial % 2 == 0 ? 256 : 3);
            }

            beginning.AsSpan(0, Math.Min(beginning.Length, file.Length)).CopyTo(file);
            Assert.That(LibraryFile.Problem(file, format, processor), Is.Not.Null);
        }
    }

    /// <summary>Made of the two macOS libraries, as lipo does.</summary>
    [TestCase(false)]
    [TestCase(true)]
    public void A_universal_library_passes_where_its_parts_are_whole(bool isWide)
    {
        LibrarySample[] samples = [.. LibrarySample.Assets.Where(sample => sample.Format == LibraryFormat.MachO)];
        if (samples.Length == 0)
        {
            Assert.Ignore($"There are no libraries in {LibrarySample.Folder}. ./build.sh pack makes them.");
        }

        byte[] universal = LibrarySample.Universal(isWide, samples);
        foreach (LibrarySample sample in samples)
        {
            Assert.That(sample.Problem(universal), Is.Null);
            Assert.That(
                LibraryFile.Problem(universal, sample.Format, Architecture.Arm),
                Is.EqualTo("it is for another processor, this process runs on arm."));
            Assert.That(sample.Problem([.. universal, 0]), Does.StartWith("it is padded: "));
            foreach (int length in Positions(universal.Length))
            {
                if (sample.Problem(universal.AsSpan(0, length)) is null)
                {
                    Assert.Fail($"passes with {length} bytes of {universal.Length}");
                }
            }
        }
    }

    [Test]
    public void A_file_that_cannot_be_read_is_a_reason()
    {
        Assert.That(LibraryFile.Problem(AppContext.BaseDirectory), Does.StartWith("it cannot be read. "));
        Assert.That(
            LibraryFile.Problem(Path.Combine(AppContext.BaseDirectory, "nothing")), Does.StartWith("it cannot be read. "));
    }

    private static IEnumerable<int> Positions(int length)
    {
        const int Near = 4096;
        const int Step = 61;
        return Enumerable.Range(0, length).Where(i => i < Near || i >= length - Near || i % Step == 0);
    }
}
