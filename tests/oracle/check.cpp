// SPDX-License-Identifier: MIT
#include "check.h"

#include <cinttypes>
#include <cstdio>

#include "bounds.h"
#include "exact.h"

namespace nxent_oracle {

std::string text_of(Quad value) {
    if (is_nan(value)) return "nan";
    if (!is_finite(value)) return value > 0 ? "inf" : "-inf";
    // In two doubles, the second as what the first leaves.
    char text[96];
    const double high = static_cast<double>(value);
    if ((high == 0 && value != 0) || !(std::fabs(high) < HUGE_VAL)) {
        std::snprintf(text, sizeof text, "%c2^%d", value < 0 ? '-' : '+', quad_exponent(value));
    } else {
        const double low = static_cast<double>(value - static_cast<Quad>(high));
        std::snprintf(text, sizeof text, "%a%+.2a (%.9g)", high, low, high);
    }
    return text;
}

namespace {

// What a number is compared with.
struct Expected {
    Quad exact = 0;
    Quad reference = 0;   // what the bound is relative to
    double more = 0;      // ULP more than the bound
    Quad absolute = 0;    // what is allowed besides
    bool or_nan = false;  // the contract leaves it open
};

class Checker {
public:
    Checker(const Request& request, const Results& results, const std::function<void(const Verdict&)>& tell)
        : r_(request), results_(results), tell_(tell), type_(*request.type) {}

    void run() {
        if (results_.status != 0) return fail("status", "status " + std::to_string(results_.status));
        if (!results_.broken.empty()) fail("memory", results_.broken);
        switch (r_.operation) {
            case Operation::CrossEntropy: cross_entropy(); break;
            case Operation::Article: article(); break;
            case Operation::Softmax:
            case Operation::LogSoftmax: softmax(); break;
            case Operation::SoftmaxBackward:
            case Operation::LogSoftmaxBackward: backward(); break;
            case Operation::Sigmoid: sigmoid(); break;
        }
    }

private:
    const Request& r_;
    const Results& results_;
    const std::function<void(const Verdict&)>& tell_;
    const Type& type_;

    bool wide() const { return type_.mantissa == 53; }
    const Type& computed() const { return wide() ? kTypes[1] : kTypes[0]; }
    bool narrow() const { return type_.size == 2; }

    std::string category(const char* name) const {
        std::string text = std::string(type_.name) + " " + name_of(r_.operation) + ": " + name;
        if (r_.scale != 0 && r_.scale != 1) text += " +scale";
        if (r_.softcap != 0) text += " +softcap";
        return text;
    }

    std::string category(const Bound& bound) const {
        return category((std::string(bound.output) + ", " + bound.of).c_str());
    }

    void fail(const std::string& what, const std::string& why) {
        Verdict v;
        v.category = category(what.c_str());
        v.where = what;
        v.share = HUGE_VAL;
        v.why = why;
        tell_(v);
    }

    // ULP more where u is rounded or joins across a shift.
    double more_of(const Softmax& s, Quad u, double logit, bool derivative) const {
        double more = 0;
        const double size = is_finite(u) ? static_cast<double>(absolute(u)) : 0;
        const double most = static_cast<double>(s.most);
        const double cap = r_.softcap;
        if (!wide()) {
            if (cap != 0) more += kSoftcapSingle + (cap > kGreatSoftcap ? most * kGreatSoftcapPerU : 0);
            return more;
        }
        if (cap != 0) {
            more += kSoftcapWide + kSoftcapWidePerU * (size + most);
            if (derivative) more += kSoftcapWidePerX * static_cast<double>(cap_argument(r_, logit));
        } else if (r_.scale != 0 && r_.scale != 1) {
            more += kScaleWidePerU * (size + most);
        }
        return more;
    }

    Quad flush_threshold() const { return static_cast<Quad>(computed().smallest_normal()) * (1 + Quad(0x1p-20)); }

    void judge(const Bound& bound, const Number& got, const Expected& e, const std::string& where) {
        Verdict v;
        v.category = category(bound);
        v.where = where;
        v.got = got.value;
        v.exact = text_of(e.exact);
        const auto broken = [&](const char* why) {
            v.share = HUGE_VAL;
            v.why = why;
            tell_(v);
        };
        if (got.value != got.value) {
            if (got.bits != type_.nan) return broken("not the canonical NaN");
            if (!is_nan(e.exact) && !e.or_nan) return broken("NaN");
            return tell_(v);
        }
        if (is_nan(e.exact)) return e.or_nan ? tell_(v) : broken("not NaN");
        if (got.value == 0 && std::signbit(got.value)) return broken("-0");
        if (got.value != 0 && type_.flushes && std::fabs(got.value) < type_.smallest_normal())
            return broken("subnormal");
        if (!is_finite(e.exact)) {
            if (static_cast<Quad>(got.value) != e.exact) return broken("not infinite");
            return tell_(v);
        }
        const bool infinite = !(std::fabs(got.value) < HUGE_VAL);
        const Quad size = larger(absolute(e.exact), infinite ? Quad(0) : absolute(static_cast<Quad>(got.value)));
        const Quad reference = larger(size, e.reference);
        const double ulps = (wide() ? bound.wide : bound.single) + e.more;
        Quad tolerance = ulps * ulp(computed(), reference) + e.absolute;
        if (r_.accumulate) tolerance += ulp(computed(), size) / 2;
        if (narrow()) tolerance += ulp(type_, size) / 2;
        if (infinite) {
            const Quad limit =
                static_cast<Quad>(type_.greatest()) + ulp(type_, static_cast<Quad>(type_.greatest())) / 2;
            if (got.value > 0 ? e.exact + tolerance < limit : -e.exact + tolerance < limit) return broken("infinite");
            return tell_(v);
        }
        if (got.value == 0 && absolute(e.exact) <= flush_threshold() + tolerance) return tell_(v);
        const Quad error = absolute(static_cast<Quad>(got.value) - e.exact);
        v.ulps = static_cast<double>(error / ulp(type_, reference));
        v.share = tolerance == 0 ? (error == 0 ? 0 : HUGE_VAL) : static_cast<double>(error / tolerance);
        tell_(v);
    }

    std::string at(const char* output, size_t row) const {
        return std::string(output) + " of row " + std::to_string(row);
    }
    std::string at(const char* output, size_t row, size_t k) const {
        return at(output, row) + ", class " + std::to_string(k);
    }

    // A gradient element, to which what was there before is added.
    void judge_gradient(const Bound& bound, const Number& got, Expected e, const Row& row, size_t k,
                        const std::string& where) {
        if (r_.accumulate) {
            // What is flushed is missing in the sum.
            if (absolute(e.exact) <= flush_threshold() * 2) e.absolute += absolute(e.exact);
            if (is_finite(e.exact)) {
                const Quad greatest = static_cast<Quad>(computed().greatest());
                if (absolute(e.exact) >= greatest + ulp(computed(), greatest) / 2)
                    e.exact = e.exact > 0 ? infinity() : -infinity();
                e.exact += static_cast<Quad>(row.before[k]);
            }
        }
        judge(bound, got, e, where);
    }

    void cross_entropy() {
        Quad loss = 0, loss_size = 0, z_loss = 0, z_size = 0, weight = 0;
        uint64_t counted = 0, correct = 0;
        double more = 0;
        for (size_t i = r_.row_begin; i < r_.row_end; ++i) {
            const Row& row = r_.rows[i];
            const size_t j = i - r_.row_begin;
            CrossEntropyRow exact = cross_entropy_of(r_, row);
            const Softmax& s = exact.s;
            const double row_more = more_of(s, s.bad ? Quad(0) : s.greatest, row.logits[s.top], false);
            if (r_.wants_lse) {
                Expected e;
                e.exact = s.lse;
                e.reference = 1;
                // Of the greatest u, which lse is near.
                if (wide() && r_.scale != 0 && r_.scale != 1) e.more = kScaleWidePerU / 2;
                if (wide() && r_.softcap != 0) e.more = kSoftcapWide + kSoftcapWidePerU;
                judge(kLse, results_.lse[j], e, at("lse", i));
            }
            const bool ignored = r_.ignored(row);
            const Quad z_reference =
                s.bad ? Quad(0) : absolute(static_cast<Quad>(r_.z_loss) * s.lse) * larger(1, absolute(s.lse));
            if (ignored) {
                exact.loss = exact.z_loss = exact.loss_size = 0;
            }
            if (r_.wants_loss) {
                Expected e;
                e.exact = exact.loss;
                e.reference = exact.loss_size;
                e.more = row_more;
                const bool several = !r_.has_labels() || r_.smoothing != 0;
                judge(several ? kLossSeveral : kLossLabel, results_.loss[j], e, at("loss", i));
            }
            if (r_.wants_z_loss) {
                Expected e;
                e.exact = exact.z_loss;
                e.reference = z_reference;
                if (wide() && r_.scale != 0 && r_.scale != 1) e.more = kScaleWidePerU;
                if (wide() && r_.softcap != 0) e.more = 2 * (kSoftcapWide + kSoftcapWidePerU);
                judge(kZLoss, results_.z_loss[j], e, at("z-loss", i));
            }
            if (r_.wants_grad) gradient(exact, row, i);
            if (!ignored) {
                ++counted;
                loss += exact.loss;
                loss_size += exact.loss_size;
                z_loss += exact.z_loss;
                z_size += z_reference;
                more = std::fmax(more, row_more);
                weight += !r_.has_labels() || r_.class_weights.empty()
                              ? Quad(1)
                              : static_cast<Quad>(r_.class_weights[static_cast<size_t>(row.label)]);
                // Not where a result is NaN, or would be if it were asked for.
                const double factor = r_.has_upstream ? row.upstream : 1;
                if (!s.bad && std::fabs(factor) < HUGE_VAL && is_first_greatest(row)) ++correct;
            }
        }
        if (!r_.wants_totals) return;
        total(kTotalLoss, results_.total_loss, loss, loss_size, counted, more);
        total(kTotalZLoss, results_.total_z_loss, z_loss, z_size, counted, wide() ? 2 * more : 0);
        total(kTotalWeight, results_.total_weight, weight, weight, counted, 0);
        if (results_.total_rows != counted) fail("total rows", std::to_string(results_.total_rows));
        if (r_.count_correct && results_.total_correct != correct)
            fail("correct rows", std::to_string(results_.total_correct) + ", exact " + std::to_string(correct));
    }

    bool is_first_greatest(const Row& row) const {
        size_t target = static_cast<size_t>(row.label), greatest = 0;
        for (size_t k = 1; k < row.logits.size(); ++k)
            if (row.logits[k] > row.logits[greatest]) greatest = k;
        if (!r_.has_labels()) {
            target = 0;
            for (size_t k = 1; k < row.distribution.size(); ++k)
                if (row.distribution[k] > row.distribution[target]) target = k;
        }
        return greatest == target;
    }

    // A total is a double whatever the element type.
    void total(const Bound& bound, double got, Quad exact, Quad size, uint64_t rows, double more) {
        Verdict v;
        v.category = category(bound);
        v.where = bound.of;
        v.got = got;
        v.exact = text_of(exact);
        v.share = HUGE_VAL;
        if (is_nan(exact) || got != got) {
            uint64_t bits = bits_of(kTypes[1], got);
            __builtin_memcpy(&bits, &got, 8);
            if (is_nan(exact) && bits == kTypes[1].nan) v.share = 0;
            v.why = is_nan(exact) ? "not the canonical NaN" : "NaN";
            return tell_(v);
        }
        if (!is_finite(exact)) {
            v.share = static_cast<Quad>(got) == exact ? 0 : HUGE_VAL;
            v.why = "not infinite";
            return tell_(v);
        }
        if (!(std::fabs(got) < HUGE_VAL)) {
            v.share = absolute(exact) * 2 > static_cast<Quad>(kTypes[1].greatest()) ? 0 : HUGE_VAL;
            v.why = "infinite";
            return tell_(v);
        }
        const double ulps = wide() ? bound.wide + more : bound.single + more;
        const Quad relative = ulps * quad_ldexp(1, 1 - computed().mantissa) + static_cast<Quad>(rows) * Quad(0x1p-53);
        const Quad tolerance = relative * size + static_cast<Quad>(rows) * Quad(0x1.00002p-1022);
        const Quad error = absolute(static_cast<Quad>(got) - exact);
        v.share = error == 0 ? 0 : static_cast<double>(error / tolerance);
        v.ulps = size == 0 ? 0 : static_cast<double>(error / (size * quad_ldexp(1, 1 - computed().mantissa)));
        tell_(v);
    }

    void gradient(CrossEntropyRow& exact, const Row& row, size_t i) {
        const Softmax& s = exact.s;
        const size_t j = i - r_.row_begin;
        const bool ignored = r_.ignored(row);
        const double factor = r_.has_upstream ? row.upstream : 1;
        const Quad factors = static_cast<Quad>(r_.grad_scale) * static_cast<Quad>(r_.has_upstream ? row.upstream : 1);
        const bool several = !r_.has_labels() || r_.smoothing != 0;
        const Quad lambda = static_cast<Quad>(r_.z_loss);
        for (size_t k = 0; k < row.logits.size(); ++k) {
            const Number& got = results_.grad[j][k];
            const std::string where = at("gradient", i, k);
            if (ignored) {
                if (r_.accumulate) {
                    if (got.bits != bits_of(type_, row.before[k])) fail("ignored row", where);
                } else if (got.bits != 0) {
                    fail("ignored row", where);
                }
                continue;
            }
            Expected e;
            const Bound* bound = &kGradientOther;
            if (r_.grad_scale == 0 || (r_.has_upstream && row.upstream == 0)) {
                // 0, whatever the row holds.
            } else if (s.bad || !(std::fabs(factor) < HUGE_VAL)) {
                e.exact = not_a_number();
            } else {
                const Quad raw = exact.gradient(r_, k);
                const Quad du = slope(r_, row.logits[k]);
                const Quad all = du * factors;
                e.exact = raw * all;
                Quad pull = absolute(exact.pull), push = absolute(exact.push);
                const bool label = r_.has_labels() && static_cast<int64_t>(k) == row.label;
                if (several) {
                    bound = &kGradientTop;
                    if (!(s.p(k) > Quad(0.5)) && !label) {
                        bound = &kGradientSeveral;
                        pull = absolute(s.p(k) * (exact.sum_b + 2 * lambda * s.lse));
                        push = absolute(exact.b[k]);
                    }
                } else if (label) {
                    bound = &kGradientLabel;
                }
                if (r_.z_loss != 0) {
                    bound = &kGradientZLoss;
                    pull += s.p(k) * absolute(lambda);
                }
                e.reference = larger(pull, push) * absolute(all);
                e.more = more_of(s, s.u[k], row.logits[k], true);
                if (r_.softcap != 0) {
                    if (absolute(du) < flush_threshold() || absolute(raw * factors) < flush_threshold() * 2)
                        e.absolute = absolute(e.exact);
                }
            }
            judge_gradient(*bound, got, e, row, k, where);
        }
    }

    void article() {
        for (size_t i = r_.row_begin; i < r_.row_end; ++i) {
            const Row& row = r_.rows[i];
            Row inside = row;
            const bool outside = row.label < 0 || static_cast<size_t>(row.label) >= r_.classes;
            if (outside) inside.label = 0;
            CrossEntropyRow exact = cross_entropy_of(r_, inside);
            for (size_t k = 0; k < r_.classes; ++k) {
                Expected e;
                const bool label = !outside && static_cast<int64_t>(k) == row.label;
                e.exact = exact.s.bad ? not_a_number() : outside ? exact.s.p(k) : exact.gradient(r_, k);
                judge(label ? kGradientLabel : kGradientOther, results_.grad[i][k], e, at("gradient", i, k));
            }
        }
    }

    void softmax() {
        for (size_t i = r_.row_begin; i < r_.row_end; ++i) {
            const Row& row = r_.rows[i];
            const size_t j = i - r_.row_begin;
            const Softmax s = softmax_of(r_, row.logits);
            if (r_.wants_lse) {
                Expected e;
                e.exact = s.lse;
                e.reference = 1;
                judge(kLse, results_.lse[j], e, at("lse", i));
            }
            if (!r_.wants_grad) continue;
            const bool log = r_.operation == Operation::LogSoftmax;
            for (size_t k = 0; k < r_.classes; ++k) {
                Expected e;
                e.exact = s.bad ? not_a_number() : log ? -s.minus_log_p(k) : s.p(k);
                judge(log ? kLogSoftmax : kSoftmax, results_.grad[j][k], e, at("output", i, k));
            }
        }
    }

    void backward() {
        const bool log = r_.operation == Operation::LogSoftmaxBackward;
        for (size_t i = r_.row_begin; i < r_.row_end; ++i) {
            const Row& row = r_.rows[i];
            const size_t j = i - r_.row_begin;
            Quad sum = 0, size = 0;
            for (size_t k = 0; k < r_.classes; ++k) {
                const Quad g = static_cast<Quad>(row.distribution[k]);
                const Quad term = log ? g : static_cast<Quad>(row.logits[k]) * g;
                sum += term;
                size += absolute(term);
            }
            for (size_t k = 0; k < r_.classes; ++k) {
                const Quad g = static_cast<Quad>(row.distribution[k]), y = static_cast<Quad>(row.logits[k]);
                Expected e;
                if (log) {
                    const Quad p = is_finite(y) ? quad_exp(y) : 0;
                    e.exact = g - p * sum;
                    e.reference = absolute(g) + p * size;
                    if (wide() && is_finite(y)) e.more = static_cast<double>(absolute(y)) / 2;
                } else {
                    e.exact = y * (g - sum);
                    e.reference = y * (absolute(g) + size);
                }
                if (wide()) e.more += kBackwardWidePerClass * static_cast<double>(r_.classes);
                judge_gradient(log ? kLogSoftmaxBackward : kSoftmaxBackward, results_.grad[j][k], e, row, k,
                               at("gradient", i, k));
            }
        }
    }

    static Quad softplus(Quad z) {
        if (!is_finite(z)) return z > 0 ? z : 0;
        return (z > 0 ? z : 0) + quad_log1p(quad_exp(z > 0 ? -z : z));
    }
    static Quad logistic(Quad z) {
        if (!is_finite(z)) return z > 0 ? 1 : 0;
        const Quad t = quad_exp(z > 0 ? -z : z);
        return z > 0 ? 1 / (1 + t) : t / (1 + t);
    }

    void sigmoid() {
        Quad total_loss = 0, total_size = 0, weight = 0;
        const Quad smoothing = static_cast<Quad>(r_.smoothing);
        for (size_t i = r_.row_begin; i < r_.row_end; ++i) {
            const Row& row = r_.rows[i];
            const size_t j = i - r_.row_begin;
            const Quad z = static_cast<Quad>(row.logits[0]);
            const Quad y = (1 - smoothing) * static_cast<Quad>(row.distribution[0]) + smoothing / 2;
            const Quad v = r_.has_weights ? static_cast<Quad>(row.weight) : 1;
            const Quad w =
                r_.class_weights.empty() ? 1 : static_cast<Quad>(r_.class_weights[i % r_.class_weights.size()]);
            const Quad positive = v * w * y;
            const Quad negative =
                v * (smoothing == 0 ? 1 - static_cast<Quad>(row.distribution[0])
                                    : (1 - smoothing) * (1 - static_cast<Quad>(row.distribution[0])) + smoothing / 2);
            // With smoothing y′ is a sum, and 1 − y′ a difference, of rounded numbers.
            const Quad y_size = (1 - smoothing) * absolute(static_cast<Quad>(row.distribution[0])) + smoothing / 2;
            const Quad positive_size = absolute(v * w) * (smoothing == 0 ? absolute(y) : y_size);
            const Quad negative_size = smoothing == 0 ? absolute(negative) : absolute(v) * (1 + y_size);
            const auto times = [](Quad a, Quad x) { return a == 0 ? Quad(0) : a * x; };
            Expected loss;
            loss.exact = is_nan(z) && (positive != 0 || negative != 0)
                             ? z
                             : times(positive, softplus(-z)) + times(negative, softplus(z));
            loss.reference = is_finite(loss.exact)
                                 ? times(positive_size, softplus(-z)) + times(negative_size, softplus(z))
                                 : Quad(0);
            if (is_finite(z) == false) loss.reference = 0;
            if (r_.wants_loss) judge(kSigmoidLoss, results_.loss[j], loss, at("loss", i));
            total_loss += loss.exact;
            total_size += loss.reference;
            weight += v;
            if (!r_.wants_grad) continue;
            const Quad factors =
                static_cast<Quad>(r_.grad_scale) * static_cast<Quad>(r_.has_upstream ? row.upstream : 1);
            Expected e;
            e.exact = (negative * logistic(z) - positive * logistic(-z)) * factors;
            if (is_nan(z)) e.exact = not_a_number();
            if (factors == 0) e.exact = 0;
            // 0 · ∞, as far as the type can tell.
            if (!is_finite(factors) && logistic(-absolute(z)) < flush_threshold()) e.or_nan = true;
            e.reference = is_finite(e.exact)
                              ? (negative_size * logistic(z) + positive_size * logistic(-z)) * absolute(factors)
                              : Quad(0);
            judge_gradient(kSigmoidGradient, results_.grad[j][0], e, row, 0, at("gradient", i));
        }
        if (!r_.wants_totals) return;
        const uint64_t counted = r_.row_end - r_.row_begin;
        total(kTotalLoss, results_.total_loss, total_loss, total_size, counted, 0);
        total(kTotalWeight, results_.total_weight, weight, weight, counted, 0);
        if (results_.total_rows != counted) fail("total rows", std::to_string(results_.total_rows));
    }
};

}  // namespace

void check(const Request& request, const Results& results, const std::function<void(const Verdict&)>& tell) {
    Checker(request, results, tell).run();
}

}  // namespace nxent_oracle
