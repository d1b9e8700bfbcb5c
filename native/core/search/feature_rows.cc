#include "core/search/feature_rows.h"

#include <c10/util/Half.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/base/error.h"
#include "core/files/crc32.h"

namespace moco {
namespace {

struct timespec writtenAt(const struct stat& status) {
#ifdef __APPLE__
  return status.st_mtimespec;
#else
  return status.st_mtim;
#endif
}

bool isEqual(const struct timespec& a, const struct timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

}  // namespace

FeatureRows::FeatureRows(int64_t count, int64_t dims) : count_(count), dims_(dims) {
  memory_.emplace(bytes());
  rows_ = static_cast<char*>(memory_->data());
}

FeatureRows::FeatureRows(const Place& place)
    : count_(place.count),
      dims_(place.dims),
      isHalf_(place.isHalf),
      path_(place.path),
      checksum_(place.crc32) {
  descriptor_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0 && (errno == EMFILE || errno == ENFILE)) {
    throw Error("ERR_MOCO_LIMIT", "cannot read " + path_ + ": " + std::strerror(errno),
                "Raise the limit on open files (`ulimit -n`), or close some.");
  }
  if (descriptor_ < 0) fail(std::strerror(errno));
  try {
    openFile(place);
  } catch (...) {
    close(descriptor_);
    throw;
  }
}

void FeatureRows::openFile(const Place& place) {
  struct stat status{};
  if (fstat(descriptor_, &status) != 0) fail(std::strerror(errno));
  size_ = status.st_size;
  written_ = writtenAt(status);
  if (size_ < place.offset + bytes()) fail("it is shorter than its header says");
  if (place.offset % (isHalf_ ? 2 : 4) != 0) fail("its features do not begin at a whole number");
  if (bytes() == 0) return;
  const int64_t within = place.offset % sysconf(_SC_PAGESIZE);
  mappedBytes_ = bytes() + within;
  mapping_ = mmap(nullptr, mappedBytes_, PROT_READ, MAP_SHARED, descriptor_, place.offset - within);
  if (mapping_ == MAP_FAILED) fail(std::strerror(errno));
  rows_ = static_cast<char*>(mapping_) + within;
}

FeatureRows::~FeatureRows() {
  if (mappedBytes_ > 0) munmap(mapping_, mappedBytes_);
  if (isMapped()) close(descriptor_);
}

void FeatureRows::fill(int64_t first, const float* values, int64_t count) {
  const auto* const bytes = reinterpret_cast<const char*>(values);  // null where there are none
  std::copy_n(bytes, count * rowBytes(), rows_ + first * rowBytes());
}

void FeatureRows::read(int64_t number, float* target) const {
  if (isHalf_) {
    const auto* const numbers = static_cast<const c10::Half*>(row(number));
    std::copy(numbers, numbers + dims_, target);
  } else {
    std::memcpy(target, row(number), rowBytes());
  }
}

void FeatureRows::requireUnchanged() const {
  if (!isMapped()) return;
  struct stat status{};
  if (fstat(descriptor_, &status) != 0) fail(std::strerror(errno));
  if (status.st_size < size_) fail("it has become shorter since it was opened");
  if (status.st_size != size_ || !isEqual(writtenAt(status), written_)) {
    fail("it was written to since it was opened");
  }
}

void FeatureRows::requireChecksum(const std::function<bool()>& stop) const {
  constexpr int64_t kBytesAtOnce = int64_t{1} << 24;
  if (!checksum_) return;
  uint32_t found = 0;
  for (int64_t begin = 0; begin < bytes(); begin += kBytesAtOnce) {
    if (stop()) throw Error("ERR_MOCO_ABORTED", "the index was stopped", "Start it again.");
    found = moco::crc32(rows_ + begin, std::min(kBytesAtOnce, bytes() - begin), found);
  }
  if (found != *checksum_) fail("they are damaged: the checksum is wrong");
}

void FeatureRows::fail(const std::string& reason) const {
  throw Error("ERR_MOCO_DATA", "cannot read the features in " + path_ + ": " + reason,
              "Write the file anew (`moco embed`, or `NeighbourIndex.save`), and load it again.");
}

}  // namespace moco
