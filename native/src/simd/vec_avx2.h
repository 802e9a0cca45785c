// SPDX-License-Identifier: MIT
//
// The vector abstraction on AVX2 and FMA: sixteen float lanes in two registers. vec_scalar.h says what each operation
// means.
#pragma once

#include <immintrin.h>

#include "../compiler.h"

namespace nxent {
namespace NXENT_TARGET {
namespace {

constexpr int kLanes = 16;
// How many vectors a kernel works on together where it can.
constexpr int kTogether = 4;

struct F {
    __m256 a, b;
};
struct D {
    __m256d a, b, c, d;
};

alignas(64) constexpr int32_t kLaneMask[2 * kLanes] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
                                                       0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0};

// All bits set in the first count lanes.
struct Mask {
    __m256i a, b;
};
NXENT_INLINE Mask first_lanes(size_t count) {
    const int32_t* p = kLaneMask + kLanes - count;
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)),
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 8))};
}

NXENT_INLINE F set(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
NXENT_INLINE F load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
NXENT_INLINE F load_partial(const float* p, size_t count, float other) {
    const Mask m = first_lanes(count);
    const __m256 o = _mm256_set1_ps(other);
    return {_mm256_blendv_ps(o, _mm256_maskload_ps(p, m.a), _mm256_castsi256_ps(m.a)),
            _mm256_blendv_ps(o, _mm256_maskload_ps(p + 8, m.b), _mm256_castsi256_ps(m.b))};
}
NXENT_INLINE void store(float* p, F a) {
    _mm256_storeu_ps(p, a.a);
    _mm256_storeu_ps(p + 8, a.b);
}
NXENT_INLINE void store_partial(float* p, F a, size_t count) {
    const Mask m = first_lanes(count);
    _mm256_maskstore_ps(p, m.a, a.a);
    _mm256_maskstore_ps(p + 8, m.b, a.b);
}
NXENT_INLINE F add(F a, F b) { return {_mm256_add_ps(a.a, b.a), _mm256_add_ps(a.b, b.b)}; }
NXENT_INLINE F sub(F a, F b) { return {_mm256_sub_ps(a.a, b.a), _mm256_sub_ps(a.b, b.b)}; }
NXENT_INLINE F mul(F a, F b) { return {_mm256_mul_ps(a.a, b.a), _mm256_mul_ps(a.b, b.b)}; }
NXENT_INLINE F fma(F a, F b, F c) { return {_mm256_fmadd_ps(a.a, b.a, c.a), _mm256_fmadd_ps(a.b, b.b, c.b)}; }
NXENT_INLINE F fnma(F a, F b, F c) { return {_mm256_fnmadd_ps(a.a, b.a, c.a), _mm256_fnmadd_ps(a.b, b.b, c.b)}; }
// maxps gives its second operand where either is NaN.
NXENT_INLINE F greater(F a, F b) { return {_mm256_max_ps(a.a, b.a), _mm256_max_ps(a.b, b.b)}; }
NXENT_INLINE F zero_below(F a, F limit) {
    return {_mm256_and_ps(a.a, _mm256_cmp_ps(a.a, limit.a, _CMP_GE_OQ)),
            _mm256_and_ps(a.b, _mm256_cmp_ps(a.b, limit.b, _CMP_GE_OQ))};
}
NXENT_INLINE F power_of_two(F a) {
    return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(a.a), 23)),
            _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(a.b), 23))};
}
NXENT_INLINE F replace_lane(F a, size_t lane, float value) {
    const __m256i wanted = _mm256_set1_epi32(static_cast<int>(lane));
    const __m256i low = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i high = _mm256_setr_epi32(8, 9, 10, 11, 12, 13, 14, 15);
    const __m256 v = _mm256_set1_ps(value);
    return {_mm256_blendv_ps(a.a, v, _mm256_castsi256_ps(_mm256_cmpeq_epi32(low, wanted))),
            _mm256_blendv_ps(a.b, v, _mm256_castsi256_ps(_mm256_cmpeq_epi32(high, wanted)))};
}
NXENT_INLINE float greatest_lane(F a) {
    const __m256 m8 = _mm256_max_ps(a.a, a.b);
    __m128 m = _mm_max_ps(_mm256_castps256_ps128(m8), _mm256_extractf128_ps(m8, 1));
    m = _mm_max_ps(m, _mm_movehl_ps(m, m));
    m = _mm_max_ss(m, _mm_movehdup_ps(m));
    return _mm_cvtss_f32(m);
}

NXENT_INLINE D zero_doubles() {
    const __m256d zero = _mm256_setzero_pd();
    return {zero, zero, zero, zero};
}
NXENT_INLINE D add_widened(D sum, F a) {
    return {_mm256_add_pd(sum.a, _mm256_cvtps_pd(_mm256_castps256_ps128(a.a))),
            _mm256_add_pd(sum.b, _mm256_cvtps_pd(_mm256_extractf128_ps(a.a, 1))),
            _mm256_add_pd(sum.c, _mm256_cvtps_pd(_mm256_castps256_ps128(a.b))),
            _mm256_add_pd(sum.d, _mm256_cvtps_pd(_mm256_extractf128_ps(a.b, 1)))};
}
NXENT_INLINE double sum_lanes(D a) {
    const __m256d low = _mm256_add_pd(a.a, a.c);
    const __m256d high = _mm256_add_pd(a.b, a.d);
    const __m256d four = _mm256_add_pd(low, high);
    const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

}  // namespace
}  // namespace NXENT_TARGET
}  // namespace nxent
