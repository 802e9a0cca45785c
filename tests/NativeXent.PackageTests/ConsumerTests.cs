using NativeXent.PackageTests.Support;
using NUnit.Framework;

namespace NativeXent.PackageTests;

/// <summary>What the build says where the package cannot do what is asked of it.</summary>
[Parallelizable(ParallelScope.Children)]
internal sealed class ConsumerTests
{
    [TestCase("netstandard2.0", ".NETStandard,Version=v2.0")]
    [TestCase("net472", ".NETFramework,Version=v4.7.2")]
    [TestCase("net7.0", ".NETCoreApp,Version=v7.0")]
    public void Other_frameworks_get_NuGet_s_message(string framework, string longName)
    {
        string folder = Directory.CreateDirectory(Path.Combine(Workspace.Folder, "incompatible", framework)).FullName;
        File.WriteAllText(
            Path.Combine(folder, "program.csproj"),
            $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <TargetFramework>{framework}</TargetFramework>
                <DisableImplicitFrameworkReferences>true</DisableImplicitFrameworkReferences>
                <CheckEolTargetFramework>false</CheckEolTargetFramework>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="NativeXent" Version="{Repository.Version}" />
              </ItemGroup>
            </Project>
            """);
        Tool.Outcome outcome = Workspace.DotNet("restore", folder);
        Assert.That(outcome.ExitCode, Is.Not.Zero);
        Assert.That(outcome.Output, Does.Contain("NU1202").And.Contains(
            $"Package NativeXent {Repository.Version} is not compatible with {framework} ({longName})."));
    }

    [TestCase("", "NXENT0001", "NativeXentStaticLink has no effect without PublishAot")]
    [TestCase(
        "-p:PublishAot=true;RuntimeIdentifier=linux-riscv64",
        "NXENT0002",
        "has no static library for the runtime 'linux-riscv64'")]
    public void Linking_that_cannot_be_is_told(string properties, string code, string message)
    {
        ShippedProgram program = ShippedPrograms.FrameworkDependent;
        string output = Workspace.DotNet(
            "msbuild", Path.Combine(program.Folder, $"{program.Name}.csproj"), "-t:_NativeXentCheckStaticLink", "-nologo",
            properties.Length > 0 ? $"{properties};NativeXentStaticLink=true" : "-p:NativeXentStaticLink=true")
            .MustSucceed();
        Assert.That(output, Does.Contain($"warning {code}: ").And.Contains(message));
    }
}
