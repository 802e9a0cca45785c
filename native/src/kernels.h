// SPDX-License-Identifier: MIT
//
// What lies between the exported functions and the kernels: checked arguments, and a table per instruction set.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace nxent {

// A checked request: every pointer, stride and range is sound. Labels outside [0, classes) select no class.
struct SoftmaxCrossEntropyJob {
    const float* logits;
    size_t logits_stride;
    const int32_t* labels;
    float* grad;
    size_t grad_stride;
    float* loss;  // or null
    size_t classes;
    size_t row_begin;
    size_t row_end;
};

struct Kernels {
    const char* isa;
    void (*softmax_cross_entropy)(const SoftmaxCrossEntropyJob&);
};

extern const Kernels kernels_scalar;
extern const Kernels kernels_avx2;
extern const Kernels kernels_avx512;
extern const Kernels kernels_neon;

}  // namespace nxent
