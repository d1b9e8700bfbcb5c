#include "core/input/device_input_loader.h"

#include <ATen/record_function.h>

#include "core/device/profiler.h"
#include "core/input/key_order.h"
#include "core/input/make_views.h"

namespace moco {

DeviceInputLoader::DeviceInputLoader(const ImageStore& store, const InputOptions& options)
    : store_(store),
      batches_(store.count(), options.batchSize, options.layout),
      views_(options.views),
      growth_(options.growth),
      share_(options.share),
      seed_(options.seed),
      table_(normalisedBytes(options.normalisation, options.compute).to(store.pixels.device())),
      taken_(batches_.count()) {}

DeviceInputLoader::Epoch DeviceInputLoader::draw(uint32_t number) const {
  Epoch epoch{number, at::tensor(batches_.order(seed_, number), at::kLong), {}};
  for (size_t view = 0; view < views_.size(); ++view) {
    const ViewsOfEpoch which{seed_, number, numberOf(views_, view), views_[view].transform};
    epoch.draws.push_back(drawViews(which, epoch.order, store_.height(), store_.width()));
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

at::Tensor DeviceInputLoader::shareOf(const at::Tensor& ordered, int64_t batch,
                                      const ViewPlan& view) const {
  const auto whole = ofBatch(ordered, batch);
  if (!view.isShuffled) return share_.of(whole);
  const auto order = keyOrder(seed_, epoch_.number, batch + 1, whole.size(0));
  return whole.index_select(0, share_.of(order).to(whole.device()));
}

std::vector<at::Tensor> DeviceInputLoader::next() {
  RECORD_USER_SCOPE(phase::kInput);
  TORCH_CHECK(taken_ < batchesPerEpoch(), "the epoch has no batch left");
  const int64_t batch = taken_++;
  const auto options = table_.options().memory_format(at::MemoryFormat::ChannelsLast);
  std::vector<at::Tensor> inputs;
  for (size_t view = 0; view < views_.size(); ++view) {
    const int64_t size = growth_.sizeOf(views_[view].size, epoch_.number);
    const auto pictures = shareOf(epoch_.order, batch, views_[view]);
    inputs.push_back(at::empty({pictures.size(0), 3, size, size}, options));
    makeViews(store_.pixels, pictures, shareOf(epoch_.draws[view], batch, views_[view]), table_,
              inputs.back(), views_[view].transform);
  }
  return inputs;
}

at::Tensor DeviceInputLoader::labels() const {
  return store_.labels.index_select(0, pictureNumbers());
}

at::Tensor DeviceInputLoader::pictureNumbers() const { return ofBatch(epoch_.order, taken_ - 1); }

}  // namespace moco
