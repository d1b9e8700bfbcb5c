#include "core/input/device_input_loader.h"

#include <ATen/record_function.h>

#include "core/device/profiler.h"
#include "core/input/make_views.h"

namespace moco {

DeviceInputLoader::DeviceInputLoader(const ImageStore& store, const InputOptions& options)
    : store_(store),
      batches_(store.count(), options.batchSize, options.layout),
      viewsPerPicture_(options.layout.viewsPerPicture),
      seed_(options.seed),
      imageSize_(options.imageSize),
      table_(normalisedBytes(options.normalisation, options.compute).to(store.pixels.device())),
      taken_(batches_.count()) {}

DeviceInputLoader::Epoch DeviceInputLoader::draw(uint32_t number) const {
  Epoch epoch{number, at::tensor(batches_.order(seed_, number), at::kLong), {}};
  for (int64_t view = 0; view < viewsPerPicture_; ++view) {
    epoch.draws.push_back(
        drawViews({seed_, number, view}, epoch.order, store_.height(), store_.width()));
  }
  return epoch;
}

DeviceInputLoader::Epoch DeviceInputLoader::toDevice(const Epoch& epoch) const {
  const at::Device device = store_.pixels.device();
  Epoch there{epoch.number, epoch.order.to(device), {}};
  for (const auto& draws : epoch.draws) there.draws.push_back(draws.to(device));
  return there;
}

void DeviceInputLoader::startEpoch(uint32_t epoch, int64_t firstBatch) {
  TORCH_CHECK(firstBatch >= 0 && firstBatch <= batchesPerEpoch(), "an epoch has no batch ",
              firstBatch);
  auto drawn = following_.valid() ? following_.get() : draw(epoch);
  if (drawn.number != epoch) drawn = draw(epoch);
  epoch_ = toDevice(drawn);
  taken_ = firstBatch;
  // A single thread is enough: it draws views many times faster than a GPU trains on them.
  following_ = std::async(std::launch::async, [this, epoch] { return draw(epoch + 1); });
}

at::Tensor DeviceInputLoader::ofBatch(const at::Tensor& ordered, int64_t batch) const {
  return ordered.narrow(0, batches_.begin(batch), batches_.length(batch));
}

std::vector<at::Tensor> DeviceInputLoader::next() {
  RECORD_USER_SCOPE(phase::kInput);
  TORCH_CHECK(taken_ < batchesPerEpoch(), "the epoch has no batch left");
  const int64_t batch = taken_++;
  std::vector<at::Tensor> inputs;
  for (const auto& draws : epoch_.draws) {
    inputs.push_back(at::empty({batches_.length(batch), 3, imageSize_, imageSize_},
                               table_.options().memory_format(at::MemoryFormat::ChannelsLast)));
    makeViews(store_.pixels, ofBatch(epoch_.order, batch), ofBatch(draws, batch), table_,
              inputs.back());
  }
  return inputs;
}

at::Tensor DeviceInputLoader::labels() const {
  return store_.labels.index_select(0, ofBatch(epoch_.order, taken_ - 1));
}

}  // namespace moco
