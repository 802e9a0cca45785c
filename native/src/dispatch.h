// SPDX-License-Identifier: MIT
//
// Which kernels this build has, which this machine can run, and which are in use.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels.h"

namespace nxent {

// The kernels in use: the best usable ones, unless others were forced.
const Kernels& active_kernels();

// The usable kernels, best first; null past the last.
const Kernels* usable_kernels(size_t index);

// A nxent_status.
int32_t force_isa(const char* name);

}  // namespace nxent
