// SPDX-License-Identifier: MIT
//
// The header's table of special values, bit by bit, with the special value in every place of the row.
#include <algorithm>

#include "support.h"

namespace nxent_test {
namespace {

constexpr uint32_t kPlusZero = 0x00000000u;
constexpr uint32_t kMinusOne = 0xbf800000u;
constexpr uint32_t kOne = 0x3f800000u;
constexpr uint32_t kPlusInfinity = 0x7f800000u;

constexpr size_t kLengths[] = {1,   2,   3,         15,    16,        17,   33,   127,  128,
                               129, 300, kTile - 1, kTile, kTile + 1, 4095, 4096, 4097, 9000};

// Where in a row something could be treated apart: its ends, and either side of the boundaries.
std::vector<size_t> places(size_t classes) {
    std::vector<size_t> places = {0, classes / 2, classes - 1};
    for (const size_t step : {size_t{4}, size_t{8}, kVector, kTile, kBlock})
        for (const size_t place : {step - 1, step}) places.push_back(std::min(place, classes - 1));
    if (classes > kBlock) places.push_back(classes / kBlock * kBlock - 1);
    std::sort(places.begin(), places.end());
    places.erase(std::unique(places.begin(), places.end()), places.end());
    return places;
}

std::vector<float> ordinary_row(size_t classes) {
    SplitMix64 random(classes);
    std::vector<float> logits(classes);
    for (float& z : logits) z = random.normal(3);
    return logits;
}

void expect_all_nan(const std::vector<float>& logits, const std::string& where) {
    const size_t n = logits.size();
    for (const size_t label : {size_t{0}, n / 2, n - 1}) {
        const Row row = compute(logits, label);
        const auto wrong =
            std::find_if(row.gradient.begin(), row.gradient.end(), [](float g) { return bits_of(g) != kCanonicalNaN; });
        EXPECT_EQ(wrong, row.gradient.end())
            << where << ", label " << label << ": class " << wrong - row.gradient.begin() << " has bits " << std::hex
            << bits_of(*wrong);
        EXPECT_EQ(bits_of(row.loss), kCanonicalNaN) << where << ", label " << label;
    }
    // Without a label.
    std::vector<float> grad(n);
    const int32_t none = -1;
    cross_entropy_with_logits_grad(logits.data(), &none, 1, n, grad.data());
    for (size_t j = 0; j < n; ++j) ASSERT_EQ(bits_of(grad[j]), kCanonicalNaN) << where << ", no label, class " << j;
}

TEST(SpecialValues, AnyNanMakesTheRowTheCanonicalNan) {
    for (const size_t n : kLengths)
        for (const size_t place : places(n))
            for (const uint32_t nan : kNaNs) {
                std::vector<float> logits = ordinary_row(n);
                logits[place] = float_of(nan);
                expect_all_nan(logits, std::to_string(n) + " classes, NaN at " + std::to_string(place));
                if (n > kTile) break;  // one form of NaN is enough in a long row
            }
}

TEST(SpecialValues, NothingButNanIsTheCanonicalNan) {
    for (const size_t n : kLengths)
        for (const uint32_t nan : kNaNs)
            expect_all_nan(std::vector<float>(n, float_of(nan)), std::to_string(n) + " classes");
}

TEST(SpecialValues, AnyPlusInfinityMakesTheRowNan) {
    for (const size_t n : kLengths)
        for (const size_t place : places(n)) {
            std::vector<float> logits = ordinary_row(n);
            logits[place] = kInfinity;
            expect_all_nan(logits, std::to_string(n) + " classes, infinity at " + std::to_string(place));
        }
}

TEST(SpecialValues, NothingButMinusInfinityIsNan) {
    for (const size_t n : kLengths) expect_all_nan(std::vector<float>(n, -kInfinity), std::to_string(n) + " classes");
}

TEST(SpecialValues, NanAmongInfinitiesIsNan) {
    for (const size_t n : kLengths)
        for (const size_t place : places(n))
            for (const float infinity : {kInfinity, -kInfinity}) {
                std::vector<float> logits(n, infinity);
                logits[place] = float_of(kNaNs[1]);
                expect_all_nan(logits, std::to_string(n) + " classes, NaN at " + std::to_string(place));
            }
}

TEST(SpecialValues, NanBesideEverySpecialValueIsNan) {
    for (const float z : kFiniteSpecials)
        for (const size_t n : {2, 20, 5000}) {
            std::vector<float> logits(n, z);
            logits[n - 1] = float_of(kNaNs[0]);
            expect_all_nan(logits, "beside " + std::to_string(z));
            logits[n - 1] = kInfinity;
            expect_all_nan(logits, "infinity beside " + std::to_string(z));
        }
}

// A row of 16 different logits and a -infinity at one place.
PooledRow row_with_minus_infinity(size_t classes, size_t place, float offset) {
    SplitMix64 random(classes);
    PooledRow row;
    for (int k = 0; k < 16; ++k) row.values.push_back(offset + random.normal(3));
    row.values.push_back(-kInfinity);
    for (size_t j = 0; j < classes; ++j) row.index.push_back(static_cast<uint8_t>(random.below(16)));
    row.index[place] = 16;
    return row;
}

TEST(SpecialValues, MinusInfinityHasProbabilityZeroAndAddsNothing) {
    Worst worst;
    for (const size_t n : kLengths)
        for (const size_t place : places(n))
            for (const float offset : {0.0f, -5000.0f, 1e6f, -1e30f}) {
                if (n == 1) continue;
                const PooledRow row = row_with_minus_infinity(n, place, offset);
                const std::string where = "-infinity at " + std::to_string(place);
                const size_t label = place == 0 ? n - 1 : place - 1;
                EXPECT_EQ(bits_of(compute(row.logits(), label).gradient[place]), kPlusZero) << where << " of " << n;
                check_pooled_row(row, label, where, worst);
            }
}

TEST(SpecialValues, LabelAtMinusInfinityHasGradientMinusOneAndInfiniteLoss) {
    Worst worst;
    for (const size_t n : kLengths)
        for (const size_t place : places(n))
            for (const float offset : {0.0f, -5000.0f, 1e6f, -1e30f}) {
                if (n == 1) continue;
                const PooledRow row = row_with_minus_infinity(n, place, offset);
                const Row got = compute(row.logits(), place);
                const std::string where = std::to_string(n) + " classes, label " + std::to_string(place);
                EXPECT_EQ(bits_of(got.gradient[place]), kMinusOne) << where;
                EXPECT_EQ(bits_of(got.loss), kPlusInfinity) << where;
                check_pooled_row(row, place, where, worst);
            }
}

TEST(SpecialValues, OneFiniteClassAmongMinusInfinitiesTakesAll) {
    for (const size_t n : kLengths)
        for (const size_t place : places(n))
            for (const float z : kFiniteSpecials) {
                if (n == 1 || (n > kTile && z != -1000.0f)) continue;
                std::vector<float> logits(n, -kInfinity);
                logits[place] = z;
                const std::string where =
                    std::to_string(n) + " classes, " + std::to_string(z) + " at " + std::to_string(place);
                const Row at_label = compute(logits, place);
                for (size_t j = 0; j < n; ++j) ASSERT_EQ(bits_of(at_label.gradient[j]), kPlusZero) << where;
                EXPECT_EQ(bits_of(at_label.loss), kPlusZero) << where;
                const size_t label = (place + 1) % n;
                const Row elsewhere = compute(logits, label);
                for (size_t j = 0; j < n; ++j)
                    ASSERT_EQ(bits_of(elsewhere.gradient[j]), j == place   ? kOne
                                                              : j == label ? kMinusOne
                                                                           : kPlusZero)
                        << where << ", class " << j;
                EXPECT_EQ(bits_of(elsewhere.loss), kPlusInfinity) << where;
            }
}

// Masked vocabularies: whole stretches of -infinity, while the rest may be anywhere. Every exponent that the rest's
// maximum can have takes its turn.
TEST(SpecialValues, LongStretchesOfMinusInfinityLeaveTheRestAlone) {
    struct Stretch {
        size_t classes, finite_begin, finite_end;
    };
    constexpr Stretch kStretches[] = {
        {kBlock + 3, kBlock, kBlock + 3}, {kBlock + 3, 0, 3}, {3 * kBlock, kBlock + 7, kBlock + 10}};
    const int step = sweep() == Sweep::Quick ? 64 : nxent_active_isa() == std::string("scalar") ? 8 : 1;
    std::vector<float> bases = {1e4f, -1e4f, 1e5f, -1e5f, 1e9f, -1e9f, 1e30f, -1e30f, FLT_MAX, -FLT_MAX / 2};
    for (int n = -12000; n <= 12000; n += step) bases.push_back(static_cast<float>(n * 0.6931471805599453));
    Worst worst;
    for (const Stretch& s : kStretches) {
        std::vector<float> logits(s.classes), gradient(s.classes);
        for (const float base : bases) {
            std::fill(logits.begin(), logits.end(), -kInfinity);
            for (size_t j = s.finite_begin; j < s.finite_end; ++j)
                logits[j] = base - static_cast<float>(j - s.finite_begin);
            const Oracle finite(&logits[s.finite_begin], s.finite_end - s.finite_begin);
            const float loss = compute_into(logits.data(), s.classes, s.finite_begin, gradient.data());
            check_row(finite, nullptr, s.finite_end - s.finite_begin, 0, &gradient[s.finite_begin], loss,
                      "maximum " + std::to_string(base), worst);
            for (size_t j = 0; j < s.classes; ++j)
                ASSERT_TRUE((j >= s.finite_begin && j < s.finite_end) || bits_of(gradient[j]) == kPlusZero)
                    << "class " << j << ", maximum " << base;
        }
    }
    worst.report("stretches of -infinity");
}

// Blocks of classes at levels of their own, near and as far apart as float goes.
TEST(SpecialValues, BlocksFarApartAreJoinedRightly) {
    constexpr float kLevels[] = {0,    -0.0f, 80,    -80,    700,     -700,     712,       -712,
                                 3000, -3000, 8190,  -8190,  8194,    -8194,    9000,      -9000,
                                 1e5f, -1e5f, 1e30f, -1e30f, FLT_MAX, -FLT_MAX, -kInfinity};
    constexpr size_t kTail = 40;
    constexpr size_t kClasses = kBlock + kTail;
    Worst worst;
    std::vector<float> gradient(kClasses);
    for (const float first : kLevels)
        for (const float second : kLevels) {
            if (first == -kInfinity && second == -kInfinity) continue;
            PooledRow row;
            row.values = {first, first - 1, second, second - 2};
            for (size_t j = 0; j < kClasses; ++j)
                row.index.push_back(static_cast<uint8_t>((j < kBlock ? 0 : 2) + j % 3 / 2));
            const std::string where = std::to_string(first) + " and " + std::to_string(second);
            for (const size_t label : {size_t{1}, kClasses - 1}) {
                if (row.values[row.index[label]] == -kInfinity) continue;
                check_pooled_row(row, label, where, worst);
            }
        }
    worst.report("blocks far apart");
}

TEST(SpecialValues, OneClassHasNoGradientAndNoLoss) {
    SplitMix64 random(1);
    std::vector<float> values(std::begin(kFiniteSpecials), std::end(kFiniteSpecials));
    for (int i = 0; i < 1000; ++i) values.push_back(random.any_finite());
    for (const float z : values) {
        const Row row = compute({z}, 0);
        EXPECT_EQ(bits_of(row.gradient[0]), kPlusZero) << z;
        EXPECT_EQ(bits_of(row.loss), kPlusZero) << z;
    }
}

TEST(SpecialValues, EqualLogitsShareEquallyWhateverTheyAre) {
    Worst worst;
    for (const float z : kFiniteSpecials)
        for (const size_t n : kLengths) {
            PooledRow row{{z}, std::vector<uint8_t>(n, 0)};
            check_pooled_row(row, n / 2, "all " + std::to_string(z), worst);
        }
    worst.report("all equal");
}

TEST(SpecialValues, OneHugeLogitTakesAll) {
    for (const size_t n : {2, 17, 300, 5000})
        for (const float huge : {1e4f, 1e30f, FLT_MAX})
            for (const size_t place : places(n)) {
                std::vector<float> logits(n, 0.0f);
                logits[place] = huge;
                const Row at_label = compute(logits, place);
                for (const float g : at_label.gradient) ASSERT_EQ(bits_of(g), kPlusZero) << huge;
                EXPECT_EQ(bits_of(at_label.loss), kPlusZero) << huge;
                const size_t label = (place + 1) % n;
                const Row elsewhere = compute(logits, label);
                EXPECT_EQ(bits_of(elsewhere.gradient[place]), kOne) << huge;
                EXPECT_EQ(bits_of(elsewhere.gradient[label]), kMinusOne) << huge;
                EXPECT_EQ(elsewhere.loss, huge);
            }
}

TEST(SpecialValues, GreatestAndLowestFloatDoNotOverflow) {
    for (const size_t n : {2, 40, 5000}) {
        std::vector<float> logits(n, -FLT_MAX);
        logits[1] = FLT_MAX;
        const Row at_label = compute(logits, 1);
        for (const float g : at_label.gradient) ASSERT_EQ(bits_of(g), kPlusZero);
        EXPECT_EQ(bits_of(at_label.loss), kPlusZero);
        // The exact loss, 2·FLT_MAX, is beyond float32 and rounds to infinity.
        const Row elsewhere = compute(logits, 0);
        EXPECT_EQ(bits_of(elsewhere.gradient[0]), kMinusOne);
        EXPECT_EQ(bits_of(elsewhere.gradient[1]), kOne);
        EXPECT_EQ(bits_of(elsewhere.loss), kPlusInfinity);
    }
}

// Every pair and triple of special values, in every order.
TEST(SpecialValues, AllCombinationsAreWithin3UlpOrFollowTheTable) {
    std::vector<float> values(std::begin(kFiniteSpecials), std::end(kFiniteSpecials));
    values.push_back(-kInfinity);
    Worst worst;
    for (const float a : values)
        for (const float b : values)
            for (const float c : values) {
                const float logits[] = {a, b, c};
                const Oracle oracle(logits, 3);
                const std::string where = std::to_string(a) + ", " + std::to_string(b) + ", " + std::to_string(c);
                for (const size_t label : {0, 1, 2}) {
                    float gradient[3];
                    const float loss = compute_into(logits, 3, label, gradient);
                    if (a == -kInfinity && b == a && c == a) {
                        for (const float g : gradient) EXPECT_EQ(bits_of(g), kCanonicalNaN);
                        EXPECT_EQ(bits_of(loss), kCanonicalNaN);
                        continue;
                    }
                    check_row(oracle, nullptr, 3, label, gradient, loss, where, worst);
                    if (logits[label] == -kInfinity) {
                        EXPECT_EQ(bits_of(gradient[label]), kMinusOne) << where;
                        EXPECT_EQ(bits_of(loss), kPlusInfinity) << where;
                    }
                }
            }
    worst.report("combinations of special values");
}

// Rows full of results around the smallest normal number: none may be subnormal, and none −0.
TEST(SpecialValues, NoResultIsSubnormalOrMinusZero) {
    SplitMix64 random(2);
    size_t zeros = 0, tiny = 0;
    for (size_t i = 0; i < swept(3000); ++i) {
        const size_t n = random.length(2, 5000);
        std::vector<float> logits(n);
        const float level = random.uniform(9000);
        for (float& z : logits) z = level - 87.0f + random.uniform(4);
        const size_t label = random.below(n);
        logits[i % 2 ? label : random.below(n)] = level;
        const Row row = compute(logits, label);
        const auto judge = [&](float result) {
            const uint32_t bits = bits_of(result);
            ASSERT_NE(bits, 0x80000000u) << "row " << i;
            ASSERT_TRUE(bits << 1 == 0 || (bits & 0x7f800000u) != 0) << "row " << i << ": " << result;
            zeros += bits == 0;
            tiny += result > 0 && result < 4 * FLT_MIN;
        };
        for (const float g : row.gradient) judge(g);
        judge(row.loss);
    }
    EXPECT_GT(zeros, 1000u);
    EXPECT_GT(tiny, 1000u);
}

}  // namespace
}  // namespace nxent_test
