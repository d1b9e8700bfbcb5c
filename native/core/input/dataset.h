#pragma once

#include <optional>

#include "core/input/image_store.h"

namespace moco {

/// A data set in its splits, with what its pictures are normalised by.
struct Dataset {
  ImageStore train;
  ImageStore test;
  Normalisation normalisation;
  std::optional<ImageStore> validation = {};  // none of them in `train`
};

}  // namespace moco
