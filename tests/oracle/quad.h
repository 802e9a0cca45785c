// SPDX-License-Identifier: MIT
//
// Quadruple precision: 113 bits of mantissa and 15 of exponent. What the oracle computes in.
#pragma once

#include <cfloat>
#include <cmath>

#if LDBL_MANT_DIG != 113
#include <quadmath.h>
#endif

namespace nxent_oracle {

#if LDBL_MANT_DIG == 113
using Quad = long double;
inline Quad quad_exp(Quad x) { return std::exp(x); }
inline Quad quad_log1p(Quad x) { return std::log1p(x); }
inline Quad quad_tanh(Quad x) { return std::tanh(x); }
inline int quad_exponent(Quad x) { return std::ilogb(x); }
inline Quad quad_ldexp(Quad x, int n) { return std::ldexp(x, n); }
inline Quad quad_rint(Quad x) { return std::nearbyint(x); }
#else
__extension__ typedef __float128 Quad;
inline Quad quad_exp(Quad x) { return expq(x); }
inline Quad quad_log1p(Quad x) { return log1pq(x); }
inline Quad quad_tanh(Quad x) { return tanhq(x); }
inline int quad_exponent(Quad x) { return ilogbq(x); }
inline Quad quad_ldexp(Quad x, int n) { return ldexpq(x, n); }
inline Quad quad_rint(Quad x) { return nearbyintq(x); }
#endif

inline bool is_nan(Quad x) { return x != x; }
inline Quad absolute(Quad x) { return x < 0 ? -x : x; }
inline Quad larger(Quad a, Quad b) { return a > b ? a : b; }
inline Quad infinity() { return static_cast<Quad>(HUGE_VAL); }
inline Quad not_a_number() { return static_cast<Quad>(NAN); }
inline bool is_finite(Quad x) { return absolute(x) < infinity(); }

}  // namespace nxent_oracle
