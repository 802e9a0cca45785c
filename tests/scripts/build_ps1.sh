#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Whether build.ps1 has the verbs of build.sh, and whether it says what is wrong, in PowerShell on Linux.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

version=7.6.9
tools=$PWD/artifacts/tools/powershell-$version
failed=0

fail() {
    echo "build_ps1.sh: $1" >&2
    failed=1
}

expect() {  # exit code, text in the output or '', command
    local code=$1 text=$2 output actual
    shift 2
    echo "--- $*"
    output=$("$@" 2>&1)
    actual=$?
    tail -n 15 <<<"$output"
    [[ $actual -eq $code ]] || fail "$*: exit code $actual, not $code"
    [[ -z $text || $output == *"$text"* ]] || fail "$*: does not say '$text'"
}

if [[ ! -x $tools/pwsh ]]; then
    dotnet tool install --tool-path "$tools" PowerShell --version "$version" || exit 1
fi
DOTNET_ROOT=$(dirname "$(readlink -f "$(command -v dotnet)")")
export DOTNET_ROOT POWERSHELL_TELEMETRY_OPTOUT=1
build=("$tools/pwsh" -NoProfile -NonInteractive -File build.ps1)

# Verbs, by their help. setup is for apt.
verbs() { sed -n 's/^  \([a-z]\{2,\}\) .*/\1/p' | grep -v '^setup$' | sort -u; }
[[ $(./build.sh help | verbs) == "$("${build[@]}" help | verbs)" ]] || fail "other verbs than build.sh's"

expect 0 'Usage: ./build.ps1' "${build[@]}"
expect 0 'Usage: ./build.ps1' "${build[@]}" --help
expect 2 "there is no verb 'nonsense'" "${build[@]}" nonsense
expect 2 "there is no verb 'Build'" "${build[@]}" Build
expect 2 "format knows only --check, not 'nonsense'" "${build[@]}" format nonsense
expect 1 'the other libraries that it compares with' "${build[@]}" bench peers
# pwsh itself needs dotnet.
mkdir -p "$tools/alone" && ln -sf "$(readlink -f "$(command -v dotnet)")" "$tools/alone/dotnet"
expect 1 'CMake 3.25 or newer, from' env PATH="$tools/alone" "${build[@]}" build
exit $failed
