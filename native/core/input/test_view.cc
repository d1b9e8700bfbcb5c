#include "core/input/test_view.h"

#include <algorithm>
#include <cmath>

#include "core/base/threads.h"
#include "core/device/cuda_kernels.h"
#include "core/input/make_views.h"

namespace moco {
namespace {

CropBox centredSquare(const at::Tensor& pictures, double share) {
  const int64_t height = pictures.size(1);
  const int64_t width = pictures.size(2);
  const int64_t shorter = std::min(height, width);
  const auto side = std::llrint(static_cast<double>(shorter) * share);
  const int64_t length = std::clamp<int64_t>(side, 1, shorter);
  return {(height - length) / 2, (width - length) / 2, length, length};
}

/// One draw, for `makeViews`, of a view that is a crop and nothing else.
at::Tensor drawOf(const CropBox& crop) {
  auto draw = at::empty({1, static_cast<int64_t>(sizeof(ViewParameters))}, at::kByte);
  *drawsIn(draw) = {};
  drawsIn(draw)->crop = crop;
  return draw;
}

/// Makes resized views on the device of the pictures.
at::Tensor resized(const at::Tensor& pictures, const CropBox& crop, int64_t imageSize) {
  const auto device = pictures.device();
  const int64_t count = pictures.size(0);
  const auto numbers = at::arange(count, at::device(device).dtype(at::kLong));
  const auto draws = drawOf(crop).to(device).expand({count, -1}).contiguous();
  const auto table = bytesThemselves(device);
  const auto views = at::empty({count, 3, imageSize, imageSize},
                               pictures.options().memory_format(at::MemoryFormat::ChannelsLast));
  const auto make = [&](int64_t begin, int64_t end) {
    const auto part = [&](const at::Tensor& all) { return all.slice(0, begin, end); };
    makeViews(pictures, part(numbers), part(draws), table, part(views));
  };
  if (device.is_cpu()) {
    parallelFor(count, make);
  } else {
    make(0, count);
  }
  return views.permute({0, 2, 3, 1});
}

}  // namespace

at::Tensor testViews(const at::Tensor& pictures, const TestView& view) {
  const CropBox crop = centredSquare(pictures, view.cropShare);
  if (crop.height == view.imageSize) {
    return pictures.narrow(1, crop.top, crop.height).narrow(2, crop.left, crop.width);
  }
  if (pictures.is_cpu() || useCudaKernels()) return resized(pictures, crop, view.imageSize);
  return resized(pictures.cpu(), crop, view.imageSize).to(pictures.device());
}

}  // namespace moco
