// SPDX-License-Identifier: MIT
//
// What must hold of any softmax cross-entropy, whoever computes it.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "support.h"

namespace nxent_test {
namespace {

std::vector<float> normal_row(SplitMix64& random, size_t classes, double sigma) {
    std::vector<float> logits(classes);
    for (float& z : logits) z = random.normal(sigma);
    return logits;
}

TEST(Properties, GradientElementsOfARowAddUpToZero) {
    SplitMix64 random(1);
    for (size_t i = 0; i < swept(500); ++i) {
        const size_t n = random.length(1, 60000);
        const size_t label = random.below(n);
        const Row row = compute(normal_row(random, n, 5), label);
        // Each element may be 3 ULP off, and everything below 2^-126 is missing.
        Real sum = 0, bound = static_cast<Real>(n) * 0x1p-126L;
        for (const float g : row.gradient) {
            sum += static_cast<Real>(g);
            if (g != 0) bound += static_cast<Real>(kMaxUlp) * ulp_at(static_cast<Real>(g));
        }
        EXPECT_LE(std::fabs(sum), bound) << n << " classes";
    }
}

TEST(Properties, OnlyTheLabelsElementIsNegative) {
    SplitMix64 random(2);
    for (size_t i = 0; i < swept(500); ++i) {
        const size_t n = random.length(2, 5000);
        const size_t label = random.below(n);
        const Row row = compute(normal_row(random, n, 3), label);
        for (size_t j = 0; j < n; ++j)
            ASSERT_TRUE(j == label ? row.gradient[j] < 0 && row.gradient[j] >= -1
                                   : row.gradient[j] > 0 && row.gradient[j] < 1)
                << n << " classes, class " << j << ": " << row.gradient[j];
        EXPECT_GT(row.loss, 0.0f);
    }
}

// Logits that are multiples of 2^-8 can be shifted by whole numbers without rounding: the exact result is the same.
TEST(Properties, ShiftingAllLogitsChangesNothing) {
    SplitMix64 random(3);
    Worst worst;
    for (size_t i = 0; i < swept(500); ++i) {
        const size_t n = random.length(1, 5000);
        const size_t label = random.below(n);
        std::vector<float> logits(n), shifted(n);
        for (float& z : logits) z = (static_cast<float>(random.below(8192)) - 4096.0f) * 0x1p-8f;
        const Oracle oracle(logits.data(), n);
        for (const float shift : {1.0f, -100.0f, 1000.0f, -8192.0f, 30000.0f}) {
            for (size_t j = 0; j < n; ++j) {
                shifted[j] = logits[j] + shift;
                ASSERT_EQ(shifted[j] - shift, logits[j]) << "the shift is not exact";
            }
            const Row row = compute(shifted, label);
            check_row(oracle, nullptr, n, label, row.gradient.data(), row.loss, "shifted by " + std::to_string(shift),
                      worst);
        }
    }
    worst.report("shifted rows");
}

// Both results are within 3 ULP of the same exact value.
TEST(Properties, PermutingTheClassesPermutesTheGradient) {
    SplitMix64 random(4);
    for (size_t i = 0; i < swept(500); ++i) {
        const size_t n = random.length(2, 9000);
        const std::vector<float> logits = normal_row(random, n, 4);
        std::vector<size_t> order(n);
        std::iota(order.begin(), order.end(), size_t{0});
        for (size_t j = n - 1; j > 0; --j) std::swap(order[j], order[random.below(j + 1)]);
        std::vector<float> permuted(n);
        for (size_t j = 0; j < n; ++j) permuted[j] = logits[order[j]];
        const size_t label = random.below(n);
        const Row row = compute(logits, order[label]);
        const Row permuted_row = compute(permuted, label);
        for (size_t j = 0; j < n; ++j) {
            const Real a = static_cast<Real>(row.gradient[order[j]]);
            const Real b = static_cast<Real>(permuted_row.gradient[j]);
            const Real allowed = 2 * static_cast<Real>(kMaxUlp) * std::max(ulp_at(a), ulp_at(b));
            ASSERT_LE(std::fabs(a - b), allowed) << n << " classes, class " << j;
        }
        const Real a = static_cast<Real>(row.loss), b = static_cast<Real>(permuted_row.loss);
        EXPECT_LE(std::fabs(a - b), 2 * static_cast<Real>(kMaxUlp) * std::max(ulp_at(a), ulp_at(b)));
    }
}

// Central differences of the exact loss. Their own error is about h²/6 = 2^-43; 3 ULP are at most 3·2^-24.
TEST(Properties, GradientIsTheDerivativeOfTheLoss) {
    constexpr Real kStep = 0x1p-20L;
    SplitMix64 random(5);
    for (size_t i = 0; i < swept(200); ++i) {
        const size_t n = random.length(1, 40);
        const size_t label = random.below(n);
        const std::vector<float> logits = normal_row(random, n, 2);
        const Row row = compute(logits, label);
        std::vector<Real> moved(logits.begin(), logits.end());
        for (size_t j = 0; j < n; ++j) {
            const Real z = moved[j];
            moved[j] = z + kStep;
            const Real above = Oracle(moved.data(), n).loss(label);
            moved[j] = z - kStep;
            const Real below = Oracle(moved.data(), n).loss(label);
            moved[j] = z;
            const Real derivative = (above - below) / (2 * kStep);
            EXPECT_NEAR(static_cast<double>(row.gradient[j]), static_cast<double>(derivative), 2e-7)
                << n << " classes, class " << j << ", label " << label;
        }
    }
}

// And of the loss that the library itself gives. It is rounded to float32, so the step must be large.
TEST(Properties, GradientIsTheDerivativeOfTheLibrarysLoss) {
    constexpr float kStep = 0x1p-6f;
    SplitMix64 random(6);
    for (size_t i = 0; i < swept(500); ++i) {
        const size_t n = random.length(2, 40);
        const size_t label = random.below(n);
        std::vector<float> logits = normal_row(random, n, 1);
        const Row row = compute(logits, label);
        const size_t j = i % 2 ? label : random.below(n);
        const float z = logits[j];
        logits[j] = z + kStep;
        const float above = logits[j], loss_above = compute(logits, label).loss;
        logits[j] = z - kStep;
        const float below = logits[j], loss_below = compute(logits, label).loss;
        // Truncation h²/6·(at most 0.1), and the rounding of two losses below 16.
        EXPECT_NEAR(row.gradient[j], (loss_above - loss_below) / (above - below), 5e-6 + 2 * 3 * 0x1p-21 / 0x1p-5)
            << n << " classes, class " << j << ", label " << label;
    }
}

// Raising a class's logit raises its probability and lowers the others'.
TEST(Properties, ProbabilityGrowsWithItsLogit) {
    for (const float z : {-20.0f, -1.0f, 0.0f, 3.0f, 10.0f}) {
        std::vector<float> logits = {0.0f, z, 1.0f, -2.0f};
        const Row low = compute(logits, 0);
        logits[1] = z + 0.125f;
        const Row high = compute(logits, 0);
        EXPECT_LT(low.gradient[1], high.gradient[1]) << z;
        EXPECT_GE(low.gradient[2], high.gradient[2]) << z;
        EXPECT_GE(low.gradient[0], high.gradient[0]) << z;
    }
}

}  // namespace
}  // namespace nxent_test
