#pragma once

#include <napi.h>

#include <cstdint>
#include <initializer_list>

#include "core/input/image_store.h"

namespace moco::addon {

/// One split of a data set in JavaScript's memory, which must stay alive while this is used.
struct PicturesView {
  const uint8_t* pixels;  // count × height × width × 3
  const uint8_t* labels;  // count
  int64_t count, height, width;
};

/// A `NativePictures`.
/// @throws Napi::Error  where a property is missing or of another type
PicturesView picturesView(const Napi::Object& pictures);

/// Copies the pictures. Runs on any thread.
ImageStore makeStore(const PicturesView& view, int64_t classes);

/// The arrays that the views of these splits point into, to be kept from collection.
Napi::Array arraysOf(const Napi::Object& options, std::initializer_list<const char*> splits);

/// The properties `mean` and `std`.
Normalisation normalisation(const Napi::Object& options);

}  // namespace moco::addon
