#include "core/input/picture_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/base/error.h"
#include "core/base/read_at.h"

namespace moco {

PictureFile::PictureFile(Place place, std::vector<uint32_t> rows)
    : place_(std::move(place)),
      rows_(std::move(rows)),
      descriptor_(open(place_.path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (descriptor_ < 0 && (errno == EMFILE || errno == ENFILE)) {
    throw Error("ERR_MOCO_LIMIT", "cannot read " + place_.path + ": " + std::strerror(errno),
                "Raise the limit on open files (`ulimit -n`), or close some.");
  }
  if (descriptor_ < 0) fail(std::strerror(errno));
  try {
    struct stat status{};
    if (fstat(descriptor_, &status) != 0) fail(std::strerror(errno));
    if (status.st_size < place_.offset + place_.pictures * place_.pictureBytes) {
      fail("it is shorter than its header says");
    }
    const auto outside = [&](uint32_t row) { return row >= place_.pictures; };
    if (std::any_of(rows_.begin(), rows_.end(), outside)) fail("it has no picture of that number");
  } catch (...) {
    close(descriptor_);
    throw;
  }
}

PictureFile::~PictureFile() { close(descriptor_); }

void PictureFile::read(const int64_t* numbers, int64_t count, uint8_t* target) const {
  for (int64_t i = 0; i < count; ++i) {
    const std::string failure = readAt(descriptor_, offsetOf(numbers[i]),
                                       target + i * place_.pictureBytes, place_.pictureBytes);
    if (!failure.empty()) fail(failure);
  }
}

void PictureFile::prefetch(const int64_t* numbers, int64_t count) const {
#ifdef POSIX_FADV_WILLNEED
  for (int64_t i = 0; i < count; ++i) {
    // It is advice: where the system does not take it, the read waits for the disk.
    (void)posix_fadvise(descriptor_, offsetOf(numbers[i]), place_.pictureBytes,
                        POSIX_FADV_WILLNEED);
  }
#else
  (void)numbers;
  (void)count;
#endif
}

void PictureFile::fail(const std::string& reason) const {
  throw Error("ERR_MOCO_DATA", "cannot read the pictures in " + place_.path + ": " + reason,
              "Check the disk; `moco data check` tells whether the file is whole, and `moco data "
              "pack` makes it anew.");
}

}  // namespace moco
