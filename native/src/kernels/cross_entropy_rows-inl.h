// SPDX-License-Identifier: MIT
//
// Softmax cross-entropy from logits: gradient, loss and lse of a range of rows, with every option. docs/numerics.md
// derives the method and its error bound. In short, for a row u with label y:
//
//   1. The row is cut into blocks. For each block, m = max u without the label and N = rint(m·log2 e). Each u is reduced
//      by itself, u = n·ln 2 + r, never as u − m, whose rounding would cost tens of ULP. e = 2·exp(r)·2^(n − N + 64) is
//      stored where the gradient goes, and summed with its rounding errors, without the label.
//   2. The blocks' sums are joined in double: S = others + exp(u_y).
//   3. Gradient: e·(block scale / S) for the others, −others / S for the label, which never cancels.
//      Loss: log1p(others / exp(u_y)).
//
// With targets b beyond the label, those of label smoothing or of a distribution, the class g that is summed apart is the
// greatest in place of the label: it alone can have a probability near 1. Then each element is p·Σb − b, in double; that
// of g is p_g·Σ'b − (others / S)·b_g, Σ' being the sum without g; and the loss is Σb·log1p(others / exp(u_g)) + Σ b·(u_g − u),
// no term of which is negative where no target is.
//
// Weights of the label, ignored rows, z-loss and upstream gradients only change a row's scale, and cost nothing. A scale of
// the logits costs three operations on the way to the exponential. What changes single elements of the gradient (smoothing,
// distributions, accumulation, other layouts and types) takes the general second pass, outside groups of rows, and a softcap
// the general first pass too; where plain and general passes could be taken, they give the same bits.
#pragma once

#include "../kernels.h"
#include "exponential-inl.h"

namespace nxent {
namespace NXENT_TARGET {
namespace {

constexpr size_t kNoLabel = ~size_t{0};
// Positions of a sample that are turned into rows together, and up to how many classes.
constexpr size_t kStagedRows = kLanes;
constexpr size_t kStagedClasses = kBlock / kStagedRows;

// What all rows of a call have in common.
struct Plan {
    size_t block;        // length of a block
    bool transforms;     // u is not z
    bool capped;         // there is a softcap
    bool scales;         // there is none, and u = slope·z is not z
    bool smears;         // gradients have a target beyond the label: smoothing or a distribution
    bool sums_targets;   // whether sums over those targets are needed
    bool wants_loss;     // and whether the loss is
    bool wants_lse;      // for itself or the z-loss
    double kept;         // 1 − label smoothing
    double spread;       // label smoothing / classes
    double distance;     // what Σ b·(u_g − u) is made of by the sum that TargetSums has
    bool checks_range;   // whether any row may need the wide range
    double most_factor;  // up to which a row's upstream gradient does not
    double slope;        // u = slope·z, or what soft_capped() makes of it
    double unit;         // u of an anchor's shift is unit·shift
    double half_softcap;
};

// Derivatives of a softcap are multiplied with it.
template <class V>
constexpr double kSlopeBias = sizeof(V) == sizeof(D) ? 1.0 : 0x1p+40;

// Factors that are 0 or between these can be multiplied in any order. (NaN cannot.)
constexpr double kLeastFactor = 0x1p-400, kMostFactor = 0x1p+400;
NXENT_INLINE bool is_ordinary_factor(double x) {
    const double size = magnitude(x);
    return size == 0 || (size >= kLeastFactor && size <= kMostFactor);
}

// e is kept down to 2^-190 of a block's greatest, 2^-1086 of doubles: enough where what it is multiplied with is at most
// 2^64. What comes from a z-loss may be more where logits are so large that neighbouring ones are farther apart than that:
// of the logit's magnitude u, where u is at least 2^32 of float and 2^64 of double.
NXENT_NOINLINE void set_range(const SoftmaxCrossEntropyJob& job, Plan& plan) {
    const bool is_double = job.element_type == NXENT_FLOAT64;
    const double most = !plan.capped ? 0x1p+64 : is_double ? kSlopeBias<D> : kSlopeBias<F>;
    const double pull = 2.0 * magnitude(job.z_loss_scale), grad_scale = magnitude(job.grad_scale);
    bool ordinary = is_ordinary_factor(grad_scale) && is_ordinary_factor(pull) && !(is_double && pull > 1.0);
    double weight = 1;
    if (plan.smears) ordinary = ordinary && is_ordinary_factor(plan.spread);
    for (size_t c = 0; job.class_weights && c < job.rows.classes; ++c) {
        ordinary = ordinary && is_ordinary_factor(job.class_weights[c]);
        weight = job.class_weights[c] > weight ? job.class_weights[c] : weight;
    }
    ordinary = ordinary && weight <= 0x1p+64;
    plan.most_factor = -1;
    const double factor = grad_scale * job.scale;
    if (ordinary) {
        plan.most_factor = factor > 0 ? most / (factor * weight) : kMostFactor;
        const double most_of_pull = (is_double ? 1.0 : 0x1p+32) / (factor * pull);
        if (plan.most_factor > most_of_pull) plan.most_factor = most_of_pull;
        if (plan.most_factor > kMostFactor) plan.most_factor = kMostFactor;
    }
    // What the type's numbers can be.
    const double most_upstream = !job.upstream                       ? 1.0
                                 : is_double                         ? kInfinity
                                 : job.element_type == NXENT_FLOAT16 ? 0x1p+16
                                                                     : 0x1p+128;
    plan.checks_range = (job.upstream && is_double) || !(most_upstream <= plan.most_factor);
}

NXENT_INLINE Plan make_plan(const SoftmaxCrossEntropyJob& job) {
    Plan plan;
    const size_t classes = job.rows.classes;
    plan.block = kBlock;
    if (classes > kBlock * kMaxBlocks) {
        plan.block = (classes + kMaxBlocks - 1) / kMaxBlocks;
        plan.block = (plan.block + kTile - 1) / kTile * kTile;
    }
    plan.capped = job.softcap > 0;
    plan.transforms = plan.capped || job.scale < 1.0 || job.scale > 1.0;
    plan.scales = plan.transforms && !plan.capped;
    plan.smears = job.target == Target::Distribution || job.label_smoothing > 0;
    plan.wants_loss = job.loss || job.sums;
    plan.wants_lse = job.lse || job.z_loss || job.z_loss_scale < 0 || job.z_loss_scale > 0;
    plan.sums_targets = job.target == Target::Distribution || (plan.smears && plan.wants_loss);
    plan.kept = 1.0 - job.label_smoothing;
    plan.spread = job.label_smoothing / static_cast<double>(classes);
    plan.slope = plan.capped ? softcap_slope(job.scale, job.softcap, job.element_type != NXENT_FLOAT64) : job.scale;
    plan.unit = plan.capped ? 1.0 : plan.slope;
    set_range(job, plan);
    plan.half_softcap = 0.5 * job.softcap;
    // (In case it is subnormal.)
    plan.distance = flushed((job.target == Target::Distribution ? 1.0 : plan.spread) * plan.unit, 0x1p-1022);
    return plan;
}

// What is multiplied with the unit to give u: the logit, or what a softcap makes of it. Subtractions before that
// multiplication are exact where they matter, and do not overflow where u would.
template <class V>
NXENT_INLINE double before_unit(double z, const Plan& plan) {
    return plan.capped ? soft_capped<V>(z, plan.slope, plan.half_softcap).value : z;
}

// A point unit·shift + exponent·ln 2 on the axis of u that exponentials are relative to. One of the two is 0.
struct Anchor {
    double shift, exponent;
};
NXENT_INLINE double position(const Plan& plan, Anchor a) { return plan.unit * a.shift + a.exponent * kLn2; }
NXENT_INLINE bool is_shifted(Anchor a) { return a.shift < 0 || a.shift > 0; }
NXENT_INLINE Anchor higher(const Plan& plan, Anchor a, Anchor b) {
    if (is_shifted(a) && is_shifted(b)) return a.shift > b.shift ? a : b;
    return position(plan, a) > position(plan, b) ? a : b;
}
// u − a, where u is unit·x, in two steps of which the first is exact for u near a.
template <class X>
NXENT_INLINE X above(const Plan& plan, X x, Anchor a) {
    if (is_shifted(a)) return (x - all<X>(a.shift)) * all<X>(plan.unit);
    return (x * all<X>(plan.unit) - all<X>(a.exponent * kLn2High)) - all<X>(a.exponent * kLn2Low);
}
// a − b, in two parts where exp() makes something of it. Infinite only where it is out of range itself.
NXENT_INLINE Pair<double> distance(const Plan& plan, Anchor a, Anchor b) {
    const double n = a.exponent - b.exponent;
    Pair<double> x, d;
    two_sum(a.shift, 0.0 - b.shift, x.high, x.low);
    const double u = x.high * plan.unit;
    const double rough = (u + n * kLn2High) + n * kLn2Low;
    if (!(magnitude(x.high) < kInfinity)) return {(0.5 * a.shift - 0.5 * b.shift) * plan.unit * 2.0, 0};
    if (!(magnitude(rough) < 0x1p+20)) return {rough, 0};
    two_sum(u, n * kLn2High, d.high, d.low);
    const double low = (product_error(x.high, plan.unit, u) + x.low * plan.unit) + d.low + n * kLn2Low;
    two_sum(d.high, low, d.high, d.low);
    return d;
}
// exp(a − b)·2^kRatioPower, for a that is not above b. Exact where neither is shifted.
template <class V>
NXENT_INLINE typename Numbers<V>::Wide ratio(const Plan& plan, Anchor a, Anchor b) {
    using Wide = typename Numbers<V>::Wide;
    constexpr double kPower = Numbers<V>::kRatioPower;
    if (a.shift == b.shift) return wide<Wide>(power_of_two_of(a.exponent - b.exponent + kPower));
    const Pair<double> r = exp_in_two_parts(distance(plan, a, b), kPower);
    if constexpr (sizeof(V) == sizeof(D))
        return r;
    else
        return r.high;
}
template <class V>
NXENT_INLINE Anchor anchor_at(const Plan& plan, double x) {
    const double u = x * plan.unit;
    if (u >= -Exponent<V>::kShiftAbove && u <= Exponent<V>::kShiftAbove) return {0, nearest_exponent(u)};
    return {x, 0};
}

// What the first pass leaves behind of a block.
template <class V>
struct Block {
    Anchor anchor;                     // stored e = exp(u − anchor)·2^65
    typename Numbers<V>::Wide others;  // sum of e without the class apart
    typename Numbers<V>::Wide factor;  // ratio() of anchor and the row's anchor
    Anchor base;                       // the anchor, or 0 where that is −infinity
};

// Where one row lies: as it came, or staged.
template <class V>
struct RowMemory {
    Array<V> z;
    Array<V> grad;  // or none
    bool accumulate;
    Array<V> q;      // the distribution
    ScalarOf<V>* e;  // for e, the whole row's or, where keeps_e is false, a block's
    bool keeps_e;
    bool wide = false;  // its gradient is wide_gradient()'s, which wants the logits and no e
    // For the derivatives of a softcap, or none: then the second pass computes them again.
    ScalarOf<V>* slopes = nullptr;
};

// The class of a row that is summed apart from the others: the label; with targets beyond it the first of the greatest.
struct Apart {
    size_t index;  // kNoLabel or beyond the classes where there is none
    double z, x;   // its logit, and before_unit(); then −infinity
};

// The targets of classes j, j + 1, … beyond the label, but for plan.spread where that is a factor of all: those of a
// distribution are w·(q·(1 − smoothing) + smoothing / classes), others w; 0 beyond lanes.
template <class V>
NXENT_INLINE D relative_targets(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowMemory<V>& row, size_t j,
                                size_t lanes) {
    D b = set(1.0);
    if (job.target == Target::Distribution)
        b = widened(load_numbers(row.q, j, lanes)) * set(plan.kept) + set(plan.spread);
    if (job.class_weights)
        b = b * load_stepped(job.class_weights + j, 1, lanes, 0.0);
    else if (lanes < kLanes)
        b = b * load_partial(kOnes, lanes, 0.0);
    return b;
}
template <class V>
NXENT_INLINE D smeared_targets(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowMemory<V>& row, size_t j,
                               size_t lanes) {
    const D b = relative_targets(job, plan, row, j, lanes);
    return job.target == Target::Distribution ? b : b * set(plan.spread);
}

// Logits that are scaled and not shifted are multiplied on the way to their exponentials, without a detour by double.
NXENT_INLINE bool takes_scaled(const Plan& plan, Anchor base) { return plan.scales && !is_shifted(base); }
template <class V>
NXENT_INLINE Exponential<ScalarOf<V>> constants_of(const Plan& plan, Anchor base) {
    return takes_scaled(plan, base) ? scaled_exponential_constants<V>(base.exponent, plan.slope)
                                    : exponential_constants<V>(base.shift, base.exponent);
}

// Sums over the targets that relative_targets() gives: of the targets without that of the class apart, for distributions
// only, and of each times how far it is below the class apart before_unit(). What could overflow goes to huge, times
// kHugeUnit.
template <class V>
struct TargetSums {
    BlockSum<V> rest, dot, huge;
};
constexpr double kHuge = 0x1p+1000, kHugeUnit = 0x1p-64;
// b·distance, and 0 where b is, however unlikely the class.
NXENT_INLINE D target_term(D b, D distance) {
    const D zero = set(0.0), term = b * distance;
    return select_below(zero, b, term, select_below(b, zero, term, zero));
}
// Adds the targets of classes j, j + 1, …, of which x are the numbers before_unit().
template <class V>
NXENT_INLINE void add_targets(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowMemory<V>& row, size_t j,
                              size_t lanes, D distance, size_t apart, TargetSums<V>& targets) {
    const D b = relative_targets(job, plan, row, j, lanes);
    if (job.target == Target::Distribution) targets.rest.add(apart - j < lanes ? replace_lane(b, apart - j, 0.0) : b);
    targets.dot.add(target_term(b, distance));
}
// The same of a run of classes, without softcap; their z are taken times unit.
template <class V>
NXENT_INLINE void add_run_targets_in(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowMemory<V>& row,
                                     size_t begin, size_t count, const Apart& apart, double unit,
                                     TargetSums<V>& targets) {
    const D greatest = set(apart.z * unit), in_unit = set(unit);
    for (size_t j = 0; j < count; j += kLanes) {
        const size_t lanes = count - j < kLanes ? count - j : kLanes;
        const D z = widened(load_elements(row.z, begin + j, lanes, -kInfinity)) * in_unit;
        add_targets(job, plan, row, begin + j, lanes, greatest - z, apart.index, targets);
    }
}
// For what could overflow.
template <class V>
NXENT_NOINLINE void add_huge_targets(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowMemory<V>& row,
                                     size_t begin, size_t count, const Apart& apart, TargetSums<V>& targets) {
    TargetSums<V> sums = targets;
    sums.dot = targets.huge;
    add_run_targets_in(job, plan, row, begin, count, apart, kHugeUnit, sums);
    targets.rest = sums.rest;
    targets.huge = sums.dot;
}
template <class V>
NXENT_NOINLINE void add_run_targets(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowMemory<V>& row,
                                    size_t begin, size_t count, const Apart& apart, TargetSums<V>& targets) {
    TargetSums<V> sums = targets;
    const size_t whole = count / kLanes * kLanes;
    if (job.target != Target::Distribution && !job.class_weights && row.z.plain()) {
        const D greatest = set(apart.z);
        for (size_t j = 0; j < whole; j += kLanes) sums.dot.add(greatest - widened(load(row.z.scalars() + begin + j)));
        if (whole < count) add_run_targets_in(job, plan, row, begin + whole, count - whole, apart, 1.0, sums);
    } else {
        add_run_targets_in(job, plan, row, begin, count, apart, 1.0, sums);
    }
    if (sizeof(V) == sizeof(D) && !(greatest_lane(magnitude(sums.dot.high_lanes())) < kHuge))
        return add_huge_targets(job, plan, row, begin, count, apart, targets);
    targets = sums;
}

// Derivatives of a softcap as factors of gradients, times kSlopeBias, so that those are kept of which a gradient up to
// kSlopeBias makes something.
template <class V>
NXENT_INLINE V slopes_of(D derivatives) {
    return zero_below(narrowed<V>(derivatives * set(kSlopeBias<V>)), set_all<V>(Numbers<V>::kFlushBelow));
}
template <class V>
NXENT_INLINE V times_slopes(V g, V slopes) {
    constexpr double kFlushBelow = Numbers<V>::kFlushBelow * kSlopeBias<V>;
    return mul(flush_below(mul(g, slopes), kFlushBelow), set_all<V>(1.0 / kSlopeBias<V>));
}

// soft_capped() of vectors 0 to count: of what z_at(i) gives, for finish_at(i, capped).
template <class V, class LogitsAt, class FinishAt>
NXENT_INLINE void soft_cap_each(const Plan& plan, size_t count, const LogitsAt& z_at, const FinishAt& finish_at) {
    const D slope = set(plan.slope), half_softcap = set(plan.half_softcap);
    if constexpr (sizeof(V) == sizeof(D)) {
        for (size_t i = 0; i < count; ++i) finish_at(i, soft_capped<V>(z_at(i), slope, half_softcap));
    } else {
        // 0.9 of the time of both steps in one loop.
        constexpr size_t kTogether = 8;
        alignas(64) double rests[kTogether * kLanes], powers[kTogether * kLanes];
        for (size_t i = 0; i < count; i += kTogether) {
            const size_t together = count - i < kTogether ? count - i : kTogether;
            for (size_t k = 0; k < together; ++k) {
                const Capping<D> capping = begin_softcap(z_at(i + k), slope);
                store(rests + k * kLanes, capping.rest);
                store(powers + k * kLanes, capping.power);
            }
            for (size_t k = 0; k < together; ++k) {
                const Capping<D> capping{load(rests + k * kLanes), load(powers + k * kLanes)};
                finish_at(i + k, finish_softcap(capping, half_softcap));
            }
        }
    }
}

// u in two parts, from number j on. It is to be clamped before, so that the low part is never infinite.
template <class V>
NXENT_INLINE void store_split(D u, size_t j, size_t lanes, ScalarOf<V>* high, ScalarOf<V>* low) {
    const V v = narrowed<V>(u);
    store_stepped(high + j, 1, lanes, v);
    if constexpr (splits<Input::Split, V>()) store_stepped(low + j, 1, lanes, narrowed<V>(u - widened(v)));
}

// u − shift of a run of classes in two parts, and where there is a softcap, its derivatives, and where targets are summed,
// adds theirs. z may be high.
template <bool kCapped, bool kTargets, class V>
NXENT_INLINE void split_run(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowMemory<V>& row, size_t begin,
                            size_t count, const Apart& apart, Anchor base, ScalarOf<V> lowest, const ScalarOf<V>* z,
                            ScalarOf<V>* high, ScalarOf<V>* low, ScalarOf<V>* slopes, TargetSums<V>* targets) {
    const D shift = set(base.shift), unit = set(plan.unit), least = set(static_cast<double>(lowest));
    const auto split = [&](size_t j, size_t lanes, D x) {
        if constexpr (kTargets) add_targets(job, plan, row, begin + j, lanes, set(apart.x) - x, apart.index, *targets);
        store_split<V>(greater(least, (x - shift) * unit), j, lanes, high, low);
    };
    const auto split_capped = [&](size_t j, size_t lanes, const Capped<D>& capped) {
        store_stepped(slopes + j, 1, lanes, slopes_of<V>(capped.derivative));
        split(j, lanes, capped.value);
    };
    const size_t whole = count / kLanes * kLanes, rest = count - whole;
    [[maybe_unused]] const D slope = set(plan.slope);
    if constexpr (kCapped)
        soft_cap_each<V>(
            plan, count / kLanes, [&](size_t i) { return widened(load(z + i * kLanes)); },
            [&](size_t i, const Capped<D>& capped) { split_capped(i * kLanes, kLanes, capped); });
    else
        for (size_t j = 0; j < whole; j += kLanes) split(j, kLanes, widened(load(z + j)));
    if (rest == 0) return;
    const D last = widened(load_partial(z + whole, rest, ScalarOf<V>{0}));
    if constexpr (kCapped)
        split_capped(whole, rest, soft_capped<V>(last, slope, set(plan.half_softcap)));
    else
        split(whole, rest, last);
}

// e of at most a tile's classes from begin on, 0 for the class apart, and its sum. Where targets are summed, adds theirs.
template <class V>
NXENT_NOINLINE void general_tile(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowMemory<V>& row,
                                 size_t begin, size_t count, const Apart& apart, Anchor base, ScalarOf<V>* e,
                                 TargetSums<V>* targets, BlockSum<V>& sum) {
    const size_t other = apart.index - begin;
    const Exponential<ScalarOf<V>> c = constants_of<V>(plan, base);
    if (targets && !plan.capped) add_run_targets(job, plan, row, begin, count, apart, *targets);
    if (plan.transforms && !takes_scaled(plan, base)) {
        constexpr bool kSplits = splits<Input::Split, V>();
        alignas(64) ScalarOf<V> low[kSplits ? kTile : 1];
        // Where no derivatives are wanted, what u overwrites.
        ScalarOf<V>* const slopes = row.slopes ? row.slopes + begin : e;
        const bool plain = row.z.plain();
        if (!plain) load_run(row.z, begin, e, count);
        const ScalarOf<V>* const z = plain ? row.z.scalars() + begin : e;
        if (!plan.capped)
            split_run<false, false>(job, plan, row, begin, count, apart, base, c.lowest, z, e, low, slopes, targets);
        else if (targets)
            split_run<true, true>(job, plan, row, begin, count, apart, base, c.lowest, z, e, low, slopes, targets);
        else
            split_run<true, false>(job, plan, row, begin, count, apart, base, c.lowest, z, e, low, slopes, targets);
        // The class apart may be far above the others, and its low part so great that its exponential, which is not wanted,
        // is NaN.
        if (kSplits && other < count) low[other] = 0;
        return add_exponentials<Input::Split, V>(Others<ScalarOf<V>>(e, count, other), low, e, c, sum);
    }
    load_run(row.z, begin, e, count);
    const Others<ScalarOf<V>> others(e, count, other);
    if (plan.scales)
        add_exponentials<Input::Scaled, V>(others, nullptr, e, c, sum);
    else
        add_exponentials<Input::Shifted, V>(others, nullptr, e, c, sum);
}

// The greatest logit of a block before and from the label on, both without it; NaN is passed over.
struct Greatest {
    double before, after;
};
template <class V>
NXENT_INLINE double greatest_general(const RowMemory<V>& row, size_t begin, size_t end) {
    V m = set_all<V>(-kInfinity);
    for (size_t j = begin; j < end; j += kLanes)
        m = greater(load_elements(row.z, j, end - j < kLanes ? end - j : kLanes, -kInfinity), m);
    return static_cast<double>(greatest_lane(m));
}
template <class V>
Greatest greatest_others(const RowMemory<V>& row, size_t begin, size_t count, size_t label) {
    const size_t end = begin + count;
    const size_t split = label < begin ? begin : label < end ? label : end;
    const size_t after = label - begin < count ? label + 1 : split;
    return {greatest_general(row, begin, split), greatest_general(row, after, end)};
}

// Whether no logit of a run from class begin on keeps the label's from being the greatest, of equals the first. greatest is
// that of the others.
template <class S>
NXENT_INLINE bool allows_label(const S* z, size_t begin, size_t count, S greatest, size_t label, double z_label) {
    const double other = static_cast<double>(greatest);
    if (other > z_label) return false;
    const size_t before = label < begin ? 0 : label - begin < count ? label - begin : count;
    for (size_t j = 0; other >= z_label && j < before; ++j)
        if (static_cast<double>(z[j]) >= z_label) return false;
    return true;
}

// Where the first of the greatest of a run of numbers is; NaN is passed over. count where there is none, or where best is
// as great, which becomes the greatest.
template <class S>
NXENT_INLINE size_t first_greater(const S* z, size_t count, S& best) {
    const S m = greatest(Others<S>(z, count, kNoLabel));
    if (!(m > best)) return count;
    best = m;
    const auto wanted = set(m);
    const auto equal = [&](size_t j) { return equal_lanes(load(z + j), wanted); };
    size_t j = 0;
    for (; j + 4 * kLanes <= count; j += 4 * kLanes)
        if (equal(j) | equal(j + kLanes) | equal(j + 2 * kLanes) | equal(j + 3 * kLanes)) break;
    while (j + kLanes <= count && !equal(j)) j += kLanes;
    const auto rest = load_partial(z + j, count - j < kLanes ? count - j : kLanes, static_cast<S>(-kInfinity));
    for (uint32_t bits = equal_lanes(rest, wanted); !(bits & 1); bits >>= 1) ++j;
    return j;
}
// The first of the greatest numbers of a row, or 0 where there is nothing but NaN and −infinity.
template <class V>
NXENT_NOINLINE size_t first_greatest(const Array<V>& a, size_t count) {
    size_t first = 0;
    ScalarOf<V> best = static_cast<ScalarOf<V>>(-kInfinity);
    alignas(64) ScalarOf<V> tile[kTile];
    const size_t step = a.plain() ? count : kTile;
    for (size_t j = 0; j < count; j += step) {
        const size_t length = count - j < step ? count - j : step;
        if (!a.plain()) load_run(a, j, tile, length);
        const size_t k = first_greater(a.plain() ? a.scalars() : tile, length, best);
        if (k < length) first = j + k;
    }
    return first;
}

// m is the greatest number before_unit().
template <class V>
NXENT_INLINE void set_anchor(const Plan& plan, Block<V>& block, double m) {
    block.anchor = anchor_at<V>(plan, m);
    block.base = m == -kInfinity ? Anchor{0, 0} : block.anchor;
}

// A block with +infinity has no exponentials: its row's gradient and loss are NaN, and all that is left to know, for lse, is
// whether the block holds NaN. Then its sum is NaN, and otherwise 0.
template <class V>
NXENT_INLINE bool is_infinite(const Block<V>& block) {
    return block.anchor.shift == kInfinity;
}
NXENT_INLINE double nan_or_zero(double x) { return x != x ? canonical_nan() : 0; }
template <class V>
NXENT_NOINLINE void look_for_nan(const RowMemory<V>& row, size_t begin, size_t count, size_t apart, Block<V>& block) {
    double sum = 0;
    for (size_t j = begin; j < begin + count; ++j)
        if (j != apart) sum += nan_or_zero(element(row.z, j));
    block.others = wide<typename Numbers<V>::Wide>(sum);
}

// First pass over a block, general.
template <class V>
void general_block(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowMemory<V>& row, size_t begin,
                   size_t count, const Apart& apart, Greatest greatest, TargetSums<V>* targets, Block<V>& block) {
    double m = greatest.before > greatest.after ? greatest.before : greatest.after;
    // Of no other class there is nothing, of which a softcap would make something.
    if (!(count == 1 && apart.index == begin)) m = before_unit<V>(m, plan);
    set_anchor(plan, block, m);
    if (is_infinite(block)) return look_for_nan(row, begin, count, apart.index, block);
    BlockSum<V> sum;
    alignas(64) ScalarOf<V> tile[kTile];
    for (size_t j = 0; j < count; j += kTile) {
        const size_t length = count - j < kTile ? count - j : kTile;
        general_tile(job, plan, row, begin + j, length, apart, block.base, row.keeps_e ? row.e + begin + j : tile,
                     targets, sum);
    }
    block.others = sum.total();
}

// Anchors a block of logits without softcap. False where they are scaled and need to be shifted, too, or one is +infinity:
// the general pass is for these.
template <class S, class V>
NXENT_INLINE bool anchor_block(const Plan& plan, S greatest_other, Block<V>& block) {
    set_anchor(plan, block, static_cast<double>(greatest_other));
    return !(is_shifted(block.base) && (plan.scales || is_infinite(block)));
}
template <class S, class V>
NXENT_INLINE void anchored_block(const Plan& plan, const Others<S>& others, S* e, Block<V>& block) {
    const Exponential<ScalarOf<V>> c = constants_of<V>(plan, block.base);
    block.others = is_shifted(block.base) ? exponentials<Input::Shifted, V>(others, e, c)
                   : plan.scales          ? exponentials<Input::Scaled, V>(others, e, c)
                                          : exponentials<Input::Plain, V>(others, e, c);
}

// First pass over a block of a row that is read where it lies, whose e is kept, without softcap or targets beyond the
// label.
template <class V>
NXENT_INLINE void simple_block(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowMemory<V>& row,
                               size_t begin, size_t count, const Apart& label, Block<V>& block) {
    const Others<ScalarOf<V>> others(row.z.scalars() + begin, count, label.index - begin);
    if (anchor_block(plan, greatest(others), block))
        anchored_block(plan, others, row.e + begin, block);
    else
        general_block<V>(job, plan, row, begin, count, label, greatest_others(row, begin, count, label.index), nullptr,
                         block);
}

// The label of a row.
struct Label {
    size_t index;  // kNoLabel or beyond the classes where the row has none
    bool ignored;
    double weight;  // its class's, 0 where ignored, 1 where there is none
};
NXENT_INLINE Label label_of(const SoftmaxCrossEntropyJob& job, size_t i) {
    if (job.target != Target::Int32 && job.target != Target::Int64) return {kNoLabel, false, 1};
    const int64_t y = job.target == Target::Int32 ? static_cast<const int32_t*>(job.targets)[i]
                                                  : static_cast<const int64_t*>(job.targets)[i];
    if (job.ignores && y == job.ignore_index) return {kNoLabel, true, 0};
    const size_t index = y < 0 ? kNoLabel : static_cast<size_t>(y);
    return {index, false, job.class_weights && index < job.rows.classes ? job.class_weights[index] : 1};
}

// What elements with targets are multiplied with: so that e·scale·2^-65 comes out in double. X is double or D, as the scale.
template <class V>
struct DenseScale;

template <>
struct DenseScale<F> {
    D all;

    NXENT_INLINE_MEMBER D of(F e) const { return widen(e) * all; }
};

template <>
struct DenseScale<D> {
    Scale<D> all;

    NXENT_INLINE_MEMBER D of(D e) const { return scaled(e, all); }
};

NXENT_INLINE DenseScale<F> dense_scale(double scale, double unbias) { return {set(scale * unbias)}; }
NXENT_INLINE DenseScale<D> dense_scale(Pair<double> scale, double unbias) {
    return {in_all_lanes(make_scale(scale, unbias))};
}

// Targets times what all of a row's gradient is multiplied with. (Subnormal ones would show in a difference of doubles.)
template <class V>
NXENT_INLINE D scaled_targets(D b, D factor) {
    b = b * factor;
    if constexpr (sizeof(V) == sizeof(D)) b = flush_below(b, Numbers<V>::kFlushBelow);
    return b;
}
// An element with a target: e·scale·2^-65 − b, rounded once.
template <class V>
NXENT_INLINE V dense_element(V e, const DenseScale<V>& scale, D b) {
    return flush_below(narrowed<V>(scale.of(e) - b), Numbers<V>::kFlushBelow);
}
// The same times the derivative of a softcap.
template <class V>
NXENT_INLINE V dense_element(V e, const DenseScale<V>& scale, D b, V slopes) {
    const D g = (scale.of(e) - b) * widened(slopes) * set(1.0 / kSlopeBias<V>);
    return flush_below(narrowed<V>(g), Numbers<V>::kFlushBelow);
}

// Elements whose targets are all the same, from e, in place.
template <class V>
NXENT_NOINLINE void dense_run(ScalarOf<V>* g, size_t count, const DenseScale<V>& scale, D b) {
    const DenseScale<V> s = scale;
    size_t j = 0;
    for (; j + kLanes <= count; j += kLanes) store(g + j, dense_element(load(g + j), s, b));
    if (j < count) store_partial(g + j, dense_element(load_partial(g + j, count - j, ScalarOf<V>{0}), s, b), count - j);
}

template <class V>
NXENT_INLINE V slopes_at(const Plan& plan, const RowMemory<V>& row, size_t j, size_t lanes) {
    if (row.slopes) return load_stepped(row.slopes + j, 1, lanes, ScalarOf<V>{0});
    const D z = widened(load_elements(row.z, j, lanes, 0));
    return slopes_of<V>(soft_capped<V>(z, set(plan.slope), set(plan.half_softcap)).derivative);
}

// Multiplies gradients by the derivative of the softcap.
template <class V>
void multiply_slopes(const Plan& plan, const RowMemory<V>& row, size_t begin, size_t count, ScalarOf<V>* g) {
    for (size_t j = 0; j < count; j += kLanes) {
        const size_t lanes = count - j < kLanes ? count - j : kLanes;
        const V v = load_stepped(g + j, 1, lanes, ScalarOf<V>{0});
        const V slopes = slopes_at(plan, row, begin + j, lanes);
        store_stepped(g + j, 1, lanes, times_slopes(v, slopes));
    }
}

// Elements of classes from begin on with their targets, from e, in place. Those of the class apart are left to be
// overwritten.
template <class V>
void dense_gradient(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowMemory<V>& row, size_t begin,
                    size_t count, const Label& label, const DenseScale<V>& scale, double target_factor,
                    ScalarOf<V>* g) {
    const D factor = set(target_factor);
    const auto element = [&](V e, D b, size_t j, size_t lanes) {
        b = scaled_targets<V>(b, factor);
        return plan.capped ? dense_element(e, scale, b, slopes_at(plan, row, begin + j, lanes))
                           : dense_element(e, scale, b);
    };
    const size_t own = label.index - begin;
    V of_label = set_all<V>(0);
    if (own < count) of_label = element(set(g[own]), set((plan.kept + plan.spread) * label.weight), own, 1);
    if (job.target != Target::Distribution && !job.class_weights && !plan.capped)
        dense_run<V>(g, count, scale, scaled_targets<V>(set(plan.spread), factor));
    else
        for (size_t j = 0; j < count; j += kLanes) {
            const size_t lanes = count - j < kLanes ? count - j : kLanes;
            const V e = load_stepped(g + j, 1, lanes, ScalarOf<V>{0});
            store_stepped(g + j, 1, lanes, element(e, smeared_targets(job, plan, row, begin + j, lanes), j, lanes));
        }
    if (own < count) store_partial(g + own, of_label, 1);
}

// Second pass over a block, general: step by step over parts that stay in the first-level cache.
template <class V>
void general_gradient(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowMemory<V>& row, size_t begin,
                      size_t count, const Label& label, const Apart& apart, Anchor base,
                      typename Numbers<V>::Wide row_scale, double unbias, double target_factor) {
    alignas(64) ScalarOf<V> tile[kTile];
    const Scale<ScalarOf<V>> scale = make_scale(row_scale, unbias);
    const size_t end = begin + count;
    for (size_t j = begin; j < end; j += kTile) {
        const size_t length = end - j < kTile ? end - j : kTile;
        ScalarOf<V>* const g = row.keeps_e ? row.e + j : tile;
        if (!row.keeps_e) {
            BlockSum<V> known;
            general_tile<V>(job, plan, row, j, length, apart, base, g, nullptr, known);
        }
        if (plan.smears) {
            dense_gradient(job, plan, row, j, length, label, dense_scale(row_scale, unbias), target_factor, g);
            store_run(row.grad, j, g, length, row.accumulate, false);
            continue;
        }
        if (scale.high > 0 && !plan.capped && !row.accumulate) {
            store_scaled_run(row.grad, j, g, length, scale);
            continue;
        }
        scale_block(g, length, scale);
        if (plan.capped) multiply_slopes(plan, row, j, length, g);
        // A scale that nothing is taken out of leaves nothing infinite, from which a derivative of 0 would make NaN.
        const bool clean =
            plan.capped ? scale.unbias <= static_cast<ScalarOf<V>>(kUnbias * kRatioUnbias<V>) : scale.high > 0;
        store_run(row.grad, j, g, length, row.accumulate, clean);
    }
}

// The exponential of the class apart relative to a row's anchor, times 2^kRatioPower. x is its number before_unit().
template <class V>
NXENT_INLINE double apart_exponential(const Plan& plan, double x, Anchor anchor) {
    const Anchor own = anchor_at<V>(plan, x);
    if (!is_shifted(own) && !is_shifted(anchor))
        return exp_reduced(reduce(x * plan.unit, own.exponent)) *
               power_of_two_of(own.exponent - anchor.exponent + Numbers<V>::kRatioPower);
    // Its own point is an anchor, too. NaN of NaN and +infinity.
    return x > -kInfinity || x != x ? rounded(ratio<V>(plan, Anchor{x, 0}, anchor)) + (x - x) : 0;
}

// What a row's sums come to. Everything is relative to exp(anchor).
template <class V>
struct RowSums {
    using Wide = typename Numbers<V>::Wide;

    Anchor anchor;
    Wide others;     // without the class apart; times 2^65·2^kRatioPower, so that it is never subnormal
    double x_apart;  // that class's number before_unit(); −infinity where there is none
    double e_apart;  // its exponential, times 2^kRatioPower
    Wide inverse;    // 1 / sum
    double sum;      // not above 0 where the row is NaN: a logit is NaN or +infinity, or all are −infinity

    RowSums() = default;
    RowSums(Anchor reference, Wide all_others, double x, double e)
        : anchor(reference), others(all_others), x_apart(x), e_apart(e) {
        const Wide whole = times(others, kUnbias * kRatioUnbias<V>) + wide<Wide>(e_apart * kRatioUnbias<V>);
        sum = rounded(whole);
        inverse = NXENT_TARGET::inverse(whole);
    }
    // Σ of the others' exponentials / that of the class apart.
    double odds() const { return quotient(others, e_apart) * kUnbias; }
};

// What a row's targets b come to; X is double or, of rows side by side, D.
template <class X>
struct TargetTotals {
    X rest;  // Σ b without the class apart
    X own;   // b of the class apart
    X dot;   // Σ b·(u of the class apart − u), where targets beyond the label are summed
};
// Of a label and the smoothing around it. is_label is 1 where the class apart is the label, otherwise 0.
template <class X>
NXENT_INLINE TargetTotals<X> label_targets(const Plan& plan, X weight_sum, X apart_weight, X label_weight, X is_label) {
    const X label = all<X>(plan.kept) * label_weight;
    return {all<X>(plan.spread) * (weight_sum - apart_weight) + label * (all<X>(1.0) - is_label),
            all<X>(plan.spread) * apart_weight + label * is_label, all<X>(0.0)};
}
// Σ b·(u of the class apart − u) from the sum that TargetSums has, and how far the label's u is below.
template <class X>
NXENT_INLINE X target_dot(const Plan& plan, X sum, X label_weight, X label_distance) {
    const X zero = all<X>(0.0), label = all<X>(plan.kept) * label_weight;
    const X dot = select_below(zero, label, label * label_distance, zero);
    return plan.distance > 0 ? dot + sum * all<X>(plan.distance) : dot;
}
// The loss with targets beyond the label; NaN where these are not finite.
template <class X>
NXENT_INLINE X dense_loss(const TargetTotals<X>& b, X log_ratio) {
    const X sum = b.rest + b.own, infinity = all<X>(kInfinity);
    return select_below(magnitude(sum), infinity, sum * log_ratio + b.dot, all<X>(canonical_nan()));
}
// The gradient of the class apart, where nothing cancels but targets: p·(Σ'b + z-loss) − (1 − p)·b.
template <class X>
NXENT_INLINE X apart_gradient(const TargetTotals<X>& b, X p, X others, X z_loss, X factor) {
    return (p * (b.rest + z_loss) - others * b.own) * factor;
}
NXENT_INLINE double weight_of(const SoftmaxCrossEntropyJob& job, size_t c) {
    return job.class_weights ? job.class_weights[c] : 1.0;
}

// Sums that infinite terms have made NaN of by their low parts are what the high parts come to.
NXENT_INLINE double finished(const BlockSum<F>& sum) { return sum.total(); }
NXENT_INLINE double finished(const BlockSum<D>& sum) {
    const double total = rounded(sum.total());
    return total - total == 0 ? total : sum_lanes(sum.high);
}
// Σ b·(u of the class apart − u) of a row. The label's part, which could overflow, too, is taken from its z.
template <class V>
NXENT_INLINE double row_dot(const Plan& plan, const TargetSums<V>& sums, const Apart& apart, const Label& label,
                            double z_label, double label_distance) {
    const double sum = finished(sums.dot);
    if (sizeof(V) != sizeof(D)) return target_dot(plan, sum, label.weight, label_distance);
    const double huge = finished(sums.huge);
    const bool is_near = magnitude(label_distance) < kHuge;
    double dot = target_dot(plan, sum, is_near ? label.weight : 0.0, label_distance);
    if (huge < 0 || huge > 0 || huge != huge) dot += huge * (plan.distance / kHugeUnit);
    if (!is_near && label.weight * plan.kept > 0)
        dot += (apart.z * kHugeUnit - z_label * kHugeUnit) * plan.unit * (plan.kept * label.weight) / kHugeUnit;
    return dot;
}

// label_distance is how far the label is below the class apart, as what is summed in targets.
template <class V>
NXENT_INLINE TargetTotals<double> row_targets(const SoftmaxCrossEntropyJob& job, const Plan& plan,
                                              const RowMemory<V>& row, const Label& label, const Apart& apart,
                                              const TargetSums<V>& sums, double z_label, double label_distance) {
    TargetTotals<double> b{};
    if (job.target == Target::Distribution) {
        double own[kLanes];
        store(own, smeared_targets(job, plan, row, apart.index, 1));
        b = {finished(sums.rest), own[0], row_dot<V>(plan, sums, apart, {kNoLabel, false, 0}, 0, 0)};
    } else if (plan.smears) {
        const double is_label = apart.index == label.index ? 1 : 0;
        b = label_targets(plan, job.class_weight_sum, weight_of(job, apart.index), label.weight, is_label);
        if (plan.sums_targets) b.dot = row_dot(plan, sums, apart, label, z_label, label_distance);
    } else if (label.index < job.rows.classes) {
        b.own = label.weight;
    } else {
        b.rest = label.ignored ? 0.0 : 1.0;
    }
    return b;
}

// What a row's loss comes to.
struct RowLosses {
    double loss, z_loss, lse;
};
template <class V>
NXENT_INLINE RowLosses row_losses(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowSums<V>& s,
                                  const Label& label, const TargetTotals<double>& targets) {
    RowLosses r{};
    const bool has_label = label.index < job.rows.classes;
    const double u_relative =
        is_shifted(s.anchor) ? distance(plan, Anchor{s.x_apart, 0}, s.anchor).high : above(plan, s.x_apart, s.anchor);
    // Two forms of −log p: the first keeps a small loss accurate, the second holds where exp(u_y) is out of range.
    const bool near = u_relative > -40.0;
    double log_sum = 0;
    if (plan.wants_lse || (plan.wants_loss && has_label && !near && !plan.smears)) log_sum = log_wide(s.sum, 0.0);
    if (plan.wants_lse)
        r.lse = plan.unit * s.anchor.shift + (s.anchor.exponent * kLn2High + (s.anchor.exponent * kLn2Low + log_sum));
    if (plan.wants_loss && plan.smears)
        r.loss = dense_loss(targets, log1p_wide(s.odds()));
    else if (plan.wants_loss && has_label && label.weight > 0)
        r.loss = label.weight * (near ? log1p_wide(s.odds()) : log_sum - u_relative);
    if (job.z_loss_scale < 0 || job.z_loss_scale > 0) r.z_loss = job.z_loss_scale * r.lse * r.lse;
    // Totals, too, are the same in every mode.
    r.loss = flushed(r.loss, Numbers<D>::kSmallestNormal);
    r.z_loss = flushed(r.z_loss, Numbers<D>::kSmallestNormal);
    return r;
}

template <class V>
NXENT_INLINE double upstream_of(const SoftmaxCrossEntropyJob& job, size_t i) {
    if (!job.upstream) return 1.0;
    return flushed(element(array_of<V>(job.upstream, 1, job.element_type), i), Numbers<V>::kSmallestNormal);
}

// Whether gradients are 0 because what they are multiplied with is. upstream is as upstream_of() gives it.
NXENT_INLINE bool is_zeroed(const SoftmaxCrossEntropyJob& job, double upstream) {
    const double grad_scale = flushed(job.grad_scale, Numbers<D>::kSmallestNormal);
    return (grad_scale == 0 && upstream - upstream == 0) || upstream == 0;
}

// Whether there is NaN in a row's gradient, that is not lost, or would be if it were asked for.
template <class V>
NXENT_NOINLINE bool has_nan_gradient(const SoftmaxCrossEntropyJob& job, const TargetTotals<double>& targets, size_t i) {
    const double upstream = upstream_of<V>(job, i);
    if (is_zeroed(job, upstream)) return false;
    const double sum = targets.rest + targets.own;
    return !(upstream - upstream == 0) || !(sum - sum == 0);
}

// What a row's gradient is made of.
template <class Wide>
struct RowGradient {
    bool nan;
    double factor;  // of the targets: grad_scale·upstream·du/dz
    Wide scale;     // of exp(u − anchor), times power
    double power;   // keeps scales of doubles finite where their products with probabilities may be
    double apart;   // of the class apart, without the derivative of a softcap
};
template <class V>
NXENT_INLINE RowGradient<typename Numbers<V>::Wide> row_gradient(const SoftmaxCrossEntropyJob& job, const Plan& plan,
                                                                 const RowSums<V>& s,
                                                                 const TargetTotals<double>& targets, double upstream,
                                                                 double lse) {
    const bool pulls = job.z_loss_scale < 0 || job.z_loss_scale > 0;
    const double pull = pulls ? 2.0 * job.z_loss_scale * lse : 0;
    RowGradient<typename Numbers<V>::Wide> r;
    r.factor = job.grad_scale * upstream * job.scale;
    const double sum = targets.rest + targets.own;
    double scale = (sum + pull) * r.factor;
    r.nan = !(r.factor - r.factor == 0) || !(sum - sum == 0) || scale != scale;
    r.power = 1;
    double small_pull = pull;
    if (sizeof(V) == sizeof(D) && !(magnitude(scale) < 0x1p+700)) {
        r.power = 0x1p-256;
        const double small_lse = magnitude(lse) < kInfinity ? lse * r.power : plan.unit * r.power * s.anchor.shift;
        small_pull = pulls ? 2.0 * job.z_loss_scale * small_lse : 0;
        scale = (sum * r.power + small_pull) * r.factor;
    }
    // Infinite, it would make NaN of probabilities that are 0.
    constexpr double kMost = 0x1p+900;
    r.scale = times(s.inverse, scale > kMost ? kMost : scale < -kMost ? -kMost : scale);
    const double p = product(wide<typename Numbers<V>::Wide>(s.e_apart), s.inverse);
    const double others = product(s.others, s.inverse) * kUnbias;
    const TargetTotals<double> small{targets.rest * r.power, targets.own * r.power, 0};
    r.apart = apart_gradient(small, p, others, small_pull, r.factor) * (kRatioUnbias<V> / r.power);
    return r;
}

// Adds a row to the totals.
NXENT_INLINE void count_row(nxent_totals& totals, const Label& label, double loss, double z_loss, bool correct) {
    if (label.ignored) return;
    totals.loss += loss;
    totals.z_loss += z_loss;
    totals.weight += label.weight;
    totals.rows += 1;
    totals.correct += correct;
}

template <class V>
NXENT_INLINE void put_row_outputs(const SoftmaxCrossEntropyJob& job, size_t i, double loss, double z_loss, double lse) {
    if (job.loss) put(array_of<V>(job.loss, 1, job.element_type), i, loss);
    if (job.z_loss) put(array_of<V>(job.z_loss, 1, job.element_type), i, z_loss);
    if (job.lse) put(array_of<V>(job.lse, 1, job.element_type), i, lse);
}
// Whether an upstream gradient, with the factors that all rows have, is so great or small that the row's gradient is to be
// wide_gradient()'s. Not where it is not finite.
NXENT_INLINE bool is_wide_factor(const Plan& plan, double upstream) {
    const double size = magnitude(upstream);
    if (size > 0 && size <= plan.most_factor && size >= kLeastFactor) return false;
    return size > 0 && size < kInfinity;
}
template <class V>
NXENT_INLINE bool needs_wide_range(const SoftmaxCrossEntropyJob& job, const Plan& plan, size_t i) {
    return is_wide_factor(plan, upstream_of<V>(job, i));
}

// A row between its passes.
template <class V>
struct Row {
    size_t index;  // in the batch
    RowMemory<V> memory;
    Label label;
    double z_label;  // −infinity where there is no label
    Apart apart;
    bool correct;
    Anchor anchor;  // the highest of the blocks' and that of the class apart
    TargetTotals<double> targets;
};

// Label and memory of row i, or false where nothing more is to be done about the row.
template <class V>
NXENT_INLINE bool begin_row(const SoftmaxCrossEntropyJob& job, const Label& label, size_t i,
                            const RowMemory<V>& memory) {
    // For an ignored row nothing is computed but lse.
    if (!label.ignored || job.lse) return true;
    if (memory.grad.p && !memory.accumulate) fill(memory.grad, job.rows.classes, 0);
    put_row_outputs<V>(job, i, 0, 0, 0);
    return false;
}

// Blocks of a row, whose gradients are to be written; and whether the results of the row as a whole are, too.
struct Share {
    size_t begin, end;
    bool leads;
};

// The same number in the gradient of a share.
template <class V>
NXENT_INLINE void fill_share(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowMemory<V>& memory,
                             const Share& share, double x) {
    const size_t classes = job.rows.classes;
    const size_t begin = share.begin * plan.block < classes ? share.begin * plan.block : classes;
    const size_t end = share.end * plan.block < classes ? share.end * plan.block : classes;
    fill(memory.grad.from(begin), end - begin, x);
}

// A share of a row's gradient where its factors are out of the range that e is kept for, and the loss of such a row's label
// where its probability is nearly 1.
template <class V>
NXENT_NOINLINE void wide_gradient(const SoftmaxCrossEntropyJob& job, const Plan& plan, const Row<V>& row,
                                  const RowSums<V>& sums, double lse, const Block<V>* blocks, size_t count,
                                  const Share& share);
template <class V>
NXENT_NOINLINE double wide_loss(const Plan& plan, const RowSums<V>& sums, double weight, const Block<V>* blocks,
                                size_t count);
// 0 in the gradient of a share, or added to it.
template <class V>
NXENT_NOINLINE void fill_share_with_zeros(const SoftmaxCrossEntropyJob& job, const Plan& plan,
                                          const RowMemory<V>& memory, const Share& share) {
    if (!memory.accumulate) return fill_share(job, plan, memory, share, 0);
    const V zero = set_all<V>(0);
    for (size_t j = 0; j < job.rows.classes; j += kLanes) {
        const size_t lanes = job.rows.classes - j < kLanes ? job.rows.classes - j : kLanes;
        store_elements(memory.grad, j, lanes, canonical(accumulated(load_elements(memory.grad, j, lanes, 0), zero)));
    }
}

// lse of a row without a softmax: NaN where a logit is, otherwise the infinity that one or all are.
template <class V>
NXENT_INLINE double lse_of_lost_row(const Row<V>& row, const Block<V>* blocks, size_t count) {
    double nan = nan_or_zero(row.apart.x);
    for (size_t b = 0; b < count; ++b) nan += nan_or_zero(rounded(blocks[b].others));
    return nan + row.anchor.shift;
}

// The results of a row that has no softmax, as a logit is NaN or +infinity, or all are -infinity.
template <class V>
NXENT_NOINLINE void finish_lost_row(const SoftmaxCrossEntropyJob& job, const Plan& plan, const Row<V>& row,
                                    const Block<V>* blocks, size_t count, const Share& share, nxent_totals& totals) {
    const bool ignored = row.label.ignored;
    if (share.leads) {
        const double lse = lse_of_lost_row(row, blocks, count);
        const double loss = ignored ? 0 : canonical_nan(), z_loss = ignored ? 0 : job.z_loss_scale * (lse * lse);
        put_row_outputs<V>(job, row.index, loss, z_loss, lse);
        count_row(totals, row.label, loss, z_loss, false);
    }
    if (!row.memory.grad.p || (ignored && row.memory.accumulate)) return;
    if (ignored)
        fill_share(job, plan, row.memory, share, 0);
    else if (is_zeroed(job, upstream_of<V>(job, row.index)))
        fill_share_with_zeros(job, plan, row.memory, share);
    else
        fill_share(job, plan, row.memory, share, canonical_nan());
}

// From a row's blocks to its results. kPlain leaves out what plain jobs do not need; it changes no result.
template <class V, bool kPlain>
NXENT_INLINE void finish_row(const SoftmaxCrossEntropyJob& job, const Plan& plan, const Row<V>& row, Block<V>* blocks,
                             size_t count, const Share& share, nxent_totals& totals) {
    using Wide = typename Numbers<V>::Wide;
    const size_t classes = job.rows.classes;
    const RowMemory<V>& memory = row.memory;
    const Label& label = row.label;
    const Apart& apart = row.apart;
    const bool has_apart = apart.index < classes;
    // An ignored row's gradient is written last, as e may lie there, and z.
    const bool fills = label.ignored && memory.grad.p && !memory.accumulate;

    Wide others = wide<Wide>(0.0);
    for (size_t b = 0; b < count; ++b) {
        blocks[b].factor = ratio<V>(plan, blocks[b].anchor, row.anchor);
        others = others + times(blocks[b].others, blocks[b].factor);
    }
    const double e_apart = has_apart ? apart_exponential<V>(plan, apart.x, row.anchor) : 0;
    const RowSums<V> sums(row.anchor, others, apart.x, e_apart);
    if (!(sums.sum > 0)) return finish_lost_row(job, plan, row, blocks, count, share, totals);

    RowLosses losses = row_losses<V>(job, plan, sums, label, row.targets);
    if (memory.wide && has_apart && !plan.smears && sums.odds() < 0x1p-900)
        losses.loss = wide_loss<V>(plan, sums, label.weight, blocks, count);
    if (share.leads) {
        put_row_outputs<V>(job, row.index, label.ignored ? 0 : losses.loss, label.ignored ? 0 : losses.z_loss,
                           losses.lse);
        const bool correct = row.correct && losses.loss == losses.loss && losses.z_loss == losses.z_loss &&
                             !has_nan_gradient<V>(job, row.targets, row.index);
        count_row(totals, label, losses.loss, losses.z_loss, correct);
    }
    if (fills) fill_share(job, plan, memory, share, 0);
    if (!memory.grad.p || label.ignored) return;
    if (is_zeroed(job, upstream_of<V>(job, row.index))) return fill_share_with_zeros(job, plan, memory, share);
    if (memory.wide) return wide_gradient(job, plan, row, sums, losses.lse, blocks, count, share);
    const RowGradient<Wide> r =
        row_gradient<V>(job, plan, sums, row.targets, upstream_of<V>(job, row.index), losses.lse);
    if (r.nan) return fill_share(job, plan, memory, share, canonical_nan());

    const V old = memory.accumulate && has_apart ? load_elements(memory.grad, apart.index, 1, 0) : set_all<V>(0);
    // Only the general pass keeps zeros from becoming −0.
    const bool plain =
        (kPlain || (memory.grad.plain() && memory.e == memory.grad.scalars() && !plan.smears && !plan.capped)) &&
        rounded(r.scale) > 0;
    for (size_t b = share.begin; b < share.end; ++b) {
        const size_t j = b * plan.block;
        const size_t length = classes - j < plan.block ? classes - j : plan.block;
        const Wide scale = times(r.scale, blocks[b].factor);
        const double unbias = kUnbias * kRatioUnbias<V> / r.power;
        if (plain)
            scale_block(memory.e + j, length, make_scale(scale, unbias));
        else
            general_gradient(job, plan, memory, j, length, label, apart, blocks[b].base, scale, unbias, r.factor);
    }
    if (!has_apart || apart.index / plan.block < share.begin || apart.index / plan.block >= share.end) return;
    double g = r.apart;
    if (plan.capped) g *= soft_capped<V>(apart.z, plan.slope, plan.half_softcap).derivative;
    if (memory.accumulate)
        store_elements(memory.grad, apart.index, 1, canonical(accumulated(old, set(rounded_to_element<V>(g)))));
    else
        put(memory.grad, apart.index, g);
}

// One row, row i of the batch.
template <class V, bool kPlain>
NXENT_INLINE void compute_row(const SoftmaxCrossEntropyJob& job, const Plan& plan, size_t i, const RowMemory<V>& memory,
                              nxent_totals& totals) {
    const size_t classes = job.rows.classes;
    const bool smears = !kPlain && plan.smears;
    Row<V> row{i, memory, label_of(job, i), -kInfinity, {kNoLabel, -kInfinity, -kInfinity}, false, {}, {}};
    const Label& label = row.label;
    if (!begin_row(job, label, i, memory)) return;
    const bool has_label = label.index < classes;
    if (smears && !plan.capped && memory.keeps_e && !memory.z.plain()) {
        load_run(memory.z, 0, memory.e, classes);
        row.memory.z = array_of<V>(memory.e, 1, Numbers<V>::kType);
    }
    const Array<V>& z_array = row.memory.z;

    // grad may be z: read these now.
    Apart& apart = row.apart;
    double label_distance = 0;
    if (has_label) row.z_label = element(z_array, label.index);
    if (smears) {
        apart.index = first_greatest(z_array, classes);
        apart.z = element(z_array, apart.index);
        apart.x = before_unit<V>(apart.z, plan);
        if (has_label) label_distance = (apart.x - before_unit<V>(row.z_label, plan)) * plan.unit;
    } else {
        apart.index = label.index;
        apart.z = row.z_label;
        apart.x = kPlain ? row.z_label : has_label ? before_unit<V>(row.z_label, plan) : -kInfinity;
    }
    row.correct = !kPlain && job.counts_correct && !label.ignored;
    if (row.correct && smears)
        row.correct =
            apart.index == (job.target == Target::Distribution ? first_greatest(memory.q, classes) : label.index);
    const bool compares = row.correct && !smears && has_label;

    Block<V> blocks[kMaxBlocks];
    size_t count = 0;
    row.anchor = anchor_at<V>(plan, apart.x);
    TargetSums<V> target_sums;
    TargetSums<V>* const targets = smears && plan.sums_targets ? &target_sums : nullptr;
    for (size_t j = 0; j < classes; j += plan.block, ++count) {
        const size_t length = classes - j < plan.block ? classes - j : plan.block;
        Block<V>& block = blocks[count];
        // Without a place for a whole block's e, the general pass is taken, which needs none.
        bool done = false;
        if (kPlain || (!plan.capped && (memory.keeps_e || plan.block == kBlock))) {
            ScalarOf<V>* const e = memory.e + (memory.keeps_e ? j : 0);
            const bool converts = !kPlain && !z_array.plain();
            if (converts) load_run(z_array, j, e, length);
            const ScalarOf<V>* const z = converts ? e : z_array.scalars() + j;
            const Others<ScalarOf<V>> others(z, length, apart.index - j);
            const ScalarOf<V> other = greatest(others);
            if (compares && row.correct) row.correct = allows_label(z, j, length, other, label.index, row.z_label);
            done = anchor_block(plan, other, block);
            if (done && targets) add_run_targets(job, plan, row.memory, j, length, apart, *targets);
            if (done) anchored_block(plan, others, e, block);
        }
        if (!done) {
            const Greatest greatest = greatest_others(row.memory, j, length, apart.index);
            // Of equals the first counts.
            const bool earlier = label.index > j && greatest.before >= row.z_label;
            if (compares && (earlier || greatest.after > row.z_label)) row.correct = false;
            general_block(job, plan, row.memory, j, length, apart, greatest, targets, block);
        }
        row.anchor = higher(plan, block.anchor, row.anchor);
    }
    row.targets = row_targets(job, plan, row.memory, label, apart, target_sums, row.z_label, label_distance);
    finish_row<V, kPlain>(job, plan, row, blocks, count, {0, count, true}, totals);
}

template <class V>
NXENT_NOINLINE void compute_general_row(const SoftmaxCrossEntropyJob& job, const Plan& plan, size_t i,
                                        const RowMemory<V>& row, nxent_totals& totals) {
    compute_row<V, false>(job, plan, i, row, totals);
}

// A sample's part of an array, from a position on; of no array, none. (Where there is none nothing may be added to the null
// pointer: that would be undefined.)
template <class V>
NXENT_INLINE Array<V> sample_of(const void* p, size_t stride, int32_t type, const Rows& rows, size_t i) {
    if (!p) return {nullptr, rows.inner, type};
    const size_t sample = rows.inner == 1 ? i : i / rows.inner;
    const Array<V> whole = array_of<V>(p, 1, type).from(sample * stride + (i - sample * rows.inner));
    return {whole.p, rows.inner, type};
}

// Whether a job has no options beyond what changes the scale of its rows or logits.
NXENT_INLINE bool changes_scale_only(const SoftmaxCrossEntropyJob& job, const Plan& plan) {
    return job.rows.inner == 1 && job.grad && !job.accumulate && !plan.capped && !plan.smears && !job.counts_correct;
}
template <class V>
NXENT_INLINE RowMemory<V> plain_memory(const SoftmaxCrossEntropyJob& job, size_t i) {
    ScalarOf<V>* const e = static_cast<ScalarOf<V>*>(job.grad) + i * job.grad_stride;
    return {array_of<V>(static_cast<const ScalarOf<V>*>(job.logits) + i * job.logits_stride, 1, Numbers<V>::kType),
            array_of<V>(e, 1, Numbers<V>::kType),
            false,
            {},
            e,
            true};
}
template <class V>
NXENT_NOINLINE void compute_plain_row(const SoftmaxCrossEntropyJob& job, const Plan& plan, size_t i,
                                      nxent_totals& totals) {
    compute_row<V, true>(job, plan, i, plain_memory<V>(job, i), totals);
}

// A double, which may come with a low part, and back.
NXENT_INLINE void put_wide(double* to, double x) { *to = x; }
NXENT_INLINE void put_wide(double* to, Pair<double> x) {
    to[0] = x.high;
    to[1] = x.low;
}
NXENT_INLINE void get_wide(const double* from, double& x) { x = *from; }
NXENT_INLINE void get_wide(const double* from, Pair<double>& x) { x = {from[0], from[1]}; }

// A part of the only row of a job that changes scales only. The row's sums are the label's logit, then numbers for
// each block.
constexpr size_t kNumbersPerBlock = 4;
static_assert(NXENT_ROW_SUMS == 1 + kMaxBlocks * kNumbersPerBlock, "the sums of a row fit");
template <class V>
NXENT_NOINLINE void compute_part(const SoftmaxCrossEntropyJob& job, const RowPart& part, nxent_totals& totals) {
    const Plan plan = make_plan(job);
    const size_t i = job.rows.begin, classes = job.rows.classes;
    RowMemory<V> memory = plain_memory<V>(job, i);
    memory.wide = plan.checks_range && needs_wide_range<V>(job, plan, i);
    memory.keeps_e = !memory.wide;
    Row<V> row{i, memory, label_of(job, i), -kInfinity, {kNoLabel, -kInfinity, -kInfinity}, false, {}, {}};
    const size_t label = row.apart.index = row.label.index;
    const size_t count = (classes - 1) / plan.block + 1;
    const Share share{(part.begin + plan.block - 1) / plan.block, (part.end + plan.block - 1) / plan.block,
                      part.begin == 0};
    const bool is_skipped = row.label.ignored && !job.lse;
    if (part.pass == NXENT_PASS_SUMS) {
        if (is_skipped) return;
        // grad may be z: read this now.
        if (label < classes && label / plan.block >= share.begin && label / plan.block < share.end)
            part.row_sums[0] = element(memory.z, label);
        for (size_t b = share.begin; b < share.end; ++b) {
            const size_t j = b * plan.block;
            const size_t length = classes - j < plan.block ? classes - j : plan.block;
            Block<V> block;
            if (memory.wide)
                general_block<V>(job, plan, memory, j, length, row.apart, greatest_others(memory, j, length, label),
                                 nullptr, block);
            else
                simple_block(job, plan, memory, j, length, row.apart, block);
            double* const numbers = part.row_sums + 1 + b * kNumbersPerBlock;
            numbers[0] = block.anchor.shift;
            numbers[1] = block.anchor.exponent;
            put_wide(numbers + 2, block.others);
        }
        return;
    }
    if (is_skipped) {
        fill_share(job, plan, memory, share, 0);
        if (share.leads) put_row_outputs<V>(job, i, 0, 0, 0);
        return;
    }
    if (label < classes) row.z_label = row.apart.z = row.apart.x = part.row_sums[0];
    row.targets = row_targets<V>(job, plan, memory, row.label, row.apart, {}, 0, 0);
    Block<V> blocks[kMaxBlocks];
    row.anchor = anchor_at<V>(plan, row.apart.x);
    for (size_t b = 0; b < count; ++b) {
        const double* const numbers = part.row_sums + 1 + b * kNumbersPerBlock;
        Block<V>& block = blocks[b];
        block.anchor = block.base = {numbers[0], numbers[1]};
        get_wide(numbers + 2, block.others);
        row.anchor = higher(plan, block.anchor, row.anchor);
    }
    finish_row<V, true>(job, plan, row, blocks, count, share, totals);
}

// Row i, read and written where it lies.
template <class V>
NXENT_NOINLINE void direct_row(const SoftmaxCrossEntropyJob& job, const Plan& plan, size_t i, nxent_totals& totals) {
    using S = ScalarOf<V>;
    constexpr size_t kScratch = 65536 / sizeof(S);
    static_assert(kScratch >= kBlock, "where e is not kept, a block's is");
    alignas(64) S scratch[kScratch];
    const size_t classes = job.rows.classes;
    RowMemory<V> row;
    row.z = sample_of<V>(job.logits, job.logits_stride, job.element_type, job.rows, i);
    row.grad = sample_of<V>(job.grad, job.grad_stride, job.element_type, job.rows, i);
    row.accumulate = job.accumulate;
    if (job.target == Target::Distribution)
        row.q = sample_of<V>(job.targets, job.targets_stride, job.element_type, job.rows, i);

    size_t scratch_used = 0, workspace_used = 0;
    const auto take = [&]() -> S* {
        if (kScratch - scratch_used >= classes) {
            scratch_used += classes;
            return scratch + scratch_used - classes;
        }
        if (job.workspace_size / sizeof(S) - workspace_used < classes) return nullptr;
        workspace_used += classes;
        return static_cast<S*>(job.workspace) + workspace_used - classes;
    };
    if (plan.capped && row.grad.p) row.slopes = take();
    // e goes where the gradient will, if it has its type and place there and nothing is needed again of what it overwrites.
    const bool in_grad =
        row.grad.p && row.grad.plain() && !job.accumulate && !(plan.capped && !row.slopes && row.grad.p == row.z.p);
    row.wide = plan.checks_range && needs_wide_range<V>(job, plan, i);
    row.e = row.wide ? nullptr : in_grad ? row.grad.scalars() : take();
    row.keeps_e = row.e != nullptr;
    if (!row.keeps_e) {
        row.e = scratch;
        row.slopes = nullptr;
    }
    compute_general_row(job, plan, i, row, totals);
}

// Up to kStagedRows positions of one sample, from row i on: turned into rows, computed, and turned back.
template <class V>
NXENT_NOINLINE void staged_rows(const SoftmaxCrossEntropyJob& job, const Plan& plan, size_t i, size_t count,
                                nxent_totals& totals) {
    using S = ScalarOf<V>;
    alignas(64) S z[kStagedRows * kStagedClasses];
    alignas(64) S g[kStagedRows * kStagedClasses];
    S slopes[kStagedClasses], lanes[kLanes];
    bool untouched[kStagedRows];
    const size_t inner = job.rows.inner, classes = job.rows.classes;
    const Array<V> logits{sample_of<V>(job.logits, job.logits_stride, job.element_type, job.rows, i).p, 1,
                          job.element_type};
    for (size_t j = 0; j < classes; ++j) {
        store(lanes, load_elements(logits, j * inner, count, 0));
        for (size_t k = 0; k < count; ++k) z[k * classes + j] = lanes[k];
    }
    for (size_t k = 0; k < count; ++k) {
        RowMemory<V> row{};
        row.z = array_of<V>(z + k * classes, 1, Numbers<V>::kType);
        row.e = g + k * classes;
        row.keeps_e = true;
        row.grad = array_of<V>(job.grad ? row.e : nullptr, 1, Numbers<V>::kType);
        row.slopes = plan.capped ? slopes : nullptr;
        row.wide = plan.checks_range && needs_wide_range<V>(job, plan, i + k);
        if (job.target == Target::Distribution)
            row.q = sample_of<V>(job.targets, job.targets_stride, job.element_type, job.rows, i + k);
        compute_general_row(job, plan, i + k, row, totals);
        untouched[k] = job.accumulate && label_of(job, i + k).ignored;
    }
    if (!job.grad) return;
    const Array<V> grad{sample_of<V>(job.grad, job.grad_stride, job.element_type, job.rows, i).p, 1, job.element_type};
    for (size_t begin = 0, end; begin < count; begin = end) {
        for (end = begin; end < count && untouched[end] == untouched[begin];) ++end;
        if (untouched[begin]) continue;
        for (size_t j = 0; j < classes; ++j) {
            for (size_t k = begin; k < end; ++k) lanes[k - begin] = g[k * classes + j];
            V v = load_partial(lanes, end - begin, S{0});
            if (job.accumulate) v = accumulated(load_elements(grad, j * inner + begin, end - begin, 0), v);
            store_elements(grad, j * inner + begin, end - begin, canonical(v));
        }
    }
}

}  // namespace
}  // namespace NXENT_TARGET
}  // namespace nxent
