#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <string>

#include "core/files/state_dict.h"
#include "core/model/named_tensors.h"
#include "core/optimise/optimiser_settings.h"
#include "core/optimise/update_rule.h"

namespace moco {

/// How many numbers an optimiser remembers of each parameter.
/// @param name  as in `OptimiserSettings`
/// @throws Error ERR_MOCO_CONFIG  for another name
int64_t numbersPerParameter(const std::string& name);

/// The rule that the settings name.
/// @throws Error ERR_MOCO_CONFIG  for an optimiser that does not exist
std::unique_ptr<UpdateRule> updateRule(const NamedTensors& parameters,
                                       const OptimiserSettings& settings);

/// Updates parameters step by step, by the rule that the settings name.
class Optimiser {
 public:
  /// @param parameters  changed in place by every step
  /// @throws Error ERR_MOCO_CONFIG  for an optimiser that does not exist
  Optimiser(const NamedTensors& parameters, const OptimiserSettings& settings);

  /// Sets the learning rate of the next steps; until then it is that of the settings. To be called
  /// outside of work that is recorded as a CUDA graph, which reads the rate from the device. Where
  /// the settings have a constant one, a graph holds the number, and it may be set only before the
  /// first step.
  void setLearningRate(double rate);
  double learningRate() const { return rate_.value; }

  /// Updates the parameters.
  /// @param gradient  of the shape and type of the parameters' `flat()`; scaled in place where its
  ///                  norm is above `gradientClip`
  void step(const at::Tensor& gradient);

  /// What it remembers: for each of its buffers a tensor per parameter, as
  /// `first_moment.f.0.weight`, and counters. The tensors are those in use, not copies.
  StateDict state() const;
  /// Takes over a state, from which steps go on bit for bit.
  /// @throws Error ERR_MOCO_CHECKPOINT  if a tensor is missing, or from another model
  void restore(const StateDict& state);

 private:
  OptimiserSettings settings_;
  NamedTensors parameters_;
  std::unique_ptr<UpdateRule> rule_;
  LearningRate rate_;
  bool hasStepped_ = false;
};

}  // namespace moco
