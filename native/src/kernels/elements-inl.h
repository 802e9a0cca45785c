// SPDX-License-Identifier: MIT
//
// Element types: which vector computes them, how they are read and written, a vector or one at a time, next to one
// another or a step apart.
#pragma once

#include "../elements.h"
#include "nativexent/nativexent.h"
#include "math-inl.h"

namespace nxent {
namespace NXENT_TARGET {
namespace {

constexpr double kInfinity = __builtin_huge_val();
constexpr double kOnes[kLanes] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

// What differs between computing in float and in double.
template <class V>
struct Numbers;

template <>
struct Numbers<F> {
    using Scalar = float;
    using Wide = double;
    using WideLanes = D;
    static constexpr int32_t kType = NXENT_FLOAT32;
    // Results below the smallest normal number are flushed. The margin makes sure that no subnormal slips through by
    // rounding.
    static constexpr double kFlushBelow = 0x1.00001p-126;
    static constexpr double kSmallestNormal = 0x1p-126;
    // Ratios of exponentials are multiplied with 2 to this power, so that those of double are normal numbers as long as a
    // scale up to 2^64 can make something of them.
    static constexpr double kRatioPower = 0;
};

template <>
struct Numbers<D> {
    using Scalar = double;
    using Wide = Pair<double>;
    using WideLanes = Pair<D>;
    static constexpr int32_t kType = NXENT_FLOAT64;
    static constexpr double kFlushBelow = 0x1.00001p-1022;
    static constexpr double kSmallestNormal = 0x1p-1022;
    static constexpr double kRatioPower = 64;
};

template <class V>
using ScalarOf = typename Numbers<V>::Scalar;

NXENT_INLINE D widened(F a) { return widen(a); }
NXENT_INLINE D widened(D a) { return a; }
template <class V>
NXENT_INLINE V narrowed(D a) {
    if constexpr (sizeof(V) == sizeof(D))
        return a;
    else
        return narrow(a);
}

template <class V>
NXENT_INLINE V set_all(double x) {
    return set(static_cast<typename Numbers<V>::Scalar>(x));
}

// 0 where |x| < limit, so that no subnormal number is left, nor −0.
template <class V>
NXENT_INLINE V flush_below(V x, double limit) {
    const V zero = set_all<V>(0);
    return select_below(greater(x, sub(zero, x)), set_all<V>(limit), zero, x);
}
NXENT_INLINE double flushed(double x, double limit) { return (x < 0 ? 0.0 - x : x) < limit ? 0 : x; }

constexpr uint32_t kCanonicalNaN = 0x7fc00000u;
constexpr uint64_t kCanonicalNaN64 = uint64_t{0x7ff8} << 48;
NXENT_INLINE double canonical_nan() { return bit_cast<double>(kCanonicalNaN64); }
// Every NaN becomes the canonical one: which of its bits an operation keeps differs between processors.
NXENT_INLINE F canonical(F x) {
    const F infinity = set(__builtin_huge_valf());
    return select_below(x, infinity, x, select_below(set(0.0f), x, x, set(bit_cast<float>(kCanonicalNaN))));
}
NXENT_INLINE D canonical(D x) {
    return select_below(x, set(kInfinity), x, select_below(set(0.0), x, x, set(canonical_nan())));
}
// Elements that are computed in V: how they are stored (an nxent_element_type), and how many elements lie from one to the
// next.
template <class V>
struct Array {
    unsigned char* p;  // null where there is none
    size_t step;
    int32_t type;

    // Whether they are stored as they are computed, and next to one another.
    bool plain() const { return step == 1 && type == Numbers<V>::kType; }
    ScalarOf<V>* scalars() const { return reinterpret_cast<ScalarOf<V>*>(p); }
    Array from(size_t index) const {
        const size_t size = type == NXENT_FLOAT64 ? 8 : type == NXENT_FLOAT32 ? 4 : 2;
        return {p + index * step * size, step, type};
    }
};
template <class V>
NXENT_INLINE Array<V> array_of(const void* p, size_t step, int32_t type) {
    return {const_cast<unsigned char*>(static_cast<const unsigned char*>(p)), step, type};
}

// Up to kLanes elements, `step` apart; other lanes as given.
template <class T, class S>
NXENT_INLINE auto load_stepped(const T* p, size_t step, size_t lanes, S other) {
    if (step == 1) return lanes == kLanes ? load(p) : load_partial(p, lanes, other);
    T elements[kLanes];
    for (size_t i = 0; i < lanes; ++i) elements[i] = p[i * step];
    return load_partial(elements, lanes, other);
}
template <class T, class V>
NXENT_INLINE void store_stepped(T* p, size_t step, size_t lanes, V v) {
    if (step == 1) return lanes == kLanes ? store(p, v) : store_partial(p, v, lanes);
    T elements[kLanes];
    store(elements, v);
    for (size_t i = 0; i < lanes; ++i) p[i * step] = elements[i];
}
NXENT_NOINLINE F load_16_bits(const Array<F>& a, size_t lanes, float other) {
    return a.type == NXENT_FLOAT16 ? load_stepped(reinterpret_cast<const Half*>(a.p), a.step, lanes, other)
                                   : load_stepped(reinterpret_cast<const BFloat16*>(a.p), a.step, lanes, other);
}
// What is less rounds to 0, which is to be +0.
constexpr double kLeastHalf = 0x1.000002p-25;
NXENT_NOINLINE void store_16_bits(const Array<F>& a, size_t lanes, F v) {
    if (a.type == NXENT_FLOAT16)
        store_stepped(reinterpret_cast<Half*>(a.p), a.step, lanes, flush_below(v, kLeastHalf));
    else
        store_stepped(reinterpret_cast<BFloat16*>(a.p), a.step, lanes, v);
}

// Elements j, j + 1, …
template <class V>
NXENT_INLINE V load_elements(const Array<V>& array, size_t j, size_t lanes, double other) {
    const Array<V> a = array.from(j);
    const ScalarOf<V> rest = static_cast<ScalarOf<V>>(other);
    if constexpr (sizeof(V) != sizeof(D))
        if (a.type != NXENT_FLOAT32) return load_16_bits(a, lanes, rest);
    return load_stepped(a.scalars(), a.step, lanes, rest);
}
template <class V>
NXENT_INLINE void store_elements(const Array<V>& array, size_t j, size_t lanes, V v) {
    const Array<V> a = array.from(j);
    if constexpr (sizeof(V) != sizeof(D))
        if (a.type != NXENT_FLOAT32) return store_16_bits(a, lanes, v);
    store_stepped(a.scalars(), a.step, lanes, v);
}

// The same for numbers in which a subnormal one could show: it counts as 0, so that no mode matters. (Every float16 is a
// normal float.)
template <class V>
NXENT_INLINE V load_numbers(const Array<V>& array, size_t j, size_t lanes) {
    return flush_below(load_elements(array, j, lanes, 0), Numbers<V>::kSmallestNormal);
}
// v added to what an array held.
template <class V>
NXENT_INLINE V accumulated(V before, V v) {
    constexpr double kSmallestNormal = Numbers<V>::kSmallestNormal;
    return flush_below(add(flush_below(before, kSmallestNormal), v), kSmallestNormal);
}

// How far ahead of what is done first with logits they are fetched, in elements: the next block, or the next rows. Chosen by
// measurement on AVX2: 15 to 20 % of the time at 1000 classes and more.
constexpr size_t kPrefetch = 4096;
// How far ahead of what is stored its lines are fetched, in elements of 32 bits: 6 % of the time at 1000 classes and more.
constexpr size_t kPrefetchStored = 256;
// As many lines as a vector of scalars has: doubles take two.
template <class S>
NXENT_INLINE void prefetch_vector(const S* p, size_t offset) {
    prefetch(p, offset);
    if constexpr (sizeof(S) == sizeof(double)) prefetch(p + kLanes / 2, offset);
}
template <class S>
NXENT_INLINE void prefetch_vector_near(const S* p, size_t offset) {
    prefetch_near(p, offset);
    if constexpr (sizeof(S) == sizeof(double)) prefetch_near(p + kLanes / 2, offset);
}

// Elements j to j + count, next to one another in scalars of their own.
template <class V, class T>
NXENT_INLINE void load_run_of(const T* from, ScalarOf<V>* to, size_t count) {
    size_t k = 0;
    for (; k + kLanes <= count; k += kLanes) {
        prefetch(from + k, kPrefetch);
        store(to + k, load(from + k));
    }
    if (k < count) store_partial(to + k, load_partial(from + k, count - k, ScalarOf<V>{0}), count - k);
}
template <class V>
void load_run(const Array<V>& array, size_t j, ScalarOf<V>* to, size_t count) {
    const Array<V> a = array.from(j);
    if constexpr (sizeof(V) != sizeof(D)) {
        if (a.step == 1 && a.type == NXENT_FLOAT16)
            return load_run_of<V>(reinterpret_cast<const Half*>(a.p), to, count);
        if (a.step == 1 && a.type == NXENT_BFLOAT16)
            return load_run_of<V>(reinterpret_cast<const BFloat16*>(a.p), to, count);
    }
    if (a.plain()) return load_run_of<V>(a.scalars(), to, count);
    for (size_t k = 0; k < count; k += kLanes) {
        const size_t lanes = count - k < kLanes ? count - k : kLanes;
        store_stepped(to + k, 1, lanes, load_elements(a, k, lanes, 0));
    }
}

// One element, exactly.
template <class V>
NXENT_INLINE double element(const Array<V>& array, size_t j) {
    const Array<V> a = array.from(j);
    if constexpr (sizeof(V) != sizeof(D))
        if (a.type != NXENT_FLOAT32) {
            float lanes[kLanes];
            store(lanes, load_16_bits(a, 1, 0));
            return static_cast<double>(lanes[0]);
        }
    return static_cast<double>(*a.scalars());
}

// Rounds a number to an element. Flushes it, and gives the canonical NaN and +0.
template <class V>
NXENT_INLINE ScalarOf<V> rounded_to_element(double x) {
    return static_cast<ScalarOf<V>>(x != x ? canonical_nan() : flushed(x, Numbers<V>::kFlushBelow));
}
template <class V>
NXENT_INLINE void put(const Array<V>& array, size_t j, double x) {
    const ScalarOf<V> v = rounded_to_element<V>(x);
    if (array.type == Numbers<V>::kType)
        array.from(j).scalars()[0] = v;
    else
        store_elements(array, j, 1, set(v));
}

// Elements of 16 bits that are next to one another: what change() makes of floats, which may be negative if kSigned.
template <bool kSigned, class Change>
NXENT_INLINE void store_16_bit_run(const Array<F>& a, const float* from, size_t count, const Change& change) {
    size_t k = 0;
    if (a.type == NXENT_FLOAT16)
        for (Half* const to = reinterpret_cast<Half*>(a.p); k + kLanes <= count; k += kLanes) {
            prefetch_near(to + k, 2 * kPrefetchStored);
            const F v = change(load(from + k));
            store(to + k, kSigned ? flush_below(v, kLeastHalf) : zero_below(v, set_all<F>(kLeastHalf)));
        }
    else
        for (BFloat16* const to = reinterpret_cast<BFloat16*>(a.p); k + kLanes <= count; k += kLanes) {
            prefetch_near(to + k, 2 * kPrefetchStored);
            store(to + k, change(load(from + k)));
        }
    if (k < count) store_16_bits(a.from(k), count - k, change(load_partial(from + k, count - k, 0.0f)));
}

// Results that are next to one another, as elements j to j + count: rounded to their type, or added to what they were.
// Where none of them is subnormal, −0 or NaN, they may be clean. They may be where they are to be stored.
template <class V>
void store_run(const Array<V>& array, size_t j, const ScalarOf<V>* from, size_t count, bool accumulates, bool clean) {
    const Array<V> a = array.from(j);
    if (clean && !accumulates && a.plain() && a.scalars() == from) return;
    if constexpr (sizeof(V) != sizeof(D))
        if (clean && !accumulates && a.step == 1 && a.type != NXENT_FLOAT32)
            return store_16_bit_run<true>(a, from, count, [](F v) { return v; });
    size_t k = 0;
    if (clean && accumulates && a.plain())
        for (; k + kLanes <= count; k += kLanes)
            store(a.scalars() + k, canonical(accumulated(load(a.scalars() + k), load(from + k))));
    for (; k < count; k += kLanes) {
        const size_t lanes = count - k < kLanes ? count - k : kLanes;
        V v = load_stepped(from + k, 1, lanes, ScalarOf<V>{0});
        if (!clean) v = flush_below(v, Numbers<V>::kFlushBelow);
        if (accumulates) v = accumulated(load_elements(a, k, lanes, 0), v);
        store_elements(a, k, lanes, canonical(v));
    }
}

// The same number, which every element type has.
template <class V>
NXENT_NOINLINE void fill(const Array<V>& a, size_t count, double x) {
    const V v = set_all<V>(x);
    for (size_t j = 0; j < count; j += kLanes) store_elements(a, j, count - j < kLanes ? count - j : kLanes, v);
}

}  // namespace
}  // namespace NXENT_TARGET
}  // namespace nxent
