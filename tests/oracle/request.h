// SPDX-License-Identifier: MIT
//
// A request to one of the library's operations, as values and not as memory; every element is a value of the request's
// type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "elements.h"

namespace nxent_oracle {

enum class Operation { CrossEntropy, Article, Softmax, LogSoftmax, SoftmaxBackward, LogSoftmaxBackward, Sigmoid };
const char* name_of(Operation operation);

enum class Targets { Labels32, Labels64, Distribution };

struct Row {
    std::vector<double> logits;        // backward: the output. Sigmoid: one
    std::vector<double> distribution;  // backward: the gradient with respect to the output. Sigmoid: the target
    std::vector<double> before;        // what the gradient is added to
    int64_t label = 0;
    double upstream = 1;
    double weight = 1;  // sigmoid
};

struct Request {
    Operation operation = Operation::CrossEntropy;
    const Type* type = &kTypes[0];
    Targets targets = Targets::Labels32;
    size_t classes = 1;  // sigmoid: of positive_weights
    size_t inner = 1;    // rows.size() is a multiple
    std::vector<Row> rows;
    size_t row_begin = 0, row_end = 0;
    size_t padding = 0;  // elements between samples

    bool accumulate = false, in_place = false, workspace = false, count_correct = false;
    bool ignores = false;
    int64_t ignore_index = 0;
    std::vector<double> class_weights;  // or empty; sigmoid: positive weights
    bool has_upstream = false, has_weights = false;
    double smoothing = 0, z_loss = 0, scale = 0, softcap = 0, grad_scale = 1;
    bool wants_grad = true, wants_loss = true, wants_lse = true, wants_z_loss = true, wants_totals = true;

    size_t parts = 0;  // 0: one call; otherwise the number of parts that each row is computed in

    bool has_labels() const { return targets != Targets::Distribution; }
    bool ignored(const Row& row) const { return ignores && row.label == ignore_index; }
};

// One number that came back.
struct Number {
    double value = 0;
    uint64_t bits = 0;
};

struct Results {
    int status = 0;
    std::string broken;  // what was written where nothing should be
    // By row of the range, and class.
    std::vector<std::vector<Number>> grad;  // the output of a forward operation
    std::vector<Number> loss, lse, z_loss;
    double total_loss = 0, total_z_loss = 0, total_weight = 0;
    uint64_t total_rows = 0, total_correct = 0;
};

Request generate(uint64_t seed, const char* operation, const Type* type);
Results call(const Request& request);
std::string describe(const Request& request);

}  // namespace nxent_oracle
