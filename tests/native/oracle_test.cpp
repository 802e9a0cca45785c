// SPDX-License-Identifier: MIT
//
// The measures that the other tests rely on, at values anyone can check.
#include "result_hash.h"
#include "support.h"

namespace nxent_test {
namespace {

TEST(Oracle, KnowsTheWorkedExample) {
    const float logits[] = {1, 2, 0.5f};
    const Oracle oracle(logits, 3);
    EXPECT_NEAR(static_cast<double>(oracle.softmax(0)), 0.2312238975, 1e-9);
    EXPECT_NEAR(static_cast<double>(oracle.softmax(1)), 0.6285317192, 1e-9);
    EXPECT_NEAR(static_cast<double>(oracle.softmax(2)), 0.1402443833, 1e-9);
    EXPECT_NEAR(static_cast<double>(oracle.label_gradient(1)), 0.6285317192 - 1, 1e-9);
    EXPECT_NEAR(static_cast<double>(oracle.loss(1)), 0.4643687841, 1e-9);
}

TEST(Oracle, CountsRepeatedLogits) {
    const float all[] = {1, 3, 1, 1, 3}, distinct[] = {1, 3};
    const size_t occurrences[] = {3, 2};
    const Oracle expected(all, 5), oracle(distinct, 2, occurrences);
    EXPECT_NEAR(static_cast<double>(oracle.softmax(1)), static_cast<double>(expected.softmax(4)), 1e-15);
    EXPECT_NEAR(static_cast<double>(oracle.label_gradient(0)), static_cast<double>(expected.label_gradient(2)), 1e-15);
    EXPECT_NEAR(static_cast<double>(oracle.loss(0)), static_cast<double>(expected.loss(3)), 1e-15);
}

TEST(Oracle, KeepsTheLabelsGradientWhereTheLabelTakesAll) {
    const float logits[] = {0, 80};
    const Oracle oracle(logits, 2);
    EXPECT_NEAR(static_cast<double>(-oracle.label_gradient(1) / std::exp(Real{-80})), 1, 1e-15);
    EXPECT_NEAR(static_cast<double>(oracle.loss(1) / std::exp(Real{-80})), 1, 1e-15);
    EXPECT_EQ(static_cast<double>(oracle.loss(0)), 80);
}

TEST(Oracle, MeasuresInUlp) {
    EXPECT_EQ(ulp_error(1.0f, 1), 0);
    EXPECT_EQ(ulp_error(0x1.000002p0f, 1), 1);
    EXPECT_EQ(ulp_error(0x1.fffffep-1f, 1), 0.5);  // the larger ULP of the two
    EXPECT_EQ(ulp_error(1.0f, 0x1.fffffep-1L), 0.5);
    EXPECT_EQ(ulp_error(0x1.fffffcp-1f, 0x1.fffffep-1L), 1);
    EXPECT_EQ(ulp_error(-0x1.000006p+100f, -0x1p+100L), 3);
    EXPECT_EQ(ulp_error(0x1.000002p-126f, 0x1p-126L), 1);
    EXPECT_EQ(ulp_error(0x1.000002p-126f, 0x1.8p-127L), 0x200001);  // below 2^-126 the ULP stays 2^-149
    EXPECT_EQ(ulp_error(kInfinity, 2 * static_cast<Real>(FLT_MAX)), 0);
    EXPECT_EQ(ulp_error(kInfinity, static_cast<Real>(FLT_MAX)), std::numeric_limits<double>::infinity());
    EXPECT_EQ(ulp_error(float_of(kCanonicalNaN), 1), std::numeric_limits<double>::infinity());
    EXPECT_GT(ulp_error(0.0f, 1), 1e6);
}

TEST(Oracle, KnowsTheRuleForTinyResults) {
    const double broken = std::numeric_limits<double>::infinity();
    EXPECT_EQ(contract_error(0.0f, 0), 0);
    EXPECT_EQ(contract_error(-0.0f, 0), broken);
    EXPECT_EQ(contract_error(kDenormal, 0x1p-149L), broken);
    EXPECT_EQ(contract_error(0.0f, 0x1p-127L), 0);
    EXPECT_EQ(contract_error(FLT_MIN, 0x1p-127L), broken);
    EXPECT_EQ(contract_error(FLT_MIN, 0x1p-126L), 0);
    EXPECT_EQ(contract_error(0.0f, 0x1p-126L), 0);
    EXPECT_EQ(contract_error(0.0f, 0x1.0001p-126L), broken);
    EXPECT_EQ(contract_error(0.0f, 0x1p-100L), broken);
}

// The generator and the hash are portable: this is what every platform starts from.
TEST(ResultHash, StartsFromTheSameInputsEverywhere) {
    SplitMix64 random(1234567);
    EXPECT_EQ(random.next(), 6457827717110365317u);  // the published reference implementation's first number
    SplitMix64 inputs(42);
    std::vector<float> row(1000);
    uint64_t sum = 0;
    for (int i = 0; i < 50; ++i) {
        fill_any_row(inputs, row.data(), row.size());
        for (const float z : row) sum = sum * 31 + bits_of(z);
    }
    EXPECT_EQ(sum, 10560939997193676736u);
}

// Every instruction set is held to it by a run of its own.
TEST(ResultHash, IsThatOfThisVersion) {
    int32_t status;
    const uint64_t hash = result_hash(status);
    ASSERT_EQ(status, NXENT_OK);
    EXPECT_EQ(hash, kResultHash) << std::hex << "0x" << hash;
}

}  // namespace
}  // namespace nxent_test
