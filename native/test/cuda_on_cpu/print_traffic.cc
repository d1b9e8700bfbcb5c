// Prints what each BatchNorm kernel does to memory, and fails where it is not what
// cuda_batch_norm_kernels.h promises. `npm run check:cuda` runs it.

#include <cstdio>

#include "batch_norm_traffic.h"

namespace {

const char* nameOf(moco::Sweep sweep) {
  if (sweep == moco::Sweep::kNeither) return "-";
  return sweep == moco::Sweep::kUp ? "up" : "down";
}

}  // namespace

int main() {
  std::printf("%-58s %5s %7s %7s %7s %7s %9s\n", "kernel (rows, channels)", "sweep", "reads",
              "writes", "others", "wasted", "conflicts");
  bool isAsPromised = true;
  for (const auto& traffic : moco::batchNormTraffic()) {
    std::printf("%-58s %5s %7.4f %7.4f %7.4f %7lld %9lld\n", traffic.kernel.c_str(),
                nameOf(traffic.sweep), traffic.reads, traffic.writes, traffic.others,
                static_cast<long long>(traffic.wasted),
                static_cast<long long>(traffic.bankConflicts));
    if (traffic.isAsPromised()) continue;
    isAsPromised = false;
    std::printf("  promised: %s, %.4f reads, %.4f writes; %lld bytes not written\n",
                nameOf(traffic.promisedSweep), traffic.promisedReads, traffic.promisedWrites,
                static_cast<long long>(traffic.unwritten));
  }
  std::printf(
      "Reads, writes and others (parameters, statistics, workspace) in passes over the\n"
      "activations; wasted: bytes of 32-byte sectors that nobody asked for.\n");
  return isAsPromised ? 0 : 1;
}
