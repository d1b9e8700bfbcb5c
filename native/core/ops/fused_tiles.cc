#include <ATen/Parallel.h>
#include <ATen/ceil_div.h>

#include <algorithm>
#include <memory>

#include "core/base/threads.h"
#include "core/ops/fused_call.h"
#include "core/ops/fused_patches.h"
#include "core/ops/fused_tile_blocks.h"
#include "core/ops/fused_tiles_kernels.h"
#include "core/ops/tiles_in_use.h"

namespace moco::fused {
namespace {

using Bf16 = c10::BFloat16;
using kernels::fused_tiles::kColumns;
using kernels::fused_tiles::kDepth;

const kernels::fused_tiles::Kernels& simd() { return *kernels::fused_tiles::kernels(); }

constexpr int64_t kHalf = kColumns / 2;

/// Packs a matrix in panels of columns.
/// @param pack  pack(column, row, to): the kHalf columns and kDepth rows that begin there
template <typename Pack>
PackedWeight packedPanels(int64_t columns, int64_t depth, const Pack& pack) {
  const auto packed = at::empty({columns * depth}, at::kBFloat16);
  Bf16* const to = packed.data_ptr<Bf16>();
  parallelFor(columns / kHalf, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      Bf16* const half = to + i / 2 * kColumns * depth + i % 2 * kHalf * kDepth;
      for (int64_t k = 0; k < depth; k += kDepth) pack(i * kHalf, k, half + k * kColumns);
    }
  });
  return {packed, {}};
}

/// How many panels of the weight a block of rows is multiplied with at a time. They stay in the
/// second-level cache, and all threads have some.
int64_t panelsTogether(int64_t panels, int64_t depth, int64_t blocks) {
  constexpr int64_t kMostNumbers = 256 * 1024;
  const int64_t most = std::max<int64_t>(1, kMostNumbers / (depth * kColumns));
  const int64_t forEachThread = at::ceil_div<int64_t>(at::get_num_threads(), blocks);
  return std::min(most, at::ceil_div(panels, forEachThread));
}

/// Multiplies blocks of rows with the weight.
/// @param blocksOf  makes the blocks of `call`, for each thread anew
/// @param depth     numbers of a column of the weight
/// @param columns   of the weight
void multiplyInTiles(const Call<Bf16>& call,
                     std::unique_ptr<TileBlocks> (*blocksOf)(const Call<Bf16>& call), int64_t depth,
                     int64_t columns) {
  const int64_t panels = columns / kColumns, blocks = blocksOf(call)->count();
  const int64_t together = panelsTogether(panels, depth, blocks);
  const int64_t groups = at::ceil_div(panels, together);
  parallelFor(blocks * groups, [&](int64_t begin, int64_t end) {
    const auto block = blocksOf(call);
    const TilesInUse tiles;
    for (int64_t i = begin; i < end; ++i) {
      if (i == begin || i % groups == 0) block->fill(i / groups);
      const int64_t first = i % groups * together, column = first * kColumns;
      simd().multiply({.aStride = block->aStride(),
                       .termLength = block->termLength(),
                       .b = call.weightAs<Bf16>() + column * depth,
                       .panels = std::min(together, panels - first),
                       .panelSize = kColumns * depth,
                       .bias = call.bias + column,
                       .addend = call.addend ? call.addend + column : nullptr,
                       .least = call.least(),
                       .to = call.y + column,
                       .stride = block->toStride()},
                      block->rows().data(), static_cast<int64_t>(block->rows().size()));
    }
  });
}

}  // namespace

PackedWeight packedForTiles(const at::Tensor& weight) {
  const auto columns = columnsOf(weight.to(at::kBFloat16)).contiguous();
  const int64_t depth = columns.size(1);
  const Bf16* const from = columns.const_data_ptr<Bf16>();
  return packedPanels(columns.size(0), depth, [&](int64_t column, int64_t row, Bf16* to) {
    simd().packColumns(from + column * depth + row, depth, to);
  });
}

PackedWeight packedForTilesTurnedRound(const at::Tensor& weight) {
  const int64_t out = weight.size(0), in = weight.size(1), taps = weight.size(2) * weight.size(3);
  const auto rows = weight.permute({0, 2, 3, 1}).contiguous();  // (out, taps, in)
  const Bf16* const from = rows.const_data_ptr<Bf16>();
  return packedPanels(in, taps * out, [&](int64_t column, int64_t row, Bf16* to) {
    const int64_t tap = taps - 1 - row / out;
    simd().packRows(from + (row % out * taps + tap) * in + column, taps * in, to);
  });
}

void convolveInTiles(const Call<Bf16>& call) {
  const auto& shape = call.shape;
  multiplyInTiles(call, tileBlocks, paddedDepth(shape.kernel * shape.kernel * shape.in), shape.out);
}

void inputGradientInTiles(const Call<Bf16>& call) {
  const auto& shape = call.shape;
  multiplyInTiles(call, inputGradientTileBlocks, shape.kernel * shape.kernel * shape.out, shape.in);
}

}  // namespace moco::fused
