// SPDX-License-Identifier: MIT
//
// Calls the fuzz target with files, those of folders too, or with random bytes: what libFuzzer does, for compilers that have
// none. What fails ends the program.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

size_t replayed = 0;

void replay(const std::filesystem::path& path) {
    if (std::filesystem::is_directory(path)) {
        for (const auto& entry : std::filesystem::directory_iterator(path)) replay(entry.path());
        return;
    }
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (!file) {
        std::fprintf(stderr, "cannot read %s\n", path.string().c_str());
        std::exit(1);
    }
    // The name is there when it fails.
    std::fprintf(stderr, "%s\n", path.string().c_str());
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    ++replayed;
}

void replay_random(uint64_t count) {
    uint64_t state = 1;
    for (uint64_t i = 0; i < count; ++i) {
        std::vector<uint8_t> data(16 + i % 48);
        for (uint8_t& b : data) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            b = static_cast<uint8_t>(state >> 56);
        }
        std::fprintf(stderr, "\rrandom %llu ", static_cast<unsigned long long>(i));
        LLVMFuzzerTestOneInput(data.data(), data.size());
        ++replayed;
    }
}

}  // namespace

int main(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (argument.rfind("--random=", 0) == 0)
            replay_random(std::strtoull(argument.c_str() + 9, nullptr, 10));
        else
            replay(argument);
    }
    std::printf("%zu inputs\n", replayed);
    return replayed == 0 ? 1 : 0;
}
