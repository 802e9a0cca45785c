// SPDX-License-Identifier: MIT
#include "peer.h"

#include <memory>
#include <stdexcept>

#include <pthreadpool.h>
#include <xnnpack.h>

namespace {

void check(xnn_status status) {
    if (status != xnn_status_success) throw std::runtime_error("XNNPACK: status " + std::to_string(status));
}

// The operator is made and set up once and used for every batch. Without a pool it runs on the caller's thread.
class Xnnpack {
public:
    explicit Xnnpack(const Problem& problem)
        : problem_(problem),
          pool_(problem.threads > 1 ? pthreadpool_create(static_cast<size_t>(problem.threads)) : nullptr,
                pthreadpool_destroy),
          softmax_(nullptr, xnn_delete_operator) {
        check(xnn_initialize(nullptr));
        xnn_operator_t made = nullptr;
        check(xnn_create_softmax_nc_f32(problem.classes, problem.classes, problem.classes, 0, &made));
        softmax_.reset(made);
        check(xnn_setup_softmax_nc_f32(made, problem.rows, problem.logits, problem.gradient, pool_.get()));
    }

    const float* run() {
        check(xnn_run_operator(softmax_.get(), pool_.get()));
        subtract_one_hot(problem_);
        return problem_.gradient;
    }

private:
    Problem problem_;
    std::unique_ptr<pthreadpool, decltype(&pthreadpool_destroy)> pool_;
    std::unique_ptr<xnn_operator, decltype(&xnn_delete_operator)> softmax_;
};

}  // namespace

const Peer* peer_at(size_t index) {
    static const Peer it = peer<Xnnpack>("XNNPACK softmax, one-hot", PEER_VERSION);
    return index == 0 ? &it : nullptr;
}
