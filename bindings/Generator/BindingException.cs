namespace NativeXent.Bindings.Generator;

/// <summary>Why no bindings can be written: one line for every problem, as a compiler prints it.</summary>
internal sealed class BindingException(string message) : Exception(message)
{
    /// <summary>A problem at a place in the header.</summary>
    public static BindingException At(string file, int line, string message) => new($"{file}:{line}: error: {message}");
}
