#include "core/evaluate/view_extractor.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <vector>

#include "core/base/error.h"
#include "core/base/stop.h"
#include "core/base/threads.h"
#include "core/device/cuda_kernels.h"
#include "core/input/make_views.h"

namespace moco {
namespace {

constexpr uint64_t kSeed = 0;
constexpr uint32_t kEpoch = 0;

/// Where views are made for an encoder on `device`.
at::Device viewsDevice(const at::Device& device) {
  return device.is_cpu() || useCudaKernels() ? device : at::Device(at::kCPU);
}

void requireFinite(const ViewVectors& vectors) {
  const auto finite =
      at::isfinite(vectors.features).all().logical_and_(at::isfinite(vectors.projections).all());
  if (finite.item<bool>()) return;
  throw Error("ERR_MOCO_NON_FINITE", "evaluation: the encoder's features are not finite",
              "Train in fp32, or with a lower learning rate, from the newest checkpoint on.");
}

}  // namespace

ViewExtractor::ViewExtractor(Encoder& encoder, FrozenBackbone& backbone,
                             const Normalisation& normalisation, int64_t imageSize)
    : encoder_(encoder),
      backbone_(backbone),
      imageSize_(imageSize),
      table_(normalisedBytes(normalisation, encoder.options().compute)
                 .to(viewsDevice(encoder.options().device))) {}

at::Tensor ViewExtractor::featuresOf(const at::Tensor& views) const {
  if (views.size(0) > 0) return backbone_.features(views, Mode::kEvaluate);
  return at::empty({0, encoder_.backboneDim()}, views.options().dtype(encoder_.options().master));
}

ViewVectors ViewExtractor::operator()(const ImageStore& store, int64_t count, int64_t view,
                                      const std::atomic<bool>& stop) const {
  const at::NoGradGuard noGrad;
  const EncoderOptions& options = encoder_.options();
  const Peers& peers = backbone_.peers();
  const int64_t length = backbone_.chunkLength() * peers.count();
  std::vector<at::Tensor> features;
  std::vector<at::Tensor> projections;
  for (int64_t begin = 0; begin < count; begin += length) {
    requireNotStopped(peers.any(stop));
    const int64_t end = std::min(begin + length, count);
    const auto [first, last] = peers.shareOf(end - begin);
    const auto views = input(store, begin + first, begin + last, view);
    features.push_back(peers.gatherShares(featuresOf(views), end - begin));
    projections.push_back(encoder_.project(features.back().to(options.compute), Mode::kEvaluate));
  }
  ViewVectors vectors{at::cat(features), at::cat(projections)};
  requireFinite(vectors);
  return vectors;
}

at::Tensor ViewExtractor::input(const ImageStore& store, int64_t begin, int64_t end,
                                int64_t view) const {
  const at::Device device = table_.device();
  const auto pixels = store.slice(begin, end).to(device);
  const auto drawn = at::arange(begin, end, at::kLong);
  const auto draws =
      drawViews({kSeed, kEpoch, view}, drawn, store.height(), store.width()).to(device);
  const auto places = at::arange(end - begin, at::device(device).dtype(at::kLong));
  const auto views = at::empty({end - begin, 3, imageSize_, imageSize_},
                               table_.options().memory_format(at::MemoryFormat::ChannelsLast));
  const auto make = [&](int64_t first, int64_t last) {
    makeViews(pixels, places.slice(0, first, last), draws.slice(0, first, last), table_,
              views.slice(0, first, last));
  };
  if (device.is_cpu()) {
    parallelFor(end - begin, make);
  } else {
    make(0, end - begin);
  }
  return views.to(encoder_.options().device);
}

}  // namespace moco
