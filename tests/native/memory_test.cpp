// SPDX-License-Identifier: MIT
//
// The library reads and writes the elements it was given, all of them, and nothing else.
#include <algorithm>
#include <cstring>

#include "guarded_memory.h"
#include "support.h"

#ifndef _WIN32
#include <sys/mman.h>
#endif

namespace nxent_test {
namespace {

// What lies where nothing may be written; as a logit it would make its row NaN.
constexpr uint32_t kCanary = 0x7fa5a5a5u;

void fill_canaries(float* p, size_t count) {
    for (size_t j = 0; j < count; ++j) p[j] = float_of(kCanary);
}

void expect_canaries(const float* p, size_t count, const std::string& where) {
    for (size_t j = 0; j < count; ++j)
        if (bits_of(p[j]) != kCanary) {
            ADD_FAILURE() << where << ": written at element " << j << " of " << count;
            return;
        }
}

// Where the label lies in the row of the i-th length: at either end, and anywhere.
size_t a_label(SplitMix64& random, size_t i, size_t classes) {
    return i % 3 == 0 ? 0 : i % 3 == 1 ? classes - 1 : random.below(classes);
}

TEST(GuardedMemory, FaultsOneElementOutside) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const GuardedMemory<float> memory(3);
    volatile float* first = memory.place(3, Flush::Begin);
    volatile float* end = memory.place(3, Flush::End) + 3;
    first[0] = 1;
    end[-1] = 1;
    EXPECT_DEATH(first[-1] = 1, "");
    EXPECT_DEATH(*end = 1, "");
    EXPECT_DEATH(first[0] = first[-1], "");
    EXPECT_DEATH(first[0] = *end, "");
}

// Also the proof that no class of a row is forgotten, wherever the row ends: every element is checked.
TEST(Memory, RowsOfEveryLengthStayBetweenGuardPagesAndAreWithin3Ulp) {
    const std::vector<size_t> lengths = interesting_lengths();
    const size_t longest = lengths.back();
    SplitMix64 random(2);
    PooledRow row;
    for (int k = 0; k < 256; ++k) row.values.push_back(random.normal(3));
    row.index.resize(longest);
    for (uint8_t& k : row.index) k = static_cast<uint8_t>(random.next());

    const GuardedMemory<float> logits_memory(longest), grad_memory(longest);
    std::vector<size_t> occurrences(row.values.size());
    size_t counted = 0;
    Worst worst;
    for (size_t i = 0; i < lengths.size(); ++i) {
        const size_t n = lengths[i];
        for (; counted < n; ++counted) ++occurrences[row.index[counted]];
        const Oracle oracle(row.values.data(), row.values.size(), occurrences.data());
        const size_t label = a_label(random, i, n);
        for (const Flush flush : kBothEnds) {
            if (n > 16 * kBlock && flush != kBothEnds[i % 2]) continue;  // long rows: one end each
            float* logits = logits_memory.place(n, flush);
            float* grad = grad_memory.place(n, flush);
            for (size_t j = 0; j < n; ++j) logits[j] = row.values[row.index[j]];
            fill_canaries(grad, n);
            const float loss = compute_into(logits, n, label, grad);
            check_row(oracle, row.index.data(), n, label, grad, loss, name_of(flush), worst);
            if (n > 2 * kBlock) continue;
            compute_into(logits, n, label, logits);
            expect_same_bits(grad, logits, n, "in place, " + std::to_string(n) + " classes");
        }
        if (HasFailure()) break;
    }
    worst.report("rows of every length");
}

TEST(Memory, BatchesStayBetweenGuardPages) {
    SplitMix64 random(3);
    for (const size_t n : {1, 2, 7, 10, 15, 16, 17, 33, 100, 127, 128, 129, 208, 1000, 4095, 4096, 4097, 10000}) {
        for (const size_t gap : {0, 1, 3, 16, 33}) {
            // Rows of few classes may be computed together.
            const size_t rows = n <= 129 ? 2 * kVector + gap % 2 : 5;
            const size_t stride = n + gap;
            const size_t size = (rows - 1) * stride + n;  // no gap after the last row
            const GuardedMemory<float> logits_memory(size), grad_memory(size), loss_memory(rows);
            const GuardedMemory<int32_t> labels_memory(rows);
            for (const Flush flush : kBothEnds) {
                float* logits = logits_memory.place(size, flush);
                float* grad = grad_memory.place(size, flush);
                float* loss = loss_memory.place(rows, flush);
                int32_t* labels = labels_memory.place(rows, flush);
                fill_canaries(logits, size);
                fill_canaries(grad, size);
                for (size_t i = 0; i < rows; ++i) {
                    for (size_t j = 0; j < n; ++j) logits[i * stride + j] = random.normal(3);
                    labels[i] = static_cast<int32_t>(random.below(n));
                }
                const std::vector<float> logits_before(logits, logits + size);
                nxent_softmax_cross_entropy_args args = arguments(logits, labels, rows, n, grad);
                args.logits_stride = args.grad_stride = stride;
                args.loss = loss;
                const std::string where =
                    std::to_string(n) + " classes, stride " + std::to_string(stride) + ", " + name_of(flush);
                ASSERT_EQ(nxent_softmax_cross_entropy(&args, nullptr), NXENT_OK) << where;
                expect_same_bits(logits_before.data(), logits, size, where + ", logits");
                for (size_t i = 0; i < rows; ++i) {
                    const Row alone = compute({logits + i * stride, logits + i * stride + n}, labels[i]);
                    expect_same_bits(alone.gradient.data(), grad + i * stride, n, where);
                    expect_same_bits(&alone.loss, loss + i, 1, where + ", loss");
                    if (i + 1 < rows) expect_canaries(grad + i * stride + n, gap, where + ", gap of grad");
                }
                if (gap != 0) continue;
                std::vector<float> dense(grad, grad + size);
                fill_canaries(grad, size);
                cross_entropy_with_logits_grad(logits, labels, rows, n, grad);
                expect_same_bits(dense.data(), grad, size, where + ", the article's function");
            }
        }
    }
}

TEST(Memory, ArraysMisalignedByAnyNumberOfElementsGiveTheSameBits) {
    SplitMix64 random(4);
    for (const size_t n : {1, 5, 16, 31, 128, 300, 4096, 5000}) {
        std::vector<float> logits(n);
        for (float& z : logits) z = random.normal(6);
        const size_t label = random.below(n);
        const Row expected = compute(logits, label);
        // 64 bytes and more on either side for the canaries.
        std::vector<float> logits_room(n + 64), grad_room(n + 64);
        const auto aligned = [](std::vector<float>& room) {
            const size_t past = reinterpret_cast<uintptr_t>(room.data()) / sizeof(float) % 16;
            return room.data() + (16 - past) % 16 + 16;
        };
        for (size_t logits_by = 0; logits_by < 16; ++logits_by)
            for (size_t grad_by = 0; grad_by < 16; ++grad_by) {
                const std::string where = std::to_string(n) + " classes, logits misaligned by " +
                                          std::to_string(logits_by) + ", grad by " + std::to_string(grad_by);
                fill_canaries(logits_room.data(), logits_room.size());
                fill_canaries(grad_room.data(), grad_room.size());
                float* z = aligned(logits_room) + logits_by;
                float* grad = aligned(grad_room) + grad_by;
                std::copy(logits.begin(), logits.end(), z);
                const float loss = compute_into(z, n, label, grad);
                expect_same_bits(expected.gradient.data(), grad, n, where);
                expect_same_bits(&expected.loss, &loss, 1, where + ", loss");
                const float* room = grad_room.data();
                expect_canaries(room, static_cast<size_t>(grad - room), where + ", before grad");
                expect_canaries(grad + n, grad_room.size() - n - static_cast<size_t>(grad - room),
                                where + ", behind grad");
            }
    }
}

TEST(Memory, StridesAreCountedApartAndGapsAreNeitherReadNorWritten) {
    constexpr size_t kRows = 20;
    SplitMix64 random(5);
    for (const size_t n : {1, 3, 16, 129, 5000})
        for (const size_t logits_gap : {0, 1, 5, 200})
            for (const size_t grad_gap : {0, 2, 7, 300}) {
                const size_t logits_stride = n + logits_gap, grad_stride = n + grad_gap;
                std::vector<float> logits(kRows * logits_stride), grad(kRows * grad_stride), loss(kRows);
                std::vector<int32_t> labels(kRows);
                fill_canaries(logits.data(), logits.size());
                fill_canaries(grad.data(), grad.size());
                for (size_t i = 0; i < kRows; ++i) {
                    for (size_t j = 0; j < n; ++j) logits[i * logits_stride + j] = random.normal(3);
                    labels[i] = static_cast<int32_t>(random.below(n));
                }
                nxent_softmax_cross_entropy_args args = arguments(logits.data(), labels.data(), kRows, n, grad.data());
                args.logits_stride = logits_stride;
                args.grad_stride = grad_stride;
                args.loss = loss.data();
                const std::string where = std::to_string(n) + " classes, strides " + std::to_string(logits_stride) +
                                          " and " + std::to_string(grad_stride);
                ASSERT_EQ(nxent_softmax_cross_entropy(&args, nullptr), NXENT_OK) << where;
                for (size_t i = 0; i < kRows; ++i) {
                    const float* z = &logits[i * logits_stride];
                    const Row alone = compute({z, z + n}, labels[i]);
                    expect_same_bits(alone.gradient.data(), &grad[i * grad_stride], n, where);
                    expect_same_bits(&alone.loss, &loss[i], 1, where + ", loss");
                    expect_canaries(grad.data() + i * grad_stride + n, grad_gap, where + ", gap of grad");
                    expect_canaries(logits.data() + i * logits_stride + n, logits_gap, where + ", gap of logits");
                }
            }
}

// The rows before or after the range lie in the guard pages.
TEST(Memory, RowsOutsideTheRangeAreNeitherReadNorWritten) {
    SplitMix64 random(6);
    struct Range {
        size_t rows, classes;
    };
    for (const Range& range : {Range{1, 1000}, Range{1, 5}, Range{15, 7}, Range{16, 10}, Range{20, 16}, Range{33, 3}}) {
        const size_t n = range.classes, size = range.rows * n;
        const GuardedMemory<float> logits_memory(size), grad_memory(size), loss_memory(range.rows);
        const GuardedMemory<int32_t> labels_memory(range.rows);
        for (const Flush flush : kBothEnds) {
            float* logits = logits_memory.place(size, flush);
            float* grad = grad_memory.place(size, flush);
            float* loss = loss_memory.place(range.rows, flush);
            int32_t* labels = labels_memory.place(range.rows, flush);
            for (size_t j = 0; j < size; ++j) logits[j] = random.normal(3);
            for (size_t i = 0; i < range.rows; ++i) labels[i] = static_cast<int32_t>(random.below(n));
            fill_canaries(grad, size);
            // One row more on either side; the one beside the guard page is out of bounds.
            nxent_softmax_cross_entropy_args args = arguments(logits - n, labels - 1, range.rows + 2, n, grad - n);
            args.row_begin = 1;
            args.row_end = range.rows + 1;
            args.loss = loss - 1;
            ASSERT_EQ(nxent_softmax_cross_entropy(&args, nullptr), NXENT_OK);
            for (size_t i = 0; i < range.rows; ++i) {
                const float* z = logits + i * n;
                const Row alone = compute({z, z + n}, static_cast<size_t>(labels[i]));
                expect_same_bits(alone.gradient.data(), grad + i * n, n, name_of(flush));
                expect_same_bits(&alone.loss, loss + i, 1, name_of(flush));
            }
        }
    }
}

TEST(Memory, LogitsAndLabelsMayBeReadOnly) {
#ifdef _WIN32
    GTEST_SKIP() << "needs mprotect";
#else
    const GuardedMemory<float> logits_memory(1000);
    const GuardedMemory<int32_t> labels_memory(1);
    float* logits = logits_memory.place(1000, Flush::Begin);
    int32_t* labels = labels_memory.place(1, Flush::Begin);
    for (size_t j = 0; j < 1000; ++j) logits[j] = static_cast<float>(j % 7);
    labels[0] = 999;
    const size_t page = GuardedMemory<float>::page_size();
    ASSERT_EQ(mprotect(logits, page, PROT_READ), 0);
    ASSERT_EQ(mprotect(labels, page, PROT_READ), 0);
    std::vector<float> grad(1000);
    cross_entropy_with_logits_grad(logits, labels, 1, 1000, grad.data());
    const nxent_softmax_cross_entropy_args args = arguments(logits, labels, 1, 1000, grad.data());
    EXPECT_EQ(nxent_softmax_cross_entropy(&args, nullptr), NXENT_OK);
#endif
}

// Rows more than 2^32 elements apart, in memory that is reserved and hardly used.
TEST(Memory, RowsFartherApartThan2To32ElementsAreFound) {
#ifdef _WIN32
    GTEST_SKIP() << "needs mmap";
#else
    constexpr size_t kClasses = 1000;
    constexpr size_t kStride = (size_t{1} << 32) + 12345;
    constexpr size_t kBytes = (kStride + kClasses) * sizeof(float);
    void* p = mmap(nullptr, 2 * kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) GTEST_SKIP() << "no " << 2 * kBytes << " bytes of address space";
    float* logits = static_cast<float*>(p);
    float* grad = logits + kStride + kClasses;
    SplitMix64 random(7);
    for (size_t j = 0; j < kClasses; ++j) {
        logits[j] = random.normal(3);
        logits[kStride + j] = random.normal(3);
    }
    const int32_t labels[] = {17, 999};
    nxent_softmax_cross_entropy_args args = arguments(logits, labels, 2, kClasses, grad);
    args.logits_stride = args.grad_stride = kStride;
    EXPECT_EQ(nxent_softmax_cross_entropy(&args, nullptr), NXENT_OK);
    for (size_t i = 0; i < 2; ++i) {
        const float* z = logits + i * kStride;
        const Row alone = compute({z, z + kClasses}, labels[i]);
        expect_same_bits(alone.gradient.data(), grad + i * kStride, kClasses, "row " + std::to_string(i));
    }
    munmap(p, 2 * kBytes);
#endif
}

}  // namespace
}  // namespace nxent_test
