#include "core/evaluate/frozen_backbone.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <utility>

#include "core/base/stop.h"
#include "core/evaluate/labelled_pictures.h"

namespace moco {

FrozenBackbone::FrozenBackbone(Encoder& encoder, TestView view, const MakeRecorder& recorder,
                               std::optional<ConvolutionKernels> kernels, Peers peers)
    : encoder_(encoder),
      view_(std::move(view)),
      peers_(std::move(peers)),
      kernels_(kernels),
      graph_(
          [this](const GraphedFunction::Tensors& inputs) {
            return GraphedFunction::Tensors{extract(inputs[0])};
          },
          recorder ? recorder() : nullptr) {}

int64_t FrozenBackbone::chunkLength(const at::Device& device, int64_t positions) {
  constexpr int64_t kSmallPicture = 32 * 32;
  constexpr int64_t kLeast = 16;
  const int64_t most = device.is_cpu() ? 256 : 512;
  return std::clamp(most * kSmallPicture / positions, kLeast, most);
}

int64_t FrozenBackbone::chunkLength() const {
  return chunkLength(encoder_.options().device, encoder_.firstPositions(view_.imageSize));
}

at::Tensor FrozenBackbone::features(const at::Tensor& input, Mode mode) {
  const at::NoGradGuard noGrad;
  if (mode == Mode::kTrain) {
    isFolded_ = false;
    return encoder_.backbone(input, mode).to(encoder_.options().master);
  }
  if (!isFolded_) refold();
  return (*folded_)(input).to(encoder_.options().master);
}

at::Tensor FrozenBackbone::featuresOf(const at::Tensor& pixels) {
  const at::NoGradGuard noGrad;
  if (!isFolded_) refold();
  return extract(testViews(pixels, view_).to(encoder_.options().device));
}

void FrozenBackbone::refold() {
  if (folded_) {
    encoder_.refold(*folded_);
  } else {
    folded_.emplace(encoder_.foldedBackbone(kernels_));
  }
  isFolded_ = true;
}

at::Tensor FrozenBackbone::extract(const at::Tensor& views) const {
  const auto& options = encoder_.options();
  return (*folded_)(normalise(views, view_.normalisation, options.compute)).to(options.master);
}

at::Tensor FrozenBackbone::Pictures::pixels(int64_t begin, int64_t end) const {
  if (!numbers.defined()) return store.slice(begin, end);
  return store.copyOf(numbers.slice(0, begin, end)).pixels;
}

at::Tensor FrozenBackbone::Pictures::labels(int64_t begin, int64_t end) const {
  if (!numbers.defined()) return store.labels.slice(0, begin, end);
  return store.labels.index_select(0, numbers.slice(0, begin, end).to(store.labels.device()));
}

void FrozenBackbone::eachChunk(const ImageStore& store, const std::atomic<bool>& stop,
                               const UseChunk& use) {
  eachChunk(Pictures{store, {}}, stop, use);
}

void FrozenBackbone::eachLabelledChunk(const ImageStore& store, const std::atomic<bool>& stop,
                                       const UseChunk& use) {
  const auto labelled = labelledPictures(store);
  const bool areAll = labelled.size(0) == store.count();
  eachChunk(Pictures{store, areAll ? at::Tensor{} : labelled}, stop, use);
}

void FrozenBackbone::eachChunk(const Pictures& pictures, const std::atomic<bool>& stop,
                               const UseChunk& use) {
  const at::NoGradGuard noGrad;
  const at::Device device = encoder_.options().device;
  const int64_t length = chunkLength() * peers_.count();
  refold();
  for (int64_t begin = 0; begin < pictures.count(); begin += length) {
    requireNotStopped(peers_.any(stop));
    const int64_t end = std::min(begin + length, pictures.count());
    const auto share = peers_.shareOf(end - begin);
    const auto own = featuresOf(pictures, begin + share.begin, begin + share.end);
    use(peers_.gatherShares(own, end - begin), pictures.labels(begin, end).to(device));
  }
}

at::Tensor FrozenBackbone::featuresOf(const Pictures& pictures, int64_t begin, int64_t end) {
  const auto& options = encoder_.options();
  if (begin == end) {
    return at::empty({0, encoder_.backboneDim()}, at::device(options.device).dtype(options.master));
  }
  const int64_t length = chunkLength();
  // A recorded graph computes whole chunks only. For the last pictures it therefore begins earlier,
  // with pictures whose features were computed before.
  const int64_t first = graph_.records() ? std::max<int64_t>(end - length, 0) : begin;
  const auto views = testViews(pictures.pixels(first, end), view_).to(options.device);
  // A recorded graph uses the kernels that need finite weights.
  const bool asRecorded = end - first == length && folded_->isFinite();
  const auto features = asRecorded ? graph_({views})[0] : extract(views);
  return features.slice(0, begin - first);
}

std::string FrozenBackbone::fallbackWarning() const {
  if (!folded_) return {};
  const auto fallbacks = folded_->fallbacks(encoder_.parameters());
  if (fallbacks.empty()) return {};
  std::string layers;
  for (const auto& fallback : fallbacks) layers += (layers.empty() ? "" : ", ") + fallback.layer;
  const std::string& reason = fallbacks.front().reason;
  return "evaluations run slower: cuDNN has no fused kernel for the convolution" +
         std::string(fallbacks.size() == 1 ? " " : "s ") + layers + " (" +
         reason.substr(0, reason.find('\n')) + ")";
}

}  // namespace moco
