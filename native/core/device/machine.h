#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/threads.h"
#include "core/device/device.h"
#include "core/device/graphed_function.h"

namespace moco {

/// Where and how to compute, as the user has settled it.
struct ComputeSettings {
  std::string device;                       // as for resolveDevice
  std::string precision;                    // as for resolvePrecision
  std::optional<int64_t> threads = {};      // that compute on the CPU; absent: chosen
  std::optional<int64_t> dataThreads = {};  // that make views; absent: chosen by device and cores
  Arithmetic arithmetic = {};
  bool cudaGraph = true;  // on a GPU, work that repeats is recorded and replayed in one piece

  /// Calls `visit(name, value)` for every setting.
  template <class Visit>
  void each(Visit&& visit) {
    visit("device", device);
    visit("precision", precision);
    visit("threads", threads);
    visit("dataThreads", dataThreads);
    arithmetic.each(visit);
    visit("cudaGraph", cudaGraph);
  }
};

/// What these settings come to on this machine.
struct Machine {
  at::Device device;
  Precision precision;
  Threads computeThreads = {1, ""};  // on the CPU
  int64_t dataThreads;               // that make views
  MakeRecorder recorders;            // of work that repeats; empty: nothing is recorded
};

/// Chooses, and changes nothing.
/// @throws Error ERR_MOCO_DEVICE  where device or precision cannot be had
/// @throws Error ERR_MOCO_CONFIG  where a number of threads is not positive
Machine resolveMachine(const ComputeSettings& settings);

/// Prepares the process and the calling thread for computing as resolved: see `setUpDevice` and
/// `startThreadTeam`. PyTorch then computes with that number of threads what this thread tells it
/// to.
void setUpMachine(const Machine& machine, const ComputeSettings& settings);

}  // namespace moco
