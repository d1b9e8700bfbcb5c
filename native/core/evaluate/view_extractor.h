#pragma once

#include <ATen/ATen.h>

#include <atomic>
#include <cstdint>

#include "core/evaluate/frozen_backbone.h"
#include "core/evaluate/label_free_measures.h"
#include "core/input/image_store.h"
#include "core/model/encoder.h"

namespace moco {

/// Extracts features and projections of training views, in evaluation mode.
class ViewExtractor {
 public:
  /// @param encoder        that `backbone` is of, with a head; both must outlive this object
  /// @param normalisation  on any device
  /// @param imageSize      height and width of a view
  ViewExtractor(Encoder& encoder, FrozenBackbone& backbone, const Normalisation& normalisation,
                int64_t imageSize);

  /// One view of each of the first pictures of a store, by the backbone as it was last folded. The
  /// views are the same in every call and in every run, and none is a view that is trained on: they
  /// are drawn as in epoch 0, and the first epoch of a training has number 1.
  /// @param count  of the pictures
  /// @param view   0 or 1
  /// @return       on the encoder's device
  /// @throws Error ERR_MOCO_NON_FINITE  if features or projections are not finite
  /// @throws Error ERR_MOCO_ABORTED     soon after `stop` is set
  ViewVectors operator()(const ImageStore& store, int64_t count, int64_t view,
                         const std::atomic<bool>& stop) const;

 private:
  /// (b, C), where there may be no pictures.
  at::Tensor featuresOf(const at::Tensor& views) const;
  /// The encoder's input: (b, 3, h, w) for the pictures `begin` … `end` − 1.
  at::Tensor input(const ImageStore& store, int64_t begin, int64_t end, int64_t view) const;

  Encoder& encoder_;
  FrozenBackbone& backbone_;
  int64_t imageSize_;
  at::Tensor table_;  // from `normalisedBytes`, where the views are made
};

}  // namespace moco
