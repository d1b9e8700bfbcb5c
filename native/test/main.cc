#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>

#include "core/device/cpu_kernels.h"
#include "core/device/device.h"

namespace {

/// doctest counts what was skipped, and does not say why.
void printWhatCannotRun() {
  if (!moco::useCpuKernels()) {
    std::printf("skipped: tests of our own kernels for the CPU, because %s\n",
                moco::cpuKernelsUnavailable().c_str());
  }
  if (!moco::cpuHasBf16()) {
    std::puts("skipped: tests of what is chosen where bf16 is in hardware, because it is not");
  }
}

}  // namespace

int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  const int result = context.run();
  if (!context.shouldExit()) printWhatCannotRun();
  return result;
}
