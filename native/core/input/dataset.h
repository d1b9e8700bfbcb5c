#pragma once

#include <optional>

#include "core/input/image_store.h"

namespace moco {

/// A data set in its splits, with what its pictures are normalised by and what an evaluation sees
/// of them.
struct Dataset {
  ImageStore train;
  ImageStore test;
  Normalisation normalisation;
  std::optional<ImageStore> validation = {};  // none of them in `train`
  double cropShare =
      1;  // side of the centred square that is evaluated, as a share of the picture's
};

}  // namespace moco
