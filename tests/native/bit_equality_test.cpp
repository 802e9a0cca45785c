// SPDX-License-Identifier: MIT
//
// One answer: the same bits on every instruction set, and however the work is cut.
#include <algorithm>
#include <atomic>
#include <iterator>
#include <thread>

#include "knife_edge.h"
#include "support.h"

namespace nxent_test {
namespace {

struct Batch {
    size_t rows, classes;
    std::vector<float> logits;
    std::vector<int32_t> labels;
};

struct Results {
    std::vector<float> gradient, loss;
};

// Rows of every kind: ordinary, far off, special values, NaN.
Batch any_batch(uint64_t seed, size_t rows, size_t classes) {
    SplitMix64 random(seed);
    Batch batch{rows, classes, std::vector<float>(rows * classes), std::vector<int32_t>(rows)};
    for (size_t i = 0; i < rows; ++i) {
        fill_any_row(random, &batch.logits[i * classes], classes);
        batch.labels[i] = static_cast<int32_t>(i % 3 == 0 ? 0 : i % 3 == 1 ? classes - 1 : random.below(classes));
    }
    return batch;
}

Results compute_all(const Batch& batch, bool in_place = false) {
    Results results{in_place ? batch.logits : std::vector<float>(batch.logits.size(), -2.0f),
                    std::vector<float>(batch.rows, -2.0f)};
    nxent_softmax_cross_entropy_args args =
        arguments(in_place ? results.gradient.data() : batch.logits.data(), batch.labels.data(), batch.rows,
                  batch.classes, results.gradient.data());
    args.loss = results.loss.data();
    EXPECT_EQ(nxent_softmax_cross_entropy(&args, nullptr), NXENT_OK);
    return results;
}

void expect_same(const Results& expected, const Results& got, const std::string& where) {
    expect_same_bits(expected.gradient.data(), got.gradient.data(), expected.gradient.size(), where + ", gradient");
    expect_same_bits(expected.loss.data(), got.loss.data(), expected.loss.size(), where + ", loss");
}

// Computes a batch, the same in place, and each row of it alone.
void expect_rows_as_alone(const Batch& batch, const std::string& where) {
    const Results whole = compute_all(batch);
    expect_same(whole, compute_all(batch, true), where + ", in place");
    for (size_t i = 0; i < batch.rows; ++i) {
        const float* z = &batch.logits[i * batch.classes];
        const Row alone = compute({z, z + batch.classes}, static_cast<size_t>(batch.labels[i]));
        expect_same_bits(alone.gradient.data(), &whole.gradient[i * batch.classes], batch.classes, where);
        expect_same_bits(&alone.loss, &whole.loss[i], 1, where + ", loss");
    }
}

// Batches of all lengths 1 to 300, around the blocks, and of real vocabularies.
template <class Visit>
void for_any_batches(uint64_t seed, size_t rows, Visit visit) {
    for (size_t n = 1; n <= 300; ++n) visit(any_batch(seed + n, rows, n), std::to_string(n) + " classes");
    std::vector<size_t> lengths = around_multiples(kBlock, (sweep() == Sweep::Quick ? 2 : 8) * kBlock);
    for (const size_t n : {512, 1000, 1023, 2047, 2049, 3969, 4033, 10000}) lengths.push_back(n);
    if (sweep() != Sweep::Quick) {
        lengths.insert(lengths.end(), std::begin(kVocabularies), std::end(kVocabularies));
        lengths.push_back(256 * kBlock + 1);
    }
    for (const size_t n : lengths) {
        // All kinds of rows, but few of the long ones.
        const size_t few = n > 16 * kBlock ? 3 : std::min<size_t>(rows, 12);
        visit(any_batch(seed + n, few, n), std::to_string(n) + " classes");
    }
}

TEST(BitEquality, EveryInstructionSetGivesTheSameBits) {
    size_t rows = 0;
    for_any_batches(1, swept(40), [&](const Batch& batch, const std::string& where) {
        const Results here = compute_all(batch);
        rows += batch.rows;
        for (const std::string& isa : usable_isas()) {
            if (isa == nxent_active_isa()) continue;
            const ScopedIsa scoped(isa);
            expect_same(here, compute_all(batch), where + ", " + isa);
        }
    });
    std::printf("[   ROWS   ] %zu, on %zu instruction sets\n", rows, usable_isas().size());
}

// As many rows again that have no NaN and are close enough together for every class to count: here a difference in the
// last bit of any operation would show.
TEST(BitEquality, EveryInstructionSetGivesTheSameBitsForOrdinaryRows) {
    SplitMix64 random(2);
    for (size_t i = 0; i < swept(2000); ++i) {
        Batch batch{1, random.length(1, 8191), {}, {0}};
        const double sigma = 0.01 * static_cast<double>(1 + random.below(1000));
        for (size_t j = 0; j < batch.classes; ++j) batch.logits.push_back(random.normal(sigma));
        batch.labels[0] = static_cast<int32_t>(random.below(batch.classes));
        const Results here = compute_all(batch);
        for (const std::string& isa : usable_isas()) {
            if (isa == nxent_active_isa()) continue;
            const ScopedIsa scoped(isa);
            expect_same(here, compute_all(batch), "row " + std::to_string(i) + ", " + isa);
        }
    }
}

TEST(BitEquality, EveryInstructionSetGivesTheSameBitsOnAKnifeEdge) {
    KnifeEdge edge(3);
    size_t edges = 0;
    const size_t rows = swept(nxent_active_isa() == std::string("scalar") ? 1500 : 4000);
    for (size_t i = 0; i < rows; ++i) {
        edge.next();
        edges += edge.below() != edge.above();
        for (const std::vector<float>& logits : {edge.below(), edge.above()}) {
            const Batch batch{1, logits.size(), logits, {edge.label()}};
            const Results here = compute_all(batch);
            for (const std::string& isa : usable_isas()) {
                if (isa == nxent_active_isa()) continue;
                const ScopedIsa scoped(isa);
                expect_same(here, compute_all(batch), "row " + std::to_string(i) + ", " + isa);
            }
            if (batch.classes > kVector) continue;
            Batch copies{kVector + 1, batch.classes, {}, std::vector<int32_t>(kVector + 1, edge.label())};
            for (size_t row = 0; row < copies.rows; ++row)
                copies.logits.insert(copies.logits.end(), logits.begin(), logits.end());
            expect_rows_as_alone(copies, "copies of row " + std::to_string(i));
        }
        if (HasFailure()) break;
    }
    EXPECT_GT(edges, rows / 2) << "few rows are on an edge";
    std::printf("[   ROWS   ] %zu of %zu ended on an edge\n", edges, rows);
}

TEST(BitEquality, FlushToZeroModeChangesNoBit) {
    if (!ScopedFlushToZero::available()) GTEST_SKIP() << "no such mode is known for this compiler and machine";
    {
        const ScopedFlushToZero scoped;
        volatile float smallest = FLT_MIN;
        ASSERT_EQ(smallest / 2, 0.0f) << "the mode is not on";
    }
    for_any_batches(3, swept(32), [&](const Batch& batch, const std::string& where) {
        const Results expected = compute_all(batch);
        Results got;
        {
            const ScopedFlushToZero scoped;
            got = compute_all(batch);
        }
        expect_same(expected, got, where);
    });
    // Denormal logits, beside nothing and beside everything.
    SplitMix64 random(4);
    for (size_t i = 0; i < swept(3000); ++i) {
        Batch batch{1, 1 + random.below(40), {}, {0}};
        for (size_t j = 0; j < batch.classes; ++j)
            batch.logits.push_back(random.one_in(4) ? random.uniform(200)
                                                    : float_of(static_cast<uint32_t>(random.next()) & 0x807fffffu));
        const Results expected = compute_all(batch);
        Results got;
        {
            const ScopedFlushToZero scoped;
            got = compute_all(batch);
        }
        expect_same(expected, got, "denormal row " + std::to_string(i));
    }
}

TEST(BitEquality, RowRangesGiveTheWholeBatchsBits) {
    for (const size_t n : {1, 3, 10, 16, 100, 129, 1000, 4097}) {
        const size_t rows = n <= kVector ? 37 : 11;
        Batch batch = any_batch(5 + n, rows, n);
        if (n == 10)  // nothing but ordinary rows
            for (size_t j = 0; j < batch.logits.size(); ++j) batch.logits[j] = static_cast<float>(j % 13) * 0.37f;
        const Results whole = compute_all(batch);
        for (size_t cut = 0; cut <= rows; ++cut) {
            Results got{std::vector<float>(rows * n, -2.0f), std::vector<float>(rows, -2.0f)};
            nxent_softmax_cross_entropy_args args =
                arguments(batch.logits.data(), batch.labels.data(), rows, n, got.gradient.data());
            args.loss = got.loss.data();
            args.row_begin = cut;  // the second part first
            ASSERT_EQ(nxent_softmax_cross_entropy(&args, nullptr), NXENT_OK);
            for (size_t i = 0; i < cut * n; ++i) ASSERT_EQ(got.gradient[i], -2.0f) << "before row " << cut;
            for (size_t i = 0; i < cut; ++i) ASSERT_EQ(got.loss[i], -2.0f) << "before row " << cut;
            const Results second = got;
            args.row_begin = 0;
            args.row_end = cut;
            ASSERT_EQ(nxent_softmax_cross_entropy(&args, nullptr), NXENT_OK);
            expect_same(whole, got, std::to_string(n) + " classes, cut at row " + std::to_string(cut));
            expect_same_bits(second.gradient.data() + cut * n, got.gradient.data() + cut * n, (rows - cut) * n,
                             "behind the range");
        }
    }
}

TEST(BitEquality, BatchesGiveTheirSingleRowsBits) { for_any_batches(6, swept(8), expect_rows_as_alone); }

// Rows of few classes may be computed together. A row must not tell by its bits whether it was, nor beside what.
TEST(BitEquality, RowsOfFewClassesGiveTheirSingleRowsBitsInEveryBatch) {
    SplitMix64 random(11);
    std::vector<size_t> lengths;
    for (size_t n = 1; n <= 20; ++n) lengths.push_back(n);
    for (const size_t n : {33, 63, 64, 65, 100, 126, 127, 128, 129}) lengths.push_back(n);
    for (const size_t n : lengths)
        for (const size_t rows : {2, 15, 16, 17, 31, 32, 33, 50}) {
            if (n > 20 && rows != 16 && rows != 33) continue;
            Batch batch{rows, n, {}, {}};
            for (size_t i = 0; i < rows; ++i) {
                const float offset = random.uniform(random.one_in(2) ? 1 : 8000);
                for (size_t j = 0; j < n; ++j) batch.logits.push_back(offset + random.normal(4));
                batch.labels.push_back(static_cast<int32_t>(random.below(n)));
            }
            const std::string where = std::to_string(rows) + " rows of " + std::to_string(n) + " classes";
            expect_rows_as_alone(batch, where);

            // One row that is not ordinary, in every place.
            constexpr float kOdd[] = {kInfinity, -kInfinity, 9000.0f, -9000.0f, 1e30f, -1e30f, kDenormal, 0.0f};
            for (size_t i = 0; i < rows; ++i) {
                const std::vector<float> kept = batch.logits;
                float* odd = &batch.logits[i * n];
                const size_t kind = random.below(std::size(kOdd) + 1);
                const float value = kind < std::size(kOdd) ? kOdd[kind] : float_of(kNaNs[i % std::size(kNaNs)]);
                if (random.one_in(2))
                    std::fill(odd, odd + n, value);
                else
                    odd[random.below(n)] = value;
                expect_rows_as_alone(batch, where + ", an odd row at " + std::to_string(i));
                batch.logits = kept;
            }
        }
}

TEST(BitEquality, InPlaceGivesTheBitsOfOutOfPlace) {
    for_any_batches(7, swept(16), [&](const Batch& batch, const std::string& where) {
        expect_same(compute_all(batch), compute_all(batch, true), where);
    });
}

TEST(BitEquality, StridedRowsGiveTheBitsOfDenseOnes) {
    for (const size_t n : {1, 5, 16, 33, 127, 128, 129, 4096, 4100})
        for (const size_t gap : {1, 15, 100}) {
            const Batch batch = any_batch(8 + n, n < 4096 ? 35 : 9, n);
            const Results expected = compute_all(batch);
            std::vector<float> logits(batch.rows * (n + gap)), gradient(batch.rows * (n + gap));
            for (size_t i = 0; i < batch.rows; ++i) std::copy_n(&batch.logits[i * n], n, &logits[i * (n + gap)]);
            nxent_softmax_cross_entropy_args args =
                arguments(logits.data(), batch.labels.data(), batch.rows, n, gradient.data());
            args.logits_stride = args.grad_stride = n + gap;
            for (const bool in_place : {false, true}) {
                std::vector<float>& output = in_place ? logits : gradient;
                args.grad = output.data();
                ASSERT_EQ(nxent_softmax_cross_entropy(&args, nullptr), NXENT_OK);
                for (size_t i = 0; i < batch.rows; ++i)
                    expect_same_bits(&expected.gradient[i * n], &output[i * (n + gap)], n,
                                     std::to_string(n) + " classes, gap " + std::to_string(gap));
            }
        }
}

TEST(BitEquality, GradientIsTheSameWithoutLossAndFromTheArticlesFunction) {
    for_any_batches(9, swept(16), [&](const Batch& batch, const std::string& where) {
        const Results expected = compute_all(batch);
        std::vector<float> gradient(batch.logits.size(), -2.0f);
        const nxent_softmax_cross_entropy_args args =
            arguments(batch.logits.data(), batch.labels.data(), batch.rows, batch.classes, gradient.data());
        ASSERT_EQ(nxent_softmax_cross_entropy(&args, nullptr), NXENT_OK);
        expect_same_bits(expected.gradient.data(), gradient.data(), gradient.size(), where + ", without loss");
        std::fill(gradient.begin(), gradient.end(), -2.0f);
        cross_entropy_with_logits_grad(batch.logits.data(), batch.labels.data(), batch.rows, batch.classes,
                                       gradient.data());
        expect_same_bits(expected.gradient.data(), gradient.data(), gradient.size(), where + ", article's function");
    });
}

TEST(BitEquality, ThreadsGiveTheBitsOfOneThreadWhileTheInstructionSetChanges) {
    const Batch batch = any_batch(10, 64, 3000);
    const Results expected = compute_all(batch);
    const ScopedIsa restore(nxent_active_isa());
    for (int round = 0; round < 20; ++round) {
        Results got{std::vector<float>(batch.logits.size()), std::vector<float>(batch.rows)};
        std::atomic<bool> done{false};
        std::atomic<int> failures{0};
        std::vector<std::thread> threads;
        for (size_t t = 0; t < 4; ++t)
            threads.emplace_back([&, t] {
                for (size_t i = t * 16; i < t * 16 + 16; ++i) {
                    nxent_softmax_cross_entropy_args args = arguments(batch.logits.data(), batch.labels.data(),
                                                                      batch.rows, batch.classes, got.gradient.data());
                    args.loss = got.loss.data();
                    args.row_begin = i;
                    args.row_end = i + 1;
                    if (nxent_softmax_cross_entropy(&args, nullptr) != NXENT_OK) ++failures;
                }
            });
        std::thread changer([&] {
            const std::vector<std::string> isas = usable_isas();
            for (size_t i = 0; !done; ++i) {
                if (nxent_force_isa(isas[i % isas.size()].c_str()) != NXENT_OK) ++failures;
                std::this_thread::yield();
            }
        });
        for (std::thread& thread : threads) thread.join();
        done = true;
        changer.join();
        EXPECT_EQ(failures, 0);
        expect_same(expected, got, "round " + std::to_string(round));
    }
}

}  // namespace
}  // namespace nxent_test
