// SPDX-License-Identifier: MIT
#define NXENT_TARGET avx2
#include "simd/vec_avx2.h"
#include "operations-inl.h"

namespace nxent_test {
constexpr VectorOperations vectors_avx2 = nxent::avx2::vector_operations("avx2");
}
