#include "core/contrast/moco.h"

#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>
#include <torch/csrc/autograd/autograd.h>

#include <array>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/contrast/compare_views.h"
#include "core/contrast/encode_views.h"
#include "core/device/profiler.h"
#include "core/model/statistics_guard.h"

namespace moco {
namespace {

void requireFinite(const StepResult& result) {
  if (std::isfinite(result.loss) && std::isfinite(result.gradientNorm)) return;
  const bool loss = !std::isfinite(result.loss);
  throw Error("ERR_MOCO_NON_FINITE",
              std::string(loss ? "the loss is " : "the norm of the gradient is ") +
                  std::to_string(loss ? result.loss : result.gradientNorm),
              "Lower the learning rate, raise the temperature, or train in fp32.");
}

/// Copies all tensors of one type at once: PyTorch copies lists of several types one tensor at a
/// time.
void copyByType(const std::vector<at::Tensor>& to, const std::vector<at::Tensor>& from) {
  std::map<at::ScalarType, std::array<std::vector<at::Tensor>, 2>> groups;
  for (size_t i = 0; i < from.size(); ++i) {
    auto& [targets, sources] = groups[from[i].scalar_type()];
    targets.push_back(to[i]);
    sources.push_back(from[i]);
  }
  for (const auto& [type, group] : groups) at::_foreach_copy_(group[0], group[1]);
}

/// A `StepResult` in one tensor: (3), on the device.
at::Tensor pack(const LossValue& value, const at::Tensor& gradientNorm) {
  return at::stack({value.loss.detach(), value.accuracy, gradientNorm});
}

/// Waits for the device, once for all numbers.
StepResult unpack(const at::Tensor& result) {
  const auto onHost = result.to(at::kCPU, at::kDouble);
  const double* numbers = onHost.const_data_ptr<double>();
  return {.loss = numbers[0], .accuracy = numbers[1], .gradientNorm = numbers[2]};
}

bool isShared(const std::string& keyEncoder) {
  if (keyEncoder == "shared") return true;
  if (keyEncoder == "momentum") return false;
  throw Error("ERR_MOCO_CONFIG", "keyEncoder: there is no \"" + keyEncoder + "\"",
              "Choose momentum or shared.");
}

}  // namespace

Moco::Moco(const MocoOptions& options)
    : options_(options),
      query_(options.encoder),
      queue_(options.contrast.m, options.encoder.settings.featureDim, options.seed,
             query_.parameters().flat().options(), options.contrast.maskSame),
      loss_(lossOf(options.contrast, queue_)),
      momentum_(options.contrast.momentum),
      optimiser_(query_.parameters(), options.optimiser),
      gradients_(query_.parameters().zerosLike(options.encoder.master)) {
  query_.initialise(options.seed);
  if (isShared(options.contrast.keyEncoder)) return;
  key_.emplace(options.encoder, options.contrast, query_);
}

// Algorithm 1 of the paper, whose lines stand beside ours as `// …`; in them, m is the momentum.
// Views come from core/input, and the lines from l_pos to the loss are in info_nce.cc and
// comparison.cc. Two things are added: keys can be shuffled among the BatchNorm groups
// (section 3.3), and a step whose loss or gradient is not finite is refused before it changes
// anything.

StepResult Moco::step(const StepInput& batch) {
  return step([&] { return batch; });
}

StepResult Moco::step(const NextBatch& next) {
  StatisticsGuard queryStatistics(query_);
  std::optional<MomentumEncoder::Guard> keyGuard;
  if (key_) keyGuard.emplace(*key_);
  if (key_ && key_->followsFirst()) key_->follow(query_, momentum_);
  std::vector<NewKeys> newKeys;
  const StepResult result = unpack(ofAllPeers(differentiateAll(next, newKeys)));
  requireFinite(result);
  queryStatistics.keep();
  if (keyGuard) keyGuard->keep();
  RECORD_USER_SCOPE(phase::kUpdate);
  updateQueryEncoder();  // update(f_q.params)
  if (key_) {
    // f_k.params = m * f_k.params + (1 - m) * f_q.params
    if (!key_->followsFirst()) key_->follow(query_, momentum_);
    key_->followStatistics(query_, momentum_);
  }
  for (const auto& [keys, pictures] : newKeys) {
    queue_.enqueue(keys, pictures);  // enqueue(queue, k); dequeue(queue)
  }
  return result;
}

at::Tensor Moco::differentiateAll(const NextBatch& next, std::vector<NewKeys>& keys) {
  const int64_t batches = options_.contrast.accumulate;
  const auto differentiateNext = [&] {
    const StepInput batch = next();
    const FirstHalf half = differentiate(batch);
    at::Tensor pictures = batch.pictureNumbers;
    if (pictures.defined()) pictures = pictures.repeat(half.keys.size(0) / pictures.size(0));
    keys.push_back({half.keys, pictures});
    return half.result;
  };
  if (batches == 1) return differentiateNext();
  std::vector<at::Tensor> results;
  auto sum = at::zeros_like(gradients_.flat());
  for (int64_t batch = 0; batch < batches; ++batch) {
    // What a replay gives is only valid until the next one.
    results.push_back(differentiateNext().clone());
    keys.back().keys = keys.back().keys.clone();
    sum.add_(gradients_.flat());
  }
  gradients_.flat().copy_(sum.div_(batches));
  const auto means = at::stack(results).mean(0);
  means[2].copy_(gradients_.flat().norm());
  return means;
}

at::Tensor Moco::ofAllPeers(const at::Tensor& result) {
  const Peers& peers = options_.peers;
  if (peers.alone()) return result;
  const at::NoGradGuard noGrad;
  peers.average(gradients_.flat());
  auto mean = result.clone();
  peers.average(mean);
  mean[2].copy_(gradients_.flat().norm());
  peers.average(query_.statistics().flat());
  if (key_) peers.average(key_->encoder().statistics().flat());
  return mean;
}

Moco::FirstHalf Moco::differentiate(const StepInput& batch) {
  const auto [keys, value] = forward(batch);
  RECORD_USER_SCOPE(phase::kBackward);
  backward(value.loss);  // loss.backward()
  return {keys, pack(value, gradients_.flat().norm())};
}

Moco::Forward Moco::forward(const StepInput& batch) {
  RECORD_USER_SCOPE(phase::kForward);
  const Peers& peers = options_.peers;
  const EncodedViews encoded = encodeViews(batch, query_, keyEncoderOrNone(), peers);
  return {keysForQueue(batch, encoded).detach(),
          compareViews(batch, encoded, loss_, options_.contrast, queue_, peers)};
}

void Moco::backward(const at::Tensor& loss) {
  const auto gradients = torch::autograd::grad({loss}, query_.weights());
  const at::NoGradGuard noGrad;
  copyByType(gradients_.views(), gradients);
}

void Moco::updateQueryEncoder() {
  optimiser_.step(gradients_.flat());
  query_.refreshWeights();
}

double Moco::queueFill() const {
  const ContrastSettings& settings = options_.contrast;
  const bool hasNegatives = settings.negatives != "batch" && settings.loss != "cosine";
  return hasNegatives || settings.loss == "nnclr" ? queue_.fill() : 1;
}

StateDict Moco::state() const {
  StateDict state;
  append(state, kQueryEncoder, query_.stateDict());
  if (key_) append(state, "key.", key_->encoder().stateDict());
  append(state, "optimiser.", optimiser_.state());
  append(state, "queue.", queue_.state());
  return state;
}

void Moco::beginWith(const StateDict& weights) {
  query_.loadPart(weights);
  if (key_) key_->encoder().loadPart(weights);
}

void Moco::restore(const StateDict& state) {
  // The number is checked, too, because a smaller network would find all its tensors in the state
  // of a larger one.
  const size_t expected = this->state().size();
  if (state.size() != expected) {
    throw Error("ERR_MOCO_CHECKPOINT",
                "the state has " + std::to_string(state.size()) + " tensors, expected " +
                    std::to_string(expected),
                "Choose a checkpoint of a run with the same arch.");
  }
  query_.loadState(section(state, kQueryEncoder));
  if (key_) key_->encoder().loadState(section(state, "key."));
  optimiser_.restore(section(state, "optimiser."));
  queue_.restore(section(state, "queue."));
}

}  // namespace moco
