// SPDX-License-Identifier: MIT
//
// The exported functions: check the arguments, call the kernel table.
#include "compiler.h"
#include "dispatch.h"
#include "nativexent/nativexent.h"

namespace nxent {
namespace {

constexpr size_t kMaxSize = ~size_t{0};

// A run of bytes, [begin, begin + size).
struct Extent {
    uintptr_t begin;
    size_t size;
};

bool overlap(Extent a, Extent b) {
    return a.size != 0 && b.size != 0 && (a.begin < b.begin ? b.begin - a.begin < a.size : a.begin - b.begin < b.size);
}

bool aligned(const void* p, size_t alignment) { return reinterpret_cast<uintptr_t>(p) % alignment == 0; }

// The bytes from the first element of the first row to the last of the last; false where no memory holds as many.
bool extent_of(const void* p, size_t rows, size_t stride, size_t columns, size_t element_size, Extent& extent) {
    extent = {reinterpret_cast<uintptr_t>(p), 0};
    if (rows == 0 || columns == 0) return true;
    const size_t limit = kMaxSize / element_size;
    if (columns > limit || (rows - 1 != 0 && stride > (limit - columns) / (rows - 1))) return false;
    extent.size = ((rows - 1) * stride + columns) * element_size;
    return extent.size <= kMaxSize - extent.begin;
}

int32_t check(const nxent_softmax_cross_entropy_args& args, SoftmaxCrossEntropyJob& job,
              nxent_label_error* label_error) {
    if (args.row_begin > args.row_end || args.row_end > args.batch_size) return NXENT_ERROR_ROW_RANGE;
    const size_t logits_stride = args.logits_stride ? args.logits_stride : args.num_classes;
    const size_t grad_stride = args.grad_stride ? args.grad_stride : args.num_classes;
    if (logits_stride < args.num_classes || grad_stride < args.num_classes) return NXENT_ERROR_STRIDE;
    Extent logits, labels, grad, loss;
    if (!extent_of(args.logits, args.batch_size, logits_stride, args.num_classes, sizeof(float), logits) ||
        !extent_of(args.grad, args.batch_size, grad_stride, args.num_classes, sizeof(float), grad) ||
        !extent_of(args.labels, args.batch_size, 1, 1, sizeof(int32_t), labels) ||
        !extent_of(args.loss, args.loss ? args.batch_size : 0, 1, 1, sizeof(float), loss))
        return NXENT_ERROR_SIZE_OVERFLOW;
    job = {args.logits, logits_stride,    args.labels,    args.grad,   grad_stride,
           args.loss,   args.num_classes, args.row_begin, args.row_end};
    if (args.row_begin == args.row_end) return NXENT_OK;
    if (!args.logits || !args.labels || !args.grad) return NXENT_ERROR_NULL_POINTER;
    if (!aligned(args.logits, alignof(float)) || !aligned(args.labels, alignof(int32_t)) ||
        !aligned(args.grad, alignof(float)) || !aligned(args.loss, alignof(float)))
        return NXENT_ERROR_MISALIGNED;
    const bool in_place = args.grad == args.logits && grad_stride == logits_stride;
    if ((!in_place && overlap(grad, logits)) || overlap(grad, labels) || overlap(loss, logits) ||
        overlap(loss, labels) || overlap(loss, grad))
        return NXENT_ERROR_OVERLAP;
    for (size_t i = args.row_begin; i < args.row_end; ++i) {
        const int32_t label = args.labels[i];
        if (label >= 0 && static_cast<size_t>(label) < args.num_classes) continue;
        if (label_error) *label_error = {i, label};
        return NXENT_ERROR_LABEL_RANGE;
    }
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
    NXENT_STRUCT(nxent_softmax_cross_entropy_args),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, struct_size),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, batch_size),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, num_classes),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, row_begin),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, row_end),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, logits),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, logits_stride),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, labels),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, grad),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, grad_stride),
    NXENT_FIELD(nxent_softmax_cross_entropy_args, loss),
    NXENT_STRUCT(nxent_label_error),
    NXENT_FIELD(nxent_label_error, row),
    NXENT_FIELD(nxent_label_error, label),
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
};
constexpr size_t kLayoutCount = sizeof(kLayout) / sizeof(kLayout[0]);

}  // namespace
}  // namespace nxent

using namespace nxent;

void cross_entropy_with_logits_grad(const float* logits, const int32_t* labels, size_t batch_size, size_t num_classes,
                                    float* grad_out) {
    if (batch_size == 0 || num_classes == 0) return;
    active_kernels().softmax_cross_entropy(
        {logits, num_classes, labels, grad_out, num_classes, nullptr, num_classes, 0, batch_size});
}

int32_t nxent_softmax_cross_entropy(const nxent_softmax_cross_entropy_args* args, nxent_label_error* label_error) {
    if (!args) return NXENT_ERROR_NULL_POINTER;
    if (!aligned(args, alignof(nxent_softmax_cross_entropy_args))) return NXENT_ERROR_MISALIGNED;
    if (args->struct_size < sizeof(*args)) return NXENT_ERROR_STRUCT_SIZE;
    // A newer caller's further fields must not ask for anything.
    const unsigned char* bytes = reinterpret_cast<const unsigned char*>(args);
    for (size_t i = sizeof(*args); i < args->struct_size; ++i)
        if (bytes[i] != 0) return NXENT_ERROR_STRUCT_SIZE;
    SoftmaxCrossEntropyJob job;
    const int32_t status = check(*args, job, label_error);
    if (status == NXENT_OK && job.row_begin < job.row_end) active_kernels().softmax_cross_entropy(job);
    return status;
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
        case NXENT_ERROR_STRIDE: return "A row stride is smaller than the number of classes.";
        case NXENT_ERROR_ROW_RANGE: return "The row range is not within the batch.";
        case NXENT_ERROR_LABEL_RANGE: return "A label is outside [0, num_classes).";
        case NXENT_ERROR_OVERLAP:
            return "An output overlaps an input or another output, and is not exactly the logits themselves.";
        case NXENT_ERROR_ISA_UNKNOWN: return "No instruction set has this name.";
        case NXENT_ERROR_ISA_NOT_COMPILED: return "This build of the library has no kernel for the instruction set.";
        case NXENT_ERROR_ISA_NOT_SUPPORTED: return "This CPU or operating system does not support the instruction set.";
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
