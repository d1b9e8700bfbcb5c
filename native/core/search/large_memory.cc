#include "core/search/large_memory.h"

#include <sys/mman.h>

#include <string>

#include "core/base/error.h"

namespace moco {

LargeMemory::LargeMemory(int64_t bytes) : bytes_(bytes) {
  if (bytes == 0) return;
  data_ = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
  if (data_ == MAP_FAILED) {
    throw Error("ERR_MOCO_OUT_OF_MEMORY",
                "the system does not give " + std::to_string(bytes >> 20) + " MB of memory",
                "Load features from a file, which stay there, and with firstPass none.");
  }
#ifdef MADV_HUGEPAGE
  (void)madvise(data_, bytes, MADV_HUGEPAGE);  // it is advice
#endif
}

LargeMemory::~LargeMemory() {
  if (bytes_ > 0) munmap(data_, bytes_);
}

}  // namespace moco
