// SPDX-License-Identifier: MIT
#define NXENT_TARGET neon
#include "../simd/vec_neon.h"
#include "../kernels/softmax_cross_entropy-inl.h"

namespace nxent {
const Kernels kernels_neon = {"neon", neon::softmax_cross_entropy};
}
