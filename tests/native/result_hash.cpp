// SPDX-License-Identifier: MIT
#include "result_hash.h"

#include <bit>
#include <cstring>
#include <vector>

#include "generate.h"
#include "knife_edge.h"
#include "nativexent/nativexent.h"
#include "support.h"

namespace nxent_test {
namespace {

// 64-bit FNV-1a over the little-endian bytes of the bits.
class Fnv1a {
public:
    template <class T>
    void add(const T* values, size_t count) {
        for (size_t j = 0; j < count; ++j) {
            uint64_t bits = 0;
            std::memcpy(&bits, &values[j], sizeof(T));
            for (size_t byte = 0; byte < sizeof(T); ++byte, bits >>= 8) {
                state_ ^= bits & 0xff;
                state_ *= 0x100000001b3u;
            }
        }
    }
    uint64_t value() const { return state_; }

private:
    uint64_t state_ = 0xcbf29ce484222325u;
};

static_assert(std::endian::native == std::endian::little, "bits are hashed from the lowest on");

struct Options {
    double label_smoothing, z_loss_scale, scale, softcap;
    bool weighted;
};
constexpr Options kOptions[] = {{0, 0, 0.7, 0, false},      {0, 1e-3, 3.3, 0, true}, {0, 0, 0x1p+40, 0, false},
                                {0.1, 0, 1, 0, false},      {0.1, 0, 0.7, 0, true},  {0, 0, 1, 30, false},
                                {0.05, 1e-4, 1.5, 50, true}};

template <class T>
int32_t add_options(Fnv1a& hash, int32_t type, const std::vector<T>& logits, const std::vector<int32_t>& labels,
                    size_t classes) {
    const size_t rows = labels.size();
    std::vector<double> weights;
    for (size_t c = 0; c < classes; ++c) weights.push_back(0.25 * static_cast<double>(1 + c % 7));
    for (const Options& options : kOptions) {
        std::vector<T> gradient(logits.size()), loss(rows);
        nxent_softmax_cross_entropy_args args = arguments(nullptr, labels.data(), rows, classes, nullptr);
        args.element_type = type;
        args.logits = logits.data();
        args.grad = gradient.data();
        args.loss = loss.data();
        args.label_smoothing = options.label_smoothing;
        args.z_loss_scale = options.z_loss_scale;
        args.scale = options.scale;
        args.softcap = options.softcap;
        args.class_weights = options.weighted ? weights.data() : nullptr;
        if (const int32_t status = nxent_softmax_cross_entropy(&args, nullptr); status != NXENT_OK) return status;
        hash.add(gradient.data(), gradient.size());
        hash.add(loss.data(), loss.size());
    }
    return NXENT_OK;
}

// From 2^-3 to 2^5 in magnitude.
uint16_t any_bfloat16(SplitMix64& random) {
    const uint32_t bits = static_cast<uint32_t>(random.next());
    return static_cast<uint16_t>((bits & 0x807f) | ((124 + ((bits >> 16) & 7)) << 7));
}

// Every option and type but float16: Bochs, which runs this for AVX-512, rounds ties of its conversion wrongly.
int32_t add_family(Fnv1a& hash) {
    SplitMix64 random(20240301);
    for (const size_t n : {2, 3, 10, 33, 100, 209, 1000, 5000}) {
        const size_t rows = n <= 1000 ? 20 : 3;
        std::vector<float> floats(rows * n);
        std::vector<double> doubles;
        std::vector<uint16_t> bfloat16s;
        std::vector<int32_t> labels;
        for (size_t i = 0; i < rows; ++i) {
            fill_any_row(random, &floats[i * n], n);
            labels.push_back(static_cast<int32_t>(random.below(n)));
        }
        for (const float x : floats) {
            doubles.push_back(static_cast<double>(x) * 1.1);
            bfloat16s.push_back(any_bfloat16(random));
        }
        int32_t status = add_options(hash, NXENT_FLOAT32, floats, labels, n);
        if (status == NXENT_OK) status = add_options(hash, NXENT_FLOAT64, doubles, labels, n);
        if (status == NXENT_OK) status = add_options(hash, NXENT_BFLOAT16, bfloat16s, labels, n);
        if (status != NXENT_OK) return status;
    }
    return NXENT_OK;
}

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
        nxent_softmax_cross_entropy_args args = arguments(logits.data(), labels.data(), rows, n, gradient.data());
        args.loss = loss.data();
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
            const int32_t label = edge.label();
            nxent_softmax_cross_entropy_args args = arguments(logits.data(), &label, 1, logits.size(), gradient.data());
            args.loss = &loss;
            status = nxent_softmax_cross_entropy(&args, nullptr);
            if (status != NXENT_OK) return 0;
            hash.add(gradient.data(), gradient.size());
            hash.add(&loss, 1);
        }
    }
    status = add_family(hash);
    return hash.value();
}

}  // namespace nxent_test
