#pragma once

#include <napi.h>

#include <cstdint>

#include "addon/pictures.h"
#include "core/run/trainer.h"

namespace moco::addon {

/// What `createTrainer` was given. The pictures are not copied yet: that is the training thread's
/// work.
struct TrainerRequest {
  PicturesView train;
  PicturesView test;
  int64_t classes;
  TrainerOptions options;  // all but the stores
};

/// @throws Napi::Error  where a property is missing or of another type
TrainerRequest trainerRequest(const Napi::Object& options);

/// Copies the pictures into stores and makes the options whole. Runs on any thread.
TrainerOptions withStores(TrainerRequest request);

}  // namespace moco::addon
