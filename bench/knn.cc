// Compares moco's votes of the nearest neighbours with two ways to compute the same by PyTorch's
// operators, and with the matrix products alone. They take turns, A B C … A B C …, and only their ratios
// within one run mean anything.
//
//   cmake --build build/native --target knn_bench
//   build/native/Release/knn_bench [queries 10000] [bank 50000] [length 2048] [k 200] [rounds 5]
//                                  [threads 2]

#include "core/evaluate/knn.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "command_line.h"
#include "core/device/caching_allocator.h"
#include "core/model/encoder.h"
#include "timing.h"
#include "core/ops/normalise_rows.h"

using namespace moco;

namespace {

constexpr int64_t kPiece = 256;           // features that the backbone computes at once
constexpr int64_t kReferenceBatch = 256;  // queries that the reference classifies at once
constexpr int64_t kClasses = 10;
constexpr double kTemperature = 0.5;

struct Data {
  at::Tensor queries, bank, labels;
  int64_t neighbours;
};

struct Contestant {
  const char* name;
  std::function<at::Tensor()> scores;  // (Q, classes)
  std::vector<double> seconds;
};

/// As the reference does it: computes all similarities of a batch of queries, then takes the largest.
at::Tensor wholeRows(const Data& data) {
  std::vector<at::Tensor> scores;
  for (const auto& queries : data.queries.split(kReferenceBatch)) {
    const auto [best, where] = at::mm(queries, data.bank.t()).topk(data.neighbours, /*dim=*/1);
    const auto weights = best.div(kTemperature).exp_();
    const auto labels = data.labels.index_select(0, where.flatten()).view_as(where);
    scores.push_back(at::zeros({queries.size(0), kClasses}).scatter_add_(1, labels, weights));
  }
  return at::cat(scores);
}

/// Goes through the bank in pieces and keeps the largest similarities so far, so that memory does not
/// grow with the bank.
at::Tensor pieces(const Data& data) {
  auto best = at::empty({data.queries.size(0), 0});
  auto labels = at::empty({data.queries.size(0), 0}, at::kLong);
  for (int64_t begin = 0; begin < data.bank.size(0); begin += kPiece) {
    const auto bank = data.bank.slice(0, begin, begin + kPiece);
    const auto bankLabels = data.labels.slice(0, begin, begin + kPiece);
    const auto all = at::cat({best, at::mm(data.queries, bank.t())}, 1);
    const auto allLabels =
        at::cat({labels, bankLabels.expand({all.size(0), bankLabels.size(0)})}, 1);
    const auto [largest, where] = all.topk(std::min(data.neighbours, all.size(1)), /*dim=*/1);
    best = largest;
    labels = allLabels.gather(1, where);
  }
  const auto weights = best.div(kTemperature).exp_();
  return at::zeros({best.size(0), kClasses}).scatter_add_(1, labels, weights);
}

at::Tensor ours(const Data& data) {
  KnnVote vote(data.queries, data.neighbours);
  for (int64_t begin = 0; begin < data.bank.size(0); begin += kPiece) {
    vote.addBank(data.bank.slice(0, begin, begin + kPiece),
                 data.labels.slice(0, begin, begin + kPiece));
  }
  return vote.scores(kTemperature, kClasses);
}

/// The products that every way needs, so that none can be faster.
at::Tensor productAlone(const Data& data) {
  for (const auto& bank : data.bank.split(kPiece)) at::mm(data.queries, bank.t());
  return {};
}

void print(const Contestant& contestant, const Contestant& baseline) {
  std::vector<double> ratios;
  for (size_t round = 0; round < contestant.seconds.size(); ++round) {
    ratios.push_back(baseline.seconds[round] / contestant.seconds[round]);
  }
  const auto [least, most] = std::minmax_element(ratios.begin(), ratios.end());
  std::printf("| %s | %.2f | %.2f (%.2f – %.2f) |\n", contestant.name, median(contestant.seconds),
              median(ratios), *least, *most);
}

}  // namespace

int main(int argc, char** argv) {
  const at::NoGradGuard noGrad;
  const auto number = [&](int index, int64_t fallback) {
    return argument(argc, argv, index, fallback);
  };
  installCachingAllocator();
  at::set_num_threads(static_cast<int>(number(6, 2)));
  const int64_t length = number(3, 2048);
  const Data data{normaliseRows(at::randn({number(1, 10000), length})),
                  normaliseRows(at::randn({number(2, 50000), length})),
                  at::randint(kClasses, {number(2, 50000)}, at::kLong), number(4, 200)};
  std::vector<Contestant> contestants{
      {"whole rows, as the reference", [&] { return wholeRows(data); }, {}},
      {"in pieces, mm + cat + topk", [&] { return pieces(data); }, {}},
      {"moco", [&] { return ours(data); }, {}},
      {"the products alone", [&] { return productAlone(data); }, {}}};
  for (int64_t round = 0; round < number(5, 5); ++round) {
    for (auto& contestant : contestants) {
      contestant.seconds.push_back(secondsOf(contestant.scores));
    }
  }
  for (const auto& contestant : contestants) print(contestant, contestants.front());
}
