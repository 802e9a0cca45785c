// SPDX-License-Identifier: MIT
//
// What the library says about itself. NXENT_EXPECTED_VERSION comes from the file VERSION, by way of CMake.
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <map>
#include <set>

#include "support.h"

#ifndef _WIN32
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace nxent_test {
namespace {

// Every structure, field and value of an enumeration in the header, as the build lists them from its text.
struct HeaderEntry {
    const char* enumeration;  // or "" where it is none
    const char* name;
    size_t value;
};
#define NXENT_STRUCT(type) {"", #type, sizeof(type)},
#define NXENT_FIELD(type, field) {"", #type "." #field, offsetof(type, field)},
#define NXENT_VALUE(type, name) {#type, #name, static_cast<size_t>(name)},
constexpr HeaderEntry kHeader[] = {
#include "header_layout.inc"
};
#undef NXENT_STRUCT
#undef NXENT_FIELD
#undef NXENT_VALUE

std::vector<int32_t> all_statuses() {
    std::vector<int32_t> statuses;
    for (const HeaderEntry& entry : kHeader)
        if (std::string(entry.enumeration) == "nxent_status") statuses.push_back(static_cast<int32_t>(entry.value));
    return statuses;
}

TEST(Queries, VersionIsThatOfTheVersionFile) { EXPECT_STREQ(nxent_version(), NXENT_EXPECTED_VERSION); }

TEST(Queries, AbiVersionIsTheHeaders) { EXPECT_EQ(nxent_abi_version(), uint32_t{NXENT_ABI_VERSION}); }

TEST(Queries, EveryStatusHasASentenceOfItsOwn) {
    ASSERT_GT(all_statuses().size(), 10u);
    std::set<std::string> sentences;
    for (const int32_t status : all_statuses()) {
        const char* message = nxent_status_message(status);
        ASSERT_NE(message, nullptr) << status;
        EXPECT_GT(std::strlen(message), 4u) << status;
        EXPECT_EQ(message[std::strlen(message) - 1], '.') << message;
        EXPECT_TRUE(sentences.insert(message).second) << "not distinct: " << message;
    }
}

TEST(Queries, UnknownStatusHasASentenceToo) {
    const std::vector<int32_t> statuses = all_statuses();
    std::set<std::string> known;
    for (const int32_t status : statuses) known.insert(nxent_status_message(status));
    for (const int32_t status : {-1, static_cast<int32_t>(statuses.size()), 1000, INT32_MAX, INT32_MIN}) {
        const char* message = nxent_status_message(status);
        ASSERT_NE(message, nullptr) << status;
        EXPECT_EQ(known.count(message), 0u) << status << ": " << message;
        EXPECT_GT(std::strlen(message), 4u);
    }
}

TEST(InstructionSets, AreListedBestFirstAndScalarLast) {
    const std::vector<std::string> order = {"avx512", "avx2", "sse2", "neon", "scalar"};
    const std::vector<std::string> usable = usable_isas();
    ASSERT_FALSE(usable.empty());
    EXPECT_EQ(usable.back(), "scalar");
    size_t place = 0;
    for (const std::string& isa : usable) {
        while (place < order.size() && order[place] != isa) ++place;
        ASSERT_LT(place, order.size()) << isa << " is unknown, or not in order";
    }
    EXPECT_EQ(nxent_usable_isa(usable.size()), nullptr);
    EXPECT_EQ(nxent_usable_isa(usable.size() + 1), nullptr);
    EXPECT_EQ(nxent_usable_isa(SIZE_MAX), nullptr);
}

// The compiler's own run-time library detects the CPU too.
TEST(InstructionSets, AreThoseOfThisCpu) {
    const std::vector<std::string> usable = usable_isas();
    const std::set<std::string> got(usable.begin(), usable.end());
#if defined(__x86_64__) && defined(__GNUC__)
    std::set<std::string> expected = {"sse2", "scalar"};
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    if (avx2) expected.insert("avx2");
    if (avx2 && __builtin_cpu_supports("avx512f")) expected.insert("avx512");
    EXPECT_EQ(got, expected);
#elif defined(__aarch64__) || defined(_M_ARM64)
    EXPECT_EQ(got, (std::set<std::string>{"neon", "scalar"}));
#else
    GTEST_SKIP() << "nothing to compare with";
#endif
}

TEST(InstructionSets, EveryUsableOneCanBeForced) {
    const ScopedIsa restore(nxent_active_isa());
    for (const std::string& isa : usable_isas()) {
        EXPECT_EQ(nxent_force_isa(isa.c_str()), NXENT_OK) << isa;
        EXPECT_EQ(nxent_active_isa(), isa);
    }
}

TEST(InstructionSets, AutoIsTheBestUsableOne) {
    const ScopedIsa restore(nxent_active_isa());
    ASSERT_EQ(nxent_force_isa("scalar"), NXENT_OK);
    EXPECT_EQ(nxent_force_isa("auto"), NXENT_OK);
    EXPECT_STREQ(nxent_active_isa(), nxent_usable_isa(0));
}

TEST(InstructionSets, UnknownNameIsRefusedAndChangesNothing) {
    for (const std::string& isa : usable_isas()) {
        const ScopedIsa scoped(isa);
        for (const char* name : {"bogus", "", " ", "AVX2", "avx", "avx22", "avx2 ", "scala", "scalar2", "Auto"}) {
            EXPECT_EQ(nxent_force_isa(name), NXENT_ERROR_ISA_UNKNOWN) << '"' << name << '"';
            EXPECT_EQ(nxent_active_isa(), isa);
        }
    }
}

TEST(InstructionSets, NullNameIsRefusedAndChangesNothing) {
    const std::string before = nxent_active_isa();
    EXPECT_EQ(nxent_force_isa(nullptr), NXENT_ERROR_NULL_POINTER);
    EXPECT_EQ(nxent_active_isa(), before);
}

TEST(InstructionSets, OtherMachinesAreNotCompiledInAndChangeNothing) {
    const std::string before = nxent_active_isa();
#if defined(__aarch64__) || defined(_M_ARM64)
    const std::vector<const char*> foreign = {"sse2", "avx2", "avx512"};
#else
    const std::vector<const char*> foreign = {"neon"};
#endif
    for (const char* name : foreign) {
        EXPECT_EQ(nxent_force_isa(name), NXENT_ERROR_ISA_NOT_COMPILED) << name;
        EXPECT_EQ(nxent_active_isa(), before);
    }
}

TEST(InstructionSets, ThoseBeyondThisCpuAreRefusedAndChangeNothing) {
#if defined(__aarch64__) || defined(_M_ARM64)
    GTEST_SKIP() << "every arm64 CPU has NEON";
#else
    const std::string before = nxent_active_isa();
    const std::vector<std::string> usable = usable_isas();
    size_t beyond = 0;
    for (const std::string name : {"avx2", "avx512"}) {
        if (std::find(usable.begin(), usable.end(), name) != usable.end()) continue;
        ++beyond;
        EXPECT_EQ(nxent_force_isa(name.c_str()), NXENT_ERROR_ISA_NOT_SUPPORTED) << name;
        EXPECT_EQ(nxent_active_isa(), before);
    }
    if (beyond == 0) GTEST_SKIP() << "this CPU has them all";
#endif
}

TEST(Layout, NamesAndValuesAreTheHeaders) {
    std::map<std::string, size_t> expected, got;
    for (const HeaderEntry& entry : kHeader) expected[entry.name] = entry.value;
    size_t count = 0;
    for (const char* name; (name = nxent_layout_name(count)) != nullptr; ++count)
        EXPECT_TRUE(got.emplace(name, nxent_layout_value(count)).second) << "twice: " << name;
    EXPECT_EQ(got, expected);
    EXPECT_EQ(nxent_layout_value(count), 0u);
    EXPECT_EQ(nxent_layout_name(SIZE_MAX), nullptr);
    EXPECT_EQ(nxent_layout_value(SIZE_MAX), 0u);
}

// No error, no odd value and no query prints anything or ends the process.
TEST(Library, NeverPrintsAndNeverAborts) {
#ifdef _WIN32
    GTEST_SKIP() << "needs fork";
#else
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    std::fflush(nullptr);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        const float logits[] = {float_of(kNaNs[2]), kInfinity, -kInfinity, FLT_MAX};
        float grad[4], loss;
        int32_t labels[] = {9};
        nxent_softmax_cross_entropy_args args = arguments(logits, labels, 1, 4, grad);
        args.loss = &loss;
        nxent_label_error error;
        bool as_expected = nxent_softmax_cross_entropy(&args, &error) == NXENT_ERROR_LABEL_RANGE;
        labels[0] = 3;
        as_expected = as_expected && nxent_softmax_cross_entropy(&args, &error) == NXENT_OK;
        args.row_end = 7;
        as_expected = as_expected && nxent_softmax_cross_entropy(&args, &error) == NXENT_ERROR_ROW_RANGE;
        args.struct_size = 1;
        as_expected = as_expected && nxent_softmax_cross_entropy(&args, &error) == NXENT_ERROR_STRUCT_SIZE;
        as_expected = as_expected && nxent_softmax_cross_entropy(nullptr, nullptr) == NXENT_ERROR_NULL_POINTER;
        labels[0] = -1;
        cross_entropy_with_logits_grad(logits, labels, 1, 4, grad);
        cross_entropy_with_logits_grad(nullptr, nullptr, 0, 4, nullptr);
        as_expected = as_expected && nxent_force_isa("bogus") == NXENT_ERROR_ISA_UNKNOWN;
        as_expected = as_expected && nxent_force_isa(nullptr) == NXENT_ERROR_NULL_POINTER;
        for (size_t i = 0; nxent_usable_isa(i); ++i) nxent_force_isa(nxent_usable_isa(i));
        for (int32_t status = -2; status < 20; ++status) nxent_status_message(status);
        for (size_t i = 0; nxent_layout_name(i); ++i) nxent_layout_value(i);
        nxent_version();
        nxent_abi_version();
        std::fflush(nullptr);
        _exit(as_expected ? 0 : 1);
    }
    close(ends[1]);
    std::string printed;
    char buffer[256];
    for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) printed.append(buffer, static_cast<size_t>(n));
    close(ends[0]);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status);
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_EQ(printed, "");
#endif
}

}  // namespace
}  // namespace nxent_test
