// SPDX-License-Identifier: MIT
//
// Linear layers: every result is the sum that the header describes, to the bit, whatever the shape, the ranges and the
// workspace are; and its error is within the bound.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "guarded_memory.h"
#include "support.h"

namespace nxent_test {
namespace {

enum Operation { kForward = NXENT_LINEAR_FORWARD, kInputGradient, kWeightGradient };
constexpr Operation kOperations[] = {kForward, kInputGradient, kWeightGradient};
const char* const kNames[] = {"forward", "input gradient", "weight gradient"};

constexpr float kUntouched = -777;

int32_t call(Operation operation, const nxent_linear_args& args) {
    switch (operation) {
        case kForward: return nxent_linear_forward(&args);
        case kInputGradient: return nxent_linear_input_gradient(&args);
        default: return nxent_linear_weight_gradient(&args);
    }
}

// What one output is, term by term.
template <class Term>
float chained(float start, size_t terms, Term term) {
    float joined = start + 0.0f;
    for (size_t k = 0; k < terms || k == 0; k += 128) {
        float sum = 0;
        for (size_t i = k; i < std::min(k + 128, terms); ++i) {
            const auto [a, b] = term(i);
            sum = std::fmaf(a, b, sum);
        }
        joined += sum;
    }
    return joined != joined ? float_of(kCanonicalNaN) : joined;
}

struct Pair {
    float a, b;
};

float from_bfloat16(uint16_t bits) { return float_of(static_cast<uint32_t>(bits) << 16); }
float from_half(uint16_t bits) {
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    const float magnitude = exponent == 31  ? (fraction ? NAN : kInfinity)
                            : exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                                            : std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
    return bits & 0x8000 ? -magnitude : magnitude;
}

// A matrix with a gap after each row, in any element type, and the same numbers as floats.
struct Values {
    size_t rows, columns, stride;
    int32_t type;
    std::vector<float> floats;
    std::vector<uint16_t> bits;

    Values(SplitMix64& random, size_t rows_, size_t columns_, size_t gap, int32_t type_, bool special)
        : rows(rows_), columns(columns_), stride(columns_ + gap), type(type_), floats(rows_ * stride) {
        if (type != NXENT_FLOAT32) bits.resize(floats.size());
        for (size_t i = 0; i < floats.size(); ++i) {
            if (type == NXENT_FLOAT32) {
                floats[i] = static_cast<float>(static_cast<int32_t>(random.next())) * 0x1p-31f;
                if (special && random.below(9) == 0) floats[i] = kFiniteSpecials[random.below(kFiniteSpecialCount)];
                if (special && random.below(300) == 0) floats[i] = float_of(kNaNs[random.below(std::size(kNaNs))]);
                if (special && random.below(300) == 0) floats[i] = -kInfinity;
            } else {
                // Any number, but not often an infinity or NaN.
                uint16_t b = static_cast<uint16_t>(random.next());
                if (type == NXENT_FLOAT16 && (b >> 10 & 31) == 31 && random.below(50) != 0) b ^= 0x4000;
                if (type == NXENT_BFLOAT16 && random.below(50) != 0) b = static_cast<uint16_t>((b & 0xbfff) | 0x3800);
                bits[i] = b;
                floats[i] = type == NXENT_FLOAT16 ? from_half(b) : from_bfloat16(b);
            }
        }
    }
    const void* data() const { return type == NXENT_FLOAT32 ? static_cast<const void*>(floats.data()) : bits.data(); }
    float at(size_t i, size_t j) const { return floats[i * stride + j]; }
};

struct Layer {
    size_t rows, features, outputs;
    Values input, weight, output_grad;
    std::vector<float> bias;

    Layer(uint64_t seed, size_t rows_, size_t features_, size_t outputs_, bool special = false,
          int32_t input_type = NXENT_FLOAT32, int32_t weight_type = NXENT_FLOAT32)
        : Layer(SplitMix64(seed), rows_, features_, outputs_, special, input_type, weight_type) {}
    Layer(SplitMix64 random, size_t rows_, size_t features_, size_t outputs_, bool special, int32_t input_type,
          int32_t weight_type)
        : rows(rows_),
          features(features_),
          outputs(outputs_),
          input(random, rows_, features_, random.below(4), input_type, special),
          weight(random, outputs_, features_, random.below(4), weight_type, special),
          output_grad(random, rows_, outputs_, random.below(4), NXENT_FLOAT32, special),
          bias(outputs_) {
        for (float& b : bias) b = random.below(4) == 0 ? -0.0f : static_cast<float>(random.below(100)) * 0x1p-5f;
    }

    size_t result_rows(Operation operation) const { return operation == kWeightGradient ? outputs : rows; }
    size_t result_columns(Operation operation) const { return operation == kForward ? outputs : features; }

    nxent_linear_args args(Operation operation) const {
        nxent_linear_args args{};
        args.struct_size = sizeof(args);
        args.input_type = input.type;
        args.weight_type = weight.type;
        args.batch_size = rows;
        args.num_features = features;
        args.num_outputs = outputs;
        args.row_end = result_rows(operation);
        args.column_end = result_columns(operation);
        args.input = input.data();
        args.input_stride = input.stride;
        args.weight = weight.data();
        args.weight_stride = weight.stride;
        args.output_grad = output_grad.floats.data();
        args.output_grad_stride = output_grad.stride;
        return args;
    }

    Pair term(Operation operation, size_t i, size_t j, size_t k) const {
        switch (operation) {
            case kForward: return {input.at(i, k), weight.at(j, k)};
            case kInputGradient: return {output_grad.at(i, k), weight.at(k, j)};
            default: return {output_grad.at(k, i), input.at(k, j)};
        }
    }
    size_t terms(Operation operation) const {
        return operation == kForward ? features : operation == kInputGradient ? outputs : rows;
    }
};

struct Result {
    size_t rows, columns, stride;
    std::vector<float> matrix, bias;
};

Result empty_result(const Layer& layer, Operation operation, size_t gap, float fill = kUntouched) {
    Result r{layer.result_rows(operation), layer.result_columns(operation), 0, {}, {}};
    r.stride = r.columns + gap;
    r.matrix.assign(r.rows * r.stride, kUntouched);
    for (size_t i = 0; i < r.rows; ++i) std::fill_n(&r.matrix[i * r.stride], r.columns, fill);
    r.bias.assign(layer.outputs, fill);
    return r;
}

Result expected(const Layer& layer, Operation operation, size_t gap, bool bias, bool accumulate, float before) {
    Result r = empty_result(layer, operation, gap, before);
    for (size_t i = 0; i < r.rows; ++i)
        for (size_t j = 0; j < r.columns; ++j) {
            float& c = r.matrix[i * r.stride + j];
            float start = accumulate ? c + 0.0f : 0.0f;
            if (operation == kForward && bias) start += layer.bias[j];
            c = chained(start, layer.terms(operation), [&](size_t k) { return layer.term(operation, i, j, k); });
        }
    if (operation == kWeightGradient && bias && layer.features > 0)
        for (size_t i = 0; i < layer.outputs; ++i)
            r.bias[i] = chained(accumulate ? r.bias[i] : 0.0f, layer.rows, [&](size_t k) {
                return Pair{layer.output_grad.at(k, i), 1.0f};
            });
    return r;
}

void set_result(Operation operation, nxent_linear_args& args, float* matrix, size_t stride, float* bias) {
    switch (operation) {
        case kForward:
            args.output = matrix;
            args.output_stride = stride;
            break;
        case kInputGradient:
            args.input_grad = matrix;
            args.input_grad_stride = stride;
            break;
        default:
            args.weight_grad = matrix;
            args.weight_grad_stride = stride;
            args.bias_grad = bias;
    }
}

enum class Room { Most, Least };

Result computed(const Layer& layer, Operation operation, size_t gap, bool bias, bool accumulate, float before,
                Room room = Room::Most, size_t cuts = 1) {
    Result r = empty_result(layer, operation, gap, before);
    nxent_linear_args args = layer.args(operation);
    args.flags = accumulate ? NXENT_ACCUMULATE : 0;
    args.bias = bias ? layer.bias.data() : nullptr;
    set_result(operation, args, r.matrix.data(), r.stride, bias ? r.bias.data() : nullptr);
    std::vector<float> workspace(
        room == Room::Least
            ? size_t{70000}
            : nxent_linear_workspace_size(operation, layer.rows, layer.features, layer.outputs) / sizeof(float));
    args.workspace = workspace.data();
    args.workspace_size = workspace.size() * sizeof(float);
    for (size_t i = 0; i < cuts; ++i)
        for (size_t j = 0; j < cuts; ++j) {
            args.row_begin = r.rows * i / cuts;
            args.row_end = r.rows * (i + 1) / cuts;
            args.column_begin = r.columns * j / cuts;
            args.column_end = r.columns * (j + 1) / cuts;
            EXPECT_EQ(call(operation, args), NXENT_OK);
        }
    return r;
}

void expect_same(const Result& expected, const Result& got, const std::string& where) {
    expect_same_bits(expected.matrix.data(), got.matrix.data(), expected.matrix.size(), where);
    expect_same_bits(expected.bias.data(), got.bias.data(), expected.bias.size(), where + ", bias");
}

std::string shape_of(const Layer& layer, Operation operation) {
    return std::string(kNames[operation]) + " of " + std::to_string(layer.rows) + " rows, " +
           std::to_string(layer.features) + " features, " + std::to_string(layer.outputs) + " outputs";
}

void check_layer(const Layer& layer, uint64_t turn) {
    for (const Operation operation : kOperations) {
        const bool bias = turn % 2 != 0, accumulate = turn % 3 == 0;
        const float before = turn % 5 == 0 ? -0.0f : 0.375f;
        const Result wanted = expected(layer, operation, turn % 4, bias, accumulate, before);
        const std::string where = shape_of(layer, operation);
        expect_same(wanted, computed(layer, operation, turn % 4, bias, accumulate, before), where);
        expect_same(wanted, computed(layer, operation, turn % 4, bias, accumulate, before, Room::Least),
                    where + ", least workspace");
        expect_same(wanted, computed(layer, operation, turn % 4, bias, accumulate, before, Room::Most, 3),
                    where + ", in parts");
    }
}

TEST(Linear, ResultsAreTheChainsThatTheHeaderDescribes) {
    SplitMix64 random(1);
    uint64_t turn = 0;
    for (size_t n = 1; n <= 40; ++n) {
        check_layer({n, n, 1 + random.below(40), 1 + random.below(40)}, ++turn);
        check_layer({n, 1 + random.below(40), n, 1 + random.below(40)}, ++turn);
        check_layer({n, 1 + random.below(40), 1 + random.below(40), n}, ++turn);
    }
    // Around parts of a sum, and blocks of rows and columns.
    for (const size_t n : {127, 128, 129, 255, 256, 257, 263, 265, 400}) {
        check_layer({n, n, 3, 35}, ++turn);
        check_layer({n, 13, n, 17}, ++turn);
        check_layer({n, 5, 33, n}, ++turn);
    }
    check_layer({7, 270, 130, 70}, ++turn);
    check_layer({8, 20, 140, 1100}, ++turn);
    check_layer({9, 20, 1030, 140}, ++turn);
    check_layer({10, 140, 530, 270}, ++turn);
}

TEST(Linear, SpecialValuesGiveTheSameChains) {
    for (uint64_t turn = 0; turn < 60; ++turn)
        check_layer({100 + turn, 1 + turn % 30, 1 + turn % 37, 1 + turn % 23, true}, turn);
    check_layer({200, 150, 140, 139, true}, 3);
}

TEST(Linear, SixteenBitElementsAreWidenedExactly) {
    for (const int32_t type : {NXENT_FLOAT16, NXENT_BFLOAT16})
        for (uint64_t turn = 0; turn < 40; ++turn) {
            const int32_t other = turn % 3 == 0 ? NXENT_FLOAT32 : type;
            check_layer({300 + turn, 1 + turn, 1 + (7 * turn) % 41, 1 + (11 * turn) % 43, false, type, other}, turn);
            check_layer({400 + turn, 1 + (5 * turn) % 37, 1 + turn, 1 + turn % 35, false, other, type}, turn);
        }
}

TEST(Linear, NoRowsFeaturesOrOutputs) {
    check_layer({1, 0, 5, 5}, 1);
    check_layer({1, 5, 0, 5}, 1);
    check_layer({1, 5, 5, 0}, 1);
    check_layer({1, 5, 0, 5}, 3);
    check_layer({1, 0, 5, 5}, 3);
}

TEST(Linear, ABatchInPartsOf128RowsGivesTheSameWeightGradient) {
    const Layer whole(5, 300, 20, 30);
    const Result at_once = computed(whole, kWeightGradient, 0, true, false, 0);
    Result r = empty_result(whole, kWeightGradient, 0);
    std::vector<float> workspace(70000);
    for (size_t begin = 0; begin < whole.rows; begin += 128) {
        nxent_linear_args args = whole.args(kWeightGradient);
        args.batch_size = std::min<size_t>(128, whole.rows - begin);
        args.input = whole.input.floats.data() + begin * whole.input.stride;
        args.output_grad = whole.output_grad.floats.data() + begin * whole.output_grad.stride;
        args.flags = begin > 0 ? NXENT_ACCUMULATE : 0;
        set_result(kWeightGradient, args, r.matrix.data(), r.stride, r.bias.data());
        args.workspace = workspace.data();
        args.workspace_size = workspace.size() * sizeof(float);
        ASSERT_EQ(nxent_linear_weight_gradient(&args), NXENT_OK);
    }
    expect_same(at_once, r, "in parts of 128 rows");
}

TEST(Linear, ModesForSubnormalNumbersChangeNoBit) {
    if (!ScopedFlushToZero::available()) GTEST_SKIP() << "no such mode is known for this compiler and machine";
    Layer layer(6, 20, 200, 40);
    // Chains that pass through subnormal numbers, and results that are some.
    for (float& x : layer.input.floats) x *= 0x1p-70f;
    for (float& x : layer.weight.floats) x *= 0x1p-66f;
    for (float& x : layer.output_grad.floats) x *= 0x1p-75f;
    layer.output_grad.floats[3] = kDenormal;
    for (const Operation operation : kOperations) {
        const Result wanted = expected(layer, operation, 0, false, false, 0);
        const size_t subnormal = static_cast<size_t>(std::count_if(
            wanted.matrix.begin(), wanted.matrix.end(), [](float x) { return std::fpclassify(x) == FP_SUBNORMAL; }));
        EXPECT_GT(subnormal, 0u) << kNames[operation];
        Result got = empty_result(layer, operation, 0);
        float flushed;
        {
            const ScopedFlushToZero scoped;
            got = computed(layer, operation, 0, false, false, 0);
            volatile float smallest = FLT_MIN;
            flushed = smallest * 0.5f;
        }
        expect_same(wanted, got, kNames[operation]);
        EXPECT_EQ(flushed, 0) << "the caller's mode is as before";
    }
}

TEST(Linear, TouchesNothingOutside) {
    for (const size_t n : {1, 5, 12, 16, 17, 33, 130, 270}) {
        const Layer layer(n, n, n % 40 + 1, n % 50 + 1);
        for (const Operation operation : kOperations)
            for (const Flush flush : kBothEnds) {
                nxent_linear_args args = layer.args(operation);
                const auto placed = [&](const GuardedMemory<float>& memory, const Values& values) {
                    float* p = memory.place(values.rows * values.columns, flush);
                    for (size_t i = 0; i < values.rows; ++i)
                        std::memcpy(p + i * values.columns, &values.floats[i * values.stride],
                                    values.columns * sizeof(float));
                    return p;
                };
                const GuardedMemory<float> input(n * 400), weight(n * 400), output_grad(n * 400), result(n * 400);
                const size_t size = nxent_linear_workspace_size(operation, layer.rows, layer.features, layer.outputs);
                const GuardedMemory<float> workspace(size / sizeof(float)), bias(layer.outputs);
                args.input = placed(input, layer.input);
                args.weight = placed(weight, layer.weight);
                args.output_grad = placed(output_grad, layer.output_grad);
                args.input_stride = args.weight_stride = args.output_grad_stride = 0;
                const Result wanted = expected(layer, operation, 0, false, false, 0);
                float* r = result.place(wanted.matrix.size(), flush);
                float* b = bias.place(layer.outputs, flush);
                std::copy(layer.bias.begin(), layer.bias.end(), b);
                args.bias = nullptr;
                set_result(operation, args, r, 0, b);
                args.workspace = workspace.place(size / sizeof(float), flush);
                args.workspace_size = size;
                ASSERT_EQ(call(operation, args), NXENT_OK);
                expect_same_bits(wanted.matrix.data(), r, wanted.matrix.size(), shape_of(layer, operation));
            }
    }
}

// Sums in twice the precision of double, which hold all that these tests need exactly enough.
struct TwoDoubles {
    double high = 0, low = 0;
    void add(double x) {
        const double sum = high + x, part = sum - high;
        low += (high - (sum - part)) + (x - part);
        high = sum;
    }
};

// Terms of which each rounding goes the same way, as far as that can be had: all positive, and each partial sum just above a
// number that it is rounded down to.
void make_worst(std::vector<float>& a, std::vector<float>& b, SplitMix64& random) {
    float sum = 0;
    for (size_t k = 0; k < a.size(); ++k) {
        if (k % 128 == 0) sum = 0;
        float best = 1, best_error = -1;
        for (int tries = 0; tries < 40; ++tries) {
            const float x = 1.0f + static_cast<float>(random.below(1 << 23)) * 0x1p-23f;
            const double exact = static_cast<double>(x) * 1.25 + static_cast<double>(sum);
            const double error = (exact - static_cast<double>(std::fmaf(x, 1.25f, sum))) / exact;
            if (error > best_error) best = x, best_error = error;
        }
        a[k] = best;
        b[k] = 1.25f;
        sum = std::fmaf(best, 1.25f, sum);
    }
}

TEST(Linear, ErrorsAreWithinTheBoundAtTheWorstInputs) {
    for (const size_t terms : {1, 16, 127, 128, 129, 768, 4096, 20000}) {
        SplitMix64 random(terms);
        for (int turn = 0; turn < 6; ++turn) {
            std::vector<float> a(terms), b(terms);
            if (turn == 0) {
                make_worst(a, b, random);
            } else {
                for (size_t k = 0; k < terms; ++k) {
                    a[k] = static_cast<float>(static_cast<int32_t>(random.next())) * 0x1p-31f;
                    b[k] = static_cast<float>(static_cast<int32_t>(random.next())) * 0x1p-31f;
                    if (turn == 1) a[k] = std::fabs(a[k]), b[k] = std::fabs(b[k]);
                    if (turn == 2 && k % 2) a[k] = -a[k - 1], b[k] = b[k - 1];               // all cancels
                    if (turn == 3) a[k] *= std::ldexp(1.0f, static_cast<int>(k % 60) - 30);  // scales far apart
                }
            }
            float output = 0, bias = turn == 4 ? 3.0f : 0.0f;
            nxent_linear_args args{};
            args.struct_size = sizeof(args);
            args.batch_size = args.num_outputs = args.row_end = args.column_end = 1;
            args.num_features = terms;
            args.input = a.data();
            args.weight = b.data();
            args.bias = &bias;
            args.output = &output;
            std::vector<float> workspace(70000);
            args.workspace = workspace.data();
            args.workspace_size = workspace.size() * sizeof(float);
            ASSERT_EQ(nxent_linear_forward(&args), NXENT_OK);
            TwoDoubles exact;
            double magnitudes = std::fabs(static_cast<double>(bias));
            exact.add(static_cast<double>(bias));
            for (size_t k = 0; k < terms; ++k) {
                const double product = static_cast<double>(a[k]) * static_cast<double>(b[k]);
                exact.add(product);
                magnitudes += std::fabs(product);
            }
            const double error = std::fabs((static_cast<double>(output) - exact.high) - exact.low);
            const double unit = 0x1p-24 * magnitudes;
            const double bound = static_cast<double>(std::min<size_t>(terms, 128) + (terms + 127) / 128 + 1);
            EXPECT_LE(error, bound * unit * (1 + 0x1p-10)) << terms << " terms, turn " << turn;
            // The bound is not far from what happens: else a slip in the sums might hide in it.
            if (turn == 0 && terms == 128) {
                EXPECT_GE(error, 12 * unit);
            }
        }
    }
}

TEST(Linear, ArgumentsAreCheckedBeforeAnythingIsWritten) {
    const Layer layer(9, 6, 7, 8);
    for (const Operation operation : kOperations) {
        Result r = empty_result(layer, operation, 0);
        std::vector<float> workspace(70000);
        nxent_linear_args good = layer.args(operation);
        set_result(operation, good, r.matrix.data(), 0, r.bias.data());
        good.workspace = workspace.data();
        good.workspace_size = workspace.size() * sizeof(float);
        const auto refuse = [&](int32_t status, auto change) {
            nxent_linear_args args = good;
            change(args);
            EXPECT_EQ(call(operation, args), status) << kNames[operation] << ": " << nxent_status_message(status);
            for (const float x : r.matrix) ASSERT_EQ(x, kUntouched);
            for (const float x : r.bias) ASSERT_EQ(x, kUntouched);
        };
        refuse(NXENT_ERROR_STRUCT_SIZE, [](auto& a) { a.struct_size = 8; });
        refuse(NXENT_ERROR_ELEMENT_TYPE, [](auto& a) { a.input_type = NXENT_FLOAT64; });
        refuse(NXENT_ERROR_ELEMENT_TYPE, [](auto& a) { a.weight_type = 4; });
        refuse(NXENT_ERROR_FLAGS, [](auto& a) { a.flags = NXENT_LOG; });
        refuse(NXENT_ERROR_FLAGS, [](auto& a) { a.reserved = 1; });
        refuse(NXENT_ERROR_ROW_RANGE, [](auto& a) { a.row_end = 100; });
        refuse(NXENT_ERROR_ROW_RANGE, [](auto& a) { a.column_end = 100; });
        refuse(NXENT_ERROR_ROW_RANGE, [](auto& a) { a.row_begin = a.row_end + 1; });
        refuse(NXENT_ERROR_STRIDE, [](auto& a) { a.input_stride = a.weight_stride = 3; });
        refuse(NXENT_ERROR_SIZE_OVERFLOW, [](auto& a) { a.input_stride = a.weight_stride = ~size_t{0} / 8; });
        refuse(NXENT_ERROR_NULL_POINTER, [](auto& a) { a.input = a.weight = nullptr; });
        refuse(NXENT_ERROR_NULL_POINTER, [&](auto& a) { set_result(operation, a, nullptr, 0, nullptr); });
        refuse(NXENT_ERROR_NULL_POINTER, [](auto& a) { a.workspace = nullptr; });
        refuse(NXENT_ERROR_MISALIGNED, [](auto& a) { a.input = a.weight = static_cast<const char*>(a.input) + 1; });
        refuse(NXENT_ERROR_MISALIGNED, [](auto& a) { a.workspace = static_cast<char*>(a.workspace) + 2; });
        refuse(NXENT_ERROR_WORKSPACE, [](auto& a) { a.workspace_size = 64; });
        refuse(NXENT_ERROR_OVERLAP, [&](auto& a) { a.input = a.weight = r.matrix.data() + 5; });
        refuse(NXENT_ERROR_OVERLAP, [&](auto& a) { a.workspace = r.matrix.data() + 5; });
        if (operation != kForward) refuse(NXENT_ERROR_OVERLAP, [&](auto& a) { a.output_grad = r.matrix.data() + 5; });
        nxent_linear_args empty{};
        empty.struct_size = sizeof(empty);
        EXPECT_EQ(call(operation, empty), NXENT_OK);
    }
    EXPECT_EQ(nxent_linear_forward(nullptr), NXENT_ERROR_NULL_POINTER);
    EXPECT_EQ(nxent_linear_workspace_size(3, 1, 1, 1), 0u);
}

}  // namespace
}  // namespace nxent_test
