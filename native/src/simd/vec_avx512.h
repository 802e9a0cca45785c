// SPDX-License-Identifier: MIT
//
// The vector abstraction on AVX-512F: sixteen float lanes in one register. vec_scalar.h says what each operation
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
    __m512 v;
};
struct D {
    __m512d a, b;
};

NXENT_INLINE __mmask16 first_lanes(size_t count) { return static_cast<__mmask16>((1u << count) - 1u); }

NXENT_INLINE F set(float x) { return {_mm512_set1_ps(x)}; }
NXENT_INLINE F load(const float* p) { return {_mm512_loadu_ps(p)}; }
NXENT_INLINE F load_partial(const float* p, size_t count, float other) {
    return {_mm512_mask_loadu_ps(_mm512_set1_ps(other), first_lanes(count), p)};
}
NXENT_INLINE void store(float* p, F a) { _mm512_storeu_ps(p, a.v); }
NXENT_INLINE void store_partial(float* p, F a, size_t count) { _mm512_mask_storeu_ps(p, first_lanes(count), a.v); }
NXENT_INLINE F add(F a, F b) { return {_mm512_add_ps(a.v, b.v)}; }
NXENT_INLINE F sub(F a, F b) { return {_mm512_sub_ps(a.v, b.v)}; }
NXENT_INLINE F mul(F a, F b) { return {_mm512_mul_ps(a.v, b.v)}; }
NXENT_INLINE F fma(F a, F b, F c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
NXENT_INLINE F fnma(F a, F b, F c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }
// vmaxps gives its second operand where either is NaN.
NXENT_INLINE F greater(F a, F b) { return {_mm512_max_ps(a.v, b.v)}; }
NXENT_INLINE F zero_below(F a, F limit) {
    return {_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a.v, limit.v, _CMP_GE_OQ), a.v)};
}
NXENT_INLINE F power_of_two(F a) { return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(a.v), 23))}; }
NXENT_INLINE F replace_lane(F a, size_t lane, float value) {
    return {_mm512_mask_mov_ps(a.v, static_cast<__mmask16>(1u << lane), _mm512_set1_ps(value))};
}
NXENT_INLINE float greatest_lane(F a) {
    __m512 m = _mm512_max_ps(a.v, _mm512_shuffle_f32x4(a.v, a.v, _MM_SHUFFLE(1, 0, 3, 2)));
    m = _mm512_max_ps(m, _mm512_shuffle_f32x4(m, m, _MM_SHUFFLE(2, 3, 0, 1)));
    m = _mm512_max_ps(m, _mm512_shuffle_ps(m, m, _MM_SHUFFLE(1, 0, 3, 2)));
    m = _mm512_max_ps(m, _mm512_shuffle_ps(m, m, _MM_SHUFFLE(2, 3, 0, 1)));
    return _mm512_cvtss_f32(m);
}

NXENT_INLINE __m256 upper_half(__m512 v) { return _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(v), 1)); }

NXENT_INLINE D zero_doubles() { return {_mm512_setzero_pd(), _mm512_setzero_pd()}; }
NXENT_INLINE D add_widened(D sum, F a) {
    return {_mm512_add_pd(sum.a, _mm512_cvtps_pd(_mm512_castps512_ps256(a.v))),
            _mm512_add_pd(sum.b, _mm512_cvtps_pd(upper_half(a.v)))};
}
NXENT_INLINE double sum_lanes(D a) {
    const __m512d eight = _mm512_add_pd(a.a, a.b);
    const __m256d four = _mm256_add_pd(_mm512_castpd512_pd256(eight), _mm512_extractf64x4_pd(eight, 1));
    const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

}  // namespace
}  // namespace NXENT_TARGET
}  // namespace nxent
