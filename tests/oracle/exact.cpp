// SPDX-License-Identifier: MIT
#include "exact.h"

#include <cmath>

namespace nxent_oracle {

Quad Softmax::one_minus_p(size_t k) const {
    const Quad sum = 1 + others_of_top;
    if (k == top) return others_of_top / sum;
    if (exponentials[k] < Quad(0.125)) return 1 - p(k);
    Quad others = 0;
    for (size_t c = 0; c < exponentials.size(); ++c)
        if (c != k) others += exponentials[c];
    return others / sum;
}

Quad Softmax::minus_log_p(size_t k) const { return (greatest - u[k]) + quad_log1p(others_of_top); }

static Quad scale_of(const Request& request) { return request.scale == 0 ? 1 : static_cast<Quad>(request.scale); }

Quad capped(const Request& request, double logit) {
    const Quad x = scale_of(request) * static_cast<Quad>(logit);
    const Quad cap = static_cast<Quad>(request.softcap);
    if (cap == 0 || is_nan(x)) return x;
    if (!is_finite(x)) return x > 0 ? cap : -cap;
    return cap * quad_tanh(x / cap);
}

Quad cap_argument(const Request& request, double logit) {
    if (request.softcap == 0) return 0;
    return absolute(2 * scale_of(request) * static_cast<Quad>(logit) / static_cast<Quad>(request.softcap));
}

Quad slope(const Request& request, double logit) {
    const Quad scale = scale_of(request);
    if (request.softcap == 0) return scale;
    const Quad x = cap_argument(request, logit);
    if (!is_finite(x)) return is_nan(x) ? x : 0;
    // 1 − tanh² = 4·t / (1 + t)² with t = exp(−2·|scale·z / softcap|)
    const Quad t = quad_exp(-x);
    return scale * (4 * t / ((1 + t) * (1 + t)));
}

Softmax softmax_of(const Request& request, const std::vector<double>& logits) {
    Softmax s;
    s.u.resize(logits.size());
    s.exponentials.resize(logits.size());
    bool nan = false;
    for (size_t k = 0; k < logits.size(); ++k) {
        s.u[k] = capped(request, logits[k]);
        nan |= is_nan(s.u[k]);
        if (k == 0 || s.u[k] > s.u[s.top]) s.top = k;
        if (is_finite(s.u[k])) s.most = larger(s.most, absolute(s.u[k]));
    }
    s.greatest = s.u[s.top];
    if (nan || !is_finite(s.greatest)) {
        s.bad = true;
        s.lse = nan ? not_a_number() : s.greatest;
        return s;
    }
    for (size_t k = 0; k < logits.size(); ++k) {
        s.exponentials[k] = is_finite(s.u[k]) ? quad_exp(s.u[k] - s.greatest) : 0;
        if (k != s.top) s.others_of_top += s.exponentials[k];
    }
    s.lse = s.greatest + quad_log1p(s.others_of_top);
    return s;
}

// A target as it counts: subnormal ones are 0. (Those of float16 are normal float32 numbers.)
static Quad target_of(const Request& request, double q) {
    const bool subnormal = request.type->flushes && std::fabs(q) < request.type->smallest_normal();
    return subnormal ? 0 : static_cast<Quad>(q);
}

CrossEntropyRow cross_entropy_of(const Request& request, const Row& row) {
    CrossEntropyRow r;
    r.s = softmax_of(request, row.logits);
    const size_t n = row.logits.size();
    const Quad smoothing = static_cast<Quad>(request.smoothing);
    r.b.resize(n);
    for (size_t c = 0; c < n; ++c) {
        const Quad given = request.has_labels() ? (static_cast<int64_t>(c) == row.label ? 1 : 0)
                                                : target_of(request, row.distribution[c]);
        const Quad q = (1 - smoothing) * given + smoothing / static_cast<Quad>(n);
        r.b[c] = request.class_weights.empty() ? q : static_cast<Quad>(request.class_weights[c]) * q;
        r.sum_b += r.b[c];
    }
    if (r.s.bad) {
        r.loss = not_a_number();
        r.z_loss = static_cast<Quad>(request.z_loss) * r.s.lse * r.s.lse;
        return r;
    }
    for (size_t c = 0; c < n; ++c) {
        if (r.b[c] == 0) continue;
        const Quad term = r.b[c] * r.s.minus_log_p(c);
        r.loss += term;
        r.loss_size += absolute(term);
    }
    r.z_loss = static_cast<Quad>(request.z_loss) * r.s.lse * r.s.lse;
    return r;
}

Quad CrossEntropyRow::gradient(const Request& request, size_t k) {
    // A − b loses nothing that matters but where b is nearly all of A.
    Quad rest = sum_b - b[k];
    if (absolute(b[k]) > Quad(0.01) * absolute(rest)) {
        rest = 0;
        for (size_t c = 0; c < b.size(); ++c)
            if (c != k) rest += b[c];
    }
    const Quad p = s.p(k);
    const Quad z_loss = request.z_loss == 0 ? Quad(0) : 2 * static_cast<Quad>(request.z_loss) * s.lse;
    pull = p * (rest + z_loss);
    push = s.one_minus_p(k) * b[k];
    return pull - push;
}

}  // namespace nxent_oracle
