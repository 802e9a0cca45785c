// SPDX-License-Identifier: MIT
//
// Compares what came back with what is exact, each number by its bound.
#pragma once

#include <functional>
#include <string>

#include "request.h"

namespace nxent_oracle {

struct Verdict {
    std::string category;  // type, operation, bound, options that change the bound
    std::string where;     // output, row, class
    double ulps = 0;       // of the element type, relative to what the bound is
    double share = 0;      // of the bound; above 1 is a violation
    double got = 0;
    std::string exact, why;
};

// Calls back for every number that was asked for.
void check(const Request& request, const Results& results, const std::function<void(const Verdict&)>& tell);

std::string text_of(Quad value);

}  // namespace nxent_oracle
