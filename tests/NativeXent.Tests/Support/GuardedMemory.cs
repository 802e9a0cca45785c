using System.ComponentModel;
using System.Runtime.InteropServices;
using NUnit.Framework;

namespace NativeXent.Tests.Support;

/// <summary>Memory with an inaccessible page before and after it: whatever touches them ends the process.</summary>
internal sealed unsafe partial class GuardedMemory : IDisposable
{
    private const int ProtectNone = 0;
    private const int ProtectRead = 1;
    private const int ProtectReadWrite = 3;

    private readonly byte* _mapping;
    private readonly nuint _mapped;

    /// <summary>Maps memory, or skips the test where the system has none to offer.</summary>
    internal GuardedMemory(long bytes)
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Ignore("This test maps memory as Unix does.");
        }

        nuint page = (nuint)Environment.SystemPageSize;
        Bytes = ((nuint)bytes + page - 1) / page * page;
        _mapped = Bytes + (2 * page);
        // Private and anonymous, and not counted before it is touched.
        int flags = OperatingSystem.IsMacOS() ? 0x1002 | 0x40 : 0x22 | 0x4000;
        nint address = Map(0, _mapped, ProtectNone, flags, -1, 0);
        if (address == -1)
        {
            Assert.Ignore($"The system does not map {_mapped} bytes: {LastError()}");
        }

        _mapping = (byte*)address;
        Start = _mapping + page;
        SetProtection(ProtectReadWrite);
    }

    /// <summary>The first byte behind the guard.</summary>
    internal byte* Start { get; }

    internal nuint Bytes { get; }

    /// <summary>The last elements before the guard.</summary>
    internal T* AtEnd<T>(int count)
        where T : unmanaged => (T*)(Start + Bytes) - count;

    internal void MakeReadOnly() => SetProtection(ProtectRead);

    internal void MakeWritable() => SetProtection(ProtectReadWrite);

    public void Dispose() => _ = Unmap((nint)_mapping, _mapped);

    private void SetProtection(int protection)
    {
        if (Protect((nint)Start, Bytes, protection) != 0)
        {
            throw new InvalidOperationException($"mprotect: {LastError()}");
        }
    }

    private static string LastError() => new Win32Exception(Marshal.GetLastPInvokeError()).Message;

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int Protect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int Unmap(nint address, nuint length);
}
