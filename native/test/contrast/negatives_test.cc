#include "core/contrast/negatives.h"

#include <doctest/doctest.h>

#include "core/base/error.h"

using namespace moco;

namespace {

ContrastSettings settingsOf(const std::string& negatives) {
  return {.m = 4, .temperature = 0.2, .momentum = 0.99, .negatives = negatives};
}

at::Tensor numbers(std::vector<int64_t> values) { return at::tensor(values); }

}  // namespace

TEST_CASE("the queue's keys are all negatives, unless it keeps the numbers of their pictures") {
  KeyQueue queue(4, 2, 1, at::kFloat), numbered(4, 2, 1, at::kFloat, /*keepsNumbers=*/true);
  for (KeyQueue* each : {&queue, &numbered}) each->enqueue(at::ones({3, 2}), numbers({7, 8, 7}));
  const auto pictures = numbers({8, 5});
  CHECK_FALSE(negativesOf(settingsOf("queue"), queue, {}, pictures).isLeftOut.defined());
  const auto negatives = negativesOf(settingsOf("queue"), numbered, {}, pictures);
  CHECK(negatives.vectors.is_same(numbered.keys()));
  CHECK(negatives.isLeftOut.equal(at::tensor({0, 1, 0, 0, 0, 0, 0, 0}).view({2, 4}).to(at::kBool)));
}

TEST_CASE("of the batch, every view of the other pictures is a negative") {
  const KeyQueue queue(1, 2, 1, at::kFloat);
  const auto vectors = at::rand({4, 2});  // two views of two pictures
  const auto negatives = negativesOf(settingsOf("batch"), queue, vectors, numbers({3, 9}));
  CHECK(negatives.vectors.equal(vectors));
  CHECK(negatives.isLeftOut.equal(at::tensor({1, 0, 1, 0, 0, 1, 0, 1}).view({2, 4}).to(at::kBool)));
}

TEST_CASE("both are the queue's and then the batch's") {
  KeyQueue queue(2, 2, 1, at::kFloat);
  const auto vectors = at::rand({2, 2});
  const auto negatives = negativesOf(settingsOf("both"), queue, vectors, numbers({3, 9}));
  CHECK(negatives.vectors.equal(at::cat({queue.keys(), vectors})));
  CHECK(negatives.isLeftOut.equal(at::tensor({0, 0, 1, 0, 0, 0, 0, 1}).view({2, 4}).to(at::kBool)));
  CHECK_THROWS_WITH_AS(negativesOf(settingsOf("none"), queue, vectors, numbers({3, 9})),
                       doctest::Contains("negatives: there is no"), Error);
}
