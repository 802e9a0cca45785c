// SPDX-License-Identifier: MIT
//
// ONNX Runtime, from the npm package onnxruntime-node: it has the library but not the header. So what is needed of the C
// interface is declared here. Its table of functions only ever grows at the end; these are from its first version.
#include "peer.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

struct OrtApiBase {
    const void* const* (*GetApi)(uint32_t version);
    const char* (*GetVersionString)();
};

extern "C" const OrtApiBase* OrtGetApiBase();

namespace {

struct Status;
struct Handle;  // an environment, a session, its options, a value or a description of memory

// Places in the table.
enum : size_t {
    kGetErrorMessage = 2,
    kCreateEnv = 3,
    kCreateSessionFromArray = 8,
    kRun = 9,
    kCreateSessionOptions = 10,
    kSetSessionGraphOptimizationLevel = 23,
    kSetIntraOpNumThreads = 24,
    kCreateTensorWithDataAsOrtValue = 49,
    kCreateCpuMemoryInfo = 69,
    kReleaseEnv = 92,
    kReleaseStatus = 93,
    kReleaseMemoryInfo = 94,
    kReleaseSession = 95,
    kReleaseValue = 96,
    kReleaseSessionOptions = 100,
};
constexpr int kLogErrors = 3;          // ORT_LOGGING_LEVEL_ERROR
constexpr int kOptimizeAll = 99;       // ORT_ENABLE_ALL
constexpr int kArenaAllocator = 1;     // OrtArenaAllocator
constexpr int kDefaultMemory = 0;      // OrtMemTypeDefault
constexpr int kFloat = 1;              // ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT
constexpr uint32_t kFirstVersion = 1;  // of the interface

const void* function(size_t place) {
    static const void* const* const api = OrtGetApiBase()->GetApi(kFirstVersion);
    if (!api) throw std::runtime_error("ONNX Runtime no longer has the first version of its C interface");
    return api[place];
}

template <class... Arguments>
void call(size_t place, Arguments... arguments) {
    Status* const status = reinterpret_cast<Status* (*)(Arguments...)>(function(place))(arguments...);
    if (!status) return;
    const std::string message = reinterpret_cast<const char* (*)(Status*)>(function(kGetErrorMessage))(status);
    reinterpret_cast<void (*)(Status*)>(function(kReleaseStatus))(status);
    throw std::runtime_error("ONNX Runtime: " + message);
}

struct Release {
    size_t place;
    void operator()(Handle* handle) const { reinterpret_cast<void (*)(Handle*)>(function(place))(handle); }
};
using Owner = std::unique_ptr<Handle, Release>;

// The function's last argument receives what it creates.
template <class... Arguments>
Owner create(size_t place, size_t release_place, Arguments... arguments) {
    Handle* created = nullptr;
    call(place, arguments..., &created);
    return Owner(created, Release{release_place});
}

// Protocol buffers, as far as a model of one node needs them. Every number and length is below 128: one byte.
std::string number(int field, char value) { return {static_cast<char>(field << 3), value}; }
std::string text(int field, const std::string& value) {
    // Two fields of these messages have numbers above 15, none of them is here.
    return std::string{static_cast<char>(field << 3 | 2), static_cast<char>(value.size())} + value;
}

// y = Softmax(x) over the last of two axes of any length.
std::string model() {
    const auto tensor = [](const char* name) {
        const std::string shape = text(1, text(2, "rows")) + text(1, text(2, "classes"));
        return text(1, name) + text(2, text(1, number(1, kFloat) + text(2, shape)));
    };
    const std::string node = text(1, "x") + text(2, "y") + text(4, "Softmax");
    const std::string graph = text(1, node) + text(2, "g") + text(11, tensor("x")) + text(12, tensor("y"));
    // Version 8 of the format, version 13 of the operators.
    return number(1, 8) + text(7, graph) + text(8, number(2, 13));
}

Handle* environment() {
    static const Owner it = create(kCreateEnv, kReleaseEnv, kLogErrors, "peers");
    return it.get();
}

// The session and both tensors are made once and used for every batch; the output is the gradient's memory.
class OnnxRuntime {
public:
    explicit OnnxRuntime(const Problem& problem) : problem_(problem) {
        const Owner options = create(kCreateSessionOptions, kReleaseSessionOptions);
        call(kSetIntraOpNumThreads, options.get(), static_cast<int>(problem.threads));
        call(kSetSessionGraphOptimizationLevel, options.get(), kOptimizeAll);
        const std::string bytes = model();
        session_ = create(kCreateSessionFromArray, kReleaseSession, environment(),
                          static_cast<const void*>(bytes.data()), bytes.size(), options.get());
        const Owner memory = create(kCreateCpuMemoryInfo, kReleaseMemoryInfo, kArenaAllocator, kDefaultMemory);
        logits_ = tensor(memory.get(), const_cast<float*>(problem.logits));
        gradient_ = tensor(memory.get(), problem.gradient);
    }

    const float* run() {
        const char* const input_name = "x";
        const char* const output_name = "y";
        Handle* const input = logits_.get();
        Handle* output = gradient_.get();
        call(kRun, session_.get(), static_cast<Handle*>(nullptr), &input_name, &input, size_t{1}, &output_name,
             size_t{1}, &output);
        // By this thread alone: the library's own wait for more work, and would keep OpenMP's from running.
        Problem rest = problem_;
        rest.threads = 1;
        subtract_one_hot(rest);
        return problem_.gradient;
    }

private:
    Owner tensor(Handle* memory, float* data) const {
        const int64_t shape[] = {static_cast<int64_t>(problem_.rows), static_cast<int64_t>(problem_.classes)};
        return create(kCreateTensorWithDataAsOrtValue, kReleaseValue, memory, static_cast<void*>(data),
                      problem_.rows * problem_.classes * sizeof(float), &shape[0], size_t{2}, kFloat);
    }

    Problem problem_;
    Owner session_{nullptr, {kReleaseSession}};
    Owner logits_{nullptr, {kReleaseValue}}, gradient_{nullptr, {kReleaseValue}};
};

}  // namespace

const Peer* peer_at(size_t index) {
    static const Peer it = peer<OnnxRuntime>("ONNX Runtime Softmax, one-hot", OrtGetApiBase()->GetVersionString());
    return index == 0 ? &it : nullptr;
}
