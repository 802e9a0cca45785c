// SPDX-License-Identifier: MIT
//
// One call of any operation on any element type with any options: what is asked for, apart from where it lies in memory.
// Every call is made between guard pages, and checked to have written what it should and nothing else.
#pragma once

#include <string>
#include <vector>

#include "elements.h"
#include "guarded_memory.h"
#include "nativexent/nativexent.h"

namespace nxent_test {

enum class Operation { CrossEntropy, Softmax, LogSoftmax, SoftmaxBackward, LogSoftmaxBackward, SigmoidCrossEntropy };
constexpr Operation kOperations[] = {Operation::CrossEntropy,       Operation::Softmax,
                                     Operation::LogSoftmax,         Operation::SoftmaxBackward,
                                     Operation::LogSoftmaxBackward, Operation::SigmoidCrossEntropy};
const char* name_of(Operation operation);

// Arrays are row after row. A sigmoid cross-entropy has as many rows as logits, of one class each.
struct Request {
    Operation operation = Operation::CrossEntropy;
    Type type = Type::Float32;
    size_t rows = 1, classes = 1;
    Bits logits;  // of a backward operation, the output
    int32_t target_type = NXENT_LABELS_INT32;
    std::vector<int64_t> labels;
    Bits targets;                       // distributions, or the targets of a sigmoid cross-entropy
    std::vector<double> class_weights;  // or none; of a sigmoid cross-entropy, the positive weights
    Bits weights;                       // or none; of a sigmoid cross-entropy
    Bits upstream;                      // or none; for each row, or for each element where the operation has it so
    Bits before;                        // what the gradient is added to, or none
    bool wants_gradient = true, wants_loss = true, wants_lse = false, wants_z_loss = false, wants_totals = false;
    bool counts_correct = false, ignores = false;
    int64_t ignore_index = 0;
    double label_smoothing = 0, z_loss_scale = 0, scale = 0, softcap = 0, grad_scale = 1;

    bool is_backward() const {
        return operation == Operation::SoftmaxBackward || operation == Operation::LogSoftmaxBackward;
    }
    bool is_softmax() const { return operation == Operation::Softmax || operation == Operation::LogSoftmax; }
    bool has_distributions() const { return target_type == NXENT_DISTRIBUTION; }
    // A few words for a failure.
    std::string description() const;
};

// Where the arrays lie.
struct Placement {
    size_t inner = 1;  // positions of a sample; divides the rows
    size_t logits_gap = 0, targets_gap = 0, gradient_gap = 0;
    enum { Apart, OnLogits, OnUpstream } gradient = Apart;  // in place of which input
    bool loss_on_logits = false;                            // of a sigmoid cross-entropy without a gradient
    Flush flush = Flush::End;
    size_t elements_off = 0;  // so many elements away from the guard page
    size_t row_begin = 0, row_end = SIZE_MAX;
    size_t workspace = 0;  // doubles, where the operation takes one
    // Classes at which each row is cut into parts, in rising order; without any, rows come whole.
    std::vector<size_t> cuts;

    std::string description() const;
};

// Results are empty where they were not asked for. The gradient is also what a softmax gives.
struct Results {
    int32_t status = NXENT_OK;
    Bits gradient, loss, lse, z_loss;
    nxent_totals totals{};
};

// Makes the call. Rows outside the range are as they were.
Results run(const Request& request, const Placement& placement = {});

// A failure names the first difference.
void expect_same(const Results& expected, const Results& got, const std::string& where);
void expect_same_bits(const Bits& expected, const Bits& got, const std::string& where);
void expect_same_totals(const nxent_totals& expected, const nxent_totals& got, const std::string& where);

// Rows of an array that has so many elements for each.
Bits rows_of(const Bits& bits, size_t begin, size_t end, size_t classes);

// The request for one of the rows.
Request row_of(const Request& request, size_t row);

}  // namespace nxent_test
