// SPDX-License-Identifier: MIT
//
// Rows without a softmax, gradients that are multiplied with 0, and totals: what comes out where some numbers are not
// finite, of every operation and type, by every way that a row can take.
#include <algorithm>

#include "any_request.h"
#include "support.h"

namespace nxent_test {
namespace {

uint64_t infinity_of(Type type, double sign) { return bits_of(type, std::copysign(HUGE_VAL, sign)); }

// Ways of computing the same rows: groups of few and of many classes, one by one, several blocks, staged positions, parts.
struct Way {
    size_t rows, classes;
    void (*change)(Request&, Placement&);
};
const Way kWays[] = {
    {1, 1, [](Request&, Placement&) {}},
    {20, 3, [](Request&, Placement&) {}},
    {20, 3, [](Request& r, Placement&) { r.softcap = 0x1p+60; }},
    {20, 40, [](Request& r, Placement&) { r.scale = 0.5; }},
    {7, 300, [](Request&, Placement&) {}},
    {7, 300, [](Request& r, Placement&) { r.label_smoothing = 0.1; }},
    {5, 300, [](Request& r, Placement&) { r.before = Bits(r.rows * r.classes, bits_of(r.type, 2)); }},
    {4, 5000, [](Request&, Placement&) {}},
    {4, 5000, [](Request& r, Placement&) { r.scale = 0.5; }},
    {4, 9000, [](Request&, Placement& p) { p.gradient = Placement::OnLogits; }},
    {12, 20, [](Request&, Placement& p) { p.inner = 4; }},
    {4, 4100, [](Request&, Placement& p) { p.inner = 2; }},
    {4, 20000, [](Request& r, Placement&) { r.before = Bits(r.rows * r.classes, bits_of(r.type, 2)); }},
    {2, 9000, [](Request&, Placement& p) { p.cuts = {4096}; }},
};

// Calls visit(request, placement, where) for each way that there is for a type; what is wanted is left to it.
template <class Visit>
void for_each_way(Type type, Visit visit) {
    SplitMix64 random(77);
    for (const Way& way : kWays) {
        Request request = ordinary_request(random, type, way.rows, way.classes);
        for (uint64_t& z : request.logits) z = bits_of(type, 3 * fraction(random));
        Placement placement;
        way.change(request, placement);
        if (!placement.cuts.empty() && type != Type::Float32 && type != Type::Float64) continue;
        visit(request, placement, request.description() + "; " + placement.description());
    }
}

// What each row is made to hold: +infinity or NaN somewhere, or everywhere -infinity.
enum class Kind { Infinite, InfiniteLabel, AllInfinite, Nothing, NaN, NaNLabel, InfiniteAndNaN, NaNAndNothing, kCount };
void fill_lost_row(SplitMix64& random, Kind kind, Type type, uint64_t* row, size_t classes, size_t label) {
    const uint64_t plus = infinity_of(type, 1), minus = infinity_of(type, -1), nan = plus + 1;
    const size_t place = classes == 1 ? 0 : (label + 1 + random.below(classes - 1)) % classes;
    if (kind == Kind::AllInfinite) std::fill_n(row, classes, plus);
    if (kind == Kind::Nothing || kind == Kind::NaNAndNothing) std::fill_n(row, classes, minus);
    if (kind == Kind::Infinite || kind == Kind::InfiniteAndNaN) row[place] = plus;
    if (kind == Kind::InfiniteLabel) row[label] = plus;
    if (kind == Kind::NaN || kind == Kind::NaNAndNothing) row[place] = nan;
    if (kind == Kind::NaNLabel || kind == Kind::InfiniteAndNaN) row[label] = nan;
}
double lse_of(Kind kind) {
    if (kind == Kind::Nothing) return -HUGE_VAL;
    return kind == Kind::Infinite || kind == Kind::InfiniteLabel || kind == Kind::AllInfinite ? HUGE_VAL : NAN;
}

class LostRows : public testing::TestWithParam<Type> {};
std::string name_of_type(const testing::TestParamInfo<Type>& info) { return name_of(info.param); }
INSTANTIATE_TEST_SUITE_P(, LostRows, testing::ValuesIn(kTypes), name_of_type);

TEST_P(LostRows, HaveTheInfiniteLseThatTheyShouldAndNothingElseButNaN) {
    const Type type = GetParam();
    const uint64_t nan = format_of(type).canonical_nan;
    for (const double z_loss_scale : {0.0, 0.5, -2.0})
        for_each_way(type, [&](Request r, const Placement& placement, const std::string& where) {
            SplitMix64 random(r.rows * r.classes);
            // A softcap makes infinities finite.
            const size_t kinds = r.softcap > 0 ? 1 : static_cast<size_t>(Kind::kCount);
            const auto kind_of = [&](size_t i) { return r.softcap > 0 ? Kind::NaN : static_cast<Kind>(i % kinds); };
            for (size_t i = 0; i < r.rows; ++i)
                fill_lost_row(random, kind_of(i), type, &r.logits[i * r.classes], r.classes,
                              static_cast<size_t>(r.labels[i]));
            r.z_loss_scale = z_loss_scale;
            r.wants_lse = r.wants_loss = r.wants_z_loss = true;
            r.counts_correct = r.wants_totals = placement.cuts.empty();
            for (const bool ignored : {false, true}) {
                r.ignores = ignored;
                if (ignored) r.ignore_index = r.labels[0];
                const Results got = run(r, placement);
                for (size_t i = 0; i < r.rows; ++i) {
                    const double lse = lse_of(kind_of(i));
                    const bool counts = !r.ignores || r.labels[i] != r.ignore_index;
                    const std::string here = where + ", row " + std::to_string(i);
                    EXPECT_EQ(got.lse[i], bits_of(type, lse)) << here;
                    EXPECT_EQ(got.loss[i], counts ? nan : 0) << here;
                    EXPECT_EQ(got.z_loss[i], counts ? bits_of(type, z_loss_scale * (lse * lse)) : 0) << here;
                    const uint64_t rest = counts ? nan : r.before.empty() ? 0 : r.before[0];
                    for (size_t j = 0; j < r.classes; ++j) ASSERT_EQ(got.gradient[i * r.classes + j], rest) << here;
                }
                if (r.wants_totals) {
                    EXPECT_EQ(got.totals.correct, 0u) << where;
                    if (got.totals.rows > 0) {
                        EXPECT_EQ(bits_of(Type::Float64, got.totals.loss), format_of(Type::Float64).canonical_nan);
                    }
                }
            }
            if (r.softcap > 0 || r.scale > 0 || r.label_smoothing > 0 || !placement.cuts.empty()) return;
            for (const Operation operation : {Operation::Softmax, Operation::LogSoftmax}) {
                Request forward;
                forward.operation = operation;
                forward.type = type;
                forward.rows = r.rows;
                forward.classes = r.classes;
                forward.logits = r.logits;
                forward.wants_loss = false;
                forward.wants_lse = true;
                const Results got = run(forward, placement);
                for (size_t i = 0; i < r.rows; ++i) EXPECT_EQ(got.lse[i], bits_of(type, lse_of(kind_of(i)))) << where;
                for (const uint64_t y : got.gradient) ASSERT_EQ(y, nan) << where;
            }
        });
}

// NaN of the logits as well as of the targets.
TEST_P(LostRows, AndAllOthersHaveAGradientOf0WhereItIsMultipliedWith0) {
    const Type type = GetParam();
    for_each_way(type, [&](Request r, Placement placement, const std::string& where) {
        SplitMix64 random(r.rows + r.classes);
        r.upstream.assign(r.rows, 0);
        for (size_t i = 0; i < r.rows; ++i) {
            r.upstream[i] = random.one_in(2) ? sign_of(type) : 0;
            if (i % 3 != 0)
                fill_lost_row(random, static_cast<Kind>(random.below(static_cast<size_t>(Kind::kCount))), type,
                              &r.logits[i * r.classes], r.classes, static_cast<size_t>(r.labels[i]));
        }
        r.z_loss_scale = 0.5;
        const uint64_t rest = r.before.empty() ? 0 : r.before[0];
        for (const bool distributions : {false, true}) {
            if (distributions) {
                if (!placement.cuts.empty()) continue;
                r.target_type = NXENT_DISTRIBUTION;
                r.targets = any_request(random, Operation::SigmoidCrossEntropy, type, r.rows * r.classes, 1).targets;
                for (uint64_t& q : r.targets)
                    if (random.one_in(16)) q = infinity_of(type, 1) + random.below(2);
            }
            const Results got = run(r, placement);
            for (size_t k = 0; k < got.gradient.size(); ++k)
                ASSERT_EQ(got.gradient[k], rest) << where << ", element " << k;
        }
    });
}

TEST_P(LostRows, OfASigmoidHaveAGradientOf0WhereItIsMultipliedWith0) {
    const Type type = GetParam();
    SplitMix64 random(3);
    Request r = any_request(random, Operation::SigmoidCrossEntropy, type, 200, 1);
    const Bits specials = special_elements(type);
    for (uint64_t& z : r.logits) z = specials[random.below(specials.size())];
    for (uint64_t& y : r.targets) y = specials[random.below(specials.size())];
    r.wants_gradient = true;
    r.before.clear();
    r.grad_scale = -3;
    r.upstream.assign(r.rows, 0);
    for (uint64_t& g : r.upstream) g = random.one_in(2) ? sign_of(type) : 0;
    for (const uint64_t g : run(r).gradient) EXPECT_EQ(g, 0u);
}

// Largest logits, but results that are NaN for another reason: they do not count.
TEST_P(LostRows, AndRowsWithANaNResultAreNeverCorrect) {
    const Type type = GetParam();
    const uint64_t nan = infinity_of(type, 1) + 1, infinite = infinity_of(type, 1);
    for_each_way(type, [&](Request r, const Placement& placement, const std::string& where) {
        if (!placement.cuts.empty() || r.classes < 2) return;
        for (size_t i = 0; i < r.rows; ++i)
            r.logits[i * r.classes + static_cast<size_t>(r.labels[i])] = bits_of(type, 10);
        r.counts_correct = r.wants_totals = true;
        EXPECT_EQ(run(r, placement).totals.correct, r.rows) << where;
        for (const bool wants_gradient : {true, false}) {
            Request other = r;
            if (!wants_gradient) other.before.clear();
            other.wants_gradient = wants_gradient;
            Placement elsewhere = placement;
            if (!wants_gradient) elsewhere.gradient = Placement::Apart;
            other.upstream.assign(r.rows, bits_of(type, 1));
            other.upstream[0] = nan;
            other.upstream[r.rows - 1] = infinite;
            const uint64_t lost = r.rows == 1 ? 1 : 2;
            EXPECT_EQ(run(other, elsewhere).totals.correct, r.rows - lost) << where << ", upstream";

            other = r;
            if (!wants_gradient) other.before.clear();
            other.wants_gradient = wants_gradient;
            other.target_type = NXENT_DISTRIBUTION;
            other.targets.assign(r.rows * r.classes, 0);
            for (size_t i = 0; i < r.rows; ++i)
                other.targets[i * r.classes + static_cast<size_t>(r.labels[i])] = bits_of(type, 1);
            EXPECT_EQ(run(other, elsewhere).totals.correct, r.rows) << where << ", distributions";
            const size_t class_of_nan = r.labels[0] == 0 ? 1 : 0;
            other.targets[class_of_nan] = nan;
            EXPECT_EQ(run(other, elsewhere).totals.correct, r.rows - 1) << where << ", a target of NaN";
        }
    });
}

// The documented order: of rows one after the other; of the logits of a sigmoid in sixteen lanes, then these as a tree.
double sum_in_lanes(const std::vector<double>& numbers) {
    double lanes[16] = {};
    for (size_t i = 0; i < numbers.size(); ++i) lanes[i % 16] += numbers[i];
    for (size_t half = 8; half > 0; half /= 2)
        for (size_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
    return lanes[0];
}
double sum_in_order(const std::vector<double>& numbers) {
    double sum = 0;
    for (const double x : numbers) sum += x;
    return sum;
}

class SpecialTotals : public testing::TestWithParam<std::tuple<Operation, Type>> {};
INSTANTIATE_TEST_SUITE_P(, SpecialTotals,
                         testing::Combine(testing::Values(Operation::CrossEntropy, Operation::SigmoidCrossEntropy),
                                          testing::ValuesIn(kTypes)),
                         [](const testing::TestParamInfo<std::tuple<Operation, Type>>& info) {
                             return std::string(std::get<0>(info.param) == Operation::CrossEntropy ? "softmax_"
                                                                                                   : "sigmoid_") +
                                    name_of(std::get<1>(info.param));
                         });

// Most rows have an infinite loss of either sign, or NaN, so that sums are NaN for every reason there is.
TEST_P(SpecialTotals, AreCanonicalInTheDocumentedOrderAndTheSameOnEveryInstructionSet) {
    const auto [operation, type] = GetParam();
    const bool sigmoid = operation == Operation::SigmoidCrossEntropy;
    const Bits specials = special_elements(type);
    const uint64_t nan = format_of(Type::Float64).canonical_nan;
    size_t lost = 0, found = 0;
    for (uint64_t seed = 0; seed < swept(300); ++seed) {
        SplitMix64 random(seed);
        Request r = sigmoid ? any_request(random, operation, type, random.length(1, 70), 1)
                            : any_request(random, operation, type, random.length(1, 20), random.length(1, 40));
        r.wants_totals = true;
        r.counts_correct = !sigmoid;
        const size_t odds = 1 + random.below(40);
        const auto spoil = [&](Bits& bits, const Bits& with) {
            for (uint64_t& b : bits)
                if (random.one_in(odds)) b = with[random.below(with.size())];
        };
        // Without NaN now and then, as infinities of both signs make one of their own.
        const Bits infinities = {infinity_of(type, 1), infinity_of(type, -1), bits_of(type, -1), bits_of(type, 2)};
        const Bits& with = random.one_in(3) ? specials : infinities;
        spoil(r.logits, with);
        spoil(r.targets, with);
        spoil(r.weights, with);
        const nxent_totals got = run(r).totals;
        for (const std::string& isa : usable_isas()) {
            const ScopedIsa scoped(isa);
            expect_same_totals(got, run(r).totals, isa + ", " + r.description());
        }
        std::vector<double> losses, z_losses, weights;
        for (size_t i = 0; i < r.rows; ++i) {
            const nxent_totals row = run(row_of(r, i)).totals;
            losses.push_back(row.loss);
            z_losses.push_back(row.z_loss);
            weights.push_back(row.weight);
        }
        const auto expect = [&](const std::vector<double>& numbers, double total, const char* what) {
            const double sum = sigmoid ? sum_in_lanes(numbers) : sum_in_order(numbers);
            EXPECT_EQ(bits_of(Type::Float64, sum), bits_of(Type::Float64, total)) << what << ", " << r.description();
            uint64_t bits;
            std::memcpy(&bits, &total, sizeof bits);
            if (total != total) {
                EXPECT_EQ(bits, nan) << what << ", " << r.description();
            }
            lost += total != total;
            found += total == total;
        };
        expect(losses, got.loss, "loss");
        expect(z_losses, got.z_loss, "z-loss");
        expect(weights, got.weight, "weight");
    }
    EXPECT_GT(lost, 0u);
    EXPECT_GT(found, 0u);
}

}  // namespace
}  // namespace nxent_test
