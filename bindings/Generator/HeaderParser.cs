using CppSharp;
using CppSharp.Parser;
using ClangParser = CppSharp.ClangParser;

namespace NativeXent.Bindings.Generator;

/// <summary>Has CppSharp parse one C header, the same way on every host.</summary>
internal static class HeaderParser
{
    /// <summary>
    /// The header is parsed for one fixed target, so that the host cannot show in the output. Any 64-bit target would
    /// do: types are translated by name, and a type whose width differs between targets is refused.
    /// </summary>
    private const string Target = "x86_64-unknown-none-elf";

    /// <param name="path">The header's file.</param>
    /// <param name="text">Its content.</param>
    public static BindingModel Parse(string path, string text)
    {
        using var options = new ParserOptions
        {
            LanguageVersion = LanguageVersion.C99,
            TargetTriple = Target,
            MicrosoftMode = false,
            NoBuiltinIncludes = true,
            NoStandardIncludes = true,
        };

        // Freestanding, clang's own stddef.h and stdint.h are complete: no system header takes part.
        options.AddArguments("-ffreestanding");
        if (!Directory.Exists(options.BuiltinsDir))
        {
            throw new BindingException(
                $"error: clang's own headers, which come with CppSharp, are not in {options.BuiltinsDir}");
        }

        options.AddSystemIncludeDirs(options.BuiltinsDir);
        options.Setup(TargetPlatform.Linux);

        using ParserResult result = ClangParser.ParseSourceFiles([path], options);
        RefuseDiagnostics(path, result);

        var pass = new CollectBindingsPass(path, text);
        pass.VisitASTContext(ClangParser.ConvertASTContext(options.ASTContext));
        return pass.Model.Functions.Count > 0
            ? pass.Model
            : throw new BindingException($"{path}: error: the header declares no function");
    }

    /// <summary>A warning stops the generator too: the header is the whole contract, and has to be clean.</summary>
    private static void RefuseDiagnostics(string path, ParserResult result)
    {
        var problems = new List<string>();
        for (uint i = 0; i < result.DiagnosticsCount; i++)
        {
            using ParserDiagnostic diagnostic = result.GetDiagnostics(i);
            string level = diagnostic.Level switch
            {
                ParserDiagnosticLevel.Warning => "warning",
                ParserDiagnosticLevel.Error or ParserDiagnosticLevel.Fatal => "error",
                _ => "note",
            };
            string file = string.IsNullOrEmpty(diagnostic.FileName) ? path : diagnostic.FileName;
            problems.Add($"{file}:{diagnostic.LineNumber}: {level}: {diagnostic.Message}");
        }

        if (result.Kind != ParserResultKind.Success || problems.Count > 0)
        {
            problems.Add($"{path}: error: the header does not parse as clean C99");
            throw new BindingException(string.Join(Environment.NewLine, problems));
        }
    }
}
