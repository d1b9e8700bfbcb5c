#include "core/device/caching_allocator.h"

#include <c10/core/CPUAllocator.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#ifdef __linux__
#include <sys/mman.h>
#endif
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>

#include "core/base/control_groups.h"
#include "core/base/error.h"

namespace moco {
namespace {

constexpr size_t kBlock = size_t{2} << 20;     // a huge page: blocks are multiples of it
constexpr size_t kSmallest = size_t{1} << 20;  // smaller tensors go to PyTorch's own allocator
constexpr double kLargestWaste = 1.25;  // an idle block serves if at most this many times too large
constexpr double kLargestShareOfMemory = 0.5;  // of the machine's memory: idle blocks take no more

class CachingAllocator final : public c10::Allocator {
 public:
  explicit CachingAllocator(c10::Allocator& small)
      : small_(small),
        memory_(physicalMemory()),
        mostCached_(static_cast<size_t>(kLargestShareOfMemory * static_cast<double>(memory_))) {}

  c10::DataPtr allocate(size_t bytes) override {
    void* data = bytes < kSmallest ? small_.raw_allocate(bytes) : allocateLarge(bytes);
    return {data, data, &deallocateThis, c10::Device(c10::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &deallocateThis; }
  void copy_data(void* target, const void* source, size_t bytes) const override {
    default_copy_data(target, source, bytes);
  }

  void release() {
    const std::lock_guard lock(mutex_);
    releaseLocked();
  }
  CachedMemory usage() {
    const std::lock_guard lock(mutex_);
    return {inUse_, cached_, peak_, held_};
  }
  void restartPeak() {
    const std::lock_guard lock(mutex_);
    peak_ = inUse_;
  }

 private:
  static void deallocateThis(void* data);

  void* allocateLarge(size_t bytes) {
    const size_t size = (bytes + kBlock - 1) / kBlock * kBlock;
    const std::lock_guard lock(mutex_);
    void* data = nullptr;
    size_t taken = size;
    const auto found = idle_.lower_bound(size);
    if (found != idle_.end() &&
        static_cast<double>(found->first) <= kLargestWaste * static_cast<double>(size)) {
      taken = found->first;
      data = found->second;
      cached_ -= taken;
      idle_.erase(found);
    } else {
      data = fromSystem(size);
    }
    live_.emplace(data, taken);
    inUse_ += taken;
    peak_ = std::max(peak_, inUse_);
    held_ = std::max(held_, inUse_ + cached_);
    return data;
  }

  void* fromSystem(size_t size) {
    // Linux grants more memory than there is and kills the process when it runs out, so waiting for
    // a refusal is too late.
    if (inUse_ + cached_ + size > memory_) releaseLocked();
    void* data = nullptr;
    if (posix_memalign(&data, kBlock, size) != 0) {
      releaseLocked();
      if (posix_memalign(&data, kBlock, size) != 0) {
        throw Error("ERR_MOCO_OUT_OF_MEMORY",
                    "cannot get " + std::to_string(size >> 20) + " MiB of memory; " +
                        std::to_string(inUse_ >> 20) + " MiB are in use",
                    "Lower batchSize, m, k or featureDim, or choose a smaller arch.");
      }
    }
#ifdef __linux__
    madvise(data, size, MADV_HUGEPAGE);  // a hint: without huge pages it is only slower
#endif
    return data;
  }

  void deallocate(void* data) {
    if (reinterpret_cast<uintptr_t>(data) % kBlock == 0) {
      const std::lock_guard lock(mutex_);
      const auto found = live_.find(data);
      if (found != live_.end()) {
        keepIdle(data, found->second);
        live_.erase(found);
        return;
      }
    }
    small_.raw_deallocate(data);
  }

  void keepIdle(void* data, size_t size) {
    inUse_ -= size;
    cached_ += size;
    idle_.emplace(size, data);
    if (cached_ > mostCached_) releaseLocked();
  }

  void releaseLocked() {
    for (const auto& [size, data] : idle_) std::free(data);
    idle_.clear();
    cached_ = 0;
  }

  c10::Allocator& small_;
  const size_t memory_;
  const size_t mostCached_;
  std::mutex mutex_;
  std::multimap<size_t, void*> idle_;
  std::unordered_map<void*, size_t> live_;
  size_t inUse_ = 0;
  size_t cached_ = 0;
  size_t peak_ = 0;
  size_t held_ = 0;
};

/// Never destroyed: tensors may outlive everything else in the process.
CachingAllocator& instance() {
  static auto* allocator = new CachingAllocator(*c10::GetCPUAllocator());
  return *allocator;
}

void CachingAllocator::deallocateThis(void* data) { instance().deallocate(data); }

}  // namespace

void installCachingAllocator() {
  static const bool installed = [] {
    constexpr uint8_t kAboveDefault = 1;
    c10::SetCPUAllocator(&instance(), kAboveDefault);
    return true;
  }();
  static_cast<void>(installed);
}

void releaseCachedMemory() {
  instance().release();
#ifdef __GLIBC__
  // glibc serves blocks of up to 32 MiB from its heap at times, and keeps them when they are freed.
  malloc_trim(0);
#endif
}

CachedMemory cachedMemory() { return instance().usage(); }

void restartPeak() { instance().restartPeak(); }

size_t physicalMemory() {
  const auto pages = static_cast<size_t>(sysconf(_SC_PHYS_PAGES));
  const size_t memory = pages * static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const auto limit = memoryLimit();
  return limit ? std::min<size_t>(memory, limit->amount) : memory;
}

}  // namespace moco
