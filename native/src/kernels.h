// SPDX-License-Identifier: MIT
//
// What lies between the exported functions and the kernels: checked requests, and a table per instruction set.
#pragma once

#include "nativexent/nativexent.h"

namespace nxent {

enum class Target { Int32, Int64, Distribution, None };

// Rows of samples: see the header. Every pointer, stride and range of a request is sound, no stride is 0.
struct Rows {
    size_t classes;
    size_t inner;
    size_t begin;
    size_t end;
};

// Labels outside [0, classes) select no class.
struct SoftmaxCrossEntropyJob {
    int32_t element_type;
    Rows rows;
    const void* logits;  // or null, where only rows and weight are counted
    size_t logits_stride;
    Target target;
    const void* targets;
    size_t targets_stride;
    void* grad;  // or null
    size_t grad_stride;
    bool accumulate;
    bool ignores;
    bool counts_correct;
    bool sums;  // whether the totals of losses are wanted
    int64_t ignore_index;
    const double* class_weights;  // or null
    double class_weight_sum;      // the number of classes without them or smoothing
    const void* upstream;         // or null
    void* loss;                   // or null
    void* lse;                    // or null
    void* z_loss;                 // or null
    double label_smoothing;
    double z_loss_scale;
    double scale;
    double softcap;
    double grad_scale;
    void* workspace;        // or null
    size_t workspace_size;  // in bytes
};

// Of the job's one row, the blocks that begin in a range of classes.
struct RowPart {
    nxent_pass pass;
    size_t begin;
    size_t end;
    double* row_sums;
};

// The logarithm of a softmax. (A softmax is a cross-entropy's gradient without a target.)
struct LogSoftmaxJob {
    int32_t element_type;
    Rows rows;
    const void* logits;
    size_t logits_stride;
    void* output;
    size_t output_stride;
    void* lse;  // or null
};

struct SoftmaxBackwardJob {
    int32_t element_type;
    Rows rows;
    const void* output;
    size_t output_stride;
    const void* upstream;
    size_t upstream_stride;
    void* grad;
    size_t grad_stride;
    bool log;
    bool accumulate;
};

struct SigmoidCrossEntropyJob {
    int32_t element_type;
    size_t begin;
    size_t end;
    const void* logits;
    const void* targets;
    void* grad;  // or null
    void* loss;  // or null
    const void* weights;
    const void* upstream;
    const double* positive_weights;
    size_t classes;
    bool accumulate;
    bool sums;
    double label_smoothing;
    double grad_scale;
};

// One of the two matrices of a product, as terms: term k of line i is at i * stride + k, or where the lines are adjacent at
// k * stride + i.
struct ProductOperand {
    const void* start;
    int32_t element_type;  // not float64
    size_t stride;
    bool lines_adjacent;
};

// Element (i, j) of the output is what it starts from plus the sum over k of a(i, k) * b(j, k).
struct MatrixProductJob {
    size_t rows;     // lines of a
    size_t columns;  // lines of b
    size_t terms;
    ProductOperand a;
    ProductOperand b;
    float* output;
    size_t output_stride;
    const float* bias;  // a number for each column; or null
    bool accumulate;    // whether sums start from what the output holds
    float* workspace;
    size_t workspace_size;  // in floats, at least least_product_workspace()
};

// For each column of a matrix the sum of its rows.
struct ColumnSumsJob {
    size_t rows;
    size_t columns;
    const float* matrix;
    size_t stride;
    float* output;
    bool accumulate;
};

struct Kernels {
    const char* isa;
    void (*softmax_cross_entropy)(const SoftmaxCrossEntropyJob&, nxent_totals&);
    void (*softmax_cross_entropy_part)(const SoftmaxCrossEntropyJob&, const RowPart&, nxent_totals&);
    void (*log_softmax)(const LogSoftmaxJob&);
    void (*softmax_backward)(const SoftmaxBackwardJob&);
    void (*sigmoid_cross_entropy)(const SigmoidCrossEntropyJob&, nxent_totals&);
    void (*matrix_product)(const MatrixProductJob&);
    void (*column_sums)(const ColumnSumsJob&);
};

extern const Kernels kernels_scalar;
extern const Kernels kernels_sse2;
extern const Kernels kernels_avx2;
extern const Kernels kernels_avx512;
extern const Kernels kernels_neon;

}  // namespace nxent
