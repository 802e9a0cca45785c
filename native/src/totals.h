// SPDX-License-Identifier: MIT
//
// Totals as they are handed to callers.
#pragma once

#include "compiler.h"
#include "nativexent/nativexent.h"

namespace nxent {
namespace {

// Processors differ in the NaN that they make of infinity less infinity.
inline double canonical(double x) {
    constexpr uint64_t kNaN = uint64_t{0x7ff8} << 48;
    return x != x ? bit_cast<double>(kNaN) : x;
}
inline nxent_totals canonical(const nxent_totals& totals) {
    return {canonical(totals.loss), canonical(totals.z_loss), canonical(totals.weight), totals.rows, totals.correct};
}

}  // namespace
}  // namespace nxent
