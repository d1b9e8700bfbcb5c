#include "core/device/machine.h"

#include <ATen/Parallel.h>

#include <thread>

#include "core/base/cores.h"
#include "core/base/error.h"
#include "core/base/thread_team.h"

namespace moco {
namespace {

void requirePositive(const char* setting, const std::optional<int64_t>& value) {
  if (!value || *value > 0) return;
  throw Error("ERR_MOCO_CONFIG",
              std::string(setting) + ": " + std::to_string(*value) + " is not positive",
              "Give a positive number, or auto.");
}

void setComputeThreads(int64_t count) {
  if (at::get_num_threads() == count) return;
  // With the number of threads, PyTorch makes a pool of one for each core, which nothing here uses,
  // and which ends the process with a signal where a thread could not be started.
  requireThreads(std::thread::hardware_concurrency());
  at::set_num_threads(static_cast<int>(count));
}

}  // namespace

Machine resolveMachine(const ComputeSettings& settings) {
  requirePositive("threads", settings.threads);
  requirePositive("dataThreads", settings.dataThreads);
  const at::Device device = resolveDevice(settings.device);
  const Cores cores = availableCores();
  return {.device = device,
          .precision = resolvePrecision(settings.precision, device, settings.arithmetic.tf32),
          .computeThreads = chooseComputeThreads(settings.threads, cores),
          .dataThreads = chooseDataThreads(settings.dataThreads, device, cores),
          .recorders = settings.cudaGraph ? graphRecorders(device) : MakeRecorder{}};
}

void setUpMachine(const Machine& machine, const ComputeSettings& settings) {
  setUpDevice(machine.device, settings.arithmetic);
  setComputeThreads(machine.computeThreads.count);
  startThreadTeam();
}

}  // namespace moco
