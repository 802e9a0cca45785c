// SPDX-License-Identifier: MIT
#include "ratios.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iterator>

#include "contenders.h"

namespace {

struct Options {
    size_t rounds = 11;
    size_t mebibytes = 64;
    std::vector<size_t> classes{std::begin(kClasses), std::end(kClasses)};
};

struct Ratios {
    size_t classes;
    double to_copy;     // time of nxent on the best instruction set / time of the whole copy
    double to_article;  // time of the article / time of nxent
};

using Rounds = std::vector<std::vector<double>>;  // [contender][round], seconds per element

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

// Of each round's ratio, so that what slows a whole round does not count.
double median_ratio(const std::vector<double>& numerator, const std::vector<double>& denominator) {
    std::vector<double> ratios;
    for (size_t i = 0; i < numerator.size(); ++i) ratios.push_back(numerator[i] / denominator[i]);
    return median(ratios);
}

double seconds_per_element(const Contender& contender, const Batch& batch) {
    using Clock = std::chrono::steady_clock;
    constexpr size_t kElementsPerSample = size_t{1} << 20;
    const size_t repetitions = std::max<size_t>(1, kElementsPerSample / batch.elements());
    contender.prepare();
    const Clock::time_point begin = Clock::now();
    for (size_t i = 0; i < repetitions; ++i) contender.run(batch);
    const std::chrono::duration<double> time = Clock::now() - begin;
    return time.count() / static_cast<double>(repetitions * batch.elements());
}

// Every round begins with another contender.
Rounds measure(const std::vector<Contender>& all, const Batch& batch, size_t rounds) {
    for (const Contender& contender : all) check(contender, contender.share(batch));
    Rounds times(all.size());
    for (size_t round = 0; round < rounds; ++round) {
        for (size_t i = 0; i < all.size(); ++i) {
            const size_t k = (round + i) % all.size();
            times[k].push_back(seconds_per_element(all[k], all[k].share(batch)));
        }
    }
    return times;
}

std::vector<Ratios> print_table(const std::vector<Contender>& all, Memory& memory, const Options& options,
                                size_t max_elements) {
    std::printf("%8s %8s", "classes", "rows");
    for (const Contender& contender : all) std::printf(" %13s", contender.name.c_str());
    std::printf(" %12s %14s\n", "nxent/copy", "article/nxent");
    std::vector<Ratios> table;
    for (const size_t classes : options.classes) {
        if (classes > max_elements) continue;
        const Batch batch = memory.batch(classes, max_elements);
        const Rounds times = measure(all, batch, options.rounds);
        std::printf("%8zu %8zu", classes, batch.batch_size);
        for (const std::vector<double>& of_contender : times) std::printf(" %13.3f", 1e-9 / median(of_contender));
        const Ratios ratios = {classes, median_ratio(times[kNxent], times[kCopy]),
                               median_ratio(times[kArticle], times[kNxent])};
        std::printf(" %11.2fx %13.1fx\n", ratios.to_copy, ratios.to_article);
        std::fflush(stdout);
        table.push_back(ratios);
    }
    return table;
}

// Prints the row that is nearest to breaking the claim.
void print_claim(const char* claim, const std::vector<Ratios>& table, size_t low, size_t high, double Ratios::*ratio,
                 double limit, bool at_most) {
    const Ratios* worst = nullptr;
    for (const Ratios& row : table) {
        if (row.classes < low || row.classes > high) continue;
        if (!worst || (at_most ? row.*ratio > worst->*ratio : row.*ratio < worst->*ratio)) worst = &row;
    }
    if (!worst) {
        std::printf("%s: not measured\n", claim);
        return;
    }
    const bool holds = at_most ? worst->*ratio <= limit : worst->*ratio >= limit;
    std::printf("%s: %s (%.2f x at %zu)\n", claim, holds ? "yes" : "no", worst->*ratio, worst->classes);
}

size_t parse_number(const char* text, const char** end) {
    char* stop;
    const unsigned long long number = *text >= '0' && *text <= '9' ? std::strtoull(text, &stop, 10) : 0;
    if (number == 0) return 0;
    *end = stop;
    return static_cast<size_t>(number);
}

// The value of --name=value where argument is that option, otherwise null.
const char* value_of(const char* argument, const char* option) {
    const size_t length = std::strlen(option);
    return std::strncmp(argument, option, length) == 0 ? argument + length : nullptr;
}

bool parse(const char* argument, Options& options) {
    const char* end = "";
    const char* value;
    if ((value = value_of(argument, "--rounds="))) {
        options.rounds = parse_number(value, &end);
        return options.rounds > 0 && *end == '\0';
    }
    if ((value = value_of(argument, "--mebibytes="))) {
        options.mebibytes = parse_number(value, &end);
        return options.mebibytes > 0 && *end == '\0';
    }
    if ((value = value_of(argument, "--classes="))) {
        options.classes.clear();
        for (;; value = end + 1) {
            options.classes.push_back(parse_number(value, &end));
            if (options.classes.back() == 0) return false;
            if (*end != ',') return *end == '\0';
        }
    }
    return false;
}

}  // namespace

int print_ratios(int argc, char** argv) try {
    Options options;
    for (int i = 0; i < argc; ++i) {
        if (parse(argv[i], options)) continue;
        std::fprintf(stderr, "--ratios: '%s' is not --rounds=N, --mebibytes=N or --classes=N,N,...\n", argv[i]);
        return 2;
    }
    const std::vector<Contender> all = contenders();
    const size_t elements = options.mebibytes * (size_t{1} << 20) / sizeof(float);
    Memory memory(std::max(elements, kCacheElements));

    std::printf("Gelem/s, medians of %zu interleaved rounds; ratios of times, of %s.\n", options.rounds,
                all[kNxent].name.c_str());
    std::printf("copy: one memcpy of the whole matrix; row_copy: one memcpy per row.\n\n");
    std::printf("Beyond cache, up to %zu MiB per buffer\n", options.mebibytes);
    const std::vector<Ratios> table = print_table(all, memory, options, elements);
    std::printf("\nIn cache, up to %zu KiB per buffer\n", kCacheElements * sizeof(float) / 1024);
    print_table(all, memory, options, kCacheElements);

    std::printf("\nBeyond cache:\n");
    print_claim("at least 15 x the article at >= 1000 classes", table, 1000, SIZE_MAX, &Ratios::to_article, 15, false);
    print_claim("at most 2 x memcpy at 1000..100000 classes", table, 1000, 100000, &Ratios::to_copy, 2, true);
    return 0;
} catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
}
