// SPDX-License-Identifier: MIT
//
// Generated inputs that are the same bits on every platform: integers from SplitMix64, converted to float and scaled by
// powers of two. No distribution of the standard library, no libm, and nothing a compiler could contract: every product
// that an addition follows is exact.
#pragma once

#include <bit>
#include <cfloat>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace nxent_test {

inline uint32_t bits_of(float x) { return std::bit_cast<uint32_t>(x); }
inline float float_of(uint32_t bits) { return std::bit_cast<float>(bits); }

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kDenormal = std::numeric_limits<float>::denorm_min();

// Finite, and not NaN: what a row may hold and still have a gradient.
constexpr float kFiniteSpecials[] = {
    0.0f,
    -0.0f,
    kDenormal,
    -kDenormal,
    0x1.fffffcp-127f,
    -0x1.fffffcp-127f,
    FLT_MIN,
    -FLT_MIN,
    FLT_EPSILON,
    1.0f,
    -1.0f,
    88.0f,
    -88.0f,
    104.0f,
    -104.0f,
    1e3f,
    -1e3f,
    8192.0f,
    -8192,
    8192.001f,
    1e6f,
    -1e6f,
    1e30f,
    -1e30f,
    FLT_MAX,
    -FLT_MAX,
};
constexpr size_t kFiniteSpecialCount = sizeof(kFiniteSpecials) / sizeof(kFiniteSpecials[0]);

// NaN in every form: quiet, negative, signalling, with payloads.
constexpr uint32_t kNaNs[] = {0x7fc00000u, 0xffc00000u, 0x7f800001u, 0xff800001u,
                              0x7fffffffu, 0xffffffffu, 0x7fa12345u, 0xffd54321u};

// Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
class SplitMix64 {
public:
    explicit SplitMix64(uint64_t seed) : state_(seed) {}

    uint64_t next() {
        uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }

    // An integer in [0, bound).
    size_t below(size_t bound) { return static_cast<size_t>(next() % bound); }

    bool one_in(size_t n) { return below(n) == 0; }

    // Uniform in ±bound, for bound up to 65536.
    float uniform(double bound) {
        const int64_t unit = static_cast<int64_t>(next() >> 32) - (int64_t{1} << 31);
        return static_cast<float>(unit * static_cast<int64_t>(bound * 65536.0)) * 0x1p-47f;
    }

    // Normal with mean 0, as the sum of twelve uniform numbers; for sigma up to 400.
    float normal(double sigma) {
        int64_t sum = -6 * int64_t{0xffffffff};
        for (int i = 0; i < 6; ++i) {
            const uint64_t two = next();
            sum += static_cast<int64_t>(two >> 32) + static_cast<int64_t>(two & 0xffffffffu);
        }
        return static_cast<float>(sum * static_cast<int64_t>(sigma * 65536.0)) * 0x1p-48f;
    }

    // Every finite bit pattern alike.
    float any_finite() {
        for (;;) {
            const uint32_t bits = static_cast<uint32_t>(next());
            if ((bits & 0x7f800000u) != 0x7f800000u) return float_of(bits);
        }
    }

    float finite_special() { return kFiniteSpecials[below(kFiniteSpecialCount)]; }

    // A length in [low, high], short ones as often as long ones.
    size_t length(size_t low, size_t high) {
        const size_t low_bits = static_cast<size_t>(std::bit_width(low));
        const size_t high_bits = static_cast<size_t>(std::bit_width(high));
        for (;;) {
            const size_t width = low_bits + below(high_bits - low_bits + 1);
            const size_t n = (size_t{1} << (width - 1)) + below(size_t{1} << (width - 1));
            if (n >= low && n <= high) return n;
        }
    }

private:
    uint64_t state_;
};

// A row of any kind, the ordinary and the wild: what every backend must give the same bits for.
inline void fill_any_row(SplitMix64& random, float* logits, size_t classes) {
    constexpr double kSigmas[] = {0.1, 1, 3, 6, 20, 60, 300};
    constexpr float kOffsets[] = {0, 1e3f, -1e3f, 8100, -8100, 1e5f, -1e6f, 1e30f, -1e30f};
    const size_t kind = random.below(10);
    const double sigma = kSigmas[random.below(7)];
    const float offset = kOffsets[random.below(9)];
    const float base = random.uniform(9000);
    for (size_t j = 0; j < classes; ++j) {
        switch (kind) {
            case 0: logits[j] = random.uniform(100); break;
            case 1: logits[j] = random.uniform(8300); break;
            case 2: logits[j] = random.any_finite(); break;
            case 3: logits[j] = random.one_in(8) ? random.finite_special() : random.normal(sigma); break;
            case 4: logits[j] = random.one_in(2) ? -kInfinity : base; break;
            case 5: logits[j] = base; break;
            case 6: logits[j] = offset + random.normal(sigma); break;
            case 7: logits[j] = (j / 4096) % 2 ? -kInfinity : base + random.normal(1); break;
            default: logits[j] = random.normal(sigma); break;
        }
    }
    if (kind == 9 && random.one_in(4)) logits[random.below(classes)] = kInfinity;
    if (kind == 8 && random.one_in(4)) logits[random.below(classes)] = float_of(kNaNs[random.below(8)]);
}

}  // namespace nxent_test
