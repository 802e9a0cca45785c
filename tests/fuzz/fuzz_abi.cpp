// SPDX-License-Identifier: MIT
//
// The whole C interface, called as some bytes say: every function, valid arguments and others, each array in a heap block of
// exactly its size, so that the address sanitizer sees what is read or written outside. Each call is made on every usable
// instruction set, and what must hold whatever the bytes are is checked:
//
//   a failed call has written nothing, and fails in the same way everywhere;
//   a successful one has changed no input, and written the same bits as "scalar" has.
//
// LLVMFuzzerTestOneInput() is libFuzzer's; replay.cpp calls it too.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "nativexent/nativexent.h"

namespace {

#define CHECK(condition) \
    if (!(condition)) fail(#condition, __LINE__)
[[noreturn]] void fail(const char* condition, int line) {
    std::fprintf(stderr, "fuzz_abi.cpp:%d: does not hold: %s (instruction set %s)\n", line, condition,
                 nxent_active_isa());
    std::abort();
}

// The input, and after its end numbers that depend on nothing else.
class Input {
public:
    Input(const uint8_t* data, size_t size) : next_(data), left_(size) {}

    uint8_t byte() {
        if (left_ == 0) {
            state_ = state_ * 6364136223846793005u + 1442695040888963407u;
            return static_cast<uint8_t>(state_ >> 56);
        }
        --left_;
        state_ = (state_ ^ *next_) * 0x100000001b3u;
        return *next_++;
    }
    size_t below(size_t n) { return byte() % n; }
    bool one_in(size_t n) { return below(n) == n - 1; }
    template <class T>
    T bits() {
        static_assert(sizeof(T) <= sizeof(uint64_t));
        uint64_t all = 0;
        for (size_t i = 0; i < sizeof(T); ++i) all = all << 8 | byte();
        T value;
        std::memcpy(&value, &all, sizeof(T));
        return value;
    }
    template <class T, size_t Count>
    T one_of(const T (&values)[Count]) {
        return values[below(Count)];
    }

private:
    const uint8_t* next_;
    size_t left_;
    uint64_t state_ = 0xcbf29ce484222325u;
};

// A heap block of exactly this size, at an address that is aligned or not, and what it held before the call.
class Block {
public:
    Block() = default;
    Block(size_t size, size_t misalignment)
        : memory_(new unsigned char[size + misalignment]), before_(size), misalignment_(misalignment) {}

    unsigned char* data() { return memory_ ? memory_.get() + misalignment_ : nullptr; }
    size_t size() const { return before_.size(); }
    void remember() { copy(before_.data(), data()); }
    void restore() { copy(data(), before_.data()); }
    bool is_as_before() { return size() == 0 || std::memcmp(data(), before_.data(), size()) == 0; }
    std::vector<unsigned char> now() { return {data(), data() + size()}; }

private:
    void copy(void* to, const void* from) const {
        if (size() != 0) std::memcpy(to, from, size());
    }

    std::unique_ptr<unsigned char[]> memory_;
    std::vector<unsigned char> before_;
    size_t misalignment_ = 0;
};

constexpr size_t kMostBytes = 1 << 16;
constexpr size_t kElementSize[] = {4, 8, 2, 2};

// All arrays of a call. Those that it may write are compared between instruction sets, and the others with before.
class Arrays {
public:
    explicit Arrays(Input& in) : in_(in) {}

    enum Kind { Read, Written, Scratch, Totals };

    // null where it is not wanted. Where there would be too much memory, too_large() is true after.
    unsigned char* add(Kind kind, bool wanted, size_t rows, size_t stride, size_t columns, size_t element) {
        if (!wanted) return nullptr;
        size_t size = 0;
        if (rows != 0 && columns != 0) {
            if (rows > kMostBytes || stride > kMostBytes || columns > kMostBytes ||
                ((rows - 1) * stride + columns) * element > kMostBytes) {
                too_large_ = true;
                return nullptr;
            }
            size = ((rows - 1) * stride + columns) * element;
        }
        // Rarely in place of an array that is there already: some of that is allowed, and the rest is to be refused.
        if (!entries_.empty() && kind != Totals && in_.one_in(12)) {
            const size_t other = in_.below(entries_.size());
            Entry& shared = entries_[other];
            const size_t offset = in_.one_in(3) ? element * in_.below(4) : 0;
            if (shared.block.size() >= size + offset && size != 0 && shared.kind != Totals) {
                if (kind == Written) shared.kind = shared.kind == Scratch ? Scratch : Written;
                if (kind == Scratch) shared.kind = Scratch;
                return shared.block.data() + offset;
            }
        }
        entries_.push_back({Block(size, in_.one_in(40) ? 1 : 0), kind});
        Block& block = entries_.back().block;
        fill(block.data(), size, element);
        return block.data();
    }
    bool too_large() const { return too_large_; }

    // An array that is written in place of one that is read.
    void mark_written(const void* p) {
        for (Entry& e : entries_)
            if (e.block.data() == p && e.kind == Read) e.kind = Written;
    }
    // Class indices, most of them good ones.
    template <class Integer>
    void make_labels(const void* p, size_t count, size_t classes, int64_t ignore_index) {
        for (size_t i = 0; i < count; ++i) {
            Integer label = static_cast<Integer>(classes ? in_.byte() % classes : 0);
            if (in_.one_in(8)) label = static_cast<Integer>(ignore_index);
            if (in_.one_in(60)) label = in_.bits<Integer>();
            std::memcpy(const_cast<unsigned char*>(static_cast<const unsigned char*>(p)) + i * sizeof(Integer), &label,
                        sizeof(Integer));
        }
    }
    // Numbers that weights may be, most of them.
    void make_weights(const double* p, size_t count) {
        static constexpr double kWeights[] = {0, 1, 2.5, 1e-30, 1e30, 1e-310, 1e308};
        for (size_t i = 0; i < count; ++i) {
            double w = in_.one_in(8) ? in_.one_of(kWeights) : in_.byte() / 64.0;
            if (in_.one_in(100)) w = in_.bits<double>();
            std::memcpy(reinterpret_cast<unsigned char*>(const_cast<double*>(p)) + i * sizeof(double), &w, sizeof w);
        }
    }

    void remember() {
        for (Entry& e : entries_) e.block.remember();
    }
    void restore() {
        for (Entry& e : entries_) e.block.restore();
    }
    void check_nothing_written() {
        for (Entry& e : entries_) CHECK(e.block.is_as_before());
    }
    void check_inputs() {
        for (Entry& e : entries_)
            if (e.kind == Read) CHECK(e.block.is_as_before());
    }
    std::vector<std::vector<unsigned char>> outputs() {
        std::vector<std::vector<unsigned char>> all;
        for (Entry& e : entries_)
            if (e.kind == Written || e.kind == Totals) {
                all.push_back(e.block.now());
                if (e.kind == Totals) make_canonical(all.back());
            }
        return all;
    }

private:
    struct Entry {
        Block block;
        Kind kind;
    };

    // A total that is NaN may be any NaN.
    static void make_canonical(std::vector<unsigned char>& totals) {
        for (size_t i = 0; i < 3 * sizeof(double); i += sizeof(double)) {
            double x;
            std::memcpy(&x, &totals[i], sizeof x);
            if (x != x) std::memset(&totals[i], 0xff, sizeof x);
        }
    }

    // Numbers of one kind: any bits, few of them, or such as logits are.
    void fill(unsigned char* p, size_t size, size_t element) {
        if (element > sizeof(uint64_t)) element = sizeof(uint64_t);  // of a structure
        const size_t kind = in_.below(4);
        static constexpr float kValues[] = {0, -0.0f, 1, -1, 0.5f, 30, -90, 100, 8200, 1e30f, -1e30f, 1e-40f, 3e38f};
        for (size_t i = 0; i + element <= size; i += element) {
            const uint8_t b = in_.byte();
            const bool special = kind == 2 || (kind == 1 && b >= 250);
            const float x = special ? kValues[b % std::size(kValues)] : static_cast<float>(b - 128) / 16;
            uint64_t bits = 0;
            if (kind == 0) {
                bits = in_.bits<uint64_t>();
            } else if (element == 8) {
                const double d = special && b == 255 ? 1e300 : static_cast<double>(x);
                std::memcpy(&bits, &d, 8);
            } else {
                uint32_t single;
                std::memcpy(&single, &x, 4);
                // The upper half is a bfloat16, and a float16 of some value.
                bits = element == 2 ? single >> 16 : single;
            }
            std::memcpy(p + i, &bits, element);
        }
    }

    Input& in_;
    std::vector<Entry> entries_;
    bool too_large_ = false;
};

size_t any_size(Input& in, size_t small) {
    static constexpr size_t kHuge[] = {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 4 + 1, SIZE_MAX / 8 + 2, size_t{1} << 62};
    if (in.one_in(60)) return in.one_of(kHuge);
    return in.one_in(4) ? in.byte() % (4 * small) : in.byte() % small;
}
double any_number(Input& in, double ordinary) {
    static constexpr double kNumbers[] = {0, 1, -1, 0.1, 2, 30, 1e-300, 1e300, 0x1p+64, 0x1p-64, 0x1p+65, -0.0};
    if (in.one_in(8)) return in.bits<double>();
    return in.one_in(3) ? in.one_of(kNumbers) : ordinary;
}
int32_t any_type(Input& in) { return in.one_in(50) ? in.bits<int32_t>() : static_cast<int32_t>(in.below(4)); }

// In heap memory of as many bytes as struct_size says, which may be fewer or more than it has.
template <class Args>
class Structure {
public:
    Structure(Input& in, Args args) {
        size_t size = sizeof(Args);
        if (in.one_in(30)) size = in.below(sizeof(Args) + 24);
        if (size < sizeof(size_t)) size = sizeof(size_t);
        args.struct_size = size;
        memory_.reset(new unsigned char[size]());
        std::memcpy(memory_.get(), &args, size < sizeof(Args) ? size : sizeof(Args));
        if (size > sizeof(Args) && in.one_in(2)) memory_[size - 1] = in.byte();
        is_null_ = in.one_in(100);
    }
    const Args* get() const { return is_null_ ? nullptr : reinterpret_cast<const Args*>(memory_.get()); }

private:
    std::unique_ptr<unsigned char[]> memory_;
    bool is_null_;
};

// What a call left.
struct Outcome {
    int32_t status;
    nxent_label_error error;
    std::vector<std::vector<unsigned char>> outputs;
};

// Makes the call on every instruction set, the last one first, which is scalar.
template <class Call>
void call_everywhere(Arrays& arrays, const Call& call) {
    if (arrays.too_large()) return;
    std::vector<const char*> isas;
    for (size_t i = 0; const char* isa = nxent_usable_isa(i); ++i) isas.insert(isas.begin(), isa);
    arrays.remember();
    Outcome expected{};
    for (const char* isa : isas) {
        CHECK(nxent_force_isa(isa) == NXENT_OK);
        arrays.restore();
        nxent_label_error error{~size_t{0}, -77};
        const int32_t status = call(&error);
        CHECK(status >= NXENT_OK && status <= NXENT_ERROR_WORKSPACE);
        CHECK(nxent_status_message(status) != nullptr);
        CHECK(status == NXENT_ERROR_LABEL_RANGE || (error.row == ~size_t{0} && error.label == -77));
        if (status == NXENT_OK)
            arrays.check_inputs();
        else
            arrays.check_nothing_written();
        const Outcome got{status, error, arrays.outputs()};
        if (isa == isas.front()) {
            expected = got;
            continue;
        }
        CHECK(got.status == expected.status);
        CHECK(got.error.row == expected.error.row && got.error.label == expected.error.label);
        CHECK(got.outputs == expected.outputs);
    }
    nxent_force_isa("auto");
}

// Batch, classes, inner size and the range of rows, of any operation on rows.
template <class Args>
struct Shape {
    size_t samples, sample;

    Shape(Input& in, Args& args) {
        args.element_type = any_type(in);
        args.batch_size = any_size(in, 24);
        args.num_classes = in.one_in(6) ? in.byte() * size_t{5} : any_size(in, 40);
        args.inner_size = in.one_in(4) ? any_size(in, 5) : in.below(2);
        const size_t inner = args.inner_size ? args.inner_size : 1;
        samples = args.batch_size;
        sample = args.num_classes * inner;
        const size_t rows = args.batch_size * inner;
        args.row_begin = in.one_in(4) ? any_size(in, 8) : 0;
        args.row_end = in.one_in(4) ? args.row_begin + in.below(8) : rows;
    }
};

size_t any_stride(Input& in, size_t sample) {
    if (in.one_in(40)) return any_size(in, 40);
    return in.one_in(4) ? sample + in.below(20) : in.one_in(2) ? 0 : sample;
}
size_t effective(size_t stride, size_t sample) { return stride ? stride : sample; }

// Sizes in elements of an unknown type do not matter: such a call is refused before anything is read.
size_t size_of_type(int32_t type) { return type >= 0 && type <= 3 ? kElementSize[type] : 8; }

void fuzz_softmax_cross_entropy(Input& in, bool in_parts) {
    nxent_softmax_cross_entropy_args args{};
    const Shape shape(in, args);
    Arrays arrays(in);
    const size_t element = size_of_type(args.element_type),
                 rows = shape.samples * (args.inner_size ? args.inner_size : 1);
    args.target_type = in.one_in(50) ? in.bits<int32_t>() : static_cast<int32_t>(in.below(3));
    args.flags = in.one_in(40) ? in.bits<uint32_t>() : in.byte() & 7u & in.byte();
    args.reserved = in.one_in(100);
    args.logits_stride = any_stride(in, shape.sample);
    args.grad_stride = any_stride(in, shape.sample);
    args.targets_stride = any_stride(in, shape.sample);
    args.ignore_index = in.one_in(4) ? in.bits<int64_t>() : static_cast<int64_t>(in.below(8)) - 4;
    const bool distribution = args.target_type == NXENT_DISTRIBUTION;
    args.logits = arrays.add(Arrays::Read, !in.one_in(30), shape.samples, effective(args.logits_stride, shape.sample),
                             shape.sample, element);
    args.grad = arrays.add(Arrays::Written, !in.one_in(4), shape.samples, effective(args.grad_stride, shape.sample),
                           shape.sample, element);
    if (in.one_in(4)) {
        args.grad = const_cast<void*>(args.logits);
        args.grad_stride = args.logits_stride;
        arrays.mark_written(args.grad);
    }
    args.targets = distribution ? arrays.add(Arrays::Read, !in.one_in(30), shape.samples,
                                             effective(args.targets_stride, shape.sample), shape.sample, element)
                                : arrays.add(Arrays::Read, !in.one_in(30), rows, 1, 1,
                                             args.target_type == NXENT_LABELS_INT32 ? 4 : 8);
    if (!arrays.too_large() && args.targets && args.target_type == NXENT_LABELS_INT32)
        arrays.make_labels<int32_t>(args.targets, rows, args.num_classes, args.ignore_index);
    if (!arrays.too_large() && args.targets && args.target_type == NXENT_LABELS_INT64)
        arrays.make_labels<int64_t>(args.targets, rows, args.num_classes, args.ignore_index);
    args.class_weights =
        reinterpret_cast<const double*>(arrays.add(Arrays::Read, in.one_in(4), args.num_classes, 1, 1, sizeof(double)));
    if (args.class_weights) arrays.make_weights(args.class_weights, args.num_classes);
    args.upstream = arrays.add(Arrays::Read, in.one_in(4), rows, 1, 1, element);
    args.loss = arrays.add(Arrays::Written, in.one_in(2), rows, 1, 1, element);
    args.lse = arrays.add(Arrays::Written, in.one_in(3), rows, 1, 1, element);
    args.z_loss = arrays.add(Arrays::Written, in.one_in(3), rows, 1, 1, element);
    args.totals =
        reinterpret_cast<nxent_totals*>(arrays.add(Arrays::Totals, in.one_in(2), 1, 1, 1, sizeof(nxent_totals)));
    args.label_smoothing = in.one_in(3) ? any_number(in, 0.1) : 0;
    args.z_loss_scale = in.one_in(3) ? any_number(in, 1e-3) : 0;
    args.scale = in.one_in(3) ? any_number(in, 0.5) : 0;
    args.softcap = in.one_in(3) ? any_number(in, 20) : 0;
    args.grad_scale = any_number(in, 1);
    args.workspace_size = in.one_in(4) ? in.byte() * size_t{64} : 0;
    args.workspace = arrays.add(Arrays::Scratch, args.workspace_size != 0, args.workspace_size, 1, 1, 1);
    if (!in_parts) {
        const Structure structure(in, args);
        return call_everywhere(arrays,
                               [&](nxent_label_error* e) { return nxent_softmax_cross_entropy(structure.get(), e); });
    }
    nxent_row_part part{};
    part.pass = in.one_in(30) ? in.bits<int32_t>() : NXENT_PASS_SUMS;
    part.reserved = in.one_in(100);
    args.row_end = in.one_in(20) ? args.row_end : args.row_begin + 1;
    part.class_begin = 0;
    part.class_end = in.one_in(4) ? any_size(in, 40) : args.num_classes;
    part.row_sums =
        reinterpret_cast<double*>(arrays.add(Arrays::Scratch, !in.one_in(40), NXENT_ROW_SUMS, 1, 1, sizeof(double)));
    const Structure structure(in, args);
    const Structure sums(in, part);
    part.pass = NXENT_PASS_GRADIENT;
    const Structure gradient(in, part);
    // The sums first, and the gradient where these could be had.
    call_everywhere(arrays, [&](nxent_label_error* e) {
        const int32_t status = nxent_softmax_cross_entropy_part(structure.get(), sums.get(), e);
        if (status != NXENT_OK || !gradient.get() || !structure.get()) return status;
        const int32_t second = nxent_softmax_cross_entropy_part(structure.get(), gradient.get(), e);
        CHECK(second == NXENT_OK || second == NXENT_ERROR_STRUCT_SIZE);
        return status;
    });
}

void fuzz_softmax(Input& in) {
    nxent_softmax_args args{};
    const Shape shape(in, args);
    Arrays arrays(in);
    const size_t element = size_of_type(args.element_type),
                 rows = shape.samples * (args.inner_size ? args.inner_size : 1);
    args.flags = in.one_in(40) ? in.bits<uint32_t>() : in.one_in(2) ? uint32_t{NXENT_LOG} : 0;
    args.logits_stride = any_stride(in, shape.sample);
    args.output_stride = any_stride(in, shape.sample);
    args.logits = arrays.add(Arrays::Read, !in.one_in(30), shape.samples, effective(args.logits_stride, shape.sample),
                             shape.sample, element);
    args.output = arrays.add(Arrays::Written, !in.one_in(4), shape.samples, effective(args.output_stride, shape.sample),
                             shape.sample, element);
    args.lse = arrays.add(Arrays::Written, in.one_in(3), rows, 1, 1, element);
    args.workspace_size = in.one_in(4) ? in.byte() * size_t{64} : 0;
    args.workspace = arrays.add(Arrays::Scratch, args.workspace_size != 0, args.workspace_size, 1, 1, 1);
    const Structure structure(in, args);
    call_everywhere(arrays, [&](nxent_label_error*) { return nxent_softmax(structure.get()); });
}

void fuzz_softmax_backward(Input& in) {
    nxent_softmax_backward_args args{};
    const Shape shape(in, args);
    Arrays arrays(in);
    const size_t element = size_of_type(args.element_type);
    args.flags = in.one_in(40)  ? in.bits<uint32_t>()
                 : in.one_in(2) ? uint32_t{NXENT_LOG}
                                : in.one_in(2) * uint32_t{NXENT_ACCUMULATE};
    args.output_stride = any_stride(in, shape.sample);
    args.upstream_stride = any_stride(in, shape.sample);
    args.grad_stride = any_stride(in, shape.sample);
    args.output = arrays.add(Arrays::Read, !in.one_in(30), shape.samples, effective(args.output_stride, shape.sample),
                             shape.sample, element);
    args.upstream = arrays.add(Arrays::Read, !in.one_in(30), shape.samples,
                               effective(args.upstream_stride, shape.sample), shape.sample, element);
    args.grad = arrays.add(Arrays::Written, !in.one_in(30), shape.samples, effective(args.grad_stride, shape.sample),
                           shape.sample, element);
    const Structure structure(in, args);
    call_everywhere(arrays, [&](nxent_label_error*) { return nxent_softmax_backward(structure.get()); });
}

void fuzz_sigmoid_cross_entropy(Input& in) {
    nxent_sigmoid_cross_entropy_args args{};
    args.element_type = any_type(in);
    args.flags = in.one_in(40) ? in.bits<uint32_t>() : in.one_in(3) * uint32_t{NXENT_ACCUMULATE};
    args.size = any_size(in, 60);
    args.begin = in.one_in(4) ? any_size(in, 8) : 0;
    args.end = in.one_in(4) ? any_size(in, 60) : args.size;
    Arrays arrays(in);
    const size_t element = size_of_type(args.element_type);
    args.logits = arrays.add(Arrays::Read, !in.one_in(30), args.size, 1, 1, element);
    args.targets = arrays.add(Arrays::Read, !in.one_in(30), args.size, 1, 1, element);
    args.grad = arrays.add(Arrays::Written, !in.one_in(3), args.size, 1, 1, element);
    args.loss = arrays.add(Arrays::Written, in.one_in(2), args.size, 1, 1, element);
    args.weights = arrays.add(Arrays::Read, in.one_in(3), args.size, 1, 1, element);
    args.upstream = arrays.add(Arrays::Read, in.one_in(3), args.size, 1, 1, element);
    args.num_classes = any_size(in, 20);
    args.positive_weights =
        reinterpret_cast<const double*>(arrays.add(Arrays::Read, in.one_in(3), args.num_classes, 1, 1, sizeof(double)));
    if (args.positive_weights) arrays.make_weights(args.positive_weights, args.num_classes);
    args.totals =
        reinterpret_cast<nxent_totals*>(arrays.add(Arrays::Totals, in.one_in(2), 1, 1, 1, sizeof(nxent_totals)));
    args.label_smoothing = in.one_in(3) ? any_number(in, 0.1) : 0;
    args.grad_scale = any_number(in, 1);
    const Structure structure(in, args);
    call_everywhere(arrays, [&](nxent_label_error*) { return nxent_sigmoid_cross_entropy(structure.get()); });
}

void fuzz_linear(Input& in) {
    nxent_linear_args args{};
    args.input_type = any_type(in);
    args.weight_type = any_type(in);
    args.flags = in.one_in(40) ? in.bits<uint32_t>() : in.one_in(3) * uint32_t{NXENT_ACCUMULATE};
    args.reserved = in.one_in(100);
    args.batch_size = any_size(in, 20);
    args.num_features = in.one_in(6) ? in.byte() : any_size(in, 40);
    args.num_outputs = any_size(in, 40);
    const int32_t operation = static_cast<int32_t>(in.below(3));
    const bool forward = operation == NXENT_LINEAR_FORWARD, by_input = operation == NXENT_LINEAR_INPUT_GRADIENT;
    const bool by_weight = operation == NXENT_LINEAR_WEIGHT_GRADIENT;
    const size_t rows = by_weight ? args.num_outputs : args.batch_size;
    const size_t columns = forward ? args.num_outputs : args.num_features;
    args.row_begin = in.one_in(4) ? any_size(in, 8) : 0;
    args.row_end = in.one_in(4) ? args.row_begin + in.below(8) : rows;
    args.column_begin = in.one_in(4) ? any_size(in, 8) : 0;
    args.column_end = in.one_in(4) ? args.column_begin + in.below(20) : columns;
    Arrays arrays(in);
    const auto matrix = [&](Arrays::Kind kind, bool wanted, size_t lines, size_t width, int32_t type, size_t& stride) {
        stride = any_stride(in, width);
        return arrays.add(kind, wanted, lines, effective(stride, width), width, size_of_type(type));
    };
    const auto floats = [](unsigned char* p) { return reinterpret_cast<float*>(p); };
    const bool all = !in.one_in(10);
    args.input = matrix(Arrays::Read, !by_input && (all || in.one_in(2)), args.batch_size, args.num_features,
                        args.input_type, args.input_stride);
    args.weight = matrix(Arrays::Read, !by_weight && (all || in.one_in(2)), args.num_outputs, args.num_features,
                         args.weight_type, args.weight_stride);
    args.output_grad = floats(matrix(Arrays::Read, !forward && (all || in.one_in(2)), args.batch_size, args.num_outputs,
                                     NXENT_FLOAT32, args.output_grad_stride));
    args.output = floats(matrix(Arrays::Written, forward && (all || in.one_in(2)), args.batch_size, args.num_outputs,
                                NXENT_FLOAT32, args.output_stride));
    args.input_grad = floats(matrix(Arrays::Written, by_input && (all || in.one_in(2)), args.batch_size,
                                    args.num_features, NXENT_FLOAT32, args.input_grad_stride));
    args.weight_grad = floats(matrix(Arrays::Written, by_weight && !in.one_in(4), args.num_outputs, args.num_features,
                                     NXENT_FLOAT32, args.weight_grad_stride));
    args.bias = floats(arrays.add(Arrays::Read, forward && in.one_in(2), 1, args.num_outputs, args.num_outputs, 4));
    args.bias_grad =
        floats(arrays.add(Arrays::Written, by_weight && in.one_in(2), 1, args.num_outputs, args.num_outputs, 4));
    const size_t most = nxent_linear_workspace_size(operation, args.batch_size, args.num_features, args.num_outputs);
    args.workspace_size = in.one_in(8) ? in.byte() * size_t{64} : in.one_in(2) ? 280000 : most;
    // Larger than other arrays, and not to be filled.
    if (args.workspace_size > (size_t{1} << 20)) return;
    Block workspace(args.workspace_size, in.one_in(40) ? 1 : 0);
    args.workspace = in.one_in(40) ? nullptr : workspace.data();
    const Structure structure(in, args);
    call_everywhere(arrays, [&](nxent_label_error*) {
        return forward    ? nxent_linear_forward(structure.get())
               : by_input ? nxent_linear_input_gradient(structure.get())
                          : nxent_linear_weight_gradient(structure.get());
    });
}

// Takes any label, and checks nothing: so the arguments are good ones.
void fuzz_article_function(Input& in) {
    const size_t rows = in.below(40), classes = in.below(60);
    std::vector<float> logits(rows * classes);
    for (float& z : logits) z = in.one_in(8) ? in.bits<float>() : static_cast<float>(in.byte() - 128) / 8;
    std::vector<int32_t> labels(rows);
    for (int32_t& y : labels) y = in.one_in(4) ? in.bits<int32_t>() : static_cast<int32_t>(in.below(60));
    std::vector<uint32_t> expected;
    for (size_t i = 0; const char* isa = nxent_usable_isa(i); ++i) {
        CHECK(nxent_force_isa(isa) == NXENT_OK);
        std::vector<float> gradient(rows * classes);
        cross_entropy_with_logits_grad(logits.data(), labels.data(), rows, classes, gradient.data());
        std::vector<uint32_t> got(gradient.size());
        if (!got.empty()) std::memcpy(got.data(), gradient.data(), 4 * got.size());
        if (i == 0) expected = got;
        CHECK(got == expected);
    }
    nxent_force_isa("auto");
}

void fuzz_queries(Input& in) {
    CHECK(nxent_status_message(in.bits<int32_t>()) != nullptr);
    const size_t index = in.one_in(2) ? in.byte() : in.bits<size_t>();
    const char* const layout = nxent_layout_name(index);
    CHECK(layout || nxent_layout_value(index) == 0);
    const std::string before = nxent_active_isa();
    std::string name;
    for (size_t n = in.below(12); n > 0; --n) name += static_cast<char>(in.byte());
    const int32_t status = nxent_force_isa(name.c_str());
    CHECK(status == NXENT_OK || nxent_active_isa() == before);
    CHECK(nxent_usable_isa(index) == nullptr || index < 8);
    CHECK(nxent_force_isa(nullptr) == NXENT_ERROR_NULL_POINTER);
    nxent_force_isa("auto");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    Input in(data, size);
    switch (in.below(10)) {
        case 0: fuzz_queries(in); break;
        case 1: fuzz_article_function(in); break;
        case 2: fuzz_softmax(in); break;
        case 3: fuzz_softmax_backward(in); break;
        case 4: fuzz_sigmoid_cross_entropy(in); break;
        case 5: fuzz_softmax_cross_entropy(in, true); break;
        case 6: fuzz_linear(in); break;
        default: fuzz_softmax_cross_entropy(in, false); break;
    }
    return 0;
}
