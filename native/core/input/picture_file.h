#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace moco {

/// Pictures that stay in a file: their pixels, one picture after the other without gaps.
///
/// They are read where they are needed and not mapped into memory. A mapped file that gets shorter,
/// or whose disk fails, ends the process with a signal, and its pages count as the process's own
/// memory; a read returns an error instead, and costs less than a hundredth of a view.
class PictureFile {
 public:
  /// Where the pictures lie.
  struct Place {
    std::string path;
    int64_t offset;        // of the first picture's first byte
    int64_t pictureBytes;  // of one picture
    int64_t pictures;      // that the file has
  };

  /// Opens the file.
  /// @param rows  which of the file's pictures these are, in their order: numbers below
  ///              `place.pictures`
  /// @throws Error ERR_MOCO_DATA   if it cannot be opened, is shorter than it should be, or a row
  ///                               is not in it
  /// @throws Error ERR_MOCO_LIMIT  if too many files are open
  PictureFile(Place place, std::vector<uint32_t> rows);
  PictureFile(const PictureFile&) = delete;
  PictureFile& operator=(const PictureFile&) = delete;
  ~PictureFile();

  /// Number of the pictures.
  int64_t count() const { return static_cast<int64_t>(rows_.size()); }

  /// Reads pictures. Any number of threads may read at once.
  /// @param numbers  which of the pictures, `count` numbers below `count()`
  /// @param target   `count` pictures
  /// @throws Error ERR_MOCO_DATA  if the file cannot be read any more
  void read(const int64_t* numbers, int64_t count, uint8_t* target) const;

  /// Has the system fetch pictures that will be read soon, and does not wait for them.
  void prefetch(const int64_t* numbers, int64_t count) const;

 private:
  int64_t offsetOf(int64_t number) const {
    return place_.offset + int64_t{rows_[number]} * place_.pictureBytes;
  }
  [[noreturn]] void fail(const std::string& reason) const;

  Place place_;
  std::vector<uint32_t> rows_;
  int descriptor_;
};

}  // namespace moco
