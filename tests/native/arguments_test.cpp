// SPDX-License-Identifier: MIT
//
// Every check of nxent_softmax_cross_entropy, and that a refused call has written nothing.
#include <algorithm>
#include <climits>
#include <cstring>

#include "guarded_memory.h"
#include "support.h"

namespace nxent_test {
namespace {

constexpr size_t kRows = 4;
constexpr size_t kClasses = 10;
constexpr float kUnwritten = -77.0f;

// A sound request to spoil in one place, in memory with room for larger strides.
class Arguments : public testing::Test {
protected:
    Arguments() : logits_(2 * kRows * kClasses), grad_(2 * kRows * kClasses, kUnwritten), loss_(kRows, kUnwritten) {
        for (size_t j = 0; j < logits_.size(); ++j) logits_[j] = static_cast<float>(j % 7);
        args_ = arguments(logits_.data(), labels_, kRows, kClasses, grad_.data());
        args_.loss = loss_.data();
    }

    void expect_refused(nxent_status status) {
        const std::vector<float> logits_before = logits_;
        nxent_label_error error = kNoError;
        EXPECT_EQ(nxent_softmax_cross_entropy(&args_, &error), status);
        EXPECT_EQ(nxent_softmax_cross_entropy(&args_, nullptr), status);
        if (status != NXENT_ERROR_LABEL_RANGE) {
            EXPECT_EQ(error.row, kNoError.row);
            EXPECT_EQ(error.label, kNoError.label);
        }
        expect_nothing_written(logits_before);
        error_ = error;
    }

    void expect_nothing_written(const std::vector<float>& logits_before) {
        for (const float g : grad_) ASSERT_EQ(g, kUnwritten);
        for (const float l : loss_) ASSERT_EQ(l, kUnwritten);
        expect_same_bits(logits_before.data(), logits_.data(), logits_.size(), "logits");
    }

    void expect_accepted() {
        nxent_label_error error = kNoError;
        EXPECT_EQ(nxent_softmax_cross_entropy(&args_, &error), NXENT_OK);
        EXPECT_EQ(error.row, kNoError.row);
        EXPECT_EQ(error.label, kNoError.label);
    }

    static constexpr nxent_label_error kNoError{12345, -54321};
    std::vector<float> logits_, grad_, loss_;
    int32_t labels_[kRows] = {0, 9, 4, 5};
    nxent_softmax_cross_entropy_args args_;
    nxent_label_error error_;
};

template <class T>
T* moved_by_bytes(T* p, ptrdiff_t bytes) {
    return reinterpret_cast<T*>(reinterpret_cast<uintptr_t>(p) + static_cast<uintptr_t>(bytes));
}

// An address that no program has, for requests that are refused before any memory is touched.
template <class T>
T* far_away(uint64_t address) {
    return reinterpret_cast<T*>(static_cast<uintptr_t>(address));
}

TEST_F(Arguments, SoundOnesAreAccepted) {
    expect_accepted();
    for (size_t j = 0; j < kRows * kClasses; ++j) EXPECT_NE(grad_[j], kUnwritten);
    for (size_t j = kRows * kClasses; j < grad_.size(); ++j) EXPECT_EQ(grad_[j], kUnwritten);
    for (const float l : loss_) EXPECT_NE(l, kUnwritten);
}

TEST_F(Arguments, NullArgsAreRefused) {
    nxent_label_error error = kNoError;
    EXPECT_EQ(nxent_softmax_cross_entropy(nullptr, &error), NXENT_ERROR_NULL_POINTER);
    EXPECT_EQ(error.row, kNoError.row);
    EXPECT_EQ(error.label, kNoError.label);
}

TEST_F(Arguments, NullLogitsAreRefused) {
    args_.logits = nullptr;
    expect_refused(NXENT_ERROR_NULL_POINTER);
}

TEST_F(Arguments, NullLabelsAreRefused) {
    args_.targets = nullptr;
    expect_refused(NXENT_ERROR_NULL_POINTER);
}

TEST_F(Arguments, NullGradMeansNoGradient) {
    expect_accepted();
    const std::vector<float> loss = loss_;
    grad_.assign(grad_.size(), kUnwritten);
    loss_.assign(loss_.size(), kUnwritten);
    args_.grad = nullptr;
    expect_accepted();
    for (const float g : grad_) EXPECT_EQ(g, kUnwritten);
    expect_same_bits(loss.data(), loss_.data(), kRows, "loss");
}

TEST_F(Arguments, NullLossMeansNoLoss) {
    args_.loss = nullptr;
    expect_accepted();
    for (const float l : loss_) EXPECT_EQ(l, kUnwritten);
}

TEST_F(Arguments, NullLabelErrorIsAllowed) {
    EXPECT_EQ(nxent_softmax_cross_entropy(&args_, nullptr), NXENT_OK);
    labels_[2] = -1;
    EXPECT_EQ(nxent_softmax_cross_entropy(&args_, nullptr), NXENT_ERROR_LABEL_RANGE);
}

TEST_F(Arguments, EmptyRowRangeAllowsNullPointersAndWritesNothing) {
    const std::vector<float> logits_before = logits_;
    for (const size_t row : {size_t{0}, size_t{2}, kRows}) {
        args_.row_begin = args_.row_end = row;
        expect_accepted();
        expect_nothing_written(logits_before);
    }
    nxent_softmax_cross_entropy_args empty{};
    empty.struct_size = sizeof(empty);
    EXPECT_EQ(nxent_softmax_cross_entropy(&empty, nullptr), NXENT_OK);
    empty.num_classes = 5;
    EXPECT_EQ(nxent_softmax_cross_entropy(&empty, nullptr), NXENT_OK);
    empty.batch_size = 3;
    empty.row_begin = empty.row_end = 3;
    EXPECT_EQ(nxent_softmax_cross_entropy(&empty, nullptr), NXENT_OK);
}

TEST_F(Arguments, SmallerStructSizeIsRefused) {
    for (const size_t size : {size_t{0}, size_t{1}, sizeof(size_t), sizeof(args_) - 1}) {
        args_.struct_size = size;
        expect_refused(NXENT_ERROR_STRUCT_SIZE);
    }
}

// Only struct_size may be read of a structure that is too small.
TEST_F(Arguments, SmallerStructIsNotReadPastItsSize) {
    const GuardedMemory<size_t> memory(1);
    size_t* alone = memory.place(1, Flush::End);
    *alone = sizeof(*alone);
    EXPECT_EQ(nxent_softmax_cross_entropy(reinterpret_cast<const nxent_softmax_cross_entropy_args*>(alone), nullptr),
              NXENT_ERROR_STRUCT_SIZE);
}

TEST_F(Arguments, LargerStructSizeIsAcceptedWhereItsFurtherBytesAreZero) {
    struct Newer {
        nxent_softmax_cross_entropy_args args;
        unsigned char more[40];
    } newer;
    std::memset(&newer, 0, sizeof(newer));
    newer.args = args_;
    for (const size_t extra : {1, 7, 8, 39, 40}) {
        newer.args.struct_size = sizeof(args_) + extra;
        EXPECT_EQ(nxent_softmax_cross_entropy(&newer.args, nullptr), NXENT_OK) << extra;
    }
    grad_.assign(grad_.size(), kUnwritten);
    loss_.assign(loss_.size(), kUnwritten);
    const std::vector<float> logits_before = logits_;
    newer.args.struct_size = sizeof(newer);
    for (size_t i = 0; i < sizeof(newer.more); ++i) {
        newer.more[i] = 1;
        EXPECT_EQ(nxent_softmax_cross_entropy(&newer.args, nullptr), NXENT_ERROR_STRUCT_SIZE) << "byte " << i;
        newer.more[i] = 0;
    }
    expect_nothing_written(logits_before);
    // A byte past struct_size is nobody's business.
    newer.args.struct_size = sizeof(args_) + 8;
    newer.more[8] = 1;
    EXPECT_EQ(nxent_softmax_cross_entropy(&newer.args, nullptr), NXENT_OK);
}

TEST_F(Arguments, MisalignedArgsAreRefused) {
    alignas(nxent_softmax_cross_entropy_args) unsigned char room[sizeof(args_) + 8];
    std::memcpy(room + 4, &args_, sizeof(args_));
    const std::vector<float> logits_before = logits_;
    EXPECT_EQ(
        nxent_softmax_cross_entropy(
            reinterpret_cast<const nxent_softmax_cross_entropy_args*>(reinterpret_cast<uintptr_t>(room) + 4), nullptr),
        NXENT_ERROR_MISALIGNED);
    expect_nothing_written(logits_before);
}

TEST_F(Arguments, MisalignedLogitsAreRefused) {
    for (const int bytes : {1, 2, 3}) {
        args_.logits = moved_by_bytes(logits_.data(), bytes);
        expect_refused(NXENT_ERROR_MISALIGNED);
    }
}

TEST_F(Arguments, MisalignedLabelsAreRefused) {
    for (const int bytes : {1, 2, 3}) {
        args_.targets = moved_by_bytes(labels_, bytes);
        expect_refused(NXENT_ERROR_MISALIGNED);
    }
}

TEST_F(Arguments, MisalignedGradIsRefused) {
    for (const int bytes : {1, 2, 3}) {
        args_.grad = moved_by_bytes(grad_.data(), bytes);
        expect_refused(NXENT_ERROR_MISALIGNED);
    }
}

TEST_F(Arguments, MisalignedLossIsRefused) {
    for (const int bytes : {1, 2, 3}) {
        args_.loss = moved_by_bytes(loss_.data(), bytes);
        expect_refused(NXENT_ERROR_MISALIGNED);
    }
}

TEST_F(Arguments, LogitsStrideBelowTheClassesIsRefused) {
    for (const size_t stride : {size_t{1}, kClasses - 1}) {
        args_.logits_stride = stride;
        expect_refused(NXENT_ERROR_STRIDE);
    }
}

TEST_F(Arguments, GradStrideBelowTheClassesIsRefused) {
    for (const size_t stride : {size_t{1}, kClasses - 1}) {
        args_.grad_stride = stride;
        expect_refused(NXENT_ERROR_STRIDE);
    }
}

TEST_F(Arguments, StrideOfZeroAndOfTheClassesAreTheSame) {
    expect_accepted();
    const std::vector<float> dense = grad_;
    args_.logits_stride = args_.grad_stride = kClasses;
    expect_accepted();
    expect_same_bits(dense.data(), grad_.data(), grad_.size(), "stride equal to the classes");
    args_.grad_stride = kClasses + 3;
    expect_accepted();
    expect_same_bits(&dense[kClasses], &grad_[kClasses + 3], kClasses, "second row");
}

TEST_F(Arguments, RowRangeOutsideTheBatchIsRefused) {
    const size_t ranges[][2] = {{0, kRows + 1}, {kRows, kRows + 1}, {kRows + 1, kRows + 1}, {3, 2},
                                {1, 0},         {SIZE_MAX, 0},      {0, SIZE_MAX},          {SIZE_MAX, SIZE_MAX}};
    for (const auto& range : ranges) {
        args_.row_begin = range[0];
        args_.row_end = range[1];
        SCOPED_TRACE(std::to_string(range[0]) + " to " + std::to_string(range[1]));
        expect_refused(NXENT_ERROR_ROW_RANGE);
    }
}

TEST_F(Arguments, FirstBadLabelOfTheRangeIsReported) {
    for (const int32_t bad : {-1, INT32_MIN, static_cast<int32_t>(kClasses), INT32_MAX})
        for (size_t row = 0; row < kRows; ++row) {
            int32_t kept[kRows];
            std::memcpy(kept, labels_, sizeof(kept));
            labels_[row] = bad;
            if (row + 1 < kRows) labels_[row + 1] = -99;  // not the first
            expect_refused(NXENT_ERROR_LABEL_RANGE);
            EXPECT_EQ(error_.row, row);
            EXPECT_EQ(error_.label, bad);
            std::memcpy(labels_, kept, sizeof(kept));
        }
}

TEST_F(Arguments, BadLabelOutsideTheRangeDoesNotMatter) {
    labels_[0] = -1;
    labels_[3] = 10;
    args_.row_begin = 1;
    args_.row_end = 3;
    expect_accepted();
    args_.row_end = 4;
    grad_.assign(grad_.size(), kUnwritten);
    loss_.assign(loss_.size(), kUnwritten);
    expect_refused(NXENT_ERROR_LABEL_RANGE);
    EXPECT_EQ(error_.row, 3u);
    EXPECT_EQ(error_.label, 10);
}

TEST_F(Arguments, NoClassesLeaveNoLabelInRange) {
    args_.num_classes = 0;
    expect_refused(NXENT_ERROR_LABEL_RANGE);
    EXPECT_EQ(error_.row, 0u);
    EXPECT_EQ(error_.label, 0);
}

TEST_F(Arguments, SizesBeyondTheAddressSpaceAreRefused) {
    struct Sizes {
        size_t rows, classes, logits_stride, grad_stride;
    };
    constexpr size_t kMost = SIZE_MAX / sizeof(float);
    for (const Sizes& sizes : {
             Sizes{1, SIZE_MAX, 0, 0},
             Sizes{1, kMost + 1, 0, 0},
             Sizes{1, kMost, 0, 0},  // fits only at address 0
             Sizes{SIZE_MAX, 1, 0, 0},
             Sizes{kMost + 1, 1, 0, 0},
             Sizes{size_t{1} << 32, size_t{1} << 32, 0, 0},        // the product is 2^64
             Sizes{size_t{1} << 32, (size_t{1} << 30) + 1, 0, 0},  // the product in bytes wraps to little
             Sizes{3, kClasses, SIZE_MAX, 0},
             Sizes{3, kClasses, 0, SIZE_MAX},
             Sizes{3, kClasses, (size_t{1} << 63) + 5, 0},  // twice the stride wraps to 10
             Sizes{3, kClasses, 0, (size_t{1} << 61) + 5},  // twice the stride in bytes wraps
             Sizes{2, kClasses, kMost, 0},
         }) {
        args_.batch_size = sizes.rows;
        args_.num_classes = sizes.classes;
        args_.row_end = 1;
        args_.logits_stride = sizes.logits_stride;
        args_.grad_stride = sizes.grad_stride;
        SCOPED_TRACE(std::to_string(sizes.rows) + " rows of " + std::to_string(sizes.classes) + ", strides " +
                     std::to_string(sizes.logits_stride) + " and " + std::to_string(sizes.grad_stride));
        expect_refused(NXENT_ERROR_SIZE_OVERFLOW);
    }
}

TEST_F(Arguments, StrideOfASingleRowNeedsNoMemory) {
    args_.batch_size = args_.row_end = 1;
    args_.logits_stride = args_.grad_stride = SIZE_MAX;
    expect_accepted();
    EXPECT_NE(grad_[kClasses - 1], kUnwritten);
}

// 2^40 elements, by their addresses alone: a check in 32 bits, or in int, would come to other answers.
TEST_F(Arguments, ExtentsBeyond2To31ElementsAreCheckedInFull) {
    constexpr size_t kSide = size_t{1} << 20;
    constexpr uint64_t kBytes = uint64_t{kSide} * kSide * sizeof(float);
    constexpr uint64_t kLogits = uint64_t{1} << 48;
    int32_t bad_label = -3;
    const auto status_of = [&](uint64_t grad) {
        nxent_softmax_cross_entropy_args args =
            arguments(far_away<const float>(kLogits), &bad_label, kSide, kSide, far_away<float>(grad));
        args.row_end = 1;
        nxent_label_error error = kNoError;
        return nxent_softmax_cross_entropy(&args, &error);
    };
    // What is sound gets as far as the label, the last check before any work.
    EXPECT_EQ(status_of(kLogits), NXENT_ERROR_LABEL_RANGE);
    EXPECT_EQ(status_of(kLogits + kBytes), NXENT_ERROR_LABEL_RANGE);
    EXPECT_EQ(status_of(kLogits - kBytes), NXENT_ERROR_LABEL_RANGE);
    EXPECT_EQ(status_of(kLogits + kBytes - 4), NXENT_ERROR_OVERLAP);
    EXPECT_EQ(status_of(kLogits - kBytes + 4), NXENT_ERROR_OVERLAP);
    EXPECT_EQ(status_of(kLogits + (uint64_t{1} << 32)), NXENT_ERROR_OVERLAP);
    EXPECT_EQ(status_of(kLogits + (uint64_t{1} << 34)), NXENT_ERROR_OVERLAP);

    // A row near the end of 2^33 rows, all but that one's label far away.
    constexpr size_t kManyRows = size_t{1} << 33;
    const uint64_t labels = reinterpret_cast<uintptr_t>(&bad_label) - (kManyRows - 2) * sizeof(int32_t);
    nxent_softmax_cross_entropy_args args = arguments(far_away<const float>(kLogits), far_away<const int32_t>(labels),
                                                      kManyRows, 2, far_away<float>(2 * kLogits));
    args.row_begin = kManyRows - 2;
    args.row_end = kManyRows - 1;
    nxent_label_error error = kNoError;
    EXPECT_EQ(nxent_softmax_cross_entropy(&args, &error), NXENT_ERROR_LABEL_RANGE);
    EXPECT_EQ(error.row, kManyRows - 2);
    EXPECT_EQ(error.label, -3);

    // Nor is there anything to do in an empty range, however large the batch.
    args.row_end = args.row_begin;
    EXPECT_EQ(nxent_softmax_cross_entropy(&args, nullptr), NXENT_OK);
}

TEST_F(Arguments, ExtentsThatEndAtTheTopOfTheAddressSpaceAreNotTooLarge) {
    int32_t bad_label = -3;
    const uint64_t top = ~uint64_t{0} - 4 * sizeof(float) + 1;  // one past the last byte is address 0
    nxent_softmax_cross_entropy_args args =
        arguments(far_away<const float>(top - 64), &bad_label, 1, 4, far_away<float>(top - 32));
    EXPECT_EQ(nxent_softmax_cross_entropy(&args, nullptr), NXENT_ERROR_LABEL_RANGE);
    args.num_classes = 1000;
    EXPECT_EQ(nxent_softmax_cross_entropy(&args, nullptr), NXENT_ERROR_SIZE_OVERFLOW);
}

TEST_F(Arguments, GradInPlaceWithTheSameStrideIsAccepted) {
    expect_accepted();
    const std::vector<float> expected = grad_;
    for (const size_t stride : {size_t{0}, kClasses}) {
        std::vector<float> kept = logits_;
        args_.grad = logits_.data();
        args_.grad_stride = stride;  // 0 and the number of classes are the same stride
        expect_accepted();
        expect_same_bits(expected.data(), logits_.data(), kRows * kClasses, "in place");
        logits_ = kept;
    }
}

TEST_F(Arguments, GradInPlaceWithAnotherStrideIsRefused) {
    args_.grad = logits_.data();
    args_.grad_stride = kClasses + 1;
    expect_refused(NXENT_ERROR_OVERLAP);
    args_.grad_stride = 0;
    args_.logits_stride = kClasses + 1;
    expect_refused(NXENT_ERROR_OVERLAP);
}

TEST_F(Arguments, GradThatOverlapsTheLogitsInPartIsRefused) {
    for (const ptrdiff_t elements : {1, 3, 10, 39}) {
        args_.grad = logits_.data() + elements;
        expect_refused(NXENT_ERROR_OVERLAP);
        args_.grad = logits_.data();
        args_.logits = logits_.data() + elements;
        expect_refused(NXENT_ERROR_OVERLAP);
        args_.logits = logits_.data();
    }
}

TEST_F(Arguments, GradBesideTheLogitsIsAccepted) {
    args_.grad = logits_.data() + kRows * kClasses;
    expect_accepted();
    args_.logits = logits_.data() + kRows * kClasses;
    args_.grad = logits_.data();
    expect_accepted();
}

// All pointers describe the whole batch: an overlap of rows outside the range is one too.
TEST_F(Arguments, OverlapOutsideTheRowRangeIsRefused) {
    args_.row_end = 1;
    args_.grad = logits_.data() + (kRows - 1) * kClasses;
    expect_refused(NXENT_ERROR_OVERLAP);
}

TEST_F(Arguments, GradThatOverlapsTheLabelsIsRefused) {
    std::vector<int32_t> both(kRows * kClasses + 2 * kRows, 1);
    float* floats = reinterpret_cast<float*>(both.data());
    args_.targets = both.data() + kRows;
    args_.grad = floats + 1;
    expect_refused(NXENT_ERROR_OVERLAP);
    args_.grad = floats + 2 * kRows - 1;
    expect_refused(NXENT_ERROR_OVERLAP);
    for (const int32_t label : both) EXPECT_EQ(label, 1);
    args_.grad = floats + 2 * kRows;
    expect_accepted();
}

TEST_F(Arguments, LossThatOverlapsTheLogitsIsRefused) {
    for (const size_t element : {size_t{0}, size_t{5}, kRows * kClasses - 1}) {
        args_.loss = logits_.data() + element;
        expect_refused(NXENT_ERROR_OVERLAP);
    }
    args_.loss = logits_.data() + kRows * kClasses;
    expect_accepted();
}

TEST_F(Arguments, LossThatOverlapsTheLabelsIsRefused) {
    args_.loss = reinterpret_cast<float*>(labels_);
    expect_refused(NXENT_ERROR_OVERLAP);
    EXPECT_EQ(labels_[1], 9);
}

TEST_F(Arguments, LossThatOverlapsTheGradIsRefused) {
    for (const size_t element : {size_t{0}, size_t{5}, kRows * kClasses - 1}) {
        args_.loss = grad_.data() + element;
        expect_refused(NXENT_ERROR_OVERLAP);
    }
    args_.loss = grad_.data() + kRows * kClasses;
    expect_accepted();
}

TEST_F(Arguments, MisalignedWorkspaceIsRefused) {
    double workspace[2];
    args_.workspace_size = sizeof(double);
    for (const int bytes : {1, 2, 4}) {
        args_.workspace = moved_by_bytes(workspace, bytes);
        expect_refused(NXENT_ERROR_MISALIGNED);
    }
    args_.workspace = workspace;
    expect_accepted();
}

TEST_F(Arguments, WorkspaceThatOverlapsAnotherArrayIsRefused) {
    double workspace[8];
    args_.workspace = workspace;
    args_.workspace_size = sizeof(workspace);
    args_.loss = reinterpret_cast<float*>(workspace + 7) + 1;
    expect_refused(NXENT_ERROR_OVERLAP);
    args_.loss = loss_.data();
    args_.class_weights = workspace + 7;
    expect_refused(NXENT_ERROR_OVERLAP);
    args_.class_weights = nullptr;
    args_.workspace = nullptr;
    expect_accepted();
}

TEST_F(Arguments, WorkspaceTooLargeForTheAddressSpaceIsRefused) {
    double workspace;
    args_.workspace = &workspace;
    args_.workspace_size = SIZE_MAX;
    expect_refused(NXENT_ERROR_SIZE_OVERFLOW);
}

TEST(Workspace, OfASoftmaxIsCheckedAsWell) {
    const float logits[4] = {1, 2, 3, 4};
    float output[4] = {}, lse[2] = {};
    double workspace[2];
    nxent_softmax_args args{};
    args.struct_size = sizeof(args);
    args.batch_size = args.row_end = 2;
    args.num_classes = 2;
    args.logits = logits;
    args.output = output;
    args.lse = lse;
    args.workspace = moved_by_bytes(workspace, 4);
    args.workspace_size = sizeof(double);
    EXPECT_EQ(nxent_softmax(&args), NXENT_ERROR_MISALIGNED);
    args.workspace = workspace;
    args.workspace_size = sizeof(workspace);
    for (float* const output_inside : {reinterpret_cast<float*>(workspace), reinterpret_cast<float*>(workspace) + 3}) {
        args.output = output_inside;
        EXPECT_EQ(nxent_softmax(&args), NXENT_ERROR_OVERLAP);
    }
    args.output = output;
    args.lse = reinterpret_cast<float*>(workspace) + 3;
    EXPECT_EQ(nxent_softmax(&args), NXENT_ERROR_OVERLAP);
    for (const float p : output) EXPECT_EQ(p, 0);
    args.lse = lse;
    EXPECT_EQ(nxent_softmax(&args), NXENT_OK);
    EXPECT_GT(output[0], 0);
}

// It is worth asking for: half-precision gradients of so many classes cannot keep the exponentials.
TEST(Workspace, IsUsedWhereItIsLargeEnough) {
    constexpr size_t kMany = 16385;
    const std::vector<uint16_t> logits(kMany);
    std::vector<uint16_t> grad(kMany);
    const int32_t label = 3;
    std::vector<double> workspace(kMany / 2 + 1);
    nxent_softmax_cross_entropy_args args = arguments(nullptr, &label, 1, kMany, nullptr);
    args.element_type = NXENT_BFLOAT16;
    args.logits = logits.data();
    args.grad = grad.data();
    args.workspace = workspace.data();
    args.workspace_size = 4 * kMany - 1;
    ASSERT_EQ(nxent_softmax_cross_entropy(&args, nullptr), NXENT_OK);
    const std::vector<uint16_t> without = grad;
    for (const double x : workspace) ASSERT_EQ(x, 0);
    args.workspace_size = 4 * kMany;
    ASSERT_EQ(nxent_softmax_cross_entropy(&args, nullptr), NXENT_OK);
    EXPECT_EQ(grad, without);
    EXPECT_NE(workspace[0], 0);
    EXPECT_NE(workspace[kMany / 2 - 1], 0);
}

// A sound part of a row, to spoil in one place.
class PartArguments : public Arguments {
protected:
    PartArguments() : row_sums_(NXENT_ROW_SUMS, kUnwritten) {
        args_.row_begin = 1;
        args_.row_end = 2;
        part_.struct_size = sizeof(part_);
        part_.class_end = kClasses;
        part_.row_sums = row_sums_.data();
    }

    void expect_part_refused(nxent_status status) {
        const std::vector<float> logits_before = logits_;
        nxent_label_error error = kNoError;
        EXPECT_EQ(nxent_softmax_cross_entropy_part(&args_, &part_, &error), status);
        EXPECT_EQ(error.row, status == NXENT_ERROR_LABEL_RANGE ? 1 : kNoError.row);
        expect_nothing_written(logits_before);
        for (const double x : row_sums_) ASSERT_EQ(x, kUnwritten);
    }

    std::vector<double> row_sums_;
    nxent_row_part part_{};
};

TEST_F(PartArguments, SoundOnesGiveTheRow) {
    for (const auto pass : {NXENT_PASS_SUMS, NXENT_PASS_GRADIENT}) {
        part_.pass = pass;
        ASSERT_EQ(nxent_softmax_cross_entropy_part(&args_, &part_, nullptr), NXENT_OK);
    }
    const std::vector<float> grad = grad_, loss = loss_;
    grad_.assign(grad_.size(), kUnwritten);
    loss_.assign(loss_.size(), kUnwritten);
    expect_accepted();
    expect_same_bits(grad_.data(), grad.data(), grad.size(), "grad");
    expect_same_bits(loss_.data(), loss.data(), loss.size(), "loss");
}

TEST_F(PartArguments, ArgsAreCheckedAsForAWholeRow) {
    labels_[1] = kClasses;
    expect_part_refused(NXENT_ERROR_LABEL_RANGE);
    labels_[1] = 0;
    args_.logits_stride = kClasses - 1;
    expect_part_refused(NXENT_ERROR_STRIDE);
    args_.logits_stride = kClasses;
    args_.logits = nullptr;
    expect_part_refused(NXENT_ERROR_NULL_POINTER);
}

TEST_F(PartArguments, NullIsRefused) {
    EXPECT_EQ(nxent_softmax_cross_entropy_part(&args_, nullptr, nullptr), NXENT_ERROR_NULL_POINTER);
    EXPECT_EQ(nxent_softmax_cross_entropy_part(nullptr, &part_, nullptr), NXENT_ERROR_NULL_POINTER);
    part_.row_sums = nullptr;
    expect_part_refused(NXENT_ERROR_NULL_POINTER);
    part_.row_sums = row_sums_.data();
    args_.grad = nullptr;
    expect_part_refused(NXENT_ERROR_NULL_POINTER);
}

TEST_F(PartArguments, OtherStructuresPassesAndReservedFieldsAreRefused) {
    part_.struct_size = sizeof(part_) - 1;
    expect_part_refused(NXENT_ERROR_STRUCT_SIZE);
    part_.struct_size = sizeof(part_);
    part_.pass = NXENT_PASS_GRADIENT + 1;
    expect_part_refused(NXENT_ERROR_FLAGS);
    part_.pass = -1;
    expect_part_refused(NXENT_ERROR_FLAGS);
    part_.pass = NXENT_PASS_SUMS;
    part_.reserved = 1;
    expect_part_refused(NXENT_ERROR_FLAGS);
}

TEST_F(PartArguments, AnythingButOneRowAndClassesOfItIsRefused) {
    args_.row_end = 3;
    expect_part_refused(NXENT_ERROR_ROW_RANGE);
    args_.row_end = 1;
    expect_part_refused(NXENT_ERROR_ROW_RANGE);
    args_.row_end = 2;
    part_.class_begin = 2;
    part_.class_end = 1;
    expect_part_refused(NXENT_ERROR_ROW_RANGE);
    part_.class_end = kClasses + 1;
    expect_part_refused(NXENT_ERROR_ROW_RANGE);
}

TEST_F(PartArguments, SumsThatOverlapAreRefused) {
    part_.row_sums = reinterpret_cast<double*>(logits_.data());
    expect_part_refused(NXENT_ERROR_OVERLAP);
    part_.row_sums = reinterpret_cast<double*>(grad_.data());
    expect_part_refused(NXENT_ERROR_OVERLAP);
}

TEST_F(PartArguments, MisalignedSumsAreRefused) {
    part_.row_sums = moved_by_bytes(row_sums_.data(), 4);
    expect_part_refused(NXENT_ERROR_MISALIGNED);
}

// More weights than are checked together, a bad one in every place.
TEST(WeightArguments, AreRefusedWhereverOneIsBad) {
    constexpr size_t kCount = 27;
    const std::vector<float> logits(kCount, 1);
    std::vector<float> grad(kCount, kUnwritten);
    std::vector<double> weights(kCount), row_sums(NXENT_ROW_SUMS, kUnwritten);
    const int32_t label = 5;
    nxent_softmax_cross_entropy_args args = arguments(logits.data(), &label, 1, kCount, grad.data());
    args.class_weights = weights.data();
    nxent_row_part part{};
    part.struct_size = sizeof(part);
    part.row_sums = row_sums.data();
    const auto of_part = [&](size_t begin, size_t end) {
        part.class_begin = begin;
        part.class_end = end;
        return nxent_softmax_cross_entropy_part(&args, &part, nullptr);
    };
    for (const double bad : {-1.0, -1e-300, std::numeric_limits<double>::infinity(), std::nan("")})
        for (size_t c = 0; c < kCount; ++c) {
            weights.assign(kCount, 1);
            weights[c] = bad;
            EXPECT_EQ(nxent_softmax_cross_entropy(&args, nullptr), NXENT_ERROR_WEIGHT_RANGE) << bad << " at " << c;
            EXPECT_EQ(of_part(0, kCount), NXENT_ERROR_WEIGHT_RANGE) << bad << " at " << c;
            EXPECT_EQ(of_part(c, c + 1), NXENT_ERROR_WEIGHT_RANGE) << bad << " at " << c;
            // A part behind it, in which no block begins, so that nothing is written of it: it needs the label's weight.
            EXPECT_EQ(of_part(c + 1, kCount), c == 5 ? NXENT_ERROR_WEIGHT_RANGE : NXENT_OK) << bad << " at " << c;
        }
    for (const float g : grad) ASSERT_EQ(g, kUnwritten);
    for (const double x : row_sums) ASSERT_EQ(x, kUnwritten);
    weights.assign(kCount, 1);
    EXPECT_EQ(of_part(0, kCount), NXENT_OK);
    EXPECT_EQ(nxent_softmax_cross_entropy(&args, nullptr), NXENT_OK);
}

TEST_F(PartArguments, OptionsThatNeedMoreThanTheLabelAreRefused) {
    const auto refused_with = [&](auto change) {
        const nxent_softmax_cross_entropy_args before = args_;
        change();
        expect_part_refused(NXENT_ERROR_OPTION_CONFLICT);
        args_ = before;
    };
    refused_with([&] { args_.label_smoothing = 0.1; });
    refused_with([&] { args_.softcap = 30; });
    refused_with([&] { args_.flags = NXENT_ACCUMULATE; });
    refused_with([&] { args_.flags = NXENT_COUNT_CORRECT; });
    refused_with([&] { args_.element_type = NXENT_FLOAT16; });
    refused_with([&] {
        args_.batch_size = kRows / 2;
        args_.inner_size = 2;
    });
}

// As everywhere else in the structures.
TEST_F(Arguments, FactorsOfZeroMeanOne) {
    expect_accepted();
    const std::vector<float> expected = grad_;
    for (const double zero : {0.0, -0.0})
        for (double* factor : {&args_.grad_scale, &args_.scale}) {
            args_.grad_scale = args_.scale = 1;
            *factor = zero;
            std::fill(grad_.begin(), grad_.end(), kUnwritten);
            expect_accepted();
            expect_same_bits(expected.data(), grad_.data(), grad_.size(), "gradient");
        }
    EXPECT_NE(expected[0], 0);
}

TEST(SigmoidArguments, GradScaleOfZeroMeansOne) {
    const float logits[] = {1, -2, 0.5f}, targets[] = {0, 1, 0.25f};
    float expected[3] = {}, got[3] = {};
    nxent_sigmoid_cross_entropy_args args{};
    args.struct_size = sizeof(args);
    args.size = args.end = 3;
    args.logits = logits;
    args.targets = targets;
    args.grad = expected;
    args.grad_scale = 1;
    ASSERT_EQ(nxent_sigmoid_cross_entropy(&args), NXENT_OK);
    EXPECT_GT(expected[0], 0.5f);
    args.grad = got;
    for (const double zero : {0.0, -0.0}) {
        args.grad_scale = zero;
        ASSERT_EQ(nxent_sigmoid_cross_entropy(&args), NXENT_OK);
        expect_same_bits(expected, got, 3, "gradient");
    }
}

}  // namespace
}  // namespace nxent_test
