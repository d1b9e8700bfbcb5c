#pragma once

#include <napi.h>

#include <cstdint>

#include "core/input/image_store.h"

namespace moco::addon {

/// One split of a data set, in JavaScript's memory. The view does not keep that memory alive.
struct PicturesView {
  const uint8_t* pixels;  // count × height × width × 3
  const uint8_t* labels;  // count
  int64_t count, height, width;
};

/// The view of a `NativePictures` of src/native/input.ts.
/// @throws Napi::Error  where a property is missing or of another type
PicturesView picturesView(const Napi::Object& pictures);

/// Copies the pictures into tensors. May run on any thread.
/// @throws Error ERR_MOCO_DATA  where a label is not below `classes`
ImageStore makeStore(const PicturesView& view, int64_t classes);

}  // namespace moco::addon
