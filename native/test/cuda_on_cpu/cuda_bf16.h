#pragma once

// Stands in for CUDA's header: see cuda_runtime.h.

#include <cstdint>
#include <cstring>

struct __nv_bfloat16 {
  uint16_t bits;
};

inline float __bfloat162float(__nv_bfloat16 value) {
  const uint32_t bits = uint32_t{value.bits} << 16;
  float wide;
  std::memcpy(&wide, &bits, sizeof(wide));
  return wide;
}

/// Rounds to the nearest bf16; of two that are equally near, to the even one.
inline __nv_bfloat16 __float2bfloat16_rn(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  const bool isNaN = value != value;
  if (isNaN) return {0x7FFF};
  const uint32_t isOdd = (bits >> 16) & 1;
  return {static_cast<uint16_t>((bits + 0x7FFF + isOdd) >> 16)};
}
