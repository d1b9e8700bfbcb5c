#include "core/run/folded_benchmark.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "core/base/stop.h"
#include "core/device/device.h"

namespace moco {
namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

FoldedTimes timeFolded(const Encoder& encoder, int64_t pictures, int64_t side, double least,
                       const std::atomic<bool>& stop) {
  const at::NoGradGuard noGrad;
  const auto& options = encoder.options();
  const auto input = at::randn({pictures, 3, side, side}, options.device)
                         .to(options.compute)
                         .contiguous(at::MemoryFormat::ChannelsLast);
  const FoldedBackbone fused = encoder.foldedBackbone();
  const FoldedBackbone plain = encoder.foldedBackbone(ConvolutionKernels::kPlain);
  const auto seconds = [&](const FoldedBackbone& backbone) {
    requireNotStopped(stop);
    const auto start = Clock::now();
    backbone(input);
    synchronise(options.device);
    return secondsSince(start);
  };
  seconds(fused);
  seconds(plain);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  FoldedTimes times{.pictures = pictures, .fused = kInfinity, .plain = kInfinity, .fallbacks = {}};
  const auto start = Clock::now();
  do {
    times.fused = std::min(times.fused, seconds(fused));
    times.plain = std::min(times.plain, seconds(plain));
  } while (secondsSince(start) < least);
  times.fallbacks = fused.fallbacks(encoder.parameters());
  return times;
}

}  // namespace moco
