#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace moco {

/// A new folder, which is removed with its files at the end of the test.
struct TemporaryFolder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("moco-test-" + std::to_string(getpid()));
  TemporaryFolder() { std::filesystem::create_directories(path); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    // The libtorch.so of some CUDA builds (2.11.0) has a remove_all of its own, which crashes.
    std::vector<std::filesystem::path> entries{path};
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
      entries.push_back(entry.path());  // after the folder that it is in
    }
    for (; !entries.empty(); entries.pop_back()) std::filesystem::remove(entries.back());
  }
};

/// Writes a text file and the folders that it is in.
inline void writeFile(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

/// All bytes of a file.
inline std::string contents(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace moco
