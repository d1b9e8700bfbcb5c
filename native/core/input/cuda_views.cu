#include "core/device/launch.h"
#include "core/input/cuda_views.h"
#include "core/input/pillow_pixel.h"

// Compiled with -fmad=false: see pillow_pixel.h.

namespace moco::cuda {
namespace {

using pillow::Colour;

constexpr int kWarp = 32;
constexpr int kThreads = 256;
constexpr int kChannels = 3;

/// The sum over all threads of the block, returned to each of them. May be called once in a kernel,
/// because nothing keeps a second call from overwriting `sums` too early.
__device__ int64_t sumOverBlock(int64_t value) {
  __shared__ int64_t sums[kThreads / kWarp];
  for (int by = kWarp / 2; by > 0; by /= 2) value += __shfl_down_sync(0xFFFFFFFF, value, by);
  if (threadIdx.x % kWarp == 0) sums[threadIdx.x / kWarp] = value;
  __syncthreads();
  int64_t total = 0;
  for (const int64_t sum : sums) total += sum;
  return total;
}

__device__ float luma(const Colour& colour) {
  return pillow::luma(colour.red, colour.green, colour.blue);
}

__device__ Colour blend(float grey, const Colour& colour, float factor) {
  return {pillow::blend(grey, colour.red, factor), pillow::blend(grey, colour.green, factor),
          pillow::blend(grey, colour.blue, factor)};
}

/// One picture and the parameters of its view. A pixel is computed from the picture each time that
/// it is needed. That costs less than memory for the steps in between, and does not limit the size.
struct View {
  const uint8_t* picture;
  int32_t pictureWidth;
  int32_t height, width;
  const ViewParameters& parameters;

  __device__ int32_t pixels() const { return height * width; }

  /// A pixel of the view after crop, resize and flip.
  __device__ Colour resampled(int32_t pixel) const {
    const CropBox& crop = parameters.crop;
    const int32_t x = pixel % width;
    const auto rows = pillow::bilinearTapsOf(pixel / width, crop.height, height);
    const auto columns =
        pillow::bilinearTapsOf(parameters.flip ? width - 1 - x : x, crop.width, width);
    float values[kChannels];
    for (int channel = 0; channel < kChannels; ++channel) {
      const auto stretched = [&](int32_t row) {
        const uint8_t* source = picture + ((crop.top + row) * pictureWidth + crop.left) * kChannels;
        return pillow::interpolate(source[columns.first * kChannels + channel],
                                   source[columns.second * kChannels + channel], columns.weight);
      };
      values[channel] = static_cast<float>(
          pillow::interpolate(stretched(rows.first), stretched(rows.second), rows.weight));
    }
    return {values[0], values[1], values[2]};
  }

  __device__ Colour adjusted(const Colour& colour, JitterOperation operation, float grey) const {
    const ColourJitter& jitter = parameters.colour;
    switch (operation) {
      case JitterOperation::kBrightness:
        return blend(0.0f, colour, jitter.brightness);
      case JitterOperation::kContrast:
        return blend(grey, colour, jitter.contrast);
      case JitterOperation::kSaturation:
        return blend(luma(colour), colour, jitter.saturation);
      case JitterOperation::kHue:
        return pillow::shiftHue(colour.red, colour.green, colour.blue,
                                pillow::hueSteps(jitter.hue));
    }
    return colour;
  }

  /// The grey that the contrast is adjusted by: the mean luma of the view after the operations that
  /// come before the contrast.
  __device__ float meanGrey() const {
    int64_t sum = 0;
    for (int64_t pixel = threadIdx.x; pixel < pixels(); pixel += kThreads) {
      Colour colour = resampled(pixel);
      for (const JitterOperation operation : parameters.colour.order) {
        if (operation == JitterOperation::kContrast) break;
        colour = adjusted(colour, operation, 0.0f);
      }
      sum += static_cast<int32_t>(luma(colour));
    }
    return pillow::meanGrey(sumOverBlock(sum), pixels());
  }

  /// A pixel of the finished view.
  /// @param grey  `meanGrey()` if there is colour jitter, else unused
  __device__ Colour finished(int32_t pixel, float grey) const {
    Colour colour = resampled(pixel);
    if (parameters.jitter) {
      for (const JitterOperation operation : parameters.colour.order) {
        colour = adjusted(colour, operation, grey);
      }
    }
    if (!parameters.greyscale) return colour;
    const float value = luma(colour);
    return {value, value, value};
  }
};

/// Every block makes one view.
template <class Entry>
__global__ void __launch_bounds__(kThreads)
    makeView(Pictures pictures, const int64_t* which, const ViewParameters* views, Size size,
             const Entry* table, Entry* target) {
  const int64_t pictureBytes = int64_t{pictures.height} * pictures.width * kChannels;
  const View view{pictures.pixels + which[blockIdx.x] * pictureBytes, pictures.width, size.height,
                  size.width, views[blockIdx.x]};
  const float grey = view.parameters.jitter ? view.meanGrey() : 0.0f;
  Entry* pixels = target + int64_t{blockIdx.x} * view.pixels() * kChannels;
  for (int64_t pixel = threadIdx.x; pixel < view.pixels(); pixel += kThreads) {
    const Colour colour = view.finished(pixel, grey);
    pixels[pixel * kChannels] = table[static_cast<int32_t>(colour.red)];
    pixels[pixel * kChannels + 1] = table[256 + static_cast<int32_t>(colour.green)];
    pixels[pixel * kChannels + 2] = table[512 + static_cast<int32_t>(colour.blue)];
  }
}

}  // namespace

template <class Entry>
void makeViews(const Pictures& pictures, const int64_t* which, const ViewParameters* views,
               int64_t count, const Size& size, const Entry* table, Entry* target,
               cudaStream_t stream) {
  if (count == 0) return;
  launch("makeView", makeView<Entry>, static_cast<unsigned>(count), kThreads, stream, pictures,
         which, views, size, table, target);
}

template void makeViews(const Pictures&, const int64_t*, const ViewParameters*, int64_t,
                        const Size&, const float*, float*, cudaStream_t);
template void makeViews(const Pictures&, const int64_t*, const ViewParameters*, int64_t,
                        const Size&, const uint16_t*, uint16_t*, cudaStream_t);
template void makeViews(const Pictures&, const int64_t*, const ViewParameters*, int64_t,
                        const Size&, const uint8_t*, uint8_t*, cudaStream_t);

}  // namespace moco::cuda
