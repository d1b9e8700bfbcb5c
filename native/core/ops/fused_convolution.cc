#include "core/ops/fused_convolution.h"

#include <ATen/record_function.h>

#include <type_traits>

#include "core/ops/fused_convolution_kernels.h"
#include "core/ops/fused_tiles_kernels.h"
#include "core/ops/fused_winograd_transforms.h"

namespace moco {
namespace {

using kernels::fused_convolution::kPanel;

bool hasKernels(at::ScalarType activations) {
  using kernels::fused_convolution::kernels;
  if (activations == at::kFloat) return kernels<float>() != nullptr;
  return activations == at::kBFloat16 && kernels<c10::BFloat16>() != nullptr;
}

/// Whether products are computed in the tiles of AMX.
bool usesTiles(at::ScalarType activations) {
  return activations == at::kBFloat16 && kernels::fused_tiles::kernels() != nullptr;
}

bool mayUseWinograd(at::ScalarType activations, int64_t kernel, int64_t stride) {
  return kernel == 3 && stride <= 2 && !usesTiles(activations);
}

}  // namespace

bool FusedConvolution::isPossible(const at::Tensor& weight, at::ScalarType activations) {
  return weight.is_cpu() && hasKernels(activations) && weight.size(0) % kPanel == 0;
}

int64_t FusedConvolution::packedBytes(int64_t weights, int64_t kernel, int64_t stride,
                                      at::ScalarType activations) {
  const int64_t each = activations == at::kFloat ? 4 : 2;
  return mayUseWinograd(activations, kernel, stride) ? weights / 9 * fused_winograd::kWeights * each
                                                     : weights * each;
}

FusedConvolution::FusedConvolution(const at::Tensor& weight, const at::Tensor& bias,
                                   at::ScalarType activations, int64_t stride, int64_t padding)
    : activations_(activations),
      out_(weight.size(0)),
      in_(weight.size(1)),
      kernel_(weight.size(2)),
      stride_(stride),
      padding_(padding),
      weight_(pack(weight)),
      bias_(bias.clone()) {}

void FusedConvolution::repack(const at::Tensor& weight, const at::Tensor& bias) {
  const auto packed = pack(weight);
  weight_.numbers.copy_(packed.numbers);
  if (packed.scales.defined()) weight_.scales.copy_(packed.scales);
  bias_.copy_(bias);
}

bool FusedConvolution::usesWinograd() const {
  return mayUseWinograd(activations_, kernel_, stride_) && padding_ == 1 && in_ % kPanel == 0;
}

fused::PackedWeight FusedConvolution::pack(const at::Tensor& weight) const {
  if (usesTiles(activations_)) return fused::packedForTiles(weight);
  return usesWinograd() ? fused::transformed(weight, activations_, stride_)
                        : fused::packed(weight, activations_);
}

template <typename T>
void FusedConvolution::compute(const at::Tensor& x, const at::Tensor& addend, bool relu,
                               const at::Tensor& y) const {
  const auto& [numbers, scales] = weight_;
  const fused::Call<T> call{.shape = {.pictures = x.size(0),
                                      .height = x.size(2),
                                      .width = x.size(3),
                                      .in = in_,
                                      .out = out_,
                                      .kernel = kernel_,
                                      .stride = stride_,
                                      .padding = padding_},
                            .x = x.const_data_ptr<T>(),
                            .weight = numbers.const_data_ptr(),
                            .scales = scales.defined() ? scales.const_data_ptr<float>() : nullptr,
                            .bias = bias_.const_data_ptr<float>(),
                            .addend = addend.defined() ? addend.const_data_ptr<T>() : nullptr,
                            .relu = relu,
                            .y = y.data_ptr<T>()};
  if constexpr (std::is_same_v<T, c10::BFloat16>) {
    if (usesTiles(activations_)) return fused::convolveInTiles(call);
  }
  usesWinograd() ? fused::convolveByWinograd(call) : fused::convolve(call);
}

void FusedConvolution::operator()(const at::Tensor& x, const at::Tensor& addend, bool relu,
                                  const at::Tensor& y) const {
  RECORD_FUNCTION("moco::fused_convolution", {});
  activations_ == at::kFloat ? compute<float>(x, addend, relu, y)
                             : compute<c10::BFloat16>(x, addend, relu, y);
}

}  // namespace moco
