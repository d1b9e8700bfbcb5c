#pragma once

#include <cstddef>
#include <string>

namespace moco {

/// A file that appears whole or not at all. It is written under a temporary name in the same
/// folder, which no other writer has. `commit` and `commitNew` flush it to the disk, give it its
/// name, and flush the folder. A file that is destroyed before that is removed.
class AtomicFile {
 public:
  /// @param path  where the file is to appear
  /// @throws Error ERR_MOCO_OUTPUT  like every member, with the path and the system's reason
  explicit AtomicFile(std::string path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  /// Appends bytes.
  void write(const void* data, size_t size);
  /// Replaces the first `size` bytes that were written. Nothing may be appended afterwards.
  void overwriteStart(const void* data, size_t size);
  /// Makes the file appear at its path.
  /// @param previous  the path to which a file that is replaced is moved, so that there is a whole
  ///                  file under one of the two names at every moment; empty: it is not kept
  void commit(const std::string& previous = {});
  /// Makes the file appear at its path where nothing is.
  /// @throws Error ERR_MOCO_OUTPUT  also where something is there by now, which stays as it is
  void commitNew();

 private:
  void flush() const;
  void flushFolder() const;
  void renameTo(const std::string& from, const std::string& to) const;
  [[noreturn]] void fail(const std::string& action, int error) const;

  std::string path_;
  std::string temporary_;
  int descriptor_ = -1;
};

}  // namespace moco
