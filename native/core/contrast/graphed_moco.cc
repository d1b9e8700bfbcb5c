#include "core/contrast/graphed_moco.h"

#include <memory>

#include "core/contrast/encode_views.h"

namespace moco {
namespace {

using Tensors = GraphedFunction::Tensors;

/// Processes that share a batch exchange keys in the middle of what would be recorded.
std::unique_ptr<GraphRecorder> recorderFrom(const MakeRecorder& make, const Peers& peers) {
  return make && peers.alone() ? make() : nullptr;
}

Tensors listed(const StepInput& batch) {
  Tensors tensors;
  for (const View& view : batch.views) tensors.push_back(view.pictures);
  for (const auto& more : {batch.keyOrder, batch.pictureNumbers}) {
    if (more.defined()) tensors.push_back(more);
  }
  return tensors;
}

/// A batch with the same roles and other tensors, as `listed` lists them.
StepInput batchOf(const StepInput& like, const Tensors& tensors) {
  StepInput batch = like;
  auto next = tensors.begin();
  for (View& view : batch.views) view.pictures = *next++;
  for (auto* more : {&batch.keyOrder, &batch.pictureNumbers}) {
    if (more->defined()) *more = *next++;
  }
  return batch;
}

}  // namespace

GraphedMoco::GraphedMoco(const MocoOptions& options, const MakeRecorder& recorder)
    : Moco(options),
      differentiation_(
          [this](const Tensors& inputs) {
            const FirstHalf half = Moco::differentiate(batchOf(*batch_, inputs));
            return Tensors{half.keys, half.result};
          },
          recorderFrom(recorder, options.peers)),
      update_(
          [this](const Tensors&) {
            Moco::updateQueryEncoder();
            return Tensors{};
          },
          recorderFrom(recorder, options.peers)) {}

const std::string& GraphedMoco::graphFailure() const {
  return differentiation_.failure().empty() ? update_.failure() : differentiation_.failure();
}

Moco::FirstHalf GraphedMoco::differentiate(const StepInput& batch) {
  batch_ = &batch;
  MomentumEncoder* const key = keyEncoderOrNone();
  const Passes passes = passesOf(batch, key != nullptr);
  const int64_t ofQuery = queryEncoder().batchesTracked() + passes.query;
  const int64_t ofKey = key ? key->encoder().batchesTracked() + passes.key : 0;
  const Tensors outputs = differentiation_(listed(batch));
  // A replay only does the device's work, so the encoders, which count batches on the host, do not
  // count this one themselves.
  queryEncoder().setBatchesTracked(ofQuery);
  if (key) key->encoder().setBatchesTracked(ofKey);
  return {.keys = outputs[0], .result = outputs[1]};
}

void GraphedMoco::updateQueryEncoder() { update_({}); }

}  // namespace moco
