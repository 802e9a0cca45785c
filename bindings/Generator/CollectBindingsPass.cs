using System.Globalization;
using System.Text.RegularExpressions;
using CppSharp.AST;
using CppSharp.Passes;

namespace NativeXent.Bindings.Generator;

/// <summary>
/// Translates the declarations of one header to a <see cref="BindingModel"/> and refuses whatever C# could not say
/// with blittable types alone.
/// </summary>
/// <param name="headerPath">The header's file.</param>
/// <param name="headerText">Its content, lines ending in LF.</param>
internal sealed partial class CollectBindingsPass(string headerPath, string headerText) : TranslationUnitPass
{
    private readonly string[] _lines = headerText.Split('\n');

    private readonly List<(int Line, ConstantBinding Binding)> _constants = [];
    private readonly List<(int Line, FunctionBinding Binding)> _functions = [];
    private readonly List<(int Line, StructBinding Binding)> _structs = [];
    private readonly List<(int Line, EnumBinding Binding)> _enums = [];

    public BindingModel Model => new(
        InHeaderOrder(_constants), InHeaderOrder(_functions), InHeaderOrder(_structs), InHeaderOrder(_enums));

    public override bool VisitTranslationUnit(TranslationUnit unit)
    {
        if (!unit.IsValid || unit.IsSystemHeader)
        {
            return false;
        }

        if (!IsHeader(unit))
        {
            throw new BindingException(
                $"{headerPath}: error: it includes {unit.FileName}, but the contract has to be one header");
        }

        foreach (MacroDefinition macro in unit.PreprocessedEntities.OfType<MacroDefinition>())
        {
            VisitMacroDefinition(macro);
        }

        return base.VisitTranslationUnit(unit);
    }

    public override bool VisitFunctionDecl(Function function)
    {
        if (!VisitDeclaration(function))
        {
            return false;
        }

        int line = function.LineNumberStart;
        if (function.IsVariadic)
        {
            throw Refuse(line, function.Name, "a function with a variable argument list cannot be bound");
        }

        if (function.IsInline || !string.IsNullOrEmpty(function.Body) || StaticKeyword().IsMatch(function.DebugText))
        {
            throw Refuse(line, function.Name, "an inline or static function is not exported and cannot be bound");
        }

        if (function.CallingConvention is not (CallingConvention.C or CallingConvention.Default))
        {
            throw Refuse(line, function.Name, "only the C calling convention can be bound");
        }

        if (function.Parameters.Count == 0 && Regex.IsMatch(function.DebugText, $@"\b{function.Name}\s*\(\s*\)"))
        {
            throw Refuse(line, function.Name, "in C, () leaves the parameters open; write (void)");
        }

        CSharpType returnType = Translate(function.ReturnType.Type, line, $"{function.Name}: the result");
        RefuseByValue(function.ReturnType.Type, line, $"{function.Name}: the result");

        var parameters = new List<ParameterBinding>();
        foreach (Parameter parameter in function.Parameters)
        {
            string where = $"{function.Name}: parameter '{parameter.Name}'";
            if (string.IsNullOrEmpty(parameter.Name))
            {
                throw Refuse(line, function.Name, $"parameter {parameter.Index + 1} has no name");
            }

            int parameterLine = parameter.LineNumberStart > 0 ? parameter.LineNumberStart : line;
            CSharpType type = Translate(parameter.Type, parameterLine, where);
            RefuseByValue(parameter.Type, parameterLine, where);
            parameters.Add(new(parameter.Name, type));
        }

        Documentation documentation = Document(function.Comment, line, function.Name);
        RefuseWrongParameterNames(documentation, parameters, line, function.Name);
        _functions.Add((line, new(function.Name, returnType, parameters, documentation)));
        return true;
    }

    public override bool VisitClassDecl(Class @class)
    {
        if (!VisitDeclaration(@class))
        {
            return false;
        }

        int line = @class.LineNumberStart;
        string name = @class.Name;
        if (@class.IsUnion)
        {
            throw Refuse(line, name, "a union cannot be bound");
        }

        if (@class.IsIncomplete)
        {
            throw Refuse(line, name, "a structure without a definition cannot be bound");
        }

        if (string.IsNullOrEmpty(name) || @class.Declarations.Any())
        {
            throw Refuse(line, name, "an anonymous or nested structure cannot be bound; name it and move it outside");
        }

        if (@class.Fields.Count == 0)
        {
            throw Refuse(line, name, "a structure without fields cannot be bound");
        }

        var fields = new List<FieldBinding>();
        int end = 0;
        int alignment = 1;
        foreach (Field field in @class.Fields)
        {
            int fieldLine = field.LineNumberStart > 0 ? field.LineNumberStart : line;
            string where = $"{name}.{field.Name}";
            if (field.IsBitField)
            {
                throw Refuse(fieldLine, where, "a bit-field cannot be bound");
            }

            CSharpType type = Translate(field.Type, fieldLine, where);
            int offset = RoundUp(end, type.Alignment);
            if (@class.Layout.Fields.Single(f => f.Name == field.Name).Offset != offset)
            {
                throw Refuse(fieldLine, where, "a packed or aligned structure cannot be bound; not the natural offset");
            }

            end = offset + type.Size;
            alignment = Math.Max(alignment, type.Alignment);
            fields.Add(new(field.Name, type, Document(field.Comment, fieldLine, where)));
        }

        if (@class.Layout.Size != RoundUp(end, alignment) || @class.Layout.Alignment != alignment)
        {
            throw Refuse(line, name, "a packed or aligned structure cannot be bound; not the natural size");
        }

        _structs.Add((line, new(name, fields, Document(@class.Comment, line, name))));
        return true;
    }

    public override bool VisitEnumDecl(Enumeration @enum)
    {
        if (!VisitDeclaration(@enum))
        {
            return false;
        }

        int line = @enum.LineNumberStart;
        if (string.IsNullOrEmpty(@enum.Name))
        {
            throw Refuse(line, "enum", "an anonymous enumeration cannot be bound");
        }

        var items = new List<EnumItemBinding>();
        foreach (Enumeration.Item item in @enum.Items)
        {
            // Compilers choose the underlying type by the values; int is what all of them choose for values of int.
            int value = unchecked((int)item.Value);
            if (unchecked((ulong)value) != item.Value || (value < 0 && @enum.BuiltinType.IsUnsigned))
            {
                throw Refuse(item.LineNumberStart, item.Name, "its value is not an int, the type of a C99 enumerator");
            }

            items.Add(new(item.Name, value, Document(item.Comment, item.LineNumberStart, item.Name)));
        }

        _enums.Add((line, new(@enum.Name, items, Document(@enum.Comment, line, @enum.Name))));
        return true;
    }

    public override bool VisitTypedefDecl(TypedefDecl typedef)
    {
        // Nothing to write: a typedef is followed wherever it is used.
        if (typedef.Type is TagType { Declaration: { } declaration } && declaration.Name != typedef.Name)
        {
            string other = declaration.Name;
            throw Refuse(typedef.LineNumberStart, typedef.Name, $"a type needs one name, and this one is also {other}");
        }

        return true;
    }

    public override bool VisitVariableDecl(Variable variable) =>
        throw Refuse(variable.LineNumberStart, variable.Name, "a variable cannot be bound");

    /// <summary>
    /// A macro whose value is an unsigned integer literal is a constant; one that is no value at all (an include guard,
    /// an export attribute) has no place in the bindings.
    /// </summary>
    public override bool VisitMacroDefinition(MacroDefinition macro)
    {
        int[] lines = LinesDefining(macro.Name);
        string expression = Comment().Replace(macro.Expression, string.Empty).Trim();
        if (lines.Length == 0 || !StartOfValue().IsMatch(expression))
        {
            return false;
        }

        int line = lines[0];
        if (lines.Length > 1)
        {
            throw Refuse(line, macro.Name, "a constant with more than one definition cannot be bound");
        }

        Match literal = UnsignedLiteral().Match(expression);
        (string digits, NumberStyles style) = literal.Groups["hex"].Success
            ? (literal.Groups["hex"].Value, NumberStyles.AllowHexSpecifier)
            : (literal.Groups["decimal"].Value, NumberStyles.None);
        if (!uint.TryParse(digits, style, CultureInfo.InvariantCulture, out uint value))
        {
            throw Refuse(line, macro.Name, $"the value {expression} is not an unsigned 32-bit integer literal");
        }

        _constants.Add((line, new(macro.Name, value, Document(CommentAbove(line), line, macro.Name))));
        return true;
    }

    private CSharpType Translate(CppSharp.AST.Type type, int line, string where)
    {
        try
        {
            return TypeTranslator.Translate(type);
        }
        catch (NotSupportedException e)
        {
            throw Refuse(line, where, e.Message);
        }
    }

    private void RefuseByValue(CppSharp.AST.Type type, int line, string where)
    {
        if (TypeTranslator.IsStruct(type))
        {
            throw Refuse(line, where, "a structure cannot be passed or returned by value; pass a pointer");
        }
    }

    private Documentation Document(RawComment? comment, int line, string where) => Document(comment?.Text, line, where);

    private Documentation Document(string? comment, int line, string where)
    {
        try
        {
            return comment is null ? Documentation.None : DocumentationReader.Read(comment);
        }
        catch (FormatException e)
        {
            throw Refuse(line, where, e.Message);
        }
    }

    private void RefuseWrongParameterNames(
        Documentation documentation, List<ParameterBinding> parameters, int line, string where)
    {
        string documented = string.Join(", ", documentation.Parameters.Select(p => p.Name));
        string declared = string.Join(", ", parameters.Select(p => p.Name));
        if (documented.Length > 0 && documented != declared)
        {
            throw Refuse(line, where, $"@param documents ({documented}), but the parameters are ({declared})");
        }
    }

    /// <summary>Clang attaches no comment to a macro, so it is taken from the lines above.</summary>
    private string? CommentAbove(int line)
    {
        int last = line - 2;
        if (last < 0 || !_lines[last].TrimEnd().EndsWith("*/", StringComparison.Ordinal))
        {
            return null;
        }

        int first = last;
        while (first > 0 && !_lines[first].Contains("/*", StringComparison.Ordinal))
        {
            first--;
        }

        string comment = string.Join('\n', _lines[first..(last + 1)]).Trim();
        return comment.StartsWith("/**", StringComparison.Ordinal) ? comment : null;
    }

    /// <summary>CppSharp groups declarations by kind; the line gives back the header's order.</summary>
    private static List<T> InHeaderOrder<T>(IEnumerable<(int Line, T Binding)> bindings) =>
        [.. bindings.OrderBy(entry => entry.Line).Select(entry => entry.Binding)];

    /// <summary>The lines that define a macro without parameters, counted from 1.</summary>
    private int[] LinesDefining(string macro) =>
        [.. Enumerable.Range(1, _lines.Length).Where(line => DefinedMacro().Match(_lines[line - 1]).Value == macro)];

    private bool IsHeader(TranslationUnit unit) => string.Equals(
        Path.GetFullPath(unit.FilePath), Path.GetFullPath(headerPath), StringComparison.OrdinalIgnoreCase);

    private static int RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * multiple;

    private BindingException Refuse(int line, string name, string message) =>
        BindingException.At(headerPath, line, $"{name}: {message}");

    /// <summary>The name in a definition without parameters.</summary>
    [GeneratedRegex(@"(?<=^\s*#\s*define\s+)\w+(?!\w|\()")]
    private static partial Regex DefinedMacro();

    [GeneratedRegex(@"/\*.*?\*/|//.*$|\\\r?\n", RegexOptions.Singleline)]
    private static partial Regex Comment();

    [GeneratedRegex(@"^[-+~(.""'0-9]")]
    private static partial Regex StartOfValue();

    [GeneratedRegex(@"^(0[xX](?<hex>[0-9a-fA-F]+)|(?<decimal>0|[1-9][0-9]*))[uU]?$")]
    private static partial Regex UnsignedLiteral();

    [GeneratedRegex(@"^\s*static\b")]
    private static partial Regex StaticKeyword();
}
