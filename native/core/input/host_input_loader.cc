#include "core/input/host_input_loader.h"

#include <ATen/record_function.h>

#include <utility>

#include "core/device/profiler.h"

namespace moco {

HostInputLoader::HostInputLoader(const ImageStore& store, InputOptions options)
    : options_(std::move(options)),
      store_{store.pixels.cpu(), store.labels.cpu(), store.classes},
      loader_(store_, options_.batchSize, options_.seed, options_.threads, options_.layout) {}

void HostInputLoader::startEpoch(uint32_t epoch, int64_t firstBatch) {
  loader_.startEpoch(epoch, firstBatch);
}

at::Tensor HostInputLoader::nextViews() {
  RECORD_USER_SCOPE(phase::kWait);
  return loader_.next();
}

std::vector<at::Tensor> HostInputLoader::next() {
  const auto views = nextViews();
  RECORD_USER_SCOPE(phase::kInput);
  std::vector<at::Tensor> inputs;
  for (const auto& view : views.unbind(0)) {
    inputs.push_back(normalise(view.to(options_.device), options_.normalisation, options_.compute));
  }
  return inputs;
}

at::Tensor HostInputLoader::labels() const { return loader_.labels().to(options_.device); }

}  // namespace moco
