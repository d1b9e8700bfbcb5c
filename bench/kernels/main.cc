// Times single kernels of a training step, layer by layer, beside what the device can do at most: a
// plain copy and plain matrix products, in the same seconds. bench/gpu/kernels.mjs makes tables of it.
//
//   kernels_bench ceilings|batch_norm|convolutions|folded [device cuda] [arch resnet50] [batch 256]
//                 [rounds 5]
//
// Prints a line of JSON for each kernel at each layer as soon as it is measured.

#include <ATen/core/grad_mode.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>

#include "../command_line.h"
#include "core/device/device.h"
#include "layers.h"

using namespace moco;

namespace {

constexpr int64_t kSide = 32;  // height and width of a picture

void measure(const std::string& kind, const Setting& setting, const std::vector<Site>& sites) {
  Ceilings ceilings(setting.device);
  const auto each = [&](const std::vector<Site>& measured, std::string (*nameOf)(const Site&),
                        Kernels (*kernelsOf)(const Setting&, const Site&)) {
    for (const Site& site : measured) {
      measureLayer(setting, ceilings, kind, nameOf(site), [&] { return kernelsOf(setting, site); });
    }
  };
  if (kind == "ceilings") {
    measureCeilings(setting, ceilings);
  } else if (kind == "batch_norm") {
    each(distinctBatchNorms(sites), batchNormName, batchNormKernels);
  } else if (kind == "convolutions") {
    const at::NoGradGuard noGrad;
    each(distinctConvolutions(sites), convolutionName, convolutionKernels);
  } else if (kind == "folded") {
    const at::NoGradGuard noGrad;
    each(sites, foldedName, foldedKernels);
  } else {
    throw std::invalid_argument("there is no kind \"" + kind + "\"");
  }
}

}  // namespace

int main(int argc, char** argv) try {
  const auto word = [&](int index, const char* fallback) {
    return std::string(index < argc ? argv[index] : fallback);
  };
  const auto device = resolveDevice(word(2, "cuda"));
  setUpDevice(device, {});
  const auto precision = resolvePrecision("auto", device, /*tf32=*/true);
  measure(word(1, "ceilings"), {device, precision.compute, argument(argc, argv, 5, 5)},
          sitesOf(word(3, "resnet50"), argument(argc, argv, 4, 256), kSide));
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return EXIT_FAILURE;
}
