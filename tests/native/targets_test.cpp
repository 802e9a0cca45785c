// SPDX-License-Identifier: MIT
//
// Targets beyond a label: distributions, smoothed labels, signed and special targets. Exact values, and bounds at inputs made
// to be worst.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "oracle.h"
#include "request.h"
#include "support.h"

namespace nxent_test {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Bits bits_of_all(Type type, const std::vector<double>& values) {
    Bits bits;
    for (const double x : values) bits.push_back(bits_of(type, x));
    return bits;
}
std::vector<double> values_of_all(Type type, const Bits& bits) {
    std::vector<double> values;
    for (const uint64_t b : bits) values.push_back(value_of(type, b));
    return values;
}

struct Answer {
    double loss;
    std::vector<double> gradient;
};
Answer answer(const Request& request) {
    const Results results = run(request);
    EXPECT_EQ(results.status, NXENT_OK);
    return {value_of(request.type, results.loss.at(0)), values_of_all(request.type, results.gradient)};
}

Request distribution(Type type, const std::vector<double>& logits, const std::vector<double>& targets) {
    Request request;
    request.type = type;
    request.classes = logits.size();
    request.logits = bits_of_all(type, logits);
    request.target_type = NXENT_DISTRIBUTION;
    request.targets = bits_of_all(type, targets);
    return request;
}
Request smoothed(Type type, const std::vector<double>& logits, int64_t label, double smoothing) {
    Request request;
    request.type = type;
    request.classes = logits.size();
    request.logits = bits_of_all(type, logits);
    request.labels = {label};
    request.label_smoothing = smoothing;
    return request;
}
// The same row so often that rows are taken in groups.
Request repeated(Request request, size_t rows) {
    const Request one = request;
    request.rows = rows;
    for (size_t i = 1; i < rows; ++i) {
        request.logits.insert(request.logits.end(), one.logits.begin(), one.logits.end());
        request.targets.insert(request.targets.end(), one.targets.begin(), one.targets.end());
        request.labels.insert(request.labels.end(), one.labels.begin(), one.labels.end());
    }
    return request;
}

double ulp_of(Type type, double x) {
    int exponent;
    std::frexp(x, &exponent);
    return std::ldexp(1.0, exponent - format_of(type).fraction - 1);
}

TEST(Targets, TheClassThatIsNearlyCertainKeepsItsPrecision) {
    for (const Type type : {Type::Float32, Type::Float64})
        for (const double z : {20.0, 30.0, 60.0, 80.0}) {
            const Real x = std::exp(static_cast<Real>(-z));
            const double loss = static_cast<double>(std::log1p(x)), gradient = static_cast<double>(x / (1 + x));
            const double allowed = (type == Type::Float32 ? 2 : 4) * ulp_of(type, loss);
            for (const bool is_first : {true, false}) {
                const std::vector<double> logits = is_first ? std::vector{z, 0.0} : std::vector{0.0, z};
                const std::vector<double> targets = is_first ? std::vector{1.0, 0.0} : std::vector{0.0, 1.0};
                const Answer a = answer(distribution(type, logits, targets));
                EXPECT_NEAR(a.loss, loss, allowed) << z;
                EXPECT_NEAR(a.gradient[is_first ? 0 : 1], -gradient, allowed) << z;
                EXPECT_NEAR(a.gradient[is_first ? 1 : 0], gradient, allowed) << z;
            }
            // A label that is sure to be wrong is no target, and takes nothing from the class that is sure.
            const double spread = 1e-12;
            const Answer a = answer(smoothed(type, {0, z}, 0, spread));
            const Real wrong = 1 - static_cast<Real>(spread) / 2;
            const Real expected = wrong * z + std::log1p(x);
            EXPECT_NEAR(a.loss, static_cast<double>(expected), allowed + 2 * ulp_of(type, z)) << z;
        }
    const Answer a = answer(distribution(Type::Float32, {20, 0}, {1, 0}));
    EXPECT_EQ(a.loss, static_cast<double>(2.0611536e-9f));
    EXPECT_EQ(a.gradient[0], static_cast<double>(-2.0611536e-9f));
    EXPECT_EQ(a.gradient[1], static_cast<double>(2.0611536e-9f));
    EXPECT_EQ(answer(distribution(Type::Float32, {30, 0}, {1, 0})).loss, static_cast<double>(9.3576230e-14f));
}

TEST(Targets, OneClassHasNeitherLossNorGradient) {
    for (const Type type : kTypes)
        for (const double z : {5.0, 5.1237006, -1000.0, 60000.0}) {
            const Answer a = answer(distribution(type, {z}, {1}));
            EXPECT_EQ(a.loss, 0) << name_of(type) << " " << z;
            EXPECT_EQ(a.gradient[0], 0) << name_of(type) << " " << z;
            EXPECT_EQ(answer(smoothed(type, {z}, 0, 0.1)).loss, 0) << name_of(type) << " " << z;
        }
}

TEST(Targets, SignedTargetsThatAddUpToZeroKeepTheLoss) {
    for (const Type type : kTypes) {
        const Answer a = answer(distribution(type, {0, 1}, {1, -1}));
        EXPECT_EQ(a.loss, 1) << name_of(type);
        EXPECT_EQ(a.gradient, (std::vector<double>{-1, 1})) << name_of(type);
        // In blocks of their own.
        std::vector<double> z(8192), q(8192);
        z[5000] = 1;
        q[3] = 1;
        q[5000] = -1;
        const Answer b = answer(distribution(type, z, q));
        EXPECT_EQ(b.loss, 1) << name_of(type);
        EXPECT_EQ(b.gradient[3], -1) << name_of(type);
        EXPECT_EQ(b.gradient[5000], 1) << name_of(type);
        EXPECT_EQ(b.gradient[0], 0) << name_of(type);
    }
}

TEST(Targets, LossesOfTargetsThatAreNotNegativeAreNotNegative) {
    SplitMix64 random(41);
    for (size_t i = 0; i < 2000; ++i) {
        const size_t n = random.length(1, 40);
        std::vector<double> z(n), q(n);
        for (size_t j = 0; j < n; ++j) {
            z[j] = random.normal(20);
            q[j] = random.below(3) == 0 ? std::fabs(static_cast<double>(random.normal(1))) : 0;
        }
        for (const Type type : kTypes) EXPECT_GE(answer(distribution(type, z, q)).loss, 0) << name_of(type);
    }
}

TEST(Targets, InfiniteAndNanTargetsMakeTheirRowNan) {
    for (const Type type : kTypes)
        for (const double wrong : {kInfinite, -kInfinite, kNan})
            for (const size_t place : {size_t{0}, size_t{1}, size_t{2}}) {
                std::vector<double> q = {0.25, 0.5, 0.25};
                q[place] = wrong;
                Request request = distribution(type, {1, 2, -1}, q);
                request.wants_lse = true;
                const Results results = run(request);
                EXPECT_EQ(results.loss[0], format_of(type).canonical_nan);
                for (const uint64_t g : results.gradient) EXPECT_EQ(g, format_of(type).canonical_nan);
                EXPECT_FALSE(is_nan(type, results.lse[0]));
            }
}

TEST(Targets, LogitsOfMinusInfinity) {
    for (const Type type : kTypes) {
        // Among others: without a target they are not there, with one the loss has its sign.
        const Answer none = answer(distribution(type, {-kInfinite, 0}, {0, 1}));
        EXPECT_EQ(none.loss, 0);
        EXPECT_EQ(none.gradient, (std::vector<double>{0, 0}));
        const Answer some = answer(distribution(type, {-kInfinite, 0}, {0.5, 0.5}));
        EXPECT_EQ(some.loss, kInfinite);
        EXPECT_EQ(some.gradient, (std::vector<double>{-0.5, 0.5}));
        EXPECT_EQ(answer(distribution(type, {-kInfinite, 0}, {-0.5, 0.5})).loss, -kInfinite);
        const Answer smooth = answer(smoothed(type, {-kInfinite, 0, -kInfinite}, 1, 0.5));
        EXPECT_EQ(smooth.loss, kInfinite);
        // A class that weighs nothing has no target.
        Request weighed = smoothed(type, {-kInfinite, 0}, 1, 0.5);
        weighed.class_weights = {0, 1};
        EXPECT_EQ(answer(weighed).loss, 0);
        // Nothing else.
        EXPECT_TRUE(std::isnan(answer(distribution(type, {-kInfinite, -kInfinite}, {0, 1})).loss));
        EXPECT_TRUE(std::isnan(answer(smoothed(type, {-kInfinite}, 0, 0.5)).loss));
    }
}

TEST(Targets, DistancesBetweenLogitsMayBeOutOfRange) {
    const double z = 0x1.fp+1023;
    for (const size_t rows : {size_t{1}, size_t{16}}) {
        const Results results = run(repeated(smoothed(Type::Float64, {z, -z}, 0, 0x1p-4), rows));
        for (size_t i = 0; i < rows; ++i) {
            EXPECT_EQ(value_of(Type::Float64, results.loss[i]), 0x1.fp+1019) << rows;
            EXPECT_EQ(value_of(Type::Float64, results.gradient[2 * i]), 0x1p-5) << rows;
            EXPECT_EQ(value_of(Type::Float64, results.gradient[2 * i + 1]), -0x1p-5) << rows;
        }
        EXPECT_EQ(value_of(Type::Float64, run(repeated(smoothed(Type::Float64, {-z, z}, 0, 0), rows)).loss[0]),
                  kInfinite);
    }
}

// The label alone in the last block: nothing of that block is where a softcap would have nothing.
TEST(Targets, ABlockOfTheLabelAloneUnderASoftcap) {
    std::vector<double> z(4097);
    z[4096] = static_cast<double>(0.7f);
    Request request = smoothed(Type::Float32, z, 4096, 0.1);
    request.softcap = 0x1p+60;
    const Real u = static_cast<Real>(0.7f);
    const Real loss = std::log(4096 + std::exp(u)) - (0.9L + 0.1L / 4097) * u;
    EXPECT_NEAR(answer(request).loss, static_cast<double>(loss),
                1.75 * ulp_of(Type::Float32, static_cast<double>(loss)));
}

// A probability that is computed as far off as any that is known, 2.4 of the bound's ULP before it is rounded: that of one
// class, whose exponential is as much too great as those of the likely ones, the greatest apart, are too small. Its target
// is put at every distance from it.
TEST(Targets, ElementsAreWithinTheirBoundWhereItIsNearlyReached) {
    double worst = 0;
    for (const size_t likely : std::vector<size_t>{1, 64, 68, 72, 77, 82, 88, 94, 100, 107, 114, 120}) {
        std::vector<double> z(likely, 0x1.dee72ep+5);
        z.insert(z.end(), {0x1.7314bp+2, 0x1.a53a6ep+5, -1e9});
        const size_t n = z.size();
        Real sum = 0;
        for (const double x : z) sum += std::exp(static_cast<Real>(x) - static_cast<Real>(z[0]));
        const Real p = std::exp(static_cast<Real>(z[likely]) - static_cast<Real>(z[0])) / sum;
        const auto check = [&](double smoothing) {
            const Real b = static_cast<Real>(smoothing) / static_cast<Real>(n), exact = p - b;
            for (const size_t rows : {size_t{1}, size_t{16}}) {
                const Request request = smoothed(Type::Float32, z, static_cast<int64_t>(n) - 1, smoothing);
                const Results results = run(repeated(request, rows));
                const double got = value_of(Type::Float32, results.gradient[n * (rows - 1) + likely]);
                const double ulp = ulp_of(Type::Float32, static_cast<double>(p > b ? p : b));
                const double error = static_cast<double>(std::fabs(static_cast<Real>(got) - exact)) / ulp;
                EXPECT_LE(error, 3) << smoothing;
                worst = std::fmax(worst, error);
            }
        };
        check(0x1.830b22ff0548ap-78);
        SplitMix64 random(42);
        for (int power = -8; power <= 8; ++power)
            for (int i = 0; i < 20; ++i) {
                const double ratio = 1 + static_cast<double>(random.below(1 << 20)) * 0x1p-20;
                check(static_cast<double>(p) * static_cast<double>(n) * std::ldexp(ratio, power));
            }
    }
    EXPECT_GT(worst, 2.2) << "no longer nearly the worst";
    RecordProperty("worst_ulp", std::to_string(worst));
}

// Everything about a row of several targets against the formulas, where the greatest class is the label or not, its weight
// great or small, alone and in groups.
TEST(Targets, RandomRowsAreWithinTheirBounds) {
    SplitMix64 random(43);
    for (size_t i = 0; i < swept(600); ++i) {
        const size_t n = random.length(2, i % 10 == 0 ? 5000 : 40);
        const double sigma = i % 3 == 0 ? 1 : i % 3 == 1 ? 8 : 30;
        std::vector<double> z(n), b(n);
        for (double& x : z) x = static_cast<double>(random.normal(sigma));
        if (i % 4 == 0) z[random.below(n)] = 40 + static_cast<double>(random.below(64));
        Request request;
        if (i % 2 == 0) {
            for (double& x : b) x = std::fabs(static_cast<double>(random.normal(1)));
            if (i % 8 == 0) b[random.below(n)] = 0x1p+20;
            request = distribution(Type::Float32, z, b);
        } else {
            const double smoothing = i % 5 == 0 ? 1e-9 : 0.1;
            const size_t label = random.below(n);
            for (double& x : b) x = smoothing / static_cast<double>(n);
            b[label] += 1 - smoothing;
            request = repeated(smoothed(Type::Float32, z, static_cast<int64_t>(label), smoothing), 16);
        }
        const Results results = run(request);
        const Oracle oracle(z.data(), n);
        size_t g = 0;
        Real all = 0, loss = 0;
        for (size_t j = 0; j < n; ++j) {
            if (z[j] > z[g]) g = j;
            all += static_cast<Real>(b[j]);
        }
        for (size_t j = 0; j < n; ++j)
            loss += static_cast<Real>(b[j]) * (oracle.loss(g) + (static_cast<Real>(z[g]) - static_cast<Real>(z[j])));
        const double expected = static_cast<double>(loss);
        EXPECT_LE(std::fabs(value_of(Type::Float32, results.loss[0]) - expected),
                  1.75 * ulp_of(Type::Float32, expected))
            << i;
        for (size_t j = 0; j < n; ++j) {
            const Real p = oracle.softmax(j);
            const Real pull = j == g ? p * (all - static_cast<Real>(b[j])) : p * all;
            const Real push = j == g ? -oracle.label_gradient(j) * static_cast<Real>(b[j]) : static_cast<Real>(b[j]);
            const double size = static_cast<double>(pull > push ? pull : push);
            if (size < 0x1p-124) continue;
            const double got = value_of(Type::Float32, results.gradient[j]);
            const double error = std::fabs(got - static_cast<double>(pull - push));
            EXPECT_LE(error, (j == g ? 1.75 : 3) * ulp_of(Type::Float32, size)) << "row " << i << ", class " << j;
        }
    }
}

}  // namespace
}  // namespace nxent_test
