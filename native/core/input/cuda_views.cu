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
constexpr int kValues = 256;  // that a channel can have
constexpr int kBlurs = 3;     // along each axis

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

/// A colour before it is a float: bytes, or sums of weighted ones.
struct Rgb {
  int32_t red, green, blue;
};

/// A pixel of a crop after both passes, where that along the rows comes first.
/// @param rows, columns  what the inputs along an axis add up to
/// @param pixel          gives that of a row and a column of the crop
template <class Axis, class Pixel>
__device__ Rgb columnsFirst(const Axis& rows, const Axis& columns, const Pixel& pixel) {
  return rows(
      [&](int32_t row) { return columns([&](int32_t column) { return pixel(row, column); }); });
}

/// A pixel of a crop after both passes, in the order in which Pillow takes them.
template <class Axis, class Pixel>
__device__ Rgb inPillowsOrder(const Axis& rows, const Axis& columns, const Pixel& pixel,
                              const CropBox& crop, const Size& size) {
  if (!pillow::resizesRowsFirst(crop.height, crop.width, size.height, size.width)) {
    return columnsFirst(rows, columns, pixel);
  }
  return columns(
      [&](int32_t column) { return rows([&](int32_t row) { return pixel(row, column); }); });
}

/// What the inputs that a window covers add up to, not rounded.
template <class Window, class Input>
__device__ Rgb weightedSum(const Window& window, const Input& input) {
  Rgb sum{pillow::kHalf, pillow::kHalf, pillow::kHalf};
  for (int32_t i = window.first; i < window.first + window.count; ++i) {
    const Rgb value = input(i);
    const int32_t weight = window.weight(i);
    sum.red += value.red * weight;
    sum.green += value.green * weight;
    sum.blue += value.blue * weight;
  }
  return sum;
}

/// What the inputs of one output along an axis add up to, where the axis is not made shorter.
class Enlarged {
 public:
  __device__ Enlarged(int32_t i, int64_t input, int32_t output)
      : taps_(pillow::bilinearTapsOf(i, input, output)) {}

  /// @param input  gives the input of a number
  template <class Input>
  __device__ Rgb operator()(const Input& input) const {
    const Rgb first = input(taps_.first);
    const Rgb second = input(taps_.second);
    return {pillow::interpolate(first.red, second.red, taps_.weight),
            pillow::interpolate(first.green, second.green, taps_.weight),
            pillow::interpolate(first.blue, second.blue, taps_.weight)};
  }

  /// A pixel of a crop after both passes.
  /// @param pixel  gives that of a row and a column of the crop
  template <class Pixel>
  static __device__ Rgb resample(const Enlarged& rows, const Enlarged& columns, const Pixel& pixel,
                                 const CropBox&, const Size&) {
    return columnsFirst(rows, columns, pixel);
  }

 private:
  pillow::Taps taps_;
};

/// The same for an axis that may get shorter.
class Resized {
 public:
  __device__ Resized(int32_t i, int64_t input, int32_t output)
      : isReduced_(input > output), enlarged_(i, input, output) {
    if (isReduced_) window_ = pillow::reducedWindowOf<pillow::Triangle>(i, input, output);
  }

  template <class Input>
  __device__ Rgb operator()(const Input& input) const {
    if (!isReduced_) return enlarged_(input);
    const Rgb sum = weightedSum(window_, input);
    return {sum.red >> pillow::kPrecisionBits, sum.green >> pillow::kPrecisionBits,
            sum.blue >> pillow::kPrecisionBits};
  }

  template <class Pixel>
  static __device__ Rgb resample(const Resized& rows, const Resized& columns, const Pixel& pixel,
                                 const CropBox& crop, const Size& size) {
    return inPillowsOrder(rows, columns, pixel, crop, size);
  }

 private:
  bool isReduced_;
  Enlarged enlarged_;
  pillow::FilterWindow<pillow::Triangle> window_{};
};

/// The same by cubic convolution, for axes of any length.
class Bicubic {
 public:
  __device__ Bicubic(int32_t i, int64_t input, int32_t output)
      : window_(pillow::windowOf<pillow::Cubic>(i, input, output)) {}

  template <class Input>
  __device__ Rgb operator()(const Input& input) const {
    const Rgb sum = weightedSum(window_, input);
    return {pillow::clipped(sum.red), pillow::clipped(sum.green), pillow::clipped(sum.blue)};
  }

  template <class Pixel>
  static __device__ Rgb resample(const Bicubic& rows, const Bicubic& columns, const Pixel& pixel,
                                 const CropBox& crop, const Size& size) {
    return inPillowsOrder(rows, columns, pixel, crop, size);
  }

 private:
  pillow::FilterWindow<pillow::Cubic> window_;
};

/// Whether a view needs `Resized`.
__device__ bool isReduced(const CropBox& crop, const Size& size) {
  return crop.height > size.height || crop.width > size.width;
}

/// One picture and the parameters of its view. A pixel is computed from the picture each time that
/// it is needed. That costs less than memory for the steps in between, and does not limit the size.
/// @tparam Axis  `Enlarged`, or `Resized` if the view needs it, or `Bicubic`
template <class Axis>
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
    const Axis rows(pixel / width, crop.height, height);
    const Axis columns(parameters.flip ? width - 1 - x : x, crop.width, width);
    const auto bytes = [&](int32_t row, int32_t column) {
      const uint8_t* pixel =
          picture + ((crop.top + row) * pictureWidth + crop.left + column) * kChannels;
      return Rgb{pixel[0], pixel[1], pixel[2]};
    };
    const Rgb value = Axis::resample(rows, columns, bytes, crop, {height, width});
    return {static_cast<float>(value.red), static_cast<float>(value.green),
            static_cast<float>(value.blue)};
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
      case JitterOperation::kNone:
        break;
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

/// The whole batch, as the kernels get it.
template <class Entry>
struct Batch {
  Pictures pictures;
  const int64_t* which;
  const ViewParameters* views;
  Size size;
  const Entry* table;
  Entry* target;
};

/// Makes the view that is the block's.
template <class Axis, class Entry>
__device__ void makeViewOfBlock(const Batch<Entry>& batch) {
  const Pictures& pictures = batch.pictures;
  const int64_t pictureBytes = int64_t{pictures.height} * pictures.width * kChannels;
  const View<Axis> view{pictures.pixels + batch.which[blockIdx.x] * pictureBytes, pictures.width,
                        batch.size.height, batch.size.width, batch.views[blockIdx.x]};
  const float grey = view.parameters.jitter ? view.meanGrey() : 0.0f;
  Entry* pixels = batch.target + int64_t{blockIdx.x} * view.pixels() * kChannels;
  for (int64_t pixel = threadIdx.x; pixel < view.pixels(); pixel += kThreads) {
    const Colour colour = view.finished(pixel, grey);
    pixels[pixel * kChannels] = batch.table[static_cast<int32_t>(colour.red)];
    pixels[pixel * kChannels + 1] = batch.table[kValues + static_cast<int32_t>(colour.green)];
    pixels[pixel * kChannels + 2] = batch.table[2 * kValues + static_cast<int32_t>(colour.blue)];
  }
}

/// Makes the views that are enlarged crops, or whole ones; each block one.
template <class Entry>
__global__ void __launch_bounds__(kThreads) makeView(Batch<Entry> batch) {
  if (isReduced(batch.views[blockIdx.x].crop, batch.size)) return;
  makeViewOfBlock<Enlarged>(batch);
}

/// Makes the views of crops that are larger than they.
template <class Entry>
__global__ void __launch_bounds__(kThreads) makeReducedView(Batch<Entry> batch) {
  if (!isReduced(batch.views[blockIdx.x].crop, batch.size)) return;
  makeViewOfBlock<Resized>(batch);
}

/// Makes the views that are resized by cubic convolution; each block one.
template <class Entry>
__global__ void __launch_bounds__(kThreads) makeBicubicView(Batch<Entry> batch) {
  makeViewOfBlock<Bicubic>(batch);
}

// --- What needs a whole view --------------------------------------------------------------------

/// A row or column of a view in memory.
struct Line {
  int32_t length;
  int32_t stride;  // bytes from one pixel to the next
};

/// A byte after a box blur along a line.
/// @param position  of the byte's pixel on the line
__device__ uint8_t boxBlurred(const uint8_t* byte, int32_t position, const Line& line,
                              const BoxBlur& box) {
  const auto at = [&](int32_t distance) -> uint32_t {
    const int32_t place = std::min(std::max(position + distance, 0), line.length - 1);
    return byte[(place - position) * line.stride];
  };
  uint32_t inside = 0;
  for (int32_t distance = -box.radius; distance <= box.radius; ++distance) inside += at(distance);
  return pillow::boxBlurred(inside, at(-box.radius - 1) + at(box.radius + 1), box);
}

/// Views as bytes, which are to be finished.
template <class Entry>
struct Unfinished {
  const ViewParameters* views;
  Size size;
  uint8_t* bytes;
  uint8_t* scratch;
  const Entry* table;
  Entry* target;

  __device__ int32_t count() const { return size.height * size.width * kChannels; }
};

/// Blurs the block's view along one axis, from one place to another.
template <class Entry>
__device__ void blurOnce(const Unfinished<Entry>& batch, bool alongRows, const uint8_t* from,
                         uint8_t* to) {
  const BoxBlur box = batch.views[blockIdx.x].box;
  const int32_t width = batch.size.width;
  const Line row{width, kChannels};
  const Line column{batch.size.height, width * kChannels};
  for (int32_t i = threadIdx.x; i < batch.count(); i += kThreads) {
    const int32_t pixel = i / kChannels;
    to[i] = alongRows ? boxBlurred(from + i, pixel % width, row, box)
                      : boxBlurred(from + i, pixel / width, column, box);
  }
  __syncthreads();
}

/// Blurs and solarises the view that is the block's, and replaces its bytes by their entries.
template <class Entry>
__global__ void __launch_bounds__(kThreads) finishView(Unfinished<Entry> batch) {
  const ViewParameters& view = batch.views[blockIdx.x];
  const int64_t first = int64_t{blockIdx.x} * batch.count();
  uint8_t* bytes = batch.bytes + first;
  uint8_t* scratch = batch.scratch + first;
  if (view.blur) {
    for (int pass = 0; pass < 2 * kBlurs; ++pass) {
      const bool isFirst = pass % 2 == 0;
      blurOnce(batch, pass < kBlurs, isFirst ? bytes : scratch, isFirst ? scratch : bytes);
    }
  }
  for (int32_t i = threadIdx.x; i < batch.count(); i += kThreads) {
    const auto value = static_cast<float>(bytes[i]);
    const auto entry = static_cast<int32_t>(view.solarise ? pillow::solarised(value) : value);
    batch.target[first + i] = batch.table[i % kChannels * kValues + entry];
  }
}

}  // namespace

template <class Entry>
void makeViews(const Pictures& pictures, const int64_t* which, const ViewParameters* views,
               int64_t count, const Size& size, bool bicubic, const Entry* table, Entry* target,
               cudaStream_t stream) {
  if (count == 0) return;
  const Batch<Entry> batch{pictures, which, views, size, table, target};
  const auto blocks = static_cast<unsigned>(count);
  if (bicubic) {
    launch("makeBicubicView", makeBicubicView<Entry>, blocks, kThreads, stream, batch);
    return;
  }
  launch("makeView", makeView<Entry>, blocks, kThreads, stream, batch);
  if (pictures.height > size.height || pictures.width > size.width) {
    launch("makeReducedView", makeReducedView<Entry>, blocks, kThreads, stream, batch);
  }
}

template <class Entry>
void finishViews(uint8_t* bytes, uint8_t* scratch, const ViewParameters* views, int64_t count,
                 const Size& size, const Entry* table, Entry* target, cudaStream_t stream) {
  if (count == 0) return;
  const Unfinished<Entry> batch{views, size, bytes, scratch, table, target};
  launch("finishView", finishView<Entry>, static_cast<unsigned>(count), kThreads, stream, batch);
}

template void finishViews(uint8_t*, uint8_t*, const ViewParameters*, int64_t, const Size&,
                          const float*, float*, cudaStream_t);
template void finishViews(uint8_t*, uint8_t*, const ViewParameters*, int64_t, const Size&,
                          const uint16_t*, uint16_t*, cudaStream_t);
template void finishViews(uint8_t*, uint8_t*, const ViewParameters*, int64_t, const Size&,
                          const uint8_t*, uint8_t*, cudaStream_t);

template void makeViews(const Pictures&, const int64_t*, const ViewParameters*, int64_t,
                        const Size&, bool, const float*, float*, cudaStream_t);
template void makeViews(const Pictures&, const int64_t*, const ViewParameters*, int64_t,
                        const Size&, bool, const uint16_t*, uint16_t*, cudaStream_t);
template void makeViews(const Pictures&, const int64_t*, const ViewParameters*, int64_t,
                        const Size&, bool, const uint8_t*, uint8_t*, cudaStream_t);

}  // namespace moco::cuda
