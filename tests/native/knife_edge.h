// SPDX-License-Identifier: MIT
//
// Rows on a knife edge: one result is brought to the point where float32 rounds up instead of down, as near as logits
// can bring it. The sums and logarithms inside are doubles, and with ordinary rows a difference in the last bit of a
// double shows in one result of 2^29. Here it shows in one row of a few.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "generate.h"
#include "nativexent/nativexent.h"

namespace nxent_test {

class KnifeEdge {
public:
    explicit KnifeEdge(uint64_t seed) : random_(seed) {}

    // Makes the next row. Afterwards below() and above() differ by the least in one logit, and in one result.
    void next() {
        constexpr float kBases[] = {0, 3, -30, 100, -700, 8000, 9000};
        constexpr float kLabels[] = {0, 0, -5, -50, 10, 30, 60};
        const float base = kBases[random_.below(7)];
        const size_t classes = random_.one_in(32)  ? 4096 + random_.below(5000)
                               : random_.one_in(4) ? 10 + random_.below(7)
                                                   : 20 + random_.below(200);
        logits_.resize(classes);
        gradient_.resize(classes);
        // Far apart, so that no sum is exact.
        const double spread = static_cast<double>(1 + random_.below(30));
        for (float& z : logits_) z = base - static_cast<float>(spread) + random_.uniform(spread);
        label_ = static_cast<int32_t>(random_.below(classes));
        logits_[static_cast<size_t>(label_)] = base + kLabels[random_.below(7)];
        watched_ = static_cast<Watched>(random_.below(3));
        watched_class_ = another_class();

        // Coarse to fine: the logits of single classes, each of which adds less than the one before.
        float* tuners[6];
        for (float*& tuner : tuners) {
            tuner = &logits_[another_class()];
            *tuner = base - 80.0f;
        }
        below_ = above_ = logits_;
        float greatest = base - 8.0f;
        for (float* tuner : tuners) {
            tune(*tuner, base - 80.0f, greatest);
            greatest -= 5.5f;
        }
    }

    const std::vector<float>& below() const { return below_; }
    const std::vector<float>& above() const { return above_; }
    int32_t label() const { return label_; }

private:
    enum class Watched { LabelGradient, Loss, Gradient };

    size_t another_class() {
        for (;;) {
            const size_t j = random_.below(logits_.size());
            if (j != static_cast<size_t>(label_) && (watched_ != Watched::Gradient || j != watched_class_)) return j;
        }
    }

    uint32_t watched_bits() {
        float loss = 0;
        nxent_softmax_cross_entropy_args args{};
        args.struct_size = sizeof(args);
        args.batch_size = args.row_end = 1;
        args.num_classes = logits_.size();
        args.logits = logits_.data();
        args.targets = &label_;
        args.grad_scale = 1;
        args.grad = gradient_.data();
        args.loss = &loss;
        nxent_softmax_cross_entropy(&args, nullptr);
        if (watched_ == Watched::Loss) return bits_of(loss);
        return bits_of(gradient_[watched_ == Watched::Gradient ? watched_class_ : static_cast<size_t>(label_)]);
    }

    // Integers in the order of the floats.
    static int64_t rank_of(float x) {
        const int64_t magnitude = bits_of(x) & 0x7fffffffu;
        return bits_of(x) >> 31 ? -magnitude : magnitude;
    }
    static float of_rank(int64_t rank) {
        return float_of(rank < 0 ? 0x80000000u | static_cast<uint32_t>(-rank) : static_cast<uint32_t>(rank));
    }

    // Bisects for the greatest logit that leaves the watched result as it is at `low`.
    void tune(float& logit, float low, float high) {
        logit = low;
        const uint32_t bits = watched_bits();
        int64_t same = rank_of(low), other = rank_of(high);
        logit = high;
        const bool changes = watched_bits() != bits;
        while (changes && other - same > 1) {
            const int64_t middle = same + (other - same) / 2;
            logit = of_rank(middle);
            (watched_bits() == bits ? same : other) = middle;
        }
        if (changes) {
            logit = of_rank(other);
            above_ = logits_;
        }
        logit = of_rank(same);
        if (changes) below_ = logits_;
    }

    SplitMix64 random_;
    std::vector<float> logits_, gradient_, below_, above_;
    int32_t label_ = 0;
    Watched watched_ = Watched::Loss;
    size_t watched_class_ = 0;
};

}  // namespace nxent_test
