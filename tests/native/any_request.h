// SPDX-License-Identifier: MIT
//
// Requests of every kind, the ordinary and the wild, that are the same bits on every platform: what every backend must
// give the same results for.
#pragma once

#include "generate.h"
#include "request.h"

namespace nxent_test {

// In [0, 1), all bits of a double.
inline double fraction(SplitMix64& random) { return static_cast<double>(random.next() >> 11) * 0x1p-53; }

// Numbers that one type or another, or one step of the method, could treat apart.
Bits special_elements(Type type);

// With options, outputs and arrays as they come.
Request any_request(SplitMix64& random, Operation operation, Type type, size_t rows, size_t classes);
// Of a size as it comes, too: rows of few classes most often, and now and then some of several blocks.
Request any_request(SplitMix64& random, Operation operation, Type type);

// Finite logits, some -infinity, and labels; near 0 and far from it. No options; all outputs are wanted.
Request ordinary_request(SplitMix64& random, Type type, size_t rows, size_t classes);

// Rows that are near 0 and have labels, with every option that such rows are computed together with; in every fourth
// request, one row that is not like that.
Request groupable_request(SplitMix64& random, Type type, size_t rows, size_t classes);

// A way to lay a request out in memory.
Placement any_placement(SplitMix64& random, const Request& request);

}  // namespace nxent_test
