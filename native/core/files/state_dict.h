#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace moco {

/// Named tensors, on any device and of any layout, in the order of PyTorch's `state_dict()`.
using StateDict = std::vector<std::pair<std::string, at::Tensor>>;

/// Appends the tensors of `more`, with `prefix` before their names.
void append(StateDict& state, const std::string& prefix, const StateDict& more);

/// The tensors whose names begin with `prefix`, which is left out of their names.
StateDict section(const StateDict& state, const std::string& prefix);

/// Finds the tensors of a state dict by name, and checks that they are what is expected.
class StateLookup {
 public:
  /// @param state  must outlive this object
  explicit StateLookup(const StateDict& state);

  /// A tensor of any floating-point type.
  /// @throws Error ERR_MOCO_CHECKPOINT  if it is missing, has another shape, or holds integers
  const at::Tensor& get(const std::string& name, at::IntArrayRef shape) const;
  /// A tensor of int64.
  /// @throws Error ERR_MOCO_CHECKPOINT  if it is missing, or has another shape or type
  const at::Tensor& integers(const std::string& name, at::IntArrayRef shape) const;
  /// A counter.
  /// @return  nothing if it is missing, as BatchNorm's counters of batches are in old files
  /// @throws Error ERR_MOCO_CHECKPOINT  if it is anything but one integer
  std::optional<int64_t> integer(const std::string& name) const;

 private:
  const at::Tensor& find(const std::string& name) const;

  std::map<std::string, const at::Tensor*> tensors_;
};

}  // namespace moco
