// SPDX-License-Identifier: MIT
#define NXENT_TARGET avx512
#include "simd/vec_avx512.h"
#include "operations-inl.h"

namespace nxent_test {
constexpr VectorOperations vectors_avx512 = nxent::avx512::vector_operations("avx512");
}
