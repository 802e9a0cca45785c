// SPDX-License-Identifier: MIT
//
// The operations of a target's vectors, made callable from anywhere: vectors in memory, a table per instruction set.
// Includes no header of the standard library: what those define inline must not be compiled for an instruction set that
// the machine may lack.
#pragma once

#include <stddef.h>

#include "elements.h"

namespace nxent_test {

// An array is sixteen lanes. Operations that only one of float and double has are null in the other's table.
template <class T>
struct LaneOperations {
    void (*set)(T x, T* out);
    void (*load_partial)(const T* p, size_t count, T other, T* out);
    void (*store_partial)(T* p, const T* lanes, size_t count);
    void (*add)(const T* a, const T* b, T* out);
    void (*sub)(const T* a, const T* b, T* out);
    void (*mul)(const T* a, const T* b, T* out);
    void (*div)(const T* a, const T* b, T* out);
    void (*fma)(const T* a, const T* b, const T* c, T* out);
    void (*fnma)(const T* a, const T* b, const T* c, T* out);
    void (*greater)(const T* a, const T* b, T* out);
    void (*zero_below)(const T* a, const T* limit, T* out);
    void (*select_below)(const T* a, const T* b, const T* x, const T* y, T* out);
    void (*load_column)(const T* p, size_t stride, T* out);
    void (*store_column)(T* p, size_t stride, const T* lanes);
    void (*load_quarters)(const T* p, size_t stride, T* out);
    void (*store_quarters)(T* p, size_t stride, const T* lanes);
    void (*transpose_quarters)(T* a, T* b, T* c, T* d);
    void (*power_of_two)(const T* a, T* out);
    void (*replace_lane)(const T* a, size_t lane, T value, T* out);
    T (*greatest_lane)(const T* a);
};

template <class Element16>
struct ElementOperations {
    void (*load)(const Element16* p, float* out);
    void (*load_partial)(const Element16* p, size_t count, float other, float* out);
    void (*store)(Element16* p, const float* lanes);
    void (*store_partial)(Element16* p, const float* lanes, size_t count);
};

struct VectorOperations {
    const char* isa;
    LaneOperations<float> floats;
    LaneOperations<double> doubles;
    ElementOperations<nxent::Half> halfs;
    ElementOperations<nxent::BFloat16> bfloat16s;
    void (*zero_doubles)(double* out);
    void (*add_widened)(const double* sum, const float* a, double* out);
    double (*sum_lanes)(const double* a);
    void (*widen)(const float* a, double* out);
    void (*narrow)(const double* a, float* out);
};

extern const VectorOperations vectors_scalar;
extern const VectorOperations vectors_sse2;
extern const VectorOperations vectors_avx2;
extern const VectorOperations vectors_avx512;
extern const VectorOperations vectors_neon;

}  // namespace nxent_test
