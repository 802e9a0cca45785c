// SPDX-License-Identifier: MIT
//
// The vector abstraction in plain C++: the reference for the other targets, and the fallback where the CPU has none
// of their instructions. vec_*.h define the same types and operations:
//
//   F  sixteen float lanes        D  sixteen double lanes
//
// Every operation acts lane by lane and rounds once, to nearest even.
#pragma once

#include "../compiler.h"

namespace nxent {
namespace NXENT_TARGET {
namespace {

constexpr int kLanes = 16;
// How many vectors a kernel works on together where it can.
constexpr int kTogether = 1;

struct F {
    float v[kLanes];
};
struct D {
    double v[kLanes];
};

#if defined(NXENT_FMAF)
NXENT_INLINE float fma1(float a, float b, float c) { return NXENT_FMAF(a, b, c); }
#else
// a·b + c rounded once, without a fused instruction. The product is exact in double. The sum is rounded to odd
// (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd",
// 2008), so that the last rounding, to float, is the only one that shows.
NXENT_INLINE float fma1(float a, float b, float c) {
    const double product = static_cast<double>(a) * static_cast<double>(b);
    const double addend = static_cast<double>(c);
    const double sum = product + addend;
    if (!(sum - sum == 0)) return static_cast<float>(sum);  // infinite or NaN
    // Knuth's TwoSum: sum + error is the exact value.
    const double addend_part = sum - product;
    const double error = (product - (sum - addend_part)) + (addend - addend_part);
    uint64_t bits = bit_cast<uint64_t>(sum);
    if (error != 0 && (bits & 1) == 0) bits += ((error > 0) == (sum > 0)) ? 1 : ~uint64_t{0};
    return static_cast<float>(bit_cast<double>(bits));
}
#endif

template <class Op>
NXENT_INLINE F map(Op op) {
    F r;
    for (int i = 0; i < kLanes; ++i) r.v[i] = op(i);
    return r;
}

NXENT_INLINE F set(float x) {
    return map([&](int) { return x; });
}
NXENT_INLINE F load(const float* p) {
    return map([&](int i) { return p[i]; });
}
// The first count lanes from memory, the others as given.
NXENT_INLINE F load_partial(const float* p, size_t count, float other) {
    return map([&](int i) { return static_cast<size_t>(i) < count ? p[i] : other; });
}
NXENT_INLINE void store(float* p, F a) {
    for (int i = 0; i < kLanes; ++i) p[i] = a.v[i];
}
// Only the first count lanes; the memory behind the others is not touched.
NXENT_INLINE void store_partial(float* p, F a, size_t count) {
    for (size_t i = 0; i < count; ++i) p[i] = a.v[i];
}
NXENT_INLINE F add(F a, F b) {
    return map([&](int i) { return a.v[i] + b.v[i]; });
}
NXENT_INLINE F sub(F a, F b) {
    return map([&](int i) { return a.v[i] - b.v[i]; });
}
NXENT_INLINE F mul(F a, F b) {
    return map([&](int i) { return a.v[i] * b.v[i]; });
}
// a·b + c
NXENT_INLINE F fma(F a, F b, F c) {
    return map([&](int i) { return fma1(a.v[i], b.v[i], c.v[i]); });
}
// c − a·b
NXENT_INLINE F fnma(F a, F b, F c) {
    return map([&](int i) { return fma1(-a.v[i], b.v[i], c.v[i]); });
}
// a > b ? a : b. A NaN in either gives b.
NXENT_INLINE F greater(F a, F b) {
    return map([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
}
// a >= limit ? a : +0
NXENT_INLINE F zero_below(F a, F limit) {
    return map([&](int i) { return a.v[i] >= limit.v[i] ? a.v[i] : 0.0f; });
}
// The low bits of each lane, shifted into the exponent: for a = 1.5·2^23 + k this is 2^(k − 127), and 0 for k = 0.
NXENT_INLINE F power_of_two(F a) {
    return map([&](int i) { return bit_cast<float>(bit_cast<uint32_t>(a.v[i]) << 23); });
}
NXENT_INLINE F replace_lane(F a, size_t lane, float value) {
    return map([&](int i) { return static_cast<size_t>(i) == lane ? value : a.v[i]; });
}
// The greatest lane. No lane may be NaN.
NXENT_INLINE float greatest_lane(F a) {
    float m = a.v[0];
    for (int i = 1; i < kLanes; ++i) m = a.v[i] > m ? a.v[i] : m;
    return m;
}

NXENT_INLINE D zero_doubles() { return D{}; }
NXENT_INLINE D add_widened(D sum, F a) {
    for (int i = 0; i < kLanes; ++i) sum.v[i] += static_cast<double>(a.v[i]);
    return sum;
}
// Adds lanes i and i + 8, then i and i + 4, then i and i + 2, then 0 and 1.
NXENT_INLINE double sum_lanes(D a) {
    for (int half = kLanes / 2; half > 0; half /= 2)
        for (int i = 0; i < half; ++i) a.v[i] += a.v[i + half];
    return a.v[0];
}

}  // namespace
}  // namespace NXENT_TARGET
}  // namespace nxent
