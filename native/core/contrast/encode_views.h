#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "core/contrast/momentum_encoder.h"
#include "core/contrast/step_input.h"
#include "core/distributed/peers.h"
#include "core/model/encoder.h"

namespace moco {

/// What the encoders make of a batch's views, L2-normalised; undefined where nothing asks for it.
struct EncodedViews {
  /// For each view (B, D): of students; after the predictor, if there is one.
  std::vector<at::Tensor> queries;
  /// For each view (N · B, D), of all processes: of teachers; of all views where one encoder gives
  /// both.
  std::vector<at::Tensor> keys;
};

/// Encodes a batch in training mode. Each of a teacher's views is a pass of the key encoder. Views
/// of one size are one pass of the query encoder, in which BatchNorm normalises each on its own;
/// this computes what passes of their own would, with fewer and larger operations.
/// @param key    null: the query encoder gives the keys, with gradient
/// @param peers  that encode the other parts of the batch
EncodedViews encodeViews(const StepInput& batch, Encoder& query, MomentumEncoder* key,
                         const Peers& peers = {});

/// How many passes of either encoder that takes.
struct Passes {
  int64_t query, key;
};
Passes passesOf(const StepInput& batch, bool hasKeyEncoder);

/// Tensors one behind the other, without those that are undefined; not copied where there is only
/// one.
at::Tensor joined(const std::vector<at::Tensor>& tensors);

}  // namespace moco
