// SPDX-License-Identifier: MIT
//
// Everything that differs from compiler to compiler. Uses only headers that every compiler carries itself.
#pragma once

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__) || defined(_M_X64)
#define NXENT_ARCH_X86_64 1
#include <xmmintrin.h>
#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#elif defined(__aarch64__) || defined(_M_ARM64)
#define NXENT_ARCH_ARM64 1
#else
#error "NativeXent's native library is for x86-64 and arm64; other machines use the managed implementation."
#endif

#if defined(_MSC_VER) && !defined(__clang__)
#define NXENT_FORCE_INLINE __forceinline
#define NXENT_NOINLINE __declspec(noinline)
#include <intrin.h>
#else
#define NXENT_FORCE_INLINE inline __attribute__((always_inline))
#define NXENT_NOINLINE __attribute__((noinline))
#endif

// Vectors stay in registers only where all is inlined. A target without vectors leaves it to the compiler, and so does
// instrumented code, which would take minutes to compile otherwise.
#if defined(NXENT_NO_VECTORS) || defined(NXENT_INSTRUMENTED)
#define NXENT_INLINE_MEMBER inline
#else
#define NXENT_INLINE_MEMBER NXENT_FORCE_INLINE
#endif
#define NXENT_INLINE static NXENT_INLINE_MEMBER

// How the loops of exponentials are written: whether two vectors go side by side; whether these take turns, or both of the
// next are reduced before either is finished; and how many of a polynomial's seven steps are taken ahead. Measured with AVX2:
// Clang's code is a sixth faster so, and GCC runs out of registers with two vectors or steps ahead and is a tenth slower. Of
// AVX-512's thirty-two registers none is spilled: two vectors that take turns save GCC 8 of 39 instructions a vector, and
// Clang nothing (docs/performance.md). SSE2's registers do not even hold one.
#if defined(NXENT_ARCH_X86_64) && !defined(__AVX2__)
#define NXENT_TWO_VECTORS 0
#define NXENT_VECTORS_TAKE_TURNS 0
#define NXENT_STEPS_AHEAD 0
#elif defined(__clang__)
#define NXENT_TWO_VECTORS 1
#define NXENT_VECTORS_TAKE_TURNS 0
#define NXENT_STEPS_AHEAD 2
#elif defined(__AVX512F__)
#define NXENT_TWO_VECTORS 1
#define NXENT_VECTORS_TAKE_TURNS 1
#define NXENT_STEPS_AHEAD 0
#else
#define NXENT_TWO_VECTORS 0
#define NXENT_VECTORS_TAKE_TURNS 0
#define NXENT_STEPS_AHEAD 0
#endif

// The tile of a matrix product that is kept in registers: so many rows of so many vectors. Of sixteen registers of AVX2, two
// to a vector, twelve hold sums; of AVX-512's thirty-two, twenty-four.
#if defined(__AVX512F__)
#define NXENT_PRODUCT_ROWS 12
#define NXENT_PRODUCT_VECTORS 2
#else
#define NXENT_PRODUCT_ROWS 6
#define NXENT_PRODUCT_VECTORS 1
#endif

// Before a loop over vectors that stay in registers only where it is unrolled.
#if defined(NXENT_NO_VECTORS) || (defined(_MSC_VER) && !defined(__clang__))
#define NXENT_UNROLL
#elif defined(__clang__)
#define NXENT_UNROLL _Pragma("unroll")
#else
#define NXENT_UNROLL _Pragma("GCC unroll 16")
#endif

// One fused multiply-add instruction for a single float, where the target has one.
#if defined(NXENT_ARCH_ARM64) || defined(__FMA__)
#if defined(_MSC_VER) && !defined(__clang__)
#include <arm_neon.h>
#define NXENT_FMAF(a, b, c) vget_lane_f32(vfma_f32(vdup_n_f32(c), vdup_n_f32(a), vdup_n_f32(b)), 0)
#else
#define NXENT_FMAF(a, b, c) __builtin_fmaf(a, b, c)
#endif
#endif

namespace nxent {
namespace {

// Reinterprets the bits of a value. A union would be undefined, and <bit> is not to be had freestanding.
template <class To, class From>
NXENT_INLINE To bit_cast(From from) {
    static_assert(sizeof(To) == sizeof(From), "sizes differ");
    return __builtin_bit_cast(To, from);
}

// Asks for the cache line offset elements after p to be brought to the second-level cache (kLocality 2) or the first (3). It
// need not be readable.
template <int kLocality, class T>
NXENT_INLINE void prefetch_line(const T* p, size_t offset) {
    const void* line = reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(p) + offset * sizeof(T));
#if defined(_MSC_VER) && !defined(__clang__) && defined(NXENT_ARCH_X86_64)
    _mm_prefetch(static_cast<const char*>(line), kLocality == 3 ? _MM_HINT_T0 : _MM_HINT_T1);
#elif defined(_MSC_VER) && !defined(__clang__)
    __prefetch(line);
#else
    __builtin_prefetch(line, 0, kLocality);
#endif
}
template <class T>
NXENT_INLINE void prefetch(const T* p, size_t offset) {
    prefetch_line<2>(p, offset);
}
template <class T>
NXENT_INLINE void prefetch_near(const T* p, size_t offset) {
    prefetch_line<3>(p, offset);
}

// A pointer that is read and replaced as a whole, whichever threads do it. What it points to never changes.
template <class T>
class AtomicPointer {
public:
#if defined(_MSC_VER) && !defined(__clang__)
    const T* load() const {
        return static_cast<const T*>(
            _InterlockedCompareExchangePointer(const_cast<void* volatile*>(&value_), nullptr, nullptr));
    }
    void store(const T* value) { _InterlockedExchangePointer(&value_, const_cast<T*>(value)); }

private:
    void* volatile value_ = nullptr;
#else
    const T* load() const { return __atomic_load_n(&value_, __ATOMIC_ACQUIRE); }
    void store(const T* value) { __atomic_store_n(&value_, value, __ATOMIC_RELEASE); }

private:
    const T* value_ = nullptr;
#endif
};

// Rounds to nearest, keeps subnormal numbers and raises no exception as long as it lives, whatever the caller's mode; then
// that is back.
class DefaultArithmetic {
public:
    DefaultArithmetic() : callers_(mode()) { set_mode(kDefault); }
    ~DefaultArithmetic() { set_mode(callers_); }
    DefaultArithmetic(const DefaultArithmetic&) = delete;
    DefaultArithmetic& operator=(const DefaultArithmetic&) = delete;

private:
#if defined(NXENT_ARCH_X86_64)
    using Mode = unsigned int;
    static constexpr Mode kDefault = 0x1f80;
    static Mode mode() { return _mm_getcsr(); }
    static void set_mode(Mode mode) { _mm_setcsr(mode); }
#else
    using Mode = uint64_t;
    static constexpr Mode kDefault = 0;
#if defined(_MSC_VER) && !defined(__clang__)
    static Mode mode() { return static_cast<Mode>(_ReadStatusReg(ARM64_FPCR)); }
    static void set_mode(Mode mode) { _WriteStatusReg(ARM64_FPCR, static_cast<__int64>(mode)); }
#else
    static Mode mode() {
        Mode mode;
        __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
        return mode;
    }
    static void set_mode(Mode mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode) : "memory"); }
#endif
#endif

    const Mode callers_;
};

#if defined(NXENT_ARCH_X86_64)
struct CpuidRegisters {
    uint32_t eax, ebx, ecx, edx;
};

// The registers are all zero where the CPU does not have the leaf.
inline CpuidRegisters cpuid(uint32_t leaf, uint32_t subleaf) {
    CpuidRegisters r{};
#if defined(_MSC_VER) && !defined(__clang__)
    int out[4];
    __cpuid(out, 0);
    if (static_cast<uint32_t>(out[0]) < leaf) return r;
    __cpuidex(out, static_cast<int>(leaf), static_cast<int>(subleaf));
    r = {static_cast<uint32_t>(out[0]), static_cast<uint32_t>(out[1]), static_cast<uint32_t>(out[2]),
         static_cast<uint32_t>(out[3])};
#else
    if (!__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx)) return CpuidRegisters{};
#endif
    return r;
}

// Which register states the operating system saves. Only to be called where CPUID reports OSXSAVE.
inline uint64_t xgetbv0() {
#if defined(_MSC_VER) && !defined(__clang__)
    return _xgetbv(0);
#else
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (static_cast<uint64_t>(high) << 32) | low;
#endif
}
#endif

}  // namespace
}  // namespace nxent
