#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/files/state_dict.h"

namespace moco {

struct TensorSpec {
  std::string name;
  std::vector<int64_t> shape;
};

/// Named tensors laid one behind the other in a single buffer, so that a whole network is one
/// tensor to the optimiser, the momentum update and the gradient norm. Tensors with four dimensions
/// are channels-last. Gaps between tensors, which keep each on a cache line of its own, stay zero.
class NamedTensors {
 public:
  /// All zeros.
  NamedTensors(std::vector<TensorSpec> specs, at::TensorOptions options);

  /// The same names and layout in another type, all zeros.
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

  /// The same names and layout over another buffer like `flat()`; shares its memory.
  NamedTensors over(at::Tensor flat) const;
  StateDict state() const;
  /// Copies every tensor's values, of any floating type, device and layout.
  /// @throws Error ERR_MOCO_CHECKPOINT  where one is missing or has another shape; nothing is
  ///                                    changed then
  void restore(const StateDict& state);

 private:
  /// Views into `flat_`, one for each spec.
  void layOut();

  std::vector<TensorSpec> specs_;
  at::Tensor flat_;
  std::vector<at::Tensor> views_;
};

}  // namespace moco
