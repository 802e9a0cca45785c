// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace nxent_oracle {

// SplitMix64.
class Random {
public:
    explicit Random(uint64_t seed) : state_(seed) {}

    uint64_t next() {
        uint64_t z = state_ += 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }
    size_t below(size_t n) { return static_cast<size_t>(next() % n); }
    bool one_in(size_t n) { return below(n) == 0; }
    double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }
    double between(double a, double b) { return a + (b - a) * unit(); }
    double normal() {
        double u = unit();
        while (u == 0) u = unit();
        return std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * unit());
    }
    double log_between(double a, double b) { return std::exp2(between(std::log2(a), std::log2(b))); }
    double sign() { return one_in(2) ? 1.0 : -1.0; }
    template <class T>
    T pick(std::initializer_list<T> values) {
        return values.begin()[below(values.size())];
    }

private:
    uint64_t state_;
};

}  // namespace nxent_oracle
