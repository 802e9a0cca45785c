// SPDX-License-Identifier: MIT
//
// The ceilings: nothing that reads each logit from memory and writes each gradient element to it can beat the fastest
// copy of the same bytes by much. All results are the logits.
#include "peer.h"

#include <cstring>
#include <gnu/libc-version.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace {

using CopyFunction = void (*)(const char* from, char* to, size_t bytes);

// The C library chooses streaming stores by itself where there is much to copy.
void copy_memcpy(const char* from, char* to, size_t bytes) { std::memcpy(to, from, bytes); }

#ifdef __x86_64__

constexpr size_t kVector = 32;
constexpr size_t kLine = 64;
constexpr size_t kPage = 4096;

__attribute__((target("avx"), always_inline)) inline void stream_line(const char* from, char* to) {
    const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + kVector));
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to), low);
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to + kVector), high);
}

// Both take whole pages, and a destination that is aligned to a line.

// Line after line.
__attribute__((target("avx"))) void stream_lines(const char* from, char* to, size_t bytes) {
    for (size_t i = 0; i < bytes; i += 2 * kLine) {
        stream_line(from + i, to + i);
        stream_line(from + i + kLine, to + i + kLine);
    }
}

// Fetches a page before it stores the page before it, so that reads and writes come in long runs.
__attribute__((target("avx"))) void stream_pages(const char* from, char* to, size_t bytes) {
    for (size_t page = 0; page < bytes; page += kPage) {
        if (page + kPage < bytes) {
            for (size_t i = 0; i < kPage; i += kLine) _mm_prefetch(from + page + kPage + i, _MM_HINT_T0);
        }
        for (size_t i = 0; i < kPage; i += kLine) stream_line(from + page + i, to + page + i);
    }
}

// The ends are copied by memcpy.
template <CopyFunction kStream>
void copy_stream(const char* from, char* to, size_t bytes) {
    const size_t head = (kLine - reinterpret_cast<uintptr_t>(to) % kLine) % kLine;
    if (bytes < head + kPage) return copy_memcpy(from, to, bytes);
    const size_t whole = (bytes - head) / kPage * kPage;
    std::memcpy(to, from, head);
    kStream(from + head, to + head, whole);
    _mm_sfence();
    std::memcpy(to + head + whole, from + head + whole, bytes - head - whole);
}

#endif

template <CopyFunction kCopy>
class Copy {
public:
    explicit Copy(const Problem& problem) : problem_(problem) {}

    const float* run() {
        const auto* from = reinterpret_cast<const char*>(problem_.logits);
        auto* to = reinterpret_cast<char*>(problem_.gradient);
        in_parallel(problem_.threads, problem_.rows * problem_.classes, [&](size_t begin, size_t end) {
            kCopy(from + begin * sizeof(float), to + begin * sizeof(float), (end - begin) * sizeof(float));
        });
        return problem_.gradient;
    }

private:
    Problem problem_;
};

}  // namespace

const Peer* peer_at(size_t index) {
    static const Peer peers[] = {
        peer<Copy<copy_memcpy>>("memcpy", gnu_get_libc_version()),
#ifdef __x86_64__
        peer<Copy<copy_stream<stream_lines>>>("streaming copy", ""),
        peer<Copy<copy_stream<stream_pages>>>("streaming copy by pages", ""),
#endif
    };
    return index < sizeof peers / sizeof *peers ? &peers[index] : nullptr;
}
