// SPDX-License-Identifier: MIT
//
// The oracle: random requests to every operation of the library, each result compared with the formulas in quadruple
// precision by the bound that docs/numerics.md states for it.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "bounds.h"
#include "check.h"
#include "climb.h"
#include "nativexent/nativexent.h"
#include "shrink.h"

namespace nxent_oracle {
namespace {

struct Worst {
    Verdict verdict;
    uint64_t seed = 0;
    uint64_t numbers = 0, violations = 0;
    Climb climb;
};

std::string over_by(const Verdict& v) {
    char text[80];
    if (v.share == HUGE_VAL && !v.why.empty()) return v.why;
    std::snprintf(text, sizeof text, "%.3g ULP, %.3g of the bound", v.ulps, v.share);
    return text;
}

[[noreturn]] void usage() {
    std::fputs(
        "Usage: nativexent_oracle [options]\n"
        "  --requests N    how many random requests (2000)\n"
        "  --seed S        the first request's; each further one has one more (1)\n"
        "  --isa NAME      the instruction set\n"
        "  --only TEXT     only categories that contain this\n"
        "  --without TEXT  not those that contain this; may be given more than once\n"
        "  --type NAME     f32, f64, f16 or bf16\n"
        "  --operation X   cross-entropy, article, softmax, log-softmax, softmax-backward, log-softmax-backward, "
        "sigmoid\n"
        "  --show          print the request of --seed, shrunk to what is over a bound, and every number that is\n"
        "  --shrink        print the worst of each category that is over its bound, shrunk\n"
        "  --climb N       from the worst small request of each category, N steps further up\n"
        "  --check-table F whether the table in this document has the bounds that are checked\n"
        "  --quiet         print only categories with a violation\n",
        stderr);
    std::exit(2);
}

void print_shrunk(const Request& original, const std::string& category) {
    const Request request = shrunk(original, category.c_str());
    std::fputs(describe(request).c_str(), stdout);
    check(request, call(request), [&](const Verdict& v) {
        if (v.share > 1 && v.category.find(category) != std::string::npos)
            std::printf("  %s, %s: got %a (%.9g), exact %s, %s\n", v.category.c_str(), v.where.c_str(), v.got, v.got,
                        v.exact.c_str(), over_by(v).c_str());
    });
}

// As docs/numerics.md has a bound.
std::string table_row(const Bound& bound) {
    char text[200];
    std::snprintf(text, sizeof text, "| %s | %s | %g | %g | %s |", bound.output, bound.of, bound.single, bound.wide,
                  bound.relative_to);
    return text;
}

int check_table(const char* path) {
    std::ifstream file(path);
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    int missing = 0;
    for (const Bound* bound : kBounds) {
        const std::string row = table_row(*bound);
        if (text.find(row) == std::string::npos) {
            std::printf("%s has no line\n%s\n", path, row.c_str());
            ++missing;
        }
    }
    return missing == 0 ? 0 : 1;
}

int run(int argc, char** argv) {
    uint64_t requests = 2000, seed = 1, steps = 0;
    const char* only = "";
    std::vector<std::string> without;
    const char* operation = nullptr;
    const char* isa = nullptr;
    const Type* type = nullptr;
    bool show = false, quiet = false, shrink = false;
    for (int i = 1; i < argc; ++i) {
        const std::string name = argv[i];
        const auto value = [&] {
            if (++i == argc) usage();
            return argv[i];
        };
        if (name == "--requests")
            requests = std::strtoull(value(), nullptr, 0);
        else if (name == "--seed")
            seed = std::strtoull(value(), nullptr, 0);
        else if (name == "--isa")
            isa = value();
        else if (name == "--only")
            only = value();
        else if (name == "--without")
            without.push_back(value());
        else if (name == "--type")
            type = &type_named(value());
        else if (name == "--operation")
            operation = value();
        else if (name == "--show")
            show = true;
        else if (name == "--shrink")
            shrink = true;
        else if (name == "--climb")
            steps = std::strtoull(value(), nullptr, 0);
        else if (name == "--check-table")
            return check_table(value());
        else if (name == "--quiet")
            quiet = true;
        else
            usage();
    }
    if (!isa) isa = std::getenv("NATIVEXENT_ISA");
    if (isa) {
        const int32_t status = nxent_force_isa(isa);
        if (status == NXENT_ERROR_ISA_NOT_SUPPORTED) {
            std::printf("%s: %s\n", isa, nxent_status_message(status));
            return 77;
        }
        if (status != NXENT_OK) {
            std::fprintf(stderr, "%s: %s\n", isa, nxent_status_message(status));
            return 2;
        }
    }
    if (show) {
        print_shrunk(generate(seed, operation, type), only);
        return 0;
    }
    std::map<std::string, Worst> categories;
    for (uint64_t i = 0; i < requests; ++i) {
        const Request request = generate(seed + i, operation, type);
        check(request, call(request), [&](const Verdict& v) {
            if (v.category.find(only) == std::string::npos) return;
            for (const std::string& text : without)
                if (v.category.find(text) != std::string::npos) return;
            Worst& worst = categories[v.category];
            if (worst.numbers == 0 || v.share > worst.verdict.share) {
                worst.verdict = v;
                worst.seed = seed + i;
            }
            ++worst.numbers;
            if (v.share > 1) ++worst.violations;
            // To climb from: one row of few classes.
            if (steps != 0 && request.rows.size() == 1 && request.rows[0].logits.size() <= 8 &&
                v.share > worst.climb.worst.share) {
                worst.climb = {request, v};
            }
        });
    }
    for (auto& [name, worst] : categories) {
        if (worst.climb.request.rows.empty() || worst.violations != 0) continue;
        worst.climb = climb(worst.climb.request, name, seed, steps);
        const Verdict& v = worst.climb.worst;
        std::printf("%s: climbed to %s\n", name.c_str(), over_by(v).c_str());
        if (v.share > 1) ++worst.violations;
        std::fputs(describe(worst.climb.request).c_str(), stdout);
    }
    uint64_t violations = 0, numbers = 0;
    for (const auto& [name, worst] : categories) {
        const Verdict& v = worst.verdict;
        violations += worst.violations;
        numbers += worst.numbers;
        if (quiet && worst.violations == 0) continue;
        std::printf("%-60s %9llu numbers, worst %s, seed %llu, %s\n", name.c_str(),
                    static_cast<unsigned long long>(worst.numbers), over_by(v).c_str(),
                    static_cast<unsigned long long>(worst.seed), v.where.c_str());
        if (worst.violations == 0) continue;
        std::printf("  %llu OVER: got %a, exact %s\n", static_cast<unsigned long long>(worst.violations), v.got,
                    v.exact.c_str());
        if (shrink) print_shrunk(generate(worst.seed, operation, type), name);
    }
    std::printf("%s: %llu requests from seed %llu, %llu numbers, %llu over their bound\n", nxent_active_isa(),
                static_cast<unsigned long long>(requests), static_cast<unsigned long long>(seed),
                static_cast<unsigned long long>(numbers), static_cast<unsigned long long>(violations));
    return violations == 0 ? 0 : 1;
}

}  // namespace
}  // namespace nxent_oracle

int main(int argc, char** argv) { return nxent_oracle::run(argc, argv); }
