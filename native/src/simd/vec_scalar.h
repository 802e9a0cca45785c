// SPDX-License-Identifier: MIT
//
// The vector abstraction in plain C++: the reference that the other targets are tested against. No CPU needs it, as SSE2 and
// NEON are everywhere. vec_*.h define the same types and operations:
//
//   F  sixteen float lanes        D  sixteen double lanes
//
// Every operation acts lane by lane and rounds once, to nearest even. D has no fused operation. Half and BFloat16 exist
// only in memory: loaded they are floats, which is exact.
#pragma once

#include "../compiler.h"
#include "../elements.h"
#include "fma-inl.h"

namespace nxent {
namespace NXENT_TARGET {
namespace {

constexpr int kLanes = 16;
// Whether fma() costs about what mul() does. Otherwise exponentials are computed in D, with the same bits.
constexpr bool kFuses = true;

struct F {
    float v[kLanes];
};
struct D {
    double v[kLanes];
};

// Half subnormals are multiples of 2^-24.
NXENT_INLINE float widen1(Half h) {
    const uint32_t sign = (h.bits & 0x8000u) << 16;
    const uint32_t magnitude = h.bits & 0x7fffu;
    uint32_t bits = (magnitude << 13) + (112u << 23);  // the difference of the exponents' biases
    if (magnitude >= 0x7c00u) bits += 112u << 23;      // infinite or NaN
    if (magnitude < 0x0400u) bits = bit_cast<uint32_t>(static_cast<float>(magnitude) * 0x1p-24f);  // subnormal or zero
    return bit_cast<float>(sign | bits);
}
NXENT_INLINE float widen1(BFloat16 b) { return bit_cast<float>(static_cast<uint32_t>(b.bits) << 16); }

NXENT_INLINE void narrow1(Half& to, float x) {
    const uint32_t bits = bit_cast<uint32_t>(x);
    const uint32_t sign = (bits >> 16) & 0x8000u;
    const uint32_t magnitude = bits & 0x7fffffffu;
    // To nearest even: just under half a unit, and the last bit that stays.
    uint32_t half = (magnitude - (112u << 23) + 0xfffu + ((magnitude >> 13) & 1)) >> 13;
    // Below 2^-14. The unit of 0.5f is that of Half's subnormals, 2^-24, so that the addition rounds to it.
    if (magnitude < 0x38800000u)
        half = bit_cast<uint32_t>(bit_cast<float>(magnitude) + 0.5f) - bit_cast<uint32_t>(0.5f);
    if (magnitude >= 0x47800000u) half = 0x7c00u;  // 2^16 and above; what is nearer to it than to 65504 got there above
    if (magnitude > 0x7f800000u) half = 0x7e00u;
    to.bits = static_cast<uint16_t>(sign | half);
}
NXENT_INLINE void narrow1(BFloat16& to, float x) {
    const uint32_t bits = bit_cast<uint32_t>(x);
    to.bits = static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1)) >> 16);
}

template <class Op>
NXENT_INLINE F map(Op op) {
    F r;
    for (int i = 0; i < kLanes; ++i) r.v[i] = op(i);
    return r;
}
template <class Op>
NXENT_INLINE D map_doubles(Op op) {
    D r;
    for (int i = 0; i < kLanes; ++i) r.v[i] = op(i);
    return r;
}

NXENT_INLINE F set(float x) {
    return map([&](int) { return x; });
}
NXENT_INLINE F load(const float* p) {
    return map([&](int i) { return p[i]; });
}
// Exact, whatever the mode for subnormals. A NaN stays some NaN.
NXENT_INLINE F load(const Half* p) {
    return map([&](int i) { return widen1(p[i]); });
}
NXENT_INLINE F load(const BFloat16* p) {
    return map([&](int i) { return widen1(p[i]); });
}
// The first count lanes from memory, the others as given.
NXENT_INLINE F load_partial(const float* p, size_t count, float other) {
    return map([&](int i) { return static_cast<size_t>(i) < count ? p[i] : other; });
}
template <class Element16>
NXENT_INLINE F load_partial(const Element16* p, size_t count, float other) {
    return map([&](int i) { return static_cast<size_t>(i) < count ? widen1(p[i]) : other; });
}
NXENT_INLINE void store(float* p, F a) {
    for (int i = 0; i < kLanes; ++i) p[i] = a.v[i];
}
// Too great a value becomes an infinity, a NaN some NaN. Half subnormals are stored as such, whatever the mode for
// subnormals; the lanes themselves must not be subnormal.
NXENT_INLINE void store(Half* p, F a) {
    for (int i = 0; i < kLanes; ++i) narrow1(p[i], a.v[i]);
}
NXENT_INLINE void store(BFloat16* p, F a) {
    for (int i = 0; i < kLanes; ++i) narrow1(p[i], a.v[i]);
}
// Only the first count lanes; the memory behind the others is not touched.
NXENT_INLINE void store_partial(float* p, F a, size_t count) {
    for (size_t i = 0; i < count; ++i) p[i] = a.v[i];
}
template <class Element16>
NXENT_INLINE void store_partial(Element16* p, F a, size_t count) {
    for (size_t i = 0; i < count; ++i) narrow1(p[i], a.v[i]);
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
// a < b ? x : y. A NaN in a or b gives y.
NXENT_INLINE F select_below(F a, F b, F x, F y) {
    return map([&](int i) { return a.v[i] < b.v[i] ? x.v[i] : y.v[i]; });
}
// The low bits of each lane, shifted into the exponent: for a = 1.5·2^23 + k this is 2^(k − 127), and 0 for k = 0.
NXENT_INLINE F power_of_two(F a) {
    return map([&](int i) { return bit_cast<float>(bit_cast<uint32_t>(a.v[i]) << 23); });
}
// Numbers so many apart, and back.
NXENT_INLINE F load_column(const float* p, size_t stride) {
    return map([&](int i) { return p[static_cast<size_t>(i) * stride]; });
}
NXENT_INLINE void store_column(float* p, size_t stride, F a) {
    for (size_t i = 0; i < kLanes; ++i) p[i * stride] = a.v[i];
}
// Four numbers that lie next to one another in each quarter of the lanes, the quarters so many apart, and back.
NXENT_INLINE F load_quarters(const float* p, size_t stride) {
    return map([&](int i) { return p[static_cast<size_t>(i / 4) * stride + static_cast<size_t>(i % 4)]; });
}
NXENT_INLINE void store_quarters(float* p, size_t stride, F a) {
    for (size_t i = 0; i < kLanes; ++i) p[i / 4 * stride + i % 4] = a.v[i];
}
// Each quarter of the four vectors is turned as the 4 × 4 matrix whose rows it holds.
template <class V>
NXENT_INLINE void transpose_quarters(V& a, V& b, V& c, V& d) {
    V* const rows[] = {&a, &b, &c, &d};
    for (int quarter = 0; quarter < kLanes; quarter += 4)
        for (int i = 0; i < 4; ++i)
            for (int j = 0; j < i; ++j) {
                const auto x = rows[i]->v[quarter + j];
                rows[i]->v[quarter + j] = rows[j]->v[quarter + i];
                rows[j]->v[quarter + i] = x;
            }
}
// One lane as given; none where lane is kLanes.
NXENT_INLINE F replace_lane(F a, size_t lane, float value) {
    return map([&](int i) { return static_cast<size_t>(i) == lane ? value : a.v[i]; });
}
// The greatest lane. No lane may be NaN. Where it is zero, its sign is that of any zero lane.
NXENT_INLINE float greatest_lane(F a) {
    float m = a.v[0];
    for (int i = 1; i < kLanes; ++i) m = a.v[i] > m ? a.v[i] : m;
    return m;
}
// A bit for each lane in which a and b are equal, the first lane's the lowest.
NXENT_INLINE uint32_t equal_lanes(F a, F b) {
    uint32_t bits = 0;
    for (int i = 0; i < kLanes; ++i) bits |= static_cast<uint32_t>(a.v[i] == b.v[i]) << i;
    return bits;
}

NXENT_INLINE D zero_doubles() { return D{}; }
NXENT_INLINE D set(double x) {
    return map_doubles([&](int) { return x; });
}
NXENT_INLINE D load(const double* p) {
    return map_doubles([&](int i) { return p[i]; });
}
NXENT_INLINE D load_partial(const double* p, size_t count, double other) {
    return map_doubles([&](int i) { return static_cast<size_t>(i) < count ? p[i] : other; });
}
NXENT_INLINE void store(double* p, D a) {
    for (int i = 0; i < kLanes; ++i) p[i] = a.v[i];
}
NXENT_INLINE void store_partial(double* p, D a, size_t count) {
    for (size_t i = 0; i < count; ++i) p[i] = a.v[i];
}
NXENT_INLINE D add(D a, D b) {
    return map_doubles([&](int i) { return a.v[i] + b.v[i]; });
}
NXENT_INLINE D sub(D a, D b) {
    return map_doubles([&](int i) { return a.v[i] - b.v[i]; });
}
NXENT_INLINE D mul(D a, D b) {
    return map_doubles([&](int i) { return a.v[i] * b.v[i]; });
}
NXENT_INLINE D div(D a, D b) {
    return map_doubles([&](int i) { return a.v[i] / b.v[i]; });
}
NXENT_INLINE D greater(D a, D b) {
    return map_doubles([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
}
NXENT_INLINE D zero_below(D a, D limit) {
    return map_doubles([&](int i) { return a.v[i] >= limit.v[i] ? a.v[i] : 0.0; });
}
NXENT_INLINE D select_below(D a, D b, D x, D y) {
    return map_doubles([&](int i) { return a.v[i] < b.v[i] ? x.v[i] : y.v[i]; });
}
// For a = 1.5·2^52 + k this is 2^(k − 1023), and 0 for k = 0.
NXENT_INLINE D power_of_two(D a) {
    return map_doubles([&](int i) { return bit_cast<double>(bit_cast<uint64_t>(a.v[i]) << 52); });
}
NXENT_INLINE D load_column(const double* p, size_t stride) {
    return map_doubles([&](int i) { return p[static_cast<size_t>(i) * stride]; });
}
NXENT_INLINE void store_column(double* p, size_t stride, D a) {
    for (size_t i = 0; i < kLanes; ++i) p[i * stride] = a.v[i];
}
NXENT_INLINE D load_quarters(const double* p, size_t stride) {
    return map_doubles([&](int i) { return p[static_cast<size_t>(i / 4) * stride + static_cast<size_t>(i % 4)]; });
}
NXENT_INLINE void store_quarters(double* p, size_t stride, D a) {
    for (size_t i = 0; i < kLanes; ++i) p[i / 4 * stride + i % 4] = a.v[i];
}
NXENT_INLINE D replace_lane(D a, size_t lane, double value) {
    return map_doubles([&](int i) { return static_cast<size_t>(i) == lane ? value : a.v[i]; });
}
NXENT_INLINE double greatest_lane(D a) {
    double m = a.v[0];
    for (int i = 1; i < kLanes; ++i) m = a.v[i] > m ? a.v[i] : m;
    return m;
}
NXENT_INLINE uint32_t equal_lanes(D a, D b) {
    uint32_t bits = 0;
    for (int i = 0; i < kLanes; ++i) bits |= static_cast<uint32_t>(a.v[i] == b.v[i]) << i;
    return bits;
}
NXENT_INLINE D widen(F a) {
    return map_doubles([&](int i) { return static_cast<double>(a.v[i]); });
}
// A result below 2^-126 may be flushed or not.
NXENT_INLINE F narrow(D a) {
    return map([&](int i) { return static_cast<float>(a.v[i]); });
}
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
