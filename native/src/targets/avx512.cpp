// SPDX-License-Identifier: MIT
#define NXENT_TARGET avx512
#include "../simd/vec_avx512.h"
#include "../kernels/softmax_cross_entropy-inl.h"

namespace nxent {
const Kernels kernels_avx512 = {"avx512", avx512::softmax_cross_entropy};
}
