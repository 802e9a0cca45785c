/* SPDX-License-Identifier: MIT
 *
 * Linked with a native asset, prints the hash that Report.cs prints: for systems where .NET cannot run here.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nativexent/nativexent.h"

static uint64_t add(uint64_t hash, const float* values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        for (int shift = 0; shift < 32; shift += 8) hash = (hash ^ ((bits >> shift) & 0xff)) * 0x100000001b3u;
    }
    return hash;
}

int main(void) {
    if (nxent_abi_version() != NXENT_ABI_VERSION) {
        fprintf(stderr, "ABI version %u\n", (unsigned)nxent_abi_version());
        return 1;
    }
    printf("version: %s\n", nxent_version());
    printf("instruction set: %s\n", nxent_active_isa());

    enum { rows = 7 };
    static const size_t sizes[] = {1, 10, 37, 1000, 4097, 50257};
    uint64_t hash = 0xcbf29ce484222325u;
    uint64_t random = 20240229;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const size_t classes = sizes[s];
        float* logits = malloc(rows * classes * sizeof *logits);
        float* gradient = malloc(rows * classes * sizeof *gradient);
        if (!logits || !gradient) return 1;
        float losses[rows];
        int32_t labels[rows];
        for (size_t i = 0; i < rows * classes; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            logits[i] = (float)((int32_t)(random >> 40) - (1 << 23)) / (float)(1 << 19);
        }
        for (size_t i = 0; i < rows; i++) labels[i] = (int32_t)(i * 7919 % classes);

        nxent_softmax_cross_entropy_args args;
        memset(&args, 0, sizeof args);
        args.struct_size = sizeof args;
        args.batch_size = args.row_end = rows;
        args.num_classes = classes;
        args.logits = logits;
        args.targets = labels;
        args.grad = gradient;
        args.grad_scale = 1;
        args.loss = losses;
        const int32_t status = nxent_softmax_cross_entropy(&args, NULL);
        if (status != NXENT_OK) {
            fprintf(stderr, "status %d\n", (int)status);
            return 1;
        }
        hash = add(add(hash, gradient, rows * classes), losses, rows);
        free(logits);
        free(gradient);
    }
    printf("native: 0x%016llx\n", (unsigned long long)hash);
    return 0;
}
