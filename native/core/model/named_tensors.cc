#include "core/model/named_tensors.h"

#include <ATen/core/grad_mode.h>

#include <numeric>
#include <utility>

namespace moco {
namespace {

constexpr int64_t kAlignment = 16;  // elements: a 64-byte cache line of fp32

int64_t elementsOf(const TensorSpec& spec) {
  return std::accumulate(spec.shape.begin(), spec.shape.end(), int64_t{1}, std::multiplies<>());
}

int64_t paddedElementsOf(const TensorSpec& spec) {
  return (elementsOf(spec) + kAlignment - 1) / kAlignment * kAlignment;
}

std::vector<int64_t> channelsLastStrides(const std::vector<int64_t>& shape) {
  const int64_t channels = shape[1];
  const int64_t width = shape[3];
  return {shape[2] * width * channels, 1, width * channels, channels};
}

}  // namespace

NamedTensors::NamedTensors(std::vector<TensorSpec> specs, at::TensorOptions options)
    : specs_(std::move(specs)) {
  int64_t total = 0;
  for (const auto& spec : specs_) total += paddedElementsOf(spec);
  flat_ = at::zeros({total}, options);
  layOut();
}

void NamedTensors::layOut() {
  views_.clear();
  int64_t offset = 0;
  for (const auto& spec : specs_) {
    const auto piece = flat_.narrow(0, offset, elementsOf(spec));
    views_.push_back(spec.shape.size() == 4
                         ? piece.as_strided(spec.shape, channelsLastStrides(spec.shape))
                         : piece.view(spec.shape));
    offset += paddedElementsOf(spec);
  }
}

NamedTensors NamedTensors::zerosLike(at::ScalarType dtype) const {
  return NamedTensors(specs_, flat_.options().dtype(dtype));
}

int64_t NamedTensors::elements() const {
  int64_t total = 0;
  for (const auto& spec : specs_) total += elementsOf(spec);
  return total;
}

NamedTensors NamedTensors::over(at::Tensor flat) const {
  NamedTensors other = *this;
  other.flat_ = std::move(flat);
  other.layOut();
  return other;
}

StateDict NamedTensors::state() const {
  StateDict state;
  for (size_t i = 0; i < size(); ++i) state.emplace_back(name(i), views_[i]);
  return state;
}

void NamedTensors::restore(const StateDict& state) {
  const at::NoGradGuard noGrad;
  const StateLookup lookup(state);
  std::vector<at::Tensor> values;
  values.reserve(size());
  for (const auto& [name, shape] : specs_) values.push_back(lookup.get(name, shape));
  for (size_t i = 0; i < size(); ++i) views_[i].copy_(values[i]);
}

}  // namespace moco
