using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using NativeXent.Interop;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>The generated bindings against header and library: neither side may have what the other has not.</summary>
public sealed class BindingsTests
{
    private static readonly Type[] Types =
    [
        .. typeof(NativeMethods).Assembly.GetTypes().Where(type =>
            type is { IsValueType: true, IsNested: false, Namespace: "NativeXent.Interop" } &&
            type.Name.StartsWith("nxent_", StringComparison.Ordinal)),
    ];

    private static readonly MethodInfo[] Functions =
    [
        .. typeof(NativeMethods).GetMethods(BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public)
            .Where(method => method.GetCustomAttribute<DllImportAttribute>() is not null),
    ];

    [Test]
    public void The_header_is_the_one_that_the_bindings_were_generated_from()
    {
        string generated = File.ReadAllText(Repository.Path("bindings/Generated/NativeMethods.g.cs"));
        string recorded = Regex.Match(generated, "Header SHA-256: ([0-9a-f]{64})").Groups[1].Value;
        string header = File.ReadAllText(Repository.Path("native/include/nativexent/nativexent.h"));
        byte[] bytes = System.Text.Encoding.UTF8.GetBytes(header.Replace("\r\n", "\n", StringComparison.Ordinal));
        Assert.That(
            recorded,
            Is.EqualTo(Convert.ToHexStringLower(SHA256.HashData(bytes))),
            "nativexent.h has changed: run ./build.sh bindings");
    }

    [Test]
    public void Every_entry_point_is_exported_by_the_library()
    {
        nint library = NativeLibrary.Load(AppFolder.RealLibrary);
        string[] missing = [.. EntryPoints().Where(name => !NativeLibrary.TryGetExport(library, name, out _))];
        NativeLibrary.Free(library);
        Assert.That(missing, Is.Empty);
        Assert.That(EntryPoints(), Does.Contain("nxent_softmax_cross_entropy"));
    }

    [Test]
    public void Every_export_of_the_library_is_an_entry_point()
    {
        byte[] file = File.ReadAllBytes(AppFolder.RealLibrary);
        if (!ElfExports.IsElf(file))
        {
            Assert.Ignore("Only the exports of 64-bit ELF libraries can be read here.");
        }

        Assert.That(ElfExports.Read(file), Is.EquivalentTo(EntryPoints()));
    }

    [Test]
    public void Entry_points_name_the_library_and_C_s_calling_convention()
    {
        foreach (MethodInfo function in Functions)
        {
            DllImportAttribute import = function.GetCustomAttribute<DllImportAttribute>()!;
            Assert.That(import.Value, Is.EqualTo("nativexent"), function.Name);
            Assert.That(import.CallingConvention, Is.EqualTo(CallingConvention.Cdecl), function.Name);
            Assert.That(import.EntryPoint, Is.EqualTo(function.Name));
        }
    }

    [Test]
    public void Sizes_offsets_and_values_are_those_of_the_library() =>
        Assert.That(ManagedLayout(), Is.EquivalentTo(NativeLayout()));

    [Test]
    public void The_layout_ends_with_null_and_zero()
    {
        nuint count = (nuint)NativeLayout().Count;
        foreach (nuint index in (nuint[])[count, count + 1, nuint.MaxValue])
        {
            Assert.That(LayoutName(index), Is.Null);
            Assert.That(NativeMethods.nxent_layout_value(index), Is.EqualTo((nuint)0));
        }
    }

    [Test]
    public void Structures_are_blittable_and_can_be_passed_by_address()
    {
        foreach (Type type in Types.Where(type => !type.IsEnum))
        {
            Assert.That(type.IsLayoutSequential, Is.True, type.Name);
            Assert.That(Marshal.SizeOf(type), Is.EqualTo(UnmanagedSize(type)), type.Name);
        }
    }

    [Test]
    public void The_ABI_version_is_the_library_s() =>
        Assert.That(NativeMethods.nxent_abi_version(), Is.EqualTo(NativeMethods.NXENT_ABI_VERSION));

    [Test]
    public unsafe void The_version_is_that_of_the_repository_on_all_sides()
    {
        Assert.That(NativeBackend.Text(NativeMethods.nxent_version()), Is.EqualTo(Repository.Version));
        Assembly assembly = typeof(NativeXentRuntime).Assembly;
        Assert.That(assembly.GetName().Version!.ToString(3), Is.EqualTo(Repository.Version));
        Assert.That(
            assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0],
            Is.EqualTo(Repository.Version));
    }

    [Test]
    public void Every_status_has_a_sentence_of_its_own()
    {
        string[] sentences = [.. Enum.GetValues<nxent_status>().Select(s => NativeBackend.StatusMessage((int)s))];
        Assert.That(sentences, Is.Unique);
        Assert.That(sentences, Is.All.Match("^\\S.*\\.$"));
        Assert.That(NativeBackend.StatusMessage(-1), Is.EqualTo(NativeBackend.StatusMessage(int.MaxValue)));
        Assert.That(sentences, Does.Not.Contain(NativeBackend.StatusMessage(-1)));
    }

    private static IEnumerable<string> EntryPoints() => Functions.Select(function => function.Name);

    private static unsafe string? LayoutName(nuint index) => NativeBackend.Text(NativeMethods.nxent_layout_name(index));

    private static Dictionary<string, nuint> NativeLayout()
    {
        Dictionary<string, nuint> layout = [];
        for (nuint i = 0; LayoutName(i) is { } name; i++)
        {
            layout.Add(name, NativeMethods.nxent_layout_value(i));
        }

        return layout;
    }

    // The same from the bindings' own types.
    private static Dictionary<string, nuint> ManagedLayout()
    {
        Dictionary<string, nuint> layout = [];
        foreach (Type type in Types)
        {
            if (type.IsEnum)
            {
                foreach (string name in Enum.GetNames(type))
                {
                    layout.Add(name, (nuint)(int)Enum.Parse(type, name));
                }

                continue;
            }

            layout.Add(type.Name, (nuint)Marshal.SizeOf(type));
            foreach (FieldInfo field in Fields(type))
            {
                layout.Add($"{type.Name}.{field.Name}", (nuint)Marshal.OffsetOf(type, field.Name));
            }
        }

        return layout;
    }

    private static FieldInfo[] Fields(Type type) =>
        type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic);

    // What sizeof says.
    private static int UnmanagedSize(Type type) =>
        (int)typeof(System.Runtime.CompilerServices.Unsafe)
            .GetMethod(nameof(System.Runtime.CompilerServices.Unsafe.SizeOf))!
            .MakeGenericMethod(type)
            .Invoke(null, null)!;
}
