# SPDX-License-Identifier: MIT
#
# Thin verbs over the CMake presets and the MSBuild projects; build.sh has the same ones. The functions at the end only
# make sure that the tools are there.
$ErrorActionPreference = 'Stop'
$Verb = if ($args.Count -gt 0) { $args[0] } else { 'help' }
$Rest = @($args | Select-Object -Skip 1)
Set-Location $PSScriptRoot

function Show-Help {
    @'
Usage: ./build.ps1 <verb> [arguments]

  build              build the native library for this machine and all managed projects
  test [arguments]   build, then run all native and managed tests; arguments go to dotnet test
  demo [arguments]   build, then train a classifier on handwritten digits
  bench [arguments]  build, then run the benchmarks; --quick runs each once
                     (the comparison with other libraries, bench peers, is for Linux: build.sh)
  bindings [args]    write bindings/Generated anew from the C header
  format [--check]   lay out all sources; with --check only say which are not
  pack               build the native libraries of all runtimes and make the NuGet package
  help               show this

What is missing is named, with the command that installs it.
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
    ctest --preset release
    $failed = $LASTEXITCODE -ne 0
    dotnet test NativeXent.sln -c Release @Rest
    if ($failed -or $LASTEXITCODE -ne 0) { exit 1 }
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
    Run cmake --workflow --preset assets
    Run dotnet pack src/NativeXent.Managed -c Release @Rest
}

function Invoke-Format {
    Need dotnet clang-format
    # NUnit's analyzers suppress these in tests where they are wrong; dotnet format does not ask them.
    $suppressed = '--exclude-diagnostics', 'CS8600', 'CS8602', 'CS8604', 'CS8618'
    $folders = 'native', 'tests/native', 'tests/oracle', 'tests/NativeXent.PackageTests/Programs', 'benchmarks/native',
        'benchmarks/peers/native'
    $sources = Get-ChildItem $folders -Recurse -Include *.h, *.c, *.cpp | ForEach-Object FullName
    if ($Rest.Count -eq 0) {
        Run clang-format -i @sources
        Run dotnet format NativeXent.sln @suppressed
    }
    elseif ($Rest[0] -eq '--check') {
        clang-format --dry-run --Werror @sources
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

# Tools: for each a check, and what to do where it is missing.

$tools = @{
    'dotnet'       = @{
        Has  = { (dotnet --list-sdks) -match '^10\.' }
        Get  = '.NET SDK 10: winget install Microsoft.DotNet.SDK.10'
    }
    'cmake'        = @{
        Has  = { (cmake --version)[0] -match '(\d+\.\d+)' -and [version] $Matches[1] -ge [version] '3.25' }
        Get  = 'CMake 3.25 or newer: winget install Kitware.CMake'
    }
    'ninja'        = @{
        Has  = { Get-Command ninja }
        Get  = 'Ninja: winget install Ninja-build.Ninja'
    }
    'compiler'     = @{
        Has  = { if ($env:OS -eq 'Windows_NT') { Find-VisualCpp } else { Get-Command c++ } }
        Get  = 'a C++20 compiler: winget install Microsoft.VisualStudio.2022.BuildTools --override "--wait --passive --add Microsoft.VisualStudio.Workload.VCTools --includeRecommended"'
    }
    'clang'        = @{
        Has  = { (clang --version) -match 'version 19\.' }
        Get  = 'Clang 19 with its linker and tools: https://github.com/llvm/llvm-project/releases'
    }
    'clang-format' = @{
        Has  = { (clang-format --version) -match 'version 14\.' }
        Get  = 'clang-format 14: pipx install clang-format==14.0.6'
    }
}

function Need {
    $missing = $args | Where-Object { -not $(try { & $tools[$_].Has } catch { $false }) }
    if ($missing) {
        Fail 1 ("this is missing:`n" + (($missing | ForEach-Object { "  - $($tools[$_].Get)" }) -join "`n") +
            "`nOpen a new terminal afterwards.")
    }
}

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

switch -CaseSensitive ($Verb) {
    'build' { Invoke-Build }
    'test' { Invoke-Test }
    'demo' { Invoke-Demo }
    'bench' { Invoke-Bench }
    'bindings' { Invoke-Bindings }
    'format' { Invoke-Format }
    'pack' { Invoke-Pack }
    { $_ -in 'help', '-h', '--help' } { Show-Help }
    default {
        [Console]::Error.WriteLine("build.ps1: there is no verb '$Verb'.")
        Show-Help
        exit 2
    }
}
