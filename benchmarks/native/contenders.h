// SPDX-License-Identifier: MIT
//
// Who is compared, and on what data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

struct Batch {
    const float* logits;
    const int32_t* labels;
    size_t batch_size;
    size_t num_classes;
    float* grad;

    size_t elements() const { return batch_size * num_classes; }
};

// Logits and room for a gradient, aligned to pages and cut into rows of any length. Logits are normal(0, 3).
class Memory {
public:
    explicit Memory(size_t elements);
    ~Memory();
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;

    // At most max_elements, at least one row. The batch before it is gone.
    Batch batch(size_t num_classes, size_t max_elements);

private:
    size_t elements_;
    float* logits_;
    float* grad_;
    std::vector<int32_t> labels_;
};

struct Contender {
    std::string name;
    // The instruction set to force first, or null.
    const char* isa;
    void (*run)(const Batch& batch);

    void prepare() const;
    // What it is given of a batch. The scalar kernel gets a few rows: with FMA in software, where the data lies does not
    // matter, and all of it would take minutes.
    Batch share(Batch batch) const;
};

// copy, row_copy, article, then nxent_* for each usable instruction set, best first.
std::vector<Contender> contenders();
constexpr size_t kCopy = 0, kArticle = 2, kNxent = 3;

// Throws unless the contender's gradient is right, by the article's method in double (a copy: the logits).
void check(const Contender& contender, const Batch& batch);

constexpr size_t kClasses[] = {10, 100, 1000, 4096, 10000, 32000, 50257, 100000, 128256, 256000};
// Two buffers of this size lie within a second-level cache of 512 KiB.
constexpr size_t kCacheElements = size_t{1} << 15;
