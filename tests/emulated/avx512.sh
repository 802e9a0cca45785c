#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Runs the AVX-512 kernels where no CPU has AVX-512: the library and its test program, as a preset built them, run in a
# machine that Bochs emulates (qemu and valgrind know no AVX-512). The hash of the results must be this machine's, and
# the tests that depend most on the instruction set must pass.
#
#   tests/emulated/avx512.sh [preset]      the preset is "release" unless another is named
#
# Takes one to three minutes. What is missing is installed where apt can (as root). Exit code 77: something is missing
# and this is not CI (CI=true), where that is a failure.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
preset=${1:-release}
work=$PWD/build/emulated
# Those tests that depend most on the vectors: bits, masked loads and stores at the edge of a page, NaN. All would take
# more than ten times as long.
filter='BitEquality.*:Memory.*:GuardedMemory.*:SpecialValues.Any*:ArticleFunction.*:InstructionSets.*'

say() { echo "avx512.sh: $*"; }
fail() { say "$*" >&2 && exit 1; }
skip() {
    [[ ${CI:-} == true ]] && fail "$*"
    say "skipped: $*"
    exit 77
}

quietly() {  # command
    "$@" >"$work/output.txt" 2>&1 || { cat "$work/output.txt" && fail "$1 failed"; }
}

find_missing() {  # packages, told by a file of each
    missing=()
    local pair
    for pair in /usr/bin/bochs:bochs /usr/lib/x86_64-linux-gnu/bochs/plugins/libbx_term_gui.so:bochs-term \
        /usr/share/bochs/BIOS-bochs-latest:bochsbios /usr/share/bochs/VGABIOS-lgpl-latest:bochs \
        /usr/lib/ISOLINUX/isolinux.bin:isolinux /usr/lib/syslinux/modules/bios/ldlinux.c32:syslinux-common \
        /usr/bin/xorriso:xorriso /usr/bin/cpio:cpio /usr/lib/x86_64-linux-gnu/libc.a:libc6-dev; do
        [[ -e ${pair%%:*} ]] || missing+=("${pair#*:}")
    done
}

install_tools() {
    [[ $(uname -sm) == 'Linux x86_64' ]] || skip 'this needs Linux on x86-64'
    command -v apt-get >/dev/null || skip 'this needs Debian, for its Bochs and its kernel'
    find_missing
    if [[ ${#missing[@]} -gt 0 && $EUID -eq 0 ]]; then
        apt-get update -qq || true
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" || true
        find_missing
    fi
    [[ ${#missing[@]} -eq 0 ]] || skip "this is missing: apt-get install ${missing[*]}"
}

# Debian's kernel for virtual machines: it has no drivers to look for hardware with, and unpacks itself fast. It is only
# unpacked here, not installed.
get_kernel() {
    compgen -G "$work/kernel/boot/vmlinuz-*" >/dev/null && return
    [[ $EUID -ne 0 ]] || apt-get update -qq || true
    local package
    package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/.*Depends: \(linux-image-.*\)/\1/p')
    [[ -n $package ]] || skip 'apt knows no linux-image-cloud-amd64'
    rm -rf "$work/kernel" && mkdir -p "$work/kernel"
    (cd "$work/kernel" && apt-get download -qq -o APT::Sandbox::User=root "$package") || skip "no download of $package"
    dpkg-deb -x "$work/kernel/$package"_*.deb "$work/kernel"
}

# The files of the emulated machine: the test program and the libraries that it loads.
make_root() {
    local program=build/$preset/tests/native/nativexent_tests
    rm -rf "$work/root" && mkdir -p "$work/root/lib" "$work/root/lib64" "$work/root/tmp"
    cp "$program" "$work/root/"
    ldd "$program" | sed -n 's/.* => \(\/[^ ]*\).*/\1/p' | xargs cp -L -t "$work/root/lib"
    cp -L /lib64/ld-linux-x86-64.so.2 "$work/root/lib64/"
    "${CC:-cc}" -std=gnu11 -O2 -Wall -Wextra -Werror -static -s tests/emulated/init.c -o "$work/root/init"
}

make_disc() {
    rm -rf "$work/disc" && mkdir "$work/disc"
    cp "$work"/kernel/boot/vmlinuz-* "$work/disc/linux"
    (cd "$work/root" && find . | cpio --create --format=newc --owner=0:0 --quiet) >"$work/disc/initrd"
    cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$work/disc/"
    # clearcpuid: Bochs states a wrong size for compact XSAVE areas, and the kernel would then do without AVX.
    # cryptomgr.notests: otherwise booting takes twice as long.
    # LD_BIND_NOW: nor can a program restore such an area, as the dynamic linker does when it binds a function late.
    # panic and reboot: a kernel that gives up ends the machine, by a triple fault.
    # What the kernel does not know, the capitals, becomes init's environment.
    cat >"$work/disc/isolinux.cfg" <<TEXT
default test
label test
linux /linux
initrd /initrd
append console=ttyS0,115200 loglevel=3 panic=-1 reboot=t cryptomgr.notests clearcpuid=xsaves,xsavec \
LD_LIBRARY_PATH=/lib LD_BIND_NOW=1 NATIVEXENT_ISA=avx512 NATIVEXENT_TEST_SWEEP=quick GTEST_FILTER=$filter GTEST_COLOR=no
TEXT
    quietly xorriso -as mkisofs -o "$work/disc.iso" -b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 \
        -boot-info-table "$work/disc"
}

# The machine's time counts the instructions it has run, so that a busy host makes nothing in it late.
emulate() {
    cat >"$work/bochsrc" <<TEXT
cpu: model=corei7_skylake_x, ips=20000000, reset_on_triple_fault=0
clock: sync=none, time0=946684800
memory: guest=512, host=512
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0-master: type=cdrom, path=$work/disc.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$work/console.txt
display_library: term
sound: driver=dummy
log: $work/bochs.log
panic: action=fatal
TEXT
    rm -f "$work/console.txt"
    # Debian's Bochs starts in its debugger, where "c" is to continue. It ends by a panic, which switching off is to it.
    TERM=xterm timeout 900 bochs -q -f "$work/bochsrc" <<<c >"$work/screen.txt" 2>&1 || true
    [[ -e $work/console.txt ]] || { tail -n 20 "$work/screen.txt"; fail 'the emulated machine did not start'; }
    sed -i 's/\r//g' "$work/console.txt"
}

install_tools
mkdir -p "$work"
get_kernel
quietly cmake --preset "$preset" -DNXENT_BUILD_TESTS=ON
quietly cmake --build --preset "$preset"
make_root
make_disc
expected=$(NATIVEXENT_ISA=scalar LD_LIBRARY_PATH=$work/root/lib "$work/root/nativexent_tests" --print-hash) ||
    fail 'the test program does not run on this machine'
emulate

failed=0
for line in "$expected" 'hash: exit code 0' 'tests: exit code 0'; do
    grep -Fqx "$line" "$work/console.txt" || failed=1
done
grep -q '^\[  PASSED  \] [1-9]' "$work/console.txt" || failed=1
cat "$work/console.txt"
say "scalar on this machine: $expected"
say "avx512, emulated:       $(grep '^hash [0-9a-f]*$' "$work/console.txt" || echo none)"
[[ $failed -eq 0 ]] || fail 'FAILED'
say 'passed'
