#pragma once

#include <cstdint>

namespace moco {

/// Memory for gigabytes that are read from one end to the other: in large pages where the system
/// has them, since with small ones looking up addresses costs a few per cent of a search. It is
/// zero, and the system gives it as it is first written to.
class LargeMemory {
 public:
  /// @throws Error ERR_MOCO_OUT_OF_MEMORY  if the system does not give so much
  explicit LargeMemory(int64_t bytes);
  LargeMemory(const LargeMemory&) = delete;
  LargeMemory& operator=(const LargeMemory&) = delete;
  ~LargeMemory();

  void* data() const { return data_; }

 private:
  int64_t bytes_;
  void* data_ = nullptr;
};

}  // namespace moco
