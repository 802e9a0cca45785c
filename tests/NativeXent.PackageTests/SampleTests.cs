using NativeXent.PackageTests.Support;
using NUnit.Framework;

namespace NativeXent.PackageTests;

/// <summary>The samples that use the package, built as a reader would build them.</summary>
[Parallelizable(ParallelScope.Children)]
internal sealed class SampleTests
{
    [Test]
    public void Minimal()
    {
        string[] lines = Run("Minimal");
        Assert.That(lines[0], Is.EqualTo("0.23  -0.37  0.14  0.33  0.33  -0.67"));
        Assert.That(lines[1], Does.Match($@"^NativeXent {Repository.Version}: Native, \w+$"));
        Assert.That(lines[2], Does.StartWith($"Native library {Repository.Version}: "));
    }

    [Test]
    public void FSharp() => Assert.That(
        Run("FSharp"), Is.EqualTo(["0.23  -0.37  0.14  0.33  0.33  -0.67", "loss 0.781, 2 rows"]));

    [Test]
    public void VisualBasic() => Assert.That(
        Run("VisualBasic"), Is.EqualTo(["0.23  -0.37  0.14  0.33  0.33  -0.67", "loss 0.781, 2 rows"]));

    [Test]
    public void Tensors()
    {
        Assert.That(Run("Tensors"), Is.EqualTo([
            "System.Numerics.Tensors.Tensor<Single>[2, 3] {",
            "[0.2312239, -0.37146828, 0.14024438],",
            "[0.33333334, 0.33333334, -0.6666667]",
            "}",
        ]));
    }

    private static string[] Run(string name)
    {
        string program = Path.Combine(Workspace.Folder, name, "publish", $"{name}.dll");
        Assert.That(program, Does.Exist, Workspace.LogOf(name));
        Assert.That(Workspace.LogOf(name), Is.Empty);
        return Tool.Run(Tool.DotNet, [program], environment: ("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "true"))
            .MustSucceed()
            .Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
    }
}
