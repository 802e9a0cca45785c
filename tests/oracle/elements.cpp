// SPDX-License-Identifier: MIT
#include "elements.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace nxent_oracle {

const Type kTypes[4] = {
    {"f32", 0, 4, 24, -126, 127, true, 0x7fc00000u},
    {"f64", 1, 8, 53, -1022, 1023, true, 0x7ff8000000000000u},
    {"f16", 2, 2, 11, -14, 15, false, 0x7e00u},
    {"bf16", 3, 2, 8, -126, 127, true, 0x7fc0u},
};

const Type& type_named(const char* name) {
    for (const Type& type : kTypes)
        if (std::strcmp(type.name, name) == 0) return type;
    std::fprintf(stderr, "There is no element type '%s': f32, f64, f16, bf16.\n", name);
    std::exit(2);
}

double Type::smallest_normal() const { return std::ldexp(1.0, min_exponent); }
double Type::greatest() const { return std::ldexp(2 - std::ldexp(1.0, 1 - mantissa), max_exponent); }

Quad ulp(const Type& type, Quad value) {
    const Quad magnitude = absolute(value);
    int exponent = magnitude == 0 ? type.min_exponent : quad_exponent(magnitude);
    if (exponent < type.min_exponent) exponent = type.min_exponent;
    if (exponent > type.max_exponent) exponent = type.max_exponent;
    return quad_ldexp(1, exponent - (type.mantissa - 1));
}

double rounded(const Type& type, Quad value) {
    if (is_nan(value)) return NAN;
    if (!is_finite(value)) return value > 0 ? HUGE_VAL : -HUGE_VAL;
    const Quad step = ulp(type, value);
    const Quad result = quad_rint(value / step) * step;
    if (absolute(result) > static_cast<Quad>(type.greatest())) return value > 0 ? HUGE_VAL : -HUGE_VAL;
    return result == 0 && value < 0 ? -0.0 : static_cast<double>(result);
}

uint64_t bits_of(const Type& type, double value) {
    if (value != value) return type.nan;
    const int total = static_cast<int>(type.size) * 8;
    const uint64_t sign = std::signbit(value) ? uint64_t{1} << (total - 1) : 0;
    const int stored = type.mantissa - 1;
    const int exponents = type.max_exponent - type.min_exponent + 1;
    const double magnitude = std::fabs(value);
    if (magnitude == HUGE_VAL) return sign | static_cast<uint64_t>(exponents + 1) << stored;
    if (magnitude == 0) return sign;
    int exponent = std::ilogb(magnitude);
    if (exponent < type.min_exponent) exponent = type.min_exponent;
    // With the leading bit where it is 1; a subnormal number has none, and a field of 0.
    const uint64_t mantissa = static_cast<uint64_t>(std::ldexp(magnitude, stored - exponent));
    const uint64_t field = static_cast<uint64_t>(exponent - type.min_exponent);
    return sign | ((field << stored) + mantissa);
}

double value_of(const Type& type, uint64_t bits) {
    const int total = static_cast<int>(type.size) * 8;
    const int stored = type.mantissa - 1;
    const bool negative = bits >> (total - 1) & 1;
    const uint64_t mantissa = bits & ((uint64_t{1} << stored) - 1);
    const int exponents = type.max_exponent - type.min_exponent + 1;
    const int field = static_cast<int>(bits >> stored & ((uint64_t{1} << (total - 1 - stored)) - 1));
    double magnitude;
    if (field > exponents)
        magnitude = mantissa == 0 ? HUGE_VAL : NAN;
    else if (field == 0)
        magnitude = std::ldexp(static_cast<double>(mantissa), type.min_exponent - stored);
    else
        magnitude =
            std::ldexp(static_cast<double>(mantissa | uint64_t{1} << stored), field - 1 + type.min_exponent - stored);
    return negative ? -magnitude : magnitude;
}

void store(const Type& type, void* array, size_t index, double value) {
    const uint64_t bits = bits_of(type, value);
    char* place = static_cast<char*>(array) + index * type.size;
    if (type.size == 8) {
        std::memcpy(place, &bits, 8);
    } else if (type.size == 4) {
        const uint32_t narrow = static_cast<uint32_t>(bits);
        std::memcpy(place, &narrow, 4);
    } else {
        const uint16_t narrow = static_cast<uint16_t>(bits);
        std::memcpy(place, &narrow, 2);
    }
}

uint64_t load_bits(const Type& type, const void* array, size_t index) {
    const char* place = static_cast<const char*>(array) + index * type.size;
    if (type.size == 8) {
        uint64_t bits;
        std::memcpy(&bits, place, 8);
        return bits;
    }
    if (type.size == 4) {
        uint32_t bits;
        std::memcpy(&bits, place, 4);
        return bits;
    }
    uint16_t bits;
    std::memcpy(&bits, place, 2);
    return bits;
}

}  // namespace nxent_oracle
