#include "core/frozen_backbone.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <utility>

#include "core/stop.h"

namespace moco {
FrozenBackbone::FrozenBackbone(Encoder& encoder, Normalisation normalisation)
    : encoder_(encoder), normalisation_(std::move(normalisation)) {}

at::Tensor FrozenBackbone::features(const at::Tensor& input, Mode mode) {
  const at::NoGradGuard noGrad;
  const auto features =
      mode == Mode::kTrain ? encoder_.backbone(input, mode) : encoder_.foldedBackbone()(input);
  return features.to(encoder_.options().master);
}

at::Tensor FrozenBackbone::toInput(const at::Tensor& pictures) const {
  const auto& options = encoder_.options();
  return normalise(pictures.to(options.device), normalisation_, options.compute);
}

void FrozenBackbone::eachChunk(
    const ImageStore& store, const std::atomic<bool>& stop,
    const std::function<void(const at::Tensor&, const at::Tensor&)>& use) {
  const at::NoGradGuard noGrad;
  const FoldedBackbone backbone = encoder_.foldedBackbone();
  for (int64_t begin = 0; begin < store.count(); begin += kChunk) {
    requireNotStopped(stop);
    const int64_t end = std::min(begin + kChunk, store.count());
    const auto input = toInput(store.pixels.slice(0, begin, end));
    use(backbone(input).to(encoder_.options().master),
        store.labels.slice(0, begin, end).to(encoder_.options().device));
  }
}

}  // namespace moco
