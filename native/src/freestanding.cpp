// SPDX-License-Identifier: MIT
//
// A compiler may call these even where no source does. With them inside, the library needs no C library.
#include <stddef.h>

#if defined(_WIN32)
#define NXENT_HIDDEN
#else
#define NXENT_HIDDEN __attribute__((visibility("hidden")))
#endif

extern "C" {

NXENT_HIDDEN void* memcpy(void* __restrict to, const void* __restrict from, size_t size) {
    unsigned char* t = static_cast<unsigned char*>(to);
    const unsigned char* f = static_cast<const unsigned char*>(from);
    for (size_t i = 0; i < size; ++i) t[i] = f[i];
    return to;
}

NXENT_HIDDEN void* memset(void* to, int value, size_t size) {
    unsigned char* t = static_cast<unsigned char*>(to);
    for (size_t i = 0; i < size; ++i) t[i] = static_cast<unsigned char>(value);
    return to;
}

#if defined(_WIN32)
// Every object that uses floating point asks for it.
int _fltused = 0;
#endif
}

// Windows gives a thread more stack only when it touches the next page, so functions with frames of a page or more
// call this first. It touches every page of the frame in order and changes nothing but the flags (on arm64: and x16,
// x17).
#if defined(_WIN32) && defined(__x86_64__)
// rax: the size of the frame in bytes, which the caller then subtracts from rsp.
__asm__(R"(
    .text
    .globl __chkstk
    .def __chkstk; .scl 2; .type 32; .endef
    .seh_proc __chkstk
__chkstk:
    pushq %rcx
    .seh_pushreg %rcx
    pushq %rax
    .seh_pushreg %rax
    .seh_endprologue
    leaq 24(%rsp), %rcx
1:  cmpq $4096, %rax
    jbe 2f
    subq $4096, %rcx
    testb $0, (%rcx)
    subq $4096, %rax
    jmp 1b
2:  subq %rax, %rcx
    testb $0, (%rcx)
    popq %rax
    popq %rcx
    retq
    .seh_endproc
)");
#elif defined(_WIN32) && defined(__aarch64__)
// x15: the size of the frame in units of 16 bytes.
__asm__(R"(
    .text
    .globl __chkstk
    .def __chkstk; .scl 2; .type 32; .endef
    .p2align 2
__chkstk:
    lsl x16, x15, #4
    mov x17, sp
1:  sub x17, x17, #4096
    subs x16, x16, #4096
    ldr xzr, [x17]
    b.gt 1b
    ret
)");
#endif
