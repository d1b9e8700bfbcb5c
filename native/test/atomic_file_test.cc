#include "core/atomic_file.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "core/error.h"
#include "core/pth_writer.h"

namespace fs = std::filesystem;
using namespace moco;

namespace {

/// A folder of its own, gone at the end of the test.
struct TemporaryFolder {
  fs::path path = fs::temp_directory_path() / ("moco-test-" + std::to_string(getpid()));
  TemporaryFolder() { fs::create_directories(path); }
  ~TemporaryFolder() { fs::remove_all(path); }
};

std::string contents(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

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

TEST_CASE("a folder that is not there is named") {
  CHECK_THROWS_WITH_AS(AtomicFile("/no/such/folder/file"),
                       doctest::Contains("/no/such/folder/file: No such file"), Error);
}

TEST_CASE("a model that does not fit on the disk is an error, not the end of the process") {
  // Every write to /dev/full fails as on a full disk; a link makes it the temporary file.
  if (!fs::exists("/dev/full")) return;
  const TemporaryFolder folder;
  const fs::path path = folder.path / "model.pth";
  const fs::path temporary = path.string() + ".tmp-" + std::to_string(getpid());
  fs::create_symlink("/dev/full", temporary);
  CHECK_THROWS_WITH_AS(writePth(path, {{"weight", at::ones({1000})}}),
                       doctest::Contains("No space left"), Error);
  CHECK_FALSE(fs::exists(path));
}
