#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/ops/fused_call.h"
#include "core/ops/fused_tiles_kernels.h"

namespace moco::fused {

/// The rows of a convolution's product, a pixel of the output each, in blocks that fit a core's
/// cache. Their numbers lie as the tiles of AMX read them: those of 16 rows at the same distance.
class TileBlocks {
 public:
  using Bf16 = c10::BFloat16;
  using RowBlock = kernels::fused_tiles::RowBlock;

  virtual ~TileBlocks() = default;

  virtual int64_t count() const = 0;
  /// Brings a block's numbers to where `rows` then says, copying them where they do not lie right.
  virtual void fill(int64_t block) = 0;

  const std::vector<RowBlock>& rows() const { return rows_; }
  /// Numbers from row to row of what is multiplied.
  int64_t aStride() const { return aStride_; }
  int64_t termLength() const { return termLength_; }
  /// Numbers from row to row of the results.
  int64_t toStride() const { return toStride_; }

 protected:
  using Rows = kernels::fused_tiles::Rows;
  using Term = kernels::fused_tiles::Term;

  TileBlocks(int64_t aStride, int64_t termLength, int64_t toStride)
      : aStride_(aStride), termLength_(termLength), toStride_(toStride) {}

  void clear() { rows_.clear(); }
  /// Adds rows, two of which with the same terms make a block of the kernel.
  void add(const Rows& rows, const std::vector<Term>& terms);

 private:
  std::vector<RowBlock> rows_;
  int64_t aStride_, termLength_, toStride_;
};

/// What suits a convolution best, for one thread.
std::unique_ptr<TileBlocks> tileBlocks(const Call<c10::BFloat16>& call);
/// The same of the gradient by the input (`inputGradientInTiles`).
std::unique_ptr<TileBlocks> inputGradientTileBlocks(const Call<c10::BFloat16>& call);

}  // namespace moco::fused
