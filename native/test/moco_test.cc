#include "core/moco.h"

#include <ATen/core/grad_mode.h>
#include <doctest/doctest.h>

#include <limits>

#include "core/error.h"
#include "fixtures.h"
#include "formula.h"

using namespace moco;

namespace {

MocoOptions options(const std::string& arch, int64_t queueLength, at::ScalarType compute,
                    at::ScalarType master) {
  return {.encoder = {.arch = arch,
                      .featureDim = 128,
                      .device = at::kCPU,
                      .compute = compute,
                      .master = master},
          .queueLength = queueLength,
          .temperature = 0.5,
          .momentum = 0.999,
          .adam = {.learningRate = 1e-3, .weightDecay = 1e-6},
          .seed = 1};
}

/// Both encoders and the queue as in test/parity/training_cases.py.
void fill(Moco& moco, int64_t queueLength) {
  formula::fill(moco.queryEncoder());
  formula::fill(moco.keyEncoder(), "key.");
  const auto& keys = moco.queue().keys();
  const auto queue = formula::uniform("queue", {queueLength, 128}, -1, 1).to(keys.scalar_type());
  keys.copy_(normaliseRows(queue));
}

/// What training has added to an encoder's parameters since `fill`.
NamedTensors updateOf(const Encoder& encoder, const Encoder& start) {
  NamedTensors update = encoder.parameters().zerosLike(at::kDouble);
  update.flat().copy_(encoder.parameters().flat());
  update.flat().sub_(start.parameters().flat());
  return update;
}

/// How far each kind of number may be from PyTorch's fp64, as a share of its tensor's norm.
struct Tolerances {
  double forward, gradient, update;
};

void checkUpdates(const Fixture& fixture, Moco& moco, const MocoOptions& options,
                  double tolerance) {
  Moco start(options);
  fill(start, options.queueLength);
  checkSummary(fixture, "query_update", updateOf(moco.queryEncoder(), start.queryEncoder()),
               tolerance);
  checkSummary(fixture, "key_update", updateOf(moco.keyEncoder(), start.keyEncoder()), tolerance);
}

void checkStep(const std::string& arch, const std::string& file, int64_t queueLength,
               at::ScalarType type, const Tolerances& tolerances) {
  const Fixture fixture = loadFixture(file);
  const auto settings = options(arch, queueLength, type, type);
  Moco moco(settings);
  fill(moco, queueLength);
  const auto result =
      moco.step(formula::pictures("view1", 8, type), formula::pictures("view2", 8, type));
  INFO(file);
  CHECK(isClose(result.loss, fixture.at("loss").item<double>(), tolerances.forward));
  CHECK(result.accuracy == fixture.at("accuracy").item<double>());
  CHECK(relativeDistance(moco.queue().inOrder(), fixture.at("queue")) < tolerances.forward);
  checkSummary(fixture, "gradient", moco.gradients(), tolerances.gradient);
  checkUpdates(fixture, moco, settings, tolerances.update);
}

void checkFiveSteps(const std::string& arch, at::ScalarType type, const Tolerances& tolerances) {
  constexpr int64_t kQueueLength = 19;
  const Fixture fixture = loadFixture("five_steps_" + arch);
  const auto settings = options(arch, kQueueLength, type, type);
  Moco moco(settings);
  fill(moco, kQueueLength);
  INFO(arch);
  for (int64_t step = 0; step < 5; ++step) {
    const auto name = ".s" + std::to_string(step);
    const auto result = moco.step(formula::pictures("view1" + name, 8, type),
                                  formula::pictures("view2" + name, 8, type));
    const double loss = fixture.at("losses")[step].item<double>();
    CHECK(isClose(result.loss, loss, tolerances.forward));
  }
  CHECK(relativeDistance(moco.queue().inOrder(), fixture.at("queue")) < tolerances.forward);
  checkSummary(fixture, "query_buffer", moco.queryEncoder().statistics(), tolerances.forward);
  checkSummary(fixture, "key_buffer", moco.keyEncoder().statistics(), tolerances.forward);
  checkUpdates(fixture, moco, settings, tolerances.update);
}

}  // namespace

TEST_CASE("loss, gradients and update of one step are PyTorch's, for all archs") {
  const Tolerances exact{1e-10, 1e-8, 1e-5};
  const Tolerances single{1e-5, 1e-3, 1e-1};
  for (const std::string arch : {"resnet18", "resnet34", "resnet50"}) {
    checkStep(arch, "step_" + arch, 64, at::kDouble, exact);
    checkStep(arch, "step_" + arch, 64, at::kFloat, single);
  }
}

TEST_CASE("a step with a batch larger than the queue is PyTorch's") {
  checkStep("resnet18", "step_resnet18_short_queue", 5, at::kDouble, {1e-10, 1e-8, 1e-5});
  checkStep("resnet18", "step_resnet18_short_queue", 5, at::kFloat, {1e-5, 1e-3, 1e-1});
}

TEST_CASE("five steps of Adam, momentum update and queue are PyTorch's") {
  for (const std::string arch : {"resnet18", "resnet50"}) {
    checkFiveSteps(arch, at::kDouble, {1e-6, 1e-8, 1e-3});
    checkFiveSteps(arch, at::kFloat, {1e-2, 1e-3, 1});
  }
}

TEST_CASE("a step that is not finite changes nothing") {
  Moco moco(options("resnet18", 16, at::kFloat, at::kFloat));
  const auto good = formula::pictures("view1", 8, at::kFloat);
  moco.step(good, formula::pictures("view2", 8, at::kFloat));
  auto bad = good.clone();
  bad[0][0][0][0] = std::numeric_limits<float>::quiet_NaN();

  const auto snapshot = [&] {
    std::vector<at::Tensor> state;
    for (Encoder* encoder : {&moco.queryEncoder(), &moco.keyEncoder()}) {
      state.push_back(encoder->parameters().flat().clone());
      state.push_back(encoder->statistics().flat().clone());
      state.push_back(at::scalar_tensor(encoder->batchesTracked()));
    }
    state.push_back(moco.queue().inOrder().clone());
    return state;
  };
  const auto before = snapshot();
  CHECK_THROWS_WITH_AS(moco.step(bad, good), doctest::Contains("the loss is"), Error);
  const auto after = snapshot();
  for (size_t i = 0; i < before.size(); ++i) CHECK(after[i].equal(before[i]));
}

TEST_CASE("bf16 gives fp32's loss and gradient within bf16's rounding") {
  Moco exact(options("resnet18", 64, at::kFloat, at::kFloat));
  Moco narrow(options("resnet18", 64, at::kBFloat16, at::kFloat));
  const auto view = [](const char* name, at::ScalarType type) {
    return formula::pictures(name, 32, type);
  };
  const auto expected = exact.step(view("view1", at::kFloat), view("view2", at::kFloat));
  const auto result = narrow.step(view("view1", at::kBFloat16), view("view2", at::kBFloat16));
  // bf16 has 8 bits: a relative error of 2⁻⁹ per rounding, through some 20 layers.
  CHECK(isClose(result.loss, expected.loss, 0.01));
  CHECK(relativeDistance(narrow.gradients().flat(), exact.gradients().flat()) < 0.1);
}
