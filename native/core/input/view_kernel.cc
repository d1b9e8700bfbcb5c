#include "core/input/view_kernel.h"

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

// They are copied to the GPU as they are.
static_assert(std::is_trivially_copyable_v<ViewParameters>);

constexpr int64_t kChannels = 3;

void makeViewsPlainly(const at::Tensor& pixels, const at::Tensor& pictures, const at::Tensor& draws,
                      const at::Tensor& table, const at::Tensor& input) {
  const int64_t height = pixels.size(1);
  const int64_t width = pixels.size(2);
  const int64_t pictureBytes = height * width * kChannels;
  const auto views = at::empty({pictures.size(0), height, width, kChannels}, at::kByte);
  const auto* which = pictures.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < pictures.size(0); ++i) {
    applyView(pixels.const_data_ptr<uint8_t>() + which[i] * pictureBytes, height, width,
              drawsIn(draws)[i], views.mutable_data_ptr<uint8_t>() + i * pictureBytes);
  }
  for (int64_t channel = 0; channel < kChannels; ++channel) {
    input.select(1, channel).copy_(table[channel].take(views.select(3, channel).to(at::kLong)));
  }
}

#ifdef MOCO_CUDA_KERNELS

cudaStream_t currentStream(const at::Device& device) {
  const auto* guard = c10::impl::getDeviceGuardImpl(device.type());
  return static_cast<cudaStream_t>(guard->getStream(device).native_handle());
}

template <class Entry>
void launchViews(const at::Tensor& pixels, const at::Tensor& pictures, const at::Tensor& draws,
                 const at::Tensor& table, const at::Tensor& input) {
  const c10::DeviceGuard guard(pixels.device());
  const cuda::Pictures all{pixels.const_data_ptr<uint8_t>(), static_cast<int32_t>(pixels.size(1)),
                           static_cast<int32_t>(pixels.size(2))};
  cuda::makeViews(all, pictures.const_data_ptr<int64_t>(), drawsIn(draws), pictures.size(0),
                  static_cast<const Entry*>(table.const_data_ptr()),
                  static_cast<Entry*>(input.mutable_data_ptr()), currentStream(pixels.device()));
}

#endif

}  // namespace

at::Tensor normalisedBytes(const Normalisation& normalisation, at::ScalarType dtype) {
  const auto bytes = at::arange(256).to(at::kByte).view({256, 1, 1, 1});
  const auto pixels = bytes.expand({256, 1, 1, kChannels});
  const Normalisation onCpu{normalisation.mean.cpu(), normalisation.std.cpu()};
  return normalise(pixels, onCpu, dtype).view({256, kChannels}).t().contiguous();
}

at::Tensor emptyDraws(int64_t count) {
  return at::empty({count, static_cast<int64_t>(sizeof(ViewParameters))}, at::kByte);
}

ViewParameters* drawsIn(const at::Tensor& draws) {
  return static_cast<ViewParameters*>(draws.mutable_data_ptr());
}

void makeViews(const at::Tensor& pixels, const at::Tensor& pictures, const at::Tensor& draws,
               const at::Tensor& table, const at::Tensor& input) {
  TORCH_CHECK(pixels.is_contiguous() && pictures.is_contiguous() && draws.is_contiguous() &&
                  table.is_contiguous() && input.is_contiguous(at::MemoryFormat::ChannelsLast),
              "views are made of contiguous tensors, into one that is channels last");
  TORCH_CHECK(input.sizes().equals({pictures.size(0), kChannels, pixels.size(1), pixels.size(2)}) &&
                  input.scalar_type() == table.scalar_type(),
              "no place for ", pictures.size(0), " views: ", input.sizes());
  if (pixels.is_cpu()) return makeViewsPlainly(pixels, pictures, draws, table, input);
#ifdef MOCO_CUDA_KERNELS
  const bool wide = table.scalar_type() == at::kFloat;
  const auto launch = wide ? launchViews<float> : launchViews<uint16_t>;
  launch(pixels, pictures, draws, table, input);
#else
  TORCH_CHECK(false, "there is no kernel that makes views");
#endif
}

}  // namespace moco
