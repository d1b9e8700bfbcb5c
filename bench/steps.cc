// Compares how fast training steps of several views compute, by their arithmetic: multiply-adds per second
// of processor time (which tells more than the clock on a machine that does other things) of a step on one
// view for each encoder, as the reference has it, of the symmetric step, and of one with many small views. A
// backward pass counts as two forward passes. Views are random; making them is not in the time.
//
//   cmake --build build/native --target steps_bench
//   build/native/Release/steps_bench [rounds 7] [pictures 64] [threads 2]

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cstdio>
#include <ctime>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "command_line.h"
#include "core/contrast/moco.h"
#include "core/device/caching_allocator.h"
#include "core/device/device.h"
#include "timing.h"

using namespace moco;

namespace {

struct ViewGroup {
  int64_t count, size;
  bool student, teacher;
};

struct Contestant {
  const char* name;
  std::vector<ViewGroup> groups;
};

const std::vector<Contestant> kContestants{
    {"1 student and 1 teacher of 32 px", {{1, 32, true, false}, {1, 32, false, true}}},
    {"2 of 32 px that are both", {{2, 32, true, true}}},
    {"students 1 of 32 px and 8 of 16 px, 1 teacher of 32 px",
     {{1, 32, true, false}, {8, 16, true, false}, {1, 32, false, true}}},
    {"8 students of 16 px, 1 teacher of 32 px", {{8, 16, true, false}, {1, 32, false, true}}},
};

MocoOptions options() {
  return {.encoder = {.settings = {.arch = "resnet18", .featureDim = 128},
                      .device = at::kCPU,
                      .compute = cpuHasBf16() ? at::kBFloat16 : at::kFloat},
          .contrast = {.m = 4096, .temperature = 0.1, .momentum = 0.99},
          .optimiser = {.learningRate = 1e-3, .weightDecay = 1e-6},
          .seed = 0};
}

/// A model with views to train on.
class Steps {
 public:
  Steps(const Contestant& contestant, int64_t pictures) : moco_(options()) {
    for (const auto& [count, size, student, teacher] : contestant.groups) {
      for (int64_t view = 0; view < count; ++view) {
        const auto noise = at::randn({pictures, 3, size, size}).to(options().encoder.compute);
        input_.views.push_back({.pictures = noise.contiguous(at::MemoryFormat::ChannelsLast),
                                .student = student,
                                .teacher = teacher});
        const auto [backbone, head] = moco_.queryEncoder().multiplyAdds(size, size);
        const int64_t passes = (student ? 3 : 0) + (teacher ? 1 : 0);
        multiplyAdds_ += static_cast<double>(passes * pictures * (backbone + head));
      }
    }
  }

  /// Multiply-adds per second of processor time, of one step.
  double rate() {
    const std::clock_t start = std::clock();
    moco_.step(input_);
    return multiplyAdds_ * CLOCKS_PER_SEC / static_cast<double>(std::clock() - start);
  }

 private:
  Moco moco_;
  StepInput input_;
  double multiplyAdds_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const int64_t rounds = argument(argc, argv, 1, 7);
  const int64_t pictures = argument(argc, argv, 2, 64);
  installCachingAllocator();
  at::set_num_threads(static_cast<int>(argument(argc, argv, 3, 2)));
  std::vector<std::unique_ptr<Steps>> steps;
  for (const auto& contestant : kContestants) {
    steps.push_back(std::make_unique<Steps>(contestant, pictures));
    steps.back()->rate();  // the first step warms up
  }
  std::vector<std::vector<double>> rates(steps.size()), ratios(steps.size());
  for (int64_t round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < steps.size(); ++i) {
      rates[i].push_back(steps[i]->rate());
      ratios[i].push_back(rates[i].back() / rates[0].back());
    }
  }
  std::puts("| views | 10^9 multiply-adds/s (median) | × the first (median of rounds) |\n|---|---|---|");
  for (size_t i = 0; i < steps.size(); ++i) {
    std::printf("| %s | %.1f | %.2f |\n", kContestants[i].name, median(rates[i]) / 1e9,
                median(ratios[i]));
  }
}
