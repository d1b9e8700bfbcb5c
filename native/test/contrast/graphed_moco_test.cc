#include "core/contrast/graphed_moco.h"

#include <doctest/doctest.h>

#include <future>
#include <memory>

#include "core/device/device.h"
#include "support/formula.h"
#include "support/graph_double.h"
#include "support/step_inputs.h"

using namespace moco;

namespace {

MocoOptions options(const at::Device& device) {
  return {.encoder = {.settings = {.arch = "resnet18", .featureDim = 32},
                      .device = device,
                      .compute = at::kFloat},
          .contrast = {.m = 19, .temperature = 0.5, .momentum = 0.99},
          .optimiser = {.learningRate = 1e-3, .weightDecay = 1e-6},
          .seed = 3};
}

struct FiveSteps {
  std::vector<double> losses;
  StateDict state;
};

FiveSteps fiveSteps(Moco& moco, const at::Device& device) {
  FiveSteps steps;
  for (int number = 0; number < 5; ++number) {
    const auto name = ".s" + std::to_string(number);
    const auto views = [&](const std::string& view) {
      return formula::pictures(view + name, 8, at::kFloat).to(device);
    };
    steps.losses.push_back(moco.step(queriesAndKeys(views("view1"), views("view2"))).loss);
  }
  for (const auto& [name, tensor] : moco.state()) {
    steps.state.emplace_back(name, tensor.to(at::kCPU).clone());
  }
  return steps;
}

void checkRecordedIsPlain(const at::Device& device, const MakeRecorder& recorder) {
  Moco plain(options(device));
  GraphedMoco recorded(options(device), recorder);
  const FiveSteps expected = fiveSteps(plain, device);
  const FiveSteps given = fiveSteps(recorded, device);
  CHECK(recorded.graphFailure() == "");
  CHECK(given.losses == expected.losses);
  REQUIRE(given.state.size() == expected.state.size());
  for (size_t i = 0; i < given.state.size(); ++i) {
    INFO(given.state[i].first);
    CHECK(given.state[i].second.equal(expected.state[i].second));
  }
}

}  // namespace

TEST_CASE("a recorded and a plain run give the same losses and states, bit for bit") {
  GraphLog log;
  checkRecordedIsPlain(at::kCPU, [&] { return std::make_unique<GraphDouble>(log); });
  CHECK(log.recorded == 2);  // one recording up to the gradients, and one of the update
  CHECK(log.replayed == 6);
}

TEST_CASE("steps that are replayed without the host count as batches, too") {
  GraphLog log;
  log.hostSeesReplays = false;
  GraphedMoco moco(options(at::kCPU), [&] { return std::make_unique<GraphDouble>(log); });
  fiveSteps(moco, at::kCPU);
  CHECK(moco.queryEncoder().batchesTracked() == 5);
  CHECK(moco.keyEncoder().batchesTracked() == 5);
}

TEST_CASE("a device that fails in a step is reported, though its statistics cannot be restored") {
  GraphLog log;
  GraphedMoco moco(options(at::kCPU), [&] { return std::make_unique<GraphDouble>(log); });
  const auto views = formula::pictures("view1", 8, at::kFloat);
  for (int number = 0; number < 3; ++number) moco.step(queriesAndKeys(views, views));
  log.onReplay = [&] {
    // Writing to the statistics fails from here on, as on a GPU whose memory is lost.
    moco.queryEncoder().statistics().flat().unsafeGetTensorImpl()->set_sizes_contiguous({1});
    TORCH_CHECK(false, "CUDA error: unspecified launch failure");
  };
  CHECK_THROWS_WITH_AS(moco.step(queriesAndKeys(views, views)),
                       doctest::Contains("unspecified launch failure"), c10::Error);
}

TEST_CASE("a CUDA graph of the step gives the plain step's losses and states, bit for bit") {
  const at::Device device(at::kCUDA, 0);
  if (!at::hasCUDA() || !graphRecorders(device)) return;  // no GPU, or compiled without nvcc
  const auto check = [&] {
    setUpDevice(device, {.tf32 = false, .deterministic = true});
    checkRecordedIsPlain(device, graphRecorders(device));
    setUpDevice(device, {.tf32 = false});
  };
  // On a thread of its own, so that other tests do not get the stream that `setUpDevice` sets.
  std::async(std::launch::async, check).get();
}
