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
    // The label's logit and u; −infinity where there is no label. Of few classes u is read with the others.
    double z[kLanes];
    alignas(64) double u[kLanes];
    alignas(64) double slope[kLanes];  // the derivative of its softcap, if there is one
    alignas(64) double weight[kLanes];
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
    alignas(64) ScalarOf<V> label[kLanes];
    alignas(64) ScalarOf<V> every[kLanes];  // subtracted from every other element, for label smoothing
    alignas(64) double factor[kLanes];      // of what is subtracted where that differs from class to class
};

// Where labels are smoothed and losses wanted: as in Block, relative to the blocks' exponents.
struct GroupTargets {
    alignas(64) double sum[kLanes];
    alignas(64) double dot[kLanes];
};

// row_losses() of all rows of a group at once: the same operations. Gives lse.
struct GroupLosses {
    alignas(64) double loss[kLanes];
    alignas(64) double z_loss[kLanes];
    alignas(64) double lse[kLanes];
};
template <class Wide>
NXENT_NOINLINE D group_losses(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowGroup& group, D n_block,
                              D n, Wide others, D e_label, const GroupTargets& targets, GroupLosses& losses) {
    const D zero = set(0.0), u_relative = (load(group.u) - n * set(kLn2High)) - n * set(kLn2Low), far = set(-40.0);
    const bool all_near = greatest_lane(zero - u_relative) < 40.0;
    const D log_sum =
        plan.wants_lse || plan.sums_targets || !all_near ? log_wide(rounded(others + wide<Wide>(e_label)), zero) : zero;
    D lse = zero;
    if (plan.wants_lse) lse = zero + (n * set(kLn2High) + (n * set(kLn2Low) + log_sum));
    store(losses.lse, lse);
    store(losses.z_loss, flush_below(set(job.z_loss_scale) * lse * lse, Numbers<D>::kSmallestNormal));
    D loss = zero;
    if (plan.wants_loss && job.target != Target::None) {
        const D weight = set(plan.kept) * load(group.weight);
        loss = weight * select_below(far, u_relative, log1p_wide(quotient(others, e_label)), log_sum - u_relative);
        loss = select_below(zero, weight, loss, zero);
    }
    if (plan.sums_targets) {
        const D sum = load(targets.sum), from_block = n - n_block;
        const D distance = (zero + from_block * set(kLn2High)) + from_block * set(kLn2Low);
        loss = loss + select_below(zero, sum, sum * (log_sum + distance) - load(targets.dot), zero);
    }
    store(losses.loss, flush_below(loss, Numbers<D>::kSmallestNormal));
    return lse;
}

// finish_row() of all rows of a group at once, but for their single elements: the same operations, so the same bits, but
// no row waits for another. False, with nothing written, where a row is not an ordinary one: its anchors are shifted, its
// sum is not above 0, its label is missing, or its scale is neither 0 nor between 2^-60 and 2^40, where nothing has to be
// taken out of it.
template <class V>
NXENT_INLINE bool finish_group(const SoftmaxCrossEntropyJob& job, const Plan& plan, const RowGroup& group, D n_block,
                               typename Numbers<V>::WideLanes block_sum, const GroupTargets& targets,
                               GroupGradient<V>& gradient, nxent_totals& totals) {
    using Wide = typename Numbers<V>::WideLanes;
    constexpr double kFlushBelow = Numbers<V>::kFlushBelow;
    const D zero = set(0.0), one = set(1.0);
    const bool labelled = job.target != Target::None;
    D n = n_block, factor = one, e_label = zero, rest = one, own = zero;
    D strange = zero;  // above 0 where a row is not ordinary
    if (labelled) {
        const D u = load(group.u);
        strange = select_below(set(Exponent<V>::kShiftAbove), magnitude(u), one, zero);
        const D n_label = nearest_exponent(u);
        // So far apart that low parts could be subnormal.
        if constexpr (sizeof(V) == sizeof(D))
            strange = strange + select_below(set(900.0), magnitude(n_block - n_label), one, zero);
        n = greater(n_block, n_label);
        factor = power_of_two_of(n_block - n);
        e_label = exp_reduced(reduce(u, n_label)) * power_of_two_of(n_label - n);
        const D weight = load(group.weight);
        rest = set(plan.spread) * (set(job.class_weight_sum) - weight);
        own = set(plan.kept + plan.spread) * weight;
    }
    const Wide others = times(times(block_sum, factor), set(kUnbias));
    const Wide inverse = NXENT_TARGET::inverse(others + wide<Wide>(e_label));

    GroupLosses losses;
    D pull = zero;
    const bool wants_losses = plan.wants_loss || plan.wants_lse;
    if (wants_losses)
        pull =
            set(2.0 * job.z_loss_scale) * group_losses(job, plan, group, n_block, n, others, e_label, targets, losses);

    D all_factor = set(job.grad_scale);
    if (job.upstream || job.ignores) {
        alignas(64) double upstream[kLanes];
        for (size_t k = 0; k < kLanes; ++k) upstream[k] = group.ignored[k] ? 0 : upstream_of<V>(job, group.index[k]);
        all_factor = all_factor * load(upstream);
    }
    all_factor = all_factor * set(job.scale);
    const Wide scale = times(times(inverse, ((rest + own) + pull) * all_factor), factor);
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
        const D p_label = product(wide<Wide>(e_label), inverse);
        D label = (p_label * (rest + pull) - product(others, inverse) * own) * all_factor;
        if (plan.capped) label = label * load(group.slope);
        store(gradient.label, narrowed<V>(flush_below(label, kFlushBelow)));
    } else {
        store(gradient.label, set_all<V>(0));
    }
    if (plan.smears) {
        store(gradient.every, narrowed<V>(flush_below(set(plan.spread) * all_factor, kFlushBelow)));
        store(gradient.factor, all_factor);
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

// Gradients from which the target that label smoothing gives every class has been subtracted.
template <class V>
NXENT_INLINE V smoothed(V v, V every) {
    return flush_below(sub(v, every), Numbers<V>::kFlushBelow);
}
template <class S>
NXENT_NOINLINE void smooth_gradients(S* g, size_t count, S every) {
    const auto all = set(every);
    size_t j = 0;
    for (; j + kLanes <= count; j += kLanes) store(g + j, smoothed(load(g + j), all));
    if (j < count) store_partial(g + j, smoothed(load_partial(g + j, count - j, S{0}), all), count - j);
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
    const bool apart = converts || job.accumulate;
    const S* z[kLanes];
    S* e[kLanes];
    Others<S> others[kLanes];
    alignas(64) S greatests[kLanes] = {};
    for (size_t k = 0; k < group.count; ++k) {
        const Array<V> logits = logits_of<V>(job, group.index[k]);
        e[k] = apart ? scratch + k * classes : gradient_of<V>(job, group.index[k]).scalars();
        if (converts) load_run(logits, 0, e[k], classes);
        z[k] = converts ? e[k] : logits.scalars();
        others[k].look_at(z[k], classes, group.label[k]);
        greatests[k] = greatest(others[k]);
        const size_t label = group.label[k];
        if (job.counts_correct && label < classes)
            group.correct[k] = allows_label(z[k], 0, classes, greatests[k], label, static_cast<double>(z[k][label]));
    }
    // As in anchor_at(), where nothing is shifted.
    const D m = widened(load(greatests)) * set(plan.slope), n = nearest_exponent(m);
    if (greatest_lane(magnitude(m)) > Exponent<V>::kShiftAbove) return false;
    alignas(64) double exponents[kLanes];
    store(exponents, n);
    GroupTargets targets;
    // (As GCC takes them for uninitialised below.)
    targets.sum[0] = targets.dot[0] = 0;
    for (size_t k = 0; plan.sums_targets && k < group.count; ++k) {
        const RowMemory<V> memory{array_of<V>(z[k], 1, Numbers<V>::kType), {}, false, {}, e[k], false};
        Block<V> block;
        block.base = {0, exponents[k]};
        sum_targets(job, plan, memory, 0, classes, block);
        targets.sum[k] = block.target_sum;
        targets.dot[k] = block.target_dot;
    }
    for (size_t k = group.count; plan.sums_targets && k < kLanes; ++k) {
        targets.sum[k] = targets.sum[0];
        targets.dot[k] = targets.dot[0];
    }

    const D lowest = exponential_lowest<V>(n);
    alignas(64) S lowests[kLanes], rounds[kLanes], leasts[kLanes] = {};
    store(lowests, narrowed<V>(lowest));
    store(rounds, narrowed<V>(exponential_round<V>(n)));
    if (plan.scales) store(leasts, narrowed<V>(exponential_least(lowest, set(plan.slope))));
    const S slope = static_cast<S>(plan.slope);
    const S slope_low = static_cast<S>(plan.slope - static_cast<double>(slope));
    Wide sums[kLanes];
    for (size_t k = 0; k < group.count; ++k) {
        const Exponential<S> c{0, lowests[k], rounds[k], slope, slope_low, leasts[k]};
        sums[k] = plan.scales ? exponentials<Input::Scaled, V>(others[k], e[k], c)
                              : exponentials<Input::Plain, V>(others[k], e[k], c);
    }
    for (size_t k = group.count; k < kLanes; ++k) sums[k] = sums[0];
    GroupGradient<V> gradient;
    if (finish_group(job, plan, group, n, load_wide(sums), targets, gradient, totals)) {
        for (size_t k = 0; k < group.count; ++k) {
            const Scale<S> scale{gradient.lowest[k], gradient.high[k], gradient.low[k], static_cast<S>(kUnbias)};
            const Array<V> g = gradient_of<V>(job, group.index[k]);
            const size_t label = group.label[k];
            if (!plan.smears && !job.accumulate) {
                store_scaled_run(g, 0, e[k], classes, scale);
                if (label < classes) store_elements(g, label, 1, set(gradient.label[k]));
                continue;
            }
            scale_block(e[k], classes, scale);
            if (plan.smears) smooth_gradients(e[k], classes, gradient.every[k]);
            if (label < classes) e[k][label] = gradient.label[k];
            if (apart) store_run(g, 0, e[k], classes, job.accumulate, true);
        }
        return true;
    }
    for (size_t k = 0; k < group.count; ++k) {
        const size_t i = group.index[k];
        const RowMemory<V> memory{logits_of<V>(job, i), gradient_of<V>(job, i), job.accumulate, {}, e[k], true};
        const Label label{group.label[k], false, group.weight[k]};
        const Anchor anchor{0, exponents[k]};
        Block<V> block{anchor, sums[k], wide<Wide>(0.0), 0, 0, anchor};
        if (plan.sums_targets) {
            block.target_sum = targets.sum[k];
            block.target_dot = targets.dot[k];
        }
        const bool correct = job.counts_correct && group.correct[k];
        const Anchor label_anchor = anchor_at<V>(plan, group.z[k]);
        const Row<V> row{i, memory, label, group.z[k], group.z[k], correct, higher(plan, anchor, label_anchor)};
        if (apart || plan.smears)
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
// change(j, v) is what becomes of e·scale·2^-65 of class j.
template <class V, class Change>
NXENT_INLINE void store_scaled_columns(ScalarOf<V>* rows, size_t stride, size_t classes, const ScalarOf<V>* columns,
                                       const Scale<V>& scale, const Change& change) {
    const auto column = [&](size_t j) { return change(j, scaled(load(columns + j * kLanes), scale)); };
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

template <class V>
NXENT_INLINE Scale<V> scale_of(const GroupGradient<V>& gradient) {
    return {load(gradient.lowest), load(gradient.high), load(gradient.low), set_all<V>(kUnbias)};
}
// The same with smoothing, a softcap or both. (In a function of its own, as the plain loop is slower beside these.)
template <bool kCapped, class V>
NXENT_NOINLINE void store_general_columns(const SoftmaxCrossEntropyJob& job, const Plan& plan, ScalarOf<V>* rows,
                                          size_t stride, size_t classes, const ScalarOf<V>* columns,
                                          const ScalarOf<V>* slopes, const GroupGradient<V>& gradient) {
    const auto flushed = [&](size_t j, V v) {
        if constexpr (kCapped)
            return canonical(times_slopes(v, load(slopes + j * kLanes)));
        else
            return flush_below(v, Numbers<V>::kFlushBelow);
    };
    const Scale<V> scale = scale_of(gradient);
    if (plan.smears && job.class_weights)
        store_scaled_columns(rows, stride, classes, columns, scale, [&](size_t j, V v) {
            const D b = set(plan.spread * job.class_weights[j]) * load(gradient.factor);
            return flushed(j, sub(v, narrowed<V>(flush_below(b, Numbers<V>::kFlushBelow))));
        });
    else if (plan.smears)
        store_scaled_columns(rows, stride, classes, columns, scale,
                             [&](size_t j, V v) { return flushed(j, sub(v, load(gradient.every))); });
    else
        store_scaled_columns(rows, stride, classes, columns, scale, flushed);
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

// sum_targets() of each row. u_of(j) gives u of class j, and is called once for each class.
template <class Logits>
NXENT_INLINE void sum_column_targets(const SoftmaxCrossEntropyJob& job, const Plan& plan, size_t classes, D n,
                                     const Logits& u_of, GroupTargets& targets) {
    const D zero = set(0.0), high = n * set(kLn2High), low = n * set(kLn2Low);
    const auto sum_of = [&](const auto& target_of, const auto& term_of) {
        store(targets.sum, sum_column_lanes<D>(classes, [&](size_t j) {
                  D sum = zero;
                  for (; j < classes; j += kLanes) sum = sum + target_of(j);
                  return sum;
              }));
        store(targets.dot, sum_column_lanes<D>(classes, [&](size_t j) {
                  D dot = zero;
                  for (; j < classes; j += kLanes) dot = dot + term_of(target_of(j), (u_of(j) - high) - low);
                  return dot;
              }));
    };
    if (!job.class_weights && plan.spread > 0)
        sum_of([&](size_t) { return set(plan.spread); }, [](D b, D u) { return b * u; });
    else
        sum_of([&](size_t j) { return set(job.class_weights ? plan.spread * job.class_weights[j] : plan.spread); },
               target_term);
}

// split_run() of rows, class by class, with their targets where those are summed. columns become the high parts.
template <class V>
NXENT_NOINLINE void split_columns(const SoftmaxCrossEntropyJob& job, const Plan& plan, size_t classes, D n,
                                  ScalarOf<V>* columns, ScalarOf<V>* low, ScalarOf<V>* slopes, GroupTargets& targets) {
    const D least = widened(narrowed<V>(exponential_lowest<V>(n)));
    const auto z_of = [&](size_t j) { return widened(load(columns + j * kLanes)); };
    const auto split = [&](size_t j, const Capped<D>& capped) {
        store(slopes + j * kLanes, slopes_of<V>(capped.derivative));
        store_split<V>(greater(least, capped.value), j * kLanes, kLanes, columns, low);
    };
    if (!plan.sums_targets) return soft_cap_each<V>(plan, classes, z_of, split);
    const auto u_of = [&](size_t j) {
        const Capped<D> capped = soft_capped<V>(z_of(j), set(plan.slope), set(plan.half_softcap));
        split(j, capped);
        return capped.value;
    };
    sum_column_targets(job, plan, classes, n, u_of, targets);
}

template <class V>
NXENT_NOINLINE void sum_unsplit_targets(const SoftmaxCrossEntropyJob& job, const Plan& plan, const ScalarOf<V>* columns,
                                        size_t classes, D n, GroupTargets& targets) {
    const auto u_of = [&](size_t j) { return widened(load(columns + j * kLanes)) * set(plan.slope); };
    sum_column_targets(job, plan, classes, n, u_of, targets);
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
    const auto put_labels = [&](bool present) {
        for (size_t k = 0; k < kLanes; ++k)
            if (group.label[k] < classes)
                columns[group.label[k] * kLanes + k] = present ? z[k * z_stride + group.label[k]] : kNothing;
    };
    for (size_t k = 0; k < kLanes; ++k) {
        const size_t label = group.label[k];
        group.u[k] = -kInfinity;
        if (label >= classes) continue;
        group.u[k] = (kCapped ? 1.0 : plan.slope) * static_cast<double>(z[k * z_stride + label]);
        columns[label * kLanes + k] = kNothing;
    }
    V greatest = set(kNothing);
    for (size_t j = 0; j < classes; ++j) greatest = greater(load(columns + j * kLanes), greatest);
    alignas(64) S greatests[kLanes];
    store(greatests, greatest);
    // As in anchor_at(), where nothing is shifted.
    D m = widened(greatest);
    if constexpr (kCapped) {
        const D slope = set(plan.slope), half_softcap = set(plan.half_softcap);
        m = soft_capped<V>(m, slope, half_softcap).value;
        const Capped<D> label = soft_capped<V>(load(group.u), slope, half_softcap);
        store(group.u, label.value);
        store(group.slope, label.derivative);
        for (size_t k = 0; k < kLanes; ++k)
            if (group.label[k] >= classes) group.u[k] = -kInfinity;
    } else {
        m = m * set(plan.slope);
    }
    const D n = nearest_exponent(m);
    if (greatest_lane(magnitude(m)) > Exponent<V>::kShiftAbove) return false;
    if (job.counts_correct) note_correct(group, z, z_stride, classes, greatests);
    GroupTargets targets;
    if (kCapped || plan.sums_targets) {
        put_labels(true);
        if constexpr (kCapped)
            split_columns<V>(job, plan, classes, n, columns, low, slopes, targets);
        else
            sum_unsplit_targets<V>(job, plan, columns, classes, n, targets);
        put_labels(false);
        for (size_t k = 0; kSplits && k < kLanes; ++k)
            if (group.label[k] < classes) low[group.label[k] * kLanes + k] = 0;
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
        store_general_columns<kCapped, V>(job, plan, g, g_stride, classes, columns, slopes, numbers);
    } else {
        store_scaled_columns(g, g_stride, classes, columns, scale_of(gradient), [](size_t, V v) { return v; });
    }
    for (size_t k = 0; k < kLanes; ++k)
        if (group.label[k] < classes) g[k * g_stride + group.label[k]] = gradient.label[k];
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
