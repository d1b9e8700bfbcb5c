// The gradient by the weight of each convolution in a training step of ResNet-50 on 32×32 pictures,
// in bf16: ours against PyTorch's (oneDNN), interleaved: A B A B … Only ratios within one run mean
// anything. All shapes are measured, also those that moco leaves to oneDNN.
//
//   cmake --build build/native --target weight_gradient_bench
//   build/native/Release/weight_gradient_bench [batch 64] [rounds 15] [threads 2]

#include "core/weight_gradient.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <tuple>
#include <vector>

#include "core/bf16_tiles.h"
#include "core/caching_allocator.h"
#include "core/threads.h"

using namespace moco;

namespace {

constexpr int64_t kWarmUp = 2;  // rounds

struct Layer {
  ConvolutionShape shape;
  int64_t count;  // of such layers in the network
};

/// Without the stem, whose three channels are always left to oneDNN.
std::vector<Layer> resnet50(int64_t batch) {
  std::vector<Layer> layers;
  const auto add = [&](int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t size,
                       int64_t count) {
    layers.push_back({{batch, size, size, in, out, kernel, stride, kernel / 2}, count});
  };
  int64_t in = 64, size = 32;
  for (const auto& [width, blocks, stride] :
       {std::tuple<int64_t, int64_t, int64_t>{64, 3, 1}, {128, 4, 2}, {256, 6, 2}, {512, 3, 2}}) {
    const int64_t out = 4 * width, outSize = size / stride;
    add(in, width, 1, 1, size, 1);
    add(in, out, 1, stride, size, 1);
    add(width, width, 3, stride, size, 1);
    add(width, out, 1, 1, outSize, blocks);
    add(out, width, 1, 1, outSize, blocks - 1);
    add(width, width, 3, 1, outSize, blocks - 1);
    in = out;
    size = outSize;
  }
  return layers;
}

at::Tensor randomBf16(at::IntArrayRef shape) {
  return at::randn(shape).to(at::kBFloat16).contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor oneDnn(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                  const ConvolutionShape& shape) {
  return std::get<1>(at::convolution_backward(
      dy, x, weight, /*bias_sizes=*/at::OptionalIntArrayRef(), {shape.stride, shape.stride},
      {shape.padding, shape.padding}, /*dilation=*/{1, 1}, /*transposed=*/false,
      /*output_padding=*/{0, 0}, /*groups=*/1, /*output_mask=*/{false, true, false}));
}

template <class Function>
double secondsOf(const Function& function) {
  const auto start = std::chrono::steady_clock::now();
  function();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> numbers) {
  std::sort(numbers.begin(), numbers.end());
  return numbers[numbers.size() / 2];
}

struct Times {
  std::vector<double> oneDnn, own, ratio;
};

Times measure(const ConvolutionShape& shape, int64_t rounds) {
  const auto x = randomBf16({shape.pictures, shape.in, shape.height, shape.width});
  const auto dy = randomBf16({shape.pictures, shape.out, shape.outHeight(), shape.outWidth()});
  const auto weight = randomBf16({shape.out, shape.in, shape.kernel, shape.kernel});
  Times times;
  for (int64_t round = -kWarmUp; round < rounds; ++round) {
    const double theirs = secondsOf([&] { oneDnn(dy, x, weight, shape); });
    const double ours = secondsOf([&] { weightGradient(dy, x, shape); });
    if (round < 0) continue;
    times.oneDnn.push_back(theirs);
    times.own.push_back(ours);
    times.ratio.push_back(theirs / ours);
  }
  return times;
}

void print(const Layer& layer, const Times& times) {
  const ConvolutionShape& shape = layer.shape;
  const double operations =
      2e-9 * static_cast<double>(shape.rows() * shape.in * shape.out * shape.kernel * shape.kernel);
  const double theirs = median(times.oneDnn), ours = median(times.own);
  const auto [least, most] = std::minmax_element(times.ratio.begin(), times.ratio.end());
  std::printf("| %d×%d/%d %d → %d, %d² | %d | %.1f | %.0f | %.1f | %.0f | %.2f (%.2f – %.2f) | %s |\n",
              int(shape.kernel), int(shape.kernel), int(shape.stride), int(shape.in),
              int(shape.out), int(shape.height), int(layer.count), 1e3 * theirs,
              operations / theirs, 1e3 * ours, operations / ours, median(times.ratio), *least,
              *most, usesOwnWeightGradient(shape) ? "own" : "oneDNN");
}

int64_t argument(int argc, char** argv, int index, int64_t fallback) {
  return index < argc ? std::atoll(argv[index]) : fallback;
}

}  // namespace

int main(int argc, char** argv) {
  if (!bf16::hasTiles()) {
    std::puts("this processor has no AVX512-BF16");
    return EXIT_FAILURE;
  }
  const at::NoGradGuard noGrad;
  installCachingAllocator();
  setComputeThreads(argument(argc, argv, 3, 2));
  std::puts(
      "| layer | in a step | oneDNN, ms | GFLOP/s | own, ms | GFLOP/s | oneDNN / own (median, range) "
      "| taken |\n|---|---|---|---|---|---|---|---|");
  double theirs = 0, ours = 0, taken = 0;
  for (const auto& layer : resnet50(argument(argc, argv, 1, 64))) {
    const Times times = measure(layer.shape, argument(argc, argv, 2, 15));
    print(layer, times);
    const auto count = static_cast<double>(layer.count);
    theirs += count * median(times.oneDnn);
    ours += count * median(times.own);
    taken += count * median(usesOwnWeightGradient(layer.shape) ? times.own : times.oneDnn);
  }
  std::printf("\nall layers of a step: oneDNN %.0f ms, own %.0f ms, as taken %.0f ms\n", 1e3 * theirs,
              1e3 * ours, 1e3 * taken);
}
