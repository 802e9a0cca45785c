// SPDX-License-Identifier: MIT
//
// Random requests that look for trouble: each draws its sizes, options and kinds of rows anew.
#include <algorithm>
#include <cstring>

#include "nativexent/nativexent.h"
#include "random.h"
#include "request.h"

namespace nxent_oracle {
namespace {

class Generator {
public:
    Generator(uint64_t seed, const char* operation, const Type* type) : random_(seed), operation_(operation) {
        const double which = random_.unit();
        r_.type = type           ? type
                  : which < 0.45 ? &kTypes[0]
                  : which < 0.75 ? &kTypes[1]
                  : which < 0.88 ? &kTypes[2]
                                 : &kTypes[3];
    }

    Request run() {
        choose_operation();
        if (r_.operation == Operation::Sigmoid)
            sigmoid();
        else if (is_backward())
            backward();
        else
            forward();
        layout();
        return r_;
    }

private:
    Random random_;
    const char* operation_;
    Request r_;

    bool is_backward() const {
        return r_.operation == Operation::SoftmaxBackward || r_.operation == Operation::LogSoftmaxBackward;
    }
    const Type& type() const { return *r_.type; }
    double fit(double value) const {
        const double clamped = value > type().greatest()    ? type().greatest()
                               : value < -type().greatest() ? -type().greatest()
                                                            : value;
        return rounded(type(), static_cast<Quad>(clamped));
    }
    // A step of a few units in the last place.
    double nudge(double value, int steps) const {
        if (!(std::fabs(value) < HUGE_VAL)) return value;
        return fit(value + steps * static_cast<double>(ulp(type(), static_cast<Quad>(value))));
    }

    void choose_operation() {
        constexpr Operation all[] = {Operation::CrossEntropy, Operation::Article,         Operation::Softmax,
                                     Operation::LogSoftmax,   Operation::SoftmaxBackward, Operation::LogSoftmaxBackward,
                                     Operation::Sigmoid};
        const double which = random_.unit();
        r_.operation = which < 0.66   ? all[0]
                       : which < 0.68 ? all[1]
                       : which < 0.75 ? all[2]
                       : which < 0.84 ? all[3]
                       : which < 0.88 ? all[4]
                       : which < 0.92 ? all[5]
                                      : all[6];
        if (operation_) {
            for (const Operation operation : all)
                if (std::strcmp(name_of(operation), operation_) == 0) r_.operation = operation;
        }
        if (r_.operation == Operation::Article) r_.type = &kTypes[0];
    }

    size_t number_of_classes() {
        const double which = random_.unit();
        if (which < 0.30) return 1 + random_.below(4);
        if (which < 0.70) return 2 + random_.below(30);
        if (which < 0.90) return 15 + random_.below(120);
        if (which < 0.95) return random_.pick<size_t>({127, 128, 129, 255, 256, 257, 511, 512, 513, 1000});
        if (which < 0.975) return random_.pick<size_t>({2047, 2048, 2049, 3000});
        if (which < 0.998) return random_.pick<size_t>({4095, 4096, 4097, 4098, 4112, 4608, 8191, 8192, 8193});
        return random_.pick<size_t>({12289, 16384, 16385, 20000, 32000});
    }

    size_t number_of_rows() {
        const size_t most = std::max<size_t>(1, 1500 / r_.classes);
        const double which = random_.unit();
        const size_t n = which < 0.4 ? 1 : which < 0.8 ? 1 + random_.below(6) : 1 + random_.below(40);
        return std::min(n, most);
    }

    // Logits.

    double spread() {
        return random_.pick(
            {1e-3, 0.01, 0.1, 0.3, 1.0, 1.0, 3.0, 3.0, 6.0, 10.0, 20.0, 30.0, 100.0, 300.0, 1e3, 1e4, 1e5, 1e6});
    }

    void fill_logits(Row& row) {
        const size_t n = r_.classes;
        const bool wide = type().mantissa == 53;
        const double greatest = type().greatest();
        row.logits.assign(n, 0.0);
        // The logarithm of the range of the type's normal numbers, as float16 is computed in float32.
        const double depth = wide ? 708.4 : 87.3;
        switch (random_.below(16)) {
            case 0:
            case 1:
            case 2: {
                const double s = spread();
                for (double& z : row.logits) z = s * random_.normal();
                break;
            }
            case 3: {  // far offsets
                const double offset =
                    random_.sign() * random_.pick({100.0, 1e3, 8000.0, 8192.0, 1e4, 65000.0, 524288.0, 1048576.0,
                                                   0x1p23, 0x1p24, 1e10, 1e30, 1e38, 1e300});
                const double s = spread();
                for (double& z : row.logits) z = offset + s * random_.normal();
                break;
            }
            case 4: {  // one near-certain class
                const double s = random_.pick({0.0, 0.1, 1.0, 5.0, 30.0});
                const double offset = random_.pick({0.0, 0.0, 0.0, 5.0, -300.0, 8192.0});
                for (double& z : row.logits) z = offset + s * random_.normal();
                row.logits[random_.below(n)] =
                    offset + random_.between(1, random_.pick({20.0, 40.0, 90.0, 210.0, 800.0, 1600.0}));
                break;
            }
            case 5: {  // around where the kernel may shift
                const double threshold = random_.sign() * (wide && !random_.one_in(4) ? 524288.0 : 8192.0);
                const double reach = random_.pick({1e-2, 1.0, 30.0, 300.0, 800.0});
                for (double& z : row.logits) z = threshold + reach * random_.between(-1, 1);
                if (random_.one_in(2)) row.logits[random_.below(n)] = threshold;
                break;
            }
            case 6: {  // huge
                const double size =
                    random_.pick({greatest, greatest / 2, greatest / 4, wide ? 1e308 : 1e38, std::sqrt(greatest)});
                for (double& z : row.logits) {
                    z = random_.one_in(3) ? size : random_.one_in(2) ? -size : size * random_.between(-1, 1);
                    if (random_.one_in(3)) z = nudge(fit(z), static_cast<int>(random_.below(5)) - 2);
                    if (random_.one_in(6)) z = random_.normal();
                }
                break;
            }
            case 7: {  // equal, or of two values
                const double a = spread() * random_.normal(),
                             b = random_.one_in(2) ? a : a + spread() * random_.normal();
                for (double& z : row.logits) z = random_.one_in(3) ? b : a;
                break;
            }
            case 8: {  // where range reduction or the polynomial is at its worst
                for (double& z : row.logits) {
                    if (random_.one_in(2)) {
                        z = random_.pick({0x1.dee72ep+5, 0x1.7314bp+2, 0x1.a53a6ep+5, -0x1.525046p+2, -0x1.7b517ap+7,
                                          -0x1.e3ec34p+10, -0x1.7c24ecp+2, -0x1.ab9abap+4, -0x1.550bbep+3,
                                          -0x1.884834p+4, 0x1.662bbap+7, 0x1.3b59eep+7, 0x1.612458p+7});
                    } else {
                        const double half = std::floor(random_.between(-200, 200)) + 0.5;
                        z = nudge(fit(half * 0.6931471805599453), static_cast<int>(random_.below(9)) - 4);
                    }
                }
                break;
            }
            case 9: {  // tiny
                const double tiny = type().smallest_normal();
                for (double& z : row.logits)
                    z = random_.pick({0.0, -0.0, tiny, -tiny, tiny * random_.between(-1, 1),
                                      tiny * random_.between(-1, 1), random_.sign() * random_.log_between(tiny, 1)});
                if (random_.one_in(3)) row.logits[random_.below(n)] = random_.normal();
                break;
            }
            case 10: {  // whole numbers
                const double s = spread();
                for (double& z : row.logits) z = std::rint(s * random_.normal());
                break;
            }
            case 11: {  // masks and special values
                const double s = spread();
                const double share = random_.unit();
                for (double& z : row.logits) z = random_.unit() < share ? -HUGE_VAL : s * random_.normal();
                if (random_.one_in(5)) row.logits[random_.below(n)] = HUGE_VAL;
                if (random_.one_in(5)) row.logits[random_.below(n)] = NAN;
                break;
            }
            case 12: {  // some shifted, some not
                const double threshold = random_.sign() * (wide && !random_.one_in(4) ? 524288.0 : 8192.0);
                for (double& z : row.logits)
                    z = threshold + random_.between(-1, 1) * random_.pick({10.0, 300.0, 700.0});
                break;
            }
            case 13: {  // just above and below where results are flushed
                for (double& z : row.logits) z = -depth - 0.7 * random_.normal() * random_.pick({0.1, 1.0, 3.0, 30.0});
                row.logits[random_.below(n)] = 0;
                const double offset = random_.one_in(2) ? 0 : 100 * random_.normal();
                for (double& z : row.logits) z += offset;
                break;
            }
            case 14: {  // neighbours
                const double centre = random_.sign() * random_.log_between(0.01, 1e8);
                for (double& z : row.logits) z = nudge(fit(centre), static_cast<int>(random_.below(9)) - 4);
                break;
            }
            case 15: {  // a few greater ones in a sea
                const double s = random_.pick({0.01, 1.0, 5.0});
                for (double& z : row.logits) z = s * random_.normal();
                for (size_t k = 0; k < 3; ++k) row.logits[random_.below(n)] += random_.between(-60, 60);
                break;
            }
        }
        for (double& z : row.logits)
            if (std::fabs(z) < HUGE_VAL) z = fit(z);
    }

    size_t extreme(const std::vector<double>& values, bool greatest) {
        size_t best = 0;
        for (size_t k = 1; k < values.size(); ++k)
            if (greatest ? values[k] > values[best] : values[k] < values[best]) best = k;
        return best;
    }

    void choose_label(Row& row) {
        const double which = random_.unit();
        row.label = static_cast<int64_t>(which < 0.5   ? random_.below(r_.classes)
                                         : which < 0.7 ? extreme(row.logits, true)
                                         : which < 0.8 ? extreme(row.logits, false)
                                         : which < 0.9 ? r_.classes - 1
                                                       : 0);
        // Far above or below all others.
        double& z = row.logits[static_cast<size_t>(row.label)];
        if (random_.one_in(10) && std::fabs(z) < HUGE_VAL) z = fit(z + random_.sign() * random_.log_between(1, 2000));
    }

    void fill_distribution(Row& row) {
        const size_t n = r_.classes;
        std::vector<double>& q = row.distribution;
        q.assign(n, 0.0);
        const size_t kind = random_.below(9);
        const size_t top = extreme(row.logits, true);
        const size_t chosen = random_.one_in(2) ? top : random_.below(n);
        switch (kind) {
            case 0:  // one-hot
                q[chosen] = 1;
                break;
            case 1:  // one-hot of another sum
                q[chosen] = random_.log_between(1e-3, 1e3);
                break;
            case 2: {  // dense
                for (double& p : q) p = random_.unit() / static_cast<double>(n);
                break;
            }
            case 3: {  // peaked
                for (double& p : q) p = random_.log_between(1e-6, 1e-2) / static_cast<double>(n);
                q[chosen] = random_.between(0.5, 1);
                break;
            }
            case 4: {  // sparse
                for (size_t k = 0; k < 3; ++k) q[random_.below(n)] = random_.unit();
                break;
            }
            case 5: {  // signed
                for (double& p : q) p = random_.normal();
                break;
            }
            case 6: {  // signed, with a sum of 0
                const double a = random_.pick({1.0, 0.5, 0.3, 1e-3, 3.0});
                q[random_.below(n)] = a;
                q[random_.below(n)] = -a;
                break;
            }
            case 7: {  // the softmax itself, or nearly
                double sum = 0;
                const double m = row.logits[top];
                for (size_t k = 0; k < n; ++k) sum += q[k] = std::exp(row.logits[k] - m);
                for (double& p : q) p /= sum;
                for (double& p : q)
                    if (p != p) p = 0;
                break;
            }
            case 8:  // of any size
                for (double& p : q)
                    p = random_.one_in(3) ? 0 : random_.log_between(1e-4 * type().smallest_normal(), 1e4);
                break;
        }
        for (double& p : q) p = fit(p);
        // What is undefined for signed targets is left out.
        for (size_t k = 0; k < n; ++k)
            if (q[k] < 0 && !(std::fabs(row.logits[k]) < HUGE_VAL)) q[k] = 0;
    }

    void fill_before(Row& row) {
        row.before.assign(row.logits.size(), 0.0);
        const double size = random_.pick({1.0, 1e-3, 1e-8, 100.0, 1e-30});
        for (double& x : row.before) x = random_.one_in(4) ? 0 : fit(size * random_.normal());
        for (double& x : row.before)
            if (std::fabs(x) < type().smallest_normal()) x = 0;
    }

    double factor() {
        const bool wide = type().mantissa == 53;
        switch (random_.below(8)) {
            case 0: return -1;
            case 1: return 1 / (1.0 + static_cast<double>(random_.below(1000)));
            case 2: return random_.sign() * random_.log_between(1e-10, 1e10);
            case 3: return random_.sign() * random_.log_between(wide ? 1e-300 : 1e-38, 1e-3);
            case 4: return random_.sign() * random_.log_between(1e3, wide ? 1e300 : 1e38);
            case 5: return random_.pick({65536.0, 0x1p80, 0x1p-80, 1024.0, 0x1p1001, 0x1p-1001});
            default: return random_.between(0.1, 10);
        }
    }

    void upstreams() {
        if (!random_.one_in(4)) return;
        r_.has_upstream = true;
        const bool wild = random_.one_in(4);
        for (Row& row : r_.rows) {
            row.upstream = fit(wild ? factor() : random_.normal());
            if (std::fabs(row.upstream) < type().smallest_normal()) row.upstream = 0;
            if (random_.one_in(60)) row.upstream = random_.pick({0.0, HUGE_VAL, -HUGE_VAL, static_cast<double>(NAN)});
        }
    }

    void forward() {
        r_.classes = number_of_classes();
        r_.rows.resize(number_of_rows());
        const bool entropy = r_.operation == Operation::CrossEntropy;
        if (entropy) {
            const double which = random_.unit();
            r_.targets = which < 0.35 ? Targets::Labels32 : which < 0.6 ? Targets::Labels64 : Targets::Distribution;
        }
        for (Row& row : r_.rows) {
            fill_logits(row);
            choose_label(row);
            if (entropy && !r_.has_labels()) fill_distribution(row);
        }
        r_.workspace = random_.one_in(4);
        r_.in_place = random_.one_in(4);
        if (!entropy) {
            r_.wants_lse = !random_.one_in(3);
            r_.wants_grad = !r_.wants_lse || !random_.one_in(8);
            if (r_.operation == Operation::Article && random_.one_in(10))
                r_.rows[0].label =
                    random_.pick<int64_t>({-1, static_cast<int64_t>(r_.classes), -100, INT32_MAX, INT32_MIN});
            return;
        }
        if (random_.one_in(3)) return outputs();
        if (random_.one_in(3))
            r_.smoothing = random_.pick({0.1, 0.1, 0.5, 1.0, 0.9, 1e-3, 0x1.830b22ff0548ap-78, 1e-30, random_.unit(),
                                         random_.log_between(1e-20, 1)});
        if (random_.one_in(3)) {
            r_.class_weights.resize(r_.classes);
            const size_t kind = random_.below(4);
            for (double& w : r_.class_weights)
                w = kind == 0   ? random_.unit()
                    : kind == 1 ? random_.log_between(1e-6, 1e6)
                    : kind == 2 ? random_.pick({0.0, 1.0, 2.0})
                                : random_.log_between(1e-30, 1e30);
        }
        if (random_.one_in(4))
            r_.z_loss = random_.sign() * random_.pick({1e-4, 1e-4, 1e-2, 1.0, 10.0, random_.log_between(1e-20, 1e6)});
        if (random_.one_in(4))
            r_.scale = random_.pick({0.5, 2.0, 0.7, 1.3, 0x1p-64, 0x1p64, 0x1.15d98de137612p+6,
                                     random_.log_between(0.01, 100.0), random_.log_between(0x1p-64, 0x1p64)});
        if (random_.one_in(4))
            r_.softcap = random_.pick({30.0, 50.0, 1.0, 5.0, 0x1p60, 0x1p64, 0x1p-64, random_.log_between(0.1, 1000.0),
                                       random_.log_between(0x1p-64, 0x1p64)});
        if (r_.has_labels() && random_.one_in(5)) {
            r_.ignores = true;
            r_.ignore_index = random_.one_in(2) ? -100 : static_cast<int64_t>(random_.below(r_.classes));
            for (Row& row : r_.rows)
                if (random_.one_in(3)) row.label = r_.ignore_index;
        }
        upstreams();
        if (random_.one_in(3)) r_.grad_scale = factor();
        r_.accumulate = random_.one_in(5);
        r_.count_correct = random_.one_in(4);
        if (r_.accumulate) {
            r_.in_place = false;
            for (Row& row : r_.rows) fill_before(row);
        }
        outputs();
    }

    void outputs() {
        if (!random_.one_in(3)) return;
        r_.wants_grad = !random_.one_in(4);
        r_.wants_loss = !random_.one_in(3);
        r_.wants_lse = !random_.one_in(3);
        r_.wants_z_loss = !random_.one_in(3);
        r_.wants_totals = !random_.one_in(3);
    }

    void backward() {
        r_.classes = number_of_classes();
        r_.rows.resize(number_of_rows());
        r_.targets = Targets::Distribution;
        const bool log = r_.operation == Operation::LogSoftmaxBackward;
        r_.accumulate = random_.one_in(4);
        const bool wild = random_.one_in(4);
        for (Row& row : r_.rows) {
            do fill_logits(row);
            while (log && false);
            // A softmax, as good as double has it, or any numbers.
            const size_t top = extreme(row.logits, true);
            const double m = row.logits[top];
            double sum = 0;
            for (const double z : row.logits) sum += std::exp(z - m);
            const bool arbitrary = random_.one_in(8);
            for (double& z : row.logits) {
                double value = log ? (z - m) - std::log(sum) : std::exp(z - m) / sum;
                if (arbitrary) value = log ? -std::fabs(random_.normal()) : random_.unit();
                if (value != value) value = log ? -HUGE_VAL : 0;
                z = std::fabs(value) < HUGE_VAL ? fit(value) : value;
                if (!log && z < type().smallest_normal() && type().flushes) z = 0;
            }
            row.distribution.assign(r_.classes, 0.0);
            const double size = wild ? factor() : 1;
            for (double& g : row.distribution) {
                g = fit(size * random_.normal());
                if (std::fabs(g) < type().smallest_normal()) g = 0;
            }
            if (random_.one_in(4)) {
                row.distribution.assign(r_.classes, 0.0);
                row.distribution[random_.below(r_.classes)] = fit(size);
            }
            if (r_.accumulate) fill_before(row);
        }
        if (!r_.accumulate) r_.in_place = random_.one_in(4);
    }

    void sigmoid() {
        r_.targets = Targets::Distribution;
        r_.inner = 1;
        const size_t size = 1 + random_.below(random_.one_in(2) ? 40 : 300);
        Row logits;
        r_.classes = size;
        fill_logits(logits);
        r_.rows.resize(size);
        if (random_.one_in(4)) r_.smoothing = random_.pick({0.1, 0.5, 1.0, 1e-3, random_.unit()});
        const size_t targets = random_.below(4);
        r_.has_weights = random_.one_in(4);
        for (size_t i = 0; i < size; ++i) {
            Row& row = r_.rows[i];
            row.logits = {logits.logits[i]};
            const double y = targets == 0   ? random_.pick({0.0, 1.0})
                             : targets == 1 ? random_.unit()
                             : targets == 2 ? random_.pick({0.0, 1.0, 0.5, 1 - std::ldexp(1.0, -type().mantissa), 1e-7})
                                            : random_.normal();
            row.distribution = {fit(y)};
            if (r_.has_weights) row.weight = fit(random_.one_in(10) ? 0 : random_.log_between(1e-3, 1e3));
        }
        upstreams();
        if (random_.one_in(3)) r_.grad_scale = factor();
        r_.accumulate = random_.one_in(4);
        if (r_.accumulate)
            for (Row& row : r_.rows) fill_before(row);
        r_.classes = 1;
        if (random_.one_in(4)) {
            r_.classes = 1 + random_.below(4);
            r_.class_weights.resize(r_.classes);
            for (double& w : r_.class_weights) w = random_.one_in(8) ? 0 : random_.log_between(1e-3, 1e3);
        }
        if (!r_.accumulate) r_.in_place = random_.one_in(4);
        if (random_.one_in(3)) {
            r_.wants_grad = !random_.one_in(3);
            r_.wants_loss = !random_.one_in(3);
            r_.wants_totals = !random_.one_in(3);
        }
    }

    void layout() {
        const bool flat = r_.operation == Operation::Sigmoid || r_.operation == Operation::Article;
        if (!flat) {
            const size_t rows = r_.rows.size();
            if (random_.one_in(4)) {
                std::vector<size_t> divisors;
                for (size_t d = 1; d <= rows; ++d)
                    if (rows % d == 0) divisors.push_back(d);
                r_.inner = divisors[random_.below(divisors.size())];
            }
            if (random_.one_in(4)) r_.padding = 1 + random_.below(7);
        }
        r_.row_begin = 0;
        r_.row_end = r_.rows.size();
        if (random_.one_in(5) && r_.operation != Operation::Article) {
            r_.row_begin = random_.below(r_.rows.size());
            r_.row_end = r_.row_begin + 1 + random_.below(r_.rows.size() - r_.row_begin);
        }
        const bool splits = r_.operation == Operation::CrossEntropy && r_.has_labels() && r_.wants_grad &&
                            r_.inner == 1 && r_.type->size >= 4 && r_.smoothing == 0 && r_.softcap == 0 &&
                            !r_.accumulate && !r_.count_correct;
        if (splits && random_.one_in(6)) r_.parts = 1 + random_.below(4);
    }
};

}  // namespace

const char* name_of(Operation operation) {
    switch (operation) {
        case Operation::CrossEntropy: return "cross-entropy";
        case Operation::Article: return "article";
        case Operation::Softmax: return "softmax";
        case Operation::LogSoftmax: return "log-softmax";
        case Operation::SoftmaxBackward: return "softmax-backward";
        case Operation::LogSoftmaxBackward: return "log-softmax-backward";
        case Operation::Sigmoid: return "sigmoid";
    }
    return "";
}

Request generate(uint64_t seed, const char* operation, const Type* type) {
    return Generator(seed, operation, type).run();
}

}  // namespace nxent_oracle
