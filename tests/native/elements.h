// SPDX-License-Identifier: MIT
//
// The element types, by their definitions: what numbers their bits mean, and which bits a number rounds to.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "nativexent/nativexent.h"

namespace nxent_test {

enum class Type : int32_t {
    Float32 = NXENT_FLOAT32,
    Float64 = NXENT_FLOAT64,
    Float16 = NXENT_FLOAT16,
    BFloat16 = NXENT_BFLOAT16
};
constexpr Type kTypes[] = {Type::Float32, Type::Float64, Type::Float16, Type::BFloat16};

inline const char* name_of(Type type) {
    constexpr const char* kNames[] = {"float32", "float64", "float16", "bfloat16"};
    return kNames[static_cast<size_t>(type)];
}

// An IEEE 754 binary format.
struct Format {
    size_t size;    // in bytes
    int fraction;   // bits after the leading one
    int min_power;  // of the smallest normal number
    uint64_t canonical_nan;
};
inline const Format& format_of(Type type) {
    static constexpr Format kFormats[] = {
        {4, 23, -126, 0x7fc00000}, {8, 52, -1022, 0x7ff8000000000000}, {2, 10, -14, 0x7e00}, {2, 7, -126, 0x7fc0}};
    return kFormats[static_cast<size_t>(type)];
}
inline size_t size_of(Type type) { return format_of(type).size; }
inline uint64_t sign_of(Type type) { return uint64_t{1} << (8 * size_of(type) - 1); }
inline uint64_t infinity_bits(Type type) {
    return (sign_of(type) - 1) >> format_of(type).fraction << format_of(type).fraction;
}
inline bool is_nan(Type type, uint64_t bits) { return (bits & (sign_of(type) - 1)) > infinity_bits(type); }
inline bool is_subnormal(Type type, uint64_t bits) {
    const uint64_t magnitude = bits & (sign_of(type) - 1);
    return magnitude != 0 && magnitude >> format_of(type).fraction == 0;
}

// Exact.
inline double value_of(Type type, uint64_t bits) {
    const Format& f = format_of(type);
    if (type == Type::Float64) return std::bit_cast<double>(bits);
    if (is_nan(type, bits)) return std::numeric_limits<double>::quiet_NaN();
    const uint64_t magnitude = bits & (sign_of(type) - 1);
    const int exponent = static_cast<int>(magnitude >> f.fraction);
    const uint64_t fraction = magnitude & ((uint64_t{1} << f.fraction) - 1);
    double value;
    if (magnitude == infinity_bits(type))
        value = std::numeric_limits<double>::infinity();
    else if (exponent == 0)
        value = std::ldexp(static_cast<double>(fraction), f.min_power - f.fraction);
    else
        value = std::ldexp(static_cast<double>(fraction | uint64_t{1} << f.fraction),
                           f.min_power - f.fraction + exponent - 1);
    return bits & sign_of(type) ? -value : value;
}

// To nearest even; overflow gives infinity, any NaN the canonical one.
inline uint64_t bits_of(Type type, double value) {
    const Format& f = format_of(type);
    if (std::isnan(value)) return f.canonical_nan;
    if (type == Type::Float64) return std::bit_cast<uint64_t>(value);
    const uint64_t sign = std::signbit(value) ? sign_of(type) : 0;
    value = std::fabs(value);
    if (std::isinf(value)) return sign | infinity_bits(type);
    int power = value == 0 ? f.min_power : std::ilogb(value);
    if (power < f.min_power) power = f.min_power;
    // In units of the last place; what reaches the next power of two carries into the exponent by itself.
    const uint64_t units = static_cast<uint64_t>(std::nearbyint(std::ldexp(value, f.fraction - power)));
    const uint64_t bits = (static_cast<uint64_t>(power - f.min_power) << f.fraction) + units;
    return sign | (bits < infinity_bits(type) ? bits : infinity_bits(type));
}

// As the operations round: no subnormal result but in float16, no −0, no NaN but the canonical one.
inline uint64_t result_bits_of(Type type, double value) {
    const uint64_t bits = bits_of(type, value);
    return (type != Type::Float16 && is_subnormal(type, bits)) || bits == sign_of(type) ? 0 : bits;
}

// Bits of elements of one type.
using Bits = std::vector<uint64_t>;

inline Bits converted(Type from, const Bits& bits, Type to) {
    Bits result(bits.size());
    for (size_t i = 0; i < bits.size(); ++i) result[i] = bits_of(to, value_of(from, bits[i]));
    return result;
}
inline Bits converted_results(Type from, const Bits& bits, Type to) {
    Bits result(bits.size());
    for (size_t i = 0; i < bits.size(); ++i) result[i] = result_bits_of(to, value_of(from, bits[i]));
    return result;
}

}  // namespace nxent_test
