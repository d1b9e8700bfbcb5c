#include "core/files/state_dict.h"

#include <sstream>

#include "core/base/error.h"

namespace moco {
namespace {

const char* const kHint = "Choose a file of a model with the same arch, stem and featureDim.";

Error unexpected(const std::string& name, const at::Tensor& tensor, const char* type,
                 at::IntArrayRef shape) {
  std::ostringstream message;
  message << "tensor " << name << " is " << tensor.scalar_type() << ' ' << tensor.sizes()
          << ", expected " << type << ' ' << shape;
  return {"ERR_MOCO_CHECKPOINT", message.str(), kHint};
}

}  // namespace

void append(StateDict& state, const std::string& prefix, const StateDict& more) {
  for (const auto& [name, tensor] : more) state.emplace_back(prefix + name, tensor);
}

StateDict section(const StateDict& state, const std::string& prefix) {
  StateDict found;
  for (const auto& [name, tensor] : state) {
    if (name.compare(0, prefix.size(), prefix) != 0) continue;
    found.emplace_back(name.substr(prefix.size()), tensor);
  }
  return found;
}

StateLookup::StateLookup(const StateDict& state) {
  for (const auto& [name, tensor] : state) tensors_.emplace(name, &tensor);
}

const at::Tensor& StateLookup::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found != tensors_.end()) return *found->second;
  throw Error("ERR_MOCO_CHECKPOINT", "tensor " + name + " is missing", kHint);
}

const at::Tensor& StateLookup::get(const std::string& name, at::IntArrayRef shape) const {
  const at::Tensor& tensor = find(name);
  if (tensor.sizes() == shape && tensor.is_floating_point()) return tensor;
  throw unexpected(name, tensor, "floating-point", shape);
}

const at::Tensor& StateLookup::integers(const std::string& name, at::IntArrayRef shape) const {
  const at::Tensor& tensor = find(name);
  if (tensor.sizes() == shape && tensor.scalar_type() == at::kLong) return tensor;
  throw unexpected(name, tensor, "Long", shape);
}

std::optional<int64_t> StateLookup::integer(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) return std::nullopt;
  const at::Tensor& tensor = *found->second;
  if (tensor.numel() == 1 && at::isIntegralType(tensor.scalar_type(), /*includeBool=*/false)) {
    return tensor.item<int64_t>();
  }
  throw Error("ERR_MOCO_CHECKPOINT", "tensor " + name + " is not one integer", kHint);
}

}  // namespace moco
