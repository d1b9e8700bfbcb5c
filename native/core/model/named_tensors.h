#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/files/state_dict.h"

namespace moco {

/// What a tensor is called and how large it is.
struct TensorSpec {
  std::string name;
  std::vector<int64_t> shape;
};

/// Named tensors laid one behind the other in a single buffer, so that a whole network is one
/// tensor to the optimiser, the momentum update and the gradient norm. Tensors with four dimensions
/// are channels last. Each tensor starts on a cache line of its own; the gaps in between stay zero.
class NamedTensors {
 public:
  /// Makes all tensors, filled with zeros.
  /// @param options  type and device
  NamedTensors(std::vector<TensorSpec> specs, at::TensorOptions options);

  /// Tensors of the same names and layout in another type, filled with zeros.
  NamedTensors zerosLike(at::ScalarType dtype) const;

  size_t size() const { return specs_.size(); }
  const std::string& name(size_t index) const { return specs_[index].name; }
  /// A view into the buffer: writing to it writes to the buffer.
  const at::Tensor& operator[](size_t index) const { return views_[index]; }
  const std::vector<at::Tensor>& views() const { return views_; }
  /// The whole buffer, one-dimensional, gaps included.
  const at::Tensor& flat() const { return flat_; }
  /// Number of values, gaps not counted.
  int64_t elements() const;

  /// The same names and layout over another buffer of the same length as `flat()`, not copied.
  NamedTensors over(at::Tensor flat) const;
  /// The tensors by name. They are views into the buffer, not copies.
  StateDict state() const;
  /// Copies the values of all tensors from a state dict, of any floating-point type, device and
  /// layout.
  /// @throws Error ERR_MOCO_CHECKPOINT  if one is missing or has another shape; then nothing is
  ///                                    changed
  void restore(const StateDict& state);

 private:
  /// Makes `views_`: one view into `flat_` for each spec.
  void layOut();

  std::vector<TensorSpec> specs_;
  at::Tensor flat_;
  std::vector<at::Tensor> views_;
};

}  // namespace moco
