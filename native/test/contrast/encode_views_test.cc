#include "core/contrast/encode_views.h"

#include <doctest/doctest.h>
#include <torch/csrc/autograd/autograd.h>

#include <vector>

#include "support/fixtures.h"
#include "support/formula.h"
#include "support/within.h"

using namespace moco;

namespace {

constexpr int64_t kBatch = 4;
constexpr int64_t kViews = 3;

Encoder encoderOf(at::ScalarType type, int64_t groups) {
  Encoder encoder({.settings = {.arch = "resnet18", .featureDim = 16, .batchNormGroups = groups},
                   .device = at::kCPU,
                   .compute = type,
                   .master = type});
  formula::fill(encoder);
  return encoder;
}

View student(const std::string& name, int64_t size, at::ScalarType type) {
  const auto pictures = formula::uniform(name, {kBatch, 3, size, size}, -2, 2).to(type);
  return {.pictures = pictures.contiguous(at::MemoryFormat::ChannelsLast),
          .student = true,
          .teacher = false};
}

std::vector<View> students(int64_t size, at::ScalarType type) {
  std::vector<View> views;
  for (int64_t view = 0; view < kViews; ++view) {
    views.push_back(student("view" + std::to_string(view), size, type));
  }
  return views;
}

/// What encoding leaves: queries (v · B, D), the gradient of a sum over them, running statistics.
struct Outcome {
  at::Tensor queries, gradient, statistics;
};

Outcome outcomeOf(const std::vector<View>& views, at::ScalarType type, int64_t groups) {
  Encoder encoder = encoderOf(type, groups);
  const auto queries = joined(encodeViews({views}, encoder, nullptr).queries);
  const auto direction = formula::uniform("direction", queries.sizes(), -1, 1).to(type);
  std::vector<at::Tensor> flat;
  for (const auto& gradient :
       torch::autograd::grad({(queries * direction).sum()}, encoder.weights())) {
    flat.push_back(gradient.flatten());
  }
  return {queries.detach(), at::cat(flat), encoder.statistics().flat()};
}

void checkViewsTogether(at::ScalarType type, int64_t groups, double tolerance) {
  const auto views = students(16, type);
  const Outcome together = outcomeOf(views, type, groups);
  // The same by passes of their own through one encoder, whose statistics are looked at apart.
  Encoder encoder = encoderOf(type, groups);
  std::vector<at::Tensor> queries, statistics;
  for (const View& view : views) {
    Encoder fresh = encoderOf(type, groups);
    encodeViews({{view}}, fresh, nullptr);
    statistics.push_back(fresh.statistics().flat());
    queries.push_back(encodeViews({{view}}, encoder, nullptr).queries[0]);
  }
  const auto apart = at::cat(queries);
  const auto direction = formula::uniform("direction", apart.sizes(), -1, 1).to(type);
  std::vector<at::Tensor> flat;
  for (const auto& gradient :
       torch::autograd::grad({(apart * direction).sum()}, encoder.weights())) {
    flat.push_back(gradient.flatten());
  }
  checkWithin("queries", relativeDistance(together.queries, apart.detach()), tolerance);
  checkWithin("gradient", relativeDistance(together.gradient, at::cat(flat)), 100 * tolerance);
  checkWithin("statistics", relativeDistance(together.statistics, at::stack(statistics).mean(0)),
              tolerance);
}

}  // namespace

TEST_CASE("views of one size that go through the encoder together are as passes of their own") {
  for (const int64_t groups : {1, 2}) {
    INFO(groups, " groups");
    checkViewsTogether(at::kDouble, groups, 1e-12);
    checkViewsTogether(at::kFloat, groups, 1e-4);
  }
}

TEST_CASE("a view's queries do not depend on the views beside it") {
  auto views = students(16, at::kFloat);
  const auto small = outcomeOf(views, at::kFloat, 1).queries;
  views.insert(views.begin() + 1, student("large", 24, at::kFloat));
  Encoder encoder = encoderOf(at::kFloat, 1);
  auto queries = encodeViews({views}, encoder, nullptr).queries;
  REQUIRE(queries.size() == 4);
  queries.erase(queries.begin() + 1);
  CHECK(at::cat(queries).equal(small));
}

TEST_CASE("without a key encoder every view has queries and keys, by its role") {
  auto views = students(8, at::kFloat);
  views[1].student = false;
  views[1].teacher = true;
  Encoder encoder = encoderOf(at::kFloat, 1);
  const auto encoded = encodeViews({views}, encoder, nullptr);
  CHECK_FALSE(encoded.queries[1].defined());
  for (const auto& keys : encoded.keys) CHECK(keys.defined());
  CHECK(encoded.keys[0].is_same(encoded.queries[0]));
  const Passes passes = passesOf({views}, /*hasKeyEncoder=*/true);
  CHECK(passes.query == 1);
  CHECK(passes.key == 1);
}
