// SPDX-License-Identifier: MIT
#define NXENT_TARGET neon
#include "simd/vec_neon.h"
#include "operations-inl.h"

namespace nxent_test {
constexpr VectorOperations vectors_neon = nxent::neon::vector_operations("neon");
}
