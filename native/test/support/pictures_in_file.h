#pragma once

#include <ATen/ATen.h>

#include <fstream>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "core/input/image_store.h"
#include "support/temporary_folder.h"

namespace moco {

/// A store whose pictures lie in a file, backwards and after some bytes of something else.
struct PicturesInFile {
  TemporaryFolder folder;
  std::string path = folder.path / "pictures";
  ImageStore store;

  /// @param pixels  (N, S, S, 3) uint8
  explicit PicturesInFile(const at::Tensor& pixels) {
    constexpr int64_t kBefore = 7;
    const auto backwards = pixels.flip(0).contiguous();
    std::ofstream file(path, std::ios::binary);
    file << std::string(kBefore, 'x');
    file.write(reinterpret_cast<const char*>(backwards.const_data_ptr<uint8_t>()),
               backwards.numel());
    file.close();
    const int64_t count = pixels.size(0);
    std::vector<uint32_t> rows(count);
    std::iota(rows.rbegin(), rows.rend(), 0);
    const PictureFile::Place place{path, kBefore, pixels[0].numel(), count};
    const std::vector<int32_t> labels(count, 0);
    store = makeImageStore(std::make_shared<PictureFile>(place, rows), pixels.size(1),
                           labels.data(), 1);
  }
};

}  // namespace moco
