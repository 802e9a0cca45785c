// SPDX-License-Identifier: MIT
//
// What is right: the gradient by the textbook's method in extended precision, and how far a result is from it.
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <cstddef>
#include <algorithm>
#include <type_traits>

#include "nativexent/nativexent.h"

#define ORACLE_API extern "C" __attribute__((visibility("default")))

namespace {

static_assert(LDBL_MANT_DIG > DBL_MANT_DIG, "The oracle needs a long double that is more precise than double.");

struct Format {
    int precision;     // bits of the significand
    int min_exponent;  // of the smallest normal number: 2^min_exponent
};

Format format_of(int32_t element_type) {
    switch (element_type) {
        case NXENT_FLOAT64: return {53, -1022};
        case NXENT_FLOAT16: return {11, -14};
        case NXENT_BFLOAT16: return {8, -126};
        default: return {24, -126};
    }
}

long double half_value(uint16_t bits) {
    const int exponent = bits >> 10 & 31;
    const int fraction = bits & 1023;
    const long double magnitude = exponent == 31 ? (fraction ? NAN : INFINITY)
                                  : exponent == 0
                                      ? std::ldexp(static_cast<long double>(fraction), -24)
                                      : std::ldexp(static_cast<long double>(fraction + 1024), exponent - 25);
    return bits >> 15 ? -magnitude : magnitude;
}

long double element(int32_t element_type, const void* elements, size_t index) {
    switch (element_type) {
        case NXENT_FLOAT64: return static_cast<const double*>(elements)[index];
        case NXENT_FLOAT16: return half_value(static_cast<const uint16_t*>(elements)[index]);
        case NXENT_BFLOAT16: {
            const uint32_t bits = static_cast<uint32_t>(static_cast<const uint16_t*>(elements)[index]) << 16;
            float value;
            std::memcpy(&value, &bits, sizeof value);
            return value;
        }
        default: return static_cast<const float*>(elements)[index];
    }
}

// The distance between neighbouring numbers at the value.
long double ulp(const Format& format, long double value) {
    const int exponent = value == 0 ? format.min_exponent : std::max(std::ilogb(value), format.min_exponent);
    return std::ldexp(1.0L, exponent - format.precision + 1);
}

}  // namespace

// Bytes of an element of expected.
ORACLE_API size_t oracle_element_size() { return sizeof(long double); }

// The gradient of one row.
ORACLE_API void oracle_gradient(int32_t element_type, const void* logits, size_t classes, size_t label,
                                long double* expected) {
    long double greatest = -INFINITY;
    for (size_t j = 0; j < classes; ++j) greatest = std::max(greatest, element(element_type, logits, j));
    // Compensated (Kahan), so that the sum stays exact enough for double.
    long double others = 0, lost = 0;
    for (size_t j = 0; j < classes; ++j) {
        expected[j] = std::exp(element(element_type, logits, j) - greatest);
        if (j == label) continue;
        const long double term = expected[j] - lost;
        const long double next = others + term;
        lost = (next - others) - term;
        others = next;
    }
    const long double sum = others + expected[label];
    for (size_t j = 0; j < classes; ++j) expected[j] /= sum;
    expected[label] = -others / sum;
}

// Raises worst[0] to the largest error of an element of one row other than the label's, and worst[1] to that of the
// label's, in ULP of the element type: the distance between neighbouring numbers at the exact value or at the result,
// whichever is larger. Where the exact value is hardly a normal number, any result about as small is right. worst[2] is
// the largest absolute error at the label. NaN counts as an infinite error.
ORACLE_API void oracle_compare(int32_t element_type, const long double* expected, const void* gradient, size_t classes,
                               size_t label, double* worst) {
    const Format format = format_of(element_type);
    // float16 results are rounded to its subnormal numbers; of the other types below the normal numbers there is 0.
    const long double least = element_type == NXENT_FLOAT16 ? 0 : std::ldexp(1.0L, format.min_exponent + 1);
    for (size_t j = 0; j < classes; ++j) {
        const long double actual = element(element_type, gradient, j);
        long double error = std::fabs(actual - expected[j]);
        if (!(error < INFINITY)) error = INFINITY;
        const bool tiny = std::fabs(expected[j]) < least && std::fabs(actual) <= least;
        const long double unit = std::max(ulp(format, expected[j]), std::isfinite(actual) ? ulp(format, actual) : 0.0L);
        double& most = worst[j == label ? 1 : 0];
        if (!tiny) most = std::max(most, static_cast<double>(error / unit));
        if (j == label) worst[2] = std::max(worst[2], static_cast<double>(error));
    }
}
