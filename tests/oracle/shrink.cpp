// SPDX-License-Identifier: MIT
#include "shrink.h"

#include <cstdio>
#include <functional>

#include "check.h"

namespace nxent_oracle {
namespace {

bool is_over(const Request& request, const char* category) {
    bool over = false;
    check(request, call(request),
          [&](const Verdict& v) { over |= v.share > 1 && v.category.find(category) != std::string::npos; });
    return over;
}

void keep_row(Request& r, size_t row) {
    r.rows = {r.rows[row]};
    r.inner = 1;
    r.row_begin = 0;
    r.row_end = 1;
}

void remove_class(Request& r, size_t from, size_t to) {
    const auto erase = [&](std::vector<double>& v) {
        if (v.size() > 1) v.erase(v.begin() + static_cast<ptrdiff_t>(from), v.begin() + static_cast<ptrdiff_t>(to));
    };
    for (Row& row : r.rows) {
        erase(row.logits);
        erase(row.distribution);
        erase(row.before);
        const int64_t first = static_cast<int64_t>(from), last = static_cast<int64_t>(to);
        if (row.label >= last)
            row.label -= last - first;
        else if (row.label >= first)
            row.label = -1;
    }
    if (!r.class_weights.empty()) erase(r.class_weights);
    r.classes -= to - from;
}

}  // namespace

Request shrunk(const Request& request, const char* category) {
    Request best = request;
    if (!is_over(best, category)) return best;
    // Numbers looked at; rows of thousands of classes would otherwise take minutes.
    size_t budget = 3000000;
    const auto attempt = [&](const std::function<void(Request&)>& change) {
        const size_t numbers = best.rows.size() * best.classes;
        if (budget < numbers) return false;
        budget -= numbers;
        Request smaller = best;
        change(smaller);
        if (!is_over(smaller, category)) return false;
        best = smaller;
        return true;
    };
    for (size_t i = best.row_begin; i < best.row_end; ++i)
        if (best.rows.size() > 1 && attempt([&](Request& r) { keep_row(r, i); })) break;
    const std::function<void(Request&)> simpler[] = {
        [](Request& r) { r.padding = 0; },
        [](Request& r) { r.inner = 1; },
        [](Request& r) { r.workspace = false; },
        [](Request& r) { r.in_place = false; },
        [](Request& r) { r.parts = 0; },
        [](Request& r) { r.accumulate = false; },
        [](Request& r) { r.ignores = false; },
        [](Request& r) { r.count_correct = false; },
        [](Request& r) { r.has_upstream = false; },
        [](Request& r) { r.has_weights = false; },
        [](Request& r) { r.class_weights.clear(); },
        [](Request& r) { r.smoothing = 0; },
        [](Request& r) { r.z_loss = 0; },
        [](Request& r) { r.scale = 0; },
        [](Request& r) { r.softcap = 0; },
        [](Request& r) { r.grad_scale = 1; },
        [](Request& r) { r.wants_grad = false; },
        [](Request& r) { r.wants_loss = false; },
        [](Request& r) { r.wants_lse = false; },
        [](Request& r) { r.wants_z_loss = false; },
        [](Request& r) { r.wants_totals = false; },
        [](Request& r) {
            if (r.has_labels()) r.targets = Targets::Labels32;
        },
    };
    for (int round = 0; round < 2; ++round) {
        for (const auto& change : simpler) attempt(change);
        if (best.operation == Operation::Sigmoid) continue;
        for (size_t step = best.classes / 2; step > 0; step /= 2)
            for (size_t k = 0; k + step <= best.classes && best.classes > step;) {
                const bool holds_label = best.has_labels() && best.rows[0].label >= static_cast<int64_t>(k) &&
                                         best.rows[0].label < static_cast<int64_t>(k + step);
                if (best.rows.size() > 1 || holds_label || !attempt([&](Request& r) { remove_class(r, k, k + step); }))
                    k += step;
            }
        for (Row& row : best.rows)
            for (size_t k = 0; k < row.logits.size() && best.classes <= 64; ++k) {
                attempt([&](Request& r) { r.rows[static_cast<size_t>(&row - best.rows.data())].logits[k] = 0; });
                attempt([&](Request& r) {
                    double& z = r.rows[static_cast<size_t>(&row - best.rows.data())].logits[k];
                    z = std::fabs(z) < HUGE_VAL ? std::rint(z) : z;
                });
            }
    }
    return best;
}

std::string describe(const Request& r) {
    std::string text;
    char buffer[160];
    const auto add = [&](const char* format, auto... values) {
        std::snprintf(buffer, sizeof buffer, format, values...);
        text += buffer;
    };
    const auto list = [&](const char* name, const std::vector<double>& values) {
        if (values.empty()) return;
        add("    %s {", name);
        const size_t most = 64;
        for (size_t k = 0; k < values.size() && k < most; ++k) add("%s%a", k ? ", " : "", values[k]);
        if (values.size() > most) add(", ... %zu in all", values.size());
        text += "}\n";
    };
    add("%s %s, %zu rows [%zu, %zu) of %zu classes, inner %zu, padding %zu", name_of(r.operation), r.type->name,
        r.rows.size(), r.row_begin, r.row_end, r.classes, r.inner, r.padding);
    if (r.operation == Operation::CrossEntropy)
        add(", %s", r.targets == Targets::Labels32   ? "int32 labels"
                    : r.targets == Targets::Labels64 ? "int64 labels"
                                                     : "distributions");
    if (r.smoothing != 0) add(", smoothing %a", r.smoothing);
    if (r.z_loss != 0) add(", z-loss %a", r.z_loss);
    if (r.scale != 0) add(", scale %a", r.scale);
    if (r.softcap != 0) add(", softcap %a", r.softcap);
    if (r.grad_scale != 1) add(", grad_scale %a", r.grad_scale);
    if (r.ignores) add(", ignore index %lld", static_cast<long long>(r.ignore_index));
    if (r.accumulate) text += ", accumulate";
    if (r.in_place) text += ", in place";
    if (r.workspace) text += ", workspace";
    if (r.count_correct) text += ", count correct";
    if (r.parts) add(", in %zu parts", r.parts);
    add("; wants%s%s%s%s%s\n", r.wants_grad ? " grad" : "", r.wants_loss ? " loss" : "", r.wants_lse ? " lse" : "",
        r.wants_z_loss ? " z-loss" : "", r.wants_totals ? " totals" : "");
    list(r.operation == Operation::Sigmoid ? "positive weights" : "class weights", r.class_weights);
    for (size_t i = 0; i < r.rows.size() && i < 8; ++i) {
        const Row& row = r.rows[i];
        add("  row %zu: label %lld", i, static_cast<long long>(row.label));
        if (r.has_upstream) add(", upstream %a", row.upstream);
        if (r.has_weights) add(", weight %a", row.weight);
        text += "\n";
        list("logits", row.logits);
        list("targets", row.distribution);
        if (r.accumulate) list("before", row.before);
    }
    return text;
}

}  // namespace nxent_oracle
