#include "support/formula.h"

#include <ATen/core/grad_mode.h>

#include <cmath>
#include <utility>

#include "core/input/image_store.h"

namespace moco::formula {
namespace {

/// A pseudo-random word: PCG's output function RXS-M-XS, applied to a counter.
uint32_t wordAt(uint32_t index, uint32_t seed) {
  const uint32_t state = index * 747796405u + seed;
  const uint32_t word = ((state >> ((state >> 28) + 4)) ^ state) * 277803737u;
  return (word >> 22) ^ word;
}

bool endsWith(const std::string& text, const std::string& end) {
  return text.size() > end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// The range of a parameter's numbers, as in test/parity/training_cases.py.
/// @param follows  whether it follows a linear layer's weight, as that layer's bias does
std::pair<double, double> rangeOf(const std::string& name, at::IntArrayRef shape, bool follows) {
  if (shape.size() == 4) {
    const double bound = std::sqrt(6.0 / static_cast<double>(shape[0] * shape[2] * shape[3]));
    return {-bound, bound};
  }
  if (shape.size() == 2) {
    const double bound = std::sqrt(3.0 / static_cast<double>(shape[1]));
    return {-bound, bound};
  }
  if (endsWith(name, ".weight")) return {0.5, 1.5};
  return follows ? std::pair{-0.1, 0.1} : std::pair{-0.2, 0.2};
}

}  // namespace

uint32_t hashOf(const std::string& name) {
  uint32_t value = 2166136261u;
  for (const char c : name) value = (value ^ static_cast<uint8_t>(c)) * 16777619u;
  return value;
}

at::Tensor uniform(const std::string& name, at::IntArrayRef shape, double low, double high) {
  at::Tensor tensor = at::empty(shape, at::kFloat);
  auto* values = tensor.mutable_data_ptr<float>();
  const uint32_t seed = hashOf(name);
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    const double unit = (wordAt(static_cast<uint32_t>(i), seed) >> 8) * 0x1.0p-24;
    values[i] = static_cast<float>(low + (high - low) * unit);
  }
  return tensor;
}

at::Tensor bytes(const std::string& name, at::IntArrayRef shape) {
  at::Tensor tensor = at::empty(shape, at::kByte);
  auto* values = tensor.mutable_data_ptr<uint8_t>();
  const uint32_t seed = hashOf(name);
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    values[i] = static_cast<uint8_t>(wordAt(static_cast<uint32_t>(i), seed) >> 24);
  }
  return tensor;
}

at::Tensor pictures(const std::string& name, int64_t batch, at::ScalarType dtype, int64_t size) {
  const Normalisation cifar10{at::tensor({.4914f, .4822f, .4465f}),
                              at::tensor({.2023f, .1994f, .2010f})};
  return normalise(bytes(name, {batch, size, size, 3}), cifar10, dtype);
}

void fill(Encoder& encoder, const std::string& prefix) {
  const at::NoGradGuard noGrad;
  const auto& parameters = encoder.parameters();
  for (size_t i = 0; i < parameters.size(); ++i) {
    const auto& shape = parameters[i].sizes();
    const bool follows = i > 0 && parameters[i - 1].dim() == 2;
    const auto [low, high] = rangeOf(parameters.name(i), shape, follows);
    parameters[i].copy_(uniform(prefix + parameters.name(i), shape, low, high));
  }
  const auto& statistics = encoder.statistics();
  for (size_t i = 0; i < statistics.size(); ++i) {
    const bool mean = statistics.name(i).find("running_mean") != std::string::npos;
    statistics[i].copy_(uniform(prefix + statistics.name(i), statistics[i].sizes(),
                                mean ? -0.1 : 0.5, mean ? 0.1 : 1.5));
  }
  encoder.refreshWeights();
}

double probe(const std::string& name, const at::Tensor& values) {
  const auto direction = uniform("probe." + name, values.sizes(), -1, 1).to(at::kDouble);
  return direction.mul(values.to(at::kDouble)).sum().item<double>();
}

}  // namespace moco::formula
