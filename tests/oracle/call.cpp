// SPDX-License-Identifier: MIT
//
// Lays a request out in memory as the header describes it, calls the library, and collects what came back.
#include <cstring>

#include "nativexent/nativexent.h"
#include "request.h"

namespace nxent_oracle {
namespace {

// Memory that nobody should write: every byte has a pattern.
constexpr unsigned char kPattern = 0xa5;
constexpr size_t kGuard = 64;

struct Memory {
    std::vector<unsigned char> bytes;
    explicit Memory(size_t size = 0) : bytes(size + 2 * kGuard, kPattern) {}
    void* data() { return bytes.data() + kGuard; }
};

struct Caller {
    const Request& r;
    Results results{};
    const Type& type;
    size_t rows, samples, sample;  // sample: elements from one to the next
    Memory logits, targets, grad, loss, lse, z_loss, upstream, weights, workspace;
    nxent_totals totals{};

    explicit Caller(const Request& request) : r(request), type(*request.type) {
        rows = r.rows.size();
        samples = rows / r.inner;
        const size_t per_row = r.rows[0].logits.size();
        sample = per_row * r.inner + r.padding;
        logits = filled([](const Row& row) -> const std::vector<double>& { return row.logits; });
        if (!r.has_labels()) {
            targets = filled([](const Row& row) -> const std::vector<double>& { return row.distribution; });
        } else {
            const bool wide = r.targets == Targets::Labels64;
            targets = Memory(rows * (wide ? 8 : 4));
            for (size_t i = 0; i < rows; ++i) {
                const int32_t narrow = static_cast<int32_t>(r.rows[i].label);
                if (wide)
                    std::memcpy(static_cast<char*>(targets.data()) + 8 * i, &r.rows[i].label, 8);
                else
                    std::memcpy(static_cast<char*>(targets.data()) + 4 * i, &narrow, 4);
            }
        }
        if (r.accumulate)
            grad = filled([](const Row& row) -> const std::vector<double>& { return row.before; });
        else
            grad = r.in_place ? logits : Memory(samples * sample * type.size);
        for (Memory* memory : {&loss, &lse, &z_loss}) *memory = Memory(rows * type.size);
        upstream = Memory(rows * type.size);
        weights = Memory(rows * type.size);
        for (size_t i = 0; i < rows; ++i) {
            store(type, upstream.data(), i, r.rows[i].upstream);
            store(type, weights.data(), i, r.rows[i].weight);
        }
        if (r.workspace) workspace = Memory(16 * per_row);
    }

    size_t place(size_t row, size_t class_) const { return row / r.inner * sample + class_ * r.inner + row % r.inner; }

    template <class Values>
    Memory filled(Values values) {
        Memory memory(samples * sample * type.size);
        for (size_t i = 0; i < rows; ++i)
            for (size_t k = 0; k < values(r.rows[i]).size(); ++k)
                store(type, memory.data(), place(i, k), values(r.rows[i])[k]);
        return memory;
    }

    void* workspace_pointer() { return r.workspace ? workspace.data() : nullptr; }
    size_t workspace_size() const { return r.workspace ? workspace.bytes.size() - 2 * kGuard : 0; }

    void cross_entropy() {
        nxent_softmax_cross_entropy_args args{};
        args.struct_size = sizeof args;
        args.element_type = type.element_type;
        args.target_type = r.targets == Targets::Labels32   ? NXENT_LABELS_INT32
                           : r.targets == Targets::Labels64 ? NXENT_LABELS_INT64
                                                            : NXENT_DISTRIBUTION;
        args.flags = (r.accumulate ? uint32_t{NXENT_ACCUMULATE} : 0u) |
                     (r.ignores ? uint32_t{NXENT_IGNORE_INDEX} : 0u) |
                     (r.count_correct ? uint32_t{NXENT_COUNT_CORRECT} : 0u);
        args.batch_size = samples;
        args.num_classes = r.classes;
        args.inner_size = r.inner;
        args.row_begin = r.row_begin;
        args.row_end = r.row_end;
        args.logits = r.in_place && r.wants_grad ? grad.data() : logits.data();
        args.logits_stride = sample;
        args.targets = targets.data();
        args.targets_stride = r.has_labels() ? 0 : sample;
        args.grad = r.wants_grad ? grad.data() : nullptr;
        args.grad_stride = sample;
        args.class_weights = r.class_weights.empty() ? nullptr : r.class_weights.data();
        args.upstream = r.has_upstream ? upstream.data() : nullptr;
        args.loss = r.wants_loss ? loss.data() : nullptr;
        args.lse = r.wants_lse ? lse.data() : nullptr;
        args.z_loss = r.wants_z_loss ? z_loss.data() : nullptr;
        args.totals = r.wants_totals ? &totals : nullptr;
        args.ignore_index = r.ignore_index;
        args.label_smoothing = r.smoothing;
        args.z_loss_scale = r.z_loss;
        args.scale = r.scale;
        args.softcap = r.softcap;
        args.grad_scale = r.grad_scale;
        args.workspace = workspace_pointer();
        args.workspace_size = workspace_size();
        if (r.parts == 0)
            results.status = nxent_softmax_cross_entropy(&args, nullptr);
        else
            in_parts(args);
    }

    void in_parts(nxent_softmax_cross_entropy_args args) {
        nxent_totals sum{};
        std::vector<double> sums(NXENT_ROW_SUMS);
        for (size_t row = r.row_begin; row < r.row_end && results.status == 0; ++row) {
            args.row_begin = row;
            args.row_end = row + 1;
            for (const int32_t pass : {NXENT_PASS_SUMS, NXENT_PASS_GRADIENT}) {
                // In descending order, as the order does not matter.
                for (size_t i = r.parts; i-- > 0 && results.status == 0;) {
                    nxent_row_part part{};
                    part.struct_size = sizeof part;
                    part.pass = pass;
                    part.class_begin = r.classes * i / r.parts;
                    part.class_end = r.classes * (i + 1) / r.parts;
                    part.row_sums = sums.data();
                    results.status = nxent_softmax_cross_entropy_part(&args, &part, nullptr);
                }
            }
            sum.loss += totals.loss;
            sum.z_loss += totals.z_loss;
            sum.weight += totals.weight;
            sum.rows += totals.rows;
        }
        totals = sum;
    }

    void softmax() {
        nxent_softmax_args args{};
        args.struct_size = sizeof args;
        args.element_type = type.element_type;
        args.flags = r.operation == Operation::LogSoftmax ? uint32_t{NXENT_LOG} : 0u;
        args.batch_size = samples;
        args.num_classes = r.classes;
        args.inner_size = r.inner;
        args.row_begin = r.row_begin;
        args.row_end = r.row_end;
        args.logits = r.in_place && r.wants_grad ? grad.data() : logits.data();
        args.logits_stride = sample;
        args.output = r.wants_grad ? grad.data() : nullptr;
        args.output_stride = sample;
        args.lse = r.wants_lse ? lse.data() : nullptr;
        args.workspace = workspace_pointer();
        args.workspace_size = workspace_size();
        results.status = nxent_softmax(&args);
    }

    void backward() {
        nxent_softmax_backward_args args{};
        args.struct_size = sizeof args;
        args.element_type = type.element_type;
        args.flags = (r.operation == Operation::LogSoftmaxBackward ? uint32_t{NXENT_LOG} : 0u) |
                     (r.accumulate ? uint32_t{NXENT_ACCUMULATE} : 0u);
        args.batch_size = samples;
        args.num_classes = r.classes;
        args.inner_size = r.inner;
        args.row_begin = r.row_begin;
        args.row_end = r.row_end;
        args.output = r.in_place ? grad.data() : logits.data();
        args.output_stride = sample;
        args.upstream = targets.data();
        args.upstream_stride = sample;
        args.grad = grad.data();
        args.grad_stride = sample;
        results.status = nxent_softmax_backward(&args);
    }

    void sigmoid() {
        nxent_sigmoid_cross_entropy_args args{};
        args.struct_size = sizeof args;
        args.element_type = type.element_type;
        args.flags = r.accumulate ? uint32_t{NXENT_ACCUMULATE} : 0u;
        args.size = rows;
        args.begin = r.row_begin;
        args.end = r.row_end;
        args.logits = r.in_place && r.wants_grad ? grad.data() : logits.data();
        args.targets = targets.data();
        args.grad = r.wants_grad ? grad.data() : nullptr;
        args.loss = r.wants_loss ? loss.data() : nullptr;
        args.weights = r.has_weights ? weights.data() : nullptr;
        args.upstream = r.has_upstream ? upstream.data() : nullptr;
        args.positive_weights = r.class_weights.empty() ? nullptr : r.class_weights.data();
        args.num_classes = r.class_weights.size();
        args.totals = r.wants_totals ? &totals : nullptr;
        args.label_smoothing = r.smoothing;
        args.grad_scale = r.grad_scale;
        results.status = nxent_sigmoid_cross_entropy(&args);
    }

    // What lies between and beside the elements of the range must be as it was.
    void check_untouched(const char* name, Memory& now, Memory before, bool by_class) {
        for (size_t i = r.row_begin; i < r.row_end; ++i)
            for (size_t k = 0; k < (by_class ? r.rows[i].logits.size() : 1); ++k) {
                const size_t at = kGuard + (by_class ? place(i, k) : i) * type.size;
                std::memcpy(&before.bytes[at], &now.bytes[at], type.size);
            }
        if (before.bytes != now.bytes) results.broken = std::string(name) + ": written outside of the range";
    }

    std::vector<Number> numbers(Memory& memory) {
        std::vector<Number> list;
        for (size_t i = r.row_begin; i < r.row_end; ++i) list.push_back(number(memory, i));
        return list;
    }

    Number number(Memory& memory, size_t index) {
        const uint64_t bits = load_bits(type, memory.data(), index);
        return {value_of(type, bits), bits};
    }

    Results run() {
        Memory grad_before = grad, rows_before(rows * type.size);
        switch (r.operation) {
            case Operation::CrossEntropy: cross_entropy(); break;
            case Operation::Article:
                cross_entropy_with_logits_grad(static_cast<const float*>(r.in_place ? grad.data() : logits.data()),
                                               static_cast<const int32_t*>(targets.data()), rows, r.classes,
                                               static_cast<float*>(grad.data()));
                break;
            case Operation::Softmax:
            case Operation::LogSoftmax: softmax(); break;
            case Operation::SoftmaxBackward:
            case Operation::LogSoftmaxBackward: backward(); break;
            case Operation::Sigmoid: sigmoid(); break;
        }
        check_untouched("gradient", grad, grad_before, true);
        check_untouched("loss", loss, rows_before, false);
        check_untouched("lse", lse, rows_before, false);
        check_untouched("z-loss", z_loss, rows_before, false);
        for (size_t i = r.row_begin; i < r.row_end; ++i) {
            std::vector<Number> row;
            for (size_t k = 0; k < r.rows[i].logits.size(); ++k) row.push_back(number(grad, place(i, k)));
            results.grad.push_back(row);
        }
        results.loss = numbers(loss);
        results.lse = numbers(lse);
        results.z_loss = numbers(z_loss);
        results.total_loss = totals.loss;
        results.total_z_loss = totals.z_loss;
        results.total_weight = totals.weight;
        results.total_rows = totals.rows;
        results.total_correct = totals.correct;
        return results;
    }
};

}  // namespace

Results call(const Request& request) { return Caller(request).run(); }

}  // namespace nxent_oracle
