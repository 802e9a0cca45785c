// SPDX-License-Identifier: MIT
//
// Memory between two pages that may not be touched: one element read or written outside it faults.
#pragma once

#include <cstddef>
#include <new>

#ifdef _WIN32
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>
#else
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace nxent_test {

// Against which of the two guard pages an array lies.
enum class Flush { Begin, End };
constexpr Flush kBothEnds[] = {Flush::Begin, Flush::End};

inline const char* name_of(Flush flush) {
    return flush == Flush::Begin ? "flush with its beginning" : "flush with its end";
}

template <class T>
class GuardedMemory {
public:
    explicit GuardedMemory(size_t capacity) {
        const size_t page = page_size();
        size_ = (capacity * sizeof(T) + page - 1) / page * page;
        if (size_ == 0) size_ = page;
        const size_t total = size_ + 2 * page;
#ifdef _WIN32
        base_ = static_cast<char*>(VirtualAlloc(nullptr, total, MEM_RESERVE, PAGE_NOACCESS));
        if (!base_ || !VirtualAlloc(base_ + page, size_, MEM_COMMIT, PAGE_READWRITE)) throw std::bad_alloc();
#else
        void* p = mmap(nullptr, total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED) throw std::bad_alloc();
        base_ = static_cast<char*>(p);
        if (mprotect(base_ + page, size_, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc();
#endif
        begin_ = base_ + page;
    }
    ~GuardedMemory() {
#ifdef _WIN32
        VirtualFree(base_, 0, MEM_RELEASE);
#else
        munmap(base_, size_ + 2 * page_size());
#endif
    }
    GuardedMemory(const GuardedMemory&) = delete;
    GuardedMemory& operator=(const GuardedMemory&) = delete;

    // count elements that end, or begin, at a guard page.
    T* place(size_t count, Flush flush) const {
        return reinterpret_cast<T*>(flush == Flush::Begin ? begin_ : begin_ + size_ - count * sizeof(T));
    }

    static size_t page_size() {
#ifdef _WIN32
        SYSTEM_INFO info;
        GetSystemInfo(&info);
        return info.dwPageSize;
#else
        return static_cast<size_t>(sysconf(_SC_PAGESIZE));
#endif
    }

private:
    char* base_;
    char* begin_;
    size_t size_;
};

}  // namespace nxent_test
