// SPDX-License-Identifier: MIT
#include "peer.h"

#include <dnnl.hpp>

namespace {

// The primitive is made once and used for every batch.
class OneDnn {
public:
    explicit OneDnn(const Problem& problem) : problem_(problem), engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {
        use_threads();
        const dnnl::memory::desc shape(
            {static_cast<dnnl::memory::dim>(problem.rows), static_cast<dnnl::memory::dim>(problem.classes)},
            dnnl::memory::data_type::f32, dnnl::memory::format_tag::ab);
        softmax_ =
            dnnl::softmax_forward({dnnl::softmax_forward::desc(dnnl::prop_kind::forward_inference, shape, 1), engine_});
        logits_ = dnnl::memory(shape, engine_, const_cast<float*>(problem.logits));
        gradient_ = dnnl::memory(shape, engine_, problem.gradient);
    }

    const float* run() {
        use_threads();
        softmax_.execute(stream_, {{DNNL_ARG_SRC, logits_}, {DNNL_ARG_DST, gradient_}});
        stream_.wait();
        subtract_one_hot(problem_);
        return problem_.gradient;
    }

private:
    // Its threads are OpenMP's, which PyTorch has too.
    void use_threads() const { omp_set_num_threads(problem_.threads); }

    Problem problem_;
    dnnl::engine engine_;
    dnnl::stream stream_;
    dnnl::softmax_forward softmax_;
    dnnl::memory logits_, gradient_;
};

const std::string& version() {
    static const std::string text = [] {
        const dnnl_version_t* v = dnnl_version();
        return std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch);
    }();
    return text;
}

}  // namespace

const Peer* peer_at(size_t index) {
    static const Peer it = peer<OneDnn>("oneDNN softmax, one-hot", version().c_str());
    return index == 0 ? &it : nullptr;
}
