// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace nxent_test {

// A hash of the results' bits over a fixed set of generated inputs. It is the same on every platform and instruction
// set, and changes only where a result does. Reports a refused call in `status` and then means nothing.
uint64_t result_hash(int32_t& status);

// The hash of this version.
constexpr uint64_t kResultHash = 0x44a92af928951328u;

}  // namespace nxent_test
