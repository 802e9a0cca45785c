// SPDX-License-Identifier: MIT
//
// Four numbers a stride apart, for both vector abstractions on x86. Gathers and scatters of AVX2 and AVX-512 are slower than
// single elements on AMD's processors.
#pragma once

#include <immintrin.h>

#include "../compiler.h"

namespace nxent {
namespace NXENT_TARGET {
namespace {

NXENT_INLINE __m128 load_four_apart(const float* p, size_t stride) {
    __m128 v = _mm_load_ss(p);
    v = _mm_insert_ps(v, _mm_load_ss(p + stride), 0x10);
    v = _mm_insert_ps(v, _mm_load_ss(p + 2 * stride), 0x20);
    return _mm_insert_ps(v, _mm_load_ss(p + 3 * stride), 0x30);
}
NXENT_INLINE void store_four_apart(float* p, size_t stride, __m128 v) {
    _mm_store_ss(p, v);
    _mm_store_ss(p + stride, _mm_movehdup_ps(v));
    _mm_store_ss(p + 2 * stride, _mm_movehl_ps(v, v));
    _mm_store_ss(p + 3 * stride, _mm_permute_ps(v, 3));
}
NXENT_INLINE __m256d load_four_apart(const double* p, size_t stride) {
    const __m128d low = _mm_loadh_pd(_mm_load_sd(p), p + stride);
    const __m128d high = _mm_loadh_pd(_mm_load_sd(p + 2 * stride), p + 3 * stride);
    return _mm256_insertf128_pd(_mm256_castpd128_pd256(low), high, 1);
}
NXENT_INLINE void store_four_apart(double* p, size_t stride, __m256d v) {
    const __m128d low = _mm256_castpd256_pd128(v), high = _mm256_extractf128_pd(v, 1);
    _mm_storel_pd(p, low);
    _mm_storeh_pd(p + stride, low);
    _mm_storel_pd(p + 2 * stride, high);
    _mm_storeh_pd(p + 3 * stride, high);
}

}  // namespace
}  // namespace NXENT_TARGET
}  // namespace nxent
