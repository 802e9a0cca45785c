// SPDX-License-Identifier: MIT
#define NXENT_TARGET avx512
#include "../simd/vec_avx512.h"
#include "../kernels/all-inl.h"

namespace nxent {
const Kernels kernels_avx512 = NXENT_KERNELS("avx512");
}
