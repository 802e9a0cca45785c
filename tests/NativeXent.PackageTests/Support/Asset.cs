namespace NativeXent.PackageTests.Support;

/// <summary>A runtime that the package has a native library for.</summary>
internal sealed record Asset(string Rid)
{
    internal static readonly Asset[] All =
    [
        new("linux-arm64"), new("linux-musl-arm64"), new("linux-musl-x64"), new("linux-x64"),
        new("osx-arm64"), new("osx-x64"), new("win-arm64"), new("win-x64"),
    ];

    /// <summary>This machine's.</summary>
    internal static Asset Host { get; } = new(Repository.HostRid);

    internal bool IsWindows => Rid.StartsWith("win-", StringComparison.Ordinal);

    internal bool IsMacOS => Rid.StartsWith("osx-", StringComparison.Ordinal);

    internal bool IsArm64 => Rid.EndsWith("-arm64", StringComparison.Ordinal);

    internal string FileName =>
        IsWindows ? "libnativexent.dll" : IsMacOS ? "libnativexent.dylib" : "libnativexent.so";

    internal string StaticFileName => IsWindows ? "nativexent.lib" : "libnativexent.a";

    /// <summary>Where it is in the package, and below a program that is for any runtime.</summary>
    internal string PackedPath => $"runtimes/{Rid}/native/{FileName}";

    internal string PackedStaticPath => $"static/{Rid}/{StaticFileName}";

    public override string ToString() => Rid;
}
