// SPDX-License-Identifier: MIT
//
// What the tests share: calls with the usual arguments, rows checked against the oracle, how much to sweep.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cut.h"
#include "generate.h"
#include "nativexent/nativexent.h"
#include "oracle.h"

namespace nxent_test {

constexpr uint32_t kCanonicalNaN = 0x7fc00000u;

// What the kernel's rows are cut into; tests look closest at the boundaries.
constexpr size_t kVector = nxent::kLogicalLanes;
constexpr size_t kTile = nxent::kTile;
constexpr size_t kBlock = nxent::kBlock;

// How much the long sweeps do: the environment variable NATIVEXENT_TEST_SWEEP. Quick is the default where a sanitizer,
// an emulator's arithmetic or the oracle in software makes everything slow.
enum class Sweep { Quick, Normal, Full };
Sweep sweep();
const char* name_of(Sweep sweep);

// n, or a sixteenth of it in a quick sweep, or sixteen times as much in a full one.
size_t swept(size_t n);

// The instruction sets this machine can use, best first.
std::vector<std::string> usable_isas();

// Forces an instruction set, and afterwards the one before it.
class ScopedIsa {
public:
    explicit ScopedIsa(const std::string& name);
    ~ScopedIsa();

private:
    std::string before_;
};

// Flush-to-zero and denormals-are-zero, as a caller's thread may have set them; the old mode afterwards.
class ScopedFlushToZero {
public:
    ScopedFlushToZero();
    ~ScopedFlushToZero();
    static bool available();

private:
    uint64_t before_;
};

// The whole batch, dense, without loss.
nxent_softmax_cross_entropy_args arguments(const float* logits, const int32_t* labels, size_t batch_size,
                                           size_t num_classes, float* grad);

struct Row {
    std::vector<float> gradient;
    float loss;
};

// One row, out of place. A status other than NXENT_OK is a test failure.
Row compute(const std::vector<float>& logits, size_t label);

// The same into memory of the caller's choice; returns the loss.
float compute_into(const float* logits, size_t classes, size_t label, float* grad);

// The worst errors seen, and where.
struct Worst {
    double gradient = 0, label_gradient = 0, loss = 0;
    std::string gradient_at, label_gradient_at, loss_at;

    // Prints them, and records them with the running test (in its XML output, with where they were).
    void report(const std::string& what) const;
};

// A row of few different logits: values[index[j]] is the logit of class j.
struct PooledRow {
    std::vector<float> values;
    std::vector<uint8_t> index;

    std::vector<float> logits() const;
    Oracle oracle() const;
};

// Checks a row's gradient and loss against the header's promise. `index` says which of the oracle's logits each class
// has, and is null where the oracle has every class. Failures name `where`.
void check_row(const Oracle& oracle, const uint8_t* index, size_t classes, size_t label, const float* gradient,
               float loss, const std::string& where, Worst& worst);

// Computes a pooled row for a label and checks it.
void check_pooled_row(const PooledRow& row, size_t label, const std::string& where, Worst& worst);

// Checks that two arrays have the same bits; a failure names the first difference.
void expect_same_bits(const float* expected, const float* got, size_t count, const std::string& where);

// Numbers one less, equal to and one more than every multiple of `step` up to `limit`, from 1 on.
std::vector<size_t> around_multiples(size_t step, size_t limit);

// Every length at which a boundary of the kernel could be mishandled, in ascending order: 1 to 200; ±1 around every
// vector in the first blocks, around every tile and block up to 300,000, and around a vector and a tile drawn from each
// block; real vocabularies; past 2^20, where blocks grow. A full sweep has ±1 around every vector up to 300,000; the
// scalar instruction set and a quick sweep have fewer tiles and blocks.
std::vector<size_t> interesting_lengths();

constexpr size_t kVocabularies[] = {32000, 50257, 128256, 151936, 256000};

}  // namespace nxent_test
