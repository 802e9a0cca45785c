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
    bool sums_targets;   // whether Σ w·q and Σ w·q·u of those targets are needed
    bool wants_loss;     // and whether the loss is
    bool wants_lse;      // for itself or the z-loss
    double kept;         // 1 − label smoothing
    double spread;       // label smoothing / classes
    bool checks_range;   // whether any row may need the wide range
    double most_factor;  // up to which a row's weight times its upstream gradient does not
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
    if (plan.smears) {
        ordinary = ordinary && is_ordinary_factor(plan.spread);
        for (size_t c = 0; job.class_weights && c < job.rows.classes; ++c) {
            ordinary = ordinary && is_ordinary_factor(job.class_weights[c]);
            weight = job.class_weights[c] > weight ? job.class_weights[c] : weight;
        }
    }
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
    plan.checks_range = job.class_weights || (job.upstream && is_double) || !(most_upstream <= plan.most_factor);
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
    typename Numbers<V>::Wide others;  // sum of e without the label
    typename Numbers<V>::Wide factor;  // ratio() of anchor and the row's anchor
    double target_sum, target_dot;     // Σ w·q, Σ w·q·(u − base), with the smeared part of the targets alone
    Anchor base;
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

// The smeared part of the targets, w·q·(1 − smoothing) + w·smoothing / classes, of classes j, j + 1, …; 0 beyond lanes.
template <class V>
NXENT_INLINE D smeared_targets(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowMemory<V>& row, size_t j,
                               size_t lanes) {
    D b = set(plan.spread);
    if (job.target == Target::Distribution) b = widened(load_numbers(row.q, j, lanes)) * set(plan.kept) + b;
    if (job.class_weights)
        b = b * load_stepped(job.class_weights + j, 1, lanes, 0.0);
    else if (lanes < kLanes)
        b = b * load_partial(kOnes, lanes, 0.0);
    return b;
}

// Logits that are scaled and not shifted are multiplied on the way to their exponentials, without a detour by double.
NXENT_INLINE bool takes_scaled(const Plan& plan, Anchor base) { return plan.scales && !is_shifted(base); }
template <class V>
NXENT_INLINE Exponential<ScalarOf<V>> constants_of(const Plan& plan, Anchor base) {
    return takes_scaled(plan, base) ? scaled_exponential_constants<V>(base.exponent, plan.slope)
                                    : exponential_constants<V>(base.shift, base.exponent);
}

struct TargetSums {
    D sum = set(0.0), dot = set(0.0);
};
// b·u, and 0 where b is, however unlikely the class.
NXENT_INLINE D target_term(D b, D u) {
    const D zero = set(0.0), term = b * u;
    return select_below(zero, b, term, select_below(b, zero, term, zero));
}
// Adds the targets of classes j, j + 1, …, of which x are the numbers before_unit().
template <class V>
NXENT_INLINE void add_targets(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowMemory<V>& row, size_t j,
                              size_t lanes, D x, Anchor base, TargetSums& targets) {
    const D b = smeared_targets(job, plan, row, j, lanes);
    targets.sum = targets.sum + b;
    targets.dot = targets.dot + target_term(b, above(plan, x, base));
}
// The same of a run of classes, without softcap.
template <class V>
NXENT_INLINE void add_run_targets(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowMemory<V>& row,
                                  size_t begin, size_t count, Anchor base, TargetSums& targets) {
    size_t j = 0;
    // Where all targets are the same and above 0, several times as fast as the general way.
    if (job.target != Target::Distribution && !job.class_weights && plan.spread > 0 && row.z.plain())
        for (const D b = set(plan.spread); j + kLanes <= count; j += kLanes) {
            const D z = widened(load(row.z.scalars() + begin + j));
            targets.sum = targets.sum + b;
            targets.dot = targets.dot + b * above(plan, z, base);
        }
    for (; j < count; j += kLanes) {
        const size_t lanes = count - j < kLanes ? count - j : kLanes;
        const D z = widened(load_elements(row.z, begin + j, lanes, -kInfinity));
        add_targets(job, plan, row, begin + j, lanes, z, base, targets);
    }
}
// The targets of a block, without softcap.
template <class V>
NXENT_NOINLINE void sum_targets(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowMemory<V>& row,
                                size_t begin, size_t count, Block<V>& block) {
    TargetSums targets;
    add_run_targets(job, plan, row, begin, count, block.base, targets);
    block.target_sum = sum_lanes(targets.sum);
    block.target_dot = sum_lanes(targets.dot);
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

// u − shift of a run of classes in two parts, and where there is a softcap, its derivatives. Where targets are summed, adds
// theirs. z may be high.
template <bool kCapped, bool kTargets, class V>
NXENT_INLINE void split_run(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowMemory<V>& row, size_t begin,
                            size_t count, Anchor base, ScalarOf<V> lowest, const ScalarOf<V>* z, ScalarOf<V>* high,
                            ScalarOf<V>* low, ScalarOf<V>* slopes, TargetSums& targets) {
    const D shift = set(base.shift), unit = set(plan.unit), least = set(static_cast<double>(lowest));
    const auto split = [&](size_t j, size_t lanes, D x) {
        if constexpr (kTargets) add_targets(job, plan, row, begin + j, lanes, x, base, targets);
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

// e of at most a tile's classes from begin on, 0 for the label, and its sum. Where targets are summed, adds theirs.
template <class V>
NXENT_NOINLINE void general_tile(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowMemory<V>& row,
                                 size_t begin, size_t count, size_t label, Anchor base, ScalarOf<V>* e,
                                 TargetSums* targets, BlockSum<V>& sum) {
    const Exponential<ScalarOf<V>> c = constants_of<V>(plan, base);
    if (plan.transforms && !takes_scaled(plan, base)) {
        constexpr bool kSplits = splits<Input::Split, V>();
        alignas(64) ScalarOf<V> low[kSplits ? kTile : 1];
        // Where no derivatives are wanted, what u overwrites.
        ScalarOf<V>* const slopes = row.slopes ? row.slopes + begin : e;
        const bool plain = row.z.plain();
        if (!plain) load_run(row.z, begin, e, count);
        const ScalarOf<V>* const z = plain ? row.z.scalars() + begin : e;
        TargetSums none;
        if (!plan.capped)
            split_run<false, true>(job, plan, row, begin, count, base, c.lowest, z, e, low, slopes,
                                   targets ? *targets : none);
        else if (targets)
            split_run<true, true>(job, plan, row, begin, count, base, c.lowest, z, e, low, slopes, *targets);
        else
            split_run<true, false>(job, plan, row, begin, count, base, c.lowest, z, e, low, slopes, none);
        // The label may be far above the others, and its low part so great that its exponential, which is not wanted, is NaN.
        if (kSplits && label - begin < count) low[label - begin] = 0;
        return add_exponentials<Input::Split, V>(Others<ScalarOf<V>>(e, count, label - begin), low, e, c, sum);
    }
    if (targets) add_run_targets(job, plan, row, begin, count, base, *targets);
    load_run(row.z, begin, e, count);
    const Others<ScalarOf<V>> others(e, count, label - begin);
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

// The first class of a row whose number is the greatest. NaN is passed over.
template <class V>
size_t first_greatest(const Array<V>& a, size_t count) {
    size_t best = 0;
    double greatest = -kInfinity;
    for (size_t j = 0; j < count; ++j) {
        const double x = element(a, j);
        if (x > greatest) {
            greatest = x;
            best = j;
        }
    }
    return best;
}

// m is the greatest number before_unit().
template <class V>
NXENT_INLINE void set_anchor(const Plan& plan, Block<V>& block, double m) {
    block.anchor = anchor_at<V>(plan, m);
    block.base = m == -kInfinity ? Anchor{0, 0} : block.anchor;
}

// First pass over a block, general.
template <class V>
void general_block(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowMemory<V>& row, size_t begin,
                   size_t count, size_t label, Greatest greatest, Block<V>& block) {
    const double m = greatest.before > greatest.after ? greatest.before : greatest.after;
    set_anchor(plan, block, before_unit<V>(m, plan));
    BlockSum<V> sum;
    TargetSums targets;
    alignas(64) ScalarOf<V> tile[kTile];
    for (size_t j = 0; j < count; j += kTile) {
        const size_t length = count - j < kTile ? count - j : kTile;
        general_tile(job, plan, row, begin + j, length, label, block.base, row.keeps_e ? row.e + begin + j : tile,
                     plan.sums_targets ? &targets : nullptr, sum);
    }
    block.others = sum.total();
    block.target_sum = sum_lanes(targets.sum);
    block.target_dot = sum_lanes(targets.dot);
}

// Anchors a block of logits without softcap. False where they are scaled and need to be shifted, too.
template <class S, class V>
NXENT_INLINE bool anchor_block(const Plan& plan, S greatest_other, Block<V>& block) {
    set_anchor(plan, block, static_cast<double>(greatest_other));
    block.target_sum = block.target_dot = 0;
    return !(plan.scales && is_shifted(block.base));
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
                               size_t begin, size_t count, size_t label, Block<V>& block) {
    const Others<ScalarOf<V>> others(row.z.scalars() + begin, count, label - begin);
    if (anchor_block(plan, greatest(others), block))
        anchored_block(plan, others, row.e + begin, block);
    else
        general_block(job, plan, row, begin, count, label, greatest_others(row, begin, count, label), block);
}

// Subtracts the smeared part of the targets from gradients.
template <class V>
void subtract_targets(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowMemory<V>& row, size_t begin,
                      size_t count, double target_factor, ScalarOf<V>* g) {
    constexpr double kFlushBelow = Numbers<V>::kFlushBelow;
    const bool same = job.target != Target::Distribution && !job.class_weights;
    const V every = narrowed<V>(flush_below(set(plan.spread) * set(target_factor), kFlushBelow));
    for (size_t j = 0; j < count; j += kLanes) {
        const size_t lanes = count - j < kLanes ? count - j : kLanes;
        const V v = load_stepped(g + j, 1, lanes, ScalarOf<V>{0});
        if (same) {
            store_stepped(g + j, 1, lanes, sub(v, every));
            continue;
        }
        const D b = smeared_targets(job, plan, row, begin + j, lanes) * set(target_factor);
        store_stepped(g + j, 1, lanes, sub(v, narrowed<V>(flush_below(b, kFlushBelow))));
    }
}

// Multiplies gradients by the derivative of the softcap.
template <class V>
void multiply_slopes(const Plan& plan, const RowMemory<V>& row, size_t begin, size_t count, ScalarOf<V>* g) {
    for (size_t j = 0; j < count; j += kLanes) {
        const size_t lanes = count - j < kLanes ? count - j : kLanes;
        const V v = load_stepped(g + j, 1, lanes, ScalarOf<V>{0});
        V slopes;
        if (row.slopes) {
            slopes = load_stepped(row.slopes + begin + j, 1, lanes, ScalarOf<V>{0});
        } else {
            const D z = widened(load_elements(row.z, begin + j, lanes, 0));
            slopes = slopes_of<V>(soft_capped<V>(z, set(plan.slope), set(plan.half_softcap)).derivative);
        }
        store_stepped(g + j, 1, lanes, times_slopes(v, slopes));
    }
}

// Second pass over a block, general: step by step over parts that stay in the first-level cache.
template <class V>
void general_gradient(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowMemory<V>& row, size_t begin,
                      size_t count, size_t label, const Block<V>& block, const Scale<ScalarOf<V>>& scale,
                      double target_factor) {
    alignas(64) ScalarOf<V> tile[kTile];
    const size_t end = begin + count;
    for (size_t j = begin; j < end; j += kTile) {
        const size_t length = end - j < kTile ? end - j : kTile;
        ScalarOf<V>* const g = row.keeps_e ? row.e + j : tile;
        if (!row.keeps_e) {
            BlockSum<V> known;
            general_tile(job, plan, row, j, length, label, block.base, g, nullptr, known);
        }
        if (scale.high > 0 && !plan.smears && !plan.capped && !row.accumulate) {
            store_scaled_run(row.grad, j, g, length, scale);
            continue;
        }
        scale_block(g, length, scale);
        if (plan.smears) subtract_targets(job, plan, row, j, length, target_factor, g);
        if (plan.capped) multiply_slopes(plan, row, j, length, g);
        // A scale that nothing is taken out of leaves nothing infinite, from which a derivative of 0 would make NaN.
        const bool clean =
            !plan.smears &&
            (plan.capped ? scale.unbias <= static_cast<ScalarOf<V>>(kUnbias * kRatioUnbias<V>) : scale.high > 0);
        store_run(row.grad, j, g, length, row.accumulate, clean);
    }
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

// A label's exponential relative to a row's anchor, times 2^kRatioPower. x is its number before_unit().
template <class V>
NXENT_INLINE double label_exponential(const Plan& plan, double x, Anchor anchor) {
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
    Wide others;     // without the label; times 2^65·2^kRatioPower, so that it is never subnormal
    double x_label;  // before_unit(); −infinity where there is no label
    double e_label;  // its exponential, times 2^kRatioPower
    Wide inverse;    // 1 / sum
    double sum;      // not above 0 where the row is NaN: a logit is NaN or +infinity, or all are −infinity

    RowSums() = default;
    RowSums(Anchor reference, Wide all_others, double x, double e)
        : anchor(reference), others(all_others), x_label(x), e_label(e) {
        const Wide whole = times(others, kUnbias * kRatioUnbias<V>) + wide<Wide>(e_label * kRatioUnbias<V>);
        sum = rounded(whole);
        inverse = NXENT_TARGET::inverse(whole);
    }
    // Σ of the others' exponentials / the label's.
    double odds() const { return quotient(others, e_label) * kUnbias; }
};

// Σ w·q of a row's targets, apart from the label's own, and the label's. blocks may be null where no targets are smeared.
struct TargetWeights {
    double rest, own;
};
template <class V>
NXENT_INLINE TargetWeights target_weights(const SoftmaxCrossEntropyJob& job, const Plan& plan, const Label& label,
                                          const Block<V>* blocks, size_t block_count) {
    if (job.target == Target::Distribution) {
        double rest = 0;
        for (size_t b = 0; b < block_count; ++b) rest += blocks[b].target_sum;
        return {rest, 0};
    }
    if (label.index < job.rows.classes)
        return {plan.spread * (job.class_weight_sum - label.weight), (plan.kept + plan.spread) * label.weight};
    return {label.ignored ? 0.0 : 1.0, 0};
}

// What a row's loss comes to.
struct RowLosses {
    double loss, z_loss, lse;
};
template <class V>
NXENT_INLINE RowLosses row_losses(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowSums<V>& s,
                                  const Label& label, const Block<V>* blocks, size_t block_count) {
    RowLosses r{};
    const bool has_label = label.index < job.rows.classes;
    const double u_relative =
        is_shifted(s.anchor) ? distance(plan, Anchor{s.x_label, 0}, s.anchor).high : above(plan, s.x_label, s.anchor);
    // Two forms of −log p: the first keeps a small loss accurate, the second holds where exp(u_y) is out of range.
    const bool near = u_relative > -40.0;
    double log_sum = 0;
    if (plan.wants_lse || (plan.wants_loss && (plan.smears || (has_label && !near)))) log_sum = log_wide(s.sum, 0.0);
    if (plan.wants_lse)
        r.lse = plan.unit * s.anchor.shift + (s.anchor.exponent * kLn2High + (s.anchor.exponent * kLn2Low + log_sum));
    if (plan.wants_loss) {
        double loss = 0;
        if (has_label) {
            const double weight = plan.kept * label.weight;
            if (weight > 0) loss = weight * (near ? log1p_wide(s.odds()) : log_sum - u_relative);
        }
        if (plan.smears)
            for (size_t b = 0; b < block_count; ++b) {
                const double sum = blocks[b].target_sum;
                if (sum < 0 || sum > 0 || sum != sum)
                    loss += sum * (log_sum + distance(plan, s.anchor, blocks[b].base).high) - blocks[b].target_dot;
            }
        r.loss = loss;
    }
    if (job.z_loss_scale < 0 || job.z_loss_scale > 0) r.z_loss = job.z_loss_scale * r.lse * r.lse;
    // Totals, too, are the same in every mode.
    r.loss = flushed(r.loss, Numbers<D>::kSmallestNormal);
    r.z_loss = flushed(r.z_loss, Numbers<D>::kSmallestNormal);
    return r;
}

// What a row's gradient is made of.
template <class Wide>
struct RowGradient {
    bool nan;
    double factor;  // of the targets: grad_scale·upstream·du/dz
    Wide scale;     // of exp(u − anchor), times power
    double power;   // keeps scales of doubles finite where their products with probabilities may be
    double label;   // without the derivative of a softcap
};
template <class V>
NXENT_INLINE RowGradient<typename Numbers<V>::Wide> row_gradient(const SoftmaxCrossEntropyJob& job, const Plan& plan,
                                                                 const RowSums<V>& s, const Label& label,
                                                                 double upstream, double lse, const Block<V>* blocks,
                                                                 size_t block_count) {
    const TargetWeights weights = target_weights(job, plan, label, blocks, block_count);
    const bool pulls = job.z_loss_scale < 0 || job.z_loss_scale > 0;
    const double pull = pulls ? 2.0 * job.z_loss_scale * lse : 0;
    RowGradient<typename Numbers<V>::Wide> r;
    r.factor = job.grad_scale * upstream * job.scale;
    double scale = ((weights.rest + weights.own) + pull) * r.factor;
    r.nan = !(r.factor - r.factor == 0) || scale != scale;
    r.power = 1;
    double small_pull = pull;
    if (sizeof(V) == sizeof(D) && !(magnitude(scale) < 0x1p+700)) {
        r.power = 0x1p-256;
        const double small_lse = magnitude(lse) < kInfinity ? lse * r.power : plan.unit * r.power * s.anchor.shift;
        small_pull = pulls ? 2.0 * job.z_loss_scale * small_lse : 0;
        scale = ((weights.rest + weights.own) * r.power + small_pull) * r.factor;
    }
    // Infinite, it would make NaN of probabilities that are 0.
    constexpr double kMost = 0x1p+900;
    r.scale = times(s.inverse, scale > kMost ? kMost : scale < -kMost ? -kMost : scale);
    const double p_label = product(wide<typename Numbers<V>::Wide>(s.e_label), s.inverse);
    const double p_others = product(s.others, s.inverse) * kUnbias;
    r.label = (p_label * (weights.rest * r.power + small_pull) - p_others * (weights.own * r.power)) * r.factor *
              (kRatioUnbias<V> / r.power);
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
template <class V>
NXENT_INLINE double upstream_of(const SoftmaxCrossEntropyJob& job, size_t i) {
    if (!job.upstream) return 1.0;
    return flushed(element(array_of<V>(job.upstream, 1, job.element_type), i), Numbers<V>::kSmallestNormal);
}

// Whether a row's factors are so great or small that its gradient is to be wide_gradient()'s. Not where one is not finite.
template <class V>
NXENT_NOINLINE bool needs_wide_range(const SoftmaxCrossEntropyJob& job, const Plan& plan, size_t i) {
    const Label label = label_of(job, i);
    const double upstream = upstream_of<V>(job, i), size = magnitude(upstream);
    if (label.ignored || !(size < kInfinity) || upstream == 0) return false;
    return !is_ordinary_factor(size) || !is_ordinary_factor(label.weight) || label.weight > 0x1p+64 ||
           !(size * (label.weight > 1.0 ? label.weight : 1.0) <= plan.most_factor);
}

// A row between its passes.
template <class V>
struct Row {
    size_t index;  // in the batch
    RowMemory<V> memory;
    Label label;
    double z_label, x_label;  // the logit, and before_unit(); −infinity where there is no label
    bool correct;
    Anchor anchor;  // the highest of the blocks' and the label's
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

// From a row's blocks to its results. kPlain leaves out what plain jobs do not need; it changes no result.
template <class V, bool kPlain>
NXENT_INLINE void finish_row(const SoftmaxCrossEntropyJob& job, const Plan& plan, const Row<V>& row, Block<V>* blocks,
                             size_t count, const Share& share, nxent_totals& totals) {
    using Wide = typename Numbers<V>::Wide;
    const size_t classes = job.rows.classes;
    const RowMemory<V>& memory = row.memory;
    const Label& label = row.label;
    const bool has_label = label.index < classes;
    // An ignored row's gradient is written last, as e may lie there, and z.
    const bool fills = label.ignored && memory.grad.p && !memory.accumulate;

    Wide others = wide<Wide>(0.0);
    for (size_t b = 0; b < count; ++b) {
        blocks[b].factor = ratio<V>(plan, blocks[b].anchor, row.anchor);
        others = others + times(blocks[b].others, blocks[b].factor);
    }
    const double e_label = has_label ? label_exponential<V>(plan, row.x_label, row.anchor) : 0;
    const RowSums<V> sums(row.anchor, others, row.x_label, e_label);
    if (!(sums.sum > 0)) {
        if (fills)
            fill_share(job, plan, memory, share, 0);
        else if (memory.grad.p && !label.ignored)
            fill_share(job, plan, memory, share, canonical_nan());
        if (!share.leads) return;
        const double lost = label.ignored ? 0 : canonical_nan();
        put_row_outputs<V>(job, row.index, lost, lost, canonical_nan());
        return count_row(totals, label, lost, lost, false);
    }

    RowLosses losses = row_losses<V>(job, plan, sums, label, blocks, count);
    if (memory.wide && has_label && !plan.smears && sums.odds() < 0x1p-900)
        losses.loss = wide_loss<V>(plan, sums, label.weight, blocks, count);
    if (share.leads) {
        put_row_outputs<V>(job, row.index, label.ignored ? 0 : losses.loss, label.ignored ? 0 : losses.z_loss,
                           losses.lse);
        count_row(totals, label, losses.loss, losses.z_loss, row.correct);
    }
    if (fills) fill_share(job, plan, memory, share, 0);
    if (!memory.grad.p || label.ignored) return;
    if (memory.wide) return wide_gradient(job, plan, row, sums, losses.lse, blocks, count, share);
    const RowGradient<Wide> r =
        row_gradient<V>(job, plan, sums, label, upstream_of<V>(job, row.index), losses.lse, blocks, count);
    if (r.nan) return fill_share(job, plan, memory, share, canonical_nan());

    const V old = memory.accumulate && has_label ? load_elements(memory.grad, label.index, 1, 0) : set_all<V>(0);
    // Only the general pass keeps zeros from becoming −0.
    const bool plain =
        (kPlain || (memory.grad.plain() && memory.e == memory.grad.scalars() && !plan.smears && !plan.capped)) &&
        rounded(r.scale) > 0;
    for (size_t b = share.begin; b < share.end; ++b) {
        const size_t j = b * plan.block;
        const size_t length = classes - j < plan.block ? classes - j : plan.block;
        const Scale<ScalarOf<V>> scale =
            make_scale(times(r.scale, blocks[b].factor), kUnbias * kRatioUnbias<V> / r.power);
        if (plain)
            scale_block(memory.e + j, length, scale);
        else
            general_gradient(job, plan, memory, j, length, label.index, blocks[b], scale, r.factor);
    }
    if (!has_label || label.index / plan.block < share.begin || label.index / plan.block >= share.end) return;
    double g = r.label;
    if (plan.capped) g *= soft_capped<V>(row.z_label, plan.slope, plan.half_softcap).derivative;
    if (memory.accumulate)
        store_elements(memory.grad, label.index, 1, canonical(accumulated(old, set(rounded_to_element<V>(g)))));
    else
        put(memory.grad, label.index, g);
}

// One row, row i of the batch.
template <class V, bool kPlain>
NXENT_INLINE void compute_row(const SoftmaxCrossEntropyJob& job, const Plan& plan, size_t i, const RowMemory<V>& memory,
                              nxent_totals& totals) {
    const size_t classes = job.rows.classes;
    Row<V> row{i, memory, label_of(job, i), -kInfinity, -kInfinity, false, {}};
    const Label& label = row.label;
    if (!begin_row(job, label, i, memory)) return;
    const bool has_label = label.index < classes;

    // grad may be z: read these now.
    if (has_label) row.z_label = element(memory.z, label.index);
    row.x_label = kPlain ? row.z_label : has_label ? before_unit<V>(row.z_label, plan) : -kInfinity;
    row.correct = !kPlain && job.counts_correct && !label.ignored;
    if (row.correct && job.target == Target::Distribution)
        row.correct = first_greatest(memory.z, classes) == first_greatest(memory.q, classes);

    Block<V> blocks[kMaxBlocks];
    size_t count = 0;
    row.anchor = anchor_at<V>(plan, row.x_label);
    for (size_t j = 0; j < classes; j += plan.block, ++count) {
        const size_t length = classes - j < plan.block ? classes - j : plan.block;
        Block<V>& block = blocks[count];
        // Without a place for a whole block's e, the general pass is taken, which needs none.
        bool done = false;
        if (kPlain || (!plan.capped && (memory.keeps_e || plan.block == kBlock))) {
            ScalarOf<V>* const e = memory.e + (memory.keeps_e ? j : 0);
            const bool converts = !kPlain && !memory.z.plain();
            if (converts) load_run(memory.z, j, e, length);
            const ScalarOf<V>* const z = converts ? e : memory.z.scalars() + j;
            const Others<ScalarOf<V>> others(z, length, label.index - j);
            const ScalarOf<V> other = greatest(others);
            if (row.correct && has_label) row.correct = allows_label(z, j, length, other, label.index, row.z_label);
            done = anchor_block(plan, other, block);
            if (!kPlain && done && plan.sums_targets) sum_targets(job, plan, memory, j, length, block);
            if (done) anchored_block(plan, others, e, block);
        }
        if (!done) {
            const Greatest greatest = greatest_others(memory, j, length, label.index);
            // Of equals the first counts.
            const bool earlier = label.index > j && greatest.before >= row.z_label;
            if (has_label && (earlier || greatest.after > row.z_label)) row.correct = false;
            general_block(job, plan, memory, j, length, label.index, greatest, block);
        }
        row.anchor = higher(plan, block.anchor, row.anchor);
    }
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
    Row<V> row{i, memory, label_of(job, i), -kInfinity, -kInfinity, false, {}};
    const size_t label = row.label.index;
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
                general_block(job, plan, memory, j, length, label, greatest_others(memory, j, length, label), block);
            else
                simple_block(job, plan, memory, j, length, label, block);
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
    if (label < classes) row.z_label = row.x_label = part.row_sums[0];
    Block<V> blocks[kMaxBlocks];
    row.anchor = anchor_at<V>(plan, row.x_label);
    for (size_t b = 0; b < count; ++b) {
        const double* const numbers = part.row_sums + 1 + b * kNumbersPerBlock;
        Block<V>& block = blocks[b];
        block.anchor = block.base = {numbers[0], numbers[1]};
        block.target_sum = block.target_dot = 0;
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
