// Compares moco's convolutions with PyTorch's, which are oneDNN's: every convolution of a bf16 training
// step of ResNet-50 on 32×32 pictures, its output, its gradient by the input and its gradient by the
// weight. The two take turns, A B A B …, and only their ratios within one run mean anything.
//
//   cmake --build build/native --target convolutions_bench
//   build/native/Release/convolutions_bench [batch 64] [rounds 15] [threads 2]

#include "core/ops/convolution.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "command_line.h"
#include "core/device/caching_allocator.h"
#include "core/device/device.h"
#include "sites.h"
#include "timing.h"

using namespace moco;

namespace {

constexpr int64_t kWarmUp = 2;  // rounds that are not counted
constexpr std::array kPasses{"output", "gradient by input", "gradient by weight"};
/// How often a training step takes each pass: both encoders compute outputs, but only the query
/// encoder computes gradients.
constexpr std::array<double, 3> kPassesInStep{2, 1, 1};

/// The layers of ResNet-50, without the stem: its three channels are left to oneDNN.
std::vector<Site> resnet50(int64_t batch) {
  auto sites = distinctConvolutions(sitesOf("resnet50", batch, /*side=*/32));
  std::erase_if(sites, [](const Site& site) { return site.convolution.in == 3; });
  return sites;
}

at::Tensor randomBf16(at::IntArrayRef shape) {
  return at::randn(shape).to(at::kBFloat16).contiguous(at::MemoryFormat::ChannelsLast);
}

using Convolve = at::Tensor (*)(const at::Tensor& x, const at::Tensor& weight,
                                const ConvolutionShape& shape);

at::Tensor byPyTorch(const at::Tensor& x, const at::Tensor& weight, const ConvolutionShape& shape) {
  return at::conv2d(x, weight, /*bias=*/{}, shape.stride, shape.padding);
}

at::Tensor byMoco(const at::Tensor& x, const at::Tensor& weight, const ConvolutionShape& shape) {
  return convolution(x, weight, shape.stride, shape.padding);
}

/// How long each pass takes, in seconds.
using Seconds = std::array<double, kPasses.size()>;

/// One of the two implementations, with the tensors of one layer.
class Contestant {
 public:
  Contestant(Convolve convolve, const ConvolutionShape& shape)
      : convolve_(convolve),
        shape_(shape),
        x_(randomBf16({shape.pictures, shape.in, shape.height, shape.width}).requires_grad_()),
        weight_(randomBf16({shape.out, shape.in, shape.kernel, shape.kernel}).requires_grad_()),
        dy_(randomBf16({shape.pictures, shape.out, shape.outHeight(), shape.outWidth()})) {}

  Seconds run() const {
    at::Tensor y;
    Seconds seconds{};
    seconds[0] = secondsOf([&] { y = convolve_(x_, weight_, shape_); });
    seconds[1] = secondsOf([&] { torch::autograd::grad({y}, {x_}, {dy_}, /*retain_graph=*/true); });
    seconds[2] = secondsOf([&] { torch::autograd::grad({y}, {weight_}, {dy_}); });
    return seconds;
  }

 private:
  Convolve convolve_;
  ConvolutionShape shape_;
  at::Tensor x_, weight_, dy_;
};

/// How long one pass takes in each round, in seconds, and the ratio of the two.
struct Times {
  std::vector<double> pyTorch, moco, ratio;
};

std::array<Times, kPasses.size()> measure(const ConvolutionShape& shape, int64_t rounds) {
  const Contestant pyTorch(byPyTorch, shape), moco(byMoco, shape);
  std::array<Times, kPasses.size()> times;
  for (int64_t round = -kWarmUp; round < rounds; ++round) {
    const Seconds theirs = pyTorch.run(), ours = moco.run();
    for (size_t pass = 0; round >= 0 && pass < kPasses.size(); ++pass) {
      times[pass].pyTorch.push_back(theirs[pass]);
      times[pass].moco.push_back(ours[pass]);
      times[pass].ratio.push_back(theirs[pass] / ours[pass]);
    }
  }
  return times;
}

void print(const Site& site, size_t pass, const Times& times) {
  const double operations = 1e-9 * site.operations();
  const double theirs = median(times.pyTorch), ours = median(times.moco);
  std::printf("| %s | %s | %d | %.1f | %.0f | %.1f | %.0f | %.2f |\n", site.name().c_str(),
              kPasses[pass], int(site.count * int64_t(kPassesInStep[pass])), 1e3 * theirs,
              operations / theirs, 1e3 * ours, operations / ours, median(times.ratio));
}

}  // namespace

int main(int argc, char** argv) {
  if (!cpuHasBf16()) {
    std::puts("this processor has no bf16 instructions");
    return EXIT_FAILURE;
  }
  installCachingAllocator();
  at::set_num_threads(static_cast<int>(argument(argc, argv, 3, 2)));
  std::puts(
      "| layer | pass | in a step | PyTorch, ms | GFLOP/s | moco, ms | GFLOP/s | PyTorch / moco "
      "(median) |\n|---|---|---|---|---|---|---|---|");
  std::array<double, kPasses.size()> theirs{}, ours{};
  for (const auto& site : resnet50(argument(argc, argv, 1, 64))) {
    const auto times = measure(site.convolution, argument(argc, argv, 2, 15));
    for (size_t pass = 0; pass < kPasses.size(); ++pass) {
      print(site, pass, times[pass]);
      const double count = static_cast<double>(site.count) * kPassesInStep[pass];
      theirs[pass] += count * median(times[pass].pyTorch);
      ours[pass] += count * median(times[pass].moco);
    }
  }
  std::puts("\n| all layers of a step | PyTorch, ms | moco, ms | PyTorch / moco |\n|---|---|---|---|");
  for (size_t pass = 0; pass < kPasses.size(); ++pass) {
    std::printf("| %s | %.0f | %.0f | %.2f |\n", kPasses[pass], 1e3 * theirs[pass],
                1e3 * ours[pass], theirs[pass] / ours[pass]);
  }
}
