// SPDX-License-Identifier: MIT
#define NXENT_TARGET sse2
#include "../simd/vec_sse2.h"
#include "../kernels/all-inl.h"

namespace nxent {
const Kernels kernels_sse2 = NXENT_KERNELS("sse2");
}
