#include "core/device/cpu_kernels.h"

#include <doctest/doctest.h>

#include <string>

using namespace moco;

namespace {

CpuFeatures zen4() {
  return {.isX86 = true, .avx512 = true, .avx512Bf16 = true, .libtorch = "AVX512", .choice = ""};
}

/// Why there are no kernels on a processor that differs from Zen 4 by `change`.
template <class Change>
std::string whyAfter(Change&& change) {
  CpuFeatures features = zen4();
  change(features);
  return whyNoCpuKernels(features);
}

}  // namespace

TEST_CASE("our own kernels for the CPU need AVX-512 with bf16, and say what is missing") {
  CHECK(whyNoCpuKernels(zen4()) == "");
  CHECK(whyAfter([](auto& of) { of.isX86 = false; }) == "they are for x86 processors");
  CHECK(whyAfter([](auto& of) { of.avx512 = of.avx512Bf16 = false; }) ==
        "the processor has no AVX-512");
  CHECK(whyAfter([](auto& of) { of.avx512Bf16 = false; }) ==
        "the processor has AVX-512, but not its bf16");
}

TEST_CASE("what LibTorch is told not to use, our own kernels do not use either") {
  const auto why = whyAfter([](auto& of) {
    of.libtorch = "AVX2";
    of.choice = "avx2";
  });
  CHECK(why == "ATEN_CPU_CAPABILITY is avx2");
  CHECK(whyAfter([](auto& of) { of.choice = "avx512"; }) == "");
  CHECK(whyAfter([](auto& of) { of.choice = "a value that LibTorch ignores"; }) == "");
  CHECK(whyAfter([](auto& of) { of.libtorch = "DEFAULT"; }) ==
        "LibTorch does not use AVX-512 here");
}
