namespace NativeXent.Bindings.Generator;

/// <summary>What the header declares, in its order, in terms of C#.</summary>
internal sealed record BindingModel(
    IReadOnlyList<ConstantBinding> Constants,
    IReadOnlyList<FunctionBinding> Functions,
    IReadOnlyList<StructBinding> Structs,
    IReadOnlyList<EnumBinding> Enums);

internal sealed record ConstantBinding(string Name, uint Value, Documentation Documentation);

internal sealed record FunctionBinding(
    string Name, CSharpType ReturnType, IReadOnlyList<ParameterBinding> Parameters, Documentation Documentation);

internal sealed record ParameterBinding(string Name, CSharpType Type);

internal sealed record StructBinding(string Name, IReadOnlyList<FieldBinding> Fields, Documentation Documentation);

internal sealed record FieldBinding(string Name, CSharpType Type, Documentation Documentation);

internal sealed record EnumBinding(string Name, IReadOnlyList<EnumItemBinding> Items, Documentation Documentation);

internal sealed record EnumItemBinding(string Name, int Value, Documentation Documentation);

/// <summary>A C# type with its size and alignment in bytes in a 64-bit process.</summary>
internal readonly record struct CSharpType(string Name, int Size, int Alignment)
{
    public bool IsPointer => Name.EndsWith('*');
}

/// <summary>A documentation comment: paragraphs of plain text, white space collapsed.</summary>
internal sealed record Documentation(
    IReadOnlyList<string> Paragraphs,
    IReadOnlyList<(string Name, string Text)> Parameters,
    string? Returns)
{
    public static readonly Documentation None = new([], [], null);
}

/// <summary>Where the bindings come from, for the head of the generated file.</summary>
internal sealed record SourceInfo(string Header, string HeaderSha256, string CppSharpVersion);
