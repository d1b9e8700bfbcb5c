// Compares what a pixel of a training view costs at several sizes, and with what other recipes add, on one
// core. They take turns, A B C … A B C …, and only their ratios within one run mean anything.
//
//   cmake --build build/native --target views_bench
//   build/native/Release/views_bench [rounds 9] [milliseconds of each size in a round 300]

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "command_line.h"
#include "core/run/view_benchmark.h"
#include "timing.h"

using namespace moco;

namespace {

constexpr int64_t kPictureBytes = 16 << 20;  // of each size: more than a core's caches hold
constexpr int64_t kViewsAtOnce = 16;

struct Sizes {
  int64_t stored, view;
  ImageStore pictures;
  const char* name;
  ViewTransform transform;
  std::vector<double> nanoseconds = {};  // for each pixel of a view, one number a round
};

Sizes sizes(int64_t stored, int64_t view, const char* name = "",
            const ViewTransform& transform = {}) {
  const int64_t count = kPictureBytes / (stored * stored * 3);
  return {stored, view,
          ImageStore{at::randint(256, {count, stored, stored, 3}, at::kByte),
                     at::zeros({count}, at::kLong), 1},
          name, transform};
}

double nanosecondsPerPixel(const Sizes& sizes, double least, uint64_t seed) {
  double seconds = 0;
  int64_t calls = 0;
  while (seconds < least) {
    seconds += static_cast<double>(kViewsAtOnce) *
               secondsPerView(sizes.pictures, sizes.view, kViewsAtOnce, seed * 1000003 + calls,
                              sizes.transform);
    ++calls;
  }
  const int64_t pixels = calls * kViewsAtOnce * sizes.view * sizes.view;
  return seconds * 1e9 / static_cast<double>(pixels);
}

void print(const Sizes& sizes, const Sizes& baseline) {
  std::vector<double> ratios;
  for (size_t round = 0; round < sizes.nanoseconds.size(); ++round) {
    ratios.push_back(sizes.nanoseconds[round] / baseline.nanoseconds[round]);
  }
  const auto [least, most] = std::minmax_element(ratios.begin(), ratios.end());
  std::printf("| %lld from %lld%s | %.2f | %.2f (%.2f – %.2f) |\n",
              static_cast<long long>(sizes.view), static_cast<long long>(sizes.stored), sizes.name,
              median(sizes.nanoseconds), median(ratios), *least, *most);
}

}  // namespace

int main(int argc, char** argv) {
  const int64_t rounds = argument(argc, argv, 1, 9);
  const double least = static_cast<double>(argument(argc, argv, 2, 300)) / 1000;
  const ViewTransform bicubic{.bicubic = true};
  const ViewTransform blurred{.blur = 1.0};
  std::vector<Sizes> all{sizes(32, 32),
                         sizes(72, 64),
                         sizes(144, 128),
                         sizes(256, 224),
                         sizes(32, 16),
                         sizes(32, 32, ", bicubic", bicubic),
                         sizes(32, 32, ", all blurred", blurred),
                         sizes(256, 224, ", bicubic", bicubic),
                         sizes(256, 224, ", all blurred", blurred)};
  for (int64_t round = 0; round < rounds; ++round) {
    for (Sizes& size : all) {
      size.nanoseconds.push_back(nanosecondsPerPixel(size, least, static_cast<uint64_t>(round)));
    }
  }
  std::printf("| view | ns per pixel | times the first |\n|---|---|---|\n");
  for (const Sizes& size : all) print(size, all.front());
}
