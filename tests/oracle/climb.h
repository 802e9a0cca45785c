// SPDX-License-Identifier: MIT
#pragma once

#include "check.h"
#include "request.h"

namespace nxent_oracle {

// Changes one row of a request a little, over and over, and keeps what brings a result of the category nearer to its
// bound, or beyond it. Gives the worst found.
struct Climb {
    Request request;
    Verdict worst;
};
Climb climb(const Request& from, const std::string& category, uint64_t seed, size_t steps);

}  // namespace nxent_oracle
