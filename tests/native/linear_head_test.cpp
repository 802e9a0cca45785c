// SPDX-License-Identifier: MIT
//
// A linear layer and softmax cross-entropy at once: the bits of the functions for each, one after the other over the rows
// that are not ignored, whatever the workspace holds.
#include <algorithm>
#include <bit>
#include <cmath>

#include "support.h"

namespace nxent_test {
namespace {

constexpr size_t kFeatures = 9, kClasses = 21;
constexpr int32_t kIgnored = -100;

struct Head {
    size_t rows;
    std::vector<float> input, weight, bias, upstream;
    std::vector<int32_t> labels;

    Head(uint64_t seed, size_t n) : rows(n) {
        SplitMix64 random(seed);
        const auto numbers = [&](size_t count) {
            std::vector<float> v(count);
            for (float& x : v) x = static_cast<float>(static_cast<int32_t>(random.next())) * 0x1p-30f;
            return v;
        };
        input = numbers(rows * kFeatures);
        weight = numbers(kClasses * kFeatures);
        bias = numbers(kClasses);
        upstream = numbers(rows);
        for (size_t i = 0; i < rows; ++i)
            labels.push_back(random.below(4) == 0 ? kIgnored : static_cast<int32_t>(random.below(kClasses)));
    }
};

struct Results {
    std::vector<float> input, weight, bias, loss, lse, z_loss;
    nxent_totals totals{};
    explicit Results(size_t rows, float before = 0.5f)
        : input(rows * kFeatures, before),
          weight(kClasses * kFeatures, before),
          bias(kClasses, before),
          loss(rows, before),
          lse(rows, before),
          z_loss(rows, before) {}
};

nxent_linear_args layer(const Head& head, Results& r, std::vector<double>& workspace, bool accumulate) {
    nxent_linear_args args{};
    args.struct_size = sizeof(args);
    args.flags = accumulate ? NXENT_ACCUMULATE : 0;
    args.batch_size = head.rows;
    args.num_features = kFeatures;
    args.num_outputs = kClasses;
    args.input = head.input.data();
    args.weight = head.weight.data();
    args.bias = head.bias.data();
    args.input_grad = r.input.data();
    args.weight_grad = r.weight.data();
    args.bias_grad = r.bias.data();
    args.workspace = workspace.data();
    args.workspace_size = workspace.size() * sizeof(double);
    return args;
}

nxent_softmax_cross_entropy_args loss_of(const Head& head, Results& r, bool ignores) {
    nxent_softmax_cross_entropy_args args{};
    args.struct_size = sizeof(args);
    args.flags = NXENT_COUNT_CORRECT | (ignores ? NXENT_IGNORE_INDEX : 0);
    args.ignore_index = kIgnored;
    args.batch_size = args.row_end = head.rows;
    args.num_classes = kClasses;
    args.targets = head.labels.data();
    args.upstream = head.upstream.data();
    args.loss = r.loss.data();
    args.lse = r.lse.data();
    args.z_loss = r.z_loss.data();
    args.totals = &r.totals;
    args.z_loss_scale = 0.01;
    args.label_smoothing = 0.1;
    args.grad_scale = 0.25;
    return args;
}

Results step_by_step(const Head& head, bool accumulate) {
    Results r(head.rows);
    std::vector<double> workspace(40000);
    std::vector<float> z(head.rows * kClasses);
    nxent_linear_args args = layer(head, r, workspace, false);
    args.output = z.data();
    args.row_end = head.rows;
    args.column_end = kClasses;
    EXPECT_EQ(nxent_linear_forward(&args), NXENT_OK);
    nxent_softmax_cross_entropy_args loss = loss_of(head, r, true);
    loss.logits = loss.grad = z.data();
    EXPECT_EQ(nxent_softmax_cross_entropy(&loss, nullptr), NXENT_OK);
    // The rows that count, next to one another.
    std::vector<float> x, g, dx;
    for (size_t i = 0; i < head.rows; ++i) {
        float* const row = &r.input[i * kFeatures];
        if (head.labels[i] == kIgnored) {
            if (!accumulate) std::fill_n(row, kFeatures, 0.0f);
            continue;
        }
        x.insert(x.end(), &head.input[i * kFeatures], &head.input[i * kFeatures] + kFeatures);
        g.insert(g.end(), &z[i * kClasses], &z[i * kClasses] + kClasses);
        dx.insert(dx.end(), row, row + kFeatures);
    }
    args = layer(head, r, workspace, accumulate);
    args.batch_size = args.row_end = x.size() / kFeatures;
    args.column_end = kFeatures;
    args.input = x.data();
    args.output_grad = g.data();
    args.input_grad = dx.data();
    EXPECT_EQ(nxent_linear_input_gradient(&args), NXENT_OK);
    args.row_end = kClasses;
    EXPECT_EQ(nxent_linear_weight_gradient(&args), NXENT_OK);
    for (size_t i = 0, k = 0; i < head.rows; ++i)
        if (head.labels[i] != kIgnored) std::copy_n(&dx[k++ * kFeatures], kFeatures, &r.input[i * kFeatures]);
    return r;
}

void expect_same(const Results& a, const Results& b, const std::string& where) {
    expect_same_bits(a.loss.data(), b.loss.data(), a.loss.size(), where + ", loss");
    expect_same_bits(a.lse.data(), b.lse.data(), a.lse.size(), where + ", lse");
    expect_same_bits(a.z_loss.data(), b.z_loss.data(), a.z_loss.size(), where + ", z-loss");
    expect_same_bits(a.input.data(), b.input.data(), a.input.size(), where + ", input gradient");
    expect_same_bits(a.weight.data(), b.weight.data(), a.weight.size(), where + ", weight gradient");
    expect_same_bits(a.bias.data(), b.bias.data(), a.bias.size(), where + ", bias gradient");
    EXPECT_NEAR(a.totals.loss, b.totals.loss, 1e-12 * a.totals.loss) << where;
    EXPECT_EQ(a.totals.rows, b.totals.rows) << where;
    EXPECT_EQ(a.totals.correct, b.totals.correct) << where;
}

TEST(LinearHead, BitsAreThoseOfItsSteps) {
    for (const size_t rows : {1, 5, 127, 128, 129, 300, 400, 700})
        for (const bool accumulate : {false, true})
            for (const size_t chunk : {128, 256}) {
                const Head head(rows, rows);
                Results got(rows);
                const size_t size = nxent_linear_softmax_cross_entropy_workspace_size(chunk, kFeatures, kClasses);
                ASSERT_GT(size, 0u);
                std::vector<double> workspace(size / sizeof(double) + 1);
                const nxent_linear_args linear = layer(head, got, workspace, accumulate);
                const nxent_softmax_cross_entropy_args loss = loss_of(head, got, true);
                ASSERT_EQ(nxent_linear_softmax_cross_entropy(&linear, &loss, nullptr), NXENT_OK);
                expect_same(step_by_step(head, accumulate), got,
                            std::to_string(rows) + " rows, chunks of " + std::to_string(chunk));
            }
}

TEST(LinearHead, ArgumentsAreCheckedBeforeAnythingIsWritten) {
    const Head head(3, 6);
    Results r(head.rows, -777);
    std::vector<double> workspace(100000);
    const auto refuse = [&](int32_t status, auto change) {
        nxent_linear_args linear = layer(head, r, workspace, false);
        nxent_softmax_cross_entropy_args loss = loss_of(head, r, true);
        change(linear, loss);
        nxent_label_error error{};
        EXPECT_EQ(nxent_linear_softmax_cross_entropy(&linear, &loss, &error), status) << nxent_status_message(status);
        for (const auto* v : {&r.input, &r.weight, &r.bias, &r.loss, &r.lse, &r.z_loss})
            for (const float x : *v) ASSERT_EQ(x, -777);
    };
    refuse(NXENT_ERROR_STRUCT_SIZE, [](auto& linear, auto&) { linear.struct_size = 8; });
    refuse(NXENT_ERROR_STRUCT_SIZE, [](auto&, auto& loss) { loss.struct_size = 8; });
    refuse(NXENT_ERROR_ELEMENT_TYPE, [](auto& linear, auto&) { linear.input_type = NXENT_FLOAT64; });
    refuse(NXENT_ERROR_ELEMENT_TYPE, [](auto&, auto& loss) { loss.element_type = NXENT_FLOAT64; });
    refuse(NXENT_ERROR_FLAGS, [](auto& linear, auto&) { linear.flags = NXENT_LOG; });
    refuse(NXENT_ERROR_FLAGS, [](auto&, auto& loss) { loss.flags |= NXENT_ACCUMULATE; });
    refuse(NXENT_ERROR_OPTION_CONFLICT, [](auto& linear, auto&) { linear.batch_size = 5; });
    refuse(NXENT_ERROR_OPTION_CONFLICT, [](auto&, auto& loss) { loss.row_begin = 1; });
    refuse(NXENT_ERROR_OPTION_CONFLICT, [&](auto&, auto& loss) { loss.grad = r.input.data(); });
    refuse(NXENT_ERROR_LABEL_RANGE, [](auto&, auto& loss) { loss.ignore_index = 0; });
    refuse(NXENT_ERROR_OPTION_RANGE, [](auto&, auto& loss) { loss.label_smoothing = 2; });
    refuse(NXENT_ERROR_STRIDE, [](auto& linear, auto&) { linear.input_grad_stride = 3; });
    refuse(NXENT_ERROR_NULL_POINTER, [](auto& linear, auto&) { linear.weight = nullptr; });
    refuse(NXENT_ERROR_NULL_POINTER, [](auto& linear, auto&) { linear.workspace = nullptr; });
    refuse(NXENT_ERROR_WORKSPACE, [](auto& linear, auto&) { linear.workspace_size = 1000; });
    refuse(NXENT_ERROR_OVERLAP, [&](auto& linear, auto&) { linear.weight = r.weight.data(); });
    refuse(NXENT_ERROR_OVERLAP, [&](auto&, auto& loss) { loss.loss = r.lse.data(); });
    EXPECT_EQ(nxent_linear_softmax_cross_entropy_workspace_size(100, 1, 1), 0u);
}

// The last row, alone in its chunk, has a loss of -infinity where the others have +infinity.
TEST(LinearHead, ATotalThatIsNaNOverChunksIsTheCanonicalNaN) {
    constexpr size_t rows = 257;
    const std::vector<float> input(rows, 0x1.8p+127f), weight{-2, 1};
    std::vector<float> targets;
    for (size_t i = 0; i < rows; ++i) targets.insert(targets.end(), {i + 1 < rows ? 1.0f : -1.0f, 0});
    std::vector<float> losses(rows);
    std::vector<double> workspace(20000);
    nxent_totals totals{};
    nxent_linear_args linear{};
    linear.struct_size = sizeof linear;
    linear.batch_size = rows;
    linear.num_features = 1;
    linear.num_outputs = 2;
    linear.input = input.data();
    linear.weight = weight.data();
    linear.workspace = workspace.data();
    linear.workspace_size = workspace.size() * sizeof(double);
    nxent_softmax_cross_entropy_args loss{};
    loss.struct_size = sizeof loss;
    loss.target_type = NXENT_DISTRIBUTION;
    loss.batch_size = loss.row_end = rows;
    loss.num_classes = 2;
    loss.targets = targets.data();
    loss.loss = losses.data();
    loss.totals = &totals;
    ASSERT_EQ(nxent_linear_softmax_cross_entropy(&linear, &loss, nullptr), NXENT_OK);
    EXPECT_EQ(losses.front(), HUGE_VALF);
    EXPECT_EQ(losses.back(), -HUGE_VALF);
    EXPECT_EQ(std::bit_cast<uint64_t>(totals.loss), 0x7ff8000000000000u);
}

}  // namespace
}  // namespace nxent_test
