// SPDX-License-Identifier: MIT
//
// Checks that exported functions have in common.
#pragma once

#include "nativexent/nativexent.h"

namespace nxent {
namespace {

constexpr size_t kMaxSize = ~size_t{0};

// A run of bytes, [begin, begin + size).
struct Extent {
    uintptr_t begin;
    size_t size;
};

inline bool overlap(Extent a, Extent b) {
    return a.size != 0 && b.size != 0 && (a.begin < b.begin ? b.begin - a.begin < a.size : a.begin - b.begin < b.size);
}

inline bool aligned(const void* p, size_t alignment) { return reinterpret_cast<uintptr_t>(p) % alignment == 0; }

// The bytes from the first element of the first row to the last of the last; false where no memory holds as many.
inline bool extent_of(const void* p, size_t rows, size_t stride, size_t columns, size_t element_size, Extent& extent) {
    extent = {reinterpret_cast<uintptr_t>(p), 0};
    if (rows == 0 || columns == 0) return true;
    const size_t limit = kMaxSize / element_size;
    if (columns > limit || (rows - 1 != 0 && stride > (limit - columns) / (rows - 1))) return false;
    extent.size = ((rows - 1) * stride + columns) * element_size;
    return extent.size <= kMaxSize - extent.begin;
}

// In the order of nxent_element_type.
constexpr size_t kElementSize[] = {4, 8, 2, 2};

inline bool is_element_type(int32_t type) { return type >= NXENT_FLOAT32 && type <= NXENT_BFLOAT16; }

// Of an element of a linear layer's input or weight, in bytes; 0 where there is no such type.
inline size_t linear_element_size(int32_t type) {
    return is_element_type(type) && type != NXENT_FLOAT64 ? kElementSize[type] : 0;
}

// A newer caller's further fields must not ask for anything.
template <class Args>
int32_t check_struct(const Args* args) {
    if (!args) return NXENT_ERROR_NULL_POINTER;
    if (!aligned(args, alignof(Args))) return NXENT_ERROR_MISALIGNED;
    if (args->struct_size < sizeof(Args)) return NXENT_ERROR_STRUCT_SIZE;
    const unsigned char* bytes = reinterpret_cast<const unsigned char*>(args);
    for (size_t i = sizeof(Args); i < args->struct_size; ++i)
        if (bytes[i] != 0) return NXENT_ERROR_STRUCT_SIZE;
    return NXENT_OK;
}

}  // namespace
}  // namespace nxent
