using System.Globalization;
using System.Text.RegularExpressions;
using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

/// <summary>
/// The managed kernel writes in decimal what the native one writes in hexadecimal. A last digit gone wrong may change
/// one result in many millions, so the sources are compared too.
/// </summary>
public sealed partial class TwinConstantsTests
{
    [Test]
    public void Every_constant_of_the_managed_kernel_is_one_of_the_native_kernel_s()
    {
        string[] native = Constants(
            "native/src/kernels/math-inl.h",
            "native/src/kernels/elements-inl.h",
            "native/src/kernels/exponential-inl.h",
            "native/src/kernels/cross_entropy_rows-inl.h",
            "native/src/kernels/row_groups-inl.h",
            "native/src/kernels/softmax-inl.h",
            "native/src/kernels/sigmoid_cross_entropy-inl.h");
        string[] managed = Constants(
            "src/NativeXent.Managed/Simd/DoubleMath.cs",
            "src/NativeXent.Managed/Simd/Elements.cs",
            "src/NativeXent.Managed/Simd/Exponentials.cs",
            "src/NativeXent.Managed/Simd/SoftmaxCrossEntropyKernel.cs",
            "src/NativeXent.Managed/Simd/RowGroups.cs",
            "src/NativeXent.Managed/Simd/SoftmaxKernels.cs",
            "src/NativeXent.Managed/Simd/SigmoidCrossEntropyKernel.cs");
        Assert.That(managed, Has.Length.GreaterThan(40), "literals found");
        Assert.That(managed.Except(native), Is.Empty);
    }

    [TestCase("0x1.8p+52", "6755399441055744")]
    [TestCase("6755399441055744.0", "6755399441055744")]
    [TestCase("0x1.715476p+0f", "1.442695 float")]
    [TestCase("1.442695f", "1.442695 float")]
    [TestCase("1.4426951f", "1.4426951 float")]
    [TestCase("0x1.00001p-126", "1.175495471861059E-38")]
    [TestCase("-0x1.05c61p-29f", "-1.9046542E-09 float")]
    public void Literals_of_both_languages_are_read(string literal, string value) =>
        Assert.That(Literal().Matches(literal).Select(Value), Is.EqualTo([value]));

    private static string[] Constants(params string[] paths) =>
    [
        .. paths
            .Select(path => Comment().Replace(File.ReadAllText(Repository.Path(path)), ""))
            .SelectMany(source => Literal().Matches(source).Select(Value))
            .Distinct(),
    ];

    private static string Value(Match literal)
    {
        double value = literal.Groups["exponent"].Success
            ? Hexadecimal(literal.Groups["digits"].Value, literal.Groups["exponent"].Value)
            : double.Parse(literal.Groups["decimal"].Value, CultureInfo.InvariantCulture);
        value = literal.Groups["sign"].Value == "-" ? -value : value;
        return literal.Groups["float"].Success
            ? ((float)value).ToString("R", CultureInfo.InvariantCulture) + " float"
            : value.ToString("R", CultureInfo.InvariantCulture);
    }

    private static double Hexadecimal(string digits, string exponent)
    {
        string[] parts = digits.Split('.');
        string fraction = parts.Length > 1 ? parts[1] : "";
        long mantissa = long.Parse(parts[0] + fraction, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        return Math.ScaleB(mantissa, int.Parse(exponent, CultureInfo.InvariantCulture) - (4 * fraction.Length));
    }

    [GeneratedRegex("//.*")]
    private static partial Regex Comment();

    // A subtraction has a space before its second operand, a sign has none.
    [GeneratedRegex(
        @"(?<sign>-)?(?<![\w.])" +
        @"(0x(?<digits>[0-9a-f.]+)p(?<exponent>[+-]?[0-9]+)|(?<decimal>[0-9]+\.[0-9]+(e[+-]?[0-9]+)?))(?<float>f)?\b")]
    private static partial Regex Literal();
}
