#include "core/input/view_loader.h"

#include <algorithm>

#include "core/base/random.h"
#include "core/input/augment.h"

namespace moco {

ViewLoader::ViewLoader(const ImageStore& store, int64_t batchSize, uint64_t seed, int64_t threads,
                       const EpochLayout& layout)
    : store_(store),
      batches_(store.count(), batchSize, layout),
      viewsPerPicture_(layout.viewsPerPicture),
      seed_(seed) {
  const int64_t most = std::max<int64_t>(batchesPerEpoch(), 1);
  slots_.resize(std::min(batchesInMemory(threads), most));
  for (auto& slot : slots_) {
    slot.views = at::empty({viewsPerPicture_, batches_.length(0), store.height(), store.width(), 3},
                           at::kByte);
  }
  taken_ = assigned_ = batchesPerEpoch();  // nothing to do until the first epoch starts
  try {
    for (int64_t i = 0; i < std::min(threads, most); ++i) threads_.emplace_back([this] { work(); });
  } catch (...) {
    close();  // a thread that is not joined would end the process
    throw;
  }
}

ViewLoader::~ViewLoader() { close(); }

void ViewLoader::close() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void ViewLoader::startEpoch(uint32_t epoch, int64_t firstBatch) {
  TORCH_CHECK(firstBatch >= 0 && firstBatch <= batchesPerEpoch(), "an epoch has no batch ",
              firstBatch);
  std::unique_lock lock(mutex_);
  assigned_ = batchesPerEpoch();
  changed_.wait(lock, [this] { return inWork_ == 0; });
  epoch_ = epoch;
  order_ = shuffledIndices(store_.count(), seed_, epoch);
  for (auto& slot : slots_) slot.ready = -1;
  assigned_ = taken_ = firstBatch;
  changed_.notify_all();
}

at::Tensor ViewLoader::next() {
  std::unique_lock lock(mutex_);
  TORCH_CHECK(taken_ < batchesPerEpoch(), "the epoch has no batch left");
  const int64_t batch = taken_++;
  changed_.notify_all();  // the batch before this one has left its slot
  changed_.wait(lock, [&] { return failure_ || slotOf(batch).ready == batch; });
  if (failure_) std::rethrow_exception(failure_);
  return slotOf(batch).views.narrow(1, 0, batches_.length(batch));
}

at::Tensor ViewLoader::labels() const {
  const int64_t batch = taken_ - 1;
  const auto pictures = at::tensor(
      at::ArrayRef(order_).slice(batches_.begin(batch), batches_.length(batch)), at::kLong);
  return store_.labels.index_select(0, pictures);
}

bool ViewLoader::canAssign() const {
  // The slot of batch taken_ − 1 is still being read by the step.
  const int64_t firstInUse = std::max<int64_t>(taken_ - 1, 0);
  return assigned_ < batchesPerEpoch() &&
         assigned_ < firstInUse + static_cast<int64_t>(slots_.size());
}

void ViewLoader::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return closing_ || canAssign(); });
    if (closing_) return;
    const Assignment assignment{epoch_, assigned_++};
    ++inWork_;
    const at::Tensor views = slotOf(assignment.batch).views;
    lock.unlock();
    std::exception_ptr failure;
    try {
      makeBatch(assignment, order_, views);  // order_ stays as it is while a batch is in work
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    if (failure) failure_ = failure;
    slotOf(assignment.batch).ready = assignment.batch;
    --inWork_;
    changed_.notify_all();
  }
}

void ViewLoader::makeBatch(const Assignment& assignment, const std::vector<int64_t>& order,
                           const at::Tensor& views) const {
  const int64_t height = store_.height();
  const int64_t width = store_.width();
  const int64_t pictureBytes = height * width * 3;
  const auto* pictures = store_.pixels.const_data_ptr<uint8_t>();
  auto* target = views.mutable_data_ptr<uint8_t>();
  const int64_t length = batches_.length(assignment.batch);
  for (int64_t i = 0; i < length; ++i) {
    const int64_t picture = order[batches_.begin(assignment.batch) + i];
    for (int64_t view = 0; view < viewsPerPicture_; ++view) {
      const ViewKey key{seed_, assignment.epoch, picture, view};
      applyView(pictures + picture * pictureBytes, height, width,
                drawViewParameters(key, height, width),
                target + (view * views.size(1) + i) * pictureBytes);
    }
  }
}

}  // namespace moco
