// SPDX-License-Identifier: MIT
//
// The article's function, argument for argument.
#include <algorithm>
#include <climits>

#include "support.h"

namespace nxent_test {
namespace {

TEST(ArticleFunction, GivesTheWorkedExample) {
    const float logits[] = {1, 2, 0.5f};
    const int32_t labels[] = {1};
    float grad[3];
    cross_entropy_with_logits_grad(logits, labels, 1, 3, grad);
    EXPECT_NEAR(grad[0], 0.23, 0.005);
    EXPECT_NEAR(grad[1], -0.37, 0.005);
    EXPECT_NEAR(grad[2], 0.14, 0.005);

    const int32_t none[] = {-1};
    float softmax[3];
    cross_entropy_with_logits_grad(logits, none, 1, 3, softmax);
    EXPECT_NEAR(softmax[0], 0.23, 0.005);
    EXPECT_NEAR(softmax[1], 0.63, 0.005);
    EXPECT_NEAR(softmax[2], 0.14, 0.005);

    EXPECT_NEAR(compute({1, 2, 0.5f}, 1).loss, 0.46, 0.005);
}

TEST(ArticleFunction, LabelOutOfRangeSelectsNoClass) {
    SplitMix64 random(1);
    for (const size_t n : {1, 2, 3, 16, 17, 128, 129, 1000, 4096, 4097, 9000}) {
        std::vector<float> logits(n);
        for (float& z : logits) z = random.normal(3);
        const Oracle oracle(logits.data(), n);
        std::vector<float> first;
        const int32_t outside = static_cast<int32_t>(n);
        for (const int32_t label :
             {-1, -2, -100, INT_MIN, outside, outside + 1, outside + 15, outside + 127, INT_MAX}) {
            std::vector<float> grad(n, -2.0f);
            cross_entropy_with_logits_grad(logits.data(), &label, 1, n, grad.data());
            const std::string where = "label " + std::to_string(label) + " of " + std::to_string(n);
            Worst worst;
            check_row(oracle, nullptr, n, SIZE_MAX, grad.data(), 0, where, worst);
            if (first.empty()) first = grad;
            expect_same_bits(first.data(), grad.data(), n, where);
        }
        if (n == 1) {
            EXPECT_EQ(bits_of(first[0]), bits_of(1.0f));
        }
    }
}

TEST(ArticleFunction, LabelsInAndOutOfRangeMix) {
    constexpr size_t kRows = 35;
    SplitMix64 random(2);
    for (const size_t n : {1, 2, 10, 16, 17, 40, 5000}) {
        std::vector<float> logits(kRows * n), grad(kRows * n);
        for (float& z : logits) z = random.normal(3);
        const int32_t classes = static_cast<int32_t>(n);
        const int32_t outside[] = {-1, INT_MIN, classes, classes + 1, INT_MAX};
        std::vector<int32_t> labels;
        for (size_t i = 0; i < kRows; ++i)
            labels.push_back(i % 3 == 0 ? outside[i % 5] : static_cast<int32_t>(random.below(n)));
        cross_entropy_with_logits_grad(logits.data(), labels.data(), kRows, n, grad.data());
        for (size_t i = 0; i < kRows; ++i) {
            const float* row = &grad[i * n];
            const std::string where = "row " + std::to_string(i) + " of " + std::to_string(n) + " classes";
            std::vector<float> alone(n);
            cross_entropy_with_logits_grad(&logits[i * n], &labels[i], 1, n, alone.data());
            expect_same_bits(alone.data(), row, n, where);
            const auto negative = std::count_if(row, row + n, [](float g) { return g < 0; });
            EXPECT_EQ(negative, i % 3 != 0 && n > 1 ? 1 : 0) << where;
        }
    }
}

TEST(ArticleFunction, EmptyBatchMayHaveNullPointers) {
    cross_entropy_with_logits_grad(nullptr, nullptr, 0, 10, nullptr);
    cross_entropy_with_logits_grad(nullptr, nullptr, 10, 0, nullptr);
    cross_entropy_with_logits_grad(nullptr, nullptr, 0, 0, nullptr);
    // Nor is anything touched that is there.
    float grad[] = {7, 7};
    const float logits[] = {1, 2};
    const int32_t labels[] = {0};
    cross_entropy_with_logits_grad(logits, labels, 0, 2, grad);
    cross_entropy_with_logits_grad(logits, labels, 1, 0, grad);
    EXPECT_EQ(grad[0], 7);
    EXPECT_EQ(grad[1], 7);
}

TEST(ArticleFunction, GradientMayReplaceTheLogits) {
    constexpr size_t kRows = 3, kClasses = 5000;
    SplitMix64 random(3);
    std::vector<float> logits(kRows * kClasses), grad(kRows * kClasses);
    for (float& z : logits) z = random.normal(3);
    const int32_t labels[] = {0, -1, 4999};
    cross_entropy_with_logits_grad(logits.data(), labels, kRows, kClasses, grad.data());
    cross_entropy_with_logits_grad(logits.data(), labels, kRows, kClasses, logits.data());
    expect_same_bits(grad.data(), logits.data(), grad.size(), "in place");
}

}  // namespace
}  // namespace nxent_test
