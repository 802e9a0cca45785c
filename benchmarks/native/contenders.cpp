// SPDX-License-Identifier: MIT
#include "contenders.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
#include <random>
#include <stdexcept>

#include "article.h"
#include "nativexent/nativexent.h"

namespace {

constexpr std::align_val_t kPage{4096};

float* allocate(size_t elements) { return static_cast<float*>(::operator new(elements * sizeof(float), kPage)); }

// The whole matrix at once: the C library may choose streaming stores, which do not fetch what they overwrite.
void copy(const Batch& batch) { std::memcpy(batch.grad, batch.logits, batch.elements() * sizeof(float)); }

// Row by row, which shows the C library only a row's size.
void row_copy(const Batch& batch) {
    for (size_t i = 0; i < batch.batch_size; ++i) {
        const size_t begin = i * batch.num_classes;
        std::memcpy(batch.grad + begin, batch.logits + begin, batch.num_classes * sizeof(float));
    }
}

void article(const Batch& batch) {
    article_gradient(batch.logits, batch.labels, batch.batch_size, batch.num_classes, batch.grad);
}

void nxent(const Batch& batch) {
    cross_entropy_with_logits_grad(batch.logits, batch.labels, batch.batch_size, batch.num_classes, batch.grad);
}

void expect(bool right, const Contender& contender, const Batch& batch, size_t row) {
    if (right) return;
    throw std::runtime_error(contender.name + " is wrong at " + std::to_string(batch.num_classes) + " classes, row " +
                             std::to_string(row));
}

void check_copy(const Contender& contender, const Batch& batch) {
    expect(std::memcmp(batch.grad, batch.logits, batch.elements() * sizeof(float)) == 0, contender, batch, 0);
}

// The first and the last rows.
void check_gradient(const Contender& contender, const Batch& batch) {
    constexpr size_t kChecked = 4;
    for (size_t i = 0; i < batch.batch_size; ++i) {
        if (i >= kChecked && i + kChecked < batch.batch_size) continue;
        const float* row = batch.logits + i * batch.num_classes;
        const float* grad = batch.grad + i * batch.num_classes;
        const double greatest = *std::max_element(row, row + batch.num_classes);
        double sum = 0;
        for (size_t j = 0; j < batch.num_classes; ++j) sum += std::exp(row[j] - greatest);
        for (size_t j = 0; j < batch.num_classes; ++j) {
            const bool is_label = j == static_cast<size_t>(batch.labels[i]);
            const double expected = std::exp(row[j] - greatest) / sum - (is_label ? 1 : 0);
            // What float32 sums over that many classes leave, and what is lost at the label where p − 1 cancels.
            const double allowed = 1e-3 * std::fabs(expected) + (is_label ? 1e-6 : 0);
            expect(std::fabs(grad[j] - expected) <= allowed, contender, batch, i);
        }
    }
}

}  // namespace

Memory::Memory(size_t elements) : elements_(elements), logits_(allocate(elements)), grad_(allocate(elements)) {
    std::mt19937 random(20);
    std::normal_distribution<float> normal(0, 3);
    std::generate(logits_, logits_ + elements, [&] { return normal(random); });
    std::fill(grad_, grad_ + elements, 0.0f);
}

Memory::~Memory() {
    ::operator delete(logits_, kPage);
    ::operator delete(grad_, kPage);
}

Batch Memory::batch(size_t num_classes, size_t max_elements) {
    const size_t batch_size = std::max<size_t>(1, std::min(max_elements, elements_) / num_classes);
    if (batch_size * num_classes > elements_) {
        throw std::runtime_error("not enough memory for a row of " + std::to_string(num_classes) + " classes");
    }
    std::mt19937 random(21);
    labels_.resize(batch_size);
    for (int32_t& label : labels_) label = static_cast<int32_t>(random() % num_classes);
    return {logits_, labels_.data(), batch_size, num_classes, grad_};
}

void Contender::prepare() const {
    if (isa && nxent_force_isa(isa) != NXENT_OK) throw std::runtime_error(std::string("cannot use ") + isa);
}

Batch Contender::share(Batch batch) const {
    if (isa && std::strcmp(isa, "scalar") == 0) batch.batch_size = std::max<size_t>(1, batch.batch_size / 16);
    return batch;
}

std::vector<Contender> contenders() {
    std::vector<Contender> all = {
        {"copy", nullptr, copy}, {"row_copy", nullptr, row_copy}, {"article", nullptr, article}};
    for (size_t i = 0; const char* isa = nxent_usable_isa(i); ++i) {
        all.push_back({std::string("nxent_") + isa, isa, nxent});
    }
    return all;
}

void check(const Contender& contender, const Batch& batch) {
    // So that nobody passes with what another left behind.
    std::fill(batch.grad, batch.grad + batch.elements(), 2.0f);
    contender.prepare();
    contender.run(batch);
    if (contender.run == copy || contender.run == row_copy) {
        check_copy(contender, batch);
    } else {
        check_gradient(contender, batch);
    }
}
