// SPDX-License-Identifier: MIT
//
// The vector abstraction on SSE2, which every x86-64 has: sixteen float lanes in four registers, and fused multiply-adds in
// doubles. vec_scalar.h says what each operation means.
#pragma once

#include <emmintrin.h>

#include "../compiler.h"
#include "../elements.h"
#include "fma-inl.h"

namespace nxent {
namespace NXENT_TARGET {
namespace {

constexpr int kLanes = 16;
constexpr bool kFuses = false;

struct F {
    __m128 v[4];
};
struct D {
    __m128d v[8];
};

template <class Op>
NXENT_INLINE F map(Op op) {
    return {{op(0), op(1), op(2), op(3)}};
}
template <class Op>
NXENT_INLINE D map_doubles(Op op) {
    return {{op(0), op(1), op(2), op(3), op(4), op(5), op(6), op(7)}};
}

// Lanes of x where the mask has all bits set, of y where none. (There is no instruction for it.)
NXENT_INLINE __m128 choose(__m128 mask, __m128 x, __m128 y) {
    return _mm_or_ps(_mm_and_ps(mask, x), _mm_andnot_ps(mask, y));
}
NXENT_INLINE __m128d choose(__m128d mask, __m128d x, __m128d y) {
    return _mm_or_pd(_mm_and_pd(mask, x), _mm_andnot_pd(mask, y));
}
NXENT_INLINE __m128i choose(__m128i mask, __m128i x, __m128i y) {
    return _mm_or_si128(_mm_and_si128(mask, x), _mm_andnot_si128(mask, y));
}

NXENT_INLINE F set(float x) {
    return map([&](int) { return _mm_set1_ps(x); });
}
NXENT_INLINE F load(const float* p) {
    return map([&](int i) { return _mm_loadu_ps(p + 4 * i); });
}
// Four of 16 bits, each at the lower end of 32.
NXENT_INLINE __m128i load_four(const void* p) {
    return _mm_unpacklo_epi16(_mm_loadl_epi64(static_cast<const __m128i*>(p)), _mm_setzero_si128());
}
// Half subnormals are multiples of 2^-24.
NXENT_INLINE __m128 widen_half(__m128i half) {
    const __m128i magnitude = _mm_and_si128(half, _mm_set1_epi32(0x7fff));
    const __m128i rebias = _mm_set1_epi32(112 << 23);  // the difference of the exponents' biases
    const __m128i special = _mm_and_si128(_mm_cmpgt_epi32(magnitude, _mm_set1_epi32(0x7bff)), rebias);
    const __m128i normal = _mm_add_epi32(_mm_add_epi32(_mm_slli_epi32(magnitude, 13), rebias), special);
    const __m128i subnormal = _mm_castps_si128(_mm_mul_ps(_mm_cvtepi32_ps(magnitude), _mm_set1_ps(0x1p-24f)));
    const __m128i is_subnormal = _mm_cmpgt_epi32(_mm_set1_epi32(0x0400), magnitude);
    const __m128i sign = _mm_slli_epi32(_mm_and_si128(half, _mm_set1_epi32(0x8000)), 16);
    return _mm_castsi128_ps(_mm_or_si128(sign, choose(is_subnormal, subnormal, normal)));
}
NXENT_INLINE F load(const Half* p) {
    return map([&](int i) { return widen_half(load_four(p + 4 * i)); });
}
NXENT_INLINE F load(const BFloat16* p) {
    return map([&](int i) { return _mm_castsi128_ps(_mm_slli_epi32(load_four(p + 4 * i), 16)); });
}
NXENT_INLINE void store(float* p, F a) {
    for (int i = 0; i < 4; ++i) _mm_storeu_ps(p + 4 * i, a.v[i]);
}
// Stores the lower halves of the lanes. (Packing saturates, but not what has had its sign extended.)
NXENT_INLINE void store_eight(void* p, __m128i a, __m128i b) {
    a = _mm_srai_epi32(_mm_slli_epi32(a, 16), 16);
    b = _mm_srai_epi32(_mm_slli_epi32(b, 16), 16);
    _mm_storeu_si128(static_cast<__m128i*>(p), _mm_packs_epi32(a, b));
}
// As narrow1() in vec_scalar.h.
NXENT_INLINE __m128i narrow_half(__m128 a) {
    const __m128i bits = _mm_castps_si128(a);
    const __m128i sign = _mm_and_si128(_mm_srli_epi32(bits, 16), _mm_set1_epi32(0x8000));
    const __m128i magnitude = _mm_and_si128(bits, _mm_set1_epi32(0x7fffffff));
    const __m128i odd = _mm_and_si128(_mm_srli_epi32(magnitude, 13), _mm_set1_epi32(1));
    // To nearest even: just under half a unit, and the last bit that stays.
    __m128i half = _mm_add_epi32(_mm_add_epi32(magnitude, odd), _mm_set1_epi32(0xfff - (112 << 23)));
    half = _mm_srli_epi32(half, 13);
    // Below 2^-14. The unit of 0.5f is that of Half's subnormals, 2^-24, so that the addition rounds to it.
    const __m128i subnormal =
        _mm_sub_epi32(_mm_castps_si128(_mm_add_ps(_mm_castsi128_ps(magnitude), _mm_set1_ps(0.5f))),
                      _mm_castps_si128(_mm_set1_ps(0.5f)));
    half = choose(_mm_cmpgt_epi32(_mm_set1_epi32(0x38800000), magnitude), subnormal, half);
    half = choose(_mm_cmpgt_epi32(magnitude, _mm_set1_epi32(0x477fffff)), _mm_set1_epi32(0x7c00), half);
    half = choose(_mm_cmpgt_epi32(magnitude, _mm_set1_epi32(0x7f800000)), _mm_set1_epi32(0x7e00), half);
    return _mm_or_si128(sign, half);
}
NXENT_INLINE void store(Half* p, F a) {
    store_eight(p, narrow_half(a.v[0]), narrow_half(a.v[1]));
    store_eight(p + 8, narrow_half(a.v[2]), narrow_half(a.v[3]));
}
// The upper halves of the lanes, rounded. The canonical NaN, the only one there is, stays itself.
NXENT_INLINE __m128i narrow_bfloat16(__m128 a) {
    const __m128i bits = _mm_castps_si128(a);
    const __m128i odd = _mm_and_si128(_mm_srli_epi32(bits, 16), _mm_set1_epi32(1));
    return _mm_srli_epi32(_mm_add_epi32(_mm_add_epi32(bits, _mm_set1_epi32(0x7fff)), odd), 16);
}
NXENT_INLINE void store(BFloat16* p, F a) {
    store_eight(p, narrow_bfloat16(a.v[0]), narrow_bfloat16(a.v[1]));
    store_eight(p + 8, narrow_bfloat16(a.v[2]), narrow_bfloat16(a.v[3]));
}
// There is no masked access: partial vectors go through memory of our own.
NXENT_INLINE F load_partial(const float* p, size_t count, float other) {
    float lanes[kLanes];
    for (float& lane : lanes) lane = other;
    for (size_t i = 0; i < count; ++i) lanes[i] = p[i];
    return load(lanes);
}
template <class Element16>
NXENT_INLINE F load_partial(const Element16* p, size_t count, float other) {
    Element16 elements[kLanes] = {};
    for (size_t i = 0; i < count; ++i) elements[i] = p[i];
    float lanes[kLanes];
    store(lanes, load(elements));
    return load_partial(lanes, count, other);
}
NXENT_INLINE void store_partial(float* p, F a, size_t count) {
    float lanes[kLanes];
    store(lanes, a);
    for (size_t i = 0; i < count; ++i) p[i] = lanes[i];
}
template <class Element16>
NXENT_INLINE void store_partial(Element16* p, F a, size_t count) {
    Element16 lanes[kLanes];
    store(lanes, a);
    for (size_t i = 0; i < count; ++i) p[i] = lanes[i];
}
NXENT_INLINE F add(F a, F b) {
    return map([&](int i) { return _mm_add_ps(a.v[i], b.v[i]); });
}
NXENT_INLINE F sub(F a, F b) {
    return map([&](int i) { return _mm_sub_ps(a.v[i], b.v[i]); });
}
NXENT_INLINE F mul(F a, F b) {
    return map([&](int i) { return _mm_mul_ps(a.v[i], b.v[i]); });
}

NXENT_INLINE __m128d widen_low(__m128 a) { return _mm_cvtps_pd(a); }
NXENT_INLINE __m128d widen_high(__m128 a) { return _mm_cvtps_pd(_mm_movehl_ps(a, a)); }
NXENT_INLINE __m128 narrow_pair(__m128d low, __m128d high) {
    return _mm_movelh_ps(_mm_cvtpd_ps(low), _mm_cvtpd_ps(high));
}

// Four doubles, of one register of floats. Chains of operations go through one after the other, as the registers hold no more.
struct Four {
    __m128d low, high;

    static NXENT_INLINE_MEMBER Four all(double x) { return {_mm_set1_pd(x), _mm_set1_pd(x)}; }
};
NXENT_INLINE Four operator+(Four a, Four b) { return {_mm_add_pd(a.low, b.low), _mm_add_pd(a.high, b.high)}; }
NXENT_INLINE Four operator-(Four a, Four b) { return {_mm_sub_pd(a.low, b.low), _mm_sub_pd(a.high, b.high)}; }
NXENT_INLINE Four operator*(Four a, Four b) { return {_mm_mul_pd(a.low, b.low), _mm_mul_pd(a.high, b.high)}; }
NXENT_INLINE Four select_below(Four a, Four b, Four x, Four y) {
    return {choose(_mm_cmplt_pd(a.low, b.low), x.low, y.low), choose(_mm_cmplt_pd(a.high, b.high), x.high, y.high)};
}
NXENT_INLINE Four widened_part(F a, int i) { return {widen_low(a.v[i]), widen_high(a.v[i])}; }
NXENT_INLINE __m128 narrowed_part(Four a) { return narrow_pair(a.low, a.high); }
// The lower 32 bits of each.
NXENT_INLINE __m128 low_words(Four a) {
    return _mm_shuffle_ps(_mm_castpd_ps(a.low), _mm_castpd_ps(a.high), _MM_SHUFFLE(2, 0, 2, 0));
}
// And the upper ones.
NXENT_INLINE __m128 high_words(Four a) {
    return _mm_shuffle_ps(_mm_castpd_ps(a.low), _mm_castpd_ps(a.high), _MM_SHUFFLE(3, 1, 3, 1));
}

NXENT_NOINLINE void fma_lane_by_lane(const F& a, const F& b, const F& c, F& result) {
    float x[kLanes], y[kLanes], z[kLanes];
    store(x, a);
    store(y, b);
    store(z, c);
    for (int i = 0; i < kLanes; ++i) x[i] = fma1(x[i], y[i], z[i]);
    result = load(x);
}
// The product is exact in double. Its sum with c is rounded to double, and then to float: that can only be wrong where the
// first rounding hits the middle between two floats. Of normal floats this is seen by the 29 bits that the second rounding
// drops; and of subnormal ones, which drop more, all are suspicious.
NXENT_INLINE __m128i suspicious(Four sum) {
    const __m128i dropped = _mm_and_si128(_mm_castps_si128(low_words(sum)), _mm_set1_epi32(0x1fffffff));
    const __m128i exponent = _mm_and_si128(_mm_castps_si128(high_words(sum)), _mm_set1_epi32(0x7fffffff));
    const __m128i subnormal = _mm_and_si128(_mm_cmplt_epi32(exponent, _mm_set1_epi32((1023 - 126) << 20)),
                                            _mm_cmpgt_epi32(exponent, _mm_setzero_si128()));
    return _mm_or_si128(subnormal, _mm_cmpeq_epi32(dropped, _mm_set1_epi32(0x10000000)));
}
NXENT_INLINE F fma(F a, F b, F c) {
    __m128i suspicions = _mm_setzero_si128();
    F result = map([&](int i) {
        const Four sum = widened_part(a, i) * widened_part(b, i) + widened_part(c, i);
        suspicions = _mm_or_si128(suspicions, suspicious(sum));
        return narrowed_part(sum);
    });
    if (_mm_movemask_epi8(suspicions) != 0) fma_lane_by_lane(a, b, c, result);
    return result;
}
NXENT_INLINE F fnma(F a, F b, F c) {
    const __m128 sign = _mm_set1_ps(-0.0f);
    return fma(map([&](int i) { return _mm_xor_ps(a.v[i], sign); }), b, c);
}
// maxps gives its second operand where either is NaN.
NXENT_INLINE F greater(F a, F b) {
    return map([&](int i) { return _mm_max_ps(a.v[i], b.v[i]); });
}
NXENT_INLINE F zero_below(F a, F limit) {
    return map([&](int i) { return _mm_and_ps(a.v[i], _mm_cmpge_ps(a.v[i], limit.v[i])); });
}
NXENT_INLINE F select_below(F a, F b, F x, F y) {
    return map([&](int i) { return choose(_mm_cmplt_ps(a.v[i], b.v[i]), x.v[i], y.v[i]); });
}
NXENT_INLINE uint32_t equal_lanes(F a, F b) {
    int bits = 0;
    for (int i = 0; i < 4; ++i) bits |= _mm_movemask_ps(_mm_cmpeq_ps(a.v[i], b.v[i])) << (4 * i);
    return static_cast<uint32_t>(bits);
}
NXENT_INLINE F power_of_two(F a) {
    return map([&](int i) { return _mm_castsi128_ps(_mm_slli_epi32(_mm_castps_si128(a.v[i]), 23)); });
}
NXENT_INLINE F load_column(const float* p, size_t stride) {
    return map([&](int i) {
        const float* const q = p + static_cast<size_t>(4 * i) * stride;
        return _mm_setr_ps(q[0], q[stride], q[2 * stride], q[3 * stride]);
    });
}
NXENT_INLINE void store_column(float* p, size_t stride, F a) {
    for (int i = 0; i < 4; ++i, p += 4 * stride) {
        const __m128 v = a.v[i];
        _mm_store_ss(p, v);
        _mm_store_ss(p + stride, _mm_shuffle_ps(v, v, 1));
        _mm_store_ss(p + 2 * stride, _mm_movehl_ps(v, v));
        _mm_store_ss(p + 3 * stride, _mm_shuffle_ps(v, v, 3));
    }
}
NXENT_INLINE F load_quarters(const float* p, size_t stride) {
    return map([&](int i) { return _mm_loadu_ps(p + static_cast<size_t>(i) * stride); });
}
NXENT_INLINE void store_quarters(float* p, size_t stride, F a) {
    for (size_t i = 0; i < 4; ++i) _mm_storeu_ps(p + i * stride, a.v[i]);
}
NXENT_INLINE void transpose_quarters(F& a, F& b, F& c, F& d) {
    for (int i = 0; i < 4; ++i) _MM_TRANSPOSE4_PS(a.v[i], b.v[i], c.v[i], d.v[i]);
}
alignas(16) constexpr int32_t kLaneNumbers[kLanes] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
NXENT_INLINE F replace_lane(F a, size_t lane, float value) {
    const __m128i wanted = _mm_set1_epi32(static_cast<int>(lane));
    return map([&](int i) {
        const __m128i numbers = _mm_load_si128(reinterpret_cast<const __m128i*>(kLaneNumbers + 4 * i));
        return choose(_mm_castsi128_ps(_mm_cmpeq_epi32(numbers, wanted)), _mm_set1_ps(value), a.v[i]);
    });
}
NXENT_INLINE float greatest_lane(F a) {
    __m128 m = _mm_max_ps(_mm_max_ps(a.v[0], a.v[1]), _mm_max_ps(a.v[2], a.v[3]));
    m = _mm_max_ps(m, _mm_movehl_ps(m, m));
    return _mm_cvtss_f32(_mm_max_ss(m, _mm_shuffle_ps(m, m, 1)));
}

NXENT_INLINE D zero_doubles() {
    return map_doubles([&](int) { return _mm_setzero_pd(); });
}
NXENT_INLINE D set(double x) {
    return map_doubles([&](int) { return _mm_set1_pd(x); });
}
NXENT_INLINE D load(const double* p) {
    return map_doubles([&](int i) { return _mm_loadu_pd(p + 2 * i); });
}
NXENT_INLINE void store(double* p, D a) {
    for (int i = 0; i < 8; ++i) _mm_storeu_pd(p + 2 * i, a.v[i]);
}
NXENT_INLINE D load_partial(const double* p, size_t count, double other) {
    double lanes[kLanes];
    for (double& lane : lanes) lane = other;
    for (size_t i = 0; i < count; ++i) lanes[i] = p[i];
    return load(lanes);
}
NXENT_INLINE void store_partial(double* p, D a, size_t count) {
    double lanes[kLanes];
    store(lanes, a);
    for (size_t i = 0; i < count; ++i) p[i] = lanes[i];
}
NXENT_INLINE D add(D a, D b) {
    return map_doubles([&](int i) { return _mm_add_pd(a.v[i], b.v[i]); });
}
NXENT_INLINE D sub(D a, D b) {
    return map_doubles([&](int i) { return _mm_sub_pd(a.v[i], b.v[i]); });
}
NXENT_INLINE D mul(D a, D b) {
    return map_doubles([&](int i) { return _mm_mul_pd(a.v[i], b.v[i]); });
}
NXENT_INLINE D div(D a, D b) {
    return map_doubles([&](int i) { return _mm_div_pd(a.v[i], b.v[i]); });
}
NXENT_INLINE D greater(D a, D b) {
    return map_doubles([&](int i) { return _mm_max_pd(a.v[i], b.v[i]); });
}
NXENT_INLINE D zero_below(D a, D limit) {
    return map_doubles([&](int i) { return _mm_and_pd(a.v[i], _mm_cmpge_pd(a.v[i], limit.v[i])); });
}
NXENT_INLINE D select_below(D a, D b, D x, D y) {
    return map_doubles([&](int i) { return choose(_mm_cmplt_pd(a.v[i], b.v[i]), x.v[i], y.v[i]); });
}
NXENT_INLINE uint32_t equal_lanes(D a, D b) {
    int bits = 0;
    for (int i = 0; i < 8; ++i) bits |= _mm_movemask_pd(_mm_cmpeq_pd(a.v[i], b.v[i])) << (2 * i);
    return static_cast<uint32_t>(bits);
}
NXENT_INLINE D power_of_two(D a) {
    return map_doubles([&](int i) { return _mm_castsi128_pd(_mm_slli_epi64(_mm_castpd_si128(a.v[i]), 52)); });
}
NXENT_INLINE D load_column(const double* p, size_t stride) {
    return map_doubles([&](int i) {
        const double* const q = p + static_cast<size_t>(2 * i) * stride;
        return _mm_setr_pd(q[0], q[stride]);
    });
}
NXENT_INLINE void store_column(double* p, size_t stride, D a) {
    for (int i = 0; i < 8; ++i, p += 2 * stride) {
        _mm_storel_pd(p, a.v[i]);
        _mm_storeh_pd(p + stride, a.v[i]);
    }
}
NXENT_INLINE D load_quarters(const double* p, size_t stride) {
    return map_doubles([&](int i) { return _mm_loadu_pd(p + static_cast<size_t>(i / 2) * stride + 2 * (i % 2)); });
}
NXENT_INLINE void store_quarters(double* p, size_t stride, D a) {
    for (size_t i = 0; i < 8; ++i) _mm_storeu_pd(p + i / 2 * stride + 2 * (i % 2), a.v[i]);
}
NXENT_INLINE void transpose_quarters(D& a, D& b, D& c, D& d) {
    for (int i = 0; i < 8; i += 2) {
        const __m128d a0 = a.v[i], b0 = b.v[i], c0 = c.v[i], d0 = d.v[i];
        const __m128d a1 = a.v[i + 1], b1 = b.v[i + 1], c1 = c.v[i + 1], d1 = d.v[i + 1];
        a.v[i] = _mm_unpacklo_pd(a0, b0);
        a.v[i + 1] = _mm_unpacklo_pd(c0, d0);
        b.v[i] = _mm_unpackhi_pd(a0, b0);
        b.v[i + 1] = _mm_unpackhi_pd(c0, d0);
        c.v[i] = _mm_unpacklo_pd(a1, b1);
        c.v[i + 1] = _mm_unpacklo_pd(c1, d1);
        d.v[i] = _mm_unpackhi_pd(a1, b1);
        d.v[i + 1] = _mm_unpackhi_pd(c1, d1);
    }
}
NXENT_INLINE D replace_lane(D a, size_t lane, double value) {
    const __m128i wanted = _mm_set1_epi32(static_cast<int>(lane));
    return map_doubles([&](int i) {
        const __m128i numbers = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(kLaneNumbers + 2 * i));
        const __m128i same = _mm_cmpeq_epi32(_mm_unpacklo_epi32(numbers, numbers), wanted);
        return choose(_mm_castsi128_pd(same), _mm_set1_pd(value), a.v[i]);
    });
}
NXENT_INLINE double greatest_lane(D a) {
    for (int half = 4; half > 0; half /= 2)
        for (int i = 0; i < half; ++i) a.v[i] = _mm_max_pd(a.v[i], a.v[i + half]);
    return _mm_cvtsd_f64(_mm_max_sd(a.v[0], _mm_unpackhi_pd(a.v[0], a.v[0])));
}
NXENT_INLINE D widen(F a) {
    return map_doubles([&](int i) { return i % 2 == 0 ? widen_low(a.v[i / 2]) : widen_high(a.v[i / 2]); });
}
NXENT_INLINE F narrow(D a) {
    return map([&](int i) { return narrow_pair(a.v[2 * i], a.v[2 * i + 1]); });
}
NXENT_INLINE D add_widened(D sum, F a) { return add(sum, widen(a)); }
NXENT_INLINE double sum_lanes(D a) {
    for (int half = 4; half > 0; half /= 2)
        for (int i = 0; i < half; ++i) a.v[i] = _mm_add_pd(a.v[i], a.v[i + half]);
    return _mm_cvtsd_f64(_mm_add_sd(a.v[0], _mm_unpackhi_pd(a.v[0], a.v[0])));
}

}  // namespace
}  // namespace NXENT_TARGET
}  // namespace nxent
