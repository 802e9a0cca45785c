// SPDX-License-Identifier: MIT
//
// Every operation with every option on every element type: the same bits on every instruction set, in any layout, alone
// or in a batch, in any range of rows, in any mode for subnormals.
#include <algorithm>
#include <tuple>

#include "any_request.h"
#include "support.h"

namespace nxent_test {
namespace {

bool is_ignored(const Request& request, size_t row) {
    return request.ignores && request.labels[row] == request.ignore_index;
}

class FamilyBits : public testing::TestWithParam<std::tuple<Operation, Type>> {
protected:
    Operation operation() const { return std::get<0>(GetParam()); }
    Type type() const { return std::get<1>(GetParam()); }

    // Calls visit(request, random, where) with so many requests in a normal sweep, of those that are meant.
    template <class Visit>
    void for_any_requests(
        uint64_t seed, size_t count, Visit visit,
        bool (*is_meant)(const Request&) = [](const Request&) { return true; }) {
        SplitMix64 random(seed);
        for (size_t i = 0; i < swept(count) && !HasFailure(); ++i) {
            Request request = any_request(random, operation(), type());
            while (!is_meant(request)) request = any_request(random, operation(), type());
            visit(request, random, "request " + std::to_string(i) + ", " + request.description());
        }
    }
};

// For what only some operations or types have.
class BitsWithAWorkspace : public FamilyBits {};
class BitsOfGroups : public FamilyBits {};
class BitsOfParts : public FamilyBits {};
class BitsOfCrossEntropy : public FamilyBits {};
class BitsOf16BitTypes : public FamilyBits {};
class BitsOfGradients : public FamilyBits {};

TEST_P(FamilyBits, AreTheSameOnEveryInstructionSet) {
    for_any_requests(1, 200, [&](const Request& request, SplitMix64&, const std::string& where) {
        const Results here = run(request);
        for (const std::string& isa : usable_isas()) {
            if (isa == nxent_active_isa()) continue;
            const ScopedIsa scoped(isa);
            expect_same(here, run(request), where + ", " + isa);
        }
    });
}

TEST_P(FamilyBits, AreTheSameWhereverTheArraysLie) {
    for_any_requests(2, 100, [&](const Request& request, SplitMix64& random, const std::string& where) {
        const Results dense = run(request);
        for (int i = 0; i < 4; ++i) {
            const Placement placement = any_placement(random, request);
            expect_same(dense, run(request, placement), where + "; " + placement.description());
        }
    });
}

// So many classes that exponentials are kept in the gradient, in a workspace, or not at all.
TEST_P(BitsWithAWorkspace, AreTheSameWithAWorkspace) {
    SplitMix64 random(5);
    for (size_t i = 0; i < swept(12); ++i) {
        const Request request =
            any_request(random, operation(), type(), 1 + random.below(3), 16385 + random.below(8000));
        const Results without = run(request);
        const size_t needed = (request.classes * (type() == Type::Float64 ? 8 : 4) + 7) / 8;
        for (const size_t size : {needed - 1, needed, 2 * needed - 1, 2 * needed}) {
            Placement placement = any_placement(random, request);
            placement.workspace = size;
            expect_same(without, run(request, placement),
                        "request " + std::to_string(i) + ", " + request.description() + "; " + placement.description());
        }
    }
}

TEST_P(FamilyBits, OfARangeAreThoseOfTheWholeAndNothingElseIsTouched) {
    for_any_requests(3, 50, [&](const Request& request, SplitMix64& random, const std::string& where) {
        const Results whole = run(request);
        Placement placement = any_placement(random, request);
        placement.row_begin = random.below(request.rows + 1);
        placement.row_end = placement.row_begin + random.below(request.rows - placement.row_begin + 1);
        const size_t begin = placement.row_begin, end = placement.row_end;
        const Results part = run(request, placement);
        const auto expect_part = [&](const Bits& of_whole, const Bits& of_part, size_t classes, const char* what) {
            expect_same_bits(rows_of(of_whole, begin, end, classes), rows_of(of_part, begin, end, classes),
                             where + "; " + placement.description() + ", " + what);
        };
        expect_part(whole.gradient, part.gradient, request.classes, "gradient");
        expect_part(whole.loss, part.loss, 1, "loss");
        expect_part(whole.lse, part.lse, 1, "lse");
        expect_part(whole.z_loss, part.z_loss, 1, "z-loss");
    });
}

// A row of a request against the same row computed by itself.
void expect_as_alone(const Request& request, const Results& whole, size_t row, const std::string& where) {
    const Results alone = run(row_of(request, row));
    const std::string here = where + ", row " + std::to_string(row);
    expect_same_bits(rows_of(whole.gradient, row, row + 1, request.classes), alone.gradient, here + ", gradient");
    expect_same_bits(rows_of(whole.loss, row, row + 1, 1), alone.loss, here + ", loss");
    expect_same_bits(rows_of(whole.lse, row, row + 1, 1), alone.lse, here + ", lse");
    expect_same_bits(rows_of(whole.z_loss, row, row + 1, 1), alone.z_loss, here + ", z-loss");
}

TEST_P(FamilyBits, OfARowAreThoseOfItAlone) {
    for_any_requests(4, 50, [&](const Request& request, SplitMix64& random, const std::string& where) {
        const Results whole = run(request);
        for (size_t i = 0; i < std::min<size_t>(request.rows, 4); ++i)
            expect_as_alone(request, whole, random.below(request.rows), where);
    });
}

// The softmax of a cross-entropy's logits.
Request softmax_of(const Request& request) {
    Request softmax;
    softmax.operation = Operation::Softmax;
    softmax.type = request.type;
    softmax.rows = request.rows;
    softmax.classes = request.classes;
    softmax.logits = request.logits;
    softmax.wants_lse = request.wants_lse;
    return softmax;
}

// Rows that have nothing special about them may be computed together.
TEST_P(BitsOfGroups, OfARowAmongAlikeAreThoseOfItAlone) {
    SplitMix64 random(14);
    for (const size_t classes : {1, 2, 3, 4, 5, 7, 8, 10, 16, 17, 18, 20, 33, 64, 100, 127, 128, 129, 300, 600, 2048})
        for (size_t i = 0; i < swept(classes < 200 ? 80 : 12) && !HasFailure(); ++i) {
            Request request = groupable_request(random, type(), 19, classes);
            if (operation() == Operation::Softmax) request = softmax_of(request);
            const Results whole = run(request);
            for (size_t row = 0; row < request.rows; ++row)
                expect_as_alone(request, whole, row, "request " + std::to_string(i) + ", " + request.description());
        }
}

// lse is near 0 here, where the last bit of a sum shows in many of its own.
TEST_P(BitsOfCrossEntropy, LseOfIgnoredRowsAmongOthersIsThatOfThemAlone) {
    SplitMix64 random(12);
    for (const size_t classes : {2, 3, 10, 40, 200}) {
        Request request;
        request.type = type();
        request.rows = 64;
        request.classes = classes;
        request.ignores = request.wants_lse = true;
        request.ignore_index = -1;
        for (size_t i = 0; i < request.rows; ++i) {
            request.labels.push_back(random.one_in(2) ? -1 : static_cast<int64_t>(random.below(classes)));
            for (size_t j = 0; j < classes; ++j)
                request.logits.push_back(
                    bits_of(type(), 0.1 * fraction(random) - std::log(static_cast<double>(classes))));
        }
        const Bits lse = run(request).lse;
        for (size_t i = 0; i < request.rows; ++i)
            expect_same_bits(rows_of(lse, i, i + 1, 1), run(row_of(request, i)).lse,
                             std::to_string(classes) + " classes, row " + std::to_string(i));
    }
}

TEST_P(BitsOfParts, OfARowInPartsAreThoseOfTheWhole) {
    // The last has blocks of another length.
    constexpr size_t kClasses[] = {1, 10, 4095, 4097, 10000, 40000, 1100000};
    SplitMix64 random(11);
    for (const size_t classes : kClasses)
        for (size_t i = 0; i < swept(classes > 1000000 ? 2 : 20) && !HasFailure(); ++i) {
            Request request = any_request(random, operation(), type(), classes > 1000 ? 1 : 3, classes);
            request.target_type = NXENT_LABELS_INT64;
            request.targets.clear();
            if (request.labels.empty())
                for (size_t row = 0; row < request.rows; ++row)
                    request.labels.push_back(static_cast<int64_t>(random.below(classes)));
            request.wants_gradient = true;
            request.counts_correct = false;
            request.before.clear();
            request.label_smoothing = request.softcap = 0;
            Placement placement = any_placement(random, request);
            placement.inner = 1;
            const Results whole = run(request, placement);
            for (size_t k = 0; k < 4; ++k) placement.cuts.push_back(random.below(classes + 1));
            std::sort(placement.cuts.begin(), placement.cuts.end());
            expect_same(whole, run(request, placement), request.description() + "; " + placement.description());
        }
}

// What is asked for beside it changes no result.
TEST_P(FamilyBits, DoNotDependOnWhatElseIsAskedFor) {
    for_any_requests(5, 50, [&](const Request& request, SplitMix64&, const std::string& where) {
        const Results expected = run(request);
        Request other = request;
        const auto expect_same_as_before = [&](const char* what) {
            const Results got = run(other);
            const auto compare = [&](const Bits& a, const Bits& b, const char* name) {
                if (!a.empty() && !b.empty()) expect_same_bits(a, b, where + ", " + what + ": " + name);
            };
            compare(expected.gradient, got.gradient, "gradient");
            compare(expected.loss, got.loss, "loss");
            compare(expected.lse, got.lse, "lse");
            compare(expected.z_loss, got.z_loss, "z-loss");
            if (request.wants_totals && other.wants_totals) {
                nxent_totals totals = got.totals;
                if (!other.counts_correct || !request.counts_correct) totals.correct = expected.totals.correct;
                expect_same_totals(expected.totals, totals, where + ", " + what);
            }
        };
        if (request.operation == Operation::CrossEntropy) {
            other.wants_loss = other.wants_lse = other.wants_z_loss = other.wants_totals = true;
            other.counts_correct = true;
            expect_same_as_before("everything");
            if (!other.wants_gradient) {
                other.wants_gradient = true;
                expect_same_as_before("with the gradient");
            }
            other = request;
            other.wants_loss = other.wants_lse = other.wants_z_loss = other.wants_totals = other.counts_correct = false;
            if (other.wants_gradient) expect_same_as_before("the gradient alone");
            other = request;
            other.wants_gradient = false;
            other.before.clear();
            expect_same_as_before("no gradient");
        } else if (request.operation == Operation::SigmoidCrossEntropy) {
            other.wants_loss = other.wants_totals = true;
            expect_same_as_before("everything");
            other.wants_gradient = false;
            other.before.clear();
            expect_same_as_before("no gradient");
        } else if (request.is_softmax()) {
            other.wants_lse = other.wants_gradient = true;
            expect_same_as_before("everything");
            other.wants_gradient = false;
            expect_same_as_before("lse alone");
        }
    });
}

TEST_P(BitsOf16BitTypes, OfFloat16AndBFloat16AreThoseOfFloat32RoundedOnce) {
    for_any_requests(6, 100, [&](const Request& request, SplitMix64&, const std::string& where) {
        Request wide = request;
        wide.type = Type::Float32;
        for (Bits* bits : {&wide.logits, &wide.targets, &wide.weights, &wide.upstream, &wide.before})
            *bits = converted(type(), *bits, Type::Float32);
        Results expected = run(wide);
        Results got = run(request);
        // What an ignored row is added to keeps its bits.
        for (size_t i = 0; i < got.gradient.size(); ++i)
            if (!request.before.empty() && is_ignored(request, i / request.classes)) {
                EXPECT_EQ(got.gradient[i], request.before[i]) << where;
                got.gradient[i] = expected.gradient[i] = 0;
            }
        for (Bits* bits : {&expected.gradient, &expected.loss, &expected.lse, &expected.z_loss})
            *bits = converted_results(Type::Float32, *bits, type());
        expect_same(expected, got, where);
    });
}

TEST_P(FamilyBits, DoNotDependOnTheModeForSubnormals) {
    if (!ScopedFlushToZero::available()) GTEST_SKIP() << "no such mode is known for this compiler and machine";
    for_any_requests(7, 100, [&](const Request& request, SplitMix64& random, const std::string& where) {
        const Placement placement = any_placement(random, request);
        const Results expected = run(request, placement);
        const Results got = [&] {
            const ScopedFlushToZero scoped;
            return run(request, placement);
        }();
        expect_same(expected, got, where + "; " + placement.description());
    });
}

// No result is −0, subnormal (but of float16), or another NaN than the canonical one.
TEST_P(FamilyBits, AreCanonical) {
    for_any_requests(
        8, 100,
        [&](const Request& request, SplitMix64&, const std::string& where) {
            const Results results = run(request);
            for (const Bits* bits : {&results.gradient, &results.loss, &results.lse, &results.z_loss})
                for (const uint64_t b : *bits) {
                    ASSERT_NE(b, sign_of(type())) << where;
                    ASSERT_TRUE(!is_nan(type(), b) || b == format_of(type()).canonical_nan)
                        << where << ": " << std::hex << b;
                    ASSERT_TRUE(type() == Type::Float16 || !is_subnormal(type(), b)) << where << ": " << std::hex << b;
                }
        },
        [](const Request& request) { return request.before.empty(); });
}

// Overwritten and then added in the precision of the computation: double for float64, float for the others. There, a
// subnormal number counts as 0.
TEST_P(BitsOfGradients, AccumulatedAreThoseOfOverwritingAndAdding) {
    for_any_requests(
        9, 200,
        [&](const Request& request, SplitMix64& random, const std::string& where) {
            const Placement placement = any_placement(random, request);
            const Bits got = run(request, placement).gradient;
            Request overwriting = request;
            overwriting.before.clear();
            if (type() != Type::Float64) {
                overwriting.type = Type::Float32;
                for (Bits* bits :
                     {&overwriting.logits, &overwriting.targets, &overwriting.weights, &overwriting.upstream})
                    *bits = converted(type(), *bits, Type::Float32);
            }
            const Bits added = run(overwriting).gradient;
            const auto flushed = [&](double x) {
                return value_of(overwriting.type, result_bits_of(overwriting.type, x));
            };
            for (size_t k = 0; k < got.size(); ++k) {
                const bool ignored = is_ignored(request, k / request.classes);
                const double before = flushed(value_of(type(), request.before[k]));
                const double sum = flushed(before + value_of(overwriting.type, added[k]));
                const uint64_t wanted = ignored ? request.before[k] : result_bits_of(type(), sum);
                ASSERT_EQ(got[k], wanted)
                    << std::hex << "before " << request.before[k] << " added " << added[k] << std::dec << ", element "
                    << k << ", " << where << "; " << placement.description();
            }
        },
        [](const Request& request) { return !request.before.empty(); });
}

TEST_P(BitsOfCrossEntropy, TotalsAreTheSumsOfTheRowsInTheirOrder) {
    for_any_requests(10, 100, [&](const Request& any, SplitMix64& random, const std::string& where) {
        Request request = any;
        request.wants_totals = request.counts_correct = true;
        Placement placement = any_placement(random, request);
        placement.row_begin = random.below(request.rows);
        nxent_totals sum{};
        for (size_t i = placement.row_begin; i < request.rows; ++i) {
            const nxent_totals row = run(row_of(request, i)).totals;
            sum.loss += row.loss;
            sum.z_loss += row.z_loss;
            sum.weight += row.weight;
            sum.rows += row.rows;
            sum.correct += row.correct;
        }
        expect_same_totals(sum, run(request, placement).totals, where);
    });
}

std::string name(const testing::TestParamInfo<std::tuple<Operation, Type>>& info) {
    std::string text = std::string(name_of(std::get<0>(info.param))) + "_" + name_of(std::get<1>(info.param));
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c == ' ' || c == '-'; }, '_');
    return text;
}
constexpr Operation kWithGradients[] = {Operation::CrossEntropy, Operation::SoftmaxBackward,
                                        Operation::LogSoftmaxBackward, Operation::SigmoidCrossEntropy};
constexpr Type kKernelTypes[] = {Type::Float32, Type::Float64}, k16BitTypes[] = {Type::Float16, Type::BFloat16};
INSTANTIATE_TEST_SUITE_P(, FamilyBits, testing::Combine(testing::ValuesIn(kOperations), testing::ValuesIn(kTypes)),
                         name);
INSTANTIATE_TEST_SUITE_P(, BitsWithAWorkspace,
                         testing::Combine(testing::Values(Operation::CrossEntropy, Operation::Softmax),
                                          testing::ValuesIn(kTypes)),
                         name);
INSTANTIATE_TEST_SUITE_P(, BitsOfGroups,
                         testing::Combine(testing::Values(Operation::CrossEntropy, Operation::Softmax),
                                          testing::ValuesIn(kTypes)),
                         name);
INSTANTIATE_TEST_SUITE_P(, BitsOfParts,
                         testing::Combine(testing::Values(Operation::CrossEntropy), testing::ValuesIn(kKernelTypes)),
                         name);
INSTANTIATE_TEST_SUITE_P(, BitsOfCrossEntropy,
                         testing::Combine(testing::Values(Operation::CrossEntropy), testing::ValuesIn(kTypes)), name);
INSTANTIATE_TEST_SUITE_P(, BitsOf16BitTypes,
                         testing::Combine(testing::ValuesIn(kOperations), testing::ValuesIn(k16BitTypes)), name);
INSTANTIATE_TEST_SUITE_P(, BitsOfGradients,
                         testing::Combine(testing::ValuesIn(kWithGradients), testing::ValuesIn(kTypes)), name);

}  // namespace
}  // namespace nxent_test
