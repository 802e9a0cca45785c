// SPDX-License-Identifier: MIT
#define NXENT_TARGET neon
#include "../simd/vec_neon.h"
#include "../kernels/all-inl.h"

namespace nxent {
const Kernels kernels_neon = NXENT_KERNELS("neon");
}
