#include "core/device/cuda_driver.h"

#include <doctest/doctest.h>

using namespace moco;

TEST_CASE("a driver that is too old for LibTorch's CUDA is named with both versions") {
  CHECK(whyLibtorchFindsNone(12020, 13000) ==
        "NVIDIA's driver supports CUDA 12.2, and LibTorch was built with 13.0: the driver is too "
        "old, or LibTorch too new");
}

TEST_CASE("a driver of the same major version or a newer one is not called too old") {
  for (const long driver : {12020L, 12080L, 13000L}) {
    const std::string reason = whyLibtorchFindsNone(driver, 12080);
    CHECK(reason.find("too old") == std::string::npos);
    CHECK(reason.find("finds no GPU that works") != std::string::npos);
  }
}
