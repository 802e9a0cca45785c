// SPDX-License-Identifier: MIT
//
// Products of matrices, every output of which is the same sum in the same order whatever computes it:
//
//   s_p = fma(a(i, k), b(j, k), s_p)   for the terms k = 128·p, 128·p + 1, … of part p, one after the other, from +0
//   c   = ((start + s_0) + s_1) + …    start is the sum of what the output holds and the bias, where wanted; else +0
//
// Lanes and registers hold different outputs, and nothing is added across them. So neither the width of registers nor the
// shape of tiles nor the order in which outputs are visited can change a bit.
//
// The scheme is Goto and van de Geijn's ("Anatomy of high-performance matrix multiplication", 2008): both operands are copied
// into panels that a tile reads from one end to the other, a block of a stays in the second-level cache and a panel of b in
// the first.
#pragma once

#include "../kernels.h"
#include "../product_blocks.h"
#include "elements-inl.h"

namespace nxent {
namespace NXENT_TARGET {
namespace {

constexpr size_t kProductRows = NXENT_PRODUCT_ROWS;
constexpr size_t kProductVectors = NXENT_PRODUCT_VECTORS;
constexpr size_t kProductColumns = kProductVectors * kLanes;
static_assert(ProductBlocks::kRowsMultiple % kProductRows == 0 &&
                  ProductBlocks::kColumnsMultiple % kProductColumns == 0 && ProductBlocks::kRows % kProductRows == 0 &&
                  ProductBlocks::kColumnsPacked % kProductColumns == 0,
              "the workspace holds whole tiles");

NXENT_INLINE size_t least(size_t a, size_t b) { return a < b ? a : b; }

// Which outputs a tile's sums belong to, and what becomes of them.
struct TileOutput {
    float* start;
    size_t stride;
    size_t rows, columns;  // those that exist
    const float* bias;     // or null
    bool adds;             // whether sums start from what the output holds
    bool first, last;      // whether this is the first part, and the last
};

// Joins a part's sums to what comes before. In the end no zero is −0 and every NaN canonical: +0 is added before all else, as
// what the output holds and the bias may both be −0.
template <bool kWhole>
NXENT_INLINE void join_output(const TileOutput& to, size_t row, size_t column, F sums) {
    float* const c = to.start + row * to.stride + column;
    const size_t lanes = kWhole ? size_t{kLanes} : least(to.columns - column, kLanes);
    F start = set(0.0f);
    if (to.adds) start = add(start, kWhole ? load(c) : load_partial(c, lanes, 0));
    if (to.bias) start = add(start, kWhole ? load(to.bias + column) : load_partial(to.bias + column, lanes, 0));
    F joined = add(start, sums);
    if (to.last) joined = canonical(joined);
    if constexpr (kWhole)
        store(c, joined);
    else
        store_partial(c, joined, lanes);
}

// The sums of one part for a tile of outputs. a has kProductRows numbers for each term, b kVectors vectors.
template <size_t kVectors, bool kWhole>
NXENT_NOINLINE void product_tile(size_t terms, const float* a, const float* b, const TileOutput& to) {
    F sums[kProductRows][kVectors];
    NXENT_UNROLL
    for (size_t i = 0; i < kProductRows; ++i) {
        if constexpr (kWhole) {
            prefetch_near(to.start + i * to.stride, 0);
            prefetch_near(to.start + i * to.stride, kVectors * kLanes - 1);
        }
        NXENT_UNROLL
        for (size_t j = 0; j < kVectors; ++j) sums[i][j] = set(0.0f);
    }
    for (size_t k = 0; k < terms; ++k, a += kProductRows, b += kVectors * kLanes) {
        F line[kVectors];
        NXENT_UNROLL
        for (size_t j = 0; j < kVectors; ++j) line[j] = load(b + j * kLanes);
        NXENT_UNROLL
        for (size_t i = 0; i < kProductRows; ++i) {
            const F term = set(a[i]);
            NXENT_UNROLL
            for (size_t j = 0; j < kVectors; ++j) sums[i][j] = fma(term, line[j], sums[i][j]);
        }
    }
    // Most parts of long sums are neither the first nor the last.
    if (kWhole && !to.first && !to.last) {
        float* c = to.start;
        NXENT_UNROLL
        for (size_t i = 0; i < kProductRows; ++i, c += to.stride) {
            NXENT_UNROLL
            for (size_t j = 0; j < kVectors; ++j) store(c + j * kLanes, add(load(c + j * kLanes), sums[i][j]));
        }
        return;
    }
    NXENT_UNROLL
    for (size_t i = 0; i < kProductRows; ++i) {
        NXENT_UNROLL
        for (size_t j = 0; j < kVectors; ++j)
            if (kWhole || (i < to.rows && j * kLanes < to.columns)) join_output<kWhole>(to, i, j * kLanes, sums[i][j]);
    }
}

template <size_t kVectors>
NXENT_INLINE void product_tile_of(size_t terms, const float* a, const float* b, const TileOutput& to) {
    if (to.rows == kProductRows && to.columns == kVectors * kLanes)
        product_tile<kVectors, true>(terms, a, b, to);
    else
        product_tile<kVectors, false>(terms, a, b, to);
}

// Lines a stride apart, a panel's first count of width: to[k * width + i] = from[i * stride + k], and 0 for the lines that do
// not exist. May store three numbers past the panel.
template <class Element>
NXENT_NOINLINE void pack_lines_apart(const Element* from, size_t stride, size_t count, size_t terms, size_t width,
                                     float* to) {
    // Four lines at a time, the last ones first: what is stored beyond the width belongs to the next term's first lines.
    for (size_t begin = (width - 1) / 4 * 4 + 4; begin > 0;) {
        begin -= 4;
        const Element* lines = from + begin * stride;
        const size_t present = count > begin ? least(count - begin, 4) : 0;
        float* t = to + begin;
        size_t k = 0;
        for (; k + kLanes <= terms; k += kLanes, t += kLanes * width) {
            F a = present > 0 ? load(lines + k) : set(0.0f);
            F b = present > 1 ? load(lines + stride + k) : set(0.0f);
            F c = present > 2 ? load(lines + 2 * stride + k) : set(0.0f);
            F d = present > 3 ? load(lines + 3 * stride + k) : set(0.0f);
            transpose_quarters(a, b, c, d);
            store_quarters(t, 4 * width, a);
            store_quarters(t + width, 4 * width, b);
            store_quarters(t + 2 * width, 4 * width, c);
            store_quarters(t + 3 * width, 4 * width, d);
        }
        if (k == terms) continue;
        for (size_t i = 0; i < least(width - begin, 4); ++i) {
            float lanes[kLanes];
            store(lanes, i < present ? load_partial(lines + i * stride + k, terms - k, 0) : set(0.0f));
            for (size_t j = 0; j < terms - k; ++j) t[j * width + i] = lanes[j];
        }
    }
}

// Adjacent lines, a panel after the other: to[p * width * terms + k * width + i] = from[k * stride + p * width + i], and 0 for
// lines beyond count.
template <class Element>
NXENT_NOINLINE void pack_lines_adjacent(const Element* from, size_t stride, size_t count, size_t terms, size_t width,
                                        float* to) {
    for (size_t k = 0; k < terms; ++k, from += stride, to += width) {
        float* t = to;
        for (size_t begin = 0; begin < count; begin += width, t += width * terms)
            for (size_t i = 0; i < width; i += kLanes) {
                const size_t left = count > begin + i ? count - begin - i : 0;
                const Element* f = from + begin + i;
                const F x = left >= kLanes ? load(f) : left > 0 ? load_partial(f, left, 0) : set(0.0f);
                // A vector may reach into the next terms' numbers, which are written later, but not into the next panel.
                if (i + kLanes <= (terms - k) * width)
                    store(t + i, x);
                else
                    store_partial(t + i, x, least(width - i, kLanes));
            }
    }
}

template <class Element>
NXENT_INLINE void pack_elements(const ProductOperand& operand, size_t line, size_t term, size_t count, size_t terms,
                                size_t width, float* to) {
    const Element* start = static_cast<const Element*>(operand.start);
    if (operand.lines_adjacent) {
        pack_lines_adjacent(start + term * operand.stride + line, operand.stride, count, terms, width, to);
        return;
    }
    for (size_t begin = 0; begin < count; begin += width, to += width * terms)
        pack_lines_apart(start + (line + begin) * operand.stride + term, operand.stride, least(count - begin, width),
                         terms, width, to);
}

// Lines and terms of an operand as panels of width lines, one after the other.
NXENT_INLINE void pack(const ProductOperand& operand, size_t line, size_t term, size_t count, size_t terms,
                       size_t width, float* to) {
    if (count == 0) return;
    switch (operand.element_type) {
        case NXENT_FLOAT16: pack_elements<Half>(operand, line, term, count, terms, width, to); break;
        case NXENT_BFLOAT16: pack_elements<BFloat16>(operand, line, term, count, terms, width, to); break;
        default: pack_elements<float>(operand, line, term, count, terms, width, to); break;
    }
}

// All tiles of a panel of b.
template <size_t kVectors>
NXENT_INLINE void product_panel(size_t rows, size_t terms, const float* a, const float* b, TileOutput to) {
    float* const first = to.start;
    for (size_t i = 0; i < rows; i += kProductRows, a += kProductRows * terms) {
        to.start = first + i * to.stride;
        to.rows = least(rows - i, kProductRows);
        product_tile_of<kVectors>(terms, a, b, to);
    }
}

NXENT_INLINE float* at_cache_line(float* p) {
    return p + (64 - reinterpret_cast<uintptr_t>(p) % 64) % 64 / sizeof(float);
}

void matrix_product(const MatrixProductJob& job) {
    const ProductBlocks blocks(job.rows, job.columns, job.terms, job.workspace_size);
    float* const packed_a = at_cache_line(job.workspace);
    float* const packed_b = at_cache_line(job.workspace + blocks.a_floats);
    for (size_t i = 0; i < job.rows; i += blocks.rows) {
        const size_t rows = least(job.rows - i, blocks.rows);
        for (size_t j = 0; j < job.columns; j += blocks.columns) {
            const size_t columns = least(job.columns - j, blocks.columns);
            // Where there are no terms, outputs are what they start from.
            for (size_t k = 0; k < job.terms || k == 0; k += kTermsTogether) {
                const size_t terms = least(job.terms - k, kTermsTogether);
                float* const a = blocks.keeps_a ? packed_a + k * blocks.padded_rows : packed_a;
                if (j == 0 || !blocks.keeps_a) pack(job.a, i, k, rows, terms, kProductRows, a);
                const bool packs_b = i == 0 || !blocks.keeps_b;
                for (size_t group = 0; group < columns; group += ProductBlocks::kColumnsPacked) {
                    const size_t packed = least(columns - group, ProductBlocks::kColumnsPacked);
                    const size_t whole = packed / kProductColumns * kProductColumns;
                    const size_t last_width = up_to_multiple(packed - whole, kLanes);
                    const size_t column = j + group;
                    float* const b = blocks.keeps_b ? packed_b + k * blocks.padded_columns + column * terms : packed_b;
                    if (packs_b && job.b.lines_adjacent) {
                        pack(job.b, column, k, whole, terms, kProductColumns, b);
                        if (whole < packed)
                            pack(job.b, column + whole, k, packed - whole, terms, last_width, b + whole * terms);
                    }
                    for (size_t panel = 0; panel < packed; panel += kProductColumns) {
                        float* const b_panel = b + panel * terms;
                        const size_t count = least(packed - panel, kProductColumns);
                        // Lines apart are packed when they are needed, so that the panel is in the first-level cache.
                        if (packs_b && !job.b.lines_adjacent)
                            pack(job.b, column + panel, k, count, terms, panel < whole ? kProductColumns : last_width,
                                 b_panel);
                        const TileOutput to = {job.output + i * job.output_stride + column + panel,
                                               job.output_stride,
                                               0,
                                               count,
                                               job.bias && k == 0 ? job.bias + column + panel : nullptr,
                                               job.accumulate || k > 0,
                                               k == 0,
                                               k + terms == job.terms};
                        if (kProductVectors > 1 && count <= kLanes)
                            product_panel<1>(rows, terms, a, b_panel, to);
                        else
                            product_panel<kProductVectors>(rows, terms, a, b_panel, to);
                    }
                }
            }
        }
    }
}

// The same sums with every b(j, k) = 1.
void column_sums(const ColumnSumsJob& job) {
    for (size_t j = 0; j < job.columns; j += kLanes) {
        const size_t lanes = least(job.columns - j, kLanes);
        const bool whole = lanes == kLanes;
        float* const to = job.output + j;
        const F zero = set(0.0f);
        F joined = job.accumulate ? add(whole ? load(to) : load_partial(to, lanes, 0), zero) : zero;
        for (size_t i = 0; i < job.rows; i += kTermsTogether) {
            const float* line = job.matrix + i * job.stride + j;
            F sums = zero;
            for (size_t k = least(job.rows - i, kTermsTogether); k > 0; --k, line += job.stride)
                sums = add(sums, whole ? load(line) : load_partial(line, lanes, 0));
            joined = add(joined, sums);
        }
        joined = canonical(joined);
        if (whole)
            store(to, joined);
        else
            store_partial(to, joined, lanes);
    }
}

}  // namespace
}  // namespace NXENT_TARGET
}  // namespace nxent
