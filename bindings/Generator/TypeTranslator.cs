using CppSharp.AST;
using CppSharp.Generators.CSharp;

namespace NativeXent.Bindings.Generator;

/// <summary>
/// Gives C types their C# names. Only types that mean the same on every platform are known; they are recognised by the
/// name the header uses, never by the width they happen to have on one target.
/// </summary>
internal static class TypeTranslator
{
    private const int PointerSize = 8;

    private static readonly Dictionary<string, CSharpType> StandardTypes = new(StringComparer.Ordinal)
    {
        ["int8_t"] = new("sbyte", 1, 1),
        ["uint8_t"] = new("byte", 1, 1),
        ["int16_t"] = new("short", 2, 2),
        ["uint16_t"] = new("ushort", 2, 2),
        ["int32_t"] = new("int", 4, 4),
        ["uint32_t"] = new("uint", 4, 4),
        ["int64_t"] = new("long", 8, 8),
        ["uint64_t"] = new("ulong", 8, 8),
        ["size_t"] = new("nuint", PointerSize, PointerSize),
        ["uintptr_t"] = new("nuint", PointerSize, PointerSize),
        ["ptrdiff_t"] = new("nint", PointerSize, PointerSize),
        ["intptr_t"] = new("nint", PointerSize, PointerSize),
    };

    /// <exception cref="NotSupportedException">C# has no blittable type that is the same everywhere.</exception>
    public static CSharpType Translate(CppSharp.AST.Type type) => type switch
    {
        TypedefType { Declaration: var typedef } when typedef.TranslationUnit.IsSystemHeader =>
            StandardTypes.TryGetValue(typedef.Name, out CSharpType known)
                ? known
                : throw Unsupported($"the type {typedef.Name}"),
        TypedefType { Declaration: var typedef } => Translate(typedef.Type),
        AttributedType attributed => Translate(attributed.Modified.Type),
        PointerType pointer => Pointer(pointer.Pointee),
        BuiltinType builtin => Builtin(builtin.Type),
        TagType { Declaration: Enumeration @enum } => new(Identifier(@enum.Name), 4, 4),
        TagType { Declaration: Class { IsUnion: true } union } => throw Unsupported($"the union {union.Name}"),
        TagType { Declaration: Class { IsIncomplete: true } @class } =>
            throw Unsupported($"the undefined structure {@class.Name}"),
        TagType { Declaration: Class { Layout: var layout } @class } =>
            new(Identifier(@class.Name), layout.Size, layout.Alignment),
        ArrayType => throw Unsupported("an array"),
        FunctionType => throw Unsupported("a function"),
        _ => throw Unsupported("this type"),
    };

    /// <summary>The C name, escaped where it is a C# keyword.</summary>
    public static string Identifier(string name) => CSharpSources.SafeIdentifier(name);

    public static bool IsStruct(CppSharp.AST.Type type) => type switch
    {
        TypedefType { Declaration: var typedef } => IsStruct(typedef.Type),
        AttributedType attributed => IsStruct(attributed.Modified.Type),
        TagType { Declaration: Class } => true,
        _ => false,
    };

    private static CSharpType Pointer(CppSharp.AST.Type pointee)
    {
        // The sign of char differs between platforms, which matters for a value but not for text in memory.
        string target = pointee switch
        {
            BuiltinType { Type: PrimitiveType.Char } => "byte",
            FunctionType => throw Unsupported("a function pointer"),
            ArrayType => throw Unsupported("a pointer to an array"),
            _ => Translate(pointee).Name,
        };
        return new(target + "*", PointerSize, PointerSize);
    }

    private static CSharpType Builtin(PrimitiveType type) => type switch
    {
        PrimitiveType.Void => new("void", 0, 1),
        PrimitiveType.SChar => new("sbyte", 1, 1),
        PrimitiveType.UChar => new("byte", 1, 1),
        PrimitiveType.Short => new("short", 2, 2),
        PrimitiveType.UShort => new("ushort", 2, 2),
        PrimitiveType.Int => new("int", 4, 4),
        PrimitiveType.UInt => new("uint", 4, 4),
        PrimitiveType.LongLong => new("long", 8, 8),
        PrimitiveType.ULongLong => new("ulong", 8, 8),
        PrimitiveType.Float => new("float", 4, 4),
        PrimitiveType.Double => new("double", 8, 8),
        PrimitiveType.Long or PrimitiveType.ULong => throw Unsupported("long, which differs between platforms,"),
        PrimitiveType.Char => throw Unsupported("a char by value, whose sign differs between platforms,"),
        PrimitiveType.Bool => throw Unsupported("_Bool, which C# does not pass unchanged,"),
        PrimitiveType.LongDouble => throw Unsupported("long double"),
        _ => throw Unsupported("this type"),
    };

    private static NotSupportedException Unsupported(string what) => new($"{what} cannot be bound");
}
