/* SPDX-License-Identifier: MIT
 *
 * NativeXent: softmax cross-entropy from logits, its loss and its gradient, over batch pointers.
 *
 * This header is the whole contract of the native library. It is plain C and uses fixed-width types.
 *
 * Terms
 *   logits     float32 scores, row-major: batch_size rows of num_classes classes.
 *   label      the index of a row's true class, int32.
 *   softmax    p[j] = exp(z[j]) / sum_k exp(z[k]) for a row z of logits.
 *   loss       -log(p[label]), in nats, in [0, +infinity].
 *   gradient   d loss / d z[j] = p[j] - (j == label), in [-1, 1]. No batch scaling.
 *   stride     the distance from the start of one row to the start of the next, in elements.
 *
 * Source of the formula: Bridle, "Probabilistic interpretation of feedforward classification network outputs",
 * 1990; docs/derivation.md derives it step by step.
 *
 * Numerics
 *   - The same input gives the same bits on every CPU, operating system and instruction set, alone or in a
 *     batch, whatever the row range it is computed in. The managed implementation gives these bits too.
 *   - Every gradient element, the label's included, is within 3 ULP of the exact value where the magnitude of
 *     the exact value is at least 2^-125. So is the loss. An ULP is the distance between neighbouring floats
 *     at the exact value or at the result, whichever is larger. docs/numerics.md derives the bound.
 *   - However large or far apart the logits are, nothing overflows but a loss above FLT_MAX: it is +infinity.
 *   - A result below 2^-126 (the smallest normal number; within a relative 2^-20 of it) is flushed to 0. No
 *     result is ever subnormal, and every zero is +0.
 *   - Round-to-nearest is assumed. Flush-to-zero and denormals-are-zero modes do not change a bit.
 *
 * Special values, by row
 *   any NaN, any +infinity, or nothing but -infinity     every gradient element and the loss are NaN
 *   a logit of -infinity, others finite                  its probability is exactly 0; it adds nothing
 *   the label's logit is -infinity, another is finite    gradient at the label -1, loss +infinity
 *   one class                                            gradient 0, loss 0
 *   NaN is always the one canonical quiet NaN, bits 0x7FC00000.
 *
 * Memory
 *   Pointers need the natural alignment of their element type (4 bytes), no more. Nothing outside the described
 *   elements is read or written; elements between num_classes and a row's stride are neither. The library
 *   allocates nothing, starts no threads, reads no environment, never prints and never aborts.
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
#define NXENT_ABI_VERSION 1

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
    /** A row stride is smaller than the number of classes. */
    NXENT_ERROR_STRIDE = 5,
    /** The row range is not within the batch. */
    NXENT_ERROR_ROW_RANGE = 6,
    /** A label is outside [0, num_classes). */
    NXENT_ERROR_LABEL_RANGE = 7,
    /** An output overlaps an input or another output, and is not exactly the logits themselves. What counts is all from
     *  the first element to the last, gaps between rows included. */
    NXENT_ERROR_OVERLAP = 8,
    /** No instruction set has this name. */
    NXENT_ERROR_ISA_UNKNOWN = 9,
    /** This build of the library has no kernel for the instruction set. */
    NXENT_ERROR_ISA_NOT_COMPILED = 10,
    /** This CPU or operating system does not support the instruction set. */
    NXENT_ERROR_ISA_NOT_SUPPORTED = 11
} nxent_status;

/** What nxent_softmax_cross_entropy() is to compute. Set every field that is not needed to zero. */
typedef struct nxent_softmax_cross_entropy_args {
    /** sizeof(nxent_softmax_cross_entropy_args) as the caller was compiled. A larger structure from a newer caller
     *  is accepted where its further bytes are zero. */
    size_t struct_size;
    /** Number of rows. */
    size_t batch_size;
    /** Number of classes, the length of a row. */
    size_t num_classes;
    /** First row to compute. */
    size_t row_begin;
    /** One past the last row to compute; at most batch_size. Rows outside the range are neither read nor written,
     *  but all pointers and sizes describe the whole batch. */
    size_t row_end;
    /** In: batch_size rows of num_classes logits. */
    const float* logits;
    /** Elements from one row of logits to the next, at least num_classes; 0 means num_classes. */
    size_t logits_stride;
    /** In: batch_size labels, each in [0, num_classes). */
    const int32_t* labels;
    /** Out: batch_size rows of num_classes gradient elements. May be logits itself, with the same stride. */
    float* grad;
    /** Elements from one row of grad to the next, at least num_classes; 0 means num_classes. */
    size_t grad_stride;
    /** Out: batch_size losses in nats, or null where they are not wanted. */
    float* loss;
} nxent_softmax_cross_entropy_args;

/** Where a label was out of range. */
typedef struct nxent_label_error {
    /** The first row of the range whose label is out of range. */
    size_t row;
    /** That row's label. */
    int64_t label;
} nxent_label_error;

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
 * Gradient of the softmax cross-entropy with respect to the logits, and on request each row's loss, for a range of
 * rows. Every argument is checked before anything is written; on failure nothing but label_error has been written.
 * A caller splits a batch over threads by calling it once per thread with disjoint row ranges.
 *
 * Where row_begin equals row_end nothing is computed, and the pointers may be null.
 *
 * @param args what to compute.
 * @param label_error null, or receives the first bad row and its label where NXENT_ERROR_LABEL_RANGE is returned.
 * @return NXENT_OK, or the nxent_status of the first check that failed.
 */
NXENT_API int32_t nxent_softmax_cross_entropy(const nxent_softmax_cross_entropy_args* args,
                                              nxent_label_error* label_error);

/** The library's version, for example "1.2.3". */
NXENT_API const char* nxent_version(void);

/** NXENT_ABI_VERSION as the library was compiled. */
NXENT_API uint32_t nxent_abi_version(void);

/** An English sentence for a status. Never null: an unknown status has a sentence too. */
NXENT_API const char* nxent_status_message(int32_t status);

/** The name of the instruction set in use: "avx512", "avx2", "neon" or "scalar". */
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
 * @param name "scalar", "avx2", "avx512", "neon", or "auto" for the best usable one.
 * @return NXENT_OK; or NXENT_ERROR_NULL_POINTER, NXENT_ERROR_ISA_UNKNOWN, NXENT_ERROR_ISA_NOT_COMPILED or
 *         NXENT_ERROR_ISA_NOT_SUPPORTED, and then nothing changes.
 */
NXENT_API int32_t nxent_force_isa(const char* name);

/**
 * The names of everything in this header that a binding must agree on: each structure ("nxent_label_error"), each
 * field ("nxent_label_error.row") and each status ("NXENT_OK").
 *
 * @param index 0, 1, 2, ...
 * @return the name, or null past the last one.
 */
NXENT_API const char* nxent_layout_name(size_t index);

/**
 * The size of a structure or the offset of a field, in bytes, or the value of a status.
 *
 * @param index the index of its name.
 * @return the value; 0 past the last one.
 */
NXENT_API size_t nxent_layout_value(size_t index);

#ifdef __cplusplus
}
#endif

#endif
