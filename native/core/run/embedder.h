#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/device/machine.h"
#include "core/evaluate/frozen_backbone.h"
#include "core/files/state_dict.h"
#include "core/model/encoder.h"
#include "core/run/embed_queue.h"

namespace moco {

/// Which encoder to compute with, what it sees of a picture, and how to compute.
struct EmbedderSettings {
  EncoderSettings encoder;  // featureDim is 0 where it has no projections
  int64_t imageSize;        // height and width of what the encoder sees
  double cropShare;         // share of a picture's side that it sees
  /// Height and width of the pictures that it is given, of which it sees what an evaluation sees of
  /// them; absent: those of which it sees the middle as it is.
  std::optional<int64_t> side = {};
  std::vector<double> mean, std;          // of R, G and B, on the 0…1 scale
  std::optional<int64_t> batchSize = {};  // the most pictures computed at once; absent: chosen
  bool batchInvariant;  // rows do not depend on what is computed with them, not by a bit
  ComputeSettings compute;

  /// Calls `visit(name, value)` for every setting.
  template <class Visit>
  void each(Visit&& visit) {
    encoder.eachOfBackbone(visit);
    encoder.eachOfHead(visit);
    visit("imageSize", imageSize);
    visit("cropShare", cropShare);
    visit("side", side);
    visit("mean", mean);
    visit("std", std);
    visit("batchSize", batchSize);
    visit("batchInvariant", batchInvariant);
    compute.each(visit);
  }
};

/// A frozen encoder that turns pictures into features or projections. It must be made and used on
/// one thread, because PyTorch's grad mode and number of threads belong to the thread that set
/// them.
class Embedder {
 public:
  /// @param model  has the backbone's tensors, `f.…`, and the head's, `g.…`, where there is a head
  /// @throws Error ERR_MOCO_CHECKPOINT  if the model does not fit the settings
  /// @throws Error ERR_MOCO_NON_FINITE  if it has values that are NaN or infinite
  /// @throws Error ERR_MOCO_CONFIG      if the batch size is not positive
  Embedder(EmbedderSettings settings, const StateDict& model);
  Embedder(const Embedder&) = delete;
  Embedder& operator=(const Embedder&) = delete;
  ~Embedder();

  /// Computes one batch of what waits in a queue, and ends the requests that are complete with it.
  /// Nothing that goes wrong is thrown: it ends the requests that it concerns.
  /// @return  whether there was anything to compute
  bool embedBatch(EmbedQueue& queue);

  /// Height and width of the pictures that it is given.
  int64_t side() const { return side_; }
  /// The most pictures that are computed at once.
  int64_t batchSize() const { return batchSize_; }
  /// Length of a feature.
  int64_t featureLength() const { return encoder_->backboneDim(); }
  /// Length of a projection; 0 where the encoder has no head.
  int64_t projectionLength() const { return settings_.encoder.featureDim; }
  const Machine& machine() const { return machine_; }
  int64_t parameters() const { return encoder_->parameters().elements(); }
  /// The memory that the model takes, in bytes.
  int64_t heldBytes() const;

 private:
  using Parts = std::vector<EmbedQueue::Part>;

  /// Computes parts together, or each alone where that fails: what one request is the cause of must
  /// not end the others.
  void embed(EmbedQueue& queue, const Parts& parts);
  /// The pictures of parts, one after the other: (n, side, side, 3) uint8.
  at::Tensor gathered(const Parts& parts) const;
  /// @param pixels  (n, side, side, 3) uint8
  /// @return        (n, C), not normalised
  at::Tensor features(const at::Tensor& pixels);
  /// Adds a part's rows to those of its request, and ends that where it is complete or has failed.
  /// @param features  of the part, (end − begin, C)
  void finish(EmbedQueue& queue, const EmbedQueue::Part& part, const at::Tensor& features);
  /// What a request asks for of some features.
  /// @return  (n, dims) of the request's type, on the CPU, contiguous
  /// @throws Error ERR_MOCO_NON_FINITE
  at::Tensor rows(const EmbedRequest& request, const at::Tensor& features);
  at::Tensor projection(const at::Tensor& features);

  EmbedderSettings settings_;
  Machine machine_;
  std::optional<Encoder> encoder_;
  std::optional<FrozenBackbone> backbone_;
  int64_t side_;
  int64_t batchSize_ = 0;
};

}  // namespace moco
