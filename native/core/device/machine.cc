#include "core/device/machine.h"

#include <thread>

#include "core/base/error.h"
#include "core/base/thread_team.h"
#include "core/base/threads.h"

namespace moco {
namespace {

void requirePositive(const char* setting, const std::optional<int64_t>& value) {
  if (!value || *value > 0) return;
  throw Error("ERR_MOCO_CONFIG",
              std::string(setting) + ": " + std::to_string(*value) + " is not positive",
              "Give a positive number, or auto.");
}

}  // namespace

Machine resolveMachine(const ComputeSettings& settings) {
  requirePositive("threads", settings.threads);
  requirePositive("dataThreads", settings.dataThreads);
  const at::Device device = resolveDevice(settings.device);
  return {.device = device,
          .precision = resolvePrecision(settings.precision, device, settings.arithmetic.tf32),
          .dataThreads = chooseDataThreads(settings.dataThreads, device),
          .recorders = settings.cudaGraph ? graphRecorders(device) : MakeRecorder{}};
}

int64_t setUpMachine(const Machine& machine, const ComputeSettings& settings) {
  setUpDevice(machine.device, settings.arithmetic);
  // With the number of threads, PyTorch makes a pool of one for each core, which nothing here uses,
  // and which ends the process with a signal where a thread could not be started.
  requireThreads(std::thread::hardware_concurrency());
  const int64_t threads = setComputeThreads(settings.threads);
  startThreadTeam();
  return threads;
}

}  // namespace moco
