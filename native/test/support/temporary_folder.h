#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

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
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      std::filesystem::remove(entry.path());
    }
    std::filesystem::remove(path);
  }
};

/// All bytes of a file.
inline std::string contents(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace moco
