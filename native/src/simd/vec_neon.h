// SPDX-License-Identifier: MIT
//
// The vector abstraction on NEON (arm64): sixteen float lanes in four registers. vec_scalar.h says what each operation
// means.
#pragma once

#include <arm_neon.h>

#include "../compiler.h"

namespace nxent {
namespace NXENT_TARGET {
namespace {

constexpr int kLanes = 16;
// How many vectors a kernel works on together where it can.
constexpr int kTogether = 2;

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

NXENT_INLINE F set(float x) {
    return map([&](int) { return vdupq_n_f32(x); });
}
NXENT_INLINE F load(const float* p) {
    return map([&](int i) { return vld1q_f32(p + 4 * i); });
}
NXENT_INLINE void store(float* p, F a) {
    for (int i = 0; i < 4; ++i) vst1q_f32(p + 4 * i, a.v[i]);
}
// NEON has no masked access: partial vectors go through memory of our own.
NXENT_INLINE F load_partial(const float* p, size_t count, float other) {
    float lanes[kLanes];
    for (size_t i = 0; i < kLanes; ++i) lanes[i] = i < count ? p[i] : other;
    return load(lanes);
}
NXENT_INLINE void store_partial(float* p, F a, size_t count) {
    float lanes[kLanes];
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
NXENT_INLINE F power_of_two(F a) {
    return map([&](int i) { return vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_f32(a.v[i]), 23)); });
}
NXENT_INLINE F replace_lane(F a, size_t lane, float value) {
    float lanes[kLanes];
    store(lanes, a);
    lanes[lane] = value;
    return load(lanes);
}
NXENT_INLINE float greatest_lane(F a) {
    return vmaxvq_f32(vmaxq_f32(vmaxq_f32(a.v[0], a.v[1]), vmaxq_f32(a.v[2], a.v[3])));
}

NXENT_INLINE D zero_doubles() {
    const float64x2_t zero = vdupq_n_f64(0);
    return {{zero, zero, zero, zero, zero, zero, zero, zero}};
}
NXENT_INLINE D add_widened(D sum, F a) {
    for (int i = 0; i < 4; ++i) {
        sum.v[2 * i] = vaddq_f64(sum.v[2 * i], vcvt_f64_f32(vget_low_f32(a.v[i])));
        sum.v[2 * i + 1] = vaddq_f64(sum.v[2 * i + 1], vcvt_high_f64_f32(a.v[i]));
    }
    return sum;
}
NXENT_INLINE double sum_lanes(D a) {
    for (int half = 4; half > 0; half /= 2)
        for (int i = 0; i < half; ++i) a.v[i] = vaddq_f64(a.v[i], a.v[i + half]);
    return vgetq_lane_f64(a.v[0], 0) + vgetq_lane_f64(a.v[0], 1);
}

}  // namespace
}  // namespace NXENT_TARGET
}  // namespace nxent
