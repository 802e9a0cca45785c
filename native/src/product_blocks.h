// SPDX-License-Identifier: MIT
//
// How a matrix product is cut, and so how much memory its packed operands take. Of all this only kTermsTogether shows in a
// result.
#pragma once

#include <stddef.h>

namespace nxent {
namespace {

// A chain of multiply-adds has so many terms: see matrix_product-inl.h.
constexpr size_t kTermsTogether = 128;

constexpr size_t up_to_multiple(size_t n, size_t of) { return (n + of - 1) / of * of; }

struct ProductBlocks {
    // Multiples of every target's tile.
    static constexpr size_t kRowsMultiple = 12, kColumnsMultiple = 32;
    // Rows of a block: packed with 128 terms each they fill a part of the second-level cache.
    static constexpr size_t kRows = 264;
    // Columns of a block: the output's block stays in the second-level cache while all terms are added to it. Where a is
    // packed anew for each block, that are more.
    static constexpr size_t kColumns = 512, kColumnsWide = 1024;
    // Columns that are packed at a time, so that whole cache lines of the operand are read.
    static constexpr size_t kColumnsPacked = 256;
    // An operand that is needed again is kept packed if it has at most so many numbers.
    static constexpr size_t kKept = size_t{1} << 20;
    // Packing stores whole vectors, and begins at a cache line.
    static constexpr size_t kSlack = 32;

    // For rows × columns outputs that are sums of so many terms, and room for so many floats.
    ProductBlocks(size_t all_rows, size_t all_columns, size_t terms, size_t room) {
        const size_t most_terms = terms < kTermsTogether ? terms : kTermsTogether;
        rows = all_rows < kRows ? all_rows : kRows;
        padded_rows = up_to_multiple(rows, kRowsMultiple);
        const size_t packed =
            all_columns < kColumnsPacked ? up_to_multiple(all_columns, kColumnsMultiple) : kColumnsPacked;
        a_floats = padded_rows * most_terms + kSlack;
        b_floats = packed * most_terms + kSlack;
        if (all_columns > kColumns && terms > kTermsTogether && terms <= kKept / kRows) {
            const size_t kept = padded_rows * terms + kSlack;
            keeps_a = kept + b_floats <= room;
            if (keeps_a) a_floats = kept;
        }
        if (all_rows > kRows && all_columns <= kKept) {
            padded_columns = up_to_multiple(all_columns, kColumnsMultiple);
            const size_t kept = padded_columns * terms + kSlack;
            keeps_b = terms <= kKept && kept <= kKept && a_floats + kept <= room;
            if (keeps_b) b_floats = kept;
        }
        const size_t most_columns = keeps_a ? kColumns : kColumnsWide;
        columns = all_columns < most_columns ? all_columns : most_columns;
    }

    size_t rows, padded_rows;
    size_t columns, padded_columns = 0;
    bool keeps_a = false, keeps_b = false;
    size_t a_floats, b_floats;
};

// How many floats a product can use, with whatever part of its outputs.
inline size_t product_workspace(size_t rows, size_t columns, size_t terms) {
    const ProductBlocks blocks(rows, columns, terms, ~size_t{0});
    return blocks.a_floats + blocks.b_floats;
}

// How many it needs at least.
inline size_t least_product_workspace(size_t rows, size_t columns, size_t terms) {
    const ProductBlocks blocks(rows, columns, terms, 0);
    return blocks.a_floats + blocks.b_floats;
}

}  // namespace
}  // namespace nxent
