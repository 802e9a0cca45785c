# SPDX-License-Identifier: MIT
#
# Thin verbs over the CMake presets and the MSBuild projects; build.sh has the same ones. The functions at the end only
# make sure that the tools are there.
$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $false  # what fails is looked at here
$Verb = if ($args.Count -gt 0) { $args[0] } else { 'help' }
# PowerShell cuts -p:Name=Value in two: after the colon, or, when it is started with -File, instead of it.
$Rest = @()
for ($i = 1; $i -lt $args.Count; $i++) {
    $argument = [string] $args[$i]
    if ($i + 1 -lt $args.Count) {
        if ($argument -match '^-.*:$') { $argument += $args[++$i] }
        elseif ($argument -in '-p', '-property' -and "$($args[$i + 1])".Contains('=')) { $argument += ":$($args[++$i])" }
    }
    $Rest += $argument
}
$IsOnWindows = $env:OS -eq 'Windows_NT'

function Show-Help {
    @'
Usage: ./build.ps1 <verb> [arguments]

  build              build the native library for this machine and all managed projects
  test [arguments]   build, make the package where Clang 19 is there, and run all native and managed tests and those of
                     the package; arguments go to dotnet test. Ends with what could not be tested, and why
  demo [arguments]   build, then train a classifier on handwritten digits
  bench [arguments]  build, then run the benchmarks; --quick runs each once
                     (the comparison with other libraries, bench peers, is for Linux: build.sh)
  bindings [args]    write bindings/Generated anew from the C header
  format [--check]   lay out all sources; with --check only say which are not
  pack               build the native libraries of all runtimes and make the NuGet package
  help               show this

What is missing is named, with the command that installs it. On Linux and macOS, build.sh does the same, and on Debian and
Ubuntu it installs what is missing.
'@
}

function Build-Native([string] $Tests = 'OFF') {
    Run cmake --preset release "-DNXENT_BUILD_TESTS=$Tests"
    Run cmake --build --preset release
}

function Invoke-Build {
    Need dotnet compiler cmake ninja
    Build-Native
    Run dotnet build NativeXent.sln -c Release @Rest
}

function Invoke-Test {
    Need dotnet compiler cmake ninja
    Build-Native ON
    $failed = $false
    $canPack = Test-Tool clang
    if ($canPack) {
        Build-Package
        $failed = $LASTEXITCODE -ne 0
    }
    ctest --preset release
    $failed = $failed -or $LASTEXITCODE -ne 0
    dotnet test NativeXent.sln -c Release @Rest
    $failed = $failed -or $LASTEXITCODE -ne 0
    if (-not $canPack) {
        $version = (Get-Content VERSION -TotalCount 1).Trim()
        # It may have been made elsewhere.
        $what = if (Test-Path "artifacts/packages/NativeXent.$version.nupkg") {
            'how the package is made (the one in artifacts/packages was tested)'
        }
        else { 'the package, and every way of shipping a program with it' }
        Write-Host "`nbuild.ps1: not tested here: $what, without:`n  - $(Get-Advice clang)"
    }
    if ($failed) { exit 1 }
}

function Invoke-Demo {
    Need dotnet compiler cmake ninja
    Build-Native
    Run dotnet run -c Release --project samples/Digits '--' @Rest
}

function Invoke-Bench {
    if ($Rest.Count -gt 0 -and $Rest[0] -in 'peers', 'check') {
        Fail 1 "bench $($Rest[0]): the other libraries that it compares with are Debian's. Run ./build.sh bench $($Rest[0]) there."
    }
    Need dotnet compiler cmake ninja
    Build-Native
    Run dotnet run -c Release --project benchmarks/NativeXent.Benchmarks '--' @Rest
}

function Invoke-Bindings {
    Need dotnet
    Run dotnet run -c Release --project bindings/Generator @Rest
}

function Invoke-Pack {
    Need dotnet cmake ninja clang
    Build-Package @Rest
    if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
}

function Build-Package {
    cmake --workflow --preset assets
    if ($LASTEXITCODE -eq 0) { dotnet pack src/NativeXent.Managed -c Release @args }
}

function Invoke-Format {
    Need dotnet clang-format
    # NUnit's analyzers suppress these in tests where they are wrong; dotnet format does not ask them.
    $suppressed = '--exclude-diagnostics', 'CS8600', 'CS8602', 'CS8604', 'CS8618'
    $folders = 'native', 'tests/native', 'tests/oracle', 'tests/fuzz', 'tests/NativeXent.PackageTests/Programs', 'benchmarks/native',
        'benchmarks/peers/native'
    $sources = Get-ChildItem $folders -Recurse -Include *.h, *.c, *.cpp | ForEach-Object FullName
    if ($Rest.Count -eq 0) {
        Run (Find-ClangFormat) -i @sources
        Run dotnet format NativeXent.sln @suppressed
    }
    elseif ($Rest[0] -eq '--check') {
        & (Find-ClangFormat) --dry-run --Werror @sources
        $failed = $LASTEXITCODE -ne 0
        dotnet format NativeXent.sln @suppressed --verify-no-changes
        if ($failed -or $LASTEXITCODE -ne 0) { exit 1 }
    }
    else { Fail 2 "format knows only --check, not '$($Rest[0])'." }
}

function Fail([int] $Code, [string] $Message) {
    [Console]::Error.WriteLine("build.ps1: $Message")
    exit $Code
}

# Runs a program and stops where it fails.
function Run {
    $program, $arguments = $args
    & $program @arguments
    if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
}

# Tools: for each a check, and what to do where it is missing: on Windows, and elsewhere.

$tools = @{
    'dotnet'       = @{
        Has  = { (dotnet --list-sdks) -match '^10\.' }
        Get  = '.NET SDK 10: winget install Microsoft.DotNet.SDK.10'
        Else = '.NET SDK 10, from https://dotnet.microsoft.com/download/dotnet/10.0'
    }
    'cmake'        = @{
        Has  = { "$(cmake --version)" -match 'version (\d+\.\d+)' -and [version] $Matches[1] -ge [version] '3.25' }
        Get  = 'CMake 3.25 or newer: winget install Kitware.CMake'
        Else = 'CMake 3.25 or newer, from https://cmake.org/download'
    }
    'ninja'        = @{
        Has  = { Get-Command ninja }
        Get  = 'Ninja: winget install Ninja-build.Ninja'
        Else = 'Ninja, from https://ninja-build.org'
    }
    'compiler'     = @{
        Has  = { if ($IsOnWindows) { Find-VisualCpp } else { Get-Command c++, g++, clang++ -ErrorAction Ignore } }
        Get  = 'a C++20 compiler: winget install Microsoft.VisualStudio.2022.BuildTools --override "--wait --passive --add Microsoft.VisualStudio.Workload.VCTools --includeRecommended"'
        Else = 'a C++20 compiler: GCC 11, Clang 14, Xcode 15 or newer'
    }
    # The compiler and the linker and tools beside it, as native/cmake/clang-lld.cmake looks for them.
    'clang'        = @{
        Has  = { Find-Version 19 clang-19 clang }
        Get  = 'Clang 19 with its linker and tools: https://github.com/llvm/llvm-project/releases'
        Else = 'Clang 19 with its linker and tools: https://github.com/llvm/llvm-project/releases'
    }
    'clang-format' = @{
        Has  = { Find-ClangFormat }
        Get  = 'clang-format 14: pipx install clang-format==14.0.6'
        Else = 'clang-format 14: pipx install clang-format==14.0.6'
    }
}

function Test-Tool([string] $Name) {
    return [bool] $(try { & $tools[$Name].Has } catch { $false })
}

function Get-Advice([string] $Name) {
    if ($IsOnWindows) { $tools[$Name].Get } else { $tools[$Name].Else }
}

function Need {
    $missing = @($args | Where-Object { -not (Test-Tool $_) })
    if ($missing) {
        $advice = ($missing | ForEach-Object { "  - $(Get-Advice $_)" }) -join "`n"
        $then = if ($IsOnWindows) { 'Open a new terminal afterwards.' } else { "Or run ./build.sh $Verb, which can install more." }
        Fail 1 "this is missing:`n$advice`n$then"
    }
}

# The first of several programs that is of a version.
function Find-Version([string] $Version) {
    foreach ($name in $args) {
        if ((Get-Command $name -ErrorAction Ignore) -and (& $name --version) -match "version $Version\.") { return $name }
    }
}

function Find-ClangFormat { Find-Version 14 clang-format-14 clang-format }

# Visual C++ is on the path only inside its developer shell, so enter that.
function Find-VisualCpp {
    if (Get-Command cl -ErrorAction Ignore) { return $true }
    $vswhere = "${env:ProgramFiles(x86)}\Microsoft Visual Studio\Installer\vswhere.exe"
    $path = & $vswhere -latest -products * -property installationPath
    $architecture = if ($env:PROCESSOR_ARCHITECTURE -eq 'ARM64') { 'arm64' } else { 'amd64' }
    Import-Module "$path\Common7\Tools\Microsoft.VisualStudio.DevShell.dll"
    Enter-VsDevShell -VsInstallPath $path -SkipAutomaticLocation -Arch $architecture -HostArch amd64 | Out-Null
    return [bool] (Get-Command cl -ErrorAction Ignore)
}

$before = Get-Location
Set-Location $PSScriptRoot
try {
    switch -CaseSensitive ($Verb) {
        'build' { Invoke-Build }
        'test' { Invoke-Test }
        'demo' { Invoke-Demo }
        'bench' { Invoke-Bench }
        'bindings' { Invoke-Bindings }
        'format' { Invoke-Format }
        'pack' { Invoke-Pack }
        { $_ -in 'help', '-h', '--help' } { Show-Help }
        default { Fail 2 "there is no verb '$Verb'.`n$(Show-Help)" }
    }
}
finally { Set-Location $before }
