#include "core/evaluate/linear_probes.h"

#include <ATen/core/grad_mode.h>

#include <cmath>
#include <string>

#include "core/base/error.h"
#include "core/base/random.h"

namespace moco {
namespace {

/// Loss and hits of each probe.
/// @param logProbabilities  (probes, B, classes)
/// @param labels            (B) int64
std::vector<LinearTally> tallyOf(const at::Tensor& logProbabilities, const at::Tensor& labels) {
  const int64_t probes = logProbabilities.size(0);
  const int64_t pictures = logProbabilities.size(1);
  const auto target = labels.view({1, pictures, 1}).expand({probes, pictures, 1});
  const auto losses = -logProbabilities.gather(2, target).mean({1, 2}, /*keepdim=*/true);
  const auto best = bestClasses(logProbabilities);
  const auto correct = hitsOf(best, labels.expand({probes, pictures})).sum(1);
  // One transfer for all numbers, because every transfer waits for the device.
  const auto numbers = at::cat({losses.squeeze(2).to(at::kDouble), correct.to(at::kDouble)}, 1)
                           .to(at::kCPU);  // (probes, 3)
  std::vector<LinearTally> tallies;
  for (int64_t probe = 0; probe < probes; ++probe) {
    const double* row = numbers.const_data_ptr<double>() + 3 * probe;
    if (!std::isfinite(row[0])) {
      throw Error("ERR_MOCO_NON_FINITE", "the loss is " + std::to_string(row[0]),
                  "Lower the learning rate, or check the model: its features may not be finite.");
    }
    tallies.push_back({row[0] * static_cast<double>(pictures), static_cast<int64_t>(row[1]),
                       static_cast<int64_t>(row[2]), pictures});
  }
  return tallies;
}

}  // namespace

LinearProbes::LinearProbes(int64_t features, int64_t classes, const std::vector<AdamOptions>& adam,
                           uint64_t seed, const at::TensorOptions& options) {
  const auto probes = static_cast<int64_t>(adam.size());
  const double bound = 1.0 / std::sqrt(static_cast<double>(features));
  auto generator = torchGenerator(seed, Purpose::kClassifier);
  const auto drawn = [&](at::IntArrayRef shape) {
    return at::empty(shape, at::kFloat).uniform_(-bound, bound, generator).to(options);
  };
  weight_ = drawn({classes, features}).repeat({probes, 1, 1});
  bias_ = drawn({classes}).repeat({probes, 1});
  for (int64_t probe = 0; probe < probes; ++probe) {
    weightAdam_.emplace_back(weight_[probe], adam[probe]);
    biasAdam_.emplace_back(bias_[probe], adam[probe]);
  }
}

std::vector<LinearTally> LinearProbes::step(const at::Tensor& features, const at::Tensor& labels) {
  const at::NoGradGuard noGrad;
  const auto logProbabilities = logits(features).log_softmax(2);
  auto tallies = tallyOf(logProbabilities, labels);

  // The gradient of the mean cross-entropy by the logits: (softmax − one-hot) / B.
  const auto classes = at::arange(weight_.size(1), labels.options());
  const auto oneHot = labels.unsqueeze(1).eq(classes).to(features.scalar_type());  // (B, classes)
  const auto errors = logProbabilities.exp().sub_(oneHot).div_(labels.size(0));
  const auto byWeight = errors.transpose(1, 2).matmul(features);  // (probes, classes, C)
  const auto byBias = errors.sum(1);                              // (probes, classes)
  for (size_t probe = 0; probe < weightAdam_.size(); ++probe) {
    const auto row = static_cast<int64_t>(probe);
    weightAdam_[probe].step(byWeight[row]);
    biasAdam_[probe].step(byBias[row]);
  }
  return tallies;
}

std::vector<LinearTally> LinearProbes::measure(const at::Tensor& features,
                                               const at::Tensor& labels) const {
  const at::NoGradGuard noGrad;
  return tallyOf(logits(features).log_softmax(2), labels);
}

at::Tensor LinearProbes::logits(const at::Tensor& features) const {
  const auto side =
      at::linear(features, weight_.flatten(0, 1), bias_.flatten());  // (B, probes · classes)
  return side.view({features.size(0), weight_.size(0), weight_.size(1)}).transpose(0, 1);
}

}  // namespace moco
