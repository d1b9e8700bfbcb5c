#include "core/contrast/negatives.h"

#include "core/base/error.h"

namespace moco {
namespace {

/// (B, n): which vectors are of a query's own picture.
at::Tensor isOwn(const at::Tensor& pictures, const at::Tensor& picturesOfVectors) {
  return pictures.unsqueeze(1).eq(picturesOfVectors);
}

Negatives ofQueue(const KeyQueue& queue, const at::Tensor& own) {
  if (!queue.pictures().defined()) return {queue.keys()};
  return {queue.keys(), isOwn(own, queue.pictures())};
}

Negatives ofBatch(const at::Tensor& batch, const at::Tensor& own, const at::Tensor& pictures) {
  return {batch, isOwn(own, pictures.repeat(batch.size(0) / pictures.size(0)))};
}

Negatives together(const Negatives& queue, const Negatives& batch) {
  const auto ofQueue =
      queue.isLeftOut.defined()
          ? queue.isLeftOut
          : at::zeros({batch.isLeftOut.size(0), queue.vectors.size(0)}, batch.isLeftOut.options());
  return {at::cat({queue.vectors, batch.vectors}), at::cat({ofQueue, batch.isLeftOut}, 1)};
}

}  // namespace

Negatives negativesOf(const ContrastSettings& settings, const KeyQueue& queue,
                      const at::Tensor& batch, const at::Tensor& pictures, const Peers& peers) {
  const auto own = peers.own(pictures);
  if (settings.negatives == "queue") return ofQueue(queue, own);
  if (settings.negatives == "batch") return ofBatch(batch, own, pictures);
  if (settings.negatives == "both") {
    return together(ofQueue(queue, own), ofBatch(batch, own, pictures));
  }
  throw Error("ERR_MOCO_CONFIG", "negatives: there is no \"" + settings.negatives + "\"",
              "Choose queue, batch or both.");
}

}  // namespace moco
