// SPDX-License-Identifier: MIT
//
// Binary cross-entropy from logits, in double whatever the element type. With t = exp(−|z|), the logistic function is
// 1 / (1 + t) on one side and t / (1 + t) on the other, and log(1 + exp(z)) = max(z, 0) + log1p(t): nothing cancels, and
// nothing overflows.
#pragma once

#include "../kernels.h"
#include "elements-inl.h"

namespace nxent {
namespace NXENT_TARGET {
namespace {

// x·y, but 0 where x is 0, even if y is infinite.
NXENT_INLINE D product_or_zero(D x, D y) {
    const D zero = set(0.0);
    const D product = x * y;
    return select_below(zero, x, product, select_below(x, zero, product, x * zero));
}

NXENT_INLINE D positive_weights(const SigmoidCrossEntropyJob& job, size_t j, size_t lanes) {
    if (!job.positive_weights) return set(1.0);
    if (job.classes == 1) return set(job.positive_weights[0]);
    double w[kLanes];
    size_t c = j % job.classes;
    for (size_t i = 0; i < lanes; ++i) {
        w[i] = job.positive_weights[c];
        c = c + 1 == job.classes ? 0 : c + 1;
    }
    return load_partial(w, lanes, 0.0);
}

template <class V>
NXENT_NOINLINE void sigmoid_cross_entropy_in(const SigmoidCrossEntropyJob& job, nxent_totals& totals) {
    constexpr double kFlushBelow = Numbers<V>::kFlushBelow;
    const auto array = [&](const void* p) { return array_of<V>(p, 1, job.element_type); };
    const auto at = [&](const void* p, size_t j, size_t lanes) { return widened(load_numbers(array(p), j, lanes)); };
    const D zero = set(0.0), one = set(1.0);
    // Whether what is multiplied could be subnormal and show in a result: it then counts as 0, so that no mode matters.
    const bool careful = sizeof(V) == sizeof(D) || job.positive_weights || magnitude(job.grad_scale) > 0x1p+700;
    const auto normal = [&](D x) { return careful ? flush_below(x, Numbers<D>::kSmallestNormal) : x; };
    D losses = zero, weights = zero;
    for (size_t j = job.begin; j < job.end; j += kLanes) {
        const size_t lanes = job.end - j < kLanes ? job.end - j : kLanes;
        // Beyond the last logit the weight is 0.
        const D weight = job.weights ? at(job.weights, j, lanes) : load_partial(kOnes, lanes, 0.0);
        const D z = at(job.logits, j, lanes);
        const D y = at(job.targets, j, lanes) * set(1.0 - job.label_smoothing) + set(0.5 * job.label_smoothing);
        const D negative = normal(weight * (one - y));
        const D positive = normal(weight * normal(positive_weights(job, j, lanes) * y));
        const D t = exp_wide(zero - magnitude(z));
        if (job.loss || job.sums) {
            const D log1p_t = log1p_unit(t);
            const D loss = flush_below(normal(product_or_zero(negative, greater(z, zero) + log1p_t)) +
                                           normal(product_or_zero(positive, greater(zero - z, zero) + log1p_t)),
                                       Numbers<D>::kSmallestNormal);
            losses = losses + loss;
            weights = weights + weight;
            if (job.loss)
                store_elements(array(job.loss), j, lanes, canonical(narrowed<V>(flush_below(loss, kFlushBelow))));
        }
        if (job.grad) {
            const D above = one / (one + t), below = t * above;
            const D at_z = select_below(z, zero, below, above), at_minus_z = select_below(z, zero, above, below);
            D factor = set(job.grad_scale);
            if (job.upstream) factor = normal(factor * at(job.upstream, j, lanes));
            D d = normal(normal(negative * at_z) - normal(positive * at_minus_z)) * factor;
            // Where the factor is 0, the gradient is, whatever the logit.
            d = select_below(zero, magnitude(factor), d, select_below(magnitude(factor), one, zero, d));
            V g = narrowed<V>(flush_below(d, kFlushBelow));
            if (job.accumulate) g = accumulated(load_elements(array(job.grad), j, lanes, 0), g);
            store_elements(array(job.grad), j, lanes, canonical(g));
        }
    }
    if (!job.sums) return;
    totals.loss = sum_lanes(losses);
    totals.weight = sum_lanes(weights);
    totals.rows = job.end - job.begin;
}

void sigmoid_cross_entropy(const SigmoidCrossEntropyJob& job, nxent_totals& totals) {
    if (job.element_type == NXENT_FLOAT64)
        sigmoid_cross_entropy_in<D>(job, totals);
    else
        sigmoid_cross_entropy_in<F>(job, totals);
}

}  // namespace
}  // namespace NXENT_TARGET
}  // namespace nxent
