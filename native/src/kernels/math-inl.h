// SPDX-License-Identifier: MIT
//
// exp and log in double, a row at a time: plain IEEE operations in a fixed order, no fused ones, so that every compiler
// and the managed twin get the same bits.
#pragma once

#include "../compiler.h"

namespace nxent {
namespace NXENT_TARGET {
namespace {

constexpr double kLog2E = 0x1.71547652b82fep+0;
// ln 2 in two parts: the high one has 33 bits, so that its product with any exponent is exact.
constexpr double kLn2High = 0x1.62e42feep-1;
constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
constexpr double kLn2 = 0x1.62e42fefa39efp-1;

// 1.5·2^52: adding it rounds a small double to an integer and leaves that integer in the low bits.
constexpr double kRoundDouble = 0x1.8p+52;

// 2^n for −1022 ≤ n ≤ 1023.
NXENT_INLINE double power_of_two(int64_t n) { return bit_cast<double>(static_cast<uint64_t>(n + 1023) << 52); }

// e^x for x ≤ 1. Below −708 the result is 0. NaN gives NaN. Largest error 3 ULP.
NXENT_INLINE double exp_double(double x) {
    if (x == 0) return 1;  // the same as below, and what a row of one block asks for
    if (x < -708.0) return 0;
    if (x != x) return x;
    const double shifted = x * kLog2E + kRoundDouble;
    const double n = shifted - kRoundDouble;
    const double r = (x - n * kLn2High) - n * kLn2Low;
    // Taylor series to r^12 / 12!, in pairs (Estrin), |r| ≤ 0.347.
    const double r2 = r * r;
    const double r4 = r2 * r2;
    const double p01 = 1.0 + r;
    const double p23 = 0x1p-1 + r * 0x1.5555555555555p-3;
    const double p45 = 0x1.5555555555555p-5 + r * 0x1.1111111111111p-7;
    const double p67 = 0x1.6c16c16c16c17p-10 + r * 0x1.a01a01a01a01ap-13;
    const double p89 = 0x1.a01a01a01a01ap-16 + r * 0x1.71de3a556c734p-19;
    const double p1011 = 0x1.27e4fb7789f5cp-22 + r * 0x1.ae64567f544e4p-26;
    const double p12 = 0x1.1eed8eff8d898p-29;
    const double low = (p45 + r2 * p67) + r4 * (p89 + r2 * p1011 + r4 * p12);
    const double p = p01 + (r2 * p23 + r4 * low);
    return p * power_of_two(static_cast<int64_t>(n));
}

// 2·atanh(s) = log((1 + s) / (1 − s)) for |s| ≤ 0.1716, by its Taylor series.
NXENT_INLINE double log_ratio(double s) {
    const double t = s * s;
    double q = 0x1.8618618618618p-5;   // 1/21
    q = q * t + 0x1.af286bca1af28p-5;  // 1/19
    q = q * t + 0x1.e1e1e1e1e1e1ep-5;  // 1/17
    q = q * t + 0x1.1111111111111p-4;  // 1/15
    q = q * t + 0x1.3b13b13b13b14p-4;  // 1/13
    q = q * t + 0x1.745d1745d1746p-4;  // 1/11
    q = q * t + 0x1.c71c71c71c71cp-4;  // 1/9
    q = q * t + 0x1.2492492492492p-3;  // 1/7
    q = q * t + 0x1.999999999999ap-3;  // 1/5
    q = q * t + 0x1.5555555555555p-2;  // 1/3
    return 2.0 * s + 2.0 * s * (t * q);
}

// log x for a positive, normal, finite x. Largest error 2 ULP.
NXENT_INLINE double log_double(double x) {
    const uint64_t bits = bit_cast<uint64_t>(x);
    // Splits x = m·2^k with m in [√½, √2).
    const uint64_t offset = bits - 0x3fe6a09e667f3bcdu;
    const int64_t k = static_cast<int64_t>(offset) >> 52;
    const double m = bit_cast<double>(bits - (static_cast<uint64_t>(k) << 52));
    const double n = static_cast<double>(k);
    return n * kLn2High + (log_ratio((m - 1.0) / (m + 1.0)) + n * kLn2Low);
}

// log(1 + x) for a finite x ≥ 0. Largest error 3 ULP.
NXENT_INLINE double log1p_double(double x) {
    if (x < 0.4) return log_ratio(x / (2.0 + x));
    return log_double(1.0 + x);
}

}  // namespace
}  // namespace NXENT_TARGET
}  // namespace nxent
