namespace NativeXent;

/// <summary>Which implementation computes. All give the same bits.</summary>
public enum NativeXentBackend
{
    /// <summary>The native library where it can be used, else the managed implementation.</summary>
    Auto = 0,

    /// <summary>The native library, or a <see cref="NativeXentUnavailableException"/>.</summary>
    Native = 1,

    /// <summary>The managed implementation.</summary>
    Managed = 2,
}
