// SPDX-License-Identifier: MIT
#include "climb.h"

#include "random.h"

namespace nxent_oracle {
namespace {

Verdict worst_of(const Request& request, const std::string& category) {
    Verdict worst;
    worst.share = -1;
    check(request, call(request), [&](const Verdict& v) {
        if (v.category == category && v.share > worst.share) worst = v;
    });
    return worst;
}

// To a number near by: some units in the last place, some thousandths, or another size.
double changed(Random& random, const Type& type, double value) {
    if (!(std::fabs(value) < HUGE_VAL)) return value;
    const Quad exact = static_cast<Quad>(value);
    const double size = random.log_between(0.5, 0x1p30) * random.sign();
    const Quad step = random.one_in(4) ? Quad(random.normal() * random.log_between(1e-6, 10))
                                       : ulp(type, exact) * Quad(std::rint(size));
    const double result = rounded(type, exact + step);
    return std::fabs(result) < HUGE_VAL ? result : value;
}

void change(Random& random, Request& r) {
    Row& row = r.rows[0];
    const size_t k = random.below(row.logits.size());
    switch (random.below(8)) {
        case 0:
            if (row.distribution.empty()) break;
            row.distribution[k] = std::fabs(changed(random, *r.type, row.distribution[k]));
            return;
        case 1:
            if (r.class_weights.empty()) break;
            r.class_weights[k % r.class_weights.size()] =
                std::fabs(changed(random, kTypes[1], r.class_weights[k % r.class_weights.size()]));
            return;
        case 2:
            if (r.z_loss == 0) break;
            r.z_loss = changed(random, kTypes[1], r.z_loss);
            return;
        case 3:
            if (r.smoothing == 0) break;
            r.smoothing = std::fmin(1, std::fabs(changed(random, kTypes[1], r.smoothing)));
            return;
        case 4:
            if (r.scale == 0) break;
            r.scale = std::fmin(0x1p64, std::fmax(0x1p-64, std::fabs(changed(random, kTypes[1], r.scale))));
            return;
        case 5:
            if (r.softcap == 0) break;
            r.softcap = std::fmin(0x1p64, std::fmax(0x1p-64, std::fabs(changed(random, kTypes[1], r.softcap))));
            return;
        case 6: {  // where exponentials have their greatest errors, both ways
            if (!random.one_in(4)) break;
            row.logits[k] =
                rounded(*r.type, Quad(random.pick({0x1.7314bp+2, -0x1.525046p+2, -0x1.7b517ap+7, -0x1.e3ec34p+10,
                                                   0x1.dee72ep+5, 0x1.a53a6ep+5, -0x1.ab9abap+4})));
            return;
        }
        default: break;
    }
    row.logits[k] = changed(random, *r.type, row.logits[k]);
}

}  // namespace

Climb climb(const Request& from, const std::string& category, uint64_t seed, size_t steps) {
    Random random(seed);
    Climb best{from, worst_of(from, category)};
    for (size_t i = 0; i < steps && best.worst.share < 1e300; ++i) {
        Request next = best.request;
        for (size_t changes = 1 + random.below(3); changes > 0; --changes) change(random, next);
        const Verdict verdict = worst_of(next, category);
        // Sideways, too: many steps change nothing.
        if (verdict.share >= best.worst.share) best = {next, verdict};
    }
    return best;
}

}  // namespace nxent_oracle
