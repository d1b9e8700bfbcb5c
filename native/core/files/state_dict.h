#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace moco {

/// Named tensors in the order in which PyTorch lists them; of any device and layout.
using StateDict = std::vector<std::pair<std::string, at::Tensor>>;

/// Appends tensors under longer names.
void append(StateDict& state, const std::string& prefix, const StateDict& more);

/// The tensors whose names begin with `prefix`, under the rest of their names.
StateDict section(const StateDict& state, const std::string& prefix);

/// What a file holds, by name.
class StateLookup {
 public:
  /// @param state  must outlive this
  explicit StateLookup(const StateDict& state);

  /// A tensor of any floating-point type.
  /// @throws Error ERR_MOCO_CHECKPOINT  where it is missing, or of another shape or kind
  const at::Tensor& get(const std::string& name, at::IntArrayRef shape) const;
  /// A counter; nothing where it is missing, as batch counters are in old files.
  /// @throws Error ERR_MOCO_CHECKPOINT  where it is not one integer
  std::optional<int64_t> integer(const std::string& name) const;

 private:
  std::map<std::string, const at::Tensor*> tensors_;
};

}  // namespace moco
