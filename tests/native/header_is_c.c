/* SPDX-License-Identifier: MIT
 *
 * Compiled, never run: the header is plain C.
 */
#include "nativexent/nativexent.h"

int32_t nxent_header_is_c(const nxent_softmax_cross_entropy_args* args);

int32_t nxent_header_is_c(const nxent_softmax_cross_entropy_args* args) {
    return nxent_softmax_cross_entropy(args, NULL);
}
