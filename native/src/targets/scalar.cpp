// SPDX-License-Identifier: MIT
#define NXENT_TARGET scalar
#include "../simd/vec_scalar.h"
#include "../kernels/softmax_cross_entropy-inl.h"

namespace nxent {
const Kernels kernels_scalar = {"scalar", scalar::softmax_cross_entropy};
}
