// SPDX-License-Identifier: MIT
#define NXENT_TARGET avx2
#include "../simd/vec_avx2.h"
#include "../kernels/all-inl.h"

namespace nxent {
const Kernels kernels_avx2 = NXENT_KERNELS("avx2");
}
