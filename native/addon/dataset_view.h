#pragma once

#include <napi.h>

#include <cstdint>
#include <optional>

#include "addon/pictures.h"
#include "core/input/dataset.h"

namespace moco::addon {

/// A data set whose pictures lie in JavaScript's memory. The view does not keep them alive: its
/// user keeps the arrays that `arraysOf` lists.
struct DatasetView {
  PicturesView train;
  PicturesView test;
  std::optional<PicturesView> validation;
  int64_t classes;
  Normalisation normalisation;
  double cropShare;
};

/// The view of a `NativeDataset` of src/native/input.ts.
/// @throws Napi::Error  where a property is missing or of another type
DatasetView datasetView(const Napi::Object& dataset);

/// The arrays that a data set's view points into. Whoever holds this array keeps them from being
/// collected.
Napi::Array arraysOf(const Napi::Object& dataset);

/// Copies the pictures into tensors. May run on any thread.
Dataset copyDataset(const DatasetView& view);

}  // namespace moco::addon
