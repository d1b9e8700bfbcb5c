#include "core/model/folded_backbone.h"

#include <ATen/core/grad_mode.h>
#include <doctest/doctest.h>

#include <limits>

#include "core/model/encoder.h"
#include "core/ops/normalise_rows.h"
#include "support/fixtures.h"
#include "support/formula.h"
#include "support/within.h"

using namespace moco;

namespace {

EncoderOptions options(const std::string& arch, at::ScalarType compute,
                       at::ScalarType master = at::kFloat) {
  return {.settings = {.arch = arch, .featureDim = 0},
          .device = at::kCPU,
          .compute = compute,
          .master = master};
}

Encoder filled(const EncoderOptions& options) {
  Encoder encoder(options);
  formula::fill(encoder);
  return encoder;
}

/// Compares normalised features with PyTorch's in evaluation mode, computed in fp64.
void checkFeatures(const EncoderOptions& options, const std::string& file, double tolerance) {
  INFO(options.compute);
  const Fixture fixture = loadFixture(file);
  const Encoder encoder = filled(options);
  const auto features = encoder.foldedBackbone()(formula::pictures("view1", 8, options.compute));
  const auto rows = normaliseRows(features.to(options.master));
  const auto& columns = fixture.at("eval_feature");
  checkWithin(file, relativeDistance(rows.slice(1, 0, columns.size(1)), columns), tolerance);
  for (int64_t row = 0; row < rows.size(0); ++row) {
    const double expected = fixture.at("eval_feature_probe")[row].item<double>();
    checkClose(file + ", probe", formula::probe("feature", rows[row]), expected, 0, tolerance);
  }
}

}  // namespace

TEST_CASE("features of a folded backbone are PyTorch's in evaluation mode") {
  const at::NoGradGuard noGrad;
  // PyTorch's own fp32 differs from its fp64 by 5e-7 (test/parity/README.md). Eight times that is
  // allowed, because Winograd's filtering rounds more often.
  for (const auto& [type, tolerance] : {std::pair{at::kDouble, 1e-10}, {at::kFloat, 4e-6}}) {
    for (const std::string arch : {"resnet18", "resnet34", "resnet50"}) {
      checkFeatures(options(arch, type, type), "model_" + arch, tolerance);
    }
    auto imagenet = options("resnet18", type, type);
    imagenet.settings.stem = "imagenet";
    checkFeatures(imagenet, "model_resnet18_imagenet", tolerance);
  }
}

TEST_CASE("a folded backbone computes what the plain one does, odd sizes included") {
  const at::NoGradGuard noGrad;
  // None has an input of 3 × 2 positions for a convolution of stride 2, as 9 × 7 would have in the
  // last stage: where oneDNN uses AMX (LibTorch 2.13), bf16 convolutions of that are wrong. Views
  // are squares, and never have it.
  for (const auto& [height, width, batch] :
       {std::tuple{32, 32, 3}, {8, 8, 2}, {11, 9, 1}, {17, 33, 2}}) {
    for (const std::string arch : {"resnet18", "resnet50"}) {
      INFO(arch, ", ", batch, " pictures of ", height, " × ", width);
      const auto pictures = formula::uniform("x", {batch, 3, height, width}, -2, 2)
                                .contiguous(at::MemoryFormat::ChannelsLast);
      Encoder plain = filled(options(arch, at::kFloat));
      const auto expected = plain.backbone(pictures, Mode::kEvaluate);
      checkWithin(arch + " in fp32", relativeDistance(plain.foldedBackbone()(pictures), expected),
                  1e-5);

      Encoder narrow = filled(options(arch, at::kBFloat16));
      const auto narrowPictures = pictures.to(at::kBFloat16);
      const auto off = relativeDistance(narrow.backbone(narrowPictures, Mode::kEvaluate), expected);
      CHECK(off < 0.02);
      checkWithin(arch + " in bf16",
                  relativeDistance(narrow.foldedBackbone()(narrowPictures), expected), 1.5 * off);
    }
  }
}

TEST_CASE("folding does not change the encoder, and later changes do not reach what was folded") {
  const at::NoGradGuard noGrad;
  Encoder encoder = filled(options("resnet18", at::kBFloat16));
  const auto pictures = formula::pictures("view1", 4, at::kBFloat16);
  const auto parameters = encoder.parameters().flat().clone();
  const auto statistics = encoder.statistics().flat().clone();
  const FoldedBackbone folded = encoder.foldedBackbone();
  const auto features = folded(pictures);
  CHECK(encoder.parameters().flat().equal(parameters));
  CHECK(encoder.statistics().flat().equal(statistics));
  CHECK(encoder.batchesTracked() == 0);
  encoder.initialise(5);
  CHECK(folded(pictures).equal(features));
}

TEST_CASE("refolding takes over the encoder's changes into the same memory") {
  const at::NoGradGuard noGrad;
  for (const auto compute : {at::kFloat, at::kBFloat16}) {
    Encoder encoder = filled(options("resnet50", compute));
    const auto pictures = formula::pictures("view1", 4, compute);
    FoldedBackbone folded = encoder.foldedBackbone();
    const FoldedBackbone sameMemory = folded;
    const auto before = folded(pictures);
    encoder.parameters().flat().mul_(1.1);
    encoder.statistics().flat().mul_(1.2);
    encoder.refold(folded);
    const auto after = folded(pictures);
    CHECK(after.abs().max().item<float>() > 0);
    CHECK_FALSE(after.equal(before));
    CHECK(after.equal(encoder.foldedBackbone()(pictures)));
    CHECK(sameMemory(pictures).equal(after));
  }
}

TEST_CASE("NaN appears in the features after a refold, and is gone after the next without it") {
  const at::NoGradGuard noGrad;
  Encoder encoder = filled(options("resnet18", at::kFloat));
  const auto pictures = formula::pictures("view1", 2, at::kFloat);
  FoldedBackbone folded = encoder.foldedBackbone();
  CHECK(folded.isFinite());
  encoder.parameters()[6][0][0][0][0] = std::numeric_limits<float>::quiet_NaN();
  encoder.refold(folded);
  CHECK_FALSE(folded.isFinite());
  CHECK(folded(pictures).isnan().any().item<bool>());
  encoder.initialise(5);
  encoder.refold(folded);
  CHECK(folded(pictures).equal(encoder.foldedBackbone()(pictures)));
}

TEST_CASE("NaN in a model reaches the features") {
  const at::NoGradGuard noGrad;
  Encoder encoder = filled(options("resnet18", at::kFloat));
  encoder.parameters()[6][0][0][0][0] = std::numeric_limits<float>::quiet_NaN();
  const auto features = encoder.foldedBackbone()(formula::pictures("view1", 2, at::kFloat));
  CHECK(features.isnan().any().item<bool>());
}

TEST_CASE(
    "layers that cuDNN cannot compute in one call are named, and computed by the plain ones") {
  if (at::hasCUDA()) return;  // here there is no cuDNN, so that none can be
  const at::NoGradGuard noGrad;
  const Encoder encoder = filled(options("resnet18", at::kFloat));
  const auto pictures = formula::pictures("view1", 2, at::kFloat);
  const FoldedBackbone folded = encoder.foldedBackbone(ConvolutionKernels::kCudnn);
  CHECK(folded.fallbacks(encoder.parameters()).empty());
  CHECK(folded(pictures).equal(encoder.foldedBackbone(ConvolutionKernels::kPlain)(pictures)));
  const auto fallbacks = folded.fallbacks(encoder.parameters());
  REQUIRE(fallbacks.size() == 17);  // all but the shortcuts', which no ReLU follows
  CHECK(fallbacks[0].layer == "f.0");
  CHECK(fallbacks[16].layer == "f.6.1.conv2");
}
