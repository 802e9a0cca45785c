using System.Text;
using System.Xml.Linq;
using NativeXent.PackageTests.Support;
using NUnit.Framework;

namespace NativeXent.PackageTests;

/// <summary>
/// What README.md and docs/ show as code is code: every block is part of a program that is built from the package, with C#
/// 12 for net8.0 and with the newest version for net10.0, and the newer one is run.
/// </summary>
[Parallelizable(ParallelScope.Children)]
internal sealed class DocumentTests
{
    private static readonly CodeBlock[] Blocks = CodeBlock.All;
    private static readonly DocumentProgram[] Programs = DocumentProgram.All;

    [TestCaseSource(nameof(Blocks))]
    public void Every_block_is_checked(CodeBlock block)
    {
        switch (block.Language)
        {
            case "csharp":
                Assert.That(block.Program, Is.Not.Empty, $"{block}: which program is it part of? See CodeBlock.cs.");
                Assert.That(
                    Blocks.First(other => other.Program == block.Program) == block,
                    Is.Not.EqualTo(block.Continues),
                    $"{block}: it must begin its program, or be its continuation.");
                Assert.That(Programs.Select(program => program.Name), Does.Contain(block.Program));
                break;
            case "xml":
                Assert.That(() => XElement.Parse(block.Text), Throws.Nothing, $"{block}");
                break;
            case "text":
                break;
            default:
                Assert.Fail($"{block}: no test knows how to check '{block.Language}'. Of what is no code say 'text'.");
                break;
        }
    }

    /// <summary>Else code could hide in a block without a fence, as shell commands have.</summary>
    [TestCaseSource(typeof(CodeBlock), nameof(CodeBlock.Documents))]
    public void No_code_is_without_a_fence(string document) =>
        Assert.That(
            OutsideFences(File.ReadAllLines(Repository.Path(document)))
                .Where(line => line.StartsWith("    ", StringComparison.Ordinal) && line.TrimEnd().EndsWith(';')),
            Is.Empty);

    [TestCaseSource(nameof(Programs))]
    public void Every_program_builds(DocumentProgram program) => program.MustBeBuilt();

    [Test]
    public void Readme_gives_what_it_says()
    {
        string[] lines = Run("readme");
        Assert.That(lines, Has.Length.EqualTo(2));
        Assert.That(lines[0], Is.EqualTo("0.23  -0.37  0.14  0.33  0.33  -0.67"));
        Assert.That(Blocks.First(block => block.Program == "readme").Text, Does.Contain($"// {lines[0]}"));
        Assert.That(lines[1], Does.Match(@"^loss 0\.\d{3}, z-loss 0\.000\d\d, 2 rows$"));
    }

    [Test]
    public void Tensors_of_DotNet() => Assert.That(
        Run("tensors"), Is.EqualTo([
            "System.Numerics.Tensors.Tensor<Single>[2, 3] {",
            "[0.2312239, -0.37146828, 0.14024438],",
            "[0.33333334, 0.33333334, -0.6666667]",
            "}",
        ]));

    /// <summary>The gradient that TorchSharp's own loss gives, as far as float goes.</summary>
    [Test]
    public void TorchSharp()
    {
        PackedFile.Need(
            Repository.HostRid is "linux-x64" or "win-x64" or "win-arm64" or "osx-arm64",
            $"LibTorch has no package for {Repository.HostRid}.");
        string[] lines = Run("torchsharp");
        Assert.That(lines, Has.Length.EqualTo(2));
        Assert.That(lines[0], Does.Match(@"^loss \d\.\d{3}$"));
        Assert.That(double.Parse(lines[1], null), Is.LessThan(1e-8));
    }

    [Test]
    public void Onnx_Runtime()
    {
        Program("onnx-runtime").Bring("model.onnx", IdentityModel("features", "logits"));
        Assert.That(Run("onnx-runtime"), Is.EqualTo(["0.464  1.099", "0.23  -0.37  0.14  0.33  0.33  -0.67"]));
    }

    private static DocumentProgram Program(string name) => Programs.Single(program => program.Name == name && program.IsRun);

    private static string[] Run(string name) => Program(name).Run();

    private static IEnumerable<string> OutsideFences(string[] lines)
    {
        bool inside = false;
        foreach (string line in lines)
        {
            if (line.TrimStart().StartsWith("```", StringComparison.Ordinal))
            {
                inside = !inside;
            }
            else if (!inside)
            {
                yield return line;
            }
        }
    }

    /// <summary>A model in ONNX's format that hands on a matrix of float: the smallest there is.</summary>
    private static byte[] IdentityModel(string input, string output)
    {
        // ModelProto: ir_version, graph, opset_import. GraphProto: node, name, input, output. All as protocol buffers.
        byte[] node = [.. Text(1, input), .. Text(2, output), .. Text(4, "Identity")];
        byte[] graph =
        [
            .. Message(1, node), .. Text(2, "identity"), .. Message(11, Matrix(input)), .. Message(12, Matrix(output)),
        ];
        return [.. Number(1, 8), .. Message(7, graph), .. Message(8, [.. Number(2, 13)])];

        // ValueInfoProto: name, and a type whose tensor has element type 1 (float) and two dimensions without names.
        static byte[] Matrix(string name)
        {
            byte[] tensor = [.. Number(1, 1), .. Message(2, [.. Message(1, []), .. Message(1, [])])];
            return [.. Text(1, name), .. Message(2, Message(1, tensor))];
        }

        static byte[] Text(int field, string text) => Message(field, Encoding.UTF8.GetBytes(text));

        static byte[] Message(int field, byte[] content)
        {
            Assert.That(content, Has.Length.LessThan(128));
            return [(byte)((field << 3) | 2), (byte)content.Length, .. content];
        }

        static byte[] Number(int field, byte number) => [(byte)(field << 3), number];
    }
}
