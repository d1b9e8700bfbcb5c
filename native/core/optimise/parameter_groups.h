#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "core/model/named_tensors.h"

namespace moco {

/// A stretch of a flat buffer, in elements.
struct Piece {
  int64_t begin, length;
};

/// Parameters that are updated alike.
struct ParameterGroup {
  bool decays;  // whether weight decay applies to them
  std::vector<Piece> pieces;
};

/// Whether a parameter has one dimension or none, as those of BatchNorm and all biases do.
bool isNormOrBias(const at::Tensor& parameter);

/// Where a parameter lies in the flat buffer.
Piece pieceOf(const NamedTensors& parameters, size_t index);

/// All parameters as one group, or as two: those with weight decay, and BatchNorm's and biases
/// without. Neighbours of one group are one piece, the gaps between them included.
std::vector<ParameterGroup> parameterGroups(const NamedTensors& parameters, bool decayNormAndBias);

/// Pieces of a buffer as tensors: views of it.
/// @param flat  one-dimensional
std::vector<at::Tensor> cut(const at::Tensor& flat, const std::vector<Piece>& pieces);

}  // namespace moco
