#pragma once

#include <napi.h>

#include <cstdint>
#include <string>

#include "core/device/device.h"

namespace moco::addon {

/// The properties of `NativeDescription`.
struct Description {
  std::string device, deviceName, precision, precisionReason, viewsDevice, viewsReason;
  int64_t computeThreads, dataThreads, parameters;
};

/// @param worker  a Trainer or an Evaluator
template <class Worker>
Description descriptionOf(Worker& worker) {
  return {.device = worker.device().str(),
          .deviceName = deviceName(worker.device()),
          .precision = worker.precision().compute == at::kBFloat16 ? "bf16" : "fp32",
          .precisionReason = worker.precision().reason,
          .viewsDevice = worker.placement().viewsDevice.str(),
          .viewsReason = worker.placement().reason,
          .computeThreads = worker.computeThreads(),
          .dataThreads = worker.dataThreads(),
          .parameters = worker.parameters()};
}

Napi::Object descriptionObject(Napi::Env env, const Description& description);

}  // namespace moco::addon
