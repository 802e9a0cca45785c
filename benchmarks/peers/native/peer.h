// SPDX-License-Identifier: MIT
//
// How a contender that is written in C++ is offered to the program that measures: each shared library of this folder
// exports peer_at(), and the program calls the contenders by these pointers. So each can be missing on its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>

#include <omp.h>

// The work: gradient[i][j] = softmax(logits[i])[j] - (j == labels[i]), row-major.
struct Problem {
    const float* logits;
    const int32_t* labels;
    float* gradient;
    size_t rows;
    size_t classes;
    int32_t threads;
};

struct Peer {
    const char* name;
    // Of the library behind it.
    const char* version;
    // What need not be done for every batch: primitives, sessions, threads. Null on failure.
    void* (*prepare)(const Problem* problem);
    // Computes the gradient as often as is asked. Returns where it is: problem.gradient, unless the library insists on
    // memory of its own. Null on failure.
    const float* (*run)(void* contender, size_t repetitions);
    void (*release)(void* contender);
    // What went wrong last.
    const char* (*error)();
};

// The contenders of this library: index 0, 1, 2, ...; null past the last one.
extern "C" __attribute__((visibility("default"))) const Peer* peer_at(size_t index);

inline std::string& last_error() {
    static thread_local std::string error;
    return error;
}

// A contender is a class that is made from a Problem, whose run() returns where the gradient is.
template <class Contender>
Peer peer(const char* name, const char* version) {
    return {name,
            version,
            [](const Problem* problem) -> void* {
                try {
                    return new Contender(*problem);
                } catch (const std::exception& e) {
                    last_error() = e.what();
                    return nullptr;
                }
            },
            [](void* contender, size_t repetitions) -> const float* {
                try {
                    const float* gradient = nullptr;
                    for (size_t i = 0; i < repetitions; ++i) gradient = static_cast<Contender*>(contender)->run();
                    return gradient;
                } catch (const std::exception& e) {
                    last_error() = e.what();
                    return nullptr;
                }
            },
            [](void* contender) { delete static_cast<Contender*>(contender); },
            [] { return last_error().c_str(); }};
}

// Calls function(begin, end) for a share of the range on each thread, on this thread alone where there is one.
template <class Function>
void in_parallel(int32_t threads, size_t count, Function function) {
    if (threads == 1) {
        function(size_t{0}, count);
        return;
    }
#pragma omp parallel num_threads(threads)
    {
        const auto parts = static_cast<size_t>(omp_get_num_threads());
        const auto part = static_cast<size_t>(omp_get_thread_num());
        function(count * part / parts, count * (part + 1) / parts);
    }
}

// What is left to do for whoever has the softmax.
inline void subtract_one_hot(const Problem& problem) {
    in_parallel(problem.threads, problem.rows, [&](size_t begin, size_t end) {
        for (size_t i = begin; i < end; ++i) {
            problem.gradient[i * problem.classes + static_cast<size_t>(problem.labels[i])] -= 1;
        }
    });
}
