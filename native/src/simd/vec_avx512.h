// SPDX-License-Identifier: MIT
//
// The vector abstraction on AVX-512F: sixteen float lanes in one register. vec_scalar.h says what each operation
// means.
#pragma once

#include <immintrin.h>

#include "../compiler.h"
#include "../elements.h"
#include "four_apart-inl.h"

namespace nxent {
namespace NXENT_TARGET {
namespace {

constexpr int kLanes = 16;
constexpr bool kFuses = true;

struct F {
    __m512 v;
};
struct D {
    __m512d a, b;
};

NXENT_INLINE __mmask16 first_lanes(size_t count) { return static_cast<__mmask16>((1u << count) - 1u); }
NXENT_INLINE __mmask8 low_half(__mmask16 m) { return static_cast<__mmask8>(m & 0xffu); }
NXENT_INLINE __mmask8 high_half(__mmask16 m) { return static_cast<__mmask8>(m >> 8); }

NXENT_INLINE F set(float x) { return {_mm512_set1_ps(x)}; }
NXENT_INLINE F load(const float* p) { return {_mm512_loadu_ps(p)}; }
NXENT_INLINE __m256i load_sixteen(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
// Neither conversion of Half heeds the modes for subnormal Halfs.
NXENT_INLINE F load(const Half* p) { return {_mm512_cvtph_ps(load_sixteen(p))}; }
NXENT_INLINE F load(const BFloat16* p) {
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(load_sixteen(p)), 16))};
}
NXENT_INLINE F load_partial(const float* p, size_t count, float other) {
    return {_mm512_mask_loadu_ps(_mm512_set1_ps(other), first_lanes(count), p)};
}
// AVX-512F masks nothing smaller than 32 bits: elements of 16 bits come and go in pairs, and the odd one by itself.
template <class Element16>
NXENT_INLINE F load_partial(const Element16* p, size_t count, float other) {
    Element16 lanes[kLanes];
    __m512i pairs = _mm512_maskz_loadu_epi32(first_lanes(count / 2), p);
    if (count % 2 != 0)
        pairs = _mm512_mask_mov_epi32(pairs, static_cast<__mmask16>(1u << (count / 2)),
                                      _mm512_set1_epi32(p[count - 1].bits));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(lanes), _mm512_castsi512_si256(pairs));
    return {_mm512_mask_mov_ps(_mm512_set1_ps(other), first_lanes(count), load(lanes).v)};
}
NXENT_INLINE void store(float* p, F a) { _mm512_storeu_ps(p, a.v); }
NXENT_INLINE void store(Half* p, F a) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(a.v, _MM_FROUND_TO_NEAREST_INT));
}
// The upper halves of the lanes, rounded. The canonical NaN, the only one there is, stays itself.
NXENT_INLINE void store(BFloat16* p, F a) {
    const __m512i bits = _mm512_castps_si512(a.v);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16)));
}
NXENT_INLINE void store_partial(float* p, F a, size_t count) { _mm512_mask_storeu_ps(p, first_lanes(count), a.v); }
template <class Element16>
NXENT_INLINE void store_partial(Element16* p, F a, size_t count) {
    Element16 lanes[kLanes];
    store(lanes, a);
    _mm512_mask_storeu_epi32(p, first_lanes(count / 2), _mm512_castsi256_si512(load_sixteen(lanes)));
    if (count % 2 != 0) p[count - 1] = lanes[count - 1];
}
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
NXENT_INLINE F select_below(F a, F b, F x, F y) {
    return {_mm512_mask_mov_ps(y.v, _mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ), x.v)};
}
NXENT_INLINE F power_of_two(F a) { return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(a.v), 23))}; }
NXENT_INLINE F load_column(const float* p, size_t stride) {
    __m512 v = _mm512_castps128_ps512(load_four_apart(p, stride));
    v = _mm512_insertf32x4(v, load_four_apart(p + 4 * stride, stride), 1);
    v = _mm512_insertf32x4(v, load_four_apart(p + 8 * stride, stride), 2);
    return {_mm512_insertf32x4(v, load_four_apart(p + 12 * stride, stride), 3)};
}
NXENT_INLINE void store_column(float* p, size_t stride, F a) {
    store_four_apart(p, stride, _mm512_castps512_ps128(a.v));
    store_four_apart(p + 4 * stride, stride, _mm512_extractf32x4_ps(a.v, 1));
    store_four_apart(p + 8 * stride, stride, _mm512_extractf32x4_ps(a.v, 2));
    store_four_apart(p + 12 * stride, stride, _mm512_extractf32x4_ps(a.v, 3));
}
NXENT_INLINE F load_quarters(const float* p, size_t stride) {
    __m512 v = _mm512_castps128_ps512(_mm_loadu_ps(p));
    v = _mm512_insertf32x4(v, _mm_loadu_ps(p + stride), 1);
    v = _mm512_insertf32x4(v, _mm_loadu_ps(p + 2 * stride), 2);
    return {_mm512_insertf32x4(v, _mm_loadu_ps(p + 3 * stride), 3)};
}
NXENT_INLINE void store_quarters(float* p, size_t stride, F a) {
    _mm_storeu_ps(p, _mm512_castps512_ps128(a.v));
    _mm_storeu_ps(p + stride, _mm512_extractf32x4_ps(a.v, 1));
    _mm_storeu_ps(p + 2 * stride, _mm512_extractf32x4_ps(a.v, 2));
    _mm_storeu_ps(p + 3 * stride, _mm512_extractf32x4_ps(a.v, 3));
}
NXENT_INLINE void transpose_quarters(F& a, F& b, F& c, F& d) {
    const __m512 ab_low = _mm512_unpacklo_ps(a.v, b.v), ab_high = _mm512_unpackhi_ps(a.v, b.v);
    const __m512 cd_low = _mm512_unpacklo_ps(c.v, d.v), cd_high = _mm512_unpackhi_ps(c.v, d.v);
    a.v = _mm512_shuffle_ps(ab_low, cd_low, _MM_SHUFFLE(1, 0, 1, 0));
    b.v = _mm512_shuffle_ps(ab_low, cd_low, _MM_SHUFFLE(3, 2, 3, 2));
    c.v = _mm512_shuffle_ps(ab_high, cd_high, _MM_SHUFFLE(1, 0, 1, 0));
    d.v = _mm512_shuffle_ps(ab_high, cd_high, _MM_SHUFFLE(3, 2, 3, 2));
}
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
NXENT_INLINE uint32_t equal_lanes(F a, F b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ); }

NXENT_INLINE D zero_doubles() { return {_mm512_setzero_pd(), _mm512_setzero_pd()}; }
NXENT_INLINE D set(double x) { return {_mm512_set1_pd(x), _mm512_set1_pd(x)}; }
NXENT_INLINE D load(const double* p) { return {_mm512_loadu_pd(p), _mm512_loadu_pd(p + 8)}; }
NXENT_INLINE D load_partial(const double* p, size_t count, double other) {
    const __mmask16 m = first_lanes(count);
    const __m512d o = _mm512_set1_pd(other);
    return {_mm512_mask_loadu_pd(o, low_half(m), p), _mm512_mask_loadu_pd(o, high_half(m), p + 8)};
}
NXENT_INLINE void store(double* p, D a) {
    _mm512_storeu_pd(p, a.a);
    _mm512_storeu_pd(p + 8, a.b);
}
NXENT_INLINE void store_partial(double* p, D a, size_t count) {
    const __mmask16 m = first_lanes(count);
    _mm512_mask_storeu_pd(p, low_half(m), a.a);
    _mm512_mask_storeu_pd(p + 8, high_half(m), a.b);
}
NXENT_INLINE D add(D a, D b) { return {_mm512_add_pd(a.a, b.a), _mm512_add_pd(a.b, b.b)}; }
NXENT_INLINE D sub(D a, D b) { return {_mm512_sub_pd(a.a, b.a), _mm512_sub_pd(a.b, b.b)}; }
NXENT_INLINE D mul(D a, D b) { return {_mm512_mul_pd(a.a, b.a), _mm512_mul_pd(a.b, b.b)}; }
NXENT_INLINE D div(D a, D b) { return {_mm512_div_pd(a.a, b.a), _mm512_div_pd(a.b, b.b)}; }
NXENT_INLINE D greater(D a, D b) { return {_mm512_max_pd(a.a, b.a), _mm512_max_pd(a.b, b.b)}; }
NXENT_INLINE D zero_below(D a, D limit) {
    return {_mm512_maskz_mov_pd(_mm512_cmp_pd_mask(a.a, limit.a, _CMP_GE_OQ), a.a),
            _mm512_maskz_mov_pd(_mm512_cmp_pd_mask(a.b, limit.b, _CMP_GE_OQ), a.b)};
}
NXENT_INLINE D select_below(D a, D b, D x, D y) {
    return {_mm512_mask_mov_pd(y.a, _mm512_cmp_pd_mask(a.a, b.a, _CMP_LT_OQ), x.a),
            _mm512_mask_mov_pd(y.b, _mm512_cmp_pd_mask(a.b, b.b, _CMP_LT_OQ), x.b)};
}
NXENT_INLINE D power_of_two(D a) {
    return {_mm512_castsi512_pd(_mm512_slli_epi64(_mm512_castpd_si512(a.a), 52)),
            _mm512_castsi512_pd(_mm512_slli_epi64(_mm512_castpd_si512(a.b), 52))};
}
NXENT_INLINE __m512d join(__m256d low, __m256d high) {
    return _mm512_insertf64x4(_mm512_castpd256_pd512(low), high, 1);
}
NXENT_INLINE D load_column(const double* p, size_t stride) {
    return {join(load_four_apart(p, stride), load_four_apart(p + 4 * stride, stride)),
            join(load_four_apart(p + 8 * stride, stride), load_four_apart(p + 12 * stride, stride))};
}
NXENT_INLINE void store_column(double* p, size_t stride, D a) {
    store_four_apart(p, stride, _mm512_castpd512_pd256(a.a));
    store_four_apart(p + 4 * stride, stride, _mm512_extractf64x4_pd(a.a, 1));
    store_four_apart(p + 8 * stride, stride, _mm512_castpd512_pd256(a.b));
    store_four_apart(p + 12 * stride, stride, _mm512_extractf64x4_pd(a.b, 1));
}
NXENT_INLINE D load_quarters(const double* p, size_t stride) {
    return {join(_mm256_loadu_pd(p), _mm256_loadu_pd(p + stride)),
            join(_mm256_loadu_pd(p + 2 * stride), _mm256_loadu_pd(p + 3 * stride))};
}
NXENT_INLINE void store_quarters(double* p, size_t stride, D a) {
    _mm256_storeu_pd(p, _mm512_castpd512_pd256(a.a));
    _mm256_storeu_pd(p + stride, _mm512_extractf64x4_pd(a.a, 1));
    _mm256_storeu_pd(p + 2 * stride, _mm512_castpd512_pd256(a.b));
    _mm256_storeu_pd(p + 3 * stride, _mm512_extractf64x4_pd(a.b, 1));
}
NXENT_INLINE void transpose_quarters(__m512d& a, __m512d& b, __m512d& c, __m512d& d) {
    const __m512d ab_even = _mm512_unpacklo_pd(a, b), ab_odd = _mm512_unpackhi_pd(a, b);
    const __m512d cd_even = _mm512_unpacklo_pd(c, d), cd_odd = _mm512_unpackhi_pd(c, d);
    const __m512i low_pairs = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
    const __m512i high_pairs = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
    a = _mm512_permutex2var_pd(ab_even, low_pairs, cd_even);
    b = _mm512_permutex2var_pd(ab_odd, low_pairs, cd_odd);
    c = _mm512_permutex2var_pd(ab_even, high_pairs, cd_even);
    d = _mm512_permutex2var_pd(ab_odd, high_pairs, cd_odd);
}
NXENT_INLINE void transpose_quarters(D& a, D& b, D& c, D& d) {
    transpose_quarters(a.a, b.a, c.a, d.a);
    transpose_quarters(a.b, b.b, c.b, d.b);
}
NXENT_INLINE D replace_lane(D a, size_t lane, double value) {
    const __mmask16 m = static_cast<__mmask16>(1u << lane);
    const __m512d v = _mm512_set1_pd(value);
    return {_mm512_mask_mov_pd(a.a, low_half(m), v), _mm512_mask_mov_pd(a.b, high_half(m), v)};
}
NXENT_INLINE double greatest_lane(D a) {
    const __m512d m8 = _mm512_max_pd(a.a, a.b);
    const __m256d m4 = _mm256_max_pd(_mm512_castpd512_pd256(m8), _mm512_extractf64x4_pd(m8, 1));
    const __m128d m = _mm_max_pd(_mm256_castpd256_pd128(m4), _mm256_extractf128_pd(m4, 1));
    return _mm_cvtsd_f64(_mm_max_sd(m, _mm_unpackhi_pd(m, m)));
}
NXENT_INLINE uint32_t equal_lanes(D a, D b) {
    const uint32_t low = _mm512_cmp_pd_mask(a.a, b.a, _CMP_EQ_OQ), high = _mm512_cmp_pd_mask(a.b, b.b, _CMP_EQ_OQ);
    return low | high << 8;
}
NXENT_INLINE D widen(F a) {
    const __m256 high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(a.v), 1));
    return {_mm512_cvtps_pd(_mm512_castps512_ps256(a.v)), _mm512_cvtps_pd(high)};
}
NXENT_INLINE F narrow(D a) {
    const __m512d low = _mm512_castps_pd(_mm512_castps256_ps512(_mm512_cvtpd_ps(a.a)));
    return {_mm512_castpd_ps(_mm512_insertf64x4(low, _mm256_castps_pd(_mm512_cvtpd_ps(a.b)), 1))};
}
NXENT_INLINE D add_widened(D sum, F a) { return add(sum, widen(a)); }
NXENT_INLINE double sum_lanes(D a) {
    const __m512d eight = _mm512_add_pd(a.a, a.b);
    const __m256d four = _mm256_add_pd(_mm512_castpd512_pd256(eight), _mm512_extractf64x4_pd(eight, 1));
    const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

}  // namespace
}  // namespace NXENT_TARGET
}  // namespace nxent
