// SPDX-License-Identifier: MIT
#define NXENT_TARGET scalar
#include "simd/vec_scalar.h"
#include "operations-inl.h"

namespace nxent_test {
constexpr VectorOperations vectors_scalar = nxent::scalar::vector_operations("scalar");
}
