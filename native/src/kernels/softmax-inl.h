// SPDX-License-Identifier: MIT
//
// The logarithm of a softmax, and the gradient through a softmax or its logarithm.
#pragma once

#include "softmax_cross_entropy-inl.h"

namespace nxent {
namespace NXENT_TARGET {
namespace {

// log p[j] = (z[j] − m) − log1p(others / exp(m)), with m the greatest logit and the others' sum without it: no term
// cancels, so that the greatest class keeps its accuracy too, however near p is to 1.
template <class V>
NXENT_NOINLINE void log_softmax_row(const LogSoftmaxJob& job, const SoftmaxCrossEntropyJob& sums_job, const Plan& plan,
                                    size_t i) {
    using Wide = typename Numbers<V>::Wide;
    const size_t classes = job.rows.classes;
    RowMemory<V> row{};
    row.z = sample_of<V>(job.logits, job.logits_stride, job.element_type, job.rows, i);
    const Array<V> output = sample_of<V>(job.output, job.output_stride, job.element_type, job.rows, i);

    const double m = greatest_general(row, 0, classes);
    size_t first = 0;
    while (first < classes && !(element(row.z, first) >= m)) ++first;

    Wide others = wide<Wide>(0.0);
    const Anchor anchor = anchor_at<V>(plan, m);
    for (size_t j = 0; j < classes; j += plan.block) {
        const size_t length = classes - j < plan.block ? classes - j : plan.block;
        Block<V> block;
        general_block<V>(sums_job, plan, row, j, length, {first, m, m}, greatest_others(row, j, length, first), nullptr,
                         block);
        others = others + times(block.others, ratio<V>(plan, block.anchor, anchor));
    }
    const RowSums<V> sums(anchor, others, m, apart_exponential<V>(plan, m, anchor));
    double lse;
    if (sums.sum > 0) {
        const double log_sum = log1p_wide(sums.odds());
        lse = m + log_sum;
        for (size_t j = 0; job.output && j < classes; j += kLanes) {
            const size_t lanes = classes - j < kLanes ? classes - j : kLanes;
            const D z = widened(load_elements(row.z, j, lanes, 0));
            const D y = flush_below((z - set(m)) - set(log_sum), Numbers<V>::kFlushBelow);
            store_elements(output, j, lanes, narrowed<V>(y));
        }
    } else {
        // As of a row without a softmax, where m is not among the others.
        lse = nan_or_zero(rounded(others)) + m;
        if (job.output) fill(output, classes, canonical_nan());
    }
    if (job.lse) put(array_of<V>(job.lse, 1, job.element_type), i, lse);
}

void log_softmax(const LogSoftmaxJob& job) {
    SoftmaxCrossEntropyJob sums_job{};
    sums_job.rows = job.rows;
    sums_job.target = Target::None;
    sums_job.scale = 1;
    const Plan plan = make_plan(sums_job);
    for (size_t i = job.rows.begin; i < job.rows.end; ++i)
        if (job.element_type == NXENT_FLOAT64)
            log_softmax_row<D>(job, sums_job, plan, i);
        else
            log_softmax_row<F>(job, sums_job, plan, i);
}

// Without what sums of doubles could be subnormal of, which is too little to count among the gradients of its row.
template <class V>
NXENT_INLINE D without_tiny(D x) {
    return sizeof(V) == sizeof(D) ? flush_below(x, 0x1p-960) : x;
}

// In double: with y the output and g its gradient, y·(g − Σ y·g), or for the logarithm g − exp(y)·Σ g.
template <class V>
NXENT_NOINLINE void softmax_backward_row(const SoftmaxBackwardJob& job, size_t i) {
    const size_t classes = job.rows.classes;
    const Array<V> output = sample_of<V>(job.output, job.output_stride, job.element_type, job.rows, i);
    const Array<V> upstream = sample_of<V>(job.upstream, job.upstream_stride, job.element_type, job.rows, i);
    const Array<V> grad = sample_of<V>(job.grad, job.grad_stride, job.element_type, job.rows, i);
    D sum = set(0.0), greatest = sum;
    double up = 1;
    const auto add_all = [&] {
        sum = set(0.0);
        for (size_t j = 0; j < classes; j += kLanes) {
            const size_t lanes = classes - j < kLanes ? classes - j : kLanes;
            const D g = widened(load_numbers(upstream, j, lanes)) * set(up);
            sum = sum + without_tiny<V>(job.log ? g : g * widened(load_numbers(output, j, lanes)));
            if constexpr (sizeof(V) == sizeof(D)) greatest = greater(magnitude(g), greatest);
        }
    };
    add_all();
    // Of gradients so small, differences of sums could be subnormal.
    if (sizeof(V) == sizeof(D) && greatest_lane(greatest) < 0x1p-800) {
        up = 0x1p+220;
        add_all();
    }
    const D total = set(sum_lanes(sum));
    const D most = set(709.0);
    for (size_t j = 0; j < classes; j += kLanes) {
        const size_t lanes = classes - j < kLanes ? classes - j : kLanes;
        const D g = widened(load_numbers(upstream, j, lanes)) * set(up);
        const D y = widened(load_numbers(output, j, lanes));
        const D d = job.log ? g - without_tiny<V>(exp_wide(select_below(most, y, most, y)) * total) : y * (g - total);
        V v = narrowed<V>(flush_below(d, Numbers<V>::kFlushBelow * up) * set(1.0 / up));
        if (job.accumulate) v = accumulated(load_elements(grad, j, lanes, 0), v);
        store_elements(grad, j, lanes, canonical(v));
    }
}

void softmax_backward(const SoftmaxBackwardJob& job) {
    for (size_t i = job.rows.begin; i < job.rows.end; ++i)
        if (job.element_type == NXENT_FLOAT64)
            softmax_backward_row<D>(job, i);
        else
            softmax_backward_row<F>(job, i);
}

}  // namespace
}  // namespace NXENT_TARGET
}  // namespace nxent
