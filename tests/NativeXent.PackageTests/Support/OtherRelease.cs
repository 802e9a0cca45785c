using System.Text;
using NUnit.Framework;

namespace NativeXent.PackageTests.Support;

/// <summary>
/// What ships, under another version number of the same length, written over the one inside. Everything else of it is as
/// it was, so that only the number can tell it apart.
/// </summary>
internal static class OtherRelease
{
    internal static string Version { get; } =
        (Repository.Version[0] == '9' ? '8' : '9') + Repository.Version[1..];

    /// <summary>Makes a file, the assembly or a native library, one of the other release.</summary>
    internal static void Make(string file)
    {
        PackedFile.Need(!OperatingSystem.IsMacOS(), "macOS kills whoever loads a library that was altered after signing.");
        byte[] bytes = File.ReadAllBytes(file);
        int count = Replace(bytes, Encoding.UTF8) + Replace(bytes, Encoding.Unicode);
        Assert.That(count, Is.Positive, $"{file} has its version inside");
        File.WriteAllBytes(file, bytes);
    }

    private static int Replace(Span<byte> bytes, Encoding encoding)
    {
        byte[] old = encoding.GetBytes(Repository.Version);
        byte[] other = encoding.GetBytes(Version);
        int count = 0;
        for (int found = bytes.IndexOf(old); found >= 0; found = bytes.IndexOf(old))
        {
            other.CopyTo(bytes[found..]);
            count++;
        }

        return count;
    }
}
