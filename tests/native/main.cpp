// SPDX-License-Identifier: MIT
//
// Runs the tests on the instruction set that the environment variable NATIVEXENT_ISA names, or on the best one.
//
//   exit code 77   this machine cannot run that instruction set (ctest: skipped)
//   --print-hash   no tests: prints a hash of the results' bits, to be compared between machines
#include <gtest/gtest.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "nativexent/nativexent.h"
#include "result_hash.h"
#include "support.h"

namespace {

// A test that leaves another instruction set behind would make all after it test the wrong one.
class SameIsaAfterEveryTest : public testing::EmptyTestEventListener {
public:
    explicit SameIsaAfterEveryTest(std::string isa) : isa_(std::move(isa)) {}
    void OnTestEnd(const testing::TestInfo&) override { EXPECT_EQ(nxent_active_isa(), isa_); }

private:
    std::string isa_;
};

int print_hash() {
    int32_t status;
    const uint64_t hash = nxent_test::result_hash(status);
    if (status != NXENT_OK) {
        std::fprintf(stderr, "nxent_softmax_cross_entropy: %s\n", nxent_status_message(status));
        return 1;
    }
    std::fprintf(stderr, "isa %s\n", nxent_active_isa());
    std::printf("hash %016" PRIx64 "\n", hash);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    constexpr int kSkipped = 77;
    testing::InitGoogleTest(&argc, argv);

    std::string isa = nxent_active_isa();
    const char* wanted = std::getenv("NATIVEXENT_ISA");
    if (wanted && *wanted) {
        const int32_t status = nxent_force_isa(wanted);
        if (status != NXENT_OK) {
            std::fprintf(stderr, "NATIVEXENT_ISA=%s cannot be honoured: %s\n", wanted, nxent_status_message(status));
            return status == NXENT_ERROR_ISA_NOT_SUPPORTED ? kSkipped : 1;
        }
        isa = std::strcmp(wanted, "auto") == 0 ? nxent_usable_isa(0) : wanted;
        if (nxent_active_isa() != isa) {
            std::fprintf(stderr, "NATIVEXENT_ISA=%s, but %s is active.\n", wanted, nxent_active_isa());
            return 1;
        }
    }

    for (int i = 1; i < argc; ++i) {
        if (std::strcmp(argv[i], "--print-hash") != 0) {
            std::fprintf(stderr, "Unknown argument: %s\n", argv[i]);
            return 1;
        }
        return print_hash();
    }

    if (!testing::GTEST_FLAG(list_tests))
        std::printf("[   ISA    ] %s\n[  SWEEP   ] %s\n", isa.c_str(), nxent_test::name_of(nxent_test::sweep()));
    testing::UnitTest::GetInstance()->listeners().Append(new SameIsaAfterEveryTest(isa));
    const int result = RUN_ALL_TESTS();
    if (nxent_active_isa() != isa) {
        std::fprintf(stderr, "The tests were to run on %s, but %s is active.\n", isa.c_str(), nxent_active_isa());
        return 1;
    }
    return result;
}
