#include "core/run/embedder.h"

#include <ATen/core/grad_mode.h>
#include <doctest/doctest.h>

#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/device/device.h"
#include "core/evaluate/frozen_backbone.h"
#include "core/input/test_view.h"
#include "core/ops/normalise_rows.h"
#include "support/formula.h"
#include "support/within.h"

using namespace moco;

namespace {

constexpr int64_t kFeatureDim = 16;

const std::vector<double> kMean{0.45, 0.5, 0.55};
const std::vector<double> kStd{0.2, 0.25, 0.3};

StateDict modelWith(const std::string& stem = "cifar") {
  Encoder encoder({.settings = {.arch = "resnet18", .stem = stem, .featureDim = kFeatureDim},
                   .device = at::kCPU,
                   .compute = at::kFloat});
  encoder.initialise(3);
  return encoder.stateDict();
}

EmbedderSettings settingsFor(const std::string& precision = "fp32", int64_t imageSize = 16) {
  return {.encoder = {.arch = "resnet18", .featureDim = kFeatureDim},
          .imageSize = imageSize,
          .cropShare = 1,
          .mean = kMean,
          .std = kStd,
          .batchInvariant = false,
          .compute = {.device = "cpu", .precision = precision}};
}

at::Tensor noise(int64_t count, int64_t side, uint64_t seed = 1) {
  auto generator = at::detail::createCPUGenerator(seed);
  return at::randint(256, {count, side, side, 3}, generator, at::kByte);
}

/// Requests to an embedder, and what they come to.
class Asking {
 public:
  explicit Asking(Embedder& embedder) : embedder_(embedder) {}

  void add(const std::string& name, const at::Tensor& pictures, EmbedRequest form = {}) {
    form.id = ++lastId_;
    form.count = pictures.size(0);
    form.pixels = std::make_unique<uint8_t[]>(pictures.nbytes());
    std::memcpy(form.pixels.get(), pictures.const_data_ptr(), pictures.nbytes());
    const auto type = form.type == EmbedType::kHalf ? at::kHalf : at::kFloat;
    queue_.add(std::move(form), [this, name, type, count = pictures.size(0)](EmbedOutcome outcome) {
      if (const auto* failure = std::get_if<Failure>(&outcome)) {
        failures[name] = failure->code;
        return;
      }
      auto& [dims, data] = std::get<EmbedRows>(outcome);
      rows[name] = at::from_blob(data.data(), {count, dims}, type).clone();
    });
  }
  void computeAll() {
    while (embedder_.embedBatch(queue_)) {
    }
  }
  EmbedQueue& queue() { return queue_; }

  std::map<std::string, at::Tensor> rows;
  std::map<std::string, std::string> failures;

 private:
  Embedder& embedder_;
  EmbedQueue queue_;
  int64_t lastId_ = 0;
};

at::Tensor embedded(Embedder& embedder, const at::Tensor& pictures, EmbedRequest form = {}) {
  Asking asking(embedder);
  asking.add("", pictures, std::move(form));
  asking.computeAll();
  return asking.rows.at("");
}

}  // namespace

TEST_CASE("features are those that an evaluation sees, bit for bit") {
  for (const std::string precision : {"fp32", "bf16"}) {
    if (precision == "bf16" && !cpuHasBf16()) continue;
    INFO(precision);
    Embedder embedder(settingsFor(precision), modelWith());
    Encoder encoder({.settings = {.arch = "resnet18", .featureDim = kFeatureDim},
                     .device = at::kCPU,
                     .compute = precision == "bf16" ? at::kBFloat16 : at::kFloat});
    encoder.loadState(modelWith());
    FrozenBackbone backbone(encoder,
                            {{at::tensor(kMean, at::kFloat), at::tensor(kStd, at::kFloat)}, 16});
    const auto pictures = noise(7, 16);
    at::Tensor expected;
    backbone.eachChunk(
        {pictures, at::zeros({7}, at::kLong), 1}, {false},
        [&](const at::Tensor& features, const at::Tensor&) { expected = features.clone(); });
    CHECK(embedded(embedder, pictures).equal(expected));
    // The head takes features as the layers before it give them.
    const at::NoGradGuard noGrad;
    const auto input = expected.to(encoder.options().compute);
    const auto head = encoder.head(input, Mode::kEvaluate);
    CHECK(embedded(embedder, pictures, {.output = EmbedOutput::kProjection}).equal(head));
    CHECK(embedded(embedder, pictures, {.output = EmbedOutput::kProjection, .normalise = true})
              .equal(encoder.project(input, Mode::kEvaluate)));
  }
}

TEST_CASE("rows are divided by their length, and rounded to fp16, where that is asked for") {
  Embedder embedder(settingsFor(), modelWith());
  const auto pictures = noise(5, 16);
  const auto features = embedded(embedder, pictures);
  CHECK(embedded(embedder, pictures, {.normalise = true}).equal(normaliseRows(features)));
  const EmbedType half = EmbedType::kHalf;
  CHECK(embedded(embedder, pictures, {.type = half}).equal(features.to(at::kHalf)));
  CHECK(embedded(embedder, pictures, {.normalise = true, .type = half})
            .equal(normaliseRows(features).to(at::kHalf)));
}

TEST_CASE("the encoder sees the middle of a picture") {
  auto settings = settingsFor();
  settings.cropShare = 0.5;
  Embedder ofMiddle(settings, modelWith());
  CHECK(ofMiddle.side() == 32);
  const auto pictures = noise(3, 32);
  const auto middle = pictures.narrow(1, 8, 16).narrow(2, 8, 16).contiguous();
  Embedder whole(settingsFor(), modelWith());
  CHECK(embedded(ofMiddle, pictures).equal(embedded(whole, middle)));
}

TEST_CASE("of pictures of another size, the encoder sees what an evaluation sees") {
  auto settings = settingsFor();
  settings.cropShare = 0.8;
  settings.side = 30;
  Embedder embedder(settings, modelWith());
  CHECK(embedder.side() == 30);
  const auto pictures = noise(3, 30);
  const Normalisation normalisation{at::tensor(kMean, at::kFloat), at::tensor(kStd, at::kFloat)};
  const auto views = testViews(pictures, {normalisation, 16, 0.8}).contiguous();
  Embedder whole(settingsFor(), modelWith());
  CHECK(embedded(embedder, pictures).equal(embedded(whole, views)));
}

TEST_CASE("requests that are computed together each get their own rows, in their order") {
  for (const std::string precision : {"fp32", "bf16"}) {
    if (precision == "bf16" && !cpuHasBf16()) continue;
    const double limit = precision == "bf16" ? 2e-2 : 1e-5;
    auto settings = settingsFor(precision);
    settings.batchSize = 4;
    Embedder embedder(settings, modelWith());
    const auto pictures = noise(10, 16);
    const auto projections = [] { return EmbedRequest{.output = EmbedOutput::kProjection}; };
    const auto normalised = [] { return EmbedRequest{.normalise = true}; };
    Asking asking(embedder);
    asking.add("large", pictures.slice(0, 0, 7));
    asking.add("projection", pictures.slice(0, 7, 9), projections());
    asking.add("small", pictures.slice(0, 9, 10), normalised());
    asking.computeAll();
    CHECK(asking.failures.empty());
    CHECK(asking.queue().statistics().batches == 3);
    // A row may differ from that in other company by this much of its length.
    const auto checkNear = [&](const std::string& name, const at::Tensor& expected) {
      REQUIRE(asking.rows.at(name).sizes() == expected.sizes());
      const auto errors = (asking.rows.at(name) - expected).norm(2, 1) / expected.norm(2, 1);
      checkWithin(precision + ", " + name, errors.max().item<double>(), limit);
    };
    checkNear("large", embedded(embedder, pictures.slice(0, 0, 7)));
    checkNear("projection", embedded(embedder, pictures.slice(0, 7, 9), projections()));
    checkNear("small", embedded(embedder, pictures.slice(0, 9, 10), normalised()));
  }
}

TEST_CASE("rows of a batch-invariant embedder are the same in any company, bit for bit") {
  for (const std::string stem : {"cifar", "imagenet"}) {
    for (const std::string precision : {"fp32", "bf16"}) {
      if (precision == "bf16" && !cpuHasBf16()) continue;
      INFO(stem, ", ", precision);
      auto settings = settingsFor(precision, 40);
      settings.encoder.stem = stem;
      settings.batchInvariant = true;
      settings.batchSize = 5;
      Embedder embedder(settings, modelWith(stem));
      const auto pictures = noise(9, 40);
      Asking together(embedder);
      Asking alone(embedder);
      for (const auto output : {EmbedOutput::kFeatures, EmbedOutput::kProjection}) {
        for (const auto type : {EmbedType::kFloat, EmbedType::kHalf}) {
          const auto title = std::to_string(static_cast<int>(output)) + " " +
                             std::to_string(static_cast<int>(type)) + " ";
          const auto ask = [&](Asking& asking, int64_t begin, int64_t end) {
            asking.add(title + std::to_string(begin), pictures.slice(0, begin, end).contiguous(),
                       {.output = output, .normalise = true, .type = type});
          };
          for (const auto& [begin, end] : {std::pair{0, 1}, {1, 3}, {3, 9}}) {
            ask(together, begin, end);
          }
          for (int64_t i = 0; i < 9; ++i) {
            ask(alone, i, i + 1);
            alone.computeAll();
          }
          together.computeAll();
          const auto row = [&](int64_t i) { return alone.rows.at(title + std::to_string(i)); };
          CHECK(together.rows.at(title + "0").equal(row(0)));
          CHECK(together.rows.at(title + "1").equal(at::cat({row(1), row(2)})));
          CHECK(together.rows.at(title + "3")
                    .slice(0, 2)
                    .equal(at::cat({row(5), row(6), row(7), row(8)})));
        }
      }
    }
  }
}

TEST_CASE("features that are not finite end their own request, and no other one") {
  // Black pictures are zero in every layer; others become larger in the head than fp32 can hold.
  StateDict model = modelWith();
  for (auto& [name, tensor] : model) {
    if (name == "g.1.weight") tensor = at::full_like(tensor, 1e34);
    if (name == "g.3.weight") tensor = tensor * 1e6;
  }
  auto settings = settingsFor();
  settings.mean = {0, 0, 0};
  Embedder embedder(settings, model);
  Asking asking(embedder);
  const auto projection = [] { return EmbedRequest{.output = EmbedOutput::kProjection}; };
  asking.add("black", at::zeros({2, 16, 16, 3}, at::kByte), projection());
  asking.add("bright", noise(2, 16), projection());
  asking.add("black, too", at::zeros({1, 16, 16, 3}, at::kByte), projection());
  asking.computeAll();
  CHECK(asking.failures == std::map<std::string, std::string>{{"bright", "ERR_MOCO_NON_FINITE"}});
  CHECK(asking.rows.size() == 2);
}

TEST_CASE("features that fp16 cannot hold are an error") {
  StateDict model = modelWith();
  for (auto& [name, tensor] : model) {
    if (name == "f.6.1.bn2.weight") tensor = tensor * 1e6;
  }
  Embedder embedder(settingsFor(), model);
  Asking asking(embedder);
  asking.add("fp16", noise(1, 16), {.type = EmbedType::kHalf});
  asking.add("fp32", noise(1, 16));
  asking.add("normalised", noise(1, 16), {.normalise = true, .type = EmbedType::kHalf});
  asking.computeAll();
  CHECK(asking.failures == std::map<std::string, std::string>{{"fp16", "ERR_MOCO_NON_FINITE"}});
}

TEST_CASE("a request that was given up while it was computed is dropped, and others go on") {
  auto settings = settingsFor();
  settings.batchSize = 2;
  Embedder embedder(settings, modelWith());
  Asking asking(embedder);
  asking.add("first", noise(4, 16));
  asking.add("second", noise(2, 16));
  embedder.embedBatch(asking.queue());
  asking.queue().cancel(1, {"ERR_MOCO_ABORTED", "", ""});
  asking.computeAll();
  CHECK(asking.failures == std::map<std::string, std::string>{{"first", "ERR_MOCO_ABORTED"}});
  CHECK(asking.rows.at("second").size(0) == 2);
}

TEST_CASE("what cannot be an embedder is refused") {
  const auto codeOf = [](const EmbedderSettings& settings, const StateDict& model) -> std::string {
    try {
      const Embedder embedder(settings, model);
    } catch (const Error& error) {
      return error.code;
    }
    return "";
  };
  CHECK(codeOf(settingsFor(), modelWith("imagenet")) == "ERR_MOCO_CHECKPOINT");
  auto settings = settingsFor();
  settings.batchSize = 0;
  CHECK(codeOf(settings, modelWith()) == "ERR_MOCO_CONFIG");
  for (const std::string part : {"f.0.weight", "f.1.running_var", "g.3.bias"}) {
    StateDict model = modelWith();
    for (auto& [name, tensor] : model) {
      if (name == part) tensor = at::full_like(tensor, std::numeric_limits<float>::quiet_NaN());
    }
    INFO(part);
    CHECK(codeOf(settingsFor(), model) == "ERR_MOCO_NON_FINITE");
  }
}
