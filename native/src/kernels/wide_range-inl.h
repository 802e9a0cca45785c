// SPDX-License-Identifier: MIT
//
// Gradients whose factors are so great or small that exponentials must be kept beyond the range of their type until all
// factors have come together: a way for rows that are rare. Nothing of the first pass is kept but its sums. Each element
// is computed by itself, in double, its exponent apart.
#pragma once

#include "cross_entropy_rows-inl.h"

namespace nxent {
namespace NXENT_TARGET {
namespace {

// (high + low)·2^exponent, the exponent an integer and high 0 or between 1 and 2 in magnitude: no product is out of range.
struct Ranged {
    Pair<double> value;
    double exponent;
};

// Subnormal numbers count as 0. Infinities and NaN stay.
NXENT_INLINE Ranged ranged(Pair<double> x, double exponent) {
    const double size = magnitude(x.high);
    if (size < 0x1p-1022) return {{0, 0}, 0};
    if (!(size < kInfinity)) return {{x.high, 0}, 0};
    const uint64_t field = bit_cast<uint64_t>(size) >> 52;
    const double n = static_cast<double>(static_cast<int64_t>(field)) - 1023.0;
    // In two steps, as 2^-n may be out of range.
    const double half = power_of_two_of(n > 0 ? -500.0 : 500.0);
    const double rest = power_of_two_of(n > 0 ? 500.0 - n : -500.0 - n);
    // Low parts that could be subnormal do not count.
    const double low = magnitude(x.low) < 0x1p-1022 ? 0 : x.low * half * rest;
    return {{x.high * half * rest, low}, n + exponent};
}
NXENT_INLINE Ranged ranged(double x) { return ranged(Pair<double>{x, 0}, 0); }

NXENT_INLINE Ranged operator*(const Ranged& a, const Ranged& b) {
    const double high = a.value.high * b.value.high;
    const double low =
        product_error(a.value.high, b.value.high, high) + (a.value.high * b.value.low + a.value.low * b.value.high);
    return ranged(high - high == 0 ? Pair<double>{high, low} : Pair<double>{high, 0}, a.exponent + b.exponent);
}
NXENT_INLINE Ranged operator+(const Ranged& a, const Ranged& b) {
    const bool greater_a = b.value.high == 0 || (a.value.high != 0 && a.exponent > b.exponent);
    const Ranged &most = greater_a ? a : b, &least = greater_a ? b : a;
    const double down = least.exponent - most.exponent;
    if (least.value.high == 0 || down < -200.0) return most;
    return ranged(most.value + times(least.value, power_of_two_of(down)), most.exponent);
}
NXENT_INLINE Ranged operator-(const Ranged& a) { return {{0.0 - a.value.high, 0.0 - a.value.low}, a.exponent}; }

// Infinite where it is out of range, and 0 below 2^-1022.
NXENT_INLINE double in_range(const Ranged& x) {
    const double v = x.value.high + x.value.low;
    if (!(magnitude(v) > 0 && magnitude(v) < kInfinity)) return v;
    const Ranged r = ranged(v);
    const double n = r.exponent + x.exponent;
    if (n < -1022.0) return 0;
    if (n > 1023.0) return v < 0 ? -kInfinity : kInfinity;
    return r.value.high * power_of_two_of(n);
}

// e^x for x up to 0.35; 0 below −2^14.
NXENT_INLINE Ranged ranged_exp(Pair<double> x) {
    if (!(x.high > -0x1p+14)) return {{x.high != x.high ? x.high : 0, 0}, 0};
    const double n = nearest_exponent(x.high);
    return ranged(exp_of_reduced(x, n), n);
}

// The derivative of a softcap, 4t / (1 + t)² with t = e^−|x|.
template <class V>
NXENT_INLINE Ranged ranged_derivative(double z, const Plan& plan) {
    double x = magnitude(z * plan.slope);
    // Slopes of rows of float are those of powers of 2.
    if (sizeof(V) == sizeof(F)) x = x * kLn2;
    const Ranged t = ranged_exp({0.0 - x, 0});
    const double whole = 1.0 + in_range(t);
    return t * ranged(4.0 / (whole * whole));
}

// What a row's gradient is made of.
struct WideRow {
    Ranged factor;   // of the targets
    Ranged scale;    // of probabilities
    Ranged inverse;  // 1 / sum
};

template <class V>
NXENT_INLINE Ranged ranged_probability(const Plan& plan, const RowSums<V>& s, const WideRow& wide_row, double x) {
    if (x == -kInfinity) return {{0, 0}, 0};
    return ranged_exp(distance(plan, Anchor{x, 0}, s.anchor)) * wide_row.inverse;
}

NXENT_INLINE Ranged ranged_of(double x) { return ranged(x); }
NXENT_INLINE Ranged ranged_of(Pair<double> x) { return ranged(x, 0); }

// Σ of all exponentials but that of the class apart, relative to the row's anchor.
template <class V>
NXENT_NOINLINE Ranged ranged_others(const Plan& plan, Anchor anchor, const Block<V>* blocks, size_t count) {
    using Wide = typename Numbers<V>::Wide;
    Anchor highest = blocks[0].anchor;
    for (size_t b = 1; b < count; ++b) highest = higher(plan, blocks[b].anchor, highest);
    if (highest.shift == -kInfinity) return {{0, 0}, 0};
    Wide others = wide<Wide>(0.0);
    for (size_t b = 0; b < count; ++b)
        others = others + times(blocks[b].others, ratio<V>(plan, blocks[b].anchor, highest));
    return ranged_of(others) * ranged(kUnbias * kRatioUnbias<V>) * ranged_exp(distance(plan, highest, anchor));
}

// weight·log1p(others / label), of a label whose probability is nearly 1.
template <class V>
NXENT_NOINLINE double wide_loss(const Plan& plan, const RowSums<V>& s, double weight, const Block<V>* blocks,
                                size_t count) {
    const Ranged label = ranged_exp(distance(plan, Anchor{s.x_apart, 0}, s.anchor));
    const double inverse = 1.0 / label.value.high;
    return in_range(ranged(weight) * ranged_others<V>(plan, s.anchor, blocks, count) * ranged(inverse) *
                    Ranged{{1.0, 0}, 0.0 - label.exponent});
}

template <class V>
NXENT_INLINE void put_gradient(const RowMemory<V>& row, size_t j, double g) {
    if (row.accumulate)
        store_elements(row.grad, j, 1,
                       canonical(accumulated(load_elements(row.grad, j, 1, 0), set(rounded_to_element<V>(g)))));
    else
        put(row.grad, j, g);
}

// The gradient of a share of a row. The logits are still where they were.
template <class V>
NXENT_NOINLINE void wide_gradient(const SoftmaxCrossEntropyJob& job, const Plan& plan, const Row<V>& row,
                                  const RowSums<V>& s, double lse, const Block<V>* blocks, size_t count,
                                  const Share& share) {
    const RowMemory<V>& memory = row.memory;
    const size_t classes = job.rows.classes;
    const TargetTotals<double>& targets = row.targets;
    const Ranged finite_lse = magnitude(lse) < kInfinity ? ranged(lse) : ranged(plan.unit) * ranged(s.anchor.shift);
    const Ranged pull = ranged(2.0) * ranged(job.z_loss_scale) * finite_lse;
    WideRow r;
    r.factor = ranged(job.grad_scale) * ranged(upstream_of<V>(job, row.index)) * ranged(job.scale);
    r.scale = (ranged(targets.rest + targets.own) + pull) * r.factor;
    r.inverse = ranged_of(s.inverse);
    const size_t begin = share.begin * plan.block < classes ? share.begin * plan.block : classes;
    const size_t end = share.end * plan.block < classes ? share.end * plan.block : classes;
    for (size_t j = begin; j < end; ++j) {
        const bool is_apart = j == row.apart.index;
        const double z = is_apart ? row.apart.z : element(memory.z, j);
        const Ranged p = ranged_probability(plan, s, r, is_apart ? row.apart.x : before_unit<V>(z, plan));
        Ranged g = p * r.scale;
        if (is_apart) {
            // What its own target leaves of p is the others' probability, and nothing cancels.
            const Ranged p_others = ranged_others<V>(plan, s.anchor, blocks, count) * r.inverse;
            g = (p * (ranged(targets.rest) + pull) + -(p_others * ranged(targets.own))) * r.factor;
        } else if (plan.smears) {
            double b = plan.spread;
            if (job.target == Target::Distribution)
                b = flushed(element(memory.q, j), Numbers<V>::kSmallestNormal) * plan.kept + b;
            else if (j == row.label.index)
                b = plan.kept + b;
            Ranged target = ranged(b) * r.factor;
            if (job.class_weights) target = target * ranged(job.class_weights[j]);
            g = g + -target;
        }
        if (plan.capped) g = g * ranged_derivative<V>(z, plan);
        put_gradient(memory, j, in_range(g));
    }
}

}  // namespace
}  // namespace NXENT_TARGET
}  // namespace nxent
