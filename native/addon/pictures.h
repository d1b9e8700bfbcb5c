#pragma once

#include <napi.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "core/input/image_store.h"

namespace moco::addon {

/// One split of a data set: labels in JavaScript's memory, pixels there or in a file. The view does
/// not keep that memory alive.
struct PicturesView {
  const uint8_t* pixels;                   // count × height × width × 3; null if they are in a file
  std::optional<PictureFile::Place> file;  // where they are then
  const uint32_t* rows;                    // count: which of the file's pictures these are
  const int32_t* labels;                   // count
  int64_t count, height, width;
};

/// The view of a `NativePictures` of src/native/input.ts.
/// @throws Napi::Error  where a property is missing or of another type
PicturesView picturesView(const Napi::Object& pictures);

/// The arrays that a view points into.
std::vector<Napi::Value> arraysOfPictures(const Napi::Object& pictures);

/// Copies pictures into tensors, or opens the file that they stay in. May run on any thread.
/// @throws Error ERR_MOCO_DATA  where a label is not below `classes`, or the file cannot be read
ImageStore makeStore(const PicturesView& view, int64_t classes);

}  // namespace moco::addon
