#include "core/input/make_views.h"

#include <type_traits>

#include "core/input/augment.h"
#ifdef MOCO_CUDA_KERNELS
#include <c10/core/DeviceGuard.h>
#include <c10/core/Stream.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include "core/input/cuda_views.h"
#endif

namespace moco {
namespace {

// They are copied to the GPU byte by byte.
static_assert(std::is_trivially_copyable_v<ViewParameters>);

constexpr int64_t kChannels = 3;

template <class Entry>
void makeViewsOnCpu(const at::Tensor& pixels, const at::Tensor& pictures, const at::Tensor& draws,
                    const at::Tensor& table, const at::Tensor& input, const ViewTransform&) {
  const int64_t pictureWidth = pixels.size(2);
  const int64_t height = input.size(2);
  const int64_t width = input.size(3);
  const auto* which = pictures.const_data_ptr<int64_t>();
  const auto* bytes = pixels.const_data_ptr<uint8_t>();
  const auto* entries = static_cast<const Entry*>(table.const_data_ptr());
  auto* target = static_cast<Entry*>(input.mutable_data_ptr());
  for (int64_t i = 0; i < pictures.size(0); ++i) {
    applyView(bytes + which[i] * pixels.stride(0), pictureWidth, drawsIn(draws)[i], height, width,
              entries, target + i * input.stride(0));
  }
}

#ifdef MOCO_CUDA_KERNELS

cuda::Size sizeOf(const at::Tensor& input) {
  return {static_cast<int32_t>(input.size(2)), static_cast<int32_t>(input.size(3))};
}

cudaStream_t currentStream(const at::Device& device) {
  const auto* guard = c10::impl::getDeviceGuardImpl(device.type());
  return static_cast<cudaStream_t>(guard->getStream(device).native_handle());
}

template <class Entry>
void launchViews(const at::Tensor& pixels, const at::Tensor& pictures, const at::Tensor& draws,
                 const at::Tensor& table, const at::Tensor& input, bool bicubic) {
  const cuda::Pictures all{pixels.const_data_ptr<uint8_t>(), static_cast<int32_t>(pixels.size(1)),
                           static_cast<int32_t>(pixels.size(2))};
  cuda::makeViews(all, pictures.const_data_ptr<int64_t>(), drawsIn(draws), pictures.size(0),
                  sizeOf(input), bicubic, static_cast<const Entry*>(table.const_data_ptr()),
                  static_cast<Entry*>(input.mutable_data_ptr()), currentStream(pixels.device()));
}

template <class Entry>
void makeViewsOnGpu(const at::Tensor& pixels, const at::Tensor& pictures, const at::Tensor& draws,
                    const at::Tensor& table, const at::Tensor& input,
                    const ViewTransform& transform) {
  const c10::DeviceGuard guard(pixels.device());
  if (!transform.blursOrSolarises()) {
    launchViews<Entry>(pixels, pictures, draws, table, input, transform.bicubic);
    return;
  }
  // Blurs are made of whole views, which are bytes until then.
  const auto bytes = at::empty_like(input, at::kByte);
  const auto scratch = at::empty_like(bytes);
  launchViews<uint8_t>(pixels, pictures, draws, bytesThemselves(pixels.device()), bytes,
                       transform.bicubic);
  cuda::finishViews(bytes.mutable_data_ptr<uint8_t>(), scratch.mutable_data_ptr<uint8_t>(),
                    drawsIn(draws), pictures.size(0), sizeOf(input),
                    static_cast<const Entry*>(table.const_data_ptr()),
                    static_cast<Entry*>(input.mutable_data_ptr()), currentStream(pixels.device()));
}

#endif

using MakeViews = void (*)(const at::Tensor&, const at::Tensor&, const at::Tensor&,
                           const at::Tensor&, const at::Tensor&, const ViewTransform&);

/// What makes views of tables of entries of this type, on this device.
template <class Entry>
MakeViews makerOn(const at::Device& device) {
  if (device.is_cpu()) return makeViewsOnCpu<Entry>;
#ifdef MOCO_CUDA_KERNELS
  return makeViewsOnGpu<Entry>;
#else
  TORCH_CHECK(false, "there is no kernel that makes views");
#endif
}

MakeViews makerFor(const at::Device& device, at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return makerOn<float>(device);
    case at::kBFloat16:
      return makerOn<uint16_t>(device);
    case at::kByte:
      return makerOn<uint8_t>(device);
    default:
      TORCH_CHECK(false, "views cannot be made in ", type);
  }
}

}  // namespace

at::Tensor placeForViews(const at::Tensor& memory, int64_t count, int64_t size) {
  const auto place = memory.narrow(0, 0, count * size * size * kChannels);
  return place.view({count, size, size, kChannels}).permute({0, 3, 1, 2});
}

at::Tensor normalisedBytes(const Normalisation& normalisation, at::ScalarType dtype) {
  const auto bytes = at::arange(256).to(at::kByte).view({256, 1, 1, 1});
  const auto pixels = bytes.expand({256, 1, 1, kChannels});
  const Normalisation onCpu{normalisation.mean.cpu(), normalisation.std.cpu()};
  return normalise(pixels, onCpu, dtype).view({256, kChannels}).t().contiguous();
}

at::Tensor bytesThemselves(const at::Device& device) {
  const auto bytes = at::arange(256, at::device(device).dtype(at::kByte));
  return bytes.expand({kChannels, 256}).contiguous();
}

ViewParameters* drawsIn(const at::Tensor& draws) {
  return static_cast<ViewParameters*>(draws.mutable_data_ptr());
}

at::Tensor drawViews(const ViewsOfEpoch& which, const at::Tensor& pictures, int64_t height,
                     int64_t width) {
  const auto drawBytes = static_cast<int64_t>(sizeof(ViewParameters));
  const at::Tensor draws = at::empty({pictures.size(0), drawBytes}, at::kByte);
  const auto* numbers = pictures.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < pictures.size(0); ++i) {
    const ViewKey key{which.seed, which.epoch, numbers[i], which.view};
    drawsIn(draws)[i] = drawViewParameters(key, height, width, which.transform);
  }
  return draws;
}

void makeViews(const at::Tensor& pixels, const at::Tensor& pictures, const at::Tensor& draws,
               const at::Tensor& table, const at::Tensor& input, const ViewTransform& transform) {
  TORCH_CHECK(pixels.is_contiguous() && pictures.is_contiguous() && draws.is_contiguous() &&
                  table.is_contiguous() && input.is_contiguous(at::MemoryFormat::ChannelsLast),
              "views are made of contiguous tensors, into one that is channels last");
  TORCH_CHECK(input.size(0) == pictures.size(0) && input.size(1) == kChannels &&
                  input.scalar_type() == table.scalar_type(),
              "no place for ", pictures.size(0), " views: ", input.sizes());
  const auto make = makerFor(pixels.device(), table.scalar_type());
  make(pixels, pictures, draws, table, input, transform);
}

}  // namespace moco
