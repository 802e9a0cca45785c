// SPDX-License-Identifier: MIT
//
// The four element types, as the IEEE 754 formats they are. Every value of them is a double.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quad.h"

namespace nxent_oracle {

struct Type {
    const char* name;
    int element_type;  // an nxent_element_type
    size_t size;
    int mantissa;      // bits, the leading one included
    int min_exponent;  // of the smallest normal number
    int max_exponent;  // of the greatest number
    bool flushes;      // results below the smallest normal number are 0
    uint64_t nan;      // the canonical one's bits

    double smallest_normal() const;
    double greatest() const;
};

extern const Type kTypes[4];
const Type& type_named(const char* name);  // null name: none; exits on an unknown one

// Rounds to nearest even, to a subnormal number or infinity where the type has nothing nearer.
double rounded(const Type& type, Quad value);

uint64_t bits_of(const Type& type, double value);  // of a value of the type; any NaN is the canonical one
double value_of(const Type& type, uint64_t bits);

void store(const Type& type, void* array, size_t index, double value);
uint64_t load_bits(const Type& type, const void* array, size_t index);
inline double load(const Type& type, const void* array, size_t index) {
    return value_of(type, load_bits(type, array, index));
}

// The distance between neighbours at a magnitude.
Quad ulp(const Type& type, Quad value);

}  // namespace nxent_oracle
