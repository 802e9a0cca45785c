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

INSTANTIATE_TEST_SUITE_P(, Range, testing::ValuesIn(usable_isas()));

}  // namespace
}  // namespace nxent_test
