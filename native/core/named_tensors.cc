#include "core/named_tensors.h"

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

}  // namespace moco
