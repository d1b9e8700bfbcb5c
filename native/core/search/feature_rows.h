#pragma once

#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <functional>
#include <optional>
#include <string>

#include "core/search/large_memory.h"

namespace moco {

/// Rows of features, all of one length: in memory as fp32, or in a file that is mapped into memory,
/// as fp32 or fp16.
///
/// Pages of a mapped file are the system's to keep or to drop: a bank that is larger than the
/// memory works, and several processes share one copy. What is not to be had with it is an error
/// for a file that is cut while a search reads it, or whose disk fails: the system ends the
/// process. So `requireUnchanged` is called before each search; and our own files appear by a
/// rename and are never changed in place.
class FeatureRows {
 public:
  /// Where rows lie in a file, one after the other without gaps.
  struct Place {
    std::string path;
    int64_t offset;  // of the first row's first byte, a multiple of a number's size
    bool isHalf;     // fp16, else fp32
    int64_t count;
    int64_t dims;
    std::optional<uint32_t> crc32 = {};  // of all their bytes, where it is to be compared
  };

  /// Rows in memory that is to be filled.
  /// @throws Error ERR_MOCO_OUT_OF_MEMORY  if there is not so much
  FeatureRows(int64_t count, int64_t dims);

  /// Maps a file.
  /// @throws Error ERR_MOCO_DATA   if it cannot be opened or mapped, or is shorter than it should
  /// be
  /// @throws Error ERR_MOCO_LIMIT  if too many files are open
  explicit FeatureRows(const Place& place);

  FeatureRows(const FeatureRows&) = delete;
  FeatureRows& operator=(const FeatureRows&) = delete;
  ~FeatureRows();

  int64_t count() const { return count_; }
  int64_t dims() const { return dims_; }
  bool isHalf() const { return isHalf_; }
  bool isMapped() const { return descriptor_ >= 0; }
  int64_t bytes() const { return count_ * rowBytes(); }

  /// The first number of a row; the rows after it follow without a gap. They are fp16 where
  /// `isHalf()`, else fp32.
  const void* row(int64_t number) const { return rows_ + number * rowBytes(); }

  /// Copies rows that are fp32 to where they are to lie. Only for rows in memory.
  /// @param first  number of the first of them; all must be below `count()`
  void fill(int64_t first, const float* values, int64_t count);

  /// A row as fp32.
  void read(int64_t number, float* target) const;

  /// Makes sure that the mapped file is as long as when it was opened and was not written to.
  /// @throws Error ERR_MOCO_DATA  otherwise
  void requireUnchanged() const;

  /// Makes sure that the bytes have the checksum that `Place` says, where it says one.
  /// @param stop  whether to end soon; any thread may ask
  /// @throws Error ERR_MOCO_DATA     otherwise
  /// @throws Error ERR_MOCO_ABORTED  soon after it was asked to stop
  void requireChecksum(const std::function<bool()>& stop) const;

 private:
  int64_t rowBytes() const { return dims_ * (isHalf_ ? 2 : 4); }
  void openFile(const Place& place);
  [[noreturn]] void fail(const std::string& reason) const;

  int64_t count_, dims_;
  bool isHalf_ = false;
  std::string path_;
  int descriptor_ = -1;  // of the mapped file
  off_t size_ = 0;       // of that file when it was opened
  struct timespec written_{};
  std::optional<uint32_t> checksum_;
  std::optional<LargeMemory> memory_;  // where the rows are not in a file
  void* mapping_ = nullptr;            // of the file
  size_t mappedBytes_ = 0;
  char* rows_ = nullptr;
};

}  // namespace moco
