#include "core/contrast/graphed_moco.h"

#include <memory>

namespace moco {
namespace {

using Tensors = GraphedFunction::Tensors;

std::unique_ptr<GraphRecorder> recorderFrom(const MakeRecorder& make) {
  return make ? make() : nullptr;
}

Tensors listed(const Views& views) {
  Tensors tensors{views.queries, views.keys};
  if (views.keyOrder.defined()) tensors.push_back(views.keyOrder);
  return tensors;
}

Views viewsIn(const Tensors& tensors) {
  return {.queries = tensors[0],
          .keys = tensors[1],
          .keyOrder = tensors.size() > 2 ? tensors[2] : at::Tensor()};
}

}  // namespace

GraphedMoco::GraphedMoco(const MocoOptions& options, const MakeRecorder& recorder)
    : Moco(options),
      differentiation_(
          [this](const Tensors& inputs) {
            const FirstHalf half = Moco::differentiate(viewsIn(inputs));
            return Tensors{half.keys, half.result};
          },
          recorderFrom(recorder)),
      update_(
          [this](const Tensors&) {
            Moco::updateEncoders();
            return Tensors{};
          },
          recorderFrom(recorder)) {}

const std::string& GraphedMoco::graphFailure() const {
  return differentiation_.failure().empty() ? update_.failure() : differentiation_.failure();
}

Moco::FirstHalf GraphedMoco::differentiate(const Views& views) {
  const int64_t batches = queryEncoder().batchesTracked() + 1;
  const Tensors outputs = differentiation_(listed(views));
  // A replay only does the device's work, so the encoders, which count batches on the host, do not
  // count this one themselves.
  for (Encoder* encoder : {&queryEncoder(), &keyEncoder()}) encoder->setBatchesTracked(batches);
  return {.keys = outputs[0], .result = outputs[1]};
}

void GraphedMoco::updateEncoders() { update_({}); }

}  // namespace moco
