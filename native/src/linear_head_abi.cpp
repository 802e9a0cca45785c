// SPDX-License-Identifier: MIT
//
// A linear layer and the softmax cross-entropy of its output at once, over the functions for each, in chunks of rows.
#include "argument_checks.h"
#include "nativexent/nativexent.h"
#include "product_blocks.h"
#include "totals.h"

namespace nxent {
namespace {

constexpr size_t kChunkRows = 256;
constexpr size_t kLeastChunkRows = kTermsTogether;

// Where each array of a chunk is in the workspace, in bytes. Copies are needed where rows are ignored: then those that count
// do not follow one another.
struct HeadWorkspace {
    HeadWorkspace(size_t rows, size_t features, size_t classes, size_t input_element) {
        index = 0;
        labels = index + rows * sizeof(size_t);
        logits = aligned_offset(labels + rows * sizeof(int64_t));
        row_numbers = logits + rows * classes * sizeof(float);
        input = aligned_offset(row_numbers + 4 * rows * sizeof(float));
        input_grad = aligned_offset(input + rows * features * input_element);
        products = aligned_offset(input_grad + rows * features * sizeof(float));
    }
    size_t index, labels, logits, row_numbers, input, input_grad, products;

private:
    static size_t aligned_offset(size_t offset) { return up_to_multiple(offset, 64); }
};

size_t larger(size_t a, size_t b) { return a > b ? a : b; }

// Of the three products, for so many rows.
size_t products_size(size_t rows, size_t features, size_t classes, size_t (*of)(size_t, size_t, size_t)) {
    return larger(of(rows, classes, features), larger(of(rows, features, classes), of(classes, features, rows))) *
           sizeof(float);
}

// Whether no memory can hold the matrices of so many rows.
bool too_large(size_t rows, size_t features, size_t classes) {
    const size_t limit = kMaxSize / 64 / (rows ? rows : 1);
    return features > limit || classes > limit;
}

class LinearHead {
public:
    LinearHead(const nxent_linear_args& linear, const nxent_softmax_cross_entropy_args& loss)
        : linear_(linear), loss_(loss), ignores_((loss.flags & NXENT_IGNORE_INDEX) != 0) {}

    int32_t check(nxent_label_error* label_error) {
        if (loss_.element_type != NXENT_FLOAT32 || linear_element_size(linear_.input_type) == 0 ||
            linear_element_size(linear_.weight_type) == 0)
            return NXENT_ERROR_ELEMENT_TYPE;
        if ((linear_.flags & ~uint32_t{NXENT_ACCUMULATE}) != 0 || linear_.reserved != 0 ||
            (loss_.flags & NXENT_ACCUMULATE) != 0)
            return NXENT_ERROR_FLAGS;
        if (loss_.batch_size != linear_.batch_size || loss_.num_classes != linear_.num_outputs || loss_.logits ||
            loss_.grad || loss_.workspace || loss_.inner_size > 1 || loss_.row_begin != 0 ||
            loss_.row_end != loss_.batch_size)
            return NXENT_ERROR_OPTION_CONFLICT;
        // Options, labels, and what there is for each row; nothing is computed.
        nxent_totals totals{};
        nxent_softmax_cross_entropy_args counts = loss_;
        counts.loss = counts.lse = counts.z_loss = nullptr;
        counts.flags &= ~uint32_t{NXENT_COUNT_CORRECT};
        counts.totals = &totals;
        const int32_t status = nxent_softmax_cross_entropy(&counts, label_error);
        if (status != NXENT_OK) return status;
        counted_ = ignores_ ? static_cast<size_t>(totals.rows) : loss_.batch_size;
        return check_memory();
    }

    int32_t run() {
        nxent_totals totals{};
        const size_t batch = linear_.batch_size;
        int32_t status = NXENT_OK;
        clear_ignored_rows();
        size_t next = 0;
        for (size_t done = 0; done < counted_ && status == NXENT_OK; done += rows_) {
            const size_t left = counted_ - done;
            status = chunk(take(next, left < rows_ ? left : rows_, false), done == 0, true, totals);
        }
        if (counted_ == 0 && status == NXENT_OK) status = weight_gradient(0, true);
        next = 0;
        for (size_t done = counted_; loss_.lse && done < batch && status == NXENT_OK; done += rows_) {
            const size_t left = batch - done;
            status = chunk(take(next, left < rows_ ? left : rows_, true), false, false, totals);
        }
        if (loss_.totals && status == NXENT_OK) *loss_.totals = canonical(totals);
        return status;
    }

private:
    int32_t check_memory() {
        const size_t batch = linear_.batch_size, features = linear_.num_features, classes = linear_.num_outputs;
        input_stride_ = linear_.input_stride ? linear_.input_stride : features;
        input_grad_stride_ = linear_.input_grad_stride ? linear_.input_grad_stride : features;
        const size_t weight_stride = linear_.weight_stride ? linear_.weight_stride : features;
        const size_t weight_grad_stride = linear_.weight_grad_stride ? linear_.weight_grad_stride : features;
        targets_stride_ = loss_.targets_stride ? loss_.targets_stride : classes;
        if (input_stride_ < features || input_grad_stride_ < features || weight_stride < features ||
            weight_grad_stride < features)
            return NXENT_ERROR_STRIDE;
        target_size_ = loss_.target_type == NXENT_LABELS_INT32   ? sizeof(int32_t)
                       : loss_.target_type == NXENT_LABELS_INT64 ? sizeof(int64_t)
                                                                 : sizeof(float) * targets_stride_;
        struct {
            const void* start;
            size_t rows, stride, columns, element;
            bool is_output;
        } const arrays[] = {
            {linear_.input_grad, batch, input_grad_stride_, features, sizeof(float), true},
            {linear_.weight_grad, classes, weight_grad_stride, features, sizeof(float), true},
            {linear_.bias_grad, 1, classes, classes, sizeof(float), true},
            {loss_.loss, 1, batch, batch, sizeof(float), true},
            {loss_.lse, 1, batch, batch, sizeof(float), true},
            {loss_.z_loss, 1, batch, batch, sizeof(float), true},
            {loss_.totals, 1, 1, 1, sizeof(nxent_totals), true},
            {linear_.workspace, 1, linear_.workspace_size, linear_.workspace_size, 1, true},
            {linear_.input, batch, input_stride_, features, linear_element_size(linear_.input_type), false},
            {linear_.weight, classes, weight_stride, features, linear_element_size(linear_.weight_type), false},
            {linear_.bias, 1, classes, classes, sizeof(float), false},
            {loss_.targets, 1, batch * target_size_, batch * target_size_, 1, false},
            {loss_.class_weights, 1, classes, classes, sizeof(double), false},
            {loss_.upstream, 1, batch, batch, sizeof(float), false},
        };
        constexpr size_t kArrays = sizeof(arrays) / sizeof(arrays[0]);
        Extent extents[kArrays];
        bool misaligned = !aligned(linear_.workspace, alignof(double));
        for (size_t i = 0; i < kArrays; ++i) {
            if (!extent_of(arrays[i].start, arrays[i].start ? arrays[i].rows : 0, arrays[i].stride, arrays[i].columns,
                           arrays[i].element, extents[i]))
                return NXENT_ERROR_SIZE_OVERFLOW;
            if (arrays[i].element <= sizeof(double)) misaligned |= !aligned(arrays[i].start, arrays[i].element);
        }
        const bool empty = batch == 0 || classes == 0;
        if (!linear_.workspace || (!empty && features != 0 && (!linear_.input || !linear_.weight)))
            return NXENT_ERROR_NULL_POINTER;
        if (misaligned || !aligned(loss_.totals, alignof(nxent_totals))) return NXENT_ERROR_MISALIGNED;
        for (size_t i = 0; i < kArrays && arrays[i].is_output; ++i)
            for (size_t k = 0; k < kArrays; ++k)
                if ((k < i || !arrays[k].is_output) && overlap(extents[i], extents[k])) return NXENT_ERROR_OVERLAP;
        if (too_large(kChunkRows, features, classes)) return NXENT_ERROR_SIZE_OVERFLOW;
        for (rows_ = kChunkRows; rows_ >= kLeastChunkRows; rows_ -= kLeastChunkRows) {
            const HeadWorkspace places(rows_, features, classes, linear_element_size(linear_.input_type));
            const size_t needed = places.products + products_size(rows_, features, classes, least_product_workspace);
            if (linear_.workspace_size < needed) continue;
            char* const start = static_cast<char*>(linear_.workspace);
            index_ = reinterpret_cast<size_t*>(start + places.index);
            labels_ = start + places.labels;
            logits_ = reinterpret_cast<float*>(start + places.logits);
            row_numbers_ = reinterpret_cast<float*>(start + places.row_numbers);
            input_ = start + places.input;
            input_grad_ = reinterpret_cast<float*>(start + places.input_grad);
            products_ = start + places.products;
            products_size_ = linear_.workspace_size - places.products;
            return NXENT_OK;
        }
        return NXENT_ERROR_WORKSPACE;
    }

    bool is_ignored(size_t row) const {
        return ignores_ && (loss_.target_type == NXENT_LABELS_INT32
                                ? static_cast<const int32_t*>(loss_.targets)[row]
                                : static_cast<const int64_t*>(loss_.targets)[row]) == loss_.ignore_index;
    }

    void clear_ignored_rows() {
        const bool clears = linear_.input_grad && (linear_.flags & NXENT_ACCUMULATE) == 0;
        for (size_t i = 0; ignores_ && i < linear_.batch_size; ++i) {
            if (!is_ignored(i)) continue;
            for (size_t j = 0; clears && j < linear_.num_features; ++j)
                linear_.input_grad[i * input_grad_stride_ + j] = 0;
            if (loss_.loss) static_cast<float*>(loss_.loss)[i] = 0;
            if (loss_.z_loss) static_cast<float*>(loss_.z_loss)[i] = 0;
        }
    }

    // The next rows that are ignored, or that are not, into index_.
    size_t take(size_t& next, size_t count, bool ignored) {
        for (size_t taken = 0; taken < count; ++next)
            if (is_ignored(next) == ignored) index_[taken++] = next;
        return count;
    }

    int32_t chunk(size_t count, bool first, bool counts, nxent_totals& totals) {
        const bool adjacent = index_[count - 1] - index_[0] == count - 1;
        const size_t begin = index_[0];
        nxent_linear_args args = linear_;
        args.flags = 0;
        args.batch_size = count;
        args.row_begin = args.column_begin = 0;
        args.workspace = products_;
        args.workspace_size = products_size_;
        args.input_stride = adjacent ? input_stride_ : linear_.num_features;
        args.input = gathered(linear_.input, input_stride_ * linear_element_size(linear_.input_type),
                              linear_.num_features * linear_element_size(linear_.input_type), count, adjacent, input_);
        args.output = logits_;
        args.output_stride = 0;
        args.row_end = count;
        args.column_end = linear_.num_outputs;
        int32_t status = nxent_linear_forward(&args);
        if (status == NXENT_OK) status = softmax(count, begin, adjacent, counts, totals);
        if (status != NXENT_OK || !counts) return status;

        args.flags = linear_.flags;
        args.output_grad = logits_;
        args.output_grad_stride = 0;
        if (linear_.input_grad) {
            const size_t row = linear_.num_features * sizeof(float);
            char* const all = reinterpret_cast<char*>(linear_.input_grad);
            args.input_grad_stride = adjacent ? input_grad_stride_ : linear_.num_features;
            args.input_grad = adjacent ? linear_.input_grad + begin * input_grad_stride_ : input_grad_;
            args.column_end = linear_.num_features;
            if (!adjacent && linear_.flags != 0)
                gathered(all, input_grad_stride_ * sizeof(float), row, count, false,
                         reinterpret_cast<char*>(input_grad_));
            status = nxent_linear_input_gradient(&args);
            for (size_t i = 0; !adjacent && i < count; ++i)
                copy(reinterpret_cast<char*>(input_grad_) + i * row,
                     all + index_[i] * input_grad_stride_ * sizeof(float), row);
        }
        return status == NXENT_OK ? weight_gradient(args, count, first) : status;
    }

    int32_t softmax(size_t count, size_t begin, bool adjacent, bool counts, nxent_totals& totals) {
        nxent_softmax_cross_entropy_args args = loss_;
        const bool gradient = counts && (linear_.input_grad || linear_.weight_grad || linear_.bias_grad);
        args.batch_size = count;
        args.logits = logits_;
        args.logits_stride = 0;
        args.grad = gradient ? logits_ : nullptr;
        args.grad_stride = 0;
        args.targets = gathered(loss_.targets, target_size_, target_size_, count, adjacent, labels_);
        float* const upstream = row_numbers_;
        float *const losses = upstream + rows_, *const lse = losses + rows_, *const z_losses = lse + rows_;
        args.upstream = gradient && loss_.upstream ? gathered(loss_.upstream, sizeof(float), sizeof(float), count,
                                                              adjacent, reinterpret_cast<char*>(upstream))
                                                   : nullptr;
        args.loss = row_output(counts ? loss_.loss : nullptr, begin, adjacent, losses);
        args.lse = row_output(loss_.lse, begin, adjacent, lse);
        args.z_loss = row_output(counts ? loss_.z_loss : nullptr, begin, adjacent, z_losses);
        if (!counts) args.flags &= ~uint32_t{NXENT_COUNT_CORRECT};
        // Totals are added in groups of rows that depend on nothing but the number of classes.
        const size_t group = loss_.num_classes < 1024 ? kLeastChunkRows : 16;
        for (size_t i = 0; i < count; i += group) {
            nxent_totals part{};
            args.totals = &part;
            args.row_begin = i;
            args.row_end = count - i < group ? count : i + group;
            const int32_t status = nxent_softmax_cross_entropy(&args, nullptr);
            if (status != NXENT_OK) return status;
            if (!counts) continue;
            totals.loss += part.loss;
            totals.z_loss += part.z_loss;
            totals.weight += part.weight;
            totals.rows += part.rows;
            totals.correct += part.correct;
        }
        if (adjacent) return NXENT_OK;
        scatter(args.loss, loss_.loss, count);
        scatter(args.lse, loss_.lse, count);
        scatter(args.z_loss, loss_.z_loss, count);
        return NXENT_OK;
    }

    int32_t weight_gradient(size_t count, bool first) {
        nxent_linear_args args = linear_;
        args.workspace = products_;
        args.workspace_size = products_size_;
        args.batch_size = count;
        return weight_gradient(args, count, first);
    }
    int32_t weight_gradient(nxent_linear_args& args, size_t count, bool first) {
        if (!linear_.weight_grad && !linear_.bias_grad) return NXENT_OK;
        if (!first) args.flags = NXENT_ACCUMULATE;
        args.batch_size = count;
        args.row_begin = args.column_begin = 0;
        args.row_end = linear_.num_outputs;
        args.column_end = linear_.num_features;
        args.output_grad = logits_;
        args.output_grad_stride = 0;
        return nxent_linear_weight_gradient(&args);
    }

    // The chunk's rows of an array: in it, or copied.
    const void* gathered(const void* from, size_t stride, size_t size, size_t count, bool adjacent, char* to) const {
        const char* const rows = static_cast<const char*>(from);
        if (adjacent || size == 0) return rows ? rows + index_[0] * stride : nullptr;
        for (size_t i = 0; i < count; ++i) copy(rows + index_[i] * stride, to + i * size, size);
        return to;
    }

    static void copy(const char* from, char* to, size_t size) {
        for (size_t i = 0; i < size; ++i) to[i] = from[i];
    }

    static float* row_output(void* output, size_t begin, bool adjacent, float* copied) {
        return !output ? nullptr : adjacent ? static_cast<float*>(output) + begin : copied;
    }

    void scatter(const void* copied, void* output, size_t count) const {
        for (size_t i = 0; copied && i < count; ++i)
            static_cast<float*>(output)[index_[i]] = static_cast<const float*>(copied)[i];
    }

    const nxent_linear_args& linear_;
    const nxent_softmax_cross_entropy_args& loss_;
    const bool ignores_;
    size_t counted_ = 0, rows_ = 0;
    size_t input_stride_ = 0, input_grad_stride_ = 0, targets_stride_ = 0, target_size_ = 0;
    size_t* index_ = nullptr;
    char *labels_ = nullptr, *input_ = nullptr, *products_ = nullptr;
    float *logits_ = nullptr, *row_numbers_ = nullptr, *input_grad_ = nullptr;
    size_t products_size_ = 0;
};

}  // namespace
}  // namespace nxent

using namespace nxent;

int32_t nxent_linear_softmax_cross_entropy(const nxent_linear_args* linear,
                                           const nxent_softmax_cross_entropy_args* loss,
                                           nxent_label_error* label_error) {
    int32_t status = check_struct(linear);
    if (status == NXENT_OK) status = check_struct(loss);
    if (status != NXENT_OK) return status;
    LinearHead head(*linear, *loss);
    status = head.check(label_error);
    return status == NXENT_OK ? head.run() : status;
}

size_t nxent_linear_softmax_cross_entropy_workspace_size(size_t chunk_rows, size_t num_features, size_t num_outputs) {
    if ((chunk_rows != kLeastChunkRows && chunk_rows != kChunkRows) || too_large(chunk_rows, num_features, num_outputs))
        return 0;
    return HeadWorkspace(chunk_rows, num_features, num_outputs, sizeof(float)).products +
           products_size(chunk_rows, num_features, num_outputs, product_workspace);
}
