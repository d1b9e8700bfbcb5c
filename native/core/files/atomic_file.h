#pragma once

#include <cstddef>
#include <string>

namespace moco {

/// A file that appears whole or not at all: written under a temporary name in the same folder,
/// flushed to the disk, renamed, and the folder flushed. Abandoned unless committed.
class AtomicFile {
 public:
  /// @throws Error ERR_MOCO_OUTPUT  as all members do, naming the path and the system's reason
  explicit AtomicFile(std::string path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  void write(const void* data, size_t size);
  /// Replaces the first bytes of what was written.
  void overwriteStart(const void* data, size_t size);
  /// @param previous  where to move the file that is replaced, if there is one; empty: nowhere. At
  ///                  every moment one of the two is there.
  void commit(const std::string& previous = {});

 private:
  void renameTo(const std::string& from, const std::string& to) const;
  [[noreturn]] void fail(const std::string& action, int error) const;

  std::string path_;
  std::string temporary_;
  int descriptor_ = -1;
};

}  // namespace moco
