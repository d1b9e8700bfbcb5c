#include "core/files/atomic_file.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/base/error.h"
#include "core/files/pth_writer.h"
#include "support/temporary_folder.h"

namespace fs = std::filesystem;
using namespace moco;

namespace {

size_t filesIn(const fs::path& path) {
  return std::distance(fs::directory_iterator(path), fs::directory_iterator());
}

/// While it is there, writing fails behind so many bytes of a file, as on a disk that is full.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  // The signal would end the process before `write` could say what is wrong.
  void (*handler_)(int) = std::signal(SIGXFSZ, SIG_IGN);
};

}  // namespace

TEST_CASE("a file appears when it is committed, and replaces what was there") {
  const TemporaryFolder folder;
  const fs::path path = folder.path / "file";
  std::ofstream(path) << "old";
  AtomicFile file(path);
  file.write("new", 3);
  CHECK(contents(path) == "old");
  file.commit();
  CHECK(contents(path) == "new");
  CHECK(filesIn(folder.path) == 1);
}

TEST_CASE("a file that is not committed leaves nothing behind") {
  const TemporaryFolder folder;
  const fs::path path = folder.path / "file";
  std::ofstream(path) << "old";
  {
    AtomicFile(path).write("new", 3);
  }
  CHECK(contents(path) == "old");
  CHECK(filesIn(folder.path) == 1);
}

TEST_CASE("a file that is replaced is kept under another name if one is given") {
  const TemporaryFolder folder;
  const fs::path path = folder.path / "file";
  const fs::path previous = folder.path / "previous";
  const auto write = [&](const std::string& text) {
    AtomicFile file(path);
    file.write("...", 3);
    file.overwriteStart(text.data(), text.size());
    file.commit(previous);
  };
  write("1");
  CHECK(contents(path) == "1..");
  CHECK_FALSE(fs::exists(previous));
  write("2");
  write("3");
  CHECK(contents(path) == "3..");
  CHECK(contents(previous) == "2..");
  CHECK(filesIn(folder.path) == 2);
}

TEST_CASE("a folder that is not there is named") {
  CHECK_THROWS_WITH_AS(AtomicFile("/no/such/folder/file"),
                       doctest::Contains("/no/such/folder/file: No such file"), Error);
}

TEST_CASE("several writers of one file do not meet: the last one that is done stays, whole") {
  const TemporaryFolder folder;
  const fs::path path = folder.path / "file";
  AtomicFile one(path);
  AtomicFile other(path);
  one.write("on", 2);
  other.write("other", 5);
  one.write("e", 1);
  one.commit();
  CHECK(contents(path) == "one");
  other.commit();
  CHECK(contents(path) == "other");
  CHECK(filesIn(folder.path) == 1);
}

TEST_CASE("a new file does not replace one that appeared meanwhile") {
  const TemporaryFolder folder;
  const fs::path path = folder.path / "file";
  {
    AtomicFile one(path);
    AtomicFile other(path);
    one.write("one", 3);
    other.write("other", 5);
    one.commitNew();
    CHECK_THROWS_WITH_AS(other.commitNew(), doctest::Contains("exists already"), Error);
  }
  CHECK(contents(path) == "one");
  CHECK(filesIn(folder.path) == 1);
}

TEST_CASE("a model that does not fit on the disk is an error, not the end of the process") {
  const TemporaryFolder folder;
  const fs::path path = folder.path / "model.pth";
  const FileSizeLimit limit(1000);
  {
    AtomicFile file(path);
    CHECK_THROWS_WITH_AS(writePth(file, {{"weight", at::ones({1000})}}),
                         doctest::Contains("File too large"), Error);
  }
  CHECK(filesIn(folder.path) == 0);
}
