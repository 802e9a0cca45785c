namespace NativeXent;

/// <summary>The environment variable that forces an instruction set.</summary>
internal static class InstructionSetVariable
{
    internal const string Name = "NATIVEXENT_ISA";

    /// <summary>Tries to honour the variable. Null, or what could not be honoured and why.</summary>
    /// <param name="backend">Who tries.</param>
    /// <param name="force">Forces an instruction set; null on success, otherwise why it cannot be used.</param>
    internal static string? Honour(string backend, Func<string, string?> force)
    {
        string? wanted = Environment.GetEnvironmentVariable(Name);
        return string.IsNullOrEmpty(wanted) || force(wanted) is not { } problem
            ? null
            : $"{Name}={wanted} is not honoured by the {backend} backend: {problem}";
    }
}
