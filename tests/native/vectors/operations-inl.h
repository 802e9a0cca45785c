// SPDX-License-Identifier: MIT
//
// The table of operations, for the target whose vectors were included before.
#pragma once

#include "operations.h"

namespace nxent {
namespace NXENT_TARGET {
namespace {

template <class T>
constexpr nxent_test::LaneOperations<T> lane_operations() {
    nxent_test::LaneOperations<T> table{};
    table.set = [](T x, T* out) { store(out, set(x)); };
    table.load_partial = [](const T* p, size_t n, T other, T* out) { store(out, load_partial(p, n, other)); };
    table.store_partial = [](T* p, const T* lanes, size_t n) { store_partial(p, load(lanes), n); };
    table.add = [](const T* a, const T* b, T* out) { store(out, add(load(a), load(b))); };
    table.sub = [](const T* a, const T* b, T* out) { store(out, sub(load(a), load(b))); };
    table.mul = [](const T* a, const T* b, T* out) { store(out, mul(load(a), load(b))); };
    if constexpr (sizeof(T) == sizeof(double)) {
        table.div = [](const T* a, const T* b, T* out) { store(out, div(load(a), load(b))); };
    } else {
        table.fma = [](const T* a, const T* b, const T* c, T* out) { store(out, fma(load(a), load(b), load(c))); };
        table.fnma = [](const T* a, const T* b, const T* c, T* out) { store(out, fnma(load(a), load(b), load(c))); };
    }
    table.greater = [](const T* a, const T* b, T* out) { store(out, greater(load(a), load(b))); };
    table.zero_below = [](const T* a, const T* limit, T* out) { store(out, zero_below(load(a), load(limit))); };
    table.select_below = [](const T* a, const T* b, const T* x, const T* y, T* out) {
        store(out, select_below(load(a), load(b), load(x), load(y)));
    };
    table.load_column = [](const T* p, size_t stride, T* out) { store(out, load_column(p, stride)); };
    table.store_column = [](T* p, size_t stride, const T* lanes) { store_column(p, stride, load(lanes)); };
    table.load_quarters = [](const T* p, size_t stride, T* out) { store(out, load_quarters(p, stride)); };
    table.store_quarters = [](T* p, size_t stride, const T* lanes) { store_quarters(p, stride, load(lanes)); };
    table.transpose_quarters = [](T* a, T* b, T* c, T* d) {
        auto va = load(a), vb = load(b), vc = load(c), vd = load(d);
        transpose_quarters(va, vb, vc, vd);
        store(a, va);
        store(b, vb);
        store(c, vc);
        store(d, vd);
    };
    table.power_of_two = [](const T* a, T* out) { store(out, power_of_two(load(a))); };
    table.replace_lane = [](const T* a, size_t lane, T value, T* out) {
        store(out, replace_lane(load(a), lane, value));
    };
    table.greatest_lane = [](const T* a) { return greatest_lane(load(a)); };
    return table;
}

template <class E>
constexpr nxent_test::ElementOperations<E> element_operations() {
    nxent_test::ElementOperations<E> table{};
    table.load = [](const E* p, float* out) { store(out, load(p)); };
    table.load_partial = [](const E* p, size_t n, float other, float* out) { store(out, load_partial(p, n, other)); };
    table.store = [](E* p, const float* lanes) { store(p, load(lanes)); };
    table.store_partial = [](E* p, const float* lanes, size_t n) { store_partial(p, load(lanes), n); };
    return table;
}

constexpr nxent_test::VectorOperations vector_operations(const char* isa) {
    static_assert(kLanes == 16, "the tests' arrays are");
    nxent_test::VectorOperations table{};
    table.isa = isa;
    table.floats = lane_operations<float>();
    table.doubles = lane_operations<double>();
    table.halfs = element_operations<Half>();
    table.bfloat16s = element_operations<BFloat16>();
    table.zero_doubles = [](double* out) { store(out, zero_doubles()); };
    table.add_widened = [](const double* sum, const float* a, double* out) {
        store(out, add_widened(load(sum), load(a)));
    };
    table.sum_lanes = [](const double* a) { return sum_lanes(load(a)); };
    table.widen = [](const float* a, double* out) { store(out, widen(load(a))); };
    table.narrow = [](const double* a, float* out) { store(out, narrow(load(a))); };
    return table;
}

}  // namespace
}  // namespace NXENT_TARGET
}  // namespace nxent
