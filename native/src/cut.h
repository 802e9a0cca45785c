// SPDX-License-Identifier: MIT
//
// What rows are cut into: the same on every instruction set, as the order of additions depends on it. The tests look
// closest at these boundaries.
#pragma once

#include <stddef.h>

namespace nxent {

// Logical lanes: class j belongs to lane j mod 16, however wide the registers are.
constexpr size_t kLogicalLanes = 16;
// A tile is the unit of summation: so many vectors are added lane by lane in two numbers, then joined.
constexpr size_t kTileVectors = 32;
constexpr size_t kTile = kTileVectors * kLogicalLanes;
// Blocks: short enough for the first-level cache, and never more than kMaxBlocks.
constexpr size_t kBlock = 4096;
constexpr size_t kMaxBlocks = 256;

}  // namespace nxent
