// Compares searching a bank of features with reading it once from memory, by the same threads. They take
// turns, A B C … A B C …, and only their ratios within one run mean anything.
//
//   cmake --build build/native --target search_bench
//   build/native/Release/search_bench [rows 100000] [dims 2048] [k 10] [rounds 5] [threads 2]
//
// The rows are noise around 100 centres, whose similarities are spread as those of an encoder's
// features are; MOCO_BENCH_NOISE=1 takes noise alone, which is harder to search.

#include "core/search/searcher.h"

#include <ATen/ATen.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "command_line.h"
#include "core/base/threads.h"
#include "timing.h"

using namespace moco;

namespace {

constexpr int64_t kCentres = 100;

struct Contestant {
  std::string name;
  std::function<void()> run;
  std::vector<double> seconds;
};

/// Features (count, dims): none is negative, as after a ReLU.
std::vector<float> features(int64_t count, int64_t dims, const at::Tensor& centres) {
  auto rows = at::randn({count, dims});
  if (centres.defined()) {
    rows = rows.mul_(0.7).add_(centres.index_select(0, at::randint(kCentres, {count}))).clamp_min_(0);
  }
  return {rows.const_data_ptr<float>(), rows.const_data_ptr<float>() + rows.numel()};
}

void fill(Searcher& searcher, const at::Tensor& centres) {
  constexpr int64_t kPiece = 1024;
  at::manual_seed(1);
  const int64_t count = searcher.rows().count();
  for (int64_t first = 0; first < count; first += kPiece) {
    searcher.append(features(std::min(kPiece, count - first), searcher.rows().dims(), centres));
  }
  searcher.prepare([] { return false; });
}

/// Adds up the bits of all numbers, as fast as memory gives them.
void readOnce(const FeatureRows& rows) {
  parallelFor(rows.count(), [&](int64_t begin, int64_t end) {
    const auto* const numbers = static_cast<const uint64_t*>(rows.row(begin));
    const int64_t count = (end - begin) * rows.dims() / 2;
    uint64_t sums[16] = {};
    for (int64_t i = 0; i + 16 <= count; i += 16) {
      for (int64_t lane = 0; lane < 16; ++lane) sums[lane] += numbers[i + lane];
    }
    volatile uint64_t total = 0;
    for (const uint64_t sum : sums) total = total + sum;
  });
}

}  // namespace

int main(int argc, char** argv) {
  const int64_t count = argument(argc, argv, 1, 100'000);
  const int64_t dims = argument(argc, argv, 2, 2048);
  const int64_t k = argument(argc, argv, 3, 10);
  const int64_t rounds = argument(argc, argv, 4, 5);
  SearcherSettings settings{.count = count,
                            .dims = dims,
                            .metric = "cosine",
                            .firstPass = "none",
                            .threads = argument(argc, argv, 5, 2)};
  const bool isNoise = std::getenv("MOCO_BENCH_NOISE") != nullptr;
  const at::Tensor centres = isNoise ? at::Tensor() : at::randn({kCentres, dims});
  Searcher products(settings);
  fill(products, centres);
  settings.firstPass = "auto";
  Searcher withCodes(settings);
  fill(withCodes, centres);
  std::vector<Contestant> contestants{
      {.name = "read once", .run = [&] { readOnce(products.rows()); }, .seconds = {}}};
  for (const int64_t queries : {1, 16, 256}) {
    const auto asked = features(queries, dims, centres);
    for (const auto& [name, searcher] : {std::pair{"products", &products}, {"codes", &withCodes}}) {
      contestants.push_back({.name = name + (", queries: " + std::to_string(queries)),
                             .run = [=] { searcher->search(asked, k, [] { return false; }); },
                             .seconds = {}});
    }
  }
  for (int64_t round = 0; round < rounds; ++round) {
    for (auto& contestant : contestants) {
      contestant.seconds.push_back(secondsOf(contestant.run));
    }
  }
  const double once = median(contestants.front().seconds);
  for (const auto& [name, run, seconds] : contestants) {
    std::printf("%-24s %9.2f ms  %6.2f × reading\n", name.c_str(), median(seconds) * 1e3,
                median(seconds) / once);
  }
}
