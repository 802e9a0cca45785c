// SPDX-License-Identifier: MIT
#include "result_hash.h"

#include <vector>

#include "generate.h"
#include "knife_edge.h"
#include "nativexent/nativexent.h"

namespace nxent_test {
namespace {

// 64-bit FNV-1a over the little-endian bytes of the bits.
class Fnv1a {
public:
    void add(const float* values, size_t count) {
        for (size_t j = 0; j < count; ++j) {
            const uint32_t bits = bits_of(values[j]);
            for (int shift = 0; shift < 32; shift += 8) {
                state_ ^= (bits >> shift) & 0xff;
                state_ *= 0x100000001b3u;
            }
        }
    }
    uint64_t value() const { return state_; }

private:
    uint64_t state_ = 0xcbf29ce484222325u;
};

}  // namespace

uint64_t result_hash(int32_t& status) {
    std::vector<size_t> lengths;
    for (size_t n = 1; n <= 300; ++n) lengths.push_back(n);
    for (size_t n = 512; n <= 4096; n += 128)
        for (const size_t m : {n - 1, n, n + 1}) lengths.push_back(m);
    for (const size_t n : {8191, 8192, 8193, 12288, 20481, 32000, 50257, 128256, 151936, 256000, 300000, 1048577})
        lengths.push_back(n);

    SplitMix64 random(20240229);
    Fnv1a hash;
    status = NXENT_OK;
    for (const size_t n : lengths) {
        const size_t rows = n <= 300 ? 24 : n <= 4097 ? 8 : 1;
        std::vector<float> logits(rows * n), gradient(rows * n), loss(rows);
        std::vector<int32_t> labels(rows);
        for (size_t i = 0; i < rows; ++i) {
            fill_any_row(random, &logits[i * n], n);
            labels[i] = static_cast<int32_t>(i % 4 == 0 ? 0 : i % 4 == 1 ? n - 1 : random.below(n));
        }
        nxent_softmax_cross_entropy_args args{};
        args.struct_size = sizeof(args);
        args.batch_size = args.row_end = rows;
        args.num_classes = n;
        args.logits = logits.data();
        args.targets = labels.data();
        args.grad = gradient.data();
        args.loss = loss.data();
        args.grad_scale = 1;
        status = nxent_softmax_cross_entropy(&args, nullptr);
        if (status != NXENT_OK) return 0;
        hash.add(gradient.data(), gradient.size());
        hash.add(loss.data(), loss.size());
        // Labels that select no class, which only the article's function takes.
        for (int32_t& label : labels) label = -1 - label;
        cross_entropy_with_logits_grad(logits.data(), labels.data(), rows, n, gradient.data());
        hash.add(gradient.data(), gradient.size());
    }

    KnifeEdge edge(1);
    for (int i = 0; i < 1000; ++i) {
        edge.next();
        std::vector<float> gradient(edge.below().size());
        for (const std::vector<float>& logits : {edge.below(), edge.above()}) {
            float loss;
            nxent_softmax_cross_entropy_args args{};
            args.struct_size = sizeof(args);
            args.batch_size = args.row_end = 1;
            args.num_classes = logits.size();
            args.logits = logits.data();
            const int32_t label = edge.label();
            args.targets = &label;
            args.grad = gradient.data();
            args.loss = &loss;
            args.grad_scale = 1;
            status = nxent_softmax_cross_entropy(&args, nullptr);
            if (status != NXENT_OK) return 0;
            hash.add(gradient.data(), gradient.size());
            hash.add(&loss, 1);
        }
    }
    return hash.value();
}

}  // namespace nxent_test
