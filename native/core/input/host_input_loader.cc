#include "core/input/host_input_loader.h"

#include <ATen/record_function.h>

#include <algorithm>
#include <utility>

#include "core/device/profiler.h"
#include "core/input/key_order.h"
#include "core/input/make_views.h"

namespace moco {
namespace {

/// Pictures of which views are made one after the other: few enough to stay in a core's cache.
constexpr int64_t kPicturesAtOnce = 16;

}  // namespace

HostInputLoader::HostInputLoader(const ImageStore& store, const InputOptions& options)
    : store_(store),
      batches_(store.count(), options.batchSize, options.layout),
      views_(options.views),
      growth_(options.growth),
      share_(options.share),
      seed_(options.seed),
      device_(options.device),
      table_(normalisedBytes(options.normalisation, options.compute)) {
  const int64_t most = std::max<int64_t>(batchesPerEpoch(), 1);
  slots_.resize(std::min(batchesInMemory(options.threads), most));
  for (auto& slot : slots_) {
    for (const ViewPlan& view : views_) {
      slot.memory.push_back(at::empty({lengthOf(0) * view.size * view.size * 3}, table_.options()));
    }
  }
  taken_ = assigned_ = batchesPerEpoch();  // nothing to do until the first epoch starts
  try {
    for (int64_t i = 0; i < std::min(options.threads, most); ++i) {
      threads_.emplace_back([this] { work(); });
    }
  } catch (...) {
    close();  // the destructor of a thread that was not joined would end the process
    throw;
  }
}

HostInputLoader::~HostInputLoader() { close(); }

void HostInputLoader::close() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void HostInputLoader::startEpoch(uint32_t epoch, int64_t firstBatch) {
  TORCH_CHECK(firstBatch >= 0 && firstBatch <= batchesPerEpoch(), "an epoch has no batch ",
              firstBatch);
  std::unique_lock lock(mutex_);
  assigned_ = batchesPerEpoch();
  changed_.wait(lock, [this] { return inWork_ == 0; });
  epoch_ = epoch;
  order_ = at::tensor(batches_.order(seed_, epoch), at::kLong);
  for (auto& slot : slots_) slot.ready = -1;
  assigned_ = taken_ = firstBatch;
  changed_.notify_all();
}

std::vector<at::Tensor> HostInputLoader::next() {
  auto inputs = waitForBatch();
  RECORD_USER_SCOPE(phase::kInput);
  for (auto& input : inputs) input = input.to(device_);
  return inputs;
}

std::vector<at::Tensor> HostInputLoader::waitForBatch() {
  RECORD_USER_SCOPE(phase::kWait);
  std::unique_lock lock(mutex_);
  TORCH_CHECK(taken_ < batchesPerEpoch(), "the epoch has no batch left");
  const int64_t batch = taken_++;
  changed_.notify_all();  // the slot of the batch before this one is free now
  changed_.wait(lock, [&] { return failure_ || slotOf(batch).ready == batch; });
  if (failure_) std::rethrow_exception(failure_);
  return placesIn(slotOf(batch), epoch_, batch);
}

std::vector<at::Tensor> HostInputLoader::placesIn(const Slot& slot, uint32_t epoch,
                                                  int64_t batch) const {
  std::vector<at::Tensor> places;
  for (size_t view = 0; view < views_.size(); ++view) {
    const int64_t size = growth_.sizeOf(views_[view].size, epoch);
    places.push_back(placeForViews(slot.memory[view], lengthOf(batch), size));
  }
  return places;
}

at::Tensor HostInputLoader::labels() const {
  return store_.labels.index_select(0, picturesOf(taken_ - 1)).to(device_);
}

at::Tensor HostInputLoader::pictureNumbers() const { return picturesOf(taken_ - 1).to(device_); }

at::Tensor HostInputLoader::picturesOf(int64_t batch) const {
  return order_.narrow(0, batches_.begin(batch), batches_.length(batch));
}

at::Tensor HostInputLoader::toBePrefetched() const {
  const int64_t ahead = assigned_ + static_cast<int64_t>(slots_.size());
  return ahead < batchesPerEpoch() ? share_.of(picturesOf(ahead)) : order_.narrow(0, 0, 0);
}

HostInputLoader::Assignment HostInputLoader::nextAssignment() const {
  const auto whole = picturesOf(assigned_);
  Assignment assignment{epoch_, assigned_, share_.of(whole), {}, toBePrefetched()};
  if (std::ranges::any_of(views_, &ViewPlan::isShuffled)) {
    const auto order = keyOrder(seed_, epoch_, assigned_ + 1, whole.size(0));
    assignment.shuffled = whole.index_select(0, share_.of(order));
  }
  return assignment;
}

bool HostInputLoader::canAssign() const {
  // The step is still reading the slot of batch taken_ − 1.
  const int64_t firstInUse = std::max<int64_t>(taken_ - 1, 0);
  return assigned_ < batchesPerEpoch() &&
         assigned_ < firstInUse + static_cast<int64_t>(slots_.size());
}

void HostInputLoader::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return closing_ || canAssign(); });
    if (closing_) return;
    const Assignment assignment = nextAssignment();
    ++assigned_;
    ++inWork_;
    Slot& slot = slotOf(assignment.batch);
    lock.unlock();
    std::exception_ptr failure;
    try {
      prefetch(assignment);
      make(assignment, slot);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    if (failure) failure_ = failure;
    slot.ready = assignment.batch;
    --inWork_;
    changed_.notify_all();
  }
}

void HostInputLoader::make(const Assignment& assignment, const Slot& slot) const {
  const auto places = placesIn(slot, assignment.epoch, assignment.batch);
  makeOf(assignment.pictures, /*shuffled=*/false, assignment.epoch, places);
  if (assignment.shuffled.defined()) {
    makeOf(assignment.shuffled, /*shuffled=*/true, assignment.epoch, places);
  }
}

void HostInputLoader::makeOf(const at::Tensor& pictures, bool shuffled, uint32_t epoch,
                             const std::vector<at::Tensor>& places) const {
  const int64_t count = pictures.size(0);
  for (int64_t begin = 0; begin < count; begin += kPicturesAtOnce) {
    const int64_t length = std::min(kPicturesAtOnce, count - begin);
    const auto some = pictures.narrow(0, begin, length);
    const auto selection = store_.select(some);
    for (size_t view = 0; view < views_.size(); ++view) {
      if (views_[view].isShuffled != shuffled) continue;
      const ViewsOfEpoch which{seed_, epoch, numberOf(views_, view), views_[view].transform};
      const auto draws = drawViews(which, some, store_.height(), store_.width());
      makeViews(selection.pixels, selection.numbers, draws, table_,
                places[view].narrow(0, begin, length), which.transform);
    }
  }
}

void HostInputLoader::prefetch(const Assignment& assignment) const {
  if (store_.isResident()) return;
  store_.file->prefetch(assignment.following.const_data_ptr<int64_t>(),
                        assignment.following.size(0));
}

}  // namespace moco
