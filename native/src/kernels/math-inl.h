// SPDX-License-Identifier: MIT
//
// exp, log and tanh in double, for one number or for the sixteen lanes of D alike: plain IEEE operations in a fixed
// order, no fused ones, so that every compiler and the managed twin get the same bits. X is double or D.
#pragma once

#include "../compiler.h"

namespace nxent {
namespace NXENT_TARGET {
namespace {

NXENT_INLINE D operator+(D a, D b) { return add(a, b); }
NXENT_INLINE D operator-(D a, D b) { return sub(a, b); }
NXENT_INLINE D operator*(D a, D b) { return mul(a, b); }
NXENT_INLINE D operator/(D a, D b) { return div(a, b); }

// What D has, for one double.
NXENT_INLINE double greater(double a, double b) { return a > b ? a : b; }
NXENT_INLINE double select_below(double a, double b, double x, double y) { return a < b ? x : y; }
NXENT_INLINE double power_of_two(double a) { return bit_cast<double>(bit_cast<uint64_t>(a) << 52); }

// The same number in every lane.
template <class X>
NXENT_INLINE X all(double x) {
    if constexpr (sizeof(X) == sizeof(double))
        return x;
    else
        return set(x);
}

// |x|. A NaN stays one.
template <class X>
NXENT_INLINE X magnitude(X x) {
    return greater(x, all<X>(0.0) - x);
}

constexpr double kLog2E = 0x1.71547652b82fep+0;
// ln 2 in two parts: the high one has 33 bits, so that its product with any exponent below 2^20 is exact.
constexpr double kLn2High = 0x1.62e42feep-1;
constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
constexpr double kLn2 = 0x1.62e42fefa39efp-1;

// 1.5·2^52: adding it rounds a small double to an integer and leaves that integer in the low bits.
constexpr double kRoundDouble = 0x1.8p+52;

// The integer nearest to x·log2 e, for |x| < 2^20.
template <class X>
NXENT_INLINE X nearest_exponent(X x) {
    return (x * all<X>(kLog2E) + all<X>(kRoundDouble)) - all<X>(kRoundDouble);
}

// 2^n for an integer n up to 1023; 0 below −1022.
template <class X>
NXENT_INLINE X power_of_two_of(X n) {
    return select_below(n, all<X>(-1022.0), all<X>(0.0), power_of_two(n + all<X>(kRoundDouble + 1023.0)));
}

// x − n·ln 2 after Cody and Waite. The first step is exact for |n| < 2^20.
template <class X>
NXENT_INLINE X reduce(X x, X n) {
    return (x - n * all<X>(kLn2High)) - n * all<X>(kLn2Low);
}

// exp(r) − 1 for |r| ≤ 0.347, by the Taylor series to r^13 / 13!, in pairs (Estrin). The greatest terms are added last, so
// that the error is little more than the last rounding's.
template <class X>
NXENT_INLINE X expm1_reduced_beyond_r(X r) {
    const X r2 = r * r;
    const X r4 = r2 * r2;
    const X p23 = all<X>(0x1p-1) + r * all<X>(0x1.5555555555555p-3);
    const X p45 = all<X>(0x1.5555555555555p-5) + r * all<X>(0x1.1111111111111p-7);
    const X p67 = all<X>(0x1.6c16c16c16c17p-10) + r * all<X>(0x1.a01a01a01a01ap-13);
    const X p89 = all<X>(0x1.a01a01a01a01ap-16) + r * all<X>(0x1.71de3a556c734p-19);
    const X p1011 = all<X>(0x1.27e4fb7789f5cp-22) + r * all<X>(0x1.ae64567f544e4p-26);
    const X p1213 = all<X>(0x1.1eed8eff8d898p-29) + r * all<X>(0x1.6124613a86d09p-33);
    const X low = (p45 + r2 * p67) + r4 * (p89 + r2 * p1011 + r4 * p1213);
    return r2 * p23 + r4 * low;
}
template <class X>
NXENT_INLINE X expm1_reduced(X r) {
    return r + expm1_reduced_beyond_r(r);
}
template <class X>
NXENT_INLINE X exp_reduced(X r) {
    return all<X>(1.0) + expm1_reduced(r);
}

// 2^r − 1 for |r| ≤ 0.5 within a relative 2^-43, by a minimax polynomial of degree 9, from the highest power on. Even and
// odd powers side by side, so that half as many operations wait for one another.
constexpr double kExp2m1Polynomial[] = {0x1.b52527045f59ap-24, 0x1.63d0c507b4070p-20, 0x1.ffcca82f9eadcp-17,
                                        0x1.4308ace8a616dp-13, 0x1.5d87fe3122410p-10, 0x1.3b2ab717ea01dp-7,
                                        0x1.c6b08d706a2c9p-5,  0x1.ebfbdff823e78p-3,  0x1.62e42fefa39abp-1};
template <class X>
NXENT_INLINE X exp2m1_short(X r) {
    const X r2 = r * r;
    X even = all<X>(kExp2m1Polynomial[0]), odd = all<X>(kExp2m1Polynomial[1]);
    for (int i = 2; i < 9; i += 2) even = even * r2 + all<X>(kExp2m1Polynomial[i]);
    for (int i = 3; i < 9; i += 2) odd = odd * r2 + all<X>(kExp2m1Polynomial[i]);
    return (even + odd * r) * r;
}

// e^x for x ≤ 709. Below −708 the result is 0. NaN gives NaN. Largest error 1.4 ULP.
template <class X>
NXENT_INLINE X exp_wide(X x) {
    constexpr double kRound = kRoundDouble + 1023.0;
    const X within = greater(all<X>(-709.0), x);
    const X shifted = within * all<X>(kLog2E) + all<X>(kRound);
    const X p = exp_reduced(reduce(within, shifted - all<X>(kRound)));
    return select_below(x, all<X>(-708.0), all<X>(0.0), p * power_of_two(shifted));
}

// log(1 + f) for √½ − 1 ≤ f ≤ √2 − 1. With s = f / (2 + f) it is 2·atanh(s) = 2s + s·r, r = 2·(s²/3 + s⁴/5 + …), written
// so that f itself is the leading term, which no rounding has touched: f − (f²/2 − s·(f²/2 + r)).
template <class X>
NXENT_INLINE X log_near_one(X f) {
    const X s = f / (all<X>(2.0) + f);
    const X t = s * s;
    X q = all<X>(0x1.8618618618618p-5);        // 1/21
    q = q * t + all<X>(0x1.af286bca1af28p-5);  // 1/19
    q = q * t + all<X>(0x1.e1e1e1e1e1e1ep-5);  // 1/17
    q = q * t + all<X>(0x1.1111111111111p-4);  // 1/15
    q = q * t + all<X>(0x1.3b13b13b13b14p-4);  // 1/13
    q = q * t + all<X>(0x1.745d1745d1746p-4);  // 1/11
    q = q * t + all<X>(0x1.c71c71c71c71cp-4);  // 1/9
    q = q * t + all<X>(0x1.2492492492492p-3);  // 1/7
    q = q * t + all<X>(0x1.999999999999ap-3);  // 1/5
    q = q * t + all<X>(0x1.5555555555555p-2);  // 1/3
    const X half_square = all<X>(0.5) * f * f;
    return f - (half_square - s * (half_square + all<X>(2.0) * t * q));
}

// x = m·2^n with m in [√½, √2), for a positive, normal, finite x. x becomes m.
NXENT_INLINE double split_exponent(double& x) {
    const uint64_t bits = bit_cast<uint64_t>(x);
    const uint64_t offset = bits - 0x3fe6a09e667f3bcdu;
    const int64_t n = static_cast<int64_t>(offset) >> 52;
    x = bit_cast<double>(bits - (static_cast<uint64_t>(n) << 52));
    return static_cast<double>(n);
}
// By way of memory: vectors have no integers.
NXENT_INLINE D split_exponent(D& x) {
    alignas(64) double m[kLanes], n[kLanes];
    store(m, x);
    for (int i = 0; i < kLanes; ++i) n[i] = split_exponent(m[i]);
    x = load(m);
    return load(n);
}

// log(x + low) for a positive, normal, finite x and a low part far below it. Largest error 1.2 ULP.
template <class X>
NXENT_INLINE X log_wide(X x, X low) {
    X m = x;
    const X n = split_exponent(m);
    return n * all<X>(kLn2High) + (log_near_one(m - all<X>(1.0)) + (n * all<X>(kLn2Low) + low / x));
}

// log(1 + x) for a finite x ≥ 0. Largest error 1.7 ULP.
NXENT_INLINE double log1p_wide(double x) {
    if (x < 0.4) return log_near_one(x);
    const double sum = 1.0 + x;
    return log_wide(sum, x < 0x1p+53 ? x - (sum - 1.0) : 0.0);
}
NXENT_INLINE D log1p_wide(D x) {
    const D one = set(1.0), near = set(0.4), sum = one + x;
    const D low = select_below(x, set(0x1p+53), x - (sum - one), set(0.0));
    D m = sum;
    const D n = split_exponent(m);
    const D log = log_near_one(select_below(x, near, x, m - one));
    return select_below(x, near, log, n * set(kLn2High) + (log + (n * set(kLn2Low) + low / sum)));
}

// log(1 + x) for 0 ≤ x ≤ 1. From √2 − 1 on it is log 2 + log((1 + x) / 2). Largest error 1.7 ULP.
template <class X>
NXENT_INLINE X log1p_unit(X x) {
    const X limit = all<X>(0x1.a827999fcef32p-2);
    const X f = select_below(x, limit, x, all<X>(0.5) * (x - all<X>(1.0)));
    return log_near_one(f) + select_below(x, limit, all<X>(0.0), all<X>(kLn2));
}

// softcap·tanh(z·scale / softcap), and tanh's derivative. With t = exp(2·z·scale / softcap) they are
// softcap·(t − 1) / (t + 1) and 4t / (t + 1)². t − 1 is made of exp(r) − 1, so that nothing cancels near 0. Rows of V = F
// have them within a relative 2^-43.
template <class X>
struct Capped {
    X value, derivative;
};
// What z is multiplied with: t is exp() of that, or 2 to its power for rows of float.
NXENT_INLINE double softcap_slope(double scale, double softcap, bool is_short) {
    return is_short ? 2.0 * kLog2E * scale / softcap : 2.0 * scale / softcap;
}
// For rows of float in two steps, as many independent numbers of which as possible had better go through one before they go
// through the other: 2^n and t − 2^n, then what these come to. Beyond 2^±960, where the derivative is too small for any
// gradient, t is what it is there.
template <class X>
struct Capping {
    X rest, power;
};
template <class X>
NXENT_INLINE Capping<X> begin_softcap(X z, X slope) {
    constexpr double kRound = kRoundDouble + 1023.0;
    const X limit = all<X>(960.0), above = greater(all<X>(-960.0), z * slope);
    const X within = select_below(limit, above, limit, above);
    const X shifted = within + all<X>(kRound);
    const X power = power_of_two(shifted);
    return {exp2m1_short(within - (shifted - all<X>(kRound))) * power, power};
}
template <class X>
NXENT_INLINE Capped<X> finish_softcap(const Capping<X>& c, X half_softcap) {
    const X one = all<X>(1.0), t = c.rest + c.power, inverse = all<X>(2.0) / (t + one);
    return {(c.rest + (c.power - one)) * inverse * half_softcap, t * inverse * inverse};
}
template <class V, class X>
NXENT_INLINE Capped<X> soft_capped(X z, X slope, X half_softcap) {
    if constexpr (sizeof(V) == sizeof(F)) {
        return finish_softcap(begin_softcap(z, slope), half_softcap);
    } else {
        constexpr double kRound = kRoundDouble + 1023.0;
        const X one = all<X>(1.0), limit = all<X>(708.0);
        const X x = z * slope, above = greater(all<X>(-708.0), x);
        const X within = select_below(limit, above, limit, above);
        const X shifted = within * all<X>(kLog2E) + all<X>(kRound);
        const X p = expm1_reduced(reduce(within, shifted - all<X>(kRound)));
        const X power = power_of_two(shifted);
        const X t = (one + p) * power, inverse = all<X>(2.0) / (t + one);
        return {(p * power + (power - one)) * inverse * half_softcap,
                select_below(limit, magnitude(x), all<X>(0.0), t * inverse * inverse)};
    }
}

// A number in two parts, high + low, for sums whose rounding would show in a float64 result.
template <class X>
struct Pair {
    X high, low;
};

// Knuth's TwoSum: high + low is exactly a + b.
template <class X>
NXENT_INLINE void two_sum(X a, X b, X& high, X& low) {
    high = a + b;
    const X b_part = high - a;
    low = (a - (high - b_part)) + (b - b_part);
}

// a·b − high, where high = a·b rounded, exactly: Dekker's product, on factors split after Veltkamp.
template <class X>
NXENT_INLINE X product_error(X a, X b, X high) {
    const X split = all<X>(0x1.000002p+27);
    const X a_big = a * split, b_big = b * split;
    const X a1 = a_big - (a_big - a), b1 = b_big - (b_big - b);
    const X a2 = a - a1, b2 = b - b1;
    return ((a1 * b1 - high) + a1 * b2 + a2 * b1) + a2 * b2;
}

// e^(x.high + x.low)·2^-n in two parts, for the n nearest to x·log2 e, within 2^-55 of it.
NXENT_INLINE Pair<double> exp_of_reduced(Pair<double> x, double n) {
    Pair<double> r, p;
    two_sum(x.high - n * kLn2High, x.low - n * kLn2Low, r.high, r.low);
    two_sum(1.0, r.high, p.high, p.low);
    const double rest = expm1_reduced_beyond_r(r.high) + (p.low + (r.low + r.low * r.high));
    two_sum(p.high, rest, p.high, p.low);
    return p;
}

// e^(x.high + x.low)·2^power in two parts, for x from −2^20 to 0.35; 0 where it is below 2^-1022. NaN gives 0.
NXENT_INLINE Pair<double> exp_in_two_parts(Pair<double> x, double power) {
    const double n = nearest_exponent(x.high);
    if (!(n + power >= -1022.0)) return {0, 0};
    const Pair<double> p = exp_of_reduced(x, n);
    const double factor = power_of_two_of(n + power);
    // Where the low part could be subnormal it does not count.
    return {p.high * factor, n + power < -960.0 ? 0 : p.low * factor};
}

template <class X>
NXENT_INLINE Pair<X> operator+(Pair<X> a, Pair<X> b) {
    Pair<X> s;
    two_sum(a.high, b.high, s.high, s.low);
    const X low = s.low + (a.low + b.low);
    const X high = s.high + low;
    return {high, low - (high - s.high)};
}

// What sums of rows are made of: X for float32, Pair<X> for float64, X being double for one row or D for sixteen.
template <class Wide, class X>
NXENT_INLINE Wide wide(X x) {
    if constexpr (sizeof(Wide) == sizeof(X))
        return x;
    else
        return {x, all<X>(0.0)};
}
template <class X>
NXENT_INLINE X rounded(X x) {
    return x;
}
template <class X>
NXENT_INLINE X rounded(Pair<X> x) {
    return x.high + x.low;
}
template <class X>
NXENT_INLINE X times(X x, X factor) {
    return x * factor;
}
template <class X>
NXENT_INLINE Pair<X> times(Pair<X> x, X factor) {
    return {x.high * factor, x.low * factor};
}
// The second factor is a power of two or has a low part.
NXENT_INLINE Pair<double> times(Pair<double> x, Pair<double> factor) {
    const Pair<double> p = times(x, factor.high);
    if (!(factor.low < 0 || factor.low > 0)) return p;
    return {p.high, p.low + (product_error(x.high, factor.high, p.high) + x.high * factor.low)};
}
template <class X>
NXENT_INLINE X product(X a, X b) {
    return a * b;
}
template <class X>
NXENT_INLINE X product(Pair<X> a, Pair<X> b) {
    return a.high * b.high + (a.high * b.low + a.low * b.high);
}
template <class X>
NXENT_INLINE X quotient(X a, X b) {
    return a / b;
}
template <class X>
NXENT_INLINE X quotient(Pair<X> a, X b) {
    return a.high / b + a.low / b;
}
template <class X>
NXENT_INLINE X inverse(X x) {
    return all<X>(1.0) / x;
}
template <class X>
NXENT_INLINE Pair<X> inverse(Pair<X> x) {
    const X high = all<X>(1.0) / x.high;
    const X one = x.high * high;
    const X missing = (all<X>(1.0) - one) - product_error(x.high, high, one);
    return {high, (missing - x.low * high) * high};
}

}  // namespace
}  // namespace NXENT_TARGET
}  // namespace nxent
