// SPDX-License-Identifier: MIT
//
// The exact answer, for all that float32 can tell: the formulas of the header written down in the widest floating-point
// type at hand, and the distance of a result from it in ULP.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "generate.h"

namespace nxent_test {

// 64 bits of mantissa on x86-64, 113 on arm64 Linux. Where it is no wider than double (MSVC, Apple), the oracle is
// still within 0.001 ULP of float32.
using Real = long double;

// Softmax cross-entropy of one row. A row that holds few different logits can be given as those logits and how often
// each occurs.
class Oracle {
public:
    template <class T>
    Oracle(const T* logits, size_t count, const size_t* occurrences = nullptr) : logits_(count), weights_(count, 1) {
        greatest_ = -std::numeric_limits<Real>::infinity();
        for (size_t k = 0; k < count; ++k) {
            logits_[k] = static_cast<Real>(logits[k]);
            if (occurrences) weights_[k] = static_cast<Real>(occurrences[k]);
            if (weights_[k] > 0 && logits_[k] > greatest_) greatest_ = logits_[k];
        }
        exponentials_.resize(count);
        for (size_t k = 0; k < count; ++k) {
            const bool counts = weights_[k] > 0 && logits_[k] > -std::numeric_limits<Real>::infinity();
            exponentials_[k] = counts ? std::exp(logits_[k] - greatest_) : Real{0};
            sum_ += weights_[k] * exponentials_[k];
        }
    }

    Real softmax(size_t k) const { return exponentials_[k] / sum_; }

    // The sum over all classes but the label.
    Real others(size_t label) const {
        Real others = 0;
        for (size_t k = 0; k < exponentials_.size(); ++k)
            others += (k == label ? weights_[k] - 1 : weights_[k]) * exponentials_[k];
        return others;
    }

    Real label_gradient(size_t label) const { return -(others(label) / sum_); }

    Real loss(size_t label) const {
        const Real below = greatest_ - logits_[label];
        if (below > 40) return std::log(sum_) + below;
        return std::log1p(others(label) / exponentials_[label]);
    }

private:
    std::vector<Real> logits_;
    std::vector<Real> weights_;
    std::vector<Real> exponentials_;
    Real greatest_;
    Real sum_ = 0;
};

// The distance of two neighbouring float32 numbers at a value's magnitude.
inline Real ulp_at(Real value) {
    if (value == 0) return 0x1p-149L;
    int exponent;
    std::frexp(value, &exponent);  // value = m·2^exponent, ½ ≤ m < 1
    return std::ldexp(Real{1}, (exponent - 1 < -126 ? -126 : exponent - 1) - 23);
}

// In the header's ULP: the distance of neighbours at the exact value or at the result, whichever is larger.
inline double ulp_error(float got, Real exact) {
    // Beyond the largest float, halfway to the next power of two and more, infinity is the correctly rounded result.
    if (got == kInfinity && exact >= 0x1.ffffffp+127L) return 0;
    if (!(std::fabs(got) <= FLT_MAX)) return std::numeric_limits<double>::infinity();
    const Real result = static_cast<Real>(got);
    return static_cast<double>(std::fabs(result - exact) / std::fmax(ulp_at(exact), ulp_at(result)));
}

// What the header promises of every gradient element and loss.
constexpr double kMaxUlp = 3.0;

// The error in ULP of a result, and infinity where the result breaks the rule for tiny ones: 0 below 2^-126, but for a
// relative 2^-20 about it, never subnormal and never −0.
inline double contract_error(float got, Real exact) {
    constexpr double kBroken = std::numeric_limits<double>::infinity();
    const uint32_t bits = bits_of(got);
    if (bits == 0x80000000u) return kBroken;
    if (bits << 1 != 0 && (bits & 0x7f800000u) == 0) return kBroken;
    const Real magnitude = std::fabs(exact);
    if (magnitude < 0x1p-126L - 0x1p-146L) return got == 0 ? 0 : kBroken;
    // The threshold is applied to the computed result, which is off by up to 3 ULP itself.
    if (got == 0) return magnitude <= 0x1p-126L + 0x1p-146L + 3 * 0x1p-149L ? 0 : kBroken;
    return ulp_error(got, exact);
}

}  // namespace nxent_test
