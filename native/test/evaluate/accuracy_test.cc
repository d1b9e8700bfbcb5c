#include "core/evaluate/accuracy.h"

#include <doctest/doctest.h>

using namespace moco;

TEST_CASE("top 1 is the highest score, top 5 the five highest; of equal ones the lower class") {
  auto scores = at::zeros({3, 7});
  scores[0][6] = 1;
  scores[1] = at::arange(7);
  const Accuracy accuracy = accuracyOf(bestClasses(scores), at::tensor({6, 2, 4}, at::kLong));
  CHECK(accuracy.top1 == doctest::Approx(100.0 / 3));
  CHECK(accuracy.top5 == 100);
  CHECK(accuracyOf(bestClasses(scores), at::tensor({6, 1, 5}, at::kLong)).top5 ==
        doctest::Approx(100.0 / 3));
}

TEST_CASE("with fewer than five classes, top 5 is all of them") {
  const auto scores = at::rand({6, 3});
  CHECK(accuracyOf(bestClasses(scores), at::zeros({6}, at::kLong)).top5 == 100);
}

TEST_CASE("a confusion matrix counts pictures by class and prediction") {
  const auto scores = at::tensor({3., 1., 2., 0., 5., 1., 4., 1., 0., 0., 0., 9.}).view({4, 3});
  const auto confusion = confusionOf(bestClasses(scores), at::tensor({0, 0, 2, 2}, at::kLong), 3);
  const auto counts = classCountsOf(bestClasses(scores), at::tensor({0, 0, 2, 2}, at::kLong), 3);
  CHECK(counts.pictures.equal(at::tensor({2, 0, 2}, at::kLong)));
  CHECK(counts.right.equal(confusion.diagonal()));
  CHECK(confusion.equal(at::tensor({1, 1, 0, 0, 0, 0, 1, 0, 1}, at::kLong).view({3, 3})));
}
