// SPDX-License-Identifier: MIT
#define NXENT_TARGET sse2
#include "simd/vec_sse2.h"
#include "operations-inl.h"

namespace nxent_test {
constexpr VectorOperations vectors_sse2 = nxent::sse2::vector_operations("sse2");
}
