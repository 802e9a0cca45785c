using System.CommandLine;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;

namespace NativeXent.Bindings.Generator;

/// <summary>Writes the C# bindings of a C header, or checks that they are the ones it would write.</summary>
internal static class Program
{
    private const string GeneratorProject = "bindings/Generator/NativeXent.Bindings.Generator.csproj";
    private const string DefaultHeader = "native/include/nativexent/nativexent.h";
    private const string DefaultOutput = "bindings/Generated/NativeMethods.g.cs";

    private static int Main(string[] args)
    {
        var header = new Option<FileInfo?>("--header")
        {
            Description = $"The C header to read. [default: {DefaultHeader} of this repository]",
            HelpName = "file",
        };
        var output = new Option<FileInfo?>("--output")
        {
            Description = $"The C# file to write. [default: {DefaultOutput} of this repository]",
            HelpName = "file",
        };
        var check = new Option<bool>("--check")
        {
            Description = "Write nothing; fail if the output file is not what would be written.",
        };
        var command = new RootCommand("Generates NativeXent's P/Invoke bindings from its C header, with CppSharp.")
        {
            header, output, check,
        };
        command.SetAction(result => Run(result.GetValue(header), result.GetValue(output), result.GetValue(check)));
        return command.Parse(args).Invoke();
    }

    private static int Run(FileInfo? header, FileInfo? output, bool check)
    {
        try
        {
            string? root = FindRepositoryRoot();
            string headerPath = header?.FullName ?? InRepository(root, DefaultHeader);
            string outputPath = output?.FullName ?? InRepository(root, DefaultOutput);

            Generate(headerPath, outputPath, NameInRepository(root, headerPath), check);
            return 0;
        }
        catch (BindingException e)
        {
            Console.Error.WriteLine(e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"error: {e.Message}");
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException or TypeInitializationException)
        {
            Console.Error.WriteLine($"error: CppSharp's native parser cannot be loaded on this platform: {e.Message}");
        }

        return 1;
    }

    private static void Generate(string headerPath, string outputPath, string headerName, bool check)
    {
        string header = ReadHeader(headerPath);
        BindingModel model = HeaderParser.Parse(headerPath, header);
        string code = CSharpWriter.Write(model, new SourceInfo(headerName, Sha256(header), CppSharpVersion()));

        bool isCurrent = File.Exists(outputPath) && WithLineFeeds(File.ReadAllText(outputPath)) == code;
        if (check && !isCurrent)
        {
            string problem = File.Exists(outputPath) ? "is not what the generator writes" : "does not exist";
            throw new BindingException(
                $"{outputPath}: error: the file {problem} for {headerName}; run ./build.sh bindings");
        }

        if (!isCurrent)
        {
            Replace(outputPath, code);
        }

        Console.WriteLine($"{outputPath}: {(isCurrent ? "up to date" : "written")}");
        Console.WriteLine($"functions: {model.Functions.Count}, structures: {model.Structs.Count}, "
            + $"enumerations: {model.Enums.Count}, constants: {model.Constants.Count}");
    }

    private static string ReadHeader(string path)
    {
        if (!File.Exists(path))
        {
            throw new BindingException($"{path}: error: there is no such header");
        }

        try
        {
            var utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
            return WithLineFeeds(File.ReadAllText(path, utf8));
        }
        catch (DecoderFallbackException)
        {
            throw new BindingException($"{path}: error: the header is not valid UTF-8");
        }
    }

    /// <summary>A whole new file or the old one, never a part.</summary>
    private static void Replace(string path, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        string temporary = $"{path}.{Environment.ProcessId}.tmp";
        try
        {
            File.WriteAllText(temporary, content);
            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>A checkout with CRLF line ends must give the same hash, and the same output, as one with LF.</summary>
    private static string WithLineFeeds(string text) => text.Replace("\r\n", "\n", StringComparison.Ordinal);

    private static string Sha256(string text) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    /// <summary>The version the project file asks for, so that it stands in one place.</summary>
    private static string CppSharpVersion() => typeof(Program).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(metadata => metadata.Key == nameof(CppSharpVersion)).Value!;

    private static string? FindRepositoryRoot()
    {
        foreach (string start in new[] { AppContext.BaseDirectory, Environment.CurrentDirectory })
        {
            for (DirectoryInfo? directory = new(start); directory is not null; directory = directory.Parent)
            {
                if (File.Exists(Path.Combine(directory.FullName, GeneratorProject)))
                {
                    return directory.FullName;
                }
            }
        }

        return null;
    }

    private static string InRepository(string? root, string path) => root is not null
        ? Path.GetFullPath(path, root)
        : throw new BindingException("error: not inside a NativeXent repository; give both --header and --output");

    /// <summary>The header's name for the generated file, the same on every machine.</summary>
    private static string NameInRepository(string? root, string path)
    {
        string relative = root is null ? path : Path.GetRelativePath(root, path);
        bool isInside = !Path.IsPathRooted(relative) && !relative.StartsWith("..", StringComparison.Ordinal);
        return isInside ? relative.Replace('\\', '/') : Path.GetFileName(path);
    }
}
