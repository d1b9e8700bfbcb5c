#include "core/ops/tile_weight_gradient_kernels.h"

#include "core/device/amx.h"
#include "core/device/cpu_kernels.h"
#include "core/ops/register_tile.h"

#ifdef __x86_64__

namespace moco::kernels::tile_weight_gradient {
namespace {

using avx512::kLanes;

constexpr int64_t kTile = kTileChannels * kPictures;  // numbers of bf16

static_assert(kTileChannels == amx::kTileRows && kTileChannels == kLanes &&
              kPictures * sizeof(Bf16) == amx::kTileBytes);

MOCO_AMX void multiply(const Product& product) {
  const Product of = product;
  constexpr int64_t kStride = kBlock * sizeof(float);
  float* const lower = of.sums + kTileChannels * kBlock;
  amx::finishWriting(of.lines[0].x);
  _tile_loadd(0, of.sums, kStride);
  _tile_loadd(1, of.sums + kTileChannels, kStride);
  _tile_loadd(2, lower, kStride);
  _tile_loadd(3, lower + kTileChannels, kStride);
  for (int64_t line = 0; line < of.lineCount; ++line) {
    const Bf16* x = of.lines[line].x + of.xAt;
    const Bf16* dy = of.lines[line].dy + of.dyAt;
    for (int64_t pixel = 0; pixel < of.pixels; ++pixel, x += of.xStep, dy += of.dyStep) {
      _tile_loadd(6, dy, amx::kTileBytes);
      _tile_loadd(4, x, amx::kTileBytes);
      _tile_loadd(7, dy + kTile, amx::kTileBytes);
      _tile_dpbf16ps(0, 4, 6);
      _tile_dpbf16ps(1, 4, 7);
      _tile_loadd(5, x + kTile, amx::kTileBytes);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
  }
  _tile_stored(0, of.sums, kStride);
  _tile_stored(1, of.sums + kTileChannels, kStride);
  _tile_stored(2, lower, kStride);
  _tile_stored(3, lower + kTileChannels, kStride);
}

/// 16 channels of two pictures, side by side.
MOCO_AVX512_INLINE __m512i pairsAt(const Pixels& from, int64_t picture, int64_t channel) {
  return avx512::pairsOf(_mm256_loadu_epi16(from[picture] + channel),
                         _mm256_loadu_epi16(from[picture + 1] + channel));
}

MOCO_AVX512 void packX(const Pixels& from, int64_t channels, Bf16* to) {
  for (int64_t channel = 0; channel < channels; channel += kLanes) {
    __m512i pairs[kLanes];
    for (int64_t i = 0; i < kLanes; ++i) pairs[i] = pairsAt(from, 2 * i, channel);
    avx512::transpose(pairs);
    for (int64_t i = 0; i < kLanes; ++i, to += kPictures) _mm512_storeu_si512(to, pairs[i]);
  }
}

MOCO_AVX512 void packDy(const Pixels& from, int64_t channels, Bf16* to) {
  for (int64_t channel = 0; channel < channels; channel += kLanes) {
    for (int64_t picture = 0; picture < kPictures; picture += 2, to += 2 * kLanes) {
      _mm512_storeu_si512(to, pairsAt(from, picture, channel));
    }
  }
}

MOCO_AVX512 void finish(const float* const* parts, int64_t count, Bf16* to, int64_t stride) {
  for (int64_t x = 0; x < kBlock; x += kLanes) {
    for (int64_t dy = 0; dy < kBlock; dy += kLanes) {
      __m512i rows[kLanes];
      for (int64_t i = 0; i < kLanes; ++i) {
        const int64_t at = (x + i) * kBlock + dy;
        __m512 sum = avx512::load(parts[0] + at);
        for (int64_t part = 1; part < count; ++part) {
          sum = _mm512_add_ps(sum, avx512::load(parts[part] + at));
        }
        rows[i] = _mm512_castps_si512(sum);
      }
      avx512::transpose(rows);
      for (int64_t i = 0; i < kLanes; ++i) {
        avx512::store(_mm512_castsi512_ps(rows[i]), to + (dy + i) * stride + x);
      }
    }
  }
}

}  // namespace

const Kernels* kernels() {
  static constexpr Kernels kKernels{
      .multiply = multiply, .packX = packX, .packDy = packDy, .finish = finish};
  return useAmxKernels() ? &kKernels : nullptr;
}

}  // namespace moco::kernels::tile_weight_gradient

#else

namespace moco::kernels::tile_weight_gradient {

const Kernels* kernels() { return nullptr; }

}  // namespace moco::kernels::tile_weight_gradient

#endif
