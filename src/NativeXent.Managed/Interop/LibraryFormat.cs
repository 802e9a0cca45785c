namespace NativeXent.Interop;

/// <summary>The formats of shared libraries.</summary>
internal enum LibraryFormat
{
    /// <summary>Linux's, and most other systems'.</summary>
    Elf,

    /// <summary>Windows'.</summary>
    PortableExecutable,

    /// <summary>macOS's.</summary>
    MachO,
}
