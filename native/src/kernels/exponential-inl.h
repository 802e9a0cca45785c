// SPDX-License-Identifier: MIT
//
// Exponentials of a block of logits, their sum, and their scaling: what every kernel about a softmax is made of.
// docs/numerics.md derives the method and its error bound.
#pragma once

#include "../cut.h"
#include "elements-inl.h"

namespace nxent {
namespace NXENT_TARGET {
namespace {

static_assert(kLanes == kLogicalLanes);

// Stored e is exp(z − reference)·2^65: 2^64 so that e·(low part of the scale) is never subnormal, 2 so that e is not.
constexpr int kBias = 64;
constexpr double kUnbias = 0x1p-65;
// The same where e has been multiplied with a ratio.
template <class V>
constexpr double kRatioUnbias = sizeof(V) == sizeof(D) ? 0x1p-64 : 1.0;
// Above any e, 2√2·2^64.
constexpr double kSumBase = 0x1p+66;

template <class V>
struct Exponent;

template <>
struct Exponent<F> {
    // Adding it rounds to an integer.
    static constexpr double kRound = 0x1.8p+23;
    static constexpr double kOffset = 127.0 + kBias;
    // Beyond this magnitude of its maximum, a block is shifted by the maximum: there z − m is exact wherever it matters,
    // while the rounding of n would no longer be harmless.
    static constexpr double kShiftAbove = 8192.0;
};

template <>
struct Exponent<D> {
    static constexpr double kRound = kRoundDouble;
    static constexpr double kOffset = 1023.0 + kBias;
    static constexpr double kShiftAbove = 524288.0;
};

// The constants of a block's exponentials: a number each, or a vector of those of several blocks.
template <class X>
struct Exponential {
    X shift;   // subtracted from z first (0 where the block is not shifted)
    X lowest;  // reduces to exponent field 0: everything at or below it becomes exactly 0
    X round;   // kRound − N + kOffset: adding it leaves the result's exponent field in the low bits
    // Of scaled logits, which are not shifted.
    X slope, slope_low;  // what they are multiplied with, in two parts
    X least;             // a logit whose multiple is below lowest: everything at or below it becomes exactly 0
};
NXENT_INLINE F in_lanes(float x) { return set(x); }
NXENT_INLINE D in_lanes(double x) { return set(x); }
NXENT_INLINE F in_lanes(F x) { return x; }
NXENT_INLINE D in_lanes(D x) { return x; }

// In double; X is double or D.
template <class V, class X>
NXENT_INLINE X exponential_lowest(X n) {
    return (n - all<X>(Exponent<V>::kOffset)) * all<X>(kLn2);
}
template <class V, class X>
NXENT_INLINE X exponential_round(X n) {
    return all<X>(Exponent<V>::kRound) - n + all<X>(Exponent<V>::kOffset);
}
// Of multiples of logits, by slope.
template <class X>
NXENT_INLINE X exponential_least(X lowest, X slope) {
    return (lowest - all<X>(1.0)) / slope;
}
template <class V>
NXENT_INLINE Exponential<ScalarOf<V>> exponential_constants(double shift, double n) {
    using S = ScalarOf<V>;
    return {static_cast<S>(shift),
            static_cast<S>(exponential_lowest<V>(n)),
            static_cast<S>(exponential_round<V>(n)),
            0,
            0,
            0};
}
template <class V>
NXENT_INLINE Exponential<ScalarOf<V>> scaled_exponential_constants(double n, double slope) {
    using S = ScalarOf<V>;
    Exponential<S> c = exponential_constants<V>(0, n);
    c.slope = static_cast<S>(slope);
    c.slope_low = static_cast<S>(slope - static_cast<double>(c.slope));
    c.least = static_cast<S>(exponential_least(exponential_lowest<V>(n), slope));
    return c;
}

enum class Input {
    Plain,
    Shifted,  // by the constants' shift
    Split,    // with a low part
    Scaled    // by the constants' slope
};

constexpr float kLog2EFloat = 0x1.715476p+0f;
constexpr float kLn2HighFloat = 0x1.62e43p-1f;
constexpr float kLn2LowFloat = -0x1.05c61p-29f;

// 2·exp(r) by a minimax polynomial of degree 7, relative error 2^-33 for |r| ≤ 0.3475, from the highest power on. Doubled, it
// is at least √2, so that e is never subnormal.
constexpr float kExpPolynomial[] = {0x1.9e1b2cp-12f, 0x1.6d4f3ap-9f, 0x1.1113p-6f, 0x1.5554e6p-4f,
                                    0x1.555554p-2f,  1.0f,           2.0f,         2.0f};
constexpr int kExpDegree = 7;
// Horner's steps from one to another.
template <int kFrom, int kTo>
NXENT_INLINE F exp_steps(F p, F r) {
    if constexpr (kFrom < kTo)
        return exp_steps<kFrom + 1, kTo>(fma(p, r, set(kExpPolynomial[kFrom + 1])), r);
    else
        return p;
}

// The same where the target fuses in software only, in doubles that hold floats throughout: no step needs more than three
// operations, as it is known how large its result is. A number added whose last place is that of a float of this size has the
// sum rounded as the fused operation's would be, once, and goes away exactly. (Its own sum with the coefficient is exact.)
// |r| ≤ 0.3475 leaves the first four results within one power of two, the other three on the side of 1 or 2 that the sign of
// r says. X is a part of D.
constexpr double kFloatRound = 0x1.8p+29;  // of floats from 1 to 2
constexpr double kExpStepSize[] = {0x1p-9, 0x1p-6, 0x1p-4, 0x1p-2};
template <class X>
NXENT_INLINE X exp_in_doubles(X r) {
    X p = X::all(static_cast<double>(kExpPolynomial[0]));
    for (int i = 0; i < 4; ++i) {
        const double round = kFloatRound * kExpStepSize[i];
        p = (p * r + X::all(round + static_cast<double>(kExpPolynomial[i + 1]))) - X::all(round);
    }
    // Of floats below 1 and 2, or from there on.
    const X below = X::all(kFloatRound), round = select_below(r, X::all(0.0), below, below + below);
    const X half = X::all(0.5) * round;
    p = (p * r + (half + X::all(static_cast<double>(kExpPolynomial[5])))) - half;
    static_assert(kExpDegree == 7 && kExpPolynomial[6] == kExpPolynomial[7], "the last two steps add the same");
    const X sum = round + X::all(static_cast<double>(kExpPolynomial[6]));
    p = (p * r + sum) - round;
    return (p * r + sum) - round;
}

// An exponential of which some is done: its argument is reduced. A loop does so with the next vector before it goes on with
// this one, as a processor does not look far enough ahead to do that by itself.
// (Doubles are not fused.)
template <class V, bool kFused = kFuses || sizeof(V) == sizeof(D)>
struct Reduced;

template <>
struct Reduced<F, true> {
    F exponent;  // with the result's exponent field in its low bits
    F r;         // the result is 2·exp(r), and a power of two
    F p;         // its polynomial so far
};
template <>
struct Reduced<F, false> {
    F exponent, r;
};
template <bool kFused = kFuses>
NXENT_INLINE Reduced<F, kFused> begin_polynomial(F exponent, F r) {
    if constexpr (kFused)
        return {exponent, r, exp_steps<0, NXENT_STEPS_AHEAD>(set(kExpPolynomial[0]), r)};
    else
        return {exponent, r};
}

template <>
struct Reduced<D, true> {
    D exponent, r;
};

// What reduced() does below, in doubles. To round to an integer, adding 1.5·2^52 does what adding 1.5·2^23 does in float. No
// other step is rounded but the last, once: r is a multiple of 2^-25, or z itself where n = 0, and n·(low part of ln 2) one of
// 2^-52. (It depends on input so that only targets that need it compile it.)
template <Input input, class V>
NXENT_INLINE Reduced<V, false> reduced_in_doubles(V z, V float_round) {
    V exponent = z;
    const V r = map([&](int i) {
        const auto x = widened_part(z, i);
        using X = decltype(x + x);
        const X round = X::all(kRoundDouble) + widened_part(float_round, i);
        const X shifted = x * X::all(static_cast<double>(kLog2EFloat)) + round, n = shifted - round;
        exponent.v[i] = low_words(shifted);
        const X high = x - n * X::all(static_cast<double>(kLn2HighFloat));
        return narrowed_part(high - n * X::all(static_cast<double>(kLn2LowFloat)));
    });
    return {exponent, r};
}

// z is shifted or scaled first.
template <Input input, class X>
NXENT_INLINE Reduced<F> reduced(F z, F low, const Exponential<X>& c) {
    const F lowest = in_lanes(c.lowest), round = in_lanes(c.round);
    if constexpr (input == Input::Shifted) z = sub(z, in_lanes(c.shift));
    if constexpr (input == Input::Scaled) {
        // The product in two parts, but for an error of 2^-46 of it; the low part negative.
        const F slope = in_lanes(c.slope);
        z = greater(in_lanes(c.least), z);
        const F u = mul(z, slope);
        low = fnma(z, in_lanes(c.slope_low), fnma(z, slope, u));
        z = u;
    }
    z = greater(lowest, z);
    if constexpr (!kFuses && (input == Input::Plain || input == Input::Shifted))
        return reduced_in_doubles<input>(z, round);
    // n = rint(z·log2 e). Where that rounds to the wrong side, |r| is a little above ½ ln 2.
    const F shifted = fma(z, set(kLog2EFloat), round);
    const F n = sub(shifted, round);
    // Cody and Waite: r = z − n·ln 2. The first step is exact: both terms are multiples of 2^-25, the result below ½.
    const F r = fnma(n, set(kLn2HighFloat), z);
    if constexpr (input == Input::Split)
        return begin_polynomial(shifted, add(r, fnma(n, set(kLn2LowFloat), low)));
    else if constexpr (input == Input::Scaled)
        return begin_polynomial(shifted, sub(r, fma(n, set(kLn2LowFloat), low)));
    else
        return begin_polynomial(shifted, fnma(n, set(kLn2LowFloat), r));
}
NXENT_INLINE F exponential(const Reduced<F, true>& x) {
    return mul(exp_steps<NXENT_STEPS_AHEAD, kExpDegree>(x.p, x.r), power_of_two(x.exponent));
}
template <class V>
NXENT_INLINE V exponential(const Reduced<V, false>& x) {
    return mul(map([&](int i) { return narrowed_part(exp_in_doubles(widened_part(x.r, i))); }),
               power_of_two(x.exponent));
}

// The same in double; there is no low part.
template <Input input, class X>
NXENT_INLINE Reduced<D> reduced(D z, D, const Exponential<X>& c) {
    const D round = in_lanes(c.round);
    if constexpr (input == Input::Shifted) z = z - in_lanes(c.shift);
    if constexpr (input == Input::Scaled) z = z * in_lanes(c.slope);
    const D x = greater(in_lanes(c.lowest), z);
    const D shifted = x * set(kLog2E) + round;
    return {shifted, reduce(x, shifted - round)};
}
NXENT_INLINE D exponential(const Reduced<D>& x) {
    const D p = exp_reduced(x.r);
    return (p + p) * power_of_two(x.exponent);
}

// e = 2·exp(z + low)·2^(64 − N), where z is shifted or scaled first, for z up to N·ln 2 + 0.35; 0 for z below about
// (N − 190)·ln 2. NaN gives NaN. Largest error for float 1.24·2^-24 of the result.
template <Input input, class V, class X>
NXENT_INLINE V exponential(V z, V low, const Exponential<X>& c) {
    return exponential(reduced<input>(z, low, c));
}
template <Input input, class V, class X>
NXENT_INLINE V exponential(V z, const Exponential<X>& c) {
    return exponential<input>(z, z, c);
}

// A tile's sum, lane by lane: high − kSumBase + low.
template <class V>
struct TileSum {
    V high, low;
};
template <class V>
NXENT_INLINE TileSum<V> empty_tile() {
    return {set_all<V>(kSumBase), set_all<V>(0)};
}
// Adds e without loss: high takes what fits (it is the larger, so Dekker's FastTwoSum is exact), low the rest.
template <class V>
NXENT_INLINE void accumulate(TileSum<V>& sum, V e) {
    const V high = add(sum.high, e);
    sum.low = add(sum.low, sub(e, sub(high, sum.high)));
    sum.high = high;
}

// The sum of a block's tiles, lane by lane: in double, or in two doubles.
template <class V>
struct BlockSum;

template <>
struct BlockSum<F> {
    D sum = set(0.0);

    NXENT_INLINE_MEMBER void add_tile(const TileSum<F>& tile) {
        sum = add_widened(add_widened(sum, sub(tile.high, set_all<F>(kSumBase))), tile.low);
    }
    NXENT_INLINE_MEMBER void add(D x) { sum = sum + x; }
    NXENT_INLINE_MEMBER D high_lanes() const { return sum; }
    NXENT_INLINE_MEMBER double total() const { return sum_lanes(sum); }
};

template <>
struct BlockSum<D> {
    D high = set(0.0), low = set(0.0);

    NXENT_INLINE_MEMBER void add_tile(const TileSum<D>& tile) {
        D error;
        two_sum(high, tile.high - set(kSumBase), high, error);
        low = low + (error + tile.low);
    }
    NXENT_INLINE_MEMBER void add(D x) {
        D error;
        two_sum(high, x, high, error);
        low = low + error;
    }
    NXENT_INLINE_MEMBER D high_lanes() const { return high; }
    // In the order of sum_lanes().
    Pair<double> total() const {
        const Pair<D> sums = Pair<D>{high, set(0.0)} + Pair<D>{low, set(0.0)};
        double highs[kLanes], lows[kLanes];
        store(highs, sums.high);
        store(lows, sums.low);
        Pair<double> lanes[kLanes];
        for (int i = 0; i < kLanes; ++i) lanes[i] = {highs[i], lows[i]};
        for (int half = kLanes / 2; half > 0; half /= 2)
            for (int i = 0; i < half; ++i) lanes[i] = lanes[i] + lanes[i + half];
        return lanes[0];
    }
};

// A run of logits where the label's, which may lie outside, reads −infinity and adds nothing. Nothing branches on where
// the label is: that would be mispredicted row by row.
template <class S>
class Others {
public:
    Others() = default;
    Others(const S* z, size_t count, size_t label) { look_at(z, count, label); }

    NXENT_INLINE_MEMBER void look_at(const S* z, size_t count, size_t label) {
        z_ = z;
        whole_ = count / kLanes * kLanes;
        count_ = count;
        label_vector_ = kNowhere;
        const size_t rest = label - whole_;
        label_lane_ = rest < kLanes ? rest : kLanes;
        if (whole_ == 0) return;
        const bool inside = label < whole_;
        if (inside) label_vector_ = label / kLanes * kLanes;
        store(without_label_, replace_lane(load(z + (inside ? label_vector_ : 0)), inside ? label % kLanes : kLanes,
                                           static_cast<S>(-kInfinity)));
    }

    // Logits come in whole vectors up to here, then in a cut one if any are left.
    NXENT_INLINE_MEMBER size_t whole() const { return whole_; }
    NXENT_INLINE_MEMBER size_t count() const { return count_; }
    NXENT_INLINE_MEMBER auto vector(size_t j) const { return load(j == label_vector_ ? without_label_ : z_ + j); }
    NXENT_INLINE_MEMBER auto cut_vector() const {
        return replace_lane(load_partial(z_ + whole_, count_ - whole_, static_cast<S>(-kInfinity)), label_lane_,
                            static_cast<S>(-kInfinity));
    }
    NXENT_INLINE_MEMBER void prefetch_after(size_t j) const { prefetch_vector(z_ + j, kPrefetch); }

private:
    static constexpr size_t kNowhere = ~size_t{0};

    alignas(64) S without_label_[kLanes];
    const S* z_;
    size_t whole_, count_, label_vector_;
    size_t label_lane_;  // of the cut vector; kLanes where the label is not there
};

// reduce_at(j) and finish_at(j, what that gave) for each j from begin to end in steps of kStep, in this order, but the next
// one is reduced before one is finished (of two side by side: before the other is).
template <class V, size_t kStep, class ReduceAt, class FinishAt>
NXENT_INLINE void one_ahead(size_t begin, size_t end, const ReduceAt& reduce_at, const FinishAt& finish_at) {
    size_t j = begin;
    if constexpr (NXENT_TWO_VECTORS && sizeof(V) != sizeof(D))
        if (end - j >= 2 * kStep) {
            Reduced<V> a = reduce_at(j), b = reduce_at(j + kStep);
            for (; end - j >= 4 * kStep; j += 2 * kStep) {
                if constexpr (NXENT_VECTORS_TAKE_TURNS) {
                    finish_at(j, a);
                    a = reduce_at(j + 2 * kStep);
                    finish_at(j + kStep, b);
                    b = reduce_at(j + 3 * kStep);
                } else {
                    const Reduced<V> next_a = reduce_at(j + 2 * kStep), next_b = reduce_at(j + 3 * kStep);
                    finish_at(j, a);
                    finish_at(j + kStep, b);
                    a = next_a;
                    b = next_b;
                }
            }
            finish_at(j, a);
            finish_at(j + kStep, b);
            j += 2 * kStep;
        }
    if (j >= end) return;
    Reduced<V> x = reduce_at(j);
    for (; end - j > kStep; j += kStep) {
        const Reduced<V> next = reduce_at(j + kStep);
        finish_at(j, x);
        x = next;
    }
    finish_at(j, x);
}

// Whether logits have low parts. Doubles are split in name only.
template <Input input, class V>
constexpr bool splits() {
    return input == Input::Split && sizeof(V) != sizeof(D);
}

// Stores e of whole vectors of logits from begin to end, and adds it. low has the low parts of split logits.
template <Input input, class V>
NXENT_INLINE void whole_vectors(const Others<ScalarOf<V>>& z, const ScalarOf<V>* low, ScalarOf<V>* e, size_t begin,
                                size_t end, const Exponential<ScalarOf<V>>& c, TileSum<V>& sum) {
    const auto reduce_at = [&](size_t j) {
        z.prefetch_after(j);
        prefetch_vector_near(e + j, kPrefetchStored);
        const V v = z.vector(j);
        return reduced<input>(v, splits<input, V>() ? load(low + j) : v, c);
    };
    const auto finish_at = [&](size_t j, const Reduced<V>& x) {
        const V v = exponential(x);
        store(e + j, v);
        accumulate(sum, v);
    };
    one_ahead<V, kLanes>(begin, end, reduce_at, finish_at);
}

// Stores e, 0 for the label, and adds it, whole tiles and what is left. e may be where the logits are.
template <Input input, class V>
NXENT_INLINE void add_exponentials(const Others<ScalarOf<V>>& z, const ScalarOf<V>* low, ScalarOf<V>* e,
                                   const Exponential<ScalarOf<V>>& c, BlockSum<V>& total) {
    // The cut vector comes first, so that nothing waits for it, but is added last.
    const bool cuts = z.whole() < z.count();
    V cut = set_all<V>(0);
    if (cuts) {
        const size_t lanes = z.count() - z.whole();
        const V v = z.cut_vector();
        cut = exponential<input>(v, splits<input, V>() ? load_partial(low + z.whole(), lanes, ScalarOf<V>{0}) : v, c);
        store_partial(e + z.whole(), cut, lanes);
    }
    for (size_t j = 0; j < z.count(); j += kTile) {
        TileSum<V> sum = empty_tile<V>();
        whole_vectors<input, V>(z, low, e, j, z.whole() - j < kTile ? z.whole() : j + kTile, c, sum);
        if (cuts && z.count() - j < kTile) accumulate(sum, cut);
        total.add_tile(sum);
    }
}
// Stores e, 0 for the label, and gives the sum.
template <Input input, class V>
NXENT_INLINE typename Numbers<V>::Wide exponentials(const Others<ScalarOf<V>>& z, ScalarOf<V>* e,
                                                    const Exponential<ScalarOf<V>>& c) {
    BlockSum<V> total;
    add_exponentials<input, V>(z, nullptr, e, c, total);
    return total.total();
}

// The sum of a block that is one tile, lane by lane, as BlockSum gives it.
NXENT_INLINE D sum_of(const TileSum<F>& tile) {
    return add_widened(widen(sub(tile.high, set_all<F>(kSumBase))), tile.low);
}
NXENT_INLINE Pair<D> sum_of(const TileSum<D>& tile) {
    Pair<D> sum;
    two_sum(tile.high - set(kSumBase), tile.low, sum.high, sum.low);
    return sum;
}

// The numbers that turn e into e·scale·2^-65. The scale is in two parts: one alone would cost half an ULP.
template <class X>
struct Scale {
    X lowest;  // anything below becomes 0
    X high, low;
    X unbias;  // a power of two, apart from the factor so that no intermediate result can be subnormal
};

// Which scales are multiplied with as they are.
template <class V>
struct ScaleLimits;

template <>
struct ScaleLimits<F> {
    // Powers of two, up to kMostPower, are taken out of scales beyond, so that e·scale is finite,
    static constexpr double kMost = 0x1p+60, kMostPower = 0x1p+192;
    // and beyond this all that is not 0 is infinite.
    static constexpr double kGreatest = 0x1p+319;
};

template <>
struct ScaleLimits<D> {
    static constexpr double kMost = 0x1p+900, kMostPower = 0x1p+123, kGreatest = 0x1p+1023;
};

// For any scale whatever its sign. unbias is what e·scale is multiplied with.
template <class V>
NXENT_INLINE Scale<double> scale_in_double(double scale, double unbias) {
    using Limits = ScaleLimits<V>;
    double size = magnitude(scale);
    if (size < 0x1p-60) {
        scale *= 0x1p+60;
        size *= 0x1p+60;
        unbias *= 0x1p-60;
    } else if (size > Limits::kMost) {
        if (size > Limits::kGreatest) {
            scale = scale < 0 ? -Limits::kGreatest : Limits::kGreatest;
            size = Limits::kGreatest;
        }
        // 2^k with kMost ≤ size / 2^k < 2·kMost, where that is not too much.
        double power = bit_cast<double>(bit_cast<uint64_t>(size) & (uint64_t{0x7ff} << 52)) / Limits::kMost;
        power = power > Limits::kMostPower ? Limits::kMostPower : power;
        scale /= power;
        size /= power;
        unbias *= power;
    }
    // In this order no step is subnormal.
    return {Numbers<V>::kFlushBelow / unbias / size, scale, 0, unbias};
}

NXENT_INLINE Scale<float> make_scale(double scale, double unbias) {
    const Scale<double> s = scale_in_double<F>(scale, unbias);
    const float high = static_cast<float>(s.high);
    // Where not all of the power could be taken out, the low part does not count: e·low could be infinite.
    const double low = magnitude(s.high) < 2.0 * ScaleLimits<F>::kMost ? s.high - static_cast<double>(high) : 0;
    return {s.lowest < 0x1p+100 ? static_cast<float>(s.lowest) : __builtin_huge_valf(), high, static_cast<float>(low),
            static_cast<float>(s.unbias)};
}
NXENT_INLINE Scale<double> make_scale(Pair<double> scale, double unbias) {
    const Scale<double> s = scale_in_double<D>(scale.high, unbias);
    // Where the low part could be subnormal or the scale is infinite it does not count, and nothing but zeros is left of
    // the smallest scales.
    const double size = magnitude(scale.high);
    return {size < Numbers<D>::kFlushBelow ? kInfinity : s.lowest, s.high,
            size < 0x1p-900 || size > 0x1p+1000 ? 0 : scale.low * (s.high / scale.high), s.unbias};
}

// The same for rows side by side whose scales are 0 or between 2^-60 and 2^40, where nothing has to be taken out of them.
// (−0 becomes 0, so that lowest is not −infinity.)
NXENT_INLINE Scale<F> ordinary_scale(D scale) {
    scale = scale + set(0.0);
    const F high = narrow(scale);
    return {narrow(set(Numbers<F>::kFlushBelow / kUnbias) / scale), high, narrow(scale - widen(high)),
            set_all<F>(kUnbias)};
}
NXENT_INLINE Scale<D> ordinary_scale(Pair<D> scale) {
    scale.high = scale.high + set(0.0);
    return {set(Numbers<D>::kFlushBelow / kUnbias) / scale.high, scale.high, scale.low, set(kUnbias)};
}

NXENT_INLINE Scale<F> in_all_lanes(const Scale<float>& s) {
    return {set(s.lowest), set(s.high), set(s.low), set(s.unbias)};
}
NXENT_INLINE Scale<D> in_all_lanes(const Scale<double>& s) {
    return {set(s.lowest), set(s.high), set(s.low), set(s.unbias)};
}

NXENT_INLINE F scaled(F e, const Scale<F>& s) {
    e = zero_below(e, s.lowest);
    return mul(fma(e, s.high, mul(e, s.low)), s.unbias);
}
NXENT_INLINE D scaled(D e, const Scale<D>& s) {
    e = zero_below(e, s.lowest);
    return (e * s.high + e * s.low) * s.unbias;
}

// e·scale·2^-65 in place, for a scale that is not negative.
template <class S>
NXENT_INLINE void scale_block(S* e, size_t count, const Scale<S>& scale) {
    const auto s = in_all_lanes(scale);
    size_t j = 0;
    // From the start of a cache line on, so that no vector lies across two.
    constexpr size_t kLine = 64;
    const size_t before = (0 - reinterpret_cast<uintptr_t>(e)) % kLine / sizeof(S);
    if (before > 0 && count >= 4 * kLanes) {
        store_partial(e, scaled(load_partial(e, before, S{0}), s), before);
        j = before;
    }
    for (; j + kLanes <= count; j += kLanes) store(e + j, scaled(load(e + j), s));
    if (j < count) store_partial(e + j, scaled(load_partial(e + j, count - j, S{0}), s), count - j);
}

// e·scale·2^-65, for a scale above 0, to elements j to j + count. Where these are plain, e may be there.
template <class V>
void store_scaled_run(const Array<V>& array, size_t j, ScalarOf<V>* e, size_t count, const Scale<ScalarOf<V>>& scale) {
    if constexpr (sizeof(V) != sizeof(D))
        if (array.step == 1 && array.type != NXENT_FLOAT32) {
            const Scale<F> s = in_all_lanes(scale);
            return store_16_bit_run<false>(array.from(j), e, count, [s](F v) { return scaled(v, s); });
        }
    scale_block(e, count, scale);
    store_run(array, j, e, count, false, true);
}

// NaN is passed over.
template <class S>
NXENT_INLINE S greatest(const Others<S>& z) {
    auto m0 = set(static_cast<S>(-kInfinity)), m1 = m0, m2 = m0, m3 = m0;
    size_t j = 0;
    for (; j + 4 * kLanes <= z.whole(); j += 4 * kLanes) {
        m0 = greater(z.vector(j), m0);
        m1 = greater(z.vector(j + kLanes), m1);
        m2 = greater(z.vector(j + 2 * kLanes), m2);
        m3 = greater(z.vector(j + 3 * kLanes), m3);
    }
    for (; j < z.whole(); j += kLanes) m0 = greater(z.vector(j), m0);
    if (j < z.count()) m1 = greater(z.cut_vector(), m1);
    return greatest_lane(greater(greater(m0, m1), greater(m2, m3)));
}

}  // namespace
}  // namespace NXENT_TARGET
}  // namespace nxent
