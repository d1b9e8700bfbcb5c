#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/model/named_tensors.h"
#include "core/ops/batch_norm.h"

namespace moco {

/// How a parameter is initialised.
struct Initialisation {
  enum class Kind { kConstant, kUniform, kNormal };
  Kind kind;
  double scale;  // the constant, the bound, or the standard deviation
};

/// One entry of the state dict, in the order in which PyTorch lists it.
struct StateEntry {
  enum class Kind { kParameter, kBuffer, kBatchesTracked };
  Kind kind;
  size_t index;  // among the plan's parameters or buffers
  std::string name;
};

/// What a network consists of. Every layer adds its parameters and buffers when it is planned;
/// afterwards all tensors are made at once, in one buffer (`NamedTensors`).
struct NetworkPlan {
  std::vector<TensorSpec> parameters;
  std::vector<Initialisation> initialisations;  // one per parameter
  std::vector<bool> lowPrecision;  // per parameter: whether its layer uses it in the compute type
  std::vector<TensorSpec> buffers;
  std::vector<TensorSpec> counters;  // for BatchNorm's kernels on a GPU
  std::vector<StateEntry> state;

  /// @return  the parameter's index, by which its layer finds it in `Pass::weights`
  size_t addParameter(const std::string& name, std::vector<int64_t> shape, Initialisation init,
                      bool lowPrecision);
  /// @return  the buffer's index, by which its layer finds it in `Pass::buffers`
  size_t addBuffer(const std::string& name, std::vector<int64_t> shape);
  /// Adds BatchNorm's counter of batches. It only stands in the state dict, not in the buffers.
  void addBatchesTracked(const std::string& name);

  /// Name and shape of every entry of the state dict, in its order.
  std::vector<TensorSpec> layout() const;
};

/// What the layers compute with in one forward pass.
struct Pass {
  const std::vector<at::Tensor>& weights;  // of the whole network, in the plan's order
  const NamedTensors& buffers;             // BatchNorm's running statistics, in the plan's order
  bool training;  // BatchNorm normalises with the batch's statistics and moves the running ones
  int64_t batchNormGroups = 1;  // parts of the batch that BatchNorm normalises separately then
  /// The plan's counters, all zero before a pass and after it; null: each layer makes its own.
  const NamedTensors* counters = nullptr;
  bool pointwiseBatchNorm = false;  // BatchNorm by algebra where it fits (pointwise_batch_norm.h)
};

/// Convolution without bias.
struct Convolution {
  size_t weight;  // index in `Pass::weights` of the weight (out, in, k, k)
  int64_t stride, padding;

  /// @param x  (B, in, H, W), channels last
  at::Tensor operator()(const Pass& pass, const at::Tensor& x) const;
};

/// BatchNorm over all dimensions but the channels (eps 1e-5, momentum 0.1).
struct BatchNorm {
  size_t weight, bias;             // indices in `Pass::weights`, of (C)
  size_t runningMean, runningVar;  // indices in `Pass::buffers`, of (C)
  size_t counters;                 // index in `Pass::counters`

  /// y = scale · x + shift, both (C).
  struct Affine {
    at::Tensor scale, shift;
  };
  /// What the layer computes in evaluation mode.
  Affine affine(const Pass& pass) const;
  /// What the layer computes with.
  BatchNormState state(const Pass& pass) const;

  /// norm(x).
  /// @param x  (B, C) or (B, C, H, W)
  at::Tensor operator()(const Pass& pass, const at::Tensor& x) const;
  /// relu(norm(x)).
  /// @param x  (B, C) or (B, C, H, W)
  at::Tensor relu(const Pass& pass, const at::Tensor& x) const;
};

/// BatchNorm without weight and bias, over all dimensions but the channels.
struct PlainBatchNorm {
  size_t runningMean, runningVar;  // indices in `Pass::buffers`, of (C)
  size_t counters;                 // index in `Pass::counters`

  /// @param x  (B, C)
  at::Tensor operator()(const Pass& pass, const at::Tensor& x) const;
};

/// y = x Wᵀ + b.
struct Linear {
  size_t weight;               // index in `Pass::weights` of W (out, in)
  std::optional<size_t> bias;  // index in `Pass::weights` of b (out)

  /// @param x  (B, in)
  at::Tensor operator()(const Pass& pass, const at::Tensor& x) const;
};

/// Adds a convolution's weight to the plan, as `<name>.weight`.
Convolution planConvolution(NetworkPlan& plan, const std::string& name, int64_t in, int64_t out,
                            int64_t kernel, int64_t stride, int64_t padding, Initialisation init);
/// torchvision's initialisation of a ResNet's convolutions: Kaiming-normal, fan-out, gain of ReLU
/// (He et al. 2015, eq. 14).
Initialisation kaimingNormalFanOut(int64_t out, int64_t kernel);
/// PyTorch's default for Conv2d and Linear: uniform in ±1/√fan-in.
Initialisation uniformFanIn(int64_t fanIn);
/// Adds a BatchNorm's parameters and statistics to the plan, under PyTorch's names.
BatchNorm planBatchNorm(NetworkPlan& plan, const std::string& name, int64_t channels);
/// Adds a plain BatchNorm's statistics to the plan, under PyTorch's names.
PlainBatchNorm planPlainBatchNorm(NetworkPlan& plan, const std::string& name, int64_t channels);
/// Adds a linear layer's `<name>.weight` and, if asked for, `<name>.bias` to the plan.
Linear planLinear(NetworkPlan& plan, const std::string& name, int64_t in, int64_t out, bool bias);

}  // namespace moco
