#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "core/files/state_dict.h"

namespace moco {

/// The learning rate of a step.
struct LearningRate {
  double value;
  /// (), the same number where recorded work reads it: on the device, in fp32. Undefined where the
  /// rate never changes, or nothing is recorded.
  at::Tensor onDevice = {};
};

/// Calls a function with a learning rate: with the tensor, if there is one, else with the number.
template <class Function>
void withRate(const LearningRate& rate, Function&& function) {
  if (rate.onDevice.defined()) {
    function(rate.onDevice);
  } else {
    function(rate.value);
  }
}

/// What an optimiser does to parameters, and what it remembers from step to step.
class UpdateRule {
 public:
  /// Something that is remembered of every parameter: a tensor of the parameters' shape.
  struct Buffer {
    std::string name;
    at::Tensor values;
  };

  virtual ~UpdateRule() = default;

  /// Updates the parameters.
  /// @param gradient  of the same shape and type as the parameters
  virtual void apply(const at::Tensor& gradient, const LearningRate& rate) = 0;

  /// What it remembers of the parameters; each step changes it in place.
  virtual std::vector<Buffer> buffers() const = 0;
  /// What it remembers beside that: scalars, by name.
  virtual StateDict counters() const { return {}; }
};

}  // namespace moco
