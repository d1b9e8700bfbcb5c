#pragma once

#include <napi.h>

#include "core/trainer.h"

namespace moco::addon {

/// One split of a data set in JavaScript's memory, which must stay alive while this is used.
struct PicturesView {
  const uint8_t* pixels;  // count × 3 × height × width
  const uint8_t* labels;  // count
  int64_t count, height, width;
};

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

/// The arrays that a request points into, to be kept from collection.
Napi::Array bytesOf(const Napi::Object& options);

/// Copies the pictures into stores and makes the options whole. Runs on any thread.
TrainerOptions withStores(TrainerRequest request);

/// The properties of `NativeTrainerDescription`.
struct TrainerDescription {
  std::string device, deviceName, precision, precisionReason;
  int64_t computeThreads, dataThreads, parameters, stepsPerEpoch;
};
TrainerDescription describe(Trainer& trainer);
Napi::Object descriptionObject(Napi::Env env, const TrainerDescription& description);

}  // namespace moco::addon
