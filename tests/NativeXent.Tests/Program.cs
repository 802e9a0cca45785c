using System.Text.Json;
using NativeXent.Tests.Support;

// `dotnet test` does not come here: the tests do, to see how the library behaves in a process of another environment.
if (args is ["report-plugin", string folder])
{
    Console.WriteLine(JsonSerializer.Serialize(PluginReport.Of(folder)));
    return 0;
}

if (args is not ["report", .. string[] hash])
{
    Console.Error.WriteLine("These are tests: run dotnet test. (For the tests' own use: report [native] [managed], report-plugin <folder>)");
    return 2;
}

Console.WriteLine(JsonSerializer.Serialize(ChildReport.OfThisProcess(hash)));
return 0;
