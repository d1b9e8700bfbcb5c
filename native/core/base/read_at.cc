#include "core/base/read_at.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace moco {

std::string readAt(int descriptor, int64_t offset, void* target, int64_t size) {
  auto* next = static_cast<char*>(target);
  while (size > 0) {
    const ssize_t count = pread(descriptor, next, static_cast<size_t>(size), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::strerror(errno);
    if (count == 0) return "it ends too early";
    next += count;
    offset += count;
    size -= count;
  }
  return {};
}

}  // namespace moco
