using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>Any change of what users can see shows in the review, as a change of PublicApi.txt.</summary>
public sealed class PublicApiTests
{
    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static
        | BindingFlags.DeclaredOnly;

    private static readonly NullabilityInfoContext Nullability = new();

    private static readonly Dictionary<Type, string> Keywords = new()
    {
        [typeof(void)] = "void",
        [typeof(object)] = "object",
        [typeof(string)] = "string",
        [typeof(bool)] = "bool",
        [typeof(byte)] = "byte",
        [typeof(ushort)] = "ushort",
        [typeof(int)] = "int",
        [typeof(uint)] = "uint",
        [typeof(long)] = "long",
        [typeof(ulong)] = "ulong",
        [typeof(nint)] = "nint",
        [typeof(nuint)] = "nuint",
        [typeof(float)] = "float",
        [typeof(double)] = "double",
    };

    [Test]
    public void The_public_surface_is_the_recorded_one()
    {
        string recorded = Repository.Path("tests/NativeXent.Tests/PublicApi.txt");
        string actual = Repository.Path("artifacts/PublicApi.txt");
        string surface = Surface();
        Directory.CreateDirectory(Path.GetDirectoryName(actual)!);
        File.WriteAllText(actual, surface);
        Assert.That(
            surface.Split('\n'),
            Is.EqualTo(File.ReadAllText(recorded).ReplaceLineEndings("\n").Split('\n')),
            $"The public surface has changed. Where that is meant: copy {actual} over {recorded}, and commit it together "
            + "with a line in CHANGELOG.md.");
    }

    private static string Surface()
    {
        StringBuilder text = new();
        foreach (Type type in typeof(NativeXentRuntime).Assembly.GetTypes()
            .Where(type => type.IsVisible).OrderBy(Name, StringComparer.Ordinal))
        {
            text.Append(Declaration(type, $"{type.Namespace}.{Name(type)}")).Append('\n');
            foreach (string member in Members(type).Order(StringComparer.Ordinal))
            {
                text.Append("    ").Append(member).Append('\n');
            }
        }

        return text.ToString();
    }

    private static string Declaration(Type type, string fullName)
    {
        string kind = type.IsEnum ? $"enum {fullName} : {Name(Enum.GetUnderlyingType(type))}"
            : type.IsValueType
                ? (type.IsDefined(typeof(IsReadOnlyAttribute)) ? "readonly " : "")
                    + (type.IsByRefLike ? "ref " : "") + $"struct {fullName}"
            : type.IsInterface ? $"interface {fullName}"
            : (type is { IsAbstract: true, IsSealed: true } ? "static "
                : type.IsAbstract ? "abstract " : type.IsSealed ? "sealed " : "") + $"class {fullName}";
        IEnumerable<string> bases = type.GetInterfaces().Where(i => i.IsVisible && !type.IsEnum).Select(i => Name(i))
            .Order(StringComparer.Ordinal);
        if (type.BaseType is { } parent && parent != typeof(object) && parent != typeof(ValueType) && !type.IsEnum)
        {
            bases = bases.Prepend(Name(parent));
        }

        string list = string.Join(", ", bases);
        return kind + (list.Length > 0 ? $" : {list}" : "") + Constraints(type.GetGenericArguments());
    }

    private static IEnumerable<string> Members(Type type)
    {
        foreach (FieldInfo field in type.GetFields(Declared).Where(field => IsSeen(field) && !field.IsSpecialName))
        {
            yield return field.IsLiteral
                ? $"{field.Name} = {Convert.ToString(field.GetRawConstantValue(), null)}"
                : Modifiers(field.IsStatic, field.IsFamily) + (field.IsInitOnly ? "readonly " : "")
                    + $"{Name(field.FieldType, Nullability.Create(field))} {field.Name}";
        }

        foreach (PropertyInfo property in type.GetProperties(Declared))
        {
            MethodInfo[] accessors = [.. property.GetAccessors(nonPublic: true).Where(IsSeen)];
            if (accessors.Length > 0)
            {
                IEnumerable<string> names = accessors.Select(accessor =>
                    accessor.ReturnType != typeof(void) ? "get;"
                    : accessor.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)) ? "init;"
                    : "set;");
                yield return Modifiers(accessors[0].IsStatic, accessors[0].IsFamily)
                    + $"{Name(property.PropertyType, Nullability.Create(property))} {property.Name} "
                    + $"{{ {string.Join(' ', names)} }}";
            }
        }

        foreach (ConstructorInfo constructor in type.GetConstructors(Declared).Where(IsSeen))
        {
            yield return Modifiers(isStatic: false, constructor.IsFamily)
                + $"{type.Name.Split('`')[0]}({Parameters(constructor)})";
        }

        // Accessors are their properties' business; what the compiler writes for a record is nobody's.
        foreach (MethodInfo method in type.GetMethods(Declared).Where(method => IsSeen(method)
            && !(method.IsSpecialName && !method.Name.StartsWith("op_", StringComparison.Ordinal))
            && !method.IsDefined(typeof(CompilerGeneratedAttribute))))
        {
            string generic = method.IsGenericMethod
                ? $"<{string.Join(", ", method.GetGenericArguments().Select(argument => argument.Name))}>"
                : "";
            yield return Modifiers(method.IsStatic, method.IsFamily)
                + $"{Name(method.ReturnType, Nullability.Create(method.ReturnParameter))} {method.Name}{generic}"
                + $"({Parameters(method)})" + Constraints(method.GetGenericArguments());
        }
    }

    private static bool IsSeen(FieldInfo field) => field.IsPublic || field.IsFamily || field.IsFamilyOrAssembly;

    private static bool IsSeen(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;

    private static string Modifiers(bool isStatic, bool isFamily) =>
        (isFamily ? "protected " : "") + (isStatic ? "static " : "");

    private static string Parameters(MethodBase method) =>
        string.Join(", ", method.GetParameters().Select(parameter =>
            (parameter.IsDefined(typeof(ParamArrayAttribute)) ? "params " : "")
            + (parameter.IsOut ? "out " : parameter.IsIn ? "in " : parameter.ParameterType.IsByRef ? "ref " : "")
            + $"{Name(parameter.ParameterType, Nullability.Create(parameter))} {parameter.Name}"
            + (parameter.HasDefaultValue ? $" = {Default(parameter)}" : "")));

    private static string Default(ParameterInfo parameter) =>
        parameter.DefaultValue is { } value
            ? $"{(parameter.ParameterType.IsEnum ? Enum.ToObject(parameter.ParameterType, value) : value)}"
            : parameter.ParameterType.IsValueType ? "default" : "null";

    private static string Constraints(Type[] arguments) =>
        string.Concat(arguments.Where(argument => argument.IsGenericParameter).Select(argument =>
        {
            bool isUnmanaged = argument.GetCustomAttributesData().Any(
                data => data.AttributeType.FullName == "System.Runtime.CompilerServices.IsUnmanagedAttribute");
            string[] names =
            [
                .. isUnmanaged ? ["unmanaged"]
                    : argument.GenericParameterAttributes.HasFlag(
                        GenericParameterAttributes.NotNullableValueTypeConstraint) ? ["struct"]
                    : Array.Empty<string>(),
                .. argument.GetGenericParameterConstraints().Where(type => type != typeof(ValueType))
                    .Select(type => Name(type)),
            ];
            return names.Length > 0 ? $" where {argument.Name} : {string.Join(", ", names)}" : "";
        }));

    private static string Name(Type type) => Name(type, null);

    private static string Name(Type type, NullabilityInfo? nullability)
    {
        if (type.IsByRef)
        {
            return Name(type.GetElementType()!, nullability);
        }

        if (type.IsPointer)
        {
            return $"{Name(type.GetElementType()!)}*";
        }

        if (type.IsArray)
        {
            return $"{Name(type.GetElementType()!, nullability?.ElementType)}[]";
        }

        if (Nullable.GetUnderlyingType(type) is { } value)
        {
            return $"{Name(value)}?";
        }

        string name = Keywords.GetValueOrDefault(type)
            ?? (type.IsNested && !type.IsGenericParameter ? $"{Name(type.DeclaringType!)}." : "") + type.Name.Split('`')[0];
        if (type.IsGenericType)
        {
            Type[] arguments = type.GetGenericArguments();
            NullabilityInfo[] nullabilities = nullability?.GenericTypeArguments ?? [];
            name += $"<{string.Join(", ", arguments.Select((argument, i) =>
                Name(argument, i < nullabilities.Length ? nullabilities[i] : null)))}>";
        }

        return !type.IsValueType && nullability?.ReadState == NullabilityState.Nullable ? $"{name}?" : name;
    }
}
