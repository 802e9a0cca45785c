// SPDX-License-Identifier: MIT
//
// Every kernel, and the table of them that a target defines.
#pragma once

#include "matrix_product-inl.h"
#include "sigmoid_cross_entropy-inl.h"
#include "softmax-inl.h"
#include "softmax_cross_entropy-inl.h"

#define NXENT_KERNELS(isa)                                                                                             \
    {                                                                                                                  \
        isa, NXENT_TARGET::softmax_cross_entropy, NXENT_TARGET::softmax_cross_entropy_part, NXENT_TARGET::log_softmax, \
            NXENT_TARGET::softmax_backward, NXENT_TARGET::sigmoid_cross_entropy, NXENT_TARGET::matrix_product,         \
            NXENT_TARGET::column_sums                                                                                  \
    }
