// SPDX-License-Identifier: MIT
//
// The gradient on one thread against a copy of the same data and against the article's loop. With --ratios as its first
// argument the program prints ratios from interleaved rounds; otherwise it is an ordinary Google Benchmark program.
#include <benchmark/benchmark.h>

#include <cstring>
#include <exception>
#include <string>

#include "contenders.h"
#include "ratios.h"

namespace {

constexpr size_t kMemoryElements = size_t{1} << 24;

bool any_wrong = false;

// Made when it is first needed: listing needs none.
Memory& shared_memory() {
    static Memory memory(kMemoryElements);
    return memory;
}

void measure(benchmark::State& state, const Contender& contender, size_t num_classes, size_t max_elements) {
    const Batch batch = contender.share(shared_memory().batch(num_classes, max_elements));
    try {
        check(contender, batch);
    } catch (const std::exception& e) {
        any_wrong = true;
        state.SkipWithError(e.what());
        return;
    }
    contender.prepare();
    for (auto _ : state) {
        contender.run(batch);
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(batch.elements()));
}

void register_all(const char* where, size_t max_elements) {
    for (const size_t num_classes : kClasses) {
        if (num_classes > max_elements) continue;
        for (const Contender& contender : contenders()) {
            const std::string name =
                std::string("gradient/") + where + "/" + contender.name + "/" + std::to_string(num_classes);
            benchmark::RegisterBenchmark(
                name.c_str(), [=](benchmark::State& state) { measure(state, contender, num_classes, max_elements); });
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 1 && std::strcmp(argv[1], "--ratios") == 0) return print_ratios(argc - 2, argv + 2);
    register_all("memory", kMemoryElements);
    register_all("cache", kCacheElements);
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    const size_t ran = benchmark::RunSpecifiedBenchmarks();
    return ran > 0 && !any_wrong ? 0 : 1;
}
