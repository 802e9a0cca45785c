using System.Reflection;
using System.Runtime.Loader;

// Loads one plugin twice, each into a context of its own. The host knows nothing of what the plugin depends on; where it
// depends on the same, it reports first.
string plugin = Path.GetFullPath(args[0]);
PluginContext[] contexts = [new(plugin), new(plugin)];
#if HOST_USES_PACKAGE
Console.WriteLine($"{Shipped.Report.Text()}\n---");
#endif
string[] reports = [.. contexts.Select(context => context.Report())];
Console.WriteLine(string.Join("\n---\n", reports));
if (contexts[0].LoadFromAssemblyPath(plugin) == contexts[1].LoadFromAssemblyPath(plugin))
{
    throw new InvalidOperationException("The plugin was loaded only once.");
}

internal sealed class PluginContext(string plugin) : AssemblyLoadContext(isCollectible: true)
{
    private readonly AssemblyDependencyResolver _resolver = new(plugin);

    public string Report() =>
        (string)LoadFromAssemblyPath(plugin).GetType("Shipped.Report", throwOnError: true)!
            .GetMethod("Text", BindingFlags.Public | BindingFlags.Static)!
            .Invoke(null, null)!;

    protected override Assembly? Load(AssemblyName name) =>
        _resolver.ResolveAssemblyToPath(name) is { } path ? LoadFromAssemblyPath(path) : null;

    protected override nint LoadUnmanagedDll(string name) =>
        _resolver.ResolveUnmanagedDllToPath(name) is { } path ? LoadUnmanagedDllFromPath(path) : 0;
}
