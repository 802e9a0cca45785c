// SPDX-License-Identifier: MIT
//
// The exported functions of linear layers: check the arguments, call the kernel table.
#include "argument_checks.h"
#include "compiler.h"
#include "dispatch.h"
#include "nativexent/nativexent.h"
#include "product_blocks.h"

namespace nxent {
namespace {

// A matrix or vector among the arguments, once its stride is known.
struct Matrix {
    const void* start;
    int32_t type;
    size_t stride;
    Extent extent;
};

class LinearCheck {
public:
    explicit LinearCheck(const nxent_linear_args& args) : args_(args) {
        if (linear_element_size(args.input_type) == 0 || linear_element_size(args.weight_type) == 0)
            fail(NXENT_ERROR_ELEMENT_TYPE);
        if ((args.flags & ~uint32_t{NXENT_ACCUMULATE}) != 0 || args.reserved != 0) fail(NXENT_ERROR_FLAGS);
    }

    // The ranges, in a result of so many rows and columns.
    void ranges(size_t rows, size_t columns) {
        if (args_.row_begin > args_.row_end || args_.row_end > rows || args_.column_begin > args_.column_end ||
            args_.column_end > columns)
            fail(NXENT_ERROR_ROW_RANGE);
    }

    Matrix matrix(const void* p, int32_t type, size_t rows, size_t columns, size_t stride) {
        Matrix m{p, type, stride == 0 ? columns : stride, {}};
        if (m.stride < columns) fail(NXENT_ERROR_STRIDE);
        if (status_ != NXENT_OK) return m;
        if (!extent_of(p, rows, m.stride, columns, kElementSize[type], m.extent)) fail(NXENT_ERROR_SIZE_OVERFLOW);
        if (!aligned(p, kElementSize[type])) misaligned_ = true;
        if (!p && m.extent.size != 0) null_ = true;
        if (!p) m.extent.size = 0;
        return m;
    }
    Matrix optional_vector(const void* p, size_t count) { return matrix(p, NXENT_FLOAT32, p ? 1 : 0, count, 0); }

    // All that is left, for products of so many outputs and terms: what is null, alignment, overlap, the workspace.
    template <size_t kResults, size_t kInputs>
    int32_t finish(const Matrix (&results)[kResults], const Matrix (&inputs)[kInputs], size_t terms) {
        const Matrix workspace{
            args_.workspace, NXENT_FLOAT32, 0, {reinterpret_cast<uintptr_t>(args_.workspace), args_.workspace_size}};
        if (args_.workspace_size > kMaxSize - workspace.extent.begin) fail(NXENT_ERROR_SIZE_OVERFLOW);
        if (status_ != NXENT_OK) return status_;
        if (null_ || !args_.workspace) return NXENT_ERROR_NULL_POINTER;
        if (misaligned_ || !aligned(args_.workspace, alignof(float))) return NXENT_ERROR_MISALIGNED;
        for (size_t i = 0; i < kResults; ++i) {
            for (const Matrix& input : inputs)
                if (overlap(results[i].extent, input.extent)) return NXENT_ERROR_OVERLAP;
            for (size_t k = 0; k < i; ++k)
                if (overlap(results[i].extent, results[k].extent)) return NXENT_ERROR_OVERLAP;
            if (overlap(results[i].extent, workspace.extent)) return NXENT_ERROR_OVERLAP;
        }
        for (const Matrix& input : inputs)
            if (overlap(workspace.extent, input.extent)) return NXENT_ERROR_OVERLAP;
        const size_t rows = args_.row_end - args_.row_begin, columns = args_.column_end - args_.column_begin;
        if (args_.workspace_size / sizeof(float) < least_product_workspace(rows, columns, terms))
            return NXENT_ERROR_WORKSPACE;
        return NXENT_OK;
    }

    void fail(int32_t status) {
        if (status_ == NXENT_OK) status_ = status;
    }
    int32_t status() const { return status_; }

private:
    const nxent_linear_args& args_;
    int32_t status_ = NXENT_OK;
    bool misaligned_ = false, null_ = false;
};

// Lines of the operand from the begin of the range on. A matrix without elements may have no address to add to.
ProductOperand lines(const Matrix& m, bool adjacent, size_t begin) {
    const size_t offset = (adjacent ? begin : begin * m.stride) * kElementSize[m.type];
    return {m.start ? static_cast<const char*>(m.start) + offset : nullptr, m.type, m.stride, adjacent};
}

void run(const nxent_linear_args& args, const Matrix& result, const ProductOperand& a, const ProductOperand& b,
         size_t terms, const float* bias) {
    MatrixProductJob job{};
    job.rows = args.row_end - args.row_begin;
    job.columns = args.column_end - args.column_begin;
    job.terms = terms;
    job.a = a;
    job.b = b;
    job.output =
        static_cast<float*>(const_cast<void*>(result.start)) + args.row_begin * result.stride + args.column_begin;
    job.output_stride = result.stride;
    job.bias = bias ? bias + args.column_begin : nullptr;
    job.accumulate = (args.flags & NXENT_ACCUMULATE) != 0;
    job.workspace = static_cast<float*>(args.workspace);
    job.workspace_size = args.workspace_size / sizeof(float);
    active_kernels().matrix_product(job);
}

bool is_empty(const nxent_linear_args& args) {
    return args.row_begin == args.row_end || args.column_begin == args.column_end;
}

}  // namespace
}  // namespace nxent

using namespace nxent;

int32_t nxent_linear_forward(const nxent_linear_args* args) {
    const int32_t struct_status = check_struct(args);
    if (struct_status != NXENT_OK) return struct_status;
    LinearCheck check(*args);
    check.ranges(args->batch_size, args->num_outputs);
    const Matrix input =
        check.matrix(args->input, args->input_type, args->batch_size, args->num_features, args->input_stride);
    const Matrix weight =
        check.matrix(args->weight, args->weight_type, args->num_outputs, args->num_features, args->weight_stride);
    const Matrix output =
        check.matrix(args->output, NXENT_FLOAT32, args->batch_size, args->num_outputs, args->output_stride);
    const Matrix bias = check.optional_vector(args->bias, args->num_outputs);
    if (check.status() != NXENT_OK || is_empty(*args)) return check.status();
    const int32_t status = check.finish({output}, {input, weight, bias}, args->num_features);
    if (status != NXENT_OK) return status;
    const DefaultArithmetic arithmetic;
    run(*args, output, lines(input, false, args->row_begin), lines(weight, false, args->column_begin),
        args->num_features, args->bias);
    return NXENT_OK;
}

int32_t nxent_linear_input_gradient(const nxent_linear_args* args) {
    const int32_t struct_status = check_struct(args);
    if (struct_status != NXENT_OK) return struct_status;
    LinearCheck check(*args);
    check.ranges(args->batch_size, args->num_features);
    const Matrix output_grad =
        check.matrix(args->output_grad, NXENT_FLOAT32, args->batch_size, args->num_outputs, args->output_grad_stride);
    const Matrix weight =
        check.matrix(args->weight, args->weight_type, args->num_outputs, args->num_features, args->weight_stride);
    const Matrix input_grad =
        check.matrix(args->input_grad, NXENT_FLOAT32, args->batch_size, args->num_features, args->input_grad_stride);
    if (check.status() != NXENT_OK || is_empty(*args)) return check.status();
    const int32_t status = check.finish({input_grad}, {output_grad, weight}, args->num_outputs);
    if (status != NXENT_OK) return status;
    const DefaultArithmetic arithmetic;
    run(*args, input_grad, lines(output_grad, false, args->row_begin), lines(weight, true, args->column_begin),
        args->num_outputs, nullptr);
    return NXENT_OK;
}

int32_t nxent_linear_weight_gradient(const nxent_linear_args* args) {
    const int32_t struct_status = check_struct(args);
    if (struct_status != NXENT_OK) return struct_status;
    LinearCheck check(*args);
    check.ranges(args->num_outputs, args->num_features);
    const Matrix output_grad =
        check.matrix(args->output_grad, NXENT_FLOAT32, args->batch_size, args->num_outputs, args->output_grad_stride);
    const Matrix input = check.matrix(args->input, args->input_type, args->weight_grad ? args->batch_size : 0,
                                      args->num_features, args->input_stride);
    const Matrix weight_grad = check.matrix(args->weight_grad, NXENT_FLOAT32, args->weight_grad ? args->num_outputs : 0,
                                            args->num_features, args->weight_grad_stride);
    const Matrix bias_grad = check.optional_vector(args->bias_grad, args->num_outputs);
    if (check.status() != NXENT_OK || is_empty(*args)) return check.status();
    if (!args->weight_grad && !args->bias_grad) return NXENT_ERROR_NULL_POINTER;
    const int32_t status = check.finish({weight_grad, bias_grad}, {output_grad, input}, args->batch_size);
    if (status != NXENT_OK) return status;
    const DefaultArithmetic arithmetic;
    if (args->weight_grad)
        run(*args, weight_grad, lines(output_grad, true, args->row_begin), lines(input, true, args->column_begin),
            args->batch_size, nullptr);
    if (args->bias_grad && args->column_begin == 0)
        active_kernels().column_sums({args->batch_size, args->row_end - args->row_begin,
                                      args->output_grad ? args->output_grad + args->row_begin : nullptr,
                                      output_grad.stride, args->bias_grad + args->row_begin,
                                      (args->flags & NXENT_ACCUMULATE) != 0});
    return NXENT_OK;
}

size_t nxent_linear_workspace_size(int32_t operation, size_t batch_size, size_t num_features, size_t num_outputs) {
    switch (operation) {
        case NXENT_LINEAR_FORWARD: return product_workspace(batch_size, num_outputs, num_features) * sizeof(float);
        case NXENT_LINEAR_INPUT_GRADIENT:
            return product_workspace(batch_size, num_features, num_outputs) * sizeof(float);
        case NXENT_LINEAR_WEIGHT_GRADIENT:
            return product_workspace(num_outputs, num_features, batch_size) * sizeof(float);
        default: return 0;
    }
}
