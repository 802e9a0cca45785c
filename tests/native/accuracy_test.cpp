// SPDX-License-Identifier: MIT
//
// Every gradient element and every loss is within 3 ULP of the exact value, whatever the row looks like. Each test
// prints the worst it has seen.
#include <algorithm>
#include <functional>
#include <ostream>

#include "support.h"

namespace nxent_test {
namespace {

constexpr size_t kNoLabel = ~size_t{0};

// A kind of row in which every class has a logit of its own.
struct Family {
    const char* name;
    // Fills the row and returns the label that it is about, or kNoLabel.
    std::function<size_t(SplitMix64&, float*, size_t)> fill;
};
void PrintTo(const Family& family, std::ostream* out) { *out << family.name; }

void fill_normal(SplitMix64& random, float* logits, size_t classes, double sigma, float offset = 0) {
    for (size_t j = 0; j < classes; ++j) logits[j] = offset + random.normal(sigma);
}

Family normal(const char* name, double sigma, float offset = 0) {
    return {name, [=](SplitMix64& random, float* logits, size_t classes) {
                fill_normal(random, logits, classes, sigma, offset);
                return kNoLabel;
            }};
}

Family uniform(const char* name, double bound) {
    return {name, [=](SplitMix64& random, float* logits, size_t classes) {
                for (size_t j = 0; j < classes; ++j) logits[j] = random.uniform(bound);
                return kNoLabel;
            }};
}

// The label's logit stands apart from all others.
Family label_apart(const char* name, float distance) {
    return {name, [=](SplitMix64& random, float* logits, size_t classes) {
                fill_normal(random, logits, classes, 1);
                const size_t label = random.below(classes);
                logits[label] += distance;
                return label;
            }};
}

const Family kFamilies[] = {
    normal("Normal01", 0.1),
    normal("Normal1", 1),
    normal("Normal3", 3),
    normal("Normal6", 6),
    normal("Normal20", 20),
    normal("Normal60", 60),
    uniform("Uniform04", 0.4),
    uniform("Uniform100", 100),
    uniform("Uniform8000", 8000),
    normal("Normal3Plus10", 3, 10),
    normal("Normal3Minus90", 3, -90),
    normal("Normal3Plus1e3", 3, 1e3f),
    normal("Normal3Minus1e3", 3, -1e3f),
    normal("Normal3Plus8190", 3, 8190),
    normal("Normal3Minus8190", 3, -8190),
    normal("Normal3Plus1e5", 3, 1e5f),
    normal("Normal3Plus1e6", 3, 1e6f),
    normal("Normal3Minus1e6", 3, -1e6f),
    normal("Normal6Plus1e30", 6, 1e30f),
    label_apart("LabelPlus5", 5),
    label_apart("LabelPlus17", 17),
    label_apart("LabelPlus37", 37),
    label_apart("LabelPlus60", 60),
    label_apart("LabelPlus80", 80),
    label_apart("LabelPlus110", 110),
    label_apart("LabelMinus37", -37),
    label_apart("LabelMinus300", -300),
    {"DescendingInPowers",
     [](SplitMix64& random, float* logits, size_t classes) {
         for (size_t j = 0; j < classes; ++j)
             logits[j] = -static_cast<float>(j % 4096) * 0x1p-5f + random.uniform(0.015625);
         return kNoLabel;
     }},
    {"OneOfEachBinade",
     [](SplitMix64& random, float* logits, size_t classes) {
         for (size_t j = 0; j < classes; ++j) {
             const uint32_t bits = static_cast<uint32_t>(random.next());
             logits[j] = float_of((bits & 0x807fffffu) | static_cast<uint32_t>(random.below(142)) << 23);
         }
         return kNoLabel;
     }},
};

class AccuracyWithin3Ulp : public testing::TestWithParam<Family> {};

TEST_P(AccuracyWithin3Ulp, OnEveryLabelOf) {
    SplitMix64 random(1);
    Worst worst;
    const auto check = [&](size_t classes) {
        const uint64_t seed = random.next();
        SplitMix64 row_random(seed);
        std::vector<float> logits(classes), gradient(classes);
        const size_t about = GetParam().fill(row_random, logits.data(), classes);
        const Oracle oracle(logits.data(), classes);
        const size_t greatest = static_cast<size_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
        std::vector<size_t> labels = {about, greatest};
        if (about == kNoLabel) labels = {0, classes - 1, greatest, row_random.below(classes)};
        std::sort(labels.begin(), labels.end());
        labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
        for (const size_t label : labels) {
            const float loss = compute_into(logits.data(), classes, label, gradient.data());
            check_row(oracle, nullptr, classes, label, gradient.data(), loss, "seed " + std::to_string(seed), worst);
        }
    };
    for (size_t i = 0; i < swept(4000); ++i) check(2 + i % 63);
    for (size_t i = 0; i < swept(100); ++i) check(random.length(64, 8191));
    constexpr size_t kLong[] = {4097, 262144, 4096, 10000, 32000, 50257, 128256};
    for (size_t i = 0; i < std::min<size_t>(swept(7), 7); ++i) check(kLong[i]);
    worst.report(GetParam().name);
}

INSTANTIATE_TEST_SUITE_P(, AccuracyWithin3Ulp, testing::ValuesIn(kFamilies),
                         [](const auto& info) { return info.param.name; });

// A kind of row of few different logits, laid out so that roundings repeat and pile up.
struct Pattern {
    const char* name;
    size_t values;
    std::function<size_t(SplitMix64&, size_t)> index;  // of the class j
};
void PrintTo(const Pattern& pattern, std::ostream* out) { *out << pattern.name; }

const Pattern kPatterns[] = {
    {"AllEqual", 1, [](SplitMix64&, size_t) { return size_t{0}; }},
    {"TwoValuesMixed", 2, [](SplitMix64& random, size_t) { return random.below(2); }},
    {"OneAmongEqual", 2, [](SplitMix64&, size_t j) { return size_t{j == 0}; }},
    {"FewAmongEqual", 2, [](SplitMix64& random, size_t) { return size_t{random.one_in(64)}; }},
    {"ThreeValuesMixed", 3, [](SplitMix64& random, size_t) { return random.below(3); }},
    {"HalvesOfAVectorAlternate", 2, [](SplitMix64&, size_t j) { return j / 8 % 2; }},
    {"VectorsAlternate", 2, [](SplitMix64&, size_t j) { return j / kVector % 2; }},
    {"PairsOfVectorsAlternate", 2, [](SplitMix64&, size_t j) { return j / (2 * kVector) % 2; }},
    {"TilesAlternate", 2, [](SplitMix64&, size_t j) { return j / kTile % 2; }},
    {"BlocksAlternate", 2, [](SplitMix64&, size_t j) { return j / kBlock % 2; }},
    {"EveryVectorOfATileDiffers", kTile / kVector,
     [](SplitMix64&, size_t j) { return j / kVector % (kTile / kVector); }},
    {"EveryLaneDiffers", 16, [](SplitMix64&, size_t j) { return j % kVector; }},
    {"EveryPairOfClassesOfATileDiffers", kTile / 2, [](SplitMix64&, size_t j) { return j % kTile / 2; }},
    {"EveryBlockDiffers", 64, [](SplitMix64&, size_t j) { return j / kBlock % 64; }},
    {"OneLaneStandsOut", 2, [](SplitMix64&, size_t j) { return size_t{j % kVector == 5}; }},
    {"OneClassOfATileStandsOut", 2, [](SplitMix64&, size_t j) { return size_t{j % kTile == 77}; }},
    {"OneClassOfABlockStandsOut", 2, [](SplitMix64&, size_t j) { return size_t{j % kBlock == 2000}; }},
    {"FewInOneLaneStandOut", 3,
     [](SplitMix64& random, size_t j) { return j % kVector != 3 ? 0 : 1 + size_t{random.one_in(16)}; }},
};

class AccuracyOfRepeatingRowsWithin3Ulp : public testing::TestWithParam<Pattern> {};

TEST_P(AccuracyOfRepeatingRowsWithin3Ulp, OnEveryLabelOf) {
    constexpr double kSigmas[] = {0.1, 0.7, 3, 10, 30};
    SplitMix64 random(2);
    Worst worst;
    const size_t trials = swept(nxent_active_isa() == std::string("scalar") ? 500 : 2500);
    for (size_t i = 0; i < trials; ++i) {
        const uint64_t seed = random.next();
        SplitMix64 row_random(seed);
        const size_t classes = i == 0                 ? 262144
                               : row_random.one_in(8) ? row_random.length(2, 262144)
                                                      : row_random.length(2, 8191);
        const double sigma = kSigmas[row_random.below(5)];
        PooledRow row;
        for (size_t k = 0; k < GetParam().values; ++k) row.values.push_back(row_random.normal(sigma));
        for (size_t j = 0; j < classes; ++j) {
            const size_t index = GetParam().index(row_random, j);
            ASSERT_LT(index, row.values.size());
            row.index.push_back(static_cast<uint8_t>(index));
        }
        for (const size_t label : {size_t{0}, row_random.below(classes)})
            check_pooled_row(row, label, "seed " + std::to_string(seed), worst);
    }
    worst.report(GetParam().name);
}

INSTANTIATE_TEST_SUITE_P(, AccuracyOfRepeatingRowsWithin3Ulp, testing::ValuesIn(kPatterns),
                         [](const auto& info) { return info.param.name; });

// Very many rows with few classes: what one exponential, one division and the last rounding can add up to.
TEST(Accuracy, TwoAndThreeClassesAreWithin3Ulp) {
    SplitMix64 random(3);
    Worst worst;
    for (size_t i = 0; i < swept(300000); ++i) {
        const size_t classes = 2 + i % 2;
        const double spread = 0.01 * static_cast<double>(1 + random.below(2000));
        float logits[3], gradient[3];
        for (float& z : logits) z = random.uniform(spread);
        const float loss = compute_into(logits, classes, 0, gradient);
        check_row(Oracle(logits, classes), nullptr, classes, 0, gradient, loss, "row " + std::to_string(i), worst);
    }
    worst.report("two and three classes");
}

// The rows of docs/numerics.md that come nearest to the bound, found by looking for them: the worst at all, and two whose
// result lies beyond a power of two, where the bound in ULP of the exact value alone would not hold.
TEST(Accuracy, TheWorstKnownRowsAreWithin3Ulp) {
    struct Row {
        std::vector<float> logits;
        size_t label;
    };
    const Row rows[] = {
        {{0x1.dee72ep+5f, 0x1.7314bp+2f, 0x1.a53a6ep+5f, -1e9f}, 3},
        {{-0x1.7c24ecp+2f, -0x1.ab9abap+4f, -0x1.550bbep+3f, -0x1.884834p+4f, -1e9f}, 4},
        {{0x1.662bbap+7f, 0x1.3b59eep+7f, 0x1.612458p+7f}, 2},
    };
    Worst worst;
    for (const Row& row : rows) {
        const size_t classes = row.logits.size();
        std::vector<float> gradient(classes);
        const float loss = compute_into(row.logits.data(), classes, row.label, gradient.data());
        check_row(Oracle(row.logits.data(), classes), nullptr, classes, row.label, gradient.data(), loss,
                  std::to_string(classes) + " classes", worst);
    }
    worst.report("the worst known rows");
}

// 2^18 classes that are each below the smallest normal number beside the label, and so all 0 themselves, are together
// all that is left of the label's gradient.
TEST(Accuracy, VanishingClassesAddUpInTheLabelsGradient) {
    constexpr size_t kClasses = (size_t{1} << 18) + 1;
    Worst worst;
    for (const float base : {0.0f, 100.0f, -3000.0f, 8190.0f, 100000.0f})
        for (const int exponent : {-120, -126, -127, -128, -130, -140}) {
            PooledRow row;
            row.values = {base, base + static_cast<float>(exponent) * 0.6931472f};
            row.index.assign(kClasses, 1);
            for (const size_t label : {size_t{0}, size_t{5000}, kClasses - 1}) {
                if (label != 0 && sweep() == Sweep::Quick) continue;
                row.index[label] = 0;
                check_pooled_row(row, label, "2^" + std::to_string(exponent) + " at " + std::to_string(base), worst);
                row.index[label] = 1;
            }
        }
    worst.report("vanishing classes");
}

// A maximum at and beside every power of two, of either sign: wherever the kernel changes its method.
TEST(Accuracy, EveryMagnitudeOfTheMaximumIsWithin3Ulp) {
    SplitMix64 random(4);
    Worst worst;
    for (int power = -10; power <= 127; ++power)
        for (const float sign : {1.0f, -1.0f})
            for (const int step : {-1, 0, 1}) {
                const float base = sign * float_of(static_cast<uint32_t>(((power + 127) << 23) + step));
                for (const float spread : {0.0f, 1.0f, 30.0f, 150.0f}) {
                    float logits[40], gradient[40];
                    for (float& z : logits) z = base - spread * (1 + random.uniform(1)) / 2;
                    const size_t at = random.below(40);
                    logits[at] = base;
                    const Oracle oracle(logits, 40);
                    for (const size_t label : {at, (at + 1) % 40}) {
                        const float loss = compute_into(logits, 40, label, gradient);
                        check_row(oracle, nullptr, 40, label, gradient, loss, "maximum " + std::to_string(base), worst);
                    }
                }
            }
    worst.report("every magnitude of the maximum");
}

}  // namespace
}  // namespace nxent_test
