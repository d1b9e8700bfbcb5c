#include "core/distributed/peers.h"

#include <doctest/doctest.h>
#include <torch/csrc/autograd/autograd.h>

#include <atomic>
#include <mutex>
#include <vector>

#include "support/processes.h"

using namespace moco;

namespace {

/// What every rank has of a tensor that is made for all.
at::Tensor numbers(int64_t rows) { return at::arange(rows * 3, at::kDouble).view({rows, 3}); }

}  // namespace

TEST_CASE("a process on its own has the whole batch, and nothing to send") {
  const Peers peers;
  const auto whole = numbers(4);
  CHECK(peers.alone());
  CHECK(peers.own(whole).is_same(whole));
  CHECK(peers.gather(whole).is_same(whole));
  peers.average(whole);
  CHECK(whole.equal(numbers(4)));
  CHECK(peers.any(true));
  CHECK_FALSE(peers.any(false));
}

TEST_CASE("each process has its part, and all parts together are the whole") {
  asProcesses(3, [](const Peers& peers) {
    const auto whole = numbers(6);
    const auto own = peers.own(whole);
    TORCH_CHECK(own.equal(whole.narrow(0, 2 * peers.rank(), 2)));
    TORCH_CHECK(peers.gather(own).equal(whole));
  });
}

TEST_CASE("an average is the mean over the processes, and the same in each, bit for bit") {
  std::mutex mutex;
  std::vector<at::Tensor> results;
  asProcesses(3, [&](const Peers& peers) {
    auto generator = at::detail::createCPUGenerator(7 + peers.rank());
    const auto tensor = at::empty({1000}, at::kFloat).normal_(0, 1, generator);
    peers.average(tensor);
    const std::lock_guard lock(mutex);
    results.push_back(tensor);
  });
  auto sum = at::zeros({1000}, at::kDouble);
  for (int64_t rank = 0; rank < 3; ++rank) {
    auto generator = at::detail::createCPUGenerator(7 + rank);
    sum.add_(at::empty({1000}, at::kFloat).normal_(0, 1, generator));
  }
  for (const auto& result : results) {
    CHECK(result.equal(results.front()));
    CHECK(at::allclose(result.to(at::kDouble), sum / 3, 1e-6, 1e-6));
  }
}

TEST_CASE("what one process says is known to all") {
  asProcesses(3, [](const Peers& peers) {
    TORCH_CHECK(peers.any(peers.rank() == 1));
    TORCH_CHECK(!peers.any(false));
    const std::atomic<bool> stop = false;
    const auto said = peers.group().exchange("rank " + std::to_string(peers.rank()), stop);
    TORCH_CHECK(said == std::vector<std::string>({"rank 0", "rank 1", "rank 2"}));
  });
}

TEST_CASE("the gradient by a process's part is the sum of what all processes have by it") {
  asProcesses(2, [](const Peers& peers) {
    const auto part = peers.own(numbers(4)).clone().requires_grad_();
    const auto all = peers.gather(part);
    // Every process weights the rows otherwise: rank 0 by 1, 2, 3, 4 and rank 1 by ten times that.
    const auto weights = at::arange(1, 5, at::kDouble).unsqueeze(1) * (peers.rank() == 0 ? 1 : 10);
    const auto gradient = torch::autograd::grad({(all * weights).sum()}, {part}).front();
    const auto expected = peers.own(11 * at::arange(1, 5, at::kDouble)).unsqueeze(1);
    TORCH_CHECK(gradient.equal(expected.expand({2, 3})));
  });
}
