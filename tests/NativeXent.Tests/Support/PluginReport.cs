using System.Reflection;
using System.Runtime.Loader;

namespace NativeXent.Tests.Support;

/// <summary>What a second NativeXent in the same process says of itself, which was loaded from another folder.</summary>
internal sealed record PluginReport(string? LibraryPath, string? LibraryVersion, string? NativeUnavailableReason)
{
    internal static PluginReport Of(string folder)
    {
        Type runtime = new AssemblyLoadContext("plugin")
            .LoadFromAssemblyPath(Path.Combine(folder, $"{typeof(NativeXentRuntime).Assembly.GetName().Name}.dll"))
            .GetType(typeof(NativeXentRuntime).FullName!, throwOnError: true)!;
        if (runtime == typeof(NativeXentRuntime))
        {
            throw new InvalidOperationException("It is not a second one.");
        }

        return new(
            Value(nameof(NativeXentRuntime.LibraryPath)),
            Value(nameof(NativeXentRuntime.LibraryVersion)),
            Value(nameof(NativeXentRuntime.NativeUnavailableReason)));

        string? Value(string property) =>
            (string?)runtime.GetProperty(property, BindingFlags.Public | BindingFlags.Static)!.GetValue(null);
    }
}
