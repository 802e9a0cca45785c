// SPDX-License-Identifier: MIT
#include "dispatch.h"

#include "compiler.h"
#include "nativexent/nativexent.h"

namespace nxent {
namespace {

bool always() { return true; }

#if defined(NXENT_ARCH_X86_64)
// What CPUID says counts only together with XGETBV: the operating system must save the registers too.
bool os_saves(uint64_t states) {
    constexpr uint32_t kOsxsave = 1u << 27;
    return (cpuid(1, 0).ecx & kOsxsave) != 0 && (xgetbv0() & states) == states;
}
bool has_avx2() {
    constexpr uint32_t kFma = 1u << 12, kAvx = 1u << 28, kF16c = 1u << 29;  // leaf 1, ECX
    constexpr uint32_t kAvx2 = 1u << 5;                                     // leaf 7, EBX
    constexpr uint32_t kWanted = kFma | kAvx | kF16c;
    return (cpuid(1, 0).ecx & kWanted) == kWanted && (cpuid(7, 0).ebx & kAvx2) != 0 && os_saves(0x06);
}
bool has_avx512() {
    constexpr uint32_t kAvx512F = 1u << 16;  // leaf 7, EBX
    return has_avx2() && (cpuid(7, 0).ebx & kAvx512F) != 0 && os_saves(0xe6);
}
#endif

struct Candidate {
    const Kernels* kernels;
    bool (*usable)();
};

// Best first. The last one runs everywhere.
constexpr Candidate kCandidates[] = {
#if defined(NXENT_ARCH_X86_64)
    {&kernels_avx512, has_avx512},
    {&kernels_avx2, has_avx2},
    {&kernels_sse2, always},
#elif defined(NXENT_ARCH_ARM64)
    {&kernels_neon, always},
#endif
    {&kernels_scalar, always},
};

constexpr const char* kKnownNames[] = {"scalar", "sse2", "avx2", "avx512", "neon"};

bool same(const char* a, const char* b) {
    for (; *a == *b; ++a, ++b)
        if (*a == '\0') return true;
    return false;
}

AtomicPointer<Kernels> g_active;

}  // namespace

const Kernels* usable_kernels(size_t index) {
    for (const Candidate& candidate : kCandidates)
        if (candidate.usable() && index-- == 0) return candidate.kernels;
    return nullptr;
}

const Kernels& active_kernels() {
    const Kernels* kernels = g_active.load();
    if (!kernels) {
        // CPUID is asked once, as it traps on virtual machines. Two threads that ask at once find the same.
        kernels = usable_kernels(0);
        g_active.store(kernels);
    }
    return *kernels;
}

int32_t force_isa(const char* name) {
    if (!name) return NXENT_ERROR_NULL_POINTER;
    if (same(name, "auto")) {
        g_active.store(usable_kernels(0));
        return NXENT_OK;
    }
    for (const Candidate& candidate : kCandidates) {
        if (!same(name, candidate.kernels->isa)) continue;
        if (!candidate.usable()) return NXENT_ERROR_ISA_NOT_SUPPORTED;
        g_active.store(candidate.kernels);
        return NXENT_OK;
    }
    for (const char* known : kKnownNames)
        if (same(name, known)) return NXENT_ERROR_ISA_NOT_COMPILED;
    return NXENT_ERROR_ISA_UNKNOWN;
}

}  // namespace nxent
