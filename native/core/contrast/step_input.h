#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <vector>

namespace moco {

/// One view of each of B pictures, and who sees it.
struct View {
  at::Tensor pictures;  // (B, 3, s, s), channels last, normalised, of the encoder's compute type
  bool student;         // the query encoder
  bool teacher;         // the key encoder
  /// What the key encoder sees in place of `pictures`, where processes share a batch of N · B
  /// pictures and `keyOrder` is defined: views of those that come at this process's places in that
  /// order. Undefined elsewhere.
  at::Tensor forKeys = {};
};

/// What a step trains on: views of each of B pictures, drawn independently of each other. Where
/// processes share a batch, they are those of this process's pictures, and orders and numbers are
/// those of all N · B.
struct StepInput {
  std::vector<View> views;
  /// (N · B) int64, on the encoder's device: the order in which the key encoder gets the pictures
  /// of each view. It makes the BatchNorm groups of the two encoders differ (section 3.3,
  /// "Shuffling BN"). Undefined means the order of the queries.
  at::Tensor keyOrder = {};
  /// (N · B) int64, on the encoder's device: which pictures of the data set they are. Needed where
  /// the settings leave out negatives of the same picture.
  at::Tensor pictureNumbers = {};
};

/// Gives the next batch of a step, which is used up before the next call.
using NextBatch = std::function<StepInput()>;

}  // namespace moco
