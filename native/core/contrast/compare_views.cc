#include "core/contrast/compare_views.h"

#include <vector>

#include "core/contrast/negatives.h"

namespace moco {
namespace {

LossValue meanOf(const std::vector<LossValue>& values) {
  TORCH_CHECK(!values.empty(), "no view is a student while another one is a teacher");
  if (values.size() == 1) return values.front();
  std::vector<at::Tensor> losses, accuracies;
  for (const auto& [loss, accuracy] : values) {
    losses.push_back(loss);
    accuracies.push_back(accuracy);
  }
  return {at::stack(losses).mean(), at::stack(accuracies).mean()};
}

/// The pictures' numbers, or others where they are not known: they are different pictures.
at::Tensor numbersOf(const StepInput& batch, const Peers& peers) {
  if (batch.pictureNumbers.defined()) return batch.pictureNumbers;
  const auto& pictures = batch.views.front().pictures;
  return at::arange(peers.count() * pictures.size(0), pictures.options().dtype(at::kLong));
}

}  // namespace

LossValue compareViews(const StepInput& batch, const EncodedViews& encoded, const Loss& loss,
                       const ContrastSettings& settings, const KeyQueue& queue,
                       const Peers& peers) {
  const auto& views = batch.views;
  const bool isShared = settings.keyEncoder == "shared";
  const auto numbers = numbersOf(batch, peers);
  std::vector<LossValue> values;
  for (size_t teacher = 0; teacher < views.size(); ++teacher) {
    if (!views[teacher].teacher) continue;
    const auto& keys = encoded.keys[teacher];
    const auto& inBatch = isShared ? joined(encoded.keys) : keys;
    const Negatives negatives = negativesOf(settings, queue, inBatch, numbers, peers);
    for (size_t student = 0; student < views.size(); ++student) {
      if (!views[student].student || student == teacher) continue;
      values.push_back(loss({encoded.queries[student], keys, negatives, peers}));
    }
  }
  return meanOf(values);
}

at::Tensor keysForQueue(const StepInput& batch, const EncodedViews& encoded) {
  std::vector<at::Tensor> ofTeachers;
  for (size_t i = 0; i < batch.views.size(); ++i) {
    if (batch.views[i].teacher) ofTeachers.push_back(encoded.keys[i]);
  }
  return joined(ofTeachers);
}

}  // namespace moco
