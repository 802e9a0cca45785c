// SPDX-License-Identifier: MIT
//
// Numbers far out: logits so far from 0 that blocks are shifted, probabilities and factors out of range whose product is
// not. The exact values come from computations in 300 bits.
#include "request.h"
#include "support.h"

namespace nxent_test {
namespace {

class Range : public testing::TestWithParam<std::string> {
protected:
    Range() : scoped_(GetParam()) {}

private:
    ScopedIsa scoped_;
};

Request row(Type type, const std::vector<double>& logits, int64_t label) {
    Request r;
    r.type = type;
    r.classes = logits.size();
    for (const double z : logits) r.logits.push_back(bits_of(type, z));
    r.labels = {label};
    return r;
}

// The distance from an exact value in ULP, of the exact value or of the result, whichever is greater.
void expect_near(Type type, double exact, uint64_t got, double most, const std::string& what) {
    const double result = value_of(type, got);
    const int fraction = format_of(type).fraction;
    const double ulp = std::ldexp(1.0, std::ilogb(std::max(std::fabs(exact), std::fabs(result))) - fraction);
    EXPECT_LE(std::fabs(result - exact), most * ulp)
        << std::hexfloat << what << ": " << result << ", right is " << exact;
}

TEST_P(Range, OfADoubleNextToOthersThatAreShifted) {
    const Results r = run(row(Type::Float64, {524000, 524300}, 1));
    expect_near(Type::Float64, 0x1.245639c3a49f7p-433, r.loss[0], 2, "loss");
    expect_near(Type::Float64, 0x1.245639c3a49f7p-433, r.gradient[0], 4, "other class");
    expect_near(Type::Float64, -0x1.245639c3a49f7p-433, r.gradient[1], 4, "label");
    Request log = row(Type::Float64, {524000, 524300}, 1);
    log.operation = Operation::LogSoftmax;
    log.wants_loss = false;
    expect_near(Type::Float64, -0x1.245639c3a49f7p-433, run(log).gradient[1], 2, "log-softmax");
}

TEST_P(Range, OfScaledLogitsFarOut) {
    Request request = row(Type::Float32, {0x1.fff9b0p+23, 0x1.fff9aep+23, 0x1.fff9acp+23}, 2);
    request.scale = 0x1.15d98de137612p+6;
    expect_near(Type::Float32, 0x1.df60ec8e8ac2ep-95, run(request).gradient[1], 3, "class 1");
}

// A probability that is lost in the type's range, and a factor that brings it back.
TEST_P(Range, OfTinyProbabilitiesTimesGreatScales) {
    Request request = row(Type::Float32, {0, -140, -10}, 0);
    request.grad_scale = 0x1p+80;
    for (const bool in_place : {false, true}) {
        Placement placement;
        if (in_place) placement.gradient = Placement::OnLogits;
        expect_near(Type::Float32, 0x1.040c0a7d2d931p-122, run(request, placement).gradient[1], 3, "class 1");
    }

    Request wide = row(Type::Float64, {-692, 17}, 1);
    wide.grad_scale = 65536;
    const Bits g = run(wide).gradient;
    expect_near(Type::Float64, 0x1.17fcabbc04671p-1007, g[0], 4, "class 0");
    expect_near(Type::Float64, -0x1.17fcabbc04671p-1007, g[1], 4, "label");
}

TEST_P(Range, OfScalesUpToTheTypes) {
    for (const double scale : {0x1p+999, 0x1p+1000, 0x1p+1001, 0x1p+1023}) {
        Request request = row(Type::Float64, {0, 0}, 0);
        request.grad_scale = scale;
        const Bits g = run(request).gradient;
        EXPECT_EQ(value_of(Type::Float64, g[0]), -0.5 * scale);
        EXPECT_EQ(value_of(Type::Float64, g[1]), 0.5 * scale);
    }
}

// Each of the factors, and some of their products, are out of range.
TEST_P(Range, OfFactorsInWhateverOrder) {
    Request request = row(Type::Float64, {1, 1}, 1);
    request.class_weights = {1, 0x1p+1000};
    request.upstream = {bits_of(Type::Float64, 0x1p-900)};
    request.grad_scale = 0x1p-900;
    expect_near(Type::Float64, 0x1p-801, run(request).gradient[0], 4, "tiny, tiny and great");
    request.upstream = {bits_of(Type::Float64, 0x1p+900)};
    request.grad_scale = 0x1p+900;
    request.class_weights = {1, 0x1p-1000};
    expect_near(Type::Float64, 0x1p+799, run(request).gradient[0], 4, "great, great and tiny");
}

TEST_P(Range, OfLogitsWhoseMultiplesAreOutOfRange) {
    for (const double scale : {0.5, 1.0, 2.0}) {
        Request request = row(Type::Float64, {1e308, -1e308, 1e308}, 0);
        request.scale = scale;
        const Results r = run(request);
        EXPECT_EQ(value_of(Type::Float64, r.gradient[0]), -0.5 * scale);
        EXPECT_EQ(value_of(Type::Float64, r.gradient[1]), 0);
        EXPECT_EQ(value_of(Type::Float64, r.gradient[2]), 0.5 * scale);
        expect_near(Type::Float64, 0x1.62e42fefa39efp-1, r.loss[0], 4, "loss");
    }
}

// The parts of what is not subnormal may be.
TEST_P(Range, OfLossesNextToSubnormalNumbersInEveryMode) {
    if (!ScopedFlushToZero::available()) GTEST_SKIP() << "no such mode is known for this compiler and machine";
    Request request = row(Type::Float64, {0, -0x1.61dc7fc8607d5p+9, -0x1.6293c42ef744fp+9}, 0);
    request.wants_totals = true;
    const Results r = run(request);
    expect_near(Type::Float64, 0x1.371155210497ap-1021, r.loss[0], 4, "loss");
    EXPECT_EQ(r.totals.loss, value_of(Type::Float64, r.loss[0]));
    const ScopedFlushToZero scoped;
    expect_same(r, run(request), "flushing to zero");
}

INSTANTIATE_TEST_SUITE_P(, Range, testing::ValuesIn(usable_isas()));

}  // namespace
}  // namespace nxent_test
