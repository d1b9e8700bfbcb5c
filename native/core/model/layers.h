#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/model/named_tensors.h"
#include "core/ops/batch_norm.h"

namespace moco {

/// How a parameter is drawn at the start.
struct Initialisation {
  enum class Kind { kConstant, kUniform, kNormal };
  Kind kind;
  double scale;  // the constant, the bound, or the standard deviation
};

/// One entry of the state dict, in the order in which PyTorch lists it.
struct StateEntry {
  enum class Kind { kParameter, kBuffer, kBatchesTracked };
  Kind kind;
  size_t index;  // among the parameters or the buffers
  std::string name;
};

/// What a network consists of, written down by its layers as they are planned; the tensors are made
/// from it afterwards, in one piece.
struct NetworkPlan {
  std::vector<TensorSpec> parameters;
  std::vector<Initialisation> initialisations;  // one per parameter
  std::vector<bool> lowPrecision;  // per parameter: computes in bf16 where bf16 is used
  std::vector<TensorSpec> buffers;
  std::vector<StateEntry> state;

  size_t addParameter(const std::string& name, std::vector<int64_t> shape, Initialisation init,
                      bool lowPrecision);
  size_t addBuffer(const std::string& name, std::vector<int64_t> shape);
  void addBatchesTracked(const std::string& name);

  /// Name and shape of every entry of the state dict, in its order.
  std::vector<TensorSpec> layout() const;
};

/// What a layer computes with: the network's weights (indexed as planned), its BatchNorm
/// statistics, whether BatchNorm takes the batch's statistics and moves the running ones, and in
/// how many groups of the batch then.
struct Pass {
  const std::vector<at::Tensor>& weights;
  const NamedTensors& buffers;
  bool training;
  int64_t batchNormGroups = 1;
};

/// Convolution without bias.
struct Convolution {
  size_t weight;  // (out, in, k, k)
  int64_t stride, padding;

  at::Tensor operator()(const Pass& pass, const at::Tensor& x) const;
};

/// BatchNorm over all dimensions but the channels (eps 1e-5, momentum 0.1).
struct BatchNorm {
  size_t weight, bias;             // (channels)
  size_t runningMean, runningVar;  // (channels)

  /// y = scale · x + shift, each (channels).
  struct Affine {
    at::Tensor scale, shift;
  };
  /// What the layer computes in evaluation mode.
  Affine affine(const Pass& pass) const;

  at::Tensor operator()(const Pass& pass, const at::Tensor& x) const;
  at::Tensor relu(const Pass& pass, const at::Tensor& x) const;
  /// relu(norm(x) + residual).
  at::Tensor addRelu(const Pass& pass, const at::Tensor& x, const at::Tensor& residual) const;

 private:
  BatchNormState state(const Pass& pass) const;
};

/// y = x Wᵀ + b.
struct Linear {
  size_t weight;  // (out, in)
  std::optional<size_t> bias;

  at::Tensor operator()(const Pass& pass, const at::Tensor& x) const;
};

Convolution planConvolution(NetworkPlan& plan, const std::string& name, int64_t in, int64_t out,
                            int64_t kernel, int64_t stride, int64_t padding, Initialisation init);
/// torchvision's initialisation of a ResNet's convolutions: Kaiming-normal, fan-out, gain of ReLU
/// (He et al. 2015, eq. 14).
Initialisation kaimingNormalFanOut(int64_t out, int64_t kernel);
/// PyTorch's default for Conv2d and Linear: uniform in ±1/√fan-in.
Initialisation uniformFanIn(int64_t fanIn);
BatchNorm planBatchNorm(NetworkPlan& plan, const std::string& name, int64_t channels);
Linear planLinear(NetworkPlan& plan, const std::string& name, int64_t in, int64_t out, bool bias);

}  // namespace moco
