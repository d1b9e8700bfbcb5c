#include "core/model/folded_convolution.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>

#include <array>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>

#include "core/base/failure.h"
#include "core/device/cpu_kernels.h"
#include "core/device/device.h"
#include "core/ops/channels_last.h"

namespace moco {
namespace {

constexpr std::array<int64_t, 2> kDilation{1, 1};
constexpr int64_t kGroups = 1;

using OptionalScalars = c10::List<std::optional<at::Scalar>>;

// PyTorch registers oneDNN's fused convolutions for its compiler, and has no C++ function for them.
constexpr const char* kFused = "mkldnn::_convolution_pointwise";
constexpr const char* kFusedInPlace = "mkldnn::_convolution_pointwise_";

std::optional<c10::OperatorHandle> find(const char* name, const char* overload) {
  return c10::Dispatcher::singleton().findSchema({name, overload});
}

at::Tensor fusedConvolution(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                            int64_t padding, int64_t stride, std::string_view activation) {
  using Signature =
      at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                 at::IntArrayRef, at::IntArrayRef, at::IntArrayRef, int64_t, std::string_view,
                 OptionalScalars, std::optional<std::string_view>);
  const auto operation = find(kFused, "")->typed<Signature>();
  return operation.call(x, weight, bias, {padding, padding}, {stride, stride}, kDilation, kGroups,
                        activation, OptionalScalars(), {});
}

/// Computes relu(sum + convolution(x)) in place, in `sum`.
at::Tensor& fusedConvolutionAddRelu(at::Tensor& sum, const at::Tensor& x, const at::Tensor& weight,
                                    const at::Tensor& bias, int64_t padding, int64_t stride) {
  using Signature = at::Tensor&(at::Tensor&, const at::Tensor&, const at::Tensor&,
                                const std::optional<at::Tensor>&, at::IntArrayRef, at::IntArrayRef,
                                at::IntArrayRef, int64_t, std::string_view,
                                std::optional<at::Scalar>, std::optional<std::string_view>,
                                OptionalScalars, std::optional<std::string_view>);
  const auto operation = find(kFusedInPlace, "binary")->typed<Signature>();
  return operation.call(sum, x, weight, bias, {padding, padding}, {stride, stride}, kDilation,
                        kGroups, "add", at::Scalar(1), "relu", OptionalScalars(), {});
}

}  // namespace

ConvolutionKernels fastestKernels(const at::TensorOptions& options) {
  const auto type = options.dtype().toScalarType();
  const bool isForOwn = type == at::kFloat || type == at::kBFloat16;
  if (options.device().is_cpu() && useCpuKernels() && isForOwn) return ConvolutionKernels::kOwn;
  const bool inOneDnn = options.device().is_cpu() && at::globalContext().hasMKLDNN() &&
                        at::globalContext().userEnabledMkldnn() &&
                        (type == at::kFloat || (type == at::kBFloat16 && cpuHasBf16()));
  if (inOneDnn && find(kFused, "") && find(kFusedInPlace, "binary")) {
    return ConvolutionKernels::kOneDnn;
  }
  // cuDNN's fused convolutions do not keep to deterministic algorithms where those are asked for.
  if (options.device().is_cuda() && at::globalContext().hasCuDNN() &&
      at::globalContext().userEnabledCuDNN() && !at::globalContext().deterministicCuDNN() &&
      (type == at::kFloat || type == at::kBFloat16)) {
    return ConvolutionKernels::kCudnn;
  }
  return ConvolutionKernels::kPlain;
}

FoldedConvolution::FoldedConvolution(const Convolution& convolution, const BatchNorm& norm,
                                     const Pass& masters, at::ScalarType compute)
    : convolution_(convolution),
      norm_(norm),
      weight_(at::empty_like(masters.weights[convolution.weight], compute)),
      bias_(at::empty_like(masters.weights[norm.bias], compute)) {
  refold(masters);
}

void FoldedConvolution::refold(const Pass& masters) {
  const at::NoGradGuard noGrad;
  const auto [scale, shift] = norm_.affine(masters);
  const auto weight = masters.weights[convolution_.weight] * scale.view({-1, 1, 1, 1});
  weight_.copy_(weight);
  bias_.copy_(shift);
  const auto type = weight_.scalar_type();
  if (own_) {
    own_->repack(weight.to(at::kFloat), shift.to(at::kFloat));
  } else if (fastestKernels(weight_.options()) == ConvolutionKernels::kOwn &&
             FusedConvolution::isPossible(weight_, type)) {
    own_.emplace(weight.to(at::kFloat), shift.to(at::kFloat), type, convolution_.stride,
                 convolution_.padding);
  }
}

at::Tensor FoldedConvolution::own(const at::Tensor& x, const at::Tensor& addend, bool relu) const {
  const auto y = emptyResult(x);
  (*own_)(channelsLast(x), addend, relu, y);
  return y;
}

at::Tensor FoldedConvolution::emptyResult(const at::Tensor& x) const {
  return at::empty(outputShape(x), x.options().memory_format(at::MemoryFormat::ChannelsLast));
}

void FoldedConvolution::ownTo(const at::Tensor& x, const at::Tensor& y) const {
  if (!own_) {
    y.copy_(plain(x));
    return;
  }
  (*own_)(channelsLast(x), {}, /*relu=*/false, y);
}

void FoldedConvolution::ownAddReluTo(const at::Tensor& x, const at::Tensor& y) const {
  if (!own_) {
    y.add_(plain(x)).relu_();
    return;
  }
  (*own_)(channelsLast(x), y, /*relu=*/true, y);
}

at::Tensor FoldedConvolution::operator()(const at::Tensor& x, ConvolutionKernels kernels) const {
  if (kernels == ConvolutionKernels::kOwn && own_) return own(x, {}, /*relu=*/false);
  if (kernels == ConvolutionKernels::kOneDnn) {
    return fusedConvolution(x, weight_, bias_, convolution_.padding, convolution_.stride, "none");
  }
  return plain(x);
}

at::Tensor FoldedConvolution::relu(const at::Tensor& x, ConvolutionKernels kernels,
                                   SharedZeros& zeros) const {
  if (kernels == ConvolutionKernels::kOwn && own_) return own(x, {}, /*relu=*/true);
  if (kernels == ConvolutionKernels::kOneDnn) {
    return fusedConvolution(x, weight_, bias_, convolution_.padding, convolution_.stride, "relu");
  }
  if (kernels == ConvolutionKernels::kCudnn && !fallback_) {
    // PyTorch's `cudnn_convolution_relu` adds its result, before that is written, with the factor
    // 0. An engine of cuDNN that carries this out would let NaN in that memory into the result.
    const auto nothing = zeros.channelsLast(outputShape(x), x.options());
    if (const auto y = cudnnAddRelu(x, nothing, /*factor=*/0)) return *y;
  }
  return plain(x).relu_();
}

at::Tensor FoldedConvolution::addRelu(const at::Tensor& x, at::Tensor shortcut,
                                      ConvolutionKernels kernels) const {
  if (kernels == ConvolutionKernels::kOwn && own_) {
    return own(x, channelsLast(shortcut), /*relu=*/true);
  }
  if (kernels == ConvolutionKernels::kCudnn) {
    if (const auto y = cudnnAddRelu(x, shortcut, /*factor=*/1)) return *y;
  }
  // A tensor with one channel, or of feature maps of one pixel, is contiguous and channels last at
  // once. PyTorch calls oneDNN's addition wrongly for those: in bf16 it fails.
  const bool isUnambiguous = x.suggest_memory_format() == at::MemoryFormat::ChannelsLast;
  if (kernels == ConvolutionKernels::kOneDnn && isUnambiguous) {
    return fusedConvolutionAddRelu(shortcut, x, weight_, bias_, convolution_.padding,
                                   convolution_.stride);
  }
  return plain(x).add_(shortcut).relu_();
}

std::optional<at::Tensor> FoldedConvolution::cudnnAddRelu(const at::Tensor& x,
                                                          const at::Tensor& addend,
                                                          double factor) const {
  if (fallback_) return {};
  const std::array<int64_t, 2> stride{convolution_.stride, convolution_.stride};
  const std::array<int64_t, 2> padding{convolution_.padding, convolution_.padding};
  try {
    return at::cudnn_convolution_add_relu(x, weight_, addend, factor, bias_, stride, padding,
                                          kDilation, kGroups);
  } catch (const c10::OutOfMemoryError&) {
    throw;
  } catch (const std::exception&) {
    // cuDNN has no kernel for this type, shape and GPU, which it reports with exceptions of its
    // own. If this is another error, the plain operators will fail with it, too.
    fallback_ = describe(std::current_exception()).message;
    return {};
  }
}

std::vector<int64_t> FoldedConvolution::outputShape(const at::Tensor& x) const {
  const auto positions = [&](int64_t side) {
    return (side + 2 * convolution_.padding - weight_.size(2)) / convolution_.stride + 1;
  };
  return {x.size(0), weight_.size(0), positions(x.size(2)), positions(x.size(3))};
}

at::Tensor FoldedConvolution::isFinite() const {
  // A sum is finite only if everything that it adds up is finite.
  return at::isfinite(weight_.sum() + bias_.sum());
}

at::Tensor FoldedConvolution::plain(const at::Tensor& x) const {
  return at::conv2d(x, weight_, bias_, convolution_.stride, convolution_.padding);
}

}  // namespace moco
