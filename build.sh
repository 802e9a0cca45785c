#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Thin verbs over the CMake presets and the MSBuild projects; build.ps1 has the same ones. The functions at the end only
# make sure that the tools are there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

help() {
    cat <<'TEXT'
Usage: ./build.sh <verb> [arguments]

  build              build the native library for this machine and all managed projects
  test [arguments]   build, make the package, and run all native and managed tests and those of the package; arguments
                     go to dotnet test. Ends with what could not be tested, and why
  demo [arguments]   build, then train a classifier on handwritten digits
  bench [arguments]  build, then run the benchmarks; --quick runs each once
  bench peers [args] compare with other libraries; --write puts the figures into README.md and docs/
  bench check        tell what is slower than the figures that bench peers --write wrote last
  bindings [args]    write bindings/Generated anew from the C header
  format [--check]   lay out all sources; with --check only say which are not
  pack               build the native libraries of all runtimes and make the NuGet package
  setup              install what all of these need, bench peers apart, and what .ci/run needs
  help               show this

What is missing is installed where apt can (as root); otherwise you are told what to install.
TEXT
}

build_native() {  # [tests: ON or OFF] [peers: ON or OFF]
    cmake --preset release -DNXENT_BUILD_TESTS="${1:-OFF}" -DNXENT_BUILD_PEERS="${2:-OFF}"
    cmake --build --preset release
}

build() {
    need dotnet icu certificates cmake ninja compiler
    build_native
    dotnet build NativeXent.sln -c Release "$@"
}

tests() {
    need dotnet icu certificates cmake ninja compiler gtest
    # Tests that lack one of these are skipped.
    local tools
    read -ra tools < <(package_test_tools)
    install "${tools[@]}"
    # An empty array is unset to the Bash of macOS.
    local failed=0 untested=(${missing[@]+"${missing[@]}"})
    build_native ON
    if has_clang && has_lld; then pack || failed=1; fi
    ctest --preset release || failed=1
    dotnet test NativeXent.sln -c Release "$@" || failed=1
    missing=(${untested[@]+"${untested[@]}"})
    [[ ${#missing[@]} -eq 0 ]] || explain_untested
    return $failed
}

# What the tests of the package take beyond what builds it all.
package_test_tools() {
    case $(uname):$(uname -m) in
        Linux:x86_64) echo clang lld zlib musl cross-compiler qemu wine ;;
        Linux:*) echo clang lld zlib ;;
        *) echo clang lld ;;
    esac
}

explain_untested() {
    local tool
    echo
    echo "build.sh: not tested here, or only in part:"
    for tool in "${missing[@]}"; do
        case $tool in
            clang | lld)
                # The package may have been made elsewhere, as CI's is for the systems that it is tested on.
                if [[ -e artifacts/packages/NativeXent.$(<VERSION).nupkg ]]; then
                    echo "  - how the package is made (the one in artifacts/packages was tested), without: $(describe "$tool")"
                else
                    echo "  - the package, and every way of shipping a program with it, without: $(describe "$tool")"
                fi
                ;;
            zlib) echo "  - programs compiled ahead of time (NativeAOT), without: $(describe zlib)" ;;
            musl) echo "  - the libraries for musl, without: $(describe musl)" ;;
            cross-compiler | qemu) echo "  - the libraries for Linux on arm64, without: $(describe "$tool")" ;;
            wine) echo "  - the libraries for Windows, without: $(describe wine)" ;;
        esac
    done
    suggest
}

setup() {
    local tools
    read -ra tools < <(package_test_tools)
    need dotnet icu certificates cmake ninja compiler gtest benchmark readelf fuzzer clang-format "${tools[@]}"
}

demo() {
    need dotnet icu certificates cmake ninja compiler
    build_native
    dotnet run -c Release --project samples/Digits -- "$@"
}

bench() {
    case "${1:-}" in
        peers) peers "${@:2}" ;;
        check) peers "$@" ;;
        *)
            need dotnet icu certificates cmake ninja compiler
            build_native
            dotnet run -c Release --project benchmarks/NativeXent.Benchmarks -- "$@"
            ;;
    esac
}

peers() {
    need dotnet icu certificates cmake ninja compiler
    install_peers
    build_native OFF ON
    dotnet run -c Release --project benchmarks/peers -- "$@"
}

# Whom the comparison is with. Whoever cannot be installed is missing in it, and it says so.
install_peers() {
    local name wanted=()
    for name in libdnnl-dev libxnnpack-dev libpthreadpool-dev libcpuinfo-dev libtorch-dev; do
        dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q ' installed$' || wanted+=("$name")
    done
    command -v npm >/dev/null || wanted+=(npm)
    if [[ ${#wanted[@]} -gt 0 && $EUID -eq 0 ]] && command -v apt-get >/dev/null; then
        apt-get update -qq || true
        for name in "${wanted[@]}"; do
            apt_install "$name" || true
        done
    elif [[ ${#wanted[@]} -gt 0 ]]; then
        echo "build.sh: for the whole comparison run: sudo apt-get install ${wanted[*]}"
    fi
    local onnxruntime=onnxruntime-node@1.30.0 folder=artifacts/peers
    if command -v npm >/dev/null && ! npm list --prefix "$folder" "$onnxruntime" >/dev/null 2>&1; then
        mkdir -p "$folder"
        # Its install script would fetch libraries for graphics processors.
        npm install --prefix "$folder" --no-audit --no-fund --ignore-scripts "$onnxruntime" || true
    fi
}

bindings() {
    need dotnet icu certificates
    dotnet run -c Release --project bindings/Generator "$@"
}

format() {
    need dotnet icu certificates clang-format
    # NUnit's analyzers suppress these in tests where they are wrong; dotnet format does not ask them.
    local suppressed=(--exclude-diagnostics CS8600 CS8602 CS8604 CS8618)
    case "${1:-}" in
        '')
            native_sources -exec "$(clang_format)" -i {} +
            dotnet format NativeXent.sln "${suppressed[@]}"
            ;;
        --check)
            local failed=0
            native_sources -exec "$(clang_format)" --dry-run --Werror {} + || failed=1
            dotnet format NativeXent.sln "${suppressed[@]}" --verify-no-changes || failed=1
            return $failed
            ;;
        *) fail 2 "format knows only --check, not '$1'." ;;
    esac
}

native_sources() {
    find native tests/native tests/oracle tests/fuzz tests/NativeXent.PackageTests/Programs benchmarks/native benchmarks/peers/native \
        \( -name '*.h' -o -name '*.c' -o -name '*.cpp' \) "$@"
}

pack() {
    need dotnet icu certificates cmake ninja clang lld
    cmake --workflow --preset assets && dotnet pack src/NativeXent.Managed -c Release "$@"
}

fail() {  # exit code, message
    echo "build.sh: $2" >&2
    exit "$1"
}

# Tools: for each a check, a description, and the package that brings it.

has_dotnet() { dotnet --list-sdks 2>/dev/null | grep -q '^10\.'; }
has_certificates() {
    [[ $(uname) != Linux || -e /etc/ssl/certs/ca-certificates.crt || -e /etc/pki/tls/certs/ca-bundle.crt ]]
}
has_icu() {  # .NET on Linux does not start without it
    [[ $(uname) != Linux || -n ${DOTNET_SYSTEM_GLOBALIZATION_INVARIANT:-} ]] && return
    local pattern
    for pattern in /usr/lib/ /usr/lib64/ '/usr/lib/*/'; do compgen -G "${pattern}libicuuc.so.*" >/dev/null && return; done
    return 1
}
has_cmake() {
    local version
    version=$(cmake --version 2>/dev/null | sed -n '1s/[^0-9]*\([0-9.]*\).*/\1/p')
    [[ -n $version && $(printf '%s\n' 3.25 "$version" | sort -V | head -n1) == 3.25 ]]
}
has_ninja() { command -v ninja >/dev/null; }
has_compiler() {
    local compiler
    for compiler in ${CXX:-c++ g++ clang++}; do
        # The first that exists is the one CMake takes.
        command -v "$compiler" >/dev/null || continue
        "$compiler" -std=c++20 -fsyntax-only -x c++ - <<<'template <class T> concept C = true; C auto x = 1;' \
            2>/dev/null
        return
    done
    return 1
}
has_gtest() {
    local prefix prefixes=()
    IFS=':;' read -ra prefixes <<<"${CMAKE_PREFIX_PATH:-}:${GTest_ROOT:-}:/usr:/usr/local:/opt/homebrew:/opt/local"
    for prefix in "${prefixes[@]}"; do [[ -n $prefix && -e $prefix/include/gtest/gtest.h ]] && return; done
    return 1
}
# The native libraries of all runtimes come from one compiler and linker, of one version: their bytes are reproducible.
has_clang() { command -v clang-19 >/dev/null && command -v llvm-readobj-19 >/dev/null; }
has_lld() { command -v ld.lld-19 >/dev/null; }
has_zlib() { [[ -e /usr/include/zlib.h ]]; }
has_musl() { command -v musl-gcc >/dev/null; }
has_cross-compiler() { command -v aarch64-linux-gnu-g++ >/dev/null; }
has_qemu() { command -v qemu-aarch64-static >/dev/null; }
has_wine() { command -v wine64 >/dev/null || [[ -x /usr/lib/wine/wine64 ]]; }  # Debian's is not in PATH
has_benchmark() { [[ -e /usr/include/benchmark/benchmark.h ]]; }
has_fuzzer() { compgen -G '/usr/lib/llvm-19/lib/clang/19/lib/linux/libclang_rt.fuzzer-*' >/dev/null; }
has_readelf() { command -v readelf >/dev/null; }
has_clang-format() { clang_format >/dev/null; }
clang_format() {
    local name
    for name in clang-format-14 clang-format; do
        "$name" --version 2>/dev/null | grep -q 'version 14\.' && echo "$name" && return
    done
    return 1
}

describe() {
    case $1 in
        dotnet) echo ".NET SDK 10, from https://dotnet.microsoft.com/download/dotnet/10.0" ;;
        icu) echo "ICU, which .NET needs" ;;
        certificates) echo "the certificates of the usual authorities, which NuGet needs" ;;
        cmake) echo "CMake 3.25 or newer, from https://cmake.org/download" ;;
        ninja) echo "Ninja, from https://ninja-build.org" ;;
        compiler) echo "a C++20 compiler: GCC 11, Clang 14, Xcode 15 or newer" ;;
        gtest) echo "GoogleTest, from https://github.com/google/googletest" ;;
        clang) echo "Clang 19 and the LLVM tools beside it" ;;
        lld) echo "LLD 19" ;;
        clang-format) echo "clang-format 14" ;;
        zlib) echo "zlib's headers" ;;
        musl) echo "musl's compiler" ;;
        cross-compiler) echo "GCC for arm64" ;;
        qemu) echo "QEMU for programs of arm64" ;;
        wine) echo "Wine, 64 bits" ;;
        benchmark) echo "Google's benchmark library" ;;
        fuzzer) echo "the libraries of Clang 19's sanitizers" ;;
        readelf) echo "readelf, of binutils" ;;
    esac
}

package() {  # package manager, tool
    case $1:$2 in
        *:dotnet) echo dotnet-sdk-10.0 ;;
        apt-get:icu) apt-cache pkgnames libicu | { grep -E '^libicu[0-9]+$' || true; } | sort -V | tail -n1 ;;
        dnf:icu) echo libicu ;;
        *:certificates) echo ca-certificates ;;
        *:cmake) echo cmake ;;
        brew:ninja) echo ninja ;;
        *:ninja) echo ninja-build ;;
        apt-get:compiler) echo g++ ;;
        dnf:compiler) echo gcc-c++ ;;
        apt-get:gtest) echo libgtest-dev ;;
        dnf:gtest) echo gtest-devel ;;
        brew:gtest) echo googletest ;;
        apt-get:clang) echo clang-19 llvm-19 ;;
        apt-get:lld) echo lld-19 ;;
        apt-get:clang-format) echo clang-format-14 ;;
        apt-get:zlib) echo zlib1g-dev ;;
        dnf:zlib) echo zlib-devel ;;
        apt-get:musl) echo musl-tools ;;
        apt-get:cross-compiler) echo g++-aarch64-linux-gnu ;;
        apt-get:qemu) echo qemu-user-static ;;
        apt-get:wine) echo wine64 ;;
        apt-get:benchmark) echo libbenchmark-dev ;;
        apt-get:fuzzer) echo libclang-rt-19-dev ;;
        *:readelf) echo binutils ;;
        brew:clang-format) echo clang-format@14 ;;
    esac
}

need() {  # tools
    install "$@"
    [[ ${#missing[@]} -eq 0 ]] || fail 1 "$(explain)"
}

# Leaves in missing what could not be installed.
install() {  # tools
    # Where Microsoft's install script puts it.
    command -v dotnet >/dev/null || PATH=$PATH:$HOME/.dotnet
    find_missing "$@"
    if [[ ${#missing[@]} -gt 0 && $EUID -eq 0 ]] && command -v apt-get >/dev/null; then
        echo "build.sh: installing with apt what is missing: ${missing[*]}"
        apt-get update -qq || true
        find_packages apt-get
        local name
        # All at once, or each by itself where one of them is not to be had.
        if [[ ${#packages[@]} -gt 0 ]] && ! apt_install "${packages[@]}"; then
            for name in "${packages[@]}"; do apt_install "$name" || true; done
        fi
        find_missing "$@"
    fi
}

apt_install() { DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; }

find_missing() {  # tools
    missing=()
    local tool
    for tool in "$@"; do "has_$tool" || missing+=("$tool"); done
}

find_packages() {  # package manager
    packages=()
    local tool name
    for tool in "${missing[@]}"; do
        name=$(package "$1" "$tool")
        # Not every system's sources have the .NET SDK.
        if [[ $tool == dotnet ]] && ! { [[ $1 == dnf ]] || apt-cache show "$name" >/dev/null 2>&1; }; then continue; fi
        # One tool may take several packages.
        # shellcheck disable=SC2206
        packages+=($name)
    done
}

explain() {
    local tool
    echo "this is missing:"
    for tool in "${missing[@]}"; do echo "  - $(describe "$tool")"; done
    suggest
}

# How to install what is missing.
suggest() {
    local manager packages=()
    for manager in apt-get dnf brew; do
        command -v "$manager" >/dev/null || continue
        find_packages "$manager"
        [[ ${#packages[@]} -eq 0 ]] || echo "Run: $([[ $manager == brew ]] || echo 'sudo ')$manager install ${packages[*]}"
        break
    done
    if [[ $(uname) == Darwin && " ${missing[*]} " == *" compiler "* ]]; then echo "Run: xcode-select --install"; fi
    if [[ " ${missing[*]} " == *" dotnet "* && " ${packages[*]:-} " != *" dotnet-sdk-10.0 "* ]]; then
        echo "Run: curl -sSL https://dot.net/v1/dotnet-install.sh | bash -s -- --channel 10.0"
    fi
}

verb=${1:-help}
[[ $# -gt 0 ]] && shift
case $verb in
    build | demo | bench | bindings | format | pack | setup | help) "$verb" "$@" ;;
    test) tests "$@" ;;
    -h | --help) help ;;
    *)
        echo "build.sh: there is no verb '$verb'." >&2
        help >&2
        exit 2
        ;;
esac
