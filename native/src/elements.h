// SPDX-License-Identifier: MIT
//
// Element types that C++ has no names for: their bits.
#pragma once

#include <stdint.h>

namespace nxent {

// IEEE 754 binary16.
struct Half {
    uint16_t bits;
};

// The upper half of a binary32.
struct BFloat16 {
    uint16_t bits;
};

}  // namespace nxent
