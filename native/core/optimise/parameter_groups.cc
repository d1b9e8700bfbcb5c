#include "core/optimise/parameter_groups.h"

namespace moco {
namespace {

/// From where a parameter begins to where the next one does, or to the end.
Piece pieceWithGap(const NamedTensors& parameters, size_t index) {
  const int64_t begin = pieceOf(parameters, index).begin;
  const bool isLast = index + 1 == parameters.size();
  const int64_t end = isLast ? parameters.flat().numel() : pieceOf(parameters, index + 1).begin;
  return {begin, end - begin};
}

}  // namespace

bool isNormOrBias(const at::Tensor& parameter) { return parameter.dim() < 2; }

Piece pieceOf(const NamedTensors& parameters, size_t index) {
  const at::Tensor& parameter = parameters[index];
  return {parameter.storage_offset() - parameters.flat().storage_offset(), parameter.numel()};
}

std::vector<ParameterGroup> parameterGroups(const NamedTensors& parameters, bool decayNormAndBias) {
  if (decayNormAndBias) return {{true, {{0, parameters.flat().numel()}}}};
  std::vector<ParameterGroup> groups{{true, {}}, {false, {}}};
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Piece piece = pieceWithGap(parameters, i);
    auto& pieces = groups[isNormOrBias(parameters[i]) ? 1 : 0].pieces;
    const bool isNeighbour =
        !pieces.empty() && pieces.back().begin + pieces.back().length == piece.begin;
    if (isNeighbour) {
      pieces.back().length += piece.length;
    } else {
      pieces.push_back(piece);
    }
  }
  return groups;
}

std::vector<at::Tensor> cut(const at::Tensor& flat, const std::vector<Piece>& pieces) {
  std::vector<at::Tensor> tensors;
  tensors.reserve(pieces.size());
  for (const auto& [begin, length] : pieces) tensors.push_back(flat.narrow(0, begin, length));
  return tensors;
}

}  // namespace moco
