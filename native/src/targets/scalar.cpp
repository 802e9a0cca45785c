// SPDX-License-Identifier: MIT
#define NXENT_TARGET scalar
#define NXENT_NO_VECTORS 1
#include "../simd/vec_scalar.h"
#include "../kernels/all-inl.h"

namespace nxent {
const Kernels kernels_scalar = NXENT_KERNELS("scalar");
}
