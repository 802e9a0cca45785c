// SPDX-License-Identifier: MIT
//
// The vector abstraction on AVX2, FMA and F16C: sixteen float lanes in two registers. vec_scalar.h says what each
// operation means.
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
struct MaskDoubles {
    __m256i a, b, c, d;
};
NXENT_INLINE MaskDoubles first_doubles(size_t count) {
    const Mask m = first_lanes(count);
    return {_mm256_cvtepi32_epi64(_mm256_castsi256_si128(m.a)), _mm256_cvtepi32_epi64(_mm256_extracti128_si256(m.a, 1)),
            _mm256_cvtepi32_epi64(_mm256_castsi256_si128(m.b)),
            _mm256_cvtepi32_epi64(_mm256_extracti128_si256(m.b, 1))};
}

NXENT_INLINE F set(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
NXENT_INLINE F load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
NXENT_INLINE __m128i load_eight(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
// Neither conversion of Half heeds the modes for subnormal Halfs.
NXENT_INLINE F load(const Half* p) { return {_mm256_cvtph_ps(load_eight(p)), _mm256_cvtph_ps(load_eight(p + 8))}; }
NXENT_INLINE __m256 widen_bfloat16(__m128i bits) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}
NXENT_INLINE F load(const BFloat16* p) { return {widen_bfloat16(load_eight(p)), widen_bfloat16(load_eight(p + 8))}; }
NXENT_INLINE F load_partial(const float* p, size_t count, float other) {
    const Mask m = first_lanes(count);
    const __m256 o = _mm256_set1_ps(other);
    return {_mm256_blendv_ps(o, _mm256_maskload_ps(p, m.a), _mm256_castsi256_ps(m.a)),
            _mm256_blendv_ps(o, _mm256_maskload_ps(p + 8, m.b), _mm256_castsi256_ps(m.b))};
}
// There is no masked access to 16 bits: partial vectors go through memory of our own.
template <class Element16>
NXENT_INLINE F load_partial(const Element16* p, size_t count, float other) {
    Element16 lanes[kLanes] = {};
    for (size_t i = 0; i < count; ++i) lanes[i] = p[i];
    const F a = load(lanes);
    const Mask m = first_lanes(count);
    const __m256 o = _mm256_set1_ps(other);
    return {_mm256_blendv_ps(o, a.a, _mm256_castsi256_ps(m.a)), _mm256_blendv_ps(o, a.b, _mm256_castsi256_ps(m.b))};
}
NXENT_INLINE void store(float* p, F a) {
    _mm256_storeu_ps(p, a.a);
    _mm256_storeu_ps(p + 8, a.b);
}
NXENT_INLINE void store(Half* p, F a) {
    __m128i* to = reinterpret_cast<__m128i*>(p);
    _mm_storeu_si128(to, _mm256_cvtps_ph(a.a, _MM_FROUND_TO_NEAREST_INT));
    _mm_storeu_si128(to + 1, _mm256_cvtps_ph(a.b, _MM_FROUND_TO_NEAREST_INT));
}
// The upper halves of the lanes, rounded. The canonical NaN, the only one there is, stays itself.
NXENT_INLINE __m256i narrow_bfloat16(__m256 a) {
    const __m256i bits = _mm256_castps_si256(a);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
    return _mm256_srli_epi32(rounded, 16);
}
NXENT_INLINE void store(BFloat16* p, F a) {
    // Packs within each 128 bits; the permutation puts the quarters in order.
    const __m256i packed = _mm256_packus_epi32(narrow_bfloat16(a.a), narrow_bfloat16(a.b));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(packed, _MM_SHUFFLE(3, 1, 2, 0)));
}
// Not masked: AMD's processors take a dozen cycles for a masked store.
NXENT_INLINE void store_partial(float* p, F a, size_t count) {
    if (count >= kLanes) return store(p, a);
    __m256 eight = a.a;
    if (count & 8) {
        _mm256_storeu_ps(p, eight);
        eight = a.b;
        p += 8;
    }
    __m128 four = _mm256_castps256_ps128(eight);
    if (count & 4) {
        _mm_storeu_ps(p, four);
        four = _mm256_extractf128_ps(eight, 1);
        p += 4;
    }
    if (count & 2) {
        _mm_storel_pi(reinterpret_cast<__m64*>(p), four);
        four = _mm_movehl_ps(four, four);
        p += 2;
    }
    if (count & 1) _mm_store_ss(p, four);
}
template <class Element16>
NXENT_INLINE void store_partial(Element16* p, F a, size_t count) {
    Element16 lanes[kLanes];
    store(lanes, a);
    for (size_t i = 0; i < count; ++i) p[i] = lanes[i];
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
NXENT_INLINE F select_below(F a, F b, F x, F y) {
    return {_mm256_blendv_ps(y.a, x.a, _mm256_cmp_ps(a.a, b.a, _CMP_LT_OQ)),
            _mm256_blendv_ps(y.b, x.b, _mm256_cmp_ps(a.b, b.b, _CMP_LT_OQ))};
}
NXENT_INLINE F power_of_two(F a) {
    return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(a.a), 23)),
            _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(a.b), 23))};
}
NXENT_INLINE __m256 join(__m128 low, __m128 high) { return _mm256_insertf128_ps(_mm256_castps128_ps256(low), high, 1); }
NXENT_INLINE F load_column(const float* p, size_t stride) {
    return {join(load_four_apart(p, stride), load_four_apart(p + 4 * stride, stride)),
            join(load_four_apart(p + 8 * stride, stride), load_four_apart(p + 12 * stride, stride))};
}
NXENT_INLINE void store_column(float* p, size_t stride, F a) {
    store_four_apart(p, stride, _mm256_castps256_ps128(a.a));
    store_four_apart(p + 4 * stride, stride, _mm256_extractf128_ps(a.a, 1));
    store_four_apart(p + 8 * stride, stride, _mm256_castps256_ps128(a.b));
    store_four_apart(p + 12 * stride, stride, _mm256_extractf128_ps(a.b, 1));
}
NXENT_INLINE F load_quarters(const float* p, size_t stride) {
    return {join(_mm_loadu_ps(p), _mm_loadu_ps(p + stride)),
            join(_mm_loadu_ps(p + 2 * stride), _mm_loadu_ps(p + 3 * stride))};
}
NXENT_INLINE void store_quarters(float* p, size_t stride, F a) {
    _mm_storeu_ps(p, _mm256_castps256_ps128(a.a));
    _mm_storeu_ps(p + stride, _mm256_extractf128_ps(a.a, 1));
    _mm_storeu_ps(p + 2 * stride, _mm256_castps256_ps128(a.b));
    _mm_storeu_ps(p + 3 * stride, _mm256_extractf128_ps(a.b, 1));
}
NXENT_INLINE void transpose_quarters(__m256& a, __m256& b, __m256& c, __m256& d) {
    const __m256 ab_low = _mm256_unpacklo_ps(a, b), ab_high = _mm256_unpackhi_ps(a, b);
    const __m256 cd_low = _mm256_unpacklo_ps(c, d), cd_high = _mm256_unpackhi_ps(c, d);
    a = _mm256_shuffle_ps(ab_low, cd_low, _MM_SHUFFLE(1, 0, 1, 0));
    b = _mm256_shuffle_ps(ab_low, cd_low, _MM_SHUFFLE(3, 2, 3, 2));
    c = _mm256_shuffle_ps(ab_high, cd_high, _MM_SHUFFLE(1, 0, 1, 0));
    d = _mm256_shuffle_ps(ab_high, cd_high, _MM_SHUFFLE(3, 2, 3, 2));
}
NXENT_INLINE void transpose_quarters(F& a, F& b, F& c, F& d) {
    transpose_quarters(a.a, b.a, c.a, d.a);
    transpose_quarters(a.b, b.b, c.b, d.b);
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
NXENT_INLINE uint32_t equal_lanes(F a, F b) {
    const int low = _mm256_movemask_ps(_mm256_cmp_ps(a.a, b.a, _CMP_EQ_OQ));
    const int high = _mm256_movemask_ps(_mm256_cmp_ps(a.b, b.b, _CMP_EQ_OQ));
    return static_cast<uint32_t>(low | high << 8);
}

NXENT_INLINE D zero_doubles() {
    const __m256d zero = _mm256_setzero_pd();
    return {zero, zero, zero, zero};
}
NXENT_INLINE D set(double x) {
    const __m256d v = _mm256_set1_pd(x);
    return {v, v, v, v};
}
NXENT_INLINE D load(const double* p) {
    return {_mm256_loadu_pd(p), _mm256_loadu_pd(p + 4), _mm256_loadu_pd(p + 8), _mm256_loadu_pd(p + 12)};
}
NXENT_INLINE D load_partial(const double* p, size_t count, double other) {
    const MaskDoubles m = first_doubles(count);
    const __m256d o = _mm256_set1_pd(other);
    return {_mm256_blendv_pd(o, _mm256_maskload_pd(p, m.a), _mm256_castsi256_pd(m.a)),
            _mm256_blendv_pd(o, _mm256_maskload_pd(p + 4, m.b), _mm256_castsi256_pd(m.b)),
            _mm256_blendv_pd(o, _mm256_maskload_pd(p + 8, m.c), _mm256_castsi256_pd(m.c)),
            _mm256_blendv_pd(o, _mm256_maskload_pd(p + 12, m.d), _mm256_castsi256_pd(m.d))};
}
NXENT_INLINE void store(double* p, D a) {
    _mm256_storeu_pd(p, a.a);
    _mm256_storeu_pd(p + 4, a.b);
    _mm256_storeu_pd(p + 8, a.c);
    _mm256_storeu_pd(p + 12, a.d);
}
NXENT_INLINE void store_partial(double* p, D a, size_t count) {
    const MaskDoubles m = first_doubles(count);
    _mm256_maskstore_pd(p, m.a, a.a);
    _mm256_maskstore_pd(p + 4, m.b, a.b);
    _mm256_maskstore_pd(p + 8, m.c, a.c);
    _mm256_maskstore_pd(p + 12, m.d, a.d);
}
NXENT_INLINE D add(D a, D b) {
    return {_mm256_add_pd(a.a, b.a), _mm256_add_pd(a.b, b.b), _mm256_add_pd(a.c, b.c), _mm256_add_pd(a.d, b.d)};
}
NXENT_INLINE D sub(D a, D b) {
    return {_mm256_sub_pd(a.a, b.a), _mm256_sub_pd(a.b, b.b), _mm256_sub_pd(a.c, b.c), _mm256_sub_pd(a.d, b.d)};
}
NXENT_INLINE D mul(D a, D b) {
    return {_mm256_mul_pd(a.a, b.a), _mm256_mul_pd(a.b, b.b), _mm256_mul_pd(a.c, b.c), _mm256_mul_pd(a.d, b.d)};
}
NXENT_INLINE D div(D a, D b) {
    return {_mm256_div_pd(a.a, b.a), _mm256_div_pd(a.b, b.b), _mm256_div_pd(a.c, b.c), _mm256_div_pd(a.d, b.d)};
}
NXENT_INLINE D greater(D a, D b) {
    return {_mm256_max_pd(a.a, b.a), _mm256_max_pd(a.b, b.b), _mm256_max_pd(a.c, b.c), _mm256_max_pd(a.d, b.d)};
}
NXENT_INLINE D zero_below(D a, D limit) {
    return {_mm256_and_pd(a.a, _mm256_cmp_pd(a.a, limit.a, _CMP_GE_OQ)),
            _mm256_and_pd(a.b, _mm256_cmp_pd(a.b, limit.b, _CMP_GE_OQ)),
            _mm256_and_pd(a.c, _mm256_cmp_pd(a.c, limit.c, _CMP_GE_OQ)),
            _mm256_and_pd(a.d, _mm256_cmp_pd(a.d, limit.d, _CMP_GE_OQ))};
}
NXENT_INLINE D select_below(D a, D b, D x, D y) {
    return {_mm256_blendv_pd(y.a, x.a, _mm256_cmp_pd(a.a, b.a, _CMP_LT_OQ)),
            _mm256_blendv_pd(y.b, x.b, _mm256_cmp_pd(a.b, b.b, _CMP_LT_OQ)),
            _mm256_blendv_pd(y.c, x.c, _mm256_cmp_pd(a.c, b.c, _CMP_LT_OQ)),
            _mm256_blendv_pd(y.d, x.d, _mm256_cmp_pd(a.d, b.d, _CMP_LT_OQ))};
}
NXENT_INLINE D power_of_two(D a) {
    return {_mm256_castsi256_pd(_mm256_slli_epi64(_mm256_castpd_si256(a.a), 52)),
            _mm256_castsi256_pd(_mm256_slli_epi64(_mm256_castpd_si256(a.b), 52)),
            _mm256_castsi256_pd(_mm256_slli_epi64(_mm256_castpd_si256(a.c), 52)),
            _mm256_castsi256_pd(_mm256_slli_epi64(_mm256_castpd_si256(a.d), 52))};
}
NXENT_INLINE D load_column(const double* p, size_t stride) {
    return {load_four_apart(p, stride), load_four_apart(p + 4 * stride, stride),
            load_four_apart(p + 8 * stride, stride), load_four_apart(p + 12 * stride, stride)};
}
NXENT_INLINE void store_column(double* p, size_t stride, D a) {
    store_four_apart(p, stride, a.a);
    store_four_apart(p + 4 * stride, stride, a.b);
    store_four_apart(p + 8 * stride, stride, a.c);
    store_four_apart(p + 12 * stride, stride, a.d);
}
NXENT_INLINE D load_quarters(const double* p, size_t stride) {
    return {_mm256_loadu_pd(p), _mm256_loadu_pd(p + stride), _mm256_loadu_pd(p + 2 * stride),
            _mm256_loadu_pd(p + 3 * stride)};
}
NXENT_INLINE void store_quarters(double* p, size_t stride, D a) {
    _mm256_storeu_pd(p, a.a);
    _mm256_storeu_pd(p + stride, a.b);
    _mm256_storeu_pd(p + 2 * stride, a.c);
    _mm256_storeu_pd(p + 3 * stride, a.d);
}
NXENT_INLINE void transpose_quarters(__m256d& a, __m256d& b, __m256d& c, __m256d& d) {
    const __m256d ab_even = _mm256_unpacklo_pd(a, b), ab_odd = _mm256_unpackhi_pd(a, b);
    const __m256d cd_even = _mm256_unpacklo_pd(c, d), cd_odd = _mm256_unpackhi_pd(c, d);
    a = _mm256_permute2f128_pd(ab_even, cd_even, 0x20);
    b = _mm256_permute2f128_pd(ab_odd, cd_odd, 0x20);
    c = _mm256_permute2f128_pd(ab_even, cd_even, 0x31);
    d = _mm256_permute2f128_pd(ab_odd, cd_odd, 0x31);
}
NXENT_INLINE void transpose_quarters(D& a, D& b, D& c, D& d) {
    transpose_quarters(a.a, b.a, c.a, d.a);
    transpose_quarters(a.b, b.b, c.b, d.b);
    transpose_quarters(a.c, b.c, c.c, d.c);
    transpose_quarters(a.d, b.d, c.d, d.d);
}
NXENT_INLINE __m256d replace_where(__m256d a, __m256i index, __m256i wanted, __m256d value) {
    return _mm256_blendv_pd(a, value, _mm256_castsi256_pd(_mm256_cmpeq_epi64(index, wanted)));
}
NXENT_INLINE D replace_lane(D a, size_t lane, double value) {
    const __m256i wanted = _mm256_set1_epi64x(static_cast<int64_t>(lane));
    const __m256d v = _mm256_set1_pd(value);
    return {replace_where(a.a, _mm256_setr_epi64x(0, 1, 2, 3), wanted, v),
            replace_where(a.b, _mm256_setr_epi64x(4, 5, 6, 7), wanted, v),
            replace_where(a.c, _mm256_setr_epi64x(8, 9, 10, 11), wanted, v),
            replace_where(a.d, _mm256_setr_epi64x(12, 13, 14, 15), wanted, v)};
}
NXENT_INLINE double greatest_lane(D a) {
    const __m256d m4 = _mm256_max_pd(_mm256_max_pd(a.a, a.b), _mm256_max_pd(a.c, a.d));
    const __m128d m = _mm_max_pd(_mm256_castpd256_pd128(m4), _mm256_extractf128_pd(m4, 1));
    return _mm_cvtsd_f64(_mm_max_sd(m, _mm_unpackhi_pd(m, m)));
}
NXENT_INLINE uint32_t equal_lanes(D a, D b) {
    const auto bits = [](__m256d x, __m256d y) { return _mm256_movemask_pd(_mm256_cmp_pd(x, y, _CMP_EQ_OQ)); };
    return static_cast<uint32_t>(bits(a.a, b.a) | bits(a.b, b.b) << 4 | bits(a.c, b.c) << 8 | bits(a.d, b.d) << 12);
}
NXENT_INLINE D widen(F a) {
    return {_mm256_cvtps_pd(_mm256_castps256_ps128(a.a)), _mm256_cvtps_pd(_mm256_extractf128_ps(a.a, 1)),
            _mm256_cvtps_pd(_mm256_castps256_ps128(a.b)), _mm256_cvtps_pd(_mm256_extractf128_ps(a.b, 1))};
}
NXENT_INLINE F narrow(D a) {
    return {join(_mm256_cvtpd_ps(a.a), _mm256_cvtpd_ps(a.b)), join(_mm256_cvtpd_ps(a.c), _mm256_cvtpd_ps(a.d))};
}
NXENT_INLINE D add_widened(D sum, F a) { return add(sum, widen(a)); }
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
