// SPDX-License-Identifier: MIT
#include "any_request.h"

#include <algorithm>
#include <iterator>

namespace nxent_test {
namespace {

template <class T, size_t Count>
T one_of(SplitMix64& random, const T (&values)[Count]) {
    return values[random.below(Count)];
}

double normal(SplitMix64& random, double sigma) {
    const double rough = static_cast<double>(random.normal(sigma));
    return rough + 0x1p-24 * fraction(random);
}

// Any finite bits.
uint64_t any_finite(SplitMix64& random, Type type) {
    for (;;) {
        const uint64_t bits = random.next() & (sign_of(type) | (sign_of(type) - 1));
        if ((bits & (sign_of(type) - 1)) < infinity_bits(type)) return bits;
    }
}

void fill_row(SplitMix64& random, Type type, uint64_t* row, size_t classes) {
    constexpr double kSigmas[] = {0.1, 1, 3, 6, 20, 60, 300};
    constexpr double kOffsets[] = {0, 0, 1e3, -1e3, 8100, -8100, 1e5, -1e6, 524000, 1e9, 1e30, -1e30, 1e300, -1e300};
    const Bits specials = special_elements(type);
    const size_t kind = random.below(14);
    const double sigma = one_of(random, kSigmas), offset = one_of(random, kOffsets);
    const double range = one_of(random, {100.0, 8300.0, 530000.0});
    const uint64_t base = bits_of(type, (2 * fraction(random) - 1) * 9000);
    const uint64_t nothing = sign_of(type) | infinity_bits(type);
    for (size_t j = 0; j < classes; ++j) {
        switch (kind) {
            case 0: row[j] = bits_of(type, (2 * fraction(random) - 1) * range); break;
            case 1: row[j] = any_finite(random, type); break;
            case 2:
                row[j] =
                    random.one_in(8) ? specials[random.below(specials.size())] : bits_of(type, normal(random, sigma));
                break;
            case 3: row[j] = random.one_in(2) ? nothing : base; break;
            case 4: row[j] = base; break;
            case 5: row[j] = j / 4096 % 2 ? nothing : bits_of(type, value_of(type, base) + normal(random, 1)); break;
            case 6:
            case 7: row[j] = bits_of(type, offset + normal(random, sigma)); break;
            default: row[j] = bits_of(type, normal(random, sigma)); break;
        }
        // An offset must not make every row of a narrow type infinite.
        if (kind != 2 && kind != 3 && kind != 5 && (row[j] & (sign_of(type) - 1)) == infinity_bits(type)) --row[j];
    }
    if (kind == 8 && random.one_in(3)) row[random.below(classes)] = infinity_bits(type);
    if (kind == 9 && random.one_in(3)) row[random.below(classes)] = infinity_bits(type) + 1 + random.below(100);
    if (kind == 10 && random.one_in(4)) std::fill_n(row, classes, nothing);
    if (kind == 11 || kind == 12) row[random.below(classes)] = bits_of(type, kind == 11 ? 40 : -40);
}

Bits any_elements(SplitMix64& random, Type type, size_t count, bool special) {
    const Bits specials = special_elements(type);
    Bits bits(count);
    for (uint64_t& b : bits)
        b = special && random.one_in(4) ? specials[random.below(specials.size())] : bits_of(type, normal(random, 1));
    return bits;
}

// Distributions, and rows that are none.
void fill_target_row(SplitMix64& random, Type type, uint64_t* row, size_t classes) {
    const Bits specials = special_elements(type);
    const size_t kind = random.below(8);
    const double even = 2 / static_cast<double>(classes);
    for (size_t j = 0; j < classes; ++j) {
        double q = fraction(random) * even;
        if (kind == 1) q = random.one_in(2) ? 0 : q;
        if (kind == 2) q = 0;
        if (kind == 3) q = normal(random, 1);
        if (kind == 4) q = -q;
        row[j] = bits_of(type, q);
        if (kind == 5 && random.one_in(16)) row[j] = specials[random.below(specials.size())];
    }
    if (kind == 2) row[random.below(classes)] = bits_of(type, 1);
}

std::vector<double> any_class_weights(SplitMix64& random, size_t count) {
    constexpr double kWeights[] = {0, 1, 1e-30, 1e6, 1e30};
    const bool wild = random.one_in(8);
    std::vector<double> weights(count);
    for (double& w : weights) {
        w = 2 * fraction(random);
        if (random.one_in(8)) w = wild ? one_of(random, kWeights) : 0;
    }
    return weights;
}

double any_grad_scale(SplitMix64& random) {
    constexpr double kScales[] = {0, 1.0 / 32, -3.7, 65536, 1e30, 1e-30, 1e300, -1e-300};
    return random.one_in(2) ? 1 : one_of(random, kScales);
}

double any_label_smoothing(SplitMix64& random) {
    constexpr double kSmoothings[] = {0.1, 0.1, 1, 0.5, 1e-10};
    return random.one_in(2) ? 0 : random.one_in(2) ? fraction(random) : one_of(random, kSmoothings);
}

void add_cross_entropy(SplitMix64& random, Request& r) {
    constexpr int32_t kTargetTypes[] = {NXENT_LABELS_INT32, NXENT_LABELS_INT64, NXENT_DISTRIBUTION};
    r.target_type = one_of(random, kTargetTypes);
    if (r.has_distributions()) {
        r.targets.resize(r.rows * r.classes);
        for (size_t i = 0; i < r.rows; ++i) fill_target_row(random, r.type, &r.targets[i * r.classes], r.classes);
    } else {
        constexpr int64_t kFarAway[] = {-100, -1, INT64_MIN, INT64_MAX, int64_t{1} << 32};
        constexpr int64_t kNear[] = {-100, -1, INT32_MIN, INT32_MAX, 0};
        r.ignores = random.one_in(3);
        r.ignore_index = r.target_type == NXENT_LABELS_INT64 ? one_of(random, kFarAway) : one_of(random, kNear);
        for (size_t i = 0; i < r.rows; ++i)
            r.labels.push_back(r.ignores && random.one_in(3) ? r.ignore_index
                               : i % 4 == 0                  ? 0
                               : i % 4 == 1                  ? static_cast<int64_t>(r.classes - 1)
                                                             : static_cast<int64_t>(random.below(r.classes)));
    }
    constexpr double kZLossScales[] = {1e-4, 1, -0.5, 1e3};
    constexpr double kScales[] = {1, 0.5, 2, 1e-3, 37.5, 0x1p+64, 0x1p-64};
    constexpr double kSoftcaps[] = {30, 50, 1, 0.01, 1e6, 0x1p+64, 0x1p-64};
    if (random.one_in(3)) r.class_weights = any_class_weights(random, r.classes);
    if (random.one_in(3)) r.upstream = any_elements(random, r.type, r.rows, random.one_in(2));
    r.label_smoothing = any_label_smoothing(random);
    if (random.one_in(3)) r.z_loss_scale = one_of(random, kZLossScales);
    if (random.one_in(3)) r.scale = random.one_in(2) ? 0.5 + fraction(random) : one_of(random, kScales);
    if (random.one_in(4)) r.softcap = random.one_in(2) ? 1 + 50 * fraction(random) : one_of(random, kSoftcaps);
    r.grad_scale = any_grad_scale(random);
    r.wants_gradient = !random.one_in(4);
    r.wants_loss = !random.one_in(3);
    r.wants_lse = random.one_in(2);
    r.wants_z_loss = random.one_in(3);
    r.wants_totals = random.one_in(2);
    r.counts_correct = random.one_in(4);
}

}  // namespace

Bits special_elements(Type type) {
    const uint64_t infinity = infinity_bits(type), least = uint64_t{1} << format_of(type).fraction;
    Bits bits = {0,
                 1,
                 least - 1,
                 least,
                 least + 1,
                 infinity - 1,
                 infinity,
                 infinity + 1,
                 sign_of(type) - 1,
                 format_of(type).canonical_nan};
    for (const double x :
         {0.001, 1.0, 2.0, 88.0, 104.0, 709.0, 1000.0, 8192.0, 8200.0, 524288.0, 524300.0, 1e6, 65504.0, 1e30})
        bits.push_back(bits_of(type, x));
    const size_t count = bits.size();
    for (size_t i = 0; i < count; ++i) bits.push_back(bits[i] | sign_of(type));
    return bits;
}

Request any_request(SplitMix64& random, Operation operation, Type type, size_t rows, size_t classes) {
    Request r;
    r.operation = operation;
    r.type = type;
    r.rows = rows;
    r.classes = classes;
    r.logits.resize(rows * classes);
    r.wants_loss = false;
    for (size_t i = 0; i < rows; ++i) fill_row(random, type, &r.logits[i * classes], classes);
    if (operation == Operation::CrossEntropy) add_cross_entropy(random, r);
    if (r.is_softmax()) {
        r.wants_lse = random.one_in(2);
        r.wants_gradient = !r.wants_lse || !random.one_in(4);
    }
    if (r.is_backward()) {
        const bool special = random.one_in(4), log = operation == Operation::LogSoftmaxBackward;
        if (!random.one_in(4))
            for (uint64_t& y : r.logits)
                y = bits_of(type, log ? -20 * fraction(random) : fraction(random) * 4 / static_cast<double>(classes));
        r.upstream = any_elements(random, type, rows * classes, special);
    }
    if (operation == Operation::SigmoidCrossEntropy) {
        const bool special = random.one_in(4);
        r.targets = any_elements(random, type, rows, special);
        if (!special)
            for (uint64_t& y : r.targets)
                y = bits_of(type, random.one_in(2) ? static_cast<double>(random.below(2)) : fraction(random));
        if (random.one_in(3)) r.class_weights = any_class_weights(random, 1 + random.below(random.one_in(2) ? 1 : 40));
        if (random.one_in(3)) r.weights = any_elements(random, type, rows, random.one_in(4));
        if (random.one_in(3)) r.upstream = any_elements(random, type, rows, random.one_in(4));
        r.label_smoothing = any_label_smoothing(random);
        r.grad_scale = any_grad_scale(random);
        r.wants_gradient = !random.one_in(4);
        r.wants_loss = !random.one_in(3);
        r.wants_totals = random.one_in(2);
    }
    if (r.wants_gradient && !r.is_softmax() && random.one_in(4))
        r.before = any_elements(random, type, rows * classes, random.one_in(2));
    return r;
}

Request any_request(SplitMix64& random, Operation operation, Type type) {
    if (operation == Operation::SigmoidCrossEntropy)
        return any_request(random, operation, type, random.length(1, 2000), 1);
    const size_t kind = random.below(32);
    const size_t rows = 1 + random.below(kind == 0 ? 2 : kind < 12 ? 48 : 12);
    const size_t classes = kind == 0   ? 4080 + random.below(9000)
                           : kind < 12 ? 1 + random.below(20)
                                       : random.length(1, 600);
    return any_request(random, operation, type, rows, classes);
}

Request ordinary_request(SplitMix64& random, Type type, size_t rows, size_t classes) {
    constexpr double kSigmas[] = {0.1, 1, 3, 6, 20};
    constexpr double kOffsets[] = {0, 0, 10, -90, 1000, -8100, 8200, 1e5};
    Request r;
    r.type = type;
    r.rows = rows;
    r.classes = classes;
    for (size_t i = 0; i < rows; ++i) {
        const double sigma = kSigmas[random.below(5)], offset = kOffsets[random.below(8)];
        const bool masked = random.one_in(4);
        r.labels.push_back(static_cast<int64_t>(random.below(classes)));
        for (size_t j = 0; j < classes; ++j) {
            const double z = offset + static_cast<double>(random.normal(sigma)) + 0x1p-24 * fraction(random);
            const bool gone = masked && random.one_in(8) && j != static_cast<size_t>(r.labels[i]);
            r.logits.push_back(bits_of(type, gone ? -HUGE_VAL : z));
        }
        if (random.one_in(4)) {
            uint64_t& label = r.logits[i * classes + static_cast<size_t>(r.labels[i])];
            label = bits_of(type, value_of(type, label) + (random.one_in(2) ? 20 : -20));
        }
    }
    r.wants_lse = r.wants_z_loss = r.wants_totals = true;
    return r;
}

Request groupable_request(SplitMix64& random, Type type, size_t rows, size_t classes) {
    constexpr double kSigmas[] = {0.1, 1, 3, 20, 300}, kUpstream[] = {1, 1, 0.3, 2.5, 1000, 0, -0.0};
    constexpr double kGradScales[] = {1, 1, 1.0 / 32, 3, 65536, -2, -0.0, 0x1p+39, 0x1p+70, 0x1.8p+285};
    constexpr double kScales[] = {1, 0.5, 1.7}, kSoftcaps[] = {0.1, 5, 30, 20000};
    Request r;
    r.type = type;
    r.rows = rows;
    r.classes = classes;
    r.target_type = random.one_in(2) ? NXENT_LABELS_INT32 : NXENT_LABELS_INT64;
    r.ignores = random.one_in(4);
    r.ignore_index = -1;
    const bool has_upstream = random.one_in(3);
    for (size_t i = 0; i < rows; ++i) {
        const double sigma = one_of(random, kSigmas);
        r.labels.push_back(r.ignores && random.one_in(4) ? -1 : static_cast<int64_t>(random.below(classes)));
        for (size_t j = 0; j < classes; ++j) r.logits.push_back(bits_of(type, normal(random, sigma)));
        if (has_upstream) r.upstream.push_back(bits_of(type, one_of(random, kUpstream)));
    }
    if (random.one_in(4)) {
        constexpr double kFar[] = {8200.5, -9000, 524300.25, -600000.75};
        const Bits specials = special_elements(type);
        const uint64_t special = specials[random.below(specials.size())];
        const size_t odd = random.below(rows), kind = random.below(4);
        uint64_t* const row = &r.logits[odd * classes];
        const size_t label = r.labels[odd] < 0 ? 0 : static_cast<size_t>(r.labels[odd]);
        if (kind == 0 && has_upstream) r.upstream[odd] = special;
        if (kind == 1) row[random.one_in(2) ? label : random.below(classes)] = special;
        if (kind == 2) std::fill_n(row, classes, special);
        const double offset = one_of(random, kFar);
        const uint64_t before = row[label];
        for (size_t j = 0; kind == 3 && j < classes; ++j) row[j] = bits_of(type, value_of(type, row[j]) + offset);
        if (kind == 3 && random.one_in(2)) row[label] = before;
    }
    if (random.one_in(3))
        for (size_t j = 0; j < classes; ++j) r.class_weights.push_back(random.one_in(8) ? 0 : 2 * fraction(random));
    if (r.class_weights.empty() || random.one_in(3)) r.label_smoothing = any_label_smoothing(random);
    if (random.one_in(3)) r.z_loss_scale = 1e-3;
    if (random.one_in(4)) r.softcap = one_of(random, kSoftcaps);
    r.scale = one_of(random, kScales);
    r.grad_scale = one_of(random, kGradScales);
    r.wants_loss = random.one_in(2);
    r.wants_lse = random.one_in(4);
    r.wants_z_loss = random.one_in(4);
    r.wants_totals = random.one_in(2);
    r.counts_correct = random.one_in(4);
    if (random.one_in(4)) r.before = any_elements(random, type, rows * classes, false);
    return r;
}

Placement any_placement(SplitMix64& random, const Request& r) {
    constexpr size_t kGaps[] = {0, 0, 1, 3, 16, 100};
    Placement p;
    p.flush = kBothEnds[random.below(2)];
    p.elements_off = random.one_in(2) ? 0 : random.below(20);
    if (r.operation == Operation::SigmoidCrossEntropy) {
        if (r.wants_gradient && r.before.empty() && random.one_in(3)) p.gradient = Placement::OnLogits;
        p.loss_on_logits = !r.wants_gradient && r.wants_loss && random.one_in(2);
        return p;
    }
    std::vector<size_t> divisors;
    for (size_t n = 1; n <= r.rows; ++n)
        if (r.rows % n == 0) divisors.push_back(n);
    p.inner = divisors[random.below(divisors.size())];
    p.logits_gap = one_of(random, kGaps);
    p.targets_gap = one_of(random, kGaps);
    p.gradient_gap = one_of(random, kGaps);
    // None, one that is a little too small, or one that is used, for exponentials and for a softcap's derivatives.
    const size_t needed = (r.classes * (r.type == Type::Float64 ? 8 : 4) + 7) / 8;
    p.workspace = one_of(random, {size_t{0}, needed - 1, needed, 2 * needed - 1, 2 * needed, 2 * needed + 5});
    // Added to itself, the logits would be another request.
    if (r.wants_gradient && r.before.empty() && random.one_in(3))
        p.gradient = r.is_backward() && random.one_in(2) ? Placement::OnUpstream : Placement::OnLogits;
    return p;
}

}  // namespace nxent_test
