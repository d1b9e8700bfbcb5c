#include "core/evaluate/frozen_backbone.h"

#include <ATen/core/grad_mode.h>
#include <doctest/doctest.h>

#include <future>
#include <limits>

#include "core/device/device.h"
#include "support/formula.h"
#include "support/graph_double.h"
#include "support/within.h"

using namespace moco;

namespace {

const std::atomic<bool> kGo{false};
const int64_t kChunk = FrozenBackbone::chunkLength(at::kCPU, 8 * 8);

ImageStore noise(int64_t count) {
  return {at::randint(256, {count, 8, 8, 3}, at::kByte), at::arange(count).remainder(10), 10};
}

TestView wholePicture(const at::Device& device = at::kCPU) {
  return {{at::full({3}, .5f, device), at::full({3}, .25f, device)}, /*imageSize=*/8};
}

Encoder initialised(const at::Device& device = at::kCPU) {
  Encoder encoder(
      {.settings = {.arch = "resnet18", .featureDim = 0}, .device = device, .compute = at::kFloat});
  encoder.initialise(3);
  return encoder;
}

/// Changes parameters and statistics, as training does.
void change(Encoder& encoder) {
  const at::NoGradGuard noGrad;
  encoder.parameters().flat().mul_(1.1);
  encoder.statistics().flat().add_(0.1);
}

/// The features of a whole store.
at::Tensor featuresOf(FrozenBackbone& backbone, const ImageStore& store) {
  std::vector<at::Tensor> chunks;
  backbone.eachChunk(store, kGo, [&](const at::Tensor& features, const at::Tensor&) {
    chunks.push_back(features.clone());
  });
  return at::cat(chunks);
}

/// Checks that features agree up to rounding in fp32: the number of pictures decides about the
/// order of sums.
void checkClose(const at::Tensor& a, const at::Tensor& b) {
  const auto beyond = (a - b).abs() - 1e-4 * b.abs();
  checkWithin("features", beyond.max().item<double>(), 1e-5);
}

at::Tensor newlyFolded(Encoder& encoder, const ImageStore& store) {
  FrozenBackbone backbone(encoder, wholePicture(encoder.options().device));
  return featuresOf(backbone, store);
}

}  // namespace

TEST_CASE("whole chunks are recorded once, and replayed when the weights have changed") {
  GraphLog log;
  Encoder encoder = initialised();
  FrozenBackbone backbone(encoder, wholePicture(),
                          [&] { return std::make_unique<GraphDouble>(log); });
  const ImageStore store = noise(kChunk + 3);
  for (int evaluation = 1; evaluation <= 4; ++evaluation) {
    INFO("evaluation ", evaluation);
    checkClose(featuresOf(backbone, store), newlyFolded(encoder, store));
    // The store is two chunks, because the last pictures are computed together with earlier ones.
    CHECK(log.recorded == (evaluation < 2 ? 0 : 1));
    CHECK(log.replayed == 2 * (evaluation - 1));
    change(encoder);
  }
}

TEST_CASE("chunks of large pictures are shorter") {
  CHECK(FrozenBackbone::chunkLength(at::kCPU, 32 * 32) == 256);
  CHECK(FrozenBackbone::chunkLength(at::kCPU, 64 * 64) == 64);
  CHECK(FrozenBackbone::chunkLength(at::kCUDA, 112 * 112) == 41);
  CHECK(FrozenBackbone::chunkLength(at::kCPU, 224 * 224) == 16);
}

TEST_CASE("an encoder sees the centred square of a picture, resized") {
  Encoder encoder = initialised();
  const ImageStore store = noise(5);
  TestView view = wholePicture();
  view.cropShare = 0.5;
  ImageStore squares = store;
  squares.pixels = testViews(store.pixels, view).contiguous();
  FrozenBackbone ofHalves(encoder, view);
  FrozenBackbone whole(encoder, wholePicture());
  checkClose(featuresOf(ofHalves, store), featuresOf(whole, squares));
  CHECK_FALSE(featuresOf(ofHalves, store).equal(featuresOf(whole, store)));
}

TEST_CASE("a store that is shorter than a chunk is never recorded") {
  GraphLog log;
  Encoder encoder = initialised();
  FrozenBackbone backbone(encoder, wholePicture(),
                          [&] { return std::make_unique<GraphDouble>(log); });
  for (int evaluation = 0; evaluation < 4; ++evaluation) featuresOf(backbone, noise(5));
  CHECK(log.recorded == 0);
}

TEST_CASE("with weights that are not finite, the recorded graph is not replayed") {
  GraphLog log;
  Encoder encoder = initialised();
  FrozenBackbone backbone(encoder, wholePicture(),
                          [&] { return std::make_unique<GraphDouble>(log); });
  const ImageStore store = noise(kChunk);
  for (int evaluation = 0; evaluation < 3; ++evaluation) featuresOf(backbone, store);
  REQUIRE(log.replayed == 1);
  {
    const at::NoGradGuard noGrad;
    encoder.parameters()[6][0][0][0][0] = std::numeric_limits<float>::quiet_NaN();
  }
  CHECK(featuresOf(backbone, store).isnan().any().item<bool>());
  CHECK(log.replayed == 1);
}

TEST_CASE("if recording fails, the features are the same, and the reason is kept") {
  GraphLog log;
  log.failure = "operation not permitted when stream is capturing";
  Encoder encoder = initialised();
  FrozenBackbone backbone(encoder, wholePicture(),
                          [&] { return std::make_unique<GraphDouble>(log); });
  const ImageStore store = noise(kChunk);
  for (int evaluation = 0; evaluation < 4; ++evaluation) {
    CHECK(featuresOf(backbone, store).equal(newlyFolded(encoder, store)));
    change(encoder);
  }
  CHECK(log.recorded == 1);
  CHECK(backbone.graphFailure() == log.failure);
}

TEST_CASE("layers that cuDNN cannot compute in one call are told in one line") {
  if (at::hasCUDA()) return;  // here there is no cuDNN, so that none can be
  Encoder encoder = initialised();
  FrozenBackbone backbone(encoder, wholePicture(), {}, ConvolutionKernels::kCudnn);
  CHECK(backbone.fallbackWarning() == "");
  featuresOf(backbone, noise(2));
  const std::string warning = backbone.fallbackWarning();
  CHECK(warning.find("no fused kernel for the convolutions f.0, f.3.0.conv1, ") !=
        std::string::npos);
  CHECK(warning.find('\n') == std::string::npos);
  FrozenBackbone plain(encoder, wholePicture());
  featuresOf(plain, noise(2));
  CHECK(plain.fallbackWarning() == "");
}

TEST_CASE("BatchNorm is folded once for batches in evaluation mode, and again after it has moved") {
  Encoder encoder = initialised();
  FrozenBackbone backbone(encoder, wholePicture());
  const auto pictures = formula::pictures("view1", 4, at::kFloat);
  const auto features = [&] { return backbone.features(pictures, Mode::kEvaluate); };
  const auto first = features();
  change(encoder);
  CHECK(features().equal(first));
  const auto newly = FrozenBackbone(encoder, wholePicture()).features(pictures, Mode::kEvaluate);
  CHECK_FALSE(newly.equal(first));
  SUBCASE("a whole store is computed with the encoder's present weights") {
    featuresOf(backbone, noise(2));
    CHECK(features().equal(newly));
  }
  SUBCASE("training mode moves the statistics") {
    backbone.features(pictures, Mode::kTrain);
    const auto moved = FrozenBackbone(encoder, wholePicture()).features(pictures, Mode::kEvaluate);
    CHECK_FALSE(moved.equal(newly));
    CHECK(features().equal(moved));
  }
}

TEST_CASE("a CUDA graph gives the plain features, also when the weights have changed") {
  const at::Device device(at::kCUDA, 0);
  if (!at::hasCUDA() || !graphRecorders(device)) return;  // no GPU, or compiled without nvcc
  const auto check = [&] {
    setUpDevice(device, {.tf32 = false});
    Encoder encoder = initialised(device);
    FrozenBackbone backbone(encoder, wholePicture(device), graphRecorders(device));
    const ImageStore store = noise(4 * backbone.chunkLength() + 5);
    for (int evaluation = 0; evaluation < 2; ++evaluation) {
      checkClose(featuresOf(backbone, store), newlyFolded(encoder, store));
      change(encoder);
    }
    CHECK(backbone.graphFailure() == "");
  };
  // On a thread of its own, so that other tests do not get the stream that `setUpDevice` sets.
  std::async(std::launch::async, check).get();
}
