// SPDX-License-Identifier: MIT
//
// Rows of one block in groups: what there is to do for a row as a whole is done for sixteen rows at once, and with few
// classes everything is.
#pragma once

#include "cross_entropy_rows-inl.h"

namespace nxent {
namespace NXENT_TARGET {
namespace {

// Up to kLanes rows. Lanes beyond count hold what the first one holds.
struct RowGroup {
    size_t count;
    size_t index[kLanes];  // in the batch
    size_t label[kLanes];  // as in Label, but 0 where ignored
    bool ignored[kLanes];  // only with few classes: computed like the others, times 0
    bool correct[kLanes];  // where correct rows are counted
    size_t apart[kLanes];  // as in Apart: with targets beyond it another class than the label
    // Its logit and u; −infinity where there is none. Of few classes u is read with the others.
    double z[kLanes];
    alignas(64) double u[kLanes];
    alignas(64) double slope[kLanes];  // the derivative of its softcap, if there is one
    alignas(64) double weight[kLanes];
    // With targets beyond the label: the weight of the class apart, 1 where that is the label, otherwise 0, and how far the
    // label's u is below its u.
    alignas(64) double apart_weight[kLanes];
    alignas(64) double is_label[kLanes];
    alignas(64) double label_distance[kLanes];
};
template <class V>
NXENT_INLINE Array<V> logits_of(const SoftmaxCrossEntropyJob& job, size_t i) {
    return array_of<V>(job.logits, 1, job.element_type).from(i * job.logits_stride);
}
template <class V>
NXENT_INLINE Array<V> gradient_of(const SoftmaxCrossEntropyJob& job, size_t i) {
    return array_of<V>(job.grad, 1, job.element_type).from(i * job.grad_stride);
}

// Groups have so many elements, what the first-level cache takes, if only just of doubles; where that would be too few rows,
// they come one by one.
constexpr size_t kGroupElements = kBlock;
constexpr size_t kLeastGroup = 2;
// With few classes, where so many rows take as long as sixteen.
constexpr size_t kLeastGroupOfFewClasses = 4;
constexpr size_t kGroupedClasses = kGroupElements / kLeastGroup;
// So few classes that a group goes class by class, with a lane for each row. Chosen by measurement on AVX2.
constexpr size_t kFewClasses = 128;
static_assert(kFewClasses <= kTile, "a row is one tile");
NXENT_INLINE bool takes_groups(const SoftmaxCrossEntropyJob& job, const Plan& plan) {
    const bool for_few_classes = plan.capped || (plan.smears && job.class_weights);
    return job.rows.classes <= (for_few_classes ? kFewClasses : kGroupedClasses) && job.rows.inner == 1 && job.grad &&
           !(job.target == Target::Distribution && (plan.smears || job.counts_correct));
}

// What the gradients of a group's rows are made of.
template <class V>
struct GroupGradient {
    alignas(64) ScalarOf<V> lowest[kLanes];
    alignas(64) ScalarOf<V> high[kLanes];
    alignas(64) ScalarOf<V> low[kLanes];
    alignas(64) ScalarOf<V> apart[kLanes];
    // With targets beyond the label: of float the scale as in DenseScale, what targets are multiplied with, and the label's.
    alignas(64) double dense[kLanes];
    alignas(64) double factor[kLanes];
    alignas(64) double label_target[kLanes];
};
template <class V>
NXENT_INLINE Scale<V> scale_of(const GroupGradient<V>& gradient) {
    return {load(gradient.lowest), load(gradient.high), load(gradient.low), set_all<V>(kUnbias)};
}
template <class V>
NXENT_INLINE Scale<ScalarOf<V>> scale_of(const GroupGradient<V>& gradient, size_t k) {
    return {gradient.lowest[k], gradient.high[k], gradient.low[k], static_cast<ScalarOf<V>>(kUnbias)};
}
NXENT_INLINE DenseScale<F> dense_scale_of(const GroupGradient<F>& gradient) { return {load(gradient.dense)}; }
NXENT_INLINE DenseScale<D> dense_scale_of(const GroupGradient<D>& gradient) { return {scale_of(gradient)}; }
NXENT_INLINE DenseScale<F> dense_scale_of(const GroupGradient<F>& gradient, size_t k) {
    return {set(gradient.dense[k])};
}
NXENT_INLINE DenseScale<D> dense_scale_of(const GroupGradient<D>& gradient, size_t k) {
    return {in_all_lanes(scale_of(gradient, k))};
}

// Where labels are smoothed and losses wanted: the sums of TargetSums::dot.
struct GroupTargets {
    alignas(64) double dot[kLanes];
};

// row_losses() of all rows of a group at once: the same operations. Gives lse.
struct GroupLosses {
    alignas(64) double loss[kLanes];
    alignas(64) double z_loss[kLanes];
    alignas(64) double lse[kLanes];
};
template <class Wide>
NXENT_NOINLINE D group_losses(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowGroup& group, D n,
                              Wide others, D e_apart, const TargetTotals<D>& targets, GroupLosses& losses) {
    const D zero = set(0.0), u_relative = (load(group.u) - n * set(kLn2High)) - n * set(kLn2Low), far = set(-40.0);
    const bool all_near = greatest_lane(zero - u_relative) < 40.0;
    const D log_sum = plan.wants_lse || !all_near ? log_wide(rounded(others + wide<Wide>(e_apart)), zero) : zero;
    D lse = zero;
    if (plan.wants_lse) lse = zero + (n * set(kLn2High) + (n * set(kLn2Low) + log_sum));
    store(losses.lse, lse);
    store(losses.z_loss, flush_below(set(job.z_loss_scale) * lse * lse, Numbers<D>::kSmallestNormal));
    D loss = zero;
    if (plan.wants_loss && job.target != Target::None) {
        const D log_ratio = log1p_wide(quotient(others, e_apart)), weight = load(group.weight);
        if (plan.smears)
            loss = dense_loss(targets, log_ratio);
        else
            loss = select_below(zero, weight, weight * select_below(far, u_relative, log_ratio, log_sum - u_relative),
                                zero);
    }
    store(losses.loss, flush_below(loss, Numbers<D>::kSmallestNormal));
    return lse;
}

// finish_row() of all rows of a group at once, but for their single elements: the same operations, so the same bits, but
// no row waits for another. False, with nothing written, where a row is not an ordinary one: its anchors are shifted, its
// sum is not above 0, its label is missing, its loss could overflow, or its scale is neither 0 nor between 2^-60 and 2^40, where nothing has to be
// taken out of it.
template <class V>
NXENT_INLINE bool finish_group(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowGroup& group, D n_block,
                               typename Numbers<V>::WideLanes block_sum, const GroupTargets& targets,
                               GroupGradient<V>& gradient, nxent_totals& totals) {
    using Wide = typename Numbers<V>::WideLanes;
    constexpr double kFlushBelow = Numbers<V>::kFlushBelow;
    const D zero = set(0.0), one = set(1.0);
    const bool labelled = job.target != Target::None;
    D n = n_block, factor = one, e_apart = zero;
    TargetTotals<D> b{one, zero, zero};
    D strange = zero;  // above 0 where a row is not ordinary
    if (labelled) {
        const D u = load(group.u);
        strange = select_below(set(Exponent<V>::kShiftAbove), magnitude(u), one, zero);
        const D n_apart = nearest_exponent(u);
        // So far apart that low parts could be subnormal.
        if constexpr (sizeof(V) == sizeof(D))
            strange = strange + select_below(set(900.0), magnitude(n_block - n_apart), one, zero);
        n = greater(n_block, n_apart);
        factor = power_of_two_of(n_block - n);
        e_apart = exp_reduced(reduce(u, n_apart)) * power_of_two_of(n_apart - n);
        b.rest = zero;
        b.own = load(group.weight);
    }
    if (plan.smears) {
        const D weight = load(group.weight);
        b = label_targets(plan, set(job.class_weight_sum), load(group.apart_weight), weight, load(group.is_label));
        if (plan.sums_targets) {
            const D dot = load(targets.dot), distance = load(group.label_distance), huge = set(kHuge);
            b.dot = target_dot(plan, dot, weight, distance);
            if (sizeof(V) == sizeof(D))
                strange = strange + select_below(dot, huge, select_below(distance, huge, zero, one), one);
        }
    }
    const Wide others = times(times(block_sum, factor), set(kUnbias));
    const Wide inverse = NXENT_TARGET::inverse(others + wide<Wide>(e_apart));

    GroupLosses losses;
    D pull = zero;
    const bool wants_losses = plan.wants_loss || plan.wants_lse;
    if (wants_losses)
        pull = set(2.0 * job.z_loss_scale) * group_losses(job, plan, group, n, others, e_apart, b, losses);

    D all_factor = set(job.grad_scale);
    if (job.upstream || job.ignores) {
        alignas(64) double upstream[kLanes];
        for (size_t k = 0; k < kLanes; ++k) upstream[k] = group.ignored[k] ? 0 : upstream_of<V>(job, group.index[k]);
        all_factor = all_factor * load(upstream);
    }
    all_factor = all_factor * set(job.scale);
    const Wide scale = times(times(inverse, ((b.rest + b.own) + pull) * all_factor), factor);
    const Scale<V> parts = ordinary_scale(scale);
    // NaN is strange, too.
    const D size = rounded(scale);
    const D too_small = select_below(zero, magnitude(size), one, zero);
    strange = strange + select_below(size, set(0x1p+40), select_below(size, set(0x1p-60), too_small, zero), one);
    if (greatest_lane(strange) > 0) return false;

    store(gradient.lowest, parts.lowest);
    store(gradient.high, parts.high);
    store(gradient.low, parts.low);
    if (labelled) {
        const D p = product(wide<Wide>(e_apart), inverse);
        D apart = apart_gradient(b, p, product(others, inverse), pull, all_factor);
        if (plan.capped) apart = apart * load(group.slope);
        store(gradient.apart, narrowed<V>(flush_below(apart, kFlushBelow)));
    } else {
        store(gradient.apart, set_all<V>(0));
    }
    if (plan.smears) {
        store(gradient.dense, size * set(kUnbias));
        store(gradient.factor, all_factor);
        const D own = set(plan.kept + plan.spread) * load(group.weight);
        store(gradient.label_target, scaled_targets<V>(own, all_factor));
    }

    nxent_totals sums = totals;
    if (wants_losses) {
        for (size_t k = 0; job.ignores && k < group.count; ++k)
            if (group.ignored[k]) losses.loss[k] = losses.z_loss[k] = 0;
        if (job.loss || job.z_loss || job.lse)
            for (size_t k = 0; k < group.count; ++k)
                put_row_outputs<V>(job, group.index[k], losses.loss[k], losses.z_loss[k], losses.lse[k]);
        for (size_t k = 0; k < group.count; ++k) sums.loss += losses.loss[k];
        for (size_t k = 0; plan.wants_lse && k < group.count; ++k) sums.z_loss += losses.z_loss[k];
    }
    for (size_t k = 0; job.counts_correct && k < group.count; ++k)
        sums.correct += group.correct[k] && !group.ignored[k];
    if (job.class_weights || job.ignores) {
        for (size_t k = 0; k < group.count; ++k) {
            sums.weight += group.weight[k];
            sums.rows += !group.ignored[k];
        }
    } else {
        sums.weight += static_cast<double>(group.count);
        sums.rows += group.count;
    }
    totals = sums;
    return true;
}

// Sums of rows, a lane for each.
NXENT_INLINE D load_wide(const double* sums) { return load(sums); }
NXENT_INLINE Pair<D> load_wide(const Pair<double>* sums) {
    alignas(64) double highs[kLanes], lows[kLanes];
    for (size_t k = 0; k < kLanes; ++k) {
        highs[k] = sums[k].high;
        lows[k] = sums[k].low;
    }
    return {load(highs), load(lows)};
}

NXENT_INLINE void set_apart(const Plan& plan, RowGroup& group, size_t k, size_t apart, double z) {
    group.apart[k] = apart;
    group.z[k] = z;
    group.u[k] = z * plan.slope;
    group.is_label[k] = apart == group.label[k] ? 1 : 0;
}

// A group whose rows are passed over one after the other, by each pass. False, with nothing written, where a row is not
// ordinary.
template <class V>
NXENT_NOINLINE bool compute_group(const SoftmaxCrossEntropyJob& job, const Plan& plan, RowGroup& group,
                                  nxent_totals& totals) {
    using S = ScalarOf<V>;
    using Wide = typename Numbers<V>::Wide;
    const size_t classes = job.rows.classes;
    // Where e cannot lie in the gradient, it is kept here.
    alignas(64) S scratch[kGroupElements];
    const bool converts = job.element_type != Numbers<V>::kType;
    const bool elsewhere = converts || job.accumulate;
    const S* z[kLanes];
    S* e[kLanes];
    Others<S> others[kLanes];
    alignas(64) S greatests[kLanes] = {};
    const size_t* const alone = plan.smears ? group.apart : group.label;
    for (size_t k = 0; k < group.count; ++k) {
        const Array<V> logits = logits_of<V>(job, group.index[k]);
        e[k] = elsewhere ? scratch + k * classes : gradient_of<V>(job, group.index[k]).scalars();
        if (converts) load_run(logits, 0, e[k], classes);
        z[k] = converts ? e[k] : logits.scalars();
        const size_t label = group.label[k];
        if (plan.smears) {
            const size_t apart = first_greatest(array_of<V>(z[k], 1, Numbers<V>::kType), classes);
            set_apart(plan, group, k, apart, static_cast<double>(z[k][apart]));
            group.apart_weight[k] = 1;
            group.label_distance[k] =
                (static_cast<double>(z[k][apart]) - static_cast<double>(z[k][label])) * plan.slope;
        }
        others[k].look_at(z[k], classes, alone[k]);
        greatests[k] = greatest(others[k]);
        if (plan.smears)
            group.correct[k] = alone[k] == label;
        else if (job.counts_correct && label < classes)
            group.correct[k] = allows_label(z[k], 0, classes, greatests[k], label, static_cast<double>(z[k][label]));
    }
    for (size_t k = group.count; plan.smears && k < kLanes; ++k) {
        set_apart(plan, group, k, group.apart[0], group.z[0]);
        group.apart_weight[k] = 1;
        group.label_distance[k] = group.label_distance[0];
    }
    // As in anchor_at(), where nothing is shifted.
    const D m = widened(load(greatests)) * set(plan.slope), n = nearest_exponent(m);
    if (greatest_lane(magnitude(m)) > Exponent<V>::kShiftAbove) return false;
    alignas(64) double exponents[kLanes];
    store(exponents, n);
    GroupTargets targets;
    // (As GCC takes them for uninitialised below.)
    targets.dot[0] = 0;
    for (size_t k = 0; plan.sums_targets && k < kLanes; ++k) {
        if (k >= group.count) {
            targets.dot[k] = targets.dot[0];
            continue;
        }
        TargetSums<V> sums;
        const size_t apart = group.apart[k];
        const RowMemory<V> memory{array_of<V>(z[k], 1, Numbers<V>::kType), {}, false, {}, e[k], false};
        add_run_targets(job, plan, memory, 0, classes, {apart, group.z[k], group.z[k]}, sums);
        targets.dot[k] = finished(sums.dot);
        // (NaN is huge, too.)
        if (sizeof(V) == sizeof(D) && !(finished(sums.huge) <= 0 && group.label_distance[k] < kHuge)) return false;
    }

    const D lowest = exponential_lowest<V>(n);
    alignas(64) S lowests[kLanes], rounds[kLanes], leasts[kLanes] = {};
    store(lowests, narrowed<V>(lowest));
    store(rounds, narrowed<V>(exponential_round<V>(n)));
    if (plan.scales) store(leasts, narrowed<V>(exponential_least(lowest, set(plan.slope))));
    const S slope = static_cast<S>(plan.slope);
    const S slope_low = static_cast<S>(plan.slope - static_cast<double>(slope));
    Wide sums[kLanes];
    sums[0] = wide<Wide>(0.0);
    for (size_t k = 0; k < group.count; ++k) {
        const Exponential<S> c{0, lowests[k], rounds[k], slope, slope_low, leasts[k]};
        sums[k] = plan.scales ? exponentials<Input::Scaled, V>(others[k], e[k], c)
                              : exponentials<Input::Plain, V>(others[k], e[k], c);
    }
    for (size_t k = group.count; k < kLanes; ++k) sums[k] = sums[0];
    GroupGradient<V> gradient;
    if (finish_group(job, plan, group, n, load_wide(sums), targets, gradient, totals)) {
        for (size_t k = 0; k < group.count; ++k) {
            const Array<V> g = gradient_of<V>(job, group.index[k]);
            if (!plan.smears && !job.accumulate) {
                store_scaled_run(g, 0, e[k], classes, scale_of(gradient, k));
                if (alone[k] < classes) store_elements(g, alone[k], 1, set(gradient.apart[k]));
                continue;
            }
            if (plan.smears) {
                const DenseScale<V> scale = dense_scale_of(gradient, k);
                const size_t label = group.label[k];
                const V own = dense_element(set(e[k][label]), scale, set(gradient.label_target[k]));
                dense_run<V>(e[k], classes, scale, scaled_targets<V>(set(plan.spread), set(gradient.factor[k])));
                store_partial(e[k] + label, own, 1);
            } else {
                scale_block(e[k], classes, scale_of(gradient, k));
            }
            if (alone[k] < classes) e[k][alone[k]] = gradient.apart[k];
            if (elsewhere) store_run(g, 0, e[k], classes, job.accumulate, true);
        }
        return true;
    }
    for (size_t k = 0; k < group.count; ++k) {
        const size_t i = group.index[k];
        const RowMemory<V> memory{logits_of<V>(job, i), gradient_of<V>(job, i), job.accumulate, {}, e[k], true};
        const Label label{group.label[k], false, group.weight[k]};
        const Anchor anchor{0, exponents[k]};
        Block<V> block{anchor, sums[k], wide<Wide>(0.0), anchor};
        const bool correct = job.counts_correct && group.correct[k];
        const double z_apart = group.z[k];
        Row<V> row{i, memory, label, z_apart, {alone[k], z_apart, z_apart}, correct, {}, {}};
        row.anchor = higher(plan, anchor, anchor_at<V>(plan, z_apart));
        row.targets = row_targets<V>(job, plan, memory, label, row.apart, {}, 0, 0);
        if (plan.sums_targets)
            row.targets.dot = target_dot(plan, targets.dot[k], label.weight, group.label_distance[k]);
        if (elsewhere || plan.smears)
            finish_row<V, false>(job, plan, row, &block, 1, {0, 1, true}, totals);
        else
            finish_row<V, true>(job, plan, row, &block, 1, {0, 1, true}, totals);
    }
    return true;
}

// Between kLanes rows and as many lanes: class j of the k-th row is columns[j * kLanes + k]. Four classes at a time; the
// last four may overlap those before.
template <class S>
NXENT_INLINE void load_columns(const S* rows, size_t stride, size_t classes, S* columns) {
    const auto load_four = [&](size_t j) {
        const S* const p = rows + j;
        auto a = load_quarters(p, 4 * stride), b = load_quarters(p + stride, 4 * stride);
        auto c = load_quarters(p + 2 * stride, 4 * stride), d = load_quarters(p + 3 * stride, 4 * stride);
        transpose_quarters(a, b, c, d);
        S* const to = columns + j * kLanes;
        store(to, a);
        store(to + kLanes, b);
        store(to + 2 * kLanes, c);
        store(to + 3 * kLanes, d);
    };
    size_t j = 0;
    for (; j + 4 <= classes; j += 4) load_four(j);
    if (classes >= 4 && classes - j > 1) return load_four(classes - 4);
    for (; j < classes; ++j) store(columns + j * kLanes, load_column(rows + j, stride));
}
// column(j) is class j.
template <class V, class Column>
NXENT_INLINE void store_columns(ScalarOf<V>* rows, size_t stride, size_t classes, const Column& column) {
    const auto store_four = [&](size_t j) {
        V a = column(j), b = column(j + 1), c = column(j + 2), d = column(j + 3);
        transpose_quarters(a, b, c, d);
        ScalarOf<V>* const p = rows + j;
        store_quarters(p, 4 * stride, a);
        store_quarters(p + stride, 4 * stride, b);
        store_quarters(p + 2 * stride, 4 * stride, c);
        store_quarters(p + 3 * stride, 4 * stride, d);
    };
    size_t j = 0;
    for (; j + 4 <= classes; j += 4) store_four(j);
    if (classes >= 4 && classes - j > 1) return store_four(classes - 4);
    for (; j < classes; ++j) store_column(rows + j, stride, column(j));
}

// The same with smoothing, a softcap or both. (In a function of its own, as the plain loop is slower beside these.) The
// labels' own elements, which differ in their targets, become own.
template <bool kCapped, class V>
NXENT_NOINLINE void store_general_columns(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowGroup& group,
                                          ScalarOf<V>* rows, size_t stride, size_t classes, const ScalarOf<V>* columns,
                                          const ScalarOf<V>* slopes, const GroupGradient<V>& gradient) {
    using S = ScalarOf<V>;
    if (!plan.smears) {
        const Scale<V> scale = scale_of(gradient);
        return store_columns<V>(rows, stride, classes, [&](size_t j) {
            const V v = scaled(load(columns + j * kLanes), scale);
            if constexpr (kCapped)
                return canonical(times_slopes(v, load(slopes + j * kLanes)));
            else
                return flush_below(v, Numbers<V>::kFlushBelow);
        });
    }
    const DenseScale<V> scale = dense_scale_of(gradient);
    const auto element = [&](const S* e, D b, const S* slope) {
        if constexpr (kCapped)
            return canonical(dense_element(load(e), scale, b, load(slope)));
        else
            return dense_element(load(e), scale, b);
    };
    alignas(64) S e_label[kLanes], slope_label[kLanes], own[kLanes];
    for (size_t k = 0; k < kLanes; ++k) {
        e_label[k] = columns[group.label[k] * kLanes + k];
        slope_label[k] = kCapped ? slopes[group.label[k] * kLanes + k] : S{1};
    }
    store(own, element(e_label, load(gradient.label_target), slope_label));
    if (job.class_weights) {
        const D factor = load(gradient.factor);
        store_columns<V>(rows, stride, classes, [&](size_t j) {
            const D b = scaled_targets<V>(set(plan.spread * job.class_weights[j]), factor);
            return element(columns + j * kLanes, b, slopes + (kCapped ? j * kLanes : 0));
        });
    } else {
        const D b = scaled_targets<V>(set(plan.spread), load(gradient.factor));
        store_columns<V>(rows, stride, classes, [&](size_t j) {
            return element(columns + j * kLanes, b, slopes + (kCapped ? j * kLanes : 0));
        });
    }
    for (size_t k = 0; k < kLanes; ++k) rows[k * stride + group.label[k]] = own[k];
}

// sum_lanes() of each row, where lane(j) gives what classes j, j + kLanes, … come to.
template <class Wide, class Lane>
NXENT_INLINE Wide sum_column_lanes(size_t classes, const Lane& lane) {
    const size_t lanes = classes < kLanes ? classes : kLanes;
    Wide sum[kLanes / 2];
    for (size_t j = 0; j < kLanes / 2 && j < lanes; ++j) {
        sum[j] = lane(j);
        if (j + kLanes / 2 < lanes) sum[j] = sum[j] + lane(j + kLanes / 2);
    }
    for (size_t half = kLanes / 4; half > 0; half /= 2)
        for (size_t j = 0; j < half && j + half < lanes; ++j) sum[j] = sum[j] + sum[j + half];
    return sum[0];
}

// Stores e, then gives the sum of each row: class j is added in lane j of a tile, modulo kLanes, and then the lanes.
// Meanwhile logits of later groups are fetched from z on, and from g on where gradients will be stored.
// low has the low parts of split logits.
template <Input input, class V>
NXENT_INLINE typename Numbers<V>::WideLanes column_exponentials(ScalarOf<V>* columns, const ScalarOf<V>* low,
                                                                size_t classes, const Exponential<V>& c,
                                                                const ScalarOf<V>* z, const ScalarOf<V>* g) {
    using Wide = typename Numbers<V>::WideLanes;
    const auto reduce_at = [&](size_t j) {
        prefetch_vector(z + j * kLanes, kPrefetch);
        prefetch_vector(g + j * kLanes, 0);
        const V v = load(columns + j * kLanes);
        return reduced<input>(v, splits<input, V>() ? load(low + j * kLanes) : v, c);
    };
    const auto finish_at = [&](size_t j, const Reduced<V>& x) { store(columns + j * kLanes, exponential(x)); };
    one_ahead<V, 1>(0, classes, reduce_at, finish_at);
    return sum_column_lanes<Wide>(classes, [&](size_t j) {
        const V first = load(columns + j * kLanes);
        j += kLanes;
        if (j >= classes) return wide<Wide>(widened(first));
        TileSum<V> tile = empty_tile<V>();
        accumulate(tile, first);
        for (; j < classes; j += kLanes) accumulate(tile, load(columns + j * kLanes));
        return sum_of(tile);
    });
}

NXENT_INLINE D finished_lane(const BlockSum<F>& sum) { return sum.sum; }
NXENT_INLINE Pair<D> finished_lane(const BlockSum<D>& sum) {
    return Pair<D>{sum.high, set(0.0)} + Pair<D>{sum.low, set(0.0)};
}
// The sums of TargetSums::dot of each row. distance_of(j) is that of class j, and is called once for each class.
template <class V, class Distance>
NXENT_INLINE void sum_column_targets(const SoftmaxCrossEntropyJob& job, size_t classes, const Distance& distance_of,
                                     GroupTargets& targets) {
    using Wide = typename Numbers<V>::WideLanes;
    D plain[kLanes];  // without low parts
    const auto lane = [&](size_t first) {
        BlockSum<V> sum;
        for (size_t j = first; j < classes; j += kLanes) {
            const D distance = distance_of(j);
            sum.add(job.class_weights ? target_term(set(job.class_weights[j]), distance) : distance);
        }
        plain[first] = sum.high_lanes();
        return finished_lane(sum);
    };
    D dot = rounded(sum_column_lanes<Wide>(classes, lane));
    if constexpr (sizeof(V) == sizeof(D)) {
        // As in finished().
        const D high = sum_column_lanes<D>(classes, [&](size_t j) { return plain[j]; }), infinity = set(kInfinity);
        dot = select_below(magnitude(dot), infinity, dot, high);
    }
    store(targets.dot, dot);
}

// split_run() of rows, class by class, with their targets where those are summed. columns become the high parts.
template <class V>
NXENT_NOINLINE void split_columns(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowGroup& group,
                                  size_t classes, D n, ScalarOf<V>* columns, ScalarOf<V>* low, ScalarOf<V>* slopes,
                                  GroupTargets& targets) {
    const D least = widened(narrowed<V>(exponential_lowest<V>(n)));
    const auto z_of = [&](size_t j) { return widened(load(columns + j * kLanes)); };
    const auto split = [&](size_t j, const Capped<D>& capped) {
        store(slopes + j * kLanes, slopes_of<V>(capped.derivative));
        store_split<V>(greater(least, capped.value), j * kLanes, kLanes, columns, low);
    };
    if (!plan.sums_targets) return soft_cap_each<V>(plan, classes, z_of, split);
    sum_column_targets<V>(
        job, classes,
        [&](size_t j) {
            const Capped<D> capped = soft_capped<V>(z_of(j), set(plan.slope), set(plan.half_softcap));
            split(j, capped);
            return load(group.u) - capped.value;
        },
        targets);
}

template <class V>
NXENT_NOINLINE void sum_unsplit_targets(const SoftmaxCrossEntropyJob& job, const ScalarOf<V>* columns, size_t classes,
                                        V greatest, GroupTargets& targets) {
    const D z = widened(greatest);
    sum_column_targets<V>(
        job, classes, [&](size_t j) { return z - widened(load(columns + j * kLanes)); }, targets);
}

// Which labels are the greatest of their rows, with the greatest of the others.
template <class S>
NXENT_NOINLINE void note_correct(RowGroup& group, const S* z, size_t stride, size_t classes, const S* greatests) {
    for (size_t k = 0; k < kLanes; ++k) {
        const S* const row = z + k * stride;
        const size_t label = group.label[k];
        if (label >= classes) continue;
        group.correct[k] = allows_label(row, 0, classes, greatests[k], label, static_cast<double>(row[label]));
    }
}

// The first of the greatest of each row, where it is, and the greatest of the others; NaN is passed over.
template <class V>
NXENT_INLINE void find_apart(RowGroup& group, const ScalarOf<V>* columns, size_t classes, V& others, V& greatest) {
    V index = set_all<V>(0);
    for (size_t j = 0; j < classes; ++j) {
        const V z = load(columns + j * kLanes);
        others = greater(select_below(greatest, z, greatest, z), others);
        index = select_below(greatest, z, set_all<V>(static_cast<double>(j)), index);
        greatest = greater(z, greatest);
    }
    alignas(64) ScalarOf<V> indices[kLanes];
    store(indices, index);
    for (size_t k = 0; k < kLanes; ++k) group.apart[k] = static_cast<size_t>(indices[k]);
}

// A group of few classes. False, with nothing written, where a row is not ordinary.
template <bool kCapped, class V>
NXENT_NOINLINE bool compute_group_of_few_classes(const SoftmaxCrossEntropyJob& job, const Plan& plan, RowGroup& group,
                                                 nxent_totals& totals) {
    using S = ScalarOf<V>;
    constexpr S kNothing = static_cast<S>(-kInfinity);
    const size_t classes = job.rows.classes;
    alignas(64) S columns[kFewClasses * kLanes];
    alignas(64) S rows[kLanes * kFewClasses];
    // With a softcap.
    constexpr bool kSplits = kCapped && splits<Input::Split, V>();
    alignas(64) S slopes[kCapped ? kFewClasses * kLanes : 1];
    alignas(64) S low[kSplits ? kFewClasses * kLanes : 1];
    // Where rows follow one another, numbers are read and written where they lie, and others converted in one run.
    const size_t first = group.index[0];
    const bool follow = group.count == kLanes && group.index[kLanes - 1] - first == kLanes - 1;
    const bool reads = follow && job.element_type == Numbers<V>::kType, writes = reads && !job.accumulate;
    const S* const z = reads ? static_cast<const S*>(job.logits) + first * job.logits_stride : rows;
    const size_t z_stride = reads ? job.logits_stride : classes;
    S* const g = writes ? static_cast<S*>(job.grad) + first * job.grad_stride : rows;
    const size_t g_stride = writes ? job.grad_stride : classes;
    if (!reads) {
        const size_t together = follow && job.logits_stride == classes ? kLanes : 1;
        for (size_t k = 0; k < kLanes; k += together)
            load_run(logits_of<V>(job, group.index[k]), 0, rows + k * classes, together * classes);
    }
    load_columns(z, z_stride, classes, columns);
    V greatest = set(kNothing), first_of_all = greatest;
    if (plan.smears) {
        find_apart(group, columns, classes, greatest, first_of_all);
    } else {
        for (size_t k = 0; k < kLanes; ++k) group.u[k] = -kInfinity;
    }
    const size_t* const apart = plan.smears ? group.apart : group.label;
    const auto put_apart = [&](bool present) {
        for (size_t k = 0; k < kLanes; ++k)
            if (apart[k] < classes) columns[apart[k] * kLanes + k] = present ? z[k * z_stride + apart[k]] : kNothing;
    };
    for (size_t k = 0; k < kLanes; ++k) {
        if (apart[k] >= classes) continue;
        group.u[k] = (kCapped ? 1.0 : plan.slope) * static_cast<double>(z[k * z_stride + apart[k]]);
        columns[apart[k] * kLanes + k] = kNothing;
    }
    alignas(64) double z_label[kLanes];
    for (size_t k = 0; plan.smears && k < kLanes; ++k) {
        const size_t label = group.label[k];
        z_label[k] = static_cast<double>(z[k * z_stride + label]);
        group.is_label[k] = apart[k] == label ? 1 : 0;
        group.correct[k] = apart[k] == label;
        group.apart_weight[k] = weight_of(job, apart[k]);
    }
    if (!plan.smears)
        for (size_t j = 0; j < classes; ++j) greatest = greater(load(columns + j * kLanes), greatest);
    // As in anchor_at(), where nothing is shifted.
    D m = widened(greatest);
    if constexpr (kCapped) {
        const D slope = set(plan.slope), half_softcap = set(plan.half_softcap);
        m = soft_capped<V>(m, slope, half_softcap).value;
        const Capped<D> alone = soft_capped<V>(load(group.u), slope, half_softcap);
        store(group.u, alone.value);
        store(group.slope, alone.derivative);
        for (size_t k = 0; k < kLanes; ++k)
            if (apart[k] >= classes) group.u[k] = -kInfinity;
        if (plan.sums_targets)
            store(group.label_distance, alone.value - soft_capped<V>(load(z_label), slope, half_softcap).value);
    } else {
        m = m * set(plan.slope);
        if (plan.sums_targets) store(group.label_distance, (widened(first_of_all) - load(z_label)) * set(plan.slope));
    }
    const D n = nearest_exponent(m);
    if (greatest_lane(magnitude(m)) > Exponent<V>::kShiftAbove) return false;
    if (job.counts_correct && !plan.smears) {
        alignas(64) S greatests[kLanes];
        store(greatests, greatest);
        note_correct(group, z, z_stride, classes, greatests);
    }
    GroupTargets targets;
    if (kCapped || plan.sums_targets) {
        put_apart(true);
        if constexpr (kCapped)
            split_columns<V>(job, plan, group, classes, n, columns, low, slopes, targets);
        else
            sum_unsplit_targets<V>(job, columns, classes, first_of_all, targets);
        put_apart(false);
        for (size_t k = 0; kSplits && k < kLanes; ++k)
            if (apart[k] < classes) low[apart[k] * kLanes + k] = 0;
    }

    const D lowest = exponential_lowest<V>(n);
    const V none = set_all<V>(0);
    Exponential<V> c{none, narrowed<V>(lowest), narrowed<V>(exponential_round<V>(n)), none, none, none};
    if (plan.scales) {
        const S slope = static_cast<S>(plan.slope);
        c.slope = set(slope);
        c.slope_low = set(static_cast<S>(plan.slope - static_cast<double>(slope)));
        c.least = narrowed<V>(exponential_least(lowest, set(plan.slope)));
    }
    const auto sum = kCapped       ? column_exponentials<Input::Split>(columns, low, classes, c, z, g)
                     : plan.scales ? column_exponentials<Input::Scaled>(columns, low, classes, c, z, g)
                                   : column_exponentials<Input::Plain>(columns, low, classes, c, z, g);
    GroupGradient<V> gradient;
    if (!finish_group(job, plan, group, n, sum, targets, gradient, totals)) return false;
    if (kCapped || plan.smears) {
        // (Of a copy, so that in the other case these numbers may stay in registers.)
        const GroupGradient<V> numbers = gradient;
        store_general_columns<kCapped, V>(job, plan, group, g, g_stride, classes, columns, slopes, numbers);
    } else {
        const Scale<V> scale = scale_of(gradient);
        store_columns<V>(g, g_stride, classes, [&](size_t j) { return scaled(load(columns + j * kLanes), scale); });
    }
    for (size_t k = 0; k < kLanes; ++k)
        if (apart[k] < classes) g[k * g_stride + apart[k]] = gradient.apart[k];
    if (writes) return true;
    // What ignored rows would be added to stays.
    const bool leaves_some = job.accumulate && job.ignores;
    const size_t together = follow && job.grad_stride == classes && !leaves_some ? kLanes : 1;
    for (size_t k = 0; k < group.count; k += together) {
        if (leaves_some && group.ignored[k]) continue;
        store_run(gradient_of<V>(job, group.index[k]), 0, rows + k * classes, together * classes, job.accumulate, true);
    }
    return true;
}

template <class V>
NXENT_NOINLINE void compute_groups(const SoftmaxCrossEntropyJob& job, const Plan& plan, nxent_totals& totals) {
    const Rows& rows = job.rows;
    const size_t classes = rows.classes;
    const bool plain = changes_scale_only(job, plan) && job.element_type == Numbers<V>::kType;
    const auto is_wide = [&](size_t i) { return plan.checks_range && needs_wide_range<V>(job, plan, i); };
    const auto alone = [&](size_t i) {
        if (plain && !is_wide(i))
            compute_plain_row<V>(job, plan, i, totals);
        else
            direct_row<V>(job, plan, i, totals);
    };
    const size_t most = kGroupElements / classes < kLanes ? kGroupElements / classes : kLanes;
    const bool few = classes <= kFewClasses;
    const bool int32 = job.target == Target::Int32, labelled = int32 || job.target == Target::Int64;
    RowGroup group;
    for (bool& ignored : group.ignored) ignored = false;
    for (size_t i = rows.begin; i < rows.end;) {
        size_t count = 0, ignored = 0;
        bool whole = few && labelled && rows.end - i >= kLanes;
        for (size_t k = 0; plan.checks_range && whole && k < kLanes; ++k) whole = !is_wide(i + k);
        // Where nothing but the labels is of interest, several times as fast as the general way.
        if (whole && !job.ignores && !job.class_weights)
            for (; count < kLanes; ++count, ++i) {
                const int64_t y =
                    int32 ? static_cast<const int32_t*>(job.targets)[i] : static_cast<const int64_t*>(job.targets)[i];
                const bool inside = static_cast<uint64_t>(y) < classes;
                group.index[count] = i;
                group.label[count] = inside ? static_cast<size_t>(y) : kNoLabel;
                group.weight[count] = 1;
            }
        // Not where an ignored row's lse is wanted, for which the label's exponential is not apart.
        else if (whole && !(job.ignores && job.lse))
            for (; count < kLanes; ++count, ++i) {
                const Label label = label_of(job, i);
                group.index[count] = i;
                group.label[count] = label.ignored ? 0 : label.index;
                group.ignored[count] = label.ignored;
                group.weight[count] = label.weight;
                ignored += label.ignored;
            }
        for (; i < rows.end && count < most; ++i) {
            const Label label = label_of(job, i);
            if (label.ignored) {
                alone(i);
                continue;
            }
            // After the rows before it, as totals are in the order of rows.
            if (is_wide(i)) break;
            group.index[count] = i;
            group.label[count] = label.index;
            group.ignored[count] = false;
            group.weight[count] = label.weight;
            group.z[count] = !few && label.index < classes ? element(logits_of<V>(job, i), label.index) : -kInfinity;
            group.u[count] = plan.slope * group.z[count];
            ++count;
        }
        group.count = count;
        bool done = count >= (few ? kLeastGroupOfFewClasses : kLeastGroup) && ignored < count;
        if (done) {
            for (size_t k = count; k < kLanes; ++k) {
                group.index[k] = group.index[0];
                group.label[k] = group.label[0];
                group.ignored[k] = group.ignored[0];
                group.weight[k] = group.weight[0];
                group.u[k] = group.u[0];
            }
            done = !few          ? compute_group<V>(job, plan, group, totals)
                   : plan.capped ? compute_group_of_few_classes<true, V>(job, plan, group, totals)
                                 : compute_group_of_few_classes<false, V>(job, plan, group, totals);
        }
        if (!done)
            for (size_t k = 0; k < count; ++k) alone(group.index[k]);
        if (count == 0 && i < rows.end && is_wide(i)) alone(i++);
    }
}

}  // namespace
}  // namespace NXENT_TARGET
}  // namespace nxent
