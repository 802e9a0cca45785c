// SPDX-License-Identifier: MIT
//
// The fused multiply-add of one float, in software where the target has no instruction.
#pragma once

#include "../compiler.h"

namespace nxent {
namespace NXENT_TARGET {
namespace {

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

}  // namespace
}  // namespace NXENT_TARGET
}  // namespace nxent
