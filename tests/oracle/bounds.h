// SPDX-License-Identifier: MIT
//
// The bounds that docs/numerics.md states: each is a row of its table, which --check-table compares.
#pragma once

namespace nxent_oracle {

struct Bound {
    const char* output;
    const char* of;  // which of them, with which options
    double single;   // ULP of float32; of float16 and bfloat16 half an ULP of theirs more
    double wide;     // ULP of float64
    const char* relative_to;
};

// b, A, lse and λ as in docs/semantics.md.
constexpr Bound kGradientOther = {"gradient", "labels, another class", 3, 4, "itself"};
constexpr Bound kGradientLabel = {"gradient", "labels, the label", 2, 4, "itself"};
constexpr Bound kGradientSeveral = {"gradient", "smoothing or distributions", 3, 4,
                                    "the larger of p·\\|A\\| and \\|b\\|"};
constexpr Bound kGradientTop = {"gradient", "the same, the label and where p > 1/2", 3, 4,
                                "the larger of p·\\|A − b\\| and (1 − p)·\\|b\\|"};
constexpr Bound kGradientZLoss = {"gradient", "z-loss", 3, 4, "as above with A + 2·λ·lse for A, and p·\\|λ\\| more"};
constexpr Bound kLossLabel = {"loss", "labels", 2, 4, "itself"};
constexpr Bound kLossSeveral = {"loss", "smoothing or distributions", 2, 4, "Σ \\|b\\|·(lse − u)"};
constexpr Bound kLse = {"lse", "all", 2, 3, "the larger of \\|lse\\| and 1"};
constexpr Bound kZLoss = {"z-loss", "all", 3, 8, "λ·\\|lse\\|·max(\\|lse\\|, 1)"};
constexpr Bound kTotalLoss = {"total", "of losses", 2, 4, "the sum of what each row's is relative to"};
constexpr Bound kTotalZLoss = {"total", "of z-losses", 3, 8, "the sum of what each row's is relative to"};
constexpr Bound kTotalWeight = {"total", "of weights", 0, 0, "the sum of the weights"};
constexpr Bound kSoftmax = {"softmax", "all", 3, 4, "itself"};
constexpr Bound kLogSoftmax = {"log-softmax", "all", 2, 4, "itself"};
constexpr Bound kSoftmaxBackward = {"softmax, backward", "all", 1, 4, "\\|y\\|·(\\|g\\| + Σ \\|y·g\\|)"};
constexpr Bound kLogSoftmaxBackward = {"log-softmax, backward", "all", 1, 4, "\\|g\\| + exp(l)·Σ \\|g\\|"};
constexpr Bound kSigmoidGradient = {"sigmoid, gradient", "all", 1, 4,
                                    "v·(\\|1 − y′\\|·σ(z) + w·\\|y′\\|·σ(−z))·\\|factors\\|"};
constexpr Bound kSigmoidLoss = {"sigmoid, loss", "all", 1, 4, "the sum of its two terms' magnitudes"};

constexpr const Bound* kBounds[] = {
    &kGradientOther, &kGradientLabel, &kGradientSeveral, &kGradientTop,        &kGradientZLoss,   &kLossLabel,
    &kLossSeveral,   &kLse,           &kZLoss,           &kTotalLoss,          &kTotalZLoss,      &kTotalWeight,
    &kSoftmax,       &kLogSoftmax,    &kSoftmaxBackward, &kLogSoftmaxBackward, &kSigmoidGradient, &kSigmoidLoss};

// What options add, in ULP: the second table.

// float32: u = scale·z is a part in 2^46 off, the float derivative and u under a softcap more.
constexpr double kSoftcapSingle = 2;
constexpr double kGreatSoftcap = 0x1p13;  // above it 2^-19 of the greatest |u| more
constexpr double kGreatSoftcapPerU = 0x1p-19;
// float64: u is rounded to double, and what exp makes of that is in proportion to |u|.
constexpr double kScaleWidePerU = 1;
constexpr double kSoftcapWide = 3;
constexpr double kSoftcapWidePerU = 3;
constexpr double kSoftcapWidePerX = 2;  // x = 2·scale·z / softcap, gradients only
constexpr double kBackwardWidePerClass = 1.0 / 16;

}  // namespace nxent_oracle
