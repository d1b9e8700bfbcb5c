#include "core/evaluate/linear_evaluation.h"

#include <ATen/core/grad_mode.h>
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <map>

#include "core/base/error.h"
#include "support/fixtures.h"
#include "support/formula.h"
#include "support/within.h"

using namespace moco;

namespace {

const std::vector<int64_t> kBatches{8, 8, 8, 5};  // as in test/parity/linear_cases.py
constexpr int64_t kTests = 8;
constexpr int64_t kClasses = 10;

/// How far numbers may be from PyTorch's fp64: losses and logits relative to their size, the
/// classifier's update and the statistics relative to the norm of their tensor.
struct Tolerances {
  double forward, update, statistics;
};

/// PyTorch's own fp64 differs by up to 7e-14, 6e-13 and 1e-14 from itself in another memory layout
/// (test/parity/README.md).
constexpr Tolerances kExact{1e-11, 1e-11, 1e-11};

/// PyTorch's own fp32 differs from its fp64 (in the same table) by 7e-7, 7e-7 and 6e-7 for a
/// ResNet-18, and by 8e-4, 6e-3 and 3e-6 for a ResNet-50. Four times that is allowed.
Tolerances single(const std::string& arch) {
  if (arch == "resnet18") return {2.8e-6, 2.8e-6, 2.4e-6};
  return {3.2e-3, 2.4e-2, 1.2e-5};
}

EncoderOptions encoderOptions(const std::string& arch, at::ScalarType type) {
  return {.settings = {.arch = arch, .featureDim = 0},
          .device = at::kCPU,
          .compute = type,
          .master = type};
}

LinearSettings linearSettings(bool frozen) {
  return {.batchSize = 8, .adam = {.learningRate = 1e-3, .weightDecay = 1e-6}, .frozenBn = frozen};
}

TestView plain() { return {{at::full({3}, .5f), at::full({3}, .25f)}, /*imageSize=*/32}; }

/// Copies of the classifier's `fc.weight` and `fc.bias`, in one buffer.
NamedTensors classifierOf(const LinearEvaluation& linear) {
  const auto& weight = linear.classifier().weight()[0];
  NamedTensors tensors({{"fc.weight", weight.sizes().vec()}, {"fc.bias", {weight.size(0)}}},
                       at::dtype(at::kDouble));
  tensors[0].copy_(weight);
  tensors[1].copy_(linear.classifier().bias()[0]);
  return tensors;
}

/// Gives the classifier the formula's numbers, as test/parity/linear_cases.py does.
void fillClassifier(const LinearEvaluation& linear) {
  const auto& weight = linear.classifier().weight()[0];
  const auto& bias = linear.classifier().bias()[0];
  const double bound = 1 / std::sqrt(static_cast<double>(weight.size(1)));
  weight.copy_(formula::uniform("fc.weight", weight.sizes(), -bound, bound));
  bias.copy_(formula::uniform("fc.bias", bias.sizes(), -bound, bound));
}

at::Tensor labels(const std::string& name, int64_t count) {
  return formula::bytes(name + ".labels", {count}).to(at::kLong).remainder(kClasses);
}

void checkMetrics(const LinearMetrics& metrics, const at::Tensor& expected, double tolerance) {
  checkClose("loss", metrics.loss, expected[0].item<double>(), tolerance);
  CHECK(isClose(metrics.accuracy.top1, expected[1].item<double>(), 1e-12));
  CHECK(isClose(metrics.accuracy.top5, expected[2].item<double>(), 1e-12));
}

void checkLinear(const std::string& arch, bool frozen, at::ScalarType type) {
  const std::string file = "linear_" + arch + (frozen ? "_frozen" : "_moving");
  INFO(file, " in ", type);
  const Fixture fixture = loadFixture(file);
  const Tolerances tolerances = type == at::kDouble ? kExact : single(arch);
  Encoder encoder(encoderOptions(arch, type));
  formula::fill(encoder);
  LinearEvaluation linear(encoder, plain(), kClasses, linearSettings(frozen), 1);
  fillClassifier(linear);
  NamedTensors update = classifierOf(linear);
  update.flat().neg_();

  LinearTally train;
  for (size_t step = 0; step < kBatches.size(); ++step) {
    const std::string name = "linear.s" + std::to_string(step);
    const auto tally =
        linear.step(formula::pictures(name, kBatches[step], type), labels(name, kBatches[step]));
    const double loss = fixture.at("losses")[static_cast<int64_t>(step)].item<double>();
    checkClose(arch + ", loss", tally.means().loss, loss, tolerances.forward);
    train += tally;
  }
  checkMetrics(train.means(), fixture.at("train"), tolerances.forward);
  update.flat().add_(classifierOf(linear).flat());
  checkSummary(fixture, "classifier_update", update, tolerances.update);
  checkSummary(fixture, "buffer", linear.encoder().statistics(), tolerances.statistics);

  const auto test =
      linear.backbone().features(formula::pictures("linear.test", kTests, type), Mode::kEvaluate);
  const auto logits = linear.classifier().logits(test)[0];
  checkWithin(arch + ", logits", relativeDistance(logits, fixture.at("logits")),
              tolerances.forward);
  const auto tally = linear.classifier().measure(test, labels("linear.test", kTests)).front();
  checkMetrics(tally.means(), fixture.at("test"), tolerances.forward);
}

/// An encoder with the formula's numbers, and a classifier on it.
struct Small {
  Encoder encoder{encoderOptions("resnet18", at::kFloat)};
  std::optional<LinearEvaluation> linear;

  explicit Small(bool frozen) {
    formula::fill(encoder);
    linear.emplace(encoder, plain(), kClasses, linearSettings(frozen), 1);
  }
  LinearTally step(const at::Tensor& pictures) {
    return linear->step(pictures, labels("linear.s0", pictures.size(0)));
  }
};

}  // namespace

TEST_CASE("a linear evaluation has PyTorch's losses, classifier, statistics and test metrics") {
  for (const bool frozen : {false, true}) {
    for (const auto type : {at::kDouble, at::kFloat}) {
      checkLinear("resnet18", frozen, type);
      checkLinear("resnet50", frozen, type);
    }
  }
}

TEST_CASE("running statistics move, but not those of the encoder that was given") {
  Small moving(false);
  const auto before = moving.encoder.statistics().flat().clone();
  moving.step(formula::pictures("linear.s0", 8, at::kFloat));
  CHECK_FALSE(moving.linear->encoder().statistics().flat().equal(before));
  CHECK(moving.linear->encoder().batchesTracked() == 1);
  CHECK(moving.encoder.statistics().flat().equal(before));
}

TEST_CASE("frozen BatchNorm keeps its statistics") {
  Small frozen(true);
  const auto before = frozen.encoder.statistics().flat().clone();
  frozen.step(formula::pictures("linear.s0", 8, at::kFloat));
  CHECK(frozen.linear->encoder().statistics().flat().equal(before));
  CHECK(frozen.linear->encoder().batchesTracked() == 0);
}

TEST_CASE("frozen BatchNorm is folded once, for the first step") {
  const auto pictures = formula::pictures("linear.s0", 8, at::kFloat);
  Small frozen(true);
  Small changed(true);
  CHECK(changed.step(pictures).means().loss == frozen.step(pictures).means().loss);
  changed.encoder.parameters().flat().mul_(1.5);  // would change the loss if it were folded again
  CHECK(changed.step(pictures).means().loss == frozen.step(pictures).means().loss);
}

TEST_CASE("training leaves no parameter of the backbone changed") {
  Small small(false);
  const auto before = small.encoder.parameters().flat().clone();
  for (int step = 0; step < 2; ++step) small.step(formula::pictures("linear.s0", 8, at::kFloat));
  CHECK(small.encoder.parameters().flat().equal(before));
}

TEST_CASE("a linear step that is not finite changes nothing") {
  Small small(false);
  small.step(formula::pictures("linear.s0", 8, at::kFloat));
  const auto snapshot = [&] {
    return at::cat({small.linear->encoder().statistics().flat(),
                    small.linear->classifier().weight().flatten(),
                    small.linear->classifier().bias().flatten()});
  };
  const auto before = snapshot().clone();
  const auto unchanged = [&] {
    return snapshot().equal(before) && small.linear->encoder().batchesTracked() == 1;
  };
  auto bad = formula::pictures("linear.s1", 8, at::kFloat).clone();
  bad[0][0][0][0] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH_AS(small.step(bad), doctest::Contains("not finite"), Error);
  CHECK(unchanged());
  // A single picture of 8 × 8 pixels has one value per channel in the last stage. The loss is
  // finite, but the running variance is not.
  const auto tiny = formula::pictures("linear.s1", 1, at::kFloat).slice(2, 0, 8).slice(3, 0, 8);
  CHECK_THROWS_WITH_AS(small.step(tiny), doctest::Contains("running statistics"), Error);
  CHECK(unchanged());
}

TEST_CASE("the saved state is the reference's linear model") {
  Small small(false);
  const auto state = small.linear->stateDict();
  const auto layout = encoderLayout({.arch = "resnet18", .featureDim = 0});
  REQUIRE(state.size() == layout.size() + 2);
  for (size_t i = 0; i < layout.size(); ++i) CHECK(state[i].first == layout[i].name);
  CHECK(state[layout.size()].first == "fc.weight");
  CHECK(state[layout.size()].second.sizes() == at::IntArrayRef{kClasses, 512});
  CHECK(state[layout.size() + 1].first == "fc.bias");
}
