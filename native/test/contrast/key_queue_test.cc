#include "core/contrast/key_queue.h"

#include <doctest/doctest.h>

using namespace moco;

namespace {

constexpr int64_t kDim = 2;

/// Keys by which their number can be told: (first, first), (first + 1, first + 1), …
at::Tensor numbered(int64_t first, int64_t count) {
  return at::arange(first, first + count, at::kFloat).unsqueeze(1).expand({count, kDim});
}

}  // namespace

TEST_CASE("the queue starts as normalised Gaussian vectors that depend on the seed") {
  const KeyQueue queue(500, 64, 1, at::kFloat);
  CHECK(at::allclose(queue.keys().norm(2, 1), at::ones({500})));
  CHECK(queue.keys().mean().abs().item<float>() < 0.01);
  CHECK(queue.keys().equal(KeyQueue(500, 64, 1, at::kFloat).keys()));
  CHECK_FALSE(queue.keys().equal(KeyQueue(500, 64, 2, at::kFloat).keys()));
  CHECK(queue.fill() == 0);
}

TEST_CASE("new keys push out the oldest, even if the length is no multiple of the batch") {
  for (const int64_t length : {6, 7}) {
    KeyQueue queue(length, kDim, 1, at::kFloat);
    int64_t count = 0;
    for (const int64_t batch : {3, 3, 3, 3, 2, 5, 3}) {
      queue.enqueue(numbered(count, batch));
      count += batch;
      if (count >= length) CHECK(queue.inOrder().equal(numbered(count - length, length)));
    }
  }
}

TEST_CASE("the share of real keys grows to one") {
  KeyQueue queue(8, kDim, 1, at::kFloat);
  queue.enqueue(numbered(0, 6));
  CHECK(queue.fill() == 0.75);
  queue.enqueue(numbered(6, 6));
  CHECK(queue.fill() == 1);
}

TEST_CASE("a batch larger than the queue leaves the newest keys") {
  KeyQueue queue(4, kDim, 1, at::kFloat);
  queue.enqueue(numbered(0, 3));
  queue.enqueue(numbered(3, 11));
  CHECK(queue.inOrder().equal(numbered(10, 4)));
}

TEST_CASE("a queue that keeps the numbers of pictures restores them with its keys") {
  KeyQueue queue(5, kDim, 1, at::kFloat, /*keepsNumbers=*/true);
  CHECK(queue.pictures().equal(at::full({5}, -1, at::kLong)));
  queue.enqueue(numbered(0, 3), at::arange(10, 13));
  queue.enqueue(numbered(3, 3), at::arange(13, 16));
  CHECK(queue.pictures().equal(at::tensor(std::vector<int64_t>{15, 11, 12, 13, 14})));
  KeyQueue other(5, kDim, 2, at::kFloat, /*keepsNumbers=*/true);
  other.restore(queue.state());
  CHECK(other.pictures().equal(queue.pictures()));
  CHECK(other.keys().equal(queue.keys()));
  CHECK_THROWS_AS(queue.enqueue(numbered(0, 3)), c10::Error);
}
