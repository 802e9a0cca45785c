// SPDX-License-Identifier: MIT
//
// A compiler may call these even where no source does. With them inside, the library needs no C library.
#include <stddef.h>

extern "C" {

__attribute__((visibility("hidden"))) void* memcpy(void* __restrict to, const void* __restrict from, size_t size) {
    unsigned char* t = static_cast<unsigned char*>(to);
    const unsigned char* f = static_cast<const unsigned char*>(from);
    for (size_t i = 0; i < size; ++i) t[i] = f[i];
    return to;
}

__attribute__((visibility("hidden"))) void* memset(void* to, int value, size_t size) {
    unsigned char* t = static_cast<unsigned char*>(to);
    for (size_t i = 0; i < size; ++i) t[i] = static_cast<unsigned char>(value);
    return to;
}
}
