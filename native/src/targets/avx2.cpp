// SPDX-License-Identifier: MIT
#define NXENT_TARGET avx2
#include "../simd/vec_avx2.h"
#include "../kernels/softmax_cross_entropy-inl.h"

namespace nxent {
const Kernels kernels_avx2 = {"avx2", avx2::softmax_cross_entropy};
}
