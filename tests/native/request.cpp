// SPDX-License-Identifier: MIT
#include "request.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>

namespace nxent_test {
namespace {

constexpr unsigned char kCanary = 0xa5;
constexpr size_t kMargin = 64;

// Guarded memory for one array at a time.
class Room {
public:
    // With bytes to spare on both sides, as far as there are any.
    unsigned char* place(size_t bytes, Flush flush) {
        const size_t wanted = bytes + kMargin;
        if (!memory_ || wanted > capacity_) {
            capacity_ = std::max(2 * capacity_, wanted);
            memory_ = std::make_unique<GuardedMemory<unsigned char>>(capacity_);
        }
        return memory_->place(bytes, flush);
    }

private:
    std::unique_ptr<GuardedMemory<unsigned char>> memory_;
    size_t capacity_ = 0;
};

enum RoomFor {
    kLogits,
    kTargets,
    kGradient,
    kClassWeights,
    kWeights,
    kUpstream,
    kLoss,
    kLse,
    kZLoss,
    kWorkspace,
    kRooms
};
Room& room_for(RoomFor what) {
    static Room rooms[kRooms];
    return rooms[what];
}

// Samples of classes and positions, some elements apart, and what lies around them.
class Array {
public:
    Array() = default;
    Array(RoomFor room, size_t element_size, size_t rows, size_t classes, size_t inner, size_t gap,
          const Placement& placement)
        : size_(element_size), classes_(classes), inner_(inner), stride_(classes * inner + gap), rows_(rows) {
        const size_t samples = inner ? rows / inner : 0;
        const size_t elements = samples == 0 ? 0 : (samples - 1) * stride_ + classes * inner;
        const size_t off = placement.elements_off * size_;
        const size_t bytes = elements * size_ + off;
        const bool at_end = placement.flush == Flush::End;
        unsigned char* whole = room_for(room).place(bytes, placement.flush);
        data_ = at_end ? whole : whole + off;
        begin_ = at_end ? whole - kMargin : whole;
        around_.resize(bytes + kMargin);
        std::memset(begin_, kCanary, around_.size());
    }

    void put(const Bits& bits) {
        auto next = bits.begin();
        for_each([&](unsigned char* element) { std::memcpy(element, &*next++, size_); });
    }
    Bits get() const {
        Bits bits(rows_ * classes_);
        auto next = bits.begin();
        for_each([&](const unsigned char* element) { std::memcpy(&*next++, element, size_); });
        return bits;
    }

    // Remembers everything, or sees that nothing has changed since but rows of a range.
    void remember() {
        if (begin_) std::memcpy(around_.data(), begin_, around_.size());
    }
    void expect_unchanged(const char* name, size_t row_begin = 0, size_t row_end = 0) {
        if (!begin_) return;
        for_each([&](const unsigned char* p) { std::memcpy(&around_[p - begin_], p, size_); }, row_begin, row_end);
        if (std::memcmp(around_.data(), begin_, around_.size()) == 0) return;
        size_t i = 0;
        while (around_[i] == begin_[i]) ++i;
        ADD_FAILURE() << name << ": byte " << static_cast<ptrdiff_t>(i) - (data_ - begin_) << " has changed";
    }

    void* data() const { return data_; }
    size_t stride() const { return stride_; }

private:
    // In the order of the rows and their classes.
    template <class Visit>
    void for_each(Visit visit, size_t row_begin = 0, size_t row_end = SIZE_MAX) const {
        for (size_t i = row_begin; i < std::min(row_end, rows_); ++i) {
            unsigned char* element = data_ + (i / inner_ * stride_ + i % inner_) * size_;
            for (size_t j = 0; j < classes_; ++j, element += inner_ * size_) visit(element);
        }
    }

    size_t size_ = 1, classes_ = 1, inner_ = 1, stride_ = 1, rows_ = 0;
    unsigned char* data_ = nullptr;
    unsigned char* begin_ = nullptr;
    std::vector<unsigned char> around_;
};

Bits bits_of_all(const std::vector<int64_t>& values) {
    Bits bits(values.size());
    for (size_t i = 0; i < values.size(); ++i) bits[i] = static_cast<uint64_t>(values[i]);
    return bits;
}
Bits bits_of_all(const std::vector<double>& values) {
    Bits bits(values.size());
    for (size_t i = 0; i < values.size(); ++i) bits[i] = std::bit_cast<uint64_t>(values[i]);
    return bits;
}

template <class Args>
Args sized() {
    Args args{};
    args.struct_size = sizeof(Args);
    return args;
}

// What the three operations on rows have in common.
template <class Args>
Args rows_args(const Request& r, const Placement& placement, size_t row_end) {
    Args args = sized<Args>();
    args.element_type = static_cast<int32_t>(r.type);
    args.batch_size = r.rows / placement.inner;
    args.num_classes = r.classes;
    args.inner_size = placement.inner;
    args.row_begin = placement.row_begin;
    args.row_end = row_end;
    return args;
}

// Each row cut into parts, the first pass over them from the first, the second from the last.
int32_t run_in_parts(nxent_softmax_cross_entropy_args args, const std::vector<size_t>& cuts) {
    const size_t begin = args.row_begin, end = args.row_end;
    nxent_totals sum{}, *const totals = args.totals;
    for (size_t row = begin; row < end; ++row) {
        args.row_begin = row;
        args.row_end = row + 1;
        nxent_totals of_row{-1, -1, -1, 77, 77};
        if (totals) args.totals = &of_row;
        std::vector<double> row_sums(NXENT_ROW_SUMS, -1e300);
        auto part = sized<nxent_row_part>();
        part.row_sums = row_sums.data();
        for (const auto pass : {NXENT_PASS_SUMS, NXENT_PASS_GRADIENT})
            for (size_t k = 0; k <= cuts.size(); ++k) {
                const size_t i = pass == NXENT_PASS_SUMS ? k : cuts.size() - k;
                part.pass = pass;
                part.class_begin = i == 0 ? 0 : cuts[i - 1];
                part.class_end = i == cuts.size() ? args.num_classes : cuts[i];
                const int32_t status = nxent_softmax_cross_entropy_part(&args, &part, nullptr);
                if (status != NXENT_OK) return status;
            }
        sum.loss += of_row.loss;
        sum.z_loss += of_row.z_loss;
        sum.weight += of_row.weight;
        sum.rows += of_row.rows;
        sum.correct += of_row.correct;
    }
    if (totals) *totals = sum;
    return NXENT_OK;
}

}  // namespace

const char* name_of(Operation operation) {
    constexpr const char* kNames[] = {"softmax cross-entropy",
                                      "softmax",
                                      "log softmax",
                                      "gradient through a softmax",
                                      "gradient through a log softmax",
                                      "sigmoid cross-entropy"};
    return kNames[static_cast<size_t>(operation)];
}

Results run(const Request& r, const Placement& placement) {
    const size_t row_end = std::min(placement.row_end, r.rows), size = size_of(r.type);
    const auto make = [&](RoomFor room, bool wanted, size_t gap) {
        return wanted ? Array(room, size, r.rows, r.classes, placement.inner, gap, placement) : Array();
    };
    // Lists are not laid out as samples are.
    const auto make_list = [&](RoomFor room, size_t element_size, size_t count) {
        return count ? Array(room, element_size, count, 1, 1, 0, placement) : Array();
    };
    const bool in_place = placement.gradient != Placement::Apart;
    const bool labelled = r.operation == Operation::CrossEntropy && !r.has_distributions();
    const bool upstream_by_row = r.operation == Operation::CrossEntropy;
    Array logits = make(kLogits, !r.logits.empty(), placement.logits_gap);
    Array targets =
        labelled ? make_list(kTargets, r.target_type == NXENT_LABELS_INT32 ? 4 : 8, r.labels.empty() ? 0 : r.rows)
                 : make(kTargets, !r.targets.empty(), placement.targets_gap);
    Array upstream = r.upstream.empty() ? Array()
                     : upstream_by_row  ? make_list(kUpstream, size, r.rows)
                                        : make(kUpstream, true, placement.targets_gap);
    Array weights = make(kWeights, !r.weights.empty(), 0);
    Array class_weights = make_list(kClassWeights, sizeof(double), r.class_weights.size());
    Array gradient = make(kGradient, r.wants_gradient && !in_place, placement.gradient_gap);
    Array loss = make_list(kLoss, size, r.wants_loss && !placement.loss_on_logits ? r.rows : 0);
    Array lse = make_list(kLse, size, r.wants_lse ? r.rows : 0);
    Array z_loss = make_list(kZLoss, size, r.wants_z_loss ? r.rows : 0);
    const bool takes_workspace = r.operation == Operation::CrossEntropy || r.is_softmax();
    Array workspace = make_list(kWorkspace, sizeof(double), takes_workspace ? placement.workspace : 0);

    if (!r.logits.empty()) logits.put(r.logits);
    if (labelled) targets.put(bits_of_all(r.labels));
    if (!r.targets.empty()) targets.put(r.targets);
    if (!r.upstream.empty()) upstream.put(r.upstream);
    if (!r.weights.empty()) weights.put(r.weights);
    class_weights.put(bits_of_all(r.class_weights));
    if (!r.before.empty() && !in_place) gradient.put(r.before);
    Array* const arrays[] = {&logits,   &targets, &upstream, &weights, &class_weights,
                             &gradient, &loss,    &lse,      &z_loss,  &workspace};
    for (Array* array : arrays) array->remember();
    Array& output = placement.gradient == Placement::OnLogits     ? logits
                    : placement.gradient == Placement::OnUpstream ? upstream
                                                                  : gradient;
    Array& loss_output = placement.loss_on_logits ? logits : loss;

    Results results;
    nxent_totals totals{-1, -1, -1, 77, 77};
    const uint32_t accumulate = r.before.empty() ? 0u : uint32_t{NXENT_ACCUMULATE};
    const uint32_t log =
        r.operation == Operation::LogSoftmax || r.operation == Operation::LogSoftmaxBackward ? uint32_t{NXENT_LOG} : 0u;
    if (r.operation == Operation::CrossEntropy) {
        auto args = rows_args<nxent_softmax_cross_entropy_args>(r, placement, row_end);
        args.target_type = r.target_type;
        args.flags = accumulate | (r.ignores ? uint32_t{NXENT_IGNORE_INDEX} : 0u) |
                     (r.counts_correct ? uint32_t{NXENT_COUNT_CORRECT} : 0u);
        args.logits = logits.data();
        args.logits_stride = logits.stride();
        args.targets = targets.data();
        args.targets_stride = r.has_distributions() ? targets.stride() : 0;
        args.grad = r.wants_gradient ? output.data() : nullptr;
        args.grad_stride = output.stride();
        args.class_weights = static_cast<const double*>(class_weights.data());
        args.upstream = upstream.data();
        args.loss = loss.data();
        args.lse = lse.data();
        args.z_loss = z_loss.data();
        args.totals = r.wants_totals ? &totals : nullptr;
        args.ignore_index = r.ignore_index;
        args.label_smoothing = r.label_smoothing;
        args.z_loss_scale = r.z_loss_scale;
        args.scale = r.scale;
        args.softcap = r.softcap;
        args.grad_scale = r.grad_scale;
        args.workspace = workspace.data();
        args.workspace_size = placement.workspace * sizeof(double);
        if (!args.logits) args.logits_stride = 0;
        if (!args.targets) args.targets_stride = 0;
        if (!args.grad) args.grad_stride = 0;
        results.status =
            placement.cuts.empty() ? nxent_softmax_cross_entropy(&args, nullptr) : run_in_parts(args, placement.cuts);
    } else if (r.is_softmax()) {
        auto args = rows_args<nxent_softmax_args>(r, placement, row_end);
        args.flags = log;
        args.logits = logits.data();
        args.logits_stride = logits.stride();
        args.output = r.wants_gradient ? output.data() : nullptr;
        args.output_stride = r.wants_gradient ? output.stride() : 0;
        args.lse = lse.data();
        args.workspace = workspace.data();
        args.workspace_size = placement.workspace * sizeof(double);
        results.status = nxent_softmax(&args);
    } else if (r.is_backward()) {
        auto args = rows_args<nxent_softmax_backward_args>(r, placement, row_end);
        args.flags = log | accumulate;
        args.output = logits.data();
        args.output_stride = logits.stride();
        args.upstream = upstream.data();
        args.upstream_stride = upstream.stride();
        args.grad = output.data();
        args.grad_stride = output.stride();
        results.status = nxent_softmax_backward(&args);
    } else {
        auto args = sized<nxent_sigmoid_cross_entropy_args>();
        args.element_type = static_cast<int32_t>(r.type);
        args.flags = accumulate;
        args.size = r.rows;
        args.begin = placement.row_begin;
        args.end = row_end;
        args.logits = logits.data();
        args.targets = targets.data();
        args.grad = r.wants_gradient ? output.data() : nullptr;
        args.loss = r.wants_loss ? loss_output.data() : nullptr;
        args.weights = weights.data();
        args.upstream = upstream.data();
        args.positive_weights = static_cast<const double*>(class_weights.data());
        args.num_classes = r.class_weights.size();
        args.totals = r.wants_totals ? &totals : nullptr;
        args.label_smoothing = r.label_smoothing;
        args.grad_scale = r.grad_scale;
        results.status = nxent_sigmoid_cross_entropy(&args);
    }
    EXPECT_EQ(results.status, NXENT_OK) << nxent_status_message(results.status) << ": " << r.description();
    if (results.status != NXENT_OK) return results;

    constexpr const char* kNames[] = {"logits",   "targets", "upstream", "weights", "class weights",
                                      "gradient", "loss",    "lse",      "z-loss",  "workspace"};
    for (size_t k = 0; k < std::size(arrays); ++k) {
        const Array* array = arrays[k];
        const bool written = (array == &output && r.wants_gradient) || (array == &loss_output && r.wants_loss) ||
                             array == &lse || array == &z_loss;
        if (written)
            arrays[k]->expect_unchanged(kNames[k], placement.row_begin, row_end);
        else if (array == &workspace)
            arrays[k]->expect_unchanged(kNames[k], 0, placement.workspace);
        else
            arrays[k]->expect_unchanged(kNames[k]);
    }
    if (r.wants_gradient) results.gradient = output.get();
    if (r.wants_loss) results.loss = loss_output.get();
    if (r.wants_lse) results.lse = lse.get();
    if (r.wants_z_loss) results.z_loss = z_loss.get();
    if (r.wants_totals) results.totals = totals;
    return results;
}

std::string Request::description() const {
    std::string text = std::string(name_of(operation)) + " of " + name_of(type) + ", " + std::to_string(rows) +
                       " rows of " + std::to_string(classes);
    const auto add = [&](bool wanted, const std::string& what) {
        if (wanted) text += ", " + what;
    };
    add(operation == Operation::CrossEntropy && has_distributions(), "distributions");
    add(operation == Operation::CrossEntropy && target_type == NXENT_LABELS_INT64, "int64 labels");
    add(!class_weights.empty(), "class weights");
    add(!weights.empty(), "weights");
    add(!upstream.empty(), "upstream");
    add(!before.empty(), "accumulate");
    add(!wants_gradient, "no gradient");
    add(counts_correct, "count correct");
    add(ignores, "ignore " + std::to_string(ignore_index));
    const auto number = [&](double value, double none, const char* name) {
        char digits[40];
        std::snprintf(digits, sizeof digits, "%s %.17g", name, value);
        add(!(value == none), digits);
    };
    number(label_smoothing, 0, "smoothing");
    number(z_loss_scale, 0, "z-loss");
    number(scale, 0, "scale");
    number(softcap, 0, "softcap");
    number(grad_scale, 1, "grad_scale");
    return text;
}

std::string Placement::description() const {
    char text[200];
    std::snprintf(
        text, sizeof text,
        "inner size %zu, gaps %zu, %zu, %zu, %s, %zu off, %s%s, rows from %zu to %zu, workspace of %zu doubles", inner,
        logits_gap, targets_gap, gradient_gap, name_of(flush), elements_off,
        gradient == Apart      ? "out of place"
        : gradient == OnLogits ? "in place of the logits"
                               : "in place of the upstream",
        loss_on_logits ? ", loss in place of the logits" : "", row_begin, row_end, workspace);
    std::string all = text;
    for (const size_t cut : cuts) all += ", cut at " + std::to_string(cut);
    return all;
}

void expect_same_bits(const Bits& expected, const Bits& got, const std::string& where) {
    ASSERT_EQ(expected.size(), got.size()) << where;
    const auto [e, g] = std::mismatch(expected.begin(), expected.end(), got.begin());
    if (e == expected.end()) return;
    char text[120];
    std::snprintf(text, sizeof text, ": element %zu of %zu is %llx and should be %llx",
                  static_cast<size_t>(e - expected.begin()), expected.size(), static_cast<unsigned long long>(*g),
                  static_cast<unsigned long long>(*e));
    ADD_FAILURE() << where << text;
}

void expect_same_totals(const nxent_totals& expected, const nxent_totals& got, const std::string& where) {
    const auto bits = [](double x) { return bits_of(Type::Float64, x); };
    EXPECT_EQ(bits(expected.loss), bits(got.loss)) << where << ": " << expected.loss << " and " << got.loss;
    EXPECT_EQ(bits(expected.z_loss), bits(got.z_loss)) << where << ": " << expected.z_loss << " and " << got.z_loss;
    EXPECT_EQ(bits(expected.weight), bits(got.weight)) << where << ": " << expected.weight << " and " << got.weight;
    EXPECT_EQ(expected.rows, got.rows) << where;
    EXPECT_EQ(expected.correct, got.correct) << where;
}

void expect_same(const Results& expected, const Results& got, const std::string& where) {
    expect_same_bits(expected.gradient, got.gradient, where + ", gradient");
    expect_same_bits(expected.loss, got.loss, where + ", loss");
    expect_same_bits(expected.lse, got.lse, where + ", lse");
    expect_same_bits(expected.z_loss, got.z_loss, where + ", z-loss");
    expect_same_totals(expected.totals, got.totals, where + ", totals");
}

Bits rows_of(const Bits& bits, size_t begin, size_t end, size_t classes) {
    if (bits.empty()) return {};
    return {bits.begin() + static_cast<ptrdiff_t>(begin * classes),
            bits.begin() + static_cast<ptrdiff_t>(end * classes)};
}

Request row_of(const Request& request, size_t row) {
    Request r = request;
    const bool by_row = r.operation == Operation::CrossEntropy;
    r.rows = 1;
    r.logits = rows_of(request.logits, row, row + 1, r.classes);
    if (!r.labels.empty()) r.labels = {request.labels[row]};
    r.targets = rows_of(request.targets, row, row + 1, r.classes);
    r.weights = rows_of(request.weights, row, row + 1, 1);
    r.upstream = rows_of(request.upstream, row, row + 1, by_row ? 1 : r.classes);
    r.before = rows_of(request.before, row, row + 1, r.classes);
    // Of a sigmoid cross-entropy, a positive weight is the element's own.
    if (r.operation == Operation::SigmoidCrossEntropy && !r.class_weights.empty())
        r.class_weights = {request.class_weights[row % request.class_weights.size()]};
    return r;
}

}  // namespace nxent_test
