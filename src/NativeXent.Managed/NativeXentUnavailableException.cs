namespace NativeXent;

/// <summary>
/// The native library was asked for explicitly and cannot be used. The message says why and which paths were tried.
/// </summary>
public sealed class NativeXentUnavailableException : InvalidOperationException
{
    /// <summary>Creates the exception.</summary>
    public NativeXentUnavailableException()
        : this("The native library cannot be used.")
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">Why the native library cannot be used.</param>
    public NativeXentUnavailableException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">Why the native library cannot be used.</param>
    /// <param name="innerException">What led to it.</param>
    public NativeXentUnavailableException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
