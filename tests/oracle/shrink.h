// SPDX-License-Identifier: MIT
#pragma once

#include "request.h"

namespace nxent_oracle {

// The smallest request that can be found from this one by leaving out rows, classes and options, and that still has a
// result over its bound in a category that contains the text. The request itself where it has none.
Request shrunk(const Request& request, const char* category);

}  // namespace nxent_oracle
