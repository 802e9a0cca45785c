// SPDX-License-Identifier: MIT
//
// The vector abstraction of the active instruction set, operation by operation, lane by lane, against plain C++: with
// subnormal numbers as they should be, and in a thread that flushes them.
#include <array>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "guarded_memory.h"
#include "support.h"
#include "vectors/operations.h"

namespace nxent_test {
namespace {

using nxent::BFloat16;
using nxent::Half;

constexpr size_t kLanes = 16;

const VectorOperations& operations() {
    static const VectorOperations* const all[] = {
        &vectors_scalar,
#if defined(__x86_64__) || defined(_M_X64)
        &vectors_sse2,
        &vectors_avx2,
        &vectors_avx512,
#else
        &vectors_neon,
#endif
    };
    const std::string active = nxent_active_isa();
    for (const VectorOperations* candidate : all)
        if (candidate->isa == active) return *candidate;
    throw std::logic_error("no vectors are known for the instruction set " + active);
}

template <class T>
using BitsOf = std::conditional_t<sizeof(T) == 8, uint64_t, std::conditional_t<sizeof(T) == 4, uint32_t, uint16_t>>;

template <class T>
BitsOf<T> bits(T x) {
    return std::bit_cast<BitsOf<T>>(x);
}
template <class T>
T from_bits(uint64_t x) {
    return std::bit_cast<T>(static_cast<BitsOf<T>>(x));
}
template <class T>
constexpr int kFraction = std::numeric_limits<T>::digits - 1;

// Sixteen lanes.
template <class T>
using Lanes = std::array<T, kLanes>;

std::string hexadecimal(uint64_t x) {
    char text[24];
    std::snprintf(text, sizeof text, "%#llx", static_cast<unsigned long long>(x));
    return text;
}

// In which mode for subnormals something runs.
enum class Mode { Ieee, Flush };
const char* name_of(Mode mode) { return mode == Mode::Ieee ? "IEEE" : "flushing"; }

// Calls run(mode) in both modes, where the second one is known.
template <class Run>
void in_both_modes(Run run) {
    run(Mode::Ieee);
    if (!ScopedFlushToZero::available()) return;
    const ScopedFlushToZero scoped;
    run(Mode::Flush);
}

// How many lanes of a test were wrong: the first few are told.
class Verdict {
public:
    explicit Verdict(std::string what) : what_(std::move(what)) {}
    ~Verdict() {
        EXPECT_GT(seen_, 0u) << what_;
        EXPECT_EQ(wrong_, 0u) << what_ << ": so many of " << seen_ << " are wrong";
    }
    Verdict(const Verdict&) = delete;
    Verdict& operator=(const Verdict&) = delete;

    template <class T>
    void see(bool right, T got, T wanted, size_t lane, uint64_t argument) {
        ++seen_;
        if (right || ++wrong_ > 5) return;
        ADD_FAILURE() << what_ << ", lane " << lane << ", of " << hexadecimal(argument) << ": "
                      << hexadecimal(bits(got)) << " and should be " << hexadecimal(bits(wanted));
    }

private:
    std::string what_;
    size_t seen_ = 0, wrong_ = 0;
};

// These look at bits alone: comparisons depend on the mode.
template <class T>
BitsOf<T> magnitude(T x) {
    return bits(x) & (~BitsOf<T>{0} >> 1);
}
template <class T>
bool is_subnormal(T x) {
    return magnitude(x) != 0 && magnitude(x) < bits(std::numeric_limits<T>::min());
}
template <class T>
bool is_nan(T x) {
    return magnitude(x) > bits(std::numeric_limits<T>::infinity());
}

// The same bits, or two NaNs. A thread that flushes subnormals may see any as a zero.
template <class T>
bool same(T a, T b, Mode mode) {
    if (is_nan(a) || is_nan(b)) return is_nan(a) && is_nan(b);
    const auto flushed = [&](T x) {
        return mode == Mode::Flush && is_subnormal(x) ? bits(x) >> kFraction<T> << kFraction<T> : bits(x);
    };
    return flushed(a) == flushed(b);
}

// Numbers at which an operation could go wrong.
template <class T>
std::vector<T> specials() {
    using Limits = std::numeric_limits<T>;
    constexpr BitsOf<T> kSign = BitsOf<T>{1} << (8 * sizeof(T) - 1);
    const BitsOf<T> one = bits(T{1}), least = bits(Limits::min()), infinity = bits(Limits::infinity());
    const BitsOf<T> half_step = bits(Limits::epsilon() / 2);
    const BitsOf<T> magnitudes[] = {
        0, 1, 2, least / 2, least - 1, least, least + 1, one - 1, one, one + 1, one + 2, bits(T{2}), bits(T{3}),
        // Halfway cases when added to 1 and its neighbours, and just beside them.
        half_step - 1, half_step, half_step + 1, bits(Limits::epsilon()), bits(1 / Limits::epsilon()),
        // Where products overflow and underflow.
        bits(std::sqrt(Limits::min())), bits(std::sqrt(Limits::max())), bits(Limits::max()) - 1, bits(Limits::max()),
        infinity,
        // NaN: quiet, signalling, all bits.
        bits(Limits::quiet_NaN()), infinity + 1, kSign - 1};
    std::vector<T> values;
    for (const BitsOf<T> magnitude : magnitudes) {
        values.push_back(from_bits<T>(magnitude));
        values.push_back(from_bits<T>(magnitude | kSign));
    }
    return values;
}

template <class T>
T any(SplitMix64& random) {
    return from_bits<T>(random.next());
}

// Numbers of similar magnitude, so that sums are rounded, cancel and tie.
template <class T>
T near_one(SplitMix64& random) {
    const uint64_t exponent = uint64_t{bits(T{1})} + ((random.below(9) - 4) << kFraction<T>);
    // Few bits as often as many.
    const uint64_t fraction = random.next() >> (64 - kFraction<T>);
    const uint64_t kept = fraction >> random.below(kFraction<T>) << random.below(kFraction<T>);
    const uint64_t sign = random.next() >> 63 << (8 * sizeof(T) - 1);
    return from_bits<T>(sign | (exponent + (kept & ((uint64_t{1} << kFraction<T>)-1))));
}

// Columns of arguments: every combination of Count specials (of the first two, the others drawn), then random ones.
template <class T, size_t Count>
std::vector<std::array<Lanes<T>, Count>> arguments() {
    SplitMix64 random(Count);
    std::vector<std::array<T, Count>> tuples;
    const std::vector<T> special = specials<T>();
    const auto draw = [&] { return special[random.below(special.size())]; };
    for (const T a : special)
        for (const T b : special)
            for (int repeat = 0; repeat < (Count > 2 ? 20 : 1); ++repeat) {
                std::array<T, Count> tuple;
                for (T& value : tuple) value = draw();
                tuple[0] = a;
                if constexpr (Count > 1) tuple[1] = b;
                tuples.push_back(tuple);
            }
    for (size_t i = 0; i < swept(100000); ++i) {
        std::array<T, Count> tuple;
        for (T& value : tuple) value = i % 2 ? near_one<T>(random) : random.one_in(4) ? draw() : any<T>(random);
        tuples.push_back(tuple);
    }
    // So that a value meets every lane.
    for (size_t i = tuples.size(); i-- > 1;) std::swap(tuples[i], tuples[random.below(i + 1)]);
    std::vector<std::array<Lanes<T>, Count>> columns(tuples.size() / kLanes);
    for (size_t i = 0; i < columns.size() * kLanes; ++i)
        for (size_t k = 0; k < Count; ++k) columns[i / kLanes][k][i % kLanes] = tuples[i][k];
    return columns;
}

// Checks operation(a, b, …, out) against plain(a, b, …) on all arguments, in both modes.
template <class T, class Plain, class... Arguments>
void check(const char* name, void (*operation)(Arguments...), Plain plain) {
    constexpr size_t kCount = sizeof...(Arguments) - 1;
    ASSERT_NE(operation, nullptr) << name;
    const auto columns = arguments<T, kCount>();
    in_both_modes([&](Mode mode) {
        Verdict verdict(std::string(name) + ", " + name_of(mode));
        for (const auto& column : columns) [&]<size_t... K>(std::index_sequence<K...>) {
                Lanes<T> got;
                operation(column[K].data()..., got.data());
                for (size_t i = 0; i < kLanes; ++i) {
                    const T wanted = plain(column[K][i]...);
                    verdict.see(same(got[i], wanted, mode), got[i], wanted, i, bits(column[0][i]));
                }
            }
        (std::make_index_sequence<kCount>());
    });
}

template <class T>
const LaneOperations<T>& lanes_of();
template <>
const LaneOperations<float>& lanes_of() {
    return operations().floats;
}
template <>
const LaneOperations<double>& lanes_of() {
    return operations().doubles;
}

template <class T>
class Vector : public testing::Test {};
using FloatAndDouble = testing::Types<float, double>;
TYPED_TEST_SUITE(Vector, FloatAndDouble);

TYPED_TEST(Vector, ArithmeticRoundsOnce) {
    using T = TypeParam;
    const LaneOperations<T>& ops = lanes_of<T>();
    check<T>("add", ops.add, [](T a, T b) { return a + b; });
    check<T>("sub", ops.sub, [](T a, T b) { return a - b; });
    check<T>("mul", ops.mul, [](T a, T b) { return a * b; });
    if constexpr (std::is_same_v<T, double>) {
        check<T>("div", ops.div, [](T a, T b) { return a / b; });
    } else {
        check<T>("fma", ops.fma, [](T a, T b, T c) { return std::fma(a, b, c); });
        check<T>("fnma", ops.fnma, [](T a, T b, T c) { return std::fma(-a, b, c); });
    }
}

TYPED_TEST(Vector, ComparisonsChooseAsPlainOnesDo) {
    using T = TypeParam;
    const LaneOperations<T>& ops = lanes_of<T>();
    check<T>("greater", ops.greater, [](T a, T b) { return a > b ? a : b; });
    check<T>("zero_below", ops.zero_below, [](T a, T limit) { return a >= limit ? a : T{0}; });
    check<T>("select_below", ops.select_below, [](T a, T b, T x, T y) { return a < b ? x : y; });
}

TYPED_TEST(Vector, ColumnsAreNumbersAStrideApart) {
    using T = TypeParam;
    for (const size_t stride : {1, 2, 3, 10, 16, 17, 33, 1000}) {
        const size_t count = (kLanes - 1) * stride + 1;
        GuardedMemory<T> memory(count);
        for (const Flush flush : kBothEnds) {
            T* const p = memory.place(count, flush);
            for (size_t i = 0; i < count; ++i) p[i] = static_cast<T>(i);
            Lanes<T> got;
            lanes_of<T>().load_column(p, stride, got.data());
            for (size_t k = 0; k < kLanes; ++k) EXPECT_EQ(got[k], static_cast<T>(k * stride)) << stride;

            for (size_t k = 0; k < kLanes; ++k) got[k] = -1 - static_cast<T>(k);
            lanes_of<T>().store_column(p, stride, got.data());
            for (size_t i = 0; i < count; ++i)
                ASSERT_EQ(p[i], i % stride == 0 ? -1 - static_cast<T>(i / stride) : static_cast<T>(i)) << stride;
        }
    }
}

TYPED_TEST(Vector, QuartersAreFourNumbersEachAStrideApart) {
    using T = TypeParam;
    for (const size_t stride : {4, 5, 7, 10, 16, 17, 33, 1000}) {
        const size_t count = 3 * stride + 4;
        GuardedMemory<T> memory(count);
        for (const Flush flush : kBothEnds) {
            T* const p = memory.place(count, flush);
            for (size_t i = 0; i < count; ++i) p[i] = static_cast<T>(i);
            Lanes<T> got;
            lanes_of<T>().load_quarters(p, stride, got.data());
            for (size_t k = 0; k < kLanes; ++k)
                EXPECT_EQ(got[k], static_cast<T>(k / 4 * stride + k % 4)) << stride << ", " << k;

            for (size_t k = 0; k < kLanes; ++k) got[k] = -1 - static_cast<T>(k);
            lanes_of<T>().store_quarters(p, stride, got.data());
            for (size_t i = 0; i < count; ++i) {
                const size_t quarter = i / stride < 3 ? i / stride : 3, j = i - quarter * stride;
                ASSERT_EQ(p[i], j < 4 ? -1 - static_cast<T>(4 * quarter + j) : static_cast<T>(i))
                    << stride << ", " << i;
            }
        }
    }
}

TYPED_TEST(Vector, TransposeQuartersTurnsEachQuarter) {
    using T = TypeParam;
    std::array<Lanes<T>, 4> rows;
    for (size_t i = 0; i < 4; ++i)
        for (size_t k = 0; k < kLanes; ++k) rows[i][k] = static_cast<T>(100 * i + k);
    lanes_of<T>().transpose_quarters(rows[0].data(), rows[1].data(), rows[2].data(), rows[3].data());
    for (size_t i = 0; i < 4; ++i)
        for (size_t k = 0; k < kLanes; ++k)
            EXPECT_EQ(rows[i][k], static_cast<T>(100 * (k % 4) + k / 4 * 4 + i)) << i << ", " << k;
}

TYPED_TEST(Vector, PowerOfTwoShiftsIntoTheExponent) {
    using T = TypeParam;
    const LaneOperations<T>& ops = lanes_of<T>();
    check<T>("power_of_two", ops.power_of_two, [](T a) { return from_bits<T>(bits(a) << kFraction<T>); });

    // As kernels use it: the exponent's field in the low bits.
    const T round = std::ldexp(T{1.5}, kFraction<T>);
    constexpr int kBias = std::numeric_limits<T>::max_exponent - 1;
    for (int k = 0; k <= 2 * kBias; ++k) {
        Lanes<T> a, got;
        a.fill(round + static_cast<T>(k));
        ops.power_of_two(a.data(), got.data());
        for (const T x : got) ASSERT_EQ(x, k == 0 ? T{0} : std::ldexp(T{1}, k - kBias)) << k;
    }
}

TYPED_TEST(Vector, SetFillsEveryLane) {
    using T = TypeParam;
    for (const T x : specials<T>()) {
        Lanes<T> got;
        lanes_of<T>().set(x, got.data());
        for (const T lane : got) EXPECT_TRUE(same(lane, x, Mode::Ieee)) << hexadecimal(bits(x));
    }
}

TYPED_TEST(Vector, ReplaceLaneReplacesThatLane) {
    using T = TypeParam;
    Lanes<T> a, got;
    for (size_t i = 0; i < kLanes; ++i) a[i] = static_cast<T>(i + 1);
    // One lane beyond there is none.
    for (size_t lane = 0; lane <= kLanes; ++lane) {
        lanes_of<T>().replace_lane(a.data(), lane, T{-7}, got.data());
        for (size_t i = 0; i < kLanes; ++i) EXPECT_EQ(got[i], i == lane ? T{-7} : a[i]) << lane << ", " << i;
    }
}

TYPED_TEST(Vector, GreatestLaneFindsItInEveryLane) {
    using T = TypeParam;
    SplitMix64 random(1);
    const auto greatest = lanes_of<T>().greatest_lane;
    for (size_t i = 0; i < 1000; ++i) {
        Lanes<T> a;
        for (T& x : a) x = near_one<T>(random);
        const size_t lane = i % kLanes;
        for (const T value : {T{100}, std::numeric_limits<T>::infinity()}) {
            a[lane] = value;
            ASSERT_EQ(greatest(a.data()), value) << lane;
        }
        // All others are −infinity.
        Lanes<T> b;
        b.fill(-std::numeric_limits<T>::infinity());
        ASSERT_EQ(greatest(b.data()), b[0]);
        b[lane] = std::numeric_limits<T>::lowest();
        ASSERT_EQ(greatest(b.data()), b[lane]) << lane;
    }
}

TYPED_TEST(Vector, PartialVectorsStayBetweenGuardPages) {
    using T = TypeParam;
    const LaneOperations<T>& ops = lanes_of<T>();
    const GuardedMemory<T> memory(kLanes);
    Lanes<T> a, got;
    for (size_t i = 0; i < kLanes; ++i) a[i] = static_cast<T>(i + 1);
    for (const Flush flush : kBothEnds)
        for (size_t count = 0; count <= kLanes; ++count) {
            T* p = memory.place(count, flush);
            std::copy_n(a.data(), count, p);
            ops.load_partial(p, count, T{-7}, got.data());
            for (size_t i = 0; i < kLanes; ++i) EXPECT_EQ(got[i], i < count ? a[i] : T{-7}) << count << ", lane " << i;

            T* whole = memory.place(kLanes, flush);
            std::fill_n(whole, kLanes, T{-1});
            ops.store_partial(p, a.data(), count);
            for (size_t i = 0; i < count; ++i) EXPECT_EQ(p[i], a[i]) << count << ", lane " << i;
            for (T* q = whole; q < whole + kLanes; ++q)
                EXPECT_TRUE((q >= p && q < p + count) || *q == T{-1}) << count << ", element " << q - p;
        }
}

TEST(VectorOfDoubles, ZeroDoublesAreZero) {
    Lanes<double> got;
    got.fill(1);
    operations().zero_doubles(got.data());
    for (const double x : got) EXPECT_EQ(bits(x), 0u);
}

TEST(VectorOfDoubles, SumsInTheSameOrderEverywhere) {
    SplitMix64 random(1);
    for (size_t i = 0; i < 10000; ++i) {
        Lanes<double> a;
        for (double& x : a) x = near_one<double>(random);
        const double got = operations().sum_lanes(a.data());
        for (size_t half = kLanes / 2; half > 0; half /= 2)
            for (size_t j = 0; j < half; ++j) a[j] += a[j + half];
        ASSERT_EQ(bits(got), bits(a[0]));
    }
}

TEST(VectorOfDoubles, AddWidenedRoundsOnce) {
    const auto floats = arguments<float, 1>();
    const auto doubles = arguments<double, 1>();
    in_both_modes([&](Mode mode) {
        Verdict verdict(std::string("add_widened, ") + name_of(mode));
        for (size_t n = 0; n < floats.size(); ++n) {
            const Lanes<float>& a = floats[n][0];
            const Lanes<double>& sum = doubles[n][0];
            Lanes<double> got;
            operations().add_widened(sum.data(), a.data(), got.data());
            for (size_t i = 0; i < kLanes; ++i) {
                const double wanted = sum[i] + static_cast<double>(a[i]);
                verdict.see(same(got[i], wanted, mode), got[i], wanted, i, bits(a[i]));
            }
        }
    });
}

TEST(VectorOfDoubles, WidenIsExact) {
    const auto columns = arguments<float, 1>();
    in_both_modes([&](Mode mode) {
        Verdict verdict(std::string("widen, ") + name_of(mode));
        for (const auto& column : columns) {
            const Lanes<float>& a = column[0];
            Lanes<double> got;
            operations().widen(a.data(), got.data());
            for (size_t i = 0; i < kLanes; ++i) {
                const double wanted = static_cast<double>(a[i]);
                verdict.see(same(got[i], wanted, mode), got[i], wanted, i, bits(a[i]));
            }
        }
    });
}

// Around floats and the middles between them, and anything.
TEST(VectorOfDoubles, NarrowRoundsToNearestEven) {
    SplitMix64 random(1);
    std::vector<double> values = specials<double>();
    for (size_t i = 0; i < swept(100000); ++i) {
        // The middle behind FLT_MAX is that to 2^128.
        const double low = std::fabs(i < 16 ? static_cast<double>(FLT_MAX) : static_cast<double>(random.any_finite()));
        const double middle = low + std::ldexp(1.0, std::max(std::ilogb(low), -126) - 24);
        const double x = i % 3 ? middle : low;
        const double sign = random.one_in(2) ? -1 : 1;
        for (const double value : {x, std::nextafter(x, 0.0), std::nextafter(x, 1e300)}) values.push_back(sign * value);
        values.push_back(any<double>(random));
    }
    values.resize(values.size() / kLanes * kLanes);
    in_both_modes([&](Mode mode) {
        Verdict verdict(std::string("narrow, ") + name_of(mode));
        for (size_t n = 0; n < values.size(); n += kLanes) {
            Lanes<float> got;
            operations().narrow(&values[n], got.data());
            for (size_t i = 0; i < kLanes; ++i) {
                const double x = values[n + i];
                const float wanted = static_cast<float>(x);
                // Of results that are subnormal only this is asked: that they do not become great.
                const bool tiny = std::fabs(x) < 0x1p-126;
                verdict.see(tiny ? std::fabs(got[i]) <= FLT_MIN : same(got[i], wanted, mode), got[i], wanted, i,
                            bits(x));
            }
        }
    });
}

// What differs between the two types of 16 bits.
template <class E>
struct Format;

template <>
struct Format<Half> {
    static const ElementOperations<Half>& operations() { return nxent_test::operations().halfs; }
    static constexpr uint16_t kInfinity = 0x7c00;
    static constexpr uint16_t kCanonicalNaN = 0x7e00;
    // The least number that store is asked for, beside zero.
    static constexpr uint16_t kLeast = 1;
    // Finite, and 2^16 for the pattern of infinity: what overflow rounds to.
    static double value(uint16_t magnitude) {
        const int exponent = magnitude >> 10, fraction = magnitude & 0x3ff;
        return exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    }
};

template <>
struct Format<BFloat16> {
    static const ElementOperations<BFloat16>& operations() { return nxent_test::operations().bfloat16s; }
    static constexpr uint16_t kInfinity = 0x7f80;
    static constexpr uint16_t kCanonicalNaN = 0x7fc0;
    static constexpr uint16_t kLeast = 0x80;
    static double value(uint16_t magnitude) {
        const int exponent = magnitude >> 7, fraction = magnitude & 0x7f;
        return exponent == 0 ? std::ldexp(fraction, -133) : std::ldexp(128 + fraction, exponent - 134);
    }
};

template <class E>
bool is_nan_of(E x) {
    return (x.bits & 0x7fffu) > Format<E>::kInfinity;
}

template <class E>
class VectorOf16Bits : public testing::Test {};
using Elements16 = testing::Types<Half, BFloat16>;
TYPED_TEST_SUITE(VectorOf16Bits, Elements16);

TYPED_TEST(VectorOf16Bits, LoadIsExactForEveryBitPattern) {
    using E = TypeParam;
    std::vector<E> elements;
    std::vector<float> wanted;
    for (uint32_t pattern = 0; pattern <= 0xffff; ++pattern) {
        const uint16_t magnitude = static_cast<uint16_t>(pattern & 0x7fff);
        elements.push_back({static_cast<uint16_t>(pattern)});
        const float value = magnitude == Format<E>::kInfinity  ? kInfinity
                            : magnitude > Format<E>::kInfinity ? float_of(kCanonicalNaN)
                                                               : static_cast<float>(Format<E>::value(magnitude));
        wanted.push_back(pattern == magnitude ? value : -value);
    }
    in_both_modes([&](Mode mode) {
        Verdict verdict(std::string("load, ") + name_of(mode));
        // From every alignment, so that every pattern meets every lane.
        for (size_t n = 0; n + kLanes <= elements.size(); ++n) {
            Lanes<float> got;
            Format<E>::operations().load(&elements[n], got.data());
            // The bits themselves in both modes: a load flushes nothing.
            for (size_t i = 0; i < kLanes; ++i)
                verdict.see(same(got[i], wanted[n + i], Mode::Ieee), got[i], wanted[n + i], i, elements[n + i].bits);
        }
    });
}

// Every number, every middle between two, and the floats next to all of them. What is right is known without rounding:
// each lies beside a number, or in the middle.
TYPED_TEST(VectorOf16Bits, StoreRoundsToNearestEvenAtEveryBoundary) {
    using E = TypeParam;
    std::vector<float> floats;
    std::vector<E> wanted;
    const auto append = [&](float x, uint16_t to) {
        for (const uint16_t sign : {uint16_t{0}, uint16_t{0x8000}}) {
            floats.push_back(sign ? -x : x);
            wanted.push_back({static_cast<uint16_t>(sign | to)});
        }
    };
    append(0.0f, 0);
    for (uint16_t low = 0; low < Format<E>::kInfinity; ++low) {
        const uint16_t high = static_cast<uint16_t>(low + 1);
        const double middle = (Format<E>::value(low) + Format<E>::value(high)) / 2;
        const float x = static_cast<float>(middle);
        ASSERT_EQ(static_cast<double>(x), middle);
        if (low == 0 ? high < Format<E>::kLeast : low < Format<E>::kLeast) continue;
        append(std::nextafter(x, 0.0f), low);
        append(x, low % 2 == 0 ? low : high);
        append(std::nextafter(x, kInfinity), high);
        if (low == 0) continue;
        const float number = static_cast<float>(Format<E>::value(low));
        append(number, low);
        append(std::nextafter(number, kInfinity), low);
        if (low > Format<E>::kLeast) append(std::nextafter(number, 0.0f), low);
    }
    append(FLT_MAX, Format<E>::kInfinity);
    append(kInfinity, Format<E>::kInfinity);
    if (Format<E>::kLeast == 1) {
        append(FLT_MIN, 0);
        append(0x1.fffffep-26f, 0);
        append(0x1p+16f, Format<E>::kInfinity);
        append(0x1.8p+16f, Format<E>::kInfinity);
        append(0x1.fffffep+16f, Format<E>::kInfinity);
        append(0x1p+17f, Format<E>::kInfinity);
        append(0x1.8p+100f, Format<E>::kInfinity);
    }
    in_both_modes([&](Mode mode) {
        Verdict verdict(std::string("store, ") + name_of(mode));
        // Three steps are not a divisor of sixteen: every kind meets every lane.
        for (size_t n = 0; n + kLanes <= floats.size(); n += 3) {
            std::array<E, kLanes + 2> got;
            got.fill({0x5a5a});
            Format<E>::operations().store(&got[1], &floats[n]);
            EXPECT_EQ(got.front().bits, 0x5a5a);
            EXPECT_EQ(got.back().bits, 0x5a5a);
            for (size_t i = 0; i < kLanes; ++i)
                verdict.see(got[i + 1].bits == wanted[n + i].bits, got[i + 1].bits, wanted[n + i].bits, i,
                            bits(floats[n + i]));
        }
    });
}

TYPED_TEST(VectorOf16Bits, StoredNaNsStayNaNs) {
    using E = TypeParam;
    std::vector<uint32_t> nans{kCanonicalNaN, 0x80000000u | kCanonicalNaN};
    // BFloat16 is given no others: rounding may carry them over into something else.
    for (uint32_t payload = 1; std::is_same_v<E, Half> && payload < 0x800000u; payload += payload)
        for (const uint32_t with : {payload, 0x800000u - payload})
            for (const uint32_t sign : {0u, 0x80000000u}) nans.push_back(sign | 0x7f800000u | (with & 0x7fffffu));
    in_both_modes([&](Mode mode) {
        for (const uint32_t nan : nans) {
            if ((nan & 0x7fffffu) == 0) continue;
            for (size_t lane = 0; lane < kLanes; ++lane) {
                Lanes<float> a;
                a.fill(1.0f);
                a[lane] = float_of(nan);
                E got[kLanes];
                Format<E>::operations().store(got, a.data());
                for (size_t i = 0; i < kLanes; ++i)
                    EXPECT_EQ(is_nan_of(got[i]), i == lane) << hexadecimal(nan) << ", " << name_of(mode);
                // The one that results hold is the same on every machine.
                if (nan == kCanonicalNaN) {
                    EXPECT_EQ(got[lane].bits, Format<E>::kCanonicalNaN);
                }
            }
        }
    });
}

TYPED_TEST(VectorOf16Bits, PartialVectorsStayBetweenGuardPages) {
    using E = TypeParam;
    const ElementOperations<E>& ops = Format<E>::operations();
    const GuardedMemory<E> memory(kLanes);
    Lanes<float> a, got;
    E elements[kLanes];
    for (size_t i = 0; i < kLanes; ++i) a[i] = static_cast<float>(i + 1);
    ops.store(elements, a.data());
    constexpr uint16_t kUntouched = 0x5a5a;
    in_both_modes([&](Mode) {
        for (const Flush flush : kBothEnds)
            for (const float other : {-7.0f, -kInfinity, 0x1.234567p-80f})
                for (size_t count = 0; count <= kLanes; ++count) {
                    E* p = memory.place(count, flush);
                    std::copy_n(elements, count, p);
                    ops.load_partial(p, count, other, got.data());
                    for (size_t i = 0; i < kLanes; ++i)
                        EXPECT_EQ(got[i], i < count ? a[i] : other) << count << ", lane " << i;

                    E* whole = memory.place(kLanes, flush);
                    std::fill_n(whole, kLanes, E{kUntouched});
                    ops.store_partial(p, a.data(), count);
                    for (size_t i = 0; i < count; ++i)
                        EXPECT_EQ(p[i].bits, elements[i].bits) << count << ", lane " << i;
                    for (E* q = whole; q < whole + kLanes; ++q)
                        EXPECT_TRUE((q >= p && q < p + count) || q->bits == kUntouched)
                            << count << ", element " << q - p;
                }
    });
}

}  // namespace
}  // namespace nxent_test
