// SPDX-License-Identifier: MIT
//
// The exported functions: check the arguments, call the kernel table.
#include "argument_checks.h"
#include "compiler.h"
#include "dispatch.h"
#include "nativexent/nativexent.h"
#include "totals.h"

namespace nxent {
namespace {

bool finite(double x) { return x - x == 0; }

// What a factor means whose 0 stands for 1. NaN stays, for the check of its range.
double or_one(double factor) { return factor < 0 || factor > 0 || factor != factor ? factor : 1.0; }

// Whether all are finite and not negative. Several at a time, as there may be as many of them as logits.
bool are_weights(const double* weights, size_t count) {
    constexpr size_t kTogether = 8;
    double least[kTogether] = {}, rest[kTogether] = {};
    size_t i = 0;
    for (; i + kTogether <= count; i += kTogether)
        for (size_t k = 0; k < kTogether; ++k) {
            const double w = weights[i + k];
            least[k] = w < least[k] ? w : least[k];
            rest[k] += w - w;  // NaN where w is not finite
        }
    bool good = true;
    for (; i < count; ++i) good = good && weights[i] >= 0 && finite(weights[i]);
    for (size_t k = 0; k < kTogether; ++k) good = good && least[k] >= 0 && rest[k] == 0;
    return good;
}
bool in_scale_range(double x) { return x >= 0x1p-64 && x <= 0x1p+64; }

// What all operations on rows check in the same way, array by array.
class RowsCheck {
public:
    template <class Args>
    RowsCheck(const Args& args, Rows& rows) : batch_(args.batch_size), element_(kElementSize[args.element_type]) {
        const size_t inner = args.inner_size ? args.inner_size : 1;
        rows = {args.num_classes, inner, args.row_begin, args.row_end};
        if (batch_ > kMaxSize / inner || args.num_classes > kMaxSize / inner) {
            fail(NXENT_ERROR_SIZE_OVERFLOW);
            return;
        }
        row_count_ = batch_ * inner;
        sample_ = args.num_classes * inner;
        if (args.row_begin > args.row_end || args.row_end > row_count_) fail(NXENT_ERROR_ROW_RANGE);
    }

    // An array of samples; 0 becomes the stride that leaves no gap.
    Extent samples(const void* p, size_t& stride) {
        if (stride == 0) stride = sample_;
        if (stride < sample_) fail(NXENT_ERROR_STRIDE);
        return extent(p, p ? batch_ : 0, stride, sample_, element_);
    }

    // An array of one element, or a number of another size, for each row.
    Extent per_row(const void* p) { return per_row(p, element_); }
    Extent per_row(const void* p, size_t size) { return extent(p, p ? row_count_ : 0, 1, 1, size); }

    Extent plain(const void* p, size_t count, size_t size) { return extent(p, p ? count : 0, 1, 1, size); }

    template <class Args>
    Extent workspace(const Args& args) {
        const Extent e = plain(args.workspace, args.workspace_size, 1);
        if (!aligned(args.workspace, alignof(double))) misaligned_ = true;
        return e;
    }

    void fail(int32_t status) {
        if (status_ == NXENT_OK) status_ = status;
    }
    int32_t status() const { return status_; }
    bool misaligned() const { return misaligned_; }

private:
    Extent extent(const void* p, size_t rows, size_t stride, size_t columns, size_t size) {
        Extent e{reinterpret_cast<uintptr_t>(p), 0};
        if (status_ != NXENT_OK) return e;
        if (!extent_of(p, rows, stride, columns, size, e)) fail(NXENT_ERROR_SIZE_OVERFLOW);
        if (!aligned(p, size < alignof(double) ? size : alignof(double))) misaligned_ = true;
        return e;
    }

    size_t batch_, element_;
    size_t row_count_ = 0, sample_ = 0;
    int32_t status_ = NXENT_OK;
    bool misaligned_ = false;
};

// Whether an output overlaps any of the others.
template <size_t Count>
bool overlaps(Extent output, const Extent (&others)[Count]) {
    for (const Extent& other : others)
        if (overlap(output, other)) return true;
    return false;
}

template <class Integer>
int32_t check_labels(const SoftmaxCrossEntropyJob& job, nxent_label_error* label_error) {
    const Integer* labels = static_cast<const Integer*>(job.targets);
    for (size_t i = job.rows.begin; i < job.rows.end; ++i) {
        const int64_t label = labels[i];
        if (label >= 0 && static_cast<uint64_t>(label) < job.rows.classes) continue;
        if (job.ignores && label == job.ignore_index) continue;
        if (label_error) *label_error = {i, label};
        return NXENT_ERROR_LABEL_RANGE;
    }
    return NXENT_OK;
}

int32_t check(const nxent_softmax_cross_entropy_args& args, const nxent_row_part* part, SoftmaxCrossEntropyJob& job,
              nxent_label_error* label_error) {
    constexpr uint32_t kFlags = NXENT_ACCUMULATE | NXENT_IGNORE_INDEX | NXENT_COUNT_CORRECT;
    if (!is_element_type(args.element_type)) return NXENT_ERROR_ELEMENT_TYPE;
    if (args.target_type < NXENT_LABELS_INT32 || args.target_type > NXENT_DISTRIBUTION) return NXENT_ERROR_TARGET_TYPE;
    if ((args.flags & ~kFlags) != 0 || args.reserved != 0) return NXENT_ERROR_FLAGS;
    const bool distribution = args.target_type == NXENT_DISTRIBUTION;
    if (distribution && (args.flags & NXENT_IGNORE_INDEX)) return NXENT_ERROR_OPTION_CONFLICT;

    job = {};
    job.element_type = args.element_type;
    RowsCheck rows(args, job.rows);
    job.logits = args.logits;
    job.logits_stride = args.logits_stride;
    job.target = args.target_type == NXENT_LABELS_INT32   ? Target::Int32
                 : args.target_type == NXENT_LABELS_INT64 ? Target::Int64
                                                          : Target::Distribution;
    job.targets = args.targets;
    job.targets_stride = args.targets_stride;
    job.grad = args.grad;
    job.grad_stride = args.grad_stride;
    job.accumulate = (args.flags & NXENT_ACCUMULATE) != 0;
    job.ignores = (args.flags & NXENT_IGNORE_INDEX) != 0;
    job.counts_correct = (args.flags & NXENT_COUNT_CORRECT) != 0;
    job.sums = args.totals != nullptr;
    job.ignore_index = args.ignore_index;
    job.class_weights = args.class_weights;
    job.upstream = args.upstream;
    job.loss = args.loss;
    job.lse = args.lse;
    job.z_loss = args.z_loss;
    job.label_smoothing = args.label_smoothing;
    job.z_loss_scale = args.z_loss_scale;
    job.scale = or_one(args.scale);
    job.softcap = args.softcap;
    job.grad_scale = or_one(args.grad_scale);
    job.workspace = args.workspace;
    job.workspace_size = args.workspace ? args.workspace_size : 0;

    const Extent logits = rows.samples(args.logits, job.logits_stride);
    const Extent targets =
        distribution ? rows.samples(args.targets, job.targets_stride)
                     : rows.per_row(args.targets, job.target == Target::Int32 ? sizeof(int32_t) : sizeof(int64_t));
    const Extent grad = rows.samples(args.grad, job.grad_stride);
    const Extent weights = rows.plain(args.class_weights, args.num_classes, sizeof(double));
    const Extent upstream = rows.per_row(args.upstream);
    const Extent loss = rows.per_row(args.loss), lse = rows.per_row(args.lse), z_loss = rows.per_row(args.z_loss);
    const Extent totals = rows.plain(args.totals, 1, sizeof(nxent_totals));
    const Extent row_sums = rows.plain(part ? part->row_sums : nullptr, NXENT_ROW_SUMS, sizeof(double));
    const Extent workspace = rows.workspace(args);
    if (rows.status() != NXENT_OK) return rows.status();
    if (!(args.label_smoothing >= 0 && args.label_smoothing <= 1) || !in_scale_range(job.scale) ||
        !(job.softcap == 0 || in_scale_range(job.softcap)) || !finite(args.z_loss_scale) || !finite(args.grad_scale))
        return NXENT_ERROR_OPTION_RANGE;
    if (args.row_begin == args.row_end) return NXENT_OK;
    const bool only_counts = !args.grad && !args.loss && !args.lse && !args.z_loss && !job.counts_correct;
    if ((!args.logits && !only_counts) || (!args.targets && !(distribution && !args.logits)))
        return NXENT_ERROR_NULL_POINTER;
    if (rows.misaligned()) return NXENT_ERROR_MISALIGNED;
    const bool in_place = args.grad == args.logits && job.grad_stride == job.logits_stride;
    const Extent inputs[] = {logits, targets, weights, upstream};
    const Extent outputs[] = {grad, loss, lse, z_loss, totals, row_sums, workspace};
    for (size_t i = 0; i < 7; ++i) {
        for (size_t k = i == 0 && in_place ? 1 : 0; k < 4; ++k)
            if (overlap(outputs[i], inputs[k])) return NXENT_ERROR_OVERLAP;
        for (size_t k = 0; k < i; ++k)
            if (overlap(outputs[i], outputs[k])) return NXENT_ERROR_OVERLAP;
    }
    job.class_weight_sum = static_cast<double>(args.num_classes);
    if (args.class_weights) {
        // The other parts' are checked with them: there may be many parts, of many classes.
        const size_t begin = part ? part->class_begin : 0, end = part ? part->class_end : args.num_classes;
        if (!are_weights(args.class_weights + begin, end - begin)) return NXENT_ERROR_WEIGHT_RANGE;
        // Smoothing alone needs their sum, whose additions wait for one another.
        if (args.label_smoothing > 0) {
            job.class_weight_sum = 0;
            for (size_t c = 0; c < args.num_classes; ++c) job.class_weight_sum += args.class_weights[c];
        }
    }
    if (distribution) return NXENT_OK;
    return job.target == Target::Int32 ? check_labels<int32_t>(job, label_error)
                                       : check_labels<int64_t>(job, label_error);
}

// What does not depend on the rest of the arguments, then the rest.
int32_t check(const nxent_softmax_cross_entropy_args& args, const nxent_row_part& part, SoftmaxCrossEntropyJob& job,
              nxent_label_error* label_error) {
    if ((part.pass != NXENT_PASS_SUMS && part.pass != NXENT_PASS_GRADIENT) || part.reserved != 0)
        return NXENT_ERROR_FLAGS;
    if (part.class_begin > part.class_end || part.class_end > args.num_classes || args.row_end - args.row_begin != 1)
        return NXENT_ERROR_ROW_RANGE;
    if (!part.row_sums) return NXENT_ERROR_NULL_POINTER;
    const int32_t status = check(args, &part, job, label_error);
    if (status != NXENT_OK) return status;
    if (!job.grad) return NXENT_ERROR_NULL_POINTER;
    // The weight of the label, which may lie in another part.
    if (job.class_weights && (job.target == Target::Int32 || job.target == Target::Int64)) {
        const size_t i = job.rows.begin;
        const int64_t y = job.target == Target::Int32 ? static_cast<const int32_t*>(job.targets)[i]
                                                      : static_cast<const int64_t*>(job.targets)[i];
        if (!(job.ignores && y == job.ignore_index) && !are_weights(job.class_weights + y, 1))
            return NXENT_ERROR_WEIGHT_RANGE;
    }
    if ((job.element_type != NXENT_FLOAT32 && job.element_type != NXENT_FLOAT64) || job.rows.inner != 1 ||
        job.target == Target::Distribution || job.accumulate || job.counts_correct || job.label_smoothing > 0 ||
        job.softcap > 0)
        return NXENT_ERROR_OPTION_CONFLICT;
    return NXENT_OK;
}

int32_t check(const nxent_softmax_args& args, SoftmaxCrossEntropyJob& job) {
    if (!is_element_type(args.element_type)) return NXENT_ERROR_ELEMENT_TYPE;
    if ((args.flags & ~uint32_t{NXENT_LOG}) != 0) return NXENT_ERROR_FLAGS;
    job = {};
    job.element_type = args.element_type;
    RowsCheck rows(args, job.rows);
    job.logits = args.logits;
    job.logits_stride = args.logits_stride;
    job.target = Target::None;
    job.grad = args.output;
    job.grad_stride = args.output_stride;
    job.lse = args.lse;
    job.scale = 1;
    job.grad_scale = 1;
    job.workspace = args.workspace;
    job.workspace_size = args.workspace ? args.workspace_size : 0;
    const Extent logits = rows.samples(args.logits, job.logits_stride);
    const Extent output = rows.samples(args.output, job.grad_stride);
    const Extent lse = rows.per_row(args.lse);
    const Extent workspace = rows.workspace(args);
    if (rows.status() != NXENT_OK) return rows.status();
    if (args.row_begin == args.row_end) return NXENT_OK;
    if (!args.logits) return NXENT_ERROR_NULL_POINTER;
    if (rows.misaligned()) return NXENT_ERROR_MISALIGNED;
    const bool in_place = args.output == args.logits && job.grad_stride == job.logits_stride;
    const Extent arrays[] = {logits, output, lse};
    if ((!in_place && overlap(output, logits)) || overlap(lse, logits) || overlap(lse, output) ||
        overlaps(workspace, arrays))
        return NXENT_ERROR_OVERLAP;
    return NXENT_OK;
}

int32_t check(const nxent_softmax_backward_args& args, SoftmaxBackwardJob& job) {
    if (!is_element_type(args.element_type)) return NXENT_ERROR_ELEMENT_TYPE;
    if ((args.flags & ~uint32_t{NXENT_LOG | NXENT_ACCUMULATE}) != 0) return NXENT_ERROR_FLAGS;
    job = {};
    job.element_type = args.element_type;
    RowsCheck rows(args, job.rows);
    job.output = args.output;
    job.output_stride = args.output_stride;
    job.upstream = args.upstream;
    job.upstream_stride = args.upstream_stride;
    job.grad = args.grad;
    job.grad_stride = args.grad_stride;
    job.log = (args.flags & NXENT_LOG) != 0;
    job.accumulate = (args.flags & NXENT_ACCUMULATE) != 0;
    const Extent output = rows.samples(args.output, job.output_stride);
    const Extent upstream = rows.samples(args.upstream, job.upstream_stride);
    const Extent grad = rows.samples(args.grad, job.grad_stride);
    if (rows.status() != NXENT_OK) return rows.status();
    if (args.row_begin == args.row_end) return NXENT_OK;
    if (!args.output || !args.upstream || !args.grad) return NXENT_ERROR_NULL_POINTER;
    if (rows.misaligned()) return NXENT_ERROR_MISALIGNED;
    const bool is_output = args.grad == args.output && job.grad_stride == job.output_stride;
    const bool is_upstream = args.grad == args.upstream && job.grad_stride == job.upstream_stride;
    if ((!is_output && overlap(grad, output)) || (!is_upstream && overlap(grad, upstream))) return NXENT_ERROR_OVERLAP;
    return NXENT_OK;
}

int32_t check(const nxent_sigmoid_cross_entropy_args& args, SigmoidCrossEntropyJob& job) {
    if (!is_element_type(args.element_type)) return NXENT_ERROR_ELEMENT_TYPE;
    if ((args.flags & ~uint32_t{NXENT_ACCUMULATE}) != 0) return NXENT_ERROR_FLAGS;
    if (args.begin > args.end || args.end > args.size) return NXENT_ERROR_ROW_RANGE;
    job = {args.element_type,
           args.begin,
           args.end,
           args.logits,
           args.targets,
           args.grad,
           args.loss,
           args.weights,
           args.upstream,
           args.positive_weights,
           args.num_classes,
           (args.flags & NXENT_ACCUMULATE) != 0,
           args.totals != nullptr,
           args.label_smoothing,
           or_one(args.grad_scale)};
    const size_t element = kElementSize[args.element_type];
    const void* const arrays[] = {args.logits, args.targets, args.weights, args.upstream, args.grad, args.loss};
    Extent extents[6];
    bool misaligned = !aligned(args.positive_weights, alignof(double)) || !aligned(args.totals, alignof(nxent_totals));
    for (size_t i = 0; i < 6; ++i) {
        if (!extent_of(arrays[i], arrays[i] ? args.size : 0, 1, 1, element, extents[i]))
            return NXENT_ERROR_SIZE_OVERFLOW;
        misaligned |= !aligned(arrays[i], element);
    }
    Extent positive, totals;
    if (!extent_of(args.positive_weights, args.positive_weights ? args.num_classes : 0, 1, 1, sizeof(double),
                   positive) ||
        !extent_of(args.totals, args.totals ? 1 : 0, 1, 1, sizeof(nxent_totals), totals))
        return NXENT_ERROR_SIZE_OVERFLOW;
    if (!(args.label_smoothing >= 0 && args.label_smoothing <= 1) || !finite(args.grad_scale))
        return NXENT_ERROR_OPTION_RANGE;
    if (args.begin == args.end) return NXENT_OK;
    if (!args.logits || !args.targets || (args.positive_weights && args.num_classes == 0))
        return NXENT_ERROR_NULL_POINTER;
    if (misaligned) return NXENT_ERROR_MISALIGNED;
    const Extent grad = extents[4], loss = extents[5];
    const Extent inputs[] = {extents[1], extents[2], extents[3], positive};
    if (overlaps(grad, inputs) || overlaps(loss, inputs) || overlaps(totals, inputs) || overlaps(totals, extents) ||
        overlap(grad, loss) || (args.grad != args.logits && overlap(grad, extents[0])) ||
        (args.loss != args.logits && overlap(loss, extents[0])))
        return NXENT_ERROR_OVERLAP;
    for (size_t c = 0; args.positive_weights && c < args.num_classes; ++c)
        if (!(args.positive_weights[c] >= 0) || !finite(args.positive_weights[c])) return NXENT_ERROR_WEIGHT_RANGE;
    return NXENT_OK;
}

struct LayoutEntry {
    const char* name;
    size_t value;
};

#define NXENT_STRUCT(type) \
    { #type, sizeof(type) }
#define NXENT_FIELD(type, field) \
    { #type "." #field, offsetof(type, field) }
#define NXENT_VALUE(name) \
    { #name, name }

constexpr LayoutEntry kLayout[] = {
    NXENT_STRUCT(nxent_totals),
    NXENT_FIELD(nxent_totals, loss),
    NXENT_FIELD(nxent_totals, z_loss),
    NXENT_FIELD(nxent_totals, weight),
    NXENT_FIELD(nxent_totals, rows),
    NXENT_FIELD(nxent_totals, correct),
    NXENT_STRUCT(nxent_softmax_cross_entropy_args),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, struct_size),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, element_type),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, target_type),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, flags),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, reserved),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, batch_size),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, num_classes),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, inner_size),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, row_begin),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, row_end),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, logits),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, logits_stride),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, targets),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, targets_stride),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, grad),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, grad_stride),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, class_weights),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, upstream),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, loss),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, lse),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, z_loss),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, totals),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, ignore_index),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, label_smoothing),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, z_loss_scale),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, scale),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, softcap),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, grad_scale),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, workspace),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, workspace_size),
    NXENT_STRUCT(nxent_label_error),
    NXENT_FIELD(nxent_label_error, row),
    NXENT_FIELD(nxent_label_error, label),
    NXENT_STRUCT(nxent_row_part),
    NXENT_FIELD(nxent_row_part, struct_size),
    NXENT_FIELD(nxent_row_part, pass),
    NXENT_FIELD(nxent_row_part, reserved),
    NXENT_FIELD(nxent_row_part, class_begin),
    NXENT_FIELD(nxent_row_part, class_end),
    NXENT_FIELD(nxent_row_part, row_sums),
    NXENT_STRUCT(nxent_softmax_args),
    NXENT_FIELD(nxent_softmax_args, struct_size),
    NXENT_FIELD(nxent_softmax_args, element_type),
    NXENT_FIELD(nxent_softmax_args, flags),
    NXENT_FIELD(nxent_softmax_args, batch_size),
    NXENT_FIELD(nxent_softmax_args, num_classes),
    NXENT_FIELD(nxent_softmax_args, inner_size),
    NXENT_FIELD(nxent_softmax_args, row_begin),
    NXENT_FIELD(nxent_softmax_args, row_end),
    NXENT_FIELD(nxent_softmax_args, logits),
    NXENT_FIELD(nxent_softmax_args, logits_stride),
    NXENT_FIELD(nxent_softmax_args, output),
    NXENT_FIELD(nxent_softmax_args, output_stride),
    NXENT_FIELD(nxent_softmax_args, lse),
    NXENT_FIELD(nxent_softmax_args, workspace),
    NXENT_FIELD(nxent_softmax_args, workspace_size),
    NXENT_STRUCT(nxent_softmax_backward_args),
    NXENT_FIELD(nxent_softmax_backward_args, struct_size),
    NXENT_FIELD(nxent_softmax_backward_args, element_type),
    NXENT_FIELD(nxent_softmax_backward_args, flags),
    NXENT_FIELD(nxent_softmax_backward_args, batch_size),
    NXENT_FIELD(nxent_softmax_backward_args, num_classes),
    NXENT_FIELD(nxent_softmax_backward_args, inner_size),
    NXENT_FIELD(nxent_softmax_backward_args, row_begin),
    NXENT_FIELD(nxent_softmax_backward_args, row_end),
    NXENT_FIELD(nxent_softmax_backward_args, output),
    NXENT_FIELD(nxent_softmax_backward_args, output_stride),
    NXENT_FIELD(nxent_softmax_backward_args, upstream),
    NXENT_FIELD(nxent_softmax_backward_args, upstream_stride),
    NXENT_FIELD(nxent_softmax_backward_args, grad),
    NXENT_FIELD(nxent_softmax_backward_args, grad_stride),
    NXENT_STRUCT(nxent_sigmoid_cross_entropy_args),
    NXENT_FIELD(nxent_sigmoid_cross_entropy_args, struct_size),
    NXENT_FIELD(nxent_sigmoid_cross_entropy_args, element_type),
    NXENT_FIELD(nxent_sigmoid_cross_entropy_args, flags),
    NXENT_FIELD(nxent_sigmoid_cross_entropy_args, size),
    NXENT_FIELD(nxent_sigmoid_cross_entropy_args, begin),
    NXENT_FIELD(nxent_sigmoid_cross_entropy_args, end),
    NXENT_FIELD(nxent_sigmoid_cross_entropy_args, logits),
    NXENT_FIELD(nxent_sigmoid_cross_entropy_args, targets),
    NXENT_FIELD(nxent_sigmoid_cross_entropy_args, grad),
    NXENT_FIELD(nxent_sigmoid_cross_entropy_args, loss),
    NXENT_FIELD(nxent_sigmoid_cross_entropy_args, weights),
    NXENT_FIELD(nxent_sigmoid_cross_entropy_args, upstream),
    NXENT_FIELD(nxent_sigmoid_cross_entropy_args, positive_weights),
    NXENT_FIELD(nxent_sigmoid_cross_entropy_args, num_classes),
    NXENT_FIELD(nxent_sigmoid_cross_entropy_args, totals),
    NXENT_FIELD(nxent_sigmoid_cross_entropy_args, label_smoothing),
    NXENT_FIELD(nxent_sigmoid_cross_entropy_args, grad_scale),
    NXENT_STRUCT(nxent_linear_args),
    NXENT_FIELD(nxent_linear_args, struct_size),
    NXENT_FIELD(nxent_linear_args, input_type),
    NXENT_FIELD(nxent_linear_args, weight_type),
    NXENT_FIELD(nxent_linear_args, flags),
    NXENT_FIELD(nxent_linear_args, reserved),
    NXENT_FIELD(nxent_linear_args, batch_size),
    NXENT_FIELD(nxent_linear_args, num_features),
    NXENT_FIELD(nxent_linear_args, num_outputs),
    NXENT_FIELD(nxent_linear_args, row_begin),
    NXENT_FIELD(nxent_linear_args, row_end),
    NXENT_FIELD(nxent_linear_args, column_begin),
    NXENT_FIELD(nxent_linear_args, column_end),
    NXENT_FIELD(nxent_linear_args, input),
    NXENT_FIELD(nxent_linear_args, input_stride),
    NXENT_FIELD(nxent_linear_args, weight),
    NXENT_FIELD(nxent_linear_args, weight_stride),
    NXENT_FIELD(nxent_linear_args, bias),
    NXENT_FIELD(nxent_linear_args, output),
    NXENT_FIELD(nxent_linear_args, output_stride),
    NXENT_FIELD(nxent_linear_args, output_grad),
    NXENT_FIELD(nxent_linear_args, output_grad_stride),
    NXENT_FIELD(nxent_linear_args, input_grad),
    NXENT_FIELD(nxent_linear_args, input_grad_stride),
    NXENT_FIELD(nxent_linear_args, weight_grad),
    NXENT_FIELD(nxent_linear_args, weight_grad_stride),
    NXENT_FIELD(nxent_linear_args, bias_grad),
    NXENT_FIELD(nxent_linear_args, workspace),
    NXENT_FIELD(nxent_linear_args, workspace_size),
    NXENT_VALUE(NXENT_OK),
    NXENT_VALUE(NXENT_ERROR_NULL_POINTER),
    NXENT_VALUE(NXENT_ERROR_STRUCT_SIZE),
    NXENT_VALUE(NXENT_ERROR_MISALIGNED),
    NXENT_VALUE(NXENT_ERROR_SIZE_OVERFLOW),
    NXENT_VALUE(NXENT_ERROR_STRIDE),
    NXENT_VALUE(NXENT_ERROR_ROW_RANGE),
    NXENT_VALUE(NXENT_ERROR_LABEL_RANGE),
    NXENT_VALUE(NXENT_ERROR_OVERLAP),
    NXENT_VALUE(NXENT_ERROR_ISA_UNKNOWN),
    NXENT_VALUE(NXENT_ERROR_ISA_NOT_COMPILED),
    NXENT_VALUE(NXENT_ERROR_ISA_NOT_SUPPORTED),
    NXENT_VALUE(NXENT_ERROR_ELEMENT_TYPE),
    NXENT_VALUE(NXENT_ERROR_TARGET_TYPE),
    NXENT_VALUE(NXENT_ERROR_OPTION_RANGE),
    NXENT_VALUE(NXENT_ERROR_WEIGHT_RANGE),
    NXENT_VALUE(NXENT_ERROR_OPTION_CONFLICT),
    NXENT_VALUE(NXENT_ERROR_FLAGS),
    NXENT_VALUE(NXENT_ERROR_WORKSPACE),
    NXENT_VALUE(NXENT_FLOAT32),
    NXENT_VALUE(NXENT_FLOAT64),
    NXENT_VALUE(NXENT_FLOAT16),
    NXENT_VALUE(NXENT_BFLOAT16),
    NXENT_VALUE(NXENT_LABELS_INT32),
    NXENT_VALUE(NXENT_LABELS_INT64),
    NXENT_VALUE(NXENT_DISTRIBUTION),
    NXENT_VALUE(NXENT_ACCUMULATE),
    NXENT_VALUE(NXENT_IGNORE_INDEX),
    NXENT_VALUE(NXENT_COUNT_CORRECT),
    NXENT_VALUE(NXENT_LOG),
    NXENT_VALUE(NXENT_LINEAR_FORWARD),
    NXENT_VALUE(NXENT_LINEAR_INPUT_GRADIENT),
    NXENT_VALUE(NXENT_LINEAR_WEIGHT_GRADIENT),
    NXENT_VALUE(NXENT_PASS_SUMS),
    NXENT_VALUE(NXENT_PASS_GRADIENT),
    NXENT_VALUE(NXENT_ROW_SUMS),
};
constexpr size_t kLayoutCount = sizeof(kLayout) / sizeof(kLayout[0]);

}  // namespace
}  // namespace nxent

using namespace nxent;

void cross_entropy_with_logits_grad(const float* logits, const int32_t* labels, size_t batch_size, size_t num_classes,
                                    float* grad_out) {
    if (batch_size == 0 || num_classes == 0) return;
    SoftmaxCrossEntropyJob job{};
    job.rows = {num_classes, 1, 0, batch_size};
    job.logits = logits;
    job.logits_stride = num_classes;
    job.target = Target::Int32;
    job.targets = labels;
    job.grad = grad_out;
    job.grad_stride = num_classes;
    job.class_weight_sum = static_cast<double>(num_classes);
    job.scale = 1;
    job.grad_scale = 1;
    nxent_totals totals{};
    active_kernels().softmax_cross_entropy(job, totals);
}

int32_t nxent_softmax_cross_entropy(const nxent_softmax_cross_entropy_args* args, nxent_label_error* label_error) {
    SoftmaxCrossEntropyJob job;
    int32_t status = check_struct(args);
    if (status == NXENT_OK) status = check(*args, nullptr, job, label_error);
    if (status != NXENT_OK) return status;
    nxent_totals totals{};
    if (job.rows.begin < job.rows.end && job.rows.classes > 0) active_kernels().softmax_cross_entropy(job, totals);
    if (args->totals) *args->totals = canonical(totals);
    return NXENT_OK;
}

int32_t nxent_softmax_cross_entropy_part(const nxent_softmax_cross_entropy_args* args, const nxent_row_part* part,
                                         nxent_label_error* label_error) {
    SoftmaxCrossEntropyJob job;
    int32_t status = check_struct(args);
    if (status == NXENT_OK) status = check_struct(part);
    if (status == NXENT_OK) status = check(*args, *part, job, label_error);
    if (status != NXENT_OK) return status;
    nxent_totals totals{};
    if (job.rows.classes > 0)
        active_kernels().softmax_cross_entropy_part(
            job, {static_cast<nxent_pass>(part->pass), part->class_begin, part->class_end, part->row_sums}, totals);
    if (args->totals && part->pass == NXENT_PASS_GRADIENT && part->class_begin == 0) *args->totals = canonical(totals);
    return NXENT_OK;
}

int32_t nxent_softmax(const nxent_softmax_args* args) {
    SoftmaxCrossEntropyJob job;
    int32_t status = check_struct(args);
    if (status == NXENT_OK) status = check(*args, job);
    if (status != NXENT_OK) return status;
    if (job.rows.begin == job.rows.end || job.rows.classes == 0) return NXENT_OK;
    const Kernels& kernels = active_kernels();
    nxent_totals totals{};
    if (args->flags & NXENT_LOG)
        kernels.log_softmax(
            {job.element_type, job.rows, job.logits, job.logits_stride, job.grad, job.grad_stride, job.lse});
    else
        kernels.softmax_cross_entropy(job, totals);
    return NXENT_OK;
}

int32_t nxent_softmax_backward(const nxent_softmax_backward_args* args) {
    SoftmaxBackwardJob job;
    int32_t status = check_struct(args);
    if (status == NXENT_OK) status = check(*args, job);
    if (status == NXENT_OK && job.rows.begin < job.rows.end) active_kernels().softmax_backward(job);
    return status;
}

int32_t nxent_sigmoid_cross_entropy(const nxent_sigmoid_cross_entropy_args* args) {
    SigmoidCrossEntropyJob job;
    int32_t status = check_struct(args);
    if (status == NXENT_OK) status = check(*args, job);
    if (status != NXENT_OK) return status;
    nxent_totals totals{};
    if (job.begin < job.end) active_kernels().sigmoid_cross_entropy(job, totals);
    if (args->totals) *args->totals = canonical(totals);
    return NXENT_OK;
}

const char* nxent_version(void) { return NXENT_VERSION; }

uint32_t nxent_abi_version(void) { return NXENT_ABI_VERSION; }

const char* nxent_status_message(int32_t status) {
    switch (status) {
        case NXENT_OK: return "Success.";
        case NXENT_ERROR_NULL_POINTER: return "A pointer that is needed is null.";
        case NXENT_ERROR_STRUCT_SIZE:
            return "struct_size is smaller than the structure's first version, or a field that this library does not "
                   "know is not zero.";
        case NXENT_ERROR_MISALIGNED: return "A pointer is not aligned to its element type.";
        case NXENT_ERROR_SIZE_OVERFLOW: return "The sizes describe more memory than the address space holds.";
        case NXENT_ERROR_STRIDE: return "A stride is smaller than a sample.";
        case NXENT_ERROR_ROW_RANGE: return "A range is not within the batch or the result.";
        case NXENT_ERROR_LABEL_RANGE: return "A label is outside [0, num_classes), and is not the index to ignore.";
        case NXENT_ERROR_OVERLAP:
            return "An output overlaps an input or another output, and is not exactly the input that it may be.";
        case NXENT_ERROR_ISA_UNKNOWN: return "No instruction set has this name.";
        case NXENT_ERROR_ISA_NOT_COMPILED: return "This build of the library has no kernel for the instruction set.";
        case NXENT_ERROR_ISA_NOT_SUPPORTED: return "This CPU or operating system does not support the instruction set.";
        case NXENT_ERROR_ELEMENT_TYPE: return "The element type is none of nxent_element_type.";
        case NXENT_ERROR_TARGET_TYPE: return "The target type is none of nxent_target_type.";
        case NXENT_ERROR_OPTION_RANGE: return "A number is out of its range.";
        case NXENT_ERROR_WEIGHT_RANGE: return "A class weight is negative, infinite or NaN.";
        case NXENT_ERROR_OPTION_CONFLICT: return "Options exclude each other: an index to ignore with distributions.";
        case NXENT_ERROR_FLAGS: return "A flag is none of the operation's, or a reserved field is not 0.";
        case NXENT_ERROR_WORKSPACE: return "The workspace is smaller than the operation needs.";
        default: return "Unknown status.";
    }
}

const char* nxent_active_isa(void) { return active_kernels().isa; }

const char* nxent_usable_isa(size_t index) {
    const Kernels* kernels = usable_kernels(index);
    return kernels ? kernels->isa : nullptr;
}

int32_t nxent_force_isa(const char* name) { return force_isa(name); }

const char* nxent_layout_name(size_t index) { return index < kLayoutCount ? kLayout[index].name : nullptr; }

size_t nxent_layout_value(size_t index) { return index < kLayoutCount ? kLayout[index].value : 0; }
