// Compares searching a bank of features with reading it once from memory, by the same threads. They take
// turns, A B C … A B C …, and only their ratios within one run mean anything.
//
//   cmake --build build/native --target search_bench
//   build/native/Release/search_bench [rows 100000] [dims 2048] [k 10] [rounds 5] [threads 2]
//
// The rows are noise around 100 centres, whose similarities are spread as those of an encoder's
// features are; MOCO_BENCH_NOISE=1 takes noise alone, which is harder to search. They lie in a file in
// the temporary folder, which is mapped into memory: a million rows of 2048 numbers take 8 GB there and
// of the page cache, and 2 GB for codes.

#include "core/search/searcher.h"

#include <ATen/ATen.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
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

/// Writes features (count, dims) to a file.
std::string writeFeatures(int64_t count, int64_t dims, const at::Tensor& centres) {
  constexpr int64_t kPiece = 1024;
  const std::string path = std::filesystem::temp_directory_path() / "moco-search-bench";
  std::ofstream file(path, std::ios::binary);
  for (int64_t first = 0; first < count; first += kPiece) {
    const auto rows = features(std::min(kPiece, count - first), dims, centres);
    file.write(reinterpret_cast<const char*>(rows.data()),
               static_cast<std::streamsize>(rows.size() * sizeof(float)));
  }
  if (file.flush()) return path;
  std::fprintf(stderr, "%s cannot be written\n", path.c_str());
  std::exit(EXIT_FAILURE);
}

/// Adds up the bits of all numbers, in four places at a time: memory gives more than to a single one.
void readOnce(const FeatureRows& rows) {
  constexpr int64_t kPlaces = 4;
  constexpr int64_t kLanes = 8;
  parallelFor(rows.count(), [&](int64_t begin, int64_t end) {
    const auto* const numbers = static_cast<const uint64_t*>(rows.row(begin));
    const int64_t part = (end - begin) * rows.dims() / 2 / kPlaces;
    uint64_t sums[kPlaces][kLanes] = {};
    for (int64_t i = 0; i + kLanes <= part; i += kLanes) {
      for (int64_t place = 0; place < kPlaces; ++place) {
        for (int64_t lane = 0; lane < kLanes; ++lane) {
          sums[place][lane] += numbers[place * part + i + lane];
        }
      }
    }
    volatile uint64_t total = 0;
    for (const auto& place : sums) {
      for (const uint64_t sum : place) total = total + sum;
    }
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
  const std::string path = writeFeatures(count, dims, centres);
  const FeatureRows::Place place{
      .path = path, .offset = 0, .isHalf = false, .count = count, .dims = dims};
  Searcher products(settings, place);
  settings.firstPass = "auto";
  Searcher withCodes(settings, place);
  std::filesystem::remove(path);  // what is mapped stays
  for (Searcher* const searcher : {&products, &withCodes}) searcher->prepare([] { return false; });
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
      readOnce(products.rows());  // so that each finds the same in the cache
      contestant.seconds.push_back(secondsOf(contestant.run));
    }
  }
  const double once = median(contestants.front().seconds);
  for (const auto& [name, run, seconds] : contestants) {
    std::printf("%-24s %9.2f ms  %6.2f × reading\n", name.c_str(), median(seconds) * 1e3,
                median(seconds) / once);
  }
}
