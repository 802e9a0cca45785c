// SPDX-License-Identifier: MIT
//
// What a request's results are, by the formulas of docs/semantics.md in quadruple precision.
#pragma once

#include <vector>

#include "quad.h"
#include "request.h"

namespace nxent_oracle {

// What the softmax is of, and what it is made of. Sums that the answers are differences of are never subtracted.
struct Softmax {
    std::vector<Quad> u;
    bool bad = false;  // NaN or +infinity, or nothing but −infinity
    Quad lse = 0;      // ±infinity where the logits say so
    size_t top = 0;    // the first of the greatest
    Quad greatest = 0;
    Quad most = 0;                   // the greatest |u| that is finite
    Quad others_of_top = 0;          // Σ exp(u − greatest) without the top
    std::vector<Quad> exponentials;  // exp(u − greatest)

    Quad p(size_t k) const { return exponentials[k] / (1 + others_of_top); }
    Quad one_minus_p(size_t k) const;
    Quad minus_log_p(size_t k) const;  // lse − u
};

Quad capped(const Request& request, double logit);        // u
Quad slope(const Request& request, double logit);         // du/dz
Quad cap_argument(const Request& request, double logit);  // 2·|scale·z / softcap|

Softmax softmax_of(const Request& request, const std::vector<double>& logits);

struct CrossEntropyRow {
    Softmax s;
    std::vector<Quad> b;
    Quad sum_b = 0;      // A
    Quad loss = 0;       // NaN or infinite where the contract says so
    Quad loss_size = 0;  // Σ |b|·(lse − u)
    Quad z_loss = 0;

    // Before du/dz and the other factors: p·(A + 2·λ·lse) − b as p·(A − b + 2·λ·lse) − (1 − p)·b.
    Quad pull, push;  // p·(A − b + 2·λ·lse) and (1 − p)·b of the last call
    Quad gradient(const Request& request, size_t k);
};

CrossEntropyRow cross_entropy_of(const Request& request, const Row& row);

}  // namespace nxent_oracle
