// SPDX-License-Identifier: MIT
//
// The bounds that docs/numerics.md states, one row of its table each.
#pragma once

namespace nxent_oracle {

struct Bound {
    const char* name;
    double single;  // ULP of float32; of float16 and bfloat16 half an ULP of theirs more
    double wide;    // ULP of float64
    const char* relative_to;
};

constexpr Bound kGradientOther = {"gradient, another class", 3, 4, "p·A"};
constexpr Bound kGradientLabel = {"gradient, the label", 3, 4, "(1 − p)·b"};
constexpr Bound kGradientZLoss = {"gradient with z-loss", 3, 4, "the larger of p·(|A + 2·λ·lse| + |λ|) and b"};
constexpr Bound kGradientTop = {"gradient, several targets, p > 1/2", 3, 4, "the larger of p·(A − b) and (1 − p)·b"};
constexpr Bound kGradientSeveral = {"gradient, several targets", 3, 4, "the larger of p·A and b"};
constexpr Bound kLossLabel = {"loss, labels", 3, 4, "the loss"};
constexpr Bound kLossSeveral = {"loss, several targets", 3, 4, "sum of |b|·(lse − u)"};
constexpr Bound kLse = {"lse", 2, 2, "the larger of |lse| and 1"};
constexpr Bound kZLoss = {"z-loss", 3, 4, "λ·|lse|·max(|lse|, 1)"};
constexpr Bound kTotalLoss = {"total loss", 3, 4, "sum of the rows' magnitudes"};
constexpr Bound kTotalZLoss = {"total z-loss", 3, 4, "sum of the rows' magnitudes"};
constexpr Bound kTotalWeight = {"total weight", 0, 0, "sum of the weights"};
constexpr Bound kSoftmax = {"softmax", 3, 4, "p"};
constexpr Bound kLogSoftmax = {"log-softmax", 2, 4, "log p"};
constexpr Bound kSoftmaxBackward = {"softmax backward", 1, 8, "p·(|g| + sum of |p·g|)"};
constexpr Bound kLogSoftmaxBackward = {"log-softmax backward", 1, 8, "|g| + p·sum of |g|"};
constexpr Bound kSigmoidGradient = {"sigmoid gradient", 1, 4, "the sum of both terms' magnitudes"};
constexpr Bound kSigmoidLoss = {"sigmoid loss", 1, 4, "the sum of both terms' magnitudes"};

}  // namespace nxent_oracle
