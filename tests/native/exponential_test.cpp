// SPDX-License-Identifier: MIT
//
// Sweeps of the exponential and the logarithm over the whole of their ranges. They are internal, so the rows are such
// that a gradient element is one exponential, or the loss one logarithm, and little else.
#include "support.h"

namespace nxent_test {
namespace {

constexpr double kLn2 = 0.6931471805599453;

// Steps through r in [−½ ln 2, ½ ln 2] around n·ln 2 with one class of each step, beside a class that is so much
// greater that it alone is the sum: every other element is its exponential.
void sweep_exponent(double greatest, int n, size_t steps, SplitMix64& random, Worst& worst) {
    std::vector<float> logits(steps + 1), gradient(steps + 1);
    logits[0] = static_cast<float>(greatest);
    for (size_t j = 0; j < steps; ++j) {
        const double within =
            (static_cast<double>(j) + static_cast<double>(random.below(1024)) / 1024) / static_cast<double>(steps);
        logits[j + 1] = static_cast<float>((n + within - 0.5) * kLn2);
    }
    const Oracle oracle(logits.data(), logits.size());
    const float loss = compute_into(logits.data(), logits.size(), 0, gradient.data());
    check_row(oracle, nullptr, logits.size(), 0, gradient.data(), loss,
              "n = " + std::to_string(n) + " below " + std::to_string(greatest), worst);
}

TEST(Exponential, IsWithin3UlpOverEveryReducedArgumentAndExponent) {
    SplitMix64 random(1);
    Worst worst;
    for (int n = -190; n <= 0; ++n) sweep_exponent(0.5 * kLn2, n, swept(16384), random, worst);
    worst.report("exponential beside a maximum near 0");
}

// The reduction takes the logit itself, not its distance from the maximum: so n runs over all its range too.
TEST(Exponential, IsWithin3UlpAtEveryMagnitudeOfTheLogits) {
    SplitMix64 random(2);
    Worst worst;
    for (int n = -12000; n <= 12000; n += 50) {
        sweep_exponent((n + 30) * kLn2, n, swept(1024), random, worst);
        sweep_exponent((n + 30) * kLn2, n - 80, swept(1024), random, worst);
    }
    worst.report("exponential far from 0");
}

TEST(Exponential, IsZeroBelow2ToMinus126HoweverFar) {
    Worst worst;
    for (const float below : {88.0f, 100.0f, 103.97f, 131.0f, 131.7f, 132.0f, 132.1f, 150.0f, 177.4f, 200.0f, 400.0f,
                              708.0f, 745.2f, 8192.0f, 1e5f, 1e30f, FLT_MAX, kInfinity})
        for (const float greatest : {0.0f, 50.0f, -50.0f, 9000.0f}) {
            std::vector<float> logits(3 * kVector, greatest - below);
            logits[7] = greatest;
            const Row row = compute(logits, 7);
            const std::string where = std::to_string(below) + " below " + std::to_string(greatest);
            for (size_t j = 0; j < logits.size(); ++j)
                EXPECT_TRUE(j == 7 || bits_of(row.gradient[j]) == 0) << "class " << j << ", " << where;
            check_row(Oracle(logits.data(), logits.size()), nullptr, logits.size(), 7, row.gradient.data(), row.loss,
                      where, worst);
        }
}

// Two classes a distance apart: the loss is log1p(exp(distance)) of either sign, the label's gradient the logistic
// function.
TEST(Logarithm, LossOfTwoClassesIsWithin3UlpAtEveryDistance) {
    SplitMix64 random(3);
    Worst worst;
    const size_t steps = swept(400000);
    for (size_t i = 0; i < steps; ++i) {
        const double position =
            (static_cast<double>(i) + static_cast<double>(random.below(1024)) / 1024) / static_cast<double>(steps);
        // Half of the steps within ±2, where the loss is neither an exponential nor a line.
        const double distance = i % 2 ? 200 * position - 100 : 4 * position - 2;
        const float logits[] = {0.0f, static_cast<float>(distance)};
        float gradient[2];
        const float loss = compute_into(logits, 2, 0, gradient);
        check_row(Oracle(logits, 2), nullptr, 2, 0, gradient, loss, "distance " + std::to_string(distance), worst);
    }
    worst.report("two classes at every distance");
}

TEST(Logarithm, LossIsWithin3UlpFromTheSmallestToTheGreatest) {
    Worst worst;
    for (int power = -30; power < 128; ++power)
        for (const float mantissa : {1.0f, 1.25f, 1.4142135f, 1.75f, 1.9999999f})
            for (const size_t classes : {2, 17, 3000}) {
                const float distance = mantissa * float_of(static_cast<uint32_t>(power + 127) << 23);
                // The label below all others, in one row above 0 and in one below.
                for (const float top : {distance, 0.0f}) {
                    PooledRow row{{top, top - distance}, std::vector<uint8_t>(classes, 0)};
                    row.index[1] = 1;
                    check_pooled_row(row, 1, "distance " + std::to_string(distance), worst);
                }
            }
    worst.report("loss of every magnitude");
}

// The flush threshold from both sides, in steps finer than the tolerance that the header allows it: for an element, the
// label's gradient and the loss.
TEST(Exponential, IsFlushedBelow2ToMinus126AndNotAbove) {
    Worst worst;
    size_t zeros = 0, others = 0;
    for (int step = -3000; step <= 3000; ++step) {
        const float fine = static_cast<float>(step) * 0x1p-25f;  // the sum with the other logit is not rounded
        const float logits[] = {fine, -87.336544f};              // −126 ln 2, as near as float comes
        float gradient[2];
        const float loss = compute_into(logits, 2, 0, gradient);
        check_row(Oracle(logits, 2), nullptr, 2, 0, gradient, loss, "step " + std::to_string(step), worst);
        ++(gradient[1] == 0 ? zeros : others);
    }
    EXPECT_GT(zeros, 1000u);
    EXPECT_GT(others, 1000u);
}

}  // namespace
}  // namespace nxent_test
