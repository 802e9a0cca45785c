// SPDX-License-Identifier: MIT
#include "support.h"

#include <algorithm>
#include <cfloat>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

namespace nxent_test {

#if defined(NXENT_INSTRUMENTED)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
constexpr bool kOracleInSoftware = LDBL_MANT_DIG > 64;

Sweep sweep() {
    static const Sweep chosen = [] {
        const char* value = std::getenv("NATIVEXENT_TEST_SWEEP");
        for (const Sweep s : {Sweep::Quick, Sweep::Normal, Sweep::Full})
            if (value && std::strcmp(value, name_of(s)) == 0) return s;
        if (value && *value) {
            std::fprintf(stderr, "NATIVEXENT_TEST_SWEEP is \"%s\"; it can be quick, normal or full.\n", value);
            std::exit(1);
        }
        return kSanitized || kOracleInSoftware ? Sweep::Quick : Sweep::Normal;
    }();
    return chosen;
}

const char* name_of(Sweep sweep) {
    return sweep == Sweep::Quick ? "quick" : sweep == Sweep::Normal ? "normal" : "full";
}

size_t swept(size_t n) {
    if (sweep() == Sweep::Quick) return std::max<size_t>(1, n / 16);
    return sweep() == Sweep::Normal ? n : 16 * n;
}

std::vector<std::string> usable_isas() {
    std::vector<std::string> names;
    for (size_t i = 0; const char* name = nxent_usable_isa(i); ++i) names.push_back(name);
    return names;
}

ScopedIsa::ScopedIsa(const std::string& name) : before_(nxent_active_isa()) {
    EXPECT_EQ(nxent_force_isa(name.c_str()), NXENT_OK) << name;
    EXPECT_EQ(nxent_active_isa(), name);
}
ScopedIsa::~ScopedIsa() { EXPECT_EQ(nxent_force_isa(before_.c_str()), NXENT_OK) << before_; }

#if defined(__x86_64__) || defined(_M_X64)
bool ScopedFlushToZero::available() { return true; }
ScopedFlushToZero::ScopedFlushToZero() : before_(_mm_getcsr()) {
    constexpr unsigned kFlushToZero = 0x8000, kDenormalsAreZero = 0x0040;
    _mm_setcsr(static_cast<unsigned>(before_) | kFlushToZero | kDenormalsAreZero);
}
ScopedFlushToZero::~ScopedFlushToZero() { _mm_setcsr(static_cast<unsigned>(before_)); }
#elif defined(__aarch64__)
bool ScopedFlushToZero::available() { return true; }
ScopedFlushToZero::ScopedFlushToZero() {
    constexpr uint64_t kFlushToZero = uint64_t{1} << 24;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before_));
    __asm__ volatile("msr fpcr, %0" : : "r"(before_ | kFlushToZero) : "memory");
}
ScopedFlushToZero::~ScopedFlushToZero() { __asm__ volatile("msr fpcr, %0" : : "r"(before_) : "memory"); }
#else
bool ScopedFlushToZero::available() { return false; }
ScopedFlushToZero::ScopedFlushToZero() : before_(0) {}
ScopedFlushToZero::~ScopedFlushToZero() {}
#endif

nxent_softmax_cross_entropy_args arguments(const float* logits, const int32_t* labels, size_t batch_size,
                                           size_t num_classes, float* grad) {
    nxent_softmax_cross_entropy_args args{};
    args.struct_size = sizeof(args);
    args.batch_size = batch_size;
    args.num_classes = num_classes;
    args.row_end = batch_size;
    args.logits = logits;
    args.targets = labels;
    args.grad = grad;
    args.grad_scale = 1;
    return args;
}

float compute_into(const float* logits, size_t classes, size_t label, float* grad) {
    const int32_t labels[] = {static_cast<int32_t>(label)};
    float loss = -1;
    nxent_softmax_cross_entropy_args args = arguments(logits, labels, 1, classes, grad);
    args.loss = &loss;
    EXPECT_EQ(nxent_softmax_cross_entropy(&args, nullptr), NXENT_OK);
    return loss;
}

Row compute(const std::vector<float>& logits, size_t label) {
    Row row{std::vector<float>(logits.size(), -2.0f), 0};
    row.loss = compute_into(logits.data(), logits.size(), label, row.gradient.data());
    return row;
}

void Worst::report(const std::string& what) const {
    std::printf("[   ULP    ] %s: gradient %.3f, label's gradient %.3f, loss %.3f\n", what.c_str(), gradient,
                label_gradient, loss);
    const auto record = [](const char* of, double ulp, const std::string& at) {
        testing::Test::RecordProperty(std::string("worst_ulp_of_") + of, std::to_string(ulp) + at);
    };
    record("gradient", gradient, gradient_at);
    record("label_gradient", label_gradient, label_gradient_at);
    record("loss", loss, loss_at);
}

std::vector<float> PooledRow::logits() const {
    std::vector<float> logits(index.size());
    for (size_t j = 0; j < index.size(); ++j) logits[j] = values[index[j]];
    return logits;
}

Oracle PooledRow::oracle() const {
    std::vector<size_t> occurrences(values.size());
    for (const uint8_t k : index) ++occurrences[k];
    return Oracle(values.data(), values.size(), occurrences.data());
}

namespace {

std::string describe(const std::string& where, size_t classes, size_t label, size_t j, float got, Real exact) {
    char text[160];
    std::snprintf(text, sizeof text, ", %zu classes, label %zu, class %zu: %.9g, exactly %.15Lg", classes, label, j,
                  static_cast<double>(got), exact);
    return where + text;
}

void see(double ulp, const std::string& text, double& worst, std::string& worst_at) {
    if (ulp > worst) {
        worst = ulp;
        worst_at = text;
    }
    EXPECT_LE(ulp, kMaxUlp) << text;
}

}  // namespace

void check_row(const Oracle& oracle, const uint8_t* index, size_t classes, size_t label, const float* gradient,
               float loss, const std::string& where, Worst& worst) {
    // Classes with the same logit mostly have the same bits: each is judged once.
    constexpr uint64_t kNone = ~uint64_t{0};
    std::vector<uint64_t> judged(index ? 256 : 0, kNone);
    double row_worst = -1;
    size_t row_worst_at = 0;
    for (size_t j = 0; j < classes; ++j) {
        if (j == label) continue;
        const size_t k = index ? index[j] : j;
        if (index) {
            if (bits_of(gradient[j]) == judged[k]) continue;
            judged[k] = bits_of(gradient[j]);
        }
        const double ulp = contract_error(gradient[j], oracle.softmax(k));
        if (ulp > row_worst) {
            row_worst = ulp;
            row_worst_at = j;
        }
    }
    if (row_worst > worst.gradient || row_worst > kMaxUlp)
        see(row_worst,
            describe(where, classes, label, row_worst_at, gradient[row_worst_at],
                     oracle.softmax(index ? index[row_worst_at] : row_worst_at)),
            worst.gradient, worst.gradient_at);
    if (label >= classes) return;

    const size_t k = index ? index[label] : label;
    const Real exact = oracle.label_gradient(k);
    const double ulp = contract_error(gradient[label], exact);
    if (ulp > worst.label_gradient || ulp > kMaxUlp)
        see(ulp, describe(where, classes, label, label, gradient[label], exact), worst.label_gradient,
            worst.label_gradient_at);
    const Real exact_loss = oracle.loss(k);
    const double loss_ulp = contract_error(loss, exact_loss);
    if (loss_ulp > worst.loss || loss_ulp > kMaxUlp)
        see(loss_ulp, describe(where + ", loss", classes, label, label, loss, exact_loss), worst.loss, worst.loss_at);
}

void check_pooled_row(const PooledRow& row, size_t label, const std::string& where, Worst& worst) {
    const Row got = compute(row.logits(), label);
    check_row(row.oracle(), row.index.data(), row.index.size(), label, got.gradient.data(), got.loss, where, worst);
}

void expect_same_bits(const float* expected, const float* got, size_t count, const std::string& where) {
    if (count == 0 || std::memcmp(expected, got, count * sizeof(float)) == 0) return;
    size_t j = 0;
    while (bits_of(expected[j]) == bits_of(got[j])) ++j;
    char text[96];
    std::snprintf(text, sizeof text, ": element %zu of %zu is %08x and should be %08x", j, count, bits_of(got[j]),
                  bits_of(expected[j]));
    ADD_FAILURE() << where << text;
}

std::vector<size_t> around_multiples(size_t step, size_t limit) {
    std::vector<size_t> lengths;
    for (size_t n = step; n <= limit; n += step) {
        if (n > 1) lengths.push_back(n - 1);
        lengths.push_back(n);
        lengths.push_back(n + 1);
    }
    return lengths;
}

std::vector<size_t> interesting_lengths() {
    constexpr size_t kLimit = 300000;
    std::vector<size_t> lengths;
    const auto append = [&](const std::vector<size_t>& more) {
        lengths.insert(lengths.end(), more.begin(), more.end());
    };
    for (size_t n = 1; n <= 200; ++n) lengths.push_back(n);
    const bool quick = sweep() == Sweep::Quick;
    const bool slow = quick || nxent_active_isa() == std::string("scalar");
    append(around_multiples(kVector, sweep() == Sweep::Full ? kLimit : quick ? kBlock / 2 : 2 * kBlock + kTile));
    append(around_multiples(kTile, quick ? kBlock + 2 * kTile : slow ? 4 * kBlock : kLimit));
    append(around_multiples(kBlock, quick ? 4 * kBlock : kLimit));
    SplitMix64 random(1);
    for (size_t n = 0; n + kBlock < kLimit; n += quick ? 16 * kBlock : kBlock)
        for (const size_t step : {kVector, kTile}) {
            const size_t middle = n + (1 + random.below(kBlock / step - 1)) * step;
            append({middle - 1, middle, middle + 1});
        }
    append({std::begin(kVocabularies), std::end(kVocabularies)});
    constexpr size_t kBlocksGrow = 256 * kBlock;
    append({kBlocksGrow - 1, kBlocksGrow, kBlocksGrow + 1, kBlocksGrow + 256 * kTile + 1});
    std::sort(lengths.begin(), lengths.end());
    lengths.erase(std::unique(lengths.begin(), lengths.end()), lengths.end());
    return lengths;
}

}  // namespace nxent_test
