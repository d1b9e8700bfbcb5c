#include "core/evaluate/linear_sweep.h"

#include <ATen/core/grad_mode.h>

#include "core/base/random.h"
#include "core/base/stop.h"
#include "core/evaluate/linear_probes.h"

namespace moco {
namespace {

/// The features and labels of a whole store, in its order.
struct CachedFeatures {
  at::Tensor features;  // (N, C)
  at::Tensor labels;    // (N)
};

CachedFeatures cache(FrozenBackbone& backbone, const ImageStore& store,
                     const std::atomic<bool>& stop) {
  CachedFeatures cached;
  int64_t count = 0;
  backbone.eachChunk(store, stop, [&](const at::Tensor& features, const at::Tensor& labels) {
    if (count == 0) {
      cached.features = features.new_empty({store.count(), features.size(1)});
      cached.labels = labels.new_empty({store.count()});
    }
    cached.features.narrow(0, count, features.size(0)).copy_(features);
    cached.labels.narrow(0, count, labels.size(0)).copy_(labels);
    count += labels.size(0);
  });
  return cached;
}

void trainEpoch(LinearProbes& probes, const CachedFeatures& train, int64_t batchSize, uint64_t seed,
                int64_t epoch, const std::atomic<bool>& stop) {
  const auto shuffled =
      at::tensor(shuffledIndices(train.labels.size(0), seed, static_cast<uint32_t>(epoch)));
  for (const auto& batch : shuffled.to(train.labels.device()).split(batchSize)) {
    requireNotStopped(stop);
    probes.step(train.features.index_select(0, batch), train.labels.index_select(0, batch));
  }
}

/// Loss and accuracy of each probe.
std::vector<LinearMetrics> measure(const LinearProbes& probes, const CachedFeatures& data,
                                   int64_t batchSize) {
  std::vector<LinearTally> totals(probes.weight().size(0));
  const auto labels = data.labels.split(batchSize);
  const auto features = data.features.split(batchSize);
  for (size_t batch = 0; batch < labels.size(); ++batch) {
    const auto tallies = probes.measure(features[batch], labels[batch]);
    for (size_t probe = 0; probe < totals.size(); ++probe) totals[probe] += tallies[probe];
  }
  std::vector<LinearMetrics> metrics;
  metrics.reserve(totals.size());
  for (const auto& total : totals) metrics.push_back(total.means());
  return metrics;
}

}  // namespace

std::vector<SweepResult> sweepLinear(FrozenBackbone& backbone, const ImageStore& train,
                                     const ImageStore* validation, const ImageStore& test,
                                     const SweepSettings& settings, uint64_t seed,
                                     const std::atomic<bool>& stop) {
  const at::NoGradGuard noGrad;
  const CachedFeatures cached = cache(backbone, train, stop);
  std::vector<AdamOptions> adam;
  adam.reserve(settings.learningRates.size());
  for (const double rate : settings.learningRates) {
    adam.push_back({.learningRate = rate, .weightDecay = settings.weightDecay});
  }
  LinearProbes probes(cached.features.size(1), train.classes, adam, seed,
                      cached.features.options());
  for (int64_t epoch = 1; epoch <= settings.epochs; ++epoch) {
    trainEpoch(probes, cached, settings.batchSize, seed, epoch, stop);
  }
  const auto measured = [&](const CachedFeatures& data) {
    return measure(probes, data, settings.batchSize);
  };
  const auto onTrain = measured(cached);
  const auto onTest = measured(cache(backbone, test, stop));
  std::vector<LinearMetrics> onValidation;
  if (validation) onValidation = measured(cache(backbone, *validation, stop));
  std::vector<SweepResult> results;
  for (size_t probe = 0; probe < adam.size(); ++probe) {
    results.push_back({adam[probe].learningRate, onTrain[probe], {}, onTest[probe]});
    if (validation) results.back().validation = onValidation[probe];
  }
  return results;
}

}  // namespace moco
