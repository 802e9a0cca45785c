// SPDX-License-Identifier: MIT
//
// The vector abstraction on NEON (arm64): sixteen float lanes in four registers. vec_scalar.h says what each operation
// means.
#pragma once

#include <arm_neon.h>

#include "../compiler.h"
#include "../elements.h"

namespace nxent {
namespace NXENT_TARGET {
namespace {

constexpr int kLanes = 16;
constexpr bool kFuses = true;

struct F {
    float32x4_t v[4];
};
struct D {
    float64x2_t v[8];
};

template <class Op>
NXENT_INLINE F map(Op op) {
    return {{op(0), op(1), op(2), op(3)}};
}
template <class Op>
NXENT_INLINE D map_doubles(Op op) {
    return {{op(0), op(1), op(2), op(3), op(4), op(5), op(6), op(7)}};
}

NXENT_INLINE F set(float x) {
    return map([&](int) { return vdupq_n_f32(x); });
}
NXENT_INLINE F load(const float* p) {
    return map([&](int i) { return vld1q_f32(p + 4 * i); });
}
NXENT_INLINE uint16x4_t load_four(const void* p) { return vld1_u16(static_cast<const uint16_t*>(p)); }
// Neither conversion of Half heeds the mode for subnormal floats.
NXENT_INLINE F load(const Half* p) {
    return map([&](int i) { return vcvt_f32_f16(vreinterpret_f16_u16(load_four(p + 4 * i))); });
}
NXENT_INLINE F load(const BFloat16* p) {
    return map([&](int i) { return vreinterpretq_f32_u32(vshlq_n_u32(vmovl_u16(load_four(p + 4 * i)), 16)); });
}
NXENT_INLINE void store(float* p, F a) {
    for (int i = 0; i < 4; ++i) vst1q_f32(p + 4 * i, a.v[i]);
}
NXENT_INLINE void store_four(void* p, uint16x4_t bits) { vst1_u16(static_cast<uint16_t*>(p), bits); }
NXENT_INLINE void store(Half* p, F a) {
    for (int i = 0; i < 4; ++i) store_four(p + 4 * i, vreinterpret_u16_f16(vcvt_f16_f32(a.v[i])));
}
// The upper halves of the lanes, rounded. The canonical NaN, the only one there is, stays itself.
NXENT_INLINE uint16x4_t narrow_bfloat16(float32x4_t a) {
    const uint32x4_t bits = vreinterpretq_u32_f32(a);
    const uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    return vshrn_n_u32(vaddq_u32(vaddq_u32(bits, vdupq_n_u32(0x7fff)), odd), 16);
}
NXENT_INLINE void store(BFloat16* p, F a) {
    for (int i = 0; i < 4; ++i) store_four(p + 4 * i, narrow_bfloat16(a.v[i]));
}
// NEON has no masked access: partial vectors go through memory of our own.
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
    return map([&](int i) { return vaddq_f32(a.v[i], b.v[i]); });
}
NXENT_INLINE F sub(F a, F b) {
    return map([&](int i) { return vsubq_f32(a.v[i], b.v[i]); });
}
NXENT_INLINE F mul(F a, F b) {
    return map([&](int i) { return vmulq_f32(a.v[i], b.v[i]); });
}
NXENT_INLINE F fma(F a, F b, F c) {
    return map([&](int i) { return vfmaq_f32(c.v[i], a.v[i], b.v[i]); });
}
NXENT_INLINE F fnma(F a, F b, F c) {
    return map([&](int i) { return vfmsq_f32(c.v[i], a.v[i], b.v[i]); });
}
// Not vmaxq_f32, which differs in NaN.
NXENT_INLINE F greater(F a, F b) {
    return map([&](int i) { return vbslq_f32(vcgtq_f32(a.v[i], b.v[i]), a.v[i], b.v[i]); });
}
NXENT_INLINE F zero_below(F a, F limit) {
    return map([&](int i) {
        return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(a.v[i]), vcgeq_f32(a.v[i], limit.v[i])));
    });
}
NXENT_INLINE F select_below(F a, F b, F x, F y) {
    return map([&](int i) { return vbslq_f32(vcltq_f32(a.v[i], b.v[i]), x.v[i], y.v[i]); });
}
NXENT_INLINE F power_of_two(F a) {
    return map([&](int i) { return vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_f32(a.v[i]), 23)); });
}
NXENT_INLINE F load_column(const float* p, size_t stride) {
    F r;
    for (int i = 0; i < 4; ++i, p += 4 * stride) {
        float32x4_t v = vdupq_n_f32(0);
        v = vld1q_lane_f32(p, v, 0);
        v = vld1q_lane_f32(p + stride, v, 1);
        v = vld1q_lane_f32(p + 2 * stride, v, 2);
        r.v[i] = vld1q_lane_f32(p + 3 * stride, v, 3);
    }
    return r;
}
NXENT_INLINE void store_column(float* p, size_t stride, F a) {
    for (int i = 0; i < 4; ++i, p += 4 * stride) {
        vst1q_lane_f32(p, a.v[i], 0);
        vst1q_lane_f32(p + stride, a.v[i], 1);
        vst1q_lane_f32(p + 2 * stride, a.v[i], 2);
        vst1q_lane_f32(p + 3 * stride, a.v[i], 3);
    }
}
NXENT_INLINE F load_quarters(const float* p, size_t stride) {
    return map([&](int i) { return vld1q_f32(p + static_cast<size_t>(i) * stride); });
}
NXENT_INLINE void store_quarters(float* p, size_t stride, F a) {
    for (size_t i = 0; i < 4; ++i) vst1q_f32(p + i * stride, a.v[i]);
}
NXENT_INLINE float32x4_t first_pairs(float32x4_t a, float32x4_t b) {
    return vreinterpretq_f32_f64(vtrn1q_f64(vreinterpretq_f64_f32(a), vreinterpretq_f64_f32(b)));
}
NXENT_INLINE float32x4_t second_pairs(float32x4_t a, float32x4_t b) {
    return vreinterpretq_f32_f64(vtrn2q_f64(vreinterpretq_f64_f32(a), vreinterpretq_f64_f32(b)));
}
NXENT_INLINE void transpose_quarters(F& a, F& b, F& c, F& d) {
    for (int i = 0; i < 4; ++i) {
        const float32x4_t ab_even = vtrn1q_f32(a.v[i], b.v[i]), ab_odd = vtrn2q_f32(a.v[i], b.v[i]);
        const float32x4_t cd_even = vtrn1q_f32(c.v[i], d.v[i]), cd_odd = vtrn2q_f32(c.v[i], d.v[i]);
        a.v[i] = first_pairs(ab_even, cd_even);
        b.v[i] = first_pairs(ab_odd, cd_odd);
        c.v[i] = second_pairs(ab_even, cd_even);
        d.v[i] = second_pairs(ab_odd, cd_odd);
    }
}
alignas(64) constexpr uint32_t kLaneNumbers[kLanes] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
NXENT_INLINE F replace_lane(F a, size_t lane, float value) {
    const uint32x4_t wanted = vdupq_n_u32(static_cast<uint32_t>(lane));
    F r;
    for (int i = 0; i < 4; ++i)
        r.v[i] = vbslq_f32(vceqq_u32(vld1q_u32(kLaneNumbers + 4 * i), wanted), vdupq_n_f32(value), a.v[i]);
    return r;
}
NXENT_INLINE float greatest_lane(F a) {
    return vmaxvq_f32(vmaxq_f32(vmaxq_f32(a.v[0], a.v[1]), vmaxq_f32(a.v[2], a.v[3])));
}
NXENT_INLINE uint32_t equal_lanes(F a, F b) {
    uint32_t bits = 0;
    for (int i = 0; i < 4; ++i) {
        const uint32x4_t lanes = vshlq_u32(vdupq_n_u32(1), vreinterpretq_s32_u32(vld1q_u32(kLaneNumbers + 4 * i)));
        bits += vaddvq_u32(vandq_u32(vceqq_f32(a.v[i], b.v[i]), lanes));
    }
    return bits;
}

NXENT_INLINE D zero_doubles() {
    const float64x2_t zero = vdupq_n_f64(0);
    return {{zero, zero, zero, zero, zero, zero, zero, zero}};
}
NXENT_INLINE D set(double x) {
    return map_doubles([&](int) { return vdupq_n_f64(x); });
}
NXENT_INLINE D load(const double* p) {
    return map_doubles([&](int i) { return vld1q_f64(p + 2 * i); });
}
NXENT_INLINE void store(double* p, D a) {
    for (int i = 0; i < 8; ++i) vst1q_f64(p + 2 * i, a.v[i]);
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
    return map_doubles([&](int i) { return vaddq_f64(a.v[i], b.v[i]); });
}
NXENT_INLINE D sub(D a, D b) {
    return map_doubles([&](int i) { return vsubq_f64(a.v[i], b.v[i]); });
}
NXENT_INLINE D mul(D a, D b) {
    return map_doubles([&](int i) { return vmulq_f64(a.v[i], b.v[i]); });
}
NXENT_INLINE D div(D a, D b) {
    return map_doubles([&](int i) { return vdivq_f64(a.v[i], b.v[i]); });
}
NXENT_INLINE D greater(D a, D b) {
    return map_doubles([&](int i) { return vbslq_f64(vcgtq_f64(a.v[i], b.v[i]), a.v[i], b.v[i]); });
}
NXENT_INLINE D zero_below(D a, D limit) {
    return map_doubles([&](int i) {
        return vreinterpretq_f64_u64(vandq_u64(vreinterpretq_u64_f64(a.v[i]), vcgeq_f64(a.v[i], limit.v[i])));
    });
}
NXENT_INLINE D select_below(D a, D b, D x, D y) {
    return map_doubles([&](int i) { return vbslq_f64(vcltq_f64(a.v[i], b.v[i]), x.v[i], y.v[i]); });
}
NXENT_INLINE D power_of_two(D a) {
    return map_doubles([&](int i) { return vreinterpretq_f64_u64(vshlq_n_u64(vreinterpretq_u64_f64(a.v[i]), 52)); });
}
NXENT_INLINE D load_column(const double* p, size_t stride) {
    return map_doubles([&](int i) {
        const double* const q = p + static_cast<size_t>(2 * i) * stride;
        return vcombine_f64(vld1_f64(q), vld1_f64(q + stride));
    });
}
NXENT_INLINE void store_column(double* p, size_t stride, D a) {
    for (int i = 0; i < 8; ++i, p += 2 * stride) {
        vst1q_lane_f64(p, a.v[i], 0);
        vst1q_lane_f64(p + stride, a.v[i], 1);
    }
}
NXENT_INLINE D load_quarters(const double* p, size_t stride) {
    return map_doubles([&](int i) { return vld1q_f64(p + static_cast<size_t>(i / 2) * stride + 2 * (i % 2)); });
}
NXENT_INLINE void store_quarters(double* p, size_t stride, D a) {
    for (size_t i = 0; i < 8; ++i) vst1q_f64(p + i / 2 * stride + 2 * (i % 2), a.v[i]);
}
NXENT_INLINE void transpose_quarters(D& a, D& b, D& c, D& d) {
    for (int i = 0; i < 8; i += 2) {
        const float64x2_t a0 = a.v[i], b0 = b.v[i], c0 = c.v[i], d0 = d.v[i];
        const float64x2_t a1 = a.v[i + 1], b1 = b.v[i + 1], c1 = c.v[i + 1], d1 = d.v[i + 1];
        a.v[i] = vtrn1q_f64(a0, b0);
        a.v[i + 1] = vtrn1q_f64(c0, d0);
        b.v[i] = vtrn2q_f64(a0, b0);
        b.v[i + 1] = vtrn2q_f64(c0, d0);
        c.v[i] = vtrn1q_f64(a1, b1);
        c.v[i + 1] = vtrn1q_f64(c1, d1);
        d.v[i] = vtrn2q_f64(a1, b1);
        d.v[i + 1] = vtrn2q_f64(c1, d1);
    }
}
NXENT_INLINE D replace_lane(D a, size_t lane, double value) {
    const uint64x2_t wanted = vdupq_n_u64(lane);
    D r;
    for (int i = 0; i < 8; ++i)
        r.v[i] = vbslq_f64(vceqq_u64(vmovl_u32(vld1_u32(kLaneNumbers + 2 * i)), wanted), vdupq_n_f64(value), a.v[i]);
    return r;
}
NXENT_INLINE double greatest_lane(D a) {
    for (int half = 4; half > 0; half /= 2)
        for (int i = 0; i < half; ++i) a.v[i] = vmaxq_f64(a.v[i], a.v[i + half]);
    const double even = vgetq_lane_f64(a.v[0], 0), odd = vgetq_lane_f64(a.v[0], 1);
    return even > odd ? even : odd;
}
NXENT_INLINE uint32_t equal_lanes(D a, D b) {
    const auto equal = [&](int i) { return vmovn_u64(vceqq_f64(a.v[i], b.v[i])); };
    uint32_t bits = 0;
    for (int i = 0; i < 4; ++i) {
        const uint32x4_t lanes = vshlq_u32(vdupq_n_u32(1), vreinterpretq_s32_u32(vld1q_u32(kLaneNumbers + 4 * i)));
        bits += vaddvq_u32(vandq_u32(vcombine_u32(equal(2 * i), equal(2 * i + 1)), lanes));
    }
    return bits;
}
NXENT_INLINE D widen(F a) {
    return map_doubles(
        [&](int i) { return i % 2 == 0 ? vcvt_f64_f32(vget_low_f32(a.v[i / 2])) : vcvt_high_f64_f32(a.v[i / 2]); });
}
NXENT_INLINE F narrow(D a) {
    return map([&](int i) { return vcvt_high_f32_f64(vcvt_f32_f64(a.v[2 * i]), a.v[2 * i + 1]); });
}
NXENT_INLINE D add_widened(D sum, F a) { return add(sum, widen(a)); }
NXENT_INLINE double sum_lanes(D a) {
    for (int half = 4; half > 0; half /= 2)
        for (int i = 0; i < half; ++i) a.v[i] = vaddq_f64(a.v[i], a.v[i + half]);
    return vgetq_lane_f64(a.v[0], 0) + vgetq_lane_f64(a.v[0], 1);
}

}  // namespace
}  // namespace NXENT_TARGET
}  // namespace nxent
