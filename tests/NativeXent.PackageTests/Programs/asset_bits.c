/* SPDX-License-Identifier: MIT
 *
 * For systems where .NET cannot run here: prints for each instruction set of a native library the hash that Report.cs
 * prints, and one over all element types. It needs nothing but the library and, to print, the C library or on Windows
 * kernel32, so that it can be built for every system without an SDK.
 */
#include "nativexent/nativexent.h"

#if defined(_WIN32)
__declspec(dllimport) void* GetStdHandle(unsigned long id);
__declspec(dllimport) int WriteFile(void* file, const void* data, unsigned long size, unsigned long* written, void* at);
__declspec(dllimport) void ExitProcess(unsigned code);
#else
#include <unistd.h>
#endif

static void print(const char* text) {
    size_t length = 0;
    while (text[length] != '\0') ++length;
#if defined(_WIN32)
    unsigned long written;
    WriteFile(GetStdHandle((unsigned long)-11), text, (unsigned long)length, &written, 0);
#else
    if (write(1, text, length) < 0) _exit(1);
#endif
}

static void print_hash(uint64_t hash) {
    char text[] = "0x0123456789abcdef";
    for (int digit = 0; digit < 16; ++digit) text[2 + digit] = "0123456789abcdef"[hash >> (60 - 4 * digit) & 15];
    print(text);
}

static uint64_t add(uint64_t hash, const void* data, size_t size) {
    const uint8_t* bytes = (const uint8_t*)data;
    for (size_t i = 0; i < size; ++i) hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}

enum { kRows = 7, kMostClasses = 50257 };
static const uint64_t kEmptyHash = 0xcbf29ce484222325u;
static int32_t labels[kRows];
static union {
    uint16_t u16[kRows * kMostClasses];
    float f32[kRows * kMostClasses];
    double f64[kRows * kMostClasses];
} logits, grad;

static nxent_softmax_cross_entropy_args arguments(size_t classes) {
    nxent_softmax_cross_entropy_args args = {0};
    args.struct_size = sizeof args;
    args.batch_size = args.row_end = kRows;
    args.num_classes = classes;
    args.logits = &logits;
    args.targets = labels;
    args.grad = &grad;
    args.grad_scale = 1;
    for (size_t i = 0; i < kRows; ++i) labels[i] = (int32_t)(i * 7919 % classes);
    return args;
}

// Gradients and losses, as in Report.cs.
static uint64_t hash_of_floats(void) {
    static const size_t kClasses[] = {1, 10, 37, 1000, 4097, kMostClasses};
    uint64_t hash = kEmptyHash, random = 20240229;
    for (size_t c = 0; c < sizeof kClasses / sizeof *kClasses; ++c) {
        const size_t classes = kClasses[c];
        float losses[kRows];
        nxent_softmax_cross_entropy_args args = arguments(classes);
        args.loss = losses;
        for (size_t i = 0; i < kRows * classes; ++i) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            logits.f32[i] = (float)((int32_t)(random >> 40) - (1 << 23)) / (float)(1 << 19);
        }
        if (nxent_softmax_cross_entropy(&args, 0) != NXENT_OK) return 0;
        hash = add(add(hash, grad.f32, kRows * classes * sizeof(float)), losses, sizeof losses);
    }
    return hash;
}

// A multiple of 1/4 in [-16, 16), which every element type holds exactly.
static void set_logit(int32_t type, size_t i, float value) {
    const union {
        float f;
        uint32_t u;
    } bits = {value};
    switch (type) {
        case NXENT_FLOAT32: logits.f32[i] = value; break;
        case NXENT_FLOAT64: logits.f64[i] = value; break;
        case NXENT_BFLOAT16: logits.u16[i] = (uint16_t)(bits.u >> 16); break;
        default:  // binary16; none is subnormal
            logits.u16[i] = (uint16_t)(value == 0 ? 0
                                                  : (bits.u >> 16 & 0x8000u) | (((bits.u >> 23 & 0xffu) - 112u) << 10) |
                                                        (bits.u >> 13 & 0x3ffu));
    }
}

// Gradients, losses, log-sum-exps and totals with options.
static uint64_t hash_of_all_types(void) {
    static const size_t kSizes[] = {4, 8, 2, 2};
    enum { kClasses = 5003 };
    uint64_t hash = kEmptyHash;
    for (int32_t type = NXENT_FLOAT32; type <= NXENT_BFLOAT16; ++type) {
        double loss[kRows], lse[kRows];
        nxent_totals totals;
        uint32_t random = 1;
        nxent_softmax_cross_entropy_args args = arguments(kClasses);
        args.element_type = type;
        args.target_type = NXENT_LABELS_INT32;
        args.loss = loss;
        args.lse = lse;
        args.totals = &totals;
        args.label_smoothing = 0.125;
        args.z_loss_scale = 0.25;
        args.softcap = 30;
        for (size_t i = 0; i < kRows * kClasses; ++i) {
            random = random * 1664525u + 1013904223u;
            set_logit(type, i, (float)(random >> 25) / 4.0f - 16.0f);
        }
        if (nxent_softmax_cross_entropy(&args, 0) != NXENT_OK) return 0;
        hash = add(hash, &grad, kSizes[type] * kRows * kClasses);
        hash = add(add(hash, loss, kSizes[type] * kRows), lse, kSizes[type] * kRows);
        hash = add(hash, &totals, sizeof totals);
    }
    return hash;
}

static int print_all(void) {
    const char* isa;
    print(nxent_version());
    print("\n");
    for (size_t i = 0; (isa = nxent_usable_isa(i)) != 0; ++i) {
        if (nxent_force_isa(isa) != NXENT_OK) return 1;
        print(isa);
        print(": ");
        print_hash(hash_of_floats());
        print(" ");
        print_hash(hash_of_all_types());
        print("\n");
    }
    return 0;
}

#if defined(_WIN32)
void start(void) { ExitProcess((unsigned)print_all()); }
#else
int main(void) { return print_all(); }
#endif
