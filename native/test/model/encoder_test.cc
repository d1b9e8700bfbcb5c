#include "core/model/encoder.h"

#include <ATen/core/grad_mode.h>
#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "core/base/error.h"
#include "core/ops/normalise_rows.h"
#include "support/fixtures.h"
#include "support/formula.h"
#include "support/within.h"

using namespace moco;

namespace {

EncoderOptions options(const std::string& arch, at::ScalarType type = at::kFloat) {
  return {.settings = {.arch = arch, .featureDim = 128},
          .device = at::kCPU,
          .compute = type,
          .master = type};
}

std::map<std::string, at::Tensor> asMap(const Encoder& encoder) {
  const auto state = encoder.stateDict();
  return {state.begin(), state.end()};
}

/// Compares a forward pass with PyTorch's, computed in fp64 (test/parity/training_cases.py).
void checkForward(const EncoderOptions& options, const std::string& file, double tolerance) {
  const at::NoGradGuard noGrad;
  const at::ScalarType type = options.compute;
  const std::string& arch = options.settings.arch;
  const Fixture fixture = loadFixture(file);
  Encoder encoder(options);
  formula::fill(encoder);
  const auto pictures = formula::pictures("view1", 8, type);
  for (const auto& [mode, name] : {std::pair{Mode::kEvaluate, "eval"}, {Mode::kTrain, "train"}}) {
    const std::string prefix = name;
    INFO(file, " in ", type, ", mode ", prefix);
    const auto features = encoder.backbone(pictures, mode);
    const auto feature = normaliseRows(features);
    const auto& columns = fixture.at(prefix + "_feature");
    checkWithin(arch + ", features",
                relativeDistance(feature.slice(1, 0, columns.size(1)), columns), tolerance);
    for (int64_t row = 0; row < feature.size(0); ++row) {
      const double expected = fixture.at(prefix + "_feature_probe")[row].item<double>();
      checkClose(arch + ", probe", formula::probe("feature", feature[row]), expected, 0, tolerance);
    }
    const auto embedding = encoder.project(features, mode);
    checkWithin(arch + ", embedding", relativeDistance(embedding, fixture.at(prefix + "_out")),
                tolerance);
  }
  checkSummary(fixture, "buffer", encoder.statistics(), tolerance);
}

}  // namespace

TEST_CASE("the forward pass is PyTorch's, in both modes and for all archs") {
  // PyTorch's own fp32 differs from its fp64 by 7e-6, 2e-5 and 1e-4 (test/parity/README.md),
  // because the batch's statistics magnify roundings from layer to layer. Four times that is
  // allowed.
  for (const auto& [arch, single] :
       {std::pair{"resnet18", 2.8e-5}, {"resnet34", 8e-5}, {"resnet50", 4e-4}}) {
    const std::string file = std::string("model_") + arch;
    checkForward(options(arch, at::kDouble), file, 1e-11);
    checkForward(options(arch, at::kFloat), file, single);
  }
}

TEST_CASE("the forward pass with the ImageNet stem is PyTorch's") {
  // PyTorch's own fp32 differs from its fp64 by 9e-6. Four times that is allowed.
  for (const auto& [type, tolerance] : {std::pair{at::kDouble, 1e-11}, {at::kFloat, 3.6e-5}}) {
    auto imagenet = options("resnet18", type);
    imagenet.settings.stem = "imagenet";
    checkForward(imagenet, "model_resnet18_imagenet", tolerance);
  }
}

TEST_CASE("a layout lists the state dict's names and shapes, with each stem and without a head") {
  for (const std::string stem : {"cifar", "cifar-pool", "imagenet"}) {
    for (const int64_t featureDim : {128, 0}) {
      auto wanted = options("resnet18");
      wanted.settings.stem = stem;
      wanted.settings.featureDim = featureDim;
      const auto state = Encoder(wanted).stateDict();
      const auto layout = encoderLayout(wanted.settings);
      REQUIRE(layout.size() == state.size());
      for (size_t i = 0; i < layout.size(); ++i) {
        CHECK(layout[i].name == state[i].first);
        CHECK(at::IntArrayRef(layout[i].shape) == state[i].second.sizes());
      }
      CHECK((state.back().first[0] == 'g') == (featureDim > 0));
    }
  }
  CHECK(encoderLayout({.arch = "resnet50", .stem = "imagenet", .featureDim = 0})[0].shape ==
        std::vector<int64_t>{64, 3, 7, 7});
}

TEST_CASE("an encoder with its own statistics shares the other's parameters, not its statistics") {
  const at::NoGradGuard noGrad;
  Encoder encoder(options("resnet18"));
  formula::fill(encoder);
  const auto before = encoder.statistics().flat().clone();
  Encoder own = encoder.withOwnStatistics();
  CHECK(own.statistics().flat().equal(before));
  own.backbone(formula::pictures("view1", 4, at::kFloat), Mode::kTrain);
  CHECK_FALSE(own.statistics().flat().equal(before));
  CHECK(encoder.statistics().flat().equal(before));
  CHECK(own.parameters().flat().is_same(encoder.parameters().flat()));
}

TEST_CASE("multiply-adds are as many as PyTorch's counter finds, for every arch, stem and size") {
  const auto count = [](const std::string& arch, const std::string& stem, int64_t side) {
    auto encoderOptions = options(arch);
    encoderOptions.settings.stem = stem;
    return Encoder(encoderOptions).multiplyAdds(side, side).backbone;
  };
  CHECK(count("resnet18", "cifar", 32) == 555'417'600);
  CHECK(count("resnet34", "cifar", 33) == 1'444'484'800);
  CHECK(count("resnet50", "cifar", 32) == 1'297'809'408);
  CHECK(count("resnet50", "cifar", 33) == 1'613'919'936);
  CHECK(count("resnet18", "cifar-pool", 32) == 140'181'504);
  CHECK(count("resnet101", "imagenet", 224) == 7'799'357'440);
  CHECK(count("resnet152", "imagenet", 224) == 11'511'578'624);
  CHECK(count("resnet18", "imagenet", 224) == 1'813'561'344);
  CHECK(count("resnet50", "imagenet", 224) == 4'087'136'256);
  CHECK(Encoder(options("resnet50")).multiplyAdds(32, 32).head == 1'114'112);
}

TEST_CASE("an encoder is initialised as the reference's is") {
  Encoder encoder(options("resnet18"));
  encoder.initialise(5);
  const auto state = asMap(encoder);
  const auto std = [&](const char* name) { return state.at(name).std().item<double>(); };
  // Kaiming-normal, fan-out: √(2 / (512 · 9)).
  CHECK(std("f.6.1.conv2.weight") == doctest::Approx(std::sqrt(2.0 / (512 * 9))).epsilon(0.01));
  // PyTorch's default, uniform in ±1/√fan-in, for the reference's own layers.
  const auto stem = state.at("f.0.weight").abs().max().item<double>();
  CHECK(stem <= 1 / std::sqrt(27.0));
  CHECK(stem > 0.95 / std::sqrt(27.0));
  CHECK(std("g.0.weight") == doctest::Approx(1 / std::sqrt(3.0 * 512)).epsilon(0.01));
  CHECK(state.at("f.1.weight").eq(1).all().item<bool>());
  CHECK(state.at("f.1.running_var").eq(1).all().item<bool>());
  CHECK(state.at("f.1.running_mean").eq(0).all().item<bool>());

  Encoder again(options("resnet18"));
  again.initialise(5);
  CHECK(again.parameters().flat().equal(encoder.parameters().flat()));
  again.initialise(6);
  CHECK_FALSE(again.parameters().flat().equal(encoder.parameters().flat()));
}

TEST_CASE("training mode moves the statistics, evaluation mode does not") {
  const at::NoGradGuard noGrad;
  Encoder encoder(options("resnet18"));
  encoder.initialise(5);
  const auto pictures = formula::pictures("view1", 4, at::kFloat);
  const auto before = encoder.statistics().flat().clone();
  encoder.project(encoder.backbone(pictures, Mode::kEvaluate), Mode::kEvaluate);
  CHECK(encoder.statistics().flat().equal(before));
  CHECK(encoder.batchesTracked() == 0);
  encoder.project(encoder.backbone(pictures, Mode::kTrain), Mode::kTrain);
  CHECK_FALSE(encoder.statistics().flat().equal(before));
  CHECK(encoder.batchesTracked() == 1);
}

TEST_CASE("a loaded encoder is the one that was saved, from any floating-point type") {
  const at::NoGradGuard noGrad;
  const auto pictures = formula::pictures("view1", 4, at::kFloat);
  Encoder saved(options("resnet18"));
  formula::fill(saved);
  saved.backbone(pictures, Mode::kTrain);
  Encoder loaded(options("resnet18"));
  loaded.loadState(saved.stateDict());
  CHECK(loaded.parameters().flat().equal(saved.parameters().flat()));
  CHECK(loaded.statistics().flat().equal(saved.statistics().flat()));
  CHECK(loaded.batchesTracked() == 1);

  for (const auto type : {at::kDouble, at::kHalf, at::kBFloat16}) {
    auto state = saved.stateDict();
    for (auto& [name, tensor] : state) {
      if (tensor.is_floating_point()) tensor = tensor.to(type);
    }
    loaded.loadState(state);
    const auto rounded = saved.parameters()[0].to(type).to(at::kFloat);
    CHECK(loaded.parameters()[0].equal(rounded));
  }
}

TEST_CASE("loading also changes the bf16 copies that the layers compute with") {
  const at::NoGradGuard noGrad;
  auto narrow = options("resnet18");
  narrow.compute = at::kBFloat16;
  Encoder saved(narrow);
  formula::fill(saved);
  Encoder loaded(narrow);
  loaded.loadState(saved.stateDict());
  const auto pictures = formula::pictures("view1", 4, at::kBFloat16);
  CHECK(
      loaded.backbone(pictures, Mode::kEvaluate).equal(saved.backbone(pictures, Mode::kEvaluate)));
}

TEST_CASE("a model that does not fit is refused with the tensor's name and changes nothing") {
  Encoder encoder(options("resnet18"));
  encoder.initialise(5);
  const auto before = encoder.parameters().flat().clone();
  Encoder other(options("resnet18"));
  formula::fill(other);
  const auto refused = [&](const auto& change, const char* message) {
    auto state = other.stateDict();
    change(state);
    CHECK_THROWS_WITH_AS(encoder.loadState(state), doctest::Contains(message), Error);
    CHECK(encoder.parameters().flat().equal(before));
  };
  refused(
      [](auto& state) {
        std::erase_if(state,
                      [](const auto& entry) { return entry.first == "f.6.1.bn2.running_var"; });
      },
      "tensor f.6.1.bn2.running_var is missing");
  refused([](auto& state) { state[0].second = at::zeros({64, 3, 7, 7}); },
          "tensor f.0.weight is Float [64, 3, 7, 7], expected floating-point [64, 3, 3, 3]");
  refused([](auto& state) { state[0].second = state[0].second.to(at::kLong); },
          "f.0.weight is Long");
  refused([](auto& state) { state[5].second = at::zeros({2}, at::kLong); },
          "tensor f.1.num_batches_tracked is not one integer");

  auto old = other.stateDict();
  std::erase_if(old, [](const auto& entry) { return entry.second.dim() == 0; });
  encoder.loadState(old);  // without num_batches_tracked
  CHECK(encoder.parameters().flat().equal(other.parameters().flat()));
}

TEST_CASE("an unknown arch or stem is refused") {
  CHECK_THROWS_WITH_AS(stemNamed("patch"), doctest::Contains("\"patch\""), Error);
  CHECK_THROWS_WITH_AS(Encoder(options("resnet19")), doctest::Contains("\"resnet19\""), Error);
}
