/* SPDX-License-Identifier: MIT
 *
 * NativeXent: softmax cross-entropy from logits, its loss and its gradient, over batch pointers; and its neighbours.
 *
 * This header is the whole contract of the native library. It is plain C and uses fixed-width types.
 *
 * Terms
 *   element    a number of the call's element type: float32, float64, float16 or bfloat16. Every array has this type,
 *              but for labels and class weights.
 *   logits     scores z: batch_size samples of num_classes classes, and of inner_size positions each. With one
 *              position, a sample is a row of num_classes elements. With more, the classes are the second of three
 *              axes (N, C, S): the logit of class c at position s of sample n is at n * stride + c * inner_size + s.
 *   row        the logits of one position of one sample; there are batch_size * inner_size rows, row
 *              n * inner_size + s being position s of sample n.
 *   stride     the distance from the start of one sample to the start of the next, in elements.
 *   u          what the softmax is taken of: scale * z, or softcap * tanh(scale * z / softcap) where a softcap is
 *              given.
 *   p          the softmax, p[c] = exp(u[c]) / sum_k exp(u[k]).
 *   lse        log sum_k exp(u[k]); so -log p[c] = lse - u[c]. All logarithms are natural, all losses in nats.
 *   label      the index of a row's true class.
 *   q          the target: 1 at the label and 0 elsewhere, or a given distribution; then smoothed,
 *              q[c] := (1 - label_smoothing) * q[c] + label_smoothing / num_classes.
 *   w          class weights, 1 where none are given.
 *   loss       sum_c w[c] * q[c] * (lse - u[c]).
 *   z-loss     z_loss_scale * lse^2.
 *   gradient   d (loss + z-loss) / d z, times grad_scale, times the row's upstream gradient. With respect to u[k] it is
 *              p[k] * (sum_c w[c] * q[c] + 2 * z_loss_scale * lse) - w[k] * q[k]; without any option p[k] - q[k].
 *
 * Source of the formula: Bridle, "Probabilistic interpretation of feedforward classification network outputs",
 * 1990; docs/derivation.md derives it step by step, docs/semantics.md says what each option does.
 *
 * Numerics
 *   - The same input gives the same bits on every CPU, operating system and instruction set, alone or in a
 *     batch, in any layout, whatever the row range it is computed in. The managed implementation gives these bits too.
 *   - float32, from labels, without options: every gradient element, the label's included, is within 3 ULP of the exact
 *     value where the magnitude of the exact value is at least 2^-125. So is the loss. An ULP is the distance between
 *     neighbouring floats at the exact value or at the result, whichever is larger. docs/numerics.md derives the bound,
 *     and says what holds for float64 (4 ULP) and with options.
 *   - With distributions or label smoothing, elements are within 3 ULP of the larger of the two terms that are
 *     subtracted, a class with a probability near 1 keeps its precision, and where no target is negative the loss is
 *     not either and is within 3 ULP.
 *   - float16 and bfloat16 are computed as float32 and rounded once.
 *   - However large or far apart the logits are, nothing overflows but a loss or a scaled gradient that is itself out
 *     of range: it is infinite. Probabilities and all that a gradient is multiplied with are multiplied as if no product
 *     on the way could be out of range; where it could, elements take many times as long.
 *   - A float32, float64 or bfloat16 result below the smallest normal number (2^-126, 2^-1022; within a relative 2^-20
 *     of it) is flushed to 0: no result is ever subnormal. float16 results can be. Every zero is +0.
 *   - Round-to-nearest is assumed. Flush-to-zero and denormals-are-zero modes do not change a bit.
 *
 * Special values, by row
 *   any NaN, any +infinity, or nothing but -infinity     every gradient element and the loss are NaN
 *   the same, lse                                        NaN with a NaN, otherwise +infinity, or -infinity if there is
 *                                                        nothing else; the z-loss is z_loss_scale * lse^2
 *   a logit of -infinity, others finite                  its probability is exactly 0; it adds nothing
 *   p[c] is 0 where w[c] * q[c] is not                   the loss is +infinity, -infinity where q[c] is negative; the
 *                                                        gradient is -w[c] * q[c] there
 *   p[c] is 0 where w[c] * q[c] is 0                     adds nothing to the loss
 *   q[c] is infinite or NaN in a distribution            every gradient element and the loss are NaN; lse is as ever
 *   one class, no z-loss                                 gradient 0, loss 0
 *   with a softcap                                       -infinity and +infinity count as u = -softcap, +softcap
 *   the upstream gradient is not finite                  every gradient element is NaN, the loss is as ever
 *   the upstream gradient is 0                           every gradient element is 0, whatever the row holds; adding it
 *                                                        changes nothing but a subnormal number or -0, which becomes 0
 *   NaN is always one canonical quiet NaN: bits 0x7FC00000, 0x7FF8000000000000, 0x7E00, 0x7FC0 by element type.
 *
 * Memory
 *   Pointers need the natural alignment of their element type, no more. Nothing outside the described elements is read
 *   or written; elements between the end of a sample and the next are neither. The library allocates nothing, starts
 *   no threads, reads no environment, never prints and never aborts. It needs at most 128 KiB of stack.
 *
 * Threads
 *   Every function may be called from any thread at any time. Calls that write disjoint memory may run at once.
 */
#ifndef NATIVEXENT_NATIVEXENT_H
#define NATIVEXENT_NATIVEXENT_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32) && defined(NXENT_BUILDING_SHARED)
#define NXENT_API __declspec(dllexport)
#elif defined(_WIN32) && defined(NXENT_USING_SHARED)
#define NXENT_API __declspec(dllimport)
#elif defined(__GNUC__)
#define NXENT_API __attribute__((visibility("default")))
#else
#define NXENT_API
#endif

/** The version of this interface. It changes whenever a caller built against another one could misbehave. */
#define NXENT_ABI_VERSION 5

#ifdef __cplusplus
extern "C" {
#endif

/** What a fallible function returns. Functions return it as int32_t. */
typedef enum nxent_status {
    /** Success. */
    NXENT_OK = 0,
    /** A pointer that is needed is null. */
    NXENT_ERROR_NULL_POINTER = 1,
    /** struct_size is smaller than the first version of the structure, or asks for fields this library does not
     *  know. */
    NXENT_ERROR_STRUCT_SIZE = 2,
    /** A pointer is not aligned to its element type. */
    NXENT_ERROR_MISALIGNED = 3,
    /** The sizes describe more memory than the address space holds. */
    NXENT_ERROR_SIZE_OVERFLOW = 4,
    /** A stride is smaller than a sample. */
    NXENT_ERROR_STRIDE = 5,
    /** A range is not within the batch; of a linear layer, not within the result. */
    NXENT_ERROR_ROW_RANGE = 6,
    /** A label is outside [0, num_classes), and is not the index to ignore. */
    NXENT_ERROR_LABEL_RANGE = 7,
    /** An output overlaps an input or another output, and is not exactly the input that it may be. What counts is all
     *  from the first element to the last, gaps between samples included. */
    NXENT_ERROR_OVERLAP = 8,
    /** No instruction set has this name. */
    NXENT_ERROR_ISA_UNKNOWN = 9,
    /** This build of the library has no kernel for the instruction set. */
    NXENT_ERROR_ISA_NOT_COMPILED = 10,
    /** This CPU or operating system does not support the instruction set. */
    NXENT_ERROR_ISA_NOT_SUPPORTED = 11,
    /** element_type is none of nxent_element_type. */
    NXENT_ERROR_ELEMENT_TYPE = 12,
    /** target_type is none of nxent_target_type. */
    NXENT_ERROR_TARGET_TYPE = 13,
    /** A number is out of its range: label_smoothing in [0, 1], scale in [2^-64, 2^64], softcap 0 or in [2^-64, 2^64],
     *  z_loss_scale and grad_scale finite. */
    NXENT_ERROR_OPTION_RANGE = 14,
    /** A class weight is negative, infinite or NaN. */
    NXENT_ERROR_WEIGHT_RANGE = 15,
    /** Options that exclude each other: an index to ignore with distributions; structures that do not agree. */
    NXENT_ERROR_OPTION_CONFLICT = 16,
    /** flags has a bit that is none of the operation's. */
    NXENT_ERROR_FLAGS = 17,
    /** The workspace is smaller than the operation needs. */
    NXENT_ERROR_WORKSPACE = 18
} nxent_status;

/** The type of logits, gradients, losses and everything else that is called an element. */
typedef enum nxent_element_type {
    /** IEEE 754 binary32. */
    NXENT_FLOAT32 = 0,
    /** IEEE 754 binary64. */
    NXENT_FLOAT64 = 1,
    /** IEEE 754 binary16. */
    NXENT_FLOAT16 = 2,
    /** The upper half of a binary32. */
    NXENT_BFLOAT16 = 3
} nxent_element_type;

/** What targets are. */
typedef enum nxent_target_type {
    /** One int32_t label for each row. */
    NXENT_LABELS_INT32 = 0,
    /** One int64_t label for each row. */
    NXENT_LABELS_INT64 = 1,
    /** One number for each logit, laid out as the logits are: each row a distribution. It need not sum to 1, and its
     *  numbers may be negative: the formulas hold as they are. A subnormal one counts as 0. */
    NXENT_DISTRIBUTION = 2
} nxent_target_type;

/** What can be asked for in the field flags. */
typedef enum nxent_flags {
    /** Adds the gradient to what grad holds, in place of overwriting it. */
    NXENT_ACCUMULATE = 1,
    /** Ignores rows whose label is ignore_index: their gradient, loss and z-loss are 0 and they do not count. What they
     *  accumulate into stays as it is. */
    NXENT_IGNORE_INDEX = 2,
    /** Counts the rows whose largest logit is the target, in totals. With distributions, the target is the largest of
     *  the row. Of equals the first is taken. A row whose loss, z-loss or gradient is NaN, or would be if it were asked
     *  for, is not counted. */
    NXENT_COUNT_CORRECT = 4,
    /** nxent_softmax: the logarithm of the softmax. */
    NXENT_LOG = 8
} nxent_flags;

/** Sums over the rows of a call's range that count: in double, starting from 0, one row added after the other in their
 *  order. nxent_sigmoid_cross_entropy() adds in another order. A NaN is the canonical one. */
typedef struct nxent_totals {
    /** Sum of the losses, before they are rounded to the element type. */
    double loss;
    /** Sum of the z-losses, before they are rounded to the element type. */
    double z_loss;
    /** Sum of the weights of the rows' labels; the number of rows where targets are distributions. */
    double weight;
    /** Number of rows. */
    uint64_t rows;
    /** Number of rows whose largest logit is the target; 0 where NXENT_COUNT_CORRECT is not set. */
    uint64_t correct;
} nxent_totals;

/** What nxent_softmax_cross_entropy() is to compute. Set every field that is not needed to zero. */
typedef struct nxent_softmax_cross_entropy_args {
    /** sizeof(nxent_softmax_cross_entropy_args) as the caller was compiled. A larger structure from a newer caller
     *  is accepted where its further bytes are zero. */
    size_t struct_size;
    /** Type of the elements: an nxent_element_type. */
    int32_t element_type;
    /** What targets are: an nxent_target_type. */
    int32_t target_type;
    /** Any of nxent_flags but NXENT_LOG, or-ed. */
    uint32_t flags;
    /** Must be 0. */
    uint32_t reserved;
    /** Number of samples. */
    size_t batch_size;
    /** Number of classes. */
    size_t num_classes;
    /** Number of positions of a sample; 0 means 1. */
    size_t inner_size;
    /** First row to compute. */
    size_t row_begin;
    /** One past the last row to compute; at most batch_size * inner_size. Rows outside the range are neither read nor
     *  written, but all pointers and sizes describe the whole batch. */
    size_t row_end;
    /** In: the logits. May be null where only rows and weight are counted. */
    const void* logits;
    /** Elements from one sample of logits to the next, at least num_classes * inner_size; 0 means just that. */
    size_t logits_stride;
    /** In: a label for each row, or distributions. */
    const void* targets;
    /** Elements from one sample of the distributions to the next; 0 means num_classes * inner_size. */
    size_t targets_stride;
    /** Out: the gradient, laid out as the logits are, or null where it is not wanted. May be logits itself, with the
     *  same stride. */
    void* grad;
    /** Elements from one sample of grad to the next; 0 means num_classes * inner_size. */
    size_t grad_stride;
    /** In: num_classes class weights, not negative; or null for 1 each. */
    const double* class_weights;
    /** In: a number for each row that its gradient is multiplied with, elements; or null for 1 each. */
    const void* upstream;
    /** Out: each row's loss, elements; or null. */
    void* loss;
    /** Out: each row's lse, elements, rows to ignore included; or null. */
    void* lse;
    /** Out: each row's z-loss, elements; or null. */
    void* z_loss;
    /** Out: sums over the range; or null. */
    nxent_totals* totals;
    /** The label of rows to ignore, where NXENT_IGNORE_INDEX is set. It may lie in [0, num_classes). */
    int64_t ignore_index;
    /** Label smoothing, in [0, 1]. */
    double label_smoothing;
    /** Factor of lse^2 in the loss; 0 for no z-loss. */
    double z_loss_scale;
    /** What logits are multiplied with, an inverse temperature, in [2^-64, 2^64]; 0 means 1. */
    double scale;
    /** Bound of the capped logits, in [2^-64, 2^64]; 0 for no cap. */
    double softcap;
    /** What every gradient element is multiplied with, for a mean over the batch 1 / totals.weight; 0 means 1. */
    double grad_scale;
    /** Memory that the call may overwrite as it likes, or null. A row's exponentials are kept in its gradient where they
     *  can be: not where that has 16 bits an element, is accumulated, or has several positions. Otherwise they are kept
     *  in 64 KiB of stack, and so are the derivatives of a softcap: together for 16,384 classes (8,192 of float64). What
     *  does not fit is kept in the workspace, or else computed twice. Results are the same. Needs the alignment of a
     *  double; calls at the same time need one each. */
    void* workspace;
    /** Its size in bytes. For each of the two, 4 * num_classes can be used, 8 * num_classes of float64. */
    size_t workspace_size;
} nxent_softmax_cross_entropy_args;

/** The three products of a linear layer. */
typedef enum nxent_linear_operation {
    /** nxent_linear_forward(). */
    NXENT_LINEAR_FORWARD = 0,
    /** nxent_linear_input_gradient(). */
    NXENT_LINEAR_INPUT_GRADIENT = 1,
    /** nxent_linear_weight_gradient(). */
    NXENT_LINEAR_WEIGHT_GRADIENT = 2
} nxent_linear_operation;

/** A linear layer, output = input * transposed(weight) + bias. Every function uses the fields that it says, and the result
 *  is the matrix that it writes. Set every field that is not needed to zero. */
typedef struct nxent_linear_args {
    /** sizeof(nxent_linear_args) as the caller was compiled; see nxent_softmax_cross_entropy_args. */
    size_t struct_size;
    /** Type of the elements of input: float32, float16 or bfloat16. Other arrays than input and weight are float32. */
    int32_t input_type;
    /** Type of the elements of weight: float32, float16 or bfloat16. */
    int32_t weight_type;
    /** NXENT_ACCUMULATE, which adds to what the result holds, or 0. */
    uint32_t flags;
    /** Must be 0. */
    uint32_t reserved;
    /** Number of rows of input and output. */
    size_t batch_size;
    /** Number of columns of input and weight. */
    size_t num_features;
    /** Number of columns of output and of rows of weight; for a classifier's head, of classes. */
    size_t num_outputs;
    /** First row of the result to compute. */
    size_t row_begin;
    /** One past its last row to compute. */
    size_t row_end;
    /** First column of the result to compute. */
    size_t column_begin;
    /** One past its last column to compute. Elements of the result outside the ranges are neither read nor written, but all
     *  pointers and sizes describe whole matrices. */
    size_t column_end;
    /** batch_size rows of num_features elements. */
    const void* input;
    /** Elements from one row of input to the next, at least num_features; 0 means just that. */
    size_t input_stride;
    /** num_outputs rows of num_features elements. */
    const void* weight;
    /** Elements from one row of weight to the next; 0 means num_features. */
    size_t weight_stride;
    /** num_outputs numbers that are added to each row of output; or null for none. */
    const float* bias;
    /** batch_size rows of num_outputs numbers. */
    float* output;
    /** Elements from one row of output to the next; 0 means num_outputs. */
    size_t output_stride;
    /** The gradient with respect to output, laid out as it is. */
    const float* output_grad;
    /** Elements from one row of output_grad to the next; 0 means num_outputs. */
    size_t output_grad_stride;
    /** The gradient with respect to input, laid out as it is. */
    float* input_grad;
    /** Elements from one row of input_grad to the next; 0 means num_features. */
    size_t input_grad_stride;
    /** The gradient with respect to weight, laid out as it is; or null where only bias_grad is wanted. */
    float* weight_grad;
    /** Elements from one row of weight_grad to the next; 0 means num_features. */
    size_t weight_grad_stride;
    /** The gradient with respect to bias, num_outputs numbers; or null. */
    float* bias_grad;
    /** Memory for copies of the matrices, aligned to a float, which the call overwrites. Calls at the same time need one
     *  each. */
    void* workspace;
    /** Its size in bytes. With what nxent_linear_workspace_size() says the call is fastest; at least 280,000 bytes are
     *  always enough. */
    size_t workspace_size;
} nxent_linear_args;

/** Where a label was out of range. */
typedef struct nxent_label_error {
    /** The first row of the range whose label is out of range. */
    size_t row;
    /** That row's label. */
    int64_t label;
} nxent_label_error;

/** The two passes over a row that comes in parts. */
typedef enum nxent_pass {
    /** Reads the part's logits and computes their sums. */
    NXENT_PASS_SUMS = 0,
    /** Turns what the first pass left into the part's gradient. */
    NXENT_PASS_GRADIENT = 1
} nxent_pass;

/** How much memory the sums of a row need. */
typedef enum nxent_row_sums {
    /** So many doubles. */
    NXENT_ROW_SUMS = 1025
} nxent_row_sums;

/** Which part of a row nxent_softmax_cross_entropy_part() is to compute. */
typedef struct nxent_row_part {
    /** sizeof(nxent_row_part) as the caller was compiled; see nxent_softmax_cross_entropy_args. */
    size_t struct_size;
    /** Which pass: an nxent_pass. */
    int32_t pass;
    /** 0. */
    uint32_t reserved;
    /** First class of the part. Parts may begin and end anywhere: the library works in blocks of some thousand classes,
     *  and does those that begin in the part. */
    size_t class_begin;
    /** One past its last class. */
    size_t class_end;
    /** Out in the first pass, in in the second: NXENT_ROW_SUMS doubles that all parts of a row have in common. They need
     *  not be set. */
    double* row_sums;
} nxent_row_part;

/** What nxent_softmax() is to compute. Set every field that is not needed to zero. */
typedef struct nxent_softmax_args {
    /** sizeof(nxent_softmax_args) as the caller was compiled; see nxent_softmax_cross_entropy_args. */
    size_t struct_size;
    /** Type of the elements: an nxent_element_type. */
    int32_t element_type;
    /** NXENT_LOG for the logarithm of the softmax, or 0. */
    uint32_t flags;
    /** Number of samples. */
    size_t batch_size;
    /** Number of classes. */
    size_t num_classes;
    /** Number of positions of a sample; 0 means 1. */
    size_t inner_size;
    /** First row to compute. */
    size_t row_begin;
    /** One past the last row to compute; at most batch_size * inner_size. */
    size_t row_end;
    /** In: the logits. */
    const void* logits;
    /** Elements from one sample of logits to the next; 0 means num_classes * inner_size. */
    size_t logits_stride;
    /** Out: the softmax or its logarithm, laid out as the logits are; or null where it is not wanted. May be logits
     *  itself, with the same stride. */
    void* output;
    /** Elements from one sample of the output to the next; 0 means num_classes * inner_size. */
    size_t output_stride;
    /** Out: each row's lse, elements; or null. */
    void* lse;
    /** Memory that the call may overwrite, or null; see nxent_softmax_cross_entropy_args. */
    void* workspace;
    /** Its size in bytes. */
    size_t workspace_size;
} nxent_softmax_args;

/** What nxent_softmax_backward() is to compute. Set every field that is not needed to zero. */
typedef struct nxent_softmax_backward_args {
    /** sizeof(nxent_softmax_backward_args) as the caller was compiled; see nxent_softmax_cross_entropy_args. */
    size_t struct_size;
    /** Type of the elements: an nxent_element_type. */
    int32_t element_type;
    /** NXENT_LOG where output is the logarithm of the softmax; NXENT_ACCUMULATE; or-ed. */
    uint32_t flags;
    /** Number of samples. */
    size_t batch_size;
    /** Number of classes. */
    size_t num_classes;
    /** Number of positions of a sample; 0 means 1. */
    size_t inner_size;
    /** First row to compute. */
    size_t row_begin;
    /** One past the last row to compute; at most batch_size * inner_size. */
    size_t row_end;
    /** In: what nxent_softmax() gave. */
    const void* output;
    /** Elements from one sample of the output to the next; 0 means num_classes * inner_size. */
    size_t output_stride;
    /** In: the gradient with respect to the output, laid out as it is. */
    const void* upstream;
    /** Elements from one sample of upstream to the next; 0 means num_classes * inner_size. */
    size_t upstream_stride;
    /** Out: the gradient with respect to the logits. May be output or upstream itself, with the same stride. */
    void* grad;
    /** Elements from one sample of grad to the next; 0 means num_classes * inner_size. */
    size_t grad_stride;
} nxent_softmax_backward_args;

/** What nxent_sigmoid_cross_entropy() is to compute. Set every field that is not needed to zero. */
typedef struct nxent_sigmoid_cross_entropy_args {
    /** sizeof(nxent_sigmoid_cross_entropy_args) as the caller was compiled; see nxent_softmax_cross_entropy_args. */
    size_t struct_size;
    /** Type of the elements: an nxent_element_type. */
    int32_t element_type;
    /** NXENT_ACCUMULATE or 0. */
    uint32_t flags;
    /** Number of logits. */
    size_t size;
    /** First logit to compute. */
    size_t begin;
    /** One past the last logit to compute; at most size. */
    size_t end;
    /** In: the logits z. */
    const void* logits;
    /** In: the targets y, one for each logit; usually in [0, 1], but any number will do. */
    const void* targets;
    /** Out: the gradient; or null. May be logits itself. */
    void* grad;
    /** Out: each logit's loss; or null. May be logits itself where grad is not. */
    void* loss;
    /** In: a weight for each logit, which multiplies its loss and gradient; or null for 1 each. */
    const void* weights;
    /** In: a number for each logit that its gradient is multiplied with; or null for 1 each. */
    const void* upstream;
    /** In: num_classes weights of the positive class, not negative: logit i has weight positive_weights[i %
     *  num_classes]. Or null for 1 each. */
    const double* positive_weights;
    /** Number of positive_weights; may be 0 where that is null. */
    size_t num_classes;
    /** Out: loss and rows (here: logits) over the range; weight is their sum of weights. Sixteen sums each: the logit
     *  begin + k is added to sum k % 16, in the order of the logits; then sum i + 8 to sum i, i + 4 to i, i + 2 to i, and
     *  the last two. Or null. */
    nxent_totals* totals;
    /** Label smoothing, in [0, 1]: y := (1 - label_smoothing) * y + label_smoothing / 2. */
    double label_smoothing;
    /** What every gradient element is multiplied with, 0 means 1. Where upstream is 0, the gradient is, whatever the
     *  logit. */
    double grad_scale;
} nxent_sigmoid_cross_entropy_args;

/**
 * Gradient of the softmax cross-entropy with respect to the logits.
 *
 * grad_out[i * num_classes + j] = softmax(logits[i])[j] - (j == labels[i]). No batch scaling, no checks.
 *
 * grad_out may be logits itself; any other overlap is undefined. A label outside [0, num_classes) selects no class:
 * the row of grad_out is then the softmax. Where batch_size or num_classes is 0 nothing is done, and the pointers
 * may be null.
 *
 * @param logits batch_size * num_classes logits, row-major.
 * @param labels batch_size class indices.
 * @param batch_size number of rows.
 * @param num_classes number of classes.
 * @param grad_out receives batch_size * num_classes gradient elements.
 */
NXENT_API void cross_entropy_with_logits_grad(const float* logits, const int32_t* labels, size_t batch_size,
                                              size_t num_classes, float* grad_out);

/**
 * Softmax cross-entropy from logits, for a range of rows: the gradient with respect to the logits, each row's loss, lse
 * and z-loss, and their sums; whichever are asked for. Every argument is checked before anything is written; on failure
 * nothing but label_error has been written. A caller splits a batch over threads by calling it once per thread with
 * disjoint row ranges.
 *
 * Where row_begin equals row_end nothing but totals is written, and the other pointers may be null. Where grad, loss,
 * lse and z_loss are null and NXENT_COUNT_CORRECT is not set, totals only counts rows and weight if logits is null.
 *
 * @param args what to compute.
 * @param label_error null, or receives the first bad row and its label where NXENT_ERROR_LABEL_RANGE is returned.
 * @return NXENT_OK, or the nxent_status of the first check that failed.
 */
NXENT_API int32_t nxent_softmax_cross_entropy(const nxent_softmax_cross_entropy_args* args,
                                              nxent_label_error* label_error);

/**
 * A part of one row, so that several threads can share a row that is long: first the sums of all its parts, in any order
 * and at the same time, then, when all are done, the gradients of all its parts. The results are those of
 * nxent_softmax_cross_entropy() for this row, to the bit, however it is split.
 *
 * args must be the same in all calls for a row. It must ask for one row, row_end = row_begin + 1, with a gradient, of
 * float32 or float64 elements, and for nothing that needs more than its labels: no distribution, label smoothing,
 * softcap, inner_size above 1, NXENT_ACCUMULATE or NXENT_COUNT_CORRECT; otherwise NXENT_ERROR_OPTION_CONFLICT is
 * returned. Of class_weights each call checks those of its part and the label's. loss, lse, z_loss and totals are written
 * together with the gradient of the part that begins with class 0. Between the passes grad holds intermediate results.
 *
 * @param args what to compute.
 * @param part which part of it.
 * @param label_error null, or receives the bad row and its label where NXENT_ERROR_LABEL_RANGE is returned.
 * @return NXENT_OK, or the nxent_status of the first check that failed.
 */
NXENT_API int32_t nxent_softmax_cross_entropy_part(const nxent_softmax_cross_entropy_args* args,
                                                   const nxent_row_part* part, nxent_label_error* label_error);

/**
 * Softmax of each row, or its logarithm, and on request lse, for a range of rows. A row that holds NaN or +infinity, or
 * nothing but -infinity, gives NaN, but an infinite lse where it holds no NaN. Every argument is checked before anything
 * is written.
 *
 * @param args what to compute.
 * @return NXENT_OK, or the nxent_status of the first check that failed.
 */
NXENT_API int32_t nxent_softmax(const nxent_softmax_args* args);

/**
 * Gradient through a softmax, for a range of rows: with p the output and g the gradient with respect to it,
 * p[k] * (g[k] - sum_c p[c] * g[c]). For the logarithm of a softmax, output l: g[k] - exp(l[k]) * sum_c g[c]. Every
 * argument is checked before anything is written.
 *
 * @param args what to compute.
 * @return NXENT_OK, or the nxent_status of the first check that failed.
 */
NXENT_API int32_t nxent_softmax_backward(const nxent_softmax_backward_args* args);

/**
 * Binary cross-entropy from logits, for each logit by itself: with s the logistic function, v the weight and w the
 * weight of the positive class, the loss is v * (w * y * log(1 + exp(-z)) + (1 - y) * log(1 + exp(z))), and the
 * gradient v * ((1 - y) * s(z) - w * y * s(-z)), times grad_scale, times upstream. Both keep full relative precision
 * where y is 0 or 1, however large z is. Every argument is checked before anything is written.
 *
 * @param args what to compute.
 * @return NXENT_OK, or the nxent_status of the first check that failed.
 */
NXENT_API int32_t nxent_sigmoid_cross_entropy(const nxent_sigmoid_cross_entropy_args* args);

/**
 * The output of a linear layer: for each row of input and each row of weight the sum of their products, plus bias.
 *
 * Sums are the same bits on every instruction set, whatever the ranges and the workspace: the products of 128 neighbouring
 * terms are added one after the other, each by a fused multiply-add, beginning with +0; these parts are added in order to
 * what the output holds (with NXENT_ACCUMULATE, or else to +0) plus bias. So with D terms the error is at most
 * (128 + ceil(D / 128) + 1) * 2^-24 times the sum of all magnitudes, to first order; docs/linear-head.md has the rest. No
 * zero is -0, and every NaN is the canonical one. Results can be subnormal, whatever the mode for these is: the mode of the
 * caller's thread, that of rounding included, is without effect and is unchanged afterwards.
 *
 * It uses input, weight, bias and output; output is the result. Every argument is checked before anything is written. The
 * result must not overlap anything else. Where a range is empty nothing is done, and pointers may be null. A caller splits
 * the result over threads by calling it once per thread with ranges that have nothing in common.
 *
 * @param args what to compute.
 * @return NXENT_OK, or the nxent_status of the first check that failed.
 */
NXENT_API int32_t nxent_linear_forward(const nxent_linear_args* args);

/**
 * The gradient with respect to a linear layer's input: output_grad * weight, as sums over the outputs; see
 * nxent_linear_forward(). It uses output_grad, weight and input_grad; input_grad is the result.
 *
 * @param args what to compute.
 * @return NXENT_OK, or the nxent_status of the first check that failed.
 */
NXENT_API int32_t nxent_linear_input_gradient(const nxent_linear_args* args);

/**
 * The gradient with respect to a linear layer's weight: transposed(output_grad) * input, as sums over the rows of the batch,
 * and with respect to its bias: the sum of the rows of output_grad; see nxent_linear_forward(). A batch that is split into
 * several calls at multiples of 128 rows, all but the first with NXENT_ACCUMULATE, gives the bits of one call. It uses
 * output_grad, input, weight_grad and bias_grad; weight_grad is the result. bias_grad is written for the rows in the result's
 * row range where column_begin is 0.
 *
 * @param args what to compute.
 * @return NXENT_OK, or the nxent_status of the first check that failed.
 */
NXENT_API int32_t nxent_linear_weight_gradient(const nxent_linear_args* args);

/**
 * How much workspace an operation on a linear layer can use, for whatever ranges of its result.
 *
 * @param operation an nxent_linear_operation.
 * @param batch_size number of rows.
 * @param num_features number of features.
 * @param num_outputs number of outputs.
 * @return the size in bytes; 0 where operation is none of nxent_linear_operation.
 */
NXENT_API size_t nxent_linear_workspace_size(int32_t operation, size_t batch_size, size_t num_features,
                                             size_t num_outputs);

/**
 * A linear layer and the softmax cross-entropy of its output at once, for a whole batch: losses and the gradients with
 * respect to input, weight and bias, whichever are asked for. It computes 256 rows at a time, or 128 where the workspace is
 * smaller, so that the logits of all rows are never in memory. The results are those of nxent_linear_forward(),
 * nxent_softmax_cross_entropy(), nxent_linear_input_gradient() and nxent_linear_weight_gradient() one after the other over
 * the rows that are not ignored, to the bit, however many rows are computed at a time; totals are added in groups of 16 rows
 * (128 below 1024 classes).
 *
 * Of linear it uses all but output, output_grad and the ranges; input_grad, weight_grad and bias_grad may each be null, and
 * NXENT_ACCUMULATE concerns all three. Of loss it uses the targets, options and what there is for each row; element_type
 * must be float32, sizes those of linear, the range all rows, inner_size at most 1, and logits, grad and workspace null.
 * upstream acts on all three gradients. An ignored row has loss and gradient 0 (accumulated: its gradient stays as it is).
 * Every argument is checked before anything is written. This is for one thread; a caller that has several uses the other
 * functions.
 *
 * @param linear the layer, with a workspace aligned to a double.
 * @param loss what to compute of its output.
 * @param label_error null, or receives the first bad row and its label where NXENT_ERROR_LABEL_RANGE is returned.
 * @return NXENT_OK, or the nxent_status of the first check that failed: NXENT_ERROR_OPTION_CONFLICT where the two structures
 *         do not agree.
 */
NXENT_API int32_t nxent_linear_softmax_cross_entropy(const nxent_linear_args* linear,
                                                     const nxent_softmax_cross_entropy_args* loss,
                                                     nxent_label_error* label_error);

/**
 * How much workspace nxent_linear_softmax_cross_entropy() can use.
 *
 * @param chunk_rows how many rows are to be computed at a time: 256, or 128, which is a little slower.
 * @param num_features number of features.
 * @param num_outputs number of classes.
 * @return the size in bytes; 0 for any other chunk_rows.
 */
NXENT_API size_t nxent_linear_softmax_cross_entropy_workspace_size(size_t chunk_rows, size_t num_features,
                                                                   size_t num_outputs);

/** The library's version, for example "1.2.3". */
NXENT_API const char* nxent_version(void);

/** NXENT_ABI_VERSION as the library was compiled. */
NXENT_API uint32_t nxent_abi_version(void);

/** An English sentence for a status. Never null: an unknown status has a sentence too. */
NXENT_API const char* nxent_status_message(int32_t status);

/** The name of the instruction set in use: "avx512", "avx2", "sse2", "neon" or "scalar". */
NXENT_API const char* nxent_active_isa(void);

/**
 * The instruction sets that this build has and this CPU and operating system support, best first.
 *
 * @param index 0, 1, 2, ...
 * @return the name, or null past the last one. "scalar" is always the last.
 */
NXENT_API const char* nxent_usable_isa(size_t index);

/**
 * Chooses the instruction set for all further calls in the process. Calls under way finish with the one they began
 * with. The results do not change, only the speed.
 *
 * @param name "scalar", "sse2", "avx2", "avx512", "neon", or "auto" for the best usable one.
 * @return NXENT_OK; or NXENT_ERROR_NULL_POINTER, NXENT_ERROR_ISA_UNKNOWN, NXENT_ERROR_ISA_NOT_COMPILED or
 *         NXENT_ERROR_ISA_NOT_SUPPORTED, and then nothing changes.
 */
NXENT_API int32_t nxent_force_isa(const char* name);

/**
 * The names of everything in this header that a binding must agree on: each structure ("nxent_label_error"), each
 * field ("nxent_label_error.row") and each value of an enumeration ("NXENT_OK").
 *
 * @param index 0, 1, 2, ...
 * @return the name, or null past the last one.
 */
NXENT_API const char* nxent_layout_name(size_t index);

/**
 * The size of a structure or the offset of a field, in bytes, or a value of an enumeration.
 *
 * @param index the index of its name.
 * @return the value; 0 past the last one.
 */
NXENT_API size_t nxent_layout_value(size_t index);

#ifdef __cplusplus
}
#endif

#endif
