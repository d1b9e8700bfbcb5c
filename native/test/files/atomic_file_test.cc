#include "core/files/atomic_file.h"

#include <doctest/doctest.h>

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

TEST_CASE("a model that does not fit on the disk is an error, not the end of the process") {
  // Every write to /dev/full fails as on a full disk. The temporary file is a link to it.
  if (!fs::exists("/dev/full")) return;
  const TemporaryFolder folder;
  const fs::path path = folder.path / "model.pth";
  const fs::path temporary = path.string() + ".tmp-" + std::to_string(getpid());
  fs::create_symlink("/dev/full", temporary);
  CHECK_THROWS_WITH_AS(writePth(path, {{"weight", at::ones({1000})}}),
                       doctest::Contains("No space left"), Error);
  CHECK_FALSE(fs::exists(path));
}
