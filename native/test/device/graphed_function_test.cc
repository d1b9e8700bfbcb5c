#include "core/device/graphed_function.h"

#include <doctest/doctest.h>

#include <future>

#include "core/contrast/moco.h"
#include "core/device/device.h"
#include "support/formula.h"
#include "support/graph_double.h"

using namespace moco;

namespace {

/// Doubles its input, and counts how often its code ran on the host.
struct Doubling {
  int calls = 0;

  GraphedFunction::Tensors operator()(const GraphedFunction::Tensors& inputs) {
    ++calls;
    return {inputs[0] * 2};
  }
};

at::Tensor numbers(std::initializer_list<float> values) {
  return at::tensor(at::ArrayRef<float>(values));
}

MocoOptions options(const at::Device& device, MakeRecorder graphRecorder) {
  return {
      .encoder = {.arch = "resnet18", .featureDim = 32, .device = device, .compute = at::kFloat},
      .queueLength = 19,
      .temperature = 0.5,
      .momentum = 0.99,
      .adam = {.learningRate = 1e-3, .weightDecay = 1e-6},
      .seed = 3,
      .graphRecorder = std::move(graphRecorder)};
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
    steps.losses.push_back(moco.step(views("view1"), views("view2")).loss);
  }
  for (const auto& [name, tensor] : moco.state()) {
    steps.state.emplace_back(name, tensor.to(at::kCPU).clone());
  }
  return steps;
}

void checkRecordedIsPlain(const at::Device& device, const MakeRecorder& recorder) {
  Moco plain(options(device, {}));
  Moco recorded(options(device, recorder));
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

TEST_CASE("two calls run plainly, the third is recorded, and it and all later ones are replayed") {
  GraphLog log;
  Doubling doubling;
  GraphedFunction graph(std::ref(doubling), std::make_unique<GraphDouble>(log));
  for (const float value : {1.f, 2.f, 3.f, 4.f}) {
    CHECK(graph({numbers({value})})[0].item<float>() == 2 * value);
  }
  CHECK(log.recorded == 1);
  CHECK(log.replayed == 2);
}

TEST_CASE("recorded work reads its inputs from tensors of its own, in every replay") {
  GraphLog log;
  std::vector<const void*> read;
  GraphedFunction graph(
      [&](const GraphedFunction::Tensors& inputs) {
        read.push_back(inputs[0].const_data_ptr());
        return GraphedFunction::Tensors{inputs[0] * 2};
      },
      std::make_unique<GraphDouble>(log));
  std::vector<at::Tensor> inputs;
  for (const float value : {1.f, 2.f, 3.f, 4.f, 5.f}) {
    inputs.push_back(numbers({value}));
    graph({inputs.back()});
  }
  CHECK(read[0] == inputs[0].const_data_ptr());
  CHECK(read[2] != inputs[2].const_data_ptr());
  CHECK(read[3] == read[2]);
  CHECK(read[4] == read[2]);
}

TEST_CASE("inputs of another shape than the recorded ones run plainly in between") {
  GraphLog log;
  Doubling doubling;
  GraphedFunction graph(std::ref(doubling), std::make_unique<GraphDouble>(log));
  for (int call = 0; call < 3; ++call) graph({numbers({1})});
  CHECK(graph({numbers({1, 2})})[0].equal(numbers({2, 4})));
  CHECK(log.replayed == 1);
  CHECK(graph({numbers({5})})[0].equal(numbers({10})));
  CHECK(log.replayed == 2);
}

TEST_CASE("without a recorder every call runs plainly") {
  Doubling doubling;
  GraphedFunction graph(std::ref(doubling), nullptr);
  for (int call = 0; call < 5; ++call) graph({numbers({1})});
  CHECK(doubling.calls == 5);
  CHECK(graph.failure() == "");
}

TEST_CASE("work that cannot be recorded runs plainly from then on, and the reason is kept") {
  GraphLog log;
  log.failure = "operation not permitted when stream is capturing";
  Doubling doubling;
  GraphedFunction graph(std::ref(doubling), std::make_unique<GraphDouble>(log));
  for (const float value : {1.f, 2.f, 3.f, 4.f}) {
    CHECK(graph({numbers({value})})[0].item<float>() == 2 * value);
  }
  CHECK(graph.failure() == log.failure);
  CHECK(log.recorded == 1);
  CHECK(log.replayed == 0);
}

TEST_CASE("a recorded and a plain run give the same losses and states, bit for bit") {
  GraphLog log;
  checkRecordedIsPlain(at::kCPU, [&] { return std::make_unique<GraphDouble>(log); });
  CHECK(log.recorded == 2);  // one recording up to the gradients, and one of the update
  CHECK(log.replayed == 6);
}

TEST_CASE("steps that are replayed without the host count as batches, too") {
  GraphLog log;
  log.hostSeesReplays = false;
  Moco moco(options(at::kCPU, [&] { return std::make_unique<GraphDouble>(log); }));
  fiveSteps(moco, at::kCPU);
  CHECK(moco.queryEncoder().batchesTracked() == 5);
  CHECK(moco.keyEncoder().batchesTracked() == 5);
}

TEST_CASE("a device that fails in a step is reported, though its statistics cannot be restored") {
  GraphLog log;
  Moco moco(options(at::kCPU, [&] { return std::make_unique<GraphDouble>(log); }));
  const auto views = formula::pictures("view1", 8, at::kFloat);
  for (int number = 0; number < 3; ++number) moco.step(views, views);
  log.onReplay = [&] {
    // Writing to the statistics fails from here on, as on a GPU whose memory is lost.
    moco.queryEncoder().statistics().flat().unsafeGetTensorImpl()->set_sizes_contiguous({1});
    TORCH_CHECK(false, "CUDA error: unspecified launch failure");
  };
  CHECK_THROWS_WITH_AS(moco.step(views, views), doctest::Contains("unspecified launch failure"),
                       c10::Error);
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
