// SPDX-License-Identifier: MIT
//
// PyTorch through its C++ interface: the same operators and kernels that Python calls, without Python's overhead.
#include "peer.h"

#include <cstdlib>
#include <malloc.h>
#include <climits>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>

namespace {

// PyTorch asks once. By default it takes AVX2 where there is AVX-512.
void use_best_instructions() {
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    setenv("ATEN_CPU_CAPABILITY", avx512 ? "avx512" : "avx2", 0);
}

// The C library would give memory of that size back to the system whenever it is freed, and PyTorch would wait for it to
// be mapped anew in every batch. So it keeps it.
void keep_memory() {
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
}

at::Tensor logits_of(const Problem& problem) {
    static const bool ready = (use_best_instructions(), keep_memory(), true);
    (void)ready;
    return at::from_blob(const_cast<float*>(problem.logits),
                         {static_cast<int64_t>(problem.rows), static_cast<int64_t>(problem.classes)}, at::kFloat);
}

// What a training step does: the loss, and its gradient by automatic differentiation.
class CrossEntropy {
public:
    explicit CrossEntropy(const Problem& problem) : problem_(problem), logits_(logits_of(problem)) {
        logits_.set_requires_grad(true);
        // It has no int32 labels.
        labels_ = at::from_blob(const_cast<int32_t*>(problem.labels), {static_cast<int64_t>(problem.rows)}, at::kInt)
                      .to(at::kLong);
    }

    const float* run() {
        at::set_num_threads(problem_.threads);
        // As zero_grad() does, so that the gradient is stored, not added.
        logits_.mutable_grad() = at::Tensor();
        at::cross_entropy_loss(logits_, labels_, {}, at::Reduction::Sum).backward();
        return logits_.grad().data_ptr<float>();
    }

private:
    Problem problem_;
    at::Tensor logits_, labels_;
};

class Softmax {
public:
    explicit Softmax(const Problem& problem) : problem_(problem), logits_(logits_of(problem)) {
        gradient_ = at::from_blob(problem.gradient, logits_.sizes(), at::kFloat);
    }

    const float* run() {
        at::set_num_threads(problem_.threads);
        const at::InferenceMode mode;
        at::_softmax_out(gradient_, logits_, 1, false);
        subtract_one_hot(problem_);
        return problem_.gradient;
    }

private:
    Problem problem_;
    at::Tensor logits_, gradient_;
};

}  // namespace

const Peer* peer_at(size_t index) {
    static const Peer peers[] = {
        peer<CrossEntropy>("PyTorch cross_entropy, backward", PEER_VERSION),
        peer<Softmax>("PyTorch softmax, one-hot", PEER_VERSION),
    };
    return index < sizeof peers / sizeof *peers ? &peers[index] : nullptr;
}
