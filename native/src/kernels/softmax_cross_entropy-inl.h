// SPDX-License-Identifier: MIT
//
// Softmax cross-entropy from logits: gradient and loss of a range of rows. docs/numerics.md derives the method and its
// error bound. In short, for a row z with label y:
//
//   1. The row is cut into blocks. For each block, m = max z without the label and N = rint(m·log2 e). Each z is reduced
//      by itself, z = n·ln 2 + r, never as z − m, whose rounding would cost tens of ULP. e = 2·exp(r)·2^(n − N + 64) is
//      stored where the gradient goes, and summed with its rounding errors, without the label.
//   2. The blocks' sums are joined in double: S = others + exp(z_y).
//   3. Gradient: e·(block scale / S) for the others, −others / S for the label, which never cancels.
//      Loss: log1p(others / exp(z_y)).
#pragma once

#include "../kernels.h"
#include "math-inl.h"

namespace nxent {
namespace NXENT_TARGET {
namespace {

// A tile is the unit of summation: so many vectors are added lane by lane in two floats, then widened to double.
constexpr size_t kTileVectors = 8;
constexpr size_t kTile = kTileVectors * kLanes;
// Blocks: short enough for the first-level cache, and never more than kMaxBlocks.
constexpr size_t kBlock = 4096;
constexpr size_t kMaxBlocks = 256;
// How far ahead of the exponentials logits are fetched, in elements: the next block, or the next rows. Chosen by
// measurement on AVX2: 15 to 20 % of the time at 1000 classes and more.
constexpr size_t kPrefetch = 4096;

// Beyond this magnitude of its maximum, a block is shifted by the maximum: there z − m is exact wherever it matters,
// while the rounding of n would no longer be harmless.
constexpr float kShiftAbove = 8192.0f;
// Stored e is exp(z − reference)·2^65: 2^64 so that e·(low part of the scale) is never subnormal, 2 for the polynomial.
constexpr double kUnbias = 0x1p-65;
// At least the sum of a tile's lane, 8·2√2·2^64.
constexpr float kSumBase = 0x1p+69f;
// Results below 2^-126 are flushed. The margin makes sure that no subnormal slips through by rounding.
constexpr double kFlushBelow = 0x1.00001p-126;

constexpr float kLog2EFloat = 0x1.715476p+0f;
constexpr float kLn2HighFloat = 0x1.62e43p-1f;
constexpr float kLn2LowFloat = -0x1.05c61p-29f;
constexpr float kNegativeInfinity = -__builtin_huge_valf();
constexpr uint32_t kCanonicalNaN = 0x7fc00000u;
constexpr size_t kNoLane = ~size_t{0};

// What the first pass leaves behind of a block.
struct Block {
    double reference;  // stored e = exp(z − reference)·2^65
    double others;     // sum of e without the label
    double factor;     // exp(reference − the row's reference)
};

// The constants of one block's exponentials.
struct Exponential {
    F shift;   // subtracted from z first (0 where the block is not shifted)
    F lowest;  // reduces to exponent field 0: everything at or below it becomes exactly 0
    F round;   // 1.5·2^23 − N + 127 + 64: adding it leaves the result's exponent field in the low bits
};

// e = 2·exp(z)·2^(64 − N), for z up to N·ln 2 + 0.35; 0 for z below about (N − 190)·ln 2. NaN gives NaN. Largest error
// 1.24·2^-24 of the result. Takes Count independent vectors step by step together, to keep the pipelines filled.
template <bool Shifted, int Count>
NXENT_INLINE void exponential(F (&z)[Count], const Exponential& c) {
    F shifted[Count], n[Count], p[Count];
    const auto each = [](auto step) {
        for (int i = 0; i < Count; ++i) step(i);
    };
    if constexpr (Shifted) each([&](int i) { z[i] = sub(z[i], c.shift); });
    each([&](int i) { z[i] = greater(c.lowest, z[i]); });
    // n = rint(z·log2 e). Where that rounds to the wrong side, |r| is a little above ½ ln 2.
    each([&](int i) { shifted[i] = fma(z[i], set(kLog2EFloat), c.round); });
    each([&](int i) { n[i] = sub(shifted[i], c.round); });
    // Cody and Waite: r = z − n·ln 2. The first step is exact: both terms are multiples of 2^-25, the result below ½.
    each([&](int i) { z[i] = fnma(n[i], set(kLn2HighFloat), z[i]); });
    each([&](int i) { z[i] = fnma(n[i], set(kLn2LowFloat), z[i]); });
    // 2·exp(r) by a minimax polynomial of degree 7, relative error 2^-33 for |r| ≤ 0.3475. Doubled, it is at least √2, so
    // that e is never subnormal.
    each([&](int i) { p[i] = fma(set(0x1.9e1b2cp-12f), z[i], set(0x1.6d4f3ap-9f)); });
    each([&](int i) { p[i] = fma(p[i], z[i], set(0x1.1113p-6f)); });
    each([&](int i) { p[i] = fma(p[i], z[i], set(0x1.5554e6p-4f)); });
    each([&](int i) { p[i] = fma(p[i], z[i], set(0x1.555554p-2f)); });
    each([&](int i) { p[i] = fma(p[i], z[i], set(1.0f)); });
    each([&](int i) { p[i] = fma(p[i], z[i], set(2.0f)); });
    each([&](int i) { p[i] = fma(p[i], z[i], set(2.0f)); });
    each([&](int i) { z[i] = mul(p[i], power_of_two(shifted[i])); });
}

// The greatest of count logits; NaN is passed over.
NXENT_INLINE float greatest_logit(const float* z, size_t count) {
    F m0 = set(kNegativeInfinity), m1 = m0, m2 = m0, m3 = m0;
    size_t j = 0;
    for (; j + 4 * kLanes <= count; j += 4 * kLanes) {
        m0 = greater(load(z + j), m0);
        m1 = greater(load(z + j + kLanes), m1);
        m2 = greater(load(z + j + 2 * kLanes), m2);
        m3 = greater(load(z + j + 3 * kLanes), m3);
    }
    for (; j + kLanes <= count; j += kLanes) m0 = greater(load(z + j), m0);
    if (j < count) m1 = greater(load_partial(z + j, count - j, kNegativeInfinity), m1);
    return greatest_lane(greater(greater(m0, m1), greater(m2, m3)));
}

// The same without the label, which may lie outside.
NXENT_INLINE float greatest_other(const float* z, size_t count, size_t label) {
    if (count <= kLanes) {
        const F all = load_partial(z, count, kNegativeInfinity);
        const F others = label < count ? replace_lane(all, label, kNegativeInfinity) : all;
        return greatest_lane(greater(others, set(kNegativeInfinity)));
    }
    if (label >= count) return greatest_logit(z, count);
    const float before = greatest_logit(z, label);
    const float after = greatest_logit(z + label + 1, count - label - 1);
    return before > after ? before : after;
}

// A tile's sum, lane by lane: high − kSumBase + low.
struct TileSum {
    F high, low;
};

// Adds e without loss: high takes what fits (it is the larger, so Dekker's FastTwoSum is exact), low the rest.
NXENT_INLINE void accumulate(TileSum& sum, F e) {
    const F high = add(sum.high, e);
    sum.low = add(sum.low, sub(e, sub(high, sum.high)));
    sum.high = high;
}
NXENT_INLINE TileSum empty_tile() { return {set(kSumBase), set(0.0f)}; }
NXENT_INLINE D add_tile(D sum, const TileSum& tile) {
    return add_widened(add_widened(sum, sub(tile.high, set(kSumBase))), tile.low);
}

template <bool Shifted>
NXENT_INLINE TileSum full_tile(const float* z, float* e, const Exponential& c) {
    TileSum sum = empty_tile();
    for (size_t k = 0; k < kTile; k += kTogether * kLanes) {
        F v[kTogether];
        for (int i = 0; i < kTogether; ++i) {
            prefetch(z + k + i * kLanes, kPrefetch);
            v[i] = load(z + k + i * kLanes);
        }
        exponential<Shifted>(v, c);
        for (int i = 0; i < kTogether; ++i) {
            store(e + k + i * kLanes, v[i]);
            accumulate(sum, v[i]);
        }
    }
    return sum;
}

// The same for a tile that is cut short after count classes or holds the label: absent classes and the label count as
// −infinity, and add nothing.
template <bool Shifted>
TileSum partial_tile(const float* z, float* e, size_t count, size_t label, const Exponential& c) {
    TileSum sum = empty_tile();
    for (size_t j = 0; j < count; j += kLanes) {
        const size_t lanes = count - j < kLanes ? count - j : kLanes;
        F v[1] = {lanes == kLanes ? load(z + j) : load_partial(z + j, lanes, kNegativeInfinity)};
        if (label - j < kLanes) v[0] = replace_lane(v[0], label - j, kNegativeInfinity);
        exponential<Shifted>(v, c);
        if (lanes == kLanes)
            store(e + j, v[0]);
        else
            store_partial(e + j, v[0], lanes);
        accumulate(sum, v[0]);
    }
    return sum;
}

template <bool Shifted>
NXENT_INLINE double exponentials(const float* z, float* e, size_t count, size_t label, const Exponential& c) {
    D sum = zero_doubles();
    size_t j = 0;
    for (; j + kTile <= count; j += kTile)
        sum = add_tile(sum, label - j < kTile ? partial_tile<Shifted>(z + j, e + j, kTile, label - j, c)
                                              : full_tile<Shifted>(z + j, e + j, c));
    if (j < count) sum = add_tile(sum, partial_tile<Shifted>(z + j, e + j, count - j, label - j, c));
    return sum_lanes(sum);
}

// The exponent n of a block's reference n·ln 2, for a greatest logit m that does not ask for a shift.
NXENT_INLINE bool unshifted(float m) { return m >= -kShiftAbove && m <= kShiftAbove; }
NXENT_INLINE double reference_exponent(float m) {
    return (static_cast<double>(m) * kLog2E + kRoundDouble) - kRoundDouble;
}
NXENT_INLINE float exponential_lowest(double n) { return static_cast<float>((n - 191.0) * kLn2); }
NXENT_INLINE float exponential_round(double n) { return static_cast<float>(12582912.0 - n + 191.0); }

// First pass over a block. The label may lie outside.
NXENT_INLINE Block block_exponentials(const float* z, float* e, size_t count, size_t label) {
    const float m = greatest_other(z, count, label);
    const bool shifted = !unshifted(m) && m != kNegativeInfinity;
    double n = 0;
    Block block{static_cast<double>(m), 0, 0};
    if (unshifted(m)) {
        n = reference_exponent(m);
        block.reference = n * kLn2;
    }
    const Exponential c{set(m), set(exponential_lowest(n)), set(exponential_round(n))};
    block.others = shifted ? exponentials<true>(z, e, count, label, c) : exponentials<false>(z, e, count, label, c);
    return block;
}

// The constants that turn e into e·scale·2^-65, for 0 ≤ scale ≤ 2.
struct Scale {
    float lowest;     // anything below becomes 0
    float high, low;  // the factor in two parts: one float would cost half an ULP
    float unbias;     // a power of two, apart from the factor so that no intermediate result can be subnormal
};

NXENT_INLINE Scale make_scale(double scale) {
    double unbias = kUnbias;
    if (scale < 0x1p-60) {
        scale *= 0x1p+60;
        unbias *= 0x1p-60;
    }
    const double lowest = kFlushBelow / (unbias * scale);
    const float high = static_cast<float>(scale);
    return {lowest < 0x1p+100 ? static_cast<float>(lowest) : __builtin_huge_valf(), high,
            static_cast<float>(scale - static_cast<double>(high)), static_cast<float>(unbias)};
}

NXENT_INLINE F scaled(F e, F lowest, F high, F low, F unbias) {
    e = zero_below(e, lowest);
    return mul(fma(e, high, mul(e, low)), unbias);
}

// Second pass over a block.
NXENT_INLINE void scale_block(float* e, size_t count, const Scale& scale) {
    const F lowest = set(scale.lowest), high = set(scale.high), low = set(scale.low), unbias = set(scale.unbias);
    size_t j = 0;
    for (; j + kLanes <= count; j += kLanes) store(e + j, scaled(load(e + j), lowest, high, low, unbias));
    if (j < count)
        store_partial(e + j, scaled(load_partial(e + j, count - j, 0.0f), lowest, high, low, unbias), count - j);
}

NXENT_INLINE void fill(float* out, size_t count, float value) {
    const F v = set(value);
    size_t j = 0;
    for (; j + kLanes <= count; j += kLanes) store(out + j, v);
    if (j < count) store_partial(out + j, v, count - j);
}

NXENT_INLINE float flushed(double value) { return value < kFlushBelow ? 0.0f : static_cast<float>(value); }

// What a row's sums come to. Everything is relative to exp(reference).
struct RowSums {
    double others;      // without the label
    double z_relative;  // the label's logit − reference, −infinity where there is no label
    double e_label;     // its exponential
    double sum;         // not above 0 where the row is NaN: a logit is NaN or +infinity, or all are −infinity
    double inverse;
};

NXENT_INLINE RowSums row_sums(double others, double z_relative, bool has_label) {
    const double e_label = has_label ? exp_double(z_relative) : 0;
    const double sum = others + e_label;
    return {others, z_relative, e_label, sum, 1.0 / sum};
}

NXENT_INLINE float label_gradient(const RowSums& s) { return 0.0f - flushed(s.others * s.inverse); }

// The first form keeps a small loss accurate; the second holds where the label's exponential is out of range.
NXENT_INLINE float row_loss(const RowSums& s) {
    return flushed(s.z_relative > -40.0 ? log1p_double(s.others / s.e_label) : log_double(s.sum) - s.z_relative);
}

// Gradient of one row, and its loss where loss is not null. A label of kNoLane or beyond selects no class.
void row(const float* z, float* grad, float* loss, size_t classes, size_t label) {
    const bool has_label = label < classes;
    // grad may be z: read it now.
    const double z_label = static_cast<double>(has_label ? z[label] : kNegativeInfinity);

    size_t length = kBlock;
    if (classes > kBlock * kMaxBlocks) {
        length = (classes + kMaxBlocks - 1) / kMaxBlocks;
        length = (length + kTile - 1) / kTile * kTile;
    }
    Block blocks[kMaxBlocks];
    size_t count = 0;
    double reference = z_label;
    for (size_t j = 0; j < classes; j += length, ++count) {
        blocks[count] = block_exponentials(z + j, grad + j, classes - j < length ? classes - j : length, label - j);
        if (blocks[count].reference > reference) reference = blocks[count].reference;
    }

    double others = 0;
    for (size_t b = 0; b < count; ++b) {
        double& factor = blocks[b].factor;
        factor = exp_double(blocks[b].reference - reference);
        others += blocks[b].others * factor;
    }
    const RowSums sums = row_sums(others * kUnbias, z_label - reference, has_label);
    if (!(sums.sum > 0)) {
        const float nan = bit_cast<float>(kCanonicalNaN);
        fill(grad, classes, nan);
        if (loss) *loss = nan;
        return;
    }

    size_t b = 0;
    for (size_t j = 0; j < classes; j += length, ++b)
        scale_block(grad + j, classes - j < length ? classes - j : length, make_scale(blocks[b].factor * sums.inverse));
    if (has_label) grad[label] = label_gradient(sums);
    if (loss) *loss = row_loss(sums);
}

// kLanes rows of at most kLanes classes at once, a lane for each row: the same operations as in row(), so the same bits,
// but none waits for another. False, with nothing written, where a row is not an ordinary one.
bool rows_of_few_classes(const SoftmaxCrossEntropyJob& job, size_t first) {
    const size_t classes = job.classes;
    alignas(64) float v[kLanes][kLanes];  // class by class
    alignas(64) float m[kLanes], lowest[kLanes], round[kLanes];
    double z_label[kLanes], exponent[kLanes];
    size_t label[kLanes];
    for (size_t i = 0; i < kLanes; ++i) {
        const float* z = job.logits + (first + i) * job.logits_stride;
        for (size_t j = 0; j < classes; ++j) v[j][i] = z[j];
        const int32_t y = job.labels[first + i];
        label[i] = y < 0 ? kNoLane : static_cast<size_t>(y);
        z_label[i] = static_cast<double>(kNegativeInfinity);
        if (label[i] < classes) {
            z_label[i] = static_cast<double>(z[label[i]]);
            v[label[i]][i] = kNegativeInfinity;
        }
    }

    F greatest = set(kNegativeInfinity);
    for (size_t j = 0; j < classes; ++j) greatest = greater(load(v[j]), greatest);
    store(m, greatest);
    for (size_t i = 0; i < kLanes; ++i) {
        if (!unshifted(m[i])) return false;
        exponent[i] = reference_exponent(m[i]);
        lowest[i] = exponential_lowest(exponent[i]);
        round[i] = exponential_round(exponent[i]);
    }
    const Exponential c{set(0.0f), load(lowest), load(round)};
    for (size_t j = 0; j < classes; ++j) {
        F e[1] = {load(v[j])};
        exponential<false>(e, c);
        store(v[j], e[0]);
    }

    // sum_lanes() of one tile: with so few classes every lane holds one, exactly.
    alignas(64) double sum[kLanes][kLanes];
    for (size_t j = 0; j < classes; ++j)
        for (size_t i = 0; i < kLanes; ++i) sum[j][i] = static_cast<double>(v[j][i]);
    for (size_t half = kLanes / 2; half > 0; half /= 2)
        for (size_t j = 0; j < half && j + half < classes; ++j)
            for (size_t i = 0; i < kLanes; ++i) sum[j][i] += sum[j + half][i];

    RowSums sums[kLanes];
    alignas(64) float scale_lowest[kLanes], scale_high[kLanes], scale_low[kLanes], unbias[kLanes];
    for (size_t i = 0; i < kLanes; ++i) {
        const double block_reference = exponent[i] * kLn2;
        const double reference = block_reference > z_label[i] ? block_reference : z_label[i];
        const double factor = exp_double(block_reference - reference);
        sums[i] = row_sums(sum[0][i] * factor * kUnbias, z_label[i] - reference, label[i] < classes);
        if (!(sums[i].sum > 0)) return false;
        const Scale scale = make_scale(factor * sums[i].inverse);
        scale_lowest[i] = scale.lowest;
        scale_high[i] = scale.high;
        scale_low[i] = scale.low;
        unbias[i] = scale.unbias;
    }
    for (size_t j = 0; j < classes; ++j)
        store(v[j], scaled(load(v[j]), load(scale_lowest), load(scale_high), load(scale_low), load(unbias)));
    for (size_t i = 0; i < kLanes; ++i) {
        if (label[i] < classes) v[label[i]][i] = label_gradient(sums[i]);
        float* grad = job.grad + (first + i) * job.grad_stride;
        for (size_t j = 0; j < classes; ++j) grad[j] = v[j][i];
        if (job.loss) job.loss[first + i] = row_loss(sums[i]);
    }
    return true;
}

void softmax_cross_entropy(const SoftmaxCrossEntropyJob& job) {
    for (size_t i = job.row_begin; i < job.row_end;) {
        const size_t together = job.classes <= kLanes && job.row_end - i >= kLanes ? kLanes : 1;
        if (together > 1 && rows_of_few_classes(job, i)) {
            i += together;
            continue;
        }
        for (const size_t end = i + together; i < end; ++i) {
            const int32_t label = job.labels[i];
            row(job.logits + i * job.logits_stride, job.grad + i * job.grad_stride, job.loss ? job.loss + i : nullptr,
                job.classes, label < 0 ? kNoLane : static_cast<size_t>(label));
        }
    }
}

}  // namespace
}  // namespace NXENT_TARGET
}  // namespace nxent
